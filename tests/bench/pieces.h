/*
 * tests/bench/pieces.h - the documents of a collection as what an index holds.
 */
#ifndef SPASS_BENCH_PIECES_H
#define SPASS_BENCH_PIECES_H

#include "common/base/buf.h"
#include "tests/bench/collection.h"

struct piece {
	uint32_t document;
	struct span text, title, head;
};

struct pieces {
	struct piece *list;
	size_t count, room;
};

/* Borrows from c.  is_cut: long documents at a paragraph; else each is one piece. */
void pieces_cut(struct pieces *p, const struct collection *c, bool is_cut);
/* chunks of 100 words, in runs of 10 from anywhere, which stay in text. */
void pieces_mix(struct pieces *p, const struct collection *c, size_t collections, size_t chunks,
		struct buf *text);

/* Of this thread. */
double bench_cpu_s(void);
/* Ends the program with a word unless it holds. */
void bench_must(bool holds, const char *what);

#endif
