/*
 * common/upstream/routing.c - builds the backends and the chains, and answers questions about them.
 */
#include "common/upstream/routing.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/upstream/builtin.h"
#include "common/upstream/routing_inside.h"

/* --- backends --- */

static struct backend *backend_find(const struct routing *r, const char *name)
{
	for (size_t i = 0; i < r->backend_count; i++)
		if (strcmp(r->backends[i].name, name) == 0)
			return &r->backends[i];
	return NULL;
}

static size_t backend_index(const struct routing *r, const struct backend *b)
{
	return (size_t)(b - r->backends);
}

static int add_backend(struct routing *r, const struct backend_source *s, struct err *err)
{
	if (backend_init(&r->backends[r->backend_count], s, err) < 0)
		return -1;
	r->backend_count++;
	return 0;
}

static int add_entry(struct routing *r, const struct backend_source *s, struct err *err)
{
	const struct config *c = s->config;
	const struct provider *row = provider_find(s->entry->name);
	const char *file = c->file ? yml_name(c->file) : "configuration";

	if (backend_find(r, s->entry->name))
		return err_set(err, E_invalid_config, "backends", "%s:%d: backends: %s is there twice", file,
			       s->entry->line, s->entry->name);
	if (row && row->dialect == DIALECT_BUILTIN)
		return err_set(err, E_invalid_config, "backends",
			       "%s:%d: backends: %s: the built-in backend cannot be changed", file,
			       s->entry->line, s->entry->name);
	return add_backend(r, s, err);
}

/*
 * The operator's in his order, then the providers' rows that he has not replaced.  All that is
 * wrong with his goes to faults.
 */
static void make_backends(struct routing *r, const struct config *c, char *const *environment,
			  struct err *faults)
{
	struct backend_source s = { .config = c, .environment = environment };
	struct err one = ERR_INIT;
	size_t rows = 0;

	while (provider_table[rows].name)
		rows++;
	r->backends = mem_calloc(c->backend_count + rows, sizeof *r->backends);
	for (size_t i = 0; i < c->backend_count; i++) {
		s.entry = &c->backends[i];
		if (!s.entry->unfit && add_entry(r, &s, &one) < 0)
			err_gather(faults, &one);
	}
	s.entry = NULL;
	for (const struct provider *p = provider_table; p->name; p++) {
		if ((!p->base_url && p->dialect != DIALECT_BUILTIN) || backend_find(r, p->name))
			continue;
		s.provider = p;
		if (add_backend(r, &s, &one) < 0)
			err_gather(faults, &one);
	}
}

static void take_over_health(struct routing *r, const struct routing *previous)
{
	for (size_t i = 0; i < r->backend_count; i++) {
		struct backend *b = &r->backends[i];
		struct backend *old = previous ? backend_find(previous, b->name) : NULL;

		if (!old || b->disabled_why || old->disabled_why || !backend_is_same(b, old))
			continue;
		atomic_store(&b->status, atomic_load(&old->status));
		atomic_store(&b->latency_us, atomic_load(&old->latency_us));
		atomic_store(&b->trouble, atomic_load(&old->trouble));
		if (!r->discover)
			continue;
		pthread_mutex_lock(&previous->found->lock);
		const struct found_state *from =
			&previous->found->states[backend_index(previous, old)];
		struct found_state *to = &r->found->states[i];
		found_copy(&from->list, &to->list);
		to->known = from->known;
		to->misses = from->misses;
		pthread_mutex_unlock(&previous->found->lock);
	}
}

/* --- discovered models --- */

static bool model_has_link(const struct model *m, const char *backend, const char *model)
{
	for (size_t i = 0; m && i < m->chain_count; i++)
		if (m->chain[i].backend && strcmp(m->chain[i].backend, backend) == 0 &&
		    strcmp(m->chain[i].model, model) == 0)
			return true;
	return false;
}

static void add_discovered(struct routing *r)
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

static void flatten_model(const struct catalog *c, const struct model *m,
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
	const struct found_state *s = &r->found->states[backend_index(r, b)];
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

static void route_clear(struct route *r)
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
	struct backend *b = backend_find(k->routing, link->backend);

	assert(b); /* check_links has passed, and every entry was fit */
	if (!is_offered(k->routing, b, link->model))
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
	return backend_find(r, name);
}

static void check_links(const struct routing *r, const struct config *c, const struct model *m,
			struct err *faults)
{
	struct err one = ERR_INIT;

	for (size_t i = 0; i < m->chain_count; i++) {
		if (!m->chain[i].backend || is_backend(r, c, m->chain[i].backend))
			continue;
		err_set(&one, E_invalid_config, "chain", "%s: %s: chain: there is no backend \"%s\"",
			m->chain[i].where, m->alias, m->chain[i].backend);
		err_gather(faults, &one);
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

static void make_routes(struct routing *r)
{
	r->route_count = catalog_count(r->catalog);
	r->routes = mem_calloc(r->route_count, sizeof *r->routes);
	for (size_t i = 0; i < r->route_count; i++) {
		struct chain_maker k = { r, &r->routes[i], 0 };

		r->routes[i].model = catalog_at(r->catalog, i);
		r->routes[i].alias = span_str(r->routes[i].model->alias);
		flatten_model(r->catalog, r->routes[i].model, add_target, &k);
	}
	note_image_urls(r);
	qsort(r->routes, r->route_count, sizeof *r->routes, by_alias);
}

/* --- breakers --- */

static int by_target(const void *a, const void *b)
{
	const struct kept_breaker *x = a, *y = b;

	if (x->backend != y->backend)
		return x->backend < y->backend ? -1 : 1;
	return strcmp(x->model, y->model);
}

static struct breaker *breaker_find(const struct routing *r, const struct backend *b, const char *model)
{
	const struct kept_breaker wanted = { b, model, NULL };
	const struct kept_breaker *kept =
		bsearch(&wanted, r->breakers, r->breaker_count, sizeof wanted, by_target);

	return kept ? kept->breaker : NULL;
}

/* One for each (backend, model) that a chain leads to, sorted and not yet made. */
static void list_breakers(struct routing *r)
{
	size_t total = 0, kept = 0, at = 0;

	for (size_t i = 0; i < r->route_count; i++)
		total += r->routes[i].count;
	struct kept_breaker *all = mem_calloc(total, sizeof *all);
	for (size_t i = 0; i < r->route_count; i++)
		for (size_t k = 0; k < r->routes[i].count; k++) {
			const struct target *t = &r->routes[i].targets[k];

			all[at++] = (struct kept_breaker){ t->backend, t->model, NULL };
		}
	if (total > 0)
		qsort(all, total, sizeof *all, by_target);
	for (size_t i = 0; i < total; i++)
		if (kept == 0 || by_target(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	r->breakers = all;
	r->breaker_count = kept;
}

/* That of an equal target, with its state, or a new one. */
static struct breaker *breaker_take(const struct config *c, const struct routing *previous,
				    const struct kept_breaker *k)
{
	const struct backend *old = previous ? backend_find(previous, k->backend->name) : NULL;
	struct breaker *b = NULL;

	if (old && strcmp(old->base_url, k->backend->base_url) == 0)
		b = breaker_find(previous, old, k->model);
	if (!b)
		return breaker_new((int)c->breaker_failures, c->breaker_rest);
	breaker_configure(b, (int)c->breaker_failures, c->breaker_rest);
	return breaker_ref(b);
}

static void make_breakers(struct routing *r, const struct config *c, const struct routing *previous)
{
	list_breakers(r);
	for (size_t i = 0; i < r->breaker_count; i++)
		r->breakers[i].breaker = breaker_take(c, previous, &r->breakers[i]);
	for (size_t i = 0; i < r->route_count; i++)
		for (size_t k = 0; k < r->routes[i].count; k++) {
			struct target *t = &r->routes[i].targets[k];

			t->breaker = breaker_find(r, t->backend, t->model);
		}
}

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
	r->slots = mem_calloc(count, sizeof *r->slots);
	r->slot_mask = count - 1;
	for (size_t i = 0; i < r->route_count; i++) {
		size_t slot = slot_of(r, r->routes[i].alias);

		while (r->slots[slot])
			slot = (slot + 1) & r->slot_mask;
		r->slots[slot] = &r->routes[i];
	}
}

/* --- the module --- */

static struct found_table *found_table_new(size_t count)
{
	struct found_table *t = mem_new(struct found_table);

	pthread_mutex_init(&t->lock, NULL);
	t->states = mem_calloc(count, sizeof *t->states);
	return t;
}

static const char *given(const char *text)
{
	return text && *text ? text : NULL;
}

/* All that is wrong is told at once, as far as one fault does not come of another. */
static int read_sources(struct routing *r, const struct config *c, char *const *environment,
			struct err *err)
{
	struct err faults = ERR_INIT, one = ERR_INIT;

	make_backends(r, c, environment, &faults);
	r->found = found_table_new(r->backend_count);
	r->catalog = catalog_load(given(c->catalog_file), c->file, &one);
	if (!r->catalog)
		err_gather(&faults, &one);
	for (size_t i = 0; r->catalog && i < catalog_count(r->catalog); i++)
		check_links(r, c, catalog_at(r->catalog, i), &faults);
	r->prices = prices_load(given(c->prices_file), c->file, &one);
	if (!r->prices)
		err_gather(&faults, &one);
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
	take_over_health(r, previous);
	add_discovered(r);
	make_routes(r);
	make_slots(r);
	make_breakers(r, c, previous);
	/* Before the first look a model may still be found at a local server. */
	if (r->default_model && (previous || !r->discover) &&
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

static void found_table_free(struct found_table *t, size_t count)
{
	if (!t)
		return;
	for (size_t i = 0; i < count; i++)
		found_clear(&t->states[i].list);
	mem_free(t->states);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
}

void routing_free(struct routing *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->breaker_count; i++)
		breaker_unref(r->breakers[i].breaker);
	mem_free(r->breakers);
	for (size_t i = 0; i < r->route_count; i++)
		route_clear(&r->routes[i]);
	mem_free(r->routes);
	mem_free(r->slots);
	catalog_free(r->catalog);
	prices_free(r->prices);
	found_table_free(r->found, r->backend_count);
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

	flatten_model(r->catalog, m, add_name, &l);
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

void routing_found(struct routing *r, size_t index, bool answered, struct found_list *list)
{
	struct found_state *s = &r->found->states[index];

	pthread_mutex_lock(&r->found->lock);
	s->misses = answered ? 0 : s->misses + 1;
	if (list && (!s->known || !found_is_equal(&s->list, list))) {
		found_clear(&s->list);
		s->list = *list;
		*list = (struct found_list){ 0 };
		s->known = true;
		r->found->has_news = true;
	} else if (!list && s->known && s->misses >= ROUTING_MISSES_MAX) {
		found_clear(&s->list);
		s->known = false;
		r->found->has_news = true;
	}
	pthread_mutex_unlock(&r->found->lock);
	if (list)
		found_clear(list);
}

bool routing_has_news(const struct routing *r)
{
	pthread_mutex_lock(&r->found->lock);
	bool news = r->found->has_news;
	pthread_mutex_unlock(&r->found->lock);
	return news;
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
	return r->found->states[backend_index(r, b)].known ? "its server does not have the model"
							   : "its server was not found";
}

static void add_why_not(void *arg, const struct model_link *link, const struct model *of)
{
	struct why_not *w = arg;
	const struct backend *b = backend_find(w->routing, link->backend);
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

	flatten_model(r->catalog, m, add_why_not, &w);
	return w.may_come;
}
