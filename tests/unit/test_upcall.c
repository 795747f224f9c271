/*
 * Outgoing calls against a server that plays a script for each connection it accepts.
 */
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/loop/upcall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* The server */

enum op {
	OP_END,   /* closes the connection */
	OP_READ,  /* a whole request */
	OP_HEAD,  /* the head of a request only */
	OP_SEND,  /* the text */
	OP_FILL,  /* number times 'x' */
	OP_PAUSE, /* number milliseconds */
	OP_GONE,  /* until the peer has left, reading nothing */
	OP_RESET, /* closes with a reset */
	OP_AWAIT, /* until the test says so */
	OP_CANCEL, /* has the test cancel the call */
};

struct step {
	enum op op;
	const char *text;
	size_t number;
};

#define READ { .op = OP_READ }
#define HEAD { .op = OP_HEAD }
#define SEND(what) { .op = OP_SEND, .text = (what) }
#define FILL(count) { .op = OP_FILL, .number = (count) }
#define PAUSE(ms) { .op = OP_PAUSE, .number = (ms) }
#define GONE { .op = OP_GONE }
#define RESET { .op = OP_RESET }
#define AWAIT { .op = OP_AWAIT }
#define CANCEL { .op = OP_CANCEL }

enum { PLAYERS_MAX = 8, STEPS_MAX = 32, REQUEST_MAX = 8 * 1024 };

struct player {
	struct server *server;
	int fd;
	SSL *tls;
	const struct step *steps;
	pthread_t thread;
	char held[REQUEST_MAX]; /* bytes of the next request */
	size_t held_len;
};

struct server {
	int fd;
	int port;
	SSL_CTX *tls;
	const struct step (*scripts)[STEPS_MAX];
	int script_count;
	pthread_t thread;
	struct player players[PLAYERS_MAX];
	atomic_int accepted, requests, gone;
	atomic_llong gone_us;
	atomic_size_t body_bytes;
	atomic_bool go_on, is_cancelling;
	pthread_mutex_t lock;
	char last_head[REQUEST_MAX];
};

static ssize_t play_read(struct player *p, void *room, size_t len)
{
	return p->tls ? SSL_read(p->tls, room, (int)len) : recv(p->fd, room, len, 0);
}

static bool play_write(struct player *p, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = p->tls ? SSL_write(p->tls, bytes, (int)len) :
				     send(p->fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_head(struct player *p, size_t *body_len)
{
	char *end, *field;

	*body_len = 0;
	while (!(end = memmem(p->held, p->held_len, "\r\n\r\n", 4))) {
		ssize_t n = play_read(p, p->held + p->held_len, sizeof p->held - p->held_len);

		if (n <= 0)
			return false;
		p->held_len += (size_t)n;
	}
	end += 4;
	field = memmem(p->held, (size_t)(end - p->held), "Content-Length: ", 16);
	if (field)
		*body_len = strtoul(field + 16, NULL, 10);
	pthread_mutex_lock(&p->server->lock);
	memcpy(p->server->last_head, p->held, (size_t)(end - p->held));
	p->server->last_head[end - p->held] = 0;
	pthread_mutex_unlock(&p->server->lock);
	p->held_len -= (size_t)(end - p->held);
	memmove(p->held, end, p->held_len);
	atomic_fetch_add(&p->server->requests, 1);
	return true;
}

static bool read_request(struct player *p)
{
	size_t len, seen;

	if (!read_head(p, &len))
		return false;
	seen = len < p->held_len ? len : p->held_len;
	p->held_len -= seen;
	memmove(p->held, p->held + seen, p->held_len);
	while (seen < len) {
		char room[4096];
		ssize_t n = play_read(p, room, len - seen < sizeof room ? len - seen : sizeof room);

		if (n <= 0)
			return false;
		seen += (size_t)n;
	}
	atomic_fetch_add(&p->server->body_bytes, len);
	return true;
}

static bool fill(struct player *p, size_t len)
{
	char bytes[4096];

	memset(bytes, 'x', sizeof bytes);
	for (; len > 0; len -= len < sizeof bytes ? len : sizeof bytes)
		if (!play_write(p, bytes, len < sizeof bytes ? len : sizeof bytes))
			return false;
	return true;
}

static bool wait_until_gone(struct player *p)
{
	struct pollfd poller = { .fd = p->fd, .events = POLLRDHUP };

	if (poll(&poller, 1, 5000) != 1)
		return false;
	atomic_store(&p->server->gone_us, clock_mono_us());
	atomic_fetch_add(&p->server->gone, 1);
	return true;
}

static bool pause_for(size_t ms)
{
	return poll(NULL, 0, (int)ms) == 0;
}

static bool await_test(struct player *p)
{
	for (int i = 0; i < 5000 && !atomic_load(&p->server->go_on); i++)
		pause_for(1);
	return true;
}

static bool play_step(struct player *p, const struct step *s)
{
	struct linger none = { .l_onoff = 1 };
	size_t len;

	switch (s->op) {
	case OP_END:
		return false;
	case OP_READ:
		return read_request(p);
	case OP_HEAD:
		return read_head(p, &len);
	case OP_SEND:
		return play_write(p, s->text, strlen(s->text));
	case OP_FILL:
		fill(p, s->number);
		return true;
	case OP_PAUSE:
		return pause_for(s->number);
	case OP_GONE:
		return wait_until_gone(p);
	case OP_RESET:
		setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
		return false;
	case OP_AWAIT:
		return await_test(p);
	case OP_CANCEL:
		atomic_store(&p->server->is_cancelling, true);
		return true;
	}
	return false;
}

static void *play(void *arg)
{
	struct player *p = arg;

	if (p->server->tls) {
		p->tls = SSL_new(p->server->tls);
		SSL_set_fd(p->tls, p->fd);
		if (SSL_accept(p->tls) != 1)
			goto out;
	}
	for (const struct step *s = p->steps; play_step(p, s); s++)
		;
	if (p->tls)
		SSL_shutdown(p->tls);
out:
	SSL_free(p->tls);
	close(p->fd);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct server *s = arg;
	struct timeval patience = { .tv_sec = 5 };
	int count = 0, fd;

	while (count < PLAYERS_MAX && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct player *p = &s->players[count];
		static const struct step nothing[] = { { .op = OP_END } };

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		*p = (struct player){ .server = s, .fd = fd, .steps = nothing };
		if (count < s->script_count)
			p->steps = s->scripts[count];
		pthread_create(&p->thread, NULL, play, p);
		count++;
		atomic_store(&s->accepted, count);
	}
	for (int i = 0; i < count; i++)
		pthread_join(s->players[i].thread, NULL);
	return NULL;
}

static void server_start(struct server *s, const struct step (*scripts)[STEPS_MAX], int count,
			 const char *unix_path, SSL_CTX *tls)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof in;

	*s = (struct server){ .scripts = scripts, .script_count = count, .tls = tls };
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(unix_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (unix_path) {
		snprintf(un.sun_path, sizeof un.sun_path, "%s", unix_path);
		assert_int_equal(bind(s->fd, (struct sockaddr *)&un, sizeof un), 0);
	} else {
		assert_int_equal(bind(s->fd, (struct sockaddr *)&in, sizeof in), 0);
		assert_int_equal(getsockname(s->fd, (struct sockaddr *)&in, &len), 0);
		s->port = ntohs(in.sin_port);
	}
	assert_int_equal(listen(s->fd, 16), 0);
	pthread_create(&s->thread, NULL, accept_all, s);
}

static void server_stop(struct server *s)
{
	atomic_store(&s->go_on, true);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
}

/* The client */

struct stage {
	struct server server;
	struct loop *loop;
	struct uplink_pool *pool;
	struct origin origin;
	struct upcall_limits limits;
	struct fiber *fiber;
	void (*scene)(struct stage *s);
	bool is_over, is_stuck;
	struct timer watchdog, prompter;
	/* what a call gave */
	int status;
	struct buf body;
	struct err err;
	enum upcall_result result;
	struct upcall_timing timing;
	struct span sending; /* the body, borrowed by the call */
	int waits;
	int64_t cancelled_us;
	int idle_max;
	int64_t idle_ms;
};

static void on_stuck(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, watchdog);

	s->is_stuck = true;
	loop_stop(s->loop);
}

static void run_scene(void *arg)
{
	struct stage *s = arg;

	s->scene(s);
	s->is_over = true;
	loop_stop(s->loop);
}

static void stage_init(struct stage *s)
{
	*s = (struct stage){ .limits = upcall_default_limits, .idle_max = 4, .idle_ms = 10000 };
	buf_init(&s->body, 16 * MIB);
}

static void stage_open(struct stage *s)
{
	s->loop = loop_new();
	s->pool = uplink_pool_new(s->loop, s->idle_max, s->idle_ms);
	s->origin.host = "127.0.0.1";
	s->origin.port = s->server.port;
}

static void stage_run(struct stage *s, void (*scene)(struct stage *))
{
	s->scene = scene;
	s->is_over = false;
	timer_init(&s->watchdog, s->loop, on_stuck);
	timer_set(&s->watchdog, 20000);
	s->fiber = fiber_start(s->loop, run_scene, s);
	loop_run(s->loop); /* also when it is over already: the stop is still to be heard */
	timer_cancel(&s->watchdog);
	assert_false(s->is_stuck);
	assert_true(s->is_over);
}

static void stage_close(struct stage *s)
{
	uplink_pool_free(s->pool);
	loop_free(s->loop);
	buf_free(&s->body);
}

/* One stage, one server, one scene. */
static void perform(struct stage *s, const struct step (*scripts)[STEPS_MAX], int count,
		    void (*scene)(struct stage *))
{
	server_start(&s->server, scripts, count, NULL, NULL);
	stage_open(s);
	stage_run(s, scene);
}

static void finish(struct stage *s)
{
	stage_close(s);
	server_stop(&s->server);
}

static struct upcall *open_call(struct stage *s, enum http1_method method, struct span body)
{
	struct upcall_request req = {
		.origin = &s->origin,
		.method = method,
		.path = SPAN_LIT("/v1/x?y=1"),
		.headers = SPAN_LIT("Accept: */*\r\n"),
		.body = &s->sending,
		.body_parts = body.len > 0 ? 1 : 0,
		.limits = &s->limits,
	};
	struct upcall *u;

	s->sending = body;
	err_clear(&s->err);
	buf_clear(&s->body);
	s->status = 0;
	u = upcall_open(s->pool, &req, &s->err);
	if (!u)
		s->result = UPCALL_FAILED;
	return u;
}

static void read_answer(struct stage *s, struct upcall *u)
{
	struct span piece;

	while ((s->result = upcall_wait_head(u, 1000, &s->err)) == UPCALL_WAIT)
		s->waits++;
	if (s->result == UPCALL_DATA)
		s->status = upcall_head(u)->status;
	while (s->result == UPCALL_DATA || s->result == UPCALL_WAIT) {
		s->result = upcall_read(u, &piece, 1000, &s->err);
		if (s->result == UPCALL_DATA)
			buf_add_span(&s->body, piece);
	}
	s->timing = *upcall_timing(u);
}

static void call_with(struct stage *s, enum http1_method method, struct span body)
{
	struct upcall *u = open_call(s, method, body);

	if (u)
		read_answer(s, u);
	upcall_close(u);
}

static void get_once(struct stage *s)
{
	call_with(s, HTTP1_GET, SPAN_NONE);
}

static void get_twice(struct stage *s)
{
	get_once(s);
	assert_int_equal(s->result, UPCALL_END);
	get_once(s);
}

static void assert_ok(const struct stage *s, const char *body)
{
	if (s->result != UPCALL_END)
		print_error("%s\n", s->err.message);
	assert_int_equal(s->result, UPCALL_END);
	assert_int_equal(s->status, 200);
	assert_string_equal(buf_str(&s->body), body);
}

static void assert_failed(const struct stage *s, enum err_code code)
{
	assert_int_equal(s->result, UPCALL_FAILED);
	assert_string_equal(err_info(s->err.code)->code, err_info(code)->code);
	assert_true(strlen(s->err.message) > 0);
}

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define FIVE "Content-Length: 5\r\n\r\nhello"
#define OK_FIVE OK_HEAD FIVE
#define EMPTY "Content-Length: 0\r\n\r\n"

/* What is sent */

static void post_parts(struct stage *s)
{
	const struct span parts[] = { SPAN_LIT("{\"a\":"), SPAN_LIT(""), SPAN_LIT("1}") };
	struct upcall_request req = {
		.origin = &s->origin, .method = HTTP1_POST, .path = SPAN_LIT("/v1/chat"),
		.headers = SPAN_LIT("X-A: b\r\n"), .body = parts, .body_parts = 3,
	};
	struct upcall *u = upcall_open(s->pool, &req, &s->err);

	assert_non_null(u);
	read_answer(s, u);
	upcall_close(u);
}

static void a_request_goes_out_whole(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE) } };
	struct stage s;
	char expected[256];

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, post_parts);
	assert_ok(&s, "hello");
	snprintf(expected, sizeof expected,
		 "POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-A: b\r\n"
		 "Content-Length: 7\r\nConnection: keep-alive\r\n\r\n", s.server.port);
	assert_string_equal(s.server.last_head, expected);
	assert_int_equal(atomic_load(&s.server.body_bytes), 7);
	assert_int_equal(s.timing.bytes_out, strlen(expected) + 7);
	assert_int_equal(s.timing.bytes_in, strlen(OK_FIVE));
	assert_true(s.timing.started_us <= s.timing.connected_us &&
		    s.timing.connected_us <= s.timing.sent_us &&
		    s.timing.sent_us <= s.timing.head_us);
	finish(&s);
}

static void send_a_bad_target(struct stage *s)
{
	struct upcall_request req = { .origin = &s->origin, .method = HTTP1_GET,
				      .path = SPAN_LIT("/a\r\nX: y") };

	assert_null(upcall_open(s->pool, &req, &s->err));
}

static void a_target_with_a_line_break_is_refused(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, NULL, 0, send_a_bad_target);
	assert_int_equal(s.err.code, E_internal_error);
	finish(&s);
}

/* What comes back: each answer once */

struct answer {
	const char *bytes;
	enum http1_method method;
	const char *body;   /* NULL: fails */
	size_t idle;        /* connections left in the pool */
};

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const struct answer answers[] = {
	{ OK_FIVE, HTTP1_GET, "hello", 1 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP1_GET, "", 1 },
	{ CHUNKED "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n", HTTP1_GET,
	  "hello world", 1 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP1_HEAD, "", 1 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK_FIVE, HTTP1_GET,
	  "hello", 1 },
	/* read until the connection closes */
	{ "HTTP/1.1 200 OK\r\n\r\nhello", HTTP1_GET, "hello", 0 },
	{ "HTTP/1.0 200 OK\r\n\r\nhello", HTTP1_GET, "hello", 0 },
	/* not to be used again */
	{ OK_HEAD "Connection: close\r\n" FIVE, HTTP1_GET, "hello", 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", HTTP1_GET, "hello", 0 },
	{ OK_FIVE "X", HTTP1_GET, "hello", 0 },
	{ OK_FIVE OK_FIVE, HTTP1_GET, "hello", 0 },
	{ CHUNKED "1\r\nx\r\n0\r\n\r\nHTTP/1.1", HTTP1_GET, "x", 0 },
	/* the peer's own limits */
	{ OK_HEAD "Keep-Alive: timeout=5, max=100\r\n" EMPTY, HTTP1_GET, "", 1 },
	{ OK_HEAD "Keep-Alive: timeout=1\r\n" EMPTY, HTTP1_GET, "", 0 },
	{ OK_HEAD "Keep-Alive: max=1\r\n" EMPTY, HTTP1_GET, "", 0 },
	{ OK_HEAD "Keep-Alive: max=0, timeout=60\r\n" EMPTY, HTTP1_GET, "", 0 },
	/* cut or malformed */
	{ "", HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 200 OK\r\nContent-", HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", HTTP1_GET, NULL, 0 },
	{ CHUNKED "5\r\nhello\r\n", HTTP1_GET, NULL, 0 },
	{ CHUNKED "5\r\nhel", HTTP1_GET, NULL, 0 },
	{ CHUNKED "zz\r\nhello", HTTP1_GET, NULL, 0 },
	{ "SSH-2.0-OpenSSH\r\n\r\n", HTTP1_GET, NULL, 0 },
	{ OK_HEAD "Content-Length: 6\r\n" FIVE, HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 100 C\r\n\r\n", HTTP1_GET, NULL, 0 },
};

static size_t answer_at;
static size_t idle_after;

static void get_the_answer(struct stage *s)
{
	call_with(s, answers[answer_at].method, SPAN_NONE);
	idle_after = uplink_pool_idle(s->pool);
}

static void play_answer(const struct answer *a, size_t piece_len)
{
	static struct step script[1][STEPS_MAX];
	static char pieces[STEPS_MAX][512];
	struct stage s;
	size_t len = strlen(a->bytes), at = 0;
	int step = 0;

	memset(script, 0, sizeof script);
	script[0][step++] = (struct step)READ;
	while (at < len && step < STEPS_MAX - 2) {
		size_t take = step >= STEPS_MAX - 5 || piece_len > len - at ? len - at : piece_len;

		snprintf(pieces[step], sizeof pieces[step], "%.*s", (int)take, a->bytes + at);
		script[0][step] = (struct step)SEND(pieces[step]);
		at += take;
		if (++step < STEPS_MAX - 3 && at < len)
			script[0][step++] = (struct step)PAUSE(1);
	}
	if (a->idle > 0)
		script[0][step++] = (struct step)GONE;
	stage_init(&s);
	perform(&s, (const struct step(*)[STEPS_MAX])script, 1, get_the_answer);
	if (a->body) {
		assert_ok(&s, a->body);
	} else {
		assert_failed(&s, E_upstream_error);
		assert_non_null(strstr(s.err.message, "127.0.0.1:"));
	}
	assert_int_equal(idle_after, a->idle);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.accepted), 1);
}

static void answers_are_read_as_they_are_framed(void **state)
{
	(void)state;
	for (answer_at = 0; answer_at < ARRAY_LEN(answers); answer_at++)
		play_answer(&answers[answer_at], SIZE_MAX);
}

static void answers_in_pieces_are_read_the_same(void **state)
{
	(void)state;
	for (answer_at = 0; answer_at < ARRAY_LEN(answers); answer_at++)
		/* What follows an answer must be there in time to be seen. */
		if (answers[answer_at].idle > 0 || !answers[answer_at].body)
			play_answer(&answers[answer_at], 11);
}

#define CONTINUE "HTTP/1.1 100 C\r\n\r\n"

static void too_many_interim_answers_are_refused(void **state)
{
	static const char hundred[] = CONTINUE CONTINUE CONTINUE;
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(hundred), SEND(hundred), SEND(hundred), SEND(hundred),
		  SEND(hundred), SEND(hundred), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, get_once);
	assert_failed(&s, E_upstream_error);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.gone), 1);
}

static char *large_head(size_t size)
{
	char *text = malloc(size + 2048);
	size_t len = (size_t)snprintf(text, 64, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n");

	for (int i = 0; len < size; i++) {
		len += (size_t)snprintf(text + len, 32, "X-%d: ", i);
		memset(text + len, 'v', 1000);
		len += 1000;
		memcpy(text + len, "\r\n", 3);
		len += 2;
	}
	memcpy(text + len, "\r\n", 3);
	return text;
}

static void check_large_head(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);

	assert_non_null(u);
	read_answer(s, u);
	/* The head is still whole after the body has passed. */
	if (s->result == UPCALL_END)
		for (size_t i = 0; i < upcall_head(u)->field_count; i++)
			assert_true(http1_field_at(upcall_head(u), i).value.len == 1000 ||
				    span_is(http1_field_at(upcall_head(u), i).value, "40000"));
	upcall_close(u);
}

static void a_large_head_outlives_its_body_and_a_larger_one_is_refused(void **state)
{
	static const size_t sizes[] = { 7000, 15000, 30000, 60000, 80000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *head = large_head(sizes[i]);
		const struct step scripts[][STEPS_MAX] = {
			{ READ, SEND(head), FILL(40000), GONE },
		};
		struct stage s;

		stage_init(&s);
		perform(&s, scripts, 1, check_large_head);
		if (sizes[i] < 64 * KIB) {
			assert_int_equal(s.result, UPCALL_END);
			assert_int_equal(s.body.len, 40000);
		} else {
			assert_failed(&s, E_upstream_error);
		}
		finish(&s);
		free(head);
	}
}

/* In one piece, where it was received or in a room of a given size */

struct whole {
	const char *first, *second; /* sent with a pause between them */
	size_t room;
	const char *body;           /* NULL: fails */
	bool is_copied;
};

static const struct whole wholes[] = {
	{ OK_FIVE, "", 100, "hello", false },
	{ CHUNKED "5\r\nhello\r\n0\r\n\r\n", "", 100, "hello", false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 100, "", false },
	{ CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "", 100, "hello world", true },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", " world", 100, "hello world", true },
	{ CHUNKED "5\r\nhello\r\n", "0\r\n\r\n", 100, "hello", true },
	{ "HTTP/1.1 200 OK\r\n\r\nhello", "", 100, "hello", true },
	{ OK_FIVE, "", 4, NULL, false },
	{ CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "", 10, NULL, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "", 100, NULL, false },
};
static size_t whole_at;

static void read_the_whole(struct stage *s)
{
	const struct whole *w = &wholes[whole_at];
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span body = SPAN_NONE;
	struct buf room;

	buf_init(&room, w->room);
	assert_int_equal(upcall_wait_head(u, 1000, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read_whole(u, &room, &body, &s->err), w->body ? 0 : -1);
	if (w->body) {
		assert_true(span_is(body, w->body));
		assert_int_equal(room.len > 0, w->is_copied);
	} else {
		assert_int_equal(s->err.code, E_upstream_error);
	}
	buf_free(&room);
	upcall_close(u);
}

static void an_answer_that_came_at_once_is_not_copied(void **state)
{
	(void)state;
	for (whole_at = 0; whole_at < ARRAY_LEN(wholes); whole_at++) {
		const struct step scripts[][STEPS_MAX] = {
			{ READ, SEND(wholes[whole_at].first), PAUSE(20), SEND(wholes[whole_at].second),
			  PAUSE(5) },
		};
		struct stage s;

		stage_init(&s);
		perform(&s, scripts, 1, read_the_whole);
		finish(&s);
	}
}

static void read_all_bounded(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct buf small;

	buf_init(&small, 1000);
	assert_int_equal(upcall_wait_head(u, 1000, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read_all(u, &small, &s->err), -1);
	assert_int_equal(s->err.code, E_upstream_error);
	buf_free(&small);
	upcall_close(u);
	assert_int_equal(uplink_pool_idle(s->pool), 0);
	u = open_call(s, HTTP1_GET, SPAN_NONE);
	assert_int_equal(upcall_wait_head(u, 1000, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read_all(u, &s->body, &s->err), 0);
	upcall_close(u);
}

static void reading_all_heeds_the_buffers_limit(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"),
		  FILL(2000), GONE },
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"),
		  FILL(3000000), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, read_all_bounded);
	assert_int_equal(s.body.len, 3000000);
	finish(&s);
}

/* Connections used again */

static void a_connection_is_used_again(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, get_twice);
	assert_ok(&s, "hello");
	assert_true(s.timing.reused);
	assert_int_equal(uplink_pool_idle(s.pool), 1);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.accepted), 1);
}

static void a_stale_connection_is_replaced_unseen(void **state)
{
	static const enum op ends[] = { OP_END, OP_RESET };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const struct step scripts[][STEPS_MAX] = {
			{ READ, SEND(OK_FIVE), READ, { .op = ends[i] } },
			{ READ, SEND(OK_FIVE), GONE },
		};
		struct stage s;

		stage_init(&s);
		perform(&s, scripts, 2, get_twice);
		assert_ok(&s, "hello");
		assert_false(s.timing.reused);
		finish(&s);
		assert_int_equal(atomic_load(&s.server.accepted), 2);
	}
}

static void a_connection_is_replaced_only_once(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ },
		{ READ },
		{ READ, SEND(OK_FIVE) },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 3, get_twice);
	assert_failed(&s, E_upstream_error);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.accepted), 2);
}

static void a_connection_that_has_begun_to_answer_is_not_replaced(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ, SEND("H") },
		{ READ, SEND(OK_FIVE) },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, get_twice);
	assert_failed(&s, E_upstream_error);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.accepted), 1);
}

static const char five_megabytes[5 * 1024 * 1024];

static void get_then_post_much(struct stage *s)
{
	get_once(s);
	call_with(s, HTTP1_POST, span_of(five_megabytes, sizeof five_megabytes));
}

static void a_stale_connection_is_replaced_in_the_middle_of_a_large_body(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), HEAD, PAUSE(10), RESET },
		{ READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, get_then_post_much);
	assert_ok(&s, "hello");
	assert_int_equal(atomic_load(&s.server.body_bytes), sizeof five_megabytes);
	finish(&s);
}

static void wait_until_none_idle(struct stage *s)
{
	get_once(s);
	assert_int_equal(s->result, UPCALL_END);
	atomic_store(&s->server.go_on, true);
	for (int i = 0; i < 2000 && uplink_pool_idle(s->pool) > 0; i++)
		assert_int_equal(fiber_sleep(1, NULL), 0);
	assert_int_equal(uplink_pool_idle(s->pool), 0);
}

static void an_idle_connection_that_closes_or_talks_is_dropped(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), AWAIT },
		{ READ, SEND(OK_FIVE), AWAIT, SEND("HTTP/1.1 408 Late\r\n\r\n"), GONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &scripts[i], 1, wait_until_none_idle);
		finish(&s);
	}
}

static void an_idle_connection_is_dropped_after_its_time(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	s.idle_ms = 20;
	perform(&s, scripts, 1, wait_until_none_idle);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.gone), 1);
}

static void open_three_at_once(struct stage *s)
{
	struct upcall *u[3];

	for (int i = 0; i < 3; i++) {
		u[i] = open_call(s, HTTP1_GET, SPAN_NONE);
		assert_non_null(u[i]);
	}
	for (int i = 0; i < 3; i++) {
		read_answer(s, u[i]);
		assert_ok(s, "hello");
		buf_clear(&s->body);
		upcall_close(u[i]);
	}
	assert_int_equal(uplink_pool_idle(s->pool), 2);
}

static void only_so_many_connections_stay_idle(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), GONE },
		{ READ, SEND(OK_FIVE), GONE },
		{ READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	s.idle_max = 2;
	perform(&s, scripts, 3, open_three_at_once);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.accepted), 3);
}

static void get_four_times(struct stage *s)
{
	for (int i = 0; i < 4; i++) {
		get_once(s);
		assert_int_equal(s->result, UPCALL_END);
	}
}

#define WITH_MAX(n) OK_HEAD "Keep-Alive: timeout=60, max=" n "\r\n" EMPTY

static void the_peers_limit_on_calls_is_kept(void **state)
{
	/* one that always says two, and one that counts down */
	static const struct step always[][STEPS_MAX] = {
		{ READ, SEND(WITH_MAX("2")), READ, SEND(WITH_MAX("2")), GONE },
		{ READ, SEND(WITH_MAX("2")), READ, SEND(WITH_MAX("2")), GONE },
	};
	static const struct step down[][STEPS_MAX] = {
		{ READ, SEND(WITH_MAX("2")), READ, SEND(WITH_MAX("1")), READ,
		  SEND(WITH_MAX("0")), GONE },
		{ READ, SEND(WITH_MAX("2")), GONE },
	};
	const struct step(*scripts[])[STEPS_MAX] = { always, down };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, scripts[i], 2, get_four_times);
		finish(&s);
		assert_int_equal(atomic_load(&s.server.accepted), 2);
	}
}

static void leave_half_read(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, 1000, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read(u, &piece, 1000, &s->err), UPCALL_DATA);
	upcall_close(u);
	assert_int_equal(uplink_pool_idle(s->pool), 0);
}

static void closing_early_closes_the_connection(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, leave_half_read);
	finish(&s);
	assert_int_equal(atomic_load(&s.server.gone), 1);
}

/* Large bodies */

static void post_much(struct stage *s)
{
	call_with(s, HTTP1_POST, span_of(five_megabytes, sizeof five_megabytes));
}

static void a_large_body_is_sent_whole(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, post_much);
	assert_ok(&s, "hello");
	assert_int_equal(atomic_load(&s.server.body_bytes), sizeof five_megabytes);
	assert_int_equal(uplink_pool_idle(s.pool), 1);
	finish(&s);
}

static void an_early_answer_ends_the_sending(void **state)
{
	static const char refusal[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntoo";
	static const struct step scripts[][STEPS_MAX] = {
		{ HEAD, SEND(refusal), GONE },
		{ HEAD, PAUSE(20), SEND(refusal), GONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &scripts[i], 1, post_much);
		assert_ok(&s, "too");
		assert_true(s.timing.bytes_out < sizeof five_megabytes);
		assert_int_equal(uplink_pool_idle(s.pool), 0);
		finish(&s);
		assert_int_equal(atomic_load(&s.server.gone), 1);
	}
}

/* Silence */

static void count_waits(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_non_null(u);
	while ((s->result = upcall_wait_head(u, 10, &s->err)) == UPCALL_WAIT)
		s->waits++;
	while (s->result == UPCALL_DATA || s->result == UPCALL_WAIT) {
		s->result = upcall_read(u, &piece, 10, &s->err);
		s->waits += s->result == UPCALL_WAIT;
	}
	upcall_close(u);
}

static void silence_is_told_and_ends_in_a_time_out(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, GONE },
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), GONE },
		{ READ, GONE },
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), GONE },
	};
	static const struct {
		struct upcall_limits limits;
		const char *says;
	} cases[] = {
		{ { 1000, 60, 1000, 0, 4096 }, "no answer within 60 ms" },
		{ { 1000, 1000, 60, 0, 4096 }, "nothing more of the answer within 60 ms" },
		{ { 1000, 1000, 1000, 60, 4096 }, "not over within 60 ms" },
		{ { 1000, 1000, 1000, 60, 4096 }, "not over within 60 ms" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		s.limits = cases[i].limits;
		perform(&s, &scripts[i], 1, count_waits);
		assert_failed(&s, E_upstream_timeout);
		assert_non_null(strstr(s.err.message, cases[i].says));
		assert_true(s.waits >= 1 && s.waits <= 6);
		finish(&s);
		assert_int_equal(atomic_load(&s.server.gone), 1);
	}
}

static void read_slowly(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, 1000, &s->err), UPCALL_DATA);
	do
		assert_int_equal(fiber_sleep(90, NULL), 0);
	while ((s->result = upcall_read(u, &piece, 1000, &s->err)) == UPCALL_DATA);
	upcall_close(u);
}

static void a_slow_reader_is_not_the_peers_silence(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), PAUSE(10),
		  SEND("lo "), PAUSE(30), SEND("you"), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	s.limits.between_ms = 60;
	perform(&s, scripts, 1, read_slowly);
	assert_int_equal(s.result, UPCALL_END);
	finish(&s);
}

static void a_peer_that_takes_nothing_ends_in_a_time_out(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	s.limits.between_ms = 50;
	perform(&s, scripts, 1, post_much);
	assert_failed(&s, E_upstream_timeout);
	finish(&s);
}

static void a_flood_is_held_to_the_limit_of_all(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\n\r\n"), FILL((size_t)1 << 40) },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	s.limits.total_ms = 60;
	buf_free(&s.body);
	buf_init(&s.body, 1);
	perform(&s, scripts, 1, get_once);
	assert_failed(&s, E_upstream_timeout);
	finish(&s);
}

/* Cancelling */

static void cancel_it(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, prompter);

	s->cancelled_us = clock_mono_us();
	fiber_cancel(s->fiber);
}

static void cancel_when_told(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, prompter);

	if (atomic_load(&s->server.is_cancelling))
		cancel_it(t);
	else
		timer_set(t, 1);
}

static void prompt(struct stage *s, void (*fire)(struct timer *), int64_t ms)
{
	timer_init(&s->prompter, s->loop, fire);
	timer_set(&s->prompter, ms);
}

static void get_until_cancelled(struct stage *s)
{
	prompt(s, cancel_when_told, 1);
	get_once(s);
}

static void post_until_cancelled(struct stage *s)
{
	prompt(s, cancel_when_told, 1);
	post_much(s);
}

static void get_for_a_moment(struct stage *s)
{
	prompt(s, cancel_it, 20);
	get_once(s);
}

static void a_cancelled_call_closes_its_connection_at_once(void **state)
{
	static const struct {
		struct step script[STEPS_MAX];
		void (*scene)(struct stage *);
	} cases[] = {
		{ { CANCEL, GONE }, get_until_cancelled },
		{ { PAUSE(10), CANCEL, GONE }, post_until_cancelled },
		{ { READ, CANCEL, GONE }, get_until_cancelled },
		{ { READ, SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), PAUSE(10), CANCEL, GONE },
		  get_until_cancelled },
		{ { READ, SEND(OK_HEAD "\r\n"), FILL(100000), CANCEL, FILL((size_t)1 << 40), GONE },
		  get_until_cancelled },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &cases[i].script, 1, cases[i].scene);
		assert_failed(&s, E_cancelled);
		assert_int_equal(uplink_pool_idle(s.pool), 0);
		finish(&s);
		assert_int_equal(atomic_load(&s.server.gone), 1);
		assert_true(atomic_load(&s.server.gone_us) - s.cancelled_us < 300000);
	}
}

/* A listener whose queue is full: connections to it stay without an answer. */
struct deaf {
	int fd, port, fillers[4];
};

static void deaf_open(struct deaf *d)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;

	d->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(d->fd, 0), 0);
	assert_int_equal(getsockname(d->fd, (struct sockaddr *)&in, &len), 0);
	d->port = ntohs(in.sin_port);
	for (size_t i = 0; i < ARRAY_LEN(d->fillers); i++) {
		d->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(d->fillers[i], (struct sockaddr *)&in, sizeof in);
	}
}

static void deaf_close(struct deaf *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->fillers); i++)
		close(d->fillers[i]);
	close(d->fd);
}

static void connecting_can_be_cancelled_and_times_out(void **state)
{
	struct deaf deaf;
	struct stage s;

	(void)state;
	deaf_open(&deaf);
	stage_init(&s);
	stage_open(&s);
	s.origin.port = deaf.port;
	stage_run(&s, get_for_a_moment);
	assert_failed(&s, E_cancelled);
	s.limits.connect_ms = 50;
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_timeout);
	assert_non_null(strstr(s.err.message, "connecting"));
	stage_close(&s);
	deaf_close(&deaf);
}

static void nobody_listening_is_told(void **state)
{
	struct stage s;
	char name[32];

	(void)state;
	stage_init(&s);
	server_start(&s.server, NULL, 0, NULL, NULL);
	server_stop(&s.server); /* so that its port is free */
	stage_open(&s);
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_unavailable);
	snprintf(name, sizeof name, "127.0.0.1:%d: ", s.server.port);
	assert_non_null(strstr(s.err.message, name));
	stage_close(&s);
}

/* Other ways there */

static void a_unix_socket_serves_as_well(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ, SEND(OK_FIVE), GONE },
	};
	char path[] = "/tmp/spass-test-XXXXXX", name[64];
	struct stage s;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof name, "%s/socket", path);
	stage_init(&s);
	server_start(&s.server, scripts, 1, name, NULL);
	stage_open(&s);
	s.origin = (struct origin){ .unix_path = name };
	stage_run(&s, get_twice);
	assert_ok(&s, "hello");
	assert_non_null(strstr(s.server.last_head, "Host: localhost\r\n"));
	finish(&s);
	unlink(name);
	rmdir(path);
}

static void a_proxy_is_tunnelled_through(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 Established\r\n\r\n"), READ, SEND(OK_FIVE),
		  READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;
	char proxy[64];

	(void)state;
	stage_init(&s);
	server_start(&s.server, scripts, 1, NULL, NULL);
	stage_open(&s);
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", s.server.port);
	s.origin = (struct origin){ .host = "model.invalid", .port = 80, .proxy = proxy };
	stage_run(&s, get_twice);
	assert_ok(&s, "hello");
	assert_non_null(strstr(s.server.last_head,
			       "GET /v1/x?y=1 HTTP/1.1\r\nHost: model.invalid\r\n"));
	finish(&s);
	assert_int_equal(atomic_load(&s.server.requests), 3);
}

/* The environment of this program names a proxy that is not there: see main. */
static void the_environments_proxy_is_not_for_loopback(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), GONE } };
	static const char *const elsewhere[] = { "model.invalid", "127.model.invalid" };
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, get_once);
	assert_ok(&s, "hello");
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		s.origin.host = elsewhere[i];
		stage_run(&s, get_once);
		assert_failed(&s, E_upstream_unavailable);
		assert_non_null(strstr(s.err.message, "port 9"));
		assert_null(strstr(s.err.message, "secret"));
	}
	finish(&s);
}

/* TLS */

struct authority {
	char path[32];
	SSL_CTX *server;
};

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static void authority_make(struct authority *a)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	FILE *file;
	int fd;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(cert, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	snprintf(a->path, sizeof a->path, "/tmp/spass-test-XXXXXX");
	fd = mkstemp(a->path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_int_equal(PEM_write_X509(file, cert), 1);
	fclose(file);
	a->server = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(a->server, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(a->server, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void authority_free(struct authority *a)
{
	SSL_CTX_free(a->server);
	unlink(a->path);
}

static void post_much_twice(struct stage *s)
{
	post_much(s);
	assert_int_equal(s->result, UPCALL_END);
	post_much(s);
}

static void tls_carries_large_bodies_both_ways(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ,
		  SEND("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"), FILL(3000000),
		  GONE },
	};
	struct authority a;
	struct stage s;

	(void)state;
	authority_make(&a);
	stage_init(&s);
	server_start(&s.server, scripts, 1, NULL, a.server);
	stage_open(&s);
	s.origin.tls = true;
	s.origin.ca_file = a.path;
	stage_run(&s, post_much_twice);
	assert_int_equal(s.result, UPCALL_END);
	assert_int_equal(s.body.len, 3000000);
	assert_true(s.timing.reused);
	assert_int_equal(atomic_load(&s.server.body_bytes), 2 * sizeof five_megabytes);
	assert_int_equal(uplink_pool_idle(s.pool), 1);
	finish(&s);
	authority_free(&a);
}

static void an_unknown_certificate_is_refused(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE) } };
	struct authority a;
	struct stage s;

	(void)state;
	authority_make(&a);
	stage_init(&s);
	server_start(&s.server, scripts, 1, NULL, a.server);
	stage_open(&s);
	s.origin.tls = true;
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_unavailable);
	assert_non_null(strstr(s.err.message, "certificate"));
	finish(&s);
	assert_int_equal(atomic_load(&s.server.requests), 0);
	authority_free(&a);
}

static void tls_connections_go_stale_answer_early_and_are_cancelled(void **state)
{
	static const struct {
		struct step scripts[2][STEPS_MAX];
		void (*scene)(struct stage *);
		const char *body; /* NULL: cancelled */
	} cases[] = {
		{ { { READ, SEND(OK_FIVE), READ }, { READ, SEND(OK_FIVE), GONE } },
		  get_twice, "hello" },
		{ { { HEAD, PAUSE(20), SEND(OK_FIVE), GONE } }, post_much, "hello" },
		{ { { READ, CANCEL, GONE } }, get_until_cancelled, NULL },
		{ { { CANCEL, GONE } }, post_until_cancelled, NULL },
	};
	struct authority a;

	(void)state;
	authority_make(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		server_start(&s.server, cases[i].scripts, 2, NULL, a.server);
		stage_open(&s);
		s.origin.tls = true;
		s.origin.ca_file = a.path;
		stage_run(&s, cases[i].scene);
		if (cases[i].body)
			assert_ok(&s, cases[i].body);
		else
			assert_failed(&s, E_cancelled);
		finish(&s);
	}
	authority_free(&a);
}

static void a_tls_handshake_counts_as_connecting(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	server_start(&s.server, scripts, 1, NULL, NULL);
	stage_open(&s);
	s.origin.tls = true;
	s.limits.connect_ms = 50;
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_timeout);
	finish(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_out_whole),
		cmocka_unit_test(a_target_with_a_line_break_is_refused),
		cmocka_unit_test(answers_are_read_as_they_are_framed),
		cmocka_unit_test(answers_in_pieces_are_read_the_same),
		cmocka_unit_test(too_many_interim_answers_are_refused),
		cmocka_unit_test(a_large_head_outlives_its_body_and_a_larger_one_is_refused),
		cmocka_unit_test(an_answer_that_came_at_once_is_not_copied),
		cmocka_unit_test(reading_all_heeds_the_buffers_limit),
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(a_stale_connection_is_replaced_unseen),
		cmocka_unit_test(a_connection_is_replaced_only_once),
		cmocka_unit_test(a_connection_that_has_begun_to_answer_is_not_replaced),
		cmocka_unit_test(a_stale_connection_is_replaced_in_the_middle_of_a_large_body),
		cmocka_unit_test(an_idle_connection_that_closes_or_talks_is_dropped),
		cmocka_unit_test(an_idle_connection_is_dropped_after_its_time),
		cmocka_unit_test(only_so_many_connections_stay_idle),
		cmocka_unit_test(the_peers_limit_on_calls_is_kept),
		cmocka_unit_test(closing_early_closes_the_connection),
		cmocka_unit_test(a_large_body_is_sent_whole),
		cmocka_unit_test(an_early_answer_ends_the_sending),
		cmocka_unit_test(silence_is_told_and_ends_in_a_time_out),
		cmocka_unit_test(a_slow_reader_is_not_the_peers_silence),
		cmocka_unit_test(a_peer_that_takes_nothing_ends_in_a_time_out),
		cmocka_unit_test(a_flood_is_held_to_the_limit_of_all),
		cmocka_unit_test(a_cancelled_call_closes_its_connection_at_once),
		cmocka_unit_test(connecting_can_be_cancelled_and_times_out),
		cmocka_unit_test(nobody_listening_is_told),
		cmocka_unit_test(a_unix_socket_serves_as_well),
		cmocka_unit_test(a_proxy_is_tunnelled_through),
		cmocka_unit_test(the_environments_proxy_is_not_for_loopback),
		cmocka_unit_test(tls_carries_large_bodies_both_ways),
		cmocka_unit_test(an_unknown_certificate_is_refused),
		cmocka_unit_test(tls_connections_go_stale_answer_early_and_are_cancelled),
		cmocka_unit_test(a_tls_handshake_counts_as_connecting),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	setenv("http_proxy", "http://user:secret@127.0.0.1:9", 1);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
