/*
 * common/upstream/routing_backends.c - the backends of a routing, their health and what looks at
 * them found.
 */
#include "common/upstream/routing_inside.h"

#include <stdatomic.h>
#include <string.h>

#include "common/base/mem.h"

struct backend *routing_backend_find(const struct routing *r, const char *name)
{
	for (size_t i = 0; i < r->backend_count; i++)
		if (strcmp(r->backends[i].name, name) == 0)
			return &r->backends[i];
	return NULL;
}

size_t routing_backend_index(const struct routing *r, const struct backend *b)
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

	if (routing_backend_find(r, s->entry->name))
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
void routing_make_backends(struct routing *r, const struct config *c, char *const *environment,
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
		if ((!p->base_url && p->dialect != DIALECT_BUILTIN) || routing_backend_find(r, p->name))
			continue;
		s.provider = p;
		if (add_backend(r, &s, &one) < 0)
			err_gather(faults, &one);
	}
}

void routing_take_over_health(struct routing *r, const struct routing *previous)
{
	for (size_t i = 0; i < r->backend_count; i++) {
		struct backend *b = &r->backends[i];
		struct backend *old = previous ? routing_backend_find(previous, b->name) : NULL;

		if (!old || b->disabled_why || old->disabled_why || !backend_is_same(b, old))
			continue;
		atomic_store(&b->status, atomic_load(&old->status));
		atomic_store(&b->latency_us, atomic_load(&old->latency_us));
		atomic_store(&b->trouble, atomic_load(&old->trouble));
		trouble_take_over(&b->told, &old->told);
		if (!r->discover)
			continue;
		pthread_mutex_lock(&previous->found->lock);
		const struct found_state *from =
			&previous->found->states[routing_backend_index(previous, old)];
		struct found_state *to = &r->found->states[i];
		found_copy(&from->list, &to->list);
		to->known = from->known;
		to->misses = from->misses;
		pthread_mutex_unlock(&previous->found->lock);
	}
}

struct found_table *routing_found_table_new(size_t count)
{
	struct found_table *t = mem_new(struct found_table);

	pthread_mutex_init(&t->lock, NULL);
	t->states = mem_calloc(count, sizeof *t->states);
	return t;
}

void routing_found_table_free(struct found_table *t, size_t count)
{
	if (!t)
		return;
	for (size_t i = 0; i < count; i++)
		found_clear(&t->states[i].list);
	mem_free(t->states);
	pthread_mutex_destroy(&t->lock);
	mem_free(t);
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
