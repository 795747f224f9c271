/*
 * common/rag/rag_tend.h - steps of keeping an index fast; for the files behind rag.h.
 *
 * Each does at most one thing: 1 when it did, 0 when there is nothing to do, -1.  What takes time
 * happens outside the transaction, on a snapshot; it is kept only when what it was made of still
 * stands, so that two who tend the same index do no harm.
 */
#ifndef SPASS_RAG_RAG_TEND_H
#define SPASS_RAG_RAG_TEND_H

#include "common/rag/rag_inside.h"

/* What a step sees: of one commit. */
struct rag_tending {
	struct rag_tenant *tenant;
	struct rag_row row;
	const struct rag_snapshot *snapshot;
	struct rag_segment_row *segments; /* by kind and place */
	size_t count;
};

/* Segments of postings that have become many, or are largely dead, into one. */
int rag_merge_postings(const struct rag_tending *t, struct err *err);
/* The same of blocks of codes. */
int rag_merge_codes(const struct rag_tending *t, struct err *err);
/* Codes around a mean of more vectors. */
int rag_recode(const struct rag_tending *t, struct err *err);
/* Above options.flat_max vectors: grouped by nearness. */
int rag_partition(const struct rag_tending *t, struct err *err);
/* Some of what is past. */
int rag_past(const struct rag_tending *t, struct err *err);
/* The latent space, and the rows of segments in it. */
int rag_tend_latent(const struct rag_tending *t, struct err *err);
/* Some of what is nobody's. */
int rag_free_some(struct rag_tenant *t, struct err *err);

/* Whether segments of the index that many ids name all stand: 1, 0, -1. */
int rag_segments_stand(struct db *db, int64_t index_id, const int64_t *ids, size_t count,
		       struct err *err);

#endif
