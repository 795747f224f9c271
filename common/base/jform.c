/*
 * common/base/jform.c - see jform.h.
 */
#include "common/base/jform.h"

#include <assert.h>
#include <string.h>

#include "common/base/jbytes.h"
#include "common/base/jstring.h"
#include "common/base/mem.h"

enum { WAITS_MAX = 63, DEPTH_MAX = 8, LESSON_MAX = 64 * KIB };
static_assert(JFORM_GAPS <= 32, "a bit for each gap");

/* Past a string's inside; NULL when it is not valid.  start: of the text. */
static inline const char *skip_inside(const char *p, const char *start, const char *end)
{
	struct jfault fault;

	if (end - p > JBYTES_STEP) {
		const char *quote = p + jbytes_first_special(p);
		if (*quote == '"')
			return quote;
	}
	p = jstring_end(p, start, end, &fault);
	return p ? p - 1 : NULL;
}

/* Past digits, of which there is at least one; else NULL. */
static inline const char *skip_digits(const char *p, const char *end)
{
	const char *start = p;

	if (end - p > JBYTES_STEP)
		p += jbytes_first_no_digit(p);
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

/* Past a number without sign and exponent, as nearly all are; NULL when there is none. */
static const char *skip_number(const char *p, const char *end)
{
	p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
	return p && p < end && *p == '.' ? skip_digits(p + 1, end) : p;
}

bool jform_fits(struct jform *f, struct span text, struct jvalue *values)
{
	const char *p = text.ptr, *const end = p + text.len, *run = f->bytes, *runs[JFORM_GAPS + 1];

	if (!f->is_set)
		return false;
	for (size_t i = 0;; i++) {
		const size_t len = f->runs[i];

		if ((size_t)(end - p) < len || memcmp(p, run, len) != 0)
			return false;
		runs[i] = p;
		p += len;
		run += len;
		if (i == f->gap_count)
			break;
		p = f->numbers >> i & 1 ? skip_number(p, end) : skip_inside(p, text.ptr, end);
		if (!p)
			return false;
	}
	if (p != end)
		return false;
	for (size_t i = 0; i < f->value_count; i++) {
		const struct jform_value *v = &f->values[i];
		const char *begin = runs[v->begin_run] + v->begin_at;

		values[i] = (struct jvalue){ .type = v->type, .is_single = v->is_single };
		if (v->type != J_NONE)
			values[i].text = span_of(begin, (size_t)(runs[v->end_run] + v->end_at - begin));
	}
	f->misses = f->waits = 0;
	return true;
}

/* What is learned, and what lies where in its text. */
struct lesson {
	struct span gaps[JFORM_GAPS];
	uint32_t numbers;
	size_t count;
	bool is_full; /* there are more */
};

static void add_gap(struct lesson *l, struct span gap, bool is_number)
{
	if (l->count == JFORM_GAPS) {
		l->is_full = true;
		return;
	}
	l->numbers |= (uint32_t)is_number << l->count;
	l->gaps[l->count++] = gap;
}

static void find_gaps(struct lesson *l, struct jvalue container, int depth) /* NOLINT(misc-no-recursion) */
{
	for (struct jwalk w = jwalk_start(container); !l->is_full && jwalk_next(&w);) {
		const struct span v = w.value.text;

		if (w.value.type == J_STRING)
			add_gap(l, span_of(v.ptr + 1, v.len - 2), false);
		else if (w.value.type == J_NUMBER && skip_number(v.ptr, v.ptr + v.len) == v.ptr + v.len)
			add_gap(l, v, true);
		else if (w.value.type == J_NUMBER || (w.value.type >= J_ARRAY && depth == DEPTH_MAX))
			l->is_full = true;
		else
			find_gaps(l, w.value, depth + 1);
	}
}

/* The runs of text between the gaps.  Whether there is room for them. */
static bool keep_runs(struct jform *f, struct span text, const struct lesson *l)
{
	const char *at = text.ptr;
	size_t used = 0;

	for (size_t i = 0; i <= l->count; i++) {
		const char *end = i < l->count ? l->gaps[i].ptr : text.ptr + text.len;
		const size_t len = (size_t)(end - at);

		if (len > JFORM_BYTES - used)
			return false;
		memcpy(f->bytes + used, at, len);
		f->runs[i] = (uint16_t)len;
		used += len;
		if (i < l->count)
			at = end + l->gaps[i].len;
	}
	f->gap_count = (uint8_t)l->count;
	f->numbers = l->numbers;
	return true;
}

/* No value begins or ends inside a gap, but one that begins or ends with a gap may be that number. */
static struct jform_value place_of(struct jvalue v, struct span text, const struct lesson *l)
{
	struct jform_value place = { .type = v.type, .is_single = v.is_single };
	const char *begin = text.ptr, *const end = v.text.ptr + v.text.len;

	for (size_t i = 0; v.type != J_NONE && i <= l->count; i++) {
		if (begin <= v.text.ptr) {
			place.begin_run = (uint8_t)i;
			place.begin_at = (uint16_t)(v.text.ptr - begin);
		}
		if (begin <= end) {
			place.end_run = (uint8_t)i;
			place.end_at = (uint16_t)(end - begin);
		}
		if (i < l->count)
			begin = l->gaps[i].ptr + l->gaps[i].len;
	}
	return place;
}

void jform_learn(struct jform *f, struct span text, const struct jvalue *values, size_t count)
{
	const struct span whole = span_strip(text);
	struct lesson l;

	assert(count <= JFORM_VALUES);
	if (f->waits > 0) {
		f->waits--;
		return;
	}
	f->waits = f->misses;
	f->misses = f->misses < WAITS_MAX ? (uint8_t)(2 * f->misses + 1) : WAITS_MAX;
	l.count = 0;
	l.numbers = 0;
	l.is_full = text.len > LESSON_MAX;
	find_gaps(&l, (struct jvalue){ .type = jbytes_type(whole.ptr[0]), .text = whole }, 0);
	f->is_set = !l.is_full && keep_runs(f, text, &l);
	f->value_count = (uint8_t)count;
	for (size_t i = 0; f->is_set && i < count; i++)
		f->values[i] = place_of(values[i], text, &l);
}
