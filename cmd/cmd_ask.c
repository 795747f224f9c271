/* cmd/cmd_ask.c - spass ask: one answer, for pipes and for a quick look. */
#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "cmd/gateway.h"
#include "cmd/output.h"
#include "tui/ask.h"
#include "tui/attach.h"
#include "tui/models.h"
#include "tui/sources.h"

#include "common/base/mem.h"
#include "common/model/money.h"

#include <string.h>
#include <unistd.h>

enum { EXIT_NO_CODE = 1, EXIT_NOTHING_FOUND = 1, EXIT_LENGTH = 7, TOP_MAX = 100 };

struct ask_options {
	struct cmd_globals globals;
	const char *model, *system, *output, *rag, *filter;
	struct opt_texts files;
	int64_t max_tokens, code, top; /* 0: not given */
	bool no_stream, raw, no_stdin;
};

/* What is asked, and what the model is to know for it. */
struct asked {
	struct convo *convo;
	struct buf question, passages;
	size_t words;            /* bytes of the question that are of PROMPT */
	struct sources *sources; /* NULL without --rag */
};

static int read_question(const struct ask_options *o, int argc, char **argv, struct asked *asked,
			 struct err *err)
{
	struct buf *question = &asked->question;

	if (attach_words(question, argc, argv, err) < 0)
		return -1;
	asked->words = question->len;
	if (!o->no_stdin && !isatty(STDIN_FILENO) && attach_pipe(question, STDIN_FILENO, err) < 0)
		return -1;
	for (size_t i = 0; i < o->files.count; i++)
		if (attach_file(question, o->files.items[i], err) < 0)
			return -1;
	if (!question->len)
		return err_set(err, E_usage, "", "there is nothing to ask: give a PROMPT or pipe text in");
	return 0;
}

static bool wants_whole(const struct ask_options *o)
{
	return o->globals.json || o->code || o->output;
}

static void describe(const struct ask_options *o, const struct gateway *gateway,
		     struct ask_setup *setup)
{
	const struct cmd_globals *g = &o->globals;
	bool is_terminal = isatty(STDOUT_FILENO);

	*setup = (struct ask_setup){
		.target = gateway_target(gateway, g),
		.request = { .model = asking_model(o->model),
			     .max_tokens = o->max_tokens,
			     .stream = !o->no_stream },
		.is_silent = wants_whole(o),
		.renders = is_terminal,
		.can_repaint = asking_can_repaint(),
		.talks = isatty(STDERR_FILENO) && !g->quiet,
		.stderr_color = cmd_color(g, stderr),
		.page = asking_page(cmd_color(g, stdout), !o->raw),
	};
}

static json_t *amount_json(int64_t micro)
{
	return micro < 0 ? json_null() : json_real((double)micro / (double)MONEY_UNIT);
}

static json_t *cost_json(const struct answer_facts *f)
{
	return json_pack("{s:o, s:o, s:s}", "eur", amount_json(f->cost_eur), "usd", amount_json(f->cost_usd),
			 "source", f->cost_source);
}

static void print_json(const struct asked *asked, const struct ask_outcome *out, struct span text)
{
	const struct answer_facts *f = &out->facts;
	json_t *root = json_pack("{s:i, s:o, s:s, s:O?, s:s, s:s, s:s}", "schema_version", 1, "text",
				 json_stringn(text.ptr ? text.ptr : "", text.len), "model",
				 f->model, "usage", out->usage, "finish_reason", f->finish,
				 "request_id", f->request_id, "backend", f->backend);

	if (*f->cost_source)
		json_object_set_new(root, "cost", cost_json(f));
	if (asked->sources)
		json_object_set_new(root, "sources", sources_json(asked->sources));
	cmd_print_json_take(root);
}

/* Those that the answer names; all, when it names none. */
static void print_sources(const struct ask_options *o, const struct sources *s, struct span answer)
{
	bool any = false;
	struct buf line;

	for (size_t i = 0; i < sources_count(s); i++)
		any = any || sources_is_cited(s, i, answer);
	for (size_t i = 0; i < sources_count(s); i++) {
		if (any && !sources_is_cited(s, i, answer))
			continue;
		buf_init(&line, CMD_OUTPUT_MAX);
		sources_add_line(s, i, &line);
		cmd_notice(&o->globals, "%s", buf_str(&line));
		buf_free(&line);
	}
}

/* What is printed when the answer is whole: all of it or a block of code.  The exit status. */
static int print_whole(const struct ask_options *o, const struct asked *asked,
		       const struct ask_outcome *out, struct err *err)
{
	struct span text = buf_span(&out->text);
	struct buf print;
	int result = 0;

	if (o->code && !attach_find_code(text, o->code, &text)) {
		cmd_notice(&o->globals, "spass: the answer has no %sblock of code; "
					"ask without --code to see it", o->code == 1 ? "" : "such ");
		return EXIT_NO_CODE;
	}
	buf_init(&print, CMD_OUTPUT_MAX);
	while (text.len && text.ptr[text.len - 1] == '\n' && !o->globals.json)
		text.len--;
	buf_add_span(&print, text);
	if (text.len && !o->globals.json)
		buf_add_char(&print, '\n');
	if (o->output)
		result = output_write(o->output, buf_span(&print), err);
	if (o->globals.json && result == 0)
		print_json(asked, out, text);
	else if (!o->output)
		cmd_print(&print);
	buf_free(&print);
	return result;
}

static void tell_facts(const struct cmd_globals *g, const struct answer_facts *f)
{
	struct buf cost;

	buf_init(&cost, KIB);
	answer_add_cost(f->cost_eur, f->cost_usd, &cost);
	cmd_notice(g, "spass: %s%s%s, %lld + %lld tokens, %s%srequest %s", f->model,
		   *f->backend ? " by " : "", f->backend, (long long)f->prompt_tokens,
		   (long long)f->completion_tokens, buf_str(&cost), cost.len ? ", " : "", f->request_id);
	buf_free(&cost);
}

static int finish(const struct ask_options *o, const struct asked *asked,
		  const struct ask_outcome *out, struct err *err)
{
	const struct cmd_globals *g = &o->globals;
	const struct answer_facts *f = &out->facts;
	int result = wants_whole(o) ? print_whole(o, asked, out, err) : 0;

	if (result != 0)
		return result;
	if (asked->sources && *sources_note(asked->sources))
		cmd_notice(g, "spass: %s", sources_note(asked->sources));
	if (asked->sources && (isatty(STDERR_FILENO) || g->verbose))
		print_sources(o, asked->sources, buf_span(&out->text));
	if (*f->applied && g->verbose)
		cmd_notice(g, "spass: the gateway changed the request: %s", f->applied);
	if (g->verbose)
		tell_facts(g, f);
	if (!strcmp(f->finish, "length")) {
		cmd_notice(g, "spass: the answer was cut at the limit of its length; "
			      "raise --max-tokens");
		return EXIT_LENGTH;
	}
	if (!strcmp(f->finish, "content_filter"))
		cmd_notice(g, "spass: the provider's content filter ended the answer");
	else if (!out->text.len)
		cmd_notice(g, "spass: the answer is empty (%s)", *f->finish ? f->finish : "no reason given");
	return 0;
}

/* The passages for the question stand before it; what PROMPT does not say, the rest is asked by. */
static int search(const struct ask_options *o, const struct ask_setup *setup, struct asked *asked,
		  struct err *err)
{
	struct wire *w = wire_new(&setup->target);
	struct span question = buf_span(&asked->question);

	if (asked->words)
		question.len = asked->words;
	asked->sources = sources_find(w, &(struct sources_query){ .index = o->rag, .question = question,
								  .top = o->top,
								  .filter = o->filter }, err);
	wire_free(w);
	if (!asked->sources)
		return -1;
	sources_add_prompt(asked->sources, &asked->passages);
	return 0;
}

/* No model is asked about nothing. */
static int tell_nothing(const struct ask_options *o, const struct asked *asked)
{
	static const struct ask_outcome nothing = { .facts = { .finish = "nothing_found" } };
	struct buf nearest;

	if (o->globals.json)
		print_json(asked, &nothing, SPAN_NONE);
	buf_init(&nearest, CMD_OUTPUT_MAX);
	if (sources_count(asked->sources) > 0)
		sources_add_nearest(asked->sources, &nearest);
	if (nearest.len > 0)
		cmd_notice(&o->globals,
			   "spass: nothing in %s fits, and no model was asked; the nearest is %s", o->rag,
			   buf_str(&nearest));
	else
		cmd_notice(&o->globals, "spass: nothing was found in %s, and no model was asked", o->rag);
	buf_free(&nearest);
	return EXIT_NOTHING_FOUND;
}

/* Whether the model that would be asked only quotes. */
static bool asks_builtin(const struct ask_setup *setup)
{
	struct wire *w = wire_new(&setup->target);
	const char *name = setup->request.model;
	struct models models;
	struct err none = ERR_INIT;
	bool is_builtin = false;

	if (name) {
		is_builtin = models_is_builtin(name);
	} else if (models_read(w, &models, &none) == 0) {
		is_builtin = models.preferred && models_is_builtin(models.preferred);
		models_clear(&models);
	}
	wire_free(w);
	return is_builtin;
}

/* Of what came with the question it may still tell something. */
static bool is_in_vain(const struct ask_setup *setup, struct asked *asked)
{
	bool has_more = asked->words > 0 && asked->question.len > asked->words;

	if (!asked->sources)
		return false;
	if (sources_count(asked->sources) == 0)
		return true;
	if (!sources_is_weak(asked->sources) || !asks_builtin(setup))
		return false;
	if (has_more)
		buf_clear(&asked->passages);
	return !has_more;
}

static int ask(const struct ask_options *o, const struct ask_setup *setup, struct asked *asked,
	       struct err *err)
{
	struct ask_outcome out;
	int result = -1;

	if (ask_run(setup, asked->convo, &out, err) == 0)
		result = out.output_errno ? cmd_output_failed(out.output_errno, err) :
					    finish(o, asked, &out, err);
	ask_outcome_clear(&out);
	return result;
}

static int ask_gateway(const struct ask_options *o, struct asked *asked, struct err *err)
{
	struct gateway *gateway = gateway_find(&o->globals, true, err);
	struct ask_setup setup;
	int result = 0;

	if (!gateway)
		return -1;
	describe(o, gateway, &setup);
	if (!setup.request.model || o->rag)
		gateway_await_backends(gateway);
	if (o->rag)
		result = search(o, &setup, asked, err);
	if (result == 0 && is_in_vain(&setup, asked))
		result = tell_nothing(o, asked);
	else if (result == 0) {
		setup.request.material = buf_span(&asked->passages);
		result = ask(o, &setup, asked, err);
	}
	if (result < 0)
		gateway_explain(gateway, err);
	gateway_close(gateway);
	return result;
}

static int check_options(const struct ask_options *o, struct err *err)
{
	if (o->top && !o->rag)
		return err_set(err, E_usage, "top", "--top is of what --rag finds");
	if (o->filter && !o->rag)
		return err_set(err, E_usage, "filter", "--filter is of what --rag finds");
	if (o->filter && sources_check_filter(o->filter, err) < 0)
		return -1;
	return o->rag ? sources_check_index(o->rag, err) : 0;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct ask_options *o = options;
	struct asked asked = { .convo = convo_new() };
	char *system = NULL;
	int result = -1;

	attach_init(&asked.question);
	buf_init(&asked.passages, CONVO_BODY_MAX);
	if (check_options(o, err) < 0)
		goto out;
	if (o->system) {
		system = attach_text_or_file(o->system, err);
		if (!system)
			goto out;
		convo_system(asked.convo, system);
	}
	if (read_question(o, argc, argv, &asked, err) < 0)
		goto out;
	convo_add(asked.convo, "user", buf_span(&asked.question));
	result = ask_gateway(o, &asked, err);
out:
	convo_free(asked.convo);
	sources_free(asked.sources);
	buf_free(&asked.question);
	buf_free(&asked.passages);
	mem_free(system);
	return result;
}

#define OWN(kind_, field, ...)                                                              \
	{                                                                                   \
		.kind = (kind_), .offset = offsetof(struct ask_options, field), __VA_ARGS__ \
	}

static const struct opt own[] = {
	OWN(OPT_TEXT, model, .name = "model", .letter = 'm', .argument = "MODEL",
	    .complete = OPT_CHAT_MODEL, .help = "Ask this model; without it SPASS_MODEL, or the default"),
	OWN(OPT_TEXT, system, .name = "system", .argument = "TEXT",
	    .help = "What the model should keep to; @FILE reads it from a file"),
	OWN(OPT_TEXTS, files, .name = "file", .letter = 'f', .argument = "FILE",
	    .complete = OPT_FILE, .help = "Add a text file to the question; may be repeated"),
	OWN(OPT_TEXT, rag, .name = "rag", .once = true, .argument = "INDEX",
	    .complete = OPT_INDEX, .help = "Answer from what this index holds, with the sources"),
	OWN(OPT_TEXT, filter, .name = "filter", .argument = "JSON",
	    .help = "With --rag: only documents whose metadata is so, as of `spass rag query`"),
	OWN(OPT_INT, top, .name = "top", .letter = 'k', .argument = "NUMBER", .min = 1, .max = TOP_MAX,
	    .help = "With --rag: how many passages; 8 if not given"),
	OWN(OPT_INT, max_tokens, .name = "max-tokens", .argument = "NUMBER", .min = 1,
	    .max = INT32_MAX, .help = "The longest answer"),
	OWN(OPT_SWITCH, no_stream, .name = "no-stream", .help = "Show the answer when it is whole"),
	OWN(OPT_SWITCH, raw, .name = "raw", .help = "On a terminal: the Markdown as it is"),
	OWN(OPT_INT, code, .name = "code", .argument = "N", .min = -1, .max = 1000,
	    .implied = "1", .help = "Only a fenced block: the first, the Nth, -1 the last"),
	OWN(OPT_TEXT, output, .name = "output", .letter = 'o', .argument = "FILE",
	    .complete = OPT_FILE, .help = "Write the answer to this file, when it is whole"),
	OWN(OPT_SWITCH, no_stdin, .name = "no-stdin", .help = "Do not read standard input"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "git diff | spass ask \"write a commit message\"", "What is piped in belongs to the question." },
	{ "spass ask -f report.txt \"what are the open points?\"", "A file belongs to it too." },
	{ "spass ask --rag docs \"how are tokens limited?\"", "From an index that `spass rag add` made." },
	{ "spass ask \"a shell loop over *.c\" --code > loop.sh", "Only the first block of code." },
	{ "spass ask \"hello\" --json", "The answer with its model, usage and request id." },
	{ NULL, NULL },
};

const struct cmd cmd_ask = {
	.name = "ask",
	.summary = "Ask a model once; for pipes too",
	.operands = "[PROMPT...]",
	.operands_max = -1,
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.options = own,
	.options_size = sizeof(struct ask_options),
	.text = "The question is PROMPT, a blank line and what is piped in; stdout is the answer and "
		"nothing else.\n"
		"With --rag what an index finds for PROMPT goes along, and the sources are told on stderr "
		"where that is a terminal; when nothing is found no model is asked, and the status is 1.\n"
		"An answer that was cut at its longest length ends with status 7.",
	.examples = examples,
	.run = run,
};
