/*
 * The job pool: threads that take jobs off one bounded queue.
 *
 * A job lies on its fiber's stack; the fiber stays suspended until the loop has been told that
 * the work is done, so nothing is allocated and nothing can be left behind.
 */
#include "common/loop/job.h"

#include "common/base/log.h"
#include "common/loop/promise.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

/* About a tenth of the share of a thread beside it, and all of what nobody else wants. */
enum { NICE_BEHIND = 10 };

struct job {
	struct promise done;
	struct list link;
	void (*work)(void *arg);
	void *arg;
};

struct job_pool {
	pthread_mutex_t lock; /* protects queue, queued, stopping */
	pthread_cond_t more;
	struct list queue;
	size_t queued, queue_max;
	bool stopping;
	bool is_behind; /* constant */
	int thread_count;
	pthread_t *threads;
};

/* NULL when the pool is to end. */
static struct job *take_job(struct job_pool *p)
{
	struct job *job = NULL;

	pthread_mutex_lock(&p->lock);
	while (list_is_empty(&p->queue) && !p->stopping)
		pthread_cond_wait(&p->more, &p->lock);
	if (!list_is_empty(&p->queue)) {
		job = container_of(p->queue.next, struct job, link);
		list_remove(&job->link);
		p->queued--;
	}
	pthread_mutex_unlock(&p->lock);
	return job;
}

static void *run_jobs(void *arg)
{
	struct job_pool *p = arg;
	struct job *job;

	/* Of this thread alone, on Linux; elsewhere and when refused all goes on as without. */
#ifdef __linux__
	if (p->is_behind)
		(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE_BEHIND);
#endif
	while ((job = take_job(p)) != NULL) {
		job->work(job->arg);
		promise_keep(&job->done);
	}
	return NULL;
}

/* Signals are for the main thread. */
static void start_threads(struct job_pool *p)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (int i = 0; i < p->thread_count; i++) {
		if (pthread_create(&p->threads[i], NULL, run_jobs, p) != 0) {
			log_error("loop", "cannot start thread %d of the job pool", i + 1);
			abort();
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct job_pool *make(int threads, size_t queue_max, bool is_behind)
{
	struct job_pool *p = mem_new(struct job_pool);

	assert(threads >= 1);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	list_init(&p->queue);
	p->queue_max = queue_max;
	p->is_behind = is_behind;
	p->thread_count = threads;
	p->threads = mem_calloc((size_t)threads, sizeof *p->threads);
	start_threads(p);
	return p;
}

struct job_pool *job_pool_new(int threads, size_t queue_max)
{
	return make(threads, queue_max, false);
}

struct job_pool *job_pool_new_behind(int threads, size_t queue_max)
{
	return make(threads, queue_max, true);
}

void job_pool_free(struct job_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	assert(list_is_empty(&p->queue));
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	mem_free(p->threads);
	mem_free(p);
}

static int enqueue(struct job_pool *p, struct job *job, struct err *err)
{
	bool is_full;

	pthread_mutex_lock(&p->lock);
	is_full = p->queued >= p->queue_max;
	if (!is_full) {
		list_push(&p->queue, &job->link);
		p->queued++;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	if (is_full)
		return err_set(err, E_overloaded, NULL, "%zu jobs are waiting for a thread already",
			       p->queue_max);
	return 0;
}

int job_run(struct job_pool *p, void (*work)(void *arg), void *arg, struct err *err)
{
	return job_run_telling(p, work, arg, NULL, err);
}

int job_run_telling(struct job_pool *p, void (*work)(void *arg), void *arg, atomic_bool *cancelled,
		    struct err *err)
{
	struct job job = { .work = work, .arg = arg };

	assert(fiber_self());
	promise_init(&job.done);
	if (enqueue(p, &job, err) < 0)
		return -1;
	promise_wait_telling(&job.done, cancelled);
	return 0;
}
