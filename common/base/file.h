/*
 * common/base/file.h - whole files, and where they live.  Any thread.
 *
 * Files are made 0600 and directories 0700; a write goes to a temporary name in the same
 * directory, is synced and renamed, so a reader sees the old or the new content, never a part.
 * Devices, FIFOs and sockets are never renamed over: that is E_storage_error.
 */
#ifndef SPASS_BASE_FILE_H
#define SPASS_BASE_FILE_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Appends the file's bytes to out.  Fails with E_storage_error, or E_too_large past out->max. */
int file_read(const char *path, struct buf *out, struct err *err);
int file_write(const char *path, struct span content, struct err *err);
/*
 * The same in two steps, for who writes piece by piece: a name beside path that nobody uses (the
 * caller makes the file, 0600, and frees the name), then the renaming, after which both the bytes
 * and the name last.  replace false: an existing file at path is E_storage_error and stays.
 */
char *file_beside(const char *path);
int file_settle(const char *temporary, const char *path, bool replace, struct err *err);
/* Makes path and its parents; or those alone, where a file of that path is to lie. */
int file_make_dirs(const char *path, struct err *err);
int file_make_parents(const char *path, struct err *err);
bool file_exists(const char *path);
/*
 * Whether there is nothing at path, for files that need not be there.  What cannot be looked at and
 * a link that leads nowhere, of a directory on the way too, are something: reading them tells what is
 * wrong.
 */
bool file_is_absent(const char *path);
bool file_is_directory(const char *path);

/* XDG base directories; a relative value in the environment is ignored, as its text says. */
enum file_place { FILE_CONFIG, FILE_DATA, FILE_STATE, FILE_CACHE, FILE_RUNTIME };
/*
 * "<place>/spass/<name>" (name may be "").  The caller frees with mem_free.  FILE_RUNTIME without
 * XDG_RUNTIME_DIR is a directory of the user below /tmp, made and checked to be his.  NULL when
 * that check fails, or when the user has no home directory.
 */
char *file_place(enum file_place place, const char *name);

#endif
