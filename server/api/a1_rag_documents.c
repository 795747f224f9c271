/*
 * server/api/a1_rag_documents.c - /a1/rag/indices/{id}: the documents there are.
 */
#include <string.h>

#include "common/base/jscan.h"
#include "server/api/a1_rag.h"
#include "server/api/fields.h"

enum { LIST_MAX = 1000, LIST_DEFAULT = 100, IDS_MAX = 10000, LIST_BODY_MAX = 32 * 1024 * 1024 };

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

static int get(void *arg)
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
			: err_set(&w->err, E_rag_document_not_found, "doc",
				  "the index has no document of this id");
}

void a1_documents_get(struct exchange *x, struct call *c)
{
	struct one o = { .name = span_str(call_param(x, c, 1)) };

	rag_work_begin(x, c, &o.work);
	if (rag_work_run(x, c, &o.work, get, &o) == 0)
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

/* A body that may be large: it is taken apart on the thread of jobs. */
struct many {
	struct rag_work work;
	struct span bytes;
	const char *const *names; /* of its members */
	int (*do_it)(struct many *m);
	bool changes; /* the index */
	json_t *body;
};

static int read_ids(struct many *m, struct span *ids, size_t *count)
{
	json_t *list = json_object_get(m->body, "ids"), *id;
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

static int drop_many(struct many *m)
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

static int run_many(void *arg)
{
	struct many *m = arg;
	json_error_t why;
	int result = -1;

	m->body = json_loadb(m->bytes.ptr, m->bytes.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
			     &why);
	if (!m->body)
		err_set(&m->work.err, E_invalid_json, "body", "%s, at byte %d", why.text,
			why.position);
	else if (!json_is_object(m->body))
		err_set(&m->work.err, E_invalid_field, "body", "the body must be a JSON object");
	else if (fields_check(m->body, m->names, &m->work.err) == 0)
		result = m->do_it(m);
	json_decref(m->body);
	return result;
}

static void run_body(struct exchange *x, struct call *c, struct many *m)
{
	int result = m->changes ? rag_work_write(x, c, &m->work, run_many, m)
				: rag_work_run(x, c, &m->work, run_many, m);

	if (result < 0)
		return;
	if (m->changes)
		rag_work_note(c, &m->work);
	rag_work_reply(x, &m->work, 200);
}

static void with_body(struct exchange *x, struct call *c, struct many *m)
{
	rag_work_begin(x, c, &m->work);
	if (call_check_type(x, &m->work.err) < 0 ||
	    exchange_body(x, LIST_BODY_MAX, &m->bytes, &m->work.err) < 0)
		reply_error(x, &m->work.err);
	else
		run_body(x, c, m);
	rag_work_end(&m->work);
}

void a1_documents_drop(struct exchange *x, struct call *c)
{
	static const char *const names[] = { "ids", NULL };

	struct many m = { .names = names, .do_it = drop_many, .changes = true };

	with_body(x, c, &m);
}

/* ---- what a directory has, and the index ---- */

struct manifest {
	struct many *many;
	json_t *files; /* by id; what has been seen is taken out */
	struct span prefix, after, until; /* which documents it is about */
	struct buf wanted, gone;
	int64_t unchanged;
	bool is_past;
};

static int read_files(json_t *list, json_t *files, struct err *err)
{
	size_t i;
	json_t *file;

	if (!json_is_array(list))
		return err_set(err, list ? E_invalid_field : E_missing_field, "files",
			       "files is a list of {id, size, mtime}");
	json_array_foreach(list, i, file)
	{
		struct span id;
		int64_t size = -1, mtime = -1;

		if (!json_is_object(file))
			return err_set(err, E_invalid_field, "files",
				       "a file is {id, size, mtime}");
		if (field_need_text(file, "id", &id, err) < 0 ||
		    field_int(file, "size", 0, INT64_MAX, &size, err) < 0 ||
		    field_int(file, "mtime", 0, INT64_MAX, &mtime, err) < 0)
			return -1;
		json_object_setn(files, id.ptr, id.len, file);
	}
	return 0;
}

static void add_wanted(struct manifest *m, struct span id, const char *why)
{
	buf_printf(&m->wanted, "%s{\"id\":", m->wanted.len > 0 ? "," : "");
	jtext_string(&m->wanted, id);
	buf_printf(&m->wanted, ",\"why\":\"%s\"}", why);
}

static bool is_behind(struct span name, struct span other)
{
	size_t least = name.len < other.len ? name.len : other.len;
	int order = least > 0 ? memcmp(name.ptr, other.ptr, least) : 0;

	return order > 0 || (order == 0 && name.len > other.len);
}

static int compare(void *arg, const struct rag_document_info *d)
{
	struct manifest *m = arg;
	json_t *file = json_object_getn(m->files, d->name.ptr, d->name.len);
	json_t *mtime;

	if (m->until.ptr && is_behind(d->name, m->until)) {
		m->is_past = true;
		return -1;
	}
	if (!file) {
		if (m->gone.len > 0)
			buf_add_char(&m->gone, ',');
		jtext_string(&m->gone, d->name);
		return 0;
	}
	mtime = json_object_get(file, "mtime");
	if (json_integer_value(json_object_get(file, "size")) != d->source_bytes)
		add_wanted(m, d->name, "changed");
	else if (!json_is_integer(mtime) || json_integer_value(mtime) != d->mtime_us)
		add_wanted(m, d->name, "touched");
	else
		m->unchanged++;
	json_object_deln(m->files, d->name.ptr, d->name.len);
	return 0;
}

/* An index that is not there yet wants all. */
static int compare_all(struct manifest *m)
{
	struct rag_work *w = &m->many->work;
	const char *id;
	size_t len;
	json_t *file;

	if (rag_document_each(w->rag, w->tenant, w->index, m->prefix, m->after, -1, compare, m,
			      &w->err) < 0 &&
	    !m->is_past && w->err.code != E_rag_index_not_found)
		return -1;
	json_object_keylen_foreach(m->files, id, len, file) add_wanted(m, span_of(id, len), "new");
	buf_add_str(&w->out, "{\"wanted\":[");
	buf_add_span(&w->out, buf_span(&m->wanted));
	buf_printf(&w->out, "],\"unchanged\":%lld,\"gone\":[", (long long)m->unchanged);
	buf_add_span(&w->out, buf_span(&m->gone));
	buf_add_str(&w->out, "]}");
	if (buf_failed(&m->wanted) || buf_failed(&m->gone))
		return err_set(&w->err, E_too_large, "files", "the list is too long");
	return 0;
}

static int sync_files(struct many *many)
{
	struct manifest m = { .many = many, .files = json_object() };
	struct err *err = &many->work.err;
	int result = -1;

	buf_init(&m.wanted, A1_RAG_REPLY_MAX);
	buf_init(&m.gone, A1_RAG_REPLY_MAX);
	if (field_text(many->body, "prefix", &m.prefix, err) == 0 &&
	    field_text(many->body, "after", &m.after, err) == 0 &&
	    field_text(many->body, "until", &m.until, err) == 0 &&
	    read_files(json_object_get(many->body, "files"), m.files, err) == 0)
		result = compare_all(&m);
	buf_free(&m.wanted);
	buf_free(&m.gone);
	json_decref(m.files);
	return result;
}

void a1_rag_sync(struct exchange *x, struct call *c)
{
	static const char *const names[] = { "files", "prefix", "after", "until", NULL };

	struct many m = { .names = names, .do_it = sync_files };

	with_body(x, c, &m);
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
