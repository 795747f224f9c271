/*
 * common/chat/turn_chat.c - chat completions: what a target is sent, and how its answer is taken.
 */
#include "common/chat/stream.h"

/* Lenient, as turn_is_json: a missing type is taken for a stream, and judged by its events. */
static bool is_event_stream(const struct http1_head *head)
{
	static const struct span wanted = { "text/event-stream", 17 };
	struct span type = head->known[HTTP1_CONTENT_TYPE];

	return !type.ptr || span_is_nocase(span_of(type.ptr, type.len < wanted.len ? type.len : wanted.len),
					   wanted.ptr);
}

static int expect_image(struct turn *t, const void *request, struct turn_whole *w, struct failure *why,
			struct err *err)
{
	const struct chat_request *r = request;

	(void)t, (void)err;
	if (r->alias->kind != MODEL_IMAGE || turn_dialect(w->source)->images(w->answer.items) > 0)
		return 0;
	failure_set(why, FAILURE_NO_IMAGE, "the answer holds no image");
	return -1;
}

static int take_plain(struct turn *t, const void *request, struct source *s, struct failure *why,
		      struct err *err)
{
	return turn_take_whole(t, request, s, turn_dialect(s)->chat_answer, expect_image, why, err);
}

/* A whole answer, read for a stream's client: TAKEN when its events can be had from s. */
static int tell_as_stream(struct turn *t, struct source *s, struct span body, struct failure *why,
			  struct err *err)
{
	const struct dialect *dialect = turn_dialect(s);
	struct answer answer = { .form = NULL };

	if (dialect->chat_answer(body, &answer, err) < 0) {
		failure_set(why, FAILURE_CUT, "%s", err->message);
		return TAKE_FAILED;
	}
	if (answer.is_error)
		return turn_take_hidden_error(s, body, why);
	if (source_tell_as_stream(s, body, err) < 0) {
		failure_set(why, FAILURE_CUT, "%s", err->message);
		return TAKE_FAILED;
	}
	outgoing_applied(&t->outgoing, t->arena, "stream_from=json");
	return TAKEN;
}

/* Some answer in one JSON object, an error too, though a stream was asked for. */
static int take_no_stream(struct turn *t, struct source *s, struct failure *why, struct err *err)
{
	struct buf body;
	int result;

	if (!turn_is_json(source_head(s)))
		return turn_take_wrong_type(s, why, "an event stream");
	buf_init(&body, (size_t)t->snapshot->config->max_answer_bytes);
	if (stream_read_whole(t, s, &body, err) == 0)
		result = tell_as_stream(t, s, buf_span(&body), why, err);
	else
		result = turn_give_up(s->target, why, err);
	buf_free(&body);
	return result;
}

static int take_stream(struct turn *t, const void *request, struct source *s, struct failure *why,
		       struct err *err)
{
	const struct chat_request *r = request;
	int result = TAKEN;

	if (source_coding(s).ptr)
		return turn_take_wrong_type(s, why, NULL);
	if (!is_event_stream(source_head(s)))
		result = take_no_stream(t, s, why, err);
	if (result != TAKEN)
		return result;
	switch (stream_relay(t, s, r->wants_usage, why, err)) {
	case RELAY_DONE:
		return TAKEN;
	case RELAY_FAILED:
		return TAKE_FAILED;
	case RELAY_GONE:
		break;
	}
	err_set(err, E_cancelled, "", "the client has gone");
	return TAKE_GONE;
}

static int build_chat(struct turn *t, const void *request, const struct target *target, struct err *err)
{
	const struct chat_request *r = request;
	struct chat_wish wish = {
		.body = r->body,
		.root = r->root,
		.model = r->model,
		.messages = r->messages,
		.front = r->front,
		.stream_options = r->stream_options,
		.include_usage = r->include_usage,
		.max_tokens = r->max_tokens,
		.max_completion_tokens = r->max_completion_tokens,
		.streams = r->streams,
		.floor = turn_floor(t, r->alias, target),
		.limit = r->limit < 0 ? t->limit : 0,
	};

	return dialect_of(target->backend->provider->dialect)->chat(&wish, target, t->arena, &t->outgoing, err);
}

static const struct call_kind plain_call = { SOURCE_CHAT, build_chat, take_plain };
static const struct call_kind stream_call = { SOURCE_CHAT_STREAM, build_chat, take_stream };

static int check_limit(const struct turn *t, const struct chat_request *r, struct err *err)
{
	if (t->limit == 0 || r->limit <= t->limit)
		return 0;
	return err_set(err, E_invalid_field, r->limit_name, "this token may ask for at most %lld tokens",
		       (long long)t->limit);
}

int turn_chat(struct turn *t, const struct chat_request *r, struct err *err)
{
	struct turn_size size = {
		.alias = r->alias,
		.prompt_bytes = (int64_t)(r->body.len + r->front.len),
		.answer_max = r->limit < 0 && t->limit > 0 ? t->limit : r->limit,
		.choices = 1,
		.kind = r->alias->kind == MODEL_IMAGE ? ANSWER_MEDIA : ANSWER_TEXT,
	};

	if (check_limit(t, r, err) < 0)
		return -1;
	if (r->n.type == J_NUMBER)
		(void)jvalue_int(r->n, 1, CHAT_CHOICES_MAX, &size.choices); /* has been checked */
	t->streamed = r->streams;
	return turn_walk(t, r->streams ? &stream_call : &plain_call, r, &size, err);
}
