/* tests/support/e2e_watch.c - steps that look at what the program left: upstream logs, files, rows, its log. */
#include "tests/support/e2e.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_US = 2000 };

/* Repeats a look until it succeeds or the deadline has passed; the last failure is kept. */
static int until_true(struct e2e *e, int (*look)(struct e2e *, void *), void *argument)
{
	int64_t until = e2e_deadline(e, DEADLINE_MS);
	for (;;) {
		e->why.len = 0;
		if (look(e, argument) == 0) {
			e->why.len = 0;
			return 0;
		}
		if (kit_now_us() > until)
			return -1;
		usleep(LOOK_US);
	}
}

/* The upstream's log as an array of its lines. */
static json_t *read_log(const char *path)
{
	struct text file = { 0 };
	json_t *lines = json_array();
	kit_read_file(path, &file);
	const char *at = text_str(&file);
	while (*at) {
		size_t len = strcspn(at, "\n");
		if (!at[len])
			break; /* still being written */
		json_t *line = json_loadb(at, len, JSON_ALLOW_NUL, NULL);
		if (line)
			json_array_append_new(lines, line);
		at += len + 1;
	}
	text_free(&file);
	return lines;
}

static bool is_event(json_t *line, const char *name)
{
	const char *ev = json_string_value(json_object_get(line, "ev"));
	return ev && strcmp(ev, name) == 0;
}

/* "METHOD PATHGLOB"; "" = everything but GET, which are the gateway's own looks. */
static bool request_fits(json_t *line, const char *filter)
{
	const char *method = json_string_value(json_object_get(line, "method"));
	const char *path = json_string_value(json_object_get(line, "path"));
	size_t len = strcspn(filter, " ");
	if (!is_event(line, "request") || !method || !path)
		return false;
	if (!*filter)
		return strcmp(method, "GET") != 0;
	if (strlen(method) != len || strncmp(method, filter, len) != 0)
		return false;
	filter += len + strspn(filter + len, " ");
	return !*filter || kit_glob(filter, path);
}

static int64_t count_requests(json_t *log, const char *filter)
{
	int64_t count = 0;
	size_t i;
	json_t *line;
	json_array_foreach(log, i, line) count += request_fits(line, filter);
	return count;
}

static json_t *nth_request(json_t *log, int64_t nth, const char *filter)
{
	size_t i;
	json_t *line;
	json_array_foreach(log, i, line)
		if (request_fits(line, filter) && --nth == 0)
			return line;
	return NULL;
}

struct upstream_look {
	struct e2e_upstream *u;
	const struct e2e_step *s;
	char *rest;
};

static int check_request_line(struct e2e *e, json_t *request, const char *check)
{
	const char *body = json_string_value(json_object_get(request, "body")), *rest;
	size_t len = json_string_length(json_object_get(request, "body"));
	if (kit_word(check, "json", &rest))
		return body ? e2e_check_json_text(e, body, len, rest) : e2e_fail(e, "the body was too large to be logged");
	if (kit_word(check, "body", &rest))
		return e2e_check_text(e, "upstream's body", body ? body : "", len, rest);
	if (kit_word(check, "sha256", &rest))
		return e2e_check_text(e, "sha256", json_string_value(json_object_get(request, "sha256")), 64, rest);
	if (strcmp(check, "same-body") == 0) {
		char digest[65];
		kit_sha256(text_str(&e->conn->sent_body), e->conn->sent_body.len, digest);
		if (strcmp(digest, json_string_value(json_object_get(request, "sha256"))) == 0)
			return 0;
		return e2e_differ(e, "upstream's body", text_str(&e->conn->sent_body), e->conn->sent_body.len, body ? body : "", len);
	}
	if (kit_word(check, "no-header", &rest)) {
		const char *value = json_string_value(json_object_get(json_object_get(request, "headers"), rest));
		return value ? e2e_fail(e, "the upstream got header %s: %s", rest, value) : 0;
	}
	if (kit_word(check, "header", &rest)) {
		size_t name_len = strcspn(rest, " ");
		char *name = kit_strndup(rest, name_len);
		json_t *value = json_object_get(json_object_get(request, "headers"), name);
		rest += name_len + strspn(rest + name_len, " ");
		int result = value ? 0 : e2e_fail(e, "the upstream got no header %s", name);
		if (!result && *rest)
			result = e2e_check_text(e, name, json_string_value(value), json_string_length(value), rest);
		free(name);
		return result;
	}
	if (kit_word(check, "log", &rest)) /* any member of the log line */
		return e2e_check_json(e, request, rest);
	return e2e_fail(e, "unknown expectation on an upstream's request: %s", check);
}

/* request N [METHOD PATH] and checks below */
static int look_request(struct e2e *e, void *argument)
{
	struct upstream_look *l = argument;
	json_t *log = read_log(l->u->log_path);
	char *filter;
	int64_t nth = strtol(l->rest, &filter, 10);
	filter += strspn(filter, " ");
	json_t *request = nth_request(log, nth, filter);
	int result = request ? 0 : e2e_fail(e, "upstream %s saw %lld of these requests, not number %lld", l->u->name,
					    (long long)count_requests(log, filter), (long long)nth);
	for (size_t i = 0; i < l->s->count && !result; i++) {
		char *check = e2e_expand(e, l->s->subs[i].text);
		result = check_request_line(e, request, check);
		free(check);
	}
	json_decref(log);
	return result;
}

static int look_count(struct e2e *e, void *argument)
{
	struct upstream_look *l = argument;
	json_t *log = read_log(l->u->log_path);
	char *filter;
	int64_t want = strtol(l->rest, &filter, 10), got = count_requests(log, filter + strspn(filter, " "));
	json_decref(log);
	return want == got ? 0 : e2e_fail(e, "upstream %s saw %lld requests, expected %lld", l->u->name, (long long)got, (long long)want);
}

static int look_events(struct e2e *e, const struct upstream_look *l, const char *event, const char *what)
{
	json_t *log = read_log(l->u->log_path), *line;
	int64_t want = strtol(l->rest, NULL, 10), got = 0;
	size_t i;
	json_array_foreach(log, i, line) got += is_event(line, event);
	json_decref(log);
	return want == got ? 0 : e2e_fail(e, "upstream %s saw %lld %s, expected %lld", l->u->name, (long long)got, what, (long long)want);
}

static int look_connections(struct e2e *e, void *argument)
{
	return look_events(e, argument, "open", "connections");
}

static int look_begun(struct e2e *e, void *argument)
{
	return look_events(e, argument, "begun", "heads of requests that are read slowly");
}

/* ended N HOW[|HOW] [within MS of-close] */
static int look_ended(struct e2e *e, void *argument)
{
	struct upstream_look *l = argument;
	json_t *log = read_log(l->u->log_path), *line;
	char *rest;
	json_t *request = nth_request(log, strtol(l->rest, &rest, 10), "");
	json_int_t id = json_integer_value(json_object_get(request, "id"));
	rest += strspn(rest, " ");
	char *want = kit_strndup(rest, strcspn(rest, " "));
	const char *limit = strstr(rest, "within ");
	json_t *end = NULL;
	size_t i;
	json_array_foreach(log, i, line)
		if (request && is_event(line, "end") && json_integer_value(json_object_get(line, "id")) == id)
			end = line;
	const char *how = json_string_value(json_object_get(end, "how"));
	int result = 0;
	if (!how || (strcmp(want, how) != 0 && !(strcmp(want, "gone") == 0 && strncmp(how, "client-", 7) == 0)))
		result = e2e_fail(e, "upstream %s: the request ended %s, expected %s", l->u->name, how ? how : "not yet", want);
	if (!result && limit) {
		double took = json_number_value(json_object_get(end, "t")) - (double)e->conn->closed_us / 1000.0;
		double allowed = strtod(limit + 7, NULL) * e->slow;
		if (took > allowed)
			result = e2e_fail(e, "upstream %s: the cancel came %.1f ms after the client had left, allowed are %.0f",
					  l->u->name, took, allowed);
	}
	free(want);
	json_decref(log);
	return result;
}

/* With the new script, if any. */
static int start_upstream(struct e2e *e, struct e2e_upstream *u, const struct e2e_step *s)
{
	struct text script = { 0 };
	for (size_t i = 0; i < s->count; i++)
		text_printf(&script, "%s\n", s->subs[i].text);
	if (s->count) {
		free(u->script);
		u->script = kit_strdup(text_str(&script));
	}
	text_free(&script);
	e2e_upstream_stop(u);
	return e2e_upstream_start(e, u);
}

/* upstream NAME request|count|connections|begun|ended|stop|start ... */
int e2e_step_upstream(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	static const struct { const char *word; int (*look)(struct e2e *, void *); } looks[] = {
		{ "request", look_request }, { "count", look_count }, { "connections", look_connections }, { "begun", look_begun },
		{ "ended", look_ended },
	};
	size_t len = strcspn(rest, " ");
	struct e2e_upstream *u = e2e_upstream_find(e, rest, len);
	if (!u)
		return e2e_fail(e, "no upstream is called %.*s", (int)len, rest);
	rest += len + strspn(rest + len, " ");
	if (strcmp(rest, "stop") == 0) {
		e2e_upstream_stop(u);
		return 0;
	}
	if (strcmp(rest, "start") == 0)
		return start_upstream(e, u, s);
	for (size_t i = 0; i < COUNT_OF(looks); i++) {
		const char *after;
		if (!kit_word(rest, looks[i].word, &after))
			continue;
		if (s->count && looks[i].look != look_request)
			return e2e_fail(e, "no lines belong below upstream %s", looks[i].word);
		struct upstream_look l = { u, s, kit_strdup(after) };
		int result = until_true(e, looks[i].look, &l);
		free(l.rest);
		return result;
	}
	return e2e_fail(e, "unknown step: upstream %s %s", u->name, rest);
}

struct file_look {
	const char *path;
	const struct e2e_step *s;
};

/* line N|last CHECK */
static int check_file_line(struct e2e *e, const struct text *file, const char *spec)
{
	bool last = strncmp(spec, "last", 4) == 0;
	int64_t nth = last ? INT64_MAX : strtol(spec, NULL, 10);
	const char *line = text_str(file), *check = spec + strcspn(spec, " "), *rest;
	check += strspn(check, " ");
	while (--nth > 0) {
		const char *next = line + strcspn(line, "\n");
		if (!next[0] || !next[1])
			break;
		line = next + 1;
	}
	size_t len = strcspn(line, "\n");
	if (!len || (nth > 0 && !last))
		return e2e_fail(e, "the file has no line %s", spec);
	return kit_word(check, "json", &rest) ? e2e_check_json_text(e, line, len, rest) : e2e_check_text(e, "line", line, len, check);
}

static int look_file(struct e2e *e, void *argument)
{
	struct file_look *l = argument;
	struct text file = { 0 };
	struct stat st;
	bool there = stat(l->path, &st) == 0;
	int result = 0;
	if (there && S_ISREG(st.st_mode))
		kit_read_file(l->path, &file);
	for (size_t i = 0; i < l->s->count && !result; i++) {
		char *check = e2e_expand(e, l->s->subs[i].text);
		const char *rest;
		if (strcmp(check, "absent") == 0) {
			result = there ? e2e_fail(e, "%s is there", l->path) : 0;
		} else if (!there) {
			result = e2e_fail(e, "%s is not there", l->path);
		} else if (kit_word(check, "mode", &rest)) {
			unsigned mode = st.st_mode & 07777;
			result = mode == strtoul(rest, NULL, 8) ? 0 : e2e_fail(e, "%s has mode %o, expected %s", l->path, mode, rest);
		} else if (kit_word(check, "lines", &rest)) {
			int64_t lines = 0;
			for (size_t k = 0; k < file.len; k++)
				lines += file.ptr[k] == '\n';
			result = lines == kit_number(rest, strlen(rest)) ? 0 : e2e_fail(e, "%s has %lld lines, expected %s", l->path, (long long)lines, rest);
		} else if (kit_word(check, "line", &rest)) {
			result = check_file_line(e, &file, rest);
		} else {
			result = e2e_check_text(e, l->path, text_str(&file), file.len, check);
		}
		free(check);
	}
	text_free(&file);
	return result;
}

int e2e_step_file(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	char *path = rest[0] == '/' ? kit_strdup(rest) : kit_printf("%s/%s", e->dir, rest);
	struct file_look l = { path, s };
	int result = until_true(e, look_file, &l);
	free(path);
	return result;
}

struct sqlite_look {
	const char *sql;
	const struct e2e_step *s;
};

static void read_rows(sqlite3_stmt *statement, struct text *rows)
{
	while (sqlite3_step(statement) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const unsigned char *value = sqlite3_column_text(statement, i);
			text_printf(rows, "%s%s", i ? "|" : "", value ? (const char *)value : "");
		}
		text_add_str(rows, "\n");
	}
}

static int look_sqlite(struct e2e *e, void *argument)
{
	struct sqlite_look *l = argument;
	struct text got = { 0 }, want = { 0 };
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	char *path = kit_printf("%s/data/spass/spass.db", e->dir);
	int result = 0;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(db, 1000) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, l->sql, -1, &statement, NULL) != SQLITE_OK)
		result = e2e_fail(e, "sqlite: %s", sqlite3_errmsg(db));
	else
		read_rows(statement, &got);
	for (size_t i = 0; i < l->s->count && !result; i++) {
		const char *row;
		if (!kit_word(l->s->subs[i].text, "row", &row)) {
			result = e2e_fail(e, "below sqlite only \"row a|b\" may stand");
			break;
		}
		char *text = e2e_expand(e, row);
		text_printf(&want, "%s\n", text);
		free(text);
	}
	if (!result && (want.len != got.len || memcmp(text_str(&want), text_str(&got), got.len) != 0))
		result = e2e_differ(e, "rows", text_str(&want), want.len, text_str(&got), got.len);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	free(path);
	text_free(&got);
	text_free(&want);
	return result;
}

int e2e_step_sqlite(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct sqlite_look l = { rest, s };
	return until_true(e, look_sqlite, &l);
}

struct log_look {
	const char *check;
};

static int look_log(struct e2e *e, void *argument)
{
	struct log_look *l = argument;
	struct text file = { 0 };
	char *path = kit_printf("%s/spass.log", e->dir);
	kit_read_file(path, &file);
	free(path);
	int result = e2e_check_text(e, "log", text_str(&file), file.len, l->check);
	text_free(&file);
	return result;
}

/* log CHECK, of what the gateway wrote to its standard output and error */
int e2e_step_log(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	struct log_look l = { rest };
	return until_true(e, look_log, &l);
}
