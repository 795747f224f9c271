/*
 * tui/markdown.c - the line machine: what line.c has told the kind of is shown.
 *
 * A line is unclear until its beginning has told its kind; then it is text, whose marks inline.c
 * reads as it comes, or something that is shown when it is whole.  Every decision depends on
 * bytes alone, never on the pieces in which they came.
 */
#include "tui/markdown.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/inline.h"
#include "tui/line.h"
#include "tui/table.h"
#include "tui/width.h"
#include "tui/wrap.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum {
	SOURCE_MAX = 64 * 1024, /* a longer source line is taken for several */
	INDENT_MAX = 32,
	RULE_CELLS = 40,
	COLUMNS_MIN = 20
};

/* Bars and blanks that stand before each line. */
struct frame {
	size_t quotes, indent;
};

struct markdown {
	unsigned flags, base;
	struct wrap wrap;
	struct inline_state marks;
	struct buf source, table;
	size_t table_rows;
	struct frame table_frame;
	struct line_start now; /* of the present line */
	size_t taken;     /* bytes of source that are shown */
	struct {
		size_t length; /* 0 = none is open */
		char mark;
		size_t indent, quotes;
	} fence;
	struct line_place place;
	bool has_output, blank_waits;
};

static struct line_start read_start(const struct markdown *m, bool is_whole)
{
	if (m->flags & MARKDOWN_PLAIN)
		return (struct line_start){ .kind = LINE_TEXT };
	if (m->fence.length)
		return (struct line_start){ .kind = LINE_FENCED };
	return line_read(buf_span(&m->source), is_whole, &m->place);
}

/* Showing */

static void put_text(void *context, struct span text, unsigned style)
{
	wrap_put(context, text, style);
}

static void add_prefix(struct markdown *m, struct span text, unsigned style)
{
	wrap_add_first(&m->wrap, text, m->base | style);
	wrap_add_rest(&m->wrap, text, m->base | style);
}

static struct span blanks(size_t cells)
{
	static const char all[] = "                                ";

	static_assert(sizeof all - 1 == INDENT_MAX, "blanks for the deepest indent");
	return span_of(all, cells < INDENT_MAX ? cells : INDENT_MAX);
}

static void add_quotes(struct markdown *m, size_t quotes)
{
	while (quotes--)
		add_prefix(m, m->flags & MARKDOWN_ASCII ? SPAN_LIT("> ") : SPAN_LIT("\u2502 "), STYLE_DIM);
}

static void add_frame(struct markdown *m, struct frame f)
{
	add_quotes(m, f.quotes);
	add_prefix(m, blanks(f.indent), 0);
}

static void clear_prefix(struct markdown *m)
{
	ink_clear(&m->wrap.first);
	ink_clear(&m->wrap.rest);
}

static void feed_row(struct markdown *m, struct span line)
{
	inline_reset(&m->marks);
	for (size_t at = 0; at < line.len;)
		at += inline_take(&m->marks, line, at, true);
	wrap_break(&m->wrap);
}

/* A line of a table, behind its frame. */
static void put_framed(void *context, const struct ink *row)
{
	const struct markdown *m = context;
	const struct ink *frame = &m->wrap.first;
	struct ink line;

	ink_init(&line, frame->text.len + row->text.len + 1);
	ink_add_ink(&line, frame, 0, frame->text.len);
	ink_add_ink(&line, row, 0, row->text.len);
	m->wrap.line(m->wrap.context, &line);
	ink_free(&line);
}

static bool print_table(struct markdown *m, struct span rows)
{
	size_t columns = m->wrap.columns, cells;
	bool is_table;

	add_frame(m, m->table_frame);
	cells = width_text(buf_span(&m->wrap.first.text));
	if (columns && cells > columns / 2) {
		clear_prefix(m);
		cells = 0;
	}
	is_table = table_print(rows, columns ? columns - cells : 0, m->flags, m->base, put_framed, m);
	clear_prefix(m);
	return is_table;
}

static void flush_table(struct markdown *m)
{
	struct span rows = buf_span(&m->table);

	if (rows.len && !print_table(m, rows))
		while (rows.len) {
			add_frame(m, m->table_frame);
			feed_row(m, span_cut(&rows, '\n'));
		}
	buf_clear(&m->table);
	m->table_rows = 0;
}

/* Of the present line, when it is a row of a table. */
static struct frame frame_of_row(const struct markdown *m)
{
	return (struct frame){ m->now.quotes, m->place.in_list ? m->now.indent : 0 };
}

static bool continues_table(const struct markdown *m)
{
	struct frame now = frame_of_row(m);

	return m->now.kind == LINE_TABLE && now.quotes == m->table_frame.quotes &&
	       now.indent == m->table_frame.indent;
}

/* What stands before this line is done. */
static void leave_blank(struct markdown *m)
{
	if (m->blank_waits && m->has_output)
		wrap_break(&m->wrap);
	m->blank_waits = false;
	m->has_output = true;
}

static void open_item(struct markdown *m, struct span marker)
{
	bool is_bullet = !isdigit((unsigned char)marker.ptr[0]);
	struct span shown = is_bullet && !(m->flags & MARKDOWN_ASCII) ? SPAN_LIT("\u2022 ") : marker;

	wrap_add_first(&m->wrap, shown, m->base | STYLE_DIM);
	if (!span_ends(shown, " "))
		wrap_add_first(&m->wrap, SPAN_LIT(" "), m->base);
	wrap_add_rest(&m->wrap, blanks(is_bullet || span_ends(marker, " ") ? marker.len : marker.len + 1),
		      m->base);
}

/* The kind is told; text begins to be shown. */
static void begin_line(struct markdown *m, struct span line)
{
	const struct line_start *s = &m->now;

	if (!continues_table(m))
		flush_table(m);
	m->taken = s->at;
	inline_reset(&m->marks);
	if (s->kind == LINE_BLANK)
		return;
	if (!(s->kind == LINE_TABLE && m->table.len))
		leave_blank(m);
	if (s->kind == LINE_FENCED || s->kind == LINE_TABLE || m->flags & MARKDOWN_PLAIN)
		return;
	add_quotes(m, s->quotes);
	if (s->kind == LINE_ITEM || (m->place.in_list && s->indent && s->kind != LINE_INDENTED))
		add_prefix(m, blanks(s->indent), 0);
	if (s->kind == LINE_ITEM) {
		open_item(m, span_of(line.ptr + s->at, s->marker));
		m->taken += s->marker;
	}
	m->place.in_list = s->kind == LINE_ITEM || (m->place.in_list && (s->indent || !m->place.after_blank));
}

static void run_text(struct markdown *m, bool is_whole)
{
	struct span line = buf_span(&m->source);

	if (m->flags & MARKDOWN_PLAIN) {
		size_t end = is_whole ? line.len : utf8_whole(line);

		if (end > m->taken)
			wrap_put(&m->wrap, span_of(line.ptr + m->taken, end - m->taken), m->base);
		m->taken = end > m->taken ? end : m->taken;
		return;
	}
	while (m->taken < line.len) {
		size_t used = inline_take(&m->marks, line, m->taken, is_whole);

		if (used == 0)
			break;
		m->taken += used;
	}
}

static void show_heading(struct markdown *m, struct span line)
{
	struct span text = span_trim(span_from(line, m->now.at + m->now.marker));
	size_t level = 0, end = text.len;

	while (level < m->now.marker && line.ptr[m->now.at + level] == '#')
		level++;
	/* Marks at the end belong to the heading's frame when a blank stands before them. */
	while (end && text.ptr[end - 1] == '#')
		end--;
	if (end == 0 || text.ptr[end - 1] == ' ')
		text = span_trim(span_of(text.ptr, end));
	if (m->flags & MARKDOWN_MARKS)
		wrap_put(&m->wrap, span_of(line.ptr + m->now.at, m->now.marker), m->base);
	m->marks.base = m->base | (level <= 2 ? STYLE_HEADING : STYLE_BOLD);
	feed_row(m, text);
	m->marks.base = m->base;
}

static void show_rule(struct markdown *m)
{
	size_t cells = m->wrap.columns && m->wrap.columns < RULE_CELLS ? m->wrap.columns : RULE_CELLS;

	while (cells--)
		wrap_put(&m->wrap, m->flags & MARKDOWN_ASCII ? SPAN_LIT("-") : SPAN_LIT("\u2500"),
			 m->base | STYLE_DIM);
	wrap_break(&m->wrap);
}

/* Code is not wrapped: a line that is copied must be the line that was written. */
static void show_code(struct markdown *m, struct span code)
{
	size_t columns = m->wrap.columns;

	m->wrap.columns = 0;
	add_prefix(m, SPAN_LIT("  "), 0);
	wrap_put(&m->wrap, code, m->base | STYLE_CODE);
	wrap_break(&m->wrap);
	m->wrap.columns = columns;
}

/* The line without so many cells of blanks. */
static struct span without_indent(struct span line, size_t cells)
{
	while (cells && line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t')) {
		cells -= line.ptr[0] == ' ' || cells < LINE_TAB_CELLS ? 1 : LINE_TAB_CELLS;
		line = span_from(line, 1);
	}
	return line;
}

static void open_fence(struct markdown *m, struct span line)
{
	struct span rest = span_from(line, m->now.at);
	size_t n = 0;

	while (n < rest.len && rest.ptr[n] == rest.ptr[0])
		n++;
	if (rest.ptr[0] == '`' && memchr(rest.ptr + n, '`', rest.len - n)) { /* a code span */
		feed_row(m, rest);
		return;
	}
	m->fence.length = n;
	m->fence.mark = rest.ptr[0];
	m->fence.indent = m->now.indent;
	m->fence.quotes = m->now.quotes;
	if (m->flags & MARKDOWN_MARKS)
		wrap_put(&m->wrap, rest, m->base);
	else if (span_trim(span_from(rest, n)).len)
		wrap_put(&m->wrap, span_trim(span_from(rest, n)), m->base | STYLE_DIM);
	else {
		clear_prefix(m);
		return;
	}
	wrap_break(&m->wrap);
}

static void show_fenced(struct markdown *m, struct span line)
{
	struct span rest;
	size_t n = 0;

	for (size_t i = 0; i < m->fence.quotes; i++) {
		rest = without_indent(line, 3);
		if (span_starts(rest, ">"))
			line = span_from(rest, span_starts(rest, "> ") ? 2 : 1);
	}
	rest = span_trim(line);
	while (n < rest.len && rest.ptr[n] == m->fence.mark)
		n++;
	add_frame(m, (struct frame){ m->fence.quotes, m->place.in_list ? m->fence.indent : 0 });
	if (n < m->fence.length || n < rest.len) {
		show_code(m, without_indent(line, m->fence.indent));
		return;
	}
	m->fence.length = 0;
	if (m->flags & MARKDOWN_MARKS) {
		wrap_put(&m->wrap, rest, m->base);
		wrap_break(&m->wrap);
	}
	clear_prefix(m);
}

static void keep_row(struct markdown *m, struct span line)
{
	if (m->table_rows == TABLE_ROWS_MAX || m->table.len + line.len + 1 > TABLE_MAX)
		flush_table(m);
	m->table_frame = frame_of_row(m);
	m->table_rows++;
	buf_add_span(&m->table, line);
	buf_add_char(&m->table, '\n');
}

/* The source holds a whole line. */
static void end_line(struct markdown *m)
{
	struct span line = buf_span(&m->source);

	if (m->now.kind == LINE_UNCLEAR) {
		m->now = read_start(m, true);
		begin_line(m, line);
	}
	switch (m->now.kind) {
	case LINE_UNCLEAR:
	case LINE_BLANK:
		m->blank_waits = true;
		break;
	case LINE_TEXT:
	case LINE_ITEM:
		run_text(m, true);
		wrap_break(&m->wrap);
		break;
	case LINE_HEADING:
		show_heading(m, line);
		break;
	case LINE_RULE:
		show_rule(m);
		break;
	case LINE_TABLE:
		keep_row(m, span_from(line, m->now.at));
		break;
	case LINE_FENCE:
		open_fence(m, line);
		break;
	case LINE_FENCED:
		show_fenced(m, line);
		break;
	case LINE_INDENTED:
		show_code(m, without_indent(line, LINE_CODE_INDENT));
		break;
	}
	m->place.after_blank = m->now.kind == LINE_BLANK;
	m->place.in_code = m->now.kind == LINE_INDENTED || (m->place.in_code && m->place.after_blank);
	m->now = (struct line_start){ .kind = LINE_UNCLEAR };
	m->taken = 0;
	buf_clear(&m->source);
}

static void look(struct markdown *m)
{
	struct span line = buf_span(&m->source);

	if (m->now.kind == LINE_UNCLEAR && line.len) {
		m->now = read_start(m, false);
		if (m->now.kind != LINE_UNCLEAR)
			begin_line(m, line);
	}
	if (m->now.kind == LINE_TEXT || m->now.kind == LINE_ITEM)
		run_text(m, false);
}

/* An absurdly long line ends here; a character that is cut begins the next one. */
static void cut_line(struct markdown *m)
{
	size_t whole = utf8_whole(buf_span(&m->source)), rest_len = m->source.len - whole;
	char rest[4];

	memcpy(rest, m->source.ptr + whole, rest_len);
	buf_truncate(&m->source, whole);
	end_line(m);
	buf_add(&m->source, rest, rest_len);
}

static void take_part(struct markdown *m, struct span part)
{
	while (part.len) {
		size_t room = SOURCE_MAX - m->source.len, len = part.len < room ? part.len : room;
		const char *cr = memchr(part.ptr, '\r', len);

		len = cr ? (size_t)(cr - part.ptr) : len;
		buf_add(&m->source, part.ptr, len);
		part = span_from(part, cr ? len + 1 : len);
		look(m);
		if (m->source.len == SOURCE_MAX)
			cut_line(m);
	}
}

void markdown_feed(struct markdown *m, struct span text)
{
	while (text.len) {
		const char *newline = memchr(text.ptr, '\n', text.len);
		size_t len = newline ? (size_t)(newline - text.ptr) : text.len;

		take_part(m, span_of(text.ptr, len));
		if (!newline)
			return;
		end_line(m);
		text = span_from(text, len + 1);
	}
}

void markdown_tail(const struct markdown *m, struct ink *out)
{
	struct span rest = span_from(buf_span(&m->source), m->taken);

	ink_clear(out);
	ink_add_ink(out, &m->wrap.row, 0, m->wrap.row.text.len);
	if (m->now.kind == LINE_FENCED)
		ink_add(out, SPAN_LIT("  "), m->base);
	rest.len = utf8_whole(rest);
	ink_add(out, rest, m->base | (m->now.kind == LINE_FENCED ? STYLE_CODE : 0));
}

void markdown_end(struct markdown *m)
{
	if (m->source.len)
		end_line(m);
	flush_table(m);
	m->fence.length = 0;
	m->has_output = m->blank_waits = false;
	m->place = (struct line_place){ .after_blank = true };
}

struct markdown *markdown_new(size_t columns, unsigned flags, unsigned base, markdown_line *line,
			      void *context)
{
	struct markdown *m = mem_new(struct markdown);

	m->flags = flags;
	m->base = base;
	m->place.after_blank = true;
	wrap_init(&m->wrap, 0, line, context);
	markdown_resize(m, columns);
	m->marks = (struct inline_state){
		.base = base, .marks = flags & MARKDOWN_MARKS, .put = put_text, .context = &m->wrap
	};
	buf_init(&m->source, SOURCE_MAX);
	buf_init(&m->table, TABLE_MAX);
	return m;
}

void markdown_resize(struct markdown *m, size_t columns)
{
	m->wrap.columns = columns && columns < COLUMNS_MIN ? COLUMNS_MIN : columns;
}

void markdown_free(struct markdown *m)
{
	if (!m)
		return;
	wrap_free(&m->wrap);
	buf_free(&m->source);
	buf_free(&m->table);
	mem_free(m);
}
