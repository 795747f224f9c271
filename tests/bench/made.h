/*
 * tests/bench/made.h - text that nobody wrote, for benches that are given none: the same each time.
 *
 * Words are made of syllables, with English stop words among the commonest; how often each comes
 * falls by Zipf's law, and each document has words of its own topic that others lack.
 */
#ifndef SPASS_BENCH_MADE_H
#define SPASS_BENCH_MADE_H

#include "common/base/buf.h"
#include "tests/bench/collection.h"

struct made;
struct made *made_new(uint64_t seed);
void made_free(struct made *m);
/* Sentences and paragraphs of about so many words, on a topic. */
void made_text(struct made *m, uint64_t topic, size_t words, struct buf *out);
/* A question about the topic. */
void made_question(struct made *m, uint64_t topic, struct buf *out);

/* Documents on topics 1, 2, ..., and a question for each of the first ones. */
void made_collection(struct collection *c, size_t documents, size_t words, size_t questions);
/* The collection DIR/name when a directory is given, else one that is made up. */
void made_or_loaded(struct collection *c, const char *directory, const char *name);

#endif
