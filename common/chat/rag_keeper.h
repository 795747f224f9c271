/*
 * common/chat/rag_keeper.h - what indices need after a change, done in the background.
 *
 * Chunks that have no vector yet are sent to the index's embedding model, in batches on the
 * tenant's account; segments are merged, the latent space is made, room of what was deleted comes
 * back.  Searches never wait for it.  An index that nobody names keeps the model it has; one
 * without takes the first that can be reached (routing_default_embedder).  What fails is tried
 * again later; texts that the model does not take are set aside, so that the others get
 * their vectors.
 */
#ifndef SPASS_CHAT_RAG_KEEPER_H
#define SPASS_CHAT_RAG_KEEPER_H

#include "common/chat/core.h"
#include "common/rag/rag.h"

struct rag_keeper;

struct rag_keeper *rag_keeper_new(void);
/* Nobody notes any more; k may be NULL. */
void rag_keeper_free(struct rag_keeper *k);
/* Something changed in that index.  Any thread; never blocks. */
void rag_keeper_note(struct rag_keeper *k, struct span tenant, struct span index);
/*
 * Its model gave a vector of another dimension than it did: if another model has taken its name, all is made
 * anew.  Any thread; never blocks.
 */
void rag_keeper_doubt(struct rag_keeper *k, struct span tenant, struct span index, struct span model);
/* Why that index gets no vectors for now: false when nothing is in the way.  Any thread. */
bool rag_keeper_error(struct rag_keeper *k, struct span tenant, struct span index, struct buf *out);
/*
 * Works until the fiber is cancelled.  RAG_KEEPER_FIBERS of one worker, each by its number: 0 tends,
 * and looks at all indices there are soon after the start; the others embed, so that a model which
 * takes its time holds up neither other tenants nor what needs no model.
 */
enum { RAG_KEEPER_FIBERS = 4 };
void rag_keeper_run(struct rag_keeper *k, struct core_worker *w, int fiber);

#endif
