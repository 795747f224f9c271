/* cmd/cmd_tenant.c - spass tenant list, show: who shares the gateway. */
#include "cmd/cmd.h"
#include "cmd/grid.h"
#include "cmd/tenant.h"

#include "tui/models.h"

static void add_count(struct grid *grid, const json_t *list)
{
	grid_addf(grid, GRID_PLAIN, "%zu", json_array_size(list));
}

static void print_tenants(const struct cmd_globals *g, const json_t *items)
{
	struct grid grid;
	struct buf out;
	json_t *one;
	size_t i;

	grid_init(&grid, 4, cmd_color(g, stdout));
	grid_head(&grid, "TENANT|NAME|TOKENS|BUDGETS");
	json_array_foreach(items, i, one)
	{
		grid_add(&grid, models_text(one, "id"), GRID_PLAIN);
		grid_add(&grid, models_text(one, "name"), GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%lld",
			  (long long)json_integer_value(json_object_get(one, "tokens")));
		add_count(&grid, json_object_get(one, "budgets"));
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	grid_print(&grid, &out);
	cmd_print(&out);
	buf_free(&out);
	grid_free(&grid);
}

static int run_list(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	json_t *items = tenant_ask_all(g, NULL, "/v1/tenants", err);

	(void)argc, (void)argv;
	if (!items)
		return -1;
	if (g->json)
		cmd_print_json_take(
			json_pack("{s:i, s:O}", "schema_version", 1, "tenants", items));
	else
		print_tenants(g, items);
	json_decref(items);
	return 0;
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct tenant_request ask = { .path = "/v1/tenant",
					    .tenant = argc > 0 ? argv[0] : NULL };
	const struct cmd_globals *g = options;
	json_t *tenant = tenant_ask(g, &ask, err);

	if (!tenant)
		return -1;
	if (g->json) {
		tenant_print_document_take(tenant);
		return 0;
	}
	tenant_print_members(g, tenant);
	json_decref(tenant);
	return 0;
}

static const struct cmd_example list_examples[] = {
	{ "spass tenant list", "The tenants of the gateway; for its operator." },
	{ NULL, NULL },
};

const struct cmd cmd_tenant_list = {
	.group = "tenant",
	.name = "list",
	.summary = "List the tenants that share the gateway",
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.examples = list_examples,
	.run = run_list,
};

static const struct cmd_example show_examples[] = {
	{ "spass tenant show", "The tenant of the token that is used." },
	{ "spass tenant show acme", "Another one; for the operator." },
	{ NULL, NULL },
};

const struct cmd cmd_tenant_show = {
	.group = "tenant",
	.name = "show",
	.summary = "Show what the operator's file says of a tenant",
	.operands = "[TENANT]",
	.operands_max = 1,
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.examples = show_examples,
	.run = run_show,
};
