/*
 * common/chat/conversation_request.c - see conversation_request.h.
 */
#include "common/chat/conversation_request.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/chat/conversation_history.h"
#include "common/chat/request_inside.h"

enum { MODEL_MAX = 1024, SYSTEM_MAX = 1024 * 1024 };

/* Members that /v1 does not have, or that mean something else there. */
static const struct span own_members[] = { SPAN_INIT("model"),	       SPAN_INIT("message"),  SPAN_INIT("images"),
					   SPAN_INIT("conversation_id"),  SPAN_INIT("provider"), SPAN_INIT("tool_results"),
					   SPAN_INIT("messages"),	       SPAN_INIT("n"),	      SPAN_INIT("system"),   SPAN_INIT("tools"),
					   SPAN_INIT("tool_choice"),      SPAN_INIT("user_id") };
enum { M_MODEL, M_MESSAGE, M_IMAGES, M_ID, M_PROVIDER, M_RESULTS, M_MESSAGES, M_N, M_SYSTEM, M_TOOLS };

static bool is_present(struct jvalue v)
{
	return v.type != J_NONE && v.type != J_NULL;
}

static int wrong(struct err *err, const char *param, const char *what)
{
	return err_set(err, E_invalid_field, param, "%s must be %s", param, what);
}

static int read_id(struct conversation_request *r, struct jvalue v, struct err *err)
{
	if (!is_present(v))
		return 0;
	if (v.type != J_STRING)
		return wrong(err, "conversation_id", "a string");
	r->id = jvalue_plain(v);
	if (!r->id.ptr) /* escaped: no id of ours, and so of no conversation */
		r->id = SPAN_LIT("-");
	return 0;
}

static int read_provider(struct conversation_request *r, struct jvalue v, struct err *err)
{
	if (!is_present(v) || conversation_is_provider(v, &r->provider))
		return 0;
	return err_set(err, E_invalid_field, "body.provider",
		       "provider must be local, ollama or openrouter");
}

static int read_results(struct conversation_request *r, struct err *err)
{
	struct jwalk w;
	char param[64];

	if (!is_present(r->tool_results))
		return 0;
	if (r->tool_results.type != J_ARRAY)
		return wrong(err, "tool_results", "a list");
	for (w = jwalk_start(r->tool_results); jwalk_next(&w); r->result_count++) {
		if (w.index >= CHAT_TOOLS_MAX)
			return err_set(err, E_invalid_field, "tool_results",
				       "tool_results must hold at most %d items", CHAT_TOOLS_MAX);
		snprintf(param, sizeof param, "tool_results[%zu]", w.index);
		if (w.value.type != J_OBJECT)
			return wrong(err, param, "an object");
	}
	return 0;
}

static int read_images(const struct conversation_request *r, struct err *err)
{
	struct jwalk w;
	char param[64];

	if (!is_present(r->images))
		return 0;
	if (r->images.type != J_ARRAY)
		return wrong(err, "images", "a list of strings");
	for (w = jwalk_start(r->images); jwalk_next(&w);) {
		if (w.index >= CONVERSATION_IMAGES_MAX)
			return err_set(err, E_invalid_field, "images", "images must hold at most %d items",
				       CONVERSATION_IMAGES_MAX);
		snprintf(param, sizeof param, "images[%zu]", w.index);
		if (w.value.type != J_STRING)
			return wrong(err, param, "a string");
	}
	return 0;
}

static int read_message(struct conversation_request *r, struct err *err)
{
	if (!is_present(r->message)) {
		if (is_present(r->images) && jwalk_count(r->images) > 0)
			return err_set(err, E_missing_field, "message", "images need a message");
		return r->result_count ? 0
				       : err_set(err, E_missing_field, "message", "message is required");
	}
	if (r->message.type != J_STRING && r->message.type != J_ARRAY)
		return wrong(err, "message", "a string or a list of parts");
	r->part_count = r->message.type == J_ARRAY ? jwalk_count(r->message) : 1;
	if (r->part_count == 0)
		return err_set(err, E_invalid_field, "message", "message must not be empty");
	return 0;
}

int conversation_request_read(struct conversation_request *r, struct span body, struct err *err)
{
	struct jvalue v[ARRAY_LEN(own_members)];
	int64_t n;

	*r = (struct conversation_request){ .body = body };
	if (request_read_object(body, own_members, v, ARRAY_LEN(v), &r->root, NULL, err) < 0)
		return -1;
	if (v[M_MESSAGES].type != J_NONE)
		return err_set(err, E_invalid_field, "messages",
			       "the gateway keeps what was said before; send message alone");
	if (is_present(v[M_N]) && (v[M_N].type != J_NUMBER || jvalue_int(v[M_N], 1, 1, &n) < 0))
		return err_set(err, E_invalid_field, "n", "n must be 1: a conversation has one answer");
	if (is_present(v[M_SYSTEM]) &&
	    (v[M_SYSTEM].type != J_STRING || v[M_SYSTEM].text.len > SYSTEM_MAX))
		return wrong(err, "system", "a string of at most 1 MiB");
	if (is_present(v[M_SYSTEM]))
		r->system = v[M_SYSTEM];
	r->model = v[M_MODEL];
	r->without_tools = !is_present(v[M_TOOLS]) || (v[M_TOOLS].type == J_ARRAY && jwalk_count(v[M_TOOLS]) == 0);
	r->message = v[M_MESSAGE];
	r->images = v[M_IMAGES];
	r->tool_results = v[M_RESULTS];
	if (is_present(r->model) && r->model.type != J_STRING)
		return wrong(err, "model", "a string");
	if (read_id(r, v[M_ID], err) < 0 || read_provider(r, v[M_PROVIDER], err) < 0 ||
	    read_results(r, err) < 0 || read_images(r, err) < 0)
		return -1;
	return read_message(r, err);
}

int conversation_request_model(const struct conversation_request *r, struct buf *room, struct span *model,
			       struct err *err)
{
	*model = SPAN_NONE;
	if (!is_present(r->model))
		return 0;
	*model = jvalue_plain(r->model);
	if (model->ptr && model->len <= MODEL_MAX)
		return 0;
	if (r->model.text.len > MODEL_MAX || jvalue_unescape(r->model, room) < 0)
		return err_set(err, E_model_not_in_allowlist, "model",
			       "no model has a name of that length; GET /v1/models lists the ids");
	*model = buf_span(room);
	if (!model->ptr)
		*model = SPAN_LIT("");
	return 0;
}

/* A picture becomes a part of the message, as models are sent it. */
static void add_image(struct buf *out, struct jvalue image)
{
	buf_add_str(out, ",{\"type\":\"image_url\",\"image_url\":{\"url\":");
	buf_add_span(out, image.text);
	buf_add_str(out, "}}");
}

static void add_text(struct jvalue v, struct buf *out)
{
	struct span plain = jvalue_plain(v);

	if (v.type == J_STRING)
		(void)(plain.ptr ? buf_add_span(out, plain) : jvalue_unescape(v, out));
}

/* The texts of parts, a line each. */
static void add_part_texts(struct jvalue parts, struct buf *out)
{
	struct jwalk w;

	for (w = jwalk_start(parts); jwalk_next(&w);) {
		struct jvalue text = w.value.type == J_OBJECT ? jwalk_get(w.value, "text")
							      : (struct jvalue){ 0 };

		if (text.type != J_STRING)
			continue;
		if (out->len)
			buf_add_char(out, '\n');
		add_text(text, out);
	}
}

static void write_user_body(const struct conversation_request *r, struct buf *out)
{
	struct jwalk w;

	buf_add_str(out, "{\"role\":\"user\",\"content\":[");
	if (r->message.type == J_STRING) {
		buf_add_str(out, "{\"type\":\"text\",\"text\":");
		buf_add_span(out, r->message.text);
		buf_add_char(out, '}');
	} else {
		buf_add(out, r->message.text.ptr + 1, r->message.text.len - 2);
	}
	if (is_present(r->images))
		for (w = jwalk_start(r->images); jwalk_next(&w);)
			add_image(out, w.value);
	buf_add_str(out, "]}");
}

static void write_user(const struct conversation_request *r, struct buf *text, struct buf *body)
{
	bool has_images = is_present(r->images) && jwalk_count(r->images) > 0;

	if (r->message.type == J_STRING)
		add_text(r->message, text);
	else
		add_part_texts(r->message, text);
	if (r->message.type != J_STRING || has_images)
		write_user_body(r, body);
}

/* An absent id or content is found by the check. */
static void write_result(struct jvalue result, struct buf *text, struct buf *body)
{
	static const struct span names[] = { SPAN_INIT("tool_call_id"), SPAN_INIT("content") };
	struct jvalue v[ARRAY_LEN(names)];

	jwalk_members(result, names, v, ARRAY_LEN(names));
	buf_add_str(body, "{\"role\":\"tool\"");
	if (v[0].type != J_NONE) {
		buf_add_str(body, ",\"tool_call_id\":");
		buf_add_span(body, v[0].text);
	}
	if (v[1].type != J_NONE) {
		buf_add_str(body, ",\"content\":");
		buf_add_span(body, v[1].text);
	}
	buf_add_char(body, '}');
	if (v[1].type == J_ARRAY)
		add_part_texts(v[1], text);
	else
		add_text(v[1], text);
}

static void finish_row(struct message_row *row, const char *role, const struct buf *text,
		       const struct buf *body)
{
	*row = (struct message_row){
		.role = span_str(role),
		.text = text->len ? buf_span(text) : SPAN_LIT(""),
		.body = body->len ? buf_span(body) : SPAN_NONE,
		.prompt_tokens = -1,
		.completion_tokens = -1,
	};
	row->tokens = history_tokens(row->body.ptr ? row->body : row->text);
	row->bytes = (int64_t)(row->body.ptr ? row->body.len : row->text.len);
}

/* A part that has no text is something to say, or is found wrong by the check. */
static bool is_all_text(struct jvalue parts)
{
	struct jwalk w;

	for (w = jwalk_start(parts); jwalk_next(&w);)
		if (w.value.type != J_OBJECT || jwalk_get(w.value, "text").type != J_STRING)
			return false;
	return true;
}

/* A message that says nothing: no model is paid for an answer to it. */
static bool is_blank(const struct conversation_request *r, struct span text)
{
	return !span_strip(text).len && !(is_present(r->images) && jwalk_count(r->images) > 0) &&
	       (r->message.type == J_STRING || is_all_text(r->message));
}

static void free_rows(struct new_messages *n)
{
	if (n->rows == &n->own_row)
		return;
	mem_free(n->texts);
	mem_free(n->rows);
}

/* Most requests bring one. */
static void new_messages_make(struct new_messages *n, size_t count)
{
	*n = (struct new_messages){ .count = count, .rows = &n->own_row, .texts = n->own_texts };
	if (count <= 1)
		return;
	n->rows = mem_calloc(count, sizeof *n->rows);
	n->texts = mem_calloc(2 * count, sizeof *n->texts);
}

struct buf *new_messages_add(struct new_messages *n, size_t at)
{
	struct message_row *rows = mem_calloc(n->count + 1, sizeof *rows);
	struct buf *texts = mem_calloc(2 * (n->count + 1), sizeof *texts);

	memcpy(rows, n->rows, at * sizeof *rows);
	memcpy(rows + at + 1, n->rows + at, (n->count - at) * sizeof *rows);
	memcpy(texts, n->texts, 2 * at * sizeof *texts);
	memcpy(texts + 2 * at + 2, n->texts + 2 * at, 2 * (n->count - at) * sizeof *texts);
	free_rows(n);
	n->rows = rows;
	n->texts = texts;
	n->count++;
	return texts + 2 * at;
}

int conversation_request_messages(const struct conversation_request *r, struct new_messages *out,
				  struct err *err)
{
	size_t max = 2 * (r->body.len + r->images.text.len) + 1 * KIB, count = r->result_count + is_present(r->message);
	struct jwalk w;
	size_t i = 0;

	new_messages_make(out, count);
	for (i = 0; i < 2 * count; i++)
		buf_init(&out->texts[i], max);
	i = 0;
	if (r->result_count)
		for (w = jwalk_start(r->tool_results); jwalk_next(&w); i++) {
			write_result(w.value, &out->texts[2 * i], &out->texts[2 * i + 1]);
			finish_row(&out->rows[i], "tool", &out->texts[2 * i], &out->texts[2 * i + 1]);
		}
	if (is_present(r->message)) {
		write_user(r, &out->texts[2 * i], &out->texts[2 * i + 1]);
		finish_row(&out->rows[i], "user", &out->texts[2 * i], &out->texts[2 * i + 1]);
	}
	for (i = 0; i < 2 * count; i++)
		if (buf_failed(&out->texts[i]))
			return err_set(err, E_body_too_large, "body", "the body is too large");
	if (is_present(r->message) && is_blank(r, out->rows[count - 1].text))
		return err_set(err, E_invalid_field, "message", "message must not be empty");
	return 0;
}

void new_messages_free(struct new_messages *n)
{
	for (size_t i = 0; i < 2 * n->count; i++)
		buf_free(&n->texts[i]);
	free_rows(n);
	*n = (struct new_messages){ 0 };
}

static bool is_own(struct span key, bool without_tools)
{
	for (size_t i = 0; i < (without_tools ? ARRAY_LEN(own_members) : (size_t)M_TOOLS); i++)
		if (jkey_equals(key, own_members[i]))
			return true;
	return false;
}

/* Clients say "tools": [] for none, which some servers refuse, as they do a choice without tools. */
int conversation_request_head(const struct conversation_request *r, struct span model, struct buf *out)
{
	struct jwalk w;

	buf_add_str(out, "{\"model\":");
	jtext_string(out, model);
	for (w = jwalk_start(r->root); jwalk_next(&w);) {
		if (is_own(w.key, r->without_tools))
			continue;
		buf_add_str(out, ",\"");
		buf_add_span(out, w.key);
		buf_add_str(out, "\":");
		buf_add_span(out, w.value.text);
	}
	return buf_add_str(out, ",\"messages\":[");
}

int conversation_param_index(const char **at, const char *name, size_t *index)
{
	struct span rest = span_str(*at), digits;
	int64_t value;

	if (!span_starts(rest, name))
		return -1;
	rest = span_from(rest, strlen(name));
	if (!span_starts(rest, "["))
		return -1;
	rest = span_from(rest, 1);
	digits = span_cut(&rest, ']');
	if (!rest.ptr || span_to_int(digits, 0, INT32_MAX, &value) < 0)
		return -1;
	*index = (size_t)value;
	*at = rest.ptr;
	return 0;
}

void conversation_param_rename(struct err *err, const char *param)
{
	char message[ERR_MESSAGE_MAX];
	size_t len = strlen(err->param);

	if (len > 0 && strncmp(err->message, err->param, len) == 0) {
		memcpy(message, err->message, sizeof message);
		snprintf(err->message, sizeof err->message, "%s%s", param, message + len);
	}
	snprintf(err->param, sizeof err->param, "%s", param);
}

/*
 * "messages[2].content[1].text" becomes "message[1].text", "images[0]" or
 * "tool_results[2].tool_call_id".
 */
void conversation_request_blame(const struct conversation_request *r, struct err *err)
{
	char param[ERR_PARAM_MAX];
	const char *rest = err->param;
	size_t index, part = 0;
	bool in_part;

	if (conversation_param_index(&rest, "messages", &index) < 0)
		return;
	in_part = index >= r->result_count && conversation_param_index(&rest, ".content", &part) == 0;
	if (index < r->result_count)
		snprintf(param, sizeof param, "tool_results[%zu]%.80s", index, rest);
	else if (in_part && part >= r->part_count)
		snprintf(param, sizeof param, "images[%zu]", part - r->part_count);
	else if (in_part && r->message.type == J_ARRAY)
		snprintf(param, sizeof param, "message[%zu]%.80s", part, rest);
	else
		snprintf(param, sizeof param, "message");
	conversation_param_rename(err, param);
}

int conversation_request_check(const struct conversation_request *r, const struct new_messages *n,
			       struct span model, const struct routing *routing, struct err *err)
{
	struct chat_request *chat = mem_new(struct chat_request);
	struct history_writer w;
	struct buf body;
	int result = -1;

	buf_init(&body, 4 * (r->body.len + r->images.text.len) + 64 * KIB);
	conversation_request_head(r, model, &body);
	history_writer_init(&w, &body, false);
	for (size_t i = 0; i < n->count; i++)
		history_write(&w, &n->rows[i]);
	if (buf_add_str(&body, "]}") < 0)
		err_set(err, E_body_too_large, "body", "the body is too large");
	else
		result = chat_request_check(chat, buf_span(&body), &(struct offer){ .routing = routing }, err);
	if (result < 0)
		conversation_request_blame(r, err);
	buf_free(&body);
	mem_free(chat);
	return result;
}
