/* Tests of common/upstream/breaker.h. */
#include "common/upstream/breaker.h"

#include "common/base/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum step_kind { ASK, SUCCESS, FAILURE, RELEASE };
struct step {
	enum step_kind kind;
	int64_t at_ms;
	bool allowed;             /* of ASK */
	enum breaker_state state; /* afterwards */
	int64_t wait_ms;          /* afterwards */
};

static void play(struct breaker *b, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];

		switch (s->kind) {
		case ASK:
			if (breaker_allows(b, s->at_ms) != s->allowed)
				fail_msg("step %zu: allowed is not %d", i, s->allowed);
			break;
		case SUCCESS:
			breaker_success(b);
			break;
		case FAILURE:
			breaker_failure(b, s->at_ms);
			break;
		case RELEASE:
			breaker_release(b);
			break;
		}
		if (breaker_state(b, s->at_ms) != s->state)
			fail_msg("step %zu: state %d, expected %d", i, (int)breaker_state(b, s->at_ms),
				 (int)s->state);
		if (breaker_wait_ms(b, s->at_ms) != s->wait_ms)
			fail_msg("step %zu: wait %lld, expected %lld", i,
				 (long long)breaker_wait_ms(b, s->at_ms), (long long)s->wait_ms);
	}
}

#define PLAY(failures, rest_ms, ...) \
	do { \
		static const struct step steps[] = { __VA_ARGS__ }; \
		struct breaker *b = breaker_new(failures, rest_ms); \
		play(b, steps, ARRAY_LEN(steps)); \
		breaker_unref(b); \
	} while (0)

static void opens_after_consecutive_failures_and_rests(void **state)
{
	(void)state;
	PLAY(3, 100,
	     { ASK, 0, true, BREAKER_CLOSED, 0 }, { FAILURE, 0, false, BREAKER_CLOSED, 0 },
	     { FAILURE, 1, false, BREAKER_CLOSED, 0 }, { SUCCESS, 2, false, BREAKER_CLOSED, 0 },
	     { FAILURE, 3, false, BREAKER_CLOSED, 0 }, { FAILURE, 4, false, BREAKER_CLOSED, 0 },
	     { FAILURE, 5, false, BREAKER_OPEN, 100 }, { ASK, 6, false, BREAKER_OPEN, 99 },
	     { ASK, 104, false, BREAKER_OPEN, 1 }, { ASK, 105, true, BREAKER_HALF_OPEN, 1 });
}

static void lets_one_trial_through_and_closes_on_its_success(void **state)
{
	(void)state;
	PLAY(1, 50,
	     { FAILURE, 0, false, BREAKER_OPEN, 50 }, { ASK, 50, true, BREAKER_HALF_OPEN, 1 },
	     { ASK, 50, false, BREAKER_HALF_OPEN, 1 }, { ASK, 500, false, BREAKER_HALF_OPEN, 1 },
	     { SUCCESS, 500, false, BREAKER_CLOSED, 0 }, { ASK, 500, true, BREAKER_CLOSED, 0 },
	     { ASK, 500, true, BREAKER_CLOSED, 0 });
}

static void rests_again_from_the_failure_of_the_trial(void **state)
{
	(void)state;
	PLAY(2, 50,
	     { FAILURE, 0, false, BREAKER_CLOSED, 0 }, { FAILURE, 0, false, BREAKER_OPEN, 50 },
	     { ASK, 60, true, BREAKER_HALF_OPEN, 1 }, { FAILURE, 70, false, BREAKER_OPEN, 50 },
	     { ASK, 119, false, BREAKER_OPEN, 1 }, { ASK, 120, true, BREAKER_HALF_OPEN, 1 });
}

static void a_released_trial_may_be_made_again(void **state)
{
	(void)state;
	PLAY(1, 50,
	     { FAILURE, 0, false, BREAKER_OPEN, 50 }, { ASK, 50, true, BREAKER_HALF_OPEN, 1 },
	     { RELEASE, 51, false, BREAKER_HALF_OPEN, 0 }, { ASK, 51, true, BREAKER_HALF_OPEN, 1 });
}

static void releases_change_nothing_while_closed(void **state)
{
	(void)state;
	PLAY(2, 50,
	     { FAILURE, 0, false, BREAKER_CLOSED, 0 }, { RELEASE, 0, false, BREAKER_CLOSED, 0 },
	     { FAILURE, 0, false, BREAKER_OPEN, 50 });
}

static void stale_reports_neither_close_it_nor_lengthen_its_rest(void **state)
{
	(void)state;
	PLAY(1, 100,
	     { FAILURE, 0, false, BREAKER_OPEN, 100 }, { FAILURE, 40, false, BREAKER_OPEN, 60 },
	     { SUCCESS, 50, false, BREAKER_OPEN, 50 }, { FAILURE, 150, false, BREAKER_HALF_OPEN, 0 },
	     { ASK, 150, true, BREAKER_HALF_OPEN, 1 });
}

static void new_limits_hold_at_once(void **state)
{
	(void)state;
	struct breaker *b = breaker_new(5, 1000);

	breaker_failure(b, 0);
	breaker_configure(b, 2, 10);
	breaker_failure(b, 0);
	assert_int_equal(breaker_state(b, 9), BREAKER_OPEN);
	assert_int_equal(breaker_wait_ms(b, 9), 1);
	breaker_configure(b, 2, 30);
	assert_int_equal(breaker_wait_ms(b, 10), 20);
	breaker_unref(b);
}

static void lives_until_the_last_reference_goes(void **state)
{
	(void)state;
	struct breaker *b = breaker_new(1, 10);

	assert_ptr_equal(breaker_ref(b), b);
	breaker_unref(b);
	breaker_failure(b, 0);
	assert_int_equal(breaker_state(b, 0), BREAKER_OPEN);
	breaker_unref(b);
	breaker_unref(NULL);
}

enum { THREADS = 4, ROUNDS = 20000 };
struct racer {
	struct breaker *breaker;
	pthread_barrier_t *barrier;
	int trials, closed;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct breaker *b = breaker_ref(r->breaker);

	pthread_barrier_wait(r->barrier);
	r->trials = breaker_allows(b, 100);
	pthread_barrier_wait(r->barrier);
	for (int i = 0; i < ROUNDS; i++) {
		breaker_failure(b, 200 + i);
		if (breaker_allows(b, 200 + i))
			breaker_success(b);
		r->closed += breaker_state(b, 200 + i) == BREAKER_CLOSED;
	}
	breaker_unref(b);
	return NULL;
}

static void of_many_threads_one_gets_the_trial(void **state)
{
	(void)state;
	struct breaker *b = breaker_new(1, 50);
	pthread_barrier_t barrier;
	pthread_t threads[THREADS];
	struct racer racers[THREADS];
	int trials = 0;

	breaker_failure(b, 0);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ b, &barrier, 0, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		trials += racers[i].trials;
	}
	assert_int_equal(trials, 1);
	pthread_barrier_destroy(&barrier);
	breaker_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_consecutive_failures_and_rests),
		cmocka_unit_test(lets_one_trial_through_and_closes_on_its_success),
		cmocka_unit_test(rests_again_from_the_failure_of_the_trial),
		cmocka_unit_test(a_released_trial_may_be_made_again),
		cmocka_unit_test(releases_change_nothing_while_closed),
		cmocka_unit_test(stale_reports_neither_close_it_nor_lengthen_its_rest),
		cmocka_unit_test(new_limits_hold_at_once),
		cmocka_unit_test(lives_until_the_last_reference_goes),
		cmocka_unit_test(of_many_threads_one_gets_the_trial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
