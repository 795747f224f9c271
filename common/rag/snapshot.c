/*
 * common/rag/snapshot.c - which snapshots are in memory, who holds them, and which go.
 *
 * What one is made of is snapshot_load.c's.
 */
#include "common/rag/snapshot_inside.h"

#include <string.h>

#include "common/base/mem.h"

/* The snapshot of an index that is current here; the lock of struct rag protects all but load. */
struct rag_cached {
	struct list link; /* in its tenant */
	int64_t index_id;
	struct loaded_snapshot *current; /* counted, or NULL */
	uint64_t used;                   /* by struct rag's tick */
	size_t users;                    /* inside rag_snapshot_take */
	bool is_forgotten;
	pthread_mutex_t load; /* one loads, the others wait for what it loads */
};

static struct loaded_snapshot *hold(struct loaded_snapshot *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static void drop(struct loaded_snapshot *s)
{
	if (s && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		loaded_snapshot_free(s);
}

void rag_snapshot_give(const struct rag_snapshot *s)
{
	drop(loaded_snapshot_of(s));
}

/* ---- under the lock ---- */

static struct rag_cached *find(struct rag_tenant *t, int64_t index_id)
{
	list_each(&t->cached, at)
	{
		struct rag_cached *c = container_of(at, struct rag_cached, link);

		if (c->index_id == index_id && !c->is_forgotten)
			return c;
	}
	return NULL;
}

static struct rag_cached *enter(struct rag_tenant *t, int64_t index_id)
{
	struct rag_cached *c = find(t, index_id);

	if (!c) {
		c = mem_new(struct rag_cached);
		c->index_id = index_id;
		pthread_mutex_init(&c->load, NULL);
		list_push(&t->cached, &c->link);
	}
	c->users++;
	c->used = ++t->rag->tick;
	return c;
}

static void leave(struct rag_cached *c)
{
	if (--c->users > 0 || !c->is_forgotten)
		return;
	list_remove(&c->link);
	pthread_mutex_destroy(&c->load);
	mem_free(c);
}

/* The current one of whoever has not been used for longest, but keep's; taken out of there. */
static struct loaded_snapshot *take_oldest(struct rag *r, const struct rag_cached *keep)
{
	struct rag_cached *oldest = NULL;
	struct loaded_snapshot *s;

	list_each(&r->tenants, at)
	{
		struct rag_tenant *t = container_of(at, struct rag_tenant, link);

		list_each(&t->cached, it)
		{
			struct rag_cached *c = container_of(it, struct rag_cached, link);

			if (c != keep && c->current && (!oldest || c->used < oldest->used))
				oldest = c;
		}
	}
	if (!oldest)
		return NULL;
	s = oldest->current;
	oldest->current = NULL;
	return s;
}

/* ---- */

static struct loaded_snapshot *current_of(struct rag_tenant *t, struct rag_cached *c)
{
	struct loaded_snapshot *s;

	pthread_mutex_lock(&t->rag->lock);
	s = hold(c->current);
	pthread_mutex_unlock(&t->rag->lock);
	return s;
}

static void publish(struct rag_tenant *t, struct rag_cached *c, struct loaded_snapshot *s)
{
	struct loaded_snapshot *old = NULL;

	pthread_mutex_lock(&t->rag->lock);
	if (!c->is_forgotten &&
	    (!c->current || c->current->shown.generation < s->shown.generation)) {
		old = c->current;
		c->current = hold(s);
	}
	pthread_mutex_unlock(&t->rag->lock);
	drop(old);
}

static void evict(struct rag *r, const struct rag_cached *keep)
{
	struct loaded_snapshot *oldest;

	while (atomic_load(&r->loaded) > r->options.memory_max) {
		pthread_mutex_lock(&r->lock);
		oldest = take_oldest(r, keep);
		pthread_mutex_unlock(&r->lock);
		if (!oldest)
			return;
		drop(oldest);
	}
}

/* s is given up when it is of another generation. */
static bool is_right(struct loaded_snapshot *s, const struct rag_row *row)
{
	return s && s->shown.generation == row->generation;
}

static struct loaded_snapshot *load(struct rag_tenant *t, struct rag_cached *c, struct db *db,
				    const struct rag_row *row, struct err *err)
{
	struct loaded_snapshot *before, *s;

	pthread_mutex_lock(&c->load);
	before = current_of(t, c);
	if (is_right(before, row)) {
		pthread_mutex_unlock(&c->load);
		return before;
	}
	s = loaded_snapshot_make(t->rag, db, row, before, err);
	if (s)
		publish(t, c, s);
	pthread_mutex_unlock(&c->load);
	drop(before);
	if (s)
		evict(t->rag, c);
	return s;
}

struct rag_snapshot *rag_snapshot_take(struct rag_tenant *t, struct db *db,
				       const struct rag_row *row, struct err *err)
{
	struct loaded_snapshot *s;
	struct rag_cached *c;

	pthread_mutex_lock(&t->rag->lock);
	c = enter(t, row->id);
	s = hold(c->current);
	pthread_mutex_unlock(&t->rag->lock);
	if (!is_right(s, row)) {
		drop(s);
		s = load(t, c, db, row, err);
	}
	pthread_mutex_lock(&t->rag->lock);
	leave(c);
	pthread_mutex_unlock(&t->rag->lock);
	return s ? &s->shown : NULL;
}

void rag_snapshot_forget(struct rag_tenant *t, int64_t index_id)
{
	struct loaded_snapshot *s = NULL;
	struct rag_cached *c;

	pthread_mutex_lock(&t->rag->lock);
	c = find(t, index_id);
	if (c) {
		s = c->current;
		c->current = NULL;
		c->is_forgotten = true;
		c->users++;
		leave(c);
	}
	pthread_mutex_unlock(&t->rag->lock);
	drop(s);
}

void rag_snapshot_forget_all(struct rag_tenant *t)
{
	struct rag_cached *c;

	while ((c = list_first(&t->cached, struct rag_cached, link)) != NULL)
		rag_snapshot_forget(t, c->index_id);
}

/* ---- views ---- */

int rag_view_open(struct rag *r, struct span tenant, struct span index, struct rag_view *v,
		  struct err *err)
{
	struct rag_row row;

	memset(v, 0, sizeof(*v));
	v->rag = r;
	v->tenant = rag_tenant_find(r, tenant, false, err);
	if (!v->tenant)
		return -1;
	v->db = rag_read_begin(v->tenant, err);
	if (!v->db)
		return -1;
	if (rag_row_get(v->db, index, &row, err) == 0) {
		v->config = row.config;
		v->model = row.model;
		v->snapshot = rag_snapshot_take(v->tenant, v->db, &row, err);
	}
	if (v->snapshot)
		return 0;
	rag_view_close(v);
	return -1;
}

void rag_view_close(struct rag_view *v)
{
	if (v->snapshot)
		rag_snapshot_give(v->snapshot);
	if (v->db)
		rag_read_end(v->tenant, v->db);
	memset(v, 0, sizeof(*v));
}
