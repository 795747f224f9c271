/*
 * server/api/account.c - see account.h.
 */
#include "server/api/account.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/chat/turn_record.h"

static const char *surface_of(const struct call *c)
{
	return c->route ? c->route->surface : "none";
}

static const char *pattern_of(const struct call *c)
{
	return c->route ? c->route->pattern : "none";
}

static int status_of(const struct exchange *x)
{
	return x->status ? x->status : err_info(E_cancelled)->status;
}

static bool hides_users(const struct call *c)
{
	const struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);

	return settings_bool(&s, SETTING_KEY_audit_user_id_pseudonymize);
}

static void fill_call(struct record *r, const struct exchange *x, const struct call *c)
{
	r->request_id = x->request_id;
	r->parent_request_id = c->parent_request_id;
	r->epoch = c->snapshot->generation;
	r->tenant_id = c->identity.tenant_id;
	r->token_id = c->identity.token_id;
	r->user_id = c->identity.user_id;
	r->pseudonymous = hides_users(c);
	r->scope_id = c->identity.scope_id;
	r->model = c->model;
	r->depth = c->depth;
	r->surface = surface_of(c);
	r->method = http1_method_name(x->head->method);
	r->route = pattern_of(c);
}

static void keep_record(const struct exchange *x, const struct call *c, int64_t now_us)
{
	char source[RATE_SOURCE_MAX];
	struct record r;

	fill_call(&r, x, c);
	turn_record(&r, &c->turn, &c->spend, source);
	r.ts_ms = clock_wall_ms() - (now_us - x->started_us) / 1000;
	r.status = status_of(x);
	r.finished = !x->client_gone && !x->aborted && (!c->turn.attempts || c->turn.finished);
	/* status is what the client was told; that it left before the end stands beside it. */
	r.error = x->error == E_none && x->client_gone ? E_cancelled : x->error;
	r.latency_us = now_us - x->started_us;
	r.first_byte_us = x->first_byte_us ? x->first_byte_us - x->started_us : -1;
	r.bytes_in = x->bytes_in;
	r.bytes_out = x->bytes_out;
	recorder_keep(c->worker->recorder, &r);
}

/* The statuses that there are, each three digits and a NUL, for labels that stay. */
#define TEN(p) p "0\0" p "1\0" p "2\0" p "3\0" p "4\0" p "5\0" p "6\0" p "7\0" p "8\0" p "9\0"
#define HUNDRED(p)                                                                                      \
	TEN(p "0") TEN(p "1") TEN(p "2") TEN(p "3") TEN(p "4") TEN(p "5") TEN(p "6") TEN(p "7") TEN(p "8") \
	TEN(p "9")
static const char statuses[] = HUNDRED("1") HUNDRED("2") HUNDRED("3") HUNDRED("4") HUNDRED("5");
enum { STATUS_FIRST = 100, STATUS_TEXT = 4, STATUS_LAST = 599 };

static const char *status_label(int status)
{
	if (status < STATUS_FIRST || status > STATUS_LAST)
		return "000";
	return statuses + (size_t)(status - STATUS_FIRST) * STATUS_TEXT;
}

static struct span phase_of(const struct exchange *x, const struct turn *t)
{
	if (t->first_event_us || x->first_byte_us)
		return SPAN_LIT("answer");
	return t->attempts ? SPAN_LIT("waiting") : SPAN_LIT("request");
}

static void count(struct metrics_shard *shard, const struct exchange *x, const struct call *c,
		  int64_t now_us)
{
	const char *surface = surface_of(c), *route = pattern_of(c);
	struct span retry = exchange_header(x, "x-stainless-retry-count");
	int64_t took = now_us - x->started_us, retries;

	/* Routes, models and tenants stay as long as the snapshot, whose generation is the epoch. */
	metrics_epoch(shard, c->snapshot->generation);
	metrics_add_texts(shard, M_spass_requests_total, 1,
			  TEXTS(surface, route, http1_method_name(x->head->method), status_label(status_of(x))));
	metrics_observe_texts_us(shard, M_spass_request_duration_seconds, took, TEXTS(surface, route));
	if (!c->turn.streamed)
		metrics_observe_texts_us(shard, M_spass_overhead_seconds, took - c->turn.waited_us,
					 TEXTS(route));
	if (x->error != E_none)
		metrics_add(shard, M_spass_errors_total, 1, LABELS(span_str(err_info(x->error)->code)));
	if (x->client_gone)
		metrics_add(shard, M_spass_client_gone_total, 1, LABELS(phase_of(x, &c->turn)));
	/* One digit: "007" would be a series of its own. */
	if (retry.len == 1 && span_to_int(retry, 1, 9, &retries) == 0)
		metrics_add(shard, M_spass_client_retries_total, 1, LABELS(retry));
	turn_count(shard, &c->turn, c->identity.tenant_id, x->started_us);
}

static bool keeps_records(const struct call *c)
{
	const struct config *config = c->snapshot->config;

	return c->worker->core->store && (config->usage || config->audit);
}

void account(const struct exchange *x, const struct call *c)
{
	int64_t now_us = clock_mono_us();

	if (c->worker->shard)
		count(c->worker->shard, x, c, now_us);
	if (keeps_records(c) && strcmp(surface_of(c), "ops") != 0)
		keep_record(x, c, now_us);
}
