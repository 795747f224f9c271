/*
 * server/api/tenants.c - GET /v1/tenant, /v1/tenants: what the operator's file says of tenants, and
 * how many keys they made.
 */
#include "common/store/tenant_key.h"
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
	all = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:I}", "id", t->id, "name", t->name, "tokens",
			(json_int_t)t->token_count, "models_allowlist",
			names_json(&t->models_allowlist), "models_blacklist",
			names_json(&t->models_blacklist), "budgets", list ? list : json_array(),
			"token_budgets", (json_int_t)t->token_budgets);
	return all;
}

/* Sets "keys" of each of a list of tenants. */
static int count_keys(struct db *db, void *arg, struct err *err)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)arg, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "id"));
		int64_t all, revoked;

		if (tenant_key_count(db, id, &all, err) < 0 || tenant_key_count_revoked(db, id, &revoked, err) < 0)
			return -1;
		json_object_set_new(one, "keys", json_integer(all - revoked));
	}
	return 0;
}

/* 0, or -1 when it has answered; then items is gone. */
static int add_keys(struct exchange *x, const struct call *c, json_t *items)
{
	struct core *core = c->worker->core;
	struct err err = ERR_INIT;

	if (store_read(core->store, core->jobs, count_keys, items, &err) == 0)
		return 0;
	json_decref(items);
	reply_error(x, &err);
	return -1;
}

void tenant_show(struct exchange *x, struct call *c)
{
	json_t *one = json_array();

	json_array_append_new(one, tenant_json(c->identity.tenant));
	if (add_keys(x, c, one) < 0)
		return;
	call_reply_json(x, 200, json_incref(json_array_get(one, 0)));
	json_decref(one);
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
	if (add_keys(x, c, items) == 0)
		call_reply_page(x, items, (int64_t)tenancy_count(t), &page);
}
