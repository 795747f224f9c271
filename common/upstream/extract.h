/*
 * common/upstream/extract.h - the sentences that answer a question, or sum a text up.
 *
 * Pure selection: nothing is rephrased.  Sentences are weighed by the question's words (rare ones
 * more, similar ones a little less), by how many of them they hold, by what kind of thing was
 * asked for (who, when, how many, why ...), by their neighbours, their heading and their place;
 * the next quote is chosen against what was chosen already.  Linear in the text for a question of
 * bounded length; no more than EXTRACT_SENTENCES_MAX sentences are looked at.  Any thread.
 */
#ifndef SPASS_UPSTREAM_EXTRACT_H
#define SPASS_UPSTREAM_EXTRACT_H

#include "common/base/span.h"

enum { EXTRACT_SENTENCES_MAX = 20000, EXTRACT_QUOTES_MAX = 20 };

struct extract_source {
	struct span text;  /* borrowed; quotes point into it */
	double prior;      /* 1 = as good as any */
};

/*
 * Who has searched tells what was found best first: what share of the first one's worth the next
 * ones have, rank from 0.  Passages that a source names by lines of its own are taken so.
 */
static inline double extract_rank_prior(size_t rank)
{
	return 1 / (1 + 0.1 * (double)rank);
}

struct extract_quote {
	struct span text;    /* verbatim, into a source's text */
	struct span label;   /* of a source line above it, or empty */
	struct span heading; /* of its section, or empty */
	size_t source;       /* index */
	double score;
};

struct extract_request {
	const struct extract_source *sources;
	size_t source_count;
	struct span question;
	bool summary;       /* the main sentences, in their order; else the best answer first */
	bool whole;         /* a row's field comes with the others, a term with what explains it */
	size_t quotes_max;  /* 1..EXTRACT_QUOTES_MAX */
};

/* Returns how many of quotes[request->quotes_max] were filled; 0: nothing fits the question. */
size_t extract_quotes(const struct extract_request *request, struct extract_quote *quotes);

#endif
