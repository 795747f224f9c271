/*
 * common/base/sse.c - cuts an event stream into events and reads their fields.
 *
 * Two passes over each byte: one that finds the blank line, which keeps its place between pieces,
 * and one over the finished event.
 */
#include "common/base/sse.h"

#include <string.h>

#include "common/base/mem.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const char bom[] = "\xef\xbb\xbf";
enum { BOM_LEN = 3 };

/* Memory that an unusually large event needed is given back. */
static const size_t keep_max = 64 * KIB;

void sse_reader_init(struct sse_reader *r, size_t event_max)
{
	*r = (struct sse_reader){ .event_max = event_max, .at_line_start = true };
	/* Over event_max may stand the LF of the event before and the LF of the last CRLF. */
	buf_init(&r->held, event_max + 2);
	buf_init(&r->joined, event_max + 2);
}

void sse_reader_free(struct sse_reader *r)
{
	buf_free(&r->held);
	buf_free(&r->joined);
}

void sse_reader_feed(struct sse_reader *r, struct span piece)
{
	r->input = piece;
}

static void empty(struct buf *b)
{
	if (b->capacity > keep_max)
		buf_free(b);
	else
		buf_clear(b);
}

static const char *find_line_end(const char *p, const char *end)
{
#ifdef __SSE2__
	for (; end - p >= 16; p += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n')),
					   _mm_cmpeq_epi8(x, _mm_set1_epi8('\r')));
		unsigned mask = (unsigned)_mm_movemask_epi8(hit);
		if (mask)
			return p + __builtin_ctz(mask);
	}
#endif
	while (p < end && *p != '\n' && *p != '\r')
		p++;
	return p;
}

/* p: at a CR or LF.  Past the line end; *after_cr is set when an LF may still belong to it. */
static const char *skip_line_end(const char *p, const char *end, bool *after_cr)
{
	bool is_cr = *p++ == '\r';

	if (is_cr && p < end && *p == '\n')
		p++;
	else
		*after_cr = is_cr && p == end;
	return p;
}

/* The length of input up to and with the blank line; 0 when there is none yet. */
static size_t find_event_end(struct sse_reader *r)
{
	const char *start = r->input.ptr, *end = start + r->input.len, *p = start;

	if (r->after_cr && *p == '\n') {
		p++;
		if (r->held.len == 0)
			r->lead = 1;
	}
	r->after_cr = false;
	while (p < end) {
		const char *line_end = find_line_end(p, end);
		bool is_blank = r->at_line_start && line_end == p;
		r->at_line_start = line_end < end;
		if (line_end == end)
			return 0;
		p = skip_line_end(line_end, end, &r->after_cr);
		if (is_blank)
			return (size_t)(p - start);
	}
	return 0;
}

/* What looked like a byte order mark and is none goes before the rest of its event. */
static void skip_bom(struct sse_reader *r)
{
	while (!r->started && r->input.len > 0) {
		if (r->input.ptr[0] == bom[r->bom]) {
			r->input = span_from(r->input, 1);
			r->started = ++r->bom == BOM_LEN;
			continue;
		}
		r->started = true;
		if (r->bom > 0) {
			buf_add(&r->held, bom, r->bom);
			r->at_line_start = false;
		}
	}
}

static void read_data(struct sse_reader *r, struct span value, size_t lines, struct span *data)
{
	if (lines == 0) {
		*data = value;
		return;
	}
	if (lines == 1)
		buf_add_span(&r->joined, *data);
	buf_add_char(&r->joined, '\n');
	buf_add_span(&r->joined, value);
}

/* Returns the number of data lines in it: 0 or 1. */
static size_t read_line(struct sse_reader *r, struct span line, size_t lines, struct sse_event *event)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	struct span name = colon ? span_of(line.ptr, (size_t)(colon - line.ptr)) : line;
	struct span value = span_of(line.ptr + line.len, 0);

	if (colon) {
		value = span_of(colon + 1, line.len - name.len - 1);
		if (value.len > 0 && value.ptr[0] == ' ')
			value = span_of(value.ptr + 1, value.len - 1);
	}
	if (span_is(name, "data")) {
		read_data(r, value, lines, &event->data);
		return 1;
	}
	if (span_is(name, "event"))
		event->type = value;
	else if (span_is(name, "id") && !memchr(value.ptr, '\0', value.len))
		event->id = value;
	return 0;
}

static void read_event(struct sse_reader *r, struct span raw, struct sse_event *event)
{
	const char *p = raw.ptr, *end = raw.ptr + raw.len;
	size_t lines = 0;
	bool ignored;

	*event = (struct sse_event){ .raw = raw };
	while (p < end) {
		const char *line_end = find_line_end(p, end);
		if (line_end > p && *p != ':')
			lines += read_line(r, span_of(p, (size_t)(line_end - p)), lines, event);
		p = skip_line_end(line_end, end, &ignored);
	}
	if (lines > 1)
		event->data = buf_span(&r->joined);
}

static int refuse(struct sse_reader *r, struct err *err)
{
	r->failed = true;
	return err_set(err, E_upstream_error, "", "an event of the stream is larger than %zu bytes",
		       r->event_max);
}

int sse_reader_next(struct sse_reader *r, struct sse_event *event, struct err *err)
{
	if (r->joined.len > 0)
		empty(&r->joined);
	if (r->in_held) {
		empty(&r->held);
		r->in_held = false;
	}
	if (r->failed)
		return refuse(r, err);
	skip_bom(r);
	if (r->input.len == 0)
		return 0;

	size_t end = find_event_end(r), len = end > 0 ? end : r->input.len;
	struct span piece = span_of(r->input.ptr, len);
	size_t size = r->held.len + len - r->lead;
	if (end > 0 && span_ends(piece, "\r\n"))
		size--;
	if (size > r->event_max)
		return refuse(r, err);
	r->input = span_from(r->input, len);
	if (r->held.len > 0 || end == 0) {
		if (buf_add_span(&r->held, piece) < 0)
			return refuse(r, err);
		piece = buf_span(&r->held);
	}
	if (end == 0)
		return 0;
	r->in_held = r->held.len > 0;
	r->lead = 0;
	read_event(r, piece, event);
	return 1;
}

bool sse_reader_is_mid_event(const struct sse_reader *r)
{
	bool in_bom = !r->started && r->bom > 0;
	bool has_held = !r->in_held && r->held.len > r->lead;

	return in_bom || has_held || r->input.len > 0;
}

bool sse_reader_is_between(const struct sse_reader *r)
{
	return r->started && r->at_line_start && !r->after_cr && !r->failed &&
	       !sse_reader_is_mid_event(r);
}

int sse_write_data(struct buf *out, struct span data)
{
	const char *p = data.len > 0 ? data.ptr : "", *end = p + data.len;
	bool after_cr = false;

	for (;;) {
		const char *line_end = find_line_end(p, end);
		if (buf_add(out, "data: ", 6) < 0 || buf_add(out, p, (size_t)(line_end - p)) < 0 ||
		    buf_add_char(out, '\n') < 0)
			return -1;
		if (line_end == end)
			return buf_add_char(out, '\n');
		p = skip_line_end(line_end, end, &after_cr);
	}
}
