/*
 * common/rag/vector_partition.h - many vectors grouped by nearness, so that a query looks at few.
 *
 * Above VECTOR_FLAT_ROWS_MAX rows a scan of everything takes longer than it must.  A partition has
 * about sqrt(n) lists, each a block of the rows nearest to its centre (spherical k-means on a
 * sample, over the codes that the blocks have anyway), and knows how many lists a query must look
 * at: that is measured, with stored vectors as queries.  Rows that come later stay in blocks of
 * their own and are scanned whole until the next build; rows that go are marked dead.
 */
#ifndef SPASS_RAG_VECTOR_PARTITION_H
#define SPASS_RAG_VECTOR_PARTITION_H

#include "common/rag/vector.h"

enum { VECTOR_LISTS_MAX = 1 << 16 };

struct vector_partition_plan {
	const struct vector_space *space;
	const struct vector_block *const *blocks; /* of one space, their ids distinct */
	const uint64_t *const *dead;              /* per block, or NULL */
	size_t count;
	size_t lists; /* 0: the root of the living rows */
	float recall; /* of the nearest 10 that probes must reach; 0: .99 */
	/* Asked every few milliseconds; done: share of the work, 0..1.  True: stop.  Or NULL. */
	bool (*stop)(void *data, double done);
	/* Takes the block of each list, from 0 on in turn; borrowed during the call. */
	int (*emit)(void *data, size_t list, struct span block, struct err *err);
	void *data;
};

/*
 * Builds the lists, and appends to out what vector_partition_open reads.  A pure function: nothing
 * is kept, the same plan gives the same bytes.  -1: E_cancelled when stop said so, what emit
 * failed with, E_too_large, E_invalid_field when fewer rows live than lists are wanted.
 */
int vector_partition_build(const struct vector_partition_plan *plan, struct buf *out,
			   struct err *err);

/* bytes are borrowed until vector_partition_close; E_storage_error as vector_block_open. */
struct vector_partition *vector_partition_open(const struct vector_space *s, struct span bytes,
					       struct err *err);
void vector_partition_close(struct vector_partition *p);
size_t vector_partition_lists(const struct vector_partition *p);

#endif
