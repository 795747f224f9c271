/*
 * server/api/limits.c - see limits.h.
 */
#include "server/api/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECOND_US = 1000000, MINUTE_S = 60 };

const char *limits_duration(int64_t us, char out[LIMITS_DURATION_SIZE])
{
	int64_t ms = us > 0 ? (us + 999) / 1000 : 0, s = ms / 1000;
	char fraction[8] = "";
	int digits;

	if (ms > 0 && s == 0) {
		snprintf(out, LIMITS_DURATION_SIZE, "%" PRId64 "ms", ms);
		return out;
	}
	if (ms % 1000) {
		digits = snprintf(fraction, sizeof fraction, ".%03d", (int)(ms % 1000));
		while (fraction[digits - 1] == '0')
			fraction[--digits] = '\0';
	}
	if (s >= 3600)
		snprintf(out, LIMITS_DURATION_SIZE, "%" PRId64 "h%dm%d%ss", s / 3600, (int)(s / 60 % 60),
			 (int)(s % 60), fraction);
	else if (s >= 60)
		snprintf(out, LIMITS_DURATION_SIZE, "%dm%d%ss", (int)(s / 60), (int)(s % 60), fraction);
	else
		snprintf(out, LIMITS_DURATION_SIZE, "%d%ss", (int)s, fraction);
	return out;
}

static void put_number(struct exchange *x, const char *name, int64_t value)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%" PRId64, value);

	reply_header(x, name, span_of(text, (size_t)len));
}

static void put_requests(struct exchange *x, const struct limit_ask *a)
{
	char text[LIMITS_DURATION_SIZE];

	put_number(x, "x-ratelimit-limit-requests", a->limit.burst);
	put_number(x, "x-ratelimit-remaining-requests", a->remaining);
	reply_header(x, "x-ratelimit-reset-requests", span_str(limits_duration(a->full_us, text)));
}

static void put_tokens(struct exchange *x, const struct limit_ask *a)
{
	char text[LIMITS_DURATION_SIZE];

	put_number(x, "x-ratelimit-limit-tokens", a->limit.burst);
	put_number(x, "x-ratelimit-remaining-tokens", a->remaining);
	reply_header(x, "x-ratelimit-reset-tokens", span_str(limits_duration(a->full_us, text)));
}

static bool is_limiting(const struct call *c)
{
	const char *choice = c->snapshot->config->rate_limit;

	if (strcmp(choice, "auto") == 0)
		return tenancy_path(c->snapshot->tenancy) != NULL;
	return strcmp(choice, "always") == 0;
}

/* Known before the tenant is: a token that is not bound may name any. */
static struct span tenant_label(const struct call *c)
{
	const struct token *token = c->identity.token;

	return span_str(token && *token->tenant ? token->tenant : "default");
}

/* wait_us: of the bucket that took longest. */
static int refuse(const struct call *c, const char *param, const char *what, int64_t wait_us,
		  struct err *err)
{
	int64_t seconds = (wait_us + SECOND_US - 1) / SECOND_US;

	metrics_add(c->worker->shard, M_spass_rate_limited_total, 1, LABELS(tenant_label(c)));
	err_set(err, E_rate_limit_exceeded, param, "%s; try again in %" PRId64 " s", what, seconds);
	if (err)
		err->retry_after_s = seconds > INT32_MAX ? INT32_MAX : (int)seconds;
	return -1;
}

/* The limits on requests by such rates; their number.  is_on: the settings' count, too. */
static size_t request_limits(const struct config *config, const struct rates *own, bool is_on,
			     struct limit_ask asks[2])
{
	double rate = own->rate_limit_per_second;
	int64_t burst = own->rate_limit_burst;
	size_t count = 0;

	if (is_on || rate > 0 || burst > 0) {
		rate = rate > 0 ? rate : (double)config->rate_limit_per_second;
		burst = burst > 0 ? burst : config->rate_limit_burst;
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

/*
 * A token draws on its own buckets, which come first, and a key on its maker's, too: else each new key
 * would let its maker ask as often again.
 */
struct bucket {
	const uint8_t *key;
	const struct rates *rates;
};

static size_t bucket_count(const struct token *token)
{
	return token && !token->rate_limit_bypass ? 1 + token->constraints->shared_count : 0;
}

static struct bucket bucket_at(const struct token *token, size_t i)
{
	const struct constraints *c = token->constraints;

	return i == 0 ? (struct bucket){ token->bucket, &c->rates }
		      : (struct bucket){ c->shared[i - 1].bucket, &c->shared[i - 1].rates };
}

static void give_back(const struct call *c, const uint8_t *key, const struct limit_ask *asks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		limiter_settle(c->worker->core->token_limits, key, asks[i].kind, asks[i].limit, -asks[i].taken,
			       loop_now_us(c->worker->loop));
}

static bool is_tighter(const struct limit_ask *a, const struct limit_ask *than)
{
	if (than->limit.burst == 0 || a->wait_us != than->wait_us)
		return than->limit.burst == 0 || a->wait_us > than->wait_us;
	return a->remaining < than->remaining;
}

/* The requests' limits of the token's buckets from i on; what these took is given back when one refuses. */
static bool take_request(const struct call *c, size_t i, struct limit_ask *tightest)
{
	const struct token *token = c->identity.token;
	struct limit_ask asks[2] = { { .amount = 0 } };
	const struct bucket b = bucket_at(token, i);
	size_t count = request_limits(c->snapshot->config, b.rates, i == 0 && is_limiting(c), asks);
	bool is_admitted = count == 0 || limiter_take(c->worker->core->token_limits, b.key, asks, count,
						       loop_now_us(c->worker->loop));

	for (size_t k = 0; k < count; k++)
		if (is_tighter(&asks[k], tightest))
			*tightest = asks[k];
	if (!is_admitted || i + 1 == bucket_count(token))
		return is_admitted;
	if (take_request(c, i + 1, tightest))
		return true;
	give_back(c, b.key, asks, count);
	return false;
}

static int check_token(struct exchange *x, struct call *c, struct err *err)
{
	struct limit_ask tightest = { .amount = 0 };
	bool is_admitted;

	if (bucket_count(c->identity.token) == 0)
		return 0;
	is_admitted = take_request(c, 0, &tightest);
	if (tightest.limit.burst > 0)
		put_requests(x, &tightest);
	if (is_admitted)
		return 0;
	return refuse(c, "headers.authorization", "this token has made too many requests", tightest.wait_us,
		      err);
}

static int check_address(struct exchange *x, struct call *c, struct err *err)
{
	const struct config *config = c->snapshot->config;
	struct limit_ask a = { .kind = LIMIT_SECOND, .amount = 1 };
	uint8_t key[LIMITER_KEY_SIZE];

	/* A socket of this machine has no address; who may open it is a matter of permissions. */
	if (!is_limiting(c) || !limiter_address_key(x->peer.ptr, x->peer.len, key))
		return 0;
	a.limit = limit_of((double)config->address_limit_per_second, 1, config->address_limit_burst);
	if (limiter_take(c->worker->core->address_limits, key, &a, 1, loop_now_us(c->worker->loop)))
		return 0;
	put_requests(x, &a);
	return refuse(c, "", "this address has made too many requests without valid credentials",
		      a.wait_us, err);
}

/* What watches over the gateway must not be told that it is ill because others ask too much. */
static bool is_health(const struct call *c)
{
	return c->route->handle == ops_healthz || c->route->handle == ops_readyz;
}

int limits_check(struct exchange *x, struct call *c, struct err *err)
{
	if (c->identity.token)
		return check_token(x, c, err);
	if (!c->snapshot->config->auth || is_health(c))
		return 0;
	return check_address(x, c, err);
}

void limits_refuse_address(struct exchange *x, struct call *c, struct err *err)
{
	struct err limited = ERR_INIT;

	if (check_address(x, c, &limited) < 0)
		*err = limited;
}

static struct limit token_limit(const struct rates *rates)
{
	int64_t count = rates->tokens_per_minute;

	return count > 0 ? limit_of((double)count, MINUTE_S, count) : (struct limit){ 0, 0 };
}

/* As take_request; *taken comes out as what all could give. */
static bool take_tokens(const struct call *c, size_t i, int64_t tokens, int64_t *taken, struct limit_ask *tightest)
{
	const struct token *token = c->identity.token;
	const struct bucket b = bucket_at(token, i);
	struct limit_ask a = {
		.kind = LIMIT_TOKENS,
		.limit = token_limit(b.rates),
		.amount = tokens,
		.extra = *taken - tokens,
	};

	if (a.limit.burst > 0) {
		bool is_admitted = limiter_take(c->worker->core->token_limits, b.key, &a, 1,
						loop_now_us(c->worker->loop));

		if (is_tighter(&a, tightest))
			*tightest = a;
		if (!is_admitted)
			return false;
		*taken = a.taken;
	}
	if (i + 1 < bucket_count(token) && !take_tokens(c, i + 1, tokens, taken, tightest)) {
		give_back(c, b.key, &a, a.limit.burst > 0);
		return false;
	}
	a.taken -= *taken;
	if (a.limit.burst > 0 && a.taken > 0)
		give_back(c, b.key, &a, 1);
	return true;
}

int limits_take_tokens(struct exchange *x, struct call *c, int64_t tokens, int64_t extra, struct err *err)
{
	struct limit_ask tightest = { .amount = 0 };
	int64_t taken;
	bool is_admitted;

	if (bucket_count(c->identity.token) == 0)
		return 0;
	if (__builtin_add_overflow(tokens, extra, &taken))
		taken = INT64_MAX;
	is_admitted = take_tokens(c, 0, tokens, &taken, &tightest);
	if (tightest.limit.burst == 0)
		return 0;
	put_tokens(x, &tightest);
	if (is_admitted) {
		c->tokens_taken = taken;
		return 0;
	}
	return refuse(c, "headers.authorization", "this token has used too many tokens", tightest.wait_us, err);
}

void limits_settle_tokens(struct call *c, int64_t used)
{
	const struct token *token = c->identity.token;
	int64_t more = used - c->tokens_taken;

	for (size_t i = 0; c->tokens_taken > 0 && i < bucket_count(token); i++) {
		const struct bucket b = bucket_at(token, i);
		const struct limit limit = token_limit(b.rates);

		if (limit.burst > 0)
			limiter_settle(c->worker->core->token_limits, b.key, LIMIT_TOKENS, limit, more,
				       loop_now_us(c->worker->loop));
	}
	c->tokens_taken = 0;
}
