/*
 * common/upstream/failover.c - the walk along a chain.
 */
#include "common/upstream/failover.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/ident.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum { DELAY_FIRST_MS = 100, PATIENCE_MS = 500 };

void failover_init(struct failover *f, struct arena *arena, const struct target *targets,
		   size_t count, int retries, int64_t delay_max_ms)
{
	*f = (struct failover){
		.targets = targets,
		.count = count,
		.retries_max = retries,
		.delay_max_ms = delay_max_ms,
		.arena = arena,
		.soonest_ms = -1,
	};
}

/* Room for one note more, or NULL. */
static struct failover_note *new_note(struct failover *f)
{
	if (!f->notes)
		f->notes = arena_alloc(f->arena, FAILOVER_NOTES_MAX * sizeof *f->notes);
	if (!f->notes || f->note_count == FAILOVER_NOTES_MAX)
		return NULL;
	return &f->notes[f->note_count++];
}

static void note(struct failover *f, const struct target *t, const struct failure *why)
{
	struct failover_note *n = f->note_count ? &f->notes[f->note_count - 1] : NULL;

	if (n && n->target == t) {
		n->tries++;
		n->last = *why;
		return;
	}
	n = new_note(f);
	/* Of a very long chain the last failure counts: it decides the error and the pause. */
	if (!n && f->note_count)
		n = &f->notes[f->note_count - 1];
	if (n)
		*n = (struct failover_note){ t, 1, *why };
}

static void note_rest(struct failover *f, const struct target *t)
{
	struct failover_note *n = new_note(f);

	if (!n)
		return;
	n->target = t;
	n->tries = 0;
	failure_set(&n->last, FAILURE_CONNECT, "resting after failures");
}

static void advance(struct failover *f)
{
	f->at++;
	f->tries = 0;
}

static void sooner(struct failover *f, int64_t ms)
{
	if (ms >= 0 && (f->soonest_ms < 0 || ms < f->soonest_ms))
		f->soonest_ms = ms;
}

/* Exponential with jitter, so that many callers do not return in step. */
static int64_t backoff_ms(int tries, int64_t max)
{
	int64_t delay = DELAY_FIRST_MS << (tries < 10 ? tries - 1 : 9);
	uint16_t random;

	ident_random(&random, sizeof random);
	delay = delay / 2 + (delay * random) / (INT64_C(2) * 65536);
	return delay < max ? delay : max;
}

static bool is_larger(const struct failover *f, const struct target *t)
{
	int64_t window = t->link_model ? t->link_model->context_window : 0;

	return f->larger_than == 0 || window > f->larger_than;
}

/* Of the targets that were asked. */
static const struct failover_note *last_tried(const struct failover *f)
{
	for (size_t i = f->note_count; i-- > 0;)
		if (f->notes[i].tries > 0)
			return &f->notes[i];
	return NULL;
}

static bool is_about_model(enum err_code code)
{
	return code == E_model_quota_exhausted ||
	       (err_info(code)->status >= 500 && code != E_internal_error);
}

/* The code of the failure's class, unless its status tells more. */
static enum err_code code_of(const struct failure *why)
{
	static const struct {
		enum failure_class class;
		int from, to;
		enum err_code code;
	} finer[] = {
		{ FAILURE_BUSY, 408, 408, E_upstream_timeout },
		{ FAILURE_BUSY, 425, 425, E_upstream_unavailable },
		{ FAILURE_BUSY, 500, 599, E_upstream_unavailable },
		{ FAILURE_SERVER, 503, 503, E_upstream_unavailable },
		{ FAILURE_SERVER, 504, 504, E_upstream_timeout },
	};

	for (size_t i = 0; i < ARRAY_LEN(finer); i++)
		if (finer[i].class == why->class && why->status >= finer[i].from &&
		    why->status <= finer[i].to)
			return finer[i].code;
	return failure_rule(why->class)->code;
}

static void write_notes(const struct failover *f, struct buf *text)
{
	if (f->count == 0)
		buf_add_str(text, "no backend of this model is configured: start one, or give its key");
	for (size_t i = 0; i < f->note_count; i++) {
		const struct failover_note *n = &f->notes[i];

		buf_printf(text, "%s%s/%s", i ? "; " : "", n->target->backend->name, n->target->model);
		if (n->tries > 1)
			buf_printf(text, " (%d attempts)", n->tries);
		buf_printf(text, ": %s", n->last.text);
	}
}

/* Backends have no common name for it, but they have common words. */
static bool is_about_small_limit(const struct failure *why)
{
	return why->class == FAILURE_REQUEST &&
	       (strstr(why->text, "max_tokens") || strstr(why->text, "max_output_tokens")) &&
	       (strstr(why->text, "minimum") || strstr(why->text, "at least"));
}

/* The error of the walk: the last failure's code, every target's words. */
static void report(struct failover *f, struct err *err)
{
	const struct failover_note *last = last_tried(f);
	enum err_code code = last ? code_of(&last->last) : E_upstream_unavailable;
	struct buf text;

	buf_init(&text, (size_t)ERR_MESSAGE_MAX * 4);
	write_notes(f, &text);
	if (last && is_about_small_limit(&last->last))
		err_set(err, E_max_tokens_below_minimum, "max_tokens", "%s", last->last.text);
	else
		err_set(err, code, is_about_model(code) ? "model" : last ? last->last.param : "", "%s", buf_str(&text));
	buf_free(&text);
	if (f->soonest_ms >= 0)
		err->retry_after_s = (int)((f->soonest_ms + 999) / 1000) + (f->soonest_ms == 0);
	/* The gateway has repeated what is worth repeating: a client that does too multiplies. */
	err->no_retry = code == E_upstream_error || code == E_upstream_auth ||
			(last && last->last.class == FAILURE_QUOTA && f->soonest_ms < 0);
}

/* Before a further attempt at the target whose turn it is; 0 before the first. */
static int64_t pause_before(const struct failover *f)
{
	const struct failover_note *n = f->note_count ? &f->notes[f->note_count - 1] : NULL;

	if (f->tries == 0 || !n || n->target != &f->targets[f->at])
		return 0;
	return n->last.retry_after_ms >= 0 ? n->last.retry_after_ms
					   : backoff_ms(f->tries, f->delay_max_ms);
}

/* Somebody else may answer sooner than the wait is over. */
static bool is_worth_waiting(const struct failover *f, int64_t delay_ms, int64_t now_ms)
{
	if (f->tries == 0)
		return true;
	return delay_ms <= f->delay_max_ms && (delay_ms <= PATIENCE_MS || f->at + 1 == f->count) &&
	       (!f->deadline_ms || now_ms + delay_ms < f->deadline_ms);
}

/* Its breaker lets no call through. */
static void pass_over(struct failover *f, const struct target *t, int64_t now_ms)
{
	if (f->tries == 0)
		note_rest(f, t);
	sooner(f, breaker_wait_ms(t->breaker, now_ms));
	advance(f);
}

const struct target *failover_next(struct failover *f, int64_t now_ms, int64_t *delay_ms,
				   struct err *err)
{
	for (*delay_ms = 0; !f->ended && f->at < f->count;) {
		const struct target *t = &f->targets[f->at];
		int64_t pause_ms = pause_before(f);

		if (!is_larger(f, t)) {
			advance(f);
			continue;
		}
		if (!is_worth_waiting(f, pause_ms, now_ms)) {
			sooner(f, pause_ms);
			advance(f);
			continue;
		}
		f->ticket = breaker_admit(t->breaker, now_ms);
		if (!f->ticket) {
			pass_over(f, t, now_ms);
			continue;
		}
		f->tries++;
		f->attempts++;
		*delay_ms = pause_ms;
		return t;
	}
	f->ended = true;
	report(f, err);
	return NULL;
}

void failover_out_of_time(struct failover *f, struct err *err)
{
	f->ended = true;
	report(f, err);
	err->code = E_upstream_timeout;
	err->no_retry = false;
	err_prefix(err, "the time for the whole call is up");
}

void failover_succeeded(struct failover *f)
{
	const struct target *t = &f->targets[f->at];

	if (breaker_success(t->breaker, f->ticket))
		log_info("upstream", "%s/%s answers again, and gets calls as before", t->backend->name, t->model);
	f->ended = true;
}

void failover_dropped(struct failover *f)
{
	breaker_release(f->targets[f->at].breaker, f->ticket);
	f->ended = true;
}

/* What is the request's fault is no news of the target, nor that a server which was looked for is not there. */
static bool is_news(const struct target *t, const struct failure *why)
{
	const enum failure_next next = failure_rule(why->class)->next;

	return (next == NEXT_RETRY || next == NEXT_TARGET) &&
	       !(t->backend->automatic && why->class == FAILURE_CONNECT);
}

static void tell(const struct failover *f, const struct failure *why, bool rests, int64_t now_ms)
{
	const struct target *t = &f->targets[f->at];
	char status[32] = "", others[64] = "";
	int64_t left_out;

	if (!is_news(t, why))
		return;
	if (trouble_is_due(&t->backend->told, now_ms, &left_out)) {
		if (why->status)
			snprintf(status, sizeof status, ", status %d", why->status);
		if (left_out)
			snprintf(others, sizeof others, " (failures of the backend since the last line: %lld)",
				 (long long)left_out);
		log_warn("upstream", "%s/%s failed: %s%s, attempt %d%s", t->backend->name, t->model,
			 failure_rule(why->class)->name, status, f->tries, others);
	}
	if (rests)
		log_warn("upstream", "%s/%s has failed too often in a row, and rests", t->backend->name, t->model);
}

void failover_failed(struct failover *f, const struct failure *why, int64_t now_ms)
{
	const struct target *t = &f->targets[f->at];
	const struct failure_rule *rule = failure_rule(why->class);
	bool rests = false;

	if (rule->blame == BLAME_TARGET)
		rests = breaker_failure(t->breaker, f->ticket, now_ms);
	else
		breaker_release(t->breaker, f->ticket);
	tell(f, why, rests, now_ms);
	note(f, t, why);
	if (why->class == FAILURE_BUSY)
		sooner(f, why->retry_after_ms >= 0 ? why->retry_after_ms : 1000);
	switch (rule->next) {
	case NEXT_RETRY:
		if (f->tries > f->retries_max)
			advance(f);
		break;
	case NEXT_TARGET:
		advance(f);
		break;
	case NEXT_LARGER:
		f->larger_than = t->link_model && t->link_model->context_window
					 ? t->link_model->context_window
					 : 1;
		advance(f);
		break;
	case NEXT_NONE:
		f->ended = true;
		break;
	}
}
