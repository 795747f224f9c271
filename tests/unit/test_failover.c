/* The walk along a chain: who is asked next, after what pause, and what is told in the end. */
#include "common/upstream/failover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum { TARGETS = 3 };

struct fixture {
	struct provider provider;
	struct backend backends[TARGETS];
	struct model models[TARGETS];
	struct target targets[TARGETS];
	struct arena arena;
	struct failover walk;
	struct err err;
	int64_t now, delay;
};

static int set_up(void **state)
{
	static const char *const names[TARGETS] = { "a", "b", "c" };
	struct fixture *f = mem_new(struct fixture);

	for (size_t i = 0; i < TARGETS; i++) {
		f->backends[i].name = names[i];
		f->backends[i].provider = &f->provider;
		f->backends[i].auth_line = "Authorization: Bearer secret-key-1234\r\n";
		f->models[i].context_window = 1000;
		f->targets[i] = (struct target){ .backend = &f->backends[i],
						 .model = "m",
						 .breaker = breaker_new(5, 1000),
						 .link_model = &f->models[i] };
	}
	f->now = 1000;
	arena_init(&f->arena, 64 * KIB);
	failover_init(&f->walk, &f->arena, f->targets, TARGETS, 2, 5000);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TARGETS; i++)
		breaker_unref(f->targets[i].breaker);
	arena_clear(&f->arena);
	mem_free(f);
	return 0;
}

/* Asks for the next target and fails it; '-' when none was left. */
static char fail_next(struct fixture *f, enum failure_class class, int64_t retry_after_ms)
{
	const struct target *t = failover_next(&f->walk, f->now, &f->delay, &f->err);
	struct failure why;

	if (!t)
		return '-';
	failure_set(&why, class, "it failed");
	why.retry_after_ms = retry_after_ms;
	failover_failed(&f->walk, &why, f->now);
	return t->backend->name[0];
}

static void each_class_goes_its_way(void **state)
{
	static const struct {
		enum failure_class class;
		const char *order;
		enum err_code code;
	} cases[] = {
		{ FAILURE_CONNECT, "aaabbbccc-", E_upstream_unavailable },
		{ FAILURE_TIMEOUT, "abc-", E_upstream_timeout },
		{ FAILURE_CUT, "aaabbbccc-", E_upstream_error },
		{ FAILURE_SERVER, "aaabbbccc-", E_upstream_error },
		{ FAILURE_KEY, "abc-", E_upstream_auth },
		{ FAILURE_MISSING, "abc-", E_upstream_error },
		{ FAILURE_NO_IMAGE, "abc-", E_upstream_error },
		{ FAILURE_POLICY, "a-", E_content_policy_violation },
		{ FAILURE_REQUEST, "a-", E_upstream_rejected },
		{ FAILURE_CONTEXT, "a-", E_context_length_exceeded },
		{ FAILURE_BUSY, "aaabbbccc-", E_model_quota_exhausted },
		{ FAILURE_QUOTA, "abc-", E_model_quota_exhausted },
		{ FAILURE_INTERNAL, "a-", E_internal_error },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fixture *f;
		void *own = NULL;

		set_up(&own);
		f = own;
		for (const char *at = cases[i].order; *at; at++)
			assert_int_equal(fail_next(f, cases[i].class, -1), *at);
		assert_string_equal(err_info(f->err.code)->code, err_info(cases[i].code)->code);
		tear_down(&own);
	}
}

static void a_larger_window_is_sought_for_a_long_prompt(void **state)
{
	struct fixture *f = *state;

	f->models[2].context_window = 2000;
	assert_int_equal(fail_next(f, FAILURE_CONTEXT, -1), 'a');
	assert_int_equal(fail_next(f, FAILURE_CONTEXT, -1), 'c');
	assert_int_equal(fail_next(f, FAILURE_CONTEXT, -1), '-');
	assert_int_equal(f->err.code, E_context_length_exceeded);
}

static void a_told_wait_is_kept_only_when_nobody_else_is_left(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fail_next(f, FAILURE_BUSY, 2000), 'a');
	assert_int_equal(fail_next(f, FAILURE_BUSY, 2000), 'b');
	assert_int_equal(f->delay, 0);
	assert_int_equal(fail_next(f, FAILURE_BUSY, 2000), 'c');
	assert_non_null(failover_next(&f->walk, f->now, &f->delay, &f->err));
	assert_int_equal(f->delay, 2000);
	failover_succeeded(&f->walk);
}

static void a_wait_beyond_the_deadline_is_told_to_the_client(void **state)
{
	struct fixture *f = *state;

	f->walk.count = 1;
	f->walk.deadline_ms = f->now + 1500;
	assert_int_equal(fail_next(f, FAILURE_BUSY, 1000), 'a');
	assert_int_equal(fail_next(f, FAILURE_BUSY, 1500), 'a');
	assert_int_equal(fail_next(f, FAILURE_BUSY, 1500), '-');
	assert_int_equal(f->err.code, E_model_quota_exhausted);
}

static void out_of_time_lists_every_attempt(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fail_next(f, FAILURE_SERVER, -1), 'a');
	assert_int_equal(fail_next(f, FAILURE_TIMEOUT, -1), 'a');
	failover_out_of_time(&f->walk, &f->err);
	assert_int_equal(f->err.code, E_upstream_timeout);
	assert_string_equal(f->err.message,
			    "the time for the whole call is up: a/m (2 attempts): it failed");
}

static void too_long_a_wait_is_told_to_the_client(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fail_next(f, FAILURE_BUSY, 60000), 'a');
	assert_int_equal(fail_next(f, FAILURE_BUSY, 90000), 'b');
	assert_int_equal(fail_next(f, FAILURE_BUSY, 70000), 'c');
	assert_int_equal(fail_next(f, FAILURE_BUSY, 70000), '-');
	assert_int_equal(f->err.code, E_model_quota_exhausted);
	assert_int_equal(f->err.retry_after_s, 60);
	assert_false(f->err.no_retry);
}

static void the_error_lists_every_target(void **state)
{
	struct fixture *f = *state;

	while (fail_next(f, FAILURE_SERVER, -1) != '-')
		;
	assert_string_equal(f->err.message,
			    "a/m (3 attempts): it failed; b/m (3 attempts): it failed; c/m (3 attempts): it failed");
	assert_true(f->err.no_retry);
}

static void open_breaker(struct fixture *f, size_t target)
{
	struct breaker *b = f->targets[target].breaker;

	for (int i = 0; i < 5; i++)
		breaker_failure(b, breaker_admit(b, f->now), f->now);
	assert_int_equal(breaker_state(b, f->now), BREAKER_OPEN);
}

static void a_resting_target_is_passed_over(void **state)
{
	struct fixture *f = *state;

	open_breaker(f, 0);
	assert_int_equal(fail_next(f, FAILURE_REQUEST, -1), 'b');
}

static void all_resting_says_when_to_come_back(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < TARGETS; i++)
		open_breaker(f, i);
	assert_int_equal(fail_next(f, FAILURE_CUT, -1), '-');
	assert_int_equal(f->err.code, E_upstream_unavailable);
	assert_int_equal(f->err.retry_after_s, 1);
}

/* A walk that began before the rest has nothing to say of the trial after it. */
static void a_walk_from_before_does_not_decide_a_trial(void **state)
{
	struct fixture *f = *state;
	struct breaker *b = f->targets[0].breaker;
	struct failover late;

	failover_init(&late, &f->arena, f->targets, 1, 0, 5000);
	assert_non_null(failover_next(&late, f->now, &f->delay, &f->err));
	open_breaker(f, 0);
	f->now += 1000;
	assert_ptr_equal(failover_next(&f->walk, f->now, &f->delay, &f->err), &f->targets[0]);
	failover_succeeded(&late);
	assert_int_equal(breaker_state(b, f->now), BREAKER_HALF_OPEN);
	failover_succeeded(&f->walk);
	assert_int_equal(breaker_state(b, f->now), BREAKER_CLOSED);
}

static void a_client_that_leaves_blames_nobody(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		failover_init(&f->walk, &f->arena, f->targets, TARGETS, 2, 5000);
		assert_ptr_equal(failover_next(&f->walk, f->now, &f->delay, &f->err), &f->targets[0]);
		failover_dropped(&f->walk);
	}
	assert_int_equal(breaker_state(f->targets[0].breaker, f->now), BREAKER_CLOSED);
}

static void answers_are_classified(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum failure_class class;
		const char *text;
	} cases[] = {
		{ 400, "{\"error\":{\"message\":\"bad temperature\",\"code\":null}}", FAILURE_REQUEST,
		  "HTTP 400: bad temperature" },
		{ 400, "{\"error\":{\"message\":\"too long\",\"code\":\"context_length_exceeded\"}}",
		  FAILURE_CONTEXT, "HTTP 400 context_length_exceeded: too long" },
		{ 400, "{\"error\":{\"code\":400,\"message\":\"x\",\"type\":\"exceed_context_size_error\"}}",
		  FAILURE_CONTEXT, "HTTP 400 exceed_context_size_error: x" },
		{ 400, "{\"error\":{\"message\":\"no\",\"code\":\"content_filter\"}}", FAILURE_POLICY,
		  "HTTP 400 content_filter: no" },
		{ 401, "{\"error\":{\"message\":\"Incorrect API key provided: secret-key-1234\"}}", FAILURE_KEY,
		  "HTTP 401: the backend refused the gateway's credentials" },
		{ 402, "{\"error\":{\"message\":\"no credit\",\"code\":402}}", FAILURE_QUOTA,
		  "HTTP 402: no credit" },
		{ 404, "{\"error\":\"model 'x' not found\"}", FAILURE_MISSING,
		  "HTTP 404: model 'x' not found" },
		{ 429, "{\"error\":{\"message\":\"slow\",\"code\":\"rate_limit_exceeded\"}}", FAILURE_BUSY,
		  "HTTP 429 rate_limit_exceeded: slow" },
		{ 429, "{\"error\":{\"message\":\"pay\",\"code\":\"insufficient_quota\"}}", FAILURE_QUOTA,
		  "HTTP 429 insufficient_quota: pay" },
		{ 307, "gone", FAILURE_SERVER, "HTTP 307: the backend redirects elsewhere; its base_url is wrong" },
		{ 500, "{\"object\":\"error\",\"message\":\"old\"}", FAILURE_SERVER, "HTTP 500: old" },
		{ 502, "<html>\nBad Gateway</html>", FAILURE_SERVER, "HTTP 502: Bad Gateway" },
		{ 503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
		  FAILURE_BUSY, "HTTP 503 unavailable_error: Loading model" },
		{ 529, "{}", FAILURE_BUSY, "HTTP 529: {}" },
		{ 500, "{\"error\":{\"message\":\"x\",\"code\":\"bad \xc2\x85 code\",\"type\":\"a b\"}}",
		  FAILURE_SERVER, "HTTP 500: x" },
		{ 500, "{\"error\":{\"message\":\"x\",\"code\":\"\xc3\xa9tat\",\"type\":\"server_error\"}}",
		  FAILURE_SERVER, "HTTP 500 server_error: x" },
		{ 500, "{\"error\":{\"message\":\"x\",\"code\":\"sk-abcdef12\"}}", FAILURE_SERVER,
		  "HTTP 500 [key]: x" },
		{ 500, "{\"error\":{\"message\":\"x\",\"code\":\"a23456789b123456789c123456789d123456789"
		       "e123456789f123456789g12\"}}", FAILURE_SERVER, "HTTP 500: x" },
		{ 500, "no JSON \xff\xc3( \x1b[31m \x7f \xc2\x9b" "31m \xe2\x80\xae!", FAILURE_SERVER,
		  "HTTP 500: no JSON \xef\xbf\xbd\xef\xbf\xbd(  [31m    31m  !" },
		{ 500, "the task-list and sk-\xc3\xa9t\xc3\xa9 stay, xai-abcd goes", FAILURE_SERVER,
		  "HTTP 500: the task-list and sk-\xc3\xa9t\xc3\xa9 stay, [key] goes" },
		{ 500, "{\"error\":{\"message\":\"key secret-key-1234 at https://host.internal/v1 sk-abcdef12\"}}",
		  FAILURE_SERVER, "HTTP 500: key [key] at [url] [key]" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http1_head head = { .status = cases[i].status };
		struct failure why;

		failure_from_answer(&why, &f->targets[0], &head, span_str(cases[i].body));
		assert_string_equal(why.text, cases[i].text);
		assert_int_equal(why.class, cases[i].class);
	}
}

static void error_objects_name_their_own_kind(void **state)
{
	static const struct {
		const char *body;
		enum failure_class class;
		int status;
		const char *text;
	} cases[] = {
		{ "{\"error\":{\"message\":\"oom\",\"code\":500}}", FAILURE_SERVER, 500, "error: oom" },
		{ "{\"error\":\"words\"}", FAILURE_SERVER, 500, "error: words" },
		{ "{\"error\":{\"message\":\"slow\",\"code\":429}}", FAILURE_BUSY, 429, "error: slow" },
		{ "{\"error\":{\"message\":\"slow\",\"type\":\"rate_limit_error\"}}", FAILURE_BUSY, 429,
		  "error rate_limit_error: slow" },
		{ "{\"error\":{\"message\":\"x\",\"code\":\"context_length_exceeded\"}}", FAILURE_CONTEXT, 400,
		  "error context_length_exceeded: x" },
		{ "{\"error\":{\"message\":\"x\",\"type\":\"overloaded_error\"}}", FAILURE_BUSY, 529,
		  "error overloaded_error: x" },
		{ "{\"error\":{\"message\":\"sk-abcdefgh\",\"code\":401}}", FAILURE_KEY, 401,
		  "error: the backend refused the gateway's credentials" },
		{ "{\"error\":{\"message\":\"x\",\"code\":99999}}", FAILURE_SERVER, 500, "error: x" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct failure why;

		failure_from_error(&why, &f->targets[0], span_str(cases[i].body));
		assert_string_equal(why.text, cases[i].text);
		assert_int_equal(why.class, cases[i].class);
		assert_int_equal(why.status, cases[i].status);
	}
}

static void the_host_of_a_backend_stays_inside(void **state)
{
	static const struct {
		const char *message, *text;
	} cases[] = {
		{ "model.internal:8000: no answer within 5 ms", "no answer within 5 ms" },
		{ "model.internal:8000: Could not resolve host: model.internal",
		  "Could not resolve host: [host]" },
		{ "unix:/run/m.sock: the connection was cut", "the connection was cut" },
		{ "see model.internal.", "see [host]." },
		{ "see a.model.internal or model.internal.org or model.internals",
		  "see a.model.internal or model.internal.org or model.internals" },
	};
	struct fixture *f = *state;
	struct origin *origin = &f->backends[0].origin;

	origin->host = "model.internal";
	origin->unix_path = "/run/m.sock";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct failure why;

		err_set(&err, E_upstream_timeout, NULL, "%s", cases[i].message);
		failure_from_err(&why, &f->targets[0], &err);
		assert_string_equal(why.text, cases[i].text);
		assert_int_equal(why.class, FAILURE_TIMEOUT);
	}
}

/* Neither the backend nor its neighbours have anything to do with what went wrong here. */
static void an_error_of_our_own_blames_nobody(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct failure why;

	err_set(&err, E_internal_error, NULL, "the request's memory is used up");
	failure_from_err(&why, &f->targets[0], &err);
	assert_int_equal(why.class, FAILURE_INTERNAL);
	for (int i = 0; i < 10; i++) {
		failover_init(&f->walk, &f->arena, f->targets, TARGETS, 2, 5000);
		assert_ptr_equal(failover_next(&f->walk, f->now, &f->delay, &f->err), &f->targets[0]);
		failover_failed(&f->walk, &why, f->now);
		assert_null(failover_next(&f->walk, f->now, &f->delay, &f->err));
		assert_int_equal(f->err.code, E_internal_error);
		assert_string_equal(f->err.param, "");
	}
	assert_int_equal(breaker_state(f->targets[0].breaker, f->now), BREAKER_CLOSED);
}

static void words_of_headers_are_made_harmless(void **state)
{
	struct failure why;

	(void)state;
	failure_set(&why, FAILURE_CUT, "the answer is %s", "text/\xe9\x1b\x7f");
	assert_string_equal(why.text, "the answer is text/\xef\xbf\xbd  ");
}

static void a_refused_max_tokens_has_its_own_code(void **state)
{
	struct fixture *f = *state;
	struct failure why;

	assert_non_null(failover_next(&f->walk, f->now, &f->delay, &f->err));
	failure_set(&why, FAILURE_REQUEST, "HTTP 400: max_tokens: minimum value is 16");
	failover_failed(&f->walk, &why, f->now);
	assert_null(failover_next(&f->walk, f->now, &f->delay, &f->err));
	assert_int_equal(f->err.code, E_max_tokens_below_minimum);
	assert_string_equal(f->err.param, "max_tokens");
}

/* More targets than there are notes: retries still pause, and the last failure decides. */
static void a_very_long_chain_ends_with_its_last_failure(void **state)
{
	enum { MANY = FAILOVER_NOTES_MAX + 2 };
	struct fixture *f = *state;
	struct target many[MANY];
	struct failure why;

	for (size_t i = 0; i < MANY; i++)
		many[i] = f->targets[i % TARGETS];
	failover_init(&f->walk, &f->arena, many, MANY, 2, 5000);
	for (size_t i = 0; i + 1 < MANY; i++)
		fail_next(f, FAILURE_MISSING, -1);
	fail_next(f, FAILURE_SERVER, -1);
	assert_non_null(failover_next(&f->walk, f->now, &f->delay, &f->err));
	assert_true(f->delay > 0);
	failure_set(&why, FAILURE_TIMEOUT, "the last word");
	failover_failed(&f->walk, &why, f->now);
	assert_null(failover_next(&f->walk, f->now, &f->delay, &f->err));
	assert_int_equal(f->err.code, E_upstream_timeout);
}

/* However the end falls, what is shown stays UTF-8 and complete characters stay whole. */
static void a_long_text_is_not_cut_inside_a_character(void **state)
{
	enum { SHOWN = FAILURE_TEXT_MAX - 1 };
	struct fixture *f = *state;

	for (size_t ahead = 0; ahead < 4; ahead++) {
		struct err err = ERR_INIT;
		struct failure why;
		struct buf text;

		buf_init(&text, 1 * KIB);
		for (size_t i = 0; i < ahead; i++)
			buf_add_char(&text, 'x');
		while (text.len < ERR_MESSAGE_MAX - 10)
			buf_add_str(&text, "\u20ac");
		err_set(&err, E_upstream_error, NULL, "%s", buf_str(&text));
		failure_from_err(&why, &f->targets[0], &err);
		assert_int_equal(strlen(why.text), ahead + (SHOWN - ahead) / 3 * 3);
		assert_memory_equal(why.text, text.ptr, strlen(why.text));
		buf_free(&text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_class_goes_its_way),
		TEST(a_larger_window_is_sought_for_a_long_prompt),
		TEST(a_told_wait_is_kept_only_when_nobody_else_is_left),
		TEST(a_wait_beyond_the_deadline_is_told_to_the_client),
		TEST(out_of_time_lists_every_attempt),
		TEST(too_long_a_wait_is_told_to_the_client),
		TEST(the_error_lists_every_target),
		TEST(a_resting_target_is_passed_over),
		TEST(all_resting_says_when_to_come_back),
		TEST(a_walk_from_before_does_not_decide_a_trial),
		TEST(a_client_that_leaves_blames_nobody),
		TEST(answers_are_classified),
		TEST(error_objects_name_their_own_kind),
		TEST(the_host_of_a_backend_stays_inside),
		TEST(an_error_of_our_own_blames_nobody),
		TEST(words_of_headers_are_made_harmless),
		TEST(a_refused_max_tokens_has_its_own_code),
		TEST(a_very_long_chain_ends_with_its_last_failure),
		TEST(a_long_text_is_not_cut_inside_a_character),
	};

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT); /* every failure here would be told */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
