/*
 * tests/support/upcall_stage.c - see upcall_stage.h.
 */
#include "tests/support/upcall_stage.h"

#include "common/base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The peer */

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
	pthread_mutex_lock(&p->peer->lock);
	memcpy(p->peer->last_head, p->held, (size_t)(end - p->held));
	p->peer->last_head[end - p->held] = 0;
	pthread_mutex_unlock(&p->peer->lock);
	p->held_len -= (size_t)(end - p->held);
	memmove(p->held, end, p->held_len);
	atomic_fetch_add(&p->peer->requests, 1);
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
	atomic_fetch_add(&p->peer->body_bytes, len);
	return true;
}

static bool play_text(struct player *p, const char *text)
{
	bool is_sent = play_write(p, text, strlen(text));

	atomic_fetch_add(&p->peer->sent, is_sent);
	return is_sent;
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

	if (poll(&poller, 1, PATIENCE_MS) != 1)
		return false;
	atomic_fetch_add(&p->peer->gone, 1);
	return true;
}

static bool pause_for(size_t ms)
{
	return poll(NULL, 0, (int)ms) == 0;
}

static bool await_test(struct player *p)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	p->awaited++;
	while (atomic_load(&p->peer->go_on) < p->awaited && clock_mono_ms() < end_ms)
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
		return play_text(p, s->text);
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
		atomic_store(&p->peer->is_cancelling, true);
		return true;
	}
	return false;
}

static void *play(void *arg)
{
	struct player *p = arg;

	if (p->peer->tls) {
		p->tls = SSL_new(p->peer->tls);
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
	struct peer *s = arg;
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int count = 0, fd;

	while (count < PLAYERS_MAX && (fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct player *p = &s->players[count];
		static const struct step nothing[] = { { .op = OP_END } };

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		*p = (struct player){ .peer = s, .fd = fd, .steps = nothing };
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

void peer_start(struct peer *s, const struct step (*scripts)[STEPS_MAX], int count,
		  const char *unix_path, SSL_CTX *tls)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof in;

	*s = (struct peer){ .scripts = scripts, .script_count = count, .tls = tls };
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

void peer_stop(struct peer *s)
{
	atomic_store(&s->go_on, STEPS_MAX);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
}

/* The client */

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

void stage_init(struct stage *s)
{
	*s = (struct stage){ .limits = upcall_default_limits, .idle_max = 4, .idle_ms = 10LL * PATIENCE_MS };
	s->limits.connect_ms = PATIENCE_MS;
	buf_init(&s->body, 16 * MIB);
}

void stage_open(struct stage *s)
{
	s->loop = loop_new();
	s->pool = uplink_pool_new(s->loop, s->idle_max, s->idle_ms);
	s->origin.host = "127.0.0.1";
	s->origin.port = s->peer.port;
}

void stage_run(struct stage *s, void (*scene)(struct stage *))
{
	s->scene = scene;
	s->is_over = false;
	timer_init(&s->watchdog, s->loop, on_stuck);
	timer_set(&s->watchdog, 2LL * PATIENCE_MS);
	s->fiber = fiber_start(s->loop, run_scene, s);
	loop_run(s->loop); /* also when it is over already: the stop is still to be heard */
	timer_cancel(&s->watchdog);
	assert_false(s->is_stuck);
	assert_true(s->is_over);
}

void stage_close(struct stage *s)
{
	uplink_pool_free(s->pool);
	loop_free(s->loop);
	buf_free(&s->body);
}

void perform(struct stage *s, const struct step (*scripts)[STEPS_MAX], int count,
	     void (*scene)(struct stage *))
{
	peer_start(&s->peer, scripts, count, NULL, NULL);
	stage_open(s);
	stage_run(s, scene);
}

void finish(struct stage *s)
{
	stage_close(s);
	peer_stop(&s->peer);
}

void assert_peer_left(struct stage *s)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(&s->peer.gone) == 0 && clock_mono_ms() < end_ms)
		pause_for(1);
	assert_int_equal(atomic_load(&s->peer.gone), 1);
}

struct upcall *open_call(struct stage *s, enum http1_method method, struct span body)
{
	static const struct span accept = { "Accept: */*\r\n", 13 };
	struct upcall_request req = {
		.origin = &s->origin,
		.method = method,
		.path = SPAN_LIT("/v1/x?y=1"),
		.headers = &accept,
		.header_parts = 1,
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
	s->call = u;
	return u;
}

void read_answer(struct stage *s, struct upcall *u)
{
	struct span piece;

	while ((s->result = upcall_wait_head(u, 1000, &s->err)) == UPCALL_WAIT)
		;
	if (s->result == UPCALL_DATA)
		s->status = upcall_head(u)->status;
	while (s->result == UPCALL_DATA || s->result == UPCALL_WAIT) {
		s->result = upcall_read(u, &piece, 1000, &s->err);
		if (s->result == UPCALL_DATA)
			buf_add_span(&s->body, piece);
	}
	s->timing = *upcall_timing(u);
	s->call = NULL;
}

void call_with(struct stage *s, enum http1_method method, struct span body)
{
	struct upcall *u = open_call(s, method, body);

	if (u)
		read_answer(s, u);
	upcall_close(u);
}

void get_once(struct stage *s)
{
	call_with(s, HTTP1_GET, SPAN_NONE);
}

void get_twice(struct stage *s)
{
	get_once(s);
	assert_int_equal(s->result, UPCALL_END);
	get_once(s);
}

static const char five_megabytes[5 * 1024 * 1024];

void post_much(struct stage *s)
{
	call_with(s, HTTP1_POST, span_of(five_megabytes, sizeof five_megabytes));
}

size_t much(void)
{
	return sizeof five_megabytes;
}

/* Cancelling */

void prompt(struct stage *s, void (*fire)(struct timer *), int64_t ms)
{
	timer_init(&s->prompter, s->loop, fire);
	timer_set(&s->prompter, ms);
}

static void cancel_when_told(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, prompter);

	if (atomic_load(&s->peer.is_cancelling))
		fiber_cancel(s->fiber);
	else
		timer_set(t, 1);
}

void get_until_cancelled(struct stage *s)
{
	prompt(s, cancel_when_told, 1);
	get_once(s);
}

void post_until_cancelled(struct stage *s)
{
	prompt(s, cancel_when_told, 1);
	post_much(s);
}

/* What it came to */

void assert_ok(const struct stage *s, const char *body)
{
	if (s->result != UPCALL_END)
		print_error("%s\n", s->err.message);
	assert_int_equal(s->result, UPCALL_END);
	assert_int_equal(s->status, 200);
	assert_string_equal(buf_str(&s->body), body);
}

void assert_failed(const struct stage *s, enum err_code code)
{
	assert_int_equal(s->result, UPCALL_FAILED);
	assert_string_equal(err_info(s->err.code)->code, err_info(code)->code);
	assert_true(strlen(s->err.message) > 0);
}
