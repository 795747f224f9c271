/*
 * common/chat/rag_embedder.h - which model's vectors an index has, and by whom it can be asked.
 *
 * A model is known by the name that its backends give it: vectors of two models behind one alias
 * are never mixed.  What is handed out is borrowed from the routing.  Any thread.
 */
#ifndef SPASS_CHAT_RAG_EMBEDDER_H
#define SPASS_CHAT_RAG_EMBEDDER_H

#include "common/rag/rag.h"
#include "common/upstream/routing.h"

struct rag_embedder {
	const struct model *alias; /* by which it is asked; NULL: none */
	const char *model;         /* its name there */
};

/*
 * Which model's vectors an index shall have, by its settings and what can be reached: whether that
 * one can be.
 */
bool rag_embedder_find(const struct routing *r, const struct rag_index_info *index,
		       struct rag_embedder *out);
/* Where the one that was found is asked; NULL: nowhere, now. */
const struct target *rag_embedder_target(const struct routing *r, const struct rag_embedder *e);
/* E_invalid_field at "embedder" for what is neither auto nor none nor an embedding model's alias, and for
 * the built-in one's. */
int rag_embedder_check(const struct routing *r, struct span name, struct err *err);
/* Whether the index's settings name a model. */
bool rag_embedder_is_named(const struct rag_index_info *index);
/* By which alias that model can be asked now, the index's own first; NULL: by none. */
const struct model *rag_embedder_alias(const struct routing *r, const struct rag_index_info *index,
				       struct span model);
/*
 * The name of one of an alias's models at its backends, and whether it can be reached: the one that
 * is asked for, or, model being empty, the first that can be, else the first.  NULL: it has none.
 */
const char *rag_embedder_name(const struct routing *r, const struct model *alias, struct span model,
			      bool *reached);

#endif
