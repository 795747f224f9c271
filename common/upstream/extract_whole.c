/* common/upstream/extract_whole.c - what a quote needs beside it to say something. */
#include "common/base/mem.h"
#include "common/upstream/extract_inside.h"

#include <string.h>

enum {
	FIELD_NAME_MAX = 40,
	TERM_WORDS_MAX = 4,  /* of what may be no more than a name */
	EXPLAINS_MIN = 4,    /* words */
	WHOLE_MAX = 2 * SENTENCE_MAX,
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* "city: Oslo", as rows of tables are written. */
static bool is_field(struct span line)
{
	ptrdiff_t colon = span_find(line, SPAN_LIT(": "));

	if (colon < 1 || colon > FIELD_NAME_MAX || sentence_names_source(line))
		return false;
	for (ptrdiff_t i = 0; i < colon; i++)
		if (strchr(">#|*-+.,;!?\"", line.ptr[i]))
			return i > 0 && strchr("-+.", line.ptr[i]) && !is_blank(line.ptr[i + 1]);
	return true;
}

/* With the fields above and below it; not so when they are none, or too many. */
static struct span whole_row(struct span text, struct span quote)
{
	struct span row = span_line_at(text, (size_t)(quote.ptr - text.ptr)), line;
	size_t start, end;

	if (!is_field(row))
		return quote;
	start = (size_t)(row.ptr - text.ptr);
	end = start + row.len;
	while (start > 1 && end - start <= WHOLE_MAX) {
		line = span_line_at(text, start - 1);
		if (!is_field(line))
			break;
		start -= line.len + 1;
	}
	while (end + 1 < text.len && end - start <= WHOLE_MAX) {
		line = span_line_at(text, end + 1);
		if (!is_field(line))
			break;
		end += line.len + 1;
	}
	if (end - start > WHOLE_MAX || (size_t)(quote.ptr - text.ptr) + quote.len > end)
		return quote;
	return span_strip(span_of(text.ptr + start, end - start));
}

/* A line end, and nothing but blanks: neither an empty line nor the mark of an item. */
static bool is_next_line(const char *from, const char *to)
{
	size_t lines = 0;

	for (; from < to; from++) {
		if (*from == '\n')
			lines++;
		else if (!is_blank(*from))
			return false;
	}
	return lines == 1;
}

/* No sentence is empty. */
static bool is_term(const struct piece *p)
{
	struct span s = p->s.text;
	char last = s.ptr[s.len - 1];

	return p->count <= TERM_WORDS_MAX && s.ptr[0] != '|' && !strchr(".!?;,", last) &&
	       (unsigned char)last < 0x80 && !memchr(s.ptr, '\n', s.len);
}

/* "SIGHUP", and below it what it does. */
static struct span with_explanation(const struct extraction *x, const struct piece *p)
{
	const struct piece *next = p + 1;
	const char *end = p->s.text.ptr + p->s.text.len;

	if (!is_term(p) || next == x->pieces + x->piece_count || next->source != p->source ||
	    next->count < EXPLAINS_MIN || next->s.text.ptr[0] == '|' ||
	    !is_next_line(end, next->s.text.ptr))
		return p->s.text;
	return span_of(p->s.text.ptr, (size_t)(next->s.text.ptr + next->s.text.len - p->s.text.ptr));
}

struct span extract_whole(const struct extraction *x, const struct piece *p)
{
	struct span row = whole_row(x->request->sources[p->source].text, p->s.text);

	return row.len > p->s.text.len ? row : with_explanation(x, p);
}
