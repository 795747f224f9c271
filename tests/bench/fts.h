/*
 * tests/bench/fts.h - what ours is compared with: FTS5 of SQLite, porter over unicode61, its
 * bm25().
 */
#ifndef SPASS_BENCH_FTS_H
#define SPASS_BENCH_FTS_H

#include "tests/bench/chunks.h"

#include <sqlite3.h>

struct fts {
	sqlite3 *db;
	sqlite3_stmt *search;
	bool without_stops; /* leave words that say little out of questions */
};

void fts_build(struct fts *f, const struct chunks *p);
void fts_free(struct fts *f);
/* data: a struct fts.  The best rows of any of the words; returns how many. */
size_t fts_search(void *data, const char *text, uint32_t *rows, size_t max);

#endif
