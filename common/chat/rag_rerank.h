/*
 * common/chat/rag_rerank.h - what a search has found, put in order by a model that reads it.
 *
 * Where no model does (none is there, none can be reached, its time is over, its answer makes no
 * sense) the order stays and the answer says why: it is no failure.  On a fiber of the worker.
 */
#ifndef SPASS_CHAT_RAG_RERANK_H
#define SPASS_CHAT_RAG_RERANK_H

#include "common/chat/inner.h"
#include "common/rag/retrieve.h"

/* By the tenant's settings, and what a question says of it. */
struct rag_rerank_wish {
	bool is_on;
	const struct model *model; /* that the question names, or NULL */
	size_t candidates;         /* to be read */
	int64_t patience_ms;
};
struct rag_rerank_wish rag_rerank_wished(const struct settings *s);
/* The model of that name; NULL with E_model_not_in_allowlist, also when it is of another kind. */
const struct model *rag_rerank_model(const struct offer *o, struct span name, struct err *err);

struct rag_ranking {
	const char *by;     /* the model's alias, or NULL */
	const char *why_by_none;
	struct retrieve_rank *ranks; /* count of them, or NULL */
	size_t count;
};
/*
 * What it tells lies in the arena, or is static.  call->patience_ms is the wish's.  0, or -1 with
 * E_cancelled when the client has gone.
 */
int rag_rerank(const struct inner_call *call, const struct rag_rerank_wish *wish, struct span question,
	       const struct retrieve_candidate *candidates, size_t count, struct arena *a,
	       struct rag_ranking *out, struct err *err);

#endif
