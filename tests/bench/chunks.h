/*
 * tests/bench/chunks.h - the documents of a collection as what an index holds.
 */
#ifndef SPASS_BENCH_CHUNKS_H
#define SPASS_BENCH_CHUNKS_H

#include "common/base/arena.h"
#include "common/rag/cut.h"
#include "common/rag/rag.h"
#include "tests/bench/collection.h"

struct chunk {
	uint32_t document;
	uint32_t ordinal;              /* of its document's chunks */
	size_t start, end;             /* bytes of the document */
	size_t chars_start, chars_end; /* the same in characters */
	struct span text;
	struct span title; /* of the document, and the headings above */
	struct span head;  /* how the document begins; empty for its first chunk */
};

struct chunks {
	struct chunk *list;
	size_t count, room;
	struct arena titles;
};

/* Adds those of a document: cut when options are not NULL, else all of it. */
void chunks_add(struct chunks *p, const struct collection *c, size_t document,
		const struct cut_options *options);
/* Borrows from c.  is_cut: as the program cuts; else each document is one. */
void chunks_cut(struct chunks *p, const struct collection *c, bool is_cut);
/* chunks of 100 words, in runs of 10 from anywhere, which stay in text. */
void chunks_mix(struct chunks *p, const struct collection *c, size_t collections, size_t chunks,
		struct buf *text);
void chunks_free(struct chunks *p);

/* Of this thread. */
double bench_cpu_s(void);
/* Ends the program with a word unless it holds. */
void bench_must(bool holds, const char *what);
/* The indices in a directory, or the program's end. */
struct rag *bench_open_rag(const char *dir);

#endif
