/*
 * common/rag/latent_inside.h - how a space and its rows lie in their bytes, and the loops over
 * them; for common/rag/latent*.c alone.
 *
 * A space: header | hashes of the terms, ascending, 8 bytes each | scales, float, 4 bytes each |
 * directions, a signed byte for each dimension.  Rows: header | scales, by row | bytes, by row.
 */
#ifndef SPASS_RAG_LATENT_INSIDE_H
#define SPASS_RAG_LATENT_INSIDE_H

#include "common/rag/latent.h"
#include "common/rag/segment_inside.h"

#define LATENT_SPACE_MAGIC UINT64_C(0x6361707373617073) /* "spasspac" */
#define LATENT_ROWS_MAGIC UINT64_C(0x73776f7273617073)  /* "spasrows" */

enum {
	LATENT_VERSION = 1,
	/* of both headers, after the magic; those with * have 64 bits */
	LATENT_HEAD_VERSION = 8,
	LATENT_HEAD_DIMENSIONS = 12,
	LATENT_HEAD_ITEMS = 16, /* terms, or rows */
	LATENT_HEAD_ROWS =
		24, /* * of a space: that it was made of; of rows: the space's checksum */
	LATENT_HEAD_CHECKSUM = 32, /* * over all the rest */
	LATENT_HEAD_SIZE = 40,

	LATENT_TERMS_MAX = 1 << 17, /* of a space: the most frequent ones */
	LATENT_COUNT_MAX = 255,     /* of a term in a row */
	LATENT_ENTRIES_MAX = 1024,  /* different terms of a row */
};

#define LATENT_NONE UINT32_MAX

struct latent_space {
	size_t dimensions, term_count;
	uint64_t rows, id;
	const unsigned char *hashes, *scales;
	const signed char *codes;
};

struct latent_rows {
	size_t dimensions, row_count;
	const unsigned char *scales;
	const signed char *codes;
};

/* ---- texts as numbers ---- */

/* A term and how often it is there, in one number: what rows of a matrix are made of. */
static inline uint32_t entry_of(uint32_t term, uint32_t count)
{
	return term << 8 | count;
}

static inline uint32_t entry_term(uint32_t entry)
{
	return entry >> 8;
}

/* log(1 + count), by the last byte of an entry. */
struct latent_logs {
	float of[LATENT_COUNT_MAX + 1];
};
void latent_logs_init(struct latent_logs *logs);

/* Reads rows of a segment as entries. */
struct latent_reader {
	const struct segment *segment;
	const uint32_t *terms; /* by id of the segment: its term in the space, or LATENT_NONE */
	uint8_t *counts;       /* by term, 0 between rows */
	uint32_t entries[LATENT_ENTRIES_MAX];
};
/* Into r->entries; returns how many. */
size_t latent_read_row(struct latent_reader *r, uint32_t row);

/* Where entries lie in the space, of length 1; false when they are nowhere. */
bool latent_place(const struct latent_space *s, const struct latent_logs *logs,
		  const uint32_t *entries, size_t count, float point[LATENT_DIMENSIONS_MAX]);
/* The term of that hash; LATENT_NONE when the space has none. */
uint32_t latent_find(const struct latent_space *s, uint64_t hash);
/* Writes the checksum into the header. */
void latent_seal(unsigned char *bytes, size_t size);
/* The sum of the entries' directions, weighed; what latent_place brings to length 1. */
void latent_gather(const struct latent_space *s, const struct latent_logs *logs,
		   const uint32_t *entries, size_t count, float *point);
/* count numbers as signed bytes; returns what one counts. */
float latent_pack(const float *numbers, size_t count, signed char *codes);

/* ---- matrices of floats, row by row; dimensions: 64 or 128 ---- */

/*
 * sums += (row of the entries)' x (row of the entries) x matrix x factor: what one round of
 * iteration does with a row.  Matrices: a row for each term.
 */
struct latent_step {
	size_t dimensions;
	const float *matrix;
	float *sums;
	const struct latent_logs *logs;
};
void latent_step(const struct latent_step *step, const uint32_t *entries, size_t count,
		 float factor);
/* Zeros, where vectors may begin; free with latent_matrix_free (NULL, too). */
void *latent_matrix(size_t numbers);
void latent_matrix_free(float *matrix);
/* Makes the columns orthonormal (Cholesky-QR); those that others have already become 0. */
void latent_orthonormalise(float *matrix, size_t rows, size_t dimensions);

/*
 * The products of a point (16 bits, in units) with count rows of codes, whose scales lie at any
 * alignment.
 */
void latent_scores(const int16_t *point, float unit, const signed char *codes,
		   const unsigned char *scales, size_t count, size_t dimensions, float *scores);

#endif
