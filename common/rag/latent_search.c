/* common/rag/latent_search.c - the rows that are nearest to a question. */
#include "common/rag/latent.h"

#include "common/base/mem.h"
#include "common/rag/latent_inside.h"

#include <math.h>
#include <stdlib.h>

enum {
	WORDS_MAX = 2 * LEXICAL_WORDS_MAX, /* of a question, with those that say little */
	POINT_ONE = 8191, /* a point's largest number: with 127 and all dimensions, 31 bits */
	BATCH = 256,      /* rows */
	GROUP = 16,
};

struct latent_scratch {
	struct terms *terms;
	struct latent_logs logs;
	/* of the question */
	const struct latent_space *space;
	uint32_t entries[WORDS_MAX];
	size_t entry_count;
	bool with_stops;
	int16_t point[LATENT_DIMENSIONS_MAX];
	float unit; /* what one counts in point */
};

struct latent_scratch *latent_scratch_new(void)
{
	struct latent_scratch *s = mem_new(struct latent_scratch);

	s->terms = terms_new();
	latent_logs_init(&s->logs);
	return s;
}

void latent_scratch_free(struct latent_scratch *s)
{
	if (!s)
		return;
	terms_free(s->terms);
	mem_free(s);
}

static void use_term(void *data, const struct term *term)
{
	struct latent_scratch *s = data;
	uint32_t found =
		term->is_stop && !s->with_stops ? LATENT_NONE : latent_find(s->space, term->hash);

	if (found == LATENT_NONE)
		return;
	for (size_t i = 0; i < s->entry_count; i++)
		if (entry_term(s->entries[i]) == found) {
			s->entries[i] += (s->entries[i] & LATENT_COUNT_MAX) < LATENT_COUNT_MAX;
			return;
		}
	if (s->entry_count < WORDS_MAX)
		s->entries[s->entry_count++] = entry_of(found, 1);
}

static bool read_question(struct latent_scratch *s, struct span question)
{
	float point[LATENT_DIMENSIONS_MAX], largest = 0;
	size_t dimensions = s->space->dimensions;

	s->entry_count = 0;
	for (int with_stops = 0; with_stops <= 1 && s->entry_count == 0; with_stops++) {
		s->with_stops = with_stops;
		terms_each(s->terms, question, use_term, s);
	}
	if (!latent_place(s->space, &s->logs, s->entries, s->entry_count, point))
		return false;
	for (size_t i = 0; i < dimensions; i++)
		largest = fmaxf(largest, fabsf(point[i]));
	s->unit = largest / POINT_ONE;
	for (size_t i = 0; i < dimensions; i++)
		s->point[i] = (int16_t)lrintf(point[i] / s->unit);
	return true;
}

/* ---- the best ---- */

struct best {
	struct latent_hit *hits; /* a heap with the worst on top, once there are max */
	size_t count, max;
	float bar; /* what is not above it cannot be among the best */
};

static bool is_worse(struct latent_hit x, struct latent_hit y)
{
	return x.score < y.score || (x.score == y.score && x.row > y.row);
}

static int compare(const void *x, const void *y)
{
	const struct latent_hit *a = x, *b = y;

	return is_worse(*a, *b) ? 1 : is_worse(*b, *a) ? -1 : 0;
}

static void add_best(struct best *b, struct latent_hit one)
{
	size_t at = 0, child;

	if (b->count < b->max) {
		for (at = b->count++; at > 0 && is_worse(one, b->hits[(at - 1) / 2]);
		     at = (at - 1) / 2)
			b->hits[at] = b->hits[(at - 1) / 2];
	} else {
		for (; (child = 2 * at + 1) < b->count; at = child) {
			child += child + 1 < b->count &&
				 is_worse(b->hits[child + 1], b->hits[child]);
			if (!is_worse(b->hits[child], one))
				break;
			b->hits[at] = b->hits[child];
		}
	}
	b->hits[at] = one;
	if (b->count == b->max)
		b->bar = b->hits[0].score;
}

static bool has_bit(const uint64_t *bits, uint32_t row)
{
	return bits[row / 64] >> (row % 64) & 1;
}

static bool is_found(const struct latent_view *view, uint32_t row)
{
	return !(view->dead && has_bit(view->dead, row)) &&
	       !(view->only && !has_bit(view->only, row));
}

/* Whether any of GROUP scores is above the bar: mostly none is, and that is soon seen. */
static bool has_better(const float *scores, float bar)
{
	int better = 0;

	for (size_t i = 0; i < GROUP; i++)
		better |= scores[i] > bar;
	return better;
}

static void search_rows(const struct latent_view *view, const struct latent_scratch *s,
			const struct latent_rows *r, uint32_t first, struct best *best)
{
	float scores[BATCH + GROUP] = { 0 };

	for (size_t from = 0; from < r->row_count; from += BATCH) {
		size_t count = r->row_count - from < BATCH ? r->row_count - from : BATCH;

		latent_scores(s->point, s->unit, r->codes + from * r->dimensions,
			      r->scales + from * sizeof(float), count, r->dimensions, scores);
		for (size_t i = 0; i < count; i++) {
			struct latent_hit one = { .row = first + (uint32_t)(from + i),
						  .score = scores[i] };

			if (i % GROUP == 0 && !has_better(scores + i, best->bar))
				i += GROUP - 1;
			else if (one.score > best->bar && is_found(view, one.row))
				add_best(best, one);
		}
	}
}

size_t latent_search(const struct latent_view *view, struct span question, struct latent_scratch *s,
		     struct latent_hit *hits, size_t max)
{
	struct best best = { .hits = hits, .max = max };

	s->space = view->space;
	if (max == 0 || !read_question(s, question))
		return 0;
	for (size_t i = 0; i < view->count; i++)
		if (view->rows[i])
			search_rows(view, s, view->rows[i], view->first[i], &best);
	qsort(hits, best.count, sizeof(*hits), compare);
	return best.count;
}
