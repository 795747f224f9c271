/*
 * common/upstream/chunks.h - a whole chat completion told as the events of a stream.
 *
 * Some servers answer a request for a stream with the whole in one JSON object.  Every choice
 * becomes a chunk with all of its message and one that finishes it; usage follows in a chunk of
 * its own, then the end mark.  Values are copied as they stand, members without a place in a
 * chunk included.  Pure; any thread.
 */
#ifndef SPASS_UPSTREAM_CHUNKS_H
#define SPASS_UPSTREAM_CHUNKS_H

#include "common/base/err.h"
#include "common/base/jscan.h"

/* Appends to out: 0, or -1 with E_upstream_error when it is full or body is not JSON. */
int chunks_of_completion(struct span body, struct buf *out, struct err *err);

#endif
