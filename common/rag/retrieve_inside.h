/* common/rag/retrieve_inside.h - a question on its way; for common/rag/retrieve*.c alone. */
#ifndef SPASS_RAG_RETRIEVE_INSIDE_H
#define SPASS_RAG_RETRIEVE_INSIDE_H

#include "common/rag/retrieve.h"
#include "common/rag/snapshot.h"

/* Of a question; fusion's hits have their parts by these. */
enum retrieve_list { LIST_LEXICAL, LIST_LATENT, LIST_DENSE, LIST_BEFORE, LIST_COUNT };

struct retrieval {
	const struct retrieve_question *question;
	struct rag_view view;
	struct arena *arena;
	struct retrieve_answer *answer;
	struct lexical_scratch *words; /* of the question's text: what matches_of reads */
	struct lexical_view rows;      /* what is searched */
	struct rag_only only;
	bool is_filtered;
	struct fusion_hit *found; /* best first */
	size_t found_count;
	/* By place in found, once ranks have put it in order, else NULL; rerank is NAN without one. */
	const float *fused, *rerank;
	/* As the lists had them, by place in the list. */
	struct lexical_hit *lexical;
	size_t lexical_count;
	struct fusion_list dense;
};

/* -1: the arena is full. */
int retrieve_full(struct err *err);
/* Searches all lists and fuses them: found, and what the answer says of it. */
int retrieve_find(struct retrieval *r, struct err *err);
/* Puts what was found in the order of the question's ranks. */
int retrieve_order(struct retrieval *r, struct err *err);
/* Of what was found the best, for a model to read. */
int retrieve_gather(struct retrieval *r, struct retrieve_candidate *out, size_t max, size_t *count,
		    struct err *err);
/* Makes hits of the best found. */
int retrieve_show(struct retrieval *r, struct err *err);
/* Characters that all texts of an answer of that scope may have together. */
size_t retrieve_budget(const struct retrieve_question *question, enum retrieve_scope scope);
/* Makes hits of all documents: 1, or 0 with a note why it cannot. */
int retrieve_corpus(struct retrieval *r, struct err *err);

#endif
