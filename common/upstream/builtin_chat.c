/* common/upstream/builtin_chat.c - spass-extract: call the search, quote, or say what it is. */
#include "common/upstream/builtin.h"
#include "common/upstream/builtin_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <string.h>

enum { CONTENT_MAX = 1024 * 1024, LABEL_MAX = 480, NAME_MAX_BYTES = 320, HEADING_MAX = 120 };
#define SEARCH_TOOL "rag_query"

/* The texts of an answer while it is made. */
struct answer {
	const struct ask *ask;
	const struct phrases *phrases;
	struct extract_quote quotes[EXTRACT_QUOTES_MAX];
	struct cited cited[EXTRACT_QUOTES_MAX];
	char labels[EXTRACT_QUOTES_MAX][LABEL_MAX];
	size_t count;
	bool fits; /* the quotes answer the question; else they are the text's main ones */
};

static size_t run_extract(struct answer *a, bool summary, size_t max)
{
	const struct ask *ask = a->ask;
	struct extract_source *sources = mem_calloc(ask->passage_count, sizeof(*sources));
	struct extract_request request = { .sources = sources, .source_count = ask->passage_count,
					   .question = ask->question, .summary = summary,
					   .whole = !summary, .quotes_max = max };
	size_t count;

	for (size_t i = 0; i < ask->passage_count; i++)
		sources[i] = (struct extract_source){ ask->passages[i].text, ask->passages[i].prior };
	count = extract_quotes(&request, a->quotes);
	mem_free(sources);
	return count;
}

/* "handbook.md, Backups" or "message 2": what names the place best. */
static void write_label(struct answer *a, size_t i)
{
	const struct extract_quote *q = &a->quotes[i];
	const struct passage *from = &a->ask->passages[q->source];
	struct span name = q->label.len > 0 ? q->label : from->label;
	struct buf label;

	buf_init(&label, LABEL_MAX - 1);
	if (name.len > NAME_MAX_BYTES)
		name.len = utf8_whole(span_of(name.ptr, NAME_MAX_BYTES));
	if (q->label.len > 0)
		builtin_place_add(name, from->text, q->text.ptr, &label);
	else if (name.len > 0)
		buf_add_span(&label, name);
	else
		buf_printf(&label, "%s %zu", a->phrases->message, from->message);
	if (q->heading.len > 0 && q->heading.len < HEADING_MAX)
		buf_printf(&label, ", %.*s", SPAN_ARGS(q->heading));
	memcpy(a->labels[i], buf_str(&label), label.len);
	a->cited[i] = (struct cited){ q->text, span_of(a->labels[i], label.len) };
	buf_free(&label);
}

static void find_quotes(struct answer *a)
{
	if (a->ask->passage_count == 0)
		return;
	a->count = run_extract(a, a->ask->summary, a->ask->quotes_max);
	a->fits = a->count > 0;
	if (a->count == 0)
		a->count = run_extract(a, true, 2);
	for (size_t i = 0; i < a->count; i++)
		write_label(a, i);
}

/* Why there is nothing to quote. */
static const char *empty_text(const struct answer *a)
{
	if (a->ask->has_results)
		return a->phrases->no_results;
	return a->ask->passage_count > 0 ? a->phrases->nothing_at_all : a->phrases->help;
}

/* As a quotation of Markdown: each of its lines is marked. */
static void write_quote(struct span text, struct buf *out)
{
	while (text.len > 0) {
		buf_add_str(out, "> ");
		buf_add_span(out, span_cut(&text, '\n'));
		buf_add_char(out, '\n');
	}
}

static void write_text(const struct answer *a, struct buf *out)
{
	if (a->ask->unreadable > 0)
		buf_printf(out, "%s\n\n", a->phrases->unreadable);
	if (a->count == 0) {
		buf_add_str(out, empty_text(a));
		return;
	}
	if (!a->fits)
		buf_printf(out, "%s\n\n", a->phrases->nothing);
	for (size_t i = 0; i < a->count; i++) {
		write_quote(a->cited[i].text, out);
		buf_add_str(out, "— ");
		buf_add_span(out, a->cited[i].label);
		buf_add_str(out, "\n\n");
	}
	buf_add_str(out, a->phrases->note);
}

/* The quotes as running text. */
static void write_prose(const struct answer *a, struct buf *out)
{
	if (a->count == 0)
		buf_add_str(out, empty_text(a));
	else if (!a->fits)
		buf_printf(out, "%s ", a->phrases->nothing);
	for (size_t i = 0; i < a->count; i++) {
		if (i > 0)
			buf_add_char(out, ' ');
		buf_add_span(out, a->cited[i].text);
	}
}

static void write_json(const struct answer *a, struct buf *out)
{
	struct buf prose;

	buf_init(&prose, CONTENT_MAX);
	write_prose(a, &prose);
	buf_add_str(out, "{\"answer\":");
	jtext_string(out, buf_span(&prose));
	buf_add_str(out, ",\"quotes\":[");
	for (size_t i = 0; i < a->count; i++) {
		buf_add_str(out, i > 0 ? ",{\"text\":" : "{\"text\":");
		jtext_string(out, a->cited[i].text);
		buf_add_str(out, ",\"source\":");
		jtext_string(out, a->cited[i].label);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "],\"model\":\"" BUILTIN_CHAT_MODEL "\",\"note\":");
	jtext_string(out, span_str(a->phrases->note));
	buf_add_char(out, '}');
	buf_free(&prose);
}

/* Twice when values had to be invented, because only then the main text can say so. */
static void write_schema(const struct answer *a, struct buf *out)
{
	struct filler f = { .ask = a->ask, .quotes = a->cited, .quote_count = a->count };
	size_t before = out->len;
	struct buf prose;

	buf_init(&prose, CONTENT_MAX);
	write_prose(a, &prose);
	if (a->count > 0)
		buf_printf(&prose, " %s", a->phrases->note_short);
	f.answer = buf_span(&prose);
	builtin_fill(&f, a->ask->schema, out);
	if (f.invented) {
		buf_truncate(out, before);
		buf_printf(&prose, " %s", a->phrases->minimal);
		f.answer = buf_span(&prose);
		builtin_fill(&f, a->ask->schema, out);
	}
	buf_free(&prose);
}

static struct jvalue function_of(struct jvalue tool)
{
	return jwalk_get(tool, "function");
}

/* The offered tool of that name (escaped as in JSON), or the first when name.ptr is NULL. */
static struct jvalue find_tool(const struct ask *ask, struct span name)
{
	struct jvalue none = { .type = J_NONE };
	struct jwalk w;

	if (ask->tools.type != J_ARRAY)
		return none;
	w = jwalk_start(ask->tools);
	while (jwalk_next(&w)) {
		struct jvalue function = function_of(w.value);

		if (function.type == J_OBJECT &&
		    (!name.ptr || span_equal(jvalue_plain(jwalk_get(function, "name")), name)))
			return function;
	}
	return none;
}

/* The tool to call now, J_NONE when none; *forced when it was demanded by name. */
static struct jvalue choose_tool(const struct ask *ask, bool *forced, bool *demanded)
{
	struct jvalue none = { .type = J_NONE }, tool;
	struct jvalue named = jwalk_get(function_of(ask->tool_choice), "name");

	*forced = named.type == J_STRING;
	*demanded = *forced || jvalue_is(ask->tool_choice, "required");
	if (ask->has_results || jvalue_is(ask->tool_choice, "none"))
		return none;
	if (*forced)
		return find_tool(ask, jvalue_plain(named));
	tool = find_tool(ask, SPAN_LIT(SEARCH_TOOL));
	if (*demanded)
		return tool.type == J_OBJECT ? tool : find_tool(ask, SPAN_NONE);
	/* A greeting is nothing to search for. */
	return builtin_question_is_telling(ask->question) ? tool : none;
}

static int write_call(const struct ask *ask, struct jvalue tool, struct builtin_reply *reply,
		      struct buf *content)
{
	struct jvalue parameters = jwalk_get(tool, "parameters");
	struct filler f = { .ask = ask };

	reply->call = jvalue_plain(jwalk_get(tool, "name"));
	if (!reply->call.ptr || (parameters.type == J_OBJECT && !builtin_fill_is_textual(parameters) &&
				 !span_is(reply->call, SEARCH_TOOL))) {
		reply->call = SPAN_NONE;
		return -1;
	}
	if (parameters.type == J_OBJECT)
		builtin_fill(&f, parameters, content);
	else
		buf_add_str(content, "{}");
	return 0;
}

static void write_answer(const struct ask *ask, struct buf *content)
{
	struct answer a = { .ask = ask, .phrases = builtin_phrases(ask->language) };

	find_quotes(&a);
	switch (ask->format) {
	case FORMAT_TEXT:
		write_text(&a, content);
		break;
	case FORMAT_JSON:
		write_json(&a, content);
		break;
	case FORMAT_SCHEMA:
		write_schema(&a, content);
		break;
	}
}

int builtin_chat(struct span body, bool stream, struct buf *out, struct err *err)
{
	struct builtin_reply reply = { .call = SPAN_NONE };
	struct jvalue tool;
	struct buf content;
	struct ask ask;
	bool forced, demanded;
	int result = -1;

	buf_init(&content, CONTENT_MAX);
	if (builtin_ask_read(&ask, body, err) < 0)
		goto out;
	tool = choose_tool(&ask, &forced, &demanded);
	if (tool.type != J_OBJECT || write_call(&ask, tool, &reply, &content) < 0) {
		if (tool.type == J_OBJECT && demanded)
			buf_printf(&content, "%s\n\n", builtin_phrases(ask.language)->refusal);
		write_answer(&ask, &content);
	}
	reply.ask = &ask;
	reply.content = buf_span(&content);
	reply.forced = forced;
	if (buf_failed(&content)) {
		err_set(err, E_too_large, "", "the answer is larger than %d bytes", CONTENT_MAX);
		goto out;
	}
	result = builtin_reply_write(&reply, stream, out, err);
out:
	builtin_ask_free(&ask);
	buf_free(&content);
	return result;
}
