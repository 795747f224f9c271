/*
 * tui/signals.h - signals as bytes of a pipe, for a loop that waits for descriptors.
 *
 * Once in a process; main thread.
 */
#ifndef SPASS_TUI_SIGNALS_H
#define SPASS_TUI_SIGNALS_H

#include "common/base/err.h"

/* From now on SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT and SIGWINCH come by signals_next. */
int signals_open(struct err *err);
/* They do what they did before. */
void signals_close(void);
int signals_fd(void);
/* The next one, or 0. */
int signals_next(void);
/* Whether SIGINT, SIGTERM or SIGHUP is among those to come: what takes its time ends. */
bool signals_want_end(void);
/* Stops the process as SIGTSTP does; returns when it goes on. */
void signals_stop_self(void);

#endif
