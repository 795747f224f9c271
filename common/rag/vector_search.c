/* common/rag/vector_search.c - from all rows to the best: signs, then int8, then float16. */
#include "common/rag/vector.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"
#include "common/rag/vector_partition.h"

enum {
	DIRECT_ROWS = 2000,  /* so few are scored with int8 all of them */
	DIRECT_SHARE = 50,   /* and so is what a filter leaves when it is 1 of so many */
	RESCORE_LEAST = 110, /* at RESCORE_DIMENSIONS, and so many a hit; fewer bits say less */
	RESCORE_SURE = 4,
	RESCORE_DIMENSIONS = 768,
	RESCORE_BEHIND = 2, /* a hit behind those */
	EXACT_ROWS = 30,
	AHEAD = 3, /* rows whose memory is on its way while one is scored */
};

void vector_shortlist_init(struct vector_shortlist *s, size_t keep, size_t room)
{
	room = room > keep ? room : keep + 1;
	*s = (struct vector_shortlist){ .keep = keep, .room = room, .floor = -FLT_MAX };
	s->list = mem_alloc(s->room * sizeof(*s->list));
}

void vector_shortlist_free(struct vector_shortlist *s)
{
	mem_free(s->list);
}

/* Of equal ones the earlier. */
static bool better(const struct vector_candidate *a, const struct vector_candidate *b)
{
	if (a->score != b->score)
		return a->score > b->score;
	return a->block != b->block ? a->block < b->block : a->row < b->row;
}

static void swap(struct vector_candidate *a, struct vector_candidate *b)
{
	struct vector_candidate kept = *a;

	*a = *b;
	*b = kept;
}

/* The pivot is the middle of three; returns its place once all better ones are before it. */
static size_t divide(struct vector_candidate *list, size_t low, size_t high)
{
	size_t middle = low + (high - low) / 2, place = low;

	if (better(&list[middle], &list[low]))
		swap(&list[middle], &list[low]);
	if (better(&list[high], &list[low]))
		swap(&list[high], &list[low]);
	if (better(&list[middle], &list[high]))
		swap(&list[middle], &list[high]);
	for (size_t i = low; i < high; i++)
		if (better(&list[i], &list[high]))
			swap(&list[i], &list[place++]);
	swap(&list[place], &list[high]);
	return place;
}

void vector_shortlist_cut(struct vector_shortlist *s)
{
	size_t low = 0, high = s->count - 1;

	if (s->count <= s->keep)
		return;
	while (low < high) {
		size_t place = divide(s->list, low, high);

		if (place == s->keep - 1)
			break;
		if (place < s->keep - 1)
			low = place + 1;
		else
			high = place - 1;
	}
	s->count = s->keep;
	s->floor = s->list[s->keep - 1].score;
}

float vector_query_score(const struct vector_query *q, const struct vector_kernel *k,
			 const struct vector_block *b, size_t row)
{
	int64_t sum = k->dot(b->sections[VECTOR_BYTES] + row * b->padded, q->wide, b->padded);
	double scale = (double)load_float(b->sections[VECTOR_SCALES] + 4 * row) *
		       (double)q->wide_scale;
	double score = scale * (double)sum;

	score = score + (double)load_float(b->sections[VECTOR_OFFSETS] + 4 * row);
	return (float)(score + (double)q->constant);
}

/* The 32 bits of a group; rows past the end have none. */
static uint32_t group_bits(const struct vector_block *b, size_t group, const uint64_t *dead,
			   const uint64_t *only)
{
	size_t first = group * VECTOR_GROUP, left = b->rows - first;
	uint32_t bits = left < VECTOR_GROUP ? (UINT32_C(1) << left) - 1 : UINT32_MAX;

	if (dead)
		bits &= (uint32_t) ~(dead[first / 64] >> (first % 64));
	if (only)
		bits &= (uint32_t)(only[first / 64] >> (first % 64));
	return bits;
}

void vector_scan_block(const struct vector_query *q, const struct vector_kernel *k,
		       const struct vector_block *b, size_t block, const uint64_t *dead,
		       const uint64_t *only, struct vector_shortlist *best)
{
	float scores[VECTOR_GROUP];

	for (size_t group = 0; group * VECTOR_GROUP < b->rows; group++) {
		size_t first = group * VECTOR_GROUP;
		const struct vector_group g = {
			.signs = b->sections[VECTOR_SIGNS] + first * (b->padded / 8),
			.factors = b->sections[VECTOR_FACTORS] + 4 * first,
			.offsets = b->sections[VECTOR_OFFSETS] + 4 * first,
		};
		uint32_t bits = group_bits(b, group, dead, only);

		if (bits != 0)
			bits &= k->scan(q, &g, best->floor, scores);
		for (; bits != 0; bits &= bits - 1) {
			size_t row = (size_t)__builtin_ctz(bits);

			vector_shortlist_add(best, scores[row], block, first + row);
		}
	}
}

/* What a search is about, and what it has found. */
struct search {
	const struct vector_view *view;
	const struct vector_kernel *kernel;
	const struct vector_query *query;
	size_t sure;
	struct vector_shortlist *best;
	uint32_t *living; /* rows to consider, by block */
	uint64_t rows, all_living, list_rows;
};

static const uint64_t *bitmap_of(const uint64_t *const *bitmaps, size_t block)
{
	return bitmaps ? bitmaps[block] : NULL;
}

static size_t living_of(const struct vector_view *v, size_t block)
{
	const struct vector_block *b = v->blocks[block];
	const uint64_t *dead = bitmap_of(v->dead, block), *only = bitmap_of(v->only, block);
	size_t living = 0;

	if (!dead && !only)
		return b->rows;
	for (size_t group = 0; group * VECTOR_GROUP < b->rows; group++)
		living += (size_t)__builtin_popcount(group_bits(b, group, dead, only));
	return living;
}

static void prefetch_row(const struct vector_view *v, const struct vector_candidate *c)
{
	const struct vector_block *b = v->blocks[c->block];
	const unsigned char *at = b->sections[VECTOR_BYTES] + c->row * b->padded;

	for (size_t i = 0; i < b->padded; i += 64)
		__builtin_prefetch(at + i);
}

static void scan_one(const struct search *s, size_t block)
{
	const struct vector_view *v = s->view;

	vector_scan_block(s->query, s->kernel, v->blocks[block], block, bitmap_of(v->dead, block),
			  bitmap_of(v->only, block), s->best);
}

static void score_best(const struct search *s)
{
	const struct vector_view *v = s->view;

	for (size_t i = 0; i < s->best->count; i++) {
		struct vector_candidate *c = &s->best->list[i];

		if (i + AHEAD < s->best->count)
			prefetch_row(v, c + AHEAD);
		c->score = vector_query_score(s->query, s->kernel, v->blocks[c->block], c->row);
	}
}

/* Scores with int8 every row that is considered. */
static void score_all(const struct search *s)
{
	const struct vector_view *v = s->view;
	struct vector_shortlist *best = s->best;

	for (size_t block = 0; block < v->count; block++) {
		const struct vector_block *b = v->blocks[block];
		const uint64_t *dead = bitmap_of(v->dead, block), *only = bitmap_of(v->only, block);

		if (s->living[block] == 0)
			continue;
		for (size_t first = 0; first < b->rows; first += VECTOR_GROUP)
			for (uint32_t bits = group_bits(b, first / VECTOR_GROUP, dead, only);
			     bits != 0; bits &= bits - 1) {
				uint32_t row = (uint32_t)first + (uint32_t)__builtin_ctz(bits);

				best->list[best->count++] =
					(struct vector_candidate){ 0, (uint32_t)block, row };
			}
	}
	score_best(s);
	vector_shortlist_cut(best);
}

/* A partition that is not of these blocks says nothing about them. */
static size_t list_count(const struct vector_view *v)
{
	size_t lists = v->partition ? vector_partition_lists(v->partition) : 0;

	return lists <= v->count ? lists : 0;
}

/* The lists that are near, all other blocks. */
static void scan_all(const struct search *s)
{
	const struct vector_view *v = s->view;
	size_t lists = list_count(v), chosen_count;
	uint32_t *chosen;

	if (lists > 0) {
		chosen = mem_alloc(lists * sizeof(*chosen));
		chosen_count = vector_partition_choose(v->partition, s->query, s->kernel, s->living,
						       s->list_rows, s->sure, chosen);
		for (size_t i = 0; i < chosen_count; i++)
			scan_one(s, chosen[i]);
		mem_free(chosen);
	}
	for (size_t block = lists; block < v->count; block++)
		if (s->living[block] > 0)
			scan_one(s, block);
	vector_shortlist_cut(s->best);
}

static void count_living(struct search *s)
{
	const struct vector_view *v = s->view;
	size_t lists = list_count(v);

	for (size_t block = 0; block < v->count; block++) {
		s->living[block] = (uint32_t)living_of(v, block);
		s->all_living += s->living[block];
		s->rows += v->blocks[block]->rows;
		if (block < lists)
			s->list_rows += v->blocks[block]->rows;
	}
}

void vector_search_rows(const struct vector_view *view, const struct vector_query *q, size_t sure,
			size_t rescore, struct vector_shortlist *best)
{
	struct search s = {
		.view = view, .kernel = vector_kernel(), .query = q, .sure = sure, .best = best
	};

	s.living = mem_calloc(view->count + 1, sizeof(*s.living));
	count_living(&s);
	rescore = rescore <= s.all_living ? rescore : s.all_living + 1;
	if (s.all_living <= DIRECT_ROWS || (view->only && s.all_living <= s.rows / DIRECT_SHARE)) {
		vector_shortlist_init(best, rescore, s.all_living);
		score_all(&s);
	} else {
		vector_shortlist_init(best, rescore, 4 * rescore + 64);
		scan_all(&s);
		score_best(&s);
	}
	mem_free(s.living);
}

static int by_score(const void *a, const void *b)
{
	const struct vector_hit *one = a, *other = b;

	if (one->score != other->score)
		return one->score < other->score ? 1 : -1;
	return (one->id > other->id) - (one->id < other->id);
}

/* Of the normalised query and a vector of any length; one order of additions everywhere. */
static float exact_score(const float *unit, const float *vector, size_t dimensions)
{
	double length = vector_length(vector, dimensions), sums[4] = { 0 };

	for (size_t i = 0; i < dimensions; i++)
		sums[i % 4] += (double)unit[i] * (double)vector[i];
	return length > 0 ? (float)((sums[0] + sums[1] + (sums[2] + sums[3])) / length) : 0;
}

/* Orders what was found; the best of it by what the database has. */
static size_t finish(const struct vector_view *v, const struct vector_query *q, size_t dimensions,
		     struct vector_shortlist *best, struct vector_hit *hits, size_t max)
{
	size_t count, exact;
	struct vector_hit *all;
	float *vector;

	best->keep = max > EXACT_ROWS ? max : EXACT_ROWS;
	vector_shortlist_cut(best);
	count = best->count;
	exact = count < EXACT_ROWS ? count : EXACT_ROWS;
	all = mem_alloc((count + 1) * sizeof(*all));
	for (size_t i = 0; i < count; i++) {
		const struct vector_candidate *c = &best->list[i];

		all[i] = (struct vector_hit){ vector_block_id(v->blocks[c->block], c->row),
					      c->score };
	}
	qsort(all, count, sizeof(*all), by_score);
	if (v->exact) {
		vector = mem_calloc(dimensions, sizeof(*vector));
		for (size_t i = 0; i < exact; i++)
			if (v->exact(v->data, all[i].id, vector))
				all[i].score = exact_score(q->unit, vector, dimensions);
		qsort(all, count, sizeof(*all), by_score);
		mem_free(vector);
	}
	count = count < max ? count : max;
	memcpy(hits, all, count * sizeof(*hits));
	mem_free(all);
	return count;
}

static size_t rescore_for(size_t padded, size_t sure, size_t max)
{
	size_t rescore = RESCORE_LEAST + RESCORE_SURE * sure;

	if (padded < RESCORE_DIMENSIONS)
		rescore = rescore * RESCORE_DIMENSIONS / padded;
	return rescore + RESCORE_BEHIND * (max - sure);
}

size_t vector_search(const struct vector_space *space, const struct vector_view *view,
		     const float *query, size_t sure, struct vector_hit *hits, size_t max)
{
	struct vector_query q;
	struct vector_shortlist best;
	size_t count;

	if (max == 0 || vector_query_init(&q, space, query) < 0)
		return 0;
	max = max < VECTOR_HITS_MAX ? max : VECTOR_HITS_MAX;
	sure = sure > 0 && sure < max ? sure : max;
	vector_search_rows(view, &q, sure, rescore_for(space->padded, sure, max), &best);
	count = finish(view, &q, space->dimensions, &best, hits, max);
	vector_shortlist_free(&best);
	vector_query_free(&q);
	return count;
}
