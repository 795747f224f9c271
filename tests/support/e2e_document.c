/*
 * tests/support/e2e_document.c - holds every answer of every case against the gateway's own
 * /openapi.json: a documented status, the documented type, a body of the documented shape.
 *
 * What was served is held against it, too: a body of JSON, the names in the query.  The document is
 * asked for once, before the first case.  A body of an event stream is held event by
 * event; one that broke off, as far as it came.
 */
#include "tests/support/e2e.h"
#include "tests/support/jschema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the document ---- */

static void understand_contents(const json_t *document, const char *where, json_t *contents)
{
	const char *type;
	json_t *content;
	json_object_foreach(contents, type, content) {
		struct jschema_fault fault;
		if (jschema_understand(document, json_object_get(content, "schema"), &fault))
			kit_fatal("/openapi.json: %s, %s: %s %s", where, type, fault.path, fault.text);
	}
}

static void understand_operation(const json_t *document, const char *path, const char *method, json_t *operation)
{
	json_t *responses = json_object_get(operation, "responses"), *response;
	const char *status;
	json_object_foreach(responses, status, response) {
		char *where = kit_printf("%s %s %s", method, path, status);
		understand_contents(document, where, json_object_get(response, "content"));
		free(where);
	}
	if (!json_object_get(responses, "default"))
		kit_fatal("/openapi.json: %s %s says nothing of errors", method, path);
	understand_contents(document, path, json_object_get(json_object_get(operation, "requestBody"), "content"));
}

/* Ends the tool when the document says what this test cannot judge. */
static void understand(const json_t *document)
{
	json_t *paths = json_object_get(document, "paths"), *item, *operation, *schema;
	json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
	const char *path, *method, *name;
	struct jschema_fault fault;
	if (!json_object_size(paths) || !json_object_size(schemas))
		kit_fatal("/openapi.json has no paths, or no schemas");
	json_object_foreach(schemas, name, schema) {
		if (jschema_understand(document, schema, &fault))
			kit_fatal("/openapi.json: schema %s: %s %s", name, fault.path, fault.text);
	}
	json_object_foreach(paths, path, item) {
		json_object_foreach(item, method, operation)
			understand_operation(document, path, method, operation);
	}
}

json_t *e2e_document_read(const char *path)
{
	json_error_t why;
	json_t *document = json_load_file(path, 0, &why);
	if (!document)
		kit_fatal("/openapi.json: %s", why.text);
	understand(document);
	return document;
}

/* ---- which part of it an answer is to be held against ---- */

/* "/v1/models/{id}": a name takes a segment, the last one all that is left when rest is true. */
static bool fits_pattern(const char *pattern, const char *path, size_t len, bool rest)
{
	const char *end = path + len;
	while (*pattern) {
		if (*pattern != '{') {
			if (path == end || *pattern++ != *path++)
				return false;
			continue;
		}
		pattern = strchr(pattern, '}') + 1;
		const char *from = path;
		while (path < end && (*path != '/' || (rest && !*pattern)))
			path++;
		if (path == from)
			return false;
	}
	return path == end;
}

/* How near a pattern is to the path that it fits: without names, without the rest, the longest. */
static size_t nearness(const char *pattern, bool rest)
{
	return (strchr(pattern, '{') ? 0u : 2u << 16) + (rest ? 0u : 1u << 16) + strlen(pattern);
}

static json_t *find_operation(const json_t *document, const char *method, const char *path, size_t len)
{
	json_t *paths = json_object_get(document, "paths"), *item, *found = NULL;
	const char *pattern;
	size_t best = 0;
	json_object_foreach(paths, pattern, item) {
		bool rest = !fits_pattern(pattern, path, len, false);
		json_t *operation = json_object_get(item, method);
		if (!operation || nearness(pattern, rest) <= best || (rest && !fits_pattern(pattern, path, len, true)))
			continue;
		best = nearness(pattern, rest);
		found = operation;
	}
	return found;
}

static json_t *find_response(json_t *operation, int status)
{
	char number[16];
	snprintf(number, sizeof number, "%d", status);
	json_t *responses = json_object_get(operation, "responses"), *response = json_object_get(responses, number);
	return response || status < 400 ? response : json_object_get(responses, "default");
}

/* What the document has for a type, or for its family: image/png, or image and a star. */
static json_t *find_content(json_t *contents, const char *type)
{
	json_t *content = json_object_get(contents, type);
	if (content || !strchr(type, '/'))
		return content;
	char *family = kit_printf("%.*s/*", (int)strcspn(type, "/"), type);
	content = json_object_get(contents, family);
	free(family);
	return content;
}

/* ---- the answer ---- */

/* What a backend was asked for is posted, and errors are always the gateway's own. */
static bool is_passed_on(const struct e2e *e, const struct e2e_answer *a, const json_t *value)
{
	return e->c->odd_backend && strncmp(text_str(&a->request), "POST ", 5) == 0 &&
	       !json_is_object(json_object_get(value, "error"));
}

static int check_value(struct e2e *e, const struct e2e_answer *a, json_t *schema, const char *text,
		       size_t len)
{
	enum { FLAGS = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES };
	json_error_t why;
	struct jschema_fault fault = { .path = "." };
	json_t *value = json_loadb(text, len, FLAGS, &why);
	bool passed_on = is_passed_on(e, a, value);
	int result = value ? jschema_check(e->document, schema, value, &fault) : -1;
	if (!value)
		snprintf(fault.text, sizeof fault.text, "no JSON: %s", why.text);
	json_decref(value);
	if (!result)
		return 0;
	e->odd_seen |= passed_on;
	return passed_on ? 0 : e2e_fail(e, "not as documented: %s: %s\n  got:      %.*s", fault.path, fault.text,
					len < 600 ? (int)len : 600, text);
}

static int check_events(struct e2e *e, const struct e2e_answer *a, json_t *schema)
{
	struct text data = { 0 }, name = { 0 };
	const char *at = text_str(&a->body), *end = at + a->body.len;
	int result = 0;
	while (!result && e2e_next_event(&at, end, &data, &name))
		if (strcmp(text_str(&data), "[DONE]") != 0)
			result = check_value(e, a, schema, text_str(&data), data.len);
	text_free(&data);
	text_free(&name);
	return result;
}

static int check_lines(struct e2e *e, const struct e2e_answer *a, json_t *schema)
{
	const char *at = text_str(&a->body), *end = at + a->body.len, *eol;
	int result = 0;
	for (; !result && (eol = memchr(at, '\n', (size_t)(end - at))); at = eol + 1)
		result = check_value(e, a, schema, at, (size_t)(eol - at));
	if (!result && at < end && !a->cut)
		result = e2e_fail(e, "not as documented: the last line has no end");
	return result;
}

static int check_body(struct e2e *e, const struct e2e_answer *a, const char *type, json_t *schema)
{
	if (strcmp(type, "text/event-stream") == 0)
		return check_events(e, a, schema);
	if (strcmp(type, "application/x-ndjson") == 0)
		return check_lines(e, a, schema);
	if (strcmp(type, "application/json") != 0 || a->cut)
		return 0;
	return check_value(e, a, schema, text_str(&a->body), a->body.len);
}

static int check_content(struct e2e *e, const struct e2e_answer *a, json_t *response)
{
	json_t *contents = json_object_get(response, "content");
	struct text type = { 0 };
	int result = 0;
	if (!e2e_answer_header(a, "content-type", &type)) {
		if (a->body.len)
			result = e2e_fail(e, "not as documented: a body without a type");
		else if (contents)
			result = e2e_fail(e, "not as documented: there is no body");
	} else {
		type.ptr[strcspn(type.ptr, "; ")] = '\0';
		json_t *content = find_content(contents, type.ptr);
		result = content ? check_body(e, a, type.ptr, json_object_get(content, "schema"))
				 : e2e_fail(e, "not as documented: a body of type %s", type.ptr);
	}
	text_free(&type);
	return result;
}

/* An answer to what the document does not have: an error, or what all paths have (OPTIONS). */
static int check_elsewhere(struct e2e *e, const struct e2e_answer *a, const char *method)
{
	json_t *schemas = json_object_get(json_object_get(e->document, "components"), "schemas");
	if (a->status >= 400)
		return check_value(e, a, json_object_get(schemas, "Error"), text_str(&a->body), a->body.len);
	return !*method || strcmp(method, "options") == 0
		       ? 0 : e2e_fail(e, "not as documented: status %d, though there is no such route", a->status);
}

/* "GET /v1/models?x HTTP/1.1", or a URL: its method as the document writes it, and its path. */
static const char *read_request(const char *line, char *method, size_t size, size_t *path_len)
{
	size_t word = strcspn(line, " ");
	const char *path = line + word + strspn(line + word, " ");
	size_t len = word < size ? word : size - 1;
	for (size_t i = 0; i < len; i++)
		method[i] = (char)tolower((unsigned char)line[i]);
	method[len] = '\0';
	const char *host = *path == '/' ? NULL : strstr(path, "://");
	if (host)
		path = host + 3 + strcspn(host + 3, "/");
	*path_len = strcspn(path, " ?");
	return path;
}

/* ---- the request ---- */

static bool is_query(const json_t *parameter)
{
	const char *in = json_string_value(json_object_get(parameter, "in"));
	return in && strcmp(in, "query") == 0;
}

static bool has_query(const json_t *parameters, const char *name, size_t len)
{
	const json_t *one;
	size_t i;
	json_array_foreach(parameters, i, one) {
		const char *known = json_string_value(json_object_get(one, "name"));
		if (is_query(one) && (!name || (known && strlen(known) == len && strncmp(known, name, len) == 0)))
			return true;
	}
	return false;
}

/* Names of parameters that were taken are documented; a route that has none does not look at them. */
static int check_query(struct e2e *e, json_t *operation, const char *query)
{
	json_t *parameters = json_object_get(operation, "parameters");
	while (has_query(parameters, NULL, 0) && *query && *query != ' ') {
		size_t name = strcspn(query, "=& ");
		if (name && !has_query(parameters, query, name))
			return e2e_fail(e, "not as documented: the parameter %.*s was taken", (int)name, query);
		query += strcspn(query, "& ");
		query += *query == '&';
	}
	return 0;
}

/* null may stand for a member that is left out, which the document need not say of each. */
static void drop_nulls(json_t *value)
{
	const char *key;
	json_t *one;
	void *next;
	size_t i;
	json_object_foreach_safe(value, next, key, one) {
		if (json_is_null(one))
			json_object_del(value, key);
		else
			drop_nulls(one);
	}
	json_array_foreach(value, i, one)
		drop_nulls(one);
}

/* A body of JSON that was taken is of the documented shape. */
static int check_request(struct e2e *e, const struct e2e_conn *c, json_t *operation)
{
	json_t *contents = json_object_get(json_object_get(operation, "requestBody"), "content");
	json_t *schema = json_object_get(json_object_get(contents, "application/json"), "schema"), *value;
	struct jschema_fault fault;
	int result = 0;
	/* That of an earlier request is not kept. */
	if (c->requests.len || !schema || strncmp(text_str(&c->sent_type), "application/json", 16) != 0)
		return 0;
	value = json_loadb(text_str(&c->sent_body), c->sent_body.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	drop_nulls(value);
	if (value && jschema_check(e->document, schema, value, &fault))
		result = e2e_fail(e, "not as documented: a request was taken, of which %s %s", fault.path, fault.text);
	json_decref(value);
	return result;
}

int e2e_check_oddness(struct e2e *e)
{
	return e->c->odd_backend && !e->odd_seen
		       ? e2e_fail(e, "no answer was as the case's \"backend: odd\" is for") : 0;
}

int e2e_check_document(struct e2e *e, const struct e2e_conn *c)
{
	const struct e2e_answer *a = &c->answer;
	char method[16];
	size_t len;
	if (!e->document || !a->head_done)
		return 0;
	const char *path = read_request(text_str(&a->request), method, sizeof method, &len);
	bool head = strcmp(method, "head") == 0;
	json_t *operation = find_operation(e->document, head ? "get" : method, path, len);
	json_t *response = find_response(operation, a->status);
	if (head && !operation)
		return 0;
	if (!operation)
		return check_elsewhere(e, a, method);
	if (!response)
		return e2e_fail(e, "not as documented: status %d", a->status);
	if (a->status < 300 && (check_query(e, operation, path + len + (path[len] == '?')) || check_request(e, c, operation)))
		return -1;
	return head ? 0 : check_content(e, a, response);
}
