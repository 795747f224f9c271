/*
 * tui/width.h - how many cells a text takes on a terminal.
 *
 * By the C library's wcwidth for the locale in force, with what it gets wrong put right: joined
 * emoji count once, variation selectors nothing.  UI thread.
 */
#ifndef SPASS_TUI_WIDTH_H
#define SPASS_TUI_WIDTH_H

#include "common/base/span.h"

/* Cells of one code point: 0, 1 or 2. */
int width_of(uint32_t code_point);
/* Whether the next code point is drawn into the cells of this one. */
bool width_joins(uint32_t code_point);
/* Cells of a text; control characters count 0. */
size_t width_text(struct span text);
/* Bytes of the longest prefix that takes at most `cells`, never inside a character. */
size_t width_cut(struct span text, size_t cells);
/* Rows of its lines on a terminal of so many columns (0: never broken); colours take no cells. */
size_t width_rows(struct span text, size_t columns);

#endif
