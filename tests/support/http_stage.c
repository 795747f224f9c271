/*
 * tests/support/http_stage.c - see http_stage.h.
 */
#include "tests/support/http_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture t;

/* Handlers */

void echo(struct exchange *x)
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

void hello(struct exchange *x)
{
	reply_send(x, 200, "text/plain", SPAN_LIT("hello"));
}

void say_path(struct exchange *x)
{
	reply_send(x, 200, "text/plain", x->head->path);
}

void park(struct exchange *x)
{
	struct err err = ERR_INIT;

	t.parked = x->fiber;
	if (fiber_suspend(&err) < 0)
		t.cancelled++;
	t.parked = NULL;
	reply_send(x, 200, "text/plain", x->head->path);
}

/* Writes until the client leaves or it has written 64 MiB. */
void flood(struct exchange *x)
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
	t.answered += x->bytes_out;
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

bool run_for(int64_t ms, bool (*until)(void))
{
	t.until = until;
	t.late = false;
	timer_set(&t.deadline, ms);
	loop_run(t.loop);
	timer_cancel(&t.deadline);
	return !t.late;
}

bool never(void)
{
	return false;
}

void run_until(bool (*until)(void))
{
	assert_true(run_for(DEADLINE_MS, until));
}

static void client_read(struct client *c)
{
	char piece[65536];
	ssize_t n;

	while ((n = read(c->fd, piece, sizeof piece)) > 0) {
		assert_int_equal(buf_add(&c->got, piece, (size_t)n), 0);
		c->received += (size_t)n;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	c->eof = n == 0;
	c->reset = n < 0;
	c->deaf = true;
}

void client_interest(struct client *c)
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
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
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

struct client *dial_as(int n, bool refused)
{
	struct sockaddr_in peer = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons(4711) };
	struct client *c = &t.clients[n];
	int fds[2];

	tcp_pair(fds);
	buf_free(&c->got); /* a client before may have been called so */
	*c = (struct client){ .fd = fds[0] };
	buf_init(&c->got, 80 * MIB);
	watch_init(&c->watch, t.loop, c->fd, client_ready);
	watch_set(&c->watch, LOOP_READ);
	assert_int_equal(http_accept(t.http, fds[1], (struct sockaddr *)&peer, false, refused), 0);
	return c;
}

struct client *dial(void)
{
	return dial_as(0, false);
}

void hang_up(struct client *c)
{
	if (c->fd < 0)
		return;
	watch_stop(&c->watch);
	close(c->fd);
	c->fd = -1;
}

void hang_up_hard(struct client *c)
{
	struct linger now = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	hang_up(c);
}

void say_bytes(struct client *c, const char *bytes, size_t len)
{
	c->out = bytes;
	c->out_len = len;
	client_interest(c);
}

void say(struct client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

struct client *post(const char *rest)
{
	struct client *c = dial();
	char text[512];

	t.done = 0;
	snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s", rest);
	say(c, text);
	run_until(one_done);
	return c;
}

void part(struct client *c)
{
	hang_up(c);
	buf_free(&c->got);
}

const char *got(void)
{
	return buf_str(&t.clients[0].got);
}

size_t count_of(const char *needle)
{
	size_t n = 0;

	for (const char *at = got(); (at = strstr(at, needle)); at++)
		n++;
	return n;
}

bool eof(void)
{
	return t.clients[0].eof || t.clients[0].reset;
}
bool one_done(void)
{
	return t.done >= 1;
}
bool two_done(void)
{
	return t.done >= 2;
}
bool one_answered(void)
{
	return one_done() && t.clients[0].received >= t.answered;
}
bool two_answered(void)
{
	return two_done() && t.clients[0].received >= t.answered;
}
bool parked(void)
{
	return t.parked != NULL;
}
bool all_gone(void)
{
	return t.http->conn_count == 0 && t.http->active == 0;
}

static const struct http_limits limits = {
	.head_timeout_ms = 10LL * DEADLINE_MS,
	.body_timeout_ms = 10LL * DEADLINE_MS,
	.idle_timeout_ms = 10LL * DEADLINE_MS,
	.write_timeout_ms = 10LL * DEADLINE_MS,
	.body_max = 64 << 20,
	.out_high = 256 * 1024,
	.head = { 8192, 32768, 100 },
};

int set_up(void **state)
{
	static const struct http_service service = {
		.context = &t,
		.handle = on_handle,
		.done = on_done,
		.limits = &t.limits,
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

int tear_down(void **state)
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
