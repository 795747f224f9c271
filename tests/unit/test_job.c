/*
 * Jobs: work on other threads while fibers wait.
 */
#include "common/loop/fiber.h"
#include "common/loop/job.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include <cmocka.h>

struct stage {
	struct loop *loop;
	struct job_pool *pool;
	pthread_t loop_thread;
	sem_t started, go_on;
	atomic_bool cancelled;
	atomic_int worked;
	int running, finished, refused;
	bool after_was_cancelled;
	struct err err;
};

static struct stage *make_stage(int threads, size_t queue_max)
{
	struct stage *s = mem_new(struct stage);

	s->loop = loop_new();
	s->pool = job_pool_new(threads, queue_max);
	s->loop_thread = pthread_self();
	sem_init(&s->started, 0, 0);
	sem_init(&s->go_on, 0, 0);
	return s;
}

static void free_stage(struct stage *s)
{
	job_pool_free(s->pool);
	loop_free(s->loop);
	sem_destroy(&s->started);
	sem_destroy(&s->go_on);
	mem_free(s);
}

static void leave(struct stage *s)
{
	if (--s->running == 0)
		loop_stop(s->loop);
}

struct sum {
	struct stage *stage;
	int n;
	int64_t result;
	bool was_elsewhere;
};

static void add_up(void *arg)
{
	struct sum *sum = arg;

	for (int i = 1; i <= sum->n; i++)
		sum->result += i;
	sum->was_elsewhere = !pthread_equal(pthread_self(), sum->stage->loop_thread);
	atomic_fetch_add(&sum->stage->worked, 1);
}

static void ask_for_sums(void *arg)
{
	struct stage *s = arg;

	for (int n = 1; n <= 20; n++) {
		struct sum sum = { .stage = s, .n = n };

		assert_int_equal(job_run(s->pool, add_up, &sum, NULL), 0);
		assert_int_equal(sum.result, n * (n + 1) / 2);
		assert_true(sum.was_elsewhere);
		assert_true(pthread_equal(pthread_self(), s->loop_thread));
	}
	leave(s);
}

static void many_fibers_get_their_work_done_elsewhere(void **state)
{
	struct stage *s = make_stage(3, 1000);

	(void)state;
	s->running = 50;
	for (int i = 0; i < 50; i++)
		fiber_start(s->loop, ask_for_sums, s);
	loop_run(s->loop);
	assert_int_equal(atomic_load(&s->worked), 50 * 20);
	free_stage(s);
}

static void work_until_told(void *arg)
{
	struct stage *s = arg;

	sem_post(&s->started);
	sem_wait(&s->go_on);
	atomic_fetch_add(&s->worked, 1);
}

static void ask_for_long_work(void *arg)
{
	struct stage *s = arg;

	if (job_run(s->pool, work_until_told, s, &s->err) < 0)
		s->refused++;
	else
		s->finished++;
	leave(s);
}

static void a_full_queue_refuses_without_running(void **state)
{
	struct stage *s = make_stage(1, 2);

	(void)state;
	s->running = 4;
	fiber_start(s->loop, ask_for_long_work, s);
	sem_wait(&s->started); /* taken off the queue */
	for (int i = 0; i < 3; i++)
		fiber_start(s->loop, ask_for_long_work, s);
	assert_int_equal(s->refused, 1);
	assert_int_equal(s->err.code, E_overloaded);
	for (int i = 0; i < 3; i++)
		sem_post(&s->go_on);
	loop_run(s->loop);
	assert_int_equal(s->finished, 3);
	assert_int_equal(atomic_load(&s->worked), 3);
	free_stage(s);
}

static void ask_and_look_at_cancellation(void *arg)
{
	struct stage *s = arg;

	assert_int_equal(job_run(s->pool, work_until_told, s, NULL), 0);
	s->finished = atomic_load(&s->worked);
	s->after_was_cancelled = fiber_suspend(&s->err) < 0;
	leave(s);
}

static void a_cancelled_fiber_still_waits_for_its_work(void **state)
{
	struct stage *s = make_stage(1, 1);
	struct fiber *f;

	(void)state;
	s->running = 1;
	f = fiber_start(s->loop, ask_and_look_at_cancellation, s);
	fiber_cancel(f);
	fiber_wake(f);
	assert_int_equal(s->running, 1);
	sem_post(&s->go_on);
	loop_run(s->loop);
	assert_int_equal(s->finished, 1);
	assert_true(s->after_was_cancelled);
	assert_int_equal(s->err.code, E_cancelled);
	free_stage(s);
}

/* Work of a good will: it ends when it is told. */
static void work_until_cancelled(void *arg)
{
	struct stage *s = arg;

	sem_post(&s->started);
	while (!atomic_load(&s->cancelled))
		sched_yield();
	atomic_fetch_add(&s->worked, 1);
}

static void ask_telling(void *arg)
{
	struct stage *s = arg;

	assert_int_equal(job_run_telling(s->pool, work_until_cancelled, s, &s->cancelled, NULL), 0);
	s->finished = atomic_load(&s->worked);
	s->after_was_cancelled = fiber_suspend(&s->err) < 0;
	leave(s);
}

static void work_that_looks_is_told_of_the_cancellation(void **state)
{
	struct stage *s = make_stage(1, 1);
	struct fiber *f;

	(void)state;
	s->running = 1;
	f = fiber_start(s->loop, ask_telling, s);
	sem_wait(&s->started);
	fiber_wake(f);
	assert_false(atomic_load(&s->cancelled));
	fiber_cancel(f);
	loop_run(s->loop);
	assert_int_equal(s->finished, 1);
	assert_true(s->after_was_cancelled);
	free_stage(s);
}

static void a_fiber_cancelled_before_tells_its_work_at_once(void **state)
{
	struct stage *s = make_stage(1, 1);
	struct fiber *f;

	(void)state;
	s->running = 1;
	f = fiber_start(s->loop, ask_telling, s);
	fiber_cancel(f);
	loop_run(s->loop);
	assert_int_equal(s->finished, 1);
	assert_true(atomic_load(&s->cancelled));
	free_stage(s);
}

static void ask_then_use_the_wake(void *arg)
{
	struct stage *s = arg;

	assert_int_equal(job_run(s->pool, work_until_told, s, NULL), 0);
	assert_int_equal(fiber_suspend(NULL), 0);
	s->finished = 1;
	leave(s);
}

static void a_wake_during_the_work_is_kept(void **state)
{
	struct stage *s = make_stage(1, 1);
	struct fiber *f;

	(void)state;
	s->running = 1;
	f = fiber_start(s->loop, ask_then_use_the_wake, s);
	fiber_wake(f);
	sem_post(&s->go_on);
	loop_run(s->loop);
	assert_int_equal(s->finished, 1);
	free_stage(s);
}

#ifdef __linux__
static void look_at_priority(void *arg)
{
	*(int *)arg = getpriority(PRIO_PROCESS, 0);
}

static void ask_for_priority(void *arg)
{
	struct stage *s = arg;
	int behind = -1, beside = -1;
	struct job_pool *pool = job_pool_new_behind(1, 1);

	assert_int_equal(job_run(pool, look_at_priority, &behind, &s->err), 0);
	assert_int_equal(job_run(s->pool, look_at_priority, &beside, &s->err), 0);
	job_pool_free(pool);
	s->finished = behind - beside;
	leave(s);
}

/* Only its own threads. */
static void a_pool_in_the_background_gives_way(void **state)
{
	struct stage *s = make_stage(1, 1);

	(void)state;
	if (getpriority(PRIO_PROCESS, 0) > 18)
		skip();
	s->running = 1;
	fiber_start(s->loop, ask_for_priority, s);
	loop_run(s->loop);
	assert_true(s->finished > 0);
	free_stage(s);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_fibers_get_their_work_done_elsewhere),
		cmocka_unit_test(a_full_queue_refuses_without_running),
		cmocka_unit_test(a_cancelled_fiber_still_waits_for_its_work),
		cmocka_unit_test(work_that_looks_is_told_of_the_cancellation),
		cmocka_unit_test(a_fiber_cancelled_before_tells_its_work_at_once),
		cmocka_unit_test(a_wake_during_the_work_is_kept),
#ifdef __linux__
		cmocka_unit_test(a_pool_in_the_background_gives_way),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
