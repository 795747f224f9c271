/*
 * common/rag/vector_inside.h - how vectors lie in a block, and the kernels; for
 * common/rag/vector*.c alone.
 *
 * A block is its header, then the sections in the order of enum vector_section, all numbers
 * little-endian.  Factors, offsets and signs go up to a multiple of VECTOR_GROUP rows, what is
 * over being 0.  With z the centred and rotated vector, w the query treated alike, and c the mean:
 *
 *	cosine = <z, w> + offset + <query, c>,  offset = <c, z>
 *	<z, w> = scale * <int8, w>              well
 *	<z, w> = factor * <signs, w>            about
 */
#ifndef SPASS_RAG_VECTOR_INSIDE_H
#define SPASS_RAG_VECTOR_INSIDE_H

#include "common/rag/packed.h"
#include "common/rag/vector.h"


#define VECTOR_MAGIC UINT64_C(0x6365767373617073) /* "spassvec" */

enum vector_section {
	VECTOR_IDS,     /* int64 by row */
	VECTOR_SCALES,  /* float by row */
	VECTOR_FACTORS, /* float by padded row */
	VECTOR_OFFSETS, /* float by padded row */
	VECTOR_SIGNS,   /* by group of 32 rows, by 8 dimensions, by row: a byte */
	VECTOR_BYTES,   /* int8 by row, by dimension */
	VECTOR_SECTION_COUNT
};

enum {
	VECTOR_VERSION = 1,
	/* of the header, after the magic */
	VECTOR_HEAD_VERSION = 8,
	VECTOR_HEAD_ROWS = 12,
	VECTOR_HEAD_SPACE = 16, /* vector_space.print */
	VECTOR_HEAD_CHECKSUM = 24,
	VECTOR_HEAD_SIZE = 32,

	VECTOR_GROUP = 32,   /* rows that are scanned together */
	VECTOR_POINTS = 256, /* of the Hadamard transform */
	VECTOR_ROUNDS = 3,
	VECTOR_LEVELS = 63,    /* of a table's entry: four add up in a byte, those of 4096
				* dimensions in 16 bits */
	VECTOR_WIDE_MAX = 8191 /* of the query's numbers beside int8 */
};

struct vector_space {
	size_t dimensions, padded;
	uint64_t seed;
	uint64_t print; /* of all that makes the space */
	float *mean;    /* of dimensions */
	float *centre;  /* the same rotated, of padded */
	/* by round, by padded: what comes to that place, and its sign */
	uint16_t *places;
	float *signs;
};

struct vector_block {
	const unsigned char *sections[VECTOR_SECTION_COUNT];
	size_t rows, padded; /* padded: dimensions */
	uint64_t print;
};

/* A query made ready. */
struct vector_query {
	size_t padded;
	unsigned char *tables; /* 16 bytes by 4 dimensions */
	float step, bias;      /* <signs, w> = step * sum of entries - bias */
	int16_t *wide;         /* w in units of wide_scale */
	float wide_scale;
	float constant; /* <query, c> */
	float *unit;    /* the normalised query; NULL when it was a row */
};

/* 32 rows to scan. */
struct vector_group {
	const unsigned char *signs, *factors, *offsets;
};

struct vector_kernel {
	const char *name;
	bool (*can)(void);
	/* Scores (without the constant) of a group, and bits of those above the floor. */
	uint32_t (*scan)(const struct vector_query *q, const struct vector_group *g, float floor,
			 float scores[VECTOR_GROUP]);
	/* count is a multiple of VECTOR_POINTS. */
	int64_t (*dot)(const unsigned char *bytes, const int16_t *wide, size_t count);
	void (*to_half)(const float *in, size_t count, uint16_t *out);
	void (*from_half)(const uint16_t *in, size_t count, float *out);
};
extern const struct vector_kernel vector_portable, vector_avx2, vector_neon;
const struct vector_kernel *vector_kernel(void);

static inline bool vector_bit(const uint64_t *bits, size_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* splitmix64. */
static inline uint64_t vector_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The length of a vector; 0 when it is not usable. */
double vector_length(const float *vector, size_t dimensions);
/* The vector over its length, minus the mean, rotated, into z; room and z: of padded. */
int vector_place(const struct vector_space *s, const float *vector, float *room, float *z);

/* -1 when the vector is not usable. */
int vector_query_init(struct vector_query *q, const struct vector_space *s, const float *vector);
/* w is given, of padded: as when a row asks. */
void vector_query_init_placed(struct vector_query *q, const struct vector_space *s, const float *w);
void vector_query_free(struct vector_query *q);
/* What the row is worth by int8, with the constant. */
float vector_query_score(const struct vector_query *q, const struct vector_kernel *k,
			 const struct vector_block *b, size_t row);

/* A block while it is written. */
struct vector_writer {
	unsigned char *head; /* of the block in out; valid until out changes */
	unsigned char *sections[VECTOR_SECTION_COUNT];
	size_t rows, padded, size;
	uint64_t print;
};
/* Appends a block of so many zeroed rows. */
int vector_writer_init(struct vector_writer *w, size_t rows, size_t padded, uint64_t print,
		       struct buf *out, struct err *err);
void vector_writer_row(struct vector_writer *w, const struct vector_space *s, size_t row,
		       int64_t id, const float *z);
void vector_writer_copy(struct vector_writer *w, size_t row, const struct vector_block *from,
			size_t from_row);
/* Once all rows are there: the checksum. */
void vector_writer_end(struct vector_writer *w);

size_t vector_padded_rows(size_t rows);
void vector_section_sizes(size_t rows, size_t padded, size_t sizes[VECTOR_SECTION_COUNT]);
size_t vector_block_size(size_t rows, size_t padded);

/* The best of many rows. */
struct vector_candidate {
	float score;
	uint32_t block, row;
};
struct vector_shortlist {
	struct vector_candidate *list;
	size_t count, room, keep;
	float floor; /* no row at or below it is among the keep best */
};
void vector_shortlist_init(struct vector_shortlist *s, size_t keep, size_t room);
void vector_shortlist_free(struct vector_shortlist *s);
/* Leaves the keep best, in no order. */
void vector_shortlist_cut(struct vector_shortlist *s);

static inline void vector_shortlist_add(struct vector_shortlist *s, float score, size_t block,
					size_t row)
{
	if (!(score > s->floor))
		return;
	s->list[s->count++] = (struct vector_candidate){ score, (uint32_t)block, (uint32_t)row };
	if (s->count == s->room)
		vector_shortlist_cut(s);
}

/* A partition is a small header, and the block of its centres, whose ids are numbers of lists. */
#define PARTITION_MAGIC UINT64_C(0x7261707373617073) /* "spasspar" */
enum {
	PARTITION_VERSION = 8,
	PARTITION_PROBES = 12,
	PARTITION_CHECKSUM = 16,
	PARTITION_SIZE = 24,
	PARTITION_HITS = 10, /* whose recall sets the probes */
};
struct vector_partition {
	struct vector_block *centres;
	size_t probes; /* for PARTITION_HITS */
};
/*
 * The lists to look at, nearest first; living: rows by list that are considered; rows: of all lists
 * that are there; hits: that are wanted; chosen: room for all lists.  Returns how many.
 */
size_t vector_partition_choose(const struct vector_partition *p, const struct vector_query *q,
			       const struct vector_kernel *k, const uint32_t *living, uint64_t rows,
			       size_t hits, uint32_t *chosen);

/*
 * The rescore best rows of a view by its signs, scored with int8, in no order; the list is the
 * caller's to free.  sure: of vector_search, 1 or more.  The view's exact is not asked.
 */
void vector_search_rows(const struct vector_view *view, const struct vector_query *q, size_t sure,
			size_t rescore, struct vector_shortlist *best);

/* Scans the rows of a block by their signs; bits: of rows to consider, or NULL. */
void vector_scan_block(const struct vector_query *q, const struct vector_kernel *k,
		       const struct vector_block *b, size_t block, const uint64_t *dead,
		       const uint64_t *only, struct vector_shortlist *best);

#endif
