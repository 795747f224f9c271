/* cmd/cmd_table.c - the list of commands, and the options that each takes. */
#include "cmd/cmd.h"

#include "common/base/mem.h"
#include "common/base/near.h"

#include <assert.h>
#include <string.h>

const struct cmd *const cmd_table[] = {
	&cmd_ask,
	&cmd_chat,
	&cmd_session_list,
	&cmd_session_search,
	&cmd_session_show,
	&cmd_session_tree,
	&cmd_session_rename,
	&cmd_session_fork,
	&cmd_session_export,
	&cmd_session_import,
	&cmd_session_delete,
	&cmd_rag_add,
	&cmd_rag_sync,
	&cmd_rag_query,
	&cmd_rag_list,
	&cmd_rag_show,
	&cmd_rag_stats,
	&cmd_rag_create,
	&cmd_rag_set,
	&cmd_rag_docs,
	&cmd_rag_get,
	&cmd_rag_rm,
	&cmd_rag_export,
	&cmd_rag_import,
	&cmd_rag_verify,
	&cmd_rag_rebuild,
	&cmd_rag_jobs,
	&cmd_rag_eval,
	&cmd_serve,
	&cmd_status,
	&cmd_model_list,
	&cmd_model_show,
	&cmd_tenant_list,
	&cmd_tenant_show,
	&cmd_tenant_usage,
	&cmd_tenant_key,
	&cmd_tenant_config,
	&cmd_usage,
	&cmd_config_show,
	&cmd_config_get,
	&cmd_config_check,
	&cmd_db_backup,
	&cmd_db_verify,
	&cmd_db_migrate,
	&cmd_db_vacuum,
	&cmd_errors,
	&cmd_completion,
	&cmd_help,
	&cmd_version,
	NULL,
};

#define GENERAL(kind_, field, ...)                                                          \
	{                                                                                   \
		.kind = (kind_), .offset = offsetof(struct cmd_globals, field), __VA_ARGS__ \
	}

/* A row of general options and the flag that gives it to a command; 0 = all have it. */
static const struct general {
	unsigned flag;
	struct opt option;
} general[] = {
	{ CMD_CONFIG, GENERAL(OPT_TEXT, config, .name = "config", .argument = "FILE",
			      .complete = OPT_FILE, .help = "Read this spass.yaml") },
	{ CMD_CLIENT, GENERAL(OPT_TEXT, server, .name = "server", .argument = "URL",
			      .help = "Gateway: http://HOST:PORT, https://... or unix:PATH") },
	{ CMD_CLIENT,
	  GENERAL(OPT_TEXT, token_file, .name = "token-file", .argument = "FILE",
		  .complete = OPT_FILE, .help = "Read the bearer token from this file") },
	{ CMD_CLIENT,
	  GENERAL(OPT_TEXT, ca_file, .name = "ca-file", .argument = "FILE", .complete = OPT_FILE,
		  .help = "Of https: trust who signs with a certificate of this PEM file too") },
	{ CMD_CLIENT, GENERAL(OPT_TEXT, user, .name = "user", .argument = "USER",
			      .help = "Ask for this user; without it SPASS_USER, else who you are") },
	{ CMD_CLIENT, GENERAL(OPT_TEXT, tenant, .name = "tenant", .argument = "TENANT",
			      .help = "Ask as of this tenant; for a token that is not bound to one") },
	{ CMD_CLIENT, GENERAL(OPT_DURATION, timeout_ms, .name = "timeout", .argument = "DURATION",
			      .help = "Give up after this time: 500ms, 10s, 5m") },
	{ CMD_JSON, GENERAL(OPT_SWITCH, json, .name = "json", .help = "Write JSON") },
	{ CMD_COLOR,
	  GENERAL(OPT_CHOICE, color, .name = "color", .argument = "WHEN",
		  .choices = "auto|always|never", .help = "Colours: auto, always or never") },
	{ CMD_VERBOSE,
	  GENERAL(OPT_COUNT, verbose, .name = "verbose", .letter = 'v', .help = "Tell more") },
	{ 0, GENERAL(OPT_SWITCH, quiet, .name = "quiet", .letter = 'q',
		     .help = "Only errors on stderr") },
	{ 0, GENERAL(OPT_SWITCH, help, .name = "help", .letter = 'h', .help = "Show this help") },
	{ 0, GENERAL(OPT_SWITCH, version, .name = "version", .letter = 'V',
		     .help = "Show the version") },
};

static const char *const setting_arguments[] = {
	[CONFIG_BOOL] = "BOOLEAN",  [CONFIG_INT] = "NUMBER",  [CONFIG_DURATION] = "DURATION",
	[CONFIG_BYTES] = "SIZE",    [CONFIG_TEXT] = "PATH",   [CONFIG_LIST] = "VALUE",
	[CONFIG_SECRET] = "TEXT", /* of a choice its words */
};

static struct opt setting_option(const struct config_info *info)
{
	size_t index = (size_t)(info - config_table);
	struct opt option = {
		.kind = OPT_TEXTS,
		.name = info->flag,
		.argument = setting_arguments[info->kind],
		.help = info->help,
		.offset = offsetof(struct cmd_globals, settings) + index * sizeof(struct opt_texts),
		.choices = info->choices,
	};

	if (info->kind == CONFIG_TEXT)
		option.complete = span_ends(span_str(info->name), "_dir") ? OPT_DIR : OPT_FILE;
	return option;
}

void cmd_options(const struct cmd *c, struct opt out[CMD_OPTIONS_MAX])
{
	size_t count = 0;

	for (const struct opt *row = c->options; row && row->kind != OPT_END; row++)
		out[count++] = *row;
	for (size_t i = 0; i < CONFIG_KEY_COUNT && (c->flags & CMD_SETTINGS); i++)
		if (config_table[i].flag)
			out[count++] = setting_option(&config_table[i]);
	for (size_t i = 0; i < ARRAY_LEN(general); i++)
		if (!general[i].flag || (c->flags & general[i].flag))
			out[count++] = general[i].option;
	assert(count < CMD_OPTIONS_MAX);
	out[count] = (struct opt){ .kind = OPT_END };
}

void cmd_general_options(struct opt out[CMD_OPTIONS_MAX])
{
	for (size_t i = 0; i < ARRAY_LEN(general); i++)
		out[i] = general[i].option;
	out[ARRAY_LEN(general)] = (struct opt){ .kind = OPT_END };
}

const struct cmd *cmd_find(const char *group, const char *name)
{
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if (!strcmp((*c)->name, name) &&
		    (group ? (*c)->group && !strcmp((*c)->group, group) : !(*c)->group))
			return *c;
	return NULL;
}

bool cmd_is_group(const char *name)
{
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if ((*c)->group && !strcmp((*c)->group, name))
			return true;
	return false;
}

int cmd_unknown(const char *group, const char *word, struct err *err)
{
	const char *before = group ? group : "", *blank = group ? " " : "", *best;
	struct near near;

	near_init(&near, span_str(word));
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		if (group && (*c)->group && !strcmp((*c)->group, group))
			near_offer(&near, (*c)->name);
		if (!group)
			near_offer(&near, (*c)->group ? (*c)->group : (*c)->name);
	}
	best = near_best(&near);
	return err_set(err, E_usage, "", "there is no command \"%s%s%.64s\"%s%s%s%s%s", before, blank,
		       word, best ? "; did you mean " : "", best ? before : "", best ? blank : "",
		       best ? best : "", best ? "?" : "");
}

void cmd_path(const struct cmd *c, char out[CMD_PATH_SIZE])
{
	snprintf(out, CMD_PATH_SIZE, "%s%s%s", c->group ? c->group : "", c->group ? " " : "",
		 c->name);
}
