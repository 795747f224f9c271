/*
 * common/store/queue.h - from many threads to the writer, without a lock.
 *
 * Entries come from a bounded pool that grows in slabs and is given back by queue_free.  Order is
 * kept among the parcels of one thread, and between threads when one push came before the other.
 */
#ifndef SPASS_STORE_QUEUE_H
#define SPASS_STORE_QUEUE_H

#include "common/store/entry.h"

struct queue;

/* max: entries out at once, > 0. */
struct queue *queue_new(size_t max);
/* The queue is empty and nobody uses it any more. */
void queue_free(struct queue *q);
/* Any thread.  An entry to fill, or NULL when max are out. */
struct entry *queue_entry(struct queue *q);
/* Any thread; takes entries[count]. */
void queue_release(struct queue *q, struct entry *const *entries, size_t count);
/* Any thread; lends m until it was taken.  True when the consumer rests: wake it. */
bool queue_push(struct queue *q, struct parcel *m);
/* Consumer: all there is, the oldest first; NULL when there is nothing. */
struct parcel *queue_take(struct queue *q);
/* Consumer: true when the next push will report that it must be woken, false when there is work. */
bool queue_rest(struct queue *q);

#endif
