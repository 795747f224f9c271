/* tui/sessions.c - kept conversations: asking for them, naming them. */
#include "tui/sessions.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tui/models.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ID_PREFIX "conv_"

enum { ID_LEN = 31, CANDIDATES_MAX = 8, BARE_MIN = 8, PATH_MAX_LEN = 16 * 1024 };

/* Asking */

/* Takes body. */
static json_t *send_json(struct wire *w, const char *method, const char *path, json_t *body,
			 struct err *err)
{
	char *text = json_dumps(body, JSON_COMPACT);
	json_t *root = NULL;

	if (text)
		root = wire_ask(w, &(struct wire_request){ .method = method, .path = path, .body = span_str(text) },
			    err);
	else
		err_set(err, E_usage, "", "what is to be sent is not UTF-8");
	mem_free(text);
	json_decref(body);
	return root;
}

static char *path_of(const char *id, const char *rest)
{
	return mem_printf("/c1/conversations/%s%s", id, rest);
}

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			buf_add_char(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

static json_t *get_page(struct wire *w, const char *words, const char *prefix, int64_t limit, int64_t offset,
			struct err *err)
{
	json_t *root = NULL;
	struct buf path;

	buf_init(&path, PATH_MAX_LEN);
	buf_printf(&path, "/c1/conversations?limit=%lld&offset=%lld", (long long)limit, (long long)offset);
	if (words) {
		buf_add_str(&path, "&q=");
		add_escaped(&path, words);
	}
	if (prefix)
		buf_printf(&path, "&prefix=%s", prefix);
	if (buf_failed(&path))
		err_set(err, E_usage, "", "the words to search for are too long");
	else
		root = wire_ask(w, &(struct wire_request){ .path = buf_str(&path) }, err);
	buf_free(&path);
	if (root && !json_is_array(json_object_get(root, "items"))) {
		err_set(err, E_upstream_error, "", "the gateway's list of conversations is none");
		json_decref(root);
		root = NULL;
	}
	return root;
}

json_t *sessions_list(struct wire *w, const struct sessions_query *q, struct err *err)
{
	int64_t wanted = q->limit ? q->limit : SESSIONS_ALL_MAX, count = 0, total = 0;
	json_t *items = json_array(), *page, *rows;

	do {
		int64_t left = wanted - count;

		page = get_page(w, q->words, NULL, left < SESSIONS_PAGE ? left : SESSIONS_PAGE, count, err);
		if (!page) {
			json_decref(items);
			return NULL;
		}
		rows = json_object_get(page, "items");
		total = json_integer_value(json_object_get(page, "total"));
		json_array_extend(items, rows);
		count += (int64_t)json_array_size(rows);
		if (json_array_size(rows) == 0)
			total = count;
		json_decref(page);
	} while (count < wanted && count < total);
	return json_pack("{s:o,s:I}", "items", items, "total", (json_int_t)total);
}

/* Naming */

static char *find_by_place(struct wire *w, const char *reference, struct err *err)
{
	int64_t place = 1;
	char *id = NULL;
	json_t *page, *item;

	if (strcmp(reference, "@last") != 0 &&
	    span_to_int(span_str(reference + 1), 1, INT32_MAX, &place) < 0) {
		err_set(err, E_usage, "id", "\"%.60s\" is neither @last nor @ and a number from 1", reference);
		return NULL;
	}
	page = get_page(w, NULL, NULL, 1, place - 1, err);
	if (!page)
		return NULL;
	item = json_array_get(json_object_get(page, "items"), 0);
	if (item)
		id = mem_strdup(models_text(item, "id"));
	else
		err_set(err, E_conversation_not_found, "id", "there is no conversation %.60s; there are %lld",
			reference, (long long)json_integer_value(json_object_get(page, "total")));
	json_decref(page);
	return id;
}

static void tell_candidates(const char *reference, const json_t *page, struct err *err)
{
	const json_t *items = json_object_get(page, "items");
	long long total = (long long)json_integer_value(json_object_get(page, "total"));
	struct buf list;
	json_t *item;
	size_t i;

	buf_init(&list, ERR_MESSAGE_MAX);
	json_array_foreach(items, i, item)
	{
		char ago[SESSIONS_TIME_SIZE];

		sessions_ago(json_integer_value(json_object_get(item, "last_used_at")), clock_wall_ms(), ago);
		buf_printf(&list, "\n  %s  %s  %.60s", models_text(item, "id"), ago,
			   models_text(item, "title"));
	}
	if (total > (long long)json_array_size(items))
		buf_printf(&list, "\n  and %lld more", total - (long long)json_array_size(items));
	err_set(err, E_usage, "id", "\"%.40s\" begins %lld ids:%s", reference, total, buf_str(&list));
	buf_free(&list);
}

static char *find_by_prefix(struct wire *w, const char *prefix, const char *reference, struct err *err)
{
	json_t *page = get_page(w, NULL, prefix, CANDIDATES_MAX, 0, err), *items;
	char *id = NULL;

	if (!page)
		return NULL;
	items = json_object_get(page, "items");
	if (json_array_size(items) == 1)
		id = mem_strdup(models_text(json_array_get(items, 0), "id"));
	else if (json_array_size(items) == 0)
		err_set(err, E_conversation_not_found, "id", "no conversation's id begins with \"%.60s\"",
			reference);
	else
		tell_candidates(reference, page, err);
	json_decref(page);
	return id;
}

char *sessions_find(struct wire *w, const char *reference, struct err *err)
{
	char prefix[ID_LEN + 1];
	int len;

	if (*reference == '@')
		return find_by_place(w, reference, err);
	len = snprintf(prefix, sizeof prefix, "%s%s",
		       span_starts(span_str(reference), ID_PREFIX) ? "" : ID_PREFIX, reference);
	for (char *at = prefix; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (!*reference || len > ID_LEN ||
	    strspn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789_") != (size_t)len) {
		err_set(err, E_conversation_not_found, "id", "\"%.60s\" is not the id of a conversation",
			reference);
		return NULL;
	}
	return len == ID_LEN ? mem_strdup(prefix) : find_by_prefix(w, prefix, reference, err);
}

/* One conversation */

json_t *sessions_get(struct wire *w, const char *id, struct err *err)
{
	char *path = path_of(id, "");
	json_t *root = wire_ask(w, &(struct wire_request){ .path = path }, err);

	mem_free(path);
	return root;
}

int sessions_export(struct wire *w, const char *id, const char *format, struct buf *out, struct err *err)
{
	char *rest = mem_printf("/export?format=%s", format), *path = path_of(id, rest);
	int result = wire_call(w, &(struct wire_request){ .path = path, .accept = "*/*" }, out, err);

	mem_free(path);
	mem_free(rest);
	return result;
}

json_t *sessions_rename(struct wire *w, const char *id, const char *title, struct err *err)
{
	char *path = path_of(id, "");
	json_t *root = send_json(w, "PATCH", path, json_pack("{s:s}", "title", title), err);

	mem_free(path);
	return root;
}

json_t *sessions_fork(struct wire *w, const char *id, const char *at, const char *title, struct err *err)
{
	char *path = path_of(id, "/fork");
	json_t *body = json_pack("{s:s*, s:s*}", "at", at, "title", title);
	json_t *root = send_json(w, "POST", path, body, err);

	mem_free(path);
	return root;
}

json_t *sessions_import(struct wire *w, struct span document, struct err *err)
{
	return wire_ask(w, &(struct wire_request){ .path = "/c1/conversations/import", .body = document }, err);
}

int sessions_delete(struct wire *w, const char *id, struct err *err)
{
	char *path = path_of(id, "");
	struct buf nothing;
	int result;

	buf_init(&nothing, WIRE_REPLY_MAX);
	result = wire_call(w, &(struct wire_request){ .method = "DELETE", .path = path }, &nothing, err);
	buf_free(&nothing);
	mem_free(path);
	return result;
}

/* Reading */

static bool begins_turn(const json_t *message)
{
	return !strcmp(models_text(message, "role"), "user");
}

int64_t sessions_turns(const json_t *conversation)
{
	json_t *message;
	int64_t count = 0;
	size_t i;

	json_array_foreach(json_object_get(conversation, "messages"), i, message)
		count += begins_turn(message);
	return count;
}

const char *sessions_turn_end(const json_t *conversation, int64_t turn)
{
	const char *last = NULL;
	json_t *message;
	int64_t count = 0;
	size_t i;

	json_array_foreach(json_object_get(conversation, "messages"), i, message)
	{
		count += begins_turn(message);
		if (count > turn)
			break;
		if (count == turn)
			last = models_text(message, "id");
	}
	return turn > 0 ? last : NULL;
}

/* All of it, whatever characters it has. */
static void add_whole(struct buf *out, const json_t *text)
{
	buf_add_span(out, span_of(json_string_value(text), json_string_length(text)));
}

void sessions_message_text(const json_t *message, struct buf *out)
{
	const json_t *content = json_object_get(message, "content");
	json_t *part;
	size_t i;

	add_whole(out, content);
	json_array_foreach(content, i, part)
	{
		const char *type = models_text(part, "type");

		buf_add_str(out, i ? "\n" : "");
		if (!strcmp(type, "text"))
			add_whole(out, json_object_get(part, "text"));
		else
			buf_printf(out, "[%s]", strcmp(type, "image_url") ? type : "image");
	}
}

const char *sessions_bare_id(const char *id)
{
	return span_starts(span_str(id), ID_PREFIX) ? id + strlen(ID_PREFIX) : id;
}

static size_t common_len(const char *a, const char *b)
{
	size_t len = 0;

	while (a[len] && a[len] == b[len])
		len++;
	return len;
}

size_t sessions_id_width(const json_t *items)
{
	size_t width = BARE_MIN, count = json_array_size(items), i, j;

	/* Of more than a page only the neighbours are compared: ids made at other times differ. */
	for (i = 0; i < count; i++)
		for (j = i + 1; j < count && j - i < SESSIONS_PAGE; j++) {
			size_t len = common_len(sessions_bare_id(models_text(json_array_get(items, i), "id")),
						sessions_bare_id(models_text(json_array_get(items, j), "id")));

			width = len + 1 > width ? len + 1 : width;
		}
	return width;
}

void sessions_ago(int64_t then_ms, int64_t now_ms, char out[SESSIONS_TIME_SIZE])
{
	static const struct {
		int64_t below, unit; /* seconds */
		const char *name;
	} steps[] = {
		{ 3600, 60, "min" },
		{ 172800, 3600, "h" },
		{ 2592000, 86400, "days" },
	};
	int64_t seconds = (now_ms - then_ms) / 1000;
	char iso[CLOCK_ISO_SIZE];

	if (seconds < 60) {
		snprintf(out, SESSIONS_TIME_SIZE, "now");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (seconds < steps[i].below) {
			snprintf(out, SESSIONS_TIME_SIZE, "%d %s ago", (int)(seconds / steps[i].unit),
				 steps[i].name);
			return;
		}
	clock_iso(then_ms, iso);
	snprintf(out, SESSIONS_TIME_SIZE, "%.10s", iso);
}

void sessions_until(int64_t then_ms, int64_t now_ms, char out[SESSIONS_TIME_SIZE])
{
	enum { HOUR_S = 3600, TWO_DAYS_S = 172800 };
	int64_t seconds = (then_ms - now_ms) / 1000;
	char iso[CLOCK_ISO_SIZE];

	if (seconds <= 0) {
		sessions_ago(then_ms, now_ms, out);
	} else if (seconds < HOUR_S) {
		snprintf(out, SESSIONS_TIME_SIZE, "in %d min", (int)((seconds + 59) / 60));
	} else if (seconds < TWO_DAYS_S) {
		snprintf(out, SESSIONS_TIME_SIZE, "in %d h", (int)(seconds / HOUR_S));
	} else {
		clock_iso(then_ms, iso);
		snprintf(out, SESSIONS_TIME_SIZE, "%.10s", iso);
	}
}
