/* tui/answer.c - chat completions read from a wire: event streams and whole ones. */
#include "tui/answer.h"

#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/sse.h"
#include "common/model/money.h"

#include <stdio.h>
#include <string.h>

enum { EVENT_MAX = 16 * 1024 * 1024, TOOLS_MAX = 32, TOOL_MAX = 1024 * 1024 };

static const char completions_path[] = "/v1/chat/completions";
static const char cost_wanted[] = "SPASS-Cost-Trailer: on"; /* of what streams; else headers tell it */

struct call {
	struct buf name, arguments;
	bool told;
};

struct answer {
	struct wire_transfer transfer;
	const char *path, *accept;
	struct span body;
	struct answer_sink sink;
	struct answer_facts facts;
	struct err err;
	struct sse_reader events;
	struct buf text, whole; /* whole: the body of what is no event stream */
	struct call calls[TOOLS_MAX];
	size_t call_count;
	json_t *usage;
	bool is_stream, saw_done, ended;
};

/* Facts */

static void keep(char *out, size_t size, struct span value)
{
	if (value.len)
		snprintf(out, size, "%.*s", SPAN_ARGS(value));
}

static void keep_json(char *out, size_t size, const json_t *value)
{
	keep(out, size, span_str(json_string_value(value)));
}

static void on_header(struct wire_transfer *t, struct span name, struct span value)
{
	struct answer *a = container_of(t, struct answer, transfer);
	struct answer_facts *f = &a->facts;

	const struct {
		const char *name;
		char *out;
		size_t size;
	} texts[] = {
		{ "spass-request-id", f->request_id, sizeof f->request_id },
		{ "x-request-id", f->request_id, sizeof f->request_id },
		{ "spass-resolved-backend", f->backend, sizeof f->backend },
		{ "x-spass-applied", f->applied, sizeof f->applied },
		{ "x-conversation-id", f->conversation, sizeof f->conversation },
		{ "spass-cost-source", f->cost_source, sizeof f->cost_source },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (span_is_nocase(name, texts[i].name))
			keep(texts[i].out, texts[i].size, value);
	if (span_is_nocase(name, "content-type"))
		a->is_stream = span_starts(value, "text/event-stream");
	else if (span_is_nocase(name, "spass-cost-eur"))
		money_read(value, &f->cost_eur);
	else if (span_is_nocase(name, "spass-cost-usd"))
		money_read(value, &f->cost_usd);
}

static int64_t count_of(const json_t *usage, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(usage, key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static void read_usage(struct answer *a, json_t *usage)
{
	if (!json_is_object(usage))
		return;
	json_decref(a->usage);
	a->usage = json_incref(usage);
	a->facts.prompt_tokens = count_of(usage, "prompt_tokens", a->facts.prompt_tokens);
	a->facts.completion_tokens = count_of(usage, "completion_tokens", a->facts.completion_tokens);
}

static void read_amount(struct jvalue v, int64_t *micro)
{
	if (v.type != J_NUMBER || money_read_number(v.text, micro) < 0)
		*micro = MONEY_UNKNOWN;
}

static void read_cost(struct answer *a, struct span data)
{
	static const struct span names[] = { SPAN_INIT("eur"), SPAN_INIT("usd"), SPAN_INIT("source") };
	struct jvalue v[ARRAY_LEN(names)];

	if (jscan_members(data, NULL, names, v, ARRAY_LEN(names), NULL) < 0)
		return;
	read_amount(v[0], &a->facts.cost_eur);
	read_amount(v[1], &a->facts.cost_usd);
	keep(a->facts.cost_source, sizeof a->facts.cost_source, jvalue_plain(v[2]));
}

/* Contents */

static void tell(struct answer *a, void (*told)(void *, struct span), const json_t *value)
{
	struct span s = span_of(json_string_value(value), json_string_length(value));

	if (s.len && told)
		told(a->sink.context, s);
}

static void read_text(struct answer *a, const json_t *value)
{
	struct span s = span_of(json_string_value(value), json_string_length(value));

	if (s.len && buf_add_span(&a->text, s) < 0)
		err_set(&a->err, E_too_large, "", "the answer is larger than %d bytes", WIRE_REPLY_MAX);
	else
		tell(a, a->sink.text, value);
}

static void add_json(struct buf *out, const json_t *value)
{
	buf_add_span(out, span_of(json_string_value(value), json_string_length(value)));
}

/* Names and arguments come in pieces; index says of which call. */
static void read_calls(struct answer *a, const json_t *calls)
{
	json_t *item;
	size_t i;

	json_array_foreach(calls, i, item)
	{
		size_t index = (size_t)count_of(item, "index", (int64_t)i);
		const json_t *function = json_object_get(item, "function");

		if (index >= TOOLS_MAX)
			continue;
		for (; a->call_count <= index; a->call_count++) {
			buf_init(&a->calls[a->call_count].name, TOOL_MAX);
			buf_init(&a->calls[a->call_count].arguments, TOOL_MAX);
		}
		add_json(&a->calls[index].name, json_object_get(function, "name"));
		add_json(&a->calls[index].arguments, json_object_get(function, "arguments"));
	}
}

static void tell_calls(struct answer *a)
{
	for (size_t i = 0; i < a->call_count; i++) {
		if (!a->calls[i].told && a->calls[i].name.len && a->sink.tool)
			a->sink.tool(a->sink.context, buf_str(&a->calls[i].name),
				     buf_str(&a->calls[i].arguments));
		a->calls[i].told = true;
	}
}

/* A chunk of a stream, or a whole completion: the names differ in one place. */
static void read_completion(struct answer *a, const json_t *root)
{
	const json_t *choice = json_array_get(json_object_get(root, "choices"), 0);
	const json_t *delta = json_object_get(choice, "delta");

	if (!delta)
		delta = json_object_get(choice, "message");
	keep_json(a->facts.model, sizeof a->facts.model, json_object_get(root, "model"));
	read_usage(a, json_object_get(root, "usage"));
	tell(a, a->sink.thought, json_object_get(delta, "reasoning_content"));
	if (!json_object_get(delta, "reasoning_content"))
		tell(a, a->sink.thought, json_object_get(delta, "reasoning"));
	read_text(a, json_object_get(delta, "content"));
	read_text(a, json_object_get(delta, "refusal"));
	read_calls(a, json_object_get(delta, "tool_calls"));
	keep_json(a->facts.finish, sizeof a->facts.finish, json_object_get(choice, "finish_reason"));
	if (*a->facts.finish)
		tell_calls(a);
}

static void read_document(struct answer *a, struct span data)
{
	json_error_t fault;
	json_t *root = json_loadb(data.ptr ? data.ptr : "", data.len, JSON_ALLOW_NUL, &fault);

	if (!json_is_object(root))
		err_set(&a->err, E_upstream_error, "", "what came is no JSON: %s", fault.text);
	else if (!wire_error_of(json_object_get(root, "error"), 0, &a->err))
		read_completion(a, root);
	json_decref(root);
}

static bool read_events(struct answer *a, struct span piece)
{
	struct sse_event event;

	sse_reader_feed(&a->events, piece);
	while (sse_reader_next(&a->events, &event, &a->err) > 0) {
		if (!event.data.ptr || a->saw_done)
			continue;
		if (span_is(span_trim(event.data), "[DONE]"))
			a->saw_done = true;
		else if (span_is(event.type, "spass.cost"))
			read_cost(a, event.data);
		else
			read_document(a, event.data);
		if (a->err.code != E_none)
			return false;
	}
	return a->err.code == E_none;
}

static bool on_bytes(struct wire_transfer *t, struct span s)
{
	struct answer *a = container_of(t, struct answer, transfer);

	if (t->head.status / 100 == 2 && a->is_stream)
		return read_events(a, s);
	if (buf_add_span(&a->whole, s) == 0)
		return true;
	err_set(&a->err, E_too_large, "", "the answer is larger than %d bytes", WIRE_REPLY_MAX);
	return false;
}

/* Whatever an earlier answer has left is not of the one that comes. */
static void start(struct answer *a, struct wire *w)
{
	a->err = (struct err)ERR_INIT;
	a->is_stream = a->saw_done = a->ended = false;
	buf_clear(&a->whole);
	wire_start(w, &a->transfer, a->path, a->body, a->accept, wire_target(w)->timeout_ms);
}

/* What had no fault while it came. */
static void judge(struct answer *a, const struct err *err)
{
	const struct wire_transfer *t = &a->transfer;

	if (t->head.status && t->head.status / 100 != 2) {
		char *where = wire_where(t->wire, a->path);

		wire_read_error(&t->head, where, buf_span(&a->whole), &a->err);
		mem_free(where);
		if (wire_takes_user(t->wire, &a->err)) {
			start(a, t->wire);
			return;
		}
	} else if (err && !(a->is_stream && a->saw_done))
		a->err = *err;
	else if (a->is_stream && !a->saw_done)
		err_set(&a->err, E_stream_cut, "", "the answer ended before its end");
	else if (!a->is_stream)
		read_document(a, buf_span(&a->whole));
	tell_calls(a);
}

static void on_done(struct wire_transfer *t, const struct err *err)
{
	struct answer *a = container_of(t, struct answer, transfer);

	a->ended = true;
	if (a->err.code == E_none)
		judge(a, err);
	/* What is refused names its request already. */
	if (answer_has_begun(a) && a->err.code != E_none && a->err.code != E_cancelled)
		wire_name_request(a->facts.request_id, &a->err);
}

struct answer *answer_start(struct wire *w, struct span body, bool streams,
			    const struct answer_sink *sink)
{
	return answer_start_at(w, completions_path, body, streams, sink);
}

struct answer *answer_start_at(struct wire *w, const char *path, struct span body, bool streams,
			       const struct answer_sink *sink)
{
	struct answer *a = mem_new(struct answer);

	a->path = path;
	a->sink = *sink;
	a->facts.prompt_tokens = a->facts.completion_tokens = -1;
	a->facts.cost_eur = a->facts.cost_usd = MONEY_UNKNOWN;
	a->transfer = (struct wire_transfer){
		.bytes = on_bytes, .header = on_header, .done = on_done, .field = streams ? cost_wanted : NULL
	};
	sse_reader_init(&a->events, EVENT_MAX);
	buf_init(&a->text, WIRE_REPLY_MAX);
	buf_init(&a->whole, WIRE_REPLY_MAX);
	a->body = body;
	a->accept = streams ? "text/event-stream" : "application/json";
	start(a, w);
	return a;
}

void answer_free(struct answer *a)
{
	if (!a)
		return;
	wire_stop(&a->transfer);
	sse_reader_free(&a->events);
	buf_free(&a->text);
	buf_free(&a->whole);
	for (size_t i = 0; i < a->call_count; i++) {
		buf_free(&a->calls[i].name);
		buf_free(&a->calls[i].arguments);
	}
	json_decref(a->usage);
	mem_free(a);
}

bool answer_is_done(const struct answer *a)
{
	return a->ended;
}

bool answer_has_begun(const struct answer *a)
{
	return a->transfer.head.status / 100 == 2;
}

const struct err *answer_error(const struct answer *a)
{
	return &a->err;
}

struct span answer_text(const struct answer *a)
{
	return buf_span(&a->text);
}

const struct answer_facts *answer_facts(const struct answer *a)
{
	return &a->facts;
}

void answer_add_cost(int64_t eur, int64_t usd, struct buf *out)
{
	const struct {
		int64_t amount;
		const char *currency;
	} amounts[] = { { eur, "EUR" }, { usd, "USD" } };
	const char *before = "";

	for (size_t i = 0; i < ARRAY_LEN(amounts); i++) {
		if (amounts[i].amount < 0)
			continue;
		buf_add_str(out, before);
		money_print(amounts[i].amount, out);
		buf_printf(out, " %s", amounts[i].currency);
		before = ", ";
	}
}

const json_t *answer_usage(const struct answer *a)
{
	return a->usage;
}
