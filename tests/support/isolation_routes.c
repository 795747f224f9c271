/* tests/support/isolation_routes.c - the table of routes, as the gateway itself tells it. */
#include "tests/support/isolation.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a path's parameter names.  A route that fits none is a fault: say here what it is about. */
static const struct {
	const char *prefix;
	enum thing thing;
} parameters[] = {
	{ "/c1/conversations/{", CONVERSATION },
	{ "/v1/images/{", IMAGE },
	{ "/v1/tenant/keys/{", KEY },
	{ "/v1/memory/{", MEMORY },
	{ "/a1/rag/indices/{", INDEX },
	{ "/a1/rag/jobs/{", JOB },
	{ "/v1/system-prompts/{", THINGS },
	{ "/v1/tenant/config/{", THINGS },
	{ "/v1/models/{", THINGS },
};

int route_thing(const struct route *r)
{
	if (!strchr(r->path, '{'))
		return ANY;
	for (size_t i = 0; i < COUNT_OF(parameters); i++)
		if (strncmp(r->path, parameters[i].prefix, strlen(parameters[i].prefix)) == 0)
			return (int)parameters[i].thing;
	kit_fatal("%s %s: isolation_routes.c does not know whose objects it is about", r->method, r->path);
}

void route_path(const struct route *r, const char *id, char *out, size_t size)
{
	const char *first = strchr(r->path, '{'), *second = first ? strchr(first + 1, '{') : NULL;
	const char *behind = first ? strchr(first, '}') + 1 : NULL;

	if (second)
		snprintf(out, size, "%.*s%s%.*s%s%s", (int)(first - r->path), r->path, id,
			 (int)(second - behind), behind, DOCUMENT, strchr(second, '}') + 1);
	else if (first)
		snprintf(out, size, "%.*s%s%s", (int)(first - r->path), r->path, id, behind);
	else
		snprintf(out, size, "%s", r->path);
}

uint64_t role_scopes(enum role role)
{
	uint64_t set = 0;

	for (size_t i = 0; i < scope_count; i++)
		if (scope_table[i].lowest <= role)
			set |= UINT64_C(1) << i;
	return set;
}

static uint64_t find_scope(const char *text)
{
	for (size_t i = 0; i < scope_count; i++)
		if (strcmp(scope_table[i].text, text) == 0)
			return UINT64_C(1) << i;
	kit_fatal("openapi.json names the scope %s, which scope.def has not", text);
}

static void add_route(struct isolation *t, const char *method, const char *path, json_t *operation)
{
	struct route *r = &t->routes.list[t->routes.count++];
	json_t *security = json_object_get(operation, "security"), *scope;
	size_t i;

	if (t->routes.count >= ROUTES_MAX)
		kit_fatal("too many routes");
	*r = (struct route){ kit_strdup(method), kit_strdup(path), 0, json_array_size(security) == 0,
			     json_object_get(operation, "requestBody") != NULL };
	for (char *c = r->method; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	json_array_foreach(json_object_get(json_array_get(security, 0), "bearer"), i, scope)
		r->scopes |= find_scope(json_string_value(scope));
	if (!r->is_public && !r->scopes)
		fault(t, "%s %s is not public and needs no scope", r->method, r->path);
	route_thing(r);
}

void routes_read(struct isolation *t)
{
	struct connection c = { .socket = t->gateway.socket };
	struct request r;
	struct answer a;
	json_t *root, *paths, *methods, *operation;
	const char *path, *method;

	request_begin(&r, "GET", NULL);
	snprintf(r.path, sizeof r.path, "/openapi.json");
	ask(&c, &r, &a);
	root = answer_json(&a);
	paths = json_object_get(root, "paths");
	json_object_foreach(paths, path, methods)
		json_object_foreach(methods, method, operation)
			add_route(t, method, path, operation);
	if (t->routes.count < 40)
		kit_fatal("openapi.json has only %zu routes", t->routes.count);
	json_decref(root);
	request_free(&r);
	answer_free(&a);
	connection_close(&c);
}
