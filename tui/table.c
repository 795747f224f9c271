/* tui/table.c - cells, column widths, rows; and rows one below the other. */
#include "tui/table.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/inline.h"
#include "tui/width.h"
#include "tui/wrap.h"

#include <string.h>

enum { COLUMN_MIN = 4, SEPARATOR_CELLS = 3, CELL_LINES_MAX = 256, CELL_MAX = 256 * 1024 };
enum align { ALIGN_LEFT, ALIGN_RIGHT, ALIGN_CENTER };

struct table {
	size_t columns; /* of the screen, 0 = any */
	unsigned flags, base;
	markdown_line *line;
	void *context;
	size_t count; /* of columns */
	size_t widths[TABLE_COLUMNS_MAX];
	size_t words[TABLE_COLUMNS_MAX]; /* the longest in each that has room on the screen */
	enum align aligns[TABLE_COLUMNS_MAX];
};

/* A cell's text broken into lines. */
struct cell {
	struct ink *lines;
	size_t count;
};

/* Splits at bars that are not escaped; the first and the last bar are the frame. */
static size_t split_row(struct span row, struct span cells[TABLE_COLUMNS_MAX])
{
	size_t count = 0, start = 0;

	row = span_trim(row);
	if (span_starts(row, "|"))
		row = span_from(row, 1);
	for (size_t i = 0; i <= row.len && count < TABLE_COLUMNS_MAX; i++) {
		if (i < row.len && row.ptr[i] == '\\') {
			i++;
			continue;
		}
		if (i < row.len && row.ptr[i] != '|')
			continue;
		if (i < row.len || span_trim(span_from(row, start)).len)
			cells[count++] = span_trim(span_of(row.ptr + start, i - start));
		start = i + 1;
	}
	return count;
}

/* ":---:" and the like. */
static bool read_align(struct span cell, enum align *align)
{
	bool left = span_starts(cell, ":"), right = cell.len > 1 && span_ends(cell, ":");
	size_t dashes = cell.len - left - right;

	if (cell.len < 1 || !dashes)
		return false;
	for (size_t i = left; i < left + dashes; i++)
		if (cell.ptr[i] != '-')
			return false;
	*align = left && right ? ALIGN_CENTER : right ? ALIGN_RIGHT : ALIGN_LEFT;
	return true;
}

static bool read_aligns(struct table *t, struct span row)
{
	struct span cells[TABLE_COLUMNS_MAX];

	t->count = split_row(row, cells);
	for (size_t i = 0; i < t->count; i++)
		if (!read_align(cells[i], &t->aligns[i]))
			return false;
	return t->count > 0;
}

static void put_cell(void *context, struct span text, unsigned style)
{
	wrap_put(context, text, style);
}

static void keep_line(void *context, const struct ink *row)
{
	struct cell *cell = context;

	if (cell->count == CELL_LINES_MAX)
		return;
	cell->lines = mem_realloc(cell->lines, (cell->count + 1) * sizeof *cell->lines);
	ink_init(&cell->lines[cell->count], CELL_MAX);
	ink_add_ink(&cell->lines[cell->count++], row, 0, row->text.len);
}

static void free_cell(struct cell *cell)
{
	for (size_t i = 0; i < cell->count; i++)
		ink_free(&cell->lines[i]);
	mem_free(cell->lines);
	*cell = (struct cell){ .count = 0 };
}

/* width 0: one line, however long. */
static void read_cell(const struct table *t, struct span text, size_t width, unsigned style,
		      struct cell *cell)
{
	struct wrap wrap;
	struct inline_state marks = { .base = t->base | style,
				      .marks = t->flags & MARKDOWN_MARKS,
				      .put = put_cell,
				      .context = &wrap };

	*cell = (struct cell){ .count = 0 };
	wrap_init(&wrap, width, keep_line, cell);
	for (size_t at = 0; at < text.len;)
		at += inline_take(&marks, text, at, true);
	wrap_break(&wrap);
	wrap_free(&wrap);
}

static struct span next_row(struct span *rows)
{
	return span_cut(rows, '\n');
}

/* A line may be broken at blanks and wide characters (wrap.h): what is between them is a word. */
static void measure_words(struct table *t, size_t column, struct span text)
{
	while (text.len) {
		size_t len, end = 0, width;

		while (end < text.len && text.ptr[end] != ' ' && width_of(utf8_next(span_from(text, end), &len)) < 2)
			end += len;
		width = width_text(span_of(text.ptr, end));
		if (width > t->words[column] && width <= t->columns)
			t->words[column] = width;
		utf8_next(span_from(text, end), &len);
		text = span_from(text, end + len);
	}
}

static void measure(struct table *t, struct span rows, struct cell *cell)
{
	for (size_t number = 0; rows.len; number++) {
		struct span cells[TABLE_COLUMNS_MAX];
		size_t count = split_row(next_row(&rows), cells);

		for (size_t i = 0; i < count && i < t->count && number != 1; i++) {
			size_t width;

			read_cell(t, cells[i], 0, 0, cell);
			width = width_text(buf_span(&cell->lines[0].text));
			if (width > t->widths[i])
				t->widths[i] = width;
			measure_words(t, i, buf_span(&cell->lines[0].text));
			free_cell(cell);
		}
	}
}

/* Of a column of which no more than cap is wanted; its words stay whole. */
static size_t narrowed(const struct table *t, size_t column, size_t cap)
{
	size_t width = t->widths[column] < cap ? t->widths[column] : cap;

	return width > t->words[column] ? width : t->words[column];
}

static size_t total_narrowed(const struct table *t, size_t cap)
{
	size_t total = 0;

	for (size_t i = 0; i < t->count; i++)
		total += narrowed(t, i, cap);
	return total;
}

/* Lowers the widest columns to one width until all fit; false when there is no room, or words would be cut. */
static bool fit(struct table *t)
{
	size_t room, cap = 0;

	for (size_t i = 0; i < t->count; i++) {
		t->widths[i] = t->widths[i] ? t->widths[i] : 1;
		cap = t->widths[i] > cap ? t->widths[i] : cap;
	}
	if (!t->columns)
		return true;
	if (t->columns <= (t->count - 1) * SEPARATOR_CELLS)
		return false;
	room = t->columns - (t->count - 1) * SEPARATOR_CELLS;
	if (cap > room)
		cap = room;
	for (; total_narrowed(t, cap) > room; cap--)
		if (cap <= COLUMN_MIN)
			return false;
	for (size_t i = 0; i < t->count; i++)
		t->widths[i] = narrowed(t, i, cap);
	return true;
}

static void pad(struct ink *row, size_t cells, unsigned style)
{
	while (cells--)
		ink_add(row, SPAN_LIT(" "), style);
}

static void add_part(const struct table *t, size_t column, const struct cell *cell, size_t number,
		     struct ink *row)
{
	const struct ink *part = number < cell->count ? &cell->lines[number] : NULL;
	size_t cells = part ? width_text(buf_span(&part->text)) : 0;
	size_t spare = t->widths[column] > cells ? t->widths[column] - cells : 0, left = 0;

	if (t->aligns[column] == ALIGN_RIGHT)
		left = spare;
	else if (t->aligns[column] == ALIGN_CENTER)
		left = spare / 2;
	pad(row, left, t->base);
	if (part && part->text.len)
		ink_add_ink(row, part, 0, part->text.len);
	if (column + 1 < t->count) {
		pad(row, spare - left, t->base);
		ink_add(row, t->flags & MARKDOWN_ASCII ? SPAN_LIT(" | ") : SPAN_LIT(" \u2502 "),
			t->base | STYLE_DIM);
	}
}

static void print_row(const struct table *t, struct span source, unsigned style, struct cell *cells)
{
	struct span texts[TABLE_COLUMNS_MAX];
	size_t count = split_row(source, texts), lines = 1;
	struct ink row;

	for (size_t i = 0; i < t->count; i++) {
		read_cell(t, i < count ? texts[i] : SPAN_NONE, t->widths[i], style, &cells[i]);
		lines = cells[i].count > lines ? cells[i].count : lines;
	}
	ink_init(&row, CELL_MAX);
	for (size_t number = 0; number < lines; number++) {
		ink_clear(&row);
		for (size_t i = 0; i < t->count; i++)
			add_part(t, i, &cells[i], number, &row);
		t->line(t->context, &row);
	}
	ink_free(&row);
	for (size_t i = 0; i < t->count; i++)
		free_cell(&cells[i]);
}

static void print_rule(const struct table *t)
{
	bool ascii = t->flags & MARKDOWN_ASCII;
	struct ink row;

	ink_init(&row, CELL_MAX);
	for (size_t i = 0; i < t->count; i++) {
		if (i)
			ink_add(&row, ascii ? SPAN_LIT("-+-") : SPAN_LIT("\u2500\u253c\u2500"),
				t->base | STYLE_DIM);
		for (size_t cells = 0; cells < t->widths[i]; cells++)
			ink_add(&row, ascii ? SPAN_LIT("-") : SPAN_LIT("\u2500"),
				t->base | STYLE_DIM);
	}
	t->line(t->context, &row);
	ink_free(&row);
}

/* "Head: cell", what does not fit below it. */
static void print_field(const struct table *t, struct span head, struct span text)
{
	struct wrap wrap;
	struct inline_state marks = { .base = t->base | STYLE_BOLD,
				      .marks = t->flags & MARKDOWN_MARKS,
				      .put = put_cell,
				      .context = &wrap };

	wrap_init(&wrap, t->columns, t->line, t->context);
	wrap_add_rest(&wrap, SPAN_LIT("  "), t->base);
	for (size_t at = 0; at < head.len;)
		at += inline_take(&marks, head, at, true);
	if (head.len)
		wrap_put(&wrap, SPAN_LIT(": "), t->base);
	inline_reset(&marks);
	marks.base = t->base;
	for (size_t at = 0; at < text.len;)
		at += inline_take(&marks, text, at, true);
	wrap_break(&wrap);
	wrap_free(&wrap);
}

/* A table for which there is no room: its rows, a field a line. */
static void print_records(const struct table *t, struct span head, struct span rows)
{
	struct span heads[TABLE_COLUMNS_MAX], texts[TABLE_COLUMNS_MAX];
	size_t head_count = split_row(head, heads);
	struct ink blank;

	ink_init(&blank, CELL_MAX);
	for (size_t number = 0; rows.len; number++) {
		size_t count = split_row(next_row(&rows), texts);

		if (number)
			t->line(t->context, &blank);
		for (size_t i = 0; i < t->count; i++)
			print_field(t, i < head_count ? heads[i] : SPAN_NONE, i < count ? texts[i] : SPAN_NONE);
	}
	ink_free(&blank);
}

bool table_print(struct span rows, size_t columns, unsigned flags, unsigned base,
		 markdown_line *line, void *context)
{
	struct table t = { .columns = columns, .flags = flags, .base = base, .line = line, .context = context };
	struct span rest = rows, head = next_row(&rest), second = next_row(&rest);
	struct cell cells[TABLE_COLUMNS_MAX];

	if (!second.ptr || !read_aligns(&t, second))
		return false;
	measure(&t, rows, &cells[0]);
	if (!fit(&t)) {
		print_records(&t, head, rest);
		return rest.len > 0;
	}
	print_row(&t, head, STYLE_BOLD, cells);
	print_rule(&t);
	while (rest.len)
		print_row(&t, next_row(&rest), 0, cells);
	return true;
}
