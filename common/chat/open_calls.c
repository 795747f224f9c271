/*
 * common/chat/open_calls.c - see open_calls.h.
 */
#include "common/chat/open_calls.h"

#include <stdio.h>
#include <string.h>

#include "common/chat/conversation_history.h"

/* Removes the line that is id; false when there is none. */
static bool forget_call(struct buf *calls, struct span id)
{
	struct span rest = buf_span(calls);

	while (rest.len) {
		struct span line = span_cut(&rest, '\n');

		if (span_equal(line, id)) {
			size_t at = (size_t)(line.ptr - calls->ptr), len = line.len + 1;

			memmove(calls->ptr + at, calls->ptr + at + len, calls->len - at - len);
			buf_truncate(calls, calls->len - len);
			return true;
		}
	}
	return false;
}

void open_calls_follow(struct buf *calls, const struct message_row *m)
{
	struct jwalk w;
	struct jvalue list;

	if (span_is(m->role, "tool")) {
		forget_call(calls, jscan_member(m->body, "tool_call_id").text);
		return;
	}
	buf_clear(calls);
	if (!span_is(m->role, "assistant") || m->interrupted)
		return;
	list = jscan_member(m->body, "tool_calls");
	if (list.type != J_ARRAY)
		return;
	for (w = jwalk_start(list); jwalk_next(&w);) {
		struct jvalue id = jwalk_get(w.value, "id");
		size_t before = calls->len;

		if (id.type != J_STRING)
			continue;
		buf_add_span(calls, id.text);
		if (buf_add_char(calls, '\n') < 0)
			buf_truncate(calls, before);
	}
}

static int match_results(struct buf *calls, const struct new_messages *news, size_t results, struct err *err)
{
	char param[64];

	for (size_t i = 0; i < results; i++) {
		struct jvalue id = jscan_member(news->rows[i].body, "tool_call_id");

		if (forget_call(calls, id.text))
			continue;
		snprintf(param, sizeof param, "tool_results[%zu].tool_call_id", i);
		return err_set(err, E_invalid_field, param, "no call %.*s waits for a result",
			       id.text.len > 64 ? 64 : (int)id.text.len, id.text.ptr);
	}
	return 0;
}

static void add_row(struct new_messages *n, size_t at, struct span call_id)
{
	static const struct span none = { "\"(no result was given)\"", 23 };
	struct buf *texts = new_messages_add(n, at);

	buf_init(&texts[0], 1 * KIB);
	buf_init(&texts[1], call_id.len + 1 * KIB);
	buf_add_str(&texts[1], "{\"role\":\"tool\",\"tool_call_id\":");
	buf_add_span(&texts[1], call_id);
	buf_add_str(&texts[1], ",\"content\":");
	buf_add_span(&texts[1], none);
	buf_add_char(&texts[1], '}');
	n->rows[at] = (struct message_row){
		.role = SPAN_LIT("tool"),
		.text = SPAN_NONE,
		.body = buf_span(&texts[1]),
		.tokens = history_tokens(buf_span(&texts[1])),
		.bytes = (int64_t)texts[1].len,
		.prompt_tokens = -1,
		.completion_tokens = -1,
	};
}

int open_calls_answer(struct buf *calls, struct new_messages *news, size_t results, struct err *err)
{
	struct span rest;

	if (match_results(calls, news, results, err) < 0)
		return -1;
	rest = buf_span(calls);
	for (size_t at = results; rest.len; at++)
		add_row(news, at, span_cut(&rest, '\n'));
	return 0;
}
