/* tui/convo.c - messages as a JSON array, which is how they leave. */
#include "tui/convo.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/model/money.h"

#include <jansson.h>

#include <string.h>

struct convo {
	char *system;
	json_t *messages;
	struct convo_usage usage;
};

struct convo *convo_new(void)
{
	struct convo *c = mem_new(struct convo);

	c->messages = json_array();
	convo_clear(c);
	return c;
}

void convo_free(struct convo *c)
{
	if (!c)
		return;
	mem_free(c->system);
	json_decref(c->messages);
	mem_free(c);
}

void convo_system(struct convo *c, const char *text)
{
	char *copy = text && *text ? mem_strdup(text) : NULL;

	mem_free(c->system);
	c->system = copy;
}

const char *convo_system_text(const struct convo *c)
{
	return c->system;
}

/* JSON wants UTF-8; the caller owns it. */
static json_t *string_of(struct span text)
{
	struct buf clean;
	json_t *string;

	if (utf8_is_valid(text))
		return json_stringn(text.ptr ? text.ptr : "", text.len);
	buf_init(&clean, 3 * text.len + 1);
	while (text.len) {
		size_t len;

		utf8_add(&clean, utf8_next(text, &len));
		text = span_from(text, len);
	}
	string = json_stringn(buf_str(&clean), clean.len);
	buf_free(&clean);
	return string;
}

static json_t *message(const char *role, json_t *content)
{
	return json_pack("{s:s, s:o}", "role", role, "content", content);
}

void convo_add(struct convo *c, const char *role, struct span text)
{
	json_array_append_new(c->messages, message(role, string_of(text)));
}

static bool has_role(const json_t *item, const char *role)
{
	return !strcmp(json_string_value(json_object_get(item, "role")), role);
}

bool convo_last_is(const struct convo *c, const char *role)
{
	size_t count = json_array_size(c->messages);

	return count && has_role(json_array_get(c->messages, count - 1), role);
}

bool convo_drop_last(struct convo *c, const char *role)
{
	if (!convo_last_is(c, role))
		return false;
	json_array_remove(c->messages, json_array_size(c->messages) - 1);
	return true;
}

const char *convo_last(const struct convo *c, const char *role)
{
	for (size_t i = json_array_size(c->messages); i > 0; i--) {
		const json_t *item = json_array_get(c->messages, i - 1);

		if (has_role(item, role))
			return json_string_value(json_object_get(item, "content"));
	}
	return NULL;
}

size_t convo_turns(const struct convo *c)
{
	const json_t *item;
	size_t i, count = 0;

	json_array_foreach(c->messages, i, item)
		count += has_role(item, "user");
	return count;
}

size_t convo_count(const struct convo *c)
{
	return json_array_size(c->messages);
}

void convo_forget(struct convo *c)
{
	json_array_clear(c->messages);
}

void convo_clear(struct convo *c)
{
	convo_forget(c);
	c->usage = (struct convo_usage){ .eur = MONEY_UNKNOWN, .usd = MONEY_UNKNOWN };
}

void convo_count_usage(struct convo *c, int64_t prompt, int64_t completion)
{
	c->usage.prompt += prompt;
	c->usage.completion += completion;
	c->usage.answers++;
}

static void add_amount(int64_t *sum, int64_t amount)
{
	if (amount >= 0)
		*sum = amount + (*sum > 0 ? *sum : 0);
}

void convo_count_cost(struct convo *c, int64_t eur, int64_t usd)
{
	add_amount(&c->usage.eur, eur);
	add_amount(&c->usage.usd, usd);
	c->usage.unpriced += usd < 0;
}

void convo_count_interrupted(struct convo *c)
{
	c->usage.answers++;
	c->usage.interrupted++;
}

struct convo_usage convo_usage(const struct convo *c)
{
	return c->usage;
}

static int dump(const char *bytes, size_t len, void *out)
{
	return buf_add(out, bytes, len);
}

static void add_stream(json_t *root)
{
	json_object_set_new(root, "stream", json_true());
	json_object_set_new(root, "stream_options", json_pack("{s:b}", "include_usage", 1));
}

/* What goes in front of the messages; NULL: nothing.  The caller owns it. */
static json_t *front_of(const struct convo *c, const struct convo_request *r)
{
	struct buf both;
	json_t *text;

	if (!r->material.len)
		return c->system ? string_of(span_str(c->system)) : NULL;
	buf_init(&both, CONVO_BODY_MAX);
	if (c->system)
		buf_printf(&both, "%s\n\n", c->system);
	buf_add_span(&both, r->material);
	text = string_of(buf_span(&both));
	buf_free(&both);
	return text;
}

int convo_body(const struct convo *c, const struct convo_request *r, struct buf *out)
{
	json_t *root = json_object(), *all = json_array(), *front = front_of(c, r);
	int result;

	if (r->model)
		json_object_set_new(root, "model", json_string(r->model));
	if (front)
		json_array_append_new(all, message("system", front));
	json_array_extend(all, c->messages);
	json_object_set_new(root, "messages", all);
	if (r->max_tokens > 0)
		json_object_set_new(root, "max_tokens", json_integer(r->max_tokens));
	if (r->stream)
		add_stream(root);
	result = json_dump_callback(root, dump, out, JSON_COMPACT);
	json_decref(root);
	return result;
}

int convo_turn_body(const struct convo *c, const struct convo_request *r, const char *id,
		    struct buf *out)
{
	size_t count = json_array_size(c->messages);
	const json_t *last = json_array_get(c->messages, count - 1);
	json_t *root = json_object(), *front = front_of(c, r);
	int result;

	if (r->model)
		json_object_set_new(root, "model", json_string(r->model));
	if (id)
		json_object_set_new(root, "conversation_id", json_string(id));
	if (front)
		json_object_set_new(root, "system", front);
	json_object_set(root, "message", json_object_get(last, "content"));
	if (r->stream)
		add_stream(root);
	result = json_dump_callback(root, dump, out, JSON_COMPACT);
	json_decref(root);
	return result;
}
