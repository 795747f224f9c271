/* tests/support/upstream_net.c - sockets, TLS, timers and the loop of the scripted upstream. */
#include "tests/support/upstream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EVENTS = 512, READ_SIZE = 65536, DRAIN_MS = 2000 };

/* Timers: a binary heap of connections by due_us, 1-based. */

static void heap_put(struct mock *m, size_t at, struct mock_conn *c)
{
	m->heap[at] = c;
	c->heap_at = at;
}

static void heap_up(struct mock *m, size_t at)
{
	struct mock_conn *c = m->heap[at];
	for (; at > 1 && m->heap[at / 2]->due_us > c->due_us; at /= 2)
		heap_put(m, at, m->heap[at / 2]);
	heap_put(m, at, c);
}

static void heap_down(struct mock *m, size_t at)
{
	struct mock_conn *c = m->heap[at];
	for (;;) {
		size_t child = at * 2;
		if (child > m->heap_len)
			break;
		if (child < m->heap_len && m->heap[child + 1]->due_us < m->heap[child]->due_us)
			child++;
		if (m->heap[child]->due_us >= c->due_us)
			break;
		heap_put(m, at, m->heap[child]);
		at = child;
	}
	heap_put(m, at, c);
}

static void heap_remove(struct mock *m, struct mock_conn *c)
{
	size_t at = c->heap_at;
	if (!at)
		return;
	struct mock_conn *last = m->heap[m->heap_len--];
	c->heap_at = 0;
	if (last == c)
		return;
	heap_put(m, at, last);
	heap_up(m, at);
	heap_down(m, last->heap_at);
}

static void schedule(struct mock_conn *c)
{
	struct mock *m = c->mock;
	int64_t due = 0, times[3] = { c->wake_us, c->flush_us, c->read_us };
	for (size_t i = 0; i < COUNT_OF(times); i++)
		if (times[i] && (!due || times[i] < due))
			due = times[i];
	if (!due || c->dead) {
		heap_remove(m, c);
		return;
	}
	if (c->heap_at && c->due_us == due)
		return;
	heap_remove(m, c);
	c->due_us = due;
	if (m->heap_len + 2 > m->heap_capacity) {
		m->heap_capacity = m->heap_capacity ? m->heap_capacity * 2 : 256;
		m->heap = kit_grow(m->heap, m->heap_capacity * sizeof(struct mock_conn *));
	}
	m->heap[++m->heap_len] = c;
	heap_up(m, m->heap_len);
}

enum mock_step mock_wait_ms(struct mock_conn *c, int64_t ms)
{
	/* from the moment that was due, not from now, so that a stream keeps its pace */
	int64_t base = c->wake_us ? c->wake_us : kit_now_us();
	c->wake_us = base + ms * 1000;
	return STEP_WAIT;
}

static void conn_close(struct mock_conn *c, const char *how)
{
	if (c->dead)
		return;
	if (c->state == CONN_ANSWER)
		mock_log_end(c, how);
	if (c->log_open)
		mock_log_close(c, how);
	c->dead = true;
	heap_remove(c->mock, c);
	if (c->ssl)
		SSL_free(c->ssl);
	close(c->fd);
	c->next_dead = c->mock->dead;
	c->mock->dead = c;
	c->mock->open--;
}

static void bury(struct mock *m)
{
	while (m->dead) {
		struct mock_conn *c = m->dead;
		m->dead = c->next_dead;
		mock_shape_reset(c);
		text_free(&c->in);
		text_free(&c->out);
		text_free(&c->body);
		free(c);
	}
}

static void arm(struct mock_conn *c, bool want_out)
{
	bool deaf = c->read_us != 0 || c->eof;
	struct epoll_event ev = { .events = (deaf ? 0u : (unsigned)EPOLLIN) | (want_out ? (unsigned)EPOLLOUT : 0u),
				  .data.ptr = c };
	c->want_out = want_out;
	epoll_ctl(c->mock->epoll, EPOLL_CTL_MOD, c->fd, &ev);
}

static ssize_t conn_read(struct mock_conn *c, char *at, size_t len)
{
	if (!c->ssl)
		return recv(c->fd, at, len, 0);
	int n = SSL_read(c->ssl, at, (int)len);
	if (n > 0)
		return n;
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		errno = errno ? errno : ECONNRESET;
		return errno == ECONNRESET ? -1 : 0;
	}
}

static ssize_t conn_write(struct mock_conn *c, const char *at, size_t len)
{
	if (!c->ssl)
		return send(c->fd, at, len, MSG_NOSIGNAL);
	int n = SSL_write(c->ssl, at, (int)(len > 1 << 20 ? 1 << 20 : len));
	if (n > 0)
		return n;
	errno = SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
	return -1;
}

void mock_send(struct mock_conn *c, const void *bytes, size_t len)
{
	c->sent += (int64_t)len;
	text_add(&c->out, bytes, len);
}

/* All of the output has left. */
static void drained(struct mock_conn *c)
{
	struct linger now = { 1, 0 };
	if (c->ending == STEP_RESET) {
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
		conn_close(c, "reset");
	} else if (c->ending == STEP_CUT && c->state != CONN_DRAIN) {
		if (c->state == CONN_ANSWER)
			mock_log_end(c, "cut");
		c->state = CONN_DRAIN;
		if (c->ssl)
			SSL_shutdown(c->ssl);
		shutdown(c->fd, SHUT_WR);
		c->wake_us = kit_now_us() + DRAIN_MS * 1000;
	}
}

static void flush(struct mock_conn *c)
{
	while (c->out_at < c->out.len && !c->dead) {
		size_t len = c->out.len - c->out_at;
		if (c->split && len > c->split)
			len = c->split;
		ssize_t n = conn_write(c, c->out.ptr + c->out_at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!c->want_out)
				arm(c, true);
			return;
		}
		if (n < 0) {
			conn_close(c, errno == ECONNRESET ? "client-reset" : "client-closed");
			return;
		}
		c->out_at += (size_t)n;
		if (c->split && c->out_at < c->out.len) {
			c->flush_us = kit_now_us() + (c->split_us ? c->split_us : 1);
			return;
		}
	}
	if (c->dead)
		return;
	c->out.len = c->out_at = 0;
	if (c->want_out)
		arm(c, false);
	drained(c);
}

void mock_conn_done(struct mock_conn *c)
{
	mock_log_end(c, "done");
	c->wake_us = 0;
	if (c->shape.keep && !c->req.close && !(c->rule && c->rule->early)) {
		text_consume(&c->in, c->body_at);
		c->scanned = 0;
		c->state = CONN_HEAD;
		return;
	}
	c->state = CONN_HEAD; /* its end is in the log */
	c->ending = STEP_CUT;
}

static void progress(struct mock_conn *c)
{
	if (c->state == CONN_DRAIN)
		c->in.len = 0;
	mock_http_input(c);
	if (!c->dead && !c->flush_us)
		flush(c);
	/* a program that waits for room goes on when all has left */
	while (!c->dead && c->state == CONN_ANSWER && c->ending == STEP_NEXT && !c->wake_us && c->out.len == 0 &&
	       !c->flush_us) {
		size_t pc = c->pc;
		int64_t sent = c->sent;
		mock_run(c);
		if (c->pc == pc && c->sent == sent && c->state == CONN_ANSWER && c->ending == STEP_NEXT)
			break;
		mock_http_input(c);
		flush(c);
	}
	if (c->dead)
		return;
	if (c->eof && c->out.len == 0) {
		conn_close(c, "client-closed");
		return;
	}
	schedule(c);
}

static void readable(struct mock_conn *c)
{
	bool slow = c->rule && c->rule->slow_bytes && c->state == CONN_BODY;
	size_t limit = slow ? (size_t)c->rule->slow_bytes : READ_SIZE;
	for (;;) {
		text_reserve(&c->in, limit);
		ssize_t n = conn_read(c, c->in.ptr + c->in.len, limit);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			conn_close(c, "client-reset");
			return;
		}
		if (n == 0) {
			c->eof = true;
			arm(c, c->want_out);
			break;
		}
		c->in.len += (size_t)n;
		if (slow) {
			c->read_us = kit_now_us() + c->rule->slow_ms * 1000;
			arm(c, c->want_out);
			break;
		}
		if (!c->ssl && (size_t)n < limit)
			break;
	}
	progress(c);
}

static void timer(struct mock_conn *c, int64_t now)
{
	if (c->read_us && c->read_us <= now) {
		c->read_us = 0;
		arm(c, c->want_out);
	}
	if (c->flush_us && c->flush_us <= now) {
		c->flush_us = 0;
		flush(c);
	}
	if (!c->dead && c->wake_us && c->wake_us <= now) {
		if (c->state == CONN_DRAIN) {
			conn_close(c, "drained");
			return;
		}
		int64_t due = c->wake_us;
		mock_run(c);
		if (c->wake_us == due)
			c->wake_us = 0;
	}
	if (!c->dead)
		progress(c);
}

static void accept_one(struct mock *m, int fd)
{
	struct linger now = { 1, 0 };
	int one = 1;
	if (m->script.accept == ACCEPT_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	if (m->script.accept == ACCEPT_RESET || m->script.accept == ACCEPT_CLOSE) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct mock_conn *c = kit_alloc(sizeof *c);
	c->mock = m;
	c->fd = fd;
	c->id = ++m->next_conn;
	c->log_open = true;
	m->open++;
	mock_log_open(c);
	if (m->tls) {
		c->ssl = SSL_new(m->tls);
		SSL_set_fd(c->ssl, fd);
		SSL_set_accept_state(c->ssl);
	}
	struct epoll_event ev = { .events = m->script.accept == ACCEPT_SILENT ? 0 : EPOLLIN, .data.ptr = c };
	epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void accept_all(struct mock *m)
{
	int fd;
	while ((fd = accept4(m->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		accept_one(m, fd);
}

void mock_loop(struct mock *m)
{
	struct epoll_event events[EVENTS];
	for (;;) {
		int wait = -1;
		if (m->heap_len) {
			int64_t left = m->heap[1]->due_us - kit_now_us();
			wait = left <= 0 ? 0 : (int)((left + 999) / 1000);
		}
		int n = epoll_wait(m->epoll, events, EVENTS, wait);
		for (int i = 0; i < n; i++) {
			struct mock_conn *c = events[i].data.ptr;
			if (!c) {
				accept_all(m);
				continue;
			}
			if (c->dead)
				continue;
			if (events[i].events & EPOLLOUT)
				flush(c);
			if (!c->dead && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				readable(c);
			else if (!c->dead)
				progress(c);
		}
		int64_t now = kit_now_us();
		while (m->heap_len && m->heap[1]->due_us <= now)
			timer(m->heap[1], now);
		bury(m);
	}
}

static int listen_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof a.sun_path)
		return -1;
	memcpy(a.sun_path, path, strlen(path) + 1);
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1024))
		return -1;
	return fd;
}

static int listen_tcp(const char *host, const char *port, char **bound)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST }, *a;
	int one = 1, fd = -1;
	if (getaddrinfo(host, port, &hints, &a))
		return -1;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	int failed = fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 4096);
	freeaddrinfo(a);
	struct sockaddr_storage real;
	socklen_t size = sizeof real;
	char number[16];
	if (failed || getsockname(fd, (struct sockaddr *)&real, &size) ||
	    getnameinfo((struct sockaddr *)&real, size, NULL, 0, number, sizeof number, NI_NUMERICSERV | NI_NUMERICHOST))
		return -1;
	*bound = kit_printf("%s:%s", host, number);
	return fd;
}

/* "HOST:PORT" or "unix:PATH". */
int mock_listen(struct mock *m, const char *address, char **bound)
{
	if (strncmp(address, "unix:", 5) == 0) {
		m->listener = listen_unix(address + 5);
		*bound = kit_strdup(address);
	} else {
		const char *colon = strrchr(address, ':');
		char *host = kit_strndup(address, colon ? (size_t)(colon - address) : 0);
		m->listener = colon ? listen_tcp(host, colon + 1, bound) : -1;
		free(host);
	}
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	if (m->listener < 0 || m->epoll < 0)
		return -1;
	return epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->listener, &ev);
}
