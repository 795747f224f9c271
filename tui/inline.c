/* tui/inline.c - emphasis, code spans, links, escapes, entities. */
#include "tui/inline.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/ink.h"

#include <ctype.h>
#include <string.h>

#define NOT_FOUND SIZE_MAX
#define UNCLEAR (SIZE_MAX - 1)

/* A stretch of the line that is searched for the end of a mark. */
struct window {
	struct span line;
	size_t end;     /* nothing from here on is looked at */
	bool is_final;  /* what is not in it will not be found */
	bool ends_line; /* the line's end is the window's */
};

/* line[at], or a newline past its end. */
static char at_or_end(struct span line, size_t at)
{
	return (char)(at < line.len ? line.ptr[at] : '\n');
}

/* A byte of a character beyond ASCII counts as a letter: right for CJK, good enough for others. */
static bool is_letter(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* A longer run is no mark, and is taken in such pieces. */
enum { RUN_MAX = 64 };

static size_t run_length(struct span line, size_t at, size_t end)
{
	size_t n = 0;

	while (at + n < end && n < RUN_MAX && line.ptr[at + n] == line.ptr[at])
		n++;
	return n;
}

static struct window window_of(struct span line, size_t from, size_t max, bool is_whole)
{
	bool is_full = line.len - from >= max;

	return (struct window){
		.line = line,
		.end = is_full ? from + max : line.len,
		.is_final = is_full || is_whole,
		.ends_line = is_whole && !is_full,
	};
}

static size_t not_in(const struct window *w)
{
	return w->is_final ? NOT_FOUND : UNCLEAR;
}

/* The run of n backticks at or after from; one that touches the end of the bytes is unclear. */
static size_t find_ticks(const struct window *w, size_t from, size_t n)
{
	for (size_t i = from; i < w->end;) {
		size_t run = w->line.ptr[i] == '`' ? run_length(w->line, i, w->end) : 0;

		if (run && i + run == w->end && !w->ends_line)
			return not_in(w);
		if (run == n)
			return i;
		i += run ? run : 1;
	}
	return not_in(w);
}

/* Past a code span or an escape at i, in which marks mean nothing; *no_code: none is left. */
static size_t skip_quoted(const struct window *w, size_t i, bool *no_code)
{
	size_t run, close;

	if (w->line.ptr[i] == '\\')
		return i + 2;
	run = run_length(w->line, i, w->end);
	close = *no_code ? NOT_FOUND : find_ticks(w, i + run, run);
	if (close == UNCLEAR)
		return UNCLEAR;
	*no_code |= close == NOT_FOUND;
	return close == NOT_FOUND ? i + run : close + run;
}

/* Emphasis */

static bool can_open(char mark, char before, char after)
{
	return !char_is_white(after) && !(mark == '_' && is_letter(before));
}

static bool can_close(char mark, char before, char after)
{
	return !char_is_white(before) && !(mark == '_' && is_letter(after));
}

/* Looks at a run of n marks while want are sought.  Where they end, or NOT_FOUND. */
static size_t match_run(size_t at, size_t n, size_t want, bool opens, bool closes, bool *inner)
{
	if (n == want)
		return closes ? at : NOT_FOUND;
	if (want < 3 && n == 3 - want) { /* the other kind, inside: **a *b* c** */
		if (*inner ? closes : opens)
			*inner = !*inner;
		return NOT_FOUND;
	}
	if (want < 3 && n == 3 && closes)
		return *inner ? at + (3 - want) : at;
	return NOT_FOUND;
}

static size_t find_emphasis(const struct window *w, size_t from, char mark, size_t want)
{
	bool no_code = false, inner = false;

	for (size_t i = from, n; i < w->end; i += n) {
		char c = w->line.ptr[i];
		size_t found;

		n = 1;
		if (c == '\\' || c == '`') {
			size_t next = skip_quoted(w, i, &no_code);

			if (next == UNCLEAR)
				return UNCLEAR;
			n = next - i;
			continue;
		}
		if (c != mark)
			continue;
		n = run_length(w->line, i, w->end);
		if (i + n == w->end && !w->ends_line)
			return not_in(w);
		found = match_run(i, n, want, can_open(mark, w->line.ptr[i - 1], at_or_end(w->line, i + n)),
				  can_close(mark, w->line.ptr[i - 1], at_or_end(w->line, i + n)), &inner);
		if (found != NOT_FOUND)
			return found;
	}
	return not_in(w);
}

/* __init__ is a name, not a bold word. */
static bool is_name(struct span line, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!isalnum((unsigned char)line.ptr[i]) && line.ptr[i] != '_')
			return false;
	return true;
}

/* Taking */

static void put(const struct inline_state *s, struct span text, unsigned style)
{
	unsigned all = s->base | style;

	for (size_t i = 0; i < s->depth; i++)
		all |= s->frames[i].style;
	if (text.len)
		s->put(s->context, text, all);
}

static size_t put_plain(const struct inline_state *s, struct span line, size_t at, size_t len)
{
	put(s, span_of(line.ptr + at, len), 0);
	return len;
}

static bool open_frame(struct inline_state *s, size_t close, size_t close_len, unsigned style)
{
	if (s->depth == INLINE_DEPTH)
		return false;
	s->frames[s->depth++] = (struct inline_frame){
		.close = close, .close_len = close_len, .style = style
	};
	return true;
}

static size_t take_close(struct inline_state *s, struct span line)
{
	struct inline_frame f = s->frames[--s->depth];

	if (f.address_len) {
		put(s, SPAN_LIT(" ("), STYLE_DIM);
		put(s, span_of(line.ptr + f.address_at, f.address_len), STYLE_DIM);
		put(s, SPAN_LIT(")"), STYLE_DIM);
	}
	return f.close_len;
}

static size_t take_emphasis(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	static const unsigned styles[] = { 0, STYLE_ITALIC, STYLE_BOLD, STYLE_BOLD | STYLE_ITALIC };
	char mark = line.ptr[at], before = (char)(at ? line.ptr[at - 1] : ' ');
	size_t n = run_length(line, at, line.len), close;
	struct window w;

	if (at + n == line.len && n < RUN_MAX && !is_whole)
		return 0;
	if (n > 3 || (mark == '~' && n != 2) || !can_open(mark, before, at_or_end(line, at + n)))
		return put_plain(s, line, at, n);
	w = window_of(line, at + n, INLINE_HOLD, is_whole);
	close = find_emphasis(&w, at + n, mark, n);
	if (close == UNCLEAR)
		return 0;
	if (close != NOT_FOUND && mark == '_' && n == 2 && is_name(line, at + n, close))
		return put_plain(s, line, at, close + n - at);
	if (close == NOT_FOUND || !open_frame(s, close, n, mark == '~' ? STYLE_STRIKE : styles[n]))
		return put_plain(s, line, at, n);
	return n;
}

static size_t take_ticks(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	size_t n = run_length(line, at, line.len), close;
	struct window w;
	struct span code;

	if (at + n == line.len && n < RUN_MAX && !is_whole)
		return 0;
	if (n == RUN_MAX)
		return put_plain(s, line, at, n);
	w = window_of(line, at + n, INLINE_HOLD, is_whole);
	close = find_ticks(&w, at + n, n);
	if (close == UNCLEAR)
		return 0;
	if (close == NOT_FOUND)
		return put_plain(s, line, at, n);
	code = span_of(line.ptr + at + n, close - at - n);
	if (s->marks) {
		put(s, span_of(line.ptr + at, close + n - at), 0);
		return close + n - at;
	}
	/* One blank at each side is there to keep backticks apart. */
	if (code.len > 2 && code.ptr[0] == ' ' && code.ptr[code.len - 1] == ' ')
		code = span_of(code.ptr + 1, code.len - 2);
	put(s, code, STYLE_CODE);
	return close + n - at;
}

/* The bracket that closes the one before from, or NOT_FOUND or UNCLEAR. */
static size_t find_bracket(const struct window *w, size_t from, char open, char close)
{
	size_t depth = 1;
	bool no_code = false;

	for (size_t i = from; i < w->end;) {
		char c = w->line.ptr[i];

		if (c == '\\' || (c == '`' && open == '[')) {
			i = skip_quoted(w, i, &no_code);
			if (i == UNCLEAR)
				return UNCLEAR;
			continue;
		}
		depth += c == open;
		depth -= c == close;
		if (depth == 0)
			return i;
		i++;
	}
	return not_in(w);
}

/* [text](address "title"): the text as a link, and the address when it says something else. */
static size_t take_link(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	size_t image = line.ptr[at] == '!', text_at = at + image + 1, close, end;
	struct window w = window_of(line, at, INLINE_LINK, is_whole);
	struct inline_frame *f;
	struct span address;

	if (image && at + 1 == line.len && !is_whole)
		return 0;
	if (image && at_or_end(line, at + 1) != '[')
		return put_plain(s, line, at, 1);
	close = find_bracket(&w, text_at, '[', ']');
	if (close == UNCLEAR || (close + 1 == w.end && !w.is_final))
		return 0;
	if (close == NOT_FOUND || close + 1 >= w.end || line.ptr[close + 1] != '(')
		return put_plain(s, line, at, 1);
	end = find_bracket(&w, close + 2, '(', ')');
	if (end == UNCLEAR)
		return 0;
	if (end == NOT_FOUND || !open_frame(s, close, end + 1 - close, STYLE_LINK))
		return put_plain(s, line, at, 1);
	f = &s->frames[s->depth - 1];
	address = span_trim(span_of(line.ptr + close + 2, end - close - 2));
	address = span_cut(&address, ' ');
	if (address.len && !span_equal(address, span_of(line.ptr + text_at, close - text_at))) {
		f->address_at = (size_t)(address.ptr - line.ptr);
		f->address_len = address.len;
	}
	if (image)
		put(s, SPAN_LIT("image: "), STYLE_DIM);
	return image + 1;
}

/* <https://...> is a link; <br> a blank, as tables have it. */
static size_t take_angle(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	struct window w = window_of(line, at, INLINE_HOLD, is_whole);
	size_t end = at + 1;
	struct span inside;

	while (end < w.end && line.ptr[end] != '>' && line.ptr[end] != '<' && !char_is_white(line.ptr[end]))
		end++;
	if (end == w.end && !w.is_final)
		return 0;
	inside = span_of(line.ptr + at + 1, end - at - 1);
	if (end == w.end || line.ptr[end] != '>')
		return put_plain(s, line, at, 1);
	if (span_is_nocase(inside, "br") || span_is_nocase(inside, "br/")) {
		put(s, SPAN_LIT(" "), 0);
		return end + 1 - at;
	}
	if (!span_starts(inside, "http://") && !span_starts(inside, "https://") &&
	    !span_starts(inside, "mailto:"))
		return put_plain(s, line, at, 1);
	put(s, inside, STYLE_LINK);
	return end + 1 - at;
}

static size_t take_entity(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	static const struct {
		const char *name, *text;
	} entities[] = { { "&amp;", "&" },  { "&lt;", "<" },   { "&gt;", ">" },
			 { "&quot;", "\"" }, { "&#39;", "'" }, { "&nbsp;", " " } };
	struct span rest = span_from(line, at);

	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		struct span name = span_str(entities[i].name);

		if (span_starts(rest, entities[i].name)) {
			put(s, span_str(entities[i].text), 0);
			return name.len;
		}
		if (!is_whole && rest.len < name.len && !memcmp(rest.ptr, name.ptr, rest.len))
			return 0;
	}
	return put_plain(s, line, at, 1);
}

static size_t take_escape(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	if (at + 1 == line.len && !is_whole)
		return 0;
	if (at + 1 == line.len || !ispunct((unsigned char)line.ptr[at + 1]))
		return put_plain(s, line, at, 1);
	put(s, span_of(line.ptr + at + 1, 1), 0);
	return 2;
}

size_t inline_take(struct inline_state *s, struct span line, size_t at, bool is_whole)
{
	size_t len;

	if (s->depth) {
		if (at == s->frames[s->depth - 1].close)
			return take_close(s, line);
		/* Inside a frame all is known up to its end, and nothing reaches past it. */
		line.len = s->frames[s->depth - 1].close;
		is_whole = true;
	}
	switch (line.ptr[at]) {
	case '*':
	case '_':
	case '~':
		return take_emphasis(s, line, at, is_whole);
	case '`':
		return take_ticks(s, line, at, is_whole);
	case '[':
	case '!':
		return take_link(s, line, at, is_whole);
	case '<':
		return take_angle(s, line, at, is_whole);
	case '&':
		return take_entity(s, line, at, is_whole);
	case '\\':
		return take_escape(s, line, at, is_whole);
	default:
		break;
	}
	if (!is_whole && utf8_whole(span_from(line, at)) == 0)
		return 0;
	utf8_next(span_from(line, at), &len);
	return put_plain(s, line, at, len);
}

void inline_reset(struct inline_state *s)
{
	s->depth = 0;
}
