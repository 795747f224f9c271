/* tests/bench/collection.c - reading a collection, judging a ranking. */
#include "tests/bench/collection.h"

#include "common/base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LINE_MAX_BYTES = 1 << 20 };

static void fail(const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	exit(2);
}

/* Reads plain files too.  Calls use for each line. */
static void each_line(const char *directory, const char *name,
		      void (*use)(struct collection *c, const char *line), struct collection *c)
{
	char *path = mem_printf("%s/%s", directory, name), *line = mem_alloc(LINE_MAX_BYTES);
	gzFile file = gzopen(path, "rb");

	if (!file)
		fail(path, "cannot be opened");
	while (gzgets(file, line, LINE_MAX_BYTES))
		use(c, line);
	gzclose(file);
	mem_free(line);
	mem_free(path);
}

static json_t *parse(const char *line)
{
	json_t *object = json_loads(line, 0, NULL);

	if (!object)
		fail(line, "is not JSON");
	return object;
}

static char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return mem_strdup(text ? text : "");
}

static void add_document(struct collection *c, const char *line)
{
	json_t *object = parse(line);

	c->documents = mem_realloc(c->documents, (c->document_count + 1) * sizeof(*c->documents));
	c->documents[c->document_count++] = (struct document){ .id = text_of(object, "id"),
							       .title = text_of(object, "title"),
							       .text = text_of(object, "text") };
	json_decref(object);
}

static void add_query(struct collection *c, const char *line)
{
	json_t *object = parse(line);

	c->queries = mem_realloc(c->queries, (c->query_count + 1) * sizeof(*c->queries));
	c->queries[c->query_count++] =
		(struct query){ .id = text_of(object, "id"), .text = text_of(object, "text") };
	json_decref(object);
}

static void add_judgement(struct collection *c, const char *line)
{
	char query[200], document[400];
	int relevance;

	if (sscanf(line, "%199s %*s %399s %d", query, document, &relevance) != 3 || relevance <= 0)
		return;
	for (size_t i = 0; i < c->query_count; i++)
		for (size_t j = 0; strcmp(c->queries[i].id, query) == 0 && j < c->document_count;
		     j++) {
			struct query *q = &c->queries[i];

			if (strcmp(c->documents[j].id, document) != 0)
				continue;
			q->judged =
				mem_realloc(q->judged, (q->judged_count + 1) * sizeof(*q->judged));
			q->judged[q->judged_count++] =
				(struct judged){ .document = (uint32_t)j, .relevance = relevance };
		}
}

static void free_query(struct query *q)
{
	mem_free(q->id);
	mem_free(q->text);
	mem_free(q->judged);
}

void collection_load(struct collection *c, const char *directory)
{
	size_t kept = 0;

	memset(c, 0, sizeof(*c));
	each_line(directory, "docs.jsonl.gz", add_document, c);
	each_line(directory, "queries.jsonl", add_query, c);
	each_line(directory, "qrels.txt", add_judgement, c);
	for (size_t i = 0; i < c->query_count; i++) {
		if (c->queries[i].judged_count > 0)
			c->queries[kept++] = c->queries[i];
		else
			free_query(&c->queries[i]);
	}
	c->query_count = kept;
	if (kept == 0)
		fail(directory, "has no judged query");
}

void collection_free(struct collection *c)
{
	for (size_t i = 0; i < c->document_count; i++) {
		mem_free(c->documents[i].id);
		mem_free(c->documents[i].title);
		mem_free(c->documents[i].text);
	}
	for (size_t i = 0; i < c->query_count; i++)
		free_query(&c->queries[i]);
	mem_free(c->documents);
	mem_free(c->queries);
}

static int relevance_of(const struct query *q, uint32_t document)
{
	for (size_t i = 0; i < q->judged_count; i++)
		if (q->judged[i].document == document)
			return q->judged[i].relevance;
	return 0;
}

static int compare_relevance(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;

	return y->relevance - x->relevance;
}

static double ideal_gain(const struct query *q)
{
	struct judged *best = mem_alloc(q->judged_count * sizeof(*best));
	double sum = 0;

	memcpy(best, q->judged, q->judged_count * sizeof(*best));
	qsort(best, q->judged_count, sizeof(*best), compare_relevance);
	for (size_t i = 0; i < q->judged_count && i < 10; i++)
		sum += best[i].relevance / log2((double)i + 2);
	mem_free(best);
	return sum;
}

void quality_add(struct quality *sum, const struct query *q, const uint32_t *ranked, size_t count)
{
	double share = 1.0 / (double)q->judged_count, gain = 0;
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		int relevance = relevance_of(q, ranked[i]);

		if (relevance == 0)
			continue;
		first = first < i ? first : i;
		gain += i < 10 ? relevance / log2((double)i + 2) : 0;
		sum->recall3 += i < 3 ? share : 0;
		sum->recall5 += i < 5 ? share : 0;
		sum->recall10 += i < 10 ? share : 0;
		sum->recall20 += i < 20 ? share : 0;
		sum->recall100 += i < 100 ? share : 0;
	}
	sum->ndcg10 += gain / ideal_gain(q);
	if (first == SIZE_MAX)
		return;
	sum->mrr += 1.0 / (double)(first + 1);
	sum->mrr3 += first < 3 ? 1.0 / (double)(first + 1) : 0;
	sum->success5 += first < 5;
}

void quality_print(const char *name, const struct quality *sum, size_t queries)
{
	double n = (double)queries;

	if (!sum) {
		printf("%-30s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", name, "nDCG@10", "R@10",
		       "R@100", "MRR", "succ@5", "R@3", "MRR@3", "R@5", "R@20");
		return;
	}
	printf("%-30s %8.4f %8.4f %8.4f %8.4f %8.4f %8.4f %8.4f %8.4f %8.4f\n", name,
	       sum->ndcg10 / n, sum->recall10 / n, sum->recall100 / n, sum->mrr / n,
	       sum->success5 / n, sum->recall3 / n, sum->mrr3 / n, sum->recall5 / n,
	       sum->recall20 / n);
}
