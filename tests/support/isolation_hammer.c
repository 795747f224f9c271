/*
 * tests/support/isolation_hammer.c - everybody at once, on every route, about everybody's things.
 *
 * A thread is everybody in turn on one connection, as behind a proxy that keeps its connections.
 */
#include "tests/support/isolation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOGETHER = 2, TRIES = 200 };

/* Who asks. */
struct actor {
	enum role role;
	char token[WORD_SIZE];
	struct view view;
};

/* One request, and what is known of it. */
struct attempt {
	const struct route *route;
	struct actor actor;
	struct target target;
	bool allowed, trespasses;
	struct request request;
};

struct worker {
	struct isolation *t;
	struct connection c;
	pthread_t thread;
	unsigned seed;
	int rounds;
	int64_t asked, hidden, twins;
};

static void choose_actor(struct worker *w, const struct route *route, struct actor *a)
{
	struct isolation *t = w->t;
	bool reads = strcmp(route->method, "GET") == 0;

	a->view = (struct view){ (int)next_random(&w->seed, TENANTS), (int)next_random(&w->seed, USERS) };
	switch (next_random(&w->seed, 8)) {
	case 0:
	case 1:
		a->role = TENANT_ADMIN;
		token_of(t, "admin", (size_t)a->view.tenant, a->token);
		if (reads && next_random(&w->seed, 2))
			a->view.user = ANY;
		break;
	case 2:
		a->role = READONLY;
		token_of(t, "reader", (size_t)a->view.tenant, a->token);
		break;
	case 3:
		a->role = OPERATOR;
		token_of(t, "role", OPERATOR, a->token);
		break;
	default:
		a->role = TENANT_USER;
		token_of(t, "user", (size_t)(a->view.tenant * USERS + a->view.user), a->token);
		break;
	}
}

/* A bound token may name its own tenant, and none beside it; the operator's must name one. */
static void name_tenant(struct worker *w, struct attempt *k)
{
	struct isolation *t = w->t;
	int own = k->actor.view.tenant, number = own;

	if (k->actor.role != OPERATOR) {
		if (next_random(&w->seed, 4) != 0)
			return;
		k->trespasses = next_random(&w->seed, 2);
		if (k->trespasses)
			number = (own + 1) % TENANTS;
	}
	text_printf(&k->request.headers, "%s: %s%s\r\n", next_random(&w->seed, 2) ? "SPASS-Tenant-Id" : "X-Tenant-Id",
		    t->tenants[number].id, k->trespasses && next_random(&w->seed, 2) ? "x" : "");
}

/* What everybody has stays as it was made, so that it can be compared at the end. */
static bool is_harmless(const struct attempt *k)
{
	return strcmp(k->route->method, "DELETE") != 0 || k->request.finds_nothing || !k->allowed || k->trespasses;
}

static void choose(struct worker *w, struct attempt *k)
{
	struct isolation *t = w->t;

	for (int i = 0; i < TRIES; i++) {
		memset(k, 0, sizeof *k);
		k->route = &t->routes.list[next_random(&w->seed, (unsigned)t->routes.count)];
		choose_actor(w, k->route, &k->actor);
		k->target.owner = &t->owners[next_random(&w->seed, OWNERS)];
		k->target.is_absent = next_random(&w->seed, 4) == 0;
		k->allowed = (role_scopes(k->actor.role) & k->route->scopes) == k->route->scopes;
		request_begin(&k->request, k->route->method, k->actor.token);
		name_tenant(w, k);
		request_fill(t, &k->request, k->route, &k->actor.view, &k->target, &w->seed);
		if (is_harmless(k))
			return;
		request_free(&k->request);
	}
	kit_fatal("no request is found");
}

/* ---- twins ---- */

/* An answer as it is but for the id that was asked for and the time. */
static void normalise(const struct answer *a, const char *id, struct text *out)
{
	const char *at = text_str(&a->bytes), *end = at + a->bytes.len;
	size_t len = strlen(id);

	while (at < end) {
		if (strncasecmp(at, "\r\ndate:", 7) == 0)
			at += 2 + strcspn(at + 2, "\r");
		else if ((size_t)(end - at) >= len && memcmp(at, id, len) == 0) {
			text_add_str(out, "ID");
			at += len;
		} else {
			text_add(out, at++, 1);
		}
	}
}

static void replace(struct text *text, const char *id, const char *with)
{
	struct text out = { 0 };
	size_t len = strlen(id);

	for (size_t i = 0; i < text->len;) {
		if (text->len - i >= len && memcmp(text->ptr + i, id, len) == 0) {
			text_add_str(&out, with);
			i += len;
		} else {
			text_add(&out, text->ptr + i++, 1);
		}
	}
	text_free(text);
	*text = out;
}

/* What is another's is answered, byte for byte, as what nobody has. */
static void ask_twin(struct worker *w, struct attempt *k, const struct answer *first)
{
	struct text path = { 0 }, left = { 0 }, right = { 0 };
	char other[ID_SIZE];
	struct answer a;
	size_t place = strlen(k->request.about) - 2; /* absent ids differ in the last one */

	memcpy(other, k->request.about, sizeof other);
	other[place] = other[place] == '7' ? '8' : '7';
	text_add_str(&path, k->request.path);
	replace(&path, k->request.about, other);
	replace(&k->request.body, k->request.about, other);
	replace(&k->request.headers, k->request.about, other);
	snprintf(k->request.path, sizeof k->request.path, "%s", text_str(&path));
	ask(&w->c, &k->request, &a);
	normalise(first, k->request.about, &left);
	normalise(&a, other, &right);
	if (left.len != right.len || memcmp(text_str(&left), text_str(&right), left.len) != 0)
		fault(w->t, "%s %s tells another's from nobody's:\n%s\nand\n%s", k->route->method, k->route->path,
		      text_str(&left), text_str(&right));
	w->twins++;
	text_free(&path);
	text_free(&left);
	text_free(&right);
	answer_free(&a);
}

/* ---- what must come of it ---- */

static void check_items(struct worker *w, const struct attempt *k, const struct answer *a)
{
	json_t *root = answer_json(a);
	json_t *total = json_object_get(root, "total");

	if (!json_is_integer(total) || json_integer_value(total) != 0 ||
	    json_array_size(json_object_get(root, "items")) != 0)
		fault(w->t, "%s %s finds what is another's: %.500s", k->route->method, k->request.path,
		      text_str(&a->body));
	json_decref(root);
}

/* The index of who asks would have its document gone. */
static void check_kept(struct worker *w, const struct attempt *k, const struct answer *a)
{
	json_t *root = answer_json(a);
	size_t gone = json_array_size(json_object_get(root, "gone"));

	if (gone != (k->request.finds_nothing_kept ? 0 : 1))
		fault(w->t, "%s %s: %.500s", k->route->method, k->request.path, text_str(&a->body));
	json_decref(root);
}

static int expected(const struct attempt *k)
{
	if (k->route->is_public)
		return 0;
	if (k->trespasses)
		return 401;
	if (!k->allowed)
		return 403;
	return k->request.finds_nothing ? 404 : 0;
}

/* After a start no backend has been looked at yet, and /readyz says so. */
static bool is_fault(const struct attempt *k, const struct answer *a)
{
	return a->status >= 500 && strcmp(k->route->path, "/readyz") != 0;
}

static void check(struct worker *w, struct attempt *k, const struct answer *a)
{
	struct view view = k->actor.view;
	int status = expected(k);

	/* The tables of all tenants are the operator's due. */
	if (k->actor.role == OPERATOR && (strcmp(k->route->path, "/v1/tenants") == 0 ||
					  strcmp(k->route->path, "/metrics") == 0))
		view = (struct view){ ANY, ANY };
	if (is_fault(k, a) || (status && a->status != status) ||
	    (!status && (a->status == 401 || a->status == 403)))
		fault(w->t, "%s %s by %s/%d: %d, not %d: %.300s", k->route->method, k->request.path,
		      k->actor.token, view.user, a->status, status, text_str(&a->body));
	look_at_answer(w->t, &k->request, a, &view);
	if (k->request.finds_no_items && status == 0)
		check_items(w, k, a);
	if (strcmp(k->route->path, "/a1/rag/indices/{id}/sync") == 0 && status == 0)
		check_kept(w, k, a);
	if (k->request.begins && a->status / 100 == 2)
		w->t->owners[view.tenant * USERS + view.user].made++;
	w->asked++;
	w->hidden += status == 404;
}

static void play(struct worker *w, size_t count)
{
	struct attempt attempts[TOGETHER];
	struct request *requests[TOGETHER] = { NULL };
	struct answer answers[TOGETHER];

	for (size_t i = 0; i < count; i++) {
		choose(w, &attempts[i]);
		requests[i] = &attempts[i].request;
	}
	ask_all(&w->c, requests, answers, count);
	for (size_t i = 0; i < count; i++)
		check(w, &attempts[i], &answers[i]);
	for (size_t i = 0; i < count; i++) {
		if (expected(&attempts[i]) == 404 && answers[i].status == 404 && !attempts[i].route->is_public)
			ask_twin(w, &attempts[i], &answers[i]);
		request_free(requests[i]);
		answer_free(&answers[i]);
	}
}

static void *run(void *data)
{
	struct worker *w = data;

	for (int i = 0; i < w->rounds; i++)
		play(w, next_random(&w->seed, 4) == 0 ? TOGETHER : 1);
	connection_close(&w->c);
	return NULL;
}

void hammer(struct isolation *t, int threads, int rounds, unsigned seed)
{
	static struct worker workers[THREADS_MAX];
	int64_t asked = 0, hidden = 0, twins = 0;

	for (int i = 0; i < threads; i++) {
		struct worker *w = &workers[i];

		*w = (struct worker){ .t = t, .c.socket = t->gateway.socket, .rounds = rounds,
				      .seed = seed * 31 + (unsigned)i };
		if (pthread_create(&w->thread, NULL, run, w) != 0)
			kit_fatal("no thread");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		asked += workers[i].asked;
		hidden += workers[i].hidden;
		twins += workers[i].twins;
	}
	printf("isolation: %lld requests on %zu routes, %lld about what is others' or nobody's, %lld compared\n",
	       (long long)asked, t->routes.count, (long long)hidden, (long long)twins);
}
