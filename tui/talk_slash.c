/* tui/talk_slash.c - what the commands of a conversation do. */
#include "tui/talk_inside.h"

#include "common/base/env.h"
#include "common/base/mem.h"
#include "tui/attach.h"

#include <string.h>

static void say_buf(struct talk *t, const struct buf *text)
{
	struct span rest = buf_span(text);

	if (span_ends(rest, "\n"))
		rest.len--;
	talk_say(t, 0, "%.*s", SPAN_ARGS(rest));
}

static void say_unknown(struct talk *t, struct span name, const char *near)
{
	talk_say(t, STYLE_BAD, near ? "There is no /%.*s; did you mean /%s?" : "There is no /%.*s; /help lists the commands.%s",
		 SPAN_ARGS(name), near ? near : "");
	/* A path was meant to be said: nothing typed is lost. */
	if (name.len && memchr(name.ptr, '/', name.len))
		talk_say(t, STYLE_DIM, "A message that begins with a slash is written with two, as in "
				       "//%.*s; Up brings yours back.", SPAN_ARGS(name));
}

static void run_help(struct talk *t, struct span argument)
{
	const struct slash *one = NULL;
	const char *near = NULL;
	struct buf text;

	if (span_starts(argument, "/"))
		argument = span_from(argument, 1);
	if (argument.len) {
		one = slash_find(slash_table, argument, &near);
		if (!one) {
			say_unknown(t, argument, near);
			return;
		}
	}
	buf_init(&text, MIB);
	slash_help(slash_table, one, &text);
	if (!one)
		buf_add_str(&text,
			    "  Enter sends; Alt-Enter or Ctrl-J begins a new line.\n"
			    "  Ctrl-X Ctrl-E opens the editor.\n"
			    "  Ctrl-C stops the answer, else empties the line; Ctrl-D ends.\n"
			    "  A message that begins with a slash is written with two: //\n");
	say_buf(t, &text);
	buf_free(&text);
}

static void list_models(struct talk *t)
{
	size_t hidden = 0;
	char behind[40];

	for (size_t i = 0; i < t->models.count; i++) {
		const struct model_row *row = &t->models.rows[i];
		bool is_used = !strcmp(row->name, t->model);

		if (!row->is_available && !is_used) {
			hidden++;
			continue;
		}
		if (row->behind)
			snprintf(behind, sizeof behind, ", then %zu more", row->behind);
		else
			*behind = '\0';
		talk_say(t, is_used ? STYLE_BOLD : 0, "%s %s%s%s%s%s", is_used ? "*" : " ", row->name,
			 *row->backend ? "  (" : "", row->backend, behind, *row->backend ? ")" : "");
	}
	if (hidden)
		talk_say(t, STYLE_DIM, "%zu more cannot be reached now.", hidden);
}

static void run_model(struct talk *t, struct span argument)
{
	char *name = mem_strndup(argument.ptr ? argument.ptr : "", argument.len);
	struct models now;
	struct err err = ERR_INIT;

	if (models_read(t->wire, &now, &err) == 0) {
		models_clear(&t->models);
		t->models = now;
	} else
		talk_say_error(t, &err);
	if (!*name)
		list_models(t);
	else if (models_may_have(&t->models, name)) {
		mem_free(t->model);
		t->model = mem_strdup(name);
		talk_greet(t);
	} else if (models_near(&t->models, name))
		talk_say(t, STYLE_BAD, "There is no model %s; did you mean %s?", name,
			 models_near(&t->models, name));
	else
		talk_say(t, STYLE_BAD, "There is no model %s; /model lists them.", name);
	mem_free(name);
}

static void run_new(struct talk *t, struct span argument)
{
	(void)argument;
	convo_clear(t->convo);
	talk_keep_new(t);
	talk_rag_forget(t);
	buf_clear(&t->context);
	talk_say(t, STYLE_DIM, "A new conversation; nothing of the old one is sent any more.");
}

/* As a shell has it: what begins with ~/ is in the home directory.  The caller frees. */
static char *path_of(struct span argument)
{
	const char *home = env_get("HOME");

	if (home && span_starts(argument, "~/"))
		return mem_printf("%s%.*s", home, SPAN_ARGS(span_from(argument, 1)));
	return mem_strndup(argument.ptr ? argument.ptr : "", argument.len);
}

static void run_file(struct talk *t, struct span argument)
{
	char *path = path_of(argument);
	struct err err = ERR_INIT;
	size_t before = t->context.len;

	if (!*path)
		talk_say(t, STYLE_BAD, "/file wants the path of a text file.");
	else if (attach_file(&t->context, path, &err) < 0) {
		if (t->context.len > before)
			buf_truncate(&t->context, before);
		t->context.overflowed = false;
		talk_say(t, STYLE_BAD, "%s", err.message);
	} else
		talk_say(t, STYLE_DIM, "%s goes with your next message (%zu bytes in all).", path,
			 t->context.len);
	mem_free(path);
}

static void say_cost(struct talk *t, const struct convo_usage *u)
{
	struct buf cost;

	buf_init(&cost, KIB);
	answer_add_cost(u->eur, u->usd, &cost);
	if (u->unpriced)
		buf_printf(&cost, ", without %lld whose cost is not known", (long long)u->unpriced);
	talk_say(t, 0, "cost: %s.", buf_str(&cost));
	buf_free(&cost);
}

static void run_usage(struct talk *t, struct span argument)
{
	struct convo_usage u = convo_usage(t->convo);

	(void)argument;
	talk_say(t, 0,
		 "messages: %zu; answers since it was begun or opened here: %lld, with %lld tokens of prompt "
		 "and %lld of answer.",
		 convo_count(t->convo), (long long)u.answers, (long long)u.prompt,
		 (long long)u.completion);
	if (u.usd >= 0)
		say_cost(t, &u);
	if (u.interrupted)
		talk_say(t, STYLE_DIM, "Of %lld interrupted answer%s the tokens are not known.",
			 (long long)u.interrupted, u.interrupted == 1 ? "" : "s");
}

static void run_retry(struct talk *t, struct span argument)
{
	(void)argument;
	if (!talk_retry(t))
		talk_say(t, STYLE_BAD, "There is nothing to ask again.");
}

static void run_clear(struct talk *t, struct span argument)
{
	(void)argument;
	talk_clear_screen(t);
}

static void run_quit(struct talk *t, struct span argument)
{
	(void)argument;
	t->is_over = true;
}

const struct slash slash_table[] = {
	{ .name = "help", .arguments = "[COMMAND]", .summary = "List the commands, or explain one",
	  .any_time = true, .run = run_help },
	{ .name = "model", .arguments = "[MODEL]", .summary = "List the models, or change to one",
	  .help = "The conversation goes on with the other model.", .completes_models = true,
	  .run = run_model },
	{ .name = "new", .arguments = "", .summary = "Begin a new conversation",
	  .help = "The system message stays.", .run = run_new },
	{ .name = "sessions", .arguments = "[N|ID]", .summary = "List kept conversations, or resume one",
	  .run = talk_sessions },
	{ .name = "resume", .arguments = "N|ID", .summary = "Go on with another conversation",
	  .help = "N is the number in the list; of an ID the beginning is enough.", .run = talk_resume },
	{ .name = "fork", .arguments = "[TURN]", .summary = "Go on in a copy, of the first turns or of all",
	  .help = "The conversation itself stays as it is.", .run = talk_fork },
	{ .name = "title", .arguments = "[TEXT]", .summary = "Show the conversation's title, or change it",
	  .run = talk_title },
	{ .name = "system", .arguments = "[TEXT|off]", .summary = "Show or set what the model should keep to",
	  .help = "It is kept beside the conversation, and taken again with it.", .run = talk_system },
	{ .name = "file", .arguments = "PATH", .summary = "Send a text file with the next message",
	  .completes_files = true, .run = run_file },
	{ .name = "rag", .arguments = "[INDEX|off]", .summary = "Search an index for each message, or list them",
	  .help = "What is found goes along with the message, as data; `spass rag add` makes an index.",
	  .completes_indices = true, .run = talk_rag },
	{ .name = "sources", .arguments = "", .summary = "Show where the last answer's passages are from",
	  .help = "Those with a * are named in the answer.", .run = talk_sources },
	{ .name = "retry", .arguments = "", .summary = "Ask the last message again", .run = run_retry },
	{ .name = "usage", .arguments = "", .summary = "Show how many tokens were used, at what cost",
	  .any_time = true, .run = run_usage },
	{ .name = "clear", .arguments = "", .summary = "Clear the screen; the conversation stays",
	  .run = run_clear },
	{ .name = "quit", .arguments = "", .summary = "End", .any_time = true, .run = run_quit },
	{ .name = NULL },
};

void talk_command(struct talk *t, struct span name, struct span argument)
{
	const char *near = NULL;
	const struct slash *row = slash_find(slash_table, name, &near);

	if (!row)
		say_unknown(t, name, near);
	else if (argument.len && !*row->arguments)
		talk_say(t, STYLE_BAD, "/%s takes no argument.", row->name);
	else
		row->run(t, argument);
}

/* Whose argument comes next; NULL: no command's. */
static const struct slash *argument_of(const char *line)
{
	struct span name, argument;
	const char *near;

	if (!slash_split(span_str(line), &name, &argument) || argument.len)
		return NULL;
	return slash_find(slash_table, name, &near);
}

bool talk_wants_file(void *context, const char *line)
{
	const struct slash *row = argument_of(line);

	(void)context;
	return row && row->completes_files;
}

/* Skips to the index-th row whose text begins so. */
const char *talk_complete(void *context, const char *line, const char *text, size_t index)
{
	struct talk *t = context;
	const struct slash *row = argument_of(line);
	static char word[64];

	if (!*line && *text == '/') {
		for (row = slash_table; row->name; row++)
			if (span_starts(span_str(row->name), text + 1) && index-- == 0) {
				snprintf(word, sizeof word, "/%s", row->name);
				return word;
			}
		return NULL;
	}
	if (row && row->completes_indices)
		return talk_rag_complete(t, text, index);
	for (size_t i = 0; row && row->completes_models && i < t->models.count; i++)
		if (t->models.rows[i].is_available &&
		    span_starts(span_str(t->models.rows[i].name), text) && index-- == 0)
			return t->models.rows[i].name;
	return NULL;
}

void talk_greet(struct talk *t)
{
	const struct model_row *row = models_find(&t->models, t->model);

	talk_say(t, STYLE_BOLD, "%s%s%s%s answers.", t->model, row && *row->backend ? " (" : "",
		 row ? row->backend : "", row && *row->backend ? ")" : "");
	if (models_is_builtin(t->model))
		talk_say(t, 0,
			 "It is no language model: it answers by quoting from what you give it.\n"
			 "To talk to one, start Ollama, llama.cpp's server or vLLM on this machine, or start "
			 "the gateway with OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY or OPENROUTER_API_KEY set.");
	else if (row && !row->is_available)
		talk_say(t, STYLE_BAD, "It cannot be reached now; /model lists those that can.");
}
