/*
 * common/store/recorder.h - a thread's way of leaving records for the writer.
 *
 * It knows what the latest records had in common, so that a record is queued without a look at the
 * lengths of its texts, and in a few lines of memory.  Owner thread: one at a time.
 */
#ifndef SPASS_STORE_RECORDER_H
#define SPASS_STORE_RECORDER_H

#include "common/observe/record.h"

struct recorder;
struct store;

/* s outlives it, and may be NULL: then NULL, with which nothing is kept. */
struct recorder *recorder_new(struct store *s);
void recorder_free(struct recorder *r);
/*
 * Queues a copy of the record, or counts it as dropped when the queue is full.  r may be NULL.  Never
 * blocks.
 */
void recorder_keep(struct recorder *r, const struct record *record);

#endif
