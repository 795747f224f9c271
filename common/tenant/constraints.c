/*
 * common/tenant/constraints.c - what narrows a token: read, compared, freed.
 */
#include <math.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"
#include "common/tenant/reading.h"

enum { BUDGETS_MAX = 100, SHARED_MAX = 32, AMOUNT_MAX = 1000000000, MICROS = 1000000 };

const struct constraints no_constraints;

void name_list_free(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->items[i]);
	mem_free(list->items);
	*list = (struct config_list){ .count = 0 };
}

void budgets_free(struct budget *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(rows[i].model);
		mem_free(rows[i].owner);
	}
	mem_free(rows);
}

static void clear(struct constraints *c)
{
	name_list_free(&c->models);
	name_list_free(&c->agents);
	name_list_free(&c->endpoints);
	budgets_free(c->budgets, c->budget_count);
	mem_free(c->shared);
}

void constraints_free(const struct constraints *c)
{
	struct constraints *own;

	if (!c || c == &no_constraints)
		return;
	own = (struct constraints *)(uintptr_t)c; /* NOLINT(performance-no-int-to-ptr): from the heap */
	clear(own);
	mem_free(own);
}

bool list_admits(const struct config_list *list, struct span text)
{
	for (size_t i = 0; i < list->count; i++) {
		struct span item = span_str(list->items[i]);

		if (item.len > 0 && item.ptr[item.len - 1] == '*' && text.len >= item.len - 1)
			item.len--;
		else if (item.len != text.len)
			continue;
		if (span_equal(item, span_of(text.ptr, item.len)))
			return true;
	}
	return list->count == 0;
}

bool tenancy_admits_model(const struct tenant *tenant, const struct token *token, struct span alias)
{
	if (tenant && !list_admits(&tenant->models_allowlist, alias))
		return false;
	if (tenant && tenant->models_blacklist.count > 0 &&
	    list_admits(&tenant->models_blacklist, alias))
		return false;
	return !token || list_admits(&token->constraints->models, alias);
}

/* Budgets */

/* 10, 10.5: exact to the millionth. */
static int read_amount(struct reading *r, const struct member *m, json_t *value, void *field)
{
	double amount = json_number_value(value);

	(void)m;
	if (!json_is_number(value) || !(amount * MICROS >= 1) || amount > AMOUNT_MAX)
		return reading_fault(r, "must be a number above 0, at most %d", AMOUNT_MAX);
	*(int64_t *)field = json_is_integer(value) ? json_integer_value(value) * MICROS
						   : llround(amount * MICROS);
	return 0;
}

static int read_choice(struct reading *r, json_t *value, const char *const names[2], int *choice)
{
	for (int i = 0; i < 2; i++)
		if (json_is_string(value) && strcmp(json_string_value(value), names[i]) == 0) {
			*choice = i;
			return 0;
		}
	return reading_fault(r, "must be %s or %s", names[0], names[1]);
}

static int read_currency(struct reading *r, const struct member *m, json_t *value, void *field)
{
	static const char *const names[] = { [BUDGET_EUR] = "EUR", [BUDGET_USD] = "USD" };
	int choice = 0;

	(void)m;
	if (read_choice(r, value, names, &choice) < 0)
		return -1;
	*(enum budget_currency *)field = (enum budget_currency)choice;
	return 0;
}

static int read_period(struct reading *r, const struct member *m, json_t *value, void *field)
{
	static const char *const names[] = { [BUDGET_DAY] = "day", [BUDGET_MONTH] = "month" };
	int choice = 0;

	(void)m;
	if (read_choice(r, value, names, &choice) < 0)
		return -1;
	*(enum budget_period *)field = (enum budget_period)choice;
	return 0;
}

static int read_unknown(struct reading *r, const struct member *m, json_t *value, void *field)
{
	static const char *const names[] = { "refuse", "allow" };
	int choice = 0;

	(void)m;
	if (read_choice(r, value, names, &choice) < 0)
		return -1;
	*(bool *)field = choice == 1;
	return 0;
}

static int read_owner(struct reading *r, const struct member *m, json_t *value, void *field)
{
	if (!r->is_stored)
		return reading_fault(r, "is the gateway's to say");
	return read_own_text(r, m, value, field);
}

static const struct member budget_members[] = {
	{ "amount", read_amount, offsetof(struct budget, amount_micros), .is_required = true },
	{ "currency", read_currency, offsetof(struct budget, currency), .is_required = true },
	{ "per", read_period, offsetof(struct budget, period), .is_required = true },
	{ "model", read_own_text, offsetof(struct budget, model), 1, 256, false },
	{ "owner", read_owner, offsetof(struct budget, owner), 1, TOKEN_ID_SIZE - 1, false },
	{ "unknown", read_unknown, offsetof(struct budget, allow_unknown), .is_required = false },
};

int read_budgets(struct reading *r, const struct member *m, json_t *value, void *field)
{
	struct budget_list *list = field;
	int line = r->line;
	json_t *item;
	size_t i;

	(void)m;
	if (!json_is_array(value) || json_array_size(value) > BUDGETS_MAX)
		return reading_fault(r, "must be a list of at most %d budgets", BUDGETS_MAX);
	if (json_array_size(value) == 0)
		return 0;
	list->rows = mem_calloc(json_array_size(value), sizeof *list->rows);
	json_array_foreach(value, i, item)
	{
		struct budget *row = &list->rows[list->count++];
		size_t before = reading_enter_at(r, i);

		if (r->file && yml_line(r->file, item))
			r->line = yml_line(r->file, item);
		row->line = r->file ? r->line : 0;
		if (reading_object(r, item, budget_members, ARRAY_LEN(budget_members), row) < 0)
			return -1;
		reading_leave(r, before);
		r->line = line;
	}
	return 0;
}

/* Constraints */

static int read_own_budgets(struct reading *r, const struct member *m, json_t *value, void *field)
{
	struct constraints *c = container_of(field, struct constraints, budgets);
	struct budget_list list = { .count = 0 };
	int result = read_budgets(r, m, value, &list);

	c->budgets = list.rows;
	c->budget_count = list.count;
	return result;
}

void token_bucket(const char *id, uint8_t out[DIGEST_SIZE])
{
	digest_sha256(span_str(id), out);
}

#define RATES(base)                                                                               \
	{ "rate_limit_per_second", read_real, (base) + offsetof(struct rates, rate_limit_per_second), 0, \
	  1000000, false },                                                                        \
	{ "rate_limit_burst", read_int, (base) + offsetof(struct rates, rate_limit_burst), 0, 1000000,  \
	  false },                                                                                 \
	{ "requests_per_minute", read_int, (base) + offsetof(struct rates, requests_per_minute), 0,     \
	  INT32_MAX, false },                                                                      \
	{ "tokens_per_minute", read_int, (base) + offsetof(struct rates, tokens_per_minute), 0,         \
	  INT32_MAX, false }

/* A row while it is read: the owner is borrowed. */
struct shared_form {
	const char *owner;
	struct rates rates;
};

static const struct member shared_members[] = {
	{ "owner", read_text, offsetof(struct shared_form, owner), 1, TOKEN_ID_SIZE - 1, true },
	RATES(offsetof(struct shared_form, rates)),
};

static int read_shared(struct reading *r, const struct member *m, json_t *value, void *field)
{
	struct constraints *c = container_of(field, struct constraints, shared);
	json_t *item;
	size_t i;

	(void)m;
	if (!r->is_stored)
		return reading_fault(r, "is the gateway's to say");
	if (!json_is_array(value) || json_array_size(value) > SHARED_MAX)
		return reading_fault(r, "must be a list of at most %d", SHARED_MAX);
	c->shared = mem_calloc(json_array_size(value) + 1, sizeof *c->shared);
	json_array_foreach(value, i, item)
	{
		struct shared_rates *row = &c->shared[c->shared_count++];
		struct shared_form form = { .owner = "" };
		size_t before = reading_enter_at(r, i);

		if (reading_object(r, item, shared_members, ARRAY_LEN(shared_members), &form) < 0)
			return -1;
		reading_leave(r, before);
		row->rates = form.rates;
		memccpy(row->owner, form.owner, 0, sizeof row->owner - 1);
		token_bucket(row->owner, row->bucket);
	}
	return 0;
}

#define FIELD(name) offsetof(struct constraints, name)
static const struct member constraint_members[] = {
	{ "models", read_names, FIELD(models), 0, 0, false },
	{ "agents", read_names, FIELD(agents), 0, 0, false },
	{ "endpoints", read_names, FIELD(endpoints), 0, 0, false },
	{ "max_tokens", read_int, FIELD(max_tokens), 0, INT32_MAX, false },
	RATES(FIELD(rates)),
	{ "shared", read_shared, FIELD(shared), 0, 0, false },
	{ "budgets", read_own_budgets, FIELD(budgets), 0, 0, false },
};

static int check_endpoints(struct reading *r, const struct constraints *c)
{
	for (size_t i = 0; i < c->endpoints.count; i++)
		if (c->endpoints.items[i][0] != '/') {
			reading_enter(r, "endpoints");
			reading_enter_at(r, i);
			return reading_fault(r, "must be a path, such as /v1/chat/completions or /c1/*");
		}
	return 0;
}

int read_constraints(struct reading *r, const struct member *m, json_t *value, void *field)
{
	struct constraints *c = mem_new(struct constraints);

	(void)m;
	if (reading_object(r, value, constraint_members, ARRAY_LEN(constraint_members), c) < 0 ||
	    check_endpoints(r, c) < 0) {
		constraints_free(c);
		return -1;
	}
	*(struct constraints **)field = c;
	return 0;
}
