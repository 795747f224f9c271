/*
 * server/api/call.c - what handlers share: bodies, parameters and replies of JSON routes.
 */
#include "server/api/call.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/multipart.h"

void call_reply_json(struct exchange *x, int status, json_t *document_take)
{
	/* Fifteen digits: 0.1 stays 0.1. */
	char *text = document_take ?
			     json_dumps(document_take, JSON_COMPACT | JSON_REAL_PRECISION(15)) :
			     NULL;
	struct err err = ERR_INIT;

	json_decref(document_take);
	if (!text) {
		err_set(&err, E_internal_error, "", "the answer could not be written");
		reply_error(x, &err);
		return;
	}
	reply_send(x, status, "application/json", span_str(text));
	free(text);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

void call_decode(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		bool escaped = text.ptr[i] == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
			       hex(text.ptr[i + 2]) >= 0;

		if (escaped) {
			buf_add_char(out, (char)(hex(text.ptr[i + 1]) << 4 | hex(text.ptr[i + 2])));
			i += 2;
		} else {
			buf_add_char(out, text.ptr[i]);
		}
	}
}

void call_reply_nothing(struct exchange *x)
{
	reply_send(x, 204, NULL, SPAN_NONE);
}

/*
 * JSON, or one of the types that clients send when nobody told them.  A browser's page may send
 * the latter anywhere without asking first (the Fetch standard's simple requests): from there,
 * which Origin tells, only JSON is taken.  Types have no case.
 */
static bool is_json_type(struct span type, bool from_page)
{
	static const char *const taken[] = { "application/json", "text/json", "text/plain",
					     "application/octet-stream",
					     "application/x-www-form-urlencoded" };
	enum { JSON_TYPES = 2 };
	static const char suffix[] = "+json";
	struct span essence = span_trim(span_cut(&type, ';'));
	size_t len = essence.len;

	if (len == 0)
		return !from_page;
	for (size_t i = 0; i < (from_page ? JSON_TYPES : ARRAY_LEN(taken)); i++)
		if (span_is_nocase(essence, taken[i]))
			return true;
	return len >= sizeof suffix && span_is_nocase(span_from(essence, len - strlen(suffix)), suffix);
}

bool call_has_form(struct exchange *x)
{
	const struct span *known = x->head->known;

	return multipart_is_form(known[HTTP1_CONTENT_TYPE]) &&
	       (!known[HTTP1_ORIGIN].ptr || known[HTTP1_AUTHORIZATION].ptr);
}

int call_check_type(struct exchange *x, struct err *err)
{
	struct span type = x->head->known[HTTP1_CONTENT_TYPE];

	if (span_is(type, "application/json") || is_json_type(type, x->head->known[HTTP1_ORIGIN].ptr != NULL))
		return 0;
	return err_set(err, E_unsupported_media_type, "headers.content-type",
		       "the body must be application/json, not %.*s", SPAN_ARGS(type));
}

bool call_says_json(struct exchange *x)
{
	return is_json_type(x->head->known[HTTP1_CONTENT_TYPE], true);
}

json_t *call_read_json(struct exchange *x, size_t max, struct err *err)
{
	struct span body;
	json_error_t fault;
	json_t *root;

	if (call_check_type(x, err) < 0 || exchange_body(x, max, &body, err) < 0)
		return NULL;
	root = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES, &fault);
	if (!root) {
		err_set(err, E_invalid_json, "body", "the body is not valid JSON: %s, at byte %d",
			json_error_code(&fault) == json_error_null_character ? "\\u0000 is not taken" : fault.text,
			fault.position);
		return NULL;
	}
	if (json_is_object(root))
		return root;
	json_decref(root);
	err_set(err, E_invalid_field, "body", "the body must be a JSON object");
	return NULL;
}

json_t *call_read_json_if_any(struct exchange *x, size_t max, struct err *err)
{
	struct span body;

	if (exchange_body(x, max, &body, err) == 0)
		return body.len ? call_read_json(x, max, err) : json_object();
	if (err->code != E_length_required)
		return NULL;
	err_clear(err); /* who sends none need not say how long it is */
	return json_object();
}

/*
 * Decodes into the arena; ptr NULL when it does not fit or holds a NUL.  In a query a plus is a
 * blank, as forms write it.
 */
static struct span decode(struct exchange *x, struct span text, bool is_query)
{
	struct span result = SPAN_NONE;
	struct buf out;

	buf_init(&out, CALL_QUERY_MAX);
	for (struct span rest = text; rest.ptr;) {
		struct span part = is_query ? span_cut(&rest, '+') : rest;

		call_decode(part, &out);
		if (!is_query || !rest.ptr)
			break;
		buf_add_char(&out, ' ');
	}
	if (!buf_failed(&out) && !memchr(buf_str(&out), '\0', out.len))
		result = arena_span(&x->arena, buf_span(&out));
	buf_free(&out);
	return result;
}

int call_query(struct exchange *x, const char *name, struct span *value, struct err *err)
{
	struct span rest = x->head->query;

	*value = SPAN_NONE;
	while (rest.ptr) {
		struct span pair = span_cut(&rest, '&'), key = decode(x, span_cut(&pair, '='), true);

		if (!key.ptr || !span_is(key, name))
			continue;
		*value = decode(x, pair.ptr ? pair : SPAN_LIT(""), true);
		if (!value->ptr)
			return err_set(err, E_invalid_field, arena_printf(&x->arena, "query.%s", name),
				       "%s must be text of at most %d bytes", name, CALL_QUERY_MAX);
		return 0;
	}
	return 0;
}

int call_query_int(struct exchange *x, const char *name, int64_t min, int64_t max, int64_t *value,
		   struct err *err)
{
	struct span text;

	if (call_query(x, name, &text, err) < 0)
		return -1;
	if (!text.ptr || span_to_int(text, min, max, value) == 0)
		return 0;
	return err_set(err, E_invalid_field, arena_printf(&x->arena, "query.%s", name),
		       "%s must be a whole number from %lld to %lld", name, (long long)min, (long long)max);
}

int call_query_page(struct exchange *x, struct page *page, struct err *err)
{
	*page = (struct page){ .limit = 20 };
	if (call_query_int(x, "limit", 1, 100, &page->limit, err) < 0)
		return -1;
	return call_query_int(x, "offset", 0, INT32_MAX, &page->offset, err);
}

void call_reply_page(struct exchange *x, json_t *items_take, int64_t total, const struct page *page)
{
	call_reply_json(x, 200,
			json_pack("{s:o, s:I, s:I, s:I}", "items", items_take, "total", (json_int_t)total,
				  "limit", (json_int_t)page->limit, "offset", (json_int_t)page->offset));
}

const char *call_param(struct exchange *x, const struct call *c, size_t index)
{
	struct span value = decode(x, c->params[index], false);

	return value.ptr ? arena_printf(&x->arena, "%.*s", SPAN_ARGS(value)) : "";
}

struct offer call_offer(const struct call *c)
{
	return (struct offer){ c->snapshot->routing, c->identity.tenant, c->identity.token };
}
