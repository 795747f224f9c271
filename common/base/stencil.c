/*
 * common/base/stencil.c - see stencil.h.
 */
#include "common/base/stencil.h"

#include "common/base/jscan.h"

enum { DIGITS_MAX = 18 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Past a whole number above 0; NULL when there is none. */
static const char *skip_number(const char *p, const char *end)
{
	const char *start = p;

	if (p == end || *p == '0')
		return NULL;
	while (p < end && is_digit(*p))
		p++;
	return p > start && p - start <= DIGITS_MAX ? p : NULL;
}

/* What of a value may differ: a string's inside, a whole number's digits; else empty. */
static struct span gap_of(struct span value)
{
	const char *end = value.ptr + value.len;

	if (value.len > 2 && value.ptr[0] == '"')
		return span_of(value.ptr + 1, value.len - 2);
	if (value.len > 0 && skip_number(value.ptr, end) == end)
		return value;
	return SPAN_NONE;
}

/* The run from start on, which the given gap, or the end of the text, follows. */
static void add_run(struct stencil *s, const char *start, const char *end, struct span cut)
{
	size_t used = 0;

	for (size_t i = 0; i < s->gap_count; i++)
		used += s->runs[i];
	memcpy(s->bytes + used, start, (size_t)(end - start));
	s->runs[s->gap_count] = (uint16_t)(end - start);
	if (cut.len == 0 || cut.ptr < start || cut.ptr >= end)
		return;
	s->cut_run = s->gap_count;
	s->cut_at = (uint16_t)(cut.ptr - start);
	s->cut_len = (uint16_t)cut.len;
}

void stencil_make(struct stencil *s, struct span text, const struct span *gaps, size_t count,
		  struct span cut)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	s->is_set = text.len > 0 && text.len <= STENCIL_BYTES;
	s->gap_count = s->cut_run = s->numbers = 0;
	s->cut_at = s->cut_len = 0;
	if (!s->is_set)
		return;
	for (size_t i = 0; i < count && s->gap_count < STENCIL_GAPS; i++) {
		struct span gap = gap_of(gaps[i]);

		if (gap.len == 0)
			continue;
		add_run(s, at, gap.ptr, cut);
		if (is_digit(gaps[i].ptr[0]))
			s->numbers |= (uint8_t)(1u << s->gap_count);
		s->gap_count++;
		at = gap.ptr + gap.len;
	}
	add_run(s, at, end, cut);
}

/* Past a gap that is not empty; NULL when there is none. */
static const char *skip_gap(const struct stencil *s, size_t gap, const char *p, const char *end)
{
	const char *after;

	if (s->numbers >> gap & 1)
		return skip_number(p, end);
	after = jscan_string(p, end);
	return after && after - p > 1 ? after - 1 : NULL;
}

size_t stencil_fits(const struct stencil *s, struct span text, struct span parts[2])
{
	const char *p = text.ptr, *end = text.ptr + text.len, *cut = NULL, *run = s->bytes;

	if (!s->is_set)
		return 0;
	for (size_t i = 0;; i++) {
		size_t len = s->runs[i];

		if ((size_t)(end - p) < len || memcmp(p, run, len) != 0)
			return 0;
		if (s->cut_len > 0 && i == s->cut_run)
			cut = p + s->cut_at;
		p += len;
		run += len;
		if (i == s->gap_count)
			break;
		p = skip_gap(s, i, p, end);
		if (!p)
			return 0;
	}
	parts[0] = span_of(text.ptr, (size_t)((cut ? cut : p) - text.ptr));
	parts[1] = cut ? span_of(cut + s->cut_len, (size_t)(p - cut) - s->cut_len) : SPAN_NONE;
	return (size_t)(p - text.ptr);
}
