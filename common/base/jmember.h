/*
 * common/base/jmember.h - members of a JSON object as they are written, each with the comma it needs.
 *
 * The brackets are the caller's; names are ours, and written as they are.  Any thread.
 */
#ifndef SPASS_BASE_JMEMBER_H
#define SPASS_BASE_JMEMBER_H

#include "common/base/buf.h"

/* Before a member, or an item of a list: a comma, unless it is the first. */
void jmember_comma(struct buf *out);
/* The name; its value follows. */
void jmember_key(struct buf *out, const char *name);
void jmember_text(struct buf *out, const char *name, struct span value);
/* Nothing where the text is empty. */
void jmember_text_if(struct buf *out, const char *name, struct span value);
void jmember_number(struct buf *out, const char *name, int64_t value);
/* Milliseconds of the wall clock as "2026-05-03T07:36:50.239Z". */
void jmember_time(struct buf *out, const char *name, int64_t wall_ms);

#endif
