/*
 * common/chat/rag_jobs.h - long work on indices, begun by one request and looked at by others.
 *
 * A table in memory and a few threads of its own, one of a tenant at a time.  What has ended is kept, the last
 * RAG_JOBS_KEPT of a tenant; a process that ends forgets them, and a rebuild that it stopped goes
 * on with the next one.  A job of another tenant is E_rag_job_not_found.  Any thread; nothing here
 * waits for a job.
 */
#ifndef SPASS_CHAT_RAG_JOBS_H
#define SPASS_CHAT_RAG_JOBS_H

#include "common/base/buf.h"
#include "common/base/ident.h"
#include "common/rag/rag.h"

enum {
	RAG_JOBS_KEPT = 100,    /* ended ones of a tenant */
	RAG_JOBS_WAITING = 16,  /* of a tenant that have not ended */
	RAG_JOB_FINDINGS = 100, /* kept of one job; all are counted */
	RAG_JOB_THREADS = 2,
	RAG_JOB_ID_SIZE = sizeof("ragjob_") + IDENT_SORTED_LEN,
};

enum rag_job_kind { RAG_JOB_REBUILD, RAG_JOB_CHECK };
/* "rebuild" ...; NULL past the end. */
const char *rag_job_kind_name(unsigned kind);

enum rag_job_state {
	RAG_JOB_QUEUED,
	RAG_JOB_RUNNING,
	RAG_JOB_DONE,
	RAG_JOB_FAILED,
	RAG_JOB_CANCELLED,
};
const char *rag_job_state_name(enum rag_job_state state);
static inline bool rag_job_has_ended(enum rag_job_state state)
{
	return state >= RAG_JOB_DONE;
}

struct rag_job_finding {
	const char *what;
	char *document, *detail; /* document "": none in particular */
};

/* Borrowed for the call that shows it. */
struct rag_job {
	char id[RAG_JOB_ID_SIZE];
	const char *index;
	enum rag_job_kind kind;
	enum rag_job_state state;
	int64_t done, total; /* documents */
	int64_t created_ms, started_ms, finished_ms; /* wall clock; 0: not yet */
	const struct rag_job_finding *findings;
	size_t finding_count;
	int64_t findings_total;
	const struct err *err; /* of RAG_JOB_FAILED, else NULL */
};

struct rag_jobs;

/*
 * changed is called, on a thread of the jobs, when an index has been rebuilt, whole or in part; may
 * be NULL.
 */
struct rag_jobs *rag_jobs_new(struct rag *rag,
			      void (*changed)(void *arg, struct span tenant, struct span index),
			      void *arg);
/* All of them end soon, none begins any more. */
void rag_jobs_stop(struct rag_jobs *j);
/* Stops, and waits for what runs.  Nobody is inside any more.  j may be NULL. */
void rag_jobs_free(struct rag_jobs *j);

/*
 * Begins one, or joins the same work on the same index that has not ended.  Whether the index is
 * there is the caller's to know.  E_overloaded: the tenant has RAG_JOBS_WAITING.
 */
int rag_jobs_start(struct rag_jobs *j, struct span tenant, struct span index,
		   enum rag_job_kind kind, char id[RAG_JOB_ID_SIZE], struct err *err);
/* It ends soon, as RAG_JOB_CANCELLED; one that has ended stays as it is. */
int rag_jobs_cancel(struct rag_jobs *j, struct span tenant, struct span id, struct err *err);
/* Shows it as it is now.  show must be quick: the table is locked. */
int rag_jobs_get(struct rag_jobs *j, struct span tenant, struct span id,
		 void (*show)(void *arg, const struct rag_job *job), void *arg, struct err *err);
/* All of a tenant, the newest first. */
void rag_jobs_each(struct rag_jobs *j, struct span tenant,
		   void (*show)(void *arg, const struct rag_job *job), void *arg);

#endif
