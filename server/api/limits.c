/*
 * server/api/limits.c - see limits.h.
 */
#include "server/api/limits.h"

#include <string.h>

#include "common/base/digits.h"

enum { DURATION_SIZE = 48 };

static char *put_count(char *at, int64_t value, char unit)
{
	at = digits_put(at, (uint64_t)value);
	*at++ = unit;
	return at;
}

/* ".02" of 20; nothing of 0. */
static char *put_fraction(char *at, int64_t ms)
{
	if (ms)
		*at++ = '.';
	for (int64_t place = 100; ms; place /= 10) {
		*at++ = (char)('0' + ms / place);
		ms %= place;
	}
	return at;
}

/* "1s", "6m0s", "20ms": as Go writes durations, and OpenAI. */
static struct span duration_of(int64_t us, char out[DURATION_SIZE])
{
	int64_t ms = us > 0 ? (us + 999) / 1000 : 0, s = ms / 1000;
	char *at = out;

	if (ms > 0 && s == 0) {
		at = put_count(at, ms, 'm');
		*at++ = 's';
		return span_of(out, (size_t)(at - out));
	}
	if (s >= 3600)
		at = put_count(at, s / 3600, 'h');
	if (s >= 60)
		at = put_count(at, s / 60 % 60, 'm');
	at = put_fraction(digits_put(at, (uint64_t)(s % 60)), ms % 1000);
	*at++ = 's';
	return span_of(out, (size_t)(at - out));
}

static void put_number(struct exchange *x, const char *name, int64_t value)
{
	char text[DIGITS_MAX];

	reply_header(x, name, span_of(text, (size_t)(digits_put(text, (uint64_t)value) - text)));
}

static void put_requests(struct exchange *x, const struct limit_ask *a)
{
	char text[DURATION_SIZE];

	put_number(x, "x-ratelimit-limit-requests", a->limit.burst);
	put_number(x, "x-ratelimit-remaining-requests", a->remaining);
	reply_header(x, "x-ratelimit-reset-requests", duration_of(a->full_us, text));
}

void limits_tell_tokens(struct exchange *x, const struct limit_ask *a)
{
	char text[DURATION_SIZE];

	put_number(x, "x-ratelimit-limit-tokens", a->limit.burst);
	put_number(x, "x-ratelimit-remaining-tokens", a->remaining);
	reply_header(x, "x-ratelimit-reset-tokens", duration_of(a->full_us, text));
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

static int refuse(const struct call *c, const struct limit_ask *tightest, const char *param, const char *what,
		  struct err *err)
{
	metrics_add(c->worker->shard, M_spass_rate_limited_total, 1, LABELS(tenant_label(c)));
	return bucket_refuse(tightest, param, what, err);
}

static struct bucket_default default_of(const struct call *c)
{
	const struct config *config = c->snapshot->config;

	return (struct bucket_default){
		.rate = (double)config->rate_limit_per_second,
		.burst = config->rate_limit_burst,
		.is_on = is_limiting(c),
	};
}

void limits_tell_requests(struct exchange *x, const struct call *c)
{
	if (c->requests.limit.burst > 0)
		put_requests(x, &c->requests);
}

static int check_token(struct call *c, struct err *err)
{
	const struct bucket_default d = default_of(c);

	if (bucket_take_request(c->worker->core->token_limits, c->identity.token, &d,
				loop_now_us(c->worker->loop), &c->requests))
		return 0;
	return refuse(c, &c->requests, "headers.authorization", "this token has made too many requests", err);
}

/* Whether the address may ask once more. */
static bool take_address(struct exchange *x, struct call *c, struct limit_ask *a)
{
	const struct config *config = c->snapshot->config;
	uint8_t key[LIMITER_KEY_SIZE];

	*a = (struct limit_ask){ .kind = LIMIT_SECOND, .amount = 1 };
	/* A socket of this machine has no address; who may open it is a matter of permissions. */
	if (!is_limiting(c) || !limiter_address_key(x->peer.ptr, x->peer.len, key))
		return true;
	a->limit = limit_of((double)config->address_limit_per_second, 1, config->address_limit_burst);
	return limiter_take(c->worker->core->address_limits, key, a, 1, loop_now_us(c->worker->loop));
}

static int check_address(struct exchange *x, struct call *c, struct err *err)
{
	struct limit_ask a;

	if (take_address(x, c, &a))
		return 0;
	put_requests(x, &a);
	return refuse(c, &a, "", "this address has made too many requests without valid credentials", err);
}

/* What watches over the gateway must not be told that it is ill because others ask too much. */
static bool is_health(const struct call *c)
{
	return c->route->handle == ops_healthz || c->route->handle == ops_readyz;
}

int limits_check(struct exchange *x, struct call *c, struct err *err)
{
	if (c->identity.token)
		return check_token(c, err);
	if (!c->snapshot->config->auth || is_health(c))
		return 0;
	return check_address(x, c, err);
}

void limits_excuse_token(struct exchange *x, struct call *c)
{
	const struct bucket_default d = default_of(c);
	struct limit_ask a;

	if (!c->identity.token || !take_address(x, c, &a))
		return;
	bucket_return_request(c->worker->core->token_limits, c->identity.token, &d, loop_now_us(c->worker->loop));
	c->requests.remaining++;
	c->requests.full_us -= (int64_t)(c->requests.limit.interval_ns / 1000);
}

void limits_refuse_address(struct exchange *x, struct call *c, struct err *err)
{
	struct err limited = ERR_INIT;

	if (check_address(x, c, &limited) < 0)
		*err = limited;
}
