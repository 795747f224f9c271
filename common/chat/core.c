/*
 * common/chat/core.c - snapshots, and the services that a process and a worker hold.
 */
#include "common/chat/core.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum { JOB_THREADS_MIN = 2, JOB_QUEUE_MAX = 4096, CONVERSATION_WAITERS_MAX = 16 };

struct snapshot *snapshot_draft(struct config *config, char *const *environment,
				const struct snapshot *previous, struct err *err)
{
	struct snapshot *s = mem_new(struct snapshot);

	s->refs = 1;
	s->config = config;
	s->generation = previous ? previous->generation + 1 : 1;
	s->routing = routing_new(config, environment, previous ? previous->routing : NULL, err);
	if (s->routing)
		return s;
	snapshot_unref(s);
	return NULL;
}

int snapshot_complete(struct snapshot *s, bool *made_token, char **token_path, struct err *err)
{
	s->tokens = tokens_load(s->config, made_token, token_path, err);
	return s->tokens ? 0 : -1;
}

struct snapshot *snapshot_new(struct config *config, char *const *environment,
			      const struct snapshot *previous, struct err *err)
{
	struct snapshot *s = snapshot_draft(config, environment, previous, err);

	if (!s || snapshot_complete(s, NULL, NULL, err) == 0)
		return s;
	snapshot_unref(s);
	return NULL;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void snapshot_unref(struct snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (s->routing)
		routing_free(s->routing);
	if (s->tokens)
		tokens_free(s->tokens);
	config_free(s->config);
	mem_free(s);
}

static struct store *open_store(const struct config *c, struct metrics *metrics, struct err *err)
{
	char *directory = config_data_path(c, "", err);
	char *database = c->database[0] ? mem_strdup(c->database) :
					  config_data_path(c, "spass.db", err);
	char *audit = c->audit ? config_data_path(c, "audit.jsonl", err) : NULL;
	struct store_options options = {
		.database = database,
		.audit = audit,
		.audit_max_bytes = c->audit_max_bytes,
		.usage = c->usage,
		.metrics = metrics,
	};
	struct store *store = NULL;

	if (directory && file_make_dirs(directory, err) == 0)
		store = store_open(&options, err);
	mem_free(directory);
	mem_free(database);
	mem_free(audit);
	return store;
}

struct core *core_new(struct snapshot *first, struct err *err)
{
	const struct config *config = first->config;
	struct core *c = mem_new(struct core);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_mutex_t *lock = mem_new(pthread_mutex_t);

	pthread_mutex_init(lock, NULL);
	c->lock = lock;
	c->current = first;
	c->started_ms = clock_wall_ms();
	if (config->metrics)
		c->metrics = metrics_new();
	c->augment = augment_new();
	c->store = open_store(config, c->metrics, err);
	if (!c->store) {
		core_free(c);
		return NULL;
	}
	c->conversations = turnstile_new(CONVERSATION_WAITERS_MAX);
	c->jobs = job_pool_new(cores > JOB_THREADS_MIN ? (int)cores : JOB_THREADS_MIN, JOB_QUEUE_MAX);
	return c;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	if (c->jobs)
		job_pool_free(c->jobs);
	if (c->store)
		store_close(c->store);
	augment_free(c->augment);
	turnstile_free(c->conversations);
	if (c->metrics)
		metrics_free(c->metrics);
	snapshot_unref(c->current);
	pthread_mutex_destroy(c->lock);
	mem_free(c->lock);
	mem_free(c);
}

struct snapshot *core_snapshot(struct core *c)
{
	struct snapshot *s;

	pthread_mutex_lock(c->lock);
	s = snapshot_ref(c->current);
	pthread_mutex_unlock(c->lock);
	return s;
}

void core_publish(struct core *c, struct snapshot *next)
{
	struct snapshot *old;

	pthread_mutex_lock(c->lock);
	old = c->current;
	c->current = next;
	pthread_mutex_unlock(c->lock);
	snapshot_unref(old);
}

struct core_worker *core_worker_new(struct core *c, struct loop *l, int index)
{
	struct core_worker *w = mem_new(struct core_worker);
	const struct config *config;

	w->core = c;
	w->loop = l;
	w->index = index;
	w->snapshot = core_snapshot(c);
	config = w->snapshot->config;
	w->shard = c->metrics ? metrics_shard_new(c->metrics) : NULL;
	w->uplinks = uplink_pool_new(l, (int)config->upstream_idle, config->upstream_idle_timeout);
	return w;
}

void core_worker_refresh(struct core_worker *w)
{
	struct snapshot *old = w->snapshot;

	w->snapshot = core_snapshot(w->core);
	snapshot_unref(old);
}

void core_worker_free(struct core_worker *w)
{
	uplink_pool_free(w->uplinks);
	snapshot_unref(w->snapshot);
	mem_free(w);
}
