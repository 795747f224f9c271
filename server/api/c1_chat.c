/*
 * server/api/c1_chat.c - POST /c1/chat.
 */
#include <string.h>

#include "common/chat/conversation_turn.h"
#include "server/api/augment.h"

static int prepare(struct exchange *x, struct call *c, struct conversation_turn *t, struct err *err)
{
	struct span body;

	if (call_read_single(x, "X-Conversation-Id", "headers.x-conversation-id", &t->named, err) < 0)
		return -1;
	if (call_check_type(x, err) < 0 || exchange_body(x, SIZE_MAX, &body, err) < 0)
		return -1;
	t->worker = c->worker;
	t->snapshot = c->snapshot;
	t->owner = (struct conversation_owner){ c->identity.tenant_id, c->identity.user_id };
	t->offer = call_offer(c);
	t->turn = &c->turn;
	c->turn.arena = &x->arena;
	if (augment_messages(x, c, &t->front, err) < 0)
		return -1;
	return conversation_turn_prepare(t, body, err);
}

static int run(struct exchange *x, struct call *c, struct conversation_turn *t, struct err *err)
{
	struct turn_sink *sink = arena_alloc(&x->arena, sizeof *sink);

	if (call_forward(x, c, err) < 0)
		return -1;
	if (!sink)
		return err_used_up(err);
	call_sink(x, sink);
	t->sink = sink;
	c->turn.worker = c->worker;
	c->turn.snapshot = c->snapshot;
	return conversation_turn_run(t, err);
}

void c1_chat(struct exchange *x, struct call *c)
{
	/* Long-lived, so not on the fiber's stack. */
	struct conversation_turn *t = arena_alloc(&x->arena, sizeof *t);
	struct err err = ERR_INIT;
	int result;

	if (!t) /* the layer below answers */
		return;
	conversation_turn_init(t);
	result = prepare(x, c, t, &err);
	if (t->exists)
		reply_header(x, "x-conversation-id", span_str(t->id));
	if (t->alias)
		c->model = t->alias->alias; /* of the snapshot */
	if (result == 0)
		result = run(x, c, t, &err);
	conversation_turn_end(t);
	if (result < 0 && err.code != E_cancelled)
		reply_error(x, &err);
}
