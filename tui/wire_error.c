/*
 * tui/wire_error.c - what an answer says that is not the one asked for.
 *
 * Between a client and its gateway there may be proxies with pages of their own, and behind a
 * mistyped address there is anything.  Their own words, cut short, tell the user most.
 */
#include "tui/wire.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_MAX = 80 };

static enum err_code code_of_status(int status)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {
		{ 401, E_invalid_authorization },
		{ 403, E_insufficient_scope },
		{ 404, E_route_not_found },
		{ 408, E_request_timeout },
		{ 410, E_route_not_found },
		{ 413, E_body_too_large },
		{ 425, E_request_timeout },
		{ 429, E_rate_limit_exceeded },
		{ 499, E_cancelled },
		{ 503, E_upstream_unavailable },
		{ 504, E_upstream_timeout },
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return status >= 500 ? E_internal_error : status >= 400 ? E_invalid_field : E_upstream_error;
}

bool wire_error_of(const json_t *error, int status, struct err *err)
{
	const char *name = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *param = json_string_value(json_object_get(error, "param"));
	enum err_code code = name ? err_find(name) : E_none;

	if (json_is_string(error))
		message = json_string_value(error);
	else if (!json_is_object(error))
		return false;
	if (code != E_none) {
		err_set(err, code, param ? param : "", "%s", message ? message : err_info(code)->title);
		return true;
	}
	code = code_of_status(status);
	if (!message)
		message = err_info(code)->title;
	if (status)
		err_set(err, code, param ? param : "", "HTTP %d%s%s: %s", status, name ? " " : "",
			name ? name : "", message);
	else
		err_set(err, code, param ? param : "", "%s%s%s", name ? name : "", name ? ": " : "",
			message);
	return true;
}

/* Pages */

static const char *find_nocase(struct span text, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= text.len; i++)
		if (!strncasecmp(text.ptr + i, word, len))
			return text.ptr + i;
	return NULL;
}

/* The title of a page, else its first line that is not empty. */
static struct span headline(struct span body)
{
	const char *title = find_nocase(body, "<title>");
	struct span rest = span_trim(body), line;

	if (title) {
		rest = span_from(body, (size_t)(title - body.ptr) + strlen("<title>"));
		return span_trim(span_cut(&rest, '<'));
	}
	line = span_trim(span_cut(&rest, '\n'));
	return line;
}

static void add_quote(struct buf *out, struct span body)
{
	struct span line = headline(body);
	bool is_cut = line.len > QUOTE_MAX;

	if (!line.len)
		return;
	if (is_cut)
		line.len = utf8_whole(span_of(line.ptr, QUOTE_MAX));
	buf_add_str(out, " \"");
	utf8_add_harmless(out, line);
	buf_printf(out, "%s\"", is_cut ? "..." : "");
}

/* "HTTP 502 text/html "502 Bad Gateway" of nginx" */
static void add_description(struct buf *out, const struct wire_head *head, struct span body)
{
	buf_printf(out, "HTTP %d", head->status);
	if (*head->type)
		buf_printf(out, " %.*s", (int)strcspn(head->type, ";"), head->type);
	add_quote(out, body);
	if (*head->server)
		buf_printf(out, " of %s", head->server);
}

/* There is no gateway at that address, or none that can be reached, but who refuses is believed. */
static enum err_code code_of_page(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 413:
	case 429:
	case 500:
		return code_of_status(status);
	default:
		return E_connect_failed;
	}
}

static void describe(const struct wire_head *head, const char *where, struct span body,
		     struct err *err)
{
	struct buf what;

	buf_init(&what, (size_t)4 * ERR_MESSAGE_MAX);
	add_description(&what, head, body);
	if (head->status / 100 == 3 && *head->location)
		err_set(err, E_connect_failed, "", "%s answers HTTP %d: go to %s", where, head->status,
			head->location);
	else
		err_set(err, code_of_page(head->status), "", "%s answers %s: %s", where,
			buf_str(&what),
			head->status >= 500 ? "not a spass gateway, or a proxy before it" :
					      "not an answer of a spass gateway");
	buf_free(&what);
}

void wire_name_request(const char *id, struct err *err)
{
	size_t len = strlen(err->message);

	if (*id)
		snprintf(err->message + len, sizeof err->message - len, " (request %.64s)", id);
}

int wire_read_error(const struct wire_head *head, const char *where, struct span body,
		    struct err *err)
{
	json_t *root = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_ALLOW_NUL, NULL);
	int status = head->status / 100 == 2 ? 0 : head->status;

	if (wire_error_of(json_object_get(root, "error"), status, err))
		wire_name_request(head->request_id, err);
	else
		describe(head, where, body, err);
	err->retry_after_s = head->retry_after_s;
	json_decref(root);
	return -1;
}
