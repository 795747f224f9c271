/*
 * cmd/output.h - where `-o FILE` writes, for every command that has it.
 *
 * A regular file, and one that is not there yet, is written beside its place and renamed when it
 * is whole, so nobody sees a part of it; symbolic links stay, and what they lead to is written.
 * Whatever else is there (a device, a FIFO, a terminal) is written into as the bytes come and is
 * never replaced, and so is the descriptor that "/dev/fd/N" names, where it stands.  NULL and "-"
 * are standard output, as is what standard output leads to.
 *
 * A new file gets the mode that the umask leaves, as by a redirection of the shell; one that is
 * there keeps its own, and is refused when it may not be written.
 */
#ifndef SPASS_CMD_OUTPUT_H
#define SPASS_CMD_OUTPUT_H

#include "common/base/err.h"
#include "common/base/span.h"

#include <stdio.h>
#include <sys/types.h>

struct output {
	FILE *file;         /* write here; stdout itself when that is meant */
	const char *path;   /* as it was given */
	char *target;       /* the file that is replaced; NULL: written directly */
	char *beside;       /* where it grows meanwhile */
	mode_t mode;        /* which target had; 0: it was not there */
};

/* Fails with E_output_failed.  path is borrowed until output_close. */
int output_open(struct output *o, const char *path, struct err *err);
/*
 * Ends what output_open began.  is_whole false: a file that was to be replaced stays as it was,
 * none appears, and the result is -1 with err untouched.  Of stdout nothing is checked here:
 * cmd_finish does.
 */
int output_close(struct output *o, bool is_whole, struct err *err);
/* All at once. */
int output_write(const char *path, struct span content, struct err *err);

#endif
