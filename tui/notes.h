/*
 * tui/notes.h - which index and system message a kept conversation was asked with: two files of this
 * user on this machine.
 *
 * The gateway keeps what is said, and neither where it was searched for nor what the model was to
 * keep to.  A line a conversation, the
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

/* The same of the system message, in a file of its own: NULL, or the caller frees it. */
char *notes_find_system(const char *path, const char *conversation);
/* text NULL: it is asked without, from now on. */
int notes_keep_system(const char *path, const char *conversation, const char *text, struct err *err);

#endif
