/*
 * common/chat/embedding.h - embeddings in the encoding the client asked for.
 *
 * Some servers answer lists of floats whatever they are asked, some base64: a client that decodes
 * the wrong one reads garbage without noticing.  Any thread.
 */
#ifndef SPASS_CHAT_EMBEDDING_H
#define SPASS_CHAT_EMBEDDING_H

#include "common/chat/request.h"

/*
 * *body: a validated embeddings answer; left as it is when each vector has the encoding wanted,
 * else pointed at out, which gets the converted answer (base64 = little-endian float32).  Fails
 * with E_upstream_error when the answer has not `count` vectors or one is neither.
 */
int embedding_encode(struct span *body, enum embed_encoding wanted, size_t count, struct buf *out,
		     struct err *err);

/*
 * The vectors of a validated answer in base64, in the order of the inputs: count * *dimensions floats
 * that the caller frees (mem_free).  Fails with E_upstream_error when one is missing, is no list of
 * finite numbers, or has another length than the others.
 */
int embedding_vectors(struct span body, size_t count, float **vectors, size_t *dimensions, struct err *err);

#endif
