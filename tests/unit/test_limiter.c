/*
 * tests/unit/test_limiter.c - buckets, by a clock of the test's own.
 */
#include "common/tenant/limiter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/digest.h"
#include "common/base/mem.h"

static const int64_t second = 1000000, begin = 5000000;

static void make_key(const char *text, uint8_t key[LIMITER_KEY_SIZE])
{
	digest_sha256(span_str(text), key);
}

static bool ask(struct limiter *l, const char *who, struct limit_ask *a, int64_t now_us)
{
	uint8_t key[LIMITER_KEY_SIZE];

	make_key(who, key);
	return limiter_take(l, key, a, 1, now_us);
}

static struct limit_ask one(double count, int64_t seconds, int64_t burst)
{
	return (struct limit_ask){ .limit = limit_of(count, seconds, burst), .amount = 1 };
}

static void a_burst_passes_and_the_next_waits_for_one_unit(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = one(1, 1, 30);

	(void)state;
	for (int i = 0; i < 30; i++) {
		assert_true(ask(l, "a", &a, begin));
		assert_int_equal(a.remaining, 29 - i);
		assert_int_equal(a.full_us, (i + 1) * second);
	}
	assert_false(ask(l, "a", &a, begin));
	assert_int_equal(a.remaining, 0);
	assert_int_equal(a.wait_us, second);
	assert_false(ask(l, "a", &a, begin + second - 1));
	assert_int_equal(a.wait_us, 1);
	assert_true(ask(l, "a", &a, begin + second));
	assert_false(ask(l, "a", &a, begin + second));
	limiter_free(l);
}

static void a_refusal_takes_nothing(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = one(1, 1, 1);

	(void)state;
	assert_true(ask(l, "a", &a, begin));
	for (int i = 0; i < 1000; i++)
		assert_false(ask(l, "a", &a, begin + second / 2));
	assert_true(ask(l, "a", &a, begin + second));
	limiter_free(l);
}

static void keys_do_not_share(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = one(1, 1, 1);

	(void)state;
	assert_true(ask(l, "a", &a, begin));
	assert_true(ask(l, "b", &a, begin));
	assert_false(ask(l, "a", &a, begin));
	assert_false(ask(l, "b", &a, begin));
	limiter_free(l);
}

static void two_limits_are_taken_together_or_not_at_all(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask both[] = {
		{ .kind = LIMIT_SECOND, .limit = limit_of(10, 1, 10), .amount = 1 },
		{ .kind = LIMIT_MINUTE, .limit = limit_of(3, 60, 3), .amount = 1 },
	};
	uint8_t key[LIMITER_KEY_SIZE];

	(void)state;
	make_key("a", key);
	for (int i = 0; i < 3; i++)
		assert_true(limiter_take(l, key, both, 2, begin));
	for (int i = 0; i < 20; i++)
		assert_false(limiter_take(l, key, both, 2, begin));
	assert_int_equal(both[0].remaining, 7);
	assert_int_equal(both[0].wait_us, 0);
	assert_int_equal(both[1].remaining, 0);
	assert_int_equal(both[1].wait_us, 20 * second);
	assert_true(limiter_take(l, key, both, 1, begin));
	assert_int_equal(both[0].remaining, 6);
	limiter_free(l);
}

/* Rates that are no whole number of nanoseconds, too. */
static void so_much_passes_in_an_hour_as_the_rate_says(void **state)
{
	static const struct {
		double count;
		int64_t seconds, burst, expected; /* in an hour, the burst with it */
	} rows[] = {
		{ 1, 1, 30, 3630 },   { 3, 1, 1, 10800 },   { 7, 60, 7, 427 },
		{ 0.5, 1, 2, 1802 },  { 1000, 60, 10, 60010 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct limiter *l = limiter_new();
		struct limit_ask a = one(rows[i].count, rows[i].seconds, rows[i].burst);
		int64_t passed = 0;

		for (int64_t us = 0; us <= 3600 * second; us += 2000)
			passed += ask(l, "a", &a, begin + us);
		assert_in_range(passed, rows[i].expected - rows[i].expected / 100, rows[i].expected + 1);
		limiter_free(l);
	}
}

static void what_is_more_than_a_bucket_passes_a_full_one_and_is_owed(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = { .kind = LIMIT_TOKENS, .limit = limit_of(600, 60, 600), .amount = 1800 };

	(void)state;
	assert_true(ask(l, "a", &a, begin));
	assert_int_equal(a.remaining, 0);
	a.amount = 10;
	assert_false(ask(l, "a", &a, begin));
	assert_int_equal(a.wait_us, 121 * second);
	assert_true(ask(l, "a", &a, begin + 121 * second));
	limiter_free(l);
}

static void settling_takes_and_gives_back(void **state)
{
	struct limiter *l = limiter_new();
	struct limit limit = limit_of(600, 60, 600);
	struct limit_ask a = { .kind = LIMIT_TOKENS, .limit = limit, .amount = 500 };
	uint8_t key[LIMITER_KEY_SIZE];

	(void)state;
	make_key("a", key);
	assert_true(limiter_take(l, key, &a, 1, begin));
	limiter_settle(l, key, LIMIT_TOKENS, limit, -400, begin);
	a.amount = 0;
	assert_true(limiter_take(l, key, &a, 1, begin));
	assert_int_equal(a.remaining, 500);
	limiter_settle(l, key, LIMIT_TOKENS, limit, 700, begin);
	assert_true(limiter_take(l, key, &a, 1, begin));
	assert_int_equal(a.remaining, 0);
	assert_int_equal(a.full_us, 80 * second);
	/* More than was taken: full, and no fuller. */
	limiter_settle(l, key, LIMIT_TOKENS, limit, -5000, begin);
	assert_true(limiter_take(l, key, &a, 1, begin));
	assert_int_equal(a.remaining, 600);
	limiter_free(l);
}

static void what_is_wanted_besides_is_taken_as_far_as_there_is_some(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = {
		.kind = LIMIT_TOKENS, .limit = limit_of(600, 60, 600), .amount = 100, .extra = 32768,
	};

	(void)state;
	assert_true(ask(l, "a", &a, begin));
	assert_int_equal(a.taken, 600);
	assert_int_equal(a.remaining, 500);
	/* Nothing is left for those beside it, */
	assert_false(ask(l, "a", &a, begin));
	assert_int_equal(a.taken, 0);
	/* and what has come back is not more than what is asked. */
	assert_true(ask(l, "a", &a, begin + 10 * second));
	assert_int_equal(a.taken, 100);
	limiter_free(l);
}

static void numbers_at_their_largest_do_not_run_over(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = { .limit = limit_of(1e-9, 1, INT32_MAX), .amount = INT64_MAX };

	(void)state;
	assert_true(ask(l, "a", &a, begin));
	assert_false(ask(l, "a", &a, begin + 1));
	assert_true(a.wait_us > 0);
	limiter_free(l);
}

static void what_is_idle_goes(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = one(10, 1, 50);
	int64_t now = begin;
	size_t most = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char name[24];

		now += 1000; /* a hundred are not full again */
		name[0] = 'n';
		for (size_t k = 0, n = (size_t)i; k < 8; k++, n /= 16)
			name[k + 1] = (char)('a' + n % 16);
		name[9] = '\0';
		assert_true(ask(l, name, &a, now));
		if (limiter_places(l) > most)
			most = limiter_places(l);
	}
	assert_true(most <= 64 * 64);
	limiter_free(l);
}

static void memory_has_a_bound_when_none_is_idle(void **state)
{
	struct limiter *l = limiter_new();
	struct limit_ask a = one(1, 3600, 50);
	uint8_t key[LIMITER_KEY_SIZE] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 600000; i++) {
		memcpy(key + 1, &i, sizeof i);
		assert_true(limiter_take(l, key, &a, 1, begin));
	}
	assert_true(limiter_places(l) <= 64 * 8192);
	limiter_free(l);
}

enum { THREADS = 8, TRIES = 20000 };

struct crowd {
	struct limiter *limiter;
	atomic_int passed;
};

static void *press(void *arg)
{
	struct crowd *c = arg;
	struct limit_ask a = one(1, 1, 1000);

	for (int i = 0; i < TRIES; i++)
		if (ask(c->limiter, "one token", &a, begin))
			atomic_fetch_add(&c->passed, 1);
	return NULL;
}

static void a_crowd_gets_the_burst_and_not_one_more(void **state)
{
	struct crowd c = { .limiter = limiter_new() };
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, press, &c), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&c.passed), 1000);
	limiter_free(c.limiter);
}

static void addresses_are_told_apart_by_what_one_customer_has(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} rows[] = {
		{ "127.0.0.1:1", "127.0.0.1:65535", true },
		{ "127.0.0.1:1", "127.0.0.2:1", false },
		{ "[2001:db8:1:2::3]:1", "[2001:db8:1:2:9:9:9:9]:2", true },
		{ "[2001:db8:1:2::3]:1", "[2001:db8:1:3::3]:1", false },
		{ "[::1]:1", "0.0.0.0:1", false },
	};
	static const char *const none[] = { "unix", "", ":", "[", "[]:1", "1.2.3:4", "[1.2.3.4]:5", "host:1" };
	uint8_t a[LIMITER_KEY_SIZE], b[LIMITER_KEY_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(limiter_address_key(rows[i].a, strlen(rows[i].a), a));
		assert_true(limiter_address_key(rows[i].b, strlen(rows[i].b), b));
		assert_int_equal(memcmp(a, b, sizeof a) == 0, rows[i].is_same);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(limiter_address_key(none[i], strlen(none[i]), a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_passes_and_the_next_waits_for_one_unit),
		cmocka_unit_test(a_refusal_takes_nothing),
		cmocka_unit_test(keys_do_not_share),
		cmocka_unit_test(two_limits_are_taken_together_or_not_at_all),
		cmocka_unit_test(so_much_passes_in_an_hour_as_the_rate_says),
		cmocka_unit_test(what_is_more_than_a_bucket_passes_a_full_one_and_is_owed),
		cmocka_unit_test(settling_takes_and_gives_back),
		cmocka_unit_test(what_is_wanted_besides_is_taken_as_far_as_there_is_some),
		cmocka_unit_test(numbers_at_their_largest_do_not_run_over),
		cmocka_unit_test(what_is_idle_goes),
		cmocka_unit_test(memory_has_a_bound_when_none_is_idle),
		cmocka_unit_test(a_crowd_gets_the_burst_and_not_one_more),
		cmocka_unit_test(addresses_are_told_apart_by_what_one_customer_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
