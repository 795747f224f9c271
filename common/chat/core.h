/*
 * common/chat/core.h - what the domain is given to work with.
 *
 * One struct core a process, one struct core_worker a worker thread.  The snapshot is immutable;
 * a reload publishes another, requests that run keep the one they began with.
 */
#ifndef SPASS_CHAT_CORE_H
#define SPASS_CHAT_CORE_H

#include <stdatomic.h>

#include "common/base/arena.h"
#include "common/base/jform.h"
#include "common/chat/augment.h"
#include "common/chat/bill.h"
#include "common/chat/roomy.h"
#include "common/config/config.h"
#include "common/loop/job.h"
#include "common/loop/spool.h"
#include "common/loop/turnstile.h"
#include "common/loop/upcall.h"
#include "common/model/rate.h"
#include "common/observe/metrics.h"
#include "common/store/recorder.h"
#include "common/store/store.h"
#include "common/tenant/budget.h"
#include "common/tenant/cascade.h"
#include "common/tenant/identity.h"
#include "common/tenant/limiter.h"
#include "common/upstream/routing.h"

struct rag;
struct rag_keeper;
struct rag_jobs;

/* Configuration, tokens and routing as of one moment.  Counted; any thread. */
struct snapshot {
	_Atomic int refs;
	struct config *config;
	struct tenancy *tenancy;
	struct keyring *keys;  /* set when it is published */
	struct cascade *cascade; /* the same */
	struct routing *routing;
	char *absent_models;   /* what has been told of them (absent_models.h), a line each */
	struct rate rate;      /* euros for a dollar */
	struct span rate_lines; /* what answers say of it; in rate_text of this one or of base */
	char rate_text[BILL_RATE_LINES_MAX];
	struct snapshot *base; /* NULL, or the one whose config, tenancy and routing these are */
	uint64_t generation;   /* 1, 2, ...; each that is published has its own */
};

struct core {
	struct snapshot *current; /* behind lock */
	_Atomic uint64_t generation; /* of current */
	void *lock;               /* pthread_mutex_t, private */
	struct store *store;
	struct augment *augment;
	int64_t change_seen;      /* see news.h */
	struct job_pool *jobs;
	struct rag *rag;          /* the tenants' indices */
	struct arena loaders;     /* commands that it uses */
	struct rag_keeper *keeper;
	struct rag_jobs *rag_jobs;
	struct job_pool *ingests; /* what takes documents in: it takes long, and nothing else waits for it */
	struct turnstile *indices; /* one ingest of a tenant at a time */
	struct spool_room *uploads;
	struct turnstile *conversations; /* one turn of each at a time */
	struct holds *holds;      /* what those turns will add to what is kept */
	struct budget_book *budgets;
	struct limiter *token_limits, *address_limits;
	struct metrics *metrics;  /* NULL: nothing is counted */
	int64_t started_ms;       /* wall clock */
};

enum { ANSWER_FORMS = 8 };

struct core_worker {
	struct core *core;
	struct loop *loop;
	struct uplink_pool *uplinks;
	struct metrics_shard *shard; /* may be NULL */
	struct recorder *recorder;   /* the same */
	struct snapshot *snapshot;   /* this worker's current one: no lock on the request's path */
	bool draining; /* its replies close their connections, and it says so */
	int index;
	struct roomy roomy;
	struct jform answers[ANSWER_FORMS]; /* of the targets, by their hash */
};

/*
 * Takes config (freed on failure too).  environment: as environ.  E_invalid_config, too, when the file of
 * previous's tenants and tokens is gone and config names no other.
 */
struct snapshot *snapshot_new(struct config *config, char *const *environment, const struct snapshot *previous,
			      struct err *err);
/*
 * The same in two steps.  The first checks all that can be checked without a trace: it makes no
 * file.  The second reads the gateway's own token, or makes one: made_token and token_path as
 * tenancy_add_own.
 */
struct snapshot *snapshot_draft(struct config *config, char *const *environment,
				const struct snapshot *previous, struct err *err);
int snapshot_complete(struct snapshot *s, bool *made_token, char **token_path, struct err *err);
/* Whether a request must say whose it is: user_id_policy. */
bool snapshot_needs_user(const struct snapshot *s);
/* A tenant's settings; borrowed from s.  tenant may be NULL. */
struct settings snapshot_settings(const struct snapshot *s, const struct tenant *tenant);
struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(struct snapshot *s);

/*
 * Builds metrics, store and jobs by the snapshot's configuration.  Takes first.  Startup only.
 * NULL on failure (first is freed).
 */
struct core *core_new(struct snapshot *first, struct err *err);
/* After all workers have stopped; writes what is queued. */
void core_free(struct core *c);
/* A new reference to the current snapshot.  Any thread. */
struct snapshot *core_snapshot(struct core *c);
/*
 * Takes next, makes it current, with the keys and tenants' settings there are, and returns its
 * generation.  Any thread.
 */
uint64_t core_publish(struct core *c, struct snapshot *next);
/*
 * Makes a key as it is in the database now known: requests that begin afterwards, on any worker,
 * see it.  Any thread.
 */
int core_publish_key(struct core *c, const struct tenant_key *row, struct err *err);
/*
 * The same with all that the database held of one tenant's settings at a change, whose number is
 * their version: what was read before a later change never takes the place of that one's.
 */
void core_publish_settings(struct core *c, struct overrides *o);

/* On the worker's thread: make (loop is borrowed), take a newer snapshot over, end. */
struct core_worker *core_worker_new(struct core *c, struct loop *l, int index);
void core_worker_refresh(struct core_worker *w);
/* Before a request: takes over what was published since, for which it looks at one number. */
static inline struct snapshot *core_worker_current(struct core_worker *w)
{
	if (atomic_load_explicit(&w->core->generation, memory_order_acquire) != w->snapshot->generation)
		core_worker_refresh(w);
	return w->snapshot;
}
void core_worker_free(struct core_worker *w);

#endif
