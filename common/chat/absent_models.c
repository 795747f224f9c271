/*
 * common/chat/absent_models.c - see absent_models.h.
 */
#include "common/chat/absent_models.h"

#include <stdio.h>

#include "common/base/near.h"

enum { PLACE_MAX = 256 };

struct search {
	const struct catalog *catalog;
	bool misspelt;
	struct buf *out;
	const char *what, *id; /* whose list it is */
};

/* name as in the lists: with a * at its end, whatever begins so. */
/* The items of a list are not const.  NOLINTNEXTLINE(readability-non-const-parameter) */
static bool is_there(const struct catalog *c, char *name)
{
	const struct config_list one = { &name, 1 };

	for (size_t i = 0; i < catalog_count(c); i++)
		if (list_admits(&one, span_str(catalog_at(c, i)->alias)))
			return true;
	return false;
}

/* place: the list that has it, and whose it is. */
static void look_at_name(const struct search *s, const char *place, char *name)
{
	struct near near;

	if (is_there(s->catalog, name))
		return;
	near_init(&near, span_str(name));
	for (size_t i = 0; i < catalog_count(s->catalog); i++)
		near_offer(&near, catalog_at(s->catalog, i)->alias);
	if (s->misspelt && !near_best(&near))
		return;
	buf_printf(s->out, "%s: there is no model \"%.128s\" now%s%s%s\n", place, name,
		   near_best(&near) ? "; did you mean " : "", near_best(&near) ? near_best(&near) : "",
		   near_best(&near) ? "?" : "");
}

static void look_at(const struct search *s, const char *list, char *name)
{
	char place[PLACE_MAX];

	snprintf(place, sizeof place, "%s %.128s: %s", s->what, s->id, list);
	look_at_name(s, place, name);
}

static void look_at_names(const struct search *s, const char *list, const struct config_list *names)
{
	for (size_t i = 0; i < names->count; i++)
		look_at(s, list, names->items[i]);
}

static void look_at_budgets(const struct search *s, const struct budget *budgets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (budgets[i].model)
			look_at(s, "budgets", budgets[i].model);
}

/* Lists of the process hold for all tenants, and would be told of each. */
static void look_at_tenant(struct search *s, const struct tenant *tenant)
{
	s->what = "tenant";
	s->id = tenant->id;
	if (tenant->settings[SETTING_KEY_models_allowlist])
		look_at_names(s, "models_allowlist", &tenant->models_allowlist);
	if (tenant->settings[SETTING_KEY_models_blacklist])
		look_at_names(s, "models_blacklist", &tenant->models_blacklist);
	look_at_budgets(s, tenant->budgets, tenant->budget_count);
}

static void look_at_default(const struct search *s, const struct config *c)
{
	char where[CONFIG_WHERE_MAX], place[PLACE_MAX];

	if (!*c->default_model)
		return;
	snprintf(place, sizeof place, "%s: default_model", config_place(c, CONFIG_KEY_default_model, where));
	look_at_name(s, place, c->default_model);
}

void absent_models(const struct config *c, const struct tenancy *t, const struct routing *r, bool misspelt,
		   struct buf *out)
{
	struct search s = { .catalog = routing_catalog(r), .misspelt = misspelt, .out = out };

	look_at_default(&s, c);
	for (size_t i = 0; i < tenancy_count(t); i++)
		look_at_tenant(&s, tenancy_at(t, i));
	s.what = "token";
	for (size_t i = 0; i < tenancy_token_count(t); i++) {
		const struct token *token = tenancy_token_at(t, i);

		s.id = token->id;
		look_at_names(&s, "constraints.models", &token->constraints->models);
		look_at_budgets(&s, token->constraints->budgets, token->constraints->budget_count);
	}
}
