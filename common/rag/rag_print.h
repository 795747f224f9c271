/*
 * common/rag/rag_print.h - indices, documents and answers as JSON.
 *
 * Pure; any thread.  What does not fit marks out as failed: see buf_failed.  Times are ISO 8601.
 */
#ifndef SPASS_RAG_RAG_PRINT_H
#define SPASS_RAG_RAG_PRINT_H

#include "common/rag/retrieve.h"

/* The model whose vectors an index is to have as things are, empty = none, and the backend that makes them. */
struct rag_wanted {
	struct span model, backend;
	bool is_free; /* the backend costs nothing */
};
/* error: why it gets none for now; or empty. */
void rag_print_index(struct buf *out, const struct rag_index_info *index, const struct rag_wanted *wanted,
		     struct span error);
/* text: the whole of it; ptr NULL = left out. */
void rag_print_document(struct buf *out, const struct rag_document_info *document,
			struct span text);
/* As rag_document_in takes it: a line of an export, without its end. */
void rag_print_export(struct buf *out, const struct rag_document_info *document,
		      const struct reading *reading);
/* given: the name as it was given, where there is none in the result. */
void rag_print_result(struct buf *out, const struct rag_put_result *result, struct span given);

struct rag_answer_print {
	struct span index, model; /* model: whose vectors; or empty */
	int64_t embed_us;         /* that the question's vector took, -1 = it has none */
	const char *reranked_by;  /* a model's alias, or NULL */
	const char *no_rerank;    /* why by none though it was wished for; or NULL */
	int64_t rerank_us;        /* that it took, with looking for candidates; -1 = nothing */
	bool explain;             /* with what the scores were before they were brought to 0..1 */
};
void rag_print_answer(struct buf *out, const struct retrieve_answer *answer,
		      const struct rag_answer_print *how);

#endif
