/*
 * tui/inline.h - the marks inside a line of Markdown, told as soon as the bytes allow.
 *
 * A mark opens only when its end is known, so nothing is styled or swallowed by mistake: `2 * 3`
 * and `*args` stay what they are.  Every decision depends on the line's bytes alone, never on the
 * pieces in which they came.  Marks end with their line; one that has no end within INLINE_HOLD
 * bytes (a link: INLINE_LINK) is text.  UI thread.
 */
#ifndef SPASS_TUI_INLINE_H
#define SPASS_TUI_INLINE_H

#include "common/base/span.h"

enum { INLINE_HOLD = 1024, INLINE_LINK = 4096, INLINE_DEPTH = 8 };

struct inline_frame {
	size_t close, close_len; /* where its end stands in the line */
	unsigned style;
	size_t address_at, address_len; /* of a link, shown after its text; len 0 = not */
};

struct inline_state {
	struct inline_frame frames[INLINE_DEPTH];
	size_t depth;
	unsigned base;   /* style of all */
	bool marks;      /* keep the marks in the text: no styles can be shown */
	void (*put)(void *context, struct span text, unsigned style);
	void *context;
};

/*
 * Takes what stands at line[at], at < line.len, and puts what it shows.  is_whole: no more bytes
 * of this line will come.  Returns the bytes taken; 0 = more are needed to tell, never when
 * is_whole.  The line must keep its bytes while frames are open.
 */
size_t inline_take(struct inline_state *s, struct span line, size_t at, bool is_whole);
/* A new line begins. */
void inline_reset(struct inline_state *s);

#endif
