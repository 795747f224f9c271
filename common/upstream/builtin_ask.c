/* common/upstream/builtin_ask.c - a chat request as a question and the passages given with it. */
#include "common/upstream/builtin_inside.h"

#include "common/base/mem.h"
#include "common/text/words.h"

#include <string.h>

enum {
	JSON_DEPTH_MAX = 16, /* of a tool's answer */
	TOKENS_A_MESSAGE = 4,
};

/* A message with its text in ask->text. */
struct message {
	struct span role;
	struct span text;
};

struct messages {
	struct message *items;
	size_t count, size;
};

/* The string's value as a span into ask->text. */
static struct span keep_text(struct ask *ask, struct jvalue v)
{
	size_t from = ask->text.len;

	if (v.type != J_STRING || jvalue_unescape(v, &ask->text) < 0)
		return SPAN_NONE;
	return span_of(ask->text.ptr + from, ask->text.len - from);
}

/* Content as one text: a string, or the text parts of a list. */
static struct span keep_content(struct ask *ask, struct jvalue content)
{
	size_t from = ask->text.len;
	struct jwalk w;

	if (content.type != J_ARRAY)
		return keep_text(ask, content);
	w = jwalk_start(content);
	while (jwalk_next(&w)) {
		struct jvalue text = jwalk_get(w.value, "text");

		if (text.type != J_STRING) {
			ask->unreadable++;
			continue;
		}
		if (ask->text.len > from)
			buf_add_str(&ask->text, "\n\n");
		jvalue_unescape(text, &ask->text);
	}
	return span_of(ask->text.ptr + from, ask->text.len - from);
}

static void add_passage(struct ask *ask, struct span text, struct span label, size_t message,
			double prior)
{
	if (text.len == 0 || ask->passage_count == ASK_PASSAGES_MAX)
		return;
	if (ask->passage_count == ask->passage_size) {
		ask->passage_size = ask->passage_size ? 2 * ask->passage_size : 16;
		ask->passages =
			mem_realloc(ask->passages, ask->passage_size * sizeof(*ask->passages));
	}
	ask->passages[ask->passage_count++] =
		(struct passage){ .text = text, .label = label, .message = message, .prior = prior };
}

/* The first of the named members that is a text with something in it. */
static struct span member_text(struct ask *ask, struct jvalue object, const char *const *names,
			       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct jvalue v = jwalk_get(object, names[i]);

		if (v.type == J_STRING && v.text.len > 2)
			return keep_text(ask, v);
	}
	return SPAN_NONE;
}

/* Passages of a tool's JSON: objects with a text and where it is from, however they are nested. */
static void add_json(struct ask *ask, struct jvalue v, size_t message, double prior, int depth)
{
	static const char *const texts[] = { "text", "content", "snippet", "passage", "chunk", "body" };
	static const char *const labels[] = { "source", "title", "file", "path", "url", "name",
					      "document", "doc_id", "id" };
	struct jwalk w;

	if (depth > JSON_DEPTH_MAX || (v.type != J_OBJECT && v.type != J_ARRAY))
		return;
	if (v.type == J_OBJECT) {
		struct span text = member_text(ask, v, texts, ARRAY_LEN(texts));

		if (text.len > 0) {
			add_passage(ask, text, member_text(ask, v, labels, ARRAY_LEN(labels)), message,
				    prior);
			return;
		}
	}
	w = jwalk_start(v);
	while (jwalk_next(&w)) {
		if (w.value.type == J_STRING && w.value.text.len > 22 && v.type == J_ARRAY)
			add_passage(ask, keep_text(ask, w.value), SPAN_NONE, message, prior);
		else
			add_json(ask, w.value, message, prior, depth + 1);
	}
}

static void add_tool_passages(struct ask *ask, struct span text, size_t message, double prior)
{
	struct err ignored = ERR_INIT;
	size_t first = ask->passage_count;
	struct jvalue v;

	if (jscan_check(text, NULL, &v, &ignored) < 0 || (v.type != J_OBJECT && v.type != J_ARRAY))
		add_passage(ask, text, SPAN_NONE, message, prior);
	else
		add_json(ask, v, message, prior, 0);
	for (size_t i = first; i < ask->passage_count; i++)
		ask->passages[i].prior *= extract_rank_prior(i - first);
}

/* Instructions are never quoted; documents that a system message brings with it may be. */
static struct span documents_of(struct span system)
{
	static const char *const marks[] = {
		"<document", "<context", "<source", "\nContext:", "\nSources:", "\nDocuments:",
		"\nSource:", "\nQuelle:", "\n[1]",
	};
	ptrdiff_t first = -1;

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		ptrdiff_t at = span_find(system, span_str(marks[i]));

		if (at >= 0 && (first < 0 || at < first))
			first = at;
	}
	return first < 0 ? SPAN_NONE : span_from(system, (size_t)first);
}

static void read_messages(struct ask *ask, struct jvalue list, struct messages *all)
{
	struct jwalk w = jwalk_start(list);

	while (jwalk_next(&w)) {
		static const struct span names[] = { SPAN_INIT("role"), SPAN_INIT("content") };
		struct jvalue found[2];
		struct message *m;

		if (all->count == all->size) {
			all->size = all->size ? 2 * all->size : 16;
			all->items = mem_realloc(all->items, all->size * sizeof(*all->items));
		}
		m = &all->items[all->count++];
		jwalk_members(w.value, names, found, 2);
		m->role = keep_text(ask, found[0]);
		m->text = keep_content(ask, found[1]);
		ask->prompt_tokens += TOKENS_A_MESSAGE + words_count_tokens(m->text);
	}
}

static void add_message(struct ask *ask, const struct message *m, size_t number)
{
	struct span question, material;

	if (span_is(m->role, "tool") || span_is(m->role, "function")) {
		add_tool_passages(ask, m->text, number, 0.85);
	} else if (span_is(m->role, "system") || span_is(m->role, "developer")) {
		add_passage(ask, documents_of(m->text), SPAN_NONE, number, 0.9);
	} else if (span_is(m->role, "user") && m->text.len >= 25) {
		builtin_question_split(m->text, &question, &material);
		add_passage(ask, material.len > 0 ? material : m->text, SPAN_NONE, number, 1);
	}
}

/* Nearest first: what tools have just said, the last message itself, then upwards. */
static void gather(struct ask *ask, const struct messages *all)
{
	size_t last = all->count;
	struct span material;

	while (last > 0 && !span_is(all->items[last - 1].role, "user"))
		last--;
	for (size_t i = last; i < all->count; i++)
		if (span_is(all->items[i].role, "tool") || span_is(all->items[i].role, "function")) {
			ask->has_results = true;
			add_tool_passages(ask, all->items[i].text, i + 1, 1.15);
		}
	if (last > 0) {
		builtin_question_split(all->items[last - 1].text, &ask->question, &material);
		add_passage(ask, material, SPAN_NONE, last, 1.1);
	}
	/* Greetings and "what are you?" are not about what was said before. */
	if (!builtin_question_is_telling(ask->question) && ask->passage_count == 0)
		return;
	for (size_t i = last; i > 1; i--)
		add_message(ask, &all->items[i - 2], i - 1);
}

/* "in 3 sentences", "5 Punkte": a small number in the question, else by the length of the text. */
static size_t count_wanted(const struct ask *ask)
{
	size_t bytes = 0, count;
	int64_t number;

	for (size_t i = 0; i < ask->question.len && i < 400; i++) {
		size_t len = 0;

		while (i + len < ask->question.len && ask->question.ptr[i + len] >= '0' &&
		       ask->question.ptr[i + len] <= '9')
			len++;
		if (ask->summary && len > 0 &&
		    span_to_int(span_of(ask->question.ptr + i, len), 1, EXTRACT_QUOTES_MAX, &number) == 0)
			return (size_t)number;
		i += len;
	}
	if (!ask->summary)
		return 3;
	for (size_t i = 0; i < ask->passage_count; i++)
		bytes += ask->passages[i].text.len;
	count = bytes / 800;
	return count < 3 ? 3 : count > 6 ? 6 : count;
}

static int read_int(struct jvalue v, const char *name, int64_t max, int64_t *out, struct err *err)
{
	if (v.type == J_NONE || v.type == J_NULL)
		return 0;
	if (jvalue_int(v, 1, max, out) == 0)
		return 0;
	return err_set(err, E_invalid_field, name, "%s is a whole number from 1 to %lld", name,
		       (long long)max);
}

static int read_stops(struct ask *ask, struct jvalue stop, struct err *err)
{
	struct jwalk w;

	if (stop.type == J_STRING) {
		ask->stops[ask->stop_count++] = keep_text(ask, stop);
		return 0;
	}
	if (stop.type != J_ARRAY)
		return 0;
	w = jwalk_start(stop);
	while (jwalk_next(&w)) {
		if (w.value.type != J_STRING || ask->stop_count == ASK_STOPS_MAX)
			return err_set(err, E_invalid_field, "stop",
				       "stop is a text or a list of at most %d", ASK_STOPS_MAX);
		ask->stops[ask->stop_count++] = keep_text(ask, w.value);
	}
	return 0;
}

static int read_format(struct ask *ask, struct jvalue format, struct err *err)
{
	struct jvalue type = jwalk_get(format, "type");

	if (jvalue_is(type, "json_object"))
		ask->format = FORMAT_JSON;
	if (!jvalue_is(type, "json_schema"))
		return 0;
	ask->format = FORMAT_SCHEMA;
	ask->schema = jwalk_get(jwalk_get(format, "json_schema"), "schema");
	if (ask->schema.type != J_OBJECT)
		return err_set(err, E_invalid_field, "response_format.json_schema.schema",
			       "response_format.json_schema.schema is an object");
	return 0;
}

enum { AT_MESSAGES, AT_N, AT_MAX, AT_MAX_COMPLETION, AT_STOP, AT_TOOLS, AT_CHOICE, AT_FORMAT,
       AT_OPTIONS, AT_COUNT };

int builtin_ask_read(struct ask *ask, struct span body, struct err *err)
{
	static const struct span names[AT_COUNT] = {
		SPAN_INIT("messages"), SPAN_INIT("n"), SPAN_INIT("max_tokens"), SPAN_INIT("max_completion_tokens"), SPAN_INIT("stop"), SPAN_INIT("tools"), SPAN_INIT("tool_choice"),
		SPAN_INIT("response_format"), SPAN_INIT("stream_options"),
	};
	struct jvalue at[AT_COUNT];
	struct messages all = { 0 };
	int result = -1;

	*ask = (struct ask){ .choices = 1, .tokens_max = -1 };
	/* A tool's JSON is unescaped twice; nothing is longer unescaped than escaped. */
	buf_init(&ask->text, 2 * body.len + 4 * KIB);
	if (buf_reserve(&ask->text, 2 * body.len + 4 * KIB) < 0 ||
	    jscan_members(body, NULL, names, at, AT_COUNT, err) < 0)
		return -1;
	if (at[AT_MESSAGES].type != J_ARRAY)
		return err_set(err, E_invalid_field, "messages", "messages is a list");
	if (read_int(at[AT_N], "n", ASK_CHOICES_MAX, &ask->choices, err) < 0 ||
	    read_int(at[AT_MAX], "max_tokens", INT32_MAX, &ask->tokens_max, err) < 0 ||
	    read_int(at[AT_MAX_COMPLETION], "max_completion_tokens", INT32_MAX, &ask->tokens_max,
		     err) < 0 ||
	    read_stops(ask, at[AT_STOP], err) < 0 || read_format(ask, at[AT_FORMAT], err) < 0)
		goto out;
	ask->include_usage = jwalk_get(at[AT_OPTIONS], "include_usage").type == J_TRUE;
	ask->tools = at[AT_TOOLS];
	ask->tool_choice = at[AT_CHOICE];
	if (ask->tools.type == J_ARRAY)
		ask->prompt_tokens += words_count_tokens(ask->tools.text);
	read_messages(ask, at[AT_MESSAGES], &all);
	gather(ask, &all);
	ask->summary = ask->question.len == 0 || builtin_question_sums(ask->question);
	ask->quotes_max = count_wanted(ask);
	ask->language = builtin_question_language(ask->question.len > 0 || ask->passage_count == 0 ?
					ask->question : ask->passages[0].text);
	result = 0;
out:
	mem_free(all.items);
	return result;
}

void builtin_ask_free(struct ask *ask)
{
	buf_free(&ask->text);
	mem_free(ask->passages);
}
