/* cmd/grid.c - cells in columns, as wide as their widest. */
#include "cmd/grid.h"

#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/width.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CELL_MAX = 64 * 1024, GAP = 2, FIT_MIN = 8 };

static const char *const style_codes[] = {
	[GRID_PLAIN] = "",       [GRID_BOLD] = "\033[1m", [GRID_GOOD] = "\033[32m",
	[GRID_BAD] = "\033[31m", [GRID_DIM] = "\033[2m",
};

void grid_init(struct grid *g, size_t columns, bool color)
{
	assert(columns > 0 && columns <= GRID_COLUMNS_MAX);
	*g = (struct grid){ .columns = columns, .color = color };
}

void grid_free(struct grid *g)
{
	for (size_t i = 0; i < g->count; i++)
		mem_free(g->cells[i].text);
	mem_free(g->cells);
	*g = (struct grid){ .columns = g->columns };
}

void grid_add(struct grid *g, const char *text, enum grid_style style)
{
	struct buf safe;
	struct grid_cell *cell;

	buf_init(&safe, CELL_MAX);
	utf8_add_flat(&safe, span_str(text && *text ? text : "-"));
	g->cells = mem_realloc(g->cells, (g->count + 1) * sizeof *g->cells);
	cell = &g->cells[g->count++];
	*cell = (struct grid_cell){ .width = width_text(buf_span(&safe)), .style = style };
	cell->text = buf_take(&safe);
}

void grid_addf(struct grid *g, enum grid_style style, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	grid_add(g, text, style);
}

void grid_head(struct grid *g, const char *names)
{
	struct span rest = span_str(names);

	g->has_head = true;
	while (rest.ptr) {
		struct span name = span_cut(&rest, '|');

		grid_addf(g, GRID_BOLD, "%.*s", SPAN_ARGS(name));
	}
}

static void add_cell(const struct grid *g, const struct grid_cell *cell, size_t width,
		     struct buf *out)
{
	bool styled = g->color && cell->style != GRID_PLAIN;

	buf_printf(out, "%s%s%s", styled ? style_codes[cell->style] : "", cell->text,
		   styled ? "\033[0m" : "");
	if (width > cell->width)
		buf_printf(out, "%*s", (int)(width - cell->width), "");
}

static void measure(const struct grid *g, size_t widths[GRID_COLUMNS_MAX])
{
	memset(widths, 0, GRID_COLUMNS_MAX * sizeof *widths);
	for (size_t i = 0; i < g->count; i++)
		if (g->cells[i].width > widths[i % g->columns])
			widths[i % g->columns] = g->cells[i].width;
}

size_t grid_columns(void)
{
	return isatty(STDOUT_FILENO) ? asking_page(false, false).columns : 0;
}

char *grid_fit_text(const char *text, size_t columns)
{
	struct span all = span_str(text);
	bool is_unicode = asking_page(false, false).is_unicode;
	const char *mark = is_unicode ? "\xe2\x80\xa6" : "...";
	size_t room = is_unicode ? 1 : 3;

	if (!columns || width_text(all) <= columns)
		return mem_strdup(text);
	all.len = width_cut(all, columns > room ? columns - room : 0);
	return mem_printf("%.*s%s", SPAN_ARGS(all), mark);
}

void grid_fit(struct grid *g, size_t column, size_t columns)
{
	size_t widths[GRID_COLUMNS_MAX], others = GAP * (g->columns - 1), room;

	measure(g, widths);
	for (size_t i = 0; i < g->columns; i++)
		others += i == column ? 0 : widths[i];
	room = columns > others + FIT_MIN ? columns - others : FIT_MIN;
	for (size_t i = column; columns && i < g->count; i += g->columns) {
		struct grid_cell *cell = &g->cells[i];
		char *text = grid_fit_text(cell->text, room);

		mem_free(cell->text);
		cell->text = text;
		cell->width = width_text(span_str(text));
	}
}

int grid_print(const struct grid *g, struct buf *out)
{
	size_t widths[GRID_COLUMNS_MAX];

	measure(g, widths);
	for (size_t i = 0; i < g->count; i++) {
		bool is_last = i % g->columns == g->columns - 1 || i == g->count - 1;

		add_cell(g, &g->cells[i], is_last ? 0 : widths[i % g->columns] + GAP, out);
		if (is_last)
			buf_add_char(out, '\n');
	}
	return buf_failed(out) ? -1 : 0;
}

void grid_show_list(struct grid *g)
{
	struct buf out;

	if (isatty(STDOUT_FILENO)) {
		grid_show(g);
		return;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	for (size_t i = g->has_head ? g->columns : 0; i < g->count; i++)
		buf_printf(&out, "%s%c", g->cells[i].text, i % g->columns == g->columns - 1 ? '\n' : '\t');
	cmd_print(&out);
	buf_free(&out);
	grid_free(g);
}

void grid_show(struct grid *g)
{
	struct buf out;

	buf_init(&out, CMD_OUTPUT_MAX);
	grid_print(g, &out);
	cmd_print(&out);
	buf_free(&out);
	grid_free(g);
}
