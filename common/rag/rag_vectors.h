/*
 * common/rag/rag_vectors.h - vectors of chunks, for the files behind rag.h.
 */
#ifndef SPASS_RAG_RAG_VECTORS_H
#define SPASS_RAG_RAG_VECTORS_H

#include "common/rag/rag_inside.h"

enum { RAG_HASH_SIZE = 16 };

struct rag_kept {
	int64_t chunk;
	unsigned char hash[RAG_HASH_SIZE];
	const float *vector; /* NULL: the one that is stored under the hash */
};

struct rag_keeping {
	int64_t index_id; /* or 0: by name */
	struct span index, model;
	struct rag_kept *items; /* by chunk, in ascending order */
	size_t count, dimensions;
};
/* For rag_write, of a struct rag_keeping.  What is not wanted any more is left out. */
int rag_vectors_keep(struct db *db, void *arg, struct err *err);

/* For rag_write, of a struct rag_modelling: an index begins to have vectors of a model ... */
struct rag_modelling {
	struct span index, model;
};
int rag_model_begin(struct db *db, void *arg, struct err *err);
/* ... and uses them once no chunk is without. */
int rag_model_end(struct db *db, void *arg, struct err *err);
/* An index that is configured to have none has none: of row, which is not written. */
int rag_model_drop(struct db *db, struct rag_row *row, struct err *err);

/* Chunks of an index get the vectors that their texts have elsewhere in the tenant. */
int rag_vectors_find(struct rag_tenant *t, int64_t index_id, struct span model, struct err *err);

/* Stored float16 as numbers; -1 when they are of another dimension. */
int rag_half_read(struct span halves, float *out, size_t dimensions);

#endif
