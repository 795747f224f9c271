/*
 * server/api/tenants.c - GET /v1/tenant, /v1/tenants: what the operator's file says of tenants.
 */
#include "common/tenant/grant.h"
#include "server/api/call.h"

static json_t *names_json(const struct config_list *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(all, json_string(list->items[i]));
	return all;
}

static json_t *tenant_json(const struct tenant *t)
{
	const struct constraints budgets = { .budgets = t->budgets, .budget_count = t->budget_count };
	json_t *constraints = constraints_json(&budgets), *list, *all;

	list = json_incref(json_object_get(constraints, "budgets"));
	json_decref(constraints);
	all = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "id", t->id, "name", t->name, "tokens",
			(json_int_t)t->token_count, "models_allowlist",
			names_json(&t->models_allowlist), "models_blacklist",
			names_json(&t->models_blacklist), "budgets", list ? list : json_array());
	return all;
}

void tenant_show(struct exchange *x, struct call *c)
{
	call_reply_json(x, 200, tenant_json(c->identity.tenant));
}

void tenants_list(struct exchange *x, struct call *c)
{
	const struct tenancy *t = c->snapshot->tenancy;
	struct err err = ERR_INIT;
	json_t *items;
	struct page page;

	if (call_query_page(x, &page, &err) < 0) {
		reply_error(x, &err);
		return;
	}
	items = json_array();
	for (size_t i = (size_t)page.offset;
	     i < tenancy_count(t) && json_array_size(items) < (size_t)page.limit; i++)
		json_array_append_new(items, tenant_json(tenancy_at(t, i)));
	call_reply_page(x, items, (int64_t)tenancy_count(t), &page);
}
