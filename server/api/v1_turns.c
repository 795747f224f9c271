/*
 * server/api/v1_turns.c - POST /v1/chat/completions and /v1/embeddings.
 */
#include <string.h>

#include "common/base/mem.h"
#include "common/chat/request.h"
#include "common/loop/job.h"
#include "server/api/augment.h"
#include "server/api/call.h"

/* The check of a body; a large one runs as a job. */
struct check {
	struct span body;
	struct offer offer;
	union {
		struct chat_request chat;
		struct embed_request embed;
	} request;
	bool embed;
	int result;
	struct err err;
};

static void run_check(void *arg)
{
	struct check *k = arg;

	k->result = k->embed ? embed_request_check(&k->request.embed, k->body, &k->offer, &k->err)
			     : chat_request_check(&k->request.chat, k->body, &k->offer, &k->err);
}

/* Faults go to k->err. */
static int check_body(struct exchange *x, struct call *c, struct check *k)
{
	if (call_check_type(x, &k->err) < 0 || exchange_body(x, SIZE_MAX, &k->body, &k->err) < 0)
		return -1;
	k->offer = call_offer(c);
	if (k->body.len <= REQUEST_INLINE_MAX)
		run_check(k);
	else if (job_run(c->worker->core->jobs, run_check, k, &k->err) < 0)
		return -1;
	return k->result;
}

struct span call_forwarded(struct exchange *x)
{
	const struct span names[] = {
		SPAN_LIT("openai-beta"),     SPAN_LIT("openai-organization"), SPAN_LIT("openai-project"),
		SPAN_LIT("idempotency-key"), SPAN_LIT("traceparent"),	      SPAN_LIT("tracestate"),
	};
	struct span parts[3 + 4 * ARRAY_LEN(names)];
	size_t count = 0;

	parts[count++] = SPAN_LIT("X-Request-Id: ");
	parts[count++] = span_str(x->request_id);
	parts[count++] = SPAN_LIT("\r\n");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct span value = http1_find(x->head, names[i]);

		if (!value.ptr)
			continue;
		parts[count++] = names[i];
		parts[count++] = SPAN_LIT(": ");
		parts[count++] = value;
		parts[count++] = SPAN_LIT("\r\n");
	}
	return arena_join(&x->arena, parts, count);
}

int call_prepare_turn(struct exchange *x, struct call *c, const struct model *alias, struct err *err)
{
	struct turn *t = &c->turn;
	struct turn_sink *sink = arena_alloc(&x->arena, sizeof *sink);

	t->forward = call_forwarded(x);
	if (!sink || !t->forward.ptr)
		return call_used_up(err);
	c->model = alias->alias; /* of the snapshot */
	call_sink(x, sink);
	t->worker = c->worker;
	t->snapshot = c->snapshot;
	t->arena = &x->arena;
	t->sink = sink;
	return 0;
}

static void finish(struct exchange *x, int result, const struct err *err)
{
	if (result < 0 && err->code != E_cancelled)
		reply_error(x, err);
}

/* What a call needs for its whole life is kept off its fiber's stack. */
void v1_chat_completions(struct exchange *x, struct call *c)
{
	struct check *k = arena_zalloc(&x->arena, sizeof *k);
	int result;

	if (!k) /* the layer below answers */
		return;
	result = check_body(x, c, k);
	if (result == 0)
		result = call_prepare_turn(x, c, k->request.chat.alias, &k->err);
	if (result == 0)
		result = augment_messages(x, c, &k->request.chat.front, &k->err);
	if (result == 0)
		result = turn_chat(&c->turn, &k->request.chat, &k->err);
	finish(x, result, &k->err);
}

void v1_embeddings(struct exchange *x, struct call *c)
{
	struct check *k = arena_zalloc(&x->arena, sizeof *k);
	int result;

	if (!k)
		return;
	k->embed = true;
	result = check_body(x, c, k);
	if (result == 0)
		result = call_prepare_turn(x, c, k->request.embed.alias, &k->err);
	if (result == 0)
		result = turn_embed(&c->turn, &k->request.embed, &k->err);
	finish(x, result, &k->err);
}
