/*
 * common/rag/vector.h - vectors as codes: found by one bit a dimension, ordered by int8 and
 * float16.
 *
 * A vector is normalised, centred on the mean of its index and rotated (three rounds of sign flip,
 * permutation and 256-point Hadamard, the dimensions padded to a multiple of 256), so that all
 * directions are alike.  Then it is kept twice: as signs, one bit a dimension, with the factor
 * |z|^2/|z|_1 that makes of the signs an unbiased estimate (RaBitQ, arXiv 2405.12497); and as int8
 * with one scale.  A search scans the bits of all rows, 32 at a time, by byte-shuffle tables; the
 * best are scored with int8, and the best 30 of those with the float16 of the database, where the
 * caller has them.  That finds 99.5 of 100 neighbours in a millisecond among 100,000 rows of 768
 * dimensions, takes 884 bytes a row, needs no training, and a filter costs nothing but its bits.
 *
 * Kernels are AVX2, NEON or portable C, chosen at the first use by what the processor can do; all
 * of them give the same hits in the same order.  A space and a block never change once made: any
 * thread may use them.
 */
#ifndef SPASS_RAG_VECTOR_H
#define SPASS_RAG_VECTOR_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum {
	VECTOR_DIMENSIONS_MAX = 4096,
	VECTOR_BLOCK_ROWS = 1024,      /* what background merges aim at */
	VECTOR_ROWS_MAX = 1 << 20,     /* of one block */
	VECTOR_FLAT_ROWS_MAX = 200000, /* above: partitions (vector_partition.h) */
	VECTOR_HITS_MAX = 1 << 20,     /* of one search */
};

/* ---- the space: how an index codes ---- */

struct vector_space;
/*
 * mean: of the normalised vectors (vector_mean), or NULL when none are known yet.  A later, better
 * mean is another space: rows must be packed again for it.  NULL with E_invalid_field for bad
 * dimensions or a mean that is none.
 */
struct vector_space *vector_space_new(size_t dimensions, uint64_t seed, const float *mean,
				      struct err *err);
void vector_space_free(struct vector_space *s);
size_t vector_space_dimensions(const struct vector_space *s);
/* Appends what vector_space_open needs: some bytes, and four a dimension. */
int vector_space_write(const struct vector_space *s, struct buf *out, struct err *err);
/* bytes are not needed afterwards.  NULL with E_storage_error. */
struct vector_space *vector_space_open(struct span bytes, struct err *err);
/* Of count vectors, each normalised; those that cannot be are left out.  All 0 when none is left.
 */
void vector_mean(const float *vectors, size_t count, size_t dimensions, float *mean);

/* Whether it has a direction: finite and not 0. */
bool vector_usable(const float *vector, size_t dimensions);

/* ---- blocks of rows ---- */

/*
 * Appends count vectors of any length, whose ids ascend, as one block.  -1: E_invalid_field when
 * one of them is not usable or ids do not ascend, E_too_large over VECTOR_ROWS_MAX or out's max;
 * out is as it was.
 */
int vector_pack(const struct vector_space *s, const float *vectors, const int64_t *ids,
		size_t count, struct buf *out, struct err *err);

struct vector_block;
/*
 * bytes are borrowed until vector_block_close, at any alignment.  NULL with E_storage_error when
 * they are no block, of another space, cut short or damaged.  A forged block with a right checksum
 * gives wrong hits, but nothing reads outside it.
 */
struct vector_block *vector_block_open(const struct vector_space *s, struct span bytes,
				       struct err *err);
void vector_block_close(struct vector_block *b);
size_t vector_block_rows(const struct vector_block *b);
/* row < vector_block_rows; ids ascend with the rows. */
int64_t vector_block_id(const struct vector_block *b, size_t row);
/* The first row whose id is not below that one; vector_block_rows when all are. */
size_t vector_block_lower(const struct vector_block *b, int64_t id);
/* Words of a bitmap of its rows. */
size_t vector_block_words(const struct vector_block *b);
/*
 * Many blocks of one space into one, in the order of their ids, which are distinct among the
 * living.  dead: per block a bitmap of rows to leave out (or NULL), or NULL for none at all.  -1:
 * E_too_large, E_storage_error; out is as it was.
 */
int vector_merge(const struct vector_block *const *blocks, const uint64_t *const *dead,
		 size_t count, struct buf *out, struct err *err);

/* ---- searching ---- */

struct vector_hit {
	int64_t id;
	float score; /* cosine */
};

struct vector_partition;
/* What is searched: blocks of one space.  Unset members are 0. */
struct vector_view {
	const struct vector_block *const *blocks;
	size_t count;
	/* Per block a bitmap of rows to leave out, or NULL; of rows to consider, or NULL for all.
	 */
	const uint64_t *const *dead, *const *only;
	/* The first blocks are its lists, those after them are searched whole; or NULL. */
	const struct vector_partition *partition;
	/*
	 * The vector of a row as the database has it, for the last word on the best 30; false when
	 * it is not at hand.  Or NULL.
	 */
	bool (*exact)(void *data, int64_t id, float *vector);
	void *data;
};

/*
 * The max best by cosine, best first, equal ones by id; returns how many.  sure: of so many, the
 * first ones (0: of all), 995 of 1000 are found among rows that are searched whole, and with a
 * partition as many as of the ten best; those behind them, the end of a list that is weighed
 * against others, cost less and are found less surely.  Few rows, or few that a filter leaves, are
 * scored with int8 all of them.  A query that is not usable finds nothing.  The blocks of a large
 * view may be searched by several threads, some each; the best of their hits are those of the whole.
 */
size_t vector_search(const struct vector_space *s, const struct vector_view *view,
		     const float *query, size_t sure, struct vector_hit *hits, size_t max);

/* ---- float16 (IEEE 754 binary16), as kept in the database ---- */

/* To nearest, ties to even; too large becomes infinite. */
void vector_to_half(const float *in, size_t count, uint16_t *out);
void vector_from_half(const uint16_t *in, size_t count, float *out);

/* "avx2", "neon" or "portable". */
const char *vector_kernel_name(void);
/* For tests: all later calls use that one; false when this machine has not got it. */
bool vector_kernel_use(const char *name);

#endif
