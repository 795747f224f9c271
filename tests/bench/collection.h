/*
 * tests/bench/collection.h - documents, questions and judgements, and how good a ranking is.
 *
 * A directory with docs.jsonl.gz ({"id","title","text"} a line), queries.jsonl ({"id","text"}) and
 * qrels.txt (TREC form).  What is wrong with it ends the program with a word.
 */
#ifndef SPASS_BENCH_COLLECTION_H
#define SPASS_BENCH_COLLECTION_H

#include <stddef.h>
#include <stdint.h>

struct document {
	char *id, *title, *text;
};

struct judged {
	uint32_t document;
	int relevance;
};

struct query {
	char *id, *text;
	struct judged *judged;
	size_t judged_count;
};

struct collection {
	struct document *documents;
	size_t document_count;
	struct query *queries; /* only those with a relevant document */
	size_t query_count;
};

void collection_load(struct collection *c, const char *directory);
void collection_free(struct collection *c);

struct quality {
	double ndcg10, recall10, recall100, mrr, success5;
	double recall3, mrr3, recall5, recall20;
};
/* Adds what a ranking (each document at most once) is worth for the query. */
void quality_add(struct quality *sum, const struct query *q, const uint32_t *ranked, size_t count);
void quality_print(const char *name, const struct quality *sum, size_t queries);

#endif
