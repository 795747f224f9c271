/*
 * tests/unit/test_bucket.c - what a token and its maker may take.
 */
#include "common/tenant/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const int64_t begin = 1000000;
static const struct bucket_default none = { .rate = 10, .burst = 20 };

/* A key and its maker. */
struct scene {
	struct limiter *limiter;
	struct shared_rates shared;
	struct constraints of_maker, of_key;
	struct token maker, key;
	struct limit_ask tightest;
};

static void make(struct scene *s, struct rates maker, struct rates key)
{
	*s = (struct scene){ .limiter = limiter_new() };
	token_bucket("maker", s->maker.bucket);
	token_bucket("key", s->key.bucket);
	s->of_maker.rates = s->shared.rates = maker;
	memcpy(s->shared.bucket, s->maker.bucket, sizeof s->shared.bucket);
	s->of_key.rates = key;
	s->of_key.shared = &s->shared;
	s->of_key.shared_count = 1;
	s->maker.constraints = &s->of_maker;
	s->key.constraints = &s->of_key;
}

static bool ask(struct scene *s, const struct token *token)
{
	return bucket_take_request(s->limiter, token, &none, begin, &s->tightest);
}

static int64_t take(struct scene *s, const struct token *token, int64_t tokens, int64_t extra)
{
	int64_t taken;
	bool is_admitted =
		bucket_take_tokens(s->limiter, token, tokens, extra, begin, &taken, &s->tightest);

	return is_admitted ? taken : -1;
}

static void requests_of_a_key_are_its_makers_and_a_refusal_takes_none(void **state)
{
	struct scene s;

	(void)state;
	make(&s, (struct rates){ .requests_per_minute = 3 }, (struct rates){ .requests_per_minute = 2 });
	assert_true(ask(&s, &s.key));
	assert_true(ask(&s, &s.key));
	assert_false(ask(&s, &s.key));
	assert_int_equal(s.tightest.limit.burst, 2);
	assert_true(ask(&s, &s.maker));
	assert_false(ask(&s, &s.maker));
	limiter_free(s.limiter);
}

static void what_the_maker_lacks_the_key_gets_back(void **state)
{
	struct scene s;
	struct err err = ERR_INIT;

	(void)state;
	make(&s, (struct rates){ .requests_per_minute = 1 }, (struct rates){ .requests_per_minute = 1 });
	assert_true(ask(&s, &s.maker));
	assert_false(ask(&s, &s.key));
	assert_int_equal(bucket_refuse(&s.tightest, "p", "no", &err), -1);
	assert_int_equal(err.code, E_rate_limit_exceeded);
	assert_int_equal(err.retry_after_s, 60);
	/* Alone it would pass: nothing was taken from its own. */
	s.of_key.shared_count = 0;
	assert_true(ask(&s, &s.key));
	limiter_free(s.limiter);
}

static void tokens_are_taken_as_far_as_all_have_them_and_come_back_to_all(void **state)
{
	struct scene s;

	(void)state;
	make(&s, (struct rates){ .tokens_per_minute = 500 }, (struct rates){ .tokens_per_minute = 800 });
	assert_int_equal(take(&s, &s.key, 100, 32768), 500);
	assert_int_equal(take(&s, &s.maker, 10, 0), -1);
	bucket_settle_tokens(s.limiter, &s.key, 500, 200, begin);
	assert_int_equal(take(&s, &s.maker, 300, 0), 300);
	assert_int_equal(take(&s, &s.maker, 1, 0), -1);
	s.of_key.shared_count = 0;
	assert_int_equal(take(&s, &s.key, 600, 0), 600);
	limiter_free(s.limiter);
}

static void a_request_that_is_returned_counts_for_none(void **state)
{
	struct scene s;

	(void)state;
	make(&s, (struct rates){ .requests_per_minute = 1 }, (struct rates){ .requests_per_minute = 1 });
	for (int i = 0; i < 3; i++) {
		assert_true(ask(&s, &s.key));
		bucket_return_request(s.limiter, &s.key, &none, begin);
	}
	assert_true(ask(&s, &s.key));
	assert_false(ask(&s, &s.maker));
	limiter_free(s.limiter);
}

static void who_has_no_limit_is_not_counted(void **state)
{
	struct scene s;

	(void)state;
	make(&s, (struct rates){ .requests_per_minute = 0 }, (struct rates){ .requests_per_minute = 0 });
	for (int i = 0; i < 100; i++) {
		assert_true(ask(&s, &s.key));
		assert_int_equal(take(&s, &s.key, 1000, 1000), 0);
	}
	assert_true(ask(&s, NULL));
	assert_int_equal(take(&s, NULL, 1000, 0), 0);
	assert_int_equal(limiter_places(s.limiter), 0);
	limiter_free(s.limiter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_of_a_key_are_its_makers_and_a_refusal_takes_none),
		cmocka_unit_test(what_the_maker_lacks_the_key_gets_back),
		cmocka_unit_test(tokens_are_taken_as_far_as_all_have_them_and_come_back_to_all),
		cmocka_unit_test(a_request_that_is_returned_counts_for_none),
		cmocka_unit_test(who_has_no_limit_is_not_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
