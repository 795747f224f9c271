/* cmd/rag.c - see rag.h. */
#include "cmd/rag.h"

#include "cmd/grid.h"
#include "cmd/interrupt.h"
#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

enum { PATH_BYTES_MAX = 16384, PAGE = 1000 };

void rag_encode(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] && strchr(plain, text.ptr[i]))
			buf_add_char(out, text.ptr[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)text.ptr[i]);
}

char *rag_path(const char *index, const char *rest, const char *document)
{
	struct buf path;

	buf_init(&path, PATH_BYTES_MAX);
	buf_add_str(&path, "/a1/rag/indices");
	if (index)
		buf_printf(&path, "/%s", index);
	if (rest)
		buf_printf(&path, "/%s", rest);
	if (document) {
		buf_add_char(&path, '/');
		rag_encode(span_str(document), &path);
	}
	return buf_take(&path);
}

void rag_add_rerank(json_t *body, const char *value)
{
	bool is_yes = value && strcmp(value, "yes") == 0;

	if (is_yes || (value && strcmp(value, "no") == 0))
		json_object_set_new(body, "rerank", json_boolean(is_yes));
	else if (value)
		json_object_set_new(body, "rerank", json_string(value));
}

json_t *rag_ask_take(struct gateway_link *l, const char *method, const char *path, json_t *body,
		     struct err *err)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	const struct wire_request request = {
		.method = method, .path = path, .body = span_str(text), .is_long = true
	};
	json_t *answer = wire_ask(l->wire, &request, err);

	free(text);
	json_decref(body);
	return answer;
}

json_t *rag_ask_once_take(const struct cmd_globals *g, const char *method, const char *path,
			  json_t *body, struct err *err)
{
	struct gateway_link l;
	json_t *answer = NULL;

	if (gateway_link_open(&l, g, err) == 0)
		answer = rag_ask_take(&l, method, path, body, err);
	else
		json_decref(body);
	gateway_link_close(&l, err);
	return answer;
}

int rag_check_late(const struct cmd_globals *g, int result, const char *kept, struct err *err)
{
	if (!interrupt_is_late() || (result < 0 && err->code != E_cancelled))
		return result;
	*err = (struct err)ERR_INIT;
	return err_set(err, E_deadline_exceeded, "", "not done within %lld ms: %s",
		       (long long)g->timeout_ms, kept);
}

void rag_size_text(int64_t bytes, char out[RAG_SIZE_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
		value /= 1024;
	snprintf(out, RAG_SIZE_TEXT, unit > 0 && value < 10 ? "%.1f %s" : "%.0f %s", value,
		 units[unit]);
}

json_t *rag_page(struct gateway_link *l, const char *index, const char *prefix, size_t limit,
		 json_t **next, struct err *err)
{
	struct buf path;
	json_t *page;

	buf_init(&path, PATH_BYTES_MAX);
	buf_printf(&path, "/a1/rag/indices/%s/documents?limit=%zu&prefix=", index,
		   limit > 0 && limit < PAGE ? limit : PAGE);
	rag_encode(span_str(prefix), &path);
	buf_add_str(&path, "&after=");
	if (*next)
		rag_encode(span_str(json_string_value(*next)), &path);
	page = rag_ask_take(l, NULL, buf_str(&path), NULL, err);
	buf_free(&path);
	json_decref(*next);
	*next = json_incref(json_object_get(page, "next"));
	return page;
}

json_t *rag_documents(struct gateway_link *l, const char *index, const char *prefix, size_t limit,
		      struct err *err)
{
	json_t *all = json_array(), *next = NULL;

	do {
		json_t *page = rag_page(l, index, prefix,
					limit > 0 ? limit - json_array_size(all) : 0, &next, err);

		if (!page) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, json_object_get(page, "items"));
		json_decref(page);
	} while (next && (limit == 0 || json_array_size(all) < limit));
	json_decref(next);
	return all;
}
