/*
 * common/rag/fusion.h - one ranking out of several.
 *
 * By default a weighted mean of scores that are brought to 0..1 list by list (Bruch et al., arXiv
 * 2210.11934): 1 for the list's best, 0 for its FUSION_DEEPth and for what is further down or not
 * in it.  A list that has nothing to say does not count.  On request reciprocal ranks.  What the
 * vectors' list weighs follows the model and the language of the question.  Pure; any thread.
 */
#ifndef SPASS_RAG_FUSION_H
#define SPASS_RAG_FUSION_H

#include "common/base/span.h"

enum fusion_kind { FUSION_CONVEX, FUSION_RRF };

enum {
	FUSION_LISTS_MAX = 4,
	FUSION_DEEP = 200,   /* how many of a list are weighed against each other */
	FUSION_RRF_RANK = 60 /* a list's first counts 1 / (this + 1) */
};

/* How many rows each list should bring so that few are missed for top_k hits. */
static inline size_t fusion_candidates(size_t top_k)
{
	return top_k > FUSION_DEEP / 20 ? 20 * top_k : FUSION_DEEP;
}

/* Best first.  A row said twice counts at its better place; a score that is no number is left
 * out. */
struct fusion_list {
	const uint32_t *rows;
	const float *scores;
	size_t count;
	float weight; /* what is not above 0 brings no rows */
	/* A score of 0 says that nothing fits: that, not its last row, is 0 for a list which is
	 * shorter than FUSION_DEEP. */
	bool from_zero;
};

struct fusion_hit {
	uint32_t row;
	float score;                   /* 0..1 */
	float parts[FUSION_LISTS_MAX]; /* 0..1 by list; NAN: not in it */
};

/*
 * The best max of all lists together, best first; equal ones as they stand in the lists.  count: at
 * most FUSION_LISTS_MAX.  Weights need not add up to 1.
 */
size_t fusion_merge(enum fusion_kind kind, const struct fusion_list *lists, size_t count,
		    struct fusion_hit *hits, size_t max);

/*
 * How far a score of 1 is to be believed, FUSION_FIT_MIN..1: by what the words' best has of what it
 * could have (highest: lexical_highest), and by how much vectors weigh, which are believed.
 */
#define FUSION_FIT_MIN 0.05f
float fusion_fit(const struct fusion_list *words, float highest, float dense_weight);

/* ---- weights ---- */

struct fusion_weights {
	float lexical, latent, dense; /* they add up to 1 */
};
/* dense: 0..1, for the vectors of a model; a list that is not there has no weight. */
struct fusion_weights fusion_weigh(float dense, bool has_latent);
/* What the vectors of that model (its name) are worth for that question, 0..1. */
float fusion_dense_weight(const char *model, struct span question);
/*
 * How far to believe the vectors' list for one question, FUSION_TRUST_MIN..1: a factor of the
 * weight above.  Where the words fit well and no row is high in both lists, and none stands out in
 * the vectors' own, these know nothing of the question.  highest: lexical_highest of it.
 */
#define FUSION_TRUST_MIN 0.1f
float fusion_trust(const struct fusion_list *words, float highest,
		   const struct fusion_list *vectors);

#endif
