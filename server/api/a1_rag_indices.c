/*
 * server/api/a1_rag_indices.c - /a1/rag/indices: the indices themselves.
 */
#include <string.h>

#include "common/chat/rag_embedder.h"
#include "server/api/a1_rag.h"
#include "server/api/fields.h"

enum { BODY_MAX = 16 * 1024 };

/* ---- the list ---- */

struct listing {
	struct rag_work work;
	struct page page;
	int64_t total;
};

static int add_index(void *arg, const struct rag_index_info *index)
{
	struct listing *l = arg;
	int64_t at = l->total++;

	if (at < l->page.offset || at >= l->page.offset + l->page.limit)
		return 0;
	if (l->work.out.ptr[l->work.out.len - 1] != '[')
		buf_add_char(&l->work.out, ',');
	rag_work_print_index(&l->work, index);
	return 0;
}

static int list(void *arg)
{
	struct listing *l = arg;

	buf_add_str(&l->work.out, "{\"items\":[");
	if (rag_index_each(l->work.rag, l->work.tenant, add_index, l, &l->work.err) < 0)
		return -1;
	buf_printf(&l->work.out, "],\"total\":%lld,\"limit\":%lld,\"offset\":%lld}",
		   (long long)l->total, (long long)l->page.limit, (long long)l->page.offset);
	return 0;
}

void a1_indices_list(struct exchange *x, struct call *c)
{
	struct listing l = { .total = 0 };
	struct err err = ERR_INIT;

	if (call_query_page(x, &l.page, &err) < 0) {
		reply_error(x, &err);
		return;
	}
	rag_work_begin(x, c, &l.work);
	if (rag_work_run(x, c, &l.work, list, &l) == 0)
		rag_work_reply(x, &l.work, 200);
	rag_work_end(&l.work);
}

/* ---- one ---- */

static int print_index(struct rag_work *w)
{
	struct rag_index_info index;

	if (rag_index_get(w->rag, w->tenant, w->index, &w->arena, &index, &w->err) < 0)
		return -1;
	rag_work_print_index(w, &index);
	return 0;
}

static int get_index(void *arg)
{
	return print_index(arg);
}

static int drop_index(void *arg)
{
	struct rag_work *w = arg;

	return rag_index_delete(w->rag, w->tenant, w->index, &w->err);
}

void a1_indices_get(struct exchange *x, struct call *c)
{
	struct rag_work w;

	rag_work_begin(x, c, &w);
	if (rag_work_run(x, c, &w, get_index, &w) == 0)
		rag_work_reply(x, &w, 200);
	rag_work_end(&w);
}

void a1_indices_delete(struct exchange *x, struct call *c)
{
	struct rag_work w;

	rag_work_begin(x, c, &w);
	if (rag_work_write(x, c, &w, drop_index, &w) == 0) {
		/* What is nobody's any more is freed. */
		w.index = SPAN_LIT("");
		rag_work_note(c, &w);
		call_reply_nothing(x);
	}
	rag_work_end(&w);
}

/* ---- making and changing ---- */

struct change {
	struct rag_work work;
	struct rag_config config;
	json_t *body;
};

static int read_size(json_t *root, const char *name, uint32_t *out, struct err *err)
{
	enum { CHUNK_MAX = 100000 };
	int64_t value = *out;

	if (field_int(root, name, 0, CHUNK_MAX, &value, err) < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int read_config(json_t *root, const struct routing *routing, struct rag_config *config,
		       struct err *err)
{
	struct span embedder = SPAN_NONE;

	if (read_size(root, "chunk_target", &config->chunk_target, err) < 0 ||
	    read_size(root, "chunk_max", &config->chunk_max, err) < 0 ||
	    read_size(root, "chunk_overlap", &config->chunk_overlap, err) < 0 ||
	    field_text(root, "embedder", &embedder, err) < 0)
		return -1;
	if (embedder.len > RAG_MODEL_MAX || (embedder.ptr && strlen(embedder.ptr) != embedder.len))
		return err_set(err, E_invalid_field, "embedder",
			       "embedder is \"auto\", \"none\" or the name of an embedding model");
	if (rag_embedder_check(routing, embedder, err) < 0)
		return -1;
	if (embedder.ptr)
		memcpy(config->embedder, embedder.ptr, embedder.len + 1);
	return 0;
}

static int read_change(struct exchange *x, struct change *k, bool with_id)
{
	static const char *const names[] = { "id",        "embedder",      "chunk_target",
					     "chunk_max", "chunk_overlap", NULL };

	k->body = call_read_json(x, BODY_MAX, &k->work.err);
	if (!k->body || fields_check(k->body, with_id ? names : names + 1, &k->work.err) < 0)
		return -1;
	if (!with_id)
		return 0;
	if (field_need_text(k->body, "id", &k->work.index, &k->work.err) < 0)
		return -1;
	return read_config(k->body, k->work.routing, &k->config, &k->work.err);
}

static int create(void *arg)
{
	struct change *k = arg;

	if (rag_index_create(k->work.rag, k->work.tenant, k->work.index, &k->config, &k->work.err) <
	    0)
		return -1;
	return print_index(&k->work);
}

/* What the body does not name stays as it is. */
static int configure(void *arg)
{
	struct change *k = arg;
	struct rag_index_info index;

	if (rag_index_get(k->work.rag, k->work.tenant, k->work.index, &k->work.arena, &index,
			  &k->work.err) < 0)
		return -1;
	k->config = index.config;
	if (read_config(k->body, k->work.routing, &k->config, &k->work.err) < 0 ||
	    rag_index_configure(k->work.rag, k->work.tenant, k->work.index, &k->config,
				&k->work.err) < 0)
		return -1;
	return print_index(&k->work);
}

static void change(struct exchange *x, struct call *c, bool is_new)
{
	struct change k = { .body = NULL };

	rag_work_begin(x, c, &k.work);
	if (read_change(x, &k, is_new) < 0)
		reply_error(x, &k.work.err);
	else if (rag_work_write(x, c, &k.work, is_new ? create : configure, &k) == 0) {
		rag_work_note(c, &k.work);
		rag_work_reply(x, &k.work, is_new ? 201 : 200);
	}
	json_decref(k.body);
	rag_work_end(&k.work);
}

void a1_indices_create(struct exchange *x, struct call *c)
{
	change(x, c, true);
}

void a1_indices_configure(struct exchange *x, struct call *c)
{
	change(x, c, false);
}
