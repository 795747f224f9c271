/* cmd/cmd_settings.c - the configuration as a command's flags, the environment and a file give it.
 */
#include "cmd/cmd.h"

#include "common/base/mem.h"

#include <unistd.h>

/* Lists are given by repeating the flag; of single values the last counts. */
static char *joined(const struct config_info *info, const struct opt_texts *texts)
{
	struct buf all;
	size_t from = info->kind == CONFIG_LIST ? 0 : texts->count - 1;

	buf_init(&all, CMD_OUTPUT_MAX);
	for (size_t i = from; i < texts->count; i++)
		buf_printf(&all, "%s%s", i > from ? "," : "", texts->items[i]);
	char *text = mem_strdup(buf_str(&all));

	buf_free(&all);
	return text;
}

struct config_flag *cmd_config_flags(const struct cmd_globals *g, const struct config_flag *more,
				     size_t more_count, size_t *count)
{
	struct config_flag *flags = mem_calloc(CONFIG_KEY_COUNT + more_count, sizeof *flags);

	*count = 0;
	for (size_t i = 0; i < more_count; i++)
		flags[(*count)++] = more[i];
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		if (g->settings[i].count)
			flags[(*count)++] = (struct config_flag){
				.name = config_table[i].name,
				.value = joined(&config_table[i], &g->settings[i]),
			};
	return flags;
}

void cmd_config_flags_free(struct config_flag *flags, size_t count, size_t more_count)
{
	for (size_t i = more_count; i < count; i++)
		mem_free((char *)(uintptr_t)flags[i].value); /* NOLINT(performance-no-int-to-ptr): our own */
	mem_free(flags);
}

struct config *cmd_config_draft(const struct cmd_globals *g, bool *faulty, struct err *err)
{
	size_t count;
	struct config_flag *flags = cmd_config_flags(g, NULL, 0, &count);
	struct config *c = config_draft(g->config, environ, flags, count, faulty, err);

	cmd_config_flags_free(flags, count, 0);
	return c;
}

struct config *cmd_config(const struct cmd_globals *g, const struct config_flag *more,
			  size_t more_count, struct err *err)
{
	size_t count;
	struct config_flag *flags = cmd_config_flags(g, more, more_count, &count);
	struct config *c = config_load(g->config, environ, flags, count, err);

	cmd_config_flags_free(flags, count, more_count);
	return c;
}
