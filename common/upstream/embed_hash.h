/*
 * common/upstream/embed_hash.h - a text as a vector, by hashing; no model, no training.
 *
 * The terms that an index is searched by (common/text/terms.h) and their runs of three to five
 * characters fall into EMBED_HASH_DIMENSIONS numbers with a sign; those that say little weigh
 * little.  All sums are of integers, so the vector is the same bit for bit on every machine with
 * the same stemmers.  Texts that share words or parts of words are near each other; synonyms are
 * not.  Any thread.
 */
#ifndef SPASS_UPSTREAM_EMBED_HASH_H
#define SPASS_UPSTREAM_EMBED_HASH_H

#include "common/base/span.h"

enum { EMBED_HASH_DIMENSIONS = 768 };

/* Of length 1, also for a text without words. */
void embed_hash(struct span text, float out[EMBED_HASH_DIMENSIONS]);

#endif
