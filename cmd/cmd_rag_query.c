/* cmd/cmd_rag_query.c - spass rag query. */
#include "cmd/rag.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/attach.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { QUESTION_MAX = 16 * 1024 }; /* bytes */

struct query_options {
	struct cmd_globals globals;
	int64_t top, neighbours, budget;
	struct rag_search search;
	const char *min_score, *scope, *history;
	bool exit_status, text, explain;
};

/* ---- the question ---- */

static void add_int(json_t *body, const char *name, int64_t value)
{
	if (value > 0)
		json_object_set_new(body, name, json_integer(value));
}

static json_t *body_of(const struct query_options *o, const char *question, struct err *err)
{
	json_t *body = json_pack("{s:s}", "query", question);

	add_int(body, "top_k", o->top);
	add_int(body, "neighbours", o->neighbours);
	add_int(body, "budget_chars", o->budget);
	if (o->explain)
		json_object_set_new(body, "explain", json_true());
	if (rag_add_text(body, "scope", o->scope, err) == 0 &&
	    rag_add_text(body, "history", o->history, err) == 0 &&
	    rag_add_share(body, "min-score", o->min_score, err) == 0 &&
	    rag_add_search(body, &o->search, err) == 0)
		return body;
	json_decref(body);
	return NULL;
}

/* The operands as one text, or what is piped in when there are none. */
static int read_question(int argc, char **argv, struct buf *out, struct err *err)
{
	if (argc == 1 && isatty(STDIN_FILENO))
		return err_set(err, E_usage, "",
			       "the question is missing: `spass rag query %s TEXT`, or pipe it in",
			       argv[0]);
	if ((argc > 1 ? attach_words(out, argc - 1, argv + 1, err) : attach_pipe(out, STDIN_FILENO, err)) < 0)
		return -1;
	if (out->len > QUESTION_MAX)
		return err_set(err, E_usage, "", "a question has at most %d bytes", QUESTION_MAX);
	return 0;
}

/* ---- the answer ---- */

enum { BOLD, DIM, RED, PLAIN, INK_COUNT };
static const char *const inks[INK_COUNT] = { "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[0m" };

struct printing {
	struct buf out;
	bool color;
};

static void ink(struct printing *p, int which)
{
	if (p->color)
		buf_add_str(&p->out, inks[which]);
}

/* Control characters of a document are not a terminal's business. */
static void add_safe(struct printing *p, struct span text)
{
	utf8_add_harmless(&p->out, text);
}

/* A whole document has no snippet: its beginning. */
static struct span beginning(const json_t *hit)
{
	enum { BEGINNING = 240 };
	const json_t *text = json_object_get(hit, "text");
	size_t len = json_string_length(text);

	return span_of(
		json_string_value(text),
		utf8_whole(span_of(json_string_value(text), len < BEGINNING ? len : BEGINNING)));
}

static void add_snippet(struct printing *p, const json_t *hit)
{
	const json_t *snippet = json_object_get(hit, "snippet"),
		     *value = json_object_get(snippet, "text"),
		     *marks = json_object_get(snippet, "highlights");
	struct span text = json_string_length(value) > 0
				   ? span_of(json_string_value(value), json_string_length(value))
				   : beginning(hit);
	size_t i, at = 0;
	json_t *mark;

	buf_add_str(&p->out, "    ");
	json_array_foreach(marks, i, mark)
	{
		size_t start = (size_t)json_integer_value(json_array_get(mark, 0));
		size_t end = (size_t)json_integer_value(json_array_get(mark, 1));

		if (start < at || end < start || end > text.len)
			break;
		utf8_add_flat(&p->out, span_of(text.ptr + at, start - at));
		ink(p, RED);
		utf8_add_flat(&p->out, span_of(text.ptr + start, end - start));
		ink(p, PLAIN);
		at = end;
	}
	utf8_add_flat(&p->out, span_from(text, at));
	buf_add_char(&p->out, '\n');
}

static void add_heading(struct printing *p, const json_t *place)
{
	const char *heading = models_text(place, "heading");

	if (*heading) {
		buf_add_str(&p->out, "  ");
		utf8_add_flat(&p->out, span_str(heading));
	}
}

static void add_scores(struct printing *p, const json_t *hit)
{
	const char *name;
	json_t *value;

	json_object_foreach(json_object_get(hit, "scores"), name, value)
		buf_printf(&p->out, "  %s %.3f", name, json_number_value(value));
}

/* "name:12" opens at the sentence that was found, as what grep prints does, where lines are the
 * file's. */
static void add_hit(struct printing *p, const json_t *hit, const struct query_options *o)
{
	const json_t *place = sources_place(hit);

	ink(p, BOLD);
	buf_printf(&p->out, "%2lld ",
		   (long long)json_integer_value(json_object_get(hit, "number")));
	add_safe(p, span_str(models_text(hit, "doc_id")));
	ink(p, PLAIN);
	ink(p, DIM);
	sources_add_where(hit, ":", &p->out);
	add_heading(p, place);
	if (json_object_get(hit, "score"))
		buf_printf(&p->out, "  %.3f", json_number_value(json_object_get(hit, "score")));
	if (o->explain)
		add_scores(p, hit);
	if (json_is_true(json_object_get(hit, "flagged")))
		buf_add_str(&p->out, "  (gives orders to models: read it as data)");
	ink(p, PLAIN);
	buf_add_char(&p->out, '\n');
	add_snippet(p, hit);
}

/* The texts alone, each under the name of its place: for pipes into a model. */
static void add_whole(struct printing *p, const json_t *hit)
{
	sources_add_passage(hit, "", &p->out);
	buf_add_char(&p->out, '\n');
}

static void tell(const struct query_options *o, const json_t *answer)
{
	const char *note = models_text(answer, "note"),
		   *rerank_note = models_text(answer, "rerank_note"),
		   *reranked_by = models_text(answer, "rerank_model");
	double coverage = json_number_value(json_object_get(answer, "dense_coverage"));

	if (*note)
		cmd_notice(&o->globals, "%s", note);
	else if (coverage > 0 && coverage < 1)
		cmd_notice(&o->globals, "%.0f %% of the chunks have vectors so far",
			   100 * coverage);
	if (*reranked_by)
		cmd_notice(&o->globals, "reranked by %s", reranked_by);
	else if (*rerank_note)
		cmd_notice(&o->globals, "not reranked: %s", rerank_note);
}

/* A filter is easily mistyped: "2025" is no 2025. */
static const char *why_nothing(const json_t *answer)
{
	const json_t *filtered = json_object_get(answer, "filtered");

	if (json_integer_value(json_object_get(answer, "chunks")) == 0)
		return ": the index has no text";
	return filtered && json_integer_value(filtered) == 0 ? ": the filter leaves no text" : "";
}

static int print_answer(const struct query_options *o, json_t *answer)
{
	const json_t *results = json_object_get(answer, "results");
	struct printing p = { .color = !o->text && cmd_color(&o->globals, stdout) };
	bool is_empty = json_array_size(results) == 0;
	json_t *hit;
	size_t i;

	if (o->globals.json) {
		cmd_print_document_take(json_incref(answer));
	} else {
		buf_init(&p.out, CMD_OUTPUT_MAX);
		json_array_foreach(results, i, hit)
		{
			if (o->text)
				add_whole(&p, hit);
			else
				add_hit(&p, hit, o);
		}
		cmd_print(&p.out);
		buf_free(&p.out);
		tell(o, answer);
		if (is_empty)
			cmd_notice(&o->globals, "nothing was found%s", why_nothing(answer));
	}
	return o->exit_status && is_empty;
}

static json_t *ask_take(const struct query_options *o, const char *index, json_t *body, struct err *err)
{
	char *path = rag_path(index, "query", NULL);
	json_t *answer = NULL;
	struct gateway_link l;

	if (gateway_link_open(&l, &o->globals, err) == 0) {
		rag_await_embedder(&l, index, &o->search);
		answer = rag_ask_take(&l, "POST", path, json_incref(body), err);
	}
	gateway_link_close(&l, err);
	json_decref(body);
	mem_free(path);
	return answer;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct query_options *o = options;
	struct buf question;
	json_t *body = NULL, *answer = NULL;
	int result = -1;

	if (sources_check_index(argv[0], err) < 0)
		return -1;
	attach_init(&question);
	if (read_question(argc, argv, &question, err) == 0)
		body = body_of(o, buf_str(&question), err);
	buf_free(&question);
	if (body)
		answer = ask_take(o, argv[0], body, err);
	if (answer)
		result = print_answer(o, answer);
	json_decref(answer);
	return result;
}

#define OWN(kind_, field, ...)                                                                \
	{                                                                                     \
		.kind = (kind_), .offset = offsetof(struct query_options, field), __VA_ARGS__ \
	}
static const struct opt own[] = {
	OWN(OPT_INT, top, .name = "top", .letter = 'k', .argument = "NUMBER", .min = 1, .max = 1000,
	    .help = "How many hits; 5 if not given"),
	RAG_SEARCH_OPTIONS(struct query_options),
	OWN(OPT_TEXT, min_score, .name = "min-score", .argument = "SCORE",
	    .help = "Only hits of at least this score, 0 to 1"),
	OWN(OPT_CHOICE, scope, .name = "scope", .argument = "SCOPE",
	    .choices = "chunks|document|corpus",
	    .help = "Chunks, their whole documents, or all of a small index"),
	OWN(OPT_INT, budget, .name = "budget", .argument = "CHARACTERS", .min = 1, .max = 1 << 26,
	    .help = "At most so much text in all"),
	OWN(OPT_INT, neighbours, .name = "neighbours", .argument = "NUMBER", .min = 0, .max = 3,
	    .help = "Chunks before and after each hit that its text has, too"),
	OWN(OPT_TEXT, history, .name = "history", .argument = "TEXT",
	    .help = "What was said before, for a question that follows up"),
	OWN(OPT_SWITCH, text, .name = "text",
	    .help = "The hits' texts with their sources alone, for a pipe into a model"),
	OWN(OPT_SWITCH, explain, .name = "explain", .help = "With all partial scores"),
	OWN(OPT_SWITCH, exit_status, .name = "exit-status", .letter = 'e',
	    .help = "Exit with 1 when nothing was found"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass rag query docs how are tokens limited", "The five best places." },
	{ "spass rag query docs --text -k 8 'token limits' | spass ask 'How are tokens limited?'",
	  "What was found, as context for a model." },
	{ "spass rag query docs limits --json | jq '.results[].score'", "For a script." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_query = {
	.group = "rag",
	.name = "query",
	.summary = "Ask an index: the best places, with their source and why",
	.complete_first = OPT_INDEX,
	.operands = "INDEX [TEXT...]",
	.operands_min = 1,
	.operands_max = -1,
	.flags = RAG_FLAGS,
	.options = own,
	.options_size = sizeof(struct query_options),
	.text = "Without TEXT the question is what is piped in.",
	.examples = examples,
	.run = run,
};
