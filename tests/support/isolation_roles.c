/*
 * tests/support/isolation_roles.c - each token on each route: 403 insufficient_scope for who lacks a
 * scope, never for who does not; 401 without a token.
 */
#include "tests/support/isolation.h"

#include <stdio.h>
#include <string.h>

/* By the guard: a handler may say so, too, of what a body asks for. */
static bool is_refused(const struct answer *a)
{
	json_t *root = answer_json(a), *error = json_object_get(root, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *param = json_string_value(json_object_get(error, "param"));
	bool is = a->status == 403 && code && strcmp(code, "insufficient_scope") == 0 && param &&
		  strcmp(param, "headers.authorization") == 0;

	json_decref(root);
	return is;
}

/* HEAD has no body to say it in. */
static bool is_as_expected(const struct request *r, const struct answer *a, bool allowed, bool known)
{
	bool is_head = strcmp(r->method, "HEAD") == 0;

	if (a->status >= 500 && a->status != 503)
		return false;
	if (!known)
		return a->status == 401;
	if (allowed)
		return a->status != 401 && !(is_head ? a->status == 403 : is_refused(a));
	return is_head ? a->status == 403 : is_refused(a);
}

/* token NULL: none; scopes: what it has. */
static void try(struct isolation *t, struct connection *c, const struct route *route, const char *method,
		const char *token, const char *what, uint64_t scopes)
{
	bool allowed = route->is_public || (token && (scopes & route->scopes) == route->scopes);
	struct request r;
	struct answer a;

	request_begin(&r, method, token);
	route_path(route, "x", r.path, sizeof r.path);
	text_add_str(&r.headers, "SPASS-User-Id: u\r\n");
	if (route->has_body) {
		r.has_body = true;
		text_add_str(&r.headers, "Content-Type: application/json\r\n");
		text_add_str(&r.body, "{}");
	}
	ask(c, &r, &a);
	if (!is_as_expected(&r, &a, allowed, token || route->is_public))
		fault(t, "%s %s with %s: %d %.300s", method, route->path, what, a.status, text_str(&a.body));
	request_free(&r);
	answer_free(&a);
}

static void try_methods(struct isolation *t, struct connection *c, const char *token, const char *what,
			uint64_t scopes)
{
	for (size_t i = 0; i < t->routes.count; i++) {
		const struct route *route = &t->routes.list[i];

		try(t, c, route, route->method, token, what, scopes);
		if (strcmp(route->method, "GET") == 0)
			try(t, c, route, "HEAD", token, what, scopes);
	}
}

void check_roles(struct isolation *t)
{
	struct connection c = { .socket = t->gateway.socket };
	char token[WORD_SIZE], what[ID_SIZE];
	uint64_t all = role_scopes(OPERATOR);

	try_methods(t, &c, NULL, "no token", 0);
	for (size_t role = 0; role < ROLES; role++) {
		snprintf(what, sizeof what, "the role %s", role_names[role]);
		try_methods(t, &c, token_of(t, "role", role, token), what, role_scopes((enum role)role));
	}
	for (size_t i = 0; i < scope_count; i++) {
		snprintf(what, sizeof what, "%s alone", scope_table[i].text);
		try_methods(t, &c, token_of(t, "only", i, token), what, UINT64_C(1) << i);
		snprintf(what, sizeof what, "all but %s", scope_table[i].text);
		try_methods(t, &c, token_of(t, "lack", i, token), what, all & ~(UINT64_C(1) << i));
	}
	connection_close(&c);
	printf("isolation: %d roles and %zu scopes on %zu routes\n", ROLES, 2 * scope_count, t->routes.count);
}
