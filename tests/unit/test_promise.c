/*
 * tests/unit/test_promise.c - waiting for another thread, on a fiber and on a thread.
 */
#include "common/loop/promise.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

struct other {
	struct promise promise;
	int value;
	struct loop *loop;
	struct fiber *waiting;
	bool was_cancelled, seen_cancelled;
};

static void *work(void *data)
{
	struct other *o = data;

	o->value = 7;
	promise_keep(&o->promise);
	return NULL;
}

static void a_thread_waits_until_the_other_has_finished(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		struct other o = { .value = 0 };
		pthread_t thread;

		promise_init(&o.promise);
		assert_int_equal(pthread_create(&thread, NULL, work, &o), 0);
		promise_wait(&o.promise);
		assert_int_equal(o.value, 7);
		pthread_join(thread, NULL);
	}
}

static void wait_on_fiber(void *data)
{
	struct other *o = data;
	pthread_t thread;

	promise_init(&o->promise);
	o->waiting = fiber_self();
	if (o->was_cancelled)
		fiber_cancel(o->waiting);
	assert_int_equal(pthread_create(&thread, NULL, work, o), 0);
	promise_wait(&o->promise);
	assert_int_equal(o->value, 7);
	o->seen_cancelled = fiber_is_cancelled(fiber_self());
	pthread_join(thread, NULL);
	loop_stop(o->loop);
}

static void a_fiber_lets_its_loop_run_meanwhile(void **state)
{
	struct other o = { .loop = loop_new() };

	(void)state;
	fiber_start(o.loop, wait_on_fiber, &o);
	loop_run(o.loop);
	assert_int_equal(o.value, 7);
	assert_false(o.seen_cancelled);
	loop_free(o.loop);
}

static void a_cancelled_fiber_waits_all_the_same(void **state)
{
	struct other o = { .loop = loop_new(), .was_cancelled = true };

	(void)state;
	fiber_start(o.loop, wait_on_fiber, &o);
	loop_run(o.loop);
	assert_int_equal(o.value, 7);
	assert_true(o.seen_cancelled);
	loop_free(o.loop);
}

/* Four waiters on two loops, by turns, and a thread that keeps all of their promises. */
enum { LOOPS = 2, WAITERS = 4 };

struct crowd;
struct waiter {
	struct crowd *crowd;
	struct promise promise;
	int number;
};

struct crowd {
	struct loop *loops[LOOPS];
	struct waiter waiters[WAITERS];
	_Atomic int waiting;
	int ended[LOOPS], order[LOOPS][WAITERS]; /* of each loop: its waiters as they went on */
};

static void wait_in_crowd(void *data)
{
	struct waiter *w = data;
	int loop = w->number % LOOPS;

	promise_init(&w->promise);
	atomic_fetch_add(&w->crowd->waiting, 1);
	promise_wait(&w->promise);
	w->crowd->order[loop][w->crowd->ended[loop]++] = w->number;
	if (w->crowd->ended[loop] == WAITERS / LOOPS)
		loop_stop(w->crowd->loops[loop]);
}

static void *keep_for_crowd(void *data)
{
	struct crowd *crowd = data;
	struct promise *all[WAITERS];

	while (atomic_load(&crowd->waiting) < WAITERS)
		sched_yield();
	for (int i = 0; i < WAITERS; i++)
		all[i] = &crowd->waiters[i].promise;
	promise_keep_all(all, WAITERS);
	return NULL;
}

static void start_waiters(struct crowd *crowd, int loop)
{
	for (int i = loop; i < WAITERS; i += LOOPS) {
		crowd->waiters[i].crowd = crowd;
		crowd->waiters[i].number = i;
		fiber_start(crowd->loops[loop], wait_in_crowd, &crowd->waiters[i]);
	}
	loop_run(crowd->loops[loop]);
}

static void *run_other_loop(void *data)
{
	struct crowd *crowd = data;

	crowd->loops[1] = loop_new();
	start_waiters(crowd, 1);
	loop_free(crowd->loops[1]);
	return NULL;
}

static void all_are_kept_in_order_whichever_loop_they_wait_on(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct crowd crowd = { .loops = { loop_new(), NULL } };
		pthread_t keeper, other;

		assert_int_equal(pthread_create(&other, NULL, run_other_loop, &crowd), 0);
		assert_int_equal(pthread_create(&keeper, NULL, keep_for_crowd, &crowd), 0);
		start_waiters(&crowd, 0);
		pthread_join(keeper, NULL);
		pthread_join(other, NULL);
		loop_free(crowd.loops[0]);
		for (int loop = 0; loop < LOOPS; loop++)
			for (int i = 0; i < WAITERS / LOOPS; i++)
				assert_int_equal(crowd.order[loop][i], loop + i * LOOPS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_waits_until_the_other_has_finished),
		cmocka_unit_test(a_fiber_lets_its_loop_run_meanwhile),
		cmocka_unit_test(a_cancelled_fiber_waits_all_the_same),
		cmocka_unit_test(all_are_kept_in_order_whichever_loop_they_wait_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
