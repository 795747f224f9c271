/*
 * common/base/near.h - "did you mean ...?"
 *
 * Offer candidates one by one; what remains is the one nearest to the word, by inserted,
 * deleted, changed and swapped letters, or NULL when none is near enough to be worth saying.  The word
 * itself is none: what is refused though it is there was not misspelt.
 * Any thread.
 */
#ifndef SPASS_BASE_NEAR_H
#define SPASS_BASE_NEAR_H

#include "common/base/err.h"
#include "common/base/span.h"

struct near {
	struct span word; /* borrowed */
	const char *best; /* borrowed from the candidates */
	size_t distance;
};

void near_init(struct near *n, struct span word);
void near_offer(struct near *n, const char *candidate);
const char *near_best(const struct near *n);
/* Adds to what err says "; did you mean WORD?", where one is near.  -1. */
int near_suggest(const struct near *n, struct err *err);

#endif
