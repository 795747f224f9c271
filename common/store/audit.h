/*
 * common/store/audit.h - audit.jsonl: lines appended, rotated by size.  Owner thread.
 *
 * When the file would pass its size it becomes <path>.1, in place of an older one.
 */
#ifndef SPASS_STORE_AUDIT_H
#define SPASS_STORE_AUDIT_H

#include "common/base/err.h"

struct audit;

/* Made 0600.  max_bytes > 0.  A line that a crash left unfinished is ended. */
struct audit *audit_open(const char *path, int64_t max_bytes, struct err *err);
void audit_close(struct audit *a);
/*
 * Whole lines, each with its newline; one write(2) unless they span a rotation.  On failure the
 * file ends with a whole line.  A file that was removed is made anew.
 */
int audit_write(struct audit *a, struct span lines, struct err *err);
/* After somebody else moved the file.  On failure the old one stays in use. */
int audit_reopen(struct audit *a, int64_t max_bytes, struct err *err);
/* Whether a write of some lines would succeed now. */
int audit_probe(struct audit *a, struct err *err);

#endif
