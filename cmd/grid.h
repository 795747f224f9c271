/*
 * cmd/grid.h - cells in columns.
 *
 * Widths are those of the terminal (wide and combining characters counted); control characters
 * are made harmless.  Nothing is cut but by grid_fit: the last column may run on.
 */
#ifndef SPASS_CMD_GRID_H
#define SPASS_CMD_GRID_H

#include "common/base/buf.h"

enum { GRID_COLUMNS_MAX = 9 };
enum grid_style { GRID_PLAIN, GRID_BOLD, GRID_GOOD, GRID_BAD, GRID_DIM };

struct grid_cell {
	char *text;
	size_t width;
	enum grid_style style;
};

struct grid {
	size_t columns;
	struct grid_cell *cells;
	size_t count;
	bool color, has_head;
};

/* columns: 1..GRID_COLUMNS_MAX. */
void grid_init(struct grid *g, size_t columns, bool color);
void grid_free(struct grid *g);
/* The next cell, row by row.  text is copied; NULL gives "-". */
void grid_add(struct grid *g, const char *text, enum grid_style style);
void grid_addf(struct grid *g, enum grid_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A row of column names, "A|B|C". */
void grid_head(struct grid *g, const char *names);
/* Where stdout is a terminal its columns, else 0. */
size_t grid_columns(void);
/* text, cut to so many columns with an ellipsis; 0 columns: all of it.  The caller frees. */
char *grid_fit_text(const char *text, size_t columns);
/* Cuts the cells of one column, to 8 at the least, so that a row takes no more; columns 0: it may. */
void grid_fit(struct grid *g, size_t column, size_t columns);
int grid_print(const struct grid *g, struct buf *out);
/* On stdout, and frees it. */
void grid_show(struct grid *g);
/* The same of a list; in a pipe, for programs, a tab between two cells, and no head. */
void grid_show_list(struct grid *g);

#endif
