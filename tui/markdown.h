/*
 * tui/markdown.h - Markdown that is still arriving, as styled lines for a terminal.
 *
 * Text is fed in pieces of any size; lines come out as soon as they are full (wrapped at words to
 * the width), so a reader sees the answer grow and no finished line is ever redrawn.  However the
 * text is cut, the lines are the same.
 *
 * Understood: headings, emphasis, code spans, fenced and indented code, lists, quotes, rules,
 * tables, links.  Line breaks stay where they are written.  Not understood, because it would
 * change what has left already: underlined headings, tables without a leading bar, references.
 * Control characters are made harmless.  UI thread.
 */
#ifndef SPASS_TUI_MARKDOWN_H
#define SPASS_TUI_MARKDOWN_H

#include "tui/ink.h"

enum markdown_flag {
	MARKDOWN_PLAIN = 1, /* no marks are read; lines are wrapped only */
	MARKDOWN_MARKS = 2, /* no styles can be shown: headings and code keep their marks */
	MARKDOWN_ASCII = 4  /* bullets, bars and rules in ASCII */
};

/* One finished line, without its line end; borrowed until the call returns. */
typedef void markdown_line(void *context, const struct ink *line);

struct markdown;

/* columns: cells of a line, raised to 20; 0 = never wrap.  base: a style that all has. */
struct markdown *markdown_new(size_t columns, unsigned flags, unsigned base, markdown_line *line,
			      void *context);
void markdown_free(struct markdown *m);
/* For the lines to come. */
void markdown_resize(struct markdown *m, size_t columns);
void markdown_feed(struct markdown *m, struct span text);
/* What has come of the present line, to be shown below the finished ones; into out, cleared. */
void markdown_tail(const struct markdown *m, struct ink *out);
/* The end of the text: the last lines leave.  It can be fed again, with a new text. */
void markdown_end(struct markdown *m);

#endif
