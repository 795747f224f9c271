/* cmd/cmd_model.c - spass model list, show: what the gateway offers. */
#include "cmd/cmd.h"
#include "cmd/gateway.h"
#include "cmd/grid.h"

#include "common/base/near.h"
#include "tui/models.h"

#include <string.h>

struct list_options {
	struct cmd_globals globals;
	bool all;
};

/* GET /v1/info of the gateway that is found or started.  The caller owns it. */
static json_t *ask_info(const struct cmd_globals *g, struct err *err)
{
	struct gateway_link l;
	json_t *info = NULL;

	if (gateway_link_open(&l, g, err) == 0) {
		gateway_await_backends(l.gateway);
		info = wire_get(l.wire, "/v1/info", models_is_info, err);
	}
	gateway_link_close(&l, err);
	return info;
}

static void add_joined(struct grid *grid, const json_t *list)
{
	struct buf all;
	json_t *item;
	size_t i;

	buf_init(&all, CMD_OUTPUT_MAX);
	json_array_foreach(list, i, item) buf_printf(
		&all, "%s%s", i ? ", " : "", json_is_string(item) ? json_string_value(item) : "?");
	grid_add(grid, buf_str(&all), GRID_PLAIN);
	buf_free(&all);
}

/* Rounder than exact: thousands are said as they were meant; `model show` has the number. */
static void add_tokens(struct grid *grid, const json_t *value)
{
	int64_t tokens = json_integer_value(value);

	if (!json_is_integer(value))
		grid_add(grid, NULL, GRID_PLAIN);
	else if (tokens >= 1000000 && (tokens % 1048576 == 0 || tokens % 1000000 == 0))
		grid_addf(grid, GRID_PLAIN, "%lldM",
			  (long long)(tokens / (tokens % 1048576 == 0 ? 1048576 : 1000000)));
	else if (tokens >= 1000 && (tokens % 1024 == 0 || tokens % 1000 == 0))
		grid_addf(grid, GRID_PLAIN, "%lldK",
			  (long long)(tokens / (tokens % 1024 == 0 ? 1024 : 1000)));
	else
		grid_addf(grid, GRID_PLAIN, "%lld", (long long)tokens);
}

static void print_list(const struct cmd_globals *g, const json_t *info, bool all)
{
	json_t *models = json_object_get(info, "models"), *m;
	size_t i, hidden = 0;
	struct grid grid;

	grid_init(&grid, 5, cmd_color(g, stdout));
	grid_head(&grid, "MODEL|KIND|CONTEXT|CAN BE REACHED|BACKENDS");
	json_array_foreach(models, i, m)
	{
		bool available = json_is_true(json_object_get(m, "available"));

		if (!available && !all) {
			hidden++;
			continue;
		}
		grid_add(&grid, models_text(m, "alias"), GRID_PLAIN);
		grid_add(&grid, models_text(m, "kind"), GRID_PLAIN);
		add_tokens(&grid, json_object_get(m, "context_window"));
		grid_add(&grid, available ? "yes" : "no", available ? GRID_GOOD : GRID_DIM);
		add_joined(&grid, json_object_get(m, "routing"));
	}
	grid_show(&grid);
	if (hidden)
		cmd_notice(g, "%zu more cannot be reached now; --all lists them", hidden);
}

static int run_list(const void *options, int argc, char **argv, struct err *err)
{
	const struct list_options *o = options;
	json_t *info = ask_info(&o->globals, err);

	(void)argc, (void)argv;
	if (!info)
		return -1;
	if (o->globals.json)
		cmd_print_json_take(json_pack("{s:i,s:O,s:O}", "schema_version", 1, "default_model",
					      json_object_get(info, "default_model"), "models",
					      json_object_get(info, "models")));
	else
		print_list(&o->globals, info, o->all);
	json_decref(info);
	return 0;
}

static json_t *find_model(const json_t *info, const char *alias, struct err *err)
{
	json_t *models = json_object_get(info, "models"), *m;
	struct near near;
	size_t i;

	near_init(&near, span_str(alias));
	json_array_foreach(models, i, m)
	{
		if (!strcmp(models_text(m, "alias"), alias))
			return m;
		near_offer(&near, models_text(m, "alias"));
	}
	err_set(err, E_model_not_found, "", "there is no model \"%.128s\"", alias);
	near_suggest(&near, err);
	return NULL;
}

static void add_value(struct grid *grid, const char *key, const json_t *value)
{
	grid_add(grid, key, GRID_PLAIN);
	if (json_is_string(value))
		grid_add(grid, json_string_value(value), GRID_PLAIN);
	else if (json_is_integer(value))
		grid_addf(grid, GRID_PLAIN, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		grid_add(grid, json_is_true(value) ? "yes" : "no", GRID_PLAIN);
	else if (json_is_array(value))
		add_joined(grid, value);
	else
		grid_add(grid, NULL, GRID_PLAIN);
}

/* Members of members are written "constraints.min_max_tokens". */
static void print_model(const struct cmd_globals *g, json_t *model)
{
	const char *key, *inner_key;
	json_t *value, *inner;
	struct grid grid;
	char path[128];

	grid_init(&grid, 2, cmd_color(g, stdout));
	json_object_foreach(model, key, value)
	{
		if (!json_is_object(value))
			add_value(&grid, key, value);
		json_object_foreach(value, inner_key, inner)
		{
			snprintf(path, sizeof path, "%s.%s", key, inner_key);
			add_value(&grid, path, inner);
		}
	}
	grid_show(&grid);
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	json_t *info = ask_info(g, err), *model = NULL;

	(void)argc;
	if (info)
		model = find_model(info, argv[0], err);
	if (model && g->json)
		cmd_print_document_take(json_incref(model));
	else if (model)
		print_model(g, model);
	json_decref(info);
	return model ? 0 : -1;
}

static const struct opt list_own[] = {
	{ .kind = OPT_SWITCH,
	  .name = "all",
	  .letter = 'a',
	  .help = "Also those that cannot be reached now",
	  .offset = offsetof(struct list_options, all) },
	{ .kind = OPT_END },
};

static const struct cmd_example list_examples[] = {
	{ "spass model list", "The models that would answer now." },
	{ "spass model list --all", "The whole catalogue, with the backends of each." },
	{ NULL, NULL },
};

const struct cmd cmd_model_list = {
	.group = "model",
	.name = "list",
	.summary = "List the models that can be reached",
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.options = list_own,
	.options_size = sizeof(struct list_options),
	.examples = list_examples,
	.run = run_list,
};

static const struct cmd_example show_examples[] = {
	{ "spass model show spass-extract", "All that is known of one model." },
	{ NULL, NULL },
};

const struct cmd cmd_model_show = {
	.group = "model",
	.name = "show",
	.summary = "Show all that is known of a model",
	.operands = "MODEL",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_MODEL,
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.examples = show_examples,
	.run = run_show,
};
