/*
 * common/chat/rag_batch.h - chunks that have no vector yet, sent to their model, some at a time.
 *
 * On the tenant's account.  What the model refuses together is sent in halves, down to the texts
 * that it refuses alone: those are set aside, and searched by words.
 */
#ifndef SPASS_CHAT_RAG_BATCH_H
#define SPASS_CHAT_RAG_BATCH_H

#include "common/chat/core.h"
#include "common/chat/rag_embedder.h"

/*
 * 1 when there may be more, 0 when no chunk is without, -1 with E_rag_dimension_mismatch (the model
 * gives others than before), with the model's failure, or as rag_pending and rag_vectors_put.
 * tenant and index end with a NUL.  On a fiber of the worker; s is held meanwhile.
 */
int rag_batch_embed(struct core_worker *w, struct snapshot *s, struct span tenant,
		    struct span index, const struct rag_embedder *e, struct err *err);

/*
 * Has what the model makes of RAG_PROBE_TEXT compared: fails as rag_model_probe, or as the model
 * does.  *is_other: another answers to its name than before.
 */
int rag_batch_probe(struct core_worker *w, struct snapshot *s, struct span tenant,
		    const struct rag_embedder *e, bool *is_other, struct err *err);

#endif
