/* tests/support/e2e_step.c - the steps of a case by name, and those of a client. */
#include "tests/support/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FULL_MS = 100 };

int64_t e2e_deadline(const struct e2e *e, int64_t ms)
{
	return kit_now_us() + ms * 1000 * e->slow;
}

/* The lines of a block: "| text" each, joined with the given line end. */
static void block_text(struct e2e *e, const struct e2e_step *s, const char *eol, struct text *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *line = s->subs[i].text;
		if (*line == '|')
			line += 1 + (line[1] == ' ');
		char *text = e2e_expand(e, line);
		text_printf(out, "%s%s", text, eol);
		free(text);
	}
	text_add(out, "", 0);
}

static int step_send(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	return e2e_send_request(e, s, rest);
}

/* raw BYTES, or lines below it that end in CR LF */
static int step_raw(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct text bytes = { 0 };
	kit_unescape(rest, strlen(rest), &bytes);
	block_text(e, s, "\r\n", &bytes);
	struct e2e_conn *c = e->conn;
	if (c->fd >= 0 && c->eof)
		e2e_conn_close(c, false);
	if (c->fd < 0 && e2e_conn_open(e, c, 0)) {
		text_free(&bytes);
		return -1;
	}
	if (strncmp(bytes.ptr, "HEAD ", 5) == 0) /* what else they are, whole or not, is not known */
		e2e_answer_await(c, bytes.ptr, strcspn(bytes.ptr, "\r\n"));
	c->sent_us = kit_now_us();
	int result = e2e_conn_send(e, c, bytes.ptr, bytes.len);
	text_free(&bytes);
	return result;
}

/* Waits until the answer is complete or broken off. */
static int await_answer(struct e2e *e, struct e2e_conn *c, bool head_only)
{
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	for (;;) {
		e2e_answer_feed(c);
		struct e2e_answer *a = &c->answer;
		if (a->done || a->cut || (head_only && a->head_done))
			break;
		int more = e2e_conn_more(c, until);
		if (more == 0)
			return e2e_fail(e, "no complete answer in time: %s, %zu bytes of body so far\n  head:     %s",
					a->head_done ? "the body is missing" : "no head", a->body.len, text_str(&a->head));
		if (more < 0 && c->fd < 0)
			return e2e_fail(e, "the connection is not open");
	}
	if (!c->answer.head_done)
		return e2e_fail(e, "the connection was %s before an answer came", c->reset ? "reset" : "closed");
	return 0;
}

static int check_status(struct e2e *e, const struct e2e_conn *c, const char *want)
{
	if (!*want || c->answer.status == strtol(want, NULL, 10))
		return 0;
	return e2e_fail(e, "status %d, expected %s\n  head:     %s\n  body:     %.600s", c->answer.status, want,
			text_str(&c->answer.head), text_str(&c->answer.body));
}

static int check_subs(struct e2e *e, const struct e2e_step *s)
{
	for (size_t i = 0; i < s->count; i++) {
		char *check = e2e_expand(e, s->subs[i].text);
		int result = e2e_check_answer(e, e->conn, check);
		free(check);
		if (result) {
			text_printf(&e->why, "\n  at:       line %d: %s", s->subs[i].number, s->subs[i].text);
			return -1;
		}
	}
	return 0;
}

/* expect [STATUS] and checks below: takes one whole answer */
static int step_expect(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct e2e_conn *c = e->conn;
	if (await_answer(e, c, false) || check_status(e, c, rest) || check_subs(e, s) || e2e_check_document(e, c))
		return -1;
	bool judged = false;
	for (size_t i = 0; i < s->count; i++)
		judged |= strncmp(s->subs[i].text, "ended ", 6) == 0;
	if (c->answer.cut && !judged)
		return e2e_fail(e, "the answer was cut off after %zu bytes of body (say \"ended cut\" when that is right)",
				c->answer.body.len);
	c->answer.taken = true;
	return 0;
}

/* Which lines below a step are of the request, and which are checks of its answer. */
static struct e2e_step pick_lines(const struct e2e_step *s, bool of_request)
{
	struct e2e_step picked = { .line = s->line };
	const char *rest;
	picked.subs = kit_grow(NULL, (s->count + 1) * sizeof *picked.subs);
	for (size_t i = 0; i < s->count; i++) {
		bool is_of_request = kit_word(s->subs[i].text, "send", &rest);
		if (is_of_request != of_request)
			continue;
		picked.subs[picked.count] = s->subs[i];
		if (is_of_request)
			picked.subs[picked.count].text += strlen(s->subs[i].text) - strlen(rest);
		picked.count++;
	}
	return picked;
}

static int ask_until(struct e2e *e, const struct e2e_step *request, const struct e2e_step *checks, const char *line)
{
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	for (;;) {
		bool reused = e->conn->fd >= 0;
		e->why.len = 0;
		if (e2e_send_request(e, request, line) || await_answer(e, e->conn, false)) {
			if (!reused)
				return -1;
			e2e_conn_close(e->conn, false); /* it may have been closed after its last answer */
			continue;
		}
		e->conn->answer.taken = true;
		if (check_subs(e, checks) == 0)
			return e2e_check_document(e, e->conn);
		if (kit_now_us() > until)
			return -1;
		usleep(5000);
	}
}

/* until METHOD PATH, and below "send LINE" of the request and checks: asks again until all hold; the answer is taken */
static int step_until(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct e2e_step request = pick_lines(s, true), checks = pick_lines(s, false);
	int result = ask_until(e, &request, &checks, rest);
	free(request.subs);
	free(checks.subs);
	return result;
}

/* await-head [STATUS] and checks below: the answer stays to be expected */
static int step_await_head(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	return await_answer(e, e->conn, true) || check_status(e, e->conn, rest) || check_subs(e, s) ? -1 : 0;
}

/* await-events N and checks below */
static int step_await_events(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	int64_t want = strtol(rest, NULL, 10), until = e2e_deadline(e, 2 * DEADLINE_MS);
	struct e2e_conn *c = e->conn;
	for (;;) {
		e2e_answer_feed(c);
		if (e2e_answer_event_count(&c->answer) >= want)
			return check_subs(e, s) || e2e_check_document(e, c) ? -1 : 0;
		if (e2e_conn_more(c, until) <= 0)
			return e2e_fail(e, "%lld events came, waited for %lld\n  head:     %s",
					(long long)e2e_answer_event_count(&c->answer), (long long)want, text_str(&c->answer.head));
	}
}

/* await-bytes N: of the body */
static int step_await_bytes(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	size_t want = (size_t)strtol(rest, NULL, 10);
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	for (;;) {
		e2e_answer_feed(e->conn);
		if (e->conn->answer.body.len >= want)
			return check_subs(e, s);
		if (e2e_conn_more(e->conn, until) <= 0)
			return e2e_fail(e, "%zu bytes of body came, waited for %zu", e->conn->answer.body.len, want);
	}
}

/* await-full: what the gateway sends fills the client's buffers, as nothing is read, and no more comes */
static int step_await_full(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS), since = kit_now_us();
	int before = 0, unread = 0;
	(void)s;
	(void)rest;
	while (kit_now_us() < until) {
		if (ioctl(e->conn->fd, FIONREAD, &unread) < 0)
			return e2e_fail(e, "the connection is not open");
		if (unread != before)
			since = kit_now_us();
		else if (unread > 0 && kit_now_us() - since > FULL_MS * 1000 * e->slow)
			return 0;
		before = unread;
		usleep(2000);
	}
	return e2e_fail(e, unread ? "more and more comes: %d bytes" : "nothing comes: %d bytes", unread);
}

/* await-interim STATUS */
static int step_await_interim(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	int64_t until = e2e_deadline(e, DEADLINE_MS);
	(void)s;
	for (;;) {
		e2e_answer_feed(e->conn);
		if (strstr(text_str(&e->conn->answer.interim), rest))
			return 0;
		if (e->conn->answer.head_done || e2e_conn_more(e->conn, until) <= 0)
			return e2e_fail(e, "no interim answer %s", rest);
	}
}

/* expect-raw BYTES: exactly these, next on the connection */
static int step_expect_raw(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct text want = { 0 };
	struct e2e_conn *c = e->conn;
	int64_t until = e2e_deadline(e, DEADLINE_MS);
	kit_unescape(rest, strlen(rest), &want);
	block_text(e, s, "\r\n", &want);
	while (c->in.len < want.len && e2e_conn_more(c, until) > 0)
		continue;
	size_t len = c->in.len < want.len ? c->in.len : want.len;
	int result = 0;
	if (len != want.len || memcmp(text_str(&c->in), want.ptr, len) != 0)
		result = e2e_differ(e, "bytes", want.ptr, want.len, text_str(&c->in), c->in.len);
	else
		text_consume(&c->in, len);
	text_free(&want);
	return result;
}

/* expect-close: the gateway ends the connection, and nothing more comes */
static int step_expect_close(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct e2e_conn *c = e->conn;
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	(void)s;
	(void)rest;
	int more;
	while ((more = e2e_conn_more(c, until)) > 0)
		continue;
	if (more == 0)
		return e2e_fail(e, "the connection stays open");
	return c->in.len ? e2e_check_text(e, "before the close came", c->in.ptr, c->in.len, "empty") : 0;
}

/* expect-silence MS: the connection stays open and nothing comes for so long */
static int step_expect_silence(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	int more = e2e_conn_more(e->conn, kit_now_us() + strtol(rest, NULL, 10) * 1000);
	if (more < 0)
		return e2e_fail(e, "the connection was closed");
	return more ? e2e_check_text(e, "in the silence came", e->conn->in.ptr, e->conn->in.len, "empty") : 0;
}

/* open [rcvbuf N] */
static int step_open(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	const char *size;
	(void)s;
	return e2e_conn_open(e, e->conn, kit_word(rest, "rcvbuf", &size) ? (int)strtol(size, NULL, 10) : 0);
}

static int step_on(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	e->conn = e2e_conn_get(e, rest);
	return 0;
}

static int step_close(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	(void)rest;
	e2e_conn_close(e->conn, false);
	return 0;
}

static int step_reset(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	(void)rest;
	e2e_conn_close(e->conn, true);
	return 0;
}

static int step_half_close(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	(void)rest;
	shutdown(e->conn->fd, SHUT_WR);
	e->conn->closed_us = kit_now_us();
	return 0;
}

/* pause MS: the client does nothing for so long (an action; to wait for something, use a condition) */
static int step_pause(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	long ms = strtol(rest, NULL, 10);
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };
	(void)e;
	(void)s;
	nanosleep(&t, NULL);
	return 0;
}

/* save NAME json PATH | header FIELD: of the last answer; save NAME file PATH: its first line */
static int step_save(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	const struct e2e_answer *a = &e->conn->answer;
	size_t len = strcspn(rest, " ");
	char *name = kit_strndup(rest, len);
	const char *what = rest + len + strspn(rest + len, " "), *path;
	int result = -1;
	(void)s;
	if (kit_word(what, "json", &path)) {
		json_t *root = json_loadb(text_str(&a->body), a->body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		json_t *value = e2e_json_at(root, path, strlen(path));
		char *text = json_is_string(value) ? kit_strdup(json_string_value(value))
						   : value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		if (text) {
			e2e_set(e, name, text);
			result = 0;
		}
		free(text);
		json_decref(root);
	} else if (kit_word(what, "header", &path)) {
		struct text value = { 0 };
		if (e2e_answer_header(a, path, &value)) {
			e2e_set(e, name, text_str(&value));
			result = 0;
		}
		text_free(&value);
	} else if (kit_word(what, "file", &path)) {
		struct text file = { 0 };
		char *whole = path[0] == '/' ? kit_strdup(path) : kit_printf("%s/%s", e->dir, path);
		if (kit_read_file(whole, &file) == 0) {
			char *line = kit_strndup(text_str(&file), strcspn(text_str(&file), "\n"));
			e2e_set(e, name, line);
			free(line);
			result = 0;
		}
		text_free(&file);
		free(whole);
	}
	free(name);
	return result ? e2e_fail(e, "nothing to save: %s", rest) : 0;
}

/* set NAME TEXT: as it is, escapes and all */
static int step_set(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	size_t len = strcspn(rest, " ");
	char *name = kit_strndup(rest, len);
	(void)s;
	e2e_set(e, name, rest + len + (rest[len] == ' '));
	free(name);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct e2e *e, const struct e2e_step *s, const char *rest);
	bool has_lines; /* below it */
} steps[] = {
	{ "send", step_send, true },
	{ "raw", step_raw, true },
	{ "expect", step_expect, true },
	{ "until", step_until, true },
	{ "await-head", step_await_head, true },
	{ "await-events", step_await_events, true },
	{ "await-bytes", step_await_bytes, true },
	{ "await-full", step_await_full, false },
	{ "await-interim", step_await_interim, false },
	{ "expect-raw", step_expect_raw, true },
	{ "expect-close", step_expect_close, false },
	{ "expect-silence", step_expect_silence, false },
	{ "on", step_on, false },
	{ "open", step_open, false },
	{ "close", step_close, false },
	{ "reset", step_reset, false },
	{ "half-close", step_half_close, false },
	{ "pause", step_pause, false },
	{ "upstream", e2e_step_upstream, true },
	{ "file", e2e_step_file, true },
	{ "sqlite", e2e_step_sqlite, true },
	{ "log", e2e_step_log, false },
	{ "signal", e2e_step_signal, false },
	{ "exit", e2e_step_exit, false },
	{ "start", e2e_step_start, false },
	{ "config", e2e_step_config, true },
	{ "run", e2e_step_run, true },
	{ "shell", e2e_step_shell, true },
	{ "nowhere", e2e_step_nowhere, false },
	{ "save", step_save, false },
	{ "set", step_set, false },
	{ "rss", e2e_step_rss, false },
	{ "refused", e2e_step_refused, true },
	{ "served", e2e_step_served, true },
	{ "crowd", e2e_step_crowd, false },
	{ "quick", e2e_step_quick, false },
	{ "limit-files", e2e_step_limit_files, false },
	{ "notify-socket", e2e_step_notify_socket, false },
	{ "notified", e2e_step_notified, false },
};

int e2e_run_step(struct e2e *e, const struct e2e_step *s)
{
	const char *rest;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		if (!kit_word(s->line.text, steps[i].name, &rest))
			continue;
		if (s->count && !steps[i].has_lines)
			return e2e_fail(e, "no lines belong below %s", steps[i].name);
		char *text = e2e_expand(e, rest);
		int result = steps[i].run(e, s, text);
		free(text);
		return result;
	}
	return e2e_fail(e, "unknown step");
}
