/* cmd/rag.c - see rag.h. */
#include "cmd/rag.h"

#include "cmd/grid.h"
#include "cmd/interrupt.h"
#include "common/base/mem.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

enum { PATH_BYTES_MAX = 16384, PAGE = 1000, MEMBER_MAX = 64 };

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

/* As it is called in a request: "min-score" is "min_score". */
static void member_name(const char *option, char out[MEMBER_MAX])
{
	snprintf(out, MEMBER_MAX, "%s", option);
	for (char *at = out; *at; at++)
		if (*at == '-')
			*at = '_';
}

int rag_add_text(json_t *body, const char *name, const char *text, struct err *err)
{
	char member[MEMBER_MAX];

	member_name(name, member);
	if (text && json_object_set_new(body, member, json_string(text)) < 0)
		return err_set(err, E_usage, "", "--%s is no UTF-8", name);
	return 0;
}

int rag_add_share(json_t *body, const char *name, const char *text, struct err *err)
{
	char member[MEMBER_MAX], *end;
	double value;

	if (!text)
		return 0;
	value = strtod(text, &end);
	if (!*text || *end || !(value >= 0 && value <= 1))
		return err_set(err, E_usage, "", "--%s is a number, 0 to 1, not \"%.40s\"", name, text);
	member_name(name, member);
	json_object_set_new(body, member, json_real(value));
	return 0;
}

static int add_rerank(json_t *body, const char *value, struct err *err)
{
	bool is_yes = value && strcmp(value, "yes") == 0;

	if (!is_yes && (!value || strcmp(value, "no") != 0))
		return rag_add_text(body, "rerank", value, err);
	json_object_set_new(body, "rerank", json_boolean(is_yes));
	return 0;
}

static int add_filter(json_t *body, const char *filter, struct err *err)
{
	if (!filter)
		return 0;
	if (sources_check_filter(filter, err) < 0)
		return -1;
	json_object_set_new(body, "filter", json_loads(filter, 0, NULL));
	return 0;
}

int rag_add_search(json_t *body, const struct rag_search *s, struct err *err)
{
	if (rag_add_text(body, "mode", s->mode, err) < 0 || rag_add_text(body, "fusion", s->fusion, err) < 0 ||
	    rag_add_share(body, "dense-weight", s->dense_weight, err) < 0 ||
	    add_filter(body, s->filter, err) < 0)
		return -1;
	return add_rerank(body, s->rerank, err);
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

static bool has_vectors(struct gateway_link *l, const char *index)
{
	struct err ignored = ERR_INIT; /* the question itself will tell */
	char *path = rag_path(index, NULL, NULL);
	json_t *info = rag_ask_take(l, NULL, path, NULL, &ignored);
	bool has_any = *models_text(info, "embedding_model");

	json_decref(info);
	mem_free(path);
	return has_any;
}

void rag_await_embedder(struct gateway_link *l, const char *index, const struct rag_search *s)
{
	bool is_lexical = s->mode && strcmp(s->mode, "lexical") == 0;

	if (l->gateway->server && !is_lexical && has_vectors(l, index))
		gateway_await_backends(l->gateway);
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

json_t *rag_remove(struct gateway_link *l, const char *index, const json_t *ids, size_t from, struct err *err)
{
	char *path = rag_path(index, "documents/delete", NULL);
	json_t *some = json_array(), *answer;

	for (size_t i = from; i < json_array_size(ids) && i < from + RAG_REMOVE_STEP; i++)
		json_array_append(some, json_array_get(ids, i));
	answer = rag_ask_take(l, "POST", path, json_pack("{s:o}", "ids", some), err);
	mem_free(path);
	return answer;
}
