/*
 * common/rag/snapshot_inside.h - what a snapshot is made of; for common/rag/snapshot*.c alone.
 */
#ifndef SPASS_RAG_SNAPSHOT_INSIDE_H
#define SPASS_RAG_SNAPSHOT_INSIDE_H

#include "common/rag/latent.h"
#include "common/rag/rag_inside.h"
#include "common/rag/vector.h"
#include "common/rag/vector_partition.h"

#include <stdatomic.h>

/* A row of rag_segment, opened; shared by all snapshots that have it. */
struct loaded {
	atomic_size_t refs;
	struct rag *rag;
	int64_t id;
	enum rag_kind kind;
	char *bytes;
	size_t len;
	struct loaded *on[2]; /* held: what it was opened with, or NULL */
	/* one of them, by kind */
	struct segment *segment;
	struct vector_space *space;
	struct vector_block *block;
	struct vector_partition *partition;
	struct latent_space *latent;
	struct latent_rows *latent_rows;
};

struct loaded_snapshot {
	struct rag_snapshot shown;
	atomic_size_t refs;
	struct loaded **pieces; /* by id */
	size_t count;
	/* the arrays that shown points at */
	const struct segment **segments;
	int64_t *segment_ids;
	const struct latent_rows **latent_rows;
	uint32_t *first;
	uint64_t *dead;
	struct snapshot_vectors vectors;
	const struct vector_block **blocks;
	uint64_t **dead_blocks;
};

static inline struct loaded_snapshot *loaded_snapshot_of(const struct rag_snapshot *s)
{
	union {
		const struct rag_snapshot *shown;
		struct loaded_snapshot *all;
	} of = { .shown = s };

	return of.all;
}

/* As db has it; before (or NULL): whose pieces may be shared. */
struct loaded_snapshot *loaded_snapshot_make(struct rag *r, struct db *db,
					     const struct rag_row *row,
					     const struct loaded_snapshot *before, struct err *err);
void loaded_snapshot_free(struct loaded_snapshot *s);

#endif
