/*
 * common/tenant/grant.c - see grant.h.
 */
#include "common/tenant/grant.h"

#include "common/base/mem.h"

enum { MICROS = 1000000 };

/* The members that are compared one by one; budgets are not. */
enum kind { LIST, REAL, INTEGER };
static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} members[] = {
#define MEMBER(kind, name) { #name, kind, offsetof(struct constraints, name) }
#define RATE(kind, name) { #name, kind, offsetof(struct constraints, rates.name) }
	MEMBER(LIST, models),
	MEMBER(LIST, agents),
	MEMBER(LIST, endpoints),
	MEMBER(INTEGER, max_tokens),
	RATE(REAL, rate_limit_per_second),
	RATE(INTEGER, rate_limit_burst),
	RATE(INTEGER, requests_per_minute),
	RATE(INTEGER, tokens_per_minute),
#undef MEMBER
#undef RATE
};

static const void *field_of(const struct constraints *c, size_t i)
{
	return (const char *)c + members[i].offset;
}

static json_t *list_json(const struct config_list *list)
{
	json_t *all;

	if (!list->count)
		return NULL;
	all = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(all, json_string(list->items[i]));
	return all;
}

static json_t *member_json(const struct constraints *c, size_t i)
{
	const void *field = field_of(c, i);

	switch (members[i].kind) {
	case LIST:
		return list_json(field);
	case REAL:
		return *(const double *)field > 0 ? json_real(*(const double *)field) : NULL;
	case INTEGER:
		return *(const int64_t *)field > 0 ? json_integer(*(const int64_t *)field) : NULL;
	}
	return NULL;
}

/* owner: of one that is the token's own, or NULL. */
static json_t *budget_json(const struct budget *b, const char *owner)
{
	json_t *amount = b->amount_micros % MICROS == 0
				 ? json_integer(b->amount_micros / MICROS)
				 : json_real((double)b->amount_micros / MICROS);
	json_t *one = json_pack("{s:o, s:s, s:s}", "amount", amount, "currency",
				b->currency == BUDGET_EUR ? "EUR" : "USD", "per",
				b->period == BUDGET_DAY ? "day" : "month");

	if (b->model)
		json_object_set_new(one, "model", json_string(b->model));
	if (b->owner || owner)
		json_object_set_new(one, "owner", json_string(b->owner ? b->owner : owner));
	if (b->allow_unknown)
		json_object_set_new(one, "unknown", json_string("allow"));
	return one;
}

static json_t *rates_json(const char *owner, const struct rates *r)
{
	json_t *one = json_pack("{s:s}", "owner", owner);

	if (r->rate_limit_per_second > 0)
		json_object_set_new(one, "rate_limit_per_second", json_real(r->rate_limit_per_second));
	if (r->rate_limit_burst > 0)
		json_object_set_new(one, "rate_limit_burst", json_integer(r->rate_limit_burst));
	if (r->requests_per_minute > 0)
		json_object_set_new(one, "requests_per_minute", json_integer(r->requests_per_minute));
	if (r->tokens_per_minute > 0)
		json_object_set_new(one, "tokens_per_minute", json_integer(r->tokens_per_minute));
	return one;
}

/* Those that keys of the owner draw on: his, and those that he does. */
static json_t *shared_json(const struct constraints *c, const char *owner)
{
	json_t *all = json_array(), *own = owner ? rates_json(owner, &c->rates) : NULL;

	for (size_t i = 0; i < c->shared_count; i++)
		json_array_append_new(all, rates_json(c->shared[i].owner, &c->shared[i].rates));
	if (json_object_size(own) > 1)
		json_array_append(all, own);
	json_decref(own);
	if (json_array_size(all) > 0)
		return all;
	json_decref(all);
	return NULL;
}

static json_t *constraints_of_owner(const struct constraints *c, const char *owner)
{
	json_t *all = json_object(), *shared = shared_json(c, owner), *budgets;

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		json_t *value = member_json(c, i);

		if (value)
			json_object_set_new(all, members[i].name, value);
	}
	if (shared)
		json_object_set_new(all, "shared", shared);
	if (!c->budget_count)
		return all;
	budgets = json_array();
	for (size_t i = 0; i < c->budget_count; i++)
		json_array_append_new(budgets, budget_json(&c->budgets[i], owner));
	json_object_set_new(all, "budgets", budgets);
	return all;
}

json_t *constraints_json(const struct constraints *c)
{
	return constraints_of_owner(c, NULL);
}

json_t *constraints_inherit(const struct constraints *maker, const char *owner, json_t *asked)
{
	json_t *all = constraints_of_owner(maker, owner), *own = json_object_get(all, "budgets"), *value;
	const char *name;

	json_object_foreach(asked, name, value)
	{
		if (own && strcmp(name, "budgets") == 0)
			json_array_extend(own, value);
		else
			json_object_set(all, name, value);
	}
	return all;
}

static bool covers_list(const struct config_list *maker, const struct config_list *list)
{
	if (maker->count > 0 && list->count == 0)
		return false;
	for (size_t i = 0; i < list->count; i++)
		if (!list_admits(maker, span_str(list->items[i])))
			return false;
	return true;
}

static bool covers_member(const struct constraints *maker, const struct constraints *c, size_t i)
{
	const void *limit = field_of(maker, i), *field = field_of(c, i);
	double most, value;

	if (members[i].kind == LIST)
		return covers_list(limit, field);
	most = members[i].kind == REAL ? *(const double *)limit : (double)*(const int64_t *)limit;
	value = members[i].kind == REAL ? *(const double *)field : (double)*(const int64_t *)field;
	return most <= 0 || (value > 0 && value <= most);
}

static bool has_budget(const struct constraints *c, const struct budget *b)
{
	for (size_t i = 0; i < c->budget_count; i++) {
		const struct budget *own = &c->budgets[i];

		if (own->currency == b->currency && own->period == b->period &&
		    own->amount_micros <= b->amount_micros &&
		    (!own->allow_unknown || b->allow_unknown) &&
		    span_equal(span_str(own->model), span_str(b->model)))
			return true;
	}
	return false;
}

bool constraints_cover(const struct constraints *maker, const struct constraints *c,
		       const char **member)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (!covers_member(maker, c, i)) {
			*member = members[i].name;
			return false;
		}
	for (size_t i = 0; i < maker->budget_count; i++)
		if (!has_budget(c, &maker->budgets[i])) {
			*member = "budgets";
			return false;
		}
	return true;
}
