/* cmd/cmd_session_show.c - spass session show, export: one conversation, for people and as a file. */
#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/session.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"
#include "tui/sessions.h"
#include "tui/transcript.h"

#include <string.h>
#include <unistd.h>

struct show_options {
	struct cmd_globals globals;
	int64_t last; /* turns; 0: all */
	bool raw;
};

struct export_options {
	struct cmd_globals globals;
	const char *format, *output;
};

/* Show */

static void print_head(struct page *page, const json_t *root)
{
	const char *parent = models_text(root, "parent_id");
	char *line = mem_printf("%s  %s%s%s", models_text(root, "id"), models_text(root, "model"),
				*parent ? "  forked from " : "", parent);

	page_note(page, STYLE_BOLD | STYLE_HEADING, span_str(models_text(root, "title")));
	page_note(page, STYLE_DIM, span_str(line));
	page_note(page, 0, SPAN_LIT(""));
	mem_free(line);
}

static void print_conversation(const struct show_options *o, const json_t *root)
{
	bool is_terminal = isatty(STDOUT_FILENO);
	struct page_setup setup = asking_page(cmd_color(&o->globals, stdout), is_terminal && !o->raw);
	int64_t turns = sessions_turns(root), from = o->last && o->last < turns ? turns - o->last + 1 : 0;
	struct buf lines;
	struct page *page;

	if (!is_terminal)
		setup.columns = 0;
	buf_init(&lines, CMD_OUTPUT_MAX);
	page = page_new(&setup, &lines);
	print_head(page, root);
	transcript_show(page, root, from, true, clock_wall_ms());
	cmd_print(&lines);
	page_free(page);
	buf_free(&lines);
}

/* As the gateway gives it, without the messages of earlier turns. */
static void keep_last(json_t *root, int64_t last)
{
	json_t *messages = json_object_get(root, "messages"), *kept = json_array(), *message;
	int64_t from = sessions_turns(root) - last + 1, turn = 0;
	size_t i;

	json_array_foreach(messages, i, message)
	{
		turn += !strcmp(models_text(message, "role"), "user");
		if (turn >= from)
			json_array_append(kept, message);
	}
	json_object_set_new(root, "messages", kept);
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct show_options *o = options;
	struct gateway_link link;
	json_t *root = NULL;

	(void)argc;
	if (session_link_open(&link, &o->globals, err) == 0)
		root = session_get(&link, argv[0], err);
	gateway_link_close(&link, err);
	if (!root)
		return -1;
	if (o->globals.json) {
		if (o->last)
			keep_last(root, o->last);
		cmd_print_document_take(root);
		return 0;
	}
	print_conversation(o, root);
	json_decref(root);
	return 0;
}

/* Export */

static const struct ending {
	const char *name, *format;
} endings[] = {
	{ "json", "json" }, { "md", "md" }, { "markdown", "md" }, { "html", "html" }, { "htm", "html" },
};

/* What follows the last dot of the file's name; NULL when there is none. */
static const char *ending_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot && dot > name ? dot + 1 : NULL;
}

/* That of --format, else what the name of the file says, else JSON, which can be imported. */
static const char *format_of(const struct export_options *o, struct err *err)
{
	const char *ending = o->output ? ending_of(o->output) : NULL;

	if (o->format)
		return o->format;
	if (!ending)
		return "json";
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (strcmp(endings[i].name, ending) == 0)
			return endings[i].format;
	err_set(err, E_usage, "output",
		"%s: the formats are json, md and html; --format says which one this file gets", o->output);
	return NULL;
}

static int write_export(const struct export_options *o, const struct buf *document, struct err *err)
{
	struct buf safe;

	if ((o->output && strcmp(o->output, "-") != 0) || !isatty(STDOUT_FILENO))
		return output_write(o->output, buf_span(document), err);
	/* No text of a model reaches the controls of a terminal. */
	buf_init(&safe, (size_t)4 * CMD_OUTPUT_MAX);
	utf8_add_harmless(&safe, buf_span(document));
	cmd_print(&safe);
	buf_free(&safe);
	return 0;
}

static int run_export(const void *options, int argc, char **argv, struct err *err)
{
	const struct export_options *o = options;
	const char *format = format_of(o, err);
	struct gateway_link link;
	struct buf document;
	char *id = NULL;
	int result = -1;

	(void)argc;
	if (!format)
		return -1;
	buf_init(&document, CMD_OUTPUT_MAX);
	if (session_link_open(&link, &o->globals, err) == 0 && (id = sessions_find(link.wire, argv[0], err)))
		result = sessions_export(link.wire, id, format, &document, err);
	gateway_link_close(&link, err);
	if (result == 0 && !strcmp(format, "json"))
		buf_add_char(&document, '\n');
	if (result == 0)
		result = write_export(o, &document, err);
	if (result == 0 && o->output && strcmp(o->output, "-") != 0)
		cmd_notice(&o->globals, "Wrote %s, %zu bytes.", o->output, document.len);
	buf_free(&document);
	mem_free(id);
	return result;
}

static const struct opt show_own[] = {
	{ .kind = OPT_INT, .name = "last", .letter = 'n', .argument = "NUMBER", .min = 1, .max = INT32_MAX,
	  .help = "Only so many turns, the last", .offset = offsetof(struct show_options, last) },
	{ .kind = OPT_SWITCH, .name = "raw", .help = "On a terminal: the Markdown as it is",
	  .offset = offsetof(struct show_options, raw) },
	{ .kind = OPT_END },
};

static const struct cmd_example show_examples[] = {
	{ "spass session show @last", "The conversation that was used last." },
	{ "spass session show 01kb4x -n 2", "The last two turns of the one whose id begins so." },
	{ NULL, NULL },
};

const struct cmd cmd_session_show = {
	.group = "session",
	.name = "show",
	.summary = "Show a conversation",
	.operands = "ID",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_SESSION,
	.flags = SESSION_FLAGS,
	.options = show_own,
	.options_size = sizeof(struct show_options),
	.text = "ID is an id, a beginning of one that no other has, @last, or @N: the Nth of the list.",
	.examples = show_examples,
	.run = run_show,
};

static const struct opt export_own[] = {
	{ .kind = OPT_CHOICE, .name = "format", .argument = "FORMAT", .choices = "json|md|html",
	  .help = "json, md or html; without it by the name of the file, else json",
	  .offset = offsetof(struct export_options, format) },
	{ .kind = OPT_TEXT, .name = "output", .letter = 'o', .argument = "FILE", .complete = OPT_FILE,
	  .help = "Write to this file", .offset = offsetof(struct export_options, output) },
	{ .kind = OPT_END },
};

static const struct cmd_example export_examples[] = {
	{ "spass session export @last -o talk.md", "As Markdown." },
	{ "spass session export @1 | ssh host spass session import -", "To another machine." },
	{ NULL, NULL },
};

const struct cmd cmd_session_export = {
	.group = "session",
	.name = "export",
	.summary = "Write a conversation as JSON, Markdown or HTML",
	.operands = "ID",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_SESSION,
	.flags = CMD_CLIENT | CMD_VERBOSE,
	.options = export_own,
	.options_size = sizeof(struct export_options),
	.examples = export_examples,
	.run = run_export,
};
