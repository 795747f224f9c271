/*
 * server/api/a1_rag_documents.c - /a1/rag/indices/{id}: the documents there are.
 */
#include <string.h>

#include "common/base/jscan.h"
#include "server/api/a1_rag.h"
#include "server/api/fields.h"

enum { LIST_MAX = 1000, LIST_DEFAULT = 100, IDS_MAX = 10000 };

/* ---- the list ---- */

struct listing {
	struct rag_work work;
	struct span prefix, after;
	int64_t limit, count;
	struct buf last; /* name of the last one that was listed */
	bool more;
};

static int add_document(void *arg, const struct rag_document_info *d)
{
	struct listing *l = arg;

	if (l->count == l->limit) {
		l->more = true;
		return -1;
	}
	if (l->count++ > 0)
		buf_add_char(&l->work.out, ',');
	rag_print_document(&l->work.out, d, SPAN_NONE);
	buf_clear(&l->last);
	buf_add_span(&l->last, d->name);
	return 0;
}

static int list(void *arg)
{
	struct listing *l = arg;
	struct rag_work *w = &l->work;

	buf_add_str(&w->out, "{\"items\":[");
	if (rag_document_each(w->rag, w->tenant, w->index, l->prefix, l->after, l->limit + 1,
			      add_document, l, &w->err) < 0 &&
	    !l->more)
		return -1;
	buf_add_char(&w->out, ']');
	if (l->more) {
		buf_add_str(&w->out, ",\"next\":");
		jtext_string(&w->out, buf_span(&l->last));
	}
	buf_add_char(&w->out, '}');
	return 0;
}

void a1_documents_list(struct exchange *x, struct call *c)
{
	struct listing l = { .limit = LIST_DEFAULT };
	struct err err = ERR_INIT;

	if (call_query_int(x, "limit", 1, LIST_MAX, &l.limit, &err) < 0 ||
	    call_query(x, "prefix", &l.prefix, &err) < 0 ||
	    call_query(x, "after", &l.after, &err) < 0) {
		reply_error(x, &err);
		return;
	}
	rag_work_begin(x, c, &l.work);
	buf_init(&l.last, RAG_DOCUMENT_NAME_MAX + 1);
	if (rag_work_run(x, c, &l.work, list, &l) == 0)
		rag_work_reply(x, &l.work, 200);
	buf_free(&l.last);
	rag_work_end(&l.work);
}

/* ---- one ---- */

struct one {
	struct rag_work work;
	struct span name;
};

static int get_one(void *arg)
{
	struct one *o = arg;
	struct rag_work *w = &o->work;
	struct rag_document_info info;
	struct span text;

	if (rag_document_get(w->rag, w->tenant, w->index, o->name, &w->arena, &info, &text,
			     &w->err) < 0)
		return -1;
	rag_print_document(&w->out, &info, text.ptr ? text : SPAN_LIT(""));
	return 0;
}

static int drop_one(void *arg)
{
	struct one *o = arg;
	struct rag_work *w = &o->work;
	int64_t gone;

	if (rag_document_delete(w->rag, w->tenant, w->index, &o->name, 1, &gone, NULL, &w->err) < 0)
		return -1;
	return gone > 0 ? 0
			: err_set(&w->err, E_rag_document_not_found, "id",
				  "the index has no document of this id");
}

void a1_documents_get(struct exchange *x, struct call *c)
{
	struct one o = { .name = span_str(call_param(x, c, 1)) };

	rag_work_begin(x, c, &o.work);
	if (rag_work_run(x, c, &o.work, get_one, &o) == 0)
		rag_work_reply(x, &o.work, 200);
	rag_work_end(&o.work);
}

void a1_documents_delete(struct exchange *x, struct call *c)
{
	struct one o = { .name = span_str(call_param(x, c, 1)) };

	rag_work_begin(x, c, &o.work);
	if (rag_work_write(x, c, &o.work, drop_one, &o) == 0) {
		rag_work_note(c, &o.work);
		call_reply_nothing(x);
	}
	rag_work_end(&o.work);
}

/* ---- many ---- */

static int read_ids(struct rag_body *m, struct span *ids, size_t *count)
{
	json_t *list = json_object_get(m->root, "ids"), *id;
	size_t i;

	*count = json_array_size(list);
	if (!json_is_array(list) || *count == 0 || *count > IDS_MAX)
		return err_set(&m->work.err, list ? E_invalid_field : E_missing_field, "ids",
			       "ids is a list of 1 to %d ids of documents", IDS_MAX);
	json_array_foreach(list, i, id)
	{
		if (!json_is_string(id))
			return err_set(&m->work.err, E_invalid_field, "ids", "an id is a string");
		ids[i] = span_of(json_string_value(id), json_string_length(id));
	}
	return 0;
}

static int drop_many(struct rag_body *m)
{
	struct rag_work *w = &m->work;
	struct span *ids = arena_alloc(&w->arena, IDS_MAX * sizeof *ids);
	bool *was_there = arena_zalloc(&w->arena, IDS_MAX * sizeof *was_there), more = false;
	size_t count;
	int64_t gone;

	if (!ids || !was_there)
		return err_used_up(&w->err);
	if (read_ids(m, ids, &count) < 0 ||
	    rag_document_delete(w->rag, w->tenant, w->index, ids, count, &gone, was_there,
				&w->err) < 0)
		return -1;
	buf_printf(&w->out, "{\"deleted\":%lld,\"missing\":[", (long long)gone);
	for (size_t i = 0; i < count; i++) {
		if (was_there[i])
			continue;
		if (more)
			buf_add_char(&w->out, ',');
		jtext_string(&w->out, ids[i]);
		more = true;
	}
	buf_add_str(&w->out, "]}");
	return 0;
}

void a1_documents_drop(struct exchange *x, struct call *c)
{
	static const char *const names[] = { "ids", NULL };

	struct rag_body m = { .names = names, .do_it = drop_many, .changes = true };

	rag_body_run(x, c, &m);
}

/* ---- all of them ---- */

enum { EXPORT_STEP = 64, EXPORT_BYTES = 1024 * 1024 };

/* Some lines at a time, from `after` on. */
struct exporting {
	struct rag_work work;
	struct buf after;
	struct span names[EXPORT_STEP];
	size_t count;
};

static int note_name(void *arg, const struct rag_document_info *d)
{
	struct exporting *e = arg;

	e->names[e->count++] = arena_span(&e->work.arena, d->name);
	return 0;
}

static int export_one(struct rag_work *w, struct span name)
{
	struct rag_document_info info;
	struct reading reading;
	int result = rag_document_read(w->rag, w->tenant, w->index, name, &w->arena, &info,
				       &reading, &w->err);

	if (result == 0) {
		rag_print_export(&w->out, &info, &reading);
		buf_add_char(&w->out, '\n');
	} else if (w->err.code == E_rag_document_not_found) { /* deleted meanwhile */
		w->err = (struct err)ERR_INIT;
		result = 0;
	}
	reading_free(&reading);
	return result;
}

static int export_some(void *arg)
{
	struct exporting *e = arg;
	struct rag_work *w = &e->work;

	arena_clear(&w->arena);
	buf_clear(&w->out);
	e->count = 0;
	if (rag_document_each(w->rag, w->tenant, w->index, SPAN_NONE, buf_span(&e->after),
			      EXPORT_STEP, note_name, e, &w->err) < 0)
		return -1;
	for (size_t i = 0; i < e->count && w->out.len < EXPORT_BYTES; i++) {
		buf_clear(&e->after);
		buf_add_span(&e->after, e->names[i]);
		if (export_one(w, e->names[i]) < 0)
			return -1;
	}
	return 0;
}

void a1_rag_export(struct exchange *x, struct call *c)
{
	struct exporting *e = arena_zalloc(&x->arena, sizeof *e);
	int result = 0;

	if (!e) /* the layer below answers */
		return;
	rag_work_begin(x, c, &e->work);
	buf_init(&e->after, RAG_DOCUMENT_NAME_MAX + 1);
	do {
		struct span bytes;

		if (rag_work_run(x, c, &e->work, export_some, e) < 0) {
			result = -1;
			break;
		}
		if (!reply_has_begun(x) && reply_begin(x, 200, "application/x-ndjson") < 0)
			break;
		if (x->head->method == HTTP1_HEAD) /* nobody reads the lines */
			break;
		bytes = buf_span(&e->work.out);
		if (bytes.len > 0)
			result = reply_write(x, &bytes, 1, &e->work.err);
		reply_flush(x);
	} while (result == 0 && e->count > 0);
	if (result == 0)
		reply_end(x);
	else if (reply_has_begun(x))
		reply_abort(x);
	buf_free(&e->after);
	rag_work_end(&e->work);
}
