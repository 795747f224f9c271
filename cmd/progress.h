/*
 * cmd/progress.h - how far long work has come, on stderr.
 *
 * On a terminal one line that is written over, at most ten times a second; elsewhere a line every
 * ten seconds; nothing with --quiet.  Rate and time left come from what was done so far.
 */
#ifndef SPASS_CMD_PROGRESS_H
#define SPASS_CMD_PROGRESS_H

#include "cmd/cmd.h"

struct progress {
	const struct cmd_globals *globals;
	const char *what, *unit; /* "docs", "files" */
	int64_t total;           /* of units; 0: not known */
	int64_t done, bytes;
	int64_t found; /* of done, what was there before: no rate comes from it */
	/* private */
	int64_t began_us, told_us;
	bool is_terminal, is_shown;
};

/* what and unit: borrowed. */
void progress_begin(struct progress *p, const struct cmd_globals *g, const char *what,
		    const char *unit, int64_t total);
void progress_step(struct progress *p, int64_t done, int64_t bytes);
/* Takes the line away, so that something else may be written. */
void progress_hide(struct progress *p);
void progress_end(struct progress *p);

#endif
