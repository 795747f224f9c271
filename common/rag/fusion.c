/* common/rag/fusion.c - rows of all lists in one table, then the best of them. */
#include "common/rag/fusion.h"

#include "common/base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* A hit with the place at which it came up first: what orders equals. */
struct entry {
	struct fusion_hit hit;
	size_t order;
};

struct table {
	struct entry *entries;
	size_t count;
	uint32_t *slots; /* index + 1 of an entry, by row; 0 = free */
	size_t slot_count;
};

static struct entry *find(struct table *t, uint32_t row, bool add, size_t order)
{
	size_t at = (row * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (t->slot_count - 1);
	struct entry *e;

	for (; t->slots[at]; at = (at + 1) & (t->slot_count - 1))
		if (t->entries[t->slots[at] - 1].hit.row == row)
			return &t->entries[t->slots[at] - 1];
	if (!add)
		return NULL;
	e = &t->entries[t->count];
	t->slots[at] = (uint32_t)++t->count;
	*e = (struct entry){ .hit = { .row = row }, .order = order };
	for (size_t i = 0; i < FUSION_LISTS_MAX; i++)
		e->hit.parts[i] = NAN;
	return e;
}

/* What a list's scores lie between. */
struct range {
	float low, high;
};

static struct range range_of(const struct fusion_list *list)
{
	struct range r = { INFINITY, -INFINITY };
	size_t seen = 0;

	for (size_t i = 0; i < list->count && seen < FUSION_DEEP; i++) {
		float score = list->scores[i];

		if (!isfinite(score))
			continue;
		r.low = score < r.low ? score : r.low;
		r.high = score > r.high ? score : r.high;
		seen++;
	}
	return r;
}

static float normalise(struct range r, float score)
{
	/* In double: the difference of two floats need not be one. */
	double width = (double)r.high - (double)r.low;
	double part = width > 0 ? ((double)score - (double)r.low) / width : 1;

	return part > 1 ? 1 : part > 0 ? (float)part : 0;
}

static float part_of(enum fusion_kind kind, struct range r, float score, size_t rank)
{
	if (kind == FUSION_RRF)
		return (float)(FUSION_RRF_RANK + 1) / (float)(FUSION_RRF_RANK + 1 + rank);
	return normalise(r, score);
}

static void take_list(struct table *t, enum fusion_kind kind, const struct fusion_list *list,
		      size_t number, float weight, size_t order)
{
	struct range r = range_of(list);
	size_t rank = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct entry *e;
		float part;

		if (!isfinite(list->scores[i]))
			continue;
		e = find(t, list->rows[i], weight > 0, order + i);
		if (!e || !isnan(e->hit.parts[number]))
			continue;
		part = part_of(kind, r, list->scores[i], rank++);
		e->hit.parts[number] = part;
		e->hit.score += weight * part;
	}
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->hit.score != y->hit.score)
		return x->hit.score > y->hit.score ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Also false for NAN. */
static float usable(float weight)
{
	return weight > 0 && isfinite(weight) ? weight : 0;
}

size_t fusion_merge(enum fusion_kind kind, const struct fusion_list *lists, size_t count,
		    struct fusion_hit *hits, size_t max)
{
	struct table t = { .slot_count = 64 };
	size_t rows = 0, order = 0;
	float sum = 0, heaviest = 0;

	assert(count <= FUSION_LISTS_MAX);
	for (size_t i = 0; i < count; i++) {
		rows += lists[i].count;
		heaviest = fmaxf(heaviest, usable(lists[i].weight));
	}
	if (rows == 0 || heaviest <= 0)
		return 0;
	/* By the heaviest first, so that no sum is too large. */
	for (size_t i = 0; i < count; i++)
		sum += usable(lists[i].weight) / heaviest;
	while (t.slot_count < 2 * rows)
		t.slot_count *= 2;
	t.entries = mem_calloc(rows, sizeof(*t.entries));
	t.slots = mem_calloc(t.slot_count, sizeof(*t.slots));
	/* Those that bring rows first: the others say something about these alone. */
	for (int weightless = 0; weightless <= 1; weightless++)
		for (size_t i = 0; i < count; i++) {
			float weight = usable(lists[i].weight) / heaviest / sum;

			if ((weight > 0) == weightless)
				continue;
			take_list(&t, kind, &lists[i], i, weight, order);
			order += lists[i].count;
		}
	if (t.count > 0)
		qsort(t.entries, t.count, sizeof(*t.entries), compare);
	max = t.count < max ? t.count : max;
	for (size_t i = 0; i < max; i++)
		hits[i] = t.entries[i].hit;
	mem_free(t.entries);
	mem_free(t.slots);
	return max;
}
