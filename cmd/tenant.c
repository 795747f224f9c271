/* cmd/tenant.c - see tenant.h. */
#include "cmd/tenant.h"

#include "cmd/gateway.h"
#include "common/base/mem.h"
#include "common/model/money.h"
#include "tui/wire.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 100, ITEMS_MAX = 1000000 };

static json_t *ask_wire(struct wire *wire, const struct tenant_request *ask, struct err *err)
{
	char *text = ask->body ? json_dumps(ask->body, JSON_COMPACT) : NULL;
	struct wire_request request = {
		.method = ask->method,
		.path = ask->path,
		.body = span_str(text),
	};
	json_t *answer = wire_ask(wire, &request, err);

	free(text);
	return answer;
}

static json_t *ask_pages(struct wire *wire, const char *path, struct err *err)
{
	json_t *all = json_array(), *page, *items;
	json_int_t total = 1;

	while ((json_int_t)json_array_size(all) < total && json_array_size(all) < ITEMS_MAX) {
		char *paged = mem_printf("%s?limit=%d&offset=%zu", path, PAGE, json_array_size(all));
		struct tenant_request ask = { .path = paged };
		size_t got;

		page = ask_wire(wire, &ask, err);
		mem_free(paged);
		if (!page) {
			json_decref(all);
			return NULL;
		}
		items = json_object_get(page, "items");
		total = json_integer_value(json_object_get(page, "total"));
		got = json_array_size(items);
		json_array_extend(all, items);
		json_decref(page);
		if (got == 0)
			break;
	}
	return all;
}

/* pages: ask->path is read to its end. */
static json_t *ask_gateway(const struct cmd_globals *g, const struct tenant_request *ask, bool pages,
			   struct err *err)
{
	struct gateway_link l;
	json_t *answer = NULL;

	if (gateway_link_open(&l, g, err) == 0)
		answer = pages ? ask_pages(l.wire, ask->path, err) : ask_wire(l.wire, ask, err);
	gateway_link_close(&l, err);
	return answer;
}

json_t *tenant_ask(const struct cmd_globals *g, const struct tenant_request *ask, struct err *err)
{
	return ask_gateway(g, ask, false, err);
}

json_t *tenant_ask_all(const struct cmd_globals *g, const char *path, struct err *err)
{
	const struct tenant_request ask = { .path = path };

	return ask_gateway(g, &ask, true, err);
}

int tenant_choose(const struct cmd_globals *g, int argc, char **argv, struct cmd_globals *out, struct err *err)
{
	*out = *g;
	if (argc > 0 && g->tenant && strcmp(g->tenant, argv[0]) != 0)
		return err_set(err, E_usage, "tenant", "two tenants are named: %.64s and --tenant %.64s",
			       argv[0], g->tenant);
	if (argc > 0)
		out->tenant = argv[0];
	return 0;
}

void tenant_add_amount(struct grid *grid, const json_t *amount, enum grid_style style)
{
	char text[MONEY_TEXT_MAX];

	if (json_is_null(amount)) {
		grid_add(grid, "-", GRID_DIM);
		return;
	}
	/* A decimal of JSON is what is nearest to the six that were written. */
	grid_add(grid, money_text((int64_t)llround(json_number_value(amount) * (double)MONEY_UNIT), text), style);
}

static void add_value(struct grid *grid, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		grid_add(grid, json_string_value(value), GRID_PLAIN);
		return;
	}
	text = json_is_null(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	grid_add(grid, text, GRID_PLAIN);
	free(text);
}

void tenant_print_members(const struct cmd_globals *g, json_t *object)
{
	const char *key;
	json_t *value;
	struct grid grid;

	grid_init(&grid, 2, cmd_color(g, stdout));
	json_object_foreach(object, key, value)
	{
		grid_add(&grid, key, GRID_PLAIN);
		add_value(&grid, value);
	}
	grid_show(&grid);
}
