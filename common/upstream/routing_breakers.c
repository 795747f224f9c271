/*
 * common/upstream/routing_breakers.c - one breaker for each (backend, model) that chains lead to.
 */
#include "common/upstream/routing_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

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
	const struct backend *old = previous ? routing_backend_find(previous, k->backend->name) : NULL;
	struct breaker *b = NULL;

	if (old && strcmp(old->base_url, k->backend->base_url) == 0)
		b = breaker_find(previous, old, k->model);
	if (!b)
		return breaker_new((int)c->breaker_failures, c->breaker_rest);
	breaker_configure(b, (int)c->breaker_failures, c->breaker_rest);
	return breaker_ref(b);
}

void routing_make_breakers(struct routing *r, const struct config *c, const struct routing *previous)
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

size_t routing_resting(const struct routing *r, const struct backend *b, int64_t now_ms, const char **models,
		       size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < r->breaker_count; i++) {
		const struct kept_breaker *k = &r->breakers[i];

		if (k->backend != b || breaker_state(k->breaker, now_ms) == BREAKER_CLOSED)
			continue;
		if (count < max)
			models[count] = k->model;
		count++;
	}
	return count;
}
