/* tests/support/isolation_world.c - who there is, what everybody has, and that he has it still. */
#include "tests/support/isolation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEARCH_STEP_US = 4000 }; /* of 5 ms, by a clock of whole ones */

void fault(struct isolation *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	flockfile(stdout);
	printf("isolation: ");
	vprintf(format, args);
	printf("\n");
	funlockfile(stdout);
	va_end(args);
	if (atomic_fetch_add(&t->faults, 1) > 20)
		kit_fatal("too many faults; see %s", t->gateway.dir);
}

void secret_add(struct isolation *t, const char *word, int tenant, int user, bool is_text)
{
	size_t at;

	if (!*word)
		kit_fatal("an empty secret");
	pthread_mutex_lock(&t->lock);
	at = t->secret_count;
	if (at < SECRETS_MAX) {
		struct secret *s = &t->secrets[at];

		*s = (struct secret){ .tenant = tenant, .user = user, .is_text = is_text };
		snprintf(s->word, sizeof s->word, "%s", word);
		s->len = strlen(s->word);
		atomic_store(&t->secret_count, at + 1);
	}
	pthread_mutex_unlock(&t->lock);
}

void owner_text(struct isolation *t, int tenant, int user, struct text *out)
{
	const struct owner *o = user == ANY ? NULL : &t->owners[tenant * USERS + user];

	if (o)
		text_printf(out, "The %s river of %s is long", o->bait, o->secret);
	else
		text_printf(out, "All of us keep %s", t->tenants[tenant].secret);
}

void image_body(struct text *out, const char *text)
{
	struct text bytes = { 0 };

	text_add(&bytes, "\x89PNG\r\n\x1a\n", 8);
	text_add_str(&bytes, text);
	text_add_str(out, "{\"data\":\"data:image/png;base64,");
	text_add_base64(out, bytes.ptr, bytes.len);
	text_add_str(out, "\"}");
	text_free(&bytes);
}

/* ---- making ---- */

/* One step of it: a request that must succeed, and its answer. */
struct step {
	struct isolation *t;
	struct connection c;
	struct view view;
	struct request r;
	struct answer a;
};

static void begin(struct step *s, const char *kind, const char *method, const char *path)
{
	char token[WORD_SIZE];
	size_t number = strcmp(kind, "user") == 0 ? (size_t)(s->view.tenant * USERS + s->view.user)
						  : (size_t)s->view.tenant;

	request_begin(&s->r, method, token_of(s->t, kind, number, token));
	snprintf(s->r.path, sizeof s->r.path, "%s", path);
	text_printf(&s->r.headers, "SPASS-User-Id: %s\r\nContent-Type: application/json\r\n",
		    s->view.user == ANY ? "admin" : s->t->users[s->view.user]);
}

/* {name: text of whose view it is} */
static void put_text(struct step *s, const char *name)
{
	s->r.has_body = true;
	text_printf(&s->r.body, "{\"%s\":\"", name);
	owner_text(s->t, s->view.tenant, s->view.user, &s->r.body);
	text_add_str(&s->r.body, "\"}");
}

static void end(struct step *s)
{
	request_free(&s->r);
	answer_free(&s->a);
}

static void play(struct step *s)
{
	ask(&s->c, &s->r, &s->a);
	if (s->a.status / 100 != 2)
		fault(s->t, "%s %s: %d %.300s", s->r.method, s->r.path, s->a.status, text_str(&s->a.body));
	look_at_answer(s->t, &s->r, &s->a, &s->view);
}

/* A member of the answer. */
static void take(struct step *s, const char *name, char out[ID_SIZE])
{
	json_t *root = answer_json(&s->a);
	const char *value = json_string_value(json_object_get(root, name));

	if (!value)
		kit_fatal("%s %s has no %s: %.300s", s->r.method, s->r.path, name, text_str(&s->a.body));
	snprintf(out, ID_SIZE, "%s", value);
	json_decref(root);
}

static void begin_conversation(struct step *s, struct owner *o)
{
	char path[160];
	json_t *root;

	begin(s, "user", "POST", "/c1/chat");
	s->r.has_body = true;
	text_add_str(&s->r.body, "{\"model\":\"mock\",\"message\":\"");
	owner_text(s->t, o->tenant, o->user, &s->r.body);
	text_add_str(&s->r.body, "\"}");
	play(s);
	answer_header(&s->a, "x-conversation-id", o->ids[CONVERSATION], ID_SIZE);
	o->made++;
	end(s);
	snprintf(path, sizeof path, "/c1/conversations/%s", o->ids[CONVERSATION]);
	begin(s, "user", "GET", path);
	play(s);
	root = answer_json(&s->a);
	snprintf(o->ids[MESSAGE], ID_SIZE, "%s",
		 json_string_value(json_object_get(json_array_get(json_object_get(root, "messages"), 0), "id")));
	json_decref(root);
	end(s);
	secret_add(s->t, o->ids[CONVERSATION], o->tenant, o->user, false);
	secret_add(s->t, o->ids[MESSAGE], o->tenant, o->user, false);
}

static void put(struct step *s, const char *kind, const char *path, const char *member, const char *scope)
{
	begin(s, kind, "PUT", path);
	if (scope)
		text_printf(&s->r.headers, "SPASS-Scope-Id: %s\r\n", scope);
	put_text(s, member);
	play(s);
	end(s);
}

static void keep_image(struct step *s, struct owner *o)
{
	char text[ID_SIZE];

	begin(s, "user", "POST", "/v1/images");
	s->r.has_body = true;
	snprintf(text, sizeof text, "%s %d", s->t->tenants[o->tenant].secret, o->user);
	image_body(&s->r.body, text);
	play(s);
	take(s, "id", o->ids[IMAGE]);
	take(s, "sha256", o->digest);
	end(s);
	secret_add(s->t, o->ids[IMAGE], o->tenant, ANY, false);
	secret_add(s->t, o->digest, o->tenant, ANY, false);
}

static void make_key(struct step *s, struct owner *o)
{
	char word[ID_SIZE];

	begin(s, "admin", "POST", "/v1/tenant/keys");
	put_text(s, "label");
	play(s);
	take(s, "id", o->ids[KEY]);
	secret_add(s->t, o->ids[KEY], o->tenant, ANY, false);
	take(s, "secret", word);
	secret_add(s->t, word, NOBODY, NOBODY, true);
	end(s);
}

/* All of the tenant may read it; only its name says whose it was. */
static void make_index(struct step *s, struct owner *o)
{
	char path[160];

	snprintf(o->ids[INDEX], ID_SIZE, "idx-%s-%d-%d-end", s->t->run, o->tenant, o->user);
	snprintf(path, sizeof path, "/a1/rag/indices/%s/documents/" DOCUMENT, o->ids[INDEX]);
	put(s, "admin", path, "text", NULL);
	secret_add(s->t, o->ids[INDEX], o->tenant, ANY, false);
	begin(s, "admin", "POST", "/a1/rag/jobs");
	s->r.has_body = true;
	text_printf(&s->r.body, "{\"index\":\"%s\",\"kind\":\"check\"}", o->ids[INDEX]);
	play(s);
	take(s, "id", o->ids[JOB]);
	end(s);
	secret_add(s->t, o->ids[JOB], o->tenant, ANY, false);
}

static void make_owner(struct isolation *t, struct owner *o)
{
	struct step s = { .t = t, .c.socket = t->gateway.socket, .view = { o->tenant, o->user } };
	char path[160];

	begin_conversation(&s, o);
	put(&s, "user", "/v1/memory/notes", "content", NULL);
	put(&s, "user", "/v1/memory/notes", "content", "project");
	snprintf(o->ids[MEMORY], ID_SIZE, "own-%s", o->bait);
	snprintf(path, sizeof path, "/v1/memory/%s", o->ids[MEMORY]);
	put(&s, "user", path, "content", NULL);
	put(&s, "user", "/v1/system-prompts/user", "content", NULL);
	keep_image(&s, o);
	s.view.user = ANY;
	make_key(&s, o);
	make_index(&s, o);
	connection_close(&s.c);
}

static void make_tenant(struct isolation *t, int number)
{
	struct step s = { .t = t, .c.socket = t->gateway.socket, .view = { number, ANY } };

	put(&s, "admin", "/v1/system-prompts/tenant", "content", NULL);
	put(&s, "admin", "/v1/system-prompts/scope", "content", "project");
	begin(&s, "admin", "PUT", "/v1/tenant/config");
	s.r.has_body = true;
	text_printf(&s.r.body, "{\"rag_default_top_k\":%d}", t->tenants[number].number);
	play(&s);
	end(&s);
	connection_close(&s.c);
}

void world_make(struct isolation *t)
{
	for (int i = 0; i < TENANTS; i++)
		make_tenant(t, i);
	for (int i = 0; i < OWNERS; i++)
		make_owner(t, &t->owners[i]);
}

/* ---- is it there still ---- */

/* What is got there holds the word, and nothing of others. */
static void must_hold(struct step *s, const char *kind, const char *path, const char *scope, const char *word)
{
	begin(s, kind, "GET", path);
	if (scope)
		text_printf(&s->r.headers, "SPASS-Scope-Id: %s\r\n", scope);
	play(s);
	if (!kit_find(text_str(&s->a.body), s->a.body.len, word, strlen(word)))
		fault(s->t, "GET %s of %s/%s lacks %s: %.600s", path, s->t->tenants[s->view.tenant].id,
		      s->view.user == ANY ? "admin" : s->t->users[s->view.user], word, text_str(&s->a.body));
	end(s);
}

static void check_total(struct step *s, const struct owner *o)
{
	json_t *root;
	int64_t total;

	begin(s, "user", "GET", "/c1/conversations?limit=1");
	play(s);
	root = answer_json(&s->a);
	total = json_integer_value(json_object_get(root, "total"));
	if (total != o->made)
		fault(s->t, "%s/%s began %lld conversations and has %lld", s->t->tenants[o->tenant].id,
		      s->t->users[o->user], (long long)o->made, (long long)total);
	json_decref(root);
	end(s);
}

/* What others said must not be in how long a search takes: none is answered before its step. */
static void check_step(struct step *s, const char *path)
{
	int64_t took_us;

	begin(s, "user", "GET", path);
	took_us = kit_now_us();
	play(s);
	took_us = kit_now_us() - took_us;
	if (took_us < SEARCH_STEP_US)
		fault(s->t, "GET %s took %lld us", path, (long long)took_us);
	end(s);
}

static void check_owner(struct isolation *t, const struct owner *o)
{
	struct step s = { .t = t, .c.socket = t->gateway.socket, .view = { o->tenant, o->user } };
	char path[160];

	snprintf(path, sizeof path, "/c1/conversations/%s", o->ids[CONVERSATION]);
	must_hold(&s, "user", path, NULL, o->secret);
	must_hold(&s, "user", "/v1/memory/notes", NULL, o->secret);
	must_hold(&s, "user", "/v1/memory/notes", "project", o->secret);
	snprintf(path, sizeof path, "/v1/memory/%s", o->ids[MEMORY]);
	must_hold(&s, "user", path, NULL, o->secret);
	must_hold(&s, "user", "/v1/system-prompts/user", NULL, o->secret);
	must_hold(&s, "user", "/v1/system-prompts/effective", NULL, o->secret);
	must_hold(&s, "user", "/v1/system-prompts/effective", NULL, t->tenants[o->tenant].secret);
	snprintf(path, sizeof path, "/v1/images/%s/content", o->ids[IMAGE]);
	must_hold(&s, "user", path, NULL, t->tenants[o->tenant].secret);
	snprintf(path, sizeof path, "/c1/conversations?q=%s", o->bait);
	must_hold(&s, "user", path, NULL, o->secret);
	check_step(&s, path);
	check_step(&s, "/c1/conversations?q=unsaid");
	snprintf(path, sizeof path, "/c1/conversations?prefix=%s", o->ids[CONVERSATION]);
	must_hold(&s, "user", path, NULL, o->ids[CONVERSATION]);
	check_total(&s, o);
	snprintf(path, sizeof path, "/a1/rag/indices/%s/documents/" DOCUMENT, o->ids[INDEX]);
	must_hold(&s, "user", path, NULL, t->tenants[o->tenant].secret);
	snprintf(path, sizeof path, "/a1/rag/indices/%s/export", o->ids[INDEX]);
	must_hold(&s, "user", path, NULL, t->tenants[o->tenant].secret);
	connection_close(&s.c);
}

static void check_tenant(struct isolation *t, int number)
{
	struct step s = { .t = t, .c.socket = t->gateway.socket, .view = { number, ANY } };
	const struct tenant *tenant = &t->tenants[number];
	char value[32];

	must_hold(&s, "admin", "/v1/system-prompts/tenant", NULL, tenant->secret);
	must_hold(&s, "admin", "/v1/system-prompts/scope", "project", tenant->secret);
	must_hold(&s, "admin", "/v1/tenant/keys?limit=100", NULL, tenant->secret);
	must_hold(&s, "admin", "/v1/tenant", NULL, tenant->secret);
	snprintf(value, sizeof value, "\"value\":%d,\"source\":\"db\"", tenant->number);
	must_hold(&s, "admin", "/v1/tenant/config/rag_default_top_k", NULL, value);
	connection_close(&s.c);
}

void world_check(struct isolation *t)
{
	for (int i = 0; i < TENANTS; i++)
		check_tenant(t, i);
	for (int i = 0; i < OWNERS; i++)
		check_owner(t, &t->owners[i]);
}
