/* cmd/cmd_tenant.c - spass tenant list, show: who shares the gateway. */
#include "cmd/cmd.h"
#include "cmd/tenant.h"

#include "tui/models.h"

static json_int_t count_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_tenants(const struct cmd_globals *g, const json_t *items)
{
	struct grid grid;
	json_t *one;
	size_t i;

	grid_init(&grid, 5, cmd_color(g, stdout));
	grid_head(&grid, "TENANT|NAME|TOKENS|KEYS|BUDGETS");
	json_array_foreach(items, i, one)
	{
		grid_add(&grid, models_text(one, "id"), GRID_PLAIN);
		grid_add(&grid, models_text(one, "name"), GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%lld", (long long)count_of(one, "tokens"));
		grid_addf(&grid, GRID_PLAIN, "%lld", (long long)count_of(one, "keys"));
		grid_addf(&grid, GRID_PLAIN, "%zu",
			  json_array_size(json_object_get(one, "budgets")) + (size_t)count_of(one, "token_budgets"));
	}
	grid_show(&grid);
}

static int run_list(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	json_t *items = tenant_ask_all(g, "/v1/tenants", err);

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

static void add_budget(struct grid *grid, const json_t *row)
{
	const char *model = models_text(row, "model");
	const bool is_spent = json_number_value(json_object_get(row, "left")) <= 0;

	grid_addf(grid, GRID_PLAIN, "%s %s", models_text(row, "of"), models_text(row, "id"));
	grid_add(grid, *model ? model : "all", GRID_PLAIN);
	grid_addf(grid, GRID_DIM, "%s a %s", models_text(row, "currency"), models_text(row, "per"));
	tenant_add_amount(grid, json_object_get(row, "amount"), GRID_PLAIN);
	tenant_add_amount(grid, json_object_get(row, "spent"), GRID_PLAIN);
	tenant_add_amount(grid, json_object_get(row, "left"), is_spent ? GRID_BAD : GRID_GOOD);
	grid_addf(grid, GRID_DIM, "%.16sZ", models_text(row, "resets_at"));
}

static void print_budgets(const struct cmd_globals *g, const json_t *budgets)
{
	struct grid grid;
	json_t *row;
	size_t i;

	if (json_array_size(budgets) == 0)
		return;
	grid_init(&grid, 7, cmd_color(g, stdout));
	grid_head(&grid, "BUDGET OF|MODEL|IN|AMOUNT|SPENT|LEFT|BEGINS ANEW");
	json_array_foreach(budgets, i, row)
		add_budget(&grid, row);
	putchar('\n');
	grid_show(&grid);
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct tenant_request ask = { .path = "/v1/tenant" };
	json_t *tenant, *budgets;
	struct cmd_globals of;
	const struct cmd_globals *g = &of;

	if (tenant_choose(options, argc, argv, &of, err) < 0)
		return -1;
	tenant = tenant_ask(g, &ask, err);
	if (!tenant)
		return -1;
	budgets = tenant_ask_all(g, "/v1/tenant/budgets", err);
	if (!budgets) {
		json_decref(tenant);
		return -1;
	}
	/* The list of all, as they stand, takes the place of the tenant's own. */
	if (g->json) {
		json_object_set_new(tenant, "budgets", budgets);
		cmd_print_document_take(tenant);
		return 0;
	}
	json_object_del(tenant, "budgets");
	json_object_del(tenant, "token_budgets");
	tenant_print_members(g, tenant);
	print_budgets(g, budgets);
	json_decref(budgets);
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
	.summary = "Show a tenant, what it may spend and what of it is left",
	.operands = "[TENANT]",
	.operands_max = 1,
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.examples = show_examples,
	.run = run_show,
};
