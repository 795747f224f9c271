/*
 * common/chat/conversation_import.c - a JSON export read back.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/chat/conversation_history.h"
#include "common/chat/conversation_print.h"
#include "common/chat/conversation_request.h"

enum { CHECKED_AT_ONCE = 500, TITLE_BYTES_MAX = 4 * CONVERSATION_TITLE_MAX, NAME_BYTES_MAX = 1024 };

void conversation_import_free(struct conversation_import *i)
{
	buf_free(&i->title);
	buf_free(&i->model);
	buf_free(&i->texts);
	mem_free(i->rows);
	i->rows = NULL;
}

static bool is_present(struct jvalue v)
{
	return v.type != J_NONE && v.type != J_NULL;
}

static int fault(struct err *err, size_t index, const char *field, const char *what)
{
	char param[ERR_PARAM_MAX];

	snprintf(param, sizeof param, "messages[%zu]%s", index, field);
	return err_set(err, E_invalid_field, param, "%s must be %s", param, what);
}

/* A short text that needs no unescaping: a name that this program wrote. */
static struct span plain(struct jvalue v)
{
	struct span s = v.type == J_STRING ? jvalue_plain(v) : SPAN_NONE;

	return s.len ? s : SPAN_NONE;
}

static int64_t number(struct jvalue v, int64_t otherwise)
{
	int64_t value;

	return v.type == J_NUMBER && jvalue_int(v, 0, INT64_MAX / 2, &value) == 0 ? value : otherwise;
}

/* Members of a message that models are sent, and those that tell of it. */
static const struct span message_names[] = { SPAN_INIT("role"),	      SPAN_INIT("content"), SPAN_INIT("refusal"),    SPAN_INIT("tool_calls"),
					     SPAN_INIT("tool_call_id"),  SPAN_INIT("images"),	 SPAN_INIT("created_at"), SPAN_INIT("model"),
					     SPAN_INIT("finish_reason"), SPAN_INIT("usage"),	 SPAN_INIT("interrupted") };
enum { M_ROLE, M_CONTENT, M_REFUSAL, M_CALLS, M_CALL_ID, M_IMAGES, M_CREATED, M_MODEL, M_FINISH, M_USAGE,
       M_INTERRUPTED, M_SENT = M_IMAGES };

static void write_body(const struct jvalue *v, struct buf *out)
{
	buf_add_str(out, "{\"role\":");
	buf_add_span(out, v[M_ROLE].text);
	for (size_t i = M_CONTENT; i < M_SENT; i++) {
		if (v[i].type == J_NONE)
			continue;
		buf_add_str(out, ",\"");
		buf_add_span(out, message_names[i]);
		buf_add_str(out, "\":");
		buf_add_span(out, v[i].text);
	}
	buf_add_char(out, '}');
}

static bool needs_body(const struct jvalue *v)
{
	for (size_t i = M_REFUSAL; i < M_SENT; i++)
		if (v[i].type != J_NONE)
			return true;
	return v[M_CONTENT].type != J_STRING;
}

static void write_text(struct jvalue content, struct buf *out)
{
	struct jwalk w;

	if (content.type == J_STRING)
		jvalue_unescape(content, out);
	if (content.type != J_ARRAY)
		return;
	for (w = jwalk_start(content); jwalk_next(&w);) {
		struct jvalue text = w.value.type == J_OBJECT ? jwalk_get(w.value, "text")
							      : (struct jvalue){ 0 };

		if (text.type == J_STRING)
			jvalue_unescape(text, out);
	}
}

static bool is_role(struct jvalue role)
{
	return jvalue_is(role, "user") || jvalue_is(role, "assistant") || jvalue_is(role, "tool");
}

/* texts does not move: it has room for all. */
static struct span written(const struct buf *texts, size_t from)
{
	return span_of(texts->ptr + from, texts->len - from);
}

static int read_message(struct conversation_import *i, struct jvalue message, size_t index,
			struct err *err)
{
	struct message_row *m = &i->rows[index];
	struct jvalue v[ARRAY_LEN(message_names)];
	size_t before = i->texts.len;

	if (message.type != J_OBJECT)
		return fault(err, index, "", "an object");
	jwalk_members(message, message_names, v, ARRAY_LEN(message_names));
	if (!is_role(v[M_ROLE]))
		return fault(err, index, ".role", "user, assistant or tool");
	if (is_present(v[M_IMAGES]) && v[M_IMAGES].type != J_ARRAY)
		return fault(err, index, ".images", "a list");
	*m = (struct message_row){
		.role = plain(v[M_ROLE]),
		.finish_reason = plain(v[M_FINISH]),
		.model = plain(v[M_MODEL]),
		.images = v[M_IMAGES].type == J_ARRAY ? v[M_IMAGES].text : SPAN_NONE,
		.created_ms = number(v[M_CREATED], 0),
		.prompt_tokens = number(jwalk_get(v[M_USAGE], "prompt_tokens"), -1),
		.completion_tokens = number(jwalk_get(v[M_USAGE], "completion_tokens"), -1),
		.interrupted = v[M_INTERRUPTED].type == J_TRUE,
	};
	if (!m->role.ptr)
		return fault(err, index, ".role", "written without escapes");
	write_text(v[M_CONTENT], &i->texts);
	m->text = written(&i->texts, before);
	if (m->interrupted && !m->text.len)
		m->text = SPAN_NONE;
	before = i->texts.len;
	if (needs_body(v)) {
		write_body(v, &i->texts);
		m->body = written(&i->texts, before);
	}
	m->tokens = history_tokens(m->body.ptr && !m->interrupted ? m->body : m->text);
	m->bytes = (int64_t)(m->text.len + m->body.len + m->images.len);
	return 0;
}

static int read_messages(struct conversation_import *i, struct jvalue list, struct err *err)
{
	struct jwalk w;

	if (list.type == J_NONE)
		return err_set(err, E_missing_field, "messages", "messages is required");
	if (list.type != J_ARRAY)
		return err_set(err, E_invalid_field, "messages", "messages must be a list");
	i->count = jwalk_count(list);
	if (i->count == 0 || i->count > CONVERSATION_MESSAGES_MAX)
		return err_set(err, E_invalid_field, "messages", "messages must hold 1 to %d items",
			       CONVERSATION_MESSAGES_MAX);
	i->rows = mem_calloc(i->count, sizeof *i->rows);
	for (w = jwalk_start(list); jwalk_next(&w);)
		if (read_message(i, w.value, w.index, err) < 0)
			return -1;
	return 0;
}

/* The same checks that a client's messages pass, some hundred at a time. */
static int check_some(const struct conversation_import *i, size_t from, const struct routing *routing,
		      struct err *err)
{
	struct chat_request *chat = mem_new(struct chat_request);
	size_t to = i->count - from < CHECKED_AT_ONCE ? i->count : from + CHECKED_AT_ONCE, index;
	const char *rest = err->param;
	char param[ERR_PARAM_MAX];
	struct buf body;
	int result;

	buf_init(&body, 2 * i->texts.max + 64 * KIB);
	buf_add_str(&body, "{\"model\":");
	jtext_string(&body, span_str(routing_default(routing)->alias));
	buf_add_str(&body, ",\"messages\":[");
	for (size_t k = from; k < to; k++) {
		if (k > from)
			buf_add_char(&body, ',');
		history_write_message(&body, &i->rows[k], false);
	}
	result = buf_add_str(&body, "]}") < 0 ?
			 err_set(err, E_body_too_large, "body", "the body is too large") :
			 chat_request_check(chat, buf_span(&body), &(struct offer){ .routing = routing }, err);
	if (result < 0 && conversation_param_index(&rest, "messages", &index) == 0) {
		snprintf(param, sizeof param, "messages[%zu]%.80s", from + index, rest);
		conversation_param_rename(err, param);
	}
	buf_free(&body);
	mem_free(chat);
	return result;
}

static int read_title(struct conversation_import *i, struct jvalue title, struct err *err)
{
	struct buf text;

	if (!is_present(title)) {
		for (size_t k = 0; k < i->count && !i->title.len; k++)
			if (span_is(i->rows[k].role, "user"))
				conversation_make_title(i->rows[k].text, &i->title);
		if (!i->title.len)
			buf_add_str(&i->title, "Untitled");
		return 0;
	}
	if (title.type != J_STRING)
		return err_set(err, E_invalid_field, "title", "title must be a string");
	buf_init(&text, title.text.len);
	jvalue_unescape(title, &text);
	if (conversation_clean_title(buf_span(&text), &i->title, err) < 0) {
		buf_free(&text);
		return -1;
	}
	buf_free(&text);
	return 0;
}

static int read_model(struct conversation_import *i, struct jvalue model, struct err *err)
{
	if (is_present(model) && (model.type != J_STRING || jvalue_unescape(model, &i->model) < 0))
		return err_set(err, E_invalid_field, "model", "model must be a string of at most %d bytes",
			       NAME_BYTES_MAX);
	return 0;
}

int conversation_import_read(struct conversation_import *i, struct span body,
			     const struct routing *routing, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("format"), SPAN_INIT("version"), SPAN_INIT("title"), SPAN_INIT("model"), SPAN_INIT("messages"),
					     SPAN_INIT("created_at"), SPAN_INIT("schema_version") };
	struct jvalue v[ARRAY_LEN(names)];
	int64_t version;

	*i = (struct conversation_import){ .count = 0 };
	buf_init(&i->title, TITLE_BYTES_MAX);
	buf_init(&i->model, NAME_BYTES_MAX);
	buf_init(&i->texts, 2 * body.len + 4 * KIB);
	if (jscan_members(body, NULL, names, v, ARRAY_LEN(names), err) < 0)
		return -1;
	if (span_strip(body).ptr[0] != '{') /* it is valid, and so not empty */
		return err_set(err, E_invalid_field, "body", "the body must be a JSON object");
	if (is_present(v[0]) && !jvalue_is(v[0], "spass-conversation"))
		return err_set(err, E_invalid_field, "format", "format must be \"spass-conversation\"");
	if (is_present(v[1]) && (v[1].type != J_NUMBER || jvalue_int(v[1], 1, 1, &version) < 0))
		return err_set(err, E_invalid_field, "version", "version must be 1");
	/* What the commands write with --json has this one. */
	if (is_present(v[6]) && (v[6].type != J_NUMBER || jvalue_int(v[6], 1, 1, &version) < 0))
		return err_set(err, E_invalid_field, "schema_version", "schema_version must be 1");
	i->created_ms = number(v[5], 0);
	buf_reserve(&i->texts, i->texts.max);
	if (read_messages(i, v[4], err) < 0 || read_title(i, v[2], err) < 0 ||
	    read_model(i, v[3], err) < 0)
		return -1;
	if (buf_failed(&i->texts))
		return err_set(err, E_body_too_large, "body", "the body is too large");
	for (size_t from = 0; from < i->count; from += CHECKED_AT_ONCE)
		if (check_some(i, from, routing, err) < 0)
			return -1;
	return 0;
}
