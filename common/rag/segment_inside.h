/*
 * common/rag/segment_inside.h - how a segment lies in its bytes; for common/rag/segment*.c alone.
 *
 * header | sections, in the order of enum section.  An entry of the dictionary ("slot") is a term
 * by its place in byte order; ids order the same terms by frequency, so that the frequent ones are
 * short in SECTION_PLACES.
 */
#ifndef SPASS_RAG_SEGMENT_INSIDE_H
#define SPASS_RAG_SEGMENT_INSIDE_H

#include "common/rag/packed.h"
#include "common/rag/segment.h"

#define SEGMENT_MAGIC UINT64_C(0x78656c7373617073) /* "spasslex" */

enum section {
	SECTION_CHUNKS,      /* int64 by row */
	SECTION_LENGTHS,     /* uint16 by row */
	SECTION_PLACE_ENDS,  /* uint32 by row: where its run in SECTION_PLACES ends */
	SECTION_PLACES,      /* varints: id + PLACE_FIRST, or a PLACE_ mark for what follows */
	SECTION_SLOTS,       /* SLOT_SIZE by slot: uint32 each, as the SLOT_ names say */
	SECTION_BY_ID,       /* uint32 by id: its slot */
	SECTION_TEXT_BLOCKS, /* uint32 by TEXT_BLOCK slots: where they begin in SECTION_TEXTS */
	SECTION_TEXTS,       /* bytes shared with the term before, bytes of its own, those */
	SECTION_POSTINGS,    /* blocks: segment.c; PACK_SLACK bytes more */
	SECTION_GRAMS,       /* uint32 by trigram: its hash, ascending */
	SECTION_GRAM_ENDS,   /* uint32 by trigram: where its run in SECTION_GRAM_SLOTS ends */
	SECTION_GRAM_SLOTS,  /* varints: gaps between slots */
	SECTION_COUNT
};

enum {
	SEGMENT_VERSION = 1,
	/* of the header, after the magic; words and checksum have 64 bits */
	HEAD_VERSION = 8,
	HEAD_ROWS = 12,
	HEAD_TERMS = 16,
	HEAD_GRAMS = 20, /* trigrams */
	HEAD_WORDS = 24, /* sum of the lengths */
	HEAD_CHECKSUM = 32,
	HEAD_SECTIONS = 40, /* where each ends */
	HEAD_SIZE = HEAD_SECTIONS + 4 * SECTION_COUNT,
	SLOT_POSTINGS = 0, /* where they begin */
	SLOT_ROWS = 4,
	SLOT_ID = 8,
	SLOT_GRAMS = 12, /* how many, and perhaps SLOT_MARKED */
	SLOT_SIZE = 16,
	SLOT_MARKED = 1 << 30, /* its trigrams are of letters that lost their marks */
	TEXT_BLOCK = 16,
	PACK_SLACK = 8, /* bytes that may be loaded past the last packed number */
	PLACE_BESIDE = 0,
	PLACE_APART = 1,
	PLACE_FIRST = SEGMENT_PLACE_FIRST,
	PLACE_JUMP = 16,                  /* between places that are no neighbours */
	GRAMS_MAX = SEGMENT_TERM_MAX + 1, /* of a term */
};

struct segment {
	const unsigned char *bytes;
	size_t size;
	uint32_t row_count, term_count, gram_count;
	uint64_t words;
	const unsigned char *sections[SECTION_COUNT];
	size_t section_sizes[SECTION_COUNT];
};

/* Number i of those at section. */
static inline uint32_t section32(const struct segment *s, enum section section, size_t i)
{
	return load32(s->sections[section] + 4 * i);
}

/* Moves *at; 0 and *at = end when it is cut short or over 32 bits. */
static inline uint32_t varint_read(const unsigned char **at, const unsigned char *end)
{
	uint32_t value = 0;

	for (unsigned shift = 0; *at < end && shift < 32; shift += 7) {
		uint32_t byte = *(*at)++;

		value |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	*at = end;
	return 0;
}

const unsigned char *segment_slot(const struct segment *s, uint32_t slot);

/* The dictionary in byte order. */
struct texts {
	const unsigned char *at, *end;
	uint32_t slot, slot_count; /* of the next one */
	char text[SEGMENT_TERM_MAX];
	size_t len;
};
void texts_open(const struct segment *s, uint32_t slot, struct texts *t);
bool texts_next(struct texts *t);

/*
 * Hashes of the trigrams of word, ascending, each once; none when it is a number or a gram. Folded:
 * of its letters without their marks, as the index has them; *is_marked: that makes a difference.
 */
size_t segment_grams(struct span word, bool folded, uint32_t grams[GRAMS_MAX], bool *is_marked);

/*
 * Writing: all rows; then the terms in byte order, each with its postings; then, as the terms have
 * ids, of each row the places; then the end, which appends everything to out.
 */
struct segment_writer {
	struct buf sections[SECTION_COUNT];
	char before[SEGMENT_TERM_MAX]; /* the last term */
	size_t before_len;
	uint32_t row_count, term_count;
	uint64_t words;
	uint64_t *grams; /* hash << 32 | slot */
	size_t gram_count, gram_room;
	uint32_t *ids; /* by slot, once the terms are complete */
};
void writer_init(struct segment_writer *w);
void writer_free(struct segment_writer *w);
/* Nothing is written yet; the memory is kept. */
void writer_clear(struct segment_writer *w);
size_t writer_bytes(const struct segment_writer *w);
void writer_row(struct segment_writer *w, int64_t chunk, uint32_t length);
struct posting {
	uint32_t row, weight;
};
/* count > 0, rows ascending. */
void writer_term(struct segment_writer *w, struct span term, const struct posting *postings,
		 uint32_t count);
void writer_order_terms(struct segment_writer *w);
/* mark: PLACE_BESIDE or PLACE_APART, or PLACE_FIRST for neither. */
void writer_place(struct segment_writer *w, uint32_t id, uint32_t mark);
void writer_end_places(struct segment_writer *w);
int writer_end(struct segment_writer *w, struct buf *out, struct err *err);
/* The trigram sections. */
void writer_grams(struct segment_writer *w);

#endif
