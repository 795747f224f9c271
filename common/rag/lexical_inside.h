/* common/rag/lexical_inside.h - a question as terms; for common/rag/lexical*.c alone. */
#ifndef SPASS_RAG_LEXICAL_INSIDE_H
#define SPASS_RAG_LEXICAL_INSIDE_H

#include "common/rag/lexical.h"

enum {
	ALIKE_MAX = 16, /* for a word */
	WANTED_MAX = LEXICAL_WORDS_MAX * (1 + ALIKE_MAX),
	PAIRS_MAX = 2 * LEXICAL_WORDS_MAX,
	PAIR_REACH = 4, /* places between words that a question still puts together */
};

#define NOT_THERE UINT32_MAX

/* A term that is looked for: a word of the question, or one alike. */
struct wanted {
	char text[TERM_MAX];
	uint8_t len;
	bool is_gram;
	float weight;  /* 1 for a word, less for one alike */
	uint64_t rows; /* of all segments, that have it */
	/* of a word of the question alone */
	uint16_t forms, form_count; /* those alike are from forms on; count: with itself */
	float times;                /* that the question says it */
	float idf;
};

/* Words that follow each other in the question. */
struct pair {
	uint16_t first, second;
	uint32_t reach; /* places from one to the other */
};

struct question {
	struct wanted wanted[WANTED_MAX]; /* the words first */
	size_t word_count, count;
	bool is_telling; /* it has more than words that say little */
	struct pair pairs[PAIRS_MAX];
	size_t pair_count;
	/* by segment, then by wanted: id of the term there, or NOT_THERE */
	uint32_t *ids;
	size_t id_room;
	size_t segment_count;
};

/* Reads text, looks its terms and those alike up in all segments. */
void question_read(struct question *q, struct terms *terms, struct segment_counts *counts,
		   const struct lexical_view *view, struct span text);
void question_free(struct question *q);

#endif
