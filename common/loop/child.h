/*
 * common/loop/child.h - another program, run to its end while the caller waits.
 *
 * Blocks: for jobs and commands, never on a loop.  Any thread.  The child gets its own process
 * group, no descriptor but its three, default signals, and of the environment only what programs
 * need to run (PATH, HOME, LANG and their like): tokens and keys stay here.
 */
#ifndef SPASS_LOOP_CHILD_H
#define SPASS_LOOP_CHILD_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdatomic.h>

struct child_options {
	const char *const *argv;      /* [0] is looked for in PATH; no shell; NULL at its end */
	int64_t timeout_ms;           /* > 0; then its group is killed */
	const atomic_bool *cancelled; /* kills it, too; or NULL */
};

enum child_outcome {
	CHILD_EXITED,    /* status = its exit status */
	CHILD_SIGNALLED, /* status = the signal */
	CHILD_TIMED_OUT,
	CHILD_TOO_LONG, /* it wrote more than out takes, and was killed */
	CHILD_CANCELLED,
};

enum { CHILD_TAIL = 400 }; /* bytes */

struct child_end {
	enum child_outcome outcome;
	int status;
	char tail[CHILD_TAIL + 1]; /* the end of what it wrote to stderr, in printable characters */
};

/*
 * Runs it with an empty standard input; what it writes is appended to out (whose max is the
 * limit).  Whatever its group left running is killed.  0 with *end filled, or -1 when it could not
 * be started: E_loader_failed, the message says why.
 */
int child_run(const struct child_options *o, struct buf *out, struct child_end *end,
	      struct err *err);

#endif
