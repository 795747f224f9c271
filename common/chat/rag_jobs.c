/*
 * common/chat/rag_jobs.c - a list of jobs, and threads that take them in the order they came.
 */
#include "common/chat/rag_jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum { DETAIL_MAX = 512 };

/* All but cancelled behind the table's lock; strings stay until it is freed. */
struct entry {
	struct list link; /* of the table, the newest last */
	char *tenant, *index;
	struct rag_jobs *table;
	atomic_bool cancelled;
	struct rag_job job;
	struct rag_job_finding *findings;
	struct err err;
};

struct rag_jobs {
	struct rag *rag;
	void (*changed)(void *arg, struct span tenant, struct span index);
	void *arg;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t more;
	struct list entries;
	bool stopping;
	int thread_count; /* they begin with the first job */
	pthread_t threads[RAG_JOB_THREADS];
};

const char *rag_job_kind_name(unsigned kind)
{
	static const char *const names[] = { "rebuild", "check" };

	return kind < ARRAY_LEN(names) ? names[kind] : NULL;
}

const char *rag_job_state_name(enum rag_job_state state)
{
	static const char *const names[] = { "queued", "running", "done", "failed", "cancelled" };

	return names[state];
}

static void free_entry(struct entry *e)
{
	list_remove(&e->link);
	for (size_t i = 0; i < e->job.finding_count; i++) {
		mem_free(e->findings[i].document);
		mem_free(e->findings[i].detail);
	}
	mem_free(e->findings);
	mem_free(e->tenant);
	mem_free(e->index);
	mem_free(e);
}

/* ---- running one ---- */

static int note_progress(void *arg, int64_t done, int64_t total)
{
	struct entry *e = arg;

	pthread_mutex_lock(&e->table->lock);
	e->job.done = done;
	e->job.total = total;
	pthread_mutex_unlock(&e->table->lock);
	return atomic_load(&e->cancelled) ? -1 : 0;
}

static char *copy_some(struct span text)
{
	return mem_strndup(text.ptr ? text.ptr : "", text.len < DETAIL_MAX ? text.len : DETAIL_MAX);
}

static void note_finding(void *arg, const struct rag_finding *finding)
{
	struct entry *e = arg;

	pthread_mutex_lock(&e->table->lock);
	e->job.findings_total++;
	if (e->job.finding_count < RAG_JOB_FINDINGS) {
		if (!e->findings)
			e->findings = mem_calloc(RAG_JOB_FINDINGS, sizeof(*e->findings));
		e->job.findings = e->findings;
		e->findings[e->job.finding_count++] = (struct rag_job_finding){
			finding->what, copy_some(finding->document), copy_some(finding->detail)
		};
	}
	pthread_mutex_unlock(&e->table->lock);
}

static void run_job(struct rag_jobs *j, struct entry *e, struct err *err)
{
	struct span tenant = span_str(e->tenant), index = span_str(e->index);

	if (e->job.kind == RAG_JOB_CHECK) {
		rag_check(j->rag, tenant, index, note_finding, note_progress, e, err);
		return;
	}
	rag_rebuild(j->rag, tenant, index, note_progress, e, err);
	if (j->changed)
		j->changed(j->arg, tenant, index);
}

/* Of a tenant the oldest that have ended are forgotten.  Locked. */
static void forget_old(struct rag_jobs *j, const char *tenant)
{
	int ended = 0;

	list_each(&j->entries, at)
	{
		struct entry *e = container_of(at, struct entry, link);

		ended += rag_job_has_ended(e->job.state) && strcmp(e->tenant, tenant) == 0;
	}
	list_each(&j->entries, at)
	{
		struct entry *e = container_of(at, struct entry, link);

		if (ended <= RAG_JOBS_KEPT)
			return;
		if (!rag_job_has_ended(e->job.state) || strcmp(e->tenant, tenant) != 0)
			continue;
		free_entry(e);
		ended--;
	}
}

/* Locked. */
static void end_entry(struct rag_jobs *j, struct entry *e, const struct err *err)
{
	e->err = *err;
	e->job.finished_ms = clock_wall_ms();
	if (err->code == E_none)
		e->job.state = RAG_JOB_DONE;
	else
		e->job.state = atomic_load(&e->cancelled) ? RAG_JOB_CANCELLED : RAG_JOB_FAILED;
	if (e->job.state == RAG_JOB_DONE)
		e->job.done = e->job.total;
	if (e->job.state == RAG_JOB_FAILED) {
		e->job.err = &e->err;
		log_warn("rag", "%s: the %s of %s of %s failed: %s", e->job.id,
			 rag_job_kind_name(e->job.kind), e->index, e->tenant, err->message);
	}
	forget_old(j, e->tenant);
}

/* Locked. */
static bool is_at_work(struct rag_jobs *j, const char *tenant)
{
	list_each(&j->entries, at)
	{
		struct entry *e = container_of(at, struct entry, link);

		if (e->job.state == RAG_JOB_RUNNING && strcmp(e->tenant, tenant) == 0)
			return true;
	}
	return false;
}

/* The oldest that waits, of a tenant for which nothing runs.  Locked. */
static struct entry *find_queued(struct rag_jobs *j)
{
	list_each(&j->entries, at)
	{
		struct entry *e = container_of(at, struct entry, link);

		if (e->job.state == RAG_JOB_QUEUED && !is_at_work(j, e->tenant))
			return e;
	}
	return NULL;
}

static void *work(void *arg)
{
	struct rag_jobs *j = arg;
	struct entry *e;

	pthread_mutex_lock(&j->lock);
	while (!j->stopping) {
		struct err err = ERR_INIT;

		e = find_queued(j);
		if (!e) {
			pthread_cond_wait(&j->more, &j->lock);
			continue;
		}
		e->job.state = RAG_JOB_RUNNING;
		e->job.started_ms = clock_wall_ms();
		pthread_mutex_unlock(&j->lock);
		run_job(j, e, &err);
		pthread_mutex_lock(&j->lock);
		end_entry(j, e, &err);
		/* What waited for this tenant may go on another thread. */
		pthread_cond_broadcast(&j->more);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* ---- the table ---- */

struct rag_jobs *rag_jobs_new(struct rag *rag,
			      void (*changed)(void *arg, struct span tenant, struct span index),
			      void *arg)
{
	struct rag_jobs *j = mem_new(struct rag_jobs);

	j->rag = rag;
	j->changed = changed;
	j->arg = arg;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->more, NULL);
	list_init(&j->entries);
	return j;
}

void rag_jobs_stop(struct rag_jobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->stopping = true;
	list_each(&j->entries, at)
		atomic_store(&container_of(at, struct entry, link)->cancelled, true);
	pthread_cond_broadcast(&j->more);
	pthread_mutex_unlock(&j->lock);
}

void rag_jobs_free(struct rag_jobs *j)
{
	if (!j)
		return;
	rag_jobs_stop(j);
	for (int i = 0; i < j->thread_count; i++)
		pthread_join(j->threads[i], NULL);
	list_each(&j->entries, at) free_entry(container_of(at, struct entry, link));
	pthread_cond_destroy(&j->more);
	pthread_mutex_destroy(&j->lock);
	mem_free(j);
}

/* Signals are for the main thread.  Locked. */
static int start_threads(struct rag_jobs *j, struct err *err)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	while (j->thread_count < RAG_JOB_THREADS &&
	       pthread_create(&j->threads[j->thread_count], NULL, work, j) == 0)
		j->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return j->thread_count > 0 ? 0
				   : err_set(err, E_overloaded, "", "no thread can be started");
}

/* Locked. */
static struct entry *find_same(struct rag_jobs *j, struct span tenant, struct span index,
			       enum rag_job_kind kind, int *waiting)
{
	struct entry *same = NULL;

	*waiting = 0;
	list_each(&j->entries, at)
	{
		struct entry *e = container_of(at, struct entry, link);

		if (rag_job_has_ended(e->job.state) || !span_is(tenant, e->tenant))
			continue;
		++*waiting;
		if (e->job.kind == kind && span_is(index, e->index) && !atomic_load(&e->cancelled))
			same = e;
	}
	return same;
}

static struct entry *add_entry(struct rag_jobs *j, struct span tenant, struct span index,
			       enum rag_job_kind kind)
{
	struct entry *e = mem_new(struct entry);

	e->table = j;
	e->tenant = mem_strndup(tenant.ptr, tenant.len);
	e->index = mem_strndup(index.ptr, index.len);
	e->job.index = e->index;
	e->job.kind = kind;
	e->job.created_ms = clock_wall_ms();
	ident_sorted(e->job.id, sizeof(e->job.id), "ragjob_", e->job.created_ms);
	list_push(&j->entries, &e->link);
	pthread_cond_signal(&j->more);
	return e;
}

int rag_jobs_start(struct rag_jobs *j, struct span tenant, struct span index,
		   enum rag_job_kind kind, char id[RAG_JOB_ID_SIZE], struct err *err)
{
	struct entry *e;
	int waiting, result = -1;

	pthread_mutex_lock(&j->lock);
	e = find_same(j, tenant, index, kind, &waiting);
	if (!e && j->stopping)
		err_set(err, E_cancelled, "", "the gateway ends");
	else if (!e && waiting >= RAG_JOBS_WAITING)
		err_set(err, E_overloaded, "", "the tenant has %d jobs that have not ended",
			waiting);
	else if (e || start_threads(j, err) == 0) {
		if (!e)
			e = add_entry(j, tenant, index, kind);
		memcpy(id, e->job.id, sizeof(e->job.id));
		result = 0;
	}
	pthread_mutex_unlock(&j->lock);
	return result;
}

/* Locked. */
static struct entry *find_entry(struct rag_jobs *j, struct span tenant, struct span id)
{
	list_each(&j->entries, at)
	{
		struct entry *e = container_of(at, struct entry, link);

		if (span_is(id, e->job.id) && span_is(tenant, e->tenant))
			return e;
	}
	return NULL;
}

static int err_absent(struct err *err)
{
	return err_set(err, E_rag_job_not_found, "job", "there is no job of this id");
}

int rag_jobs_cancel(struct rag_jobs *j, struct span tenant, struct span id, struct err *err)
{
	struct err why = ERR_INIT;
	struct entry *e;

	pthread_mutex_lock(&j->lock);
	e = find_entry(j, tenant, id);
	if (e)
		atomic_store(&e->cancelled, true);
	if (e && e->job.state == RAG_JOB_QUEUED) {
		err_set(&why, E_cancelled, "", "it was stopped before it began");
		end_entry(j, e, &why);
	}
	pthread_mutex_unlock(&j->lock);
	return e ? 0 : err_absent(err);
}

int rag_jobs_get(struct rag_jobs *j, struct span tenant, struct span id,
		 void (*show)(void *arg, const struct rag_job *job), void *arg, struct err *err)
{
	struct entry *e;

	pthread_mutex_lock(&j->lock);
	e = find_entry(j, tenant, id);
	if (e)
		show(arg, &e->job);
	pthread_mutex_unlock(&j->lock);
	return e ? 0 : err_absent(err);
}

void rag_jobs_each(struct rag_jobs *j, struct span tenant,
		   void (*show)(void *arg, const struct rag_job *job), void *arg)
{
	pthread_mutex_lock(&j->lock);
	for (struct list *at = j->entries.prev; at != &j->entries; at = at->prev) {
		struct entry *e = container_of(at, struct entry, link);

		if (span_is(tenant, e->tenant))
			show(arg, &e->job);
	}
	pthread_mutex_unlock(&j->lock);
}
