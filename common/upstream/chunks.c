/*
 * common/upstream/chunks.c - see chunks.h.
 */
#include "common/upstream/chunks.h"

#include <string.h>

#include "common/base/mem.h"

/* In every chunk of a stream; other members are told once, in the first. */
static const struct span repeated[] = { SPAN_INIT("id"), SPAN_INIT("created"), SPAN_INIT("model"), SPAN_INIT("system_fingerprint"), SPAN_INIT("service_tier") };
/* What is told in another place, or otherwise. */
static const struct span of_answer[] = { SPAN_INIT("object"), SPAN_INIT("choices"), SPAN_INIT("usage") };
static const struct span of_choice[] = { SPAN_INIT("index"), SPAN_INIT("message"), SPAN_INIT("finish_reason") };
static const struct span of_message[] = { SPAN_INIT("role"), SPAN_INIT("tool_calls") };

struct writer {
	struct buf *out;
	struct jvalue root;
	bool is_begun; /* the first chunk has left */
};

static bool is_among(struct span key, const struct span *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (jkey_equals(key, names[i]))
			return true;
	return false;
}

/* Lines may break between the tokens of JSON, but not inside the data of an event. */
static void add_value(struct buf *out, struct span text)
{
	while (text.ptr) {
		struct span line = span_cut(&text, '\n');

		while (line.ptr)
			buf_add_span(out, span_cut(&line, '\r'));
	}
}

/* ,"key":value */
static void add_member(struct buf *out, struct span key, struct jvalue value)
{
	buf_add_str(out, ",\"");
	buf_add_span(out, key);
	buf_add_str(out, "\":");
	add_value(out, value.text);
}

/* All members but those named. */
static void add_others(struct buf *out, struct jvalue object, const struct span *names, size_t count)
{
	for (struct jwalk w = jwalk_start(object); jwalk_next(&w);)
		if (!is_among(w.key, names, count))
			add_member(out, w.key, w.value);
}

static void begin_chunk(struct writer *w)
{
	buf_add_str(w->out, "data: {\"object\":\"chat.completion.chunk\"");
	for (struct jwalk at = jwalk_start(w->root); jwalk_next(&at);) {
		bool is_repeated = is_among(at.key, repeated, ARRAY_LEN(repeated));

		if (is_repeated || (!w->is_begun && !is_among(at.key, of_answer, ARRAY_LEN(of_answer))))
			add_member(w->out, at.key, at.value);
	}
	buf_add_str(w->out, ",\"choices\":[");
	w->is_begun = true;
}

/* A call's place in the list, which a whole message leaves to the list. */
static void add_tool_calls(struct buf *out, struct jvalue calls)
{
	static const struct span placed[] = { SPAN_INIT("index") };

	buf_add_str(out, ",\"tool_calls\":[");
	for (struct jwalk w = jwalk_start(calls); jwalk_next(&w);) {
		if (w.index > 0)
			buf_add_char(out, ',');
		buf_add_str(out, "{\"index\":");
		buf_add_int(out, (int64_t)w.index);
		add_others(out, w.value, placed, ARRAY_LEN(placed));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_delta(struct buf *out, struct jvalue message, struct jvalue calls)
{
	struct jvalue role = jwalk_get(message, "role");

	buf_add_str(out, "\"delta\":{\"role\":");
	if (role.type == J_STRING)
		buf_add_span(out, role.text);
	else
		buf_add_str(out, "\"assistant\"");
	add_others(out, message, of_message, ARRAY_LEN(of_message));
	if (jwalk_first_type(calls) == J_OBJECT)
		add_tool_calls(out, calls);
	buf_add_char(out, '}');
}

static void add_index(struct buf *out, struct jvalue index, size_t place)
{
	buf_add_str(out, "{\"index\":");
	if (index.type == J_NUMBER)
		buf_add_span(out, index.text);
	else
		buf_add_int(out, (int64_t)place);
	buf_add_char(out, ',');
}

/* The whole has come, so it has finished, whatever it says. */
static void add_reason(struct buf *out, struct jvalue reason, struct jvalue calls)
{
	buf_add_str(out, "\"delta\":{},\"finish_reason\":");
	if (reason.type == J_STRING && reason.text.len > 2)
		buf_add_span(out, reason.text);
	else
		buf_add_str(out, jwalk_first_type(calls) == J_OBJECT ? "\"tool_calls\"" : "\"stop\"");
}

static void add_choice(struct writer *w, struct jvalue choice, size_t place)
{
	struct jvalue v[ARRAY_LEN(of_choice)], calls;

	jwalk_members(choice, of_choice, v, ARRAY_LEN(of_choice));
	calls = jwalk_get(v[1], "tool_calls");
	begin_chunk(w);
	add_index(w->out, v[0], place);
	add_delta(w->out, v[1], calls);
	add_others(w->out, choice, of_choice, ARRAY_LEN(of_choice));
	buf_add_str(w->out, ",\"finish_reason\":null}]}\n\n");
	begin_chunk(w);
	add_index(w->out, v[0], place);
	add_reason(w->out, v[2], calls);
	buf_add_str(w->out, "}]}\n\n");
}

int chunks_of_completion(struct span body, struct buf *out, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("choices"), SPAN_INIT("usage") };
	struct jvalue v[ARRAY_LEN(names)];
	struct writer w = { .out = out };

	if (jscan_check(body, NULL, &w.root, err) < 0)
		return err_set(err, E_upstream_error, "", "the answer is not JSON: %s",
			       err ? err->message : "");
	jwalk_members(w.root, names, v, ARRAY_LEN(names));
	for (struct jwalk at = jwalk_start(v[0]); jwalk_next(&at);)
		if (at.value.type == J_OBJECT)
			add_choice(&w, at.value, at.index);
	if (v[1].type == J_OBJECT) {
		begin_chunk(&w);
		buf_add_str(out, "],\"usage\":");
		add_value(out, v[1].text);
		buf_add_str(out, "}\n\n");
	}
	buf_add_str(out, "data: [DONE]\n\n");
	return buf_failed(out) ? err_set(err, E_upstream_error, "",
					 "the answer is too large to be told as a stream")
			       : 0;
}
