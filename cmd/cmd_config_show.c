/* cmd/cmd_config_show.c - spass config show, get: the settings as a gateway here would have them. */
#include "cmd/cmd.h"

#include "common/base/mem.h"
#include "common/base/near.h"

#include <string.h>

struct show_options {
	struct cmd_globals globals;
	bool changed;
};

static int unknown_setting(const char *name, struct err *err)
{
	struct near near;

	near_init(&near, span_str(name));
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		near_offer(&near, config_table[i].name);
	err_set(err, E_usage, "setting", "there is no setting \"%.64s\"", name);
	return near_suggest(&near, err);
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

/* Takes what is as it is without a word of anybody out of the document. */
static void drop_defaults(json_t *all)
{
	const char *name;
	json_t *one;
	void *next;

	json_object_foreach_safe(all, next, name, one)
		if (!strcmp(json_string_value(json_object_get(one, "origin")),
			    config_origin_name(CONFIG_DEFAULT)))
			json_object_del(all, name);
}

static void show_all(const struct show_options *o, const struct config *c)
{
	struct buf out;

	if (o->globals.json) {
		json_t *all = config_json(c);

		if (o->changed)
			drop_defaults(all);
		cmd_print_json_take(all);
		return;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	config_show(c, o->changed, &out);
	cmd_print(&out);
	if (!out.len)
		cmd_notice(&o->globals, "every setting has its default");
	buf_free(&out);
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct show_options *o = options;
	struct config *c = cmd_config(&o->globals, NULL, 0, err);
	int result = 0;

	if (!c)
		return -1;
	if (argc)
		result = show_one(&o->globals, c, argv[0], err);
	else
		show_all(o, c);
	config_free(c);
	return result;
}

static const struct cmd_example show_examples[] = {
	{ "spass config show", "All settings, each with where it came from." },
	{ "spass config show --changed", "Only those that somebody has set." },
	{ "spass config show max_body_bytes", "One of them, its value alone." },
	{ NULL, NULL },
};

static const struct opt show_own[] = {
	{ .kind = OPT_SWITCH, .name = "changed", .help = "Only what is not as it would be by itself",
	  .offset = offsetof(struct show_options, changed) },
	{ .kind = OPT_END },
};

const struct cmd cmd_config_show = {
	.group = "config",
	.name = "show",
	.summary = "Show the settings and where each came from",
	.operands = "[SETTING]",
	.operands_max = 1,
	.complete = OPT_SETTING,
	.flags = CMD_CONFIG | CMD_JSON,
	.options = show_own,
	.options_size = sizeof(struct show_options),
	.text = "The highest wins: flags of spass serve, environment (SPASS_NAME), file, default.\n"
		"Secrets are shown as (set) or (not set).",
	.examples = show_examples,
	.run = run_show,
};

static int run_get(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct config *c = cmd_config(g, NULL, 0, err);
	int result = c ? show_one(g, c, argv[0], err) : -1;

	(void)argc;
	config_free(c);
	return result;
}

static const struct cmd_example get_examples[] = {
	{ "spass config get max_body_bytes", "Its value alone." },
	{ NULL, NULL },
};

const struct cmd cmd_config_get = {
	.group = "config",
	.name = "get",
	.summary = "Show the value of one setting",
	.operands = "SETTING",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_SETTING,
	.flags = CMD_CONFIG | CMD_JSON,
	.text = "The same as spass config show with a SETTING.",
	.examples = get_examples,
	.run = run_get,
};
