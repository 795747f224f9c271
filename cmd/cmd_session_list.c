/* cmd/cmd_session_list.c - spass session list, search: tables of conversations. */
#include "cmd/cmd.h"
#include "cmd/grid.h"
#include "cmd/session.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tui/attach.h"
#include "tui/models.h"
#include "tui/sessions.h"
#include "tui/width.h"

#include <string.h>
#include <unistd.h>

enum { COLUMNS = 6, GAPS = 2 * (COLUMNS - 1), TITLE_MIN = 16, LIMIT_OTHERWISE = 20 };

/* What is told beside the rest: @N, which counts those of one user, or whose each is. */
enum beside { BESIDE_NONE, BESIDE_PLACE, BESIDE_USER };

struct list_options {
	struct cmd_globals globals;
	int64_t limit; /* 0: not given */
	bool all, all_users;
};

/* The columns before the last, as they are shown. */
struct row_texts {
	char place[24], used[SESSIONS_TIME_SIZE], count[24];
	const char *id, *user, *model;
	int id_width;
};

static struct row_texts texts_of(const json_t *item, size_t place, size_t id_width, int64_t now_ms)
{
	struct row_texts t = {
		.id = sessions_bare_id(models_text(item, "id")),
		.user = models_text(item, "user_id"),
		.model = models_text(item, "model"),
		.id_width = (int)id_width,
	};

	snprintf(t.place, sizeof t.place, "@%zu", place + 1);
	snprintf(t.count, sizeof t.count, "%lld",
		 (long long)json_integer_value(json_object_get(item, "message_count")));
	sessions_ago(json_integer_value(json_object_get(item, "last_used_at")), now_ms, t.used);
	return t;
}

static size_t longer(size_t a, const char *text)
{
	size_t width = width_text(span_str(text));

	return width > a ? width : a;
}

/* What the other columns leave for the title. */
static size_t title_columns(const json_t *items, size_t id_width, size_t columns, enum beside with,
			    int64_t now_ms)
{
	size_t beside = with == BESIDE_USER ? strlen("USER") : 0, used = strlen("USED");
	size_t count = strlen("MESSAGES"), model = strlen("MODEL"), i;
	json_t *item;

	if (!columns)
		return 0;
	json_array_foreach(items, i, item)
	{
		struct row_texts t = texts_of(item, i, id_width, now_ms);

		beside = longer(beside, with == BESIDE_USER ? t.user : t.place);
		used = longer(used, t.used);
		count = longer(count, t.count);
		model = longer(model, t.model);
	}
	size_t taken = beside + id_width + used + count + model + GAPS;

	return columns > taken + TITLE_MIN ? columns - taken : TITLE_MIN;
}

/* A find is told by where it was found, too. */
static char *title_of(const json_t *item, size_t columns)
{
	const char *snippet = models_text(item, "snippet");
	char *both = *snippet ? mem_printf("%s: %s", models_text(item, "title"), snippet) :
				mem_strdup(models_text(item, "title"));
	char *fitted;

	for (char *at = both; *at; at++)
		if (*at == '\n' || *at == '\t' || *at == '\r')
			*at = ' ';
	fitted = grid_fit_text(both, columns);
	mem_free(both);
	return fitted;
}

static void print_table(const struct cmd_globals *g, const json_t *items, size_t columns, enum beside with)
{
	static const char *const heads[] = {
		[BESIDE_NONE] = "ID|USED|MESSAGES|MODEL|TITLE",
		[BESIDE_PLACE] = "|ID|USED|MESSAGES|MODEL|TITLE",
		[BESIDE_USER] = "ID|USER|USED|MESSAGES|MODEL|TITLE",
	};
	size_t id_width = sessions_id_width(items), room, i;
	int64_t now_ms = clock_wall_ms();
	struct grid grid;
	json_t *item;

	room = title_columns(items, id_width, columns, with, now_ms);
	grid_init(&grid, with == BESIDE_NONE ? COLUMNS - 1 : COLUMNS, cmd_color(g, stdout));
	grid_head(&grid, heads[with]);
	json_array_foreach(items, i, item)
	{
		struct row_texts t = texts_of(item, i, id_width, now_ms);
		char *title = title_of(item, room);

		if (with == BESIDE_PLACE)
			grid_add(&grid, t.place, GRID_DIM);
		grid_addf(&grid, GRID_PLAIN, "%.*s", t.id_width, t.id);
		if (with == BESIDE_USER)
			grid_add(&grid, t.user, GRID_PLAIN);
		grid_add(&grid, t.used, GRID_PLAIN);
		grid_add(&grid, t.count, GRID_PLAIN);
		grid_add(&grid, t.model, GRID_PLAIN);
		grid_add(&grid, title, GRID_PLAIN);
		mem_free(title);
	}
	grid_show(&grid);
}

/* For programs: whole values, a tab between two, no head. */
static void print_lines(const json_t *items, bool users)
{
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		char *title = title_of(item, 0), used[CLOCK_ISO_SIZE];

		clock_iso(json_integer_value(json_object_get(item, "last_used_at")), used);
		printf("%s\t%s%s%s\t%lld\t%s\t%s\n", models_text(item, "id"),
		       users ? models_text(item, "user_id") : "", users ? "\t" : "", used,
		       (long long)json_integer_value(json_object_get(item, "message_count")),
		       models_text(item, "model"), title);
		mem_free(title);
	}
}

static void print_items(const struct cmd_globals *g, const json_t *list, enum beside with, const char *none)
{
	json_t *items = json_object_get(list, "items");
	size_t count = json_array_size(items), columns = grid_columns();
	long long total = (long long)json_integer_value(json_object_get(list, "total"));

	if (!columns)
		print_lines(items, with == BESIDE_USER);
	else if (count)
		print_table(g, items, columns, with);
	if (!count && (columns || isatty(STDERR_FILENO)))
		cmd_notice(g, "%s", none);
	else if (total > (long long)count)
		cmd_notice(g, "%lld of %lld; --all lists them", (long long)count, total);
}

static int open_link(struct gateway_link *l, const struct list_options *o, struct err *err)
{
	if (!o->all_users)
		return session_link_open(l, &o->globals, err);
	*l = (struct gateway_link){ .gateway = NULL };
	if (o->globals.user)
		return err_set(err, E_usage, "all-users", "--user and --all-users exclude each other");
	if (gateway_link_open(l, &o->globals, err) < 0)
		return -1;
	wire_name_nobody(l->wire);
	return 0;
}

/* The gateway misses a user; who asked for all of them must be told why it does. */
static void explain_all_users(struct err *err)
{
	if (err->code == E_missing_field && strcmp(err->param, "headers.spass-user-id") == 0)
		err_set(err, E_insufficient_scope, "all-users",
			"what all users said is read with the token of an administrator");
}

static int run_query(const struct list_options *o, const char *words, struct err *err)
{
	struct sessions_query query = { .words = words,
					.limit = o->all ? 0 : o->limit ? o->limit : LIMIT_OTHERWISE };
	struct gateway_link link;
	json_t *list = NULL;

	if (open_link(&link, o, err) == 0)
		list = sessions_list(link.wire, &query, err);
	if (!list && o->all_users)
		explain_all_users(err);
	gateway_link_close(&link, err);
	if (!list)
		return -1;
	if (o->globals.json) {
		cmd_print_document_take(list);
		return 0;
	}
	print_items(&o->globals, list, o->all_users ? BESIDE_USER : words ? BESIDE_NONE : BESIDE_PLACE,
		    words ? "nothing was found" : "no conversation is kept yet; `spass chat` begins one");
	json_decref(list);
	return 0;
}

static int run_list(const void *options, int argc, char **argv, struct err *err)
{
	(void)argc, (void)argv;
	return run_query(options, NULL, err);
}

static int run_search(const void *options, int argc, char **argv, struct err *err)
{
	struct buf words;
	int result = -1;

	attach_init(&words);
	if (attach_words(&words, argc, argv, err) == 0)
		result = run_query(options, buf_str(&words), err);
	buf_free(&words);
	return result;
}

#define OWN(kind_, field, ...)                                                               \
	{                                                                                    \
		.kind = (kind_), .offset = offsetof(struct list_options, field), __VA_ARGS__ \
	}

static const struct opt own[] = {
	OWN(OPT_INT, limit, .name = "limit", .letter = 'n', .argument = "NUMBER", .min = 1,
	    .max = SESSIONS_ALL_MAX, .help = "How many, 20 unless told"),
	OWN(OPT_SWITCH, all, .name = "all", .letter = 'a', .help = "All of them"),
	OWN(OPT_SWITCH, all_users, .name = "all-users",
	    .help = "Of all users, with whose each is; for administrators"),
	{ .kind = OPT_END },
};

static const struct cmd_example list_examples[] = {
	{ "spass session list", "The last 20 conversations, the last used first." },
	{ "spass session list -a | cut -f1", "The ids of all." },
	{ NULL, NULL },
};

const struct cmd cmd_session_list = {
	.group = "session",
	.name = "list",
	.summary = "List the conversations that are kept",
	.flags = SESSION_FLAGS,
	.options = own,
	.options_size = sizeof(struct list_options),
	.text = "In a pipe each line is an id, the time of its last use, the count of its messages, its "
		"model and its title, with tabs between them; with --all-users the user follows the id.",
	.examples = list_examples,
	.run = run_list,
};

static const struct cmd_example search_examples[] = {
	{ "spass session search otter river", "Where both words stand in one message." },
	{ "spass session search '\"lock ordering\"'", "Where they stand next to each other." },
	{ NULL, NULL },
};

const struct cmd cmd_session_search = {
	.group = "session",
	.name = "search",
	.summary = "Find conversations by what was said",
	.operands = "WORD...",
	.operands_min = 1,
	.operands_max = -1,
	.flags = SESSION_FLAGS,
	.options = own,
	.options_size = sizeof(struct list_options),
	.examples = search_examples,
	.run = run_search,
};
