/* cmd/cmd_tenant_config.c - spass tenant config get, set, unset, list, diff. */
#include "cmd/cmd.h"
#include "cmd/grid.h"
#include "cmd/tenant.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/tenant/setting.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_COLUMNS = 60 };

static const char config_path[] = "/v1/tenant/config";

struct config_options {
	struct cmd_globals globals;
	bool show_origin, all;
};

/* Answers */

/* A text as it is, anything else as JSON; the caller frees. */
static char *value_text(const json_t *value)
{
	char *text, *own;

	if (json_is_string(value))
		return mem_strdup(json_string_value(value));
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	own = mem_strdup(text ? text : "");
	free(text);
	return own;
}

/* "yaml", "db by acme-admin, 2026-11-21T12:00:00Z". */
static char *origin_text(const json_t *entry)
{
	const char *by = models_text(entry, "updated_by");
	char when[CLOCK_ISO_SIZE];

	if (!*by)
		return mem_strdup(models_text(entry, "source"));
	clock_iso(json_integer_value(json_object_get(entry, "updated_at")), when);
	return mem_printf("%s by %s, %s", models_text(entry, "source"), by, when);
}

static void add_take(struct grid *grid, char *text, enum grid_style style)
{
	grid_add(grid, *text ? text : "\"\"", style);
	mem_free(text);
}

static bool is_default(const json_t *entry)
{
	return json_equal(json_object_get(entry, "value"), json_object_get(entry, "default"));
}

/* Nobody shall wonder why a setting changes nothing. */
static void add_setting(struct grid *grid, const char *key, const json_t *entry)
{
	bool is_reserved = json_is_true(json_object_get(entry, "reserved"));

	add_take(grid, mem_printf("%s%s", key, is_reserved ? " (not used yet)" : ""), GRID_PLAIN);
}

/* On a terminal a list of hundreds of characters would bury the rest; `get` has all of it. */
static char *short_text(const json_t *value)
{
	char *all = value_text(value);
	char *text = grid_fit_text(all, grid_columns() ? VALUE_COLUMNS : 0);

	mem_free(all);
	return text;
}

static void print_list(const struct config_options *o, json_t *config)
{
	const char *key;
	struct grid grid;
	json_t *entry;

	grid_init(&grid, o->show_origin ? 4 : 2, cmd_color(&o->globals, stdout));
	grid_head(&grid, o->show_origin ? "SETTING|GROUP|ORIGIN|VALUE" : "SETTING|VALUE");
	json_object_foreach(config, key, entry)
	{
		enum grid_style style = is_default(entry) ? GRID_DIM : GRID_PLAIN;

		add_setting(&grid, key, entry);
		if (o->show_origin) {
			grid_add(&grid, models_text(entry, "group"), GRID_PLAIN);
			add_take(&grid, origin_text(entry), GRID_PLAIN);
		}
		add_take(&grid, short_text(json_object_get(entry, "value")), style);
	}
	grid_fit(&grid, grid.columns - 1, grid_columns());
	grid_show(&grid);
}

static void print_diff(const struct config_options *o, json_t *config)
{
	const char *key;
	struct grid grid;
	json_t *entry;

	if (!json_object_size(config)) {
		cmd_notice(&o->globals, "every setting has its default");
		return;
	}
	grid_init(&grid, 4, cmd_color(&o->globals, stdout));
	grid_head(&grid, "SETTING|ORIGIN|DEFAULT|VALUE");
	json_object_foreach(config, key, entry)
	{
		add_setting(&grid, key, entry);
		if (o->show_origin)
			add_take(&grid, origin_text(entry), GRID_PLAIN);
		else
			grid_add(&grid, models_text(entry, "source"), GRID_PLAIN);
		add_take(&grid, value_text(json_object_get(entry, "default")), GRID_DIM);
		add_take(&grid, value_text(json_object_get(entry, "value")), GRID_PLAIN);
	}
	grid_show(&grid);
}

static void print_one(const struct config_options *o, const json_t *entry)
{
	char *value = value_text(json_object_get(entry, "value"));
	struct buf out;

	buf_init(&out, CMD_OUTPUT_MAX);
	if (o->show_origin) {
		char *origin = origin_text(entry);

		buf_printf(&out, "%s\t", origin);
		mem_free(origin);
	}
	buf_printf(&out, "%s\n", value);
	cmd_print(&out);
	buf_free(&out);
	mem_free(value);
}

/* Questions */

static bool is_answer(const json_t *answer, struct err *err)
{
	if (json_is_object(json_object_get(answer, "config")))
		return true;
	err_set(err, E_upstream_error, "", "the gateway's answer has no settings");
	return false;
}

/* key NULL: all.  The caller owns the answer, which has "config". */
static json_t *ask(const struct config_options *o, const char *method, const char *key, json_t *body,
		   struct err *err)
{
	char *path = key ? mem_printf("%s/%s", config_path, key) : mem_strdup(config_path);
	const struct tenant_request request = {
		.method = method, .path = path, .body = body
	};
	json_t *answer = tenant_ask(&o->globals, &request, err);

	mem_free(path);
	if (!answer || is_answer(answer, err))
		return answer;
	json_decref(answer);
	return NULL;
}

/* A key is part of a path. */
static int check_key(const char *key, struct err *err)
{
	for (const char *at = key; *at; at++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.", *at))
			return err_set(err, E_tenant_config_key_unknown, "", "there is no setting \"%.64s\"",
				       key);
	return *key ? 0 : err_set(err, E_usage, "", "the setting has no name");
}

static int run_get(const struct config_options *o, int argc, char **argv, struct err *err)
{
	json_t *answer;

	(void)argc;
	if (check_key(argv[0], err) < 0)
		return -1;
	answer = ask(o, NULL, argv[0], NULL, err);
	if (!answer)
		return -1;
	if (o->globals.json)
		cmd_print_document_take(json_incref(answer));
	else
		print_one(o, json_object_get(json_object_get(answer, "config"), argv[0]));
	json_decref(answer);
	return 0;
}

static int run_list(const struct config_options *o, int argc, char **argv, struct err *err)
{
	json_t *answer = ask(o, NULL, NULL, NULL, err);

	(void)argc, (void)argv;
	if (!answer)
		return -1;
	if (o->globals.json)
		cmd_print_document_take(json_incref(answer));
	else
		print_list(o, json_object_get(answer, "config"));
	json_decref(answer);
	return 0;
}

static int run_diff(const struct config_options *o, int argc, char **argv, struct err *err)
{
	json_t *answer = ask(o, NULL, NULL, NULL, err), *entry;
	const char *key;
	void *next;

	(void)argc, (void)argv;
	if (!answer)
		return -1;
	json_object_foreach_safe(json_object_get(answer, "config"), next, key, entry)
	{
		if (is_default(entry))
			json_object_del(json_object_get(answer, "config"), key);
	}
	if (o->globals.json)
		cmd_print_document_take(json_incref(answer));
	else
		print_diff(o, json_object_get(answer, "config"));
	json_decref(answer);
	return 0;
}

/* What is wrong with a pair the gateway knows: here a text only becomes what its row takes. */
static json_t *read_pairs(int argc, char **argv)
{
	json_t *body = json_object();

	for (int i = 0; i + 1 < argc; i += 2) {
		const struct setting_info *info = setting_find(span_str(argv[i]));

		json_object_set_new(body, argv[i],
				    info ? setting_of_text(info, span_str(argv[i + 1])) :
					   json_string(argv[i + 1]));
	}
	return body;
}

static int run_set(const struct config_options *o, int argc, char **argv, struct err *err)
{
	json_t *body, *answer;

	if (argc % 2)
		return err_set(err, E_usage, "", "set needs a value for %.64s", argv[argc - 1]);
	body = read_pairs(argc, argv);
	if (!body || json_object_size(body) != (size_t)argc / 2) {
		json_decref(body);
		return err_set(err, E_usage, "", "a setting is given twice, or is no text");
	}
	answer = ask(o, "PUT", NULL, body, err);
	json_decref(body);
	if (!answer)
		return -1;
	if (o->globals.json)
		cmd_print_document_take(json_incref(answer));
	for (int i = 0; i < argc; i += 2)
		cmd_notice(&o->globals, "%s was set for the tenant %s", argv[i],
			   models_text(answer, "tenant_id"));
	json_decref(answer);
	return 0;
}

static int run_unset(const struct config_options *o, int argc, char **argv, struct err *err)
{
	const char *key = argc ? argv[0] : NULL;
	json_t *answer;

	if (o->all == (key != NULL))
		return err_set(err, E_usage, "", "unset takes a setting, or --all");
	if (key && check_key(key, err) < 0)
		return -1;
	answer = ask(o, "DELETE", key, NULL, err);
	if (!answer)
		return -1;
	if (o->globals.json)
		cmd_print_document_take(json_incref(answer));
	cmd_notice(&o->globals, "%s of the tenant %s %s dropped", key ? key : "all changes",
		   models_text(answer, "tenant_id"), key ? "was" : "were");
	json_decref(answer);
	return 0;
}

static const struct action {
	const char *name;
	int min, max; /* operands after it */
	int (*run)(const struct config_options *o, int argc, char **argv, struct err *err);
} actions[] = {
	{ "get", 1, 1, run_get },     { "set", 2, 2 * SETTING_COUNT, run_set },
	{ "unset", 0, 1, run_unset }, { "list", 0, 0, run_list },
	{ "diff", 0, 0, run_diff },
};

static int run(const void *options, int argc, char **argv, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		const struct action *a = &actions[i];

		if (strcmp(a->name, argv[0]) != 0)
			continue;
		if (argc - 1 < a->min || argc - 1 > a->max)
			return err_set(err, E_usage, "", "%s takes %s", a->name,
				       !a->max	    ? "no operands" :
				       a->max == 1 ? "one setting" :
						     "settings, each with its value");
		return a->run(options, argc - 1, argv + 1, err);
	}
	return err_set(err, E_usage, "",
		       "there is no \"tenant config %.64s\"; it is get, set, unset, list or diff", argv[0]);
}

#define OWN(kind_, field, ...) \
	{ .kind = (kind_), .offset = offsetof(struct config_options, field), __VA_ARGS__ }
static const struct opt own[] = {
	OWN(OPT_SWITCH, show_origin, .name = "show-origin",
	    .help = "Also where each value comes from: process, yaml or db"),
	OWN(OPT_SWITCH, all, .name = "all", .help = "unset: all that was set"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass tenant config list --show-origin", "All settings, and where each comes from." },
	{ "spass tenant config set compaction_threshold_pct 70 memory_inject off", "All or none." },
	{ "spass tenant config unset memory_inject", "What the operator's file says counts again." },
	{ NULL, NULL },
};

const struct cmd cmd_tenant_config = {
	.group = "tenant",
	.name = "config",
	.summary = "Show and change settings of a tenant",
	.operands = "get|set|unset|list|diff [SETTING [VALUE]]...",
	.operands_min = 1,
	.operands_max = -1,
	.choices = "get|set|unset|list|diff",
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.options = own,
	.options_size = sizeof(struct config_options),
	.text = "A value comes from the gateway's process, the operator's tokens.yaml or the "
		"database; the highest that has it wins. What is set here goes to the database, and "
		"counts from the next request on.\n"
		"diff lists what is not as built in. Lists are written a,b,c or as JSON.",
	.examples = examples,
	.run = run,
};
