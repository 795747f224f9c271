/*
 * tui/attach.h - what a question is made of: words, piped text, files.  Any thread.
 *
 * All of one question together is at most ATTACH_MAX bytes.  Text only: what has a NUL byte or is
 * not UTF-8 is refused.
 */
#ifndef SPASS_TUI_ATTACH_H
#define SPASS_TUI_ATTACH_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum { ATTACH_MAX = 8 * 1024 * 1024 };

/* An empty question; free with buf_free. */
void attach_init(struct buf *question);
/* The words, a blank between two. */
int attach_words(struct buf *question, int count, char **words, struct err *err);
/* Reads fd to its end; a blank line stands before it. */
int attach_pipe(struct buf *question, int fd, struct err *err);
/* The file's name and its text in a fence that its text does not end. */
int attach_file(struct buf *question, const char *path, struct err *err);
/* "TEXT" or, after an "@", what the file of that name holds.  The caller frees; NULL with err. */
char *attach_text_or_file(const char *text, struct err *err);

/*
 * The content of a fenced block of code: 1 the first, -1 the last.  False when there is no such
 * block.  An open fence at the end of the text is a block too.
 */
bool attach_find_code(struct span text, int64_t number, struct span *code);

#endif
