/* cmd/cmd_help.c - spass help: the table of commands as text and as JSON, and the exit statuses. */
#include "cmd/cmd.h"

#include "common/base/mem.h"
#include "common/base/near.h"

#include <string.h>

const struct cmd_exit cmd_exits[] = {
	{ 0, "done" },
	{ 1, "failed: an error of the gateway or of the model that is not listed below" },
	{ 2, "usage: a wrong option, argument, request or configuration" },
	{ 3, "not found" },
	{ 4, "not allowed: credentials or permission" },
	{ 5, "not confirmed" },
	{ 6, "temporary: trying again later may help" },
	{ 7, "a limit is reached" },
	{ CMD_PARTIAL, "partial: some of several items failed" },
	{ 74, "the output could not be written" },
	{ 124, "the time given with --timeout has passed" },
	{ 130, "interrupted (SIGINT); 143 by SIGTERM, 129 by SIGHUP" },
	{ 141, "the reader of the output went away (SIGPIPE)" },
	{ 0, NULL },
};

static const char exit_topic[] = "exit-codes";

/* Of the manual, besides those of commands. */
static const struct {
	const char *name, *section;
} pages[] = {
	{ "spass.yaml", "5" },
	{ "spass-api", "7" },
	{ "spass-exit-codes", "7" },
};

static void add_usage(const struct cmd *c, struct buf *out)
{
	char path[CMD_PATH_SIZE];

	cmd_path(c, path);
	buf_printf(out, "spass %s [OPTION]...%s%s", path, c->operands ? " " : "",
		   c->operands ? c->operands : "");
}

static void add_row(const struct cmd *c, struct buf *out)
{
	char path[CMD_PATH_SIZE];

	cmd_path(c, path);
	buf_printf(out, "  %-16s %s\n", path, c->summary);
}

int cmd_help_program(struct buf *out)
{
	buf_add_str(out, "Usage: spass [OPTION]... COMMAND [OPTION]... [ARGUMENT]...\n\n"
			 "A gateway to language models, and its clients in the terminal.\n\n"
			 "Commands:\n");
	for (const struct cmd *const *c = cmd_table; *c; c++)
		add_row(*c, out);
	buf_printf(out,
		   "\n`spass help COMMAND` tells more; `spass help %s` lists the exit statuses.\n"
		   "Pages of the manual: spass(1), one of each command or group as in spass-session(1),\n",
		   exit_topic);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		buf_printf(out, "%s%s(%s)", i ? ", " : "", pages[i].name, pages[i].section);
	buf_add_str(out, ".\n");
	return buf_failed(out) ? -1 : 0;
}

int cmd_help_group(const char *group, struct buf *out)
{
	buf_printf(out, "Usage: spass %s COMMAND [OPTION]... [ARGUMENT]...\n\nCommands:\n", group);
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if ((*c)->group && !strcmp((*c)->group, group))
			add_row(*c, out);
	return buf_failed(out) ? -1 : 0;
}

int cmd_help_command(const struct cmd *c, struct buf *out)
{
	struct opt options[CMD_OPTIONS_MAX];

	buf_add_str(out, "Usage: ");
	add_usage(c, out);
	buf_printf(out, "\n\n%s.\n", c->summary);
	if (c->text) {
		buf_add_char(out, '\n');
		opt_help_text(c->text, 0, out);
	}
	buf_add_str(out, "\nOptions:\n");
	cmd_options(c, options);
	opt_help(options, out);
	if (c->examples && c->examples[0].line)
		buf_add_str(out, "\nExamples:\n");
	for (const struct cmd_example *e = c->examples; e && e->line; e++)
		buf_printf(out, "  %s\n      %s\n", e->line, e->what);
	return buf_failed(out) ? -1 : 0;
}

/* As JSON */

static const char *const kind_names[] = {
	[OPT_END] = "",        [OPT_SWITCH] = "switch", [OPT_TEXT] = "text",
	[OPT_TEXTS] = "texts", [OPT_INT] = "number",    [OPT_DURATION] = "duration",
	[OPT_COUNT] = "count", [OPT_CHOICE] = "choice",
};

static json_t *words_json(const char *words)
{
	struct span rest = span_str(words);
	json_t *array = json_array();

	while (rest.ptr) {
		struct span word = span_cut(&rest, '|');

		json_array_append_new(array, json_stringn(word.ptr, word.len));
	}
	return array;
}

static json_t *option_json(const struct opt *row)
{
	char letter[2] = { row->letter, '\0' };
	json_t *o = json_pack("{s:s,s:s,s:s}", "name", row->name, "kind", kind_names[row->kind],
			      "help", row->help);

	if (row->letter)
		json_object_set_new(o, "letter", json_string(letter));
	if (row->argument)
		json_object_set_new(o, "argument", json_string(row->argument));
	if (row->choices)
		json_object_set_new(o, "choices", words_json(row->choices));
	return o;
}

static json_t *command_json(const struct cmd *c)
{
	struct opt options[CMD_OPTIONS_MAX];
	json_t *list = json_array(), *examples = json_array(), *o;
	char path[CMD_PATH_SIZE];
	struct buf usage;

	buf_init(&usage, CMD_OUTPUT_MAX);
	add_usage(c, &usage);
	cmd_path(c, path);
	cmd_options(c, options);
	for (const struct opt *row = options; row->kind != OPT_END; row++)
		json_array_append_new(list, option_json(row));
	for (const struct cmd_example *e = c->examples; e && e->line; e++)
		json_array_append_new(examples,
				      json_pack("{s:s,s:s}", "line", e->line, "what", e->what));
	o = json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", path, "summary", c->summary, "usage",
		      buf_str(&usage), "options", list, "examples", examples);
	if (c->choices)
		json_object_set_new(o, "choices", words_json(c->choices));
	buf_free(&usage);
	return o;
}

static json_t *exits_json(void)
{
	json_t *list = json_array();

	for (const struct cmd_exit *e = cmd_exits; e->meaning; e++) {
		json_t *codes = json_array();

		for (int code = E_none + 1; code < ERR_CODE_COUNT; code++)
			if (err_info((enum err_code)code)->exit == e->status)
				json_array_append_new(
					codes, json_string(err_info((enum err_code)code)->code));
		json_array_append_new(list, json_pack("{s:i,s:s,s:o}", "status", e->status,
						      "meaning", e->meaning, "codes", codes));
	}
	return list;
}

/* The table as JSON; the caller owns it. */
static json_t *cmd_help_json(void)
{
	json_t *commands = json_array();

	for (const struct cmd *const *c = cmd_table; *c; c++)
		json_array_append_new(commands, command_json(*c));
	return json_pack("{s:i,s:s,s:s,s:o,s:o}", "schema_version", 1, "program", "spass",
			 "version", SPASS_VERSION, "commands", commands, "exit_statuses",
			 exits_json());
}

/* The codes of one status, broken into lines. */
static void add_codes(int status, struct buf *out)
{
	size_t column = 0;

	for (int code = E_none + 1; code < ERR_CODE_COUNT; code++) {
		const struct err_info *info = err_info((enum err_code)code);
		size_t len = strlen(info->code) + 1;

		if (info->exit != status)
			continue;
		if (!column || column + len > 70) {
			buf_printf(out, "%s      ", column ? "\n" : "");
			column = 0;
		}
		column += len;
		buf_printf(out, " %s", info->code);
	}
	if (column)
		buf_add_char(out, '\n');
}

static void add_exits(struct buf *out)
{
	buf_add_str(out, "Exit statuses, and the errors that end with them:\n\n");
	for (const struct cmd_exit *e = cmd_exits; e->meaning; e++) {
		buf_printf(out, "%5d  %s\n", e->status, e->meaning);
		add_codes(e->status, out);
	}
}

static int unknown_topic(int argc, char **argv, struct err *err)
{
	char path[CMD_PATH_SIZE];
	const struct cmd *c = cmd_find(NULL, argv[0]);
	struct near near;

	if (argc == 2 && cmd_is_group(argv[0]))
		return cmd_unknown(argv[0], argv[1], err);
	if (c) {
		cmd_path(c, path);
		return err_set(err, E_usage, "", "spass %s has no part \"%.64s\"", path, argv[1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (strcmp(argv[0], pages[i].name) == 0)
			return err_set(err, E_usage, "", "\"%s\" is a page of the manual: `man %s %s` shows it",
				       pages[i].name, pages[i].section, pages[i].name);
	near_init(&near, span_str(argv[0]));
	near_offer(&near, exit_topic);
	if (!near_best(&near))
		return cmd_unknown(NULL, argv[0], err);
	err_set(err, E_usage, "", "there is no topic \"%.64s\"", argv[0]);
	return near_suggest(&near, err);
}

static int help_about(int argc, char **argv, struct buf *out, struct err *err)
{
	const struct cmd *c = argc == 2   ? cmd_find(argv[0], argv[1])
			      : argc == 1 ? cmd_find(NULL, argv[0])
					  : NULL;

	if (c)
		return cmd_help_command(c, out);
	if (argc == 0)
		return cmd_help_program(out);
	if (argc == 1 && cmd_is_group(argv[0]))
		return cmd_help_group(argv[0], out);
	if (argc == 1 && !strcmp(argv[0], exit_topic)) {
		add_exits(out);
		return 0;
	}
	return unknown_topic(argc, argv, err);
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct buf out;
	int result;

	if (g->json) {
		cmd_print_json_take(cmd_help_json());
		return 0;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	result = help_about(argc, argv, &out, err);
	if (result == 0)
		cmd_print(&out);
	buf_free(&out);
	return result;
}

static const struct cmd_example examples[] = {
	{ "spass help config check", "The usage of one command." },
	{ "spass help exit-codes", "What each exit status means." },
	{ "spass help --json", "All commands and options, for programs." },
	{ NULL, NULL },
};

const struct cmd cmd_help = {
	.name = "help",
	.summary = "Show help for a command or a topic",
	.operands = "[COMMAND]",
	.operands_max = 2,
	.complete = OPT_ANY,
	.flags = CMD_JSON,
	.examples = examples,
	.run = run,
};
