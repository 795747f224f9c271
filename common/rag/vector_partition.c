/* common/rag/vector_partition.c - the centres of lists, and which of them a query looks at. */
#include "common/rag/vector_partition.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

struct vector_partition *vector_partition_open(const struct vector_space *s, struct span bytes,
					       struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	struct vector_partition *p;
	uint32_t probes;

	if (bytes.len < PARTITION_SIZE || load64(at) != PARTITION_MAGIC ||
	    load32(at + PARTITION_VERSION) != VECTOR_VERSION ||
	    load64(at + PARTITION_CHECKSUM) != packed_checksum(at, PARTITION_CHECKSUM)) {
		err_set(err, E_storage_error, "", "a partition of vectors is damaged");
		return NULL;
	}
	probes = load32(at + PARTITION_PROBES);
	p = mem_new(struct vector_partition);
	p->centres = vector_block_open(s, span_from(bytes, PARTITION_SIZE), err);
	p->probes = probes;
	if (!p->centres) {
		vector_partition_close(p);
		return NULL;
	}
	if (p->centres->rows == 0 || p->centres->rows > VECTOR_LISTS_MAX || probes == 0 ||
	    probes > p->centres->rows) {
		err_set(err, E_storage_error, "", "a partition of vectors has no lists or probes");
		vector_partition_close(p);
		return NULL;
	}
	return p;
}

void vector_partition_close(struct vector_partition *p)
{
	if (!p)
		return;
	vector_block_close(p->centres);
	mem_free(p);
}

size_t vector_partition_lists(const struct vector_partition *p)
{
	return p->centres->rows;
}

static int by_score(const void *a, const void *b)
{
	const struct vector_candidate *one = a, *other = b;

	if (one->score != other->score)
		return one->score < other->score ? 1 : -1;
	return (one->row > other->row) - (one->row < other->row);
}

/* The wanted nearest lists that have living rows, nearest first; few of many by signs at first. */
static void nearest_lists(const struct vector_query *q, const struct vector_kernel *k,
			  const struct vector_partition *p, const uint32_t *living, size_t wanted,
			  struct vector_shortlist *lists)
{
	size_t all = p->centres->rows, spare = 2 * wanted + 32, kept = 0;

	vector_shortlist_init(lists, spare < all ? spare : all, 4 * spare);
	if (spare < all) {
		vector_scan_block(q, k, p->centres, 0, NULL, NULL, lists);
		vector_shortlist_cut(lists);
	} else {
		for (size_t list = 0; list < all; list++)
			lists->list[lists->count++].row = (uint32_t)list;
	}
	for (size_t i = 0; i < lists->count; i++) {
		uint32_t list = lists->list[i].row;

		if (living[list] > 0)
			lists->list[kept++] = (struct vector_candidate){
				vector_query_score(q, k, p->centres, list), 0, list
			};
	}
	lists->count = kept;
	lists->keep = wanted;
	vector_shortlist_cut(lists);
	qsort(lists->list, lists->count, sizeof(*lists->list), by_score);
}

/* How many of the nearest it takes: so many lists, and so many rows; 0 when these are too few. */
static size_t enough(const struct vector_shortlist *lists, const uint32_t *living, size_t probes,
		     uint64_t rows)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < lists->count; i++) {
		seen += living[lists->list[i].row];
		if (i + 1 >= probes && seen >= rows)
			return i + 1;
	}
	return 0;
}

/* Those of longer lists lie farther apart: a quarter more for each doubling of the hits. */
static size_t probes_for(const struct vector_partition *p, size_t hits)
{
	size_t quarters = 4, probes;

	for (; hits > PARTITION_HITS; hits /= 2)
		quarters++;
	probes = p->probes * quarters / 4;
	return probes < p->centres->rows ? probes : p->centres->rows;
}

/*
 * A filter leaves fewer rows in each list, so that the nearest neighbours among them lie in more
 * lists: it takes at least half the rows of as many lists as it takes without one.
 */
size_t vector_partition_choose(const struct vector_partition *p, const struct vector_query *q,
			       const struct vector_kernel *k, const uint32_t *living, uint64_t rows,
			       size_t hits, uint32_t *chosen)
{
	size_t all = p->centres->rows, probes = probes_for(p, hits), wanted = 4 * probes, count;
	struct vector_shortlist lists;

	assert(all > 0);
	wanted = wanted < all ? wanted : all;
	nearest_lists(q, k, p, living, wanted, &lists);
	rows = rows / all * probes / 2;
	count = enough(&lists, living, probes, rows);
	if (count == 0 && wanted < all) {
		vector_shortlist_free(&lists);
		nearest_lists(q, k, p, living, all, &lists);
		count = enough(&lists, living, probes, rows);
	}
	count = count > 0 ? count : lists.count;
	for (size_t i = 0; i < count; i++)
		chosen[i] = lists.list[i].row;
	vector_shortlist_free(&lists);
	return count;
}
