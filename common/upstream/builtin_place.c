/* common/upstream/builtin_place.c - where a quotation stands in the passage that it is from. */
#include "common/upstream/builtin_inside.h"

#include "common/base/mem.h"

/* What the line that names a source may say of where its text begins, and what is counted there. */
static const struct {
	struct span says;
	struct span unit;
	const char *place;
} beginnings[] = {
	{ SPAN_INIT(", from line "), SPAN_INIT("\n"), ", line " },
	{ SPAN_INIT(", from row "), SPAN_INIT("\n\n"), ", row " }, /* an empty line between records */
};

/* Below the line that the label is of: headings, an empty line, marks of a fence stand before it. */
static struct span text_below(struct span passage, struct span label)
{
	struct span rest = span_from(passage, (size_t)(label.ptr - passage.ptr)), before;

	span_cut(&rest, '\n');
	before = rest;
	if (sentence_is_heading(span_cut(&rest, '\n')))
		before = rest;
	rest = before;
	if (span_strip(span_cut(&rest, '\n')).len == 0)
		before = rest;
	rest = before;
	return sentence_fence(span_cut(&rest, '\n')).len ? rest : before;
}

static int64_t count_until(struct span text, const char *end, struct span unit)
{
	int64_t count = 0;
	ptrdiff_t at;

	if (text.ptr && end > text.ptr)
		text = span_of(text.ptr, (size_t)(end - text.ptr));
	else
		return 0;
	for (; (at = span_find(text, unit)) >= 0; count++)
		text = span_from(text, (size_t)at + unit.len);
	return count;
}

/* A document's name may hold the same words. */
static ptrdiff_t find_last(struct span s, struct span needle)
{
	ptrdiff_t last = -1, at;

	while ((at = span_find(span_from(s, (size_t)(last + 1)), needle)) >= 0)
		last += at + 1;
	return last;
}

static size_t digits_of(struct span s)
{
	size_t count = 0;

	while (count < s.len && s.ptr[count] >= '0' && s.ptr[count] <= '9')
		count++;
	return count;
}

void builtin_place_add(struct span label, struct span passage, const char *quote, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++) {
		ptrdiff_t at = find_last(label, beginnings[i].says);
		struct span rest;
		int64_t first;
		size_t digits;

		if (at < 0)
			continue;
		rest = span_from(label, (size_t)at + beginnings[i].says.len);
		digits = digits_of(rest);
		if (span_to_int(span_of(rest.ptr, digits), 0, INT32_MAX, &first) < 0)
			continue;
		first += count_until(text_below(passage, label), quote, beginnings[i].unit);
		buf_add_span(out, span_of(label.ptr, (size_t)at));
		buf_printf(out, "%s%lld", beginnings[i].place, (long long)first);
		buf_add_span(out, span_from(rest, digits));
		return;
	}
	buf_add_span(out, label);
}
