/* common/rag/measure.c - figures of one ranking, and their mean. */
#include "common/rag/measure.h"

#include "common/base/bytes.h"
#include "common/base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { GAIN_DEEP = 10 };

static const struct figure {
	const char *name;
	size_t offset;
} figures[] = {
	{ "ndcg@10", offsetof(struct measure, ndcg10) },
	{ "recall@3", offsetof(struct measure, recall3) },
	{ "recall@5", offsetof(struct measure, recall5) },
	{ "recall@10", offsetof(struct measure, recall10) },
	{ "recall@20", offsetof(struct measure, recall20) },
	{ "recall@100", offsetof(struct measure, recall100) },
	{ "mrr", offsetof(struct measure, mrr) },
	{ "mrr@3", offsetof(struct measure, mrr3) },
	{ "mrr@10", offsetof(struct measure, mrr10) },
	{ "success@5", offsetof(struct measure, success5) },
};

/* Counted down to a rank: those that are relevant by how many there are. */
static const struct {
	size_t deep, offset;
} recalls[] = {
	{ 3, offsetof(struct measure, recall3) },     { 5, offsetof(struct measure, recall5) },
	{ 10, offsetof(struct measure, recall10) },   { 20, offsetof(struct measure, recall20) },
	{ 100, offsetof(struct measure, recall100) },
};

static_assert(sizeof(struct measure) == ARRAY_LEN(figures) * sizeof(double),
	      "each figure has a row");

static double *figure_of(struct measure *m, size_t offset)
{
	return (double *)(void *)((char *)m + offset);
}

const char *measure_name(size_t i)
{
	return i < ARRAY_LEN(figures) ? figures[i].name : NULL;
}

double measure_value(const struct measure *m, size_t i)
{
	struct measure copy = *m;

	return *figure_of(&copy, figures[i].offset);
}

struct measure_judged measure_judged(const struct trec_judgements *j, struct span query)
{
	struct measure_judged found = { NULL, 0 };
	size_t low = 0, high = j->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (trec_compare(j->list[middle].query, query) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	found.list = j->list + low;
	while (low + found.count < j->count &&
	       trec_compare(j->list[low + found.count].query, query) == 0)
		found.count++;
	return found;
}

static int relevance_of(struct measure_judged judged, struct span document)
{
	size_t low = 0, high = judged.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = trec_compare(judged.list[middle].document, document);

		if (order == 0)
			return judged.list[middle].relevance;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

static int compare_falling(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*y > *x) - (*y < *x);
}

static double gain_at(int relevance, size_t rank)
{
	return relevance / log2((double)rank + 2);
}

static double ideal_gain(struct measure_judged judged)
{
	int *best = mem_alloc(judged.count * sizeof(*best));
	double sum = 0;

	for (size_t i = 0; i < judged.count; i++)
		best[i] = judged.list[i].relevance;
	qsort(best, judged.count, sizeof(*best), compare_falling);
	for (size_t i = 0; i < judged.count && i < GAIN_DEEP; i++)
		sum += gain_at(best[i], i);
	mem_free(best);
	return sum;
}

/* Of documents that were seen already; slots are indices + 1. */
struct seen {
	const struct span *documents;
	uint32_t *slots;
	size_t mask;
};

/* Whether the ith is there for the first time. */
static bool is_first(struct seen *s, size_t i)
{
	struct span document = s->documents[i];
	size_t at = (size_t)bytes_hash(0, document.ptr, document.len) & s->mask;

	for (; s->slots[at] > 0; at = (at + 1) & s->mask)
		if (span_equal(s->documents[s->slots[at] - 1], document))
			return false;
	s->slots[at] = (uint32_t)(i + 1);
	return true;
}

static void rank_relevant(struct measure *m, size_t rank, double share, bool is_first_relevant)
{
	for (size_t i = 0; i < ARRAY_LEN(recalls); i++)
		if (rank < recalls[i].deep)
			*figure_of(m, recalls[i].offset) += share;
	if (!is_first_relevant)
		return;
	m->mrr = 1.0 / (double)(rank + 1);
	m->mrr3 = rank < 3 ? m->mrr : 0;
	m->mrr10 = rank < 10 ? m->mrr : 0;
	m->success5 = rank < 5;
}

bool measure_ranking(struct measure_judged judged, const struct span *documents, size_t count,
		     struct measure *out)
{
	struct seen seen = { .documents = documents, .mask = 15 };
	size_t relevant = 0, rank = 0;
	double gain = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < judged.count; i++)
		relevant += judged.list[i].relevance > 0;
	if (relevant == 0)
		return false;
	while (seen.mask < 2 * count)
		seen.mask = 2 * seen.mask + 1;
	seen.slots = mem_calloc(seen.mask + 1, sizeof(*seen.slots));
	for (size_t i = 0; i < count; i++) {
		int relevance;

		if (!is_first(&seen, i))
			continue;
		relevance = relevance_of(judged, documents[i]);
		if (relevance > 0)
			rank_relevant(out, rank, 1.0 / (double)relevant, out->mrr == 0);
		gain += rank < GAIN_DEEP ? gain_at(relevance, rank) : 0;
		rank++;
	}
	out->ndcg10 = gain / ideal_gain(judged);
	mem_free(seen.slots);
	return true;
}

void measure_add(struct measure *sum, const struct measure *one)
{
	for (size_t i = 0; i < ARRAY_LEN(figures); i++)
		*figure_of(sum, figures[i].offset) += measure_value(one, i);
}

struct measure measure_mean(const struct measure *sum, size_t count)
{
	struct measure mean = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(figures) && count > 0; i++)
		*figure_of(&mean, figures[i].offset) = measure_value(sum, i) / (double)count;
	return mean;
}

/* Hits of that query, copied to documents; run's are sorted as the judgements are. */
static size_t hits_of(const struct trec_run *run, size_t *at, struct span query,
		      struct span *documents)
{
	size_t count = 0;

	while (*at < run->count && trec_compare(run->list[*at].query, query) < 0)
		(*at)++;
	for (; *at < run->count && span_equal(run->list[*at].query, query); (*at)++)
		documents[count++] = run->list[*at].document;
	return count;
}

size_t measure_run(const struct trec_judgements *j, const struct trec_run *run,
		   struct measure *mean)
{
	struct span *documents = mem_alloc((run->count + 1) * sizeof(*documents));
	struct measure sum = { 0 }, one;
	size_t queries = 0, at = 0;

	for (size_t i = 0; i < j->count;) {
		struct measure_judged judged = measure_judged(j, j->list[i].query);
		size_t count = hits_of(run, &at, j->list[i].query, documents);

		if (measure_ranking(judged, documents, count, &one)) {
			measure_add(&sum, &one);
			queries++;
		}
		i += judged.count;
	}
	*mean = measure_mean(&sum, queries);
	mem_free(documents);
	return queries;
}
