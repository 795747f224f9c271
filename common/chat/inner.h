/*
 * common/chat/inner.h - a model call that the gateway makes for itself.
 *
 * The same turn as a client's, with the same limits, budgets, cost, record and metrics, on the
 * account of whom it is made for; what it answers stays here.  On a fiber of the worker.
 */
#ifndef SPASS_CHAT_INNER_H
#define SPASS_CHAT_INNER_H

#include "common/chat/spend.h"

/* What the calls for one answer were, and cost; begins with inner_sum_begin. */
struct inner_sum {
	int calls; /* of which a backend was asked */
	struct bill bill;
};
void inner_sum_begin(struct inner_sum *sum, const struct snapshot *snapshot);

struct inner_call {
	struct core_worker *worker;
	struct snapshot *snapshot;       /* held by the caller meanwhile */
	const struct identity *identity; /* whose call it is */
	const char *route;               /* for the record: static text */
	const char *parent_request_id;   /* "" = nobody asked */
	int depth;
	int64_t patience_ms; /* that it may take at most; 0: as a client's */
	struct inner_sum *sum; /* is added to; NULL: nobody is told */
	/* Only the alias's targets of that name at their backends are asked; NULL: all. */
	const char *upstream;
};

/*
 * Vectors of 1..EMBED_INPUTS_MAX texts of at most EMBED_TEXT_MAX bytes: count * *dimensions floats,
 * which the caller frees (mem_free).  Fails as POST /v1/embeddings does.
 */
int inner_embed(const struct inner_call *call, const char *model, const struct span *texts,
		size_t count, float **vectors, size_t *dimensions, struct err *err);
/*
 * How well 1..RERANK_DOCUMENTS_MAX documents answer a question: `count` scores, any finite numbers, the
 * higher the better.  Of what is longer than RERANK_TEXT_MAX the beginning is sent.  Fails as
 * inner_embed does, with E_model_not_in_allowlist also for a model of another kind.
 */
int inner_rerank(const struct inner_call *call, const char *model, struct span query,
		 const struct span *documents, size_t count, float *scores, struct err *err);

#endif
