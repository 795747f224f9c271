/*
 * common/upstream/routing_chains.c - from the catalogue's models to the targets of each alias.
 */
#include "common/upstream/routing_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

/* --- discovered models --- */

static bool model_has_link(const struct model *m, const char *backend, const char *model)
{
	for (size_t i = 0; m && i < m->chain_count; i++)
		if (m->chain[i].backend && strcmp(m->chain[i].backend, backend) == 0 &&
		    strcmp(m->chain[i].model, model) == 0)
			return true;
	return false;
}

void routing_add_discovered(struct routing *r)
{
	for (size_t i = 0; i < r->backend_count; i++) {
		const struct backend *b = &r->backends[i];
		const struct found_list *list = &r->found->states[i].list;

		for (size_t k = 0; k < list->count; k++) {
			const struct found_model *f = &list->items[k];
			char *alias = found_alias(f->id);

			if (!model_has_link(catalog_find(r->catalog, span_str(alias)), b->name,
					    f->id))
				catalog_add_discovered(r->catalog, alias, f->kind, b->name, f->id,
						       f->context_window);
			mem_free(alias);
		}
	}
}

/* --- chains --- */

/* Steps through all links that a model's chain reaches, in order, each alias once. */
struct flatten {
	const struct catalog *catalog;
	void (*step)(void *arg, const struct model_link *link, const struct model *of);
	void *arg;
	const struct model **seen; /* aliases entered */
	size_t seen_count;
};

static void flatten(struct flatten *f, const struct model *m)
{
	for (size_t i = 0; i < f->seen_count; i++)
		if (f->seen[i] == m)
			return;
	f->seen[f->seen_count++] = m;
	for (size_t i = 0; i < m->chain_count; i++) {
		if (m->chain[i].backend)
			f->step(f->arg, &m->chain[i], m);
		else
			flatten(f, catalog_find(f->catalog, span_str(m->chain[i].model)));
	}
}

void routing_flatten(const struct catalog *c, const struct model *m,
		     void (*step)(void *, const struct model_link *, const struct model *),
		     void *arg)
{
	struct flatten f = { c, step, arg, NULL, 0 };

	f.seen = mem_calloc(m->composite ? catalog_count(c) : 1, sizeof(struct model *));
	flatten(&f, m);
	mem_free(f.seen);
}

/* Whether a target may be called at all. */
static bool is_offered(const struct routing *r, const struct backend *b, const char *model)
{
	if (b->disabled_why)
		return false;
	if (!b->automatic || !b->provider->probe_port)
		return true;
	const struct found_state *s = &r->found->states[routing_backend_index(r, b)];
	if (!s->known)
		return false;
	return !(b->provider->quirks & QUIRK_EXACT_MODELS) || s->list.truncated ||
	       found_has(&s->list, model);
}

static void add_line(struct buf *out, const char *name, const char *value)
{
	if (http1_is_field_value(span_str(value)))
		buf_printf(out, "%s: %s\r\n", name, value);
}

static struct span tell(const struct target *t)
{
	struct buf lines;

	buf_init(&lines, 64 * KIB);
	add_line(&lines, "SPASS-Resolved-Model", t->link_model->alias);
	add_line(&lines, "SPASS-Resolved-Backend", t->backend->name);
	return span_str(buf_take(&lines));
}

void routing_clear_route(struct route *r)
{
	for (size_t i = 0; i < r->count; i++)
		mem_free((void *)(uintptr_t)r->targets[i].told.ptr); /* NOLINT(performance-no-int-to-ptr): our own */
	mem_free(r->targets);
}

struct chain_maker {
	struct routing *routing;
	struct route *route;
	size_t capacity;
};

static void add_target(void *arg, const struct model_link *link, const struct model *of)
{
	struct chain_maker *k = arg;
	struct route *route = k->route;
	struct backend *b = routing_backend_find(k->routing, link->backend);

	/* A draft's entry that was not fit has no backend; its fault is the configuration's. */
	if (!b || !is_offered(k->routing, b, link->model))
		return;
	for (size_t i = 0; i < route->count; i++)
		if (route->targets[i].backend == b &&
		    strcmp(route->targets[i].model, link->model) == 0)
			return;
	if (route->count == k->capacity) {
		k->capacity = k->capacity ? 2 * k->capacity : 4;
		route->targets = mem_realloc(route->targets, k->capacity * sizeof *route->targets);
	}
	const struct price_row *row = prices_find(k->routing->prices, b->name, link->model);

	struct target *t = &route->targets[route->count++];

	*t = (struct target){
		.backend = b,
		.model = link->model,
		.link_model = of,
		.price = row ? &row->price : NULL,
	};
	t->told = tell(t);
}

/* Whether there is one of that name, fit or not. */
static bool is_backend(const struct routing *r, const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->backend_count; i++)
		if (strcmp(c->backends[i].name, name) == 0)
			return true;
	return routing_backend_find(r, name);
}

void routing_check_links(const struct routing *r, const struct config *c, const struct model *m,
			 struct err *faults)
{
	for (size_t i = 0; i < m->chain_count; i++) {
		const struct model_link *link = &m->chain[i];

		if (link->backend && !is_backend(r, c, link->backend))
			err_add(faults, E_invalid_config, "chain", "%s: %s: chain: there is no backend \"%s\"",
				link->where, m->alias, link->backend);
	}
}

void routing_check_prices(const struct routing *r, const struct config *c, struct err *faults)
{
	json_t *rows = c->file ? json_object_get(yml_root(c->file), "prices") : NULL, *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "backend"));

		if (name && !is_backend(r, c, name))
			err_add(faults, E_invalid_config, "prices", "%s:%d: prices: there is no backend \"%.64s\"",
				yml_name(c->file), yml_member_line(c->file, row, "backend"), name);
	}
}

static int by_alias(const void *a, const void *b)
{
	return strcmp(((const struct route *)a)->model->alias,
		      ((const struct route *)b)->model->alias);
}

static bool takes_image_urls(const struct route *route)
{
	for (size_t i = 0; i < route->count; i++) {
		const struct target *t = &route->targets[i];

		if (!(t->backend->provider->quirks & QUIRK_ACCEPTS_IMAGE_URL) &&
		    !t->link_model->accepts_image_url)
			return false;
	}
	return route->count > 0;
}

/* The catalogue does not know providers: what all of an alias's take, the alias takes. */
static void note_image_urls(struct routing *r)
{
	bool *takes = mem_calloc(r->route_count, sizeof *takes);

	for (size_t i = 0; i < r->route_count; i++)
		takes[i] = takes_image_urls(&r->routes[i]);
	for (size_t i = 0; i < r->route_count; i++)
		if (takes[i])
			catalog_accept_image_urls(r->catalog, r->routes[i].model);
	mem_free(takes);
}

void routing_make_routes(struct routing *r)
{
	r->route_count = catalog_count(r->catalog);
	r->routes = mem_calloc(r->route_count, sizeof *r->routes);
	for (size_t i = 0; i < r->route_count; i++) {
		struct chain_maker k = { r, &r->routes[i], 0 };

		r->routes[i].model = catalog_at(r->catalog, i);
		r->routes[i].alias = span_str(r->routes[i].model->alias);
		routing_flatten(r->catalog, r->routes[i].model, add_target, &k);
	}
	note_image_urls(r);
	qsort(r->routes, r->route_count, sizeof *r->routes, by_alias);
}
