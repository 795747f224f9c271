/*
 * common/rag/retrieve.h - what an index has on a question, with all that a reader needs to check
 * it.
 *
 * Words and the latent space are searched always, vectors where there are some and the question has
 * one of the same model; the lists become one ranking (fusion.h) in which no text stands twice and
 * no document has more than ARRANGE_DOCUMENT_MAX chunks.  It never says nothing where something was
 * found: what one list lacks the others give, and the answer says which were used.
 *
 * Blocks, on a job or a thread of its own; any thread.
 */
#ifndef SPASS_RAG_RETRIEVE_H
#define SPASS_RAG_RETRIEVE_H

#include "common/rag/fusion.h"
#include "common/rag/rag.h"
#include "common/rag/snippet.h"

enum {
	RETRIEVE_TOP_MAX = 1000,
	RETRIEVE_TEXT_MAX = 16 * 1024, /* bytes of a question */
	RETRIEVE_NEIGHBOURS_MAX = 3,
	RETRIEVE_BUDGET = 20 * 1000, /* characters, of whole documents when none is named */
};

enum retrieve_mode {
	RETRIEVE_AUTO,    /* the best there is */
	RETRIEVE_LEXICAL, /* words and latent space */
	RETRIEVE_DENSE,   /* vectors alone */
	RETRIEVE_HYBRID,  /* all three */
};
/* "auto" ...; NULL past the end. */
const char *retrieve_mode_name(enum retrieve_mode mode);

enum retrieve_scope {
	RETRIEVE_CHUNKS,    /* the best chunks */
	RETRIEVE_DOCUMENTS, /* the documents of the best chunks, whole, as long as the budget lasts
			     */
	RETRIEVE_CORPUS,    /* all documents in the order of their names when they fit the budget,
			       else chunks */
};
const char *retrieve_scope_name(enum retrieve_scope scope);

/* What a model that has read question and chunk says of the two; any finite number. */
struct retrieve_rank {
	int64_t chunk; /* its id */
	float score;
};

struct retrieve_question {
	struct span text;
	struct span before; /* what was said before, for questions that follow up; or empty */
	size_t top_k;       /* 1..RETRIEVE_TOP_MAX */
	struct span filter; /* JSON, as filter.h has it; or empty */
	enum retrieve_mode mode;
	enum retrieve_scope scope;
	enum fusion_kind fusion;
	float dense_weight;  /* 0..1; NAN: by model, language, how many chunks have vectors, and
				how far they agree with the words */
	float min_score;     /* of the fused scores, 0..1, also where there are ranks */
	/*
	 * Characters of all texts together; 0: no limit, or RETRIEVE_BUDGET.  With one (and without
	 * neighbours) chunks that meet are one hit, and the last may be a part: see passages.h.
	 */
	size_t budget;
	unsigned neighbours; /* chunks before and after each hit that its text has too */
	/* The question by that model, or NULL; why there are no vectors, where that is known, for the note. */
	const float *vector;
	const char *vector_fault;
	size_t dimensions;
	struct span model;
	/* Of candidates: they come first, best first, and the others after them as they were fused. */
	const struct retrieve_rank *ranks;
	size_t rank_count;
};

/* Of the document. */
struct retrieve_place {
	size_t start, end;             /* bytes */
	size_t chars_start, chars_end; /* the same in code points */
	uint32_t line, page, row;      /* page, row 0: it has none */
	struct span heading;
};

/* Strings and arrays lie in the arena given. */
struct retrieve_hit {
	int number; /* for citations, from 1 */
	struct rag_document_info document;
	int64_t chunk;                 /* ordinal in the document, from 0 */
	size_t start, end;             /* bytes of the document: text is what stands there */
	size_t chars_start, chars_end; /* the same in code points */
	uint32_t line, page;           /* page 0: it has none */
	struct span heading, text;
	struct snippet snippet;
	/*
	 * Where to look: the sentence (of code the line) of the best chunk that has most of what was
	 * asked, in the snippet at least in part.  Empty for whole documents that nothing chose.
	 */
	struct retrieve_place sentence;
	struct span *terms; /* of the question (or like them) that the chunk has */
	size_t term_count;
	float score;                  /* 0..1, by which the hits are in order */
	/*
	 * 0..1, the score where there are no ranks: the parts by their lists' weights, times
	 * fusion_fit, so that the best hit on what the index does not speak of stays low.
	 */
	float fused;
	float rerank;                 /* the rank's, as it was given; NAN: it has none */
	float lexical, latent, dense; /* parts of fused, 1 for a list's best; NAN: not in that */
	float bm25, cosine;           /* as they were before; NAN */
};

struct retrieve_answer {
	struct retrieve_hit *hits;
	size_t count;
	enum retrieve_mode mode;   /* that was used: never auto */
	enum retrieve_scope scope; /* the same */
	const char *note;          /* why another one than asked for; or NULL */
	bool is_other_dimension;   /* the question's vector; another model may answer to the name */
	int64_t generation;
	int64_t chunks;       /* that the index has */
	int64_t filtered;     /* of them, that the filter left; -1 without one */
	float dense_coverage; /* share of the chunks that have a vector */
	float dense_weight;   /* as used */
	int64_t search_us;    /* finding; total_us: with reading what was found */
	int64_t total_us;
};

/*
 * E_rag_index_not_found, E_invalid_field or E_invalid_json (the question's field is the param),
 * E_too_large when the arena is full.
 */
int retrieve(struct rag *r, struct span tenant, struct span index,
	     const struct retrieve_question *question, struct arena *a,
	     struct retrieve_answer *answer, struct err *err);

/*
 * The best max chunks on a question, fused, for a model that ranks them: ids, and what it shall read
 * (title and headings, a blank line, text), no text twice.  Then retrieve again, with the ranks; what
 * has gone meanwhile is not there.  None for RETRIEVE_CORPUS.  Fails as retrieve.
 */
struct retrieve_candidate {
	int64_t chunk;
	struct span text;
};
int retrieve_candidates(struct rag *r, struct span tenant, struct span index,
			const struct retrieve_question *question, size_t max, struct arena *a,
			struct retrieve_candidate **out, size_t *count, struct err *err);

/*
 * Whether a document says what it is quoted with, in a chunk (ordinal) or, chunk < 0, anywhere; the
 * place is one of the document's text, and text what stands there.  E_rag_document_not_found, also
 * for a chunk it has not.
 */
struct quote_place;
int retrieve_verify(struct rag *r, struct span tenant, struct span index, struct span document,
		    int64_t chunk, struct span quote, struct arena *a, struct quote_place *place,
		    struct span *text, struct err *err);

#endif
