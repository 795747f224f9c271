/*
 * tests/fuzz/fuzz_multipart.c - any bytes as a form, in pieces of any size.
 *
 * The first byte is the length of the boundary parameter's text, which follows; the next four are
 * the sizes of the pieces, which repeat.  Whole, in those pieces and byte by byte the parts are the
 * same, and so is the verdict; a part's content ends where a search for the delimiter says.
 */
#include "common/base/multipart.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "tests/fuzz/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct buf parts;
	bool ended, failed;
};

static const uint8_t ones[] = { 1, 1, 1, 1 };

static void note_event(struct outcome *o, const struct multipart *m, enum multipart_event event, struct span data)
{
	switch (event) {
	case MULTIPART_HEAD:
		buf_printf(&o->parts, "<%zu,%zu,%zu:", m->part.name.len, m->part.filename.len, m->part.type.len);
		buf_add_span(&o->parts, m->part.name);
		buf_add_span(&o->parts, m->part.filename);
		buf_add_span(&o->parts, m->part.type);
		break;
	case MULTIPART_DATA:
		must(data.len > 0);
		buf_add_span(&o->parts, data);
		break;
	case MULTIPART_PART_END:
		buf_add_char(&o->parts, '>');
		break;
	case MULTIPART_BAD:
		o->failed = true;
		break;
	case MULTIPART_END:
		o->ended = true;
		break;
	case MULTIPART_MORE:
		break;
	}
}

static void read_pieces(struct outcome *o, struct span type, struct span form, const uint8_t *sizes)
{
	struct multipart m;
	struct err err = ERR_INIT;
	struct span piece;
	size_t turn = 0;

	*o = (struct outcome){ .failed = false };
	buf_init(&o->parts, 4 * MIB);
	if (sizes && !(sizes[0] | sizes[1] | sizes[2] | sizes[3]))
		sizes = ones;
	if (multipart_init(&m, type, &err) < 0) {
		must(span_is(span_str(err.param), "headers.content-type"));
		o->failed = true;
		return;
	}
	while (form.len > 0 && !o->failed && !o->ended) {
		size_t len = sizes ? sizes[turn++ % 4] : form.len;
		enum multipart_event event;

		len = len < form.len ? len : form.len;
		char *copy = mem_alloc(len + 1);
		memcpy(copy, form.ptr, len);
		struct span bytes = span_of(copy, len);
		do {
			event = multipart_next(&m, &bytes, &piece, &err);
			note_event(o, &m, event, piece);
		} while (event != MULTIPART_MORE && !o->failed && !o->ended);
		must(event != MULTIPART_MORE || bytes.len == 0);
		form = span_from(form, len);
		mem_free(copy);
	}
	must(m.parts <= MULTIPART_PARTS_MAX);
	must((multipart_finish(&m, NULL) == 0) == o->ended);
	must(o->failed == (err.code == E_invalid_field));
}

/* The contents of a form that is whole, by searching: heads up to a blank line, bodies up to the delimiter. */
static void check_contents(const struct outcome *o, struct span boundary, struct span form)
{
	struct buf delimiter, last;
	struct span parts = buf_span(&o->parts);

	buf_init(&delimiter, 1 * KIB);
	buf_init(&last, 1 * MIB);
	buf_add_str(&delimiter, "\r\n--");
	buf_add_span(&delimiter, boundary);
	form = span_from(form, delimiter.len - 2);
	while (!span_starts(form, "--")) {
		ptrdiff_t head = span_find(form, SPAN_LIT("\r\n\r\n"));
		must(head >= 0);
		form = span_from(form, (size_t)head + 4);
		ptrdiff_t end = span_find(form, buf_span(&delimiter));
		must(end >= 0);
		buf_clear(&last);
		buf_add_span(&last, span_of(form.ptr, (size_t)end));
		buf_add_char(&last, '>');
		ptrdiff_t found = span_find(parts, buf_span(&last));
		must(found >= 0);
		parts = span_from(parts, (size_t)found + last.len);
		form = span_from(form, (size_t)end + delimiter.len);
	}
	must(parts.len == 0);
	buf_free(&delimiter);
	buf_free(&last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut, dripped;
	struct buf type;

	if (size < 5 || size < 5u + data[0])
		return 0;
	struct span boundary = span_of((const char *)data + 1, data[0]);
	struct span form = span_of((const char *)data + 5 + data[0], size - 5 - data[0]);
	buf_init(&type, 1 * KIB);
	buf_add_str(&type, "multipart/form-data; boundary=");
	buf_add_span(&type, boundary);
	read_pieces(&whole, buf_span(&type), form, NULL);
	read_pieces(&cut, buf_span(&type), form, data + 1 + data[0]);
	read_pieces(&dripped, buf_span(&type), form, ones);
	must(whole.failed == cut.failed && whole.failed == dripped.failed);
	must(whole.ended == cut.ended && whole.ended == dripped.ended);
	must(span_equal(buf_span(&whole.parts), buf_span(&cut.parts)));
	must(span_equal(buf_span(&whole.parts), buf_span(&dripped.parts)));
	if (whole.ended && span_is(boundary, "xyz"))
		check_contents(&whole, boundary, form);
	buf_free(&type);
	buf_free(&whole.parts);
	buf_free(&cut.parts);
	buf_free(&dripped.parts);
	return 0;
}
