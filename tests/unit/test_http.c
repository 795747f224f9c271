/*
 * Requests and replies over a connection: order, framing, errors, and what is malformed.
 */
#include "tests/support/http_stage.h"

#include "common/loop/inside.h"
#include "common/loop/stack.h"

static void silent(struct exchange *x)
{
	(void)x;
}

static void stream(struct exchange *x)
{
	struct span parts[2] = { SPAN_LIT("data: "), SPAN_LIT("one\n\n") };
	struct span two = SPAN_LIT("0123456789abcdef0123456789abcdef");

	reply_header(x, "x-test", SPAN_LIT("yes"));
	reply_begin(x, 200, "text/event-stream");
	assert_int_equal(reply_begin(x, 200, "text/plain"), -1);
	reply_write(x, parts, 2, NULL);
	reply_flush(x);
	reply_write(x, &two, 1, NULL);
	reply_end(x);
}

static void broken_stream(struct exchange *x)
{
	struct span part = SPAN_LIT("half");
	struct err err = { .code = E_upstream_error };

	reply_begin(x, 200, "text/event-stream");
	reply_write(x, &part, 1, NULL);
	assert_int_equal(reply_error(x, &err), -1);
}

static void fail_overloaded(struct exchange *x)
{
	struct err err = ERR_INIT;

	snprintf(x->request_id, sizeof x->request_id, "req-1");
	err_set(&err, E_overloaded, "model", "too \"busy\"");
	err.retry_after_s = 7;
	reply_error(x, &err);
}

static int wait_s;

static void fail_used_up(struct exchange *x)
{
	struct err err = ERR_INIT;

	err_set(&err, E_overall_budget_exhausted, "", "used up");
	err.retry_after_s = wait_s;
	reply_error(x, &err);
}

/* Ordinary requests */

static void answers_a_request_and_keeps_the_connection(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld");
	run_until(one_answered);
	assert_non_null(strstr(got(), "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(got(), "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(got(), "Content-Length: 5\r\n"));
	assert_non_null(strstr(got(), "Date: "));
	assert_null(strstr(got(), "Connection:"));
	assert_null(strstr(got(), "Server:"));
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nworld"));
	assert_int_equal(t.last_status, 200);
	assert_int_equal(t.bytes_in,
			 strlen("POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld"));
	assert_int_equal(t.bytes_out, c->got.len);
	buf_clear(&c->got);
	say(c, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
	run_until(two_answered);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nhi"));
	assert_false(eof());
}

static bool three_hellos(void)
{
	return count_of("HTTP/1.1 200 OK") == 3 && strstr(got(), "/three");
}

static void answers_pipelined_requests_in_order(void **state)
{
	(void)state;
	t.handle = say_path;
	struct client *c = dial();

	say(c, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n"
	       "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nskipGET /three "
	       "HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(three_hellos);
	assert_true(strstr(got(), "/one") < strstr(got(), "/two"));
	assert_true(strstr(got(), "/two") < strstr(got(), "/three"));
}

static void many_pipelined_requests_take_turns(void **state)
{
	enum { N = 3000 };
	struct buf all;

	(void)state;
	t.handle = hello;
	struct client *c = dial();
	buf_init(&all, 4 * MIB);
	for (int i = 0; i < N; i++)
		buf_add_str(&all, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	buf_add_str(&all, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	say_bytes(c, all.ptr, all.len);
	run_until(eof);
	assert_int_equal(count_of("HTTP/1.1 200 OK"), N + 1);
	assert_int_equal(t.done, N + 1);
	buf_free(&all);
}

static bool parked_again(void)
{
	return t.parked && count_of("HTTP/1.1 200") == 1;
}

static void a_pipelined_request_waits_for_the_one_before(void **state)
{
	(void)state;
	t.handle = park;
	struct client *c = dial();

	say(c, "GET /one HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(parked);
	say(c, "GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
	run_for(30, never);
	assert_int_equal(t.handled, 1);
	fiber_wake(t.parked);
	run_until(parked_again);
	assert_int_equal(t.handled, 2);
	fiber_wake(t.parked);
	run_until(two_done);
}

static const char *dripped;
static size_t dripped_at;

static void drip(struct hook *h)
{
	(void)h;
	if (dripped[dripped_at] && t.clients[0].out_len == 0)
		say_bytes(&t.clients[0], dripped + dripped_at++, 1);
}

static void takes_a_request_that_drips_in(void **state)
{
	static const char text[] =
		"POST /drip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
	struct hook hook = { .run = drip };

	(void)state;
	t.handle = echo;
	dial();
	dripped = text;
	dripped_at = 0;
	loop_add_hook(t.loop, &hook);
	run_until(one_done);
	loop_remove_hook(&hook);
	run_until(one_answered);
	assert_true(span_ends(buf_span(&t.clients[0].got), "\r\n\r\nabcde"));
	assert_int_equal(t.bytes_in, sizeof text - 1);
}

static void head_requests_get_the_head_alone(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial();

	say(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_answered);
	assert_non_null(strstr(got(), "Content-Length: 5\r\n"));
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\n"));
	t.handle = stream;
	buf_clear(&c->got);
	say(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(two_answered);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\n"));
	assert_null(strstr(got(), "data:"));
}

static void http_1_0_clients_are_served_and_closed(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial();

	say(c, "GET / HTTP/1.0\r\n\r\n");
	run_until(eof);
	assert_non_null(strstr(got(), "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(got(), "Connection: close\r\n"));
	assert_true(span_ends(buf_span(&c->got), "hello"));
}

static void http_1_0_streams_end_with_the_connection(void **state)
{
	(void)state;
	t.handle = stream;
	struct client *c = dial();

	say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	run_until(eof);
	assert_null(strstr(got(), "chunked"));
	assert_true(span_ends(buf_span(&c->got),
			      "\r\n\r\ndata: one\n\n0123456789abcdef0123456789abcdef"));
}

static void http_1_0_keep_alive_is_said_aloud(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial();

	say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	run_until(one_answered);
	assert_non_null(strstr(got(), "Connection: keep-alive\r\n"));
	assert_false(c->eof);
}

static void streams_are_chunked(void **state)
{
	(void)state;
	t.handle = stream;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_answered);
	assert_non_null(strstr(got(), "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(got(), "x-test: yes\r\n"));
	assert_null(strstr(got(), "Content-Length"));
	assert_true(span_ends(buf_span(&c->got),
			      "\r\n\r\nb\r\ndata: one\n\n\r\n"
			      "20\r\n0123456789abcdef0123456789abcdef\r\n0\r\n\r\n"));
}

static void a_broken_stream_does_not_look_complete(void **state)
{
	(void)state;
	t.handle = broken_stream;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\n4\r\nhalf\r\n"));
	run_until(one_done);
	/* The client was told 200: an error that came too late to be answered is not counted as
	 * one. */
	assert_int_equal(t.last_status, 200);
	assert_int_equal(t.last_error, E_none);
}

static void a_handler_without_a_reply_is_an_internal_error(void **state)
{
	(void)state;
	t.handle = silent;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_answered);
	assert_non_null(strstr(got(), "HTTP/1.1 500 "));
	assert_non_null(strstr(got(), "\"code\":\"internal_error\""));
}

static void a_wait_that_nobody_sits_out_is_told_but_not_to_be_retried(void **state)
{
	(void)state;
	static const struct {
		int seconds;
		const char *has, *has_too, *lacks;
	} cases[] = {
		{ 60, "x-should-retry: true\r\n", "Retry-After: 60\r\nretry-after-ms: 60000\r\n", "false" },
		{ 61, "x-should-retry: false\r\n", "Retry-After: 61\r\n", "retry-after-ms" },
		{ 803111, "x-should-retry: false\r\n", "Retry-After: 803111\r\n", "retry-after-ms" },
	};

	t.handle = fail_used_up;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client *c = dial();

		t.done = 0;
		wait_s = cases[i].seconds;
		say(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
		run_until(eof);
		assert_non_null(strstr(got(), "HTTP/1.1 429 "));
		assert_non_null(strstr(got(), cases[i].has));
		assert_non_null(strstr(got(), cases[i].has_too));
		assert_null(strstr(got(), cases[i].lacks));
		hang_up(c);
		buf_free(&c->got);
	}
}

static void errors_have_the_envelope_and_say_when_to_retry(void **state)
{
	(void)state;
	t.handle = fail_overloaded;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_answered);
	assert_non_null(strstr(got(), "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(strstr(got(), "Content-Type: application/json\r\n"));
	assert_non_null(strstr(got(), "x-should-retry: true\r\n"));
	assert_non_null(strstr(got(), "Retry-After: 7\r\n"));
	assert_non_null(strstr(got(), "retry-after-ms: 7000\r\n"));
	assert_true(span_ends(
		buf_span(&c->got),
		"{\"error\":{\"message\":\"too \\\"busy\\\"\",\"type\":\"rate_limit_exceeded\","
		"\"param\":\"model\",\"code\":\"overloaded\",\"dgx_code\":\"overloaded/req-1\"}}"));
	assert_false(c->eof);
}

/* What is not well-formed */

static void malformed_requests_get_their_status_and_are_closed(void **state)
{
	static char long_line[9000], long_head[40000];
	static const char many_start[] = "GET / HTTP/1.1\r\nHost: a\r\n";
	static char many[4096];
	const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505 },
		{ "\x16\x03\x01\x02", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		  400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n0\r\n\r\n",
		  400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", 400 },
		{ long_line, 414 },
		{ long_head, 431 },
		{ many, 431 },
	};

	(void)state;
	memset(long_line, 'a', sizeof long_line - 1);
	memcpy(long_line, "GET /", 5);
	memset(long_head, 'a', sizeof long_head - 1);
	memcpy(long_head, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
	memcpy(many, many_start, sizeof many_start);
	for (int i = 0; i < 100; i++)
		strncat(many, "A: b\r\n", sizeof many - strlen(many) - 1);
	strncat(many, "\r\n", sizeof many - strlen(many) - 1);
	t.handle = echo;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client *c = dial();

		t.done = 0;
		say(c, cases[i].text);
		run_until(eof);
		assert_true(c->eof);
		assert_int_equal(t.last_status, cases[i].status);
		assert_int_equal(t.done, 1);
		assert_non_null(strstr(got(), "Connection: close\r\n"));
		assert_non_null(strstr(got(), "{\"error\":{\"message\":\""));
		assert_non_null(strstr(got(), "x-should-retry: false\r\n"));
		assert_int_equal(t.handled, 0);
		hang_up(c);
		buf_free(&c->got);
	}
}

static void a_malformed_chunk_closes_the_connection(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nGET "
	       "/smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_int_equal(t.last_status, 400);
	assert_int_equal(t.handled, 1);
}

/* An unread chunked body cannot be told from a next request without decoding it. */
static void an_unread_chunked_body_closes_the_connection(void **state)
{
	(void)state;
	t.handle = hello;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
		    "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
		    "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_int_equal(t.handled, 1);
}

static void above_the_limit_of_connections_clients_are_told(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial_as(0, true);

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_true(c->eof);
	assert_non_null(strstr(got(), "HTTP/1.1 503 "));
	assert_non_null(strstr(got(), "Retry-After: 1\r\n"));
	assert_non_null(strstr(got(), "\"code\":\"overloaded\""));
	assert_int_equal(t.handled, 0);
}

static struct stack no_stack(void)
{
	return (struct stack){ .bottom = NULL };
}

static bool served_after_all(void)
{
	return count_of("HTTP/1.1 200 OK") == 1;
}

/* As when the system has no mapping left (vm.max_map_count). */
static void without_room_for_a_fiber_a_request_gets_503(void **state)
{
	struct stack_pool *stacks = fiber_home_stacks(loop_fiber_home(t.loop));
	struct stack (*map)(void) = stacks->map;

	(void)state;
	t.handle = echo;
	stacks->map = no_stack;
	struct client *c = dial();
	say(c, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\nhalf");
	run_until(eof);
	assert_non_null(strstr(got(), "HTTP/1.1 503 "));
	assert_non_null(strstr(got(), "Retry-After: 1\r\n"));
	assert_non_null(strstr(got(), "\"code\":\"overloaded\""));
	assert_int_equal(t.handled, 0);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.last_error, E_overloaded);
	assert_int_equal(t.http->active, 0);
	hang_up(c);
	stacks->map = map;
	c = dial();
	say(c, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
	run_until(served_after_all);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(answers_a_request_and_keeps_the_connection),
		TEST(answers_pipelined_requests_in_order),
		TEST(many_pipelined_requests_take_turns),
		TEST(a_pipelined_request_waits_for_the_one_before),
		TEST(takes_a_request_that_drips_in),
		TEST(head_requests_get_the_head_alone),
		TEST(http_1_0_clients_are_served_and_closed),
		TEST(http_1_0_streams_end_with_the_connection),
		TEST(http_1_0_keep_alive_is_said_aloud),
		TEST(streams_are_chunked),
		TEST(a_broken_stream_does_not_look_complete),
		TEST(a_handler_without_a_reply_is_an_internal_error),
		TEST(a_wait_that_nobody_sits_out_is_told_but_not_to_be_retried),
		TEST(errors_have_the_envelope_and_say_when_to_retry),
		TEST(malformed_requests_get_their_status_and_are_closed),
		TEST(a_malformed_chunk_closes_the_connection),
		TEST(an_unread_chunked_body_closes_the_connection),
		TEST(above_the_limit_of_connections_clients_are_told),
		TEST(without_room_for_a_fiber_a_request_gets_503),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
