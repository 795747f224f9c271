/*
 * common/upstream/rerank.h - reranking: the request that Cohere and Jina began and others took over.
 *
 * {model, query, documents, top_n} at /rerank, answered by {results: [{index, relevance_score}]}: so
 * do vLLM, llama.cpp, Infinity, OpenRouter.  Text Embeddings Inference wants {query, texts} and
 * answers a bare list of {index, score}.  Scores are probabilities at most servers, and any number
 * at some.  Pure; any thread.
 */
#ifndef SPASS_UPSTREAM_RERANK_H
#define SPASS_UPSTREAM_RERANK_H

#include "common/upstream/dialect.h"

/* For a row of the dialects. */
int rerank_build(const struct rerank_wish *w, const struct target *t, struct arena *arena,
		 struct outgoing *out, struct err *err);
int rerank_answer(struct span body, struct answer *a, struct err *err);

/*
 * items: of rerank_answer; the scores of `count` documents in their own order.  E_upstream_error
 * when one has none, two, or one that is no finite number: then scores hold nothing.
 */
int rerank_scores(struct jvalue items, size_t count, float *scores, struct err *err);

#endif
