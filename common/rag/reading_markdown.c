/* common/rag/reading_markdown.c - plain text, and the marks of Markdown in it. */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

enum {
	LIST_DEPTH = 16,
	COMMENT_LINES = 3, /* at least */
	LINES_BETWEEN_CHECKS = 4096,
};

/* ---- plain text ---- */

/* A form feed begins a page, as in printed documents and RFCs. */
static void write_pages(struct reader *rd, struct span text)
{
	int page = 1;

	while (text.ptr) {
		size_t start = reader_at(rd);

		reader_write(rd, span_cut(&text, '\f'));
		if (text.ptr)
			reader_end_line(rd);
		if (text.ptr || reader_at(rd) > start)
			reader_mark(rd, MARK_PAGE, page++, start);
	}
}

int read_plain(struct reader *rd, struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, rd->limits.text_max);
	rc = reader_decode(rd, NULL, &text, err);
	if (rc == 0 && text.len > 0 && memchr(text.ptr, '\f', text.len))
		write_pages(rd, buf_span(&text));
	else if (rc == 0)
		reader_write(rd, buf_span(&text));
	buf_free(&text);
	return rc;
}

/* ---- Markdown ---- */

struct item {
	size_t start;
	size_t indent; /* columns before its mark */
};

/* Where the scanner stands.  Offsets are of the whole text. */
struct scan {
	struct reader *rd;
	struct span text;
	size_t at, line_end; /* of the line looked at; line_end without its \n */
	size_t last_end;     /* of the last line that is not blank */
	struct item items[LIST_DEPTH];
	size_t depth;
	size_t paragraph; /* where the line before starts when it is a paragraph's only one */
	bool in_paragraph;
};

static bool next_line(struct scan *s, size_t at)
{
	const char *newline;

	if (at >= s->text.len)
		return false;
	newline = memchr(s->text.ptr + at, '\n', s->text.len - at);
	s->at = at;
	s->line_end = newline ? (size_t)(newline - s->text.ptr) : s->text.len;
	return true;
}

static struct span line_of(const struct scan *s)
{
	return span_of(s->text.ptr + s->at, s->line_end - s->at);
}

/* Columns of white space at the line's start, *rest what follows. */
static size_t indent_of(struct span line, struct span *rest)
{
	size_t columns = 0, i = 0;

	for (; i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'); i++)
		columns += line.ptr[i] == '\t' ? 4 - columns % 4 : 1;
	*rest = span_from(line, i);
	return columns;
}

/* How often c stands at the start. */
static size_t run_of(struct span s, char c)
{
	size_t i = 0;

	while (i < s.len && s.ptr[i] == c)
		i++;
	return i;
}

static bool is_blank(struct span line)
{
	return span_trim(line).len == 0;
}

/* Three or more of ` or ~; a backtick fence has no backtick behind it. */
static size_t fence_of(struct span rest, char *mark)
{
	size_t len = run_of(rest, '`');

	*mark = '`';
	if (len >= 3)
		return memchr(rest.ptr + len, '`', rest.len - len) ? 0 : len;
	*mark = '~';
	len = run_of(rest, '~');
	return len >= 3 ? len : 0;
}

/* The whole block, to its closing fence or the text's end. */
static void scan_fence(struct scan *s, char mark, size_t len, size_t list_indent)
{
	size_t start = s->at;
	struct span rest;

	while (next_line(s, s->line_end + 1)) {
		size_t indent = indent_of(line_of(s), &rest);

		if (indent < list_indent + 4 && run_of(rest, mark) >= len &&
		    is_blank(span_from(rest, run_of(rest, mark))))
			break;
	}
	reader_mark_range(s->rd, MARK_CODE, 0, start, s->line_end);
}

static int heading_level(struct span rest)
{
	size_t level = run_of(rest, '#');

	if (level < 1 || level > 6)
		return 0;
	return level == rest.len || rest.ptr[level] == ' ' || rest.ptr[level] == '\t' ? (int)level
										      : 0;
}

/* "# define X", as it stands in C between others; "# If so" is a heading. */
static bool is_directive(struct span rest)
{
	static const char always[] = "define undef ifdef ifndef elif endif pragma";
	static const char others[] = "if else include"; /* are words of a heading, too */
	struct span after = run_of(rest, '#') == 1 ? span_trim(span_from(rest, 1)) : SPAN_NONE;
	size_t len = 0;

	while (len < after.len && after.ptr[len] >= 'a' && after.ptr[len] <= 'z')
		len++;
	if (reader_has_word(always, span_of(after.ptr, len)))
		return true;
	if (!reader_has_word(others, span_of(after.ptr, len)))
		return false;
	after = span_trim(span_from(after, len));
	return after.len == 0 || after.ptr[0] < 'a' || after.ptr[0] > 'z' || span_starts(after, "defined");
}

/*
 * Lines of # right below each other are a comment, of source code that stands here as it is: below a
 * heading there is something else, but for a title of two lines.  To the end of it.
 */
static bool scan_comment(struct scan *s, int level)
{
	struct scan ahead = *s;
	size_t lines = 1, end = s->line_end;
	struct span rest;

	for (; next_line(&ahead, end + 1); end = ahead.line_end, lines++)
		if (indent_of(line_of(&ahead), &rest) >= 4 || heading_level(rest) != level)
			break;
	if (lines < COMMENT_LINES)
		return false;
	s->line_end = end;
	return true;
}

/* A line of === or --- below a paragraph of one line. */
static int underline_level(struct span rest)
{
	struct span line = span_trim(rest);

	if (line.len > 0 && run_of(line, '=') == line.len)
		return 1;
	return line.len > 1 && run_of(line, '-') == line.len ? 2 : 0;
}

/* Bytes of "- ", "* ", "+ ", "12. " or "3) "; 0 = none. */
static size_t list_mark(struct span rest)
{
	size_t digits = 0;

	if (rest.len > 0 && strchr("-*+", rest.ptr[0]))
		return rest.len == 1 || rest.ptr[1] == ' ' || rest.ptr[1] == '\t' ? 1 : 0;
	while (digits < rest.len && digits < 9 && rest.ptr[digits] >= '0' &&
	       rest.ptr[digits] <= '9')
		digits++;
	if (digits == 0 || digits + 1 > rest.len || !strchr(".)", rest.ptr[digits]))
		return 0;
	return digits + 1 == rest.len || rest.ptr[digits + 1] == ' ' ? digits + 1 : 0;
}

/* "* * *" and its like, which begin no list. */
static bool is_rule(struct span rest)
{
	size_t marks = 0;

	if (rest.len == 0 || !strchr("-*_", rest.ptr[0]))
		return false;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] != rest.ptr[0] && rest.ptr[i] != ' ' && rest.ptr[i] != '\t')
			return false;
		marks += rest.ptr[i] == rest.ptr[0];
	}
	return marks >= 3;
}

/* "|---|:-:|": dashes, colons and bars, of dashes and bars at least one. */
static bool is_delimiter(struct span line)
{
	bool has_dash = false, has_bar = false;

	for (size_t i = 0; i < line.len; i++) {
		if (!strchr("-:| \t", line.ptr[i]))
			return false;
		has_dash = has_dash || line.ptr[i] == '-';
		has_bar = has_bar || line.ptr[i] == '|';
	}
	return has_dash && has_bar;
}

static bool has_bar(struct span line)
{
	return line.len > 0 && memchr(line.ptr, '|', line.len);
}

/* Ends the items that begin at or right of this column. */
static void close_items(struct scan *s, size_t indent)
{
	while (s->depth > 0 && s->items[s->depth - 1].indent >= indent) {
		s->depth--;
		reader_mark_range(s->rd, MARK_LIST_ITEM, (int)s->depth + 1,
				  s->items[s->depth].start, s->last_end);
	}
}

static void open_item(struct scan *s, size_t indent)
{
	close_items(s, indent);
	if (s->depth < LIST_DEPTH)
		s->items[s->depth++] = (struct item){ s->at, indent };
}

/* The line before and this one are the head of a table: its rows. */
static void scan_table(struct scan *s, size_t head)
{
	reader_mark_range(s->rd, MARK_TABLE_ROW, 1, head, s->line_end);
	while (next_line(s, s->line_end + 1)) {
		if (is_blank(line_of(s)) || !has_bar(line_of(s))) {
			s->line_end = s->at - 1; /* looked at again */
			return;
		}
		reader_mark_range(s->rd, MARK_TABLE_ROW, 2, s->at, s->line_end);
	}
}

/* A heading, a fence, a table or the start of an item: true when the line is one. */
static bool scan_block(struct scan *s, struct span rest, size_t indent)
{
	size_t list_indent = s->depth > 0 ? s->items[s->depth - 1].indent + 4 : 0;
	char mark;
	size_t fence = fence_of(rest, &mark);
	int level = heading_level(rest);

	if (fence > 0 && indent < list_indent + 4) {
		scan_fence(s, mark, fence, list_indent);
		return true;
	}
	if (level > 0 && indent < 4) {
		size_t start = s->at;

		close_items(s, 0);
		if (!is_directive(rest) && !scan_comment(s, level))
			reader_mark_range(s->rd, MARK_HEADING, level, start, s->line_end);
		return true;
	}
	if (s->in_paragraph && s->paragraph != SIZE_MAX && is_delimiter(rest) &&
	    has_bar(span_of(s->text.ptr + s->paragraph, s->at - s->paragraph))) {
		scan_table(s, s->paragraph);
		return true;
	}
	level = s->in_paragraph && s->paragraph != SIZE_MAX && indent < 4 ? underline_level(rest)
									  : 0;
	if (level > 0) {
		reader_mark_range(s->rd, MARK_HEADING, level, s->paragraph, s->at);
		return true;
	}
	if (list_mark(rest) > 0 && !is_rule(rest) && (indent < 4 || s->depth > 0)) {
		open_item(s, indent);
		s->last_end = s->line_end;
		return true;
	}
	return false;
}

/* A line of none of these: more of an item, or of a paragraph. */
static void scan_words(struct scan *s, size_t indent)
{
	bool is_lazy = s->in_paragraph;

	if (!is_lazy)
		close_items(s, indent);
	s->paragraph = is_lazy || s->depth > 0 ? SIZE_MAX : s->at;
	s->in_paragraph = true;
}

static void scan_lines(struct scan *s, size_t at)
{
	struct span rest;
	size_t lines = 0;

	while (next_line(s, at)) {
		size_t indent = indent_of(line_of(s), &rest);
		bool is_item = list_mark(rest) > 0;

		if (rest.len == 0) {
			s->in_paragraph = false;
		} else if (scan_block(s, rest, indent)) {
			s->in_paragraph = is_item && s->depth > 0;
			s->paragraph = SIZE_MAX;
			s->last_end = s->line_end;
		} else {
			scan_words(s, indent);
			s->last_end = s->line_end;
		}
		at = s->line_end + 1;
		if (++lines % LINES_BETWEEN_CHECKS == 0 && reader_goes_on(s->rd, NULL) < 0)
			break;
	}
	close_items(s, 0);
}

/* ---- front matter ---- */

/* "title: x" of YAML, "title = x" of TOML; quotes go. */
static void title_of(struct reader *rd, struct span line)
{
	struct span value;

	if (line.len < 6 || !span_is_nocase(span_of(line.ptr, 5), "title"))
		return;
	value = span_trim(span_from(line, 5));
	if (value.len == 0 || !strchr(":=", value.ptr[0]))
		return;
	value = span_trim(span_from(value, 1));
	if (value.len >= 2 && strchr("\"'", value.ptr[0]) &&
	    value.ptr[value.len - 1] == value.ptr[0])
		value = span_of(value.ptr + 1, value.len - 2);
	reader_title(rd, value);
}

/* "key: value", "key = value", a comment. */
static bool is_key(struct span line)
{
	size_t i = 0;

	while (i < line.len && !strchr(":= #\t", line.ptr[i]))
		i++;
	if (i > 0 && i < line.len && line.ptr[i] == ' ')
		return line.len > i + 1 && line.ptr[i + 1] == '=';
	return i < line.len && strchr(":=#", line.ptr[i]);
}

/* Between --- (or +++) and its like at the very start; it is a record.  Where it ends. */
static size_t scan_front_matter(struct scan *s, size_t from)
{
	struct span fence;
	size_t after;

	if (!next_line(s, from))
		return from;
	fence = span_trim(line_of(s));
	if (!span_is(fence, "---") && !span_is(fence, "+++"))
		return from;
	/* A rule and a paragraph begin so, too, but no paragraph begins with a key. */
	if (!next_line(s, s->line_end + 1) || !is_key(line_of(s)))
		return from;
	s->line_end = s->at - 1;
	while (next_line(s, s->line_end + 1)) {
		if (!span_equal(span_trim(line_of(s)), fence))
			continue;
		after = s->line_end;
		reader_mark_range(s->rd, MARK_RECORD, 0, from, after);
		for (next_line(s, from); s->line_end < after; next_line(s, s->line_end + 1))
			title_of(s->rd, line_of(s));
		return after + 1;
	}
	return from;
}

void markdown_marks(struct reader *rd, size_t from)
{
	struct scan s = { .rd = rd, .text = buf_span(&rd->out->text), .paragraph = SIZE_MAX };

	scan_lines(&s, scan_front_matter(&s, from));
}

void reader_title_by_heading(struct reader *rd)
{
	const struct reading *r = rd->out;

	for (size_t i = 0; i < r->mark_count && !r->title; i++)
		if (r->marks[i].kind == MARK_HEADING)
			reader_title(rd, reading_heading(r, &r->marks[i]));
}

int read_markdown(struct reader *rd, struct err *err)
{
	size_t from = reader_at(rd);

	if (read_plain(rd, err) < 0)
		return -1;
	markdown_marks(rd, from);
	reader_title_by_heading(rd);
	return 0;
}
