/*
 * common/chat/conversation_keep.c - see conversation_keep.h.
 *
 * A stream passes untouched until an event finishes the answer: from there on it is held until the
 * answer has been committed, for many readers take that event, and not [DONE], for the end.
 */
#include "common/chat/conversation_keep.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/conversation_history.h"
#include "common/chat/stream.h"

void conversation_keep_free(struct conversation_turn *t)
{
	if (!t->answer.max)
		return;
	gather_free(&t->answer);
	sse_reader_free(&t->reader);
}

/* One change of the database: the request's messages and the answer. */
struct keeping {
	struct conversation_addition addition;
	struct buf body, images, title;
	struct message_row rows[];
};

static void fill_answer(struct conversation_turn *t, struct keeping *k, struct message_row *m,
			bool interrupted)
{
	const struct token_usage *usage = &t->turn->usage;

	*m = (struct message_row){
		.role = SPAN_LIT("assistant"),
		.finish_reason = span_str(t->answer.finish_reason),
		.model = span_str(t->alias->alias),
		.text = t->answer.text.len ? buf_span(&t->answer.text) : SPAN_NONE,
		.prompt_tokens = usage->prompt,
		.completion_tokens = usage->completion,
		.interrupted = interrupted,
	};
	if (gather_write_body(&t->answer, &k->body))
		m->body = buf_span(&k->body);
	if (gather_write_images(&t->answer, &k->images))
		m->images = buf_span(&k->images);
	m->tokens = history_tokens(m->body.ptr && !interrupted ? m->body : m->text);
	m->bytes = (int64_t)(m->text.len + m->body.len + m->images.len);
}

/* The first words of the user, whatever else comes before them. */
static void fill_title(const struct conversation_turn *t, struct keeping *k)
{
	for (size_t i = 0; i < t->news.count && !k->title.len; i++)
		if (span_is(t->news.rows[i].role, "user"))
			conversation_make_title(t->news.rows[i].text, &k->title);
	if (!k->title.len)
		buf_add_str(&k->title, "Untitled");
}

static void fill_addition(struct conversation_turn *t, struct keeping *k, bool interrupted)
{
	size_t count = t->news.count;

	buf_init(&k->body, ANSWER_MAX);
	buf_init(&k->images, ANSWER_MAX);
	buf_init(&k->title, 1 * KIB);
	memcpy(k->rows, t->news.rows, count * sizeof *k->rows);
	fill_answer(t, k, &k->rows[count], interrupted);
	if (t->is_new)
		fill_title(t, k);
	k->addition = (struct conversation_addition){
		.owner = t->owner,
		.id = t->id,
		.is_new = t->is_new,
		.title = buf_span(&k->title),
		.model = span_str(t->alias->alias),
		.now_ms = clock_wall_ms(),
		.sent_from = t->sent_from,
		.messages = k->rows,
		.count = count + 1,
	};
}

/* Commits.  0, or -1 with t->failure. */
static int keep_turn(struct conversation_turn *t, bool interrupted)
{
	struct keeping *k = mem_calloc(1, sizeof *k + (t->news.count + 1) * sizeof k->rows[0]);

	t->kept = true;
	fill_addition(t, k, interrupted || t->answer.overflowed);
	if (store_add(t->worker->core->store, &k->addition, &t->failure) == 0)
		t->exists = true;
	else
		t->failed = true;
	/* Before the client sees the end, after which it may begin another. */
	holds_leave(&t->hold, t->failed ? 0 : conversation_weigh(k->addition.messages, k->addition.count),
		    t->is_new && !t->failed);
	buf_free(&k->body);
	buf_free(&k->images);
	buf_free(&k->title);
	mem_free(k);
	return t->failed ? -1 : 0;
}

static void name_conversation(struct conversation_turn *t)
{
	if (t->is_new)
		t->sink->header(t->sink->context, "x-conversation-id", span_str(t->id));
}

/* Nothing has left yet: the handler answers the failure. */
static void tee_send(void *context, int status, const char *type, struct span body)
{
	struct conversation_turn *t = context;

	gather_answer(&t->answer, t->turn->choices);
	if (keep_turn(t, false) < 0) {
		t->turn->finished = false;
		return;
	}
	name_conversation(t);
	t->sink->send(t->sink->context, status, type, body);
}

static void tee_header(void *context, const char *name, struct span value)
{
	struct conversation_turn *t = context;

	t->sink->header(t->sink->context, name, value);
}

static void tee_lines(void *context, struct span lines)
{
	struct conversation_turn *t = context;

	t->sink->lines(t->sink->context, lines);
}

static int tee_begin(void *context, int status, const char *type)
{
	struct conversation_turn *t = context;

	name_conversation(t);
	t->begun = true;
	return t->sink->begin(t->sink->context, status, type);
}

/* True when the answer ends in these events. */
static bool take_events(struct conversation_turn *t, struct span part, bool *only_comments)
{
	struct sse_event event;
	struct err ignored;
	bool ends = false;

	sse_reader_feed(&t->reader, part);
	while (sse_reader_next(&t->reader, &event, &ignored) == 1) {
		if (!event.data.ptr)
			continue;
		*only_comments = false;
		if (!span_starts(event.data, "[DONE]"))
			gather_frame(&t->answer, event.data);
		ends |= t->answer.finish_reason[0] || span_starts(event.data, "[DONE]");
	}
	return ends;
}

static int tee_write(void *context, const struct span *parts, size_t count, struct err *err)
{
	struct conversation_turn *t = context;
	bool only_comments = true;

	for (size_t i = 0; i < count; i++)
		if (take_events(t, parts[i], &only_comments))
			t->is_held = true;
	/* A comment tells a client that waits that all is well, whatever is held. */
	if (!t->is_held || (only_comments && parts[0].len && parts[0].ptr[0] == ':'))
		return t->sink->write(t->sink->context, parts, count, err);
	for (size_t i = 0; i < count; i++)
		if (buf_add_span(&t->held, parts[i]) < 0)
			return err_set(err, E_upstream_error, "",
				       "the stream goes on for %d bytes behind its end", STREAM_TAIL_MAX);
	return 0;
}

static void tee_flush(void *context)
{
	struct conversation_turn *t = context;

	t->sink->flush(t->sink->context);
}

static void tee_fail(void *context, const struct err *err)
{
	struct conversation_turn *t = context;

	if (!t->kept && keep_turn(t, true) < 0)
		log_error("store", "an interrupted answer could not be kept: %s", t->failure.message);
	t->sink->fail(t->sink->context, err);
}

static void tee_end(void *context)
{
	struct conversation_turn *t = context;
	struct span held = buf_span(&t->held);
	struct err ignored;

	if (keep_turn(t, false) < 0) {
		t->turn->finished = false;
		t->sink->fail(t->sink->context, &t->failure);
		return;
	}
	if (held.len && t->sink->write(t->sink->context, &held, 1, &ignored) < 0)
		return;
	t->sink->end(t->sink->context);
}

int conversation_turn_run(struct conversation_turn *t, struct err *err)
{
	int result;

	gather_init(&t->answer, ANSWER_MAX);
	sse_reader_init(&t->reader, STREAM_EVENT_MAX);
	t->tee = (struct turn_sink){
		.context = t,
		.header = tee_header,
		.lines = tee_lines,
		.send = tee_send,
		.begin = tee_begin,
		.write = tee_write,
		.flush = tee_flush,
		.end = tee_end,
		.fail = tee_fail,
	};
	t->turn->sink = &t->tee;
	result = turn_chat(t->turn, &t->chat, err);
	/* The client has left, or the gateway stops: what had come is kept. */
	if (!t->kept && t->begun && keep_turn(t, true) < 0)
		log_error("store", "an interrupted answer could not be kept: %s", t->failure.message);
	if (t->failed && !t->begun) {
		*err = t->failure;
		return -1;
	}
	return result;
}
