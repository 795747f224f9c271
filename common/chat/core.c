/*
 * common/chat/core.c - snapshots, and the services that a process and a worker hold.
 */
#include "common/chat/core.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/model/exchange.h"
#include "common/store/change.h"
#include "common/chat/absent_models.h"
#include "common/chat/conversation_holds.h"
#include "common/chat/rag_jobs.h"
#include "common/chat/rag_keeper.h"
#include "common/rag/rag.h"

enum { WARNINGS_MAX = 64 * 1024 };
enum { JOB_THREADS_MIN = 2, JOB_QUEUE_MAX = 4096, CONVERSATION_WAITERS_MAX = 16 };
enum { INGEST_THREADS_MIN = 2, INGEST_WAITERS_MAX = 64, LOADERS_MAX = 8 * 1024 * 1024 };

/* Said once for each rate, and only where dollars are turned into euros. */
static void warn_of_age(const struct snapshot *s, const struct snapshot *previous)
{
	char text[EXCHANGE_WARNING_MAX];

	if (!routing_has_prices(s->routing) || (previous && strcmp(previous->rate.date, s->rate.date) == 0))
		return;
	if (*exchange_warning(&s->rate, clock_wall_ms(), text))
		log_warn("exchange", "%s", text);
}

static bool was_lacking(const struct snapshot *previous, const struct backend *b)
{
	for (size_t i = 0; previous && i < routing_backend_count(previous->routing); i++) {
		const struct backend *old = routing_backend(previous->routing, i);

		if (strcmp(old->name, b->name) == 0)
			return old->lacks_key && strcmp(old->disabled_why, b->disabled_why) == 0;
	}
	return false;
}

/* Said once for each, not with every list of models that a server tells anew. */
static void warn_of_keys(const struct snapshot *s, const struct snapshot *previous)
{
	for (size_t i = 0; i < routing_backend_count(s->routing); i++) {
		const struct backend *b = routing_backend(s->routing, i);

		if (b->lacks_key && !was_lacking(previous, b))
			log_warn("upstream", "backend %s is disabled: %s", b->name, b->disabled_why);
	}
}

/* Said once for each, likewise. */
static void warn_of_models(struct snapshot *s, const struct snapshot *previous)
{
	struct span rest;
	struct buf lines;

	buf_init(&lines, WARNINGS_MAX);
	absent_models(s->config, s->tenancy, s->routing, !previous && s->config->discover, &lines);
	for (rest = buf_span(&lines); rest.len > 0;) {
		struct span line = span_cut(&rest, '\n');

		if (!previous || !memmem(previous->absent_models, strlen(previous->absent_models), line.ptr, line.len))
			log_warn("tenant", "%.*s", SPAN_ARGS(line));
	}
	s->absent_models = buf_take(&lines);
}

/*
 * A file that was there, and that none was named in place of, was not meant to go: a mistyped name
 * must not change who may come in.
 */
static int check_tokens_left(const struct snapshot *s, const struct snapshot *previous, struct err *err)
{
	const char *path = previous ? tenancy_path(previous->tenancy) : NULL;

	if (!path || *s->config->tokens_file || !file_is_absent(path))
		return 0;
	return err_set(err, E_invalid_config, "tokens_file",
		       "%s is gone, where the tenants and tokens in force are from: "
		       "put it back, or restart to run without it",
		       path);
}

struct snapshot *snapshot_draft(struct config *config, char *const *environment,
				const struct snapshot *previous, struct err *err)
{
	struct snapshot *s = mem_new(struct snapshot);

	s->refs = 1;
	s->config = config;
	if (exchange_read(config, &s->rate, err) == 0) {
		s->rate_lines = bill_rate_lines(&s->rate, s->rate_text);
		s->routing = routing_new(config, environment, previous ? previous->routing : NULL, err);
	}
	if (s->routing)
		s->tenancy = tenancy_new(config, environment, err);
	if (s->tenancy && check_tokens_left(s, previous, err) == 0) {
		warn_of_age(s, previous);
		warn_of_keys(s, previous);
		warn_of_models(s, previous);
		return s;
	}
	snapshot_unref(s);
	return NULL;
}

int snapshot_complete(struct snapshot *s, bool *made_token, char **token_path, struct err *err)
{
	return tenancy_add_own(s->tenancy, s->config, made_token, token_path, err);
}

bool snapshot_needs_user(const struct snapshot *s)
{
	if (strcmp(s->config->user_id_policy, "auto") == 0)
		return tenancy_path(s->tenancy) != NULL;
	return strcmp(s->config->user_id_policy, "required") == 0;
}

struct settings snapshot_settings(const struct snapshot *s, const struct tenant *tenant)
{
	return cascade_of(s->cascade, s->tenancy, tenant);
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
	keyring_unref(s->keys);
	cascade_unref(s->cascade);
	if (s->base) {
		snapshot_unref(s->base);
	} else {
		if (s->routing)
			routing_free(s->routing);
		tenancy_free(s->tenancy);
		config_free(s->config);
		mem_free(s->absent_models);
	}
	mem_free(s);
}

static struct store *open_store(const struct config *c, struct metrics *metrics, struct err *err)
{
	char *directory = config_data_path(c, "", err);
	char *database = config_database_path(c, err);
	char *audit = c->audit ? config_data_path(c, "audit.jsonl", err) : NULL;
	char *audit_key = c->audit ? config_data_path(c, "audit.key", err) : NULL;
	struct store_options options = {
		.database = database,
		.audit = audit,
		.audit_key = audit_key,
		.audit_max_bytes = c->audit_max_bytes,
		.usage = c->usage,
		.usage_limits = { c->usage_retention, c->usage_max_rows, c->usage_users_max },
		.metrics = metrics,
	};
	struct store *store = NULL;

	if (directory && file_make_dirs(directory, err) == 0)
		store = store_open(&options, err);
	mem_free(directory);
	mem_free(database);
	mem_free(audit);
	mem_free(audit_key);
	return store;
}

static struct spool_room *open_uploads(const struct config *c, struct err *err)
{
	char *directory = config_data_path(c, "", err);
	struct spool_room *r = directory ? spool_room_new(directory) : NULL;

	mem_free(directory);
	return r;
}

/* "org=pandoc -t markdown $1", checked with the configuration. */
static struct reader_command *make_loaders(const struct config_list *list, struct arena *a)
{
	struct reader_command *all = arena_zalloc(a, (list->count + 1) * sizeof *all);

	for (size_t i = 0; i < list->count; i++) {
		struct span command = span_str(list->items[i]);

		all[i].extension = arena_span(a, span_cut(&command, '=')).ptr;
		all[i].command = arena_span(a, command).ptr;
	}
	return all;
}

static struct rag *open_rag(const struct config *c, const struct reader_command *loaders, struct err *err)
{
	char *directory = config_indices_path(c, err);
	struct rag_options options = {
		.dir = directory,
		.memory_max = (size_t)c->rag_memory,
		.limits = { .indices_max = c->rag_indices_max,
			    .documents_max = c->rag_documents_max,
			    .chunks_max = c->rag_chunks_max,
			    .bytes_max = c->rag_bytes_max },
		.reading = { .limits = { .seconds = (int)(c->rag_loader_timeout / 1000) },
			     .commands = loaders,
			     .command_count = c->rag_loaders.count },
	};
	struct rag *r = directory ? rag_open(&options, err) : NULL;

	mem_free(directory);
	return r;
}

static int load_key(void *arg, struct tenant_key *row, struct err *err)
{
	return keyring_load(arg, row, err);
}

static int load_setting(void *arg, const struct tenant_config *row, struct err *err)
{
	(void)err;
	cascade_load(arg, row);
	return 0;
}

/* What the database has of the first snapshot. */
static int load_state(struct db *db, void *arg, struct err *err)
{
	struct core *c = arg;
	struct snapshot *s = c->current;

	if (change_last(db, &c->change_seen, err) < 0 ||
	    tenant_key_list(db, NULL, -1, 0, load_key, s->keys, err) < 0)
		return -1;
	return tenant_config_list(db, NULL, load_setting, s->cascade, err);
}

/* On a thread of the jobs. */
static void note_change(void *arg, struct span tenant, struct span index)
{
	struct core *c = arg;

	rag_keeper_note(c->keeper, tenant, index);
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
	c->budgets = budget_book_new();
	c->token_limits = limiter_new();
	c->address_limits = limiter_new();
	c->store = open_store(config, c->metrics, err);
	c->uploads = c->store ? open_uploads(config, err) : NULL;
	arena_init(&c->loaders, LOADERS_MAX);
	c->rag = c->uploads ? open_rag(config, make_loaders(&config->rag_loaders, &c->loaders), err) : NULL;
	first->keys = keyring_new();
	first->cascade = cascade_new();
	first->generation = 1;
	atomic_store(&c->generation, first->generation);
	if (!c->rag || store_read(c->store, NULL, load_state, c, err) < 0) {
		core_free(c);
		return NULL;
	}
	c->conversations = turnstile_new(CONVERSATION_WAITERS_MAX);
	c->holds = holds_new();
	c->keeper = rag_keeper_new();
	c->rag_jobs = rag_jobs_new(c->rag, note_change, c);
	c->indices = turnstile_new(INGEST_WAITERS_MAX);
	c->jobs = job_pool_new(cores > JOB_THREADS_MIN ? (int)cores : JOB_THREADS_MIN, JOB_QUEUE_MAX);
	c->ingests = job_pool_new_behind(cores > INGEST_THREADS_MIN ? (int)cores : INGEST_THREADS_MIN, JOB_QUEUE_MAX);
	return c;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	if (c->jobs)
		job_pool_free(c->jobs);
	if (c->ingests)
		job_pool_free(c->ingests);
	rag_jobs_free(c->rag_jobs);
	rag_close(c->rag);
	arena_clear(&c->loaders);
	rag_keeper_free(c->keeper);
	if (c->store)
		store_close(c->store);
	spool_room_free(c->uploads);
	augment_free(c->augment);
	turnstile_free(c->conversations);
	holds_free(c->holds);
	turnstile_free(c->indices);
	budget_book_free(c->budgets);
	limiter_free(c->token_limits);
	limiter_free(c->address_limits);
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

/* Under the lock; takes next, which has keys. */
static struct snapshot *swap(struct core *c, struct snapshot *next)
{
	struct snapshot *old = c->current;

	next->generation = old->generation + 1;
	c->current = next;
	atomic_store_explicit(&c->generation, next->generation, memory_order_release);
	return old;
}

uint64_t core_publish(struct core *c, struct snapshot *next)
{
	struct snapshot *old;
	uint64_t generation;

	pthread_mutex_lock(c->lock);
	next->keys = keyring_ref(c->current->keys);
	next->cascade = cascade_ref(c->current->cascade);
	old = swap(c, next);
	generation = next->generation;
	pthread_mutex_unlock(c->lock);
	snapshot_unref(old);
	return generation;
}

/* As s, but for keys and settings, which are taken. */
static struct snapshot *with(struct snapshot *s, struct keyring *keys, struct cascade *cascade)
{
	struct snapshot *next = mem_new(struct snapshot);

	next->refs = 1;
	next->base = snapshot_ref(s->base ? s->base : s);
	next->config = s->config;
	next->tenancy = s->tenancy;
	next->routing = s->routing;
	next->absent_models = s->absent_models;
	next->rate = s->rate;
	next->rate_lines = s->rate_lines;
	next->keys = keys;
	next->cascade = cascade;
	return next;
}

int core_publish_key(struct core *c, const struct tenant_key *row, struct err *err)
{
	struct snapshot *old = NULL;
	struct keyring *keys;

	pthread_mutex_lock(c->lock);
	keys = keyring_with(c->current->keys, row, err);
	if (keys)
		old = swap(c, with(c->current, keys, cascade_ref(c->current->cascade)));
	pthread_mutex_unlock(c->lock);
	snapshot_unref(old);
	return keys ? 0 : -1;
}

void core_publish_settings(struct core *c, struct overrides *o)
{
	struct snapshot *old = NULL;
	struct cascade *cascade;

	pthread_mutex_lock(c->lock);
	cascade = cascade_with(c->current->cascade, o);
	if (cascade)
		old = swap(c, with(c->current, keyring_ref(c->current->keys), cascade));
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
	w->recorder = recorder_new(c->store);
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
	recorder_free(w->recorder);
	snapshot_unref(w->snapshot);
	mem_free(w);
}
