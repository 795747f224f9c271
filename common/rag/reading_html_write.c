/* common/rag/reading_html_write.c - elements as lines, lists, rows and marks of a text. */
#include "common/rag/reading_html.h"

#include "common/base/mem.h"

/* ---- text ---- */

static struct html_row *row_of(struct html_page *p)
{
	return p->table_depth > 0 && p->table_depth <= HTML_NESTED_MAX ? &p->rows[p->table_depth - 1] : NULL;
}

/* Where everything goes on one line. */
static bool in_one_line(struct html_page *p)
{
	struct html_row *row = row_of(p);

	return p->in_heading > 0 || (row && row->cells > 0 && !row->is_layout);
}

static bool at_line_start(struct html_page *p)
{
	struct buf *text = &p->rd->out->text;

	return text->len <= p->from || strchr(" \t\n", text->ptr[text->len - 1]);
}

static void break_line(struct html_page *p)
{
	p->wants_space = in_one_line(p);
	if (!p->is_fresh && !in_one_line(p))
		reader_end_line(p->rd);
}

static void break_block(struct html_page *p)
{
	p->wants_space = in_one_line(p);
	if (p->is_fresh || in_one_line(p))
		return;
	if (p->list_depth > 0)
		reader_end_line(p->rd);
	else
		reader_end_block(p->rd);
}

/* Bytes of white space at the start, a no-break space included. */
static size_t blank_run(struct span s)
{
	size_t i = 0;

	for (;;) {
		if (i < s.len && strchr(" \t\r\n\f", s.ptr[i]) && s.ptr[i] != '\0')
			i++;
		else if (i + 1 < s.len && (unsigned char)s.ptr[i] == 0xc2 &&
			 (unsigned char)s.ptr[i + 1] == 0xa0)
			i += 2;
		else
			return i;
	}
}

static void write_flowing(struct html_page *p, struct span text)
{
	while (text.len > 0) {
		size_t blanks = blank_run(text), len;

		p->wants_space = p->wants_space || blanks > 0;
		text = span_from(text, blanks);
		for (len = 0; len < text.len && blank_run(span_from(text, len)) == 0;)
			len++;
		if (len == 0)
			return;
		if (p->wants_space && !at_line_start(p))
			reader_write_str(p->rd, " ");
		p->wants_space = false;
		p->is_fresh = false;
		reader_write(p->rd, span_of(text.ptr, len));
		text = span_from(text, len);
	}
}

void html_text(struct html_page *p, struct span text)
{
	if (p->in_pre > 0 && !in_one_line(p))
		reader_write(p->rd, text);
	else
		write_flowing(p, text);
}

/* ---- lists and tables ---- */

struct opening {
	const char *name;
	const xmlChar **attributes;
};

/* Blocks in a cell: its table is there for the looks. */
static void mark_layout(struct html_page *p)
{
	struct html_row *row = row_of(p);

	if (row && row->cells > 0)
		row->is_layout = true;
}

static void open_list(struct html_page *p, const struct opening *o)
{
	mark_layout(p);
	if (p->list_depth == 0)
		break_block(p);
	else
		break_line(p);
	if (p->list_depth < HTML_NESTED_MAX)
		p->lists[p->list_depth] = (struct html_list){ .item = SIZE_MAX, .number = o->name[0] == 'o' };
	p->list_depth++;
}

static void end_item(struct html_page *p)
{
	struct html_list *list;

	if (p->list_depth == 0 || p->list_depth > HTML_NESTED_MAX)
		return;
	list = &p->lists[p->list_depth - 1];
	if (list->item != SIZE_MAX && !p->is_fresh)
		reader_mark(p->rd, MARK_LIST_ITEM, (int)p->list_depth, list->item);
	list->item = SIZE_MAX;
	p->is_fresh = false;
	break_line(p);
}

static void close_item(struct html_page *p, const char *name)
{
	(void)name;
	end_item(p);
}

static void open_item(struct html_page *p, const struct opening *o)
{
	struct html_list *list;
	struct buf *text = &p->rd->out->text;

	(void)o;
	end_item(p);
	if (p->list_depth == 0 || p->list_depth > HTML_NESTED_MAX || in_one_line(p)) {
		break_line(p);
		return;
	}
	list = &p->lists[p->list_depth - 1];
	break_line(p);
	list->item = reader_at(p->rd);
	for (size_t i = 1; i < p->list_depth; i++)
		reader_write_str(p->rd, "  ");
	if (list->number > 0)
		buf_printf(text, "%d. ", list->number++);
	else
		reader_write_str(p->rd, "- ");
	p->wants_space = false;
	p->is_fresh = true;
}

static void close_list(struct html_page *p, const char *name)
{
	(void)name;
	end_item(p);
	if (p->list_depth > 0)
		p->list_depth--;
	if (p->list_depth == 0)
		break_block(p);
}

static void open_table(struct html_page *p, const struct opening *o)
{
	(void)o;
	mark_layout(p);
	break_block(p);
	if (p->table_depth < HTML_NESTED_MAX)
		p->rows[p->table_depth] = (struct html_row){ .cells = 0 };
	p->table_depth++;
}

static void open_row(struct html_page *p, const struct opening *o)
{
	struct html_row *row = row_of(p);

	(void)o;
	if (!row)
		return;
	*row = (struct html_row){ .cells = 0, .is_header = true };
	break_line(p);
	row->start = reader_at(p->rd);
}

static void open_cell(struct html_page *p, const struct opening *o)
{
	struct html_row *row = row_of(p);

	if (!row)
		return;
	if (row->cells > 0 && row->is_layout) {
		break_line(p);
	} else if (row->cells > 0) {
		reader_write_str(p->rd, at_line_start(p) ? "| " : " | ");
		p->wants_space = false;
	}
	row->cells++;
	row->is_header = row->is_header && o->name[1] == 'h';
}

static void close_row(struct html_page *p, const char *name)
{
	struct html_row *row = row_of(p);
	int cells = row ? row->cells : 0;

	(void)name;
	if (!row || cells == 0)
		return;
	row->cells = 0;
	p->is_fresh = false;
	reader_end_line(p->rd);
	if (cells > 1 && !row->is_layout)
		reader_mark(p->rd, MARK_TABLE_ROW, row->is_header ? 1 : 2, row->start);
	p->wants_space = false;
}

static void close_table(struct html_page *p, const char *name)
{
	close_row(p, name);
	if (p->table_depth > 0)
		p->table_depth--;
	break_block(p);
}

/* ---- elements ---- */

static void open_block(struct html_page *p, const struct opening *o)
{
	(void)o;
	break_block(p);
}

static void open_line(struct html_page *p, const struct opening *o)
{
	(void)o;
	break_line(p);
}

static void open_heading(struct html_page *p, const struct opening *o)
{
	(void)o;
	mark_layout(p);
	p->is_fresh = false;
	break_block(p);
	if (p->in_heading++ == 0)
		p->start = reader_at(p->rd);
}

static void close_heading(struct html_page *p, const char *name)
{
	if (p->in_heading > 0 && --p->in_heading == 0) {
		reader_mark(p->rd, MARK_HEADING, name[1] - '0', p->start);
		break_block(p);
	}
}

static void open_pre(struct html_page *p, const struct opening *o)
{
	(void)o;
	mark_layout(p);
	break_block(p);
	if (p->in_pre++ == 0)
		p->start = reader_at(p->rd);
}

static void close_pre(struct html_page *p, const char *name)
{
	(void)name;
	if (p->in_pre > 0 && --p->in_pre == 0)
		reader_mark(p->rd, MARK_CODE, 0, p->start);
	break_block(p);
}

static void open_break(struct html_page *p, const struct opening *o)
{
	(void)o;
	if (p->in_pre > 0 && !in_one_line(p))
		reader_write_str(p->rd, "\n");
	else if (at_line_start(p))
		break_block(p);
	else
		break_line(p);
}

static void open_image(struct html_page *p, const struct opening *o)
{
	write_flowing(p, html_attribute(o->attributes, "alt"));
}

static void close_block(struct html_page *p, const char *name)
{
	(void)name;
	break_block(p);
}

static void close_line(struct html_page *p, const char *name)
{
	(void)name;
	break_line(p);
}

/* What is not here does nothing to the text around it. */
static const struct {
	void (*open)(struct html_page *p, const struct opening *o);
	void (*close)(struct html_page *p, const char *name);
} deeds[] = {
	[ROLE_BLOCK] = { open_block, close_block },
	[ROLE_MAIN] = { open_block, close_block },
	[ROLE_LINE] = { open_line, close_line },
	[ROLE_HEADING] = { open_heading, close_heading },
	[ROLE_LIST] = { open_list, close_list },
	[ROLE_ITEM] = { open_item, close_item },
	[ROLE_PRE] = { open_pre, close_pre },
	[ROLE_TABLE] = { open_table, close_table },
	[ROLE_ROW] = { open_row, close_row },
	[ROLE_CELL] = { open_cell, NULL },
	[ROLE_BREAK] = { open_break, NULL },
	[ROLE_IMAGE] = { open_image, NULL },
};

void html_open(struct html_page *p, enum html_role role, const char *name,
	       const xmlChar **attributes)
{
	if (role < ARRAY_LEN(deeds) && deeds[role].open)
		deeds[role].open(p, &(struct opening){ name, attributes });
}

void html_close(struct html_page *p, enum html_role role, const char *name)
{
	if (role < ARRAY_LEN(deeds) && deeds[role].close)
		deeds[role].close(p, name);
}
