/*
 * common/chat/rag_keeper.c - a list of indices, and a fiber that goes through it.
 */
#include "common/chat/rag_keeper.h"

#include <pthread.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/inner.h"
#include "common/loop/fiber.h"

enum {
	LOOK_MS = 500,       /* between looks at the list */
	START_MS = 2 * 1000, /* a gateway that answers one command ends before it looks at all */
	RETRY_FIRST_MS = 5 * 1000,
	RETRY_MAX_MS = 5 * 60 * 1000,
	LATER_MS = 30 * 1000, /* for an index whose model cannot be reached */
	BATCH_TEXTS = 256,
	BATCH_BYTES = 200 * 1000,
	BATCH_MEMORY = 4 * 1024 * 1024,
	REST_MS = 10 * 1000,         /* between closings of databases */
	IDLE_MS = 60 * 1000,         /* that nobody has used for so long */
	PATIENCE_MS = 5 * 60 * 1000, /* for one batch: a busy local server takes its time */
};

/* An index that something is to be done for. */
struct item {
	struct list link;
	char *tenant, *index;
	int64_t due_ms;
	int failures; /* in a row */
	bool noted;   /* again, while it was worked on */
};

struct rag_keeper {
	pthread_mutex_t lock; /* protects what follows */
	struct list items;
};

struct rag_keeper *rag_keeper_new(void)
{
	struct rag_keeper *k = mem_new(struct rag_keeper);

	pthread_mutex_init(&k->lock, NULL);
	list_init(&k->items);
	return k;
}

static void free_item(struct item *i)
{
	list_remove(&i->link);
	mem_free(i->tenant);
	mem_free(i->index);
	mem_free(i);
}

void rag_keeper_free(struct rag_keeper *k)
{
	if (!k)
		return;
	list_each(&k->items, at) free_item(container_of(at, struct item, link));
	pthread_mutex_destroy(&k->lock);
	mem_free(k);
}

void rag_keeper_note(struct rag_keeper *k, struct span tenant, struct span index)
{
	struct item *i = NULL;

	pthread_mutex_lock(&k->lock);
	list_each(&k->items, at)
	{
		struct item *one = container_of(at, struct item, link);

		if (span_is(tenant, one->tenant) && span_is(index, one->index))
			i = one;
	}
	if (i) {
		i->noted = true;
		i->failures = 0;
		i->due_ms = 0;
	} else {
		i = mem_new(struct item);
		i->tenant = mem_strndup(tenant.ptr, tenant.len);
		i->index = mem_strndup(index.ptr, index.len);
		list_push(&k->items, &i->link);
	}
	pthread_mutex_unlock(&k->lock);
}

/* The first that is due; the list keeps it. */
static struct item *take_item(struct rag_keeper *k)
{
	int64_t now_ms = clock_mono_ms();
	struct item *found = NULL;

	pthread_mutex_lock(&k->lock);
	list_each(&k->items, at)
	{
		struct item *i = container_of(at, struct item, link);

		if (!found && i->due_ms <= now_ms)
			found = i;
	}
	if (found)
		found->noted = false;
	pthread_mutex_unlock(&k->lock);
	return found;
}

enum outcome { CARED, MORE, LATER, FAILED };

static int64_t wait_ms(enum outcome outcome, int failures)
{
	int64_t wait = RETRY_FIRST_MS;

	if (outcome != FAILED)
		return outcome == LATER ? LATER_MS : 0;
	for (int i = 1; i < failures && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	return wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS;
}

static void put_back(struct rag_keeper *k, struct item *i, enum outcome outcome)
{
	pthread_mutex_lock(&k->lock);
	i->failures = outcome == FAILED ? i->failures + 1 : 0;
	if (outcome == CARED && !i->noted) {
		free_item(i);
	} else {
		i->due_ms = i->noted ? 0 : clock_mono_ms() + wait_ms(outcome, i->failures);
		/* Others come first. */
		list_remove(&i->link);
		list_push(&k->items, &i->link);
	}
	pthread_mutex_unlock(&k->lock);
}

/* ---- one index ---- */

struct care {
	struct core_worker *worker;
	struct rag *rag;
	struct span tenant, index;
	struct arena arena;
	struct rag_index_info info;
	const char *model;
	struct rag_pending pending[BATCH_TEXTS];
	size_t count;
	float *vectors;
	size_t dimensions;
	bool more;
	int result;
	struct err err;
};

const struct model *rag_keeper_model(const struct routing *r, const struct rag_index_info *index)
{
	const char *wanted = index->config.embedder;
	const struct model *m;

	if (strcmp(wanted, "none") == 0)
		return NULL;
	if (wanted[0] && strcmp(wanted, "auto") != 0) {
		m = routing_find(r, span_str(wanted));
		return m && m->kind == MODEL_EMBEDDING ? m : NULL;
	}
	m = index->model.len > 0 ? routing_find(r, index->model) : NULL;
	if (!m && index->building.len > 0)
		m = routing_find(r, index->building);
	return m ? m : routing_default_embedder(r);
}

static void look(void *arg)
{
	struct care *c = arg;

	c->result = rag_index_get(c->rag, c->tenant, c->index, &c->arena, &c->info, &c->err);
}

static void fetch(void *arg)
{
	struct care *c = arg;

	c->result = rag_pending(c->rag, c->tenant, c->index, span_str(c->model), 0, &c->arena,
				c->pending, BATCH_TEXTS, BATCH_BYTES, &c->count, &c->err);
}

static void keep(void *arg)
{
	struct care *c = arg;

	c->result = rag_vectors_put(c->rag, c->tenant, c->index, span_str(c->model), c->pending,
				    c->count, c->vectors, c->dimensions, &c->err);
}

static void tend(void *arg)
{
	struct care *c = arg;

	c->err = (struct err)ERR_INIT;
	c->more = rag_tend(c->rag, c->tenant, c->index, &c->err);
	c->result = c->err.code == E_none ? 0 : -1;
}

static int on_job(struct care *c, void (*work)(void *arg))
{
	return job_run(c->worker->core->ingests, work, c, &c->err) < 0 ? -1 : c->result;
}

/* Nobody in particular: the tenant itself. */
static struct identity tenant_identity(const struct snapshot *s, const char *tenant)
{
	return (struct identity){ .tenant = tenancy_find(s->tenancy, span_str(tenant)),
				  .tenant_id = tenant,
				  .token_id = "-",
				  .user_id = "",
				  .scope_id = "" };
}

static int embed_batch(struct care *c, struct snapshot *s)
{
	struct identity who = tenant_identity(s, c->tenant.ptr);
	struct inner_call call = { .worker = c->worker,
				   .snapshot = s,
				   .identity = &who,
				   .route = "/a1/rag/embedding",
				   .parent_request_id = "",
				   .patience_ms = PATIENCE_MS };
	struct span texts[BATCH_TEXTS];
	int result;

	for (size_t i = 0; i < c->count; i++)
		texts[i] = c->pending[i].text;
	if (inner_embed(&call, c->model, texts, c->count, &c->vectors, &c->dimensions, &c->err) < 0)
		return -1;
	result = on_job(c, keep);
	mem_free(c->vectors);
	c->vectors = NULL;
	return result;
}

static enum outcome embed_some(struct care *c, struct snapshot *s)
{
	const struct model *m = rag_keeper_model(s->routing, &c->info);

	if (strcmp(c->info.config.embedder, "none") == 0)
		return CARED;
	if (!m || !routing_is_available(s->routing, m))
		return LATER;
	c->model = m->alias;
	if (on_job(c, fetch) < 0)
		return FAILED;
	if (c->count == 0)
		return CARED;
	return embed_batch(c, s) < 0 ? FAILED : MORE;
}

/* A batch of vectors, and a step of all else. */
static enum outcome care_for(struct care *c, struct snapshot *s)
{
	enum outcome embedded = CARED;

	if (c->index.len > 0 && on_job(c, look) < 0)
		return c->err.code == E_rag_index_not_found ? CARED : FAILED;
	if (c->index.len > 0 && c->info.chunks > 0)
		embedded = embed_some(c, s);
	if (embedded == FAILED || on_job(c, tend) < 0)
		return FAILED;
	return c->more ? MORE : embedded;
}

static void work_on(struct rag_keeper *k, struct item *i, struct core_worker *w)
{
	struct snapshot *s = core_snapshot(w->core);
	struct care *c = mem_new(struct care);
	enum outcome outcome;

	c->worker = w;
	c->rag = w->core->rag;
	c->tenant = span_str(i->tenant);
	c->index = span_str(i->index);
	arena_init(&c->arena, BATCH_MEMORY);
	outcome = care_for(c, s);
	if (outcome == FAILED && c->err.code == E_cancelled)
		outcome = MORE;
	if (outcome == FAILED)
		log_warn("rag", "index %s of %s: %s; it is tried again later", i->index, i->tenant,
			 c->err.message);
	put_back(k, i, outcome);
	arena_clear(&c->arena);
	mem_free(c);
	snapshot_unref(s);
}

/* ---- all of them ---- */

struct finding {
	struct rag_keeper *keeper;
	struct rag *rag;
	struct span tenant;
};

static int note_index(void *arg, const struct rag_index_info *index)
{
	struct finding *f = arg;

	rag_keeper_note(f->keeper, f->tenant, index->name);
	return 0;
}

static int note_tenant(void *arg, struct span tenant)
{
	struct finding *f = arg;
	struct err err = ERR_INIT;

	f->tenant = tenant;
	/* What is nobody's any more is looked at once, too. */
	rag_keeper_note(f->keeper, tenant, SPAN_LIT(""));
	if (rag_index_each(f->rag, tenant, note_index, f, &err) < 0 && err.code != E_none)
		log_warn("rag", "the indices of %.*s cannot be read: %s", SPAN_ARGS(tenant),
			 err.message);
	return 0;
}

static void note_all(void *arg)
{
	struct finding *f = arg;
	struct err err = ERR_INIT;

	if (rag_tenants_each(f->rag, note_tenant, f, &err) < 0)
		log_warn("rag", "%s", err.message);
}

static void rest(void *arg)
{
	rag_rest(arg, IDLE_MS);
}

void rag_keeper_run(struct rag_keeper *k, struct core_worker *w)
{
	struct finding f = { .keeper = k, .rag = w->core->rag };
	int64_t begin_ms = clock_mono_ms() + START_MS, rest_ms = clock_mono_ms() + REST_MS;
	struct err err = ERR_INIT;

	while (!fiber_is_cancelled(fiber_self())) {
		struct item *i;

		if (begin_ms && clock_mono_ms() >= begin_ms) {
			begin_ms = 0;
			if (job_run(w->core->ingests, note_all, &f, &err) < 0)
				log_warn("rag", "%s", err.message);
		}
		if (clock_mono_ms() >= rest_ms) {
			if (job_run(w->core->ingests, rest, w->core->rag, &err) < 0)
				log_warn("rag", "%s", err.message);
			rest_ms = clock_mono_ms() + REST_MS;
		}
		i = take_item(k);
		if (i)
			work_on(k, i, w);
		else
			fiber_sleep(LOOK_MS, &err);
	}
}
