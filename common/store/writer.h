/*
 * common/store/writer.h - the one thread that writes.
 *
 * It sleeps while the queue is empty.  The first push wakes it; it then gathers for
 * STORE_GATHER_MS, so that many records share a commit, unless they come in such numbers that the
 * queue might overflow meanwhile.  Work that somebody waits for is committed at once, with all that
 * is queued: while one commit runs, the next one's group gathers by itself.
 */
#ifndef SPASS_STORE_WRITER_H
#define SPASS_STORE_WRITER_H

#include "common/store/sink.h"

struct writer;

/* Takes sink and borrows queue until writer_stop; metrics may be NULL.  Starts the thread. */
struct writer *writer_start_take(struct queue *queue, struct sink *sink, struct metrics *metrics,
				 struct err *err);
/* Writes what is queued, ends the thread, closes the sink.  Nobody pushes any more. */
void writer_stop(struct writer *w);
/* Any thread: after a push that asked for it. */
void writer_wake(struct writer *w);
/* Any thread: after a push of what somebody waits for. */
void writer_hurry(struct writer *w);
/* Any thread: waits until what was queued before has been written, or could not be. */
void writer_flush(struct writer *w);
/* Any thread. */
void writer_reopen_audit(struct writer *w, int64_t audit_max_bytes);
/* Any thread. */
void writer_limit_usage(struct writer *w, const struct usage_limits *limits);
/* Any thread: a record found no room. */
void writer_count_dropped(struct writer *w);
/* Any thread: as sink_check. */
int writer_check(struct writer *w, struct err *err);

#endif
