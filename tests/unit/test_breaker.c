/* Tests of common/upstream/breaker.h. */
#include "common/upstream/breaker.h"

#include "common/base/mem.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

/* ASK keeps the ticket in its slot, the next three report with it; the last two are whole calls. */
enum step_kind { ASK, SUCCESS, FAILURE, RELEASE, GOOD_CALL, BAD_CALL };
enum { SLOTS = 5 };
struct step {
	enum step_kind kind;
	int64_t at_ms;
	bool allowed;             /* of ASK */
	enum breaker_state state; /* afterwards */
	int64_t wait_ms;          /* afterwards */
	size_t slot;
};

static void fail_call(struct breaker *b, int64_t now_ms)
{
	uint64_t ticket = breaker_admit(b, now_ms);

	assert_true(ticket > 0);
	breaker_failure(b, ticket, now_ms);
}

static void take_step(struct breaker *b, const struct step *s, uint64_t *ticket)
{
	switch (s->kind) {
	case ASK:
		*ticket = breaker_admit(b, s->at_ms);
		break;
	case SUCCESS:
		breaker_success(b, *ticket);
		break;
	case FAILURE:
		breaker_failure(b, *ticket, s->at_ms);
		break;
	case RELEASE:
		breaker_release(b, *ticket);
		break;
	case GOOD_CALL:
		breaker_success(b, breaker_admit(b, s->at_ms));
		break;
	case BAD_CALL:
		fail_call(b, s->at_ms);
		break;
	}
}

static void play(struct breaker *b, const struct step *steps, size_t count)
{
	uint64_t tickets[SLOTS] = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct step *s = &steps[i];

		take_step(b, s, &tickets[s->slot]);
		if (s->kind == ASK && (tickets[s->slot] > 0) != s->allowed)
			fail_msg("step %zu: allowed is not %d", i, s->allowed);
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
	     { ASK, 0, true, BREAKER_CLOSED, 0, 0 }, { FAILURE, 0, false, BREAKER_CLOSED, 0, 0 },
	     { BAD_CALL, 1, false, BREAKER_CLOSED, 0, 0 }, { GOOD_CALL, 2, false, BREAKER_CLOSED, 0, 0 },
	     { BAD_CALL, 3, false, BREAKER_CLOSED, 0, 0 }, { BAD_CALL, 4, false, BREAKER_CLOSED, 0, 0 },
	     { BAD_CALL, 5, false, BREAKER_OPEN, 100, 0 }, { ASK, 6, false, BREAKER_OPEN, 99, 0 },
	     { ASK, 104, false, BREAKER_OPEN, 1, 0 }, { ASK, 105, true, BREAKER_HALF_OPEN, 1, 0 });
}

static void failures_of_calls_side_by_side_open_it_too(void **state)
{
	(void)state;
	PLAY(2, 100,
	     { ASK, 0, true, BREAKER_CLOSED, 0, 0 }, { ASK, 0, true, BREAKER_CLOSED, 0, 1 },
	     { FAILURE, 1, false, BREAKER_CLOSED, 0, 1 }, { FAILURE, 2, false, BREAKER_OPEN, 100, 0 });
}

static void lets_one_trial_through_and_closes_on_its_success(void **state)
{
	(void)state;
	PLAY(1, 50,
	     { BAD_CALL, 0, false, BREAKER_OPEN, 50, 0 }, { ASK, 50, true, BREAKER_HALF_OPEN, 1, 0 },
	     { ASK, 50, false, BREAKER_HALF_OPEN, 1, 1 }, { ASK, 500, false, BREAKER_HALF_OPEN, 1, 1 },
	     { SUCCESS, 500, false, BREAKER_CLOSED, 0, 0 }, { ASK, 500, true, BREAKER_CLOSED, 0, 0 },
	     { ASK, 500, true, BREAKER_CLOSED, 0, 0 });
}

static void rests_again_from_the_failure_of_the_trial(void **state)
{
	(void)state;
	PLAY(2, 50,
	     { BAD_CALL, 0, false, BREAKER_CLOSED, 0, 0 }, { BAD_CALL, 0, false, BREAKER_OPEN, 50, 0 },
	     { ASK, 60, true, BREAKER_HALF_OPEN, 1, 0 }, { FAILURE, 70, false, BREAKER_OPEN, 50, 0 },
	     { ASK, 119, false, BREAKER_OPEN, 1, 0 }, { ASK, 120, true, BREAKER_HALF_OPEN, 1, 0 });
}

static void a_released_trial_may_be_made_again(void **state)
{
	(void)state;
	PLAY(1, 50,
	     { BAD_CALL, 0, false, BREAKER_OPEN, 50, 0 }, { ASK, 50, true, BREAKER_HALF_OPEN, 1, 0 },
	     { RELEASE, 51, false, BREAKER_HALF_OPEN, 0, 0 }, { ASK, 51, true, BREAKER_HALF_OPEN, 1, 0 });
}

static void releases_change_nothing_while_closed(void **state)
{
	(void)state;
	PLAY(2, 50,
	     { BAD_CALL, 0, false, BREAKER_CLOSED, 0, 0 }, { ASK, 0, true, BREAKER_CLOSED, 0, 0 },
	     { RELEASE, 0, false, BREAKER_CLOSED, 0, 0 }, { BAD_CALL, 0, false, BREAKER_OPEN, 50, 0 });
}

static void stale_reports_neither_close_it_nor_lengthen_its_rest(void **state)
{
	(void)state;
	PLAY(1, 100,
	     { ASK, 0, true, BREAKER_CLOSED, 0, 1 }, { ASK, 0, true, BREAKER_CLOSED, 0, 2 },
	     { ASK, 0, true, BREAKER_CLOSED, 0, 3 }, { BAD_CALL, 0, false, BREAKER_OPEN, 100, 0 },
	     { FAILURE, 40, false, BREAKER_OPEN, 60, 1 }, { SUCCESS, 50, false, BREAKER_OPEN, 50, 2 },
	     { FAILURE, 150, false, BREAKER_HALF_OPEN, 0, 3 }, { ASK, 150, true, BREAKER_HALF_OPEN, 1, 0 });
}

static void calls_from_before_do_not_decide_a_trial(void **state)
{
	(void)state;
	PLAY(1, 100,
	     { ASK, 0, true, BREAKER_CLOSED, 0, 1 }, { ASK, 0, true, BREAKER_CLOSED, 0, 2 },
	     { ASK, 0, true, BREAKER_CLOSED, 0, 3 }, { BAD_CALL, 0, false, BREAKER_OPEN, 100, 0 },
	     { ASK, 100, true, BREAKER_HALF_OPEN, 1, 0 }, { SUCCESS, 110, false, BREAKER_HALF_OPEN, 1, 1 },
	     { FAILURE, 110, false, BREAKER_HALF_OPEN, 1, 2 }, { RELEASE, 110, false, BREAKER_HALF_OPEN, 1, 3 },
	     { ASK, 110, false, BREAKER_HALF_OPEN, 1, 4 }, { SUCCESS, 120, false, BREAKER_CLOSED, 0, 0 });
}

static void a_failure_from_before_does_not_open_it_again(void **state)
{
	(void)state;
	PLAY(1, 100,
	     { ASK, 0, true, BREAKER_CLOSED, 0, 1 }, { BAD_CALL, 0, false, BREAKER_OPEN, 100, 0 },
	     { ASK, 100, true, BREAKER_HALF_OPEN, 1, 0 }, { SUCCESS, 100, false, BREAKER_CLOSED, 0, 0 },
	     { FAILURE, 110, false, BREAKER_CLOSED, 0, 1 });
}

static void a_trial_reports_once(void **state)
{
	(void)state;
	PLAY(1, 100,
	     { BAD_CALL, 0, false, BREAKER_OPEN, 100, 0 }, { ASK, 100, true, BREAKER_HALF_OPEN, 1, 0 },
	     { FAILURE, 110, false, BREAKER_OPEN, 100, 0 }, { FAILURE, 150, false, BREAKER_OPEN, 60, 0 },
	     { SUCCESS, 150, false, BREAKER_OPEN, 60, 0 }, { ASK, 210, true, BREAKER_HALF_OPEN, 1, 1 },
	     { RELEASE, 210, false, BREAKER_HALF_OPEN, 1, 0 });
}

static void new_limits_hold_at_once(void **state)
{
	(void)state;
	struct breaker *b = breaker_new(5, 1000);

	fail_call(b, 0);
	breaker_configure(b, 2, 10);
	fail_call(b, 0);
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
	fail_call(b, 0);
	assert_int_equal(breaker_state(b, 0), BREAKER_OPEN);
	breaker_unref(b);
	breaker_unref(NULL);
}

enum { THREADS = 4, ROUNDS = 20000 };
struct racer {
	struct breaker *breaker;
	pthread_barrier_t *barrier;
	uint64_t trial;
	int closed;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	struct breaker *b = breaker_ref(r->breaker);

	pthread_barrier_wait(r->barrier);
	r->trial = breaker_admit(b, 100);
	pthread_barrier_wait(r->barrier);
	if (r->trial)
		breaker_failure(b, r->trial, 100);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t ticket = breaker_admit(b, 200 + i);

		if (i % 3 == 0)
			breaker_failure(b, ticket, 200 + i);
		else
			breaker_success(b, ticket);
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

	fail_call(b, 0);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ b, &barrier, 0, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		trials += racers[i].trial > 0;
	}
	assert_int_equal(trials, 1);
	pthread_barrier_destroy(&barrier);
	breaker_unref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_after_consecutive_failures_and_rests),
		cmocka_unit_test(failures_of_calls_side_by_side_open_it_too),
		cmocka_unit_test(lets_one_trial_through_and_closes_on_its_success),
		cmocka_unit_test(rests_again_from_the_failure_of_the_trial),
		cmocka_unit_test(a_released_trial_may_be_made_again),
		cmocka_unit_test(releases_change_nothing_while_closed),
		cmocka_unit_test(stale_reports_neither_close_it_nor_lengthen_its_rest),
		cmocka_unit_test(calls_from_before_do_not_decide_a_trial),
		cmocka_unit_test(a_failure_from_before_does_not_open_it_again),
		cmocka_unit_test(a_trial_reports_once),
		cmocka_unit_test(new_limits_hold_at_once),
		cmocka_unit_test(lives_until_the_last_reference_goes),
		cmocka_unit_test(of_many_threads_one_gets_the_trial),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
