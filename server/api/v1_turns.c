/*
 * server/api/v1_turns.c - POST /v1/chat/completions and /v1/embeddings.
 */
#include <string.h>

#include "common/base/digest.h"
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

/* What of it the check fills in is left as it is. */
static struct check *check_new(struct exchange *x, bool embed)
{
	struct check *k = arena_alloc(&x->arena, sizeof *k);

	if (!k)
		return NULL;
	k->embed = embed;
	err_clear(&k->err);
	return k;
}

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

/*
 * All tenants are one client to a backend, whose answers to a key it may keep: two that use the same
 * key must not meet there.  The same caller's key is the same each time.
 */
static struct span own_key(const struct call *c, struct span key, char out[2 * DIGEST_SIZE + 1])
{
	enum { OWN_BYTES = 16 };
	const struct identity *i = &c->identity;
	uint8_t who[DIGEST_SIZE], own[DIGEST_SIZE];
	struct buf names;

	buf_init(&names, 1 * KIB);
	buf_add_str(&names, i->tenant_id);
	buf_add_char(&names, '\n');
	buf_add_str(&names, i->user_id ? i->user_id : "");
	digest_sha256(buf_span(&names), who);
	buf_free(&names);
	digest_hmac_sha256(span_of((const char *)who, sizeof who), key, own);
	digest_hex(own, OWN_BYTES, out);
	return span_str(out);
}

static inline size_t add_line(struct span *parts, size_t count, struct span name, struct span value)
{
	parts[count++] = name;
	parts[count++] = SPAN_LIT(": ");
	parts[count++] = value;
	parts[count++] = SPAN_LIT("\r\n");
	return count;
}

/* The client's own, if there is one.  Inline, so that of a literal it is known what to look for. */
static inline size_t add_field(struct span *parts, size_t count, const struct exchange *x, struct span name)
{
	struct span value = http1_find(x->head, name);

	return value.ptr ? add_line(parts, count, name, value) : count;
}

int call_forward(struct exchange *x, struct call *c, struct err *err)
{
	enum { LINE = 4, LINES = 5, ACCOUNT_LINES = 2 };
	struct span parts[LINE * LINES], account[LINE * ACCOUNT_LINES];
	struct span key = http1_find(x->head, SPAN_LIT("idempotency-key"));
	char own[2 * DIGEST_SIZE + 1];
	size_t count = add_line(parts, 0, SPAN_LIT("X-Request-Id"), span_str(x->request_id)), account_count;

	if (key.ptr)
		count = add_line(parts, count, SPAN_LIT("idempotency-key"), own_key(c, key, own));
	count = add_field(parts, count, x, SPAN_LIT("openai-beta"));
	count = add_field(parts, count, x, SPAN_LIT("traceparent"));
	count = add_field(parts, count, x, SPAN_LIT("tracestate"));
	account_count = add_field(account, 0, x, SPAN_LIT("openai-organization"));
	account_count = add_field(account, account_count, x, SPAN_LIT("openai-project"));
	c->turn.forward = arena_join(&x->arena, parts, count);
	c->turn.forward_account = account_count ? arena_join(&x->arena, account, account_count) : SPAN_NONE;
	return c->turn.forward.ptr ? 0 : err_used_up(err);
}

int call_prepare_turn(struct exchange *x, struct call *c, const struct model *alias, struct err *err)
{
	struct turn *t = &c->turn;
	struct turn_sink *sink = arena_alloc(&x->arena, sizeof *sink);

	if (call_forward(x, c, err) < 0)
		return -1;
	if (!sink)
		return err_used_up(err);
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
	struct check *k = check_new(x, false);
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
	struct check *k = check_new(x, true);
	int result;

	if (!k)
		return;
	result = check_body(x, c, k);
	if (result == 0)
		result = call_prepare_turn(x, c, k->request.embed.alias, &k->err);
	if (result == 0)
		result = turn_embed(&c->turn, &k->request.embed, &k->err);
	finish(x, result, &k->err);
}
