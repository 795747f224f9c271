/*
 * common/rag/lexical.h - which chunks fit the words of a question.
 *
 * BM25 (Robertson; k1 1.2, b 0.75) over the terms of terms.h; terms of the vocabulary that look
 * alike count less (trigram Dice >= 0.5, weight 0.5 x Dice squared), and at most four times a row;
 * neighbours in the question that are neighbours in a chunk add a tenth of their weight (for the best LEXICAL_DEEP).
 * Frequencies are those of all segments together.  Segments do not change and searches share
 * nothing: any thread, each with its own scratch.
 */
#ifndef SPASS_RAG_LEXICAL_H
#define SPASS_RAG_LEXICAL_H

#include "common/rag/segment.h"
#include "common/text/terms.h"

enum {
	LEXICAL_DEEP = 200,
	LEXICAL_WORDS_MAX = 64, /* of a question; further ones are left out */
};

/* ---- what is found ---- */

/* A chunk: its text counts once, its title twice, the document's head a quarter. */
struct lexical_row {
	int64_t chunk;
	struct span text;
	struct span title; /* of the document, and the headings above; may be empty */
	struct span head;  /* how the document begins, unless that is the text; may be empty */
};
/*
 * Begins a row of the builder with these; all rows up to segment_builder_write by the same terms.
 * -1: E_too_large.
 */
int lexical_add(struct segment_builder *b, struct terms *terms, const struct lexical_row *row,
		struct err *err);

/* ---- finding ---- */

/* Segments and what of them is alive; row r of segment i is row first[i] + r of the whole. */
struct lexical_view {
	const struct segment *const *segments;
	const uint32_t *first; /* first[i + 1] - first[i] is at least the rows of segment i */
	size_t count;
	const uint64_t *dead; /* bitmap over all rows, or NULL */
	const uint64_t *only; /* rows that a filter leaves, or NULL */
};

struct lexical_hit {
	uint32_t row; /* of the whole */
	float score;
};

struct lexical_scratch;
struct lexical_scratch *lexical_scratch_new(void);
void lexical_scratch_free(struct lexical_scratch *s);
/* Its terms, for lexical_add; borrowed. */
struct terms *lexical_scratch_terms(struct lexical_scratch *s);
/* An empty builder in the memory of the one before; borrowed until the next call. */
struct segment_builder *lexical_scratch_builder(struct lexical_scratch *s);
/* The best max hits, best first, equal ones by row; returns how many. */
size_t lexical_search(const struct lexical_view *view, struct span question,
		      struct lexical_scratch *scratch, struct lexical_hit *hits, size_t max);
/* The same without searching: for the matches of hits that come from elsewhere. */
void lexical_look(const struct lexical_view *view, struct span question,
		  struct lexical_scratch *scratch);
/*
 * What no score of the last question searched with scratch is much above: a chunk that says nothing
 * but its words (of a script without spaces, every other one that no row has).  The best hit comes
 * to a third of it or more when the index speaks of what was asked, and to less than a sixth when it
 * is in another language.
 */
float lexical_highest(const struct lexical_scratch *scratch);
/* Whether that question has a word that says something: "and where?" has none. */
bool lexical_is_telling(const struct lexical_scratch *scratch);

/*
 * The terms of the last question searched with scratch that stand in the row (of the same view),
 * each once, in the order of the text; at most max.
 */
struct lexical_match {
	struct span term; /* into the scratch, until the next search */
	float weight;     /* 1 for the word itself, less for one alike */
	float worth;      /* the same, and more for a rare word */
};
size_t lexical_matches(const struct lexical_view *view, uint32_t row,
		       const struct lexical_scratch *scratch, struct lexical_match *found,
		       size_t max);

#endif
