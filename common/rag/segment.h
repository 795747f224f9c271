/*
 * common/rag/segment.h - the postings of a set of chunks, packed into one run of bytes.
 *
 * A segment is built in memory, written once and never changed; the bytes are used as they lie
 * (in a row of the database, or mapped), opening allocates one small struct.  Rows are numbered
 * from 0 in the order in which they were added, by ascending chunk id.  Any thread may read.
 *
 * It holds, with all numbers little-endian and a checksum over everything: chunk ids; lengths; the
 * terms in byte order, front coded; per term its rows with weights in blocks; per row its terms in
 * the order of the text (for neighbours, matches, and whoever wants the text as a vector); the
 * trigrams of the vocabulary (for terms that are alike).
 */
#ifndef SPASS_RAG_SEGMENT_H
#define SPASS_RAG_SEGMENT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/text/terms.h"

enum {
	SEGMENT_ROWS_MAX = 1 << 24,
	SEGMENT_BYTES_MAX = 1000 * 1000 * 1000, /* what a row of the database holds */
	SEGMENT_TERM_MAX = 96,                  /* bytes */
	SEGMENT_LENGTH_MAX = UINT16_MAX,        /* a longer row counts as one of so many words */
	SEGMENT_WEIGHT_MAX = UINT16_MAX,        /* more occurrences count as so many */
};

/* ---- building; one thread ---- */

struct segment_builder;
struct segment_builder *segment_builder_new(void);
void segment_builder_free(struct segment_builder *b);
/* Texts of so many bytes are to come: room for what they will take is there at once. */
void segment_builder_expect(struct segment_builder *b, size_t bytes);
/* Begins the next row; chunk is larger than the one before.  -1 (E_too_large) past
 * SEGMENT_ROWS_MAX. */
int segment_builder_row(struct segment_builder *b, int64_t chunk, struct err *err);

enum segment_place {
	SEGMENT_NEXT,    /* the first follows the term before them */
	SEGMENT_APART,   /* in the text's order, but the first is no neighbour of the term before */
	SEGMENT_NOWHERE, /* they count, but stand in no order: words of the document's head */
};

/*
 * The number of a term of 1 to SEGMENT_TERM_MAX bytes, the same until the rows are written; hash:
 * terms_hash of it.
 */
uint32_t segment_builder_number(struct segment_builder *b, struct span text, uint64_t hash);
/*
 * Those terms in the row, one after the other or beside each other.  weight: what each counts in the
 * frequency, in quarters, 1..64 (4 = a word of the text).
 */
void segment_builder_terms(struct segment_builder *b, const struct term_number *list, size_t count,
			   unsigned weight, enum segment_place place);
/* Under which terms have numbers of these rows, kept for lexical_add; 0 until it is set. */
uint32_t *segment_builder_tag(struct segment_builder *b);
/*
 * Adds to the row the terms that stand nowhere of a row before, when they were of the same text:
 * those added after this said false.  False: they are to be added now, and are remembered unless
 * the text is longer than a document's head.
 */
bool segment_builder_again(struct segment_builder *b, struct span text, unsigned weight);
/* The row's length in words, for normalisation; 0 unless told. */
void segment_builder_length(struct segment_builder *b, uint32_t words);
size_t segment_builder_rows(const struct segment_builder *b);
/* Memory that it uses, about. */
size_t segment_builder_bytes(const struct segment_builder *b);
/*
 * Appends the packed segment to out, whose max is SEGMENT_BYTES_MAX or more; the builder is empty
 * afterwards and may be used again.  -1: E_too_large, out as it was.
 */
int segment_builder_write(struct segment_builder *b, struct buf *out, struct err *err);

/* Leaves out all rows; memory is kept for the next ones unless it is much. */
void segment_builder_clear(struct segment_builder *b);

/* Adds by to the chunk ids of a packed segment, which were not known yet when it was written. */
void segment_shift(char *bytes, size_t len, int64_t by);

/*
 * Many into one without going back to the texts.  dead: per segment a bitmap of rows to leave out
 * (or NULL), or NULL for none at all.  Chunk ids must ascend over the segments.  Linear in the
 * postings.  -1: E_too_large, or E_storage_error for ids out of order or a segment that was forged.
 */
struct segment;
int segment_merge(const struct segment *const *segments, const uint64_t *const *dead, size_t count,
		  struct buf *out, struct err *err);

/* ---- reading ---- */

/*
 * bytes are borrowed until segment_close, at any alignment.  NULL with E_storage_error when they
 * are no segment, of another version, cut short or damaged.  A forged segment with a right checksum
 * gives wrong hits, but nothing reads outside it.
 */
struct segment *segment_open(struct span bytes, struct err *err);
void segment_close(struct segment *s);
uint32_t segment_rows(const struct segment *s);
/* Sum of the lengths. */
uint64_t segment_words(const struct segment *s);
/* row < segment_rows. */
int64_t segment_chunk(const struct segment *s, uint32_t row);
uint32_t segment_length(const struct segment *s, uint32_t row);
/* The lengths of many rows. */
void segment_lengths(const struct segment *s, const uint32_t *rows, size_t count, float *lengths);
/* The first row whose chunk is not below that one; segment_rows when all are. */
uint32_t segment_lower(const struct segment *s, int64_t chunk);
/* The row of that chunk; -1 when it has none. */
int64_t segment_row(const struct segment *s, int64_t chunk);

struct segment_term {
	uint32_t id;   /* 0..segment_terms() - 1; the term of most rows is 0 */
	uint32_t rows; /* that have it */
};
uint32_t segment_terms(const struct segment *s);
/* Whether the segment has the term. */
bool segment_find(const struct segment *s, struct span term, struct segment_term *found);
/* id < segment_terms. */
struct segment_term segment_term(const struct segment *s, uint32_t id);
/* Its text, into room; the length is returned. */
size_t segment_term_text(const struct segment *s, uint32_t id, char room[SEGMENT_TERM_MAX]);

/*
 * The terms whose letters are like word's: Dice coefficient of their trigrams (with a mark at each
 * end) of at least min, > 0; best first, at most max.  The word itself, numbers and grams of
 * scripts without spaces are not among them.  folded: "resume" is quite like "résumé"; else é is
 * as far from e as any other letter.  counts: kept between calls, zeroed struct at first.
 */
struct segment_alike {
	struct segment_term term;
	float dice;
};
struct segment_counts {
	uint8_t *counts; /* by term, 0 between calls */
	uint32_t *seen;
	size_t room;
};
size_t segment_alike(const struct segment *s, struct span word, float min, bool folded,
		     struct segment_counts *counts, struct segment_alike *found, size_t max);
void segment_counts_free(struct segment_counts *counts);

/* Postings of a term in blocks, decoded into arrays (a scorer's loop runs over these). */
enum { SEGMENT_BLOCK = 128 };
struct postings {
	uint32_t rows[SEGMENT_BLOCK];    /* ascending, < segment_rows */
	uint32_t weights[SEGMENT_BLOCK]; /* in quarters of an occurrence, 1..SEGMENT_WEIGHT_MAX */
	size_t count;
	/* private */
	const unsigned char *at, *end;
	uint32_t left, next_row, row_count;
};
void postings_open(const struct segment *s, uint32_t id, struct postings *p);
/* Fills the next block; false at the end. */
bool postings_next(struct postings *p);

/* The terms of a row in the order of the text, from id 0 on as SEGMENT_PLACE_FIRST and following.
 */
enum { SEGMENT_PLACE_FIRST = 2 };
struct places {
	uint32_t id;
	uint32_t place; /* neighbours differ by 1 */
	/* private */
	const unsigned char *at, *end;
	uint32_t term_count;
};
void places_open(const struct segment *s, uint32_t row, struct places *p);
/* Has the memory fetched that places_open and places_next will read soon. */
void places_prefetch(const struct segment *s, uint32_t row);
/* places_next for what is not one plain term of one or two bytes. */
bool places_next_slowly(struct places *p);

static inline bool places_next(struct places *p)
{
	uint32_t first, second, is_long, code;

	if (p->end - p->at < 2)
		return places_next_slowly(p);
	first = p->at[0];
	second = p->at[1];
	if (first < SEGMENT_PLACE_FIRST || (first & second & 0x80))
		return places_next_slowly(p);
	/* One byte or two is as good as chance: no branch that would be guessed wrong. */
	is_long = first >> 7;
	code = (first & 0x7f) | (second << 7 & (0 - is_long));
	if (code < SEGMENT_PLACE_FIRST || code - SEGMENT_PLACE_FIRST >= p->term_count)
		return false;
	p->at += 1 + is_long;
	p->id = code - SEGMENT_PLACE_FIRST;
	p->place++;
	return true;
}

#endif
