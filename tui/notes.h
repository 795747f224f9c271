/*
 * tui/notes.h - which index a kept conversation was asked with: a file of this user on this machine.
 *
 * The gateway keeps what is said, and not where it was searched for.  A line a conversation, the
 * latest last, so many at most; what cannot be read is as if nothing was noted.
 */
#ifndef SPASS_TUI_NOTES_H
#define SPASS_TUI_NOTES_H

#include "common/base/err.h"

/* filter: JSON, or NULL. */
struct note {
	char *index, *filter;
};

/* Whether there is one; cleared with note_clear in any case. */
bool notes_find(const char *path, const char *conversation, struct note *out);
/* index NULL: it is asked without, from now on. */
int notes_keep(const char *path, const char *conversation, const char *index, const char *filter,
	       struct err *err);
void note_clear(struct note *n);

#endif
