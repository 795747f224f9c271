/*
 * The HTTP side of a worker over real sockets: a loop, the carrier, connections and a scripted
 * handler, with clients driven on the same loop.
 */
#include "server/http/conn.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

#include <setjmp.h>

#include <cmocka.h>

enum { DEADLINE_MS = 10000, CLIENTS_MAX = 4 };

struct client {
	int fd;
	struct watch watch;
	struct buf got;
	bool eof, reset, deaf; /* deaf: does not read */
	const char *out;       /* what is still to be sent */
	size_t out_len;
};

static struct fixture {
	struct loop *loop;
	struct http *http;
	struct http_limits limits;
	struct client clients[CLIENTS_MAX];
	struct hook hook;
	struct timer deadline;
	bool (*until)(void);
	bool late;
	/* handlers */
	void (*handle)(struct exchange *x);
	int handled, done, cancelled, gone, ended;
	enum err_code body_error, last_error;
	int last_status;
	uint64_t bytes_in, bytes_out;
	size_t body_max;
	size_t written;
	struct fiber *parked;
	struct buf seen;
} t;

/* Handlers */

static void echo(struct exchange *x)
{
	struct err err = ERR_INIT;
	struct span body;

	if (exchange_body(x, t.body_max, &body, &err) < 0) {
		t.body_error = err.code;
		reply_error(x, &err);
		return;
	}
	reply_send(x, 200, "text/plain", body);
}

static void hello(struct exchange *x)
{
	reply_send(x, 200, "text/plain", SPAN_LIT("hello"));
}

static void say_path(struct exchange *x)
{
	reply_send(x, 200, "text/plain", x->head->path);
}

static void park(struct exchange *x)
{
	struct err err = ERR_INIT;

	t.parked = x->fiber;
	if (fiber_suspend(&err) < 0)
		t.cancelled++;
	t.parked = NULL;
	reply_send(x, 200, "text/plain", x->head->path);
}

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

/* Writes until the client leaves or it has written 64 MiB. */
static void flood(struct exchange *x)
{
	static char piece[32 * 1024];
	struct span part = { piece, sizeof piece };
	struct err err = ERR_INIT;

	memset(piece, 'x', sizeof piece);
	reply_begin(x, 200, "text/plain");
	while (t.written < 64 * MIB) {
		if (reply_write(x, &part, 1, &err) < 0) {
			t.cancelled++;
			return;
		}
		reply_flush(x);
		t.written += sizeof piece;
	}
	reply_end(x);
}

/* One reply of 8 MiB. */
static void big(struct exchange *x)
{
	char *body = mem_alloc(8 * MIB);

	for (size_t i = 0; i < 8 * MIB; i++)
		body[i] = (char)('a' + i % 23);
	reply_send(x, 200, "text/plain", span_of(body, 8 * MIB));
	mem_free(body);
}

static void fail_overloaded(struct exchange *x)
{
	struct err err = ERR_INIT;

	snprintf(x->request_id, sizeof x->request_id, "req-1");
	err_set(&err, E_overloaded, "model", "too \"busy\"");
	err.retry_after_s = 7;
	reply_error(x, &err);
}

static void on_handle(struct exchange *x)
{
	t.handled++;
	t.handle(x);
}

static void on_done(struct exchange *x)
{
	assert_null(fiber_self());
	t.done++;
	t.gone += x->client_gone;
	t.last_status = x->status;
	t.last_error = x->error;
	t.bytes_in = x->bytes_in;
	t.bytes_out = x->bytes_out;
}

static void on_ended(struct http *h, bool refused)
{
	(void)h;
	(void)refused;
	t.ended++;
}

/* Driving */

static void on_hook(struct hook *h)
{
	(void)h;
	if (t.until && t.until()) {
		t.until = NULL;
		loop_stop(t.loop);
	}
}

static void on_deadline(struct timer *timer)
{
	(void)timer;
	t.late = true;
	t.until = NULL;
	loop_stop(t.loop);
}

static bool run_for(int64_t ms, bool (*until)(void))
{
	t.until = until;
	t.late = false;
	timer_set(&t.deadline, ms);
	loop_run(t.loop);
	timer_cancel(&t.deadline);
	return !t.late;
}

static bool never(void)
{
	return false;
}

static void run_until(bool (*until)(void))
{
	assert_true(run_for(DEADLINE_MS, until));
}

static void client_read(struct client *c)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(c->fd, piece, sizeof piece)) > 0)
		assert_int_equal(buf_add(&c->got, piece, (size_t)n), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	c->eof = n == 0;
	c->reset = n < 0;
	c->deaf = true;
}

static void client_interest(struct client *c)
{
	watch_set(&c->watch, (c->deaf ? 0 : LOOP_READ) | (c->out_len ? LOOP_WRITE : 0));
}

static void client_ready(struct watch *w, int events)
{
	struct client *c = container_of(w, struct client, watch);

	if ((events & LOOP_WRITE) && c->out_len) {
		ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);

		if (n > 0) {
			c->out += n;
			c->out_len -= (size_t)n;
		} else if (errno != EAGAIN) {
			c->out_len = 0;
		}
		client_interest(c);
	}
	if (events & LOOP_READ) {
		client_read(c);
		client_interest(c);
	}
}

/* A connected pair of TCP sockets on the loopback. */
static void tcp_pair(int fds[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(listening >= 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&in, &len), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&in, sizeof in), 0);
	fds[1] = accept(listening, NULL, NULL);
	assert_true(fds[1] >= 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	close(listening);
}

static struct client *dial_as(int n, bool refused)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons(4711) };
	struct client *c = &t.clients[n];
	int fds[2];

	tcp_pair(fds);
	*c = (struct client){ .fd = fds[0] };
	buf_init(&c->got, 80 * MIB);
	watch_init(&c->watch, t.loop, c->fd, client_ready);
	watch_set(&c->watch, LOOP_READ);
	assert_int_equal(http_accept(t.http, fds[1], (struct sockaddr *)&peer, false, refused), 0);
	return c;
}

static struct client *dial(void)
{
	return dial_as(0, false);
}

static void hang_up(struct client *c)
{
	if (c->fd < 0)
		return;
	watch_stop(&c->watch);
	close(c->fd);
	c->fd = -1;
}

static void hang_up_hard(struct client *c)
{
	struct linger now = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	hang_up(c);
}

static void say_bytes(struct client *c, const char *bytes, size_t len)
{
	c->out = bytes;
	c->out_len = len;
	client_interest(c);
}

static void say(struct client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

static const char *got(void)
{
	return buf_str(&t.clients[0].got);
}

static size_t count_of(const char *needle)
{
	size_t n = 0;

	for (const char *at = got(); (at = strstr(at, needle)); at++)
		n++;
	return n;
}

static bool eof(void)
{
	return t.clients[0].eof || t.clients[0].reset;
}
static bool one_done(void)
{
	return t.done >= 1;
}
static bool two_done(void)
{
	return t.done >= 2;
}
static bool parked(void)
{
	return t.parked != NULL;
}
static bool all_gone(void)
{
	return t.http->conn_count == 0 && t.http->active == 0;
}

static const struct http_limits limits = {
	.head_timeout_ms = 5000,
	.body_timeout_ms = 5000,
	.idle_timeout_ms = 5000,
	.write_timeout_ms = 5000,
	.body_max = 64 << 20,
	.out_high = 256 * 1024,
	.head = { 8192, 32768, 100 },
};

static int set_up(void **state)
{
	static const struct http_service service = {
		.context = &t, .handle = on_handle, .done = on_done, .limits = &t.limits,
	};
	struct err err = ERR_INIT;

	(void)state;
	memset(&t, 0, sizeof t);
	t.limits = limits;
	t.body_max = SIZE_MAX;
	t.loop = loop_new();
	t.http = http_new(t.loop, &service, &err);
	assert_non_null(t.http);
	t.http->ended = on_ended;
	for (int i = 0; i < CLIENTS_MAX; i++)
		t.clients[i].fd = -1;
	buf_init(&t.seen, MIB);
	t.hook.run = on_hook;
	loop_add_hook(t.loop, &t.hook);
	timer_init(&t.deadline, t.loop, on_deadline);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		hang_up(&t.clients[i]);
		buf_free(&t.clients[i].got);
	}
	http_cut(t.http);
	run_until(all_gone);
	loop_remove_hook(&t.hook);
	http_free(t.http);
	loop_free(t.loop);
	buf_free(&t.seen);
	return 0;
}

/* Ordinary requests */

static void answers_a_request_and_keeps_the_connection(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld");
	run_until(one_done);
	run_for(20, never);
	assert_non_null(strstr(got(), "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(got(), "Content-Type: text/plain\r\n"));
	assert_non_null(strstr(got(), "Content-Length: 5\r\n"));
	assert_non_null(strstr(got(), "Date: "));
	assert_null(strstr(got(), "Connection:"));
	assert_null(strstr(got(), "Server:"));
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nworld"));
	assert_int_equal(t.last_status, 200);
	assert_int_equal(t.bytes_in, strlen("POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld"));
	assert_int_equal(t.bytes_out, c->got.len);
	buf_clear(&c->got);
	say(c, "POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
	run_until(two_done);
	run_for(20, never);
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
	       "POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nskipGET /three HTTP/1.1\r\nHost: a\r\n\r\n");
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
	static const char text[] = "POST /drip HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
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
	run_for(20, never);
	assert_true(span_ends(buf_span(&t.clients[0].got), "\r\n\r\nabcde"));
	assert_int_equal(t.bytes_in, sizeof text - 1);
}

static void head_requests_get_the_head_alone(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial();

	say(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	run_for(20, never);
	assert_non_null(strstr(got(), "Content-Length: 5\r\n"));
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\n"));
	t.handle = stream;
	buf_clear(&c->got);
	say(c, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(two_done);
	run_for(20, never);
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
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\ndata: one\n\n0123456789abcdef0123456789abcdef"));
}

static void http_1_0_keep_alive_is_said_aloud(void **state)
{
	(void)state;
	t.handle = hello;
	struct client *c = dial();

	say(c, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	run_until(one_done);
	run_for(20, never);
	assert_non_null(strstr(got(), "Connection: keep-alive\r\n"));
	assert_false(c->eof);
}

static void streams_are_chunked(void **state)
{
	(void)state;
	t.handle = stream;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	run_for(20, never);
	assert_non_null(strstr(got(), "Transfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(got(), "x-test: yes\r\n"));
	assert_null(strstr(got(), "Content-Length"));
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nb\r\ndata: one\n\n\r\n"
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
}

static void a_handler_without_a_reply_is_an_internal_error(void **state)
{
	(void)state;
	t.handle = silent;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	run_for(20, never);
	assert_non_null(strstr(got(), "HTTP/1.1 500 "));
	assert_non_null(strstr(got(), "\"code\":\"internal_error\""));
}

static void errors_have_the_envelope_and_say_when_to_retry(void **state)
{
	(void)state;
	t.handle = fail_overloaded;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	run_for(20, never);
	assert_non_null(strstr(got(), "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(strstr(got(), "Content-Type: application/json\r\n"));
	assert_non_null(strstr(got(), "x-should-retry: true\r\n"));
	assert_non_null(strstr(got(), "Retry-After: 7\r\n"));
	assert_non_null(strstr(got(), "retry-after-ms: 7000\r\n"));
	assert_true(span_ends(buf_span(&c->got),
			      "{\"error\":{\"message\":\"too \\\"busy\\\"\",\"type\":\"rate_limit_exceeded\","
			      "\"param\":\"model\",\"code\":\"overloaded\",\"dgx_code\":\"overloaded/req-1\"}}"));
	assert_false(c->eof);
}

/* Bodies */

static char *pattern(size_t len)
{
	char *bytes = mem_alloc(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('A' + i % 31);
	return bytes;
}

static bool eight_mib_back(void)
{
	return t.clients[0].got.len > 8 * MIB;
}

static void reads_a_large_body_into_one_block(void **state)
{
	char *body = pattern(8 * MIB);
	struct buf all;

	(void)state;
	t.handle = echo;
	struct client *c = dial();
	buf_init(&all, 9 * MIB);
	buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", (size_t)(8 * MIB));
	buf_add(&all, body, 8 * MIB);
	say_bytes(c, all.ptr, all.len);
	run_until(eight_mib_back);
	assert_memory_equal(c->got.ptr + c->got.len - 8 * MIB, body, 8 * MIB);
	buf_free(&all);
	mem_free(body);
}

static void reads_a_large_chunked_body(void **state)
{
	char *body = pattern(8 * MIB);
	struct buf all;

	(void)state;
	t.handle = echo;
	struct client *c = dial();
	buf_init(&all, 10 * MIB);
	buf_add_str(&all, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < 8 * MIB; i += 10007) {
		size_t n = 8 * MIB - i < 10007 ? 8 * MIB - i : 10007;

		buf_printf(&all, "%zx\r\n", n);
		buf_add(&all, body + i, n);
		buf_add_str(&all, "\r\n");
	}
	buf_add_str(&all, "0\r\n\r\n");
	say_bytes(c, all.ptr, all.len);
	run_until(eight_mib_back);
	run_until(one_done);
	assert_memory_equal(c->got.ptr + c->got.len - 8 * MIB, body, 8 * MIB);
	buf_free(&all);
	mem_free(body);
}

static bool invited(void)
{
	return strcmp(got(), "HTTP/1.1 100 Continue\r\n\r\n") == 0;
}

static void invites_a_client_that_expects_it(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	run_until(invited);
	say(c, "abc");
	run_until(one_done);
	run_for(20, never);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nabc"));
	assert_false(c->eof);
}

static void does_not_invite_what_is_too_large(void **state)
{
	(void)state;
	t.handle = echo;
	t.body_max = 10;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
	run_until(eof);
	assert_true(span_starts(buf_span(&c->got), "HTTP/1.1 413 "));
	assert_non_null(strstr(got(), "\"code\":\"body_too_large\""));
	assert_non_null(strstr(got(), "x-should-retry: false\r\n"));
}

static void bodies_at_the_limit_pass_and_one_byte_more_does_not(void **state)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "Content-Length: 9\r\n\r\n123456789", 200 },
		{ "Content-Length: 10\r\n\r\n1234567890", 200 },
		{ "Content-Length: 11\r\n\r\n12345678901", 413 },
		{ "Transfer-Encoding: chunked\r\n\r\na\r\n1234567890\r\n0\r\n\r\n", 200 },
		{ "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n6\r\n678901\r\n0\r\n\r\n", 413 },
	};

	(void)state;
	t.handle = echo;
	t.body_max = 10;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[256];
		struct client *c = dial();

		t.done = 0;
		snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s", cases[i].body);
		say(c, text);
		run_until(one_done);
		assert_int_equal(t.last_status, cases[i].status);
		hang_up(c);
		buf_free(&c->got);
	}
}

static bool refused_and_uploaded(void)
{
	return eof() && t.clients[0].out_len == 0;
}

/* A client that goes on uploading is read, so that it gets to see the answer. */
static void an_upload_that_is_refused_still_reads_its_answer(void **state)
{
	char *body = pattern(4 * MIB);
	struct buf all;

	(void)state;
	t.handle = echo;
	t.body_max = MIB;
	struct client *c = dial();
	buf_init(&all, 5 * MIB);
	buf_add_str(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
	buf_add(&all, body, 4 * MIB);
	say_bytes(c, all.ptr, all.len);
	run_until(refused_and_uploaded);
	assert_true(c->eof);
	assert_true(span_starts(buf_span(&c->got), "HTTP/1.1 413 "));
	assert_int_equal(t.http->conn_count, 1); /* lingers until the client has closed */
	buf_free(&all);
	mem_free(body);
}

static void a_short_unread_body_does_not_end_the_connection(void **state)
{
	(void)state;
	t.handle = say_path;
	struct client *c = dial();

	say(c, "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
	run_until(one_done);
	say(c, "defGET /second HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(two_done);
	run_for(20, never);
	assert_true(span_ends(buf_span(&c->got), "/second"));
}

static void a_post_without_length_needs_one(void **state)
{
	(void)state;
	t.handle = echo;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	assert_int_equal(t.last_status, 411);
}

static void a_get_has_an_empty_body(void **state)
{
	(void)state;
	t.handle = echo;
	say(dial(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	assert_int_equal(t.last_status, 200);
}

static size_t gzip(char *out, size_t room, const char *in, size_t len)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)in;
	z.avail_in = (unsigned)len;
	z.next_out = (unsigned char *)out;
	z.avail_out = (unsigned)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void say_gzip(struct client *c, struct buf *all, const char *bytes, size_t len)
{
	buf_printf(all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", len);
	buf_add(all, bytes, len);
	say_bytes(c, all->ptr, all->len);
}

static void inflates_gzip_bodies(void **state)
{
	char packed[4096];
	struct buf all;
	size_t len = gzip(packed, sizeof packed, "first ", 6);

	(void)state;
	len += gzip(packed + len, sizeof packed - len, "second", 6);
	t.handle = echo;
	struct client *c = dial();
	buf_init(&all, MIB);
	say_gzip(c, &all, packed, len);
	run_until(one_done);
	run_for(20, never);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nfirst second"));
	buf_free(&all);
}

static void gzip_bodies_are_bounded_and_must_be_whole(void **state)
{
	static char zeros[16 << 20], packed[65536];
	struct {
		size_t plain, cut, max;
		int status;
	} cases[] = {
		{ 1000, 0, 1000, 200 },
		{ 1001, 0, 1000, 413 },
		{ sizeof zeros, 0, SIZE_MAX, 413 }, /* the ratio */
		{ 1000, 1, SIZE_MAX, 400 },
		{ 1000, 9, SIZE_MAX, 400 },
	};

	(void)state;
	t.handle = echo;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client *c = dial();
		struct buf all;

		buf_init(&all, MIB);
		t.done = 0;
		t.body_max = cases[i].max;
		say_gzip(c, &all, packed, gzip(packed, sizeof packed, zeros, cases[i].plain) - cases[i].cut);
		run_until(one_done);
		assert_int_equal(t.last_status, cases[i].status);
		hang_up(c);
		buf_free(&c->got);
		buf_free(&all);
	}
}

static void other_codings_are_refused(void **state)
{
	(void)state;
	t.handle = echo;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx");
	run_until(one_done);
	assert_int_equal(t.last_status, 415);
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
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
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

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_int_equal(t.last_status, 400);
	assert_int_equal(t.handled, 1);
}

/* An unread chunked body cannot be told from a next request without decoding it. */
static void an_unread_chunked_body_closes_the_connection(void **state)
{
	(void)state;
	t.handle = hello;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
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
	t.limits.idle_timeout_ms = 30;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(eof);
	assert_int_equal(count_of("HTTP/1.1"), 1);
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
	run_for(50, never);
	size_t before = t.written;
	run_for(50, never);
	assert_int_equal(t.written, before);
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
		int64_t start_ms = clock_mono_ms();
		if (hard)
			hang_up_hard(c);
		else
			hang_up(c);
		run_until(cancelled);
		assert_true(clock_mono_ms() - start_ms < 100);
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
	if (fiber_sleep(50, &err) < 0)
		t.cancelled++;
}

static void leaving_after_a_whole_reply_does_not_disturb_the_handler(void **state)
{
	(void)state;
	t.handle = settle;
	struct client *c = dial();

	say(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(handling);
	run_for(10, never);
	hang_up(c);
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

static void draining_closes_the_idle_and_lets_the_busy_finish(void **state)
{
	(void)state;
	t.handle = park;
	struct client *busy = dial(), *idle = dial_as(1, false);

	say(busy, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(parked);
	http_drain(t.http);
	run_for(20, never);
	assert_true(idle->eof);
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
		assert_int_equal(http_accept(t.http, pair[1], (struct sockaddr *)&peer, false, false), 0);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(errors_have_the_envelope_and_say_when_to_retry),
		TEST(reads_a_large_body_into_one_block),
		TEST(reads_a_large_chunked_body),
		TEST(invites_a_client_that_expects_it),
		TEST(does_not_invite_what_is_too_large),
		TEST(bodies_at_the_limit_pass_and_one_byte_more_does_not),
		TEST(an_upload_that_is_refused_still_reads_its_answer),
		TEST(a_short_unread_body_does_not_end_the_connection),
		TEST(a_post_without_length_needs_one),
		TEST(a_get_has_an_empty_body),
		TEST(inflates_gzip_bodies),
		TEST(gzip_bodies_are_bounded_and_must_be_whole),
		TEST(other_codings_are_refused),
		TEST(malformed_requests_get_their_status_and_are_closed),
		TEST(a_malformed_chunk_closes_the_connection),
		TEST(an_unread_chunked_body_closes_the_connection),
		TEST(above_the_limit_of_connections_clients_are_told),
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
