/*
 * common/upstream/routing.c - puts backends, chains and breakers together, and answers questions about them.
 */
#include "common/upstream/routing.h"

#include <stdatomic.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/upstream/builtin.h"
#include "common/upstream/routing_inside.h"

static size_t slot_of(const struct routing *r, struct span alias)
{
	return (size_t)bytes_hash(0, alias.ptr, alias.len) & r->slot_mask;
}

static const struct route *route_find(const struct routing *r, struct span alias)
{
	for (size_t slot = slot_of(r, alias); r->slots[slot]; slot = (slot + 1) & r->slot_mask)
		if (span_equal(r->slots[slot]->alias, alias))
			return r->slots[slot];
	return NULL;
}

/* The routes have their final places. */
static void make_slots(struct routing *r)
{
	size_t count = 16;

	while (count < 4 * r->route_count)
		count *= 2;
	r->slots = mem_calloc(count, sizeof *r->slots); /* NOLINT(bugprone-sizeof-expression): of pointers */
	r->slot_mask = count - 1;
	for (size_t i = 0; i < r->route_count; i++) {
		size_t slot = slot_of(r, r->routes[i].alias);

		while (r->slots[slot])
			slot = (slot + 1) & r->slot_mask;
		r->slots[slot] = &r->routes[i];
	}
}

/* --- building --- */

static const char *given(const char *text)
{
	return text && *text ? text : NULL;
}

/* All that is wrong is told at once, as far as one fault does not come of another. */
static int read_sources(struct routing *r, const struct config *c, char *const *environment,
			struct err *err)
{
	struct err faults = ERR_INIT;

	routing_make_backends(r, c, environment, &faults);
	r->found = routing_found_table_new(r->backend_count);
	(void)catalog_load(&r->catalog, given(c->catalog_file), c->file, &faults);
	for (size_t i = 0; i < catalog_count(r->catalog); i++)
		routing_check_links(r, c, catalog_at(r->catalog, i), &faults);
	r->prices = prices_load(given(c->prices_file), c->file, &faults);
	routing_check_prices(r, c, &faults);
	if (faults.code == E_none)
		return 0;
	if (err)
		*err = faults;
	return -1;
}

static int build(struct routing *r, const struct config *c, char *const *environment,
		 const struct routing *previous, struct err *err)
{
	if (read_sources(r, c, environment, err) < 0)
		return -1;
	routing_take_over_health(r, previous);
	routing_add_discovered(r);
	routing_make_routes(r);
	make_slots(r);
	routing_make_breakers(r, c, previous);
	/* Before the first look a model may still be found at a local server. */
	if (r->default_model && (previous || !r->discover) &&
	    catalog_find(r->catalog, span_str(r->default_model)) &&
	    !routing_find(r, span_str(r->default_model)))
		log_warn("upstream", "default_model %s is not offered; %s takes its place",
			 r->default_model, routing_default(r)->alias);
	return 0;
}

struct routing *routing_new(const struct config *c, char *const *environment,
			    const struct routing *previous, struct err *err)
{
	struct routing *r = mem_new(struct routing);

	r->discover = c->discover;
	r->created_s = previous ? previous->created_s : clock_wall_ms() / 1000;
	r->default_model = given(c->default_model) ? mem_strdup(c->default_model) : NULL;
	if (build(r, c, environment, previous, err) == 0)
		return r;
	routing_free(r);
	return NULL;
}

void routing_free(struct routing *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->breaker_count; i++)
		breaker_unref(r->breakers[i].breaker);
	mem_free(r->breakers);
	for (size_t i = 0; i < r->route_count; i++)
		routing_clear_route(&r->routes[i]);
	mem_free(r->routes);
	mem_free(r->slots);
	catalog_free(r->catalog);
	prices_free(r->prices);
	routing_found_table_free(r->found, r->backend_count);
	for (size_t i = 0; i < r->backend_count; i++)
		backend_clear(&r->backends[i]);
	mem_free(r->backends);
	mem_free(r->default_model);
	mem_free(r);
}

const struct catalog *routing_catalog(const struct routing *r)
{
	return r->catalog;
}

bool routing_has_prices(const struct routing *r)
{
	for (size_t i = 0; i < r->route_count; i++)
		for (size_t k = 0; k < r->routes[i].count; k++)
			if (r->routes[i].targets[k].price)
				return true;
	return false;
}

bool target_is_free(const struct target *t)
{
	return t->backend->provider->quirks & QUIRK_LOCAL;
}

size_t routing_backend_count(const struct routing *r)
{
	return r->backend_count;
}

struct backend *routing_backend(const struct routing *r, size_t index)
{
	return index < r->backend_count ? &r->backends[index] : NULL;
}

int64_t routing_created_s(const struct routing *r)
{
	return r->created_s;
}

const struct model *routing_find(const struct routing *r, struct span alias)
{
	const struct route *route = route_find(r, alias);

	return route ? route->model : NULL;
}

const struct target *routing_chain(const struct routing *r, const struct model *m, size_t *count)
{
	const struct route *route = route_find(r, span_str(m->alias));

	*count = route ? route->count : 0;
	return route ? route->targets : NULL;
}

struct name_list {
	const char **names;
	size_t count, max;
};

static void add_name(void *arg, const struct model_link *link, const struct model *of)
{
	struct name_list *l = arg;

	(void)of;
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->names[i], link->backend) == 0)
			return;
	if (l->count < l->max)
		l->names[l->count++] = link->backend;
}

size_t routing_chain_backends(const struct routing *r, const struct model *m, const char **names,
			      size_t max)
{
	struct name_list l = { names, 0, max };

	routing_flatten(r->catalog, m, add_name, &l);
	return l.count;
}

bool routing_is_available(const struct routing *r, const struct model *m)
{
	size_t count;
	const struct target *targets = routing_chain(r, m, &count);

	for (size_t i = 0; i < count; i++)
		if (targets[i].backend->provider->dialect != DIALECT_BUILTIN &&
		    atomic_load(&targets[i].backend->status) == BACKEND_AVAILABLE)
			return true;
	return false;
}

bool routing_may_be_available(const struct routing *r, const struct model *m)
{
	size_t count;
	const struct target *targets = routing_chain(r, m, &count);

	for (size_t i = 0; i < count; i++)
		if (!(targets[i].backend->automatic && target_is_free(&targets[i])) &&
		    atomic_load(&targets[i].backend->status) == BACKEND_UNKNOWN)
			return true;
	return routing_is_available(r, m);
}

const struct model *routing_default(const struct routing *r)
{
	const struct model *m =
		r->default_model ? routing_find(r, span_str(r->default_model)) : NULL;

	if (m)
		return m;
	for (size_t i = 0; i < catalog_count(r->catalog); i++) {
		m = catalog_at(r->catalog, i);
		if (m->kind == MODEL_CHAT && routing_is_available(r, m))
			return m;
	}
	return routing_find(r, SPAN_LIT(BUILTIN_CHAT_MODEL));
}

const struct model *routing_default_embedder(const struct routing *r)
{
	for (size_t i = 0; i < catalog_count(r->catalog); i++) {
		const struct model *m = catalog_at(r->catalog, i);

		if (m->kind == MODEL_EMBEDDING && routing_is_available(r, m))
			return m;
	}
	return NULL;
}

struct why_not {
	const struct routing *routing;
	struct buf *out;
	bool may_come;
};

static const char *why_not_offered(const struct routing *r, const struct backend *b)
{
	if (b->disabled_why)
		return b->disabled_why;
	return r->found->states[routing_backend_index(r, b)].known ? "its server does not have the model"
							   : "its server was not found";
}

static void add_why_not(void *arg, const struct model_link *link, const struct model *of)
{
	struct why_not *w = arg;
	const struct backend *b = routing_backend_find(w->routing, link->backend);
	struct span name;
	ptrdiff_t before;

	(void)of;
	if (!b)
		return;
	name = span_str(b->name);
	before = span_find(buf_span(w->out), name);
	w->may_come |= !b->disabled_why;
	if (before >= 0 && w->out->ptr[(size_t)before + name.len] == ':')
		return;
	buf_printf(w->out, "%s%s: %s", w->out->len ? "; " : "", b->name, why_not_offered(w->routing, b));
}

bool routing_why_not(const struct routing *r, const struct model *m, struct buf *out)
{
	struct why_not w = { .routing = r, .out = out };

	routing_flatten(r->catalog, m, add_why_not, &w);
	return w.may_come;
}
