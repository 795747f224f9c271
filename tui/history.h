/*
 * tui/history.h - what was typed, kept in a file: one entry a line, newlines and backslashes
 * escaped, so that an entry of several lines comes back as one.
 *
 * The file is 0600; entries are added by single appending writes, so that several terminals may
 * share it.  UI thread.
 */
#ifndef SPASS_TUI_HISTORY_H
#define SPASS_TUI_HISTORY_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum { HISTORY_ENTRIES_MAX = 1000, HISTORY_ENTRY_MAX = 64 * 1024, HISTORY_FILE_MAX = 16 * 1024 * 1024 };

/*
 * Calls entry for each, oldest first, HISTORY_ENTRIES_MAX at most; a file that has grown much
 * longer is shortened.  A file that is not there has none.
 */
int history_load(const char *path, void (*entry)(void *context, const char *text), void *context,
		 struct err *err);
/* Makes the file and its directory when they are not there. */
int history_append(const char *path, const char *text, struct err *err);
/* Whether it should be kept: not blank, no leading blank, not longer than an entry may be. */
bool history_wants(const char *text);

#endif
