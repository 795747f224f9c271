/*
 * common/rag/measure.h - how good a ranking is, by judgements.
 *
 * nDCG with linear gain; recall, success and reciprocal rank of relevant documents (those judged
 * above 0), as trec_eval has them.  A document said again in a ranking counts at its best place
 * and takes no other, so rankings of pieces may name their documents.  Any thread.
 */
#ifndef SPASS_RAG_MEASURE_H
#define SPASS_RAG_MEASURE_H

#include "common/rag/trec.h"

/* 0..1 each. */
struct measure {
	double ndcg10;
	double recall3, recall5, recall10, recall20, recall100;
	double mrr; /* over the whole ranking */
	double mrr3, mrr10;
	double success5; /* something relevant is among the first 5 */
};

/* The figures' names, in the order of the struct: "ndcg@10"; NULL past the end. */
const char *measure_name(size_t i);
double measure_value(const struct measure *m, size_t i);

/* The judgements of one query; count 0 when there are none. */
struct measure_judged {
	const struct trec_judgement *list;
	size_t count;
};
struct measure_judged measure_judged(const struct trec_judgements *j, struct span query);
/*
 * Of the documents, best first.  False, and zeros, when the query has no relevant document: it
 * does not count then.
 */
bool measure_ranking(struct measure_judged judged, const struct span *documents, size_t count,
		     struct measure *out);
void measure_add(struct measure *sum, const struct measure *one);
/* Of a sum of count; zeros when it is 0. */
struct measure measure_mean(const struct measure *sum, size_t count);
/* The mean over all queries with a relevant document (which are counted); one not in run has 0. */
size_t measure_run(const struct trec_judgements *j, const struct trec_run *run,
		   struct measure *mean);

#endif
