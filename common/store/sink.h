/*
 * common/store/sink.h - where a batch of records goes: rows in one transaction, lines in a few writes.
 *
 * The two do not depend on each other: while one fails the other goes on.  A failure is logged
 * when it begins, then once a minute, and when it ends.  Owner thread, but for sink_check.
 */
#ifndef SPASS_STORE_SINK_H
#define SPASS_STORE_SINK_H

#include "common/store/queue.h"
#include "common/store/store.h"
#include "common/store/work.h"

struct sink;

/* Opens and migrates. */
struct sink *sink_open(const struct store_options *options, struct err *err);
void sink_close(struct sink *s);
/*
 * 0, or -1 when the rows or the lines could not be written.  Sets the result of every work, which
 * share one transaction with the rows; when they lose it, the rows have another.
 */
int sink_write(struct sink *s, struct entry *const *batch, size_t count, struct work *const *works,
	       size_t work_count);
void sink_reopen_audit(struct sink *s, int64_t audit_max_bytes);
void sink_limit_usage(struct sink *s, const struct usage_limits *limits);
/*
 * While there is nothing to write: one small step of what can wait.  True when there is more of it.
 */
bool sink_tidy(struct sink *s);
bool sink_is_failing(const struct sink *s);
/* While failing: opens again what is broken and looks whether it could be written. */
void sink_probe(struct sink *s);
/* Any thread: 0, or -1 with the failure that goes on. */
int sink_check(struct sink *s, struct err *err);

#endif
