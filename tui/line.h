/*
 * tui/line.h - how a line of Markdown begins, and so what it is.
 *
 * A line that is still arriving is unclear until no byte to come can change its kind.  Any thread.
 */
#ifndef SPASS_TUI_LINE_H
#define SPASS_TUI_LINE_H

#include "common/base/span.h"

#include <stdbool.h>
#include <stddef.h>

enum { LINE_CODE_INDENT = 4, LINE_TAB_CELLS = 4 };

enum line_kind {
	LINE_UNCLEAR,
	LINE_BLANK,
	LINE_TEXT,
	LINE_ITEM,
	LINE_HEADING,
	LINE_RULE,
	LINE_TABLE,
	LINE_FENCE,    /* opens a block of code */
	LINE_FENCED,   /* within it, or its end */
	LINE_INDENTED, /* code by indentation */
};

/* What a line's beginning says. */
struct line_start {
	enum line_kind kind;
	size_t at;     /* where its text, or its marker, begins */
	size_t quotes; /* levels of quoting */
	size_t indent; /* cells before the text, quotes aside */
	size_t marker; /* bytes of a heading's or an item's mark with its blank */
};

/* What the lines before leave open. */
struct line_place {
	bool in_list;     /* within an item, indented text is the item's */
	bool after_blank; /* indented text may begin a block of code */
	bool in_code;     /* or go on with it */
};

/* is_whole: nothing of it is to come.  Lines within a fence are not for here. */
struct line_start line_read(struct span line, bool is_whole, const struct line_place *place);

#endif
