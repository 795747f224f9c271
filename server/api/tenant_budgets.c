/*
 * server/api/tenant_budgets.c - GET /v1/tenant/budgets: what a tenant, its tokens and its keys may
 * spend, and what of it is left.
 *
 * The tenant's own come first, then those of tokens in the order of the file, then of keys.  A key's
 * share of its maker's budget is the maker's row.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/tenant/grant.h"
#include "common/tenant/keyring.h"
#include "server/api/call.h"

enum { MICROS = 1000000 };
static const int64_t day_ms = 86400000;

/* A list of which a page is told: rows are counted as they come. */
struct view {
	struct core *core;
	const struct tenant *tenant;
	struct page page;
	int64_t count;
	json_t *items;
};

static json_t *amount_json(int64_t micros)
{
	return json_real((double)micros / MICROS);
}

static json_t *day_json(int64_t day)
{
	char text[CLOCK_ISO_SIZE];

	clock_iso(day * day_ms, text);
	return json_string(text);
}

static json_t *row_json(const char *of, const char *id, const struct budget *row, const struct budget_state *s)
{
	/* Constraints borrow what is only read. */
	const struct constraints one = { .budgets = (struct budget[]){ *row }, .budget_count = 1 };
	const int64_t used = s->spent + s->reserved;
	json_t *item = json_pack("{s:s, s:s}", "of", of, "id", id), *all = constraints_json(&one);

	json_object_update(item, json_array_get(json_object_get(all, "budgets"), 0));
	json_object_set_new(item, "spent", amount_json(s->spent));
	json_object_set_new(item, "reserved", amount_json(s->reserved));
	json_object_set_new(item, "left", amount_json(used < row->amount_micros ? row->amount_micros - used : 0));
	json_object_set_new(item, "since", day_json(s->from));
	json_object_set_new(item, "resets_at", day_json(s->until));
	json_decref(all);
	return item;
}

static bool is_on_page(struct view *v)
{
	const int64_t at = v->count++;

	return at >= v->page.offset && at < v->page.offset + v->page.limit;
}

static int add_tenant(struct view *v, struct err *err)
{
	const struct tenant *t = v->tenant;
	const struct spending who = { .tenant = t };
	struct budget_state s;

	for (size_t i = 0; i < t->budget_count; i++) {
		if (!is_on_page(v))
			continue;
		if (spend_look(v->core, BUDGET_OF_TENANT, &who, &t->budgets[i], &s, err) < 0)
			return -1;
		json_array_append_new(v->items, row_json("tenant", t->id, &t->budgets[i], &s));
	}
	return 0;
}

static int add_token(struct view *v, const struct token *token, struct err *err)
{
	const struct spending who = { .token = token };
	struct budget_state s;

	for (size_t i = 0; i < token->constraints->budget_count; i++) {
		const struct budget *row = &token->constraints->budgets[i];

		if (row->owner || !is_on_page(v))
			continue;
		if (spend_look(v->core, BUDGET_OF_TOKEN, &who, row, &s, err) < 0)
			return -1;
		json_array_append_new(v->items, row_json(token->is_key ? "key" : "token", token->id, row, &s));
	}
	return 0;
}

static int add_tokens(struct view *v, const struct tenancy *t, const struct token *own, struct err *err)
{
	for (size_t i = 0; i < tenancy_token_count(t); i++) {
		const struct token *token = tenancy_token_at(t, i);
		/* One that is bound to no tenant is shown to who has it. */
		const bool is_shown = token->tenant[0] ? strcmp(token->tenant, v->tenant->id) == 0 : token == own;

		if (is_shown && add_token(v, token, err) < 0)
			return -1;
	}
	return 0;
}

/* What a key has, it has as told by its row: the ring of all keys cannot be walked through. */
struct key_list {
	struct view *view;
	struct keyring *all;
	uint8_t (*digests)[DIGEST_SIZE];
	size_t count, room;
};

static int note_key(void *arg, struct tenant_key *k, struct err *err)
{
	struct key_list *l = arg;

	if (k->revoked_ms || !k->constraints || !strstr(k->constraints, "\"budgets\""))
		return 0;
	if (keyring_load(l->all, k, err) < 0)
		return -1;
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->digests = mem_realloc(l->digests, l->room * sizeof *l->digests);
	}
	memcpy(l->digests[l->count++], k->digest, DIGEST_SIZE);
	return 0;
}

static int read_keys(struct db *db, void *arg, struct err *err)
{
	struct key_list *l = arg;

	return tenant_key_list(db, l->view->tenant->id, -1, 0, note_key, l, err);
}

static int add_keys(struct view *v, struct err *err)
{
	struct key_list l = { .view = v, .all = keyring_new() };
	int result = store_read(v->core->store, v->core->jobs, read_keys, &l, err);

	for (size_t i = 0; i < l.count && result == 0; i++)
		result = add_token(v, keyring_find(l.all, l.digests[i]), err);
	mem_free(l.digests);
	keyring_unref(l.all);
	return result;
}

void tenant_budgets_list(struct exchange *x, struct call *c)
{
	struct view v = { .core = c->worker->core, .tenant = c->identity.tenant };
	struct err err = ERR_INIT;

	v.items = json_array();
	if (call_query_page(x, &v.page, &err) < 0 || add_tenant(&v, &err) < 0 ||
	    add_tokens(&v, c->snapshot->tenancy, c->identity.token, &err) < 0 || add_keys(&v, &err) < 0) {
		json_decref(v.items);
		reply_error(x, &err);
		return;
	}
	call_reply_page(x, v.items, v.count, &v.page);
}
