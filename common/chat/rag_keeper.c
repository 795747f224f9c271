/*
 * common/chat/rag_keeper.c - two lists of indices, and fibers that go through them.
 */
#include "common/chat/rag_keeper.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/rag_batch.h"
#include "common/chat/rag_noting.h"
#include "common/chat/rag_probes.h"
#include "common/loop/fiber.h"

enum {
	LOOK_MS = 500,       /* between looks at the list */
	START_MS = 2 * 1000, /* a gateway that answers one command ends before it looks at all */
	RETRY_FIRST_MS = 5 * 1000,
	RETRY_MAX_MS = 5 * 60 * 1000,
	WAKE_MS = 2 * 1000,       /* between looks whether a model can be reached again */
	FREE_MS = 60 * 60 * 1000, /* between looks at what is nobody's */
	INFO_MAX = 16 * 1024,
	REST_MS = 10 * 1000, /* between closings of databases */
	IDLE_MS = 60 * 1000, /* that nobody has used for so long */
	ERROR_TEXT = 512,
};

/* What is done for an index: each for itself, so that no model holds up the rest. */
enum lane { EMBED, TEND, LANES };

/* An index that something is to be done for. */
struct item {
	struct list link;
	char *tenant, *index;
	int64_t due_ms;
	int failures;                      /* in a row */
	bool noted;                        /* again, while it was worked on */
	bool busy;                         /* a fiber works on it */
	bool waits;                        /* for a model that cannot be reached */
	bool waits_named;                  /* for no other than the one that is named */
	char alias[CATALOG_ALIAS_MAX + 1]; /* that it waits for, "" = any */
	char model[RAG_MODEL_MAX + 1];     /* of it, "" = any; or that is left alone ... */
	int64_t over_ms;                   /* ... until then: its vectors have another dimension ... */
	struct rag_config over;            /* ... in an index that is configured so */
	char error[ERROR_TEXT];            /* the last one, or "" */
};

struct rag_keeper {
	struct rag_probes *probes;
	pthread_mutex_t lock; /* protects what follows */
	struct list lanes[LANES];
	int64_t all_ms, free_ms, wake_ms, rest_ms; /* when it is time for it */
};

struct rag_keeper *rag_keeper_new(void)
{
	struct rag_keeper *k = mem_new(struct rag_keeper);

	k->probes = rag_probes_new();
	pthread_mutex_init(&k->lock, NULL);
	for (int i = 0; i < LANES; i++)
		list_init(&k->lanes[i]);
	k->all_ms = clock_mono_ms() + START_MS;
	k->free_ms = k->all_ms + FREE_MS;
	k->rest_ms = k->all_ms + REST_MS;
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
	for (int i = 0; i < LANES; i++)
		list_each(&k->lanes[i], at) free_item(container_of(at, struct item, link));
	pthread_mutex_destroy(&k->lock);
	rag_probes_free(k->probes);
	mem_free(k);
}

/* The lock is held. */
static struct item *find_item(struct rag_keeper *k, enum lane lane, struct span tenant,
			      struct span index)
{
	struct item *found = NULL;

	list_each(&k->lanes[lane], at)
	{
		struct item *i = container_of(at, struct item, link);

		if (span_is(tenant, i->tenant) && span_is(index, i->index))
			found = i;
	}
	return found;
}

/* What has failed keeps its time: whoever adds documents does not make it fail more often. */
static void note(struct rag_keeper *k, enum lane lane, struct span tenant, struct span index)
{
	struct item *i;

	pthread_mutex_lock(&k->lock);
	i = find_item(k, lane, tenant, index);
	if (i) {
		i->noted = true;
		if (i->failures == 0)
			i->due_ms = 0;
	} else {
		i = mem_new(struct item);
		i->tenant = mem_strndup(tenant.ptr, tenant.len);
		i->index = mem_strndup(index.ptr, index.len);
		list_push(&k->lanes[lane], &i->link);
	}
	pthread_mutex_unlock(&k->lock);
}

void rag_keeper_note(struct rag_keeper *k, struct span tenant, struct span index)
{
	note(k, TEND, tenant, index);
	if (index.len > 0)
		note(k, EMBED, tenant, index);
}

void rag_keeper_doubt(struct rag_keeper *k, struct span tenant, struct span index, struct span model)
{
	if (rag_probes_doubt(k->probes, tenant, model))
		note(k, EMBED, tenant, index);
}

bool rag_keeper_error(struct rag_keeper *k, struct span tenant, struct span index, struct buf *out)
{
	struct item *i;
	bool has;

	pthread_mutex_lock(&k->lock);
	i = find_item(k, EMBED, tenant, index);
	has = i && i->error[0];
	if (has)
		buf_add_str(out, i->error);
	pthread_mutex_unlock(&k->lock);
	return has;
}

/* The lock is held. */
static bool is_served(struct rag_keeper *k, enum lane lane, const struct item *other)
{
	bool served = false;

	list_each(&k->lanes[lane], at)
	{
		const struct item *i = container_of(at, struct item, link);

		served |= i->busy && strcmp(i->tenant, other->tenant) == 0;
	}
	return served;
}

/* The first that is due and whose tenant has no other under way; the list keeps it. */
static struct item *take_item(struct rag_keeper *k, enum lane lane)
{
	int64_t now_ms = clock_mono_ms();
	struct item *found = NULL;

	pthread_mutex_lock(&k->lock);
	list_each(&k->lanes[lane], at)
	{
		struct item *i = container_of(at, struct item, link);

		if (!found && i->due_ms <= now_ms && !i->busy && !is_served(k, lane, i))
			found = i;
	}
	if (found) {
		found->noted = false;
		found->busy = true;
	}
	pthread_mutex_unlock(&k->lock);
	return found;
}

enum outcome {
	CARED,
	MORE,
	LATER, /* when its model can be reached */
	OVER,  /* when its model or its configuration is another, or much later */
	FAILED
};

static int64_t wait_ms(enum outcome outcome, int failures)
{
	int64_t wait = RETRY_FIRST_MS;

	if (outcome != FAILED)
		return 0;
	for (int i = 1; i < failures && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	return wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS;
}

/*
 * A model that is left alone after failures says no more than that: what it failed with before is
 * the reason.
 */
static void tell(struct item *i, const struct err *err)
{
	if (err->code == E_upstream_unavailable && i->error[0])
		return;
	snprintf(i->error, sizeof i->error, "%.*s", (int)sizeof i->error - 1, err->message);
}

static void put_back(struct rag_keeper *k, enum lane lane, struct item *i, enum outcome outcome,
		     const struct err *err)
{
	pthread_mutex_lock(&k->lock);
	i->busy = false;
	i->failures = outcome == FAILED ? i->failures + 1 : 0;
	i->waits = outcome == LATER;
	if (outcome != OVER)
		i->over_ms = 0;
	if (outcome == FAILED || outcome == OVER)
		tell(i, err);
	else if (outcome != LATER)
		i->error[0] = '\0';
	if (outcome == CARED && !i->noted) {
		free_item(i);
	} else {
		if (outcome == LATER)
			i->due_ms = i->noted ? 0 : INT64_MAX;
		else if (outcome == OVER)
			i->due_ms = i->noted ? 0 : i->over_ms;
		else
			i->due_ms = clock_mono_ms() + wait_ms(outcome, i->failures);
		/* Others come first. */
		list_remove(&i->link);
		list_push(&k->lanes[lane], &i->link);
	}
	pthread_mutex_unlock(&k->lock);
}

static bool can_go_on(const struct item *i, const struct routing *r)
{
	const struct model *m = routing_find(r, span_str(i->alias));
	bool reached;

	if (m && rag_embedder_name(r, m, span_str(i->model), &reached))
		return reached;
	if (m)
		return routing_is_available(r, m);
	return !i->waits_named && routing_default_embedder(r);
}

/* Those whose model can be reached again; no index is looked at. */
static void wake(struct rag_keeper *k, struct core *core)
{
	struct snapshot *s = core_snapshot(core);

	pthread_mutex_lock(&k->lock);
	list_each(&k->lanes[EMBED], at)
	{
		struct item *i = container_of(at, struct item, link);

		if (i->waits && can_go_on(i, s->routing))
			i->due_ms = 0;
	}
	pthread_mutex_unlock(&k->lock);
	snapshot_unref(s);
}

/* ---- one index ---- */

struct care {
	struct rag_keeper *keeper;
	struct core_worker *worker;
	struct rag *rag;
	struct item *item;
	struct span tenant, index;
	struct arena arena;
	struct rag_index_info info;
	bool sent; /* a batch, some of which may have come back */
	bool more;
	int result;
	struct err err;
};

static void look(void *arg)
{
	struct care *c = arg;

	c->result = rag_index_get(c->rag, c->tenant, c->index, &c->arena, &c->info, &c->err);
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

/* Until the model can be reached. */
static enum outcome wait_for(struct care *c, const struct rag_embedder *e)
{
	struct item *i = c->item;

	i->waits_named = rag_embedder_is_named(&c->info);
	snprintf(i->alias, sizeof i->alias, "%s",
		 e->alias         ? e->alias->alias
		 : i->waits_named ? c->info.config.embedder
				  : "");
	snprintf(i->model, sizeof i->model, "%s", e->model ? e->model : "");
	return LATER;
}

/* Whether another model answers to the name: all that had the one before begin anew, not this index alone. */
static bool is_another(struct care *c, struct snapshot *s, const struct rag_embedder *e)
{
	if (!rag_probes_look(c->keeper->probes, c->worker, s, c->tenant, e))
		return false;
	c->keeper->all_ms = 0;
	return true;
}

static bool is_over(const struct care *c, const struct rag_embedder *e)
{
	const struct item *i = c->item;

	return clock_mono_ms() < i->over_ms && strcmp(i->model, e->model) == 0 &&
	       memcmp(&i->over, &c->info.config, sizeof i->over) == 0;
}

/* Vectors of another dimension: another model answers, and all is made anew, or the server is odd. */
static enum outcome end_or_begin_anew(struct care *c, struct snapshot *s, const struct rag_embedder *e)
{
	if (rag_probes_doubt(c->keeper->probes, c->tenant, span_str(e->model)) && is_another(c, s, e))
		return MORE;
	snprintf(c->item->model, sizeof c->item->model, "%s", e->model);
	c->item->over = c->info.config;
	c->item->over_ms = clock_mono_ms() + RETRY_MAX_MS;
	return OVER;
}

/* A backend that has come up gets the texts of all indices that there are, without anybody's command. */
static void tell_begin(const struct care *c, const struct snapshot *s, const struct rag_embedder *e)
{
	const struct target *target = rag_embedder_target(s->routing, e);

	if (!target || target_is_free(target) || span_is(c->info.model, e->model) ||
	    span_is(c->info.building, e->model))
		return;
	log_info("rag", "index %s of %s: its texts go to %s for vectors by %s", c->item->index,
		 c->item->tenant, target->backend->name, e->model);
}

static enum outcome embed_some(struct care *c, struct snapshot *s)
{
	struct rag_embedder e;
	int more;

	if (strcmp(c->info.config.embedder, "none") == 0)
		return CARED;
	if (!rag_embedder_find(s->routing, &c->info, &e))
		return wait_for(c, &e);
	if (is_another(c, s, &e))
		c->item->over_ms = 0;
	if (is_over(c, &e)) {
		err_set(&c->err, E_rag_dimension_mismatch, "model", "%s", c->item->error);
		return OVER;
	}
	tell_begin(c, s, &e);
	more = rag_batch_embed(c->worker, s, c->tenant, c->index, &e, &c->err);
	c->sent = more != 0;
	if (more >= 0)
		return more ? MORE : CARED;
	return c->err.code == E_rag_dimension_mismatch ? end_or_begin_anew(c, s, &e) : FAILED;
}

static enum outcome embed(struct care *c, struct snapshot *s)
{
	if (on_job(c, look) < 0)
		return c->err.code == E_rag_index_not_found ? CARED : FAILED;
	return c->info.chunks > 0 ? embed_some(c, s) : CARED;
}

static enum outcome tend_step(struct care *c)
{
	if (on_job(c, tend) < 0)
		return c->err.code == E_rag_index_not_found ? CARED : FAILED;
	return c->more ? MORE : CARED;
}

static void work_on(struct rag_keeper *k, enum lane lane, struct item *i, struct core_worker *w)
{
	struct snapshot *s = core_snapshot(w->core);
	struct care *c = mem_new(struct care);
	bool was_over = i->over_ms > 0;
	enum outcome outcome;

	c->keeper = k;
	c->worker = w;
	c->rag = w->core->rag;
	c->item = i;
	c->tenant = span_str(i->tenant);
	c->index = span_str(i->index);
	arena_init(&c->arena, INFO_MAX);
	outcome = lane == EMBED ? embed(c, s) : tend_step(c);
	if (outcome == FAILED && c->err.code == E_cancelled)
		outcome = MORE;
	if (outcome == FAILED || (outcome == OVER && !was_over))
		log_warn("rag", "index %s of %s: %s; it is tried again later", i->index, i->tenant,
			 c->err.message);
	if (c->sent)
		note(k, TEND, c->tenant, c->index);
	put_back(k, lane, i, outcome, &c->err);
	arena_clear(&c->arena);
	mem_free(c);
	snapshot_unref(s);
}

/* ---- all of them ---- */

/* True once each time when it is time; more_ms: until the next time, 0: never again. */
static bool is_time(int64_t *due_ms, int64_t more_ms)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms < *due_ms)
		return false;
	*due_ms = more_ms ? now_ms + more_ms : INT64_MAX;
	return true;
}

static void rest(void *arg)
{
	rag_rest(arg, IDLE_MS);
}

/* Of one fiber. */
static void look_around(struct rag_keeper *k, struct core_worker *w)
{
	struct rag_noting all = { .keeper = k, .rag = w->core->rag };
	struct err err = ERR_INIT;

	if (is_time(&k->wake_ms, WAKE_MS))
		wake(k, w->core);
	all.indices = is_time(&k->all_ms, 0);
	/* Replacements that were left alone have become nobody's. */
	if ((all.indices || is_time(&k->free_ms, FREE_MS)) &&
	    job_run(w->core->ingests, rag_note_all, &all, &err) < 0)
		log_warn("rag", "%s", err.message);
	if (is_time(&k->rest_ms, REST_MS) && job_run(w->core->ingests, rest, all.rag, &err) < 0)
		log_warn("rag", "%s", err.message);
}

void rag_keeper_run(struct rag_keeper *k, struct core_worker *w, int fiber)
{
	enum lane lane = fiber == 0 ? TEND : EMBED;
	struct err err = ERR_INIT;

	while (!fiber_is_cancelled(fiber_self())) {
		struct item *i;

		if (fiber == 0)
			look_around(k, w);
		i = take_item(k, lane);
		if (i)
			work_on(k, lane, i, w);
		else
			fiber_sleep(LOOK_MS, &err);
	}
}
