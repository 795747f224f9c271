/*
 * common/chat/turn.c - the walk of one call along its targets.
 */
#include "common/chat/turn.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/stream.h"
#include "common/chat/turn_inside.h"
#include "common/upstream/source.h"

enum {
	ERROR_BODY_MAX = 64 * 1024,
	ERROR_WAIT_MS = 2000, /* an error's body that takes longer is not worth it */
};

void turn_init(struct turn *t)
{
	*t = (struct turn){
		.usage = TOKEN_USAGE_NONE,
		.request_id = "",
		.cost_factor = MONEY_UNIT,
	};
}

int64_t turn_floor(const struct turn *t, const struct model *alias, const struct target *target)
{
	int64_t floor = alias->min_max_tokens;

	if (target->link_model && target->link_model->min_max_tokens > floor)
		floor = target->link_model->min_max_tokens;
	return t->limit > 0 && floor > t->limit ? t->limit : floor;
}

void turn_announce_changes(struct turn *t)
{
	const struct turn_sink *sink = t->sink;

	if (!t->outgoing.applied.len)
		return;
	sink->header(sink->context, "x-spass-applied", t->outgoing.applied);
	sink->header(sink->context, "x-rust-api-applied", t->outgoing.applied);
}

/* A vector is no token: that none was counted of an answer of vectors leaves nothing unknown. */
static struct cost cost_of_call(const struct turn *t, const struct target *target)
{
	struct token_usage used = t->usage;

	if (t->size.kind == ANSWER_VECTORS && used.completion < 0)
		used.completion = 0;
	return cost_of(&used, target_is_free(target), target->price);
}

void turn_settle(struct turn *t, const struct target *target)
{
	const struct cost cost = t->sum ? *t->sum : cost_of_call(t, target);

	bill_make(&t->bill, &cost, &t->snapshot->rate, t->cost_factor);
}

void turn_announce(struct turn *t, const struct target *target)
{
	const struct turn_sink *sink = t->sink;

	sink->lines(sink->context, target->told);
	/* What a stream costs is known at its end, unless it is free. */
	if (!t->streamed || target_is_free(target)) {
		char lines[BILL_LINES_MAX];

		turn_settle(t, target);
		sink->lines(sink->context, bill_lines(&t->bill, t->snapshot->rate_lines, lines));
	}
	turn_announce_changes(t);
	if (t->walk.attempts > 1) {
		char text[24];
		struct buf b = { text, 0, sizeof text, sizeof text - 1, false };

		buf_add_int(&b, t->walk.attempts);
		sink->header(sink->context, "SPASS-Attempts", buf_span(&b));
	}
}

/* As much of an error's body as comes soon. */
static void read_error_body(struct source *s, struct buf *body)
{
	struct loop *l = fiber_loop(fiber_self());
	int64_t until = loop_now_ms(l) + ERROR_WAIT_MS, left;
	struct span piece;

	while ((left = until - loop_now_ms(l)) > 0 &&
	       source_read(s, &piece, left, NULL) == UPCALL_DATA)
		if (buf_add_span(body, piece) < 0)
			return;
}

/* An error, or a redirect, which no model server has a reason to send. */
static int take_status(struct source *s, struct failure *why)
{
	struct buf body;

	buf_init(&body, ERROR_BODY_MAX);
	read_error_body(s, &body);
	failure_from_answer(why, s->target, source_head(s), buf_span(&body));
	buf_free(&body);
	return TAKE_FAILED;
}

/* 201 and 203 come from proxies, and carry the answer. */
static bool is_answer(int status)
{
	return status >= 200 && status <= 203;
}

static void count_call(struct turn *t, const struct target *target, const char *outcome)
{
	metrics_epoch(t->worker->shard, t->snapshot->generation);
	metrics_add_texts(t->worker->shard, M_spass_upstream_requests_total, 1,
			  TEXTS(target->backend->name, outcome));
}

/* What a failed call says of the whole server, not of one model of it. */
static void report_failure(struct backend *backend, const struct failure *why)
{
	if (why->class == FAILURE_CONNECT)
		backend_set_status(backend, BACKEND_UNREACHABLE, "a call could not connect", *why->text ? why->text : NULL);
	else if (why->class == FAILURE_KEY)
		backend_set_status(backend, BACKEND_UNREACHABLE, "key refused", NULL);
	else if (why->status > 0 && why->status < 500)
		backend_report(backend, true);
}

/* What the client sends along; of the account that is billed only to a backend that is told to take it. */
static struct span forwarded(struct turn *t, const struct target *target)
{
	const struct span both[] = { t->forward, t->forward_account };

	if (!t->forward_account.len || !target->backend->forward_account)
		return t->forward;
	return arena_join(t->arena, both, ARRAY_LEN(both));
}

/* One attempt at one target. */
static int attempt(struct turn *t, const struct call_kind *kind, const void *request,
		   const struct target *target, struct failure *why, struct err *err)
{
	struct source_request req = {
		.uplinks = t->worker->uplinks,
		.jobs = t->worker->core->jobs,
		.target = target,
		.outgoing = &t->outgoing,
		.kind = kind->source,
		.forward = forwarded(t, target),
		.deadline_ms = t->deadline_ms,
		.unpack_max = (size_t)t->snapshot->config->max_answer_bytes,
	};
	struct source source;
	int64_t before = clock_mono_us();
	enum upcall_result head = UPCALL_FAILED;
	int result;

	t->asked = false;
	t->usage = TOKEN_USAGE_NONE; /* what a failed attempt told is not the answer's */
	if (kind->build(t, request, target, err) < 0) {
		failure_from_err(why, target, err);
		return TAKE_FAILED;
	}
	if (source_open(&source, &req, err) == 0) {
		t->asked = true;
		head = t->streamed ? stream_wait_head(t, &source, err)
				   : source_wait_head(&source, INT32_MAX, err);
	}
	/* An answer that waited for us while others were served is not the backend's time. */
	if (turn_now_us(t) > before)
		t->waited_us += turn_now_us(t) - before;
	if (head != UPCALL_DATA) {
		result = turn_give_up(target, why, err);
	} else if (!is_answer(source_head(&source)->status)) {
		result = take_status(&source, why);
	} else {
		result = kind->take(t, request, &source, why, err);
	}
	source_close(&source);
	return result;
}

/* After the commit point: tell it in the stream, and never try elsewhere. */
static int fail_inside(struct turn *t, const struct failure *why)
{
	struct err err = ERR_INIT;

	err_set(&err, failure_rule(why->class)->code, "", "%s/%s: %s", t->target->backend->name,
		t->target->model, why->text);
	err.no_retry = true;
	if (t->is_raw)
		t->sink->abort(t->sink->context, &err);
	else
		t->sink->fail(t->sink->context, &err);
	return 0;
}

static void start_walk(struct turn *t, const struct model *alias)
{
	const struct config *config = t->snapshot->config;

	t->asked = false;
	t->model = alias->alias;
	t->draws = alias->kind == MODEL_IMAGE;
	t->quiet_since_ms = turn_now_ms(t);
	if (!t->deadline_ms) /* of the turn's first call */
		t->deadline_ms = t->quiet_since_ms + config->total_timeout;
	failover_init(&t->walk, t->arena, t->targets, t->target_count, (int)config->retries,
		      config->retry_delay_max);
	t->walk.deadline_ms = t->deadline_ms;
}

/* What came of one attempt, told to all who keep count. */
static void note_answer(struct turn *t, const struct target *target)
{
	failover_succeeded(&t->walk);
	count_call(t, target, "ok");
	backend_report(target->backend, true);
}

static void note_failure(struct turn *t, const struct target *target, const struct failure *why)
{
	count_call(t, target, failure_rule(why->class)->name);
	log_debug("upstream", "%s/%s: %s", target->backend->name, target->model, why->text);
	failover_failed(&t->walk, why, turn_now_ms(t));
	t->asked = false;
	report_failure(target->backend, why);
}

static int end_gone(struct turn *t, struct err *err)
{
	failover_dropped(&t->walk);
	return err_set(err, E_cancelled, "", "the client has gone");
}

/* No target is left, or no time. */
static int end_failed(struct turn *t, const struct err *err)
{
	if (!t->begun)
		return -1;
	t->sink->fail(t->sink->context, err);
	return 0;
}

static int walk_targets(struct turn *t, const struct call_kind *kind, const void *request,
		const struct model *alias, struct err *err)
{
	struct failure *why = arena_alloc(t->arena, sizeof *why);
	const struct target *target;
	int64_t delay_ms;

	if (!why)
		return err_used_up(err);
	start_walk(t, alias);
	while ((target = failover_next(&t->walk, turn_now_ms(t), &delay_ms, err))) {
		int result;

		if (t->walk.at > 0 && t->walk.tries == 1)
			metrics_add(t->worker->shard, M_spass_fallbacks_total, 1,
				    LABELS(span_str(alias->alias)));
		if (stream_pause(t, delay_ms, err) < 0)
			return end_gone(t, err);
		t->attempts++;
		result = attempt(t, kind, request, target, why, err);
		if (result == TAKEN) {
			note_answer(t, target);
			return 0;
		}
		if (result == TAKE_GONE) {
			count_call(t, target, "client_gone");
			if (t->asked)
				t->target = target;
			return end_gone(t, err);
		}
		note_failure(t, target, why);
		if (t->committed)
			return fail_inside(t, why);
		if (turn_now_ms(t) >= t->deadline_ms) {
			failover_out_of_time(&t->walk, err);
			break;
		}
	}
	return end_failed(t, err);
}

int turn_admit(struct turn *t, const struct turn_size *size, struct err *err)
{
	if (!t->targets)
		t->targets = routing_chain(t->snapshot->routing, size->alias, &t->target_count);
	if (t->target_count == 0)
		return offer_no_backend(t->snapshot->routing, size->alias, E_upstream_unavailable, "model", err);
	t->size = *size;
	return t->admit ? t->admit(t->admit_context, size, err) : 0;
}

int turn_walk_once(struct turn *t, const struct call_kind *kind, const void *request, struct err *err)
{
	return walk_targets(t, kind, request, t->size.alias, err);
}

void turn_end(struct turn *t)
{
	/* A stream that was cut is settled by what has been told of it; a whole answer has been, to be announced. */
	if (t->target && (t->streamed || t->sum || !t->bill.is_made))
		turn_settle(t, t->target);
}

int turn_walk(struct turn *t, const struct call_kind *kind, const void *request,
	      const struct turn_size *size, struct err *err)
{
	int result;

	if (turn_admit(t, size, err) < 0)
		return -1;
	result = turn_walk_once(t, kind, request, err);
	turn_end(t);
	return result;
}
