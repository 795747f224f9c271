/*
 * cmd/interrupt.h - Ctrl-C, SIGTERM and SIGHUP in commands that have something to clean up.
 *
 * The first signal is noted and the command ends its work; the second ends the program as if
 * nobody listened.  After the clean-up the first is raised again, so that the shell sees it.
 */
#ifndef SPASS_CMD_INTERRUPT_H
#define SPASS_CMD_INTERRUPT_H

/* Begin to listen; on the main thread.  May be called again. */
void interrupt_watch(void);
/* The signal that has come, or 0.  Any thread. */
int interrupt_signal(void);
/* Ends the program by the signal that has come; returns when there was none. */
void interrupt_end(void);

#endif
