/*
 * server/api/openapi.c - GET /openapi.json: OpenAPI 3.1.0, made from the route table.
 *
 * Paths, methods, security and error answers come from the rows; schemas of bodies are data, in
 * server/site/schemas.yaml.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/asset.h"
#include "common/base/mem.h"
#include "common/base/yml.h"
#include "server/api/call.h"

static json_t *reference(const char *schema)
{
	char path[128];

	snprintf(path, sizeof path, "#/components/schemas/%s", schema);
	return json_pack("{s:s}", "$ref", path);
}

/* The schema is that of each line, as there is none of many. */
static const char lines_type[] = "application/x-ndjson";

static json_t *with_schema(const char *name)
{
	return json_pack("{s:o}", "schema", reference(name));
}

static json_t *json_content(const char *schema)
{
	return json_pack("{s:o}", "application/json", with_schema(schema));
}

/* By type, all that the answer may be; empty when it has no body. */
static json_t *answer_content(const struct route *r)
{
	json_t *content = r->response ? json_content(r->response) : json_object();

	if (r->lines && !r->response)
		json_object_set_new(content, lines_type, with_schema(r->lines));
	if (r->events)
		json_object_set_new(content, "text/event-stream", with_schema(r->events));
	if (r->media)
		json_object_set_new(content, r->media,
				    json_pack("{s:{s:s, s:s}}", "schema", "type", "string", "format", "binary"));
	if (r->access == ACCESS_METRICS)
		json_object_set_new(content, "text/plain", json_pack("{s:{s:s}}", "schema", "type", "string"));
	for (struct span types = r->texts ? span_str(r->texts) : SPAN_NONE; types.ptr;) {
		struct span type = span_cut(&types, ' ');

		json_object_setn_new(content, type.ptr, type.len, json_pack("{s:{s:s}}", "schema", "type", "string"));
	}
	return content;
}

static json_t *answer(const struct route *r)
{
	json_t *a = json_pack("{s:s}", "description", r->summary), *content = answer_content(r);

	if (json_object_size(content) > 0)
		json_object_set(a, "content", content);
	json_decref(content);
	return a;
}

/* What is read by call_query_int; all else is a text. */
static const char *type_of(struct span name)
{
	static const char *const integers[] = { "limit", "offset", "mtime" };

	for (size_t i = 0; i < ARRAY_LEN(integers); i++)
		if (span_is(name, integers[i]))
			return "integer";
	return "string";
}

static void add_parameter(json_t *list, struct span name, const char *in, bool required)
{
	json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name.ptr, name.len, "in", in,
					      "required", required, "schema", "type", type_of(name)));
}

static json_t *parameters(const struct route *r)
{
	json_t *list = json_array();
	struct span rest = span_str(r->pattern), names = r->query ? span_str(r->query) : SPAN_NONE;

	for (span_cut(&rest, '{'); rest.ptr; span_cut(&rest, '{')) {
		add_parameter(list, span_cut(&rest, '}'), "path", true);
	}
	while (names.ptr)
		add_parameter(list, span_cut(&names, ' '), "query", false);
	if (r->needs_user)
		add_parameter(list, SPAN_LIT("SPASS-User-Id"), "header", false);
	return list;
}

static const char *method_key(enum http1_method method)
{
	switch (method) {
	case HTTP1_GET:
		return "get";
	case HTTP1_POST:
		return "post";
	case HTTP1_PUT:
		return "put";
	case HTTP1_PATCH:
		return "patch";
	case HTTP1_DELETE:
		return "delete";
	case HTTP1_HEAD:
	case HTTP1_OPTIONS:
	case HTTP1_OTHER:
		break;
	}
	return "x-other";
}

/* "post_v1_chat_completions": what generators of clients call it. */
static json_t *operation_id(const struct route *r)
{
	char id[160];
	size_t len = (size_t)snprintf(id, sizeof id, "%s%s", method_key(r->method), r->pattern);

	for (size_t i = 0; i < len && i < sizeof id - 1; i++)
		if (!isalnum((unsigned char)id[i]))
			id[i] = '_';
	while (len > 0 && len < sizeof id && id[len - 1] == '_')
		id[--len] = '\0';
	return json_string(id);
}

static json_t *request_content(const struct route *r)
{
	json_t *content = r->request ? json_content(r->request) : json_object();

	if (r->form)
		json_object_set_new(content, "multipart/form-data", with_schema(r->form));
	if (r->lines)
		json_object_set_new(content, lines_type, with_schema(r->lines));
	if (r->takes_file)
		json_object_set_new(content, "*/*", json_pack("{s:{s:s, s:s}}", "schema", "type", "string",
							      "format", "binary"));
	return content;
}

static json_t *responses(const struct route *r)
{
	const int statuses[] = { r->status ? r->status : 200, r->other_status };
	json_t *all = json_object();
	char status[16];

	for (size_t i = 0; i < ARRAY_LEN(statuses) && statuses[i]; i++) {
		snprintf(status, sizeof status, "%d", statuses[i]);
		json_object_set_new(all, status, answer(r));
		if (statuses[i] == 304) /* has no content (RFC 9110, 15.4.5) */
			json_object_del(json_object_get(all, status), "content");
	}
	json_object_set_new(all, "default",
			    json_pack("{s:s, s:o}", "description", "An error of GET /errors", "content",
				      json_content("Error")));
	return all;
}

/* Names of roles beside "bearer" are what a token must have (OpenAPI 3.1: Security Requirement). */
static json_t *security(const struct route *r)
{
	json_t *scopes;

	if (r->access == ACCESS_PUBLIC)
		return json_array();
	scopes = json_array();
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (r->scope & UINT64_C(1) << i)
			json_array_append_new(scopes, json_string(scope_name(UINT64_C(1) << i)));
	return json_pack("[{s:o}]", "bearer", scopes);
}

static json_t *operation(const struct route *r)
{
	json_t *o = json_pack("{s:s, s:[s], s:o, s:o}", "summary", r->summary, "tags", r->surface, "parameters",
			      parameters(r), "responses", responses(r));

	json_object_set_new(o, "operationId", operation_id(r));
	if (r->description)
		json_object_set_new(o, "description", json_string(r->description));
	if (r->request || r->form)
		json_object_set_new(o, "requestBody",
				    json_pack("{s:b, s:o}", "required", !r->may_lack_body, "content",
					      request_content(r)));
	json_object_set_new(o, "security", security(r));
	return o;
}

static json_t *paths(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < route_count; i++) {
		const struct route *r = &route_table[i];
		json_t *path = json_object_get(all, r->pattern);

		if (!path) {
			path = json_object();
			json_object_set_new(all, r->pattern, path);
		}
		json_object_set_new(path, method_key(r->method), operation(r));
	}
	return all;
}

static json_t *schemas(struct err *err)
{
	struct yml *y = yml_parse(asset_find("server/site/schemas.yaml"), "schemas.yaml", err);
	json_t *copy = y ? json_deep_copy(yml_root(y)) : NULL;

	if (y)
		yml_free(y);
	return copy;
}

static json_t *document(struct err *err)
{
	json_t *components = schemas(err);

	if (!components)
		return NULL;
	return json_pack(
		"{s:s, s:{s:s, s:s, s:s, s:{s:s, s:s}}, s:[{s:[]}], s:o, s:{s:o, s:{s:{s:s, s:s}}}}", "openapi",
		"3.1.0", "info", "title", "spass LLM gateway", "version", SPASS_VERSION, "description",
		"OpenAI's API over local and cloud backends. Errors are "
		"`{\"error\":{\"message\",\"type\",\"param\",\"code\"}}` with a code of `GET /errors`.",
		"license", "name", "GNU General Public License v3.0 or later", "identifier",
		"GPL-3.0-or-later", "security", "bearer", "paths", paths(), "components", "schemas",
		components, "securitySchemes", "bearer", "type", "http", "scheme", "bearer");
}

/*
 * It follows from tables and data of the program alone, so it is made when it is first asked for
 * and kept; a start does not wait for it.
 */
static pthread_once_t printed_once = PTHREAD_ONCE_INIT;
static struct {
	char *text; /* NULL: fault says why */
	struct err fault;
} printed;

static void print_document(void)
{
	json_t *d = document(&printed.fault);

	printed.text = d ? json_dumps(d, JSON_COMPACT) : NULL;
	json_decref(d);
	if (!printed.text && printed.fault.code == E_none)
		err_set(&printed.fault, E_internal_error, "", "the document could not be written");
}

void ops_openapi(struct exchange *x, struct call *c)
{
	(void)c;
	pthread_once(&printed_once, print_document);
	if (printed.text)
		reply_send(x, 200, "application/json", span_str(printed.text));
	else
		reply_error(x, &printed.fault);
}
