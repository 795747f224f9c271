/*
 * tests/fuzz/fuzz_cut.c - any text with any marks, right or not, cut in pieces.
 *
 * The first byte chooses options and language, the second says how many marks follow, four bytes
 * each; the rest is the text (what is no UTF-8 becomes a mark of replacement).  The pieces cover
 * it without a hole, none is too long, none begins inside a character.
 */
#include "common/rag/cut.h"
#include "tests/fuzz/must.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MARK_BYTES = 4 };

static void add_text(struct buf *out, struct span bytes)
{
	while (bytes.len > 0) {
		size_t len;
		uint32_t c = utf8_next(bytes, &len);

		utf8_add(out, c);
		bytes = span_from(bytes, len);
	}
}

static size_t add_marks(struct reading *r, const uint8_t *data, size_t size, size_t count)
{
	size_t used = 0, start = 0;

	count = count < size / MARK_BYTES ? count : size / MARK_BYTES;
	if (count == 0)
		return 0;
	r->marks = mem_calloc(count, sizeof(*r->marks));
	for (; r->mark_count < count; used += MARK_BYTES) {
		const uint8_t *at = data + used;

		start += at[1];
		r->marks[r->mark_count++] = (struct mark){ .kind = (enum mark_kind)(at[0] % 6),
							   .start = start,
							   .end = start + (size_t)at[2] * at[3],
							   .level = at[0] / 6 % 9 };
	}
	return used;
}

static void check_pieces(const struct cutting *c, const struct cut_options *o, struct span text)
{
	size_t at = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct piece *p = &c->pieces[i];

		must(p->start < p->end && p->end <= text.len);
		must(o->overlap > 0 ? p->start <= at : p->start == at);
		must(p->chars_end - p->chars_start <= o->max && p->line > 0);
		must(utf8_is_valid(span_of(text.ptr + p->start, p->end - p->start)));
		must(utf8_is_valid(p->heading) && p->heading.len <= CUT_HEADING_MAX);
		at = p->end;
	}
	must(at == text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cut_options options[] = { CUT_OPTIONS, { 32, 32, 0 }, { 40, 90, 20 } };
	struct reading r;
	struct cutting c;
	size_t used;

	if (size < 2)
		return 0;
	reading_init(&r);
	used = 2 + add_marks(&r, data + 2, size - 2, data[1] % 32);
	r.language = data[0] & 1 ? mem_strdup("c") : NULL;
	buf_init(&r.text, 4 * size + 1);
	add_text(&r.text, span_of((const char *)data + used, size - used));
	must(cut_document(&r, &options[data[0] / 2 % ARRAY_LEN(options)], &c, NULL) == 0);
	check_pieces(&c, &options[data[0] / 2 % ARRAY_LEN(options)], buf_span(&r.text));
	cutting_free(&c);
	reading_free(&r);
	return 0;
}
