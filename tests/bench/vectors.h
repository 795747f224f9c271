/*
 * tests/bench/vectors.h - vectors as a model of text embeddings gives them, made up.
 *
 * Unit vectors with a common mean, topics, topics within topics, and directions whose weight falls
 * by a power law; like embeddings of sentences they have near neighbours at a cosine of .56 and
 * some 25 dimensions of their own.
 */
#ifndef SPASS_BENCH_VECTORS_H
#define SPASS_BENCH_VECTORS_H

#include <stddef.h>
#include <stdint.h>

enum { VECTORS_DIMENSIONS = 768, VECTORS_NEAREST = 10 };

/* Count of them, one after the other; mem_free.  Other seeds are other vectors on the same topics.
 */
float *vectors_make(size_t count, uint64_t seed);
/* The VECTORS_NEAREST rows (of those whose bit is set, or of all) with the largest products. */
void vectors_nearest(const float *vectors, size_t count, const uint64_t *bits, const float *query,
		     int64_t *rows);
/* How many of right are among rows. */
size_t vectors_common(const int64_t *right, const int64_t *rows, size_t count);
/* Prints the two figures above of the first of them. */
void vectors_describe(const float *vectors, size_t count);
/* CPU time of this thread. */
double vectors_cpu_s(void);

#endif
