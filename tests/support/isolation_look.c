/* tests/support/isolation_look.c - secrets where they are not due: answers, logs, records, upstreams. */
#include "tests/support/isolation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_due(const struct secret *s, const struct view *v)
{
	if (s->tenant == NOBODY)
		return false;
	return (s->tenant == ANY || v->tenant == ANY || s->tenant == v->tenant) &&
	       (s->user == ANY || v->user == ANY || s->user == v->user);
}

static bool holds(const struct text *text, const struct secret *s)
{
	return text->len >= s->len && kit_find(text->ptr, text->len, s->word, s->len);
}

/* A secret key is told to who makes it, this once. */
static bool is_said(const struct request *r, const struct secret *s)
{
	const struct text path = { (char *)(uintptr_t)r->path, strlen(r->path), 0 };

	return holds(&path, s) || holds(&r->headers, s) || holds(&r->body, s);
}

void look_at_answer(struct isolation *t, const struct request *r, const struct answer *a,
		    const struct view *view)
{
	size_t count = atomic_load(&t->secret_count);

	for (size_t i = 0; i < count; i++) {
		const struct secret *s = &t->secrets[i];

		if (is_due(s, view) || (!holds(&a->bytes, s) && !holds(&a->body, s)) || is_said(r, s))
			continue;
		fault(t, "%s %s in the view of %d/%d tells %s, which is of %d/%d: %.600s", r->method, r->path,
		      view->tenant, view->user, s->word, s->tenant, s->user, text_str(&a->bytes));
	}
}

/* ---- what is written ---- */

static void look_at_text(struct isolation *t, const char *what, const struct text *text)
{
	size_t count = atomic_load(&t->secret_count);

	for (size_t i = 0; i < count; i++) {
		const struct secret *s = &t->secrets[i];

		if (s->is_text && holds(text, s)) {
			const char *at = kit_find(text->ptr, text->len, s->word, s->len);
			size_t before = at - text->ptr > 200 ? 200 : (size_t)(at - text->ptr);

			fault(t, "%s holds %s: %.400s", what, s->word, at - before);
		}
	}
}

static void look_at_file(struct isolation *t, const char *what, const char *path)
{
	struct text text = { 0 };

	if (kit_read_file(path, &text) < 0 || text.len == 0)
		fault(t, "%s is empty or not there", path);
	else
		look_at_text(t, what, &text);
	text_free(&text);
}

/* A tenant that hides its users has none of their names beside its own in the audit. */
static void look_at_audit(struct isolation *t, const char *path)
{
	struct text text = { 0 };
	char *save = NULL;

	if (kit_read_file(path, &text) < 0)
		kit_fatal("%s is not there", path);
	look_at_text(t, "the audit", &text);
	for (char *line = strtok_r(text.ptr, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strstr(line, t->tenants[1].id))
			continue;
		for (int u = 0; u < USERS; u++)
			if (strstr(line, t->users[u]))
				fault(t, "the audit names a user of a tenant that hides them: %.500s", line);
	}
	text_free(&text);
}

/* No label is somebody's word, name or id; a tenant's id is the operator's due. */
static void look_at_metrics(struct isolation *t)
{
	struct connection c = { .socket = t->gateway.socket };
	size_t count = atomic_load(&t->secret_count);
	char token[WORD_SIZE];
	struct request r;
	struct answer a;

	request_begin(&r, "GET", token_of(t, "role", OPERATOR, token));
	snprintf(r.path, sizeof r.path, "/metrics");
	ask(&c, &r, &a);
	if (!kit_find(text_str(&a.body), a.body.len, "spass_requests_total", 20))
		fault(t, "/metrics: %d %.200s", a.status, text_str(&a.body));
	for (size_t i = 0; i < count; i++) {
		const struct secret *s = &t->secrets[i];

		if (holds(&a.body, s) && strcmp(s->word, t->tenants[0].id) != 0 &&
		    strcmp(s->word, t->tenants[1].id) != 0)
			fault(t, "/metrics holds %s", s->word);
	}
	request_free(&r);
	answer_free(&a);
	connection_close(&c);
}

/* A model is sent the texts of one user, and of his tenant. */
static void look_at_sent(struct isolation *t, const struct text *line, int64_t *texts)
{
	int tenant = ANY, user = ANY;
	size_t count = atomic_load(&t->secret_count);

	for (size_t i = 0; i < count; i++) {
		const struct secret *s = &t->secrets[i];

		if (!s->is_text || !holds(line, s))
			continue;
		if (s->tenant == NOBODY || (tenant != ANY && s->tenant != tenant) ||
		    (user != ANY && s->user != ANY && s->user != user)) {
			fault(t, "a model was sent what is of several: %.2000s", text_str(line));
			return;
		}
		tenant = s->tenant;
		if (s->user != ANY)
			user = s->user;
	}
	*texts += user != ANY && tenant != ANY;
}

static void look_at_upstream(struct isolation *t)
{
	char *bytes = NULL;
	size_t room = 0;
	int64_t texts = 0;
	FILE *file = fopen(t->gateway.upstream_log, "r");
	ssize_t len;

	while (file && (len = getline(&bytes, &room, file)) > 0) {
		const struct text line = { bytes, (size_t)len, room };

		if (strncmp(bytes, "{\"ev\":\"request\"", 15) == 0)
			look_at_sent(t, &line, &texts);
	}
	if (texts == 0)
		fault(t, "no request of a user's came to the upstream");
	if (file)
		fclose(file);
	free(bytes);
	printf("isolation: %lld requests upstream with one user's texts each\n", (long long)texts);
}

void look_at_records(struct isolation *t)
{
	char *audit = kit_printf("%s/data/audit.jsonl", t->gateway.dir);

	look_at_metrics(t);
	look_at_file(t, "the log", t->gateway.log);
	look_at_audit(t, audit);
	look_at_upstream(t);
	free(audit);
}
