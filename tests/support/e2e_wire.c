/*
 * tests/support/e2e_wire.c - steps for the wire itself: tables of shapes, crowds of connections, and
 * what a service manager does.
 *
 * A shape is a line "NAME | BYTES" below a step.  Each goes over a connection of its own, twice: in
 * one piece followed by a request that must not be seen (refused) or must be answered (served), then
 * byte by byte with nothing after it, so that a server that waits for more is found out.
 */
#include "tests/support/e2e.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUICK_MAX = 10000 };

static const char next_request[] = "GET /healthz HTTP/1.1\r\nHost: next\r\n\r\n";

/* ---- shapes ---- */

struct shape {
	const struct e2e_line *line;
	struct text bytes;
	bool is_head;
};

static int shape_failed(struct e2e *e, const struct shape *s, const char *how)
{
	text_printf(&e->why, "\n  shape:    line %d, sent %s: %.200s", s->line->number, how, s->line->text);
	return -1;
}

static int shape_read(struct e2e *e, const struct e2e_line *line, struct shape *s)
{
	char *text = e2e_expand(e, line->text), *bar = strstr(text, " | ");
	*s = (struct shape){ .line = line };
	if (bar)
		kit_unescape(bar + 3, strlen(bar + 3), &s->bytes);
	free(text);
	if (!bar)
		return e2e_fail(e, "a shape is NAME | BYTES");
	s->is_head = s->bytes.len > 5 && memcmp(s->bytes.ptr, "HEAD ", 5) == 0;
	return 0;
}

/* Waits for one whole answer. */
static int shape_answer(struct e2e *e, struct e2e_conn *c, int64_t status)
{
	int64_t until = e2e_deadline(e, DEADLINE_MS);
	for (;;) {
		e2e_answer_feed(c);
		if (c->answer.done)
			break;
		if (c->answer.cut)
			return e2e_fail(e, "the connection was %s before an answer came", c->reset ? "reset" : "closed");
		if (e2e_conn_more(c, until) == 0)
			return e2e_fail(e, "no answer in time; so far %s%s", text_str(&c->answer.head), text_str(&c->in));
	}
	if (c->answer.status != status)
		return e2e_fail(e, "status %d, expected %lld\n  body:     %.300s", c->answer.status, (long long)status,
				text_str(&c->answer.body));
	return e2e_check_document(e, c);
}

static int check_envelope(struct e2e *e, struct e2e_conn *c, const char *code, bool is_head)
{
	static const char *const checks[] = {
		"header Content-Type: application/json", "header Connection: close", "header Date",
		"header Content-Length ~ ^[0-9]+$",      "header x-should-retry",    "no-header Transfer-Encoding",
		"json error.type ~ ^[a-z_]+$",		 "json error.message ~ .",   "json error.param exists",
	};
	for (size_t i = 0; i < COUNT_OF(checks); i++)
		if (!(is_head && strncmp(checks[i], "json", 4) == 0) && e2e_check_answer(e, c, checks[i]))
			return -1;
	if (is_head)
		return 0;
	char *check = kit_printf("json error.code = \"%s\"", code);
	int result = e2e_check_answer(e, c, check);
	free(check);
	return result;
}

static int open_for(struct e2e *e, struct e2e_conn *c, const struct shape *s)
{
	if (e2e_conn_open(e, c, 0))
		return -1;
	e2e_answer_await(c, text_str(&s->bytes), strcspn(text_str(&s->bytes), "\r\n"));
	return 0;
}

static int send_bytewise(struct e2e *e, struct e2e_conn *c, const struct shape *s)
{
	for (size_t i = 0; i < s->bytes.len && !c->eof; i++)
		if (e2e_conn_send(e, c, s->bytes.ptr + i, 1))
			return -1;
	return 0;
}

/* The answer is an error in the catalogue's shape, the connection ends, nothing else was answered. */
static int refused_once(struct e2e *e, struct e2e_conn *c, const struct shape *s, int64_t status, const char *code)
{
	if (shape_answer(e, c, status) || check_envelope(e, c, code, s->is_head) || e2e_check_answer(e, c, "closed"))
		return -1;
	return c->in.len ? e2e_check_text(e, "after the refusal came", c->in.ptr, c->in.len, "empty") : 0;
}

static int refuse_shape(struct e2e *e, struct e2e_conn *c, const struct shape *s, int64_t status, const char *code)
{
	struct text whole = { 0 };
	text_add(&whole, s->bytes.ptr, s->bytes.len);
	text_add_str(&whole, next_request);
	int result = open_for(e, c, s) || e2e_conn_send(e, c, whole.ptr, whole.len);
	text_free(&whole);
	if (result || refused_once(e, c, s, status, code))
		return shape_failed(e, s, "in one piece");
	if (open_for(e, c, s) || send_bytewise(e, c, s) || refused_once(e, c, s, status, code))
		return shape_failed(e, s, "byte by byte");
	return 0;
}

static int serve_shape(struct e2e *e, struct e2e_conn *c, const struct shape *s, int64_t status, const char *code)
{
	struct text whole = { 0 };
	(void)code;
	text_add(&whole, s->bytes.ptr, s->bytes.len);
	text_add_str(&whole, next_request);
	int result = open_for(e, c, s) || e2e_conn_send(e, c, whole.ptr, whole.len) || shape_answer(e, c, status);
	text_free(&whole);
	c->answer.taken = true;
	e2e_answer_await(c, next_request, strcspn(next_request, "\r"));
	if (result || shape_answer(e, c, 200) || e2e_check_answer(e, c, "body = {\"status\":\"ok\"}"))
		return shape_failed(e, s, "in one piece");
	if (open_for(e, c, s) || send_bytewise(e, c, s) || shape_answer(e, c, status) || e2e_check_answer(e, c, "kept"))
		return shape_failed(e, s, "byte by byte");
	return 0;
}

static int each_shape(struct e2e *e, const struct e2e_step *s, const char *rest,
		      int (*try)(struct e2e *, struct e2e_conn *, const struct shape *, int64_t, const char *))
{
	char *code;
	int64_t status = strtol(rest, &code, 10);
	int result = 0;
	code += strspn(code, " ");
	for (size_t i = 0; i < s->count && !result; i++) {
		struct shape shape;
		result = shape_read(e, &s->subs[i], &shape);
		if (!result)
			result = try(e, e->conn, &shape, status, code);
		text_free(&shape.bytes);
	}
	e2e_conn_close(e->conn, false);
	return result;
}

/* refused STATUS CODE, and shapes below */
int e2e_step_refused(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	return each_shape(e, s, rest, refuse_shape);
}

/* served STATUS, and shapes below: the connection can be used afterwards */
int e2e_step_served(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	return each_shape(e, s, rest, serve_shape);
}

/* ---- crowds ---- */

static int crowd_open(struct e2e *e, const char *rest)
{
	char *bytes;
	long count = strtol(rest, &bytes, 10);
	struct rlimit limit;
	struct text text = { 0 };
	int result = 0;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	kit_unescape(bytes + strspn(bytes, " "), strlen(bytes + strspn(bytes, " ")), &text);
	e->crowd = kit_grow(e->crowd, (e->crowd_count + (size_t)count) * sizeof *e->crowd);
	while (count-- > 0 && !result) {
		struct e2e_conn *c = &e->crowd[e->crowd_count++];
		*c = (struct e2e_conn){ .fd = -1 };
		result = e2e_conn_open(e, c, 0);
		if (!result && text.len)
			result = e2e_conn_send(e, c, text.ptr, text.len);
	}
	text_free(&text);
	return result;
}

static int crowd_send(struct e2e *e, const char *rest)
{
	struct text text = { 0 };
	int result = 0;
	kit_unescape(rest, strlen(rest), &text);
	for (size_t i = 0; i < e->crowd_count && !result; i++)
		if (e->crowd[i].fd >= 0 && !e->crowd[i].eof)
			result = e2e_conn_send(e, &e->crowd[i], text.ptr, text.len);
	text_free(&text);
	return result;
}

/* Takes what has come, without waiting. */
static void crowd_look(struct e2e *e)
{
	for (size_t i = 0; i < e->crowd_count; i++) {
		struct e2e_conn *c = &e->crowd[i];
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		while (c->fd >= 0 && !c->eof && poll(&p, 1, 0) > 0 && e2e_conn_more(c, kit_now_us() + 1000) > 0)
			continue;
		e2e_answer_feed(c);
	}
}

static size_t crowd_count(const struct e2e *e, long status)
{
	size_t count = 0;
	for (size_t i = 0; i < e->crowd_count; i++) {
		const struct e2e_conn *c = &e->crowd[i];
		if (status > 0)
			count += c->answer.done && c->answer.status == status;
		else
			count += status == 0 ? c->fd >= 0 && !c->eof : c->fd >= 0 && c->eof;
	}
	return count;
}

/* N of the crowd are open (status 0), closed (-1) or have been answered so. */
static int crowd_await(struct e2e *e, const char *rest, long status)
{
	size_t want = (size_t)strtol(rest, NULL, 10), got;
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	for (;;) {
		crowd_look(e);
		got = crowd_count(e, status);
		if (got == want)
			return 0;
		if (kit_now_us() > until)
			return e2e_fail(e, "%zu of %zu connections are so, expected %zu", got, e->crowd_count, want);
		usleep(5000);
	}
}

static int crowd_close(struct e2e *e)
{
	for (size_t i = 0; i < e->crowd_count; i++) {
		struct e2e_conn *c = &e->crowd[i];
		e2e_conn_close(c, false);
		text_free(&c->in);
		text_free(&c->requests);
		text_free(&c->answer.request);
		text_free(&c->answer.head);
		text_free(&c->answer.body);
		text_free(&c->answer.interim);
	}
	e->crowd_count = 0;
	return 0;
}

/* crowd open N [BYTES] | send BYTES | is-open N | is-closed N | answered STATUS N | close */
int e2e_step_crowd(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	const char *more;
	(void)s;
	if (kit_word(rest, "open", &more))
		return crowd_open(e, more);
	if (kit_word(rest, "send", &more))
		return crowd_send(e, more);
	if (kit_word(rest, "is-open", &more))
		return crowd_await(e, more, 0);
	if (kit_word(rest, "is-closed", &more))
		return crowd_await(e, more, -1);
	if (kit_word(rest, "answered", &more)) {
		char *count;
		long status = strtol(more, &count, 10);
		return crowd_await(e, count + strspn(count, " "), status);
	}
	if (strcmp(rest, "close") == 0)
		return crowd_close(e);
	return e2e_fail(e, "crowd open|send|is-open|is-closed|answered|close");
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* quick N MS PATH: N requests one after the other, each 200, 99 of 100 within MS */
int e2e_step_quick(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	char *after;
	long count = strtol(rest, &after, 10), limit_ms = strtol(after, &after, 10);
	struct e2e_conn *c = e->conn;
	(void)s;
	if (count < 1 || count > QUICK_MAX)
		return e2e_fail(e, "quick N MS PATH");
	char *request = kit_printf("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", after + strspn(after, " "));
	int64_t *took = kit_alloc((size_t)count * sizeof *took);
	int result = 0;
	for (long i = 0; i < count && !result; i++) {
		if (c->fd < 0 || c->eof)
			result = e2e_conn_open(e, c, 0);
		e2e_answer_await(c, request, strcspn(request, "\r"));
		int64_t from = kit_now_us();
		result = result || e2e_conn_send(e, c, request, strlen(request)) || shape_answer(e, c, 200) ? -1 : 0;
		took[i] = kit_now_us() - from;
		c->answer.taken = true;
	}
	qsort(took, (size_t)count, sizeof *took, by_size);
	int64_t p99 = took[(count * 99 - 1) / 100];
	if (!result && p99 > limit_ms * 1000 * e->slow)
		result = e2e_fail(e, "99 of 100 came within %.1f ms, allowed are %ld", (double)p99 / 1000.0, limit_ms);
	free(took);
	free(request);
	return result;
}

/* ---- what a service manager does ---- */

/* limit-files N: of the running gateway */
int e2e_step_limit_files(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct rlimit limit;
	(void)s;
	if (prlimit(e->gateway, RLIMIT_NOFILE, NULL, &limit))
		return e2e_fail(e, "prlimit: %s", strerrordesc_np(errno));
	limit.rlim_cur = (rlim_t)strtol(rest, NULL, 10);
	return prlimit(e->gateway, RLIMIT_NOFILE, &limit, NULL) ? e2e_fail(e, "prlimit: %s", strerrordesc_np(errno)) : 0;
}

/* notify-socket: where [env] NOTIFY_SOCKET=${dir}/run/notify leads; before "start" */
int e2e_step_notify_socket(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	(void)s;
	(void)rest;
	snprintf(un.sun_path, sizeof un.sun_path, "%s/run/notify", e->dir);
	e->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(e->notify, (struct sockaddr *)&un, sizeof un) ? e2e_fail(e, "%s: %s", un.sun_path, strerrordesc_np(errno)) : 0;
}

/* notified CHECK: the next message satisfies it */
int e2e_step_notified(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct pollfd p = { .fd = e->notify, .events = POLLIN };
	char message[512];
	(void)s;
	if (poll(&p, 1, DEADLINE_MS * e->slow) <= 0)
		return e2e_fail(e, "no message came");
	ssize_t n = recv(e->notify, message, sizeof message - 1, 0);
	message[n > 0 ? n : 0] = 0;
	return e2e_check_text(e, "message", message, n > 0 ? (size_t)n : 0, rest);
}
