/*
 * tui/slash.h - the commands of a conversation: one row each, from which come dispatch, /help and
 * completion.
 *
 * A line that begins with one slash is a command; "//" begins a message with a slash.  UI thread.
 */
#ifndef SPASS_TUI_SLASH_H
#define SPASS_TUI_SLASH_H

#include "common/base/buf.h"

struct talk;

struct slash {
	const char *name;      /* without the slash */
	const char *arguments; /* "[MODEL]", or "" */
	const char *summary;   /* one line, no full stop */
	const char *help;      /* more, or NULL */
	bool completes_models; /* its argument is the name of a model */
	bool completes_indices; /* or of an index */
	bool completes_files;   /* or of a file */
	bool any_time;         /* also while an answer comes */
	void (*run)(struct talk *t, struct span argument);
};

/* talk_slash.c; ends with name NULL. */
extern const struct slash slash_table[];

/* Whether the line is a command; its parts are borrowed from it. */
bool slash_split(struct span line, struct span *name, struct span *argument);
/* The row of that name, or NULL; then *near is the one that may be meant, or NULL. */
const struct slash *slash_find(const struct slash *table, struct span name, const char **near);
/* All rows, or all of one. */
int slash_help(const struct slash *table, const struct slash *one, struct buf *out);

#endif
