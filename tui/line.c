/* tui/line.c - a source line's kind, quotes and marker, read from its left edge. */
#include "tui/line.h"

#include <ctype.h>
#include <string.h>

enum {
	QUOTES_MAX = 8,
	BEGINNING_MAX = 256 /* bytes of blanks, or of a rule, that are looked at */
};

static bool is_rule(struct span rest, bool *maybe)
{
	char mark = rest.ptr[0];
	size_t marks = 0;

	*maybe = false;
	if ((mark != '-' && mark != '*' && mark != '_') || rest.len > BEGINNING_MAX)
		return false;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] != mark && rest.ptr[i] != ' ')
			return false;
		marks += rest.ptr[i] == mark;
	}
	*maybe = true;
	return marks >= 3;
}

static enum line_kind read_item(struct span rest, bool is_whole, size_t *marker)
{
	size_t n = 0;

	if (strchr("-*+", rest.ptr[0]))
		n = 1;
	else {
		while (n < rest.len && n < 9 && isdigit((unsigned char)rest.ptr[n]))
			n++;
		if (n < rest.len && rest.ptr[n] != '.' && rest.ptr[n] != ')')
			return LINE_TEXT;
		if (n == rest.len)
			return is_whole ? LINE_TEXT : LINE_UNCLEAR;
		n++;
	}
	if (n == rest.len && !is_whole)
		return LINE_UNCLEAR;
	if (n < rest.len && rest.ptr[n] != ' ')
		return LINE_TEXT;
	*marker = n < rest.len ? n + 1 : n;
	return LINE_ITEM;
}

static enum line_kind read_heading(struct span rest, bool is_whole, size_t *marker)
{
	size_t n = 0;

	while (n < rest.len && n < 7 && rest.ptr[n] == '#')
		n++;
	if (n == rest.len && n < 7 && !is_whole)
		return LINE_UNCLEAR;
	if (n > 6 || (n < rest.len && rest.ptr[n] != ' '))
		return LINE_TEXT;
	*marker = n < rest.len ? n + 1 : n;
	return LINE_HEADING;
}

static enum line_kind read_fence(struct span rest, bool is_whole)
{
	size_t n = 0;

	while (n < rest.len && n < 3 && rest.ptr[n] == rest.ptr[0])
		n++;
	if (n == 3)
		return LINE_FENCE;
	return n == rest.len && !is_whole ? LINE_UNCLEAR : LINE_TEXT;
}

static enum line_kind read_kind(struct span rest, bool is_whole, size_t *marker)
{
	bool maybe_rule;

	switch (rest.ptr[0]) {
	case '|':
		return LINE_TABLE;
	case '`':
	case '~':
		return read_fence(rest, is_whole);
	case '#':
		return read_heading(rest, is_whole, marker);
	case '-':
	case '*':
	case '_':
		if (is_rule(rest, &maybe_rule) && is_whole)
			return LINE_RULE;
		if (maybe_rule && !is_whole)
			return LINE_UNCLEAR;
		return rest.ptr[0] == '_' ? LINE_TEXT : read_item(rest, is_whole, marker);
	case '+':
		return read_item(rest, is_whole, marker);
	default:
		if (isdigit((unsigned char)rest.ptr[0]))
			return read_item(rest, is_whole, marker);
		return LINE_TEXT;
	}
}

static void skip_blanks(struct span line, struct line_start *s)
{
	s->indent = 0;
	for (; s->at < line.len && s->at < BEGINNING_MAX &&
	       (line.ptr[s->at] == ' ' || line.ptr[s->at] == '\t');
	     s->at++)
		s->indent += line.ptr[s->at] == ' ' ? 1 : LINE_TAB_CELLS;
}

struct line_start line_read(struct span line, bool is_whole, const struct line_place *place)
{
	struct line_start s = { .kind = is_whole ? LINE_BLANK : LINE_UNCLEAR };

	for (;;) {
		skip_blanks(line, &s);
		if (s.at == BEGINNING_MAX)
			return (struct line_start){ .kind = LINE_TEXT, .at = s.at, .quotes = s.quotes };
		if (s.at == line.len)
			return s;
		if (s.indent >= LINE_CODE_INDENT && !s.quotes && !place->in_list &&
		    (place->after_blank || place->in_code)) {
			s.kind = LINE_INDENTED;
			return s;
		}
		if (line.ptr[s.at] != '>' || s.quotes == QUOTES_MAX)
			break;
		if (s.at + 1 == line.len && !is_whole)
			return s;
		s.quotes++;
		s.at += s.at + 1 < line.len && line.ptr[s.at + 1] == ' ' ? 2 : 1;
	}
	s.kind = read_kind(span_from(line, s.at), is_whole, &s.marker);
	return s;
}
