/*
 * tests/support/vectors.h - vectors for tests, what a search of them should find, and kernels.
 */
#ifndef SPASS_SUPPORT_VECTORS_H
#define SPASS_SUPPORT_VECTORS_H

#include "common/rag/vector.h"

/* Vectors about topics, with a common mean and directions that matter more than others. */
struct data {
	size_t dimensions, count;
	float *vectors;
	int64_t *ids; /* -100, -97, and so on */
};
struct data make_data(size_t dimensions, size_t count, uint64_t seed);
void free_data(struct data *d);
/* With their mean. */
struct vector_space *space_of(const struct data *d);

/* Rows from..to as a block of its own. */
struct packed {
	struct buf bytes;
	struct vector_block *block;
};
struct packed pack(const struct vector_space *s, const struct data *d, size_t from, size_t to);
void free_packed(struct packed *p);

double cosine(const float *a, const float *b, size_t n);
/* What a search should find among rows whose bit is set, or all. */
size_t exact_hits(const struct data *d, const uint64_t *bits, const float *query,
		  struct vector_hit *hits, size_t max);
size_t common_ids(const struct vector_hit *a, const struct vector_hit *b, size_t count);
/* To the last bit. */
void assert_same_hits(const struct vector_hit *right, const struct vector_hit *hits, size_t count);

/* So many of 1,000; mem_free. */
uint64_t *draw_bits(size_t count, unsigned per_mille, uint64_t seed);

extern const char *const kernels[3];
/* Leaves the fastest in use. */
void use_best_kernel(void);

#endif
