/* cmd/cmd_config_show.c - spass config show: the settings as a gateway here would have them. */
#include "cmd/cmd.h"

#include "common/base/mem.h"
#include "common/base/near.h"

static int unknown_setting(const char *name, struct err *err)
{
	struct near near;

	near_init(&near, span_str(name));
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		near_offer(&near, config_table[i].name);
	if (near_best(&near))
		return err_set(err, E_usage, "setting", "there is no setting \"%.64s\"; did you mean %s?",
			       name, near_best(&near));
	return err_set(err, E_usage, "setting", "there is no setting \"%.64s\"", name);
}

static int show_one(const struct cmd_globals *g, const struct config *c, const char *name,
		    struct err *err)
{
	const struct config_info *info = config_find(span_str(name));
	json_t *all;
	struct buf out;

	if (!info)
		return unknown_setting(name, err);
	if (g->json) {
		all = config_json(c);
		cmd_print_json_take(json_incref(json_object_get(all, info->name)));
		json_decref(all);
		return 0;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	config_show_value(c, (enum config_key)(info - config_table), &out);
	buf_add_char(&out, '\n');
	cmd_print(&out);
	buf_free(&out);
	return 0;
}

static void show_all(const struct cmd_globals *g, const struct config *c)
{
	struct buf out;

	if (g->json) {
		cmd_print_json_take(config_json(c));
		return;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	config_show(c, &out);
	cmd_print(&out);
	buf_free(&out);
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct config *c = cmd_config(g, NULL, 0, err);
	int result = 0;

	if (!c)
		return -1;
	if (argc)
		result = show_one(g, c, argv[0], err);
	else
		show_all(g, c);
	config_free(c);
	return result;
}

static const struct cmd_example show_examples[] = {
	{ "spass config show", "All settings, each with where it came from." },
	{ "spass config show max_body_bytes", "One of them, its value alone." },
	{ NULL, NULL },
};

const struct cmd cmd_config_show = {
	.group = "config",
	.name = "show",
	.summary = "Show the settings and where each came from",
	.operands = "[SETTING]",
	.operands_max = 1,
	.complete = OPT_SETTING,
	.flags = CMD_CONFIG | CMD_JSON,
	.text = "The highest wins: flags of spass serve, environment (SPASS_NAME), file, default.\n"
		"Secrets are shown as (set) or (not set).",
	.examples = show_examples,
	.run = run_show,
};
