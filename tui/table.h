/*
 * tui/table.h - a Markdown table laid out for a terminal.
 *
 * Columns are as wide as their text; when that is too wide, the widest are narrowed and their
 * cells wrapped.  Where words would have to be cut for that, each row becomes lines of "head: cell".
 * UI thread.
 */
#ifndef SPASS_TUI_TABLE_H
#define SPASS_TUI_TABLE_H

#include "tui/markdown.h"

enum { TABLE_COLUMNS_MAX = 32, TABLE_ROWS_MAX = 512, TABLE_MAX = 64 * 1024 };

/*
 * rows: source lines that begin with a bar, each with its newline.  False, and nothing sent, when
 * they are no table: the second line must be of dashes; or when they are but heads without room.
 */
bool table_print(struct span rows, size_t columns, unsigned flags, unsigned base,
		 markdown_line *line, void *context);

#endif
