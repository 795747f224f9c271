/*
 * tui/ink.h - text with a style for each byte, and its form as terminal sequences.
 *
 * What is added is made harmless first, so that no text of a model, a tool or a file can move the
 * cursor or change the terminal.  UI thread.
 */
#ifndef SPASS_TUI_INK_H
#define SPASS_TUI_INK_H

#include "common/base/buf.h"

enum style {
	STYLE_BOLD = 1,
	STYLE_ITALIC = 2,
	STYLE_CODE = 4,
	STYLE_HEADING = 8,
	STYLE_LINK = 16,
	STYLE_DIM = 32,
	STYLE_STRIKE = 64,
	STYLE_BAD = 128
};

struct ink {
	struct buf text, styles; /* of the same length; a style is enum style bits */
};

/* max: bytes. */
void ink_init(struct ink *i, size_t max);
void ink_free(struct ink *i);
void ink_clear(struct ink *i);
/* Tabs become four blanks, newlines one. */
void ink_add(struct ink *i, struct span text, unsigned style);
/* All or a part of another one, as it is. */
void ink_add_ink(struct ink *i, const struct ink *from, size_t at, size_t len);
void ink_truncate(struct ink *i, size_t len);
/* The first len bytes as SGR sequences and text, or the text alone; ends in the plain style. */
int ink_print(const struct ink *i, size_t len, bool color, struct buf *out);
/* The same of a text in one style; made harmless. */
int ink_print_text(struct span text, unsigned style, bool color, struct buf *out);

#endif
