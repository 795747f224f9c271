/*
 * common/upstream/unpack.h - takes the content coding off an answer (RFC 9110 8.4.1).
 *
 * We ask for none, yet some servers and what stands before them code all the same.  Incremental:
 * what goes in comes out as soon as the coding lets it, so that a stream stays one.  Pure; owner
 * thread.
 */
#ifndef SPASS_UPSTREAM_UNPACK_H
#define SPASS_UPSTREAM_UNPACK_H

#include "common/base/err.h"

enum coding {
	CODING_NONE,
	CODING_GZIP,    /* RFC 1952, in one member or several */
	CODING_DEFLATE, /* RFC 1950, or bare RFC 1951 as some send it */
	CODING_UNKNOWN, /* another, or several */
};
/* From the value of Content-Encoding. */
enum coding coding_of(struct span content_encoding);

struct unpack;

/* coding: CODING_GZIP or CODING_DEFLATE.  max: bytes that may come out in all. */
struct unpack *unpack_new(enum coding coding, size_t max);
/* NULL is fine. */
void unpack_free(struct unpack *u);
/* Further bytes, borrowed until unpack_next has returned 0. */
void unpack_feed(struct unpack *u, struct span bytes);
/*
 * 1: *piece is the next of what was coded, not empty, borrowed until the next call.  0: all that
 * was fed has been used.  -1: E_upstream_error, not of that coding or larger than max.
 */
int unpack_next(struct unpack *u, struct span *piece, struct err *err);
/* Whether the coded data may end here: nothing was cut off. */
bool unpack_is_whole(const struct unpack *u);

#endif
