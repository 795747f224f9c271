/* cmd/cmd_usage.c - spass usage: what was used, and what it cost. */
#include "cmd/cmd.h"
#include "cmd/tenant.h"

#include <inttypes.h>

#include "common/base/mem.h"
#include "tui/models.h"

struct usage_options {
	struct cmd_globals globals;
	const char *by, *from, *to;
};

static int64_t count_of(const json_t *sum, const char *key)
{
	return json_integer_value(json_object_get(sum, key));
}

/* What budgets have counted for answers whose cost is not known. */
static bool has_estimate(const json_t *sum)
{
	return json_number_value(json_object_get(sum, "estimated_eur")) > 0 ||
	       json_number_value(json_object_get(sum, "estimated_usd")) > 0;
}

static void add_row(struct grid *grid, const char *name, const json_t *sum, bool estimates,
		    enum grid_style style)
{
	const char *label = models_text(sum, "label");

	grid_addf(grid, style, "%s%s%s%s", name, *label ? " (" : "", label, *label ? ")" : "");
	grid_addf(grid, GRID_PLAIN, "%" PRId64, count_of(sum, "requests"));
	grid_addf(grid, GRID_PLAIN, "%" PRId64, count_of(sum, "prompt_tokens"));
	grid_addf(grid, GRID_PLAIN, "%" PRId64, count_of(sum, "completion_tokens"));
	tenant_add_amount(grid, json_object_get(sum, "eur"), GRID_PLAIN);
	tenant_add_amount(grid, json_object_get(sum, "usd"), GRID_PLAIN);
	grid_addf(grid, count_of(sum, "unknown") ? GRID_BAD : GRID_DIM, "%" PRId64, count_of(sum, "unknown"));
	if (!estimates)
		return;
	tenant_add_amount(grid, json_object_get(sum, "estimated_eur"), GRID_PLAIN);
	tenant_add_amount(grid, json_object_get(sum, "estimated_usd"), GRID_PLAIN);
}

static void print_report(const struct usage_options *o, const json_t *report)
{
	const char *by = models_text(report, "by");
	const json_t *items = json_object_get(report, "items"), *total = json_object_get(report, "total");
	const bool estimates = has_estimate(total);
	struct grid grid;
	json_t *sum;
	size_t i;

	grid_init(&grid, estimates ? 9 : 7, cmd_color(&o->globals, stdout));
	grid_head(&grid, estimates ? "BY|REQUESTS|PROMPT|ANSWER|EUR|USD|UNKNOWN|ESTIMATED EUR|ESTIMATED USD"
				   : "BY|REQUESTS|PROMPT|ANSWER|EUR|USD|UNKNOWN");
	json_array_foreach(items, i, sum)
		add_row(&grid, models_text(sum, by), sum, estimates, GRID_PLAIN);
	add_row(&grid, "total", total, estimates, GRID_BOLD);
	grid_show(&grid);
	if (count_of(total, "unknown"))
		cmd_notice(&o->globals, "%" PRId64 " answer%s no known cost, which the amounts lack%s",
			   count_of(total, "unknown"), count_of(total, "unknown") == 1 ? " has" : "s have",
			   estimates ? "; budgets count the estimate" : "");
}

/* Dates have nothing that a query would have to escape: what is none is refused by the gateway. */
static int check_date(const char *option, const char *text, struct err *err)
{
	for (const char *p = text ? text : ""; *p; p++)
		if ((*p < '0' || *p > '9') && *p != '-')
			return err_set(err, E_usage, "", "--%s takes a day as in 2026-05-03", option);
	return 0;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct usage_options *o = options;
	struct tenant_request ask = { .method = NULL };
	struct cmd_globals globals;
	char *path;
	json_t *report;

	if (check_date("from", o->from, err) < 0 || check_date("to", o->to, err) < 0 ||
	    tenant_choose(&o->globals, argc, argv, &globals, err) < 0)
		return -1;
	path = mem_printf("/v1/usage?by=%s%s%s%s%s", o->by ? o->by : "model", o->from ? "&from=" : "",
			  o->from ? o->from : "", o->to ? "&to=" : "", o->to ? o->to : "");
	ask.path = path;
	report = tenant_ask(&globals, &ask, err);
	mem_free(path);
	if (!report)
		return -1;
	if (o->globals.json) {
		cmd_print_document_take(report);
		return 0;
	}
	print_report(o, report);
	json_decref(report);
	return 0;
}

#define OWN(kind_, member_, ...) \
	{ .kind = (kind_), .offset = offsetof(struct usage_options, member_), __VA_ARGS__ }

static const struct opt own[] = {
	OWN(OPT_CHOICE, by, .name = "by", .argument = "WHAT", .choices = "model|user|token|day|tenant",
	    .help = "Add up by model (the default), user, token, day or tenant"),
	OWN(OPT_TEXT, from, .name = "from", .argument = "DAY",
	    .help = "From this day of UTC on, as in 2026-05-03; 30 days if not given"),
	OWN(OPT_TEXT, to, .name = "to", .argument = "DAY", .help = "To this day; today if not given"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass usage", "By model, of the last 30 days." },
	{ "spass usage --by day --from 2026-05-01 --to 2026-05-31", "A month, day by day." },
	{ "spass usage --by user --json | jq '.items[] | [.user, .eur]'", "What each user cost." },
	{ NULL, NULL },
};

const struct cmd cmd_usage = {
	.name = "usage",
	.summary = "Show what was used, and what it cost",
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.options = own,
	.options_size = sizeof(struct usage_options),
	.text = "A user sees his own, an administrator his tenant's, the operator all. Answers whose cost "
		"is not known are counted, and missing in the amounts; what budgets count for them instead "
		"is told as estimated, where there is such.",
	.examples = examples,
	.run = run,
};

static const struct cmd_example tenant_examples[] = {
	{ "spass tenant usage", "What the tenant of the token has used, by model." },
	{ "spass tenant usage acme --by user", "Another one's, by user; for the operator." },
	{ NULL, NULL },
};

/* The same of one tenant, who is the operand. */
const struct cmd cmd_tenant_usage = {
	.group = "tenant",
	.name = "usage",
	.summary = "Show what a tenant has used, and what it cost",
	.operands = "[TENANT]",
	.operands_max = 1,
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.options = own,
	.options_size = sizeof(struct usage_options),
	.examples = tenant_examples,
	.run = run,
};
