/*
 * Connections in time: silence, slow readers, clients that leave, draining, and what idling costs.
 */
#include "tests/support/http_stage.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

/* One reply of 8 MiB. */
static void big(struct exchange *x)
{
	char *body = mem_alloc(8 * MIB);

	for (size_t i = 0; i < 8 * MIB; i++)
		body[i] = (char)('a' + i % 23);
	reply_send(x, 200, "text/plain", span_of(body, 8 * MIB));
	mem_free(body);
}

/* Time */

static void a_head_must_arrive_in_time(void **state)
{
	(void)state;
	t.handle = echo;
	t.limits.head_timeout_ms = 30;
	struct client *c = dial();

	say(c, "GET / HT");
	run_until(eof);
	assert_non_null(strstr(got(), "HTTP/1.1 408 "));
	assert_non_null(strstr(got(), "x-should-retry: true\r\n"));
	assert_true(c->eof);
}

static void a_body_must_not_fall_silent(void **state)
{
	(void)state;
	t.handle = echo;
	t.limits.body_timeout_ms = 30;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	run_until(eof);
	assert_int_equal(t.last_status, 408);
	assert_int_equal(t.body_error, E_request_timeout);
}

static void idle_connections_are_closed(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_answered);
	t.limits.idle_timeout_ms = 30; /* from the next answer on */
	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_int_equal(count_of("HTTP/1.1"), 2);
	assert_int_equal(t.ended, 1);
}

static bool flooded(void)
{
	return t.written > 512 * 1024;
}
static bool cancelled(void)
{
	return t.cancelled > 0 && t.done > 0;
}

static void a_client_that_does_not_read_stops_the_writer_and_is_dropped(void **state)
{
	(void)state;
	t.handle = flood;
	t.limits.write_timeout_ms = 200;
	struct client *c = dial();
	int small = 4096;

	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	c->deaf = true;
	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(cancelled);
	assert_true(t.written < 12 * MIB); /* what the kernel takes, and out_high */
	assert_int_equal(t.gone, 1);
	assert_int_equal(t.http->conn_count, 0);
}

static bool flood_received(void)
{
	return t.clients[0].got.len > 64 * MIB && t.done;
}

static void a_slow_reader_gets_everything(void **state)
{
	(void)state;
	t.handle = flood;
	struct client *c = dial();

	c->deaf = true;
	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(flooded);
	run_for(200, never);
	assert_true(t.written < 12 * MIB); /* what the kernel takes, and out_high */
	c->deaf = false;
	client_interest(c);
	run_until(flood_received);
	assert_int_equal(t.gone, 0);
}

static bool big_received(void)
{
	return t.clients[0].got.len > 8 * MIB && t.done;
}

static void a_large_reply_arrives_whole(void **state)
{
	(void)state;
	t.handle = big;
	struct client *c = dial();

	c->deaf = true;
	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_for(50, never);
	c->deaf = false;
	client_interest(c);
	run_until(big_received);
	const char *body = strstr(got(), "\r\n\r\n") + 4;
	assert_int_equal(c->got.len - (size_t)(body - c->got.ptr), 8 * MIB);
	for (size_t i = 0; i < 8 * MIB; i++)
		if (body[i] != (char)('a' + i % 23))
			fail_msg("byte %zu differs", i);
}

/* Clients that leave */

static void a_client_that_leaves_cancels_the_handler(void **state)
{
	(void)state;
	t.handle = park;
	for (int hard = 0; hard < 2; hard++) {
		struct client *c = dial();

		t.cancelled = t.done = 0;
		say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		run_until(parked);
		if (hard)
			hang_up_hard(c);
		else
			hang_up(c);
		run_until(cancelled); /* no time limit is as short */
		assert_int_equal(t.http->conn_count, 0);
		buf_free(&c->got);
	}
	assert_int_equal(t.gone, 2);
}

static void a_half_close_counts_as_leaving(void **state)
{
	(void)state;
	t.handle = park;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(parked);
	shutdown(c->fd, SHUT_WR);
	run_until(cancelled);
}

static bool handling(void)
{
	return t.handled == 1;
}

static void leaving_inside_the_body_cancels_the_handler(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	run_until(handling);
	hang_up(c);
	run_until(one_done);
	assert_int_equal(t.body_error, E_cancelled);
	assert_int_equal(t.gone, 1);
}

static void leaving_mid_stream_cancels_the_handler(void **state)
{
	(void)state;
	t.handle = flood;
	struct client *c = dial();

	c->deaf = true;
	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(flooded);
	hang_up(c);
	run_until(cancelled);
	assert_int_equal(t.http->conn_count, 0);
}

static void leaving_inside_the_head_needs_no_handler(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST / HTTP");
	run_for(20, never);
	hang_up(c);
	run_until(all_gone);
	assert_int_equal(t.handled + t.done, 0);
	assert_int_equal(t.ended, 1);
}

static void settle(struct exchange *x)
{
	struct err err = ERR_INIT;

	reply_send(x, 200, "text/plain", SPAN_LIT("ok"));
	t.parked = x->fiber;
	if (fiber_suspend(&err) < 0)
		t.cancelled++;
	t.parked = NULL;
}

static bool reply_received(void)
{
	return t.parked && strstr(got(), "\r\n\r\nok");
}

static void leaving_after_a_whole_reply_does_not_disturb_the_handler(void **state)
{
	(void)state;
	t.handle = settle;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(reply_received);
	hang_up(c);
	run_for(50, never);
	assert_int_equal(t.done, 0);
	fiber_wake(t.parked);
	run_until(one_done);
	assert_int_equal(t.cancelled, 0);
	assert_int_equal(t.gone, 0);
}

static void shielded(struct exchange *x)
{
	struct err err = ERR_INIT;
	struct span body;

	fiber_shield_begin();
	t.body_error = exchange_body(x, SIZE_MAX, &body, &err) < 0 ? err.code : E_none;
	fiber_shield_end();
	t.cancelled++;
}

static void a_shielded_handler_does_not_wait_for_a_client_that_left(void **state)
{
	(void)state;
	t.handle = shielded;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
	run_until(handling);
	hang_up(c);
	run_until(cancelled);
	assert_int_equal(t.body_error, E_cancelled);
}

/* Many, and the end */

static bool second_eof(void)
{
	return t.clients[1].eof;
}

static void draining_closes_the_idle_and_lets_the_busy_finish(void **state)
{
	(void)state;
	t.handle = park;
	struct client *busy = dial();

	dial_as(1, false);
	say(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(parked);
	http_drain(t.http);
	run_until(second_eof);
	assert_int_equal(t.http->active, 1);
	fiber_wake(t.parked);
	run_until(eof);
	assert_non_null(strstr(got(), "Connection: close\r\n"));
	assert_int_equal(t.cancelled, 0);
}

static void cutting_cancels_what_runs(void **state)
{
	(void)state;
	t.handle = park;
	say(dial(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(parked);
	http_cut(t.http);
	run_until(all_gone);
	assert_int_equal(t.cancelled, 1);
}

static bool many_answered(void)
{
	return t.done >= 2000;
}

/* Idle keep-alive connections hold no buffers: what they cost is counted by the allocator. */
static void idle_connections_are_small(void **state)
{
	enum { N = 2000 };
	struct sockaddr_un peer = { .sun_family = AF_UNIX };
	struct rlimit files = { 0, 0 };
	int *fds;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* their allocators do not count */
#endif
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < 2 * N + 100)
		skip();
	fds = mem_calloc(N, sizeof *fds);
	t.handle = hello;
	struct mallinfo2 before = mallinfo2();
	for (int i = 0; i < N; i++) {
		static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		fds[i] = pair[0];
		assert_int_equal(
			http_accept(t.http, pair[1], (struct sockaddr *)&peer, false, false), 0);
		assert_int_equal(write(pair[0], request, sizeof request - 1), sizeof request - 1);
	}
	run_until(many_answered);
	struct mallinfo2 after = mallinfo2();
	size_t each = (after.uordblks - before.uordblks) / N;

	print_message("memory of an idle connection: %zu bytes\n", each);
	assert_true(each < 3072);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	run_until(all_gone);
	assert_int_equal(t.ended, N);
	mem_free(fds);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_head_must_arrive_in_time),
		TEST(a_body_must_not_fall_silent),
		TEST(idle_connections_are_closed),
		TEST(a_client_that_does_not_read_stops_the_writer_and_is_dropped),
		TEST(a_slow_reader_gets_everything),
		TEST(a_large_reply_arrives_whole),
		TEST(a_client_that_leaves_cancels_the_handler),
		TEST(a_half_close_counts_as_leaving),
		TEST(leaving_inside_the_body_cancels_the_handler),
		TEST(leaving_mid_stream_cancels_the_handler),
		TEST(leaving_inside_the_head_needs_no_handler),
		TEST(leaving_after_a_whole_reply_does_not_disturb_the_handler),
		TEST(a_shielded_handler_does_not_wait_for_a_client_that_left),
		TEST(draining_closes_the_idle_and_lets_the_busy_finish),
		TEST(cutting_cancels_what_runs),
		TEST(idle_connections_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
