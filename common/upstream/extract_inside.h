/*
 * common/upstream/extract_inside.h - what the files of extract.h share.  Private.
 */
#ifndef SPASS_UPSTREAM_EXTRACT_INSIDE_H
#define SPASS_UPSTREAM_EXTRACT_INSIDE_H

#include "common/base/arena.h"
#include "common/upstream/extract.h"
#include "common/text/sentence.h"

enum { TERMS_MAX = 48 };

/* A sentence and its words: tokens[first .. first + count). */
struct piece {
	struct sentence s;
	size_t source;
	uint32_t first, count;
	uint32_t position; /* within its source */
	double score;
};

struct vocable {
	uint64_t hash;
	struct span text;
	uint32_t df;       /* in how many sentences */
	uint32_t last;     /* the last of them + 1 */
	uint32_t tf;
	bool is_stop;
	signed char term;  /* the question's word that it is most like, or -1 */
	float likeness;    /* 0..1 */
};

struct term {
	uint64_t hash;
	struct span text;
	double weight; /* idf, or little for a stop word */
	double df;
	bool is_stop;
};

struct extraction {
	const struct extract_request *request;
	struct arena arena;
	struct piece *pieces;
	size_t piece_count;
	uint32_t *tokens;
	size_t token_count, token_size;
	struct vocable *vocables;
	size_t vocable_count, vocable_size;
	uint32_t *slots; /* index + 1 into vocables, by hash */
	size_t slot_count;
	uint32_t current; /* piece whose words are being added, + 1 */
	struct term terms[TERMS_MAX];
	size_t term_count;
	double term_total;
};

/* Give every piece its score.  False when no sentence has anything of the question. */
bool extract_score_question(struct extraction *x);
void extract_score_summary(struct extraction *x);
/* The piece with what it says little without: the fields of its row, or what explains a term. */
struct span extract_whole(const struct extraction *x, const struct piece *p);

#endif
