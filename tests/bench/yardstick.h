/*
 * tests/bench/yardstick.h - other libraries' searches over the same vectors (yardstick.cc), when
 * they are installed: Debian's libfaiss-dev and libhnswlib-dev.  One thread.
 */
#ifndef SPASS_BENCH_YARDSTICK_H
#define SPASS_BENCH_YARDSTICK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum yardstick_kind { YARDSTICK_FAISS_FLAT, YARDSTICK_FAISS_HNSW, YARDSTICK_HNSWLIB };
struct yardstick;
/* Vectors are kept by reference until the end.  Graphs: 16 links, 200 candidates while building. */
struct yardstick *yardstick_build(enum yardstick_kind kind, const float *vectors, size_t count,
				  size_t dimensions);
void yardstick_free(struct yardstick *y);
/* beam: how many candidates a graph keeps. */
void yardstick_search(struct yardstick *y, const float *query, size_t beam, int64_t *rows,
		      size_t max);

#ifdef __cplusplus
}
#endif
#endif
