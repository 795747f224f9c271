/* common/rag/reading_words.c - see common/rag/reading_words.h. */
#include "common/rag/reading_words.h"

#include "common/base/mem.h"

enum { LIST_INDENT_MAX = 8, HEADING_MAX = 6 };

void words_init(struct words *w, struct reader *rd)
{
	*w = (struct words){ .rd = rd, .page = 1, .page_start = reader_at(rd) };
	buf_init(&w->notes, SIZE_MAX / 2); /* bounded by the text that they are written in first */
}

void words_free(struct words *w)
{
	buf_free(&w->notes);
}

void words_init_aside(struct reader *aside, struct reading *text, const struct reader *rd, size_t max)
{
	reading_init(text);
	buf_init(&text->text, max);
	*aside = *rd;
	aside->out = text;
	aside->after_cr = false;
}

size_t words_room(const struct words *w)
{
	const struct buf *text = &w->rd->out->text;
	size_t used = text->len + w->notes.len;

	return used < text->max ? text->max - used : 1;
}

static void mark_page(struct words *w)
{
	reader_mark(w->rd, MARK_PAGE, w->page++, w->page_start);
	w->page_start = reader_at(w->rd);
	w->turns = false;
}

void words_end(struct words *w, bool always)
{
	words_end_paragraph(w);
	reader_end_line(w->rd);
	if (always || w->page > 1)
		mark_page(w);
}

static bool in_cell(const struct words *w)
{
	return w->tables > 0 && w->tables <= WORDS_TABLES && w->rows[w->tables - 1].cells > 0;
}

void words_begin(struct words *w)
{
	words_end_paragraph(w);
	w->is_started = false;
	w->heading = w->list = 0;
}

/* Gaps of the tables around it come first. */
static void start_in_cell(struct words *w)
{
	struct buf *text = &w->rd->out->text;
	int gaps = 0;

	for (int i = 0; i < w->tables; i++)
		gaps += w->rows[i].gaps;
	if (gaps == 0 && text->len > 0 && !strchr(" \t\n", text->ptr[text->len - 1]))
		reader_write_str(w->rd, " ");
	for (int i = 0; i < w->tables; i++) {
		for (; w->rows[i].gaps > 0; w->rows[i].gaps--)
			reader_write_str(w->rd, " | ");
		if (!w->rows[i].has_text)
			w->rows[i].cell_start = reader_at(w->rd);
		w->rows[i].has_text = true;
	}
}

static void start(struct words *w)
{
	bool is_item = w->list > 0;

	w->is_started = true;
	if (in_cell(w)) {
		start_in_cell(w);
	} else {
		if (w->is_tight || (is_item && w->after_list))
			reader_end_line(w->rd);
		else
			reader_end_block(w->rd);
		w->after_list = is_item;
	}
	if (w->turns)
		mark_page(w);
	w->start = reader_at(w->rd);
	if (is_item && !in_cell(w)) {
		for (int i = 1; i < w->list && i < LIST_INDENT_MAX; i++)
			reader_write_str(w->rd, "  ");
		reader_write_str(w->rd, "- ");
	}
}

void words_text(struct words *w, struct span text)
{
	if (text.len == 0)
		return;
	if (!w->is_started && span_trim(text).len == 0)
		return;
	if (!w->is_started)
		start(w);
	if (w->turns)
		mark_page(w);
	reader_write(w->rd, text);
}

void words_break(struct words *w)
{
	if (w->is_started)
		reader_write_str(w->rd, in_cell(w) || w->heading > 0 ? " " : "\n");
}

void words_note(struct words *w, struct span text)
{
	text = span_strip(text);
	if (text.len > 0 && w->notes.len > 0)
		buf_add_str(&w->notes, "\n\n");
	buf_add_span(&w->notes, text);
}

static void write_notes(struct words *w)
{
	if (w->notes.len == 0 || w->tables > 0)
		return;
	reader_end_block(w->rd);
	reader_write(w->rd, buf_span(&w->notes));
	reader_end_line(w->rd);
	buf_clear(&w->notes);
	w->after_list = false;
}

static void end_paragraph(struct words *w)
{
	if (!w->is_started)
		return;
	w->is_started = false;
	if (in_cell(w))
		return;
	reader_end_line(w->rd);
	if (w->heading > 0)
		reader_mark(w->rd, MARK_HEADING, w->heading < HEADING_MAX ? w->heading : HEADING_MAX, w->start);
	else if (w->list > 0)
		reader_mark(w->rd, MARK_LIST_ITEM, w->list, w->start);
}

void words_end_paragraph(struct words *w)
{
	end_paragraph(w);
	write_notes(w);
}

void words_turn_page(struct words *w)
{
	if (w->turns) /* an empty page */
		mark_page(w);
	w->turns = true;
}

void words_open_table(struct words *w)
{
	if (w->tables < WORDS_TABLES)
		w->rows[w->tables] = (struct words_row){ .cells = 0 };
	if (!in_cell(w)) {
		words_end_paragraph(w);
		reader_end_block(w->rd);
	}
	w->tables++;
}

void words_close_table(struct words *w)
{
	if (w->tables > 0)
		w->tables--;
	w->after_list = false;
	write_notes(w);
}

void words_open_row(struct words *w)
{
	if (w->tables == 0 || w->tables > WORDS_TABLES)
		return;
	if (w->turns && w->tables == 1)
		mark_page(w);
	if (w->tables == 1)
		reader_end_line(w->rd);
	w->rows[w->tables - 1] = (struct words_row){ .start = reader_at(w->rd) };
}

static void end_cell(struct words *w, struct words_row *row)
{
	char *cell;

	w->is_started = false;
	if (row->has_text && row->same > 0) {
		cell = mem_strdup(buf_str(&w->rd->out->text) + row->cell_start);
		for (; row->same > 0; row->same--) {
			reader_write_str(w->rd, " | ");
			reader_write_str(w->rd, cell);
		}
		mem_free(cell);
	}
	row->gaps += row->same;
	row->same = 0;
	row->has_text = false;
}

void words_open_cell(struct words *w, int count)
{
	struct words_row *row;

	if (w->tables == 0 || w->tables > WORDS_TABLES)
		return;
	row = &w->rows[w->tables - 1];
	if (row->cells > 0) {
		end_cell(w, row);
		row->gaps++;
	}
	if (count > WORDS_COLUMNS_MAX - row->cells)
		count = WORDS_COLUMNS_MAX - row->cells;
	if (count < 1)
		count = 1;
	row->same = count - 1;
	row->cells += count;
}

void words_close_row(struct words *w)
{
	bool is_outer = w->tables == 1;
	struct words_row *row;
	int cells;

	if (w->tables == 0 || w->tables > WORDS_TABLES)
		return;
	row = &w->rows[w->tables - 1];
	end_cell(w, row);
	row->gaps = 0;
	cells = row->cells;
	row->cells = 0;
	if (!is_outer) {
		reader_write_str(w->rd, " ");
		return;
	}
	reader_end_line(w->rd);
	if (cells > 1)
		reader_mark(w->rd, MARK_TABLE_ROW, row->is_header ? 1 : 2, row->start);
}
