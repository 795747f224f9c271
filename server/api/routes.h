/*
 * server/api/routes.h - the routes, one const row each.
 *
 * From a row come matching, 404 and 405 with Allow, HEAD and OPTIONS, the guard's checks, the
 * body's limit, the metrics' label and the entry in /openapi.json.  To add a route: write its
 * handler, declare it in call.h, and add a row in routes.c.
 */
#ifndef SPASS_SERVER_ROUTES_H
#define SPASS_SERVER_ROUTES_H

#include "common/tenant/identity.h"
#include "server/http/exchange.h"

struct call;

enum route_access { ACCESS_PUBLIC, ACCESS_TOKEN, ACCESS_METRICS };

struct route {
	enum http1_method method;  /* GET rows answer HEAD too */
	const char *pattern;       /* "/v1/tenant/keys/{id}": one segment each; also the name in records */
	void (*handle)(struct exchange *x, struct call *c);
	enum route_access access;
	uint64_t scope;          /* SCOPE_none only for public routes */
	bool takes_rest;           /* its parameter takes the rest of the path, slashes too */
	bool needs_user;           /* SPASS-User-Id under user_id_policy: required */
	const char *surface;       /* "v1", "ops" */
	const char *summary;       /* one line, for OpenAPI */
	const char *description;   /* or NULL */
	const char *request, *response; /* names of schemas in server/site/schemas.yaml, or NULL */
	bool may_lack_body;        /* an empty one, too, is taken */
	const char *form;          /* schema of a multipart/form-data body that is taken, too, or NULL */
	const char *lines;         /* schema of a line of application/x-ndjson, of a body that is taken, too, or of
				    * the answer to a GET; or NULL */
	bool takes_file;           /* a body of any other type is a file */
	const char *events;        /* schema of the data of an event, of an answer that is or may be a text/event-stream; or NULL */
	const char *media;         /* type of an answer that is not JSON, or NULL */
	const char *texts;         /* other types that the answer may be a text of, a blank between; or NULL */
	const char *query;         /* names of parameters, a blank between: "limit offset", others are refused; or NULL */
	int status;                /* of success; 0 = 200 */
	int other_status;          /* that has the same answer, 304 none; 0 = none */
};
extern const struct route route_table[];
extern const size_t route_count;

/*
 * The row for method and path, with params set to what stands for its {}s in order (still
 * percent-encoded).  NULL: *methods has the methods that the path does have, 0 when there is no
 * such path.
 */
enum { ROUTE_PARAMS_MAX = 2 };
const struct route *route_find(enum http1_method method, struct span path,
			       struct span params[ROUTE_PARAMS_MAX], unsigned *methods);
/* "GET, HEAD, OPTIONS" to out. */
int route_print_methods(unsigned methods, struct buf *out);

#endif
