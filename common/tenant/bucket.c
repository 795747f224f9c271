/*
 * common/tenant/bucket.c - see bucket.h.
 */
#include "common/tenant/bucket.h"

#include <inttypes.h>

enum { SECOND_US = 1000000, MINUTE_S = 60 };

struct bucket {
	const uint8_t *key;
	const struct rates *rates;
};

/* One taking, from bucket to bucket. */
struct taking {
	struct limiter *limiter;
	const struct token *token;
	int64_t now_us;
	struct limit_ask *tightest;
};

static size_t bucket_count(const struct token *token)
{
	return token && !token->rate_limit_bypass ? 1 + token->constraints->shared_count : 0;
}

/* Its own comes first. */
static struct bucket bucket_at(const struct token *token, size_t i)
{
	const struct constraints *c = token->constraints;

	return i == 0 ? (struct bucket){ token->bucket, &c->rates }
		      : (struct bucket){ c->shared[i - 1].bucket, &c->shared[i - 1].rates };
}

static void give_back(const struct taking *t, const uint8_t *key, const struct limit_ask *asks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		limiter_settle(t->limiter, key, asks[i].kind, asks[i].limit, -asks[i].taken, t->now_us);
}

static void note(struct taking *t, const struct limit_ask *a)
{
	struct limit_ask *than = t->tightest;

	if (than->limit.burst == 0 || a->wait_us > than->wait_us ||
	    (a->wait_us == than->wait_us && a->remaining < than->remaining))
		*than = *a;
}

/* The limits on requests by such rates; their number. */
static size_t request_limits(const struct rates *own, const struct bucket_default *d, bool is_on,
			     struct limit_ask asks[2])
{
	double rate = own->rate_limit_per_second;
	int64_t burst = own->rate_limit_burst;
	size_t count = 0;

	if (is_on || rate > 0 || burst > 0) {
		rate = rate > 0 ? rate : d->rate;
		burst = burst > 0 ? burst : d->burst;
		asks[count++] = (struct limit_ask){
			.kind = LIMIT_SECOND,
			.limit = limit_of(rate, 1, burst),
			.amount = 1,
		};
	}
	if (own->requests_per_minute > 0)
		asks[count++] = (struct limit_ask){
			.kind = LIMIT_MINUTE,
			.limit = limit_of((double)own->requests_per_minute, MINUTE_S, own->requests_per_minute),
			.amount = 1,
		};
	return count;
}

/* From bucket i on; what it took is given back when a later one refuses. */
static bool take_request(struct taking *t, size_t i, const struct bucket_default *d)
{
	struct limit_ask asks[2] = { { .amount = 0 } };
	const struct bucket b = bucket_at(t->token, i);
	size_t count = request_limits(b.rates, d, i == 0 && d->is_on, asks);
	bool is_admitted = count == 0 || limiter_take(t->limiter, b.key, asks, count, t->now_us);

	for (size_t k = 0; k < count; k++)
		note(t, &asks[k]);
	if (!is_admitted || i + 1 == bucket_count(t->token))
		return is_admitted;
	if (take_request(t, i + 1, d))
		return true;
	give_back(t, b.key, asks, count);
	return false;
}

bool bucket_take_request(struct limiter *l, const struct token *token, const struct bucket_default *d,
			 int64_t now_us, struct limit_ask *tightest)
{
	struct taking t = { l, token, now_us, tightest };

	*tightest = (struct limit_ask){ .amount = 0 };
	return bucket_count(token) == 0 || take_request(&t, 0, d);
}

void bucket_return_request(struct limiter *l, const struct token *token, const struct bucket_default *d,
			   int64_t now_us)
{
	for (size_t i = 0; i < bucket_count(token); i++) {
		struct limit_ask asks[2] = { { .amount = 0 } };
		const struct bucket b = bucket_at(token, i);
		size_t count = request_limits(b.rates, d, i == 0 && d->is_on, asks);

		for (size_t k = 0; k < count; k++)
			limiter_settle(l, b.key, asks[k].kind, asks[k].limit, -asks[k].amount, now_us);
	}
}

static struct limit token_limit(const struct rates *rates)
{
	int64_t count = rates->tokens_per_minute;

	return count > 0 ? limit_of((double)count, MINUTE_S, count) : (struct limit){ 0, 0 };
}

/* The same; *taken comes out as what all could give. */
static bool take_tokens(struct taking *t, size_t i, int64_t tokens, int64_t *taken)
{
	const struct bucket b = bucket_at(t->token, i);
	struct limit_ask a = {
		.kind = LIMIT_TOKENS,
		.limit = token_limit(b.rates),
		.amount = tokens,
		.extra = *taken - tokens,
	};

	if (a.limit.burst > 0) {
		bool is_admitted = limiter_take(t->limiter, b.key, &a, 1, t->now_us);

		note(t, &a);
		if (!is_admitted)
			return false;
		*taken = a.taken;
	}
	if (i + 1 < bucket_count(t->token) && !take_tokens(t, i + 1, tokens, taken)) {
		give_back(t, b.key, &a, a.limit.burst > 0);
		return false;
	}
	a.taken -= *taken;
	if (a.limit.burst > 0 && a.taken > 0)
		give_back(t, b.key, &a, 1);
	return true;
}

bool bucket_take_tokens(struct limiter *l, const struct token *token, int64_t tokens, int64_t extra,
			int64_t now_us, int64_t *taken, struct limit_ask *tightest)
{
	struct taking t = { l, token, now_us, tightest };
	bool is_admitted;

	*tightest = (struct limit_ask){ .amount = 0 };
	*taken = 0;
	if (bucket_count(token) == 0)
		return true;
	if (__builtin_add_overflow(tokens, extra, taken))
		*taken = INT64_MAX;
	is_admitted = take_tokens(&t, 0, tokens, taken);
	if (!is_admitted || tightest->limit.burst == 0)
		*taken = 0;
	return is_admitted;
}

void bucket_settle_tokens(struct limiter *l, const struct token *token, int64_t taken, int64_t used,
			  int64_t now_us)
{
	for (size_t i = 0; taken > 0 && i < bucket_count(token); i++) {
		const struct bucket b = bucket_at(token, i);
		const struct limit limit = token_limit(b.rates);

		if (limit.burst > 0)
			limiter_settle(l, b.key, LIMIT_TOKENS, limit, used - taken, now_us);
	}
}

int bucket_refuse(const struct limit_ask *tightest, const char *param, const char *what, struct err *err)
{
	int64_t seconds = (tightest->wait_us + SECOND_US - 1) / SECOND_US;

	err_set(err, E_rate_limit_exceeded, param, "%s; try again in %" PRId64 " s", what, seconds);
	if (err)
		err->retry_after_s = seconds > INT32_MAX ? INT32_MAX : (int)seconds;
	return -1;
}
