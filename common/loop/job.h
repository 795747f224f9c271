/*
 * common/loop/job.h - blocking or long work on a small pool of threads, while a fiber waits.
 */
#ifndef SPASS_LOOP_JOB_H
#define SPASS_LOOP_JOB_H

#include <stdatomic.h>

#include "common/base/err.h"

struct job_pool;

/* threads >= 1; queue_max: jobs waiting at most.  Startup only. */
struct job_pool *job_pool_new(int threads, size_t queue_max);
/* For work in the background: its threads give way to all others of the program. */
struct job_pool *job_pool_new_behind(int threads, size_t queue_max);
/* Waits for running jobs; none may be queued any more. */
void job_pool_free(struct job_pool *p);
/*
 * Runs work(arg) on a pool thread and suspends the calling fiber until it has returned, even
 * when the fiber is cancelled meanwhile (work cannot be taken back).  On a fiber only.  0, or -1
 * with E_overloaded when the queue is full (work was not run).
 */
int job_run(struct job_pool *p, void (*work)(void *arg), void *arg, struct err *err);
/* The same for work that looks at *cancelled now and then, which is set when the fiber is cancelled. */
int job_run_telling(struct job_pool *p, void (*work)(void *arg), void *arg, atomic_bool *cancelled,
		    struct err *err);

#endif
