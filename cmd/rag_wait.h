/*
 * cmd/rag_wait.h - until the chunks of an index have their vectors, and the index its latent space.
 */
#ifndef SPASS_CMD_RAG_WAIT_H
#define SPASS_CMD_RAG_WAIT_H

#include "cmd/rag.h"

/*
 * A gateway of our own ends with us: it is let finish what it does in the background.  The
 * latent space is waited for only when something was changed.  When nothing moves any more that is
 * told, and no failure.
 */
int rag_wait(struct gateway_link *l, const struct cmd_globals *g, const char *name, bool changed,
	     struct err *err);

/*
 * After texts were put in: by which model they get their vectors, and at which backend, when that is
 * none of those that cost nothing.
 */
void rag_tell_vectors(struct gateway_link *l, const struct cmd_globals *g, const char *name);

#endif
