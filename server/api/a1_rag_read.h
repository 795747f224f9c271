/*
 * server/api/a1_rag_read.h - documents out of a body: JSON, JSON lines or a form.
 *
 * Runs on a thread of jobs, as megabytes are decoded.  What a batch points at lies in the body or
 * in the batch's arena.
 */
#ifndef SPASS_SERVER_A1_RAG_READ_H
#define SPASS_SERVER_A1_RAG_READ_H

#include "common/base/arena.h"
#include "common/base/jscan.h"
#include "common/rag/rag.h"

enum {
	DOCUMENTS_MAX = 1000, /* of one JSON body */
	BATCH_DOCUMENTS = 256,
	BATCH_BYTES = 8 * 1024 * 1024, /* of contents; the last one may pass it */
};

struct document_batch {
	struct arena arena;
	struct rag_document_in documents[BATCH_DOCUMENTS];
	size_t count, bytes;
};
void document_batch_init(struct document_batch *b, size_t max);
/* Empties it. */
void document_batch_clear(struct document_batch *b);
bool document_batch_is_full(const struct document_batch *b);

/* One document as an object of JSON, validated; where: its path for errors, as "documents[3]". */
int document_read(struct document_batch *b, struct jvalue object, const char *where,
		  struct err *err);
/* The list of a body {"documents":[...]}; its number in *count. */
int document_read_list(struct span body, struct jvalue *list, size_t *count, struct err *err);
/* A file as it came, of that name and type. */
void document_read_file(struct document_batch *b, struct span name, struct span type,
			struct span content);
/* Metadata must be a flat object; kept as it was written. */
int document_check_meta(struct jvalue value, const char *where, struct err *err);

#endif
