/*
 * tui/wrap.h - characters into lines of a width, broken at words.
 *
 * A line begins with a prefix: `first` once, `rest` on those that follow from wrapping.  UI thread.
 */
#ifndef SPASS_TUI_WRAP_H
#define SPASS_TUI_WRAP_H

#include "tui/ink.h"

struct wrap {
	size_t columns; /* 0 = never wrap */
	struct ink first, rest;
	struct ink row; /* the unfinished line */
	size_t width;   /* cells of row */
	size_t break_at;   /* bytes of row after which it may be broken; 0 = none */
	size_t prefix_len; /* bytes of row that are its prefix */
	bool is_open;      /* the prefix is in */
	bool eats_blanks;  /* a line that follows from wrapping begins with a word */
	bool joined;       /* the next character is drawn into the cells of the last */
	void (*line)(void *context, const struct ink *row);
	void *context;
};

void wrap_init(struct wrap *w, size_t columns, void (*line)(void *, const struct ink *), void *context);
void wrap_free(struct wrap *w);
/* Prefixes of the line to come; both are empty after wrap_break. */
void wrap_add_first(struct wrap *w, struct span text, unsigned style);
void wrap_add_rest(struct wrap *w, struct span text, unsigned style);
/* Whole characters. */
void wrap_put(struct wrap *w, struct span text, unsigned style);
/* The line ends, be it empty. */
void wrap_break(struct wrap *w);

#endif
