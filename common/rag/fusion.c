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

static void table_init(struct table *t, size_t rows)
{
	*t = (struct table){ .slot_count = 64 };
	while (t->slot_count < 2 * rows)
		t->slot_count *= 2;
	t->entries = mem_calloc(rows, sizeof(*t->entries));
	t->slots = mem_calloc(t->slot_count, sizeof(*t->slots));
}

static void table_free(struct table *t)
{
	mem_free(t->entries);
	mem_free(t->slots);
}

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
	if (list->from_zero && seen < FUSION_DEEP)
		r.low = fminf(r.low, 0);
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

/* Also 0 for NAN. */
static float usable(const struct fusion_list *list)
{
	return list->count > 0 && list->weight > 0 && isfinite(list->weight) ? list->weight : 0;
}

size_t fusion_merge(enum fusion_kind kind, const struct fusion_list *lists, size_t count,
		    struct fusion_hit *hits, size_t max)
{
	struct table t;
	size_t rows = 0, order = 0;
	float sum = 0, heaviest = 0;

	assert(count <= FUSION_LISTS_MAX);
	for (size_t i = 0; i < count; i++) {
		rows += lists[i].count;
		heaviest = fmaxf(heaviest, usable(&lists[i]));
	}
	if (rows == 0 || heaviest <= 0)
		return 0;
	/* By the heaviest first, so that no sum is too large. */
	for (size_t i = 0; i < count; i++)
		sum += usable(&lists[i]) / heaviest;
	table_init(&t, rows);
	/* Those that bring rows first: the others say something about these alone. */
	for (int weightless = 0; weightless <= 1; weightless++)
		for (size_t i = 0; i < count; i++) {
			float weight = usable(&lists[i]) / heaviest / sum;

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
	table_free(&t);
	return max;
}

/* ---- trust ---- */

/* What the best hit of a question that the index answers has of lexical_highest, and more. */
static const float fit_whole = 0.6f;

/* 0 below low, 1 above high, also between. */
static float ramp(float value, float low, float high)
{
	return value > low ? fminf((value - low) / (high - low), 1) : 0;
}

/* The largest product of a row's two parts: 1 for one that is the best of both lists. */
static float agreement(const struct fusion_list *a, const struct fusion_list *b)
{
	struct table t;
	float most = 0;

	table_init(&t, a->count + b->count);
	take_list(&t, FUSION_CONVEX, a, 0, 1, 0);
	take_list(&t, FUSION_CONVEX, b, 1, 1, a->count);
	/* fmaxf passes over what is NAN: in one list alone. */
	for (size_t i = 0; i < t.count; i++)
		most = fmaxf(most, t.entries[i].hit.parts[0] * t.entries[i].hit.parts[1]);
	table_free(&t);
	return most;
}

/* How far the first is from the tenth, as a part of how far it is from the last. */
static float lead(const struct fusion_list *list)
{
	enum { TENTH = 9 };
	struct range r = range_of(list);

	return list->count > TENTH && r.high > r.low ? 1 - normalise(r, list->scores[TENTH]) : 0;
}

float fusion_trust(const struct fusion_list *words, float highest,
		   const struct fusion_list *vectors)
{
	float fit, support;

	if (words->count == 0 || vectors->count == 0 || !(highest > 0))
		return 1;
	fit = ramp(range_of(words).high / highest, 0.15f, 0.25f);
	support =
		fmaxf(ramp(agreement(words, vectors), 0.3f, 0.7f), ramp(lead(vectors), 0.5f, 0.7f));
	return 1 - (1 - FUSION_TRUST_MIN) * fit * (1 - support);
}

float fusion_fit(const struct fusion_list *words, float highest, float dense_weight)
{
	float fit = FUSION_FIT_MIN;

	if (words->count > 0 && highest > 0)
		fit = fmaxf(ramp(range_of(words).high / highest, 0, fit_whole), fit);
	else if (words->count > 0)
		fit = 1;
	return dense_weight + (1 - dense_weight) * fit;
}
