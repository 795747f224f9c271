/*
 * common/store/writer.c - gathering records into batches.
 */
#include "common/store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum {
	PROBE_EVERY_MS = 500,
	TIDY_STEP_MS = 20,    /* between two steps of what can wait */
	TIDY_LATE_MS = 200,   /* the same while there is always something to write */
	TIDY_LOOK_MS = 60000, /* whether there is something */
	LOG_DROPPED_MS = 60000,
	STUCK_MS = 15000,
	BUSY_RECORDS = STORE_QUEUE_MAX / 4, /* in one gathering: there is no time to wait for more */
};

struct writer {
	struct queue *queue;
	struct sink *sink;
	struct metrics_shard *shard;
	pthread_t thread;
	_Atomic uint64_t dropped;
	_Atomic int64_t writing_since_ms; /* monotonic; 0 = not writing */

	pthread_mutex_t lock; /* protects what follows, and the done of marks */
	pthread_cond_t wake, finished;
	bool is_woken, is_hurried, is_stopping, must_reopen, has_limits;
	int64_t audit_max_bytes;

	struct usage_limits usage_limits;

	/* The thread's own. */
	bool has_more_to_tidy;
	int64_t tidied_ms; /* the last step, monotonic */
	uint64_t dropped_counted;
	int64_t dropped_logged_ms;
	size_t count, work_count;
	struct parcel *given; /* common parts that no later record names, by next */
	struct entry *batch[STORE_BATCH_MAX];
	struct work *works[STORE_BATCH_MAX];
};

/* Lies on the stack of one who waits for what was queued before it. */
struct mark {
	struct parcel parcel;
	bool is_done;
};

static struct timespec deadline_in(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* Until the next step of what can wait; between: two of them, while there is more. */
static int64_t till_tidy_ms(const struct writer *w, int64_t between)
{
	int64_t left = w->tidied_ms + (w->has_more_to_tidy ? between : TIDY_LOOK_MS) - clock_mono_ms();

	return left > 0 ? left : 0;
}

/* How long to rest when there is nothing to write. */
static int64_t rest_ms(const struct writer *w)
{
	if (sink_is_failing(w->sink))
		return PROBE_EVERY_MS;
	return till_tidy_ms(w, TIDY_STEP_MS);
}

/* Sleeps until there is something to write; false when it is time for what can wait. */
static bool wait_for_work(struct writer *w)
{
	struct timespec until = deadline_in(rest_ms(w));
	bool timed_out = false;

	if (!queue_rest(w->queue))
		return true;
	pthread_mutex_lock(&w->lock);
	while (!w->is_woken && !w->is_hurried && !w->is_stopping && !w->must_reopen &&
	       !w->has_limits && !timed_out)
		timed_out = pthread_cond_timedwait(&w->wake, &w->lock, &until) == ETIMEDOUT;
	pthread_mutex_unlock(&w->lock);
	return !timed_out;
}

/* Lets more records come, unless somebody waits for them. */
static void gather(struct writer *w)
{
	struct timespec end = deadline_in(STORE_GATHER_MS);

	pthread_mutex_lock(&w->lock);
	while (!w->is_hurried && !w->is_stopping && !w->must_reopen)
		if (pthread_cond_timedwait(&w->wake, &w->lock, &end) == ETIMEDOUT)
			break;
	w->is_woken = false;
	w->is_hurried = false;
	pthread_mutex_unlock(&w->lock);
}

static void count_outcome(struct writer *w, const char *outcome, uint64_t records)
{
	if (records > 0)
		metrics_add(w->shard, M_spass_records_total, (int64_t)records,
			    LABELS(span_str(outcome)));
}

static void free_given(struct writer *w)
{
	while (w->given) {
		struct parcel *next = w->given->next;

		mem_free(container_of(w->given, struct common, parcel));
		w->given = next;
	}
}

static void write_batch(struct writer *w)
{
	int result;

	atomic_store_explicit(&w->writing_since_ms, clock_mono_ms(), memory_order_relaxed);
	result = sink_write(w->sink, w->batch, w->count, w->works, w->work_count);
	atomic_store_explicit(&w->writing_since_ms, 0, memory_order_relaxed);
	work_finish_all(w->works, w->work_count);
	count_outcome(w, result == 0 ? "written" : "failed", w->count);
	queue_release(w->queue, w->batch, w->count);
	free_given(w);
	w->count = 0;
	w->work_count = 0;
}

static void finish_mark(struct writer *w, struct mark *mark)
{
	write_batch(w);
	pthread_mutex_lock(&w->lock);
	mark->is_done = true;
	pthread_cond_broadcast(&w->finished);
	pthread_mutex_unlock(&w->lock);
}

/* How many records there were. */
static size_t write_chain(struct writer *w, struct parcel *chain)
{
	size_t total = 0;

	while (chain) {
		struct parcel *next = chain->next;

		switch (chain->kind) {
		case PARCEL_RECORD:
			w->batch[w->count++] = container_of(chain, struct entry, parcel);
			total++;
			break;
		case PARCEL_COMMON:
			chain->next = w->given;
			w->given = chain;
			break;
		case PARCEL_WORK:
			w->works[w->work_count++] = container_of(chain, struct work, parcel);
			break;
		case PARCEL_MARK:
			finish_mark(w, container_of(chain, struct mark, parcel));
			break;
		}
		if (w->count == STORE_BATCH_MAX || w->work_count == STORE_BATCH_MAX)
			write_batch(w);
		chain = next;
	}
	write_batch(w);
	return total;
}

static void tell_dropped(struct writer *w)
{
	uint64_t dropped = atomic_load_explicit(&w->dropped, memory_order_relaxed);
	uint64_t more = dropped - w->dropped_counted;
	int64_t now = clock_mono_ms();

	if (more == 0)
		return;
	count_outcome(w, "dropped", more);
	if (w->dropped_counted == 0 || now - w->dropped_logged_ms >= LOG_DROPPED_MS) {
		log_warn("store", "records come faster than they can be written: %llu dropped so far",
			 (unsigned long long)dropped);
		w->dropped_logged_ms = now;
	}
	w->dropped_counted = dropped;
}

/* After the queue was taken, so that whoever asked for it before a flush has it after. */
static bool obey(struct writer *w)
{
	bool is_stopping, must_reopen, has_limits;
	struct usage_limits limits;
	int64_t max;

	pthread_mutex_lock(&w->lock);
	is_stopping = w->is_stopping;
	must_reopen = w->must_reopen;
	w->must_reopen = false;
	max = w->audit_max_bytes;
	has_limits = w->has_limits;
	w->has_limits = false;
	limits = w->usage_limits;
	pthread_mutex_unlock(&w->lock);
	if (must_reopen)
		sink_reopen_audit(w->sink, max);
	if (has_limits) {
		sink_limit_usage(w->sink, &limits);
		w->has_more_to_tidy = true;
	}
	return is_stopping;
}

static void tidy(struct writer *w)
{
	w->has_more_to_tidy = sink_tidy(w->sink);
	w->tidied_ms = clock_mono_ms();
}

static void *run(void *data)
{
	struct writer *w = data;
	bool is_busy = false;

	for (;;) {
		struct parcel *chain;
		bool is_stopping;

		if (!is_busy && wait_for_work(w))
			gather(w);
		chain = queue_take(w->queue);
		is_stopping = obey(w);
		if (!chain && is_stopping)
			break;
		if (!chain && sink_is_failing(w->sink))
			sink_probe(w->sink);
		else if (!chain || till_tidy_ms(w, TIDY_LATE_MS) == 0)
			tidy(w);
		is_busy = write_chain(w, chain) >= BUSY_RECORDS;
		tell_dropped(w);
	}
	return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct writer *w, struct err *err)
{
	sigset_t all, old;
	int number;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	number = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (number != 0)
		return err_set(err, E_internal_error, "", "cannot start the writer: %s",
			       err_errno(number));
	pthread_setname_np(w->thread, "spass-writer");
	return 0;
}

static void writer_free(struct writer *w)
{
	sink_close(w->sink);
	pthread_cond_destroy(&w->wake);
	pthread_cond_destroy(&w->finished);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

struct writer *writer_start_take(struct queue *queue, struct sink *sink, struct metrics *metrics,
				 struct err *err)
{
	struct writer *w = mem_new(struct writer);
	pthread_condattr_t attributes;

	w->queue = queue;
	w->sink = sink;
	w->has_more_to_tidy = true; /* nobody knows what was left */
	w->tidied_ms = clock_mono_ms();
	w->shard = metrics ? metrics_shard_new(metrics) : NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attributes);
	pthread_cond_init(&w->finished, &attributes);
	pthread_condattr_destroy(&attributes);
	if (start_thread(w, err) == 0)
		return w;
	writer_free(w);
	return NULL;
}

void writer_stop(struct writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	writer_free(w);
}

void writer_wake(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_woken = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void writer_hurry(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->is_hurried = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void writer_flush(struct writer *w)
{
	struct mark mark = { .parcel = { .kind = PARCEL_MARK } };

	pthread_mutex_lock(&w->lock);
	queue_push(w->queue, &mark.parcel);
	w->is_hurried = true;
	pthread_cond_signal(&w->wake);
	while (!mark.is_done)
		pthread_cond_wait(&w->finished, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void writer_reopen_audit(struct writer *w, int64_t audit_max_bytes)
{
	pthread_mutex_lock(&w->lock);
	w->must_reopen = true;
	w->audit_max_bytes = audit_max_bytes;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void writer_limit_usage(struct writer *w, const struct usage_limits *limits)
{
	pthread_mutex_lock(&w->lock);
	w->has_limits = true;
	w->usage_limits = *limits;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

void writer_count_dropped(struct writer *w)
{
	atomic_fetch_add_explicit(&w->dropped, 1, memory_order_relaxed);
}

int writer_check(struct writer *w, struct err *err)
{
	int64_t since_ms = atomic_load_explicit(&w->writing_since_ms, memory_order_relaxed);

	if (since_ms > 0 && clock_mono_ms() - since_ms > STUCK_MS)
		return err_set(err, E_storage_error, "",
			       "a write has not come back for %d seconds; look at the disk",
			       STUCK_MS / 1000);
	return sink_check(w->sink, err);
}
