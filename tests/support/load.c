/* tests/support/load.c - the connections of the load generator and their loop. */
#include "tests/support/load.h"

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

enum { EVENTS = 512, READ_SIZE = 65536, LOOK_US = 100000 };

struct client {
	int fd;
	bool leaving, want_out; /* leaving: abort at the first byte of the body */
	size_t sent;            /* of the request */
	const struct text *request;
	struct text in;         /* bytes of a head or a framing line that are not complete */
	struct load_answer answer;
	int64_t started_us, first_us, count, next_us;
};

struct run {
	const struct load_options *o;
	struct load_result *r;
	struct text requests[BODIES_MAX];
	struct client *clients;
	int epoll;
	int64_t begin_us, measure_us, end_us, started, finished;
	bool measuring;
	unsigned seed;
	size_t open;
};

static void build_requests(struct run *run)
{
	const struct load_options *o = run->o;
	for (size_t i = 0; i < o->body_count; i++) {
		struct text *t = &run->requests[i];
		text_printf(t, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
			    o->path, o->host ? o->host : "localhost", o->bodies[i].len);
		if (o->headers.len)
			text_add(t, o->headers.ptr, o->headers.len);
		text_add_str(t, "\r\n");
		text_add(t, text_str(&o->bodies[i]), o->bodies[i].len);
	}
}

static int connect_unix(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int connect_tcp(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, *a;
	int one = 1;
	if (getaddrinfo(host, port, &hints, &a))
		return -1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int failed = connect(fd, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(a);
	if (failed) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

int load_connect(const struct load_options *o)
{
	return o->unix_path ? connect_unix(o->unix_path) : connect_tcp(o->host, o->port);
}

static int client_open(struct run *run, struct client *c)
{
	c->fd = load_connect(run->o);
	if (c->fd < 0)
		return -1;
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	epoll_ctl(run->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	c->in.len = 0;
	c->want_out = false;
	run->open++;
	return 0;
}

static void client_close(struct run *run, struct client *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	run->open--;
}

static void client_write(struct run *run, struct client *c)
{
	while (c->sent < c->request->len) {
		ssize_t n = send(c->fd, c->request->ptr + c->sent, c->request->len - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return; /* the read side tells */
		if (n > 0)
			c->sent += (size_t)n;
		bool want = c->sent < c->request->len;
		if (want != c->want_out) {
			struct epoll_event ev = { .events = EPOLLIN | (want ? (unsigned)EPOLLOUT : 0u), .data.ptr = c };
			epoll_ctl(run->epoll, EPOLL_CTL_MOD, c->fd, &ev);
			c->want_out = want;
		}
		if (n < 0)
			return;
	}
}

static bool may_start(const struct run *run, const struct client *c)
{
	const struct load_options *o = run->o;
	if (o->requests && run->started >= o->requests)
		return false;
	if (o->per_connection && c->count >= o->per_connection)
		return false;
	return !run->end_us || kit_now_us() < run->end_us;
}

static void client_start(struct run *run, struct client *c)
{
	if (!may_start(run, c)) {
		client_close(run, c);
		return;
	}
	if (c->fd < 0 && client_open(run, c)) {
		run->r->errors++;
		c->count++;
		run->started++;
		return;
	}
	load_answer_begin(&c->answer);
	c->request = &run->requests[(size_t)run->started % run->o->body_count];
	c->sent = 0;
	c->first_us = 0;
	c->leaving = run->o->abort_percent && (int)(rand_r(&run->seed) % 100) < run->o->abort_percent;
	c->count++;
	run->started++;
	c->started_us = kit_now_us();
	client_write(run, c);
}

static void client_done(struct run *run, struct client *c, int64_t now_us)
{
	struct load_result *r = run->r;
	run->finished++;
	if (c->answer.status >= 400) {
		r->refused++;
		if (!run->o->expect_errors)
			r->errors++;
	}
	if (run->measuring) {
		r->requests++;
		load_sample(&r->latency, now_us - c->started_us);
		if (c->first_us)
			load_sample(&r->first, c->first_us - c->started_us);
	}
	if (c->answer.close)
		client_close(run, c);
	client_start(run, c);
}

static void client_failed(struct run *run, struct client *c)
{
	run->r->errors++;
	run->finished++;
	client_close(run, c);
	client_start(run, c);
}

/* Feeds what was read; keeps what the answer cannot use yet. */
static void client_take(struct run *run, struct client *c, const char *bytes, size_t len, int64_t now_us)
{
	struct load_result none = { 0 };
	if (c->in.len) {
		text_add(&c->in, bytes, len);
		bytes = c->in.ptr;
		len = c->in.len;
	}
	ssize_t used = load_answer_feed(&c->answer, bytes, len, now_us, run->measuring ? run->r : &none);
	free(none.delay.us);
	if (used < 0) {
		client_failed(run, c);
		return;
	}
	if (!c->first_us && c->answer.body_seen)
		c->first_us = now_us;
	size_t rest = len - (size_t)used;
	if (c->in.len)
		text_consume(&c->in, (size_t)used);
	else if (rest)
		text_add(&c->in, bytes + used, rest);
	if (c->leaving && c->first_us) {
		run->r->aborted++;
		run->finished++;
		client_close(run, c);
		client_start(run, c);
	} else if (c->answer.state == ANSWER_DONE) {
		client_done(run, c, now_us);
	}
}

static void client_read(struct run *run, struct client *c)
{
	static char bytes[READ_SIZE];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	int64_t now = kit_now_us();
	if (n > 0)
		client_take(run, c, bytes, (size_t)n, now);
	else if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	else if (n == 0 && c->answer.state == ANSWER_BODY && c->answer.left < 0) {
		c->answer.close = true;
		client_done(run, c, now);
	} else {
		client_failed(run, c);
	}
}

/* Starts what is due of the first connections; true when all have been. */
static bool ramp(struct run *run, size_t *next)
{
	const struct load_options *o = run->o;
	int64_t now = kit_now_us();
	while (*next < o->connections && now >= run->begin_us + (int64_t)*next * o->ramp_us)
		client_start(run, &run->clients[(*next)++]);
	return *next == o->connections;
}

static void look(struct run *run, int64_t now, int64_t *looked, int64_t *printed)
{
	const struct load_options *o = run->o;
	if (!o->pid_count || now - *looked < LOOK_US)
		return;
	*looked = now;
	int64_t kb = load_rss_kb(o);
	if (kb > run->r->rss_kb)
		run->r->rss_kb = kb;
	if (o->sample > 0 && (double)(now - *printed) >= o->sample * 1e6) {
		*printed = now;
		printf("sample seconds=%.1f requests=%lld rss_kb=%lld\n", (double)(now - run->begin_us) / 1e6,
		       (long long)run->finished, (long long)kb);
		fflush(stdout);
	}
}

static void begin_measuring(struct run *run, int64_t now)
{
	run->measuring = true;
	run->measure_us = now;
	run->r->cpu_us = -load_cpu_us(run->o);
}

int load_run(const struct load_options *o, struct load_result *r)
{
	struct run run = { .o = o, .r = r, .epoll = epoll_create1(EPOLL_CLOEXEC), .seed = 1 };
	struct epoll_event events[EVENTS];
	size_t next = 0;
	int64_t looked = 0, printed = 0;
	build_requests(&run);
	run.clients = kit_alloc(o->connections * sizeof *run.clients);
	for (size_t i = 0; i < o->connections; i++)
		run.clients[i].fd = -1;
	r->base_kb = load_rss_kb(o);
	load_reset_peak(o);
	run.begin_us = kit_now_us();
	if (!o->requests && !o->per_connection)
		run.end_us = run.begin_us + (int64_t)((o->warmup + o->seconds) * 1e6);
	for (;;) {
		bool all = ramp(&run, &next);
		int64_t now = kit_now_us();
		if (!run.measuring && now - run.begin_us >= (int64_t)(o->warmup * 1e6))
			begin_measuring(&run, now);
		look(&run, now, &looked, &printed);
		if (all && !run.open && (!may_start(&run, &run.clients[0]) || r->errors))
			break;
		int n = epoll_wait(run.epoll, events, EVENTS, all ? 50 : 1);
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;
			if (c->fd >= 0 && (events[i].events & EPOLLOUT))
				client_write(&run, c);
			if (c->fd >= 0 && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
				client_read(&run, c);
		}
	}
	if (run.measuring) {
		r->elapsed_us = kit_now_us() - run.measure_us;
		r->cpu_us += load_cpu_us(o);
	}
	r->peak_kb = load_peak_kb(o);
	int64_t kb = load_rss_kb(o);
	if (kb > r->rss_kb)
		r->rss_kb = kb;
	close(run.epoll);
	return run.finished ? 0 : -1;
}
