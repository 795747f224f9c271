/* cmd/cmd_chat.c - spass chat: a conversation in the terminal. */
#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "cmd/gateway.h"
#include "cmd/interrupt.h"
#include "tui/attach.h"
#include "tui/signals.h"
#include "tui/sources.h"
#include "tui/talk.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a rate limit may cost a request: the keyboard waits meanwhile.  Answers that it refuses are told. */
enum { PATIENCE_MS = 3000 };

struct chat_options {
	struct cmd_globals globals;
	const char *model, *system;
	struct opt_texts files;
	bool raw, no_markdown, goes_on, no_save;
	const char *session, *fork, *rag, *filter;
};

static int end_by(int number)
{
	signal(number, SIG_DFL);
	raise(number);
	return 128 + number;
}

/* The keyboard: stdin, or what is behind a pipe.  NULL when there is none. */
static FILE *open_keyboard(void)
{
	return isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
}

static int read_context(const struct chat_options *o, struct buf *context, struct err *err)
{
	if (!isatty(STDIN_FILENO) && attach_pipe(context, STDIN_FILENO, err) < 0)
		return -1;
	for (size_t i = 0; i < o->files.count; i++)
		if (attach_file(context, o->files.items[i], err) < 0)
			return -1;
	return 0;
}

/* --fork alone is a fork of what -s names, else of the last. */
static const char *session_of(const struct chat_options *o)
{
	if (o->session)
		return o->session;
	return o->fork ? o->fork : o->goes_on ? "@last" : NULL;
}

static int check_options(const struct chat_options *o, struct err *err)
{
	if (o->no_save && session_of(o))
		return err_set(err, E_usage, "no-save",
			       "what goes on with a kept conversation is kept: --no-save does not go with it");
	if ((o->session && o->goes_on) || (o->fork && strcmp(o->fork, "@last") != 0 && (o->session || o->goes_on)))
		return err_set(err, E_usage, "session", "more than one conversation is named");
	if (o->filter && !o->rag)
		return err_set(err, E_usage, "filter", "--filter is of what --rag finds");
	if (o->filter && sources_check_filter(o->filter, err) < 0)
		return -1;
	return o->rag ? sources_check_index(o->rag, err) : 0;
}

/* By a signal that the talk takes, or one that came before it began. */
static bool is_interrupted(void)
{
	return interrupt_signal() != 0 || signals_want_end();
}

static int talk(const struct chat_options *o, FILE *keyboard, const char *system, const char *first,
		struct span context, struct err *err)
{
	const struct cmd_globals *g = &o->globals;
	struct gateway *gateway = gateway_find(g, true, err);
	char *history = file_place(FILE_STATE, "chat_history");
	char *indices = file_place(FILE_STATE, "chat_indices");
	char *systems = file_place(FILE_STATE, "chat_systems");
	int result = -1;

	if (gateway) {
		gateway_await_backends(gateway);
		struct wire_target target = gateway_target(gateway, g);

		target.patience_ms = PATIENCE_MS;
		target.limited = NULL; /* the screen is the talk's */
		target.interrupted = is_interrupted;
		const struct talk_setup setup = {
			.target = target,
			.model = asking_model(o->model),
			.system = system,
			.context = context,
			.index = o->rag,
			.filter = o->filter,
			.indices_path = o->no_save ? NULL : indices,
			.systems_path = o->no_save ? NULL : systems,
			.first = first,
			.in = keyboard,
			.out = stdout,
			.is_dumb = !asking_can_repaint(),
			.is_quiet = g->quiet,
			.page = asking_page(cmd_color(g, stdout), !o->raw && !o->no_markdown),
			.history_path = history,
			.keeps = !o->no_save,
			.session = session_of(o),
			.forks = o->fork != NULL,
		};

		result = talk_run(&setup, err);
		if (result < 0)
			gateway_explain(gateway, err);
	}
	mem_free(history);
	mem_free(indices);
	mem_free(systems);
	gateway_close(gateway);
	return result;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct chat_options *o = options;
	FILE *keyboard = isatty(STDOUT_FILENO) ? open_keyboard() : NULL;
	char *system = NULL;
	struct buf context, first;
	int result = -1;

	attach_init(&context);
	attach_init(&first);
	if (check_options(o, err) < 0)
		goto out;
	if (!keyboard) {
		err_set(err, E_usage, "", "chat needs a terminal; `spass ask` is for pipes");
		goto out;
	}
	if (o->system) {
		system = attach_text_or_file(o->system, err);
		if (!system)
			goto out;
	}
	if (attach_words(&first, argc, argv, err) < 0 || read_context(o, &context, err) < 0)
		goto out;
	result = talk(o, keyboard, system, first.len ? buf_str(&first) : NULL, buf_span(&context), err);
out:
	if (keyboard && keyboard != stdin)
		fclose(keyboard);
	buf_free(&context);
	buf_free(&first);
	mem_free(system);
	return result > 0 ? end_by(result) : result;
}

#define OWN(kind_, field, ...)                                                               \
	{                                                                                    \
		.kind = (kind_), .offset = offsetof(struct chat_options, field), __VA_ARGS__ \
	}

static const struct opt own[] = {
	OWN(OPT_TEXT, model, .name = "model", .letter = 'm', .argument = "MODEL",
	    .complete = OPT_CHAT_MODEL, .help = "Talk to this model; without it SPASS_MODEL, or the default"),
	OWN(OPT_TEXT, system, .name = "system", .argument = "TEXT",
	    .help = "What the model should keep to; @FILE reads it from a file"),
	OWN(OPT_TEXTS, files, .name = "file", .letter = 'f', .argument = "FILE",
	    .complete = OPT_FILE, .help = "Send a text file with the first message; may be repeated"),
	OWN(OPT_TEXT, rag, .name = "rag", .once = true, .argument = "INDEX",
	    .complete = OPT_INDEX,
	    .help = "Search this index for each message, and answer from what it holds; a conversation "
		    "that is gone on with keeps its own"),
	OWN(OPT_TEXT, filter, .name = "filter", .argument = "JSON",
	    .help = "With --rag: only documents whose metadata is so, as of `spass rag query`"),
	OWN(OPT_SWITCH, goes_on, .name = "continue", .letter = 'c',
	    .help = "Go on with the conversation that was used last"),
	OWN(OPT_TEXT, session, .name = "session", .letter = 's', .argument = "ID",
	    .complete = OPT_SESSION,
	    .help = "Go on with this one; a unique beginning of its id is enough"),
	OWN(OPT_TEXT, fork, .name = "fork", .argument = "ID", .implied = "@last",
	    .help = "Go on in a copy of it; without ID of the one of -s, or the last"),
	OWN(OPT_SWITCH, no_save, .name = "no-save", .help = "Keep nothing of what is said"),
	OWN(OPT_SWITCH, raw, .name = "raw", .help = "Show the Markdown as it is"),
	OWN(OPT_SWITCH, no_markdown, .name = "no-markdown", .help = "The same as --raw"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass chat", "Begin a conversation." },
	{ "spass chat -m llama3 \"hello\"", "With this model and this message." },
	{ "spass chat -c", "Go on where it was left." },
	{ "spass chat --rag docs", "About what `spass rag add docs` has put in." },
	{ "cat log.txt | spass chat", "What is piped in goes with the first message." },
	{ NULL, NULL },
};

const struct cmd cmd_chat = {
	.name = "chat",
	.summary = "Talk to a model in the terminal",
	.operands = "[PROMPT...]",
	.operands_max = -1,
	.flags = CMD_CLIENT | CMD_COLOR | CMD_VERBOSE,
	.options = own,
	.options_size = sizeof(struct chat_options),
	.text = "Answers are shown while they come, and the line below can be typed into.  Ctrl-C stops "
		"the answer, Ctrl-D ends; /help lists the commands of the conversation.\n"
		"What is said is kept by the gateway: `spass session list`.",
	.examples = examples,
	.run = run,
};
