/* cmd/cmd_errors.c - spass errors: the catalogue, without a gateway. */
#include "cmd/cmd.h"
#include "cmd/grid.h"

#include "common/base/near.h"

/* The members that GET /errors has. */
static json_t *entry_json(const struct err_info *info)
{
	return json_pack("{s:s,s:s,s:i,s:i,s:s,s:s,s:s,s:s}", "code", info->code, "type",
			 err_type_name(info->type), "http_status", info->status, "exit_status",
			 info->exit, "title", info->title, "description", info->description,
			 "remediation", info->remedy, "typical_param", info->param);
}

static bool is_asked(const struct err_info *info, int status)
{
	return status == 0 || info->status == status;
}

/* status 0: any. */
static void print_list(const struct cmd_globals *g, int status)
{
	struct grid grid;

	grid_init(&grid, 4, cmd_color(g, stdout));
	grid_head(&grid, "CODE|HTTP|EXIT|MEANING");
	for (int code = E_none + 1; code < ERR_CODE_COUNT; code++) {
		const struct err_info *info = err_info((enum err_code)code);

		if (!is_asked(info, status))
			continue;
		grid_add(&grid, info->code, GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%d", info->status);
		grid_addf(&grid, GRID_PLAIN, "%d", info->exit);
		grid_add(&grid, info->title, GRID_PLAIN);
	}
	grid_show(&grid);
}

static void print_json(int status)
{
	json_t *entries = json_array();

	for (int code = E_none + 1; code < ERR_CODE_COUNT; code++) {
		const struct err_info *info = err_info((enum err_code)code);

		if (is_asked(info, status))
			json_array_append_new(entries, entry_json(info));
	}
	cmd_print_json_take(json_pack("{s:i,s:o}", "schema_version", 1, "entries", entries));
}

static void print_one(const struct cmd_globals *g, const struct err_info *info)
{
	bool color = cmd_color(g, stdout);

	printf("%s%s%s  HTTP %d, %s, exit status %d\n", color ? "\033[1m" : "", info->code,
	       color ? "\033[0m" : "", info->status, err_type_name(info->type), info->exit);
	printf("\n%s.\n%s\n\nRemedy: %s\n", info->title, info->description, info->remedy);
	if (*info->param)
		printf("Typical field: %s\n", info->param);
}

static int unknown_code(const char *code, struct err *err)
{
	struct near near;

	near_init(&near, span_str(code));
	for (int i = E_none + 1; i < ERR_CODE_COUNT; i++)
		near_offer(&near, err_info((enum err_code)i)->code);
	err_set(err, E_usage, "error", "there is no error \"%.64s\"", code);
	return near_suggest(&near, err);
}

/* An HTTP status that some error has; 0: it is none. */
static int find_status(const char *text)
{
	int64_t status;

	if (span_to_int(span_str(text), 100, 599, &status) < 0)
		return 0;
	for (int code = E_none + 1; code < ERR_CODE_COUNT; code++)
		if (err_info((enum err_code)code)->status == status)
			return (int)status;
	return 0;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	enum err_code code = argc ? err_find(argv[0]) : E_none;
	int status = argc && code == E_none ? find_status(argv[0]) : 0;

	if (argc && code == E_none && status == 0)
		return unknown_code(argv[0], err);
	if (code != E_none && g->json)
		cmd_print_document_take(entry_json(err_info(code)));
	else if (code != E_none)
		print_one(g, err_info(code));
	else if (g->json)
		print_json(status);
	else
		print_list(g, status);
	return 0;
}

static const struct cmd_example examples[] = {
	{ "spass errors", "Every error that a gateway or a command can name." },
	{ "spass errors upstream_timeout", "What one of them means and what to do." },
	{ "spass errors 429", "Those with an HTTP status." },
	{ NULL, NULL },
};

const struct cmd cmd_errors = {
	.name = "errors",
	.summary = "Explain the errors; needs no gateway",
	.operands = "[CODE|STATUS]",
	.operands_max = 1,
	.complete = OPT_ERROR_CODE,
	.flags = CMD_JSON | CMD_COLOR,
	.examples = examples,
	.run = run,
};
