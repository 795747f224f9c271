/*
 * tui/notes.h - what this user's machine remembers of kept conversations: a text for each.
 *
 * The gateway keeps what is said; what a conversation was asked with (its index, its system message)
 * is the client's.  A file holds notes of one kind, the latest last, and forgets the oldest of too
 * many.  What cannot be read is as if nothing had been noted, but is not written over.
 */
#ifndef SPASS_TUI_NOTES_H
#define SPASS_TUI_NOTES_H

#include "common/base/err.h"

/* The text of the conversation, or NULL.  The caller frees it. */
char *notes_find(const char *path, const char *conversation);
/* In place of what was noted of it; NULL: nothing from now on.  -1 with err: it is as it was. */
int notes_keep(const char *path, const char *conversation, const char *text, struct err *err);

#endif
