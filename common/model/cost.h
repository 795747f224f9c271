/*
 * common/model/cost.h - what a call costs: from the tokens that a backend counted, and a price.
 *
 * Any thread.
 */
#ifndef SPASS_MODEL_COST_H
#define SPASS_MODEL_COST_H

#include "common/model/money.h"

/* What a backend says that a call used; -1 = not told. */
struct token_usage {
	int64_t prompt;     /* cached ones included */
	int64_t completion; /* reasoning included */
	int64_t cached, reasoning;
	int64_t images;     /* in the answer; counted by the gateway */
	int64_t cost_usd;   /* micro-USD, reported by the backend itself */
	int64_t audio_ms;   /* that was listened to */
	int64_t characters; /* that were spoken; counted by the gateway */
};
#define TOKEN_USAGE_NONE ((struct token_usage){ -1, -1, -1, -1, -1, -1, -1, -1 })

/*
 * Micro-USD for a million tokens, or for each; MONEY_UNKNOWN = not given.  cached and reasoning
 * that are not given cost what input and output cost.
 */
struct price {
	int64_t input, cached, output, reasoning; /* a million tokens */
	int64_t image, request;                   /* each */
	int64_t prompt_max; /* longer prompts cost something else, which is not known; 0 = none do */
	/* A minute of sound, a million characters.  A row with these and no price of tokens counts none. */
	int64_t minute, characters;
};
#define PRICE_NONE ((struct price){ -1, -1, -1, -1, -1, -1, 0, -1, -1 })

enum cost_source { COST_UNKNOWN, COST_ZERO, COST_TABLE, COST_UPSTREAM };
enum { COST_SOURCE_SIZE = 9 }; /* of the longest name, with its NUL */
/* "unknown", "zero", "table", "upstream". */
const char *cost_source_name(enum cost_source s);

/* usd: micro-USD before any markup, MONEY_UNKNOWN with COST_UNKNOWN. */
struct cost {
	enum cost_source source;
	int64_t usd;
};

/*
 * local: calls to this backend are free.  What the backend reports counts first, then the price
 * (NULL: none is known).  A figure that is needed and missing makes the cost unknown; it is never
 * guessed.  Rounded once, half up.
 */
struct cost cost_of(const struct token_usage *usage, bool local, const struct price *price);
/*
 * The most that a call may cost by its price, for a reservation: prompt, completion, audio_ms and
 * characters of most are upper bounds.  MONEY_UNKNOWN without a price.
 */
int64_t cost_bound(const struct token_usage *most, bool local, const struct price *price);
/* Sums up sub-calls: unknown and anything is unknown; the source is the less certain one. */
void cost_add(struct cost *sum, const struct cost *more);

#endif
