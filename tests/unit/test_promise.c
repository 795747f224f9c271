/*
 * tests/unit/test_promise.c - waiting for another thread, on a fiber and on a thread.
 */
#include "common/loop/promise.h"

#include <setjmp.h>
#include <stdarg.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_waits_until_the_other_has_finished),
		cmocka_unit_test(a_fiber_lets_its_loop_run_meanwhile),
		cmocka_unit_test(a_cancelled_fiber_waits_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
