/* tests/support/upstream_answer.c - the texts an OpenAI-compatible server answers with. */
#include "tests/support/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { OUT_HIGH = 256 * 1024, FRAGMENTS = 3 };
#define CREATED "1700000000"

static const struct { int status; const char *reason, *code; } statuses[] = {
	{ 200, "OK", "" },
	{ 400, "Bad Request", "invalid_request_error" },
	{ 401, "Unauthorized", "invalid_api_key" },
	{ 403, "Forbidden", "forbidden" },
	{ 404, "Not Found", "model_not_found" },
	{ 429, "Too Many Requests", "rate_limit_exceeded" },
	{ 500, "Internal Server Error", "server_error" },
	{ 502, "Bad Gateway", "server_error" },
	{ 503, "Service Unavailable", "server_is_overloaded" },
	{ 504, "Gateway Timeout", "server_error" },
};

static const char *status_text(int status, bool code)
{
	for (size_t i = 0; i < COUNT_OF(statuses); i++)
		if (statuses[i].status == status)
			return code ? statuses[i].code : statuses[i].reason;
	return code ? "error" : "Status";
}

static const char *answer_model(const struct mock_conn *c)
{
	return c->shape.model ? c->shape.model : c->req.model[0] ? c->req.model : "mock-model";
}

/* shape.size is the length of the body when the framing is by length. */
void mock_answer_head(struct mock_conn *c)
{
	struct mock_shape *s = &c->shape;
	struct text head = { 0 };
	text_printf(&head, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n", s->status, status_text(s->status, false),
		    s->type ? s->type : "application/json");
	if (s->framing == FRAME_LENGTH)
		text_printf(&head, "Content-Length: %lld\r\n", (long long)s->size);
	else if (s->framing == FRAME_CHUNKED)
		text_add_str(&head, "Transfer-Encoding: chunked\r\n");
	if (s->framing == FRAME_CLOSE)
		s->keep = false;
	if (!s->keep)
		text_add_str(&head, "Connection: close\r\n");
	if (s->headers.len)
		text_add(&head, s->headers.ptr, s->headers.len);
	text_add_str(&head, "\r\n");
	mock_send(c, head.ptr, head.len);
	text_free(&head);
	c->head_sent = true;
}

static void send_framed(struct mock_conn *c, const char *bytes, size_t len)
{
	if (c->shape.framing != FRAME_CHUNKED) {
		mock_send(c, bytes, len);
		return;
	}
	char size[24];
	int digits = snprintf(size, sizeof size, "%zx\r\n", len);
	if (!len)
		return;
	mock_send(c, size, (size_t)digits);
	mock_send(c, bytes, len);
	mock_send(c, "\r\n", 2);
}

static void begin_coding(struct mock_shape *s)
{
	int bits = s->coding == CODE_DEFLATE ? 15 : s->coding == CODE_BARE ? -15 : 15 + 16;
	s->packer = kit_alloc(sizeof *s->packer);
	if (deflateInit2(s->packer, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
}

static void send_coded(struct mock_conn *c, const char *bytes, size_t len, int flush)
{
	unsigned char out[4096];
	z_stream *z;
	if (!c->shape.packer)
		begin_coding(&c->shape);
	z = c->shape.packer;
	z->next_in = (unsigned char *)(uintptr_t)bytes;
	z->avail_in = (unsigned)len;
	do {
		z->next_out = out;
		z->avail_out = sizeof out;
		deflate(z, flush);
		send_framed(c, (const char *)out, sizeof out - z->avail_out);
	} while (z->avail_out == 0);
}

void mock_answer_data(struct mock_conn *c, const char *bytes, size_t len)
{
	if (c->shape.coding == CODE_NONE)
		send_framed(c, bytes, len);
	else if (len)
		send_coded(c, bytes, len, Z_SYNC_FLUSH);
}

void mock_answer_end(struct mock_conn *c)
{
	if (c->body_ended)
		return;
	if (c->head_sent && c->shape.coding != CODE_NONE && c->shape.coding != CODE_CUT)
		send_coded(c, "", 0, Z_FINISH);
	c->body_ended = true;
	if (c->head_sent && c->shape.framing == FRAME_CHUNKED)
		mock_send(c, "0\r\n\r\n", 5);
}

void mock_answer_event(struct mock_conn *c, const char *data, size_t len)
{
	struct text event = { 0 };
	if (c->shape.comments)
		text_printf(&event, ": keep-alive%s%s", c->shape.eol, c->shape.eol);
	text_add_str(&event, "data: ");
	text_add(&event, data, len);
	text_printf(&event, "%s%s", c->shape.eol, c->shape.eol);
	mock_answer_data(c, event.ptr, event.len);
	text_free(&event);
}

/* Word number index of a text, its following blanks included. */
static size_t word_at(const char *s, int64_t index, const char **word)
{
	for (;;) {
		size_t len = strcspn(s, " ");
		len += strspn(s + len, " ");
		if (!len || index-- == 0) {
			*word = s;
			return len;
		}
		s += len;
	}
}

static int64_t word_count(const char *s)
{
	const char *word;
	int64_t count = 0;
	while (word_at(s, count, &word))
		count++;
	return count;
}

static const char *said(const struct mock_conn *c)
{
	return c->shape.say.ptr ? c->shape.say.ptr : "Hello from the upstream.";
}

static bool has_tools(const struct mock_conn *c)
{
	return c->shape.tools.len > 0;
}

static int64_t content_count(const struct mock_conn *c)
{
	if (c->shape.tokens >= 0)
		return c->shape.tokens;
	return has_tools(c) && !c->shape.say.ptr ? 0 : word_count(said(c));
}

static const char *finish_of(const struct mock_conn *c)
{
	return c->shape.finish ? c->shape.finish : has_tools(c) ? "tool_calls" : "stop";
}

static void add_usage(struct mock_conn *c, struct text *out, int64_t completion)
{
	int64_t prompt = c->shape.prompt_used;
	if (c->shape.completion_used >= 0)
		completion = c->shape.completion_used;
	text_printf(out, "\"usage\":{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
		    "\"prompt_tokens_details\":{\"cached_tokens\":0}}",
		    (long long)prompt, (long long)completion, (long long)(prompt + completion));
}

/* Line number index of shape.tools: its name and arguments. */
static bool tool_at(const struct mock_conn *c, int64_t index, char **name, char **arguments)
{
	const char *line = text_str(&c->shape.tools);
	while (index-- > 0 && *line)
		line += strcspn(line, "\n") + 1;
	if (!*line)
		return false;
	size_t tab = strcspn(line, "\t");
	*name = kit_strndup(line, tab);
	*arguments = kit_strndup(line + tab + 1, strcspn(line + tab + 1, "\n"));
	return true;
}

static void add_tool_calls(struct mock_conn *c, struct text *out)
{
	char *name, *arguments;
	text_add_str(out, ",\"tool_calls\":[");
	for (int64_t i = 0; tool_at(c, i, &name, &arguments); i++) {
		text_printf(out, "%s{\"id\":\"call_%lld\",\"type\":\"function\",\"function\":{\"name\":", i ? "," : "",
			    (long long)i + 1);
		text_add_json(out, name, strlen(name));
		text_add_str(out, ",\"arguments\":");
		text_add_json(out, arguments, strlen(arguments));
		text_add_str(out, "}}");
		free(name);
		free(arguments);
	}
	text_add_str(out, "]");
}

static void add_content(struct mock_conn *c, struct text *out)
{
	struct text content = { 0 };
	if (c->shape.size > 0)
		for (int64_t i = 0; i < c->shape.size; i++)
			text_add(&content, "x", 1);
	else if (c->shape.tokens >= 0)
		for (int64_t i = 0; i < c->shape.tokens; i++)
			text_printf(&content, "w%lld ", (long long)i + 1);
	else
		text_add_str(&content, said(c));
	if (has_tools(c) && !c->shape.say.ptr && c->shape.tokens < 0)
		text_add_str(out, "null");
	else
		text_add_json(out, text_str(&content), content.len);
	text_free(&content);
}

static void completion_body(struct mock_conn *c, struct text *out)
{
	text_printf(out, "{\"id\":\"chatcmpl-mock%llu\",\"object\":\"chat.completion\",\"created\":" CREATED ",\"model\":",
		    (unsigned long long)c->req.id);
	text_add_json(out, answer_model(c), strlen(answer_model(c)));
	text_add_str(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	add_content(c, out);
	if (c->shape.reasoning.ptr) {
		text_add_str(out, ",\"reasoning_content\":");
		text_add_json(out, c->shape.reasoning.ptr, c->shape.reasoning.len);
	}
	if (has_tools(c))
		add_tool_calls(c, out);
	text_printf(out, "},\"logprobs\":null,\"finish_reason\":\"%s\"}]", finish_of(c));
	if (c->shape.usage != USAGE_NONE) {
		text_add_str(out, ",");
		add_usage(c, out, content_count(c));
	}
	text_add_str(out, ",\"system_fingerprint\":\"fp_mock\"}");
}

/* Values that are exact in decimal and in a float, so that both encodings can be compared. */
static float embedding_value(int64_t text, int64_t at)
{
	return (float)((text * 31 + at * 7) % 2001 - 1000) / 1024.0f;
}

/* Number of texts in "input": a string is one; of a list the strings at its first level. */
static int64_t input_count(const struct mock_request *r)
{
	const char *end = r->body + r->body_len;
	const char *at = kit_find(r->body, r->body_len, "\"input\"", 7);
	if (!at)
		return 1;
	at += 7;
	while (at < end && (*at == ' ' || *at == ':'))
		at++;
	if (at == end || *at != '[')
		return 1;
	int64_t count = 0;
	bool inside = false;
	for (at++; at < end && (inside || *at != ']'); at++) {
		if (inside && *at == '\\')
			at++;
		else if (*at == '"' && !(inside = !inside))
			count++;
	}
	return count;
}

static void embeddings_body(struct mock_conn *c, struct text *out)
{
	int64_t count = input_count(&c->req), dims = c->shape.dimensions;
	text_add_str(out, "{\"object\":\"list\",\"data\":[");
	for (int64_t i = 0; i < count; i++) {
		text_printf(out, "%s{\"object\":\"embedding\",\"index\":%lld,\"embedding\":", i ? "," : "", (long long)i);
		if (c->req.base64) {
			float *values = kit_alloc((size_t)dims * sizeof *values);
			for (int64_t k = 0; k < dims; k++)
				values[k] = embedding_value(i, k);
			text_add_str(out, "\"");
			text_add_base64(out, values, (size_t)dims * sizeof *values);
			text_add_str(out, "\"");
			free(values);
		} else {
			for (int64_t k = 0; k < dims; k++)
				text_printf(out, "%c%.10g", k ? ',' : '[', (double)embedding_value(i, k));
			text_add_str(out, "]");
		}
		text_add_str(out, "}");
	}
	text_add_str(out, "],\"model\":");
	text_add_json(out, answer_model(c), strlen(answer_model(c)));
	text_printf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}", (long long)count * 4,
		    (long long)count * 4);
}

static void error_body(struct mock_conn *c, struct text *out)
{
	const char *code = has_tools(c) ? c->shape.tools.ptr : status_text(c->shape.status, true);
	const char *message = c->shape.say.ptr ? c->shape.say.ptr : "The upstream refused.";
	text_add_str(out, "{\"error\":{\"message\":");
	text_add_json(out, message, strlen(message));
	text_printf(out, ",\"type\":\"%s\",\"param\":null,\"code\":",
		    c->shape.status == 429 ? "rate_limit_error" : c->shape.status < 500 ? "invalid_request_error" : "server_error");
	text_add_json(out, code, strlen(code));
	text_add_str(out, "}}");
}

static bool path_ends(const struct mock_conn *c, const char *tail)
{
	size_t len = strcspn(c->req.path, "?"), want = strlen(tail);
	return len >= want && memcmp(c->req.path + len - want, tail, want) == 0;
}

/* The whole answer to anything that is not a stream. */
static void send_whole(struct mock_conn *c)
{
	struct text body = { 0 };
	if (c->shape.status == 200 && !path_ends(c, "/completions") && !path_ends(c, "/embeddings") &&
	    !path_ends(c, "/models") && !path_ends(c, "/health"))
		c->shape.status = 404;
	if (c->shape.status >= 400)
		error_body(c, &body);
	else if (path_ends(c, "/embeddings"))
		embeddings_body(c, &body);
	else if (path_ends(c, "/completions"))
		completion_body(c, &body);
	else if (path_ends(c, "/models"))
		text_printf(&body, "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":\"model\",\"created\":" CREATED
			    ",\"owned_by\":\"mock\"}]}", c->shape.model ? c->shape.model : "mock-model");
	else
		text_add_str(&body, "{\"status\":\"ok\"}");
	c->shape.size = (int64_t)body.len;
	if (!c->head_sent)
		mock_answer_head(c);
	mock_answer_data(c, body.ptr, body.len);
	text_free(&body);
}

static void begin_chunk(struct mock_conn *c, struct text *out)
{
	text_printf(out, "{\"id\":\"chatcmpl-mock%llu\",\"object\":\"chat.completion.chunk\",\"created\":" CREATED ",\"model\":",
		    (unsigned long long)c->req.id);
	text_add_json(out, answer_model(c), strlen(answer_model(c)));
	text_add_str(out, ",\"system_fingerprint\":\"fp_mock\"");
}

static void end_chunk(struct mock_conn *c, struct text *out, bool counted)
{
	if (counted) {
		text_add_str(out, ",");
		add_usage(c, out, c->events);
	} else if (c->req.include_usage && c->shape.usage == USAGE_ASKED) {
		text_add_str(out, ",\"usage\":null");
	}
	if (c->shape.stamp)
		text_printf(out, ",\"mock_us\":%lld", (long long)kit_now_us());
	if (c->shape.pad > 0) {
		text_add_str(out, ",\"pad\":\"");
		for (int64_t i = 0; i < c->shape.pad; i++)
			text_add(out, "x", 1);
		text_add_str(out, "\"");
	}
	text_add_str(out, "}");
	mock_answer_event(c, out->ptr, out->len);
	text_free(out);
}

static void send_delta(struct mock_conn *c, const char *delta, size_t len, const char *finish, bool counted)
{
	struct text out = { 0 };
	begin_chunk(c, &out);
	text_add_str(&out, ",\"choices\":[{\"index\":0,\"delta\":{");
	text_add(&out, delta, len);
	text_add_str(&out, "},\"logprobs\":null,\"finish_reason\":");
	if (finish)
		text_printf(&out, "\"%s\"", finish);
	else
		text_add_str(&out, "null");
	text_add_str(&out, "}]");
	end_chunk(c, &out, counted);
}

static void send_content(struct mock_conn *c, int64_t index)
{
	struct text delta = { 0 };
	text_add_str(&delta, "\"content\":");
	if (c->shape.tokens >= 0) {
		text_printf(&delta, "\"w%lld \"", (long long)index + 1);
	} else {
		const char *word;
		size_t len = word_at(said(c), index, &word);
		text_add_json(&delta, word, len);
	}
	c->events++;
	send_delta(c, delta.ptr, delta.len, NULL, c->shape.usage == USAGE_EVERY);
	text_free(&delta);
}

/* Event number index of the tool calls: each a start and FRAGMENTS pieces of its arguments. */
static bool send_tool(struct mock_conn *c, int64_t index)
{
	char *name, *arguments;
	struct text delta = { 0 };
	if (!tool_at(c, index / (1 + FRAGMENTS), &name, &arguments))
		return false;
	int64_t call = index / (1 + FRAGMENTS), part = index % (1 + FRAGMENTS);
	if (part == 0) {
		text_printf(&delta, "\"tool_calls\":[{\"index\":%lld,\"id\":\"call_%lld\",\"type\":\"function\",\"function\":{\"name\":",
			    (long long)call, (long long)call + 1);
		text_add_json(&delta, name, strlen(name));
		text_add_str(&delta, ",\"arguments\":\"\"}}]");
	} else {
		size_t len = strlen(arguments), from = len * (size_t)(part - 1) / FRAGMENTS,
		       to = len * (size_t)part / FRAGMENTS;
		text_printf(&delta, "\"tool_calls\":[{\"index\":%lld,\"function\":{\"arguments\":", (long long)call);
		text_add_json(&delta, arguments + from, to - from);
		text_add_str(&delta, "}}]");
	}
	send_delta(c, delta.ptr, delta.len, NULL, false);
	text_free(&delta);
	free(name);
	free(arguments);
	return true;
}

static void send_usage_chunk(struct mock_conn *c)
{
	struct text out = { 0 };
	begin_chunk(c, &out);
	text_add_str(&out, ",\"choices\":[]");
	end_chunk(c, &out, true);
}

static enum mock_step meet_fate(struct mock_conn *c)
{
	enum mock_fate fate = c->shape.fate;
	if (fate == FATE_STALL)
		return STEP_HOLD;
	c->shape.fate = FATE_NONE;
	switch (fate) {
	case FATE_CUT:
		return STEP_CUT;
	case FATE_RESET:
		return STEP_RESET;
	case FATE_ERROR:
		mock_answer_event(c, c->shape.error, strlen(c->shape.error));
		mock_answer_end(c);
		return STEP_NEXT;
	case FATE_END:
		mock_answer_end(c);
		return STEP_NEXT;
	default:
		mock_answer_data(c, c->shape.error, strlen(c->shape.error));
		return STEP_WAIT;
	}
}

/* Sends event number c->count; false when there is none left. */
static bool send_event(struct mock_conn *c)
{
	int64_t content = content_count(c), think = c->shape.reasoning.ptr ? 1 : 0;
	int64_t at = c->count - 1 - think;
	if (c->count == 0) {
		static const char role[] = "\"role\":\"assistant\",\"content\":\"\"";
		static const char role_null[] = "\"role\":\"assistant\",\"content\":null";
		if (content || !has_tools(c))
			send_delta(c, role, sizeof role - 1, NULL, false);
		else
			send_delta(c, role_null, sizeof role_null - 1, NULL, false);
	} else if (think && c->count == 1) {
		struct text delta = { 0 };
		text_add_str(&delta, "\"reasoning_content\":");
		text_add_json(&delta, c->shape.reasoning.ptr, c->shape.reasoning.len);
		send_delta(c, delta.ptr, delta.len, NULL, false);
		text_free(&delta);
	} else if (at < content) {
		send_content(c, at);
	} else if (!send_tool(c, at - content)) {
		enum mock_usage usage = c->shape.usage;
		send_delta(c, "", 0, finish_of(c), usage == USAGE_CONTENT || usage == USAGE_EVERY);
		if (usage == USAGE_ALWAYS || (usage == USAGE_ASKED && c->req.include_usage))
			send_usage_chunk(c);
		if (!c->shape.no_done)
			mock_answer_event(c, "[DONE]", 6);
		return false;
	}
	c->count++;
	return true;
}

static enum mock_step run_stream(struct mock_conn *c)
{
	int64_t think = c->shape.reasoning.ptr ? 1 : 0;
	for (;;) {
		if (c->shape.fate && c->count == 1 + think + c->shape.fate_after) {
			enum mock_step step = meet_fate(c);
			if (step != STEP_WAIT)
				return step;
		}
		if (!send_event(c))
			return STEP_NEXT;
		/* a bench's first token comes with its role: a gateway may wait for content to commit */
		bool with_next = c->shape.stamp && c->count == 1;
		if (c->shape.gap_ms > 0 && !with_next)
			return mock_wait_ms(c, c->shape.gap_ms);
		if (c->out.len - c->out_at > OUT_HIGH)
			return STEP_FULL;
	}
}

/* The number after a letter among the words of a bench model's name: "bench-n64-g20". */
static int64_t bench_word(const char *model, char letter)
{
	for (const char *at = model; (at = strchr(at, '-')); at++)
		if (at[1] == letter && at[2] >= '0' && at[2] <= '9')
			return strtol(at + 2, NULL, 10);
	return 0;
}

static void read_bench_words(struct mock_conn *c)
{
	const char *model = c->req.model;
	if (strncmp(model, "bench", 5) != 0)
		return;
	c->shape.tokens = bench_word(model, 'n');
	c->shape.gap_ms = bench_word(model, 'g');
	c->shape.first_ms = bench_word(model, 'f');
	c->shape.size = bench_word(model, 's');
	c->shape.stamp = true;
	c->shape.pad = 12;
}

enum mock_step mock_answer_run(struct mock_conn *c)
{
	struct mock_shape *s = &c->shape;
	if (c->phase == 0) {
		c->phase = 1;
		if (!c->rule)
			read_bench_words(c);
		if (s->head_ms)
			return mock_wait_ms(c, s->head_ms);
	}
	if (!c->req.stream || s->status >= 400 || !path_ends(c, "/completions")) {
		send_whole(c);
		return STEP_NEXT;
	}
	if (c->phase == 1) {
		c->phase = 2;
		if (!s->type)
			s->type = "text/event-stream";
		if (!s->framing_set)
			s->framing = FRAME_CHUNKED;
		if (!c->head_sent)
			mock_answer_head(c);
		if (s->first_ms)
			return mock_wait_ms(c, s->first_ms);
	}
	return run_stream(c);
}

bool mock_answer_fast(struct mock_conn *c)
{
	static char answer[1024];
	static size_t answer_len;
	if (c->req.stream || strcmp(c->req.model, "bench") != 0 || !path_ends(c, "/chat/completions") || c->req.close)
		return false;
	if (!answer_len) {
		static const char body[] =
			"{\"id\":\"chatcmpl-bench0000000000000000000000\",\"object\":\"chat.completion\",\"created\":" CREATED
			",\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
			"The quick brown fox jumps over the lazy dog, then rests in the shade of an old tree by the river "
			"and watches the water go by until the evening comes and the first stars are seen above the hills "
			"\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
			"{\"prompt_tokens\":19,\"completion_tokens\":42,\"total_tokens\":61},\"service_tier\":\"default\","
			"\"system_fingerprint\":\"fp_bench\"}";
		answer_len = (size_t)snprintf(answer, sizeof answer,
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			sizeof body - 1, body);
	}
	mock_send(c, answer, answer_len);
	c->shape.keep = true;
	mock_conn_done(c);
	return true;
}
