/*
 * common/chat/rag_probes.h - when it is time to ask whether a model is still the one it was.
 *
 * A server may give another model the name of the one before: its vectors lie elsewhere.  So each
 * model of a tenant is looked at when its work begins, after a start and then now and then, by
 * what it makes of a text that is always the same (rag_model_probe).  Any thread; looking is on a
 * fiber of the worker.
 */
#ifndef SPASS_CHAT_RAG_PROBES_H
#define SPASS_CHAT_RAG_PROBES_H

#include "common/chat/core.h"
#include "common/chat/rag_embedder.h"

struct rag_probes;
struct rag_probes *rag_probes_new(void);
void rag_probes_free(struct rag_probes *p);
/*
 * Looks when it is time.  True when another model answers to the name since the last look.  One that
 * cannot be asked now is looked at again a minute later: asking it may take that long.
 */
bool rag_probes_look(struct rag_probes *p, struct core_worker *w, struct snapshot *s,
		     struct span tenant, const struct rag_embedder *e);
/*
 * What the model gave is not what it would be of the one that it was: it is time to look now.  False when
 * that has been said within the last minute, and does not count.
 */
bool rag_probes_doubt(struct rag_probes *p, struct span tenant, struct span model);

#endif
