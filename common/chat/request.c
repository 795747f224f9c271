/*
 * common/chat/request.c - the checks of a body's members, by tables where a table will do.
 */
#include "common/chat/request.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/chat/request_inside.h"

/* Plain parameters: type and range.  null counts as absent, as OpenAI has it. */
enum param_kind { PARAM_BOOL, PARAM_INT, PARAM_NUMBER, PARAM_STRING, PARAM_OBJECT, PARAM_ARRAY,
		  PARAM_STRINGS, PARAM_CHOICE };
struct param {
	const char *name;
	enum param_kind kind;
	double min, max;
};

/* P(name, kind, min, max); the rest of a body passes unseen. */
#define CHAT_PARAMS(P) \
	P(stream, PARAM_BOOL, 0, 0) \
	P(stream_options, PARAM_OBJECT, 0, 0) \
	P(max_tokens, PARAM_INT, 1, 1e9) \
	P(max_completion_tokens, PARAM_INT, 1, 1e9) \
	P(n, PARAM_INT, 1, CHAT_CHOICES_MAX) \
	P(tools, PARAM_ARRAY, 0, CHAT_TOOLS_MAX) \
	P(tool_choice, PARAM_CHOICE, 0, 0) \
	P(response_format, PARAM_OBJECT, 0, 0) \
	P(temperature, PARAM_NUMBER, 0, 2) \
	P(top_p, PARAM_NUMBER, 0, 1) \
	P(presence_penalty, PARAM_NUMBER, -2, 2) \
	P(frequency_penalty, PARAM_NUMBER, -2, 2) \
	P(logprobs, PARAM_BOOL, 0, 0) \
	P(top_logprobs, PARAM_INT, 0, 20) \
	P(logit_bias, PARAM_OBJECT, 0, 0) \
	P(seed, PARAM_INT, -9.3e18, 9.3e18) \
	P(stop, PARAM_STRINGS, 0, 16) \
	P(parallel_tool_calls, PARAM_BOOL, 0, 0) \
	P(user, PARAM_STRING, 0, 0) \
	P(metadata, PARAM_OBJECT, 0, 0)
static const struct param chat_params[] = {
#define P(name, kind, min, max) { #name, kind, min, max },
	CHAT_PARAMS(P)
#undef P
};
enum {
#define P(name, kind, min, max) P_##name,
	CHAT_PARAMS(P)
#undef P
};

/* What is looked for in a body: the parameters stand between the gateway's own. */
static const struct span chat_members[] = {
	SPAN_INIT("model"),
	SPAN_INIT("messages"),
#define P(name, kind, min, max) SPAN_INIT(#name),
	CHAT_PARAMS(P)
#undef P
	SPAN_INIT("user_id"),
};
enum { CHAT_MEMBERS = ARRAY_LEN(chat_members), MEMBERS_FIRST = 2 };

enum { MODEL_NAME_MAX = 1024 };

static int wrong(struct err *err, const char *name, const char *what)
{
	return err_set(err, E_invalid_field, name, "%s must be %s", name, what);
}

static int check_number(const struct param *p, struct jvalue v, struct err *err)
{
	double number;
	int64_t whole;

	if (p->kind == PARAM_INT && p->max < 9e18) {
		if (v.type == J_NUMBER && jvalue_int(v, (int64_t)p->min, (int64_t)p->max, &whole) == 0)
			return 0;
		return err_set(err, E_invalid_field, p->name, "%s must be a whole number from %.0f to %.0f",
			       p->name, p->min, p->max);
	}
	if (p->kind == PARAM_INT) {
		if (v.type == J_NUMBER && jvalue_int(v, INT64_MIN, INT64_MAX, &whole) == 0)
			return 0;
		return wrong(err, p->name, "a whole number");
	}
	if (v.type == J_NUMBER && jvalue_double(v, &number) == 0 && number >= p->min && number <= p->max)
		return 0;
	return err_set(err, E_invalid_field, p->name, "%s must be a number from %g to %g", p->name, p->min,
		       p->max);
}

static int check_strings(const struct param *p, struct jvalue v, struct err *err)
{
	struct jwalk w;

	if (v.type == J_STRING)
		return 0;
	if (v.type != J_ARRAY)
		return wrong(err, p->name, "a string or a list of strings");
	for (w = jwalk_start(v); jwalk_next(&w);) {
		if (w.value.type != J_STRING || w.index >= (size_t)p->max)
			return err_set(err, E_invalid_field, p->name, "%s must hold at most %.0f strings",
				       p->name, p->max);
	}
	return 0;
}

/* v: not null. */
static int check_param(const struct param *p, struct jvalue v, struct err *err)
{
	switch (p->kind) {
	case PARAM_BOOL:
		return v.type == J_TRUE || v.type == J_FALSE ? 0 : wrong(err, p->name, "true or false");
	case PARAM_INT:
	case PARAM_NUMBER:
		return check_number(p, v, err);
	case PARAM_STRING:
		return v.type == J_STRING ? 0 : wrong(err, p->name, "a string");
	case PARAM_OBJECT:
		return v.type == J_OBJECT ? 0 : wrong(err, p->name, "an object");
	case PARAM_ARRAY:
		return v.type == J_ARRAY ? 0 : wrong(err, p->name, "a list");
	case PARAM_STRINGS:
		return check_strings(p, v, err);
	case PARAM_CHOICE:
		return v.type == J_STRING || v.type == J_OBJECT ? 0
								: wrong(err, p->name, "a string or an object");
	}
	return 0;
}

/* The alias named by v, which must be offered. */
static const struct model *find_alias(struct jvalue v, const struct offer *offer, struct err *err)
{
	struct span name = jvalue_plain(v);
	const struct model *alias;
	struct buf unescaped;

	if (v.type == J_NONE || v.type == J_NULL) {
		err_set(err, E_missing_field, "model", "model is required; GET /v1/models lists the ids");
		return NULL;
	}
	if (v.type != J_STRING) {
		err_set(err, E_invalid_field, "model", "model must be a string");
		return NULL;
	}
	buf_init(&unescaped, MODEL_NAME_MAX);
	if (!name.ptr) { /* PHP, for one, writes "acme\/house" */
		jvalue_unescape(v, &unescaped);
		name = buf_span(&unescaped);
	}
	alias = offer_find(offer, buf_failed(&unescaped) ? SPAN_NONE : name, err);
	buf_free(&unescaped);
	return alias;
}

static int tool_fault(struct err *err, struct jvalue v, size_t index, const char *field)
{
	char param[64];

	snprintf(param, sizeof param, "tools[%zu]%s", index, field);
	if (!field[0])
		return wrong(err, param, "an object");
	if (v.type == J_NONE)
		return err_set(err, E_missing_field, param, "%s is required", param);
	return wrong(err, param, "a string");
}

static int check_tool(struct jvalue tool, size_t index, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("type"), SPAN_INIT("function") };
	struct jvalue v[ARRAY_LEN(names)], name;

	if (tool.type != J_OBJECT)
		return tool_fault(err, tool, index, "");
	jwalk_members(tool, names, v, ARRAY_LEN(names));
	if (v[0].type != J_STRING)
		return tool_fault(err, v[0], index, ".type");
	if (!jvalue_is(v[0], "function"))
		return 0;
	name = jwalk_first(v[1], "name");
	return name.type == J_STRING ? 0 : tool_fault(err, name, index, ".function.name");
}

static int check_tools(struct jvalue tools, struct err *err)
{
	struct jwalk w;

	if (!request_has(tools))
		return 0;
	for (w = jwalk_start(tools); jwalk_next(&w);) {
		if (w.index >= CHAT_TOOLS_MAX)
			return err_set(err, E_invalid_field, "tools", "tools must hold at most %d items",
				       CHAT_TOOLS_MAX);
		if (check_tool(w.value, w.index, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * Who works with tools sends the same ones with each turn.  A thread keeps the last of some length that
 * passed all checks, which are of their bytes alone: the same bytes need none.  They are their tenant's
 * alone: the time that a request takes tells nobody what another tenant sends.
 */
enum { KNOWN_TOOLS_MIN = 1 * KIB, KNOWN_TOOLS_MAX = 64 * KIB };
static _Thread_local struct {
	char tenant[TENANT_ID_SIZE];
	size_t len;
	char text[KNOWN_TOOLS_MAX];
} known_tools;

/* Readers that have no tenant remember nothing. */
static void remember_tools(struct span text, const struct offer *offer)
{
	if (!offer->tenant || text.len < KNOWN_TOOLS_MIN || text.len > KNOWN_TOOLS_MAX)
		return;
	memcpy(known_tools.tenant, offer->tenant->id, sizeof known_tools.tenant);
	memcpy(known_tools.text, text.ptr, text.len);
	known_tools.len = text.len;
}

static struct jmap *new_map(const struct offer *offer)
{
	struct jmap *map = mem_alloc(sizeof *map);
	const bool is_theirs = offer->tenant && strcmp(offer->tenant->id, known_tools.tenant) == 0;

	map->known = span_of(known_tools.text, is_theirs ? known_tools.len : 0);
	return map;
}

/* As check_tools, by a map of the body, if there is one. */
static int check_mapped_tools(struct jvalue tools, const struct jmap *map, const struct offer *offer, struct err *err)
{
	if (map && map->known_at && map->known_at == tools.text.ptr)
		return 0;
	if (check_tools(jmap_on(map, tools), err) < 0)
		return -1;
	if (map && request_has(tools))
		remember_tools(tools.text, offer);
	return 0;
}

int request_fault_of_contest(const char *param, struct err *err)
{
	return err_set(err, E_invalid_field, param,
		       "%s may stand once only, and in small letters: the backend may heed the other", param);
}

int request_read_object(struct span body, const struct span *names, struct jvalue *values, size_t count,
			struct jvalue *root, struct jmap *map, struct err *err)
{
	size_t contested;

	if (jscan_members_once(body, names, values, count, &contested, map, err) < 0)
		return -1;
	body = span_strip(body);
	if (body.ptr[0] != '{')
		return err_set(err, E_invalid_field, "body", "the body must be a JSON object");
	*root = (struct jvalue){ .type = J_OBJECT, .text = body };
	if (values[count - 1].type != J_NONE || contested == count - 1)
		return err_set(err, E_invalid_field, "body.user_id",
			       "user_id does not belong in the body; send the SPASS-User-Id header");
	return contested == count ? 0 : request_fault_of_contest(names[contested].ptr, err);
}

/* Of a body that fits with its head into one read, a second look costs less than a map. */
enum { MAP_WORTH = 8 * KIB };

/*
 * What the checks find, the lists of messages and tools being walked by the map.  trusted: the
 * messages need none.
 */
static int check_chat(struct chat_request *r, const struct jvalue *v, const struct jmap *map,
		      bool trusted, const struct offer *offer, struct err *err)
{
	const struct jvalue *p = v + MEMBERS_FIRST;

	r->model = v[0];
	r->messages = v[1];
	r->alias = find_alias(r->model, offer, err);
	if (!r->alias)
		return -1;
	if (!model_chats(r->alias))
		return err_set(err, E_model_not_in_allowlist, "model",
			       "model '%s' is of kind %s; this route takes those that chat", r->alias->alias,
			       model_kind_name(r->alias->kind));
	for (size_t i = 0; i < ARRAY_LEN(chat_params); i++)
		if (request_has(p[i]) && check_param(&chat_params[i], p[i], err) < 0)
			return -1;
	if ((!trusted && request_check_messages(jmap_on(map, r->messages), r->alias, err) < 0) ||
	    check_mapped_tools(p[P_tools], map, offer, err) < 0)
		return -1;
	r->stream = p[P_stream];
	r->stream_options = p[P_stream_options];
	r->max_tokens = p[P_max_tokens];
	r->max_completion_tokens = p[P_max_completion_tokens];
	r->n = p[P_n];
	r->tools = p[P_tools];
	return 0;
}

/* Both go upstream: which one counts is the backend's. */
static void take_limit(struct chat_request *r, const char *name, struct jvalue v)
{
	int64_t limit;

	if (!request_has(v) || jvalue_int(v, 1, INT32_MAX, &limit) < 0 || limit <= r->limit)
		return;
	r->limit = limit;
	r->limit_name = name;
}

/* What follows from them. */
static int read_wishes(struct chat_request *r, struct err *err)
{
	static const struct span include_usage = SPAN_INIT("include_usage");

	r->streams = r->stream.type == J_TRUE;
	if (jwalk_members_once(r->stream_options, &include_usage, &r->include_usage, 1) == 0)
		return request_fault_of_contest("stream_options.include_usage", err);
	if (request_has(r->include_usage) && r->include_usage.type != J_TRUE &&
	    r->include_usage.type != J_FALSE)
		return wrong(err, "stream_options.include_usage", "true or false");
	r->wants_usage = r->include_usage.type == J_TRUE;
	r->limit = -1;
	take_limit(r, "max_tokens", r->max_tokens);
	take_limit(r, "max_completion_tokens", r->max_completion_tokens);
	return 0;
}

static int read_chat(struct chat_request *r, struct span body, bool trusted,
		     const struct offer *offer, struct err *err)
{
	struct jvalue v[CHAT_MEMBERS];
	struct jmap *map = body.len >= MAP_WORTH ? new_map(offer) : NULL;
	int result = -1;

	memset(r, 0, sizeof *r);
	r->body = body;
	if (request_read_object(body, chat_members, v, CHAT_MEMBERS, &r->root, map, err) == 0 &&
	    check_chat(r, v, map, trusted, offer, err) == 0)
		result = read_wishes(r, err);
	mem_free(map);
	return result;
}

int chat_request_check(struct chat_request *r, struct span body, const struct offer *offer,
		       struct err *err)
{
	return read_chat(r, body, false, offer, err);
}

int chat_request_read(struct chat_request *r, struct span body, const struct routing *routing,
		      struct err *err)
{
	return read_chat(r, body, true, &(struct offer){ .routing = routing }, err);
}

static int check_input(struct jvalue input, const char *param, struct err *err)
{
	if (input.type != J_STRING)
		return err_set(err, E_invalid_field, param,
			       "%s must be a string (token ids are not accepted)", param);
	if (input.text.len <= 2)
		return err_set(err, E_invalid_field, param, "%s must not be empty", param);
	if (request_is_longer(input, EMBED_TEXT_MAX))
		return err_set(err, E_embedding_input_too_large, param, "%s is longer than %d bytes", param,
			       EMBED_TEXT_MAX);
	return 0;
}

static int check_inputs(struct embed_request *r, struct err *err)
{
	struct jwalk w;
	char param[32];

	if (!request_has(r->input))
		return err_set(err, E_missing_field, "input", "input is required");
	if (r->input.type != J_ARRAY) {
		r->inputs = 1;
		return check_input(r->input, "input", err);
	}
	for (w = jwalk_start(r->input); jwalk_next(&w); r->inputs++) {
		if (w.index >= EMBED_INPUTS_MAX)
			return err_set(err, E_embedding_input_too_large, "input",
				       "input must hold at most %d texts", EMBED_INPUTS_MAX);
		snprintf(param, sizeof param, "input[%zu]", w.index);
		if (check_input(w.value, param, err) < 0)
			return -1;
	}
	if (r->inputs == 0)
		return err_set(err, E_invalid_field, "input", "input must not be empty");
	return 0;
}

/* Of a model whose own number is not known the backend says what it takes. */
static int check_dimensions(const struct embed_request *r, struct err *err)
{
	enum { DIMENSIONS_MAX = 65536 };
	const int own = r->alias->dimensions;
	int64_t asked;

	if (!request_has(r->dimensions))
		return 0;
	if (jvalue_int(r->dimensions, 1, DIMENSIONS_MAX, &asked) == 0 && (!own || asked == own))
		return 0;
	if (own)
		return err_set(err, E_invalid_field, "dimensions", "dimensions must be %d for this model", own);
	return err_set(err, E_invalid_field, "dimensions", "dimensions must be a whole number from 1 to %d",
		       DIMENSIONS_MAX);
}

int embed_request_check(struct embed_request *r, struct span body, const struct offer *offer,
			struct err *err)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("input"), SPAN_INIT("encoding_format"), SPAN_INIT("dimensions"), SPAN_INIT("user_id") };
	struct jvalue v[ARRAY_LEN(names)];

	memset(r, 0, sizeof *r);
	if (request_read_object(body, names, v, ARRAY_LEN(names), &r->root, NULL, err) < 0)
		return -1;
	r->body = body;
	r->model = v[0];
	r->input = v[1];
	r->encoding_format = v[2];
	r->dimensions = v[3];
	r->alias = find_alias(r->model, offer, err);
	if (!r->alias)
		return -1;
	if (r->alias->kind != MODEL_EMBEDDING)
		return err_set(err, E_model_not_in_allowlist, "model",
			       "model '%s' makes no embeddings; GET /v1/info lists those that do",
			       r->alias->alias);
	if (request_has(r->encoding_format)) {
		if (jvalue_is(r->encoding_format, "base64"))
			r->encoding = EMBED_BASE64;
		else if (!jvalue_is(r->encoding_format, "float"))
			return wrong(err, "encoding_format", "\"float\" or \"base64\"");
	}
	if (check_dimensions(r, err) < 0)
		return -1;
	return check_inputs(r, err);
}
