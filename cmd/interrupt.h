/*
 * cmd/interrupt.h - Ctrl-C, SIGTERM and SIGHUP in commands that have something to clean up.
 *
 * The first signal is noted and the command ends its work; the second ends the program as if
 * nobody listened.  After the clean-up the first is raised again, so that the shell sees it.
 */
#ifndef SPASS_CMD_INTERRUPT_H
#define SPASS_CMD_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

/* Begin to listen; on the main thread.  May be called again. */
void interrupt_watch(void);
/* The signal that has come, SIGALRM when the limit is over, or 0.  Any thread. */
int interrupt_signal(void);
/*
 * A limit for the whole command, 0: none.  When it is over the command ends its work as after a
 * signal; interrupt_is_late says that this was why.  After interrupt_watch.
 */
void interrupt_after(int64_t ms);
bool interrupt_is_late(void);
/* Ends the program by the signal that has come; returns when there was none, or a limit was over. */
void interrupt_end(void);

#endif
