/* tui/talk_answer.c - from a message to its answer, and what remains when there is none. */
#include "tui/talk_inside.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

#include <string.h>

static void on_text(void *context, struct span s)
{
	page_feed(((struct talk *)context)->page, PAGE_ANSWER, s);
}

static void on_thought(void *context, struct span s)
{
	page_feed(((struct talk *)context)->page, PAGE_THOUGHT, s);
}

static void on_tool(void *context, const char *name, const char *arguments)
{
	talk_say(context, STYLE_DIM, "[the model asks for the tool %s %s]", name, arguments);
}

static void ask(struct talk *t)
{
	const struct answer_sink sink = { on_text, on_thought, on_tool, t };
	const struct convo_request request = { .model = t->model,
					       .stream = true,
					       .material = buf_span(&t->passages) };

	buf_clear(&t->body);
	if ((t->keeps ? convo_turn_body(t->convo, &request, t->conversation, &t->body)
		      : convo_body(t->convo, &request, &t->body)) < 0) {
		talk_say(t, STYLE_BAD, "The conversation has grown larger than %d MiB; /new begins another.",
			 CONVO_BODY_MAX / 1024 / 1024);
		return;
	}
	t->asked_ms = clock_mono_ms();
	t->answer = answer_start_at(t->wire, t->keeps ? "/c1/chat" : "/v1/chat/completions",
				    buf_span(&t->body), true, &sink);
	if (!prompt_is_live(t->prompt))
		prompt_hide(t->prompt);
}

/* A message that was never answered is replaced by the one that follows. */
void talk_send(struct talk *t, struct span text)
{
	bool is_settled = talk_keep_settle(t);
	struct buf message;

	convo_drop_last(t->convo, "user");
	buf_init(&message, CONVO_BODY_MAX);
	buf_add_span(&message, text);
	if (t->context.len) {
		buf_add_str(&message, "\n\n");
		buf_add_span(&message, buf_span(&t->context));
	}
	t->context_sent = t->context.len;
	convo_add(t->convo, "user", buf_span(&message));
	buf_free(&message);
	if (talk_rag_search(t, text) && is_settled)
		ask(t);
}

bool talk_retry(struct talk *t)
{
	if (!convo_last(t->convo, "user"))
		return false;
	if (!talk_keep_settle(t))
		return true;
	if (convo_last_is(t->convo, "assistant") && t->conversation && !talk_keep_back(t))
		return true;
	convo_drop_last(t->convo, "assistant");
	if (talk_rag_again(t))
		ask(t);
	return true;
}

/* Whether the gateway may not have what was said, or not the conversation at all. */
static bool is_in_doubt(const struct talk *t)
{
	enum err_code code = answer_error(t->answer)->code;

	return t->conversation && (code == E_stream_cut || code == E_conversation_not_found);
}

/* What has come stays in the conversation, as it stays on the screen. */
static void keep(struct talk *t)
{
	struct span text = answer_text(t->answer);

	talk_keep_id(t, answer_facts(t->answer)->conversation);
	talk_keep_doubt(t, is_in_doubt(t));
	talk_system_note(t);
	if (!text.len)
		return;
	convo_add(t->convo, "assistant", text);
	if (!t->doubted)
		talk_keep_context(t);
}

/* Of what came to nothing the gateway keeps neither the message nor the answer. */
static bool is_lost(const struct talk *t)
{
	return t->keeps && !answer_has_begun(t->answer);
}

static void leave(struct talk *t)
{
	answer_free(t->answer);
	t->answer = NULL;
	buf_add_char(&t->lines, '\n');
	talk_paint(t);
	if (!prompt_is_live(t->prompt))
		prompt_show(t->prompt);
}

static void tell_end(struct talk *t)
{
	const struct answer_facts *f = answer_facts(t->answer);

	if (*f->applied)
		talk_say(t, STYLE_DIM, "[the gateway changed the request: %s]", f->applied);
	if (!strcmp(f->finish, "length"))
		talk_say(t, STYLE_DIM, "[cut at the limit of its length]");
	else if (!strcmp(f->finish, "content_filter"))
		talk_say(t, STYLE_DIM, "[ended by the provider's content filter]");
	else if (!answer_text(t->answer).len && strcmp(f->finish, "tool_calls") != 0)
		talk_say(t, STYLE_DIM, "[an empty answer]");
}

/* What was typed for after this answer was typed with it in mind: it goes back to the user. */
static void drop_waiting(struct talk *t)
{
	if (t->waiting_count)
		talk_say(t, STYLE_DIM, "[%zu queued %s not sent; Up brings %s back]", t->waiting_count,
			 t->waiting_count == 1 ? "message was" : "messages were",
			 t->waiting_count == 1 ? "it" : "them");
	for (size_t i = 0; i < t->waiting_count; i++)
		mem_free(t->waiting[i]);
	t->waiting_count = 0;
}

void talk_finish(struct talk *t)
{
	const struct err *err = answer_error(t->answer);
	const struct answer_facts *f = answer_facts(t->answer);

	page_end(t->page);
	talk_place_held(t);
	keep(t);
	if (f->prompt_tokens >= 0 || f->completion_tokens >= 0)
		convo_count_usage(t->convo, f->prompt_tokens > 0 ? f->prompt_tokens : 0,
				  f->completion_tokens > 0 ? f->completion_tokens : 0);
	if (err->code == E_none)
		convo_count_cost(t->convo, f->cost_eur, f->cost_usd);
	if (err->code == E_none) {
		t->is_seen = t->conversation != NULL;
		tell_end(t);
		talk_rag_tell(t, answer_text(t->answer));
		talk_rag_note(t);
	} else {
		if (answer_text(t->answer).len)
			talk_say(t, STYLE_DIM, "[the answer is cut off here]");
		talk_say_error(t, err);
		if (is_lost(t))
			talk_say(t, STYLE_DIM, "[not kept]");
		drop_waiting(t);
	}
	leave(t);
}

void talk_stop(struct talk *t)
{
	page_end(t->page);
	talk_place_held(t);
	keep(t);
	if (answer_text(t->answer).len)
		convo_count_interrupted(t->convo);
	talk_say(t, STYLE_DIM, is_lost(t) ? "[interrupted, not kept]" : "[interrupted]");
	drop_waiting(t);
	leave(t);
}
