/* cmd/cmd_session_change.c - spass session rename, fork, import, delete. */
#include "cmd/cmd.h"
#include "cmd/session.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tui/attach.h"
#include "tui/models.h"
#include "tui/sessions.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IMPORT_MAX = 64 * 1024 * 1024 };

struct fork_options {
	struct cmd_globals globals;
	const char *at, *title;
};

struct delete_options {
	struct cmd_globals globals;
	bool yes;
};

/* Rename */

static int run_rename(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct gateway_link link;
	json_t *row = NULL;
	struct buf title;
	char *id = NULL;

	attach_init(&title);
	if (session_link_open(&link, g, err) == 0 && (id = sessions_find(link.wire, argv[0], err)) &&
	    attach_words(&title, argc - 1, argv + 1, err) == 0)
		row = sessions_rename(link.wire, id, buf_str(&title), err);
	gateway_link_close(&link, err);
	buf_free(&title);
	mem_free(id);
	if (!row)
		return -1;
	session_print_row_take(g, row);
	return 0;
}

/* Fork */

/* The message to fork at, as the gateway names it: --at has its id or the number of a turn. */
static int find_at(struct gateway_link *l, const char *id, const char *at, char **message, struct err *err)
{
	json_t *root;
	const char *end;
	int64_t turn = -1;

	/* No id of a message is made of digits alone. */
	if (!at || strspn(at, "-0123456789") != strlen(at)) {
		*message = at ? mem_strdup(at) : NULL;
		return 0;
	}
	root = sessions_get(l->wire, id, err);
	if (!root)
		return -1;
	(void)span_to_int(span_str(at), 0, INT32_MAX, &turn);
	end = sessions_turn_end(root, turn);
	if (end)
		*message = mem_strdup(end);
	else
		err_set(err, E_usage, "at", "there is no turn %s; the conversation has %lld turn%s", at,
			(long long)sessions_turns(root), sessions_turns(root) == 1 ? "" : "s");
	json_decref(root);
	return end ? 0 : -1;
}

static int run_fork(const void *options, int argc, char **argv, struct err *err)
{
	const struct fork_options *o = options;
	char *id = NULL, *message = NULL;
	struct gateway_link link;
	json_t *row = NULL;

	(void)argc;
	if (session_link_open(&link, &o->globals, err) == 0 && (id = sessions_find(link.wire, argv[0], err)) &&
	    find_at(&link, id, o->at, &message, err) == 0)
		row = sessions_fork(link.wire, id, message, o->title, err);
	gateway_link_close(&link, err);
	mem_free(message);
	mem_free(id);
	if (!row)
		return -1;
	session_print_row_take(&o->globals, row);
	return 0;
}

/* Import */

static int read_document(const char *path, struct buf *document, struct err *err)
{
	char piece[16 * 1024];
	ssize_t got;

	if (strcmp(path, "-") != 0) {
		if (file_read(path, document, err) == 0)
			return 0;
		if (err->code == E_storage_error)
			err->code = E_usage;
		return -1;
	}
	while ((got = read(STDIN_FILENO, piece, sizeof piece)) > 0)
		if (buf_add(document, piece, (size_t)got) < 0)
			return err_set(err, E_too_large, "", "standard input has more than %d bytes", IMPORT_MAX);
	return got < 0 ? err_set(err, E_usage, "", "standard input cannot be read") : 0;
}

static int run_import(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct gateway_link link;
	json_t *row = NULL;
	struct buf document;

	(void)argc;
	buf_init(&document, IMPORT_MAX);
	if (read_document(argv[0], &document, err) < 0) {
		buf_free(&document);
		return -1;
	}
	if (!span_starts(span_trim(buf_span(&document)), "{")) {
		buf_free(&document);
		return err_set(err, E_invalid_json, "file",
			       "%s is not a conversation as `spass session export` writes it in JSON; Markdown "
			       "and HTML cannot be imported", argv[0]);
	}
	if (session_link_open(&link, g, err) == 0)
		row = sessions_import(link.wire, buf_span(&document), err);
	gateway_link_close(&link, err);
	buf_free(&document);
	if (!row)
		return -1;
	session_print_row_take(g, row);
	return 0;
}

/* Delete */

static int confirm(struct gateway_link *l, char **ids, int count, struct err *err)
{
	if (!cmd_can_ask())
		return err_set(err, E_not_confirmed, "yes",
			       "deleting %d conversation%s needs --yes where there is no terminal to ask on", count,
			       count == 1 ? "" : "s");
	for (int i = 0; i < count; i++) {
		json_t *root = sessions_get(l->wire, ids[i], err);

		if (!root)
			return -1;
		cmd_warn("%s  %s  (%lld messages, of user %s)", models_text(root, "id"),
			 models_text(root, "title"),
			 (long long)json_integer_value(json_object_get(root, "message_count")),
			 models_text(root, "user_id"));
		json_decref(root);
	}
	err_set(err, E_not_confirmed, "yes", "nothing was deleted");
	return cmd_confirm(err, "Delete %s for good?",
			   count == 1 ? "this conversation" : "these conversations");
}

/* How many could not be; the last error is left in err. */
static int delete_all(const struct cmd_globals *g, struct gateway_link *l, char **ids, int count,
		      json_t *deleted, struct err *err)
{
	int failures = 0;

	for (int i = 0; i < count; i++) {
		struct err fault = ERR_INIT;

		if (sessions_delete(l->wire, ids[i], &fault) == 0) {
			json_array_append_new(deleted, json_string(ids[i]));
			continue;
		}
		failures++;
		if (count > 1)
			cmd_notice(g, "spass: %s: %s: %s", err_info(fault.code)->code, ids[i], fault.message);
		*err = fault;
	}
	return failures;
}

static int report(const struct cmd_globals *g, json_t *deleted, int failures, int count, struct err *err)
{
	json_t *id;
	size_t i;

	if (failures == count)
		return -1;
	if (g->json)
		cmd_print_json_take(json_pack("{s:i,s:O}", "schema_version", 1, "deleted", deleted));
	else
		json_array_foreach(deleted, i, id) puts(json_string_value(id));
	*err = (struct err)ERR_INIT;
	return failures ? CMD_PARTIAL : 0;
}

static int run_delete(const void *options, int argc, char **argv, struct err *err)
{
	const struct delete_options *o = options;
	char **ids = mem_calloc((size_t)argc, sizeof *ids);
	json_t *deleted = json_array();
	struct gateway_link link;
	int result = -1, found = 0, failures = 0;

	/* Places in the list move with each deletion: all are looked up first. */
	if (session_link_open(&link, &o->globals, err) == 0)
		while (found < argc && (ids[found] = sessions_find(link.wire, argv[found], err)))
			found++;
	if (found == argc)
		result = o->yes ? 0 : confirm(&link, ids, argc, err);
	if (result == 0)
		failures = delete_all(&o->globals, &link, ids, argc, deleted, err);
	gateway_link_close(&link, err);
	if (result == 0)
		result = report(&o->globals, deleted, failures, argc, err);
	for (int i = 0; i < argc; i++)
		mem_free(ids[i]);
	mem_free(ids);
	json_decref(deleted);
	return result;
}

static const struct cmd_example rename_examples[] = {
	{ "spass session rename @last \"Rivers of the world\"", "Another title." },
	{ NULL, NULL },
};

const struct cmd cmd_session_rename = {
	.group = "session",
	.name = "rename",
	.summary = "Give a conversation another title",
	.operands = "ID TITLE...",
	.operands_min = 2,
	.operands_max = -1,
	.complete = OPT_SESSION,
	.flags = SESSION_FLAGS,
	.examples = rename_examples,
	.run = run_rename,
};

static const struct opt fork_own[] = {
	{ .kind = OPT_TEXT, .name = "at", .argument = "TURN",
	  .help = "Only up to this turn, by its number; or up to a message, by its id",
	  .offset = offsetof(struct fork_options, at) },
	{ .kind = OPT_TEXT, .name = "title", .argument = "TEXT", .help = "The title of the copy",
	  .offset = offsetof(struct fork_options, title) },
	{ .kind = OPT_END },
};

static const struct cmd_example fork_examples[] = {
	{ "spass session fork @last --at 3 --title \"the other way\"", "A copy of the first three turns." },
	{ "spass chat -s $(spass session fork 01kb4x)", "And on in it." },
	{ NULL, NULL },
};

const struct cmd cmd_session_fork = {
	.group = "session",
	.name = "fork",
	.summary = "Copy a conversation, to go on another way",
	.operands = "ID",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_SESSION,
	.flags = SESSION_FLAGS,
	.options = fork_own,
	.options_size = sizeof(struct fork_options),
	.text = "A turn is a message of yours with what answers it; `spass session show` numbers them.",
	.examples = fork_examples,
	.run = run_fork,
};

static const struct cmd_example import_examples[] = {
	{ "spass session import talk.json", "What `spass session export` wrote." },
	{ NULL, NULL },
};

const struct cmd cmd_session_import = {
	.group = "session",
	.name = "import",
	.summary = "Keep a conversation that was exported as JSON",
	.operands = "FILE",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_FILE,
	.flags = SESSION_FLAGS,
	.text = "FILE - is standard input.",
	.examples = import_examples,
	.run = run_import,
};

static const struct opt delete_own[] = {
	{ .kind = OPT_SWITCH, .name = "yes", .letter = 'y', .help = "Do not ask",
	  .offset = offsetof(struct delete_options, yes) },
	{ .kind = OPT_END },
};

static const struct cmd_example delete_examples[] = {
	{ "spass session delete @last", "After a question." },
	{ "spass session delete --yes 01kb4x 01kb53", "Without one." },
	{ NULL, NULL },
};

const struct cmd cmd_session_delete = {
	.group = "session",
	.name = "delete",
	.summary = "Remove conversations for good",
	.operands = "ID...",
	.operands_min = 1,
	.operands_max = -1,
	.complete = OPT_SESSION,
	.flags = SESSION_FLAGS,
	.options = delete_own,
	.options_size = sizeof(struct delete_options),
	.text = "Forks of what is removed stay.",
	.examples = delete_examples,
	.run = run_delete,
};
