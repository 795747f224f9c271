/*
 * tests/fuzz/fuzz_sse.c - any bytes as an event stream, in pieces of any size.
 *
 * The first byte chooses the limit, the next four the sizes of the pieces, which repeat.  Whole, in
 * those pieces and byte by byte the events are the same, the raws are the stream, and all agrees
 * with a slow reader written straight from the standard's words.
 */
#include "common/base/sse.h"

#include "common/base/mem.h"
#include "tests/fuzz/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct buf events, raw;
	bool failed, mid_event;
};

static void init_outcome(struct outcome *o)
{
	*o = (struct outcome){ .failed = false };
	buf_init(&o->events, 1 * MIB);
	buf_init(&o->raw, 1 * MIB);
}

static void free_outcome(struct outcome *o)
{
	buf_free(&o->events);
	buf_free(&o->raw);
}

/* Lengths make the note unambiguous. */
static void note(struct outcome *o, struct span type, struct span id, struct span data)
{
	buf_printf(&o->events, "%zu,%zu,%zu:", type.len, id.len, data.len);
	buf_add_span(&o->events, type);
	buf_add_span(&o->events, id);
	buf_add_span(&o->events, data);
}

static const uint8_t ones[] = { 1, 1, 1, 1 };

static void read_pieces(struct outcome *o, struct span stream, size_t event_max, const uint8_t *sizes)
{
	struct sse_reader r;
	struct sse_event event;
	struct err err = ERR_INIT;
	size_t turn = 0;

	/* Sizes of nothing but 0 would never end. */
	if (sizes && !(sizes[0] | sizes[1] | sizes[2] | sizes[3]))
		sizes = ones;
	init_outcome(o);
	sse_reader_init(&r, event_max);
	while (stream.len > 0 && !o->failed) {
		size_t len = sizes ? sizes[turn++ % 4] : stream.len;
		int result;
		len = len < stream.len ? len : stream.len;
		char *copy = mem_alloc(len + 1);
		memcpy(copy, stream.ptr, len);
		sse_reader_feed(&r, span_of(copy, len));
		while ((result = sse_reader_next(&r, &event, &err)) > 0) {
			buf_add_span(&o->raw, event.raw);
			must(event.raw.len <= event_max + 2);
			if (event.data.ptr)
				note(o, event.type, event.id, event.data);
		}
		o->failed = result < 0;
		stream = span_of(stream.ptr + len, stream.len - len);
		mem_free(copy);
	}
	must(o->failed == (err.code == E_upstream_error));
	o->mid_event = sse_reader_is_mid_event(&r);
	sse_reader_free(&r);
}

/* One field of the slow reader; the standard's "process the field". */
static void slow_field(struct span line, struct buf *data, bool *has_data, struct span *type, struct span *id)
{
	struct span value = line, name = span_cut(&value, ':');

	if (line.len > 0 && line.ptr[0] == ':')
		return;
	if (span_starts(value, " "))
		value = span_from(value, 1);
	if (span_is(name, "data")) {
		buf_add_span(data, value);
		buf_add_char(data, '\n');
		*has_data = true;
	} else if (span_is(name, "event")) {
		*type = value;
	} else if (span_is(name, "id") && span_find(value, span_of("", 1)) < 0) {
		*id = value;
	}
}

static void read_slowly(struct outcome *o, struct span stream)
{
	struct span type = SPAN_NONE, id = SPAN_NONE;
	struct buf data;
	bool has_data = false;

	init_outcome(o);
	buf_init(&data, 1 * MIB);
	if (span_starts(stream, "\xef\xbb\xbf"))
		stream = span_from(stream, 3);
	for (size_t i = 0, start = 0; i < stream.len; i++) {
		char c = stream.ptr[i];
		if (c != '\r' && c != '\n')
			continue;
		if (i > start) {
			slow_field(span_of(stream.ptr + start, i - start), &data, &has_data, &type, &id);
		} else {
			if (has_data)
				note(o, type, id, span_of(buf_str(&data), data.len - 1));
			buf_clear(&data);
			has_data = false;
			type = id = SPAN_NONE;
		}
		if (c == '\r' && i + 1 < stream.len && stream.ptr[i + 1] == '\n')
			i++;
		start = i + 1;
	}
	buf_free(&data);
}

static void check_raw(const struct outcome *o, struct span stream)
{
	struct span raw = buf_span(&o->raw);

	if (span_starts(stream, "\xef\xbb\xbf"))
		stream = span_from(stream, 3);
	must(raw.len <= stream.len && span_equal(raw, span_of(stream.ptr, raw.len)));
	/* But for the LF of a last CRLF nothing is missing when no event is. */
	struct span rest = span_from(stream, raw.len);
	if (!o->failed && !o->mid_event)
		must(rest.len == 0 || (span_is(rest, "\n") && span_ends(raw, "\r")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, cut, dripped, slow;

	if (size < 5)
		return 0;
	size_t event_max = data[0] < 128 ? (size_t)data[0] + 1 : 64 * KIB;
	struct span stream = span_of((const char *)data + 5, size - 5);
	read_pieces(&whole, stream, event_max, NULL);
	read_pieces(&cut, stream, event_max, data + 1);
	read_pieces(&dripped, stream, event_max, ones);
	read_slowly(&slow, stream);
	must(whole.failed == cut.failed && whole.failed == dripped.failed);
	must(span_equal(buf_span(&whole.events), buf_span(&cut.events)));
	must(span_equal(buf_span(&whole.events), buf_span(&dripped.events)));
	if (!whole.failed) {
		must(span_equal(buf_span(&whole.events), buf_span(&slow.events)));
		must(whole.mid_event == cut.mid_event && whole.mid_event == dripped.mid_event);
	}
	check_raw(&whole, stream);
	check_raw(&cut, stream);
	check_raw(&dripped, stream);
	free_outcome(&whole);
	free_outcome(&cut);
	free_outcome(&dripped);
	free_outcome(&slow);
	return 0;
}
