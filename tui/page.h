/*
 * tui/page.h - an answer as it grows on a terminal: finished lines, and one row that is repainted.
 *
 * A page turns pieces of text into bytes for the terminal.  Finished lines leave once and for
 * good, so the terminal's scrollback holds each exactly once; the unfinished one is asked for
 * whenever the screen is painted.  Parts are answer (Markdown) and thoughts (dim).  UI thread.
 */
#ifndef SPASS_TUI_PAGE_H
#define SPASS_TUI_PAGE_H

#include "tui/ink.h"

struct page_setup {
	size_t columns;  /* 0 = never wrap */
	bool color;      /* SGR sequences may be used */
	bool markdown;   /* else the text as it comes, wrapped */
	bool is_unicode; /* the terminal shows more than ASCII */
};

enum page_part { PAGE_NONE, PAGE_ANSWER, PAGE_THOUGHT };

struct page;

/* lines: bytes of finished lines, each with "\n"; they are added there. */
struct page *page_new(const struct page_setup *setup, struct buf *lines);
void page_free(struct page *p);
void page_resize(struct page *p, size_t columns);
/* Another part begins on a new line, after a blank one. */
void page_feed(struct page *p, enum page_part part, struct span text);
/* A line of its own, wrapped, above the unfinished one; text is made harmless. */
void page_note(struct page *p, unsigned style, struct span text);
/* The last line leaves; the next feed begins a new page. */
void page_end(struct page *p);
/* The unfinished row, cut to columns - 1 cells, without a line end; replaces out. */
void page_tail(const struct page *p, struct buf *out);

#endif
