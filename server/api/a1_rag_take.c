/*
 * server/api/a1_rag_take.c - /a1/rag/indices/{id}/documents: what is put there.
 *
 * A body is read on the fiber, in pieces where it is JSON lines; documents are decoded, read, cut
 * and committed on a thread of its own pool.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/jscan.h"
#include "common/base/multipart.h"
#include "server/api/a1_rag.h"
#include "server/api/a1_rag_read.h"

enum {
	LINES_STEP = 4 * 1024 * 1024, /* of JSON lines taken at once */
	LINE_MAX_BYTES = 96 * 1024 * 1024,
	RESULTS_MAX = 1000, /* told one by one; of more those that failed or are flagged */
	FAILURES_MAX = 10000,
};

enum form { FORM_JSON, FORM_LINES, FORM_FILES };

struct taking {
	struct rag_work work;
	struct rag_put put;
	struct rag_replacement replacement; /* id 0: none */
	enum form form;
	struct span type;  /* of the body */
	struct span bytes; /* what is to be taken now */
	struct document_batch batch;
	struct rag_put_result *results; /* of the batch */
	int64_t outcomes[RAG_FAILED + 1], told, chunks, lines;
	int64_t before; /* documents that a replacement replaces */
	struct buf listed;
};

/* ---- on a thread ---- */

static void list_result(struct taking *t, const struct rag_put_result *r, struct span given)
{
	t->outcomes[r->what]++;
	if (r->has_made)
		t->chunks += r->chunks;
	if (t->told >= RESULTS_MAX &&
	    (t->told >= FAILURES_MAX || (r->what != RAG_FAILED && !r->flagged)))
		return;
	if (t->told++ > 0)
		buf_add_char(&t->listed, ',');
	rag_print_result(&t->listed, r, given);
}

static void list_results(struct taking *t)
{
	for (size_t i = 0; i < t->batch.count; i++)
		list_result(t, &t->results[i], t->batch.documents[i].name);
}

static int put_batch(struct taking *t)
{
	struct rag_work *w = &t->work;
	struct arena names;
	int result;

	if (t->batch.count == 0)
		return 0;
	arena_init(&names, A1_RAG_REPLY_MAX);
	t->results = arena_zalloc(&names, t->batch.count * sizeof *t->results);
	if (!t->results)
		result = err_used_up(&w->err);
	else if (t->replacement.id)
		result = rag_replace_put(w->rag, w->tenant, &t->replacement, &t->put,
					 t->batch.documents, t->batch.count, &names, t->results,
					 &w->err);
	else
		result = rag_put(w->rag, w->tenant, w->index, &t->put, t->batch.documents,
				 t->batch.count, &names, t->results, &w->err);
	if (result == 0)
		list_results(t);
	arena_clear(&names);
	document_batch_clear(&t->batch);
	return result;
}

/* All or nothing is one transaction, which is one batch, however large; a replacement is one
 * anyway. */
static bool is_one_batch(const struct taking *t)
{
	return t->put.whole && !t->replacement.id;
}

static int put_if_full(struct taking *t)
{
	return document_batch_is_full(&t->batch) && !is_one_batch(t) ? put_batch(t) : 0;
}

static int check_whole(const struct taking *t, size_t count, struct err *err)
{
	if (!is_one_batch(t) || count <= BATCH_DOCUMENTS)
		return 0;
	return err_set(err, E_invalid_field, "documents",
		       "at most %d documents are added at once here; upsert takes more",
		       BATCH_DOCUMENTS);
}

/* The list's documents, into the batch; keep: when one is full it is put, else only looked at. */
static int read_documents(struct taking *t, struct jvalue list, bool keep, bool *has_more)
{
	*has_more = false;
	for (struct jwalk w = jwalk_start(list); jwalk_next(&w);) {
		char where[64];

		snprintf(where, sizeof where, "documents[%zu]", w.index);
		if (document_read(&t->batch, w.value, where, &t->work.err) < 0)
			return -1;
		if (!document_batch_is_full(&t->batch) || is_one_batch(t))
			continue;
		*has_more = true;
		if (keep && put_batch(t) < 0)
			return -1;
		document_batch_clear(&t->batch);
	}
	return 0;
}

/* Nothing is kept of a list in which one is none, however many come before it. */
static int take_json(struct taking *t)
{
	struct jvalue list;
	size_t count;
	bool has_more;

	if (document_read_list(t->bytes, &list, &count, &t->work.err) < 0 ||
	    check_whole(t, count, &t->work.err) < 0 || read_documents(t, list, false, &has_more) < 0)
		return -1;
	if (has_more) {
		document_batch_clear(&t->batch);
		if (read_documents(t, list, true, &has_more) < 0)
			return -1;
	}
	return put_batch(t);
}

/* Where each line is for itself, one that is no document keeps no other out. */
static int refuse_line(struct taking *t, struct span id)
{
	const struct rag_put_result refused = { .what = RAG_FAILED, .err = t->work.err };

	if (t->put.whole)
		return -1;
	list_result(t, &refused, id);
	t->work.err = (struct err)ERR_INIT;
	/* What a line was too large for is emptied, too. */
	return refused.err.code == E_body_too_large ? put_batch(t) : 0;
}

static int take_line(struct taking *t, struct span line)
{
	struct rag_document_in *next = &t->batch.documents[t->batch.count];
	struct jvalue object;
	char where[64];

	t->lines++;
	line = span_trim(line);
	if (line.len == 0)
		return 0;
	snprintf(where, sizeof where, "lines[%lld]", (long long)t->lines);
	if (jscan_check(line, NULL, &object, &t->work.err) < 0) {
		snprintf(t->work.err.param, sizeof t->work.err.param, "%s", where);
		return refuse_line(t, SPAN_NONE);
	}
	next->name = SPAN_NONE;
	if (document_read(&t->batch, object, where, &t->work.err) < 0)
		return refuse_line(t, next->name);
	return put_if_full(t);
}

static int take_lines(struct taking *t)
{
	for (struct span rest = t->bytes; rest.len > 0;) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.ptr) : rest.len;

		if (take_line(t, span_of(rest.ptr, len)) < 0)
			return -1;
		rest = span_from(rest, end ? len + 1 : len);
	}
	return put_batch(t);
}

/* Files before the first part that says something of them have it from there. */
static void fill_first(struct taking *t, struct span meta, int64_t mtime)
{
	for (size_t i = 0; i < t->batch.count; i++) {
		struct rag_document_in *d = &t->batch.documents[i];

		if (!d->meta.ptr)
			d->meta = meta;
		if (d->mtime_us < 0)
			d->mtime_us = mtime;
	}
}

/* Parts "metadata" and "mtime" hold for the files after them, the first also for those before. */
static int take_files(struct taking *t)
{
	struct multipart_field fields[MULTIPART_PARTS_MAX];
	struct span meta = SPAN_NONE;
	int64_t mtime = -1;
	size_t count;

	if (multipart_read_all(t->type, t->bytes, fields, MULTIPART_PARTS_MAX, &count,
			       &t->work.err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct span name = fields[i].part.name, content = fields[i].content;
		struct jvalue value;

		if (span_is(name, "metadata")) {
			if (jscan_check(content, NULL, &value, &t->work.err) < 0 ||
			    document_check_meta(value, "body", &t->work.err) < 0)
				return -1;
			fill_first(t, content, -1);
			meta = content;
		} else if (span_is(name, "mtime")) {
			if (span_to_int(content, 0, INT64_MAX, &mtime) < 0)
				return err_set(&t->work.err, E_invalid_field, "body.mtime",
					       "mtime is a whole number of microseconds");
			fill_first(t, SPAN_NONE, mtime);
		} else if (span_is(name, "file")) {
			document_read_file(&t->batch, fields[i].part.filename, fields[i].part.type,
					   content);
			t->batch.documents[t->batch.count - 1].meta = meta;
			t->batch.documents[t->batch.count - 1].mtime_us = mtime;
		} else {
			return err_set(&t->work.err, E_invalid_field, "body",
				       "there is no field \"%.*s\" here; there are file, metadata "
				       "and mtime",
				       (int)(name.len < 64 ? name.len : 64), name.ptr);
		}
	}
	if (t->batch.count == 0)
		return err_set(&t->work.err, E_missing_field, "body.file",
			       "the form needs a field file");
	return put_batch(t);
}

static int take_form(void *arg)
{
	struct taking *t = arg;
	int result;

	switch (t->form) {
	case FORM_JSON:
		result = take_json(t);
		break;
	case FORM_LINES:
		result = take_lines(t);
		break;
	default:
		result = take_files(t);
		break;
	}
	document_batch_clear(&t->batch);
	return result;
}

static int begin_replacement(void *arg)
{
	struct taking *t = arg;
	struct rag_work *w = &t->work;
	struct rag_index_info index;
	struct err none = ERR_INIT;

	if (rag_index_get(w->rag, w->tenant, w->index, &w->arena, &index, &none) == 0)
		t->before = index.documents;
	return rag_replace_begin(w->rag, w->tenant, w->index, &t->replacement, &w->err);
}

static int end_replacement(void *arg)
{
	struct taking *t = arg;

	return rag_replace_end(t->work.rag, t->work.tenant, &t->replacement, &t->work.err);
}

static int cancel_replacement(void *arg)
{
	struct taking *t = arg;

	rag_replace_cancel(t->work.rag, t->work.tenant, &t->replacement);
	return 0;
}

/* ---- on the fiber ---- */

/* Without parameters. */
static struct span media_of(struct span type)
{
	return span_trim(span_cut(&type, ';'));
}

static enum form form_of(struct exchange *x)
{
	struct span media = media_of(x->head->known[HTTP1_CONTENT_TYPE]);

	if (call_has_form(x))
		return FORM_FILES;
	return span_is_nocase(media, "application/x-ndjson") ||
			       span_is_nocase(media, "application/jsonl")
		       ? FORM_LINES
		       : FORM_JSON;
}

/* The first len bytes are taken, which are whole lines; the rest stays. */
static int take_whole_lines(struct call *c, struct taking *t, struct buf *text, size_t len)
{
	int result;

	if (len == 0)
		return 0;
	t->bytes = span_of(text->ptr, len);
	result = rag_work_ingest(c, &t->work, take_form, t);
	buf_consume(text, len);
	return result;
}

/* Where the last line of a piece ends; 0 when none does. */
static size_t lines_end(struct span piece)
{
	const char *end = memrchr(piece.ptr, '\n', piece.len);

	return end ? (size_t)(end - piece.ptr) + 1 : 0;
}

static int read_lines(struct exchange *x, struct call *c, struct taking *t)
{
	size_t whole = 0; /* bytes of whole lines */
	struct span piece;
	struct buf text;
	int got, result = 0;

	buf_init(&text, LINE_MAX_BYTES);
	while (result == 0 && (got = exchange_next_piece(x, &piece, &t->work.err)) != 0) {
		if (got < 0) {
			result = -1;
			break;
		}
		if (lines_end(piece) > 0)
			whole = text.len + lines_end(piece);
		if (buf_add_span(&text, piece) < 0)
			result = err_set(&t->work.err, E_body_too_large, "body",
					 "a line has at most %d MiB", LINE_MAX_BYTES >> 20);
		else if (text.len >= LINES_STEP) {
			result = take_whole_lines(c, t, &text, whole);
			whole = 0;
		}
	}
	if (result == 0)
		result = take_whole_lines(c, t, &text, text.len);
	buf_free(&text);
	return result;
}

static int read_body(struct exchange *x, struct call *c, struct taking *t)
{
	if (t->form == FORM_LINES)
		return read_lines(x, c, t);
	if ((t->form == FORM_JSON && call_check_type(x, &t->work.err) < 0) ||
	    exchange_body(x, (size_t)c->snapshot->config->max_body_bytes, &t->bytes, &t->work.err) <
		    0)
		return -1;
	return rag_work_ingest(c, &t->work, take_form, t);
}

static int take_body(struct exchange *x, struct call *c, struct taking *t, bool replace)
{
	int result = replace ? rag_work_ingest(c, &t->work, begin_replacement, t) : 0;

	if (result == 0)
		result = read_body(x, c, t);
	if (result == 0 && replace)
		result = rag_work_ingest(c, &t->work, end_replacement, t);
	if (result < 0 && t->replacement.id) {
		struct err why = t->work.err;

		rag_work_always(c, &t->work, cancel_replacement, t);
		t->work.err = why;
	}
	return result;
}

static void reply_taken(struct exchange *x, struct taking *t, bool replace)
{
	struct buf *out = &t->work.out;

	buf_add_str(out, "{\"index_id\":");
	jtext_string(out, t->work.index);
	buf_printf(out, ",\"added\":%lld,\"changed\":%lld,\"unchanged\":%lld,\"failed\":%lld",
		   (long long)t->outcomes[RAG_ADDED], (long long)t->outcomes[RAG_CHANGED],
		   (long long)t->outcomes[RAG_UNCHANGED], (long long)t->outcomes[RAG_FAILED]);
	if (replace)
		buf_printf(out, ",\"removed\":%lld", (long long)t->before);
	buf_printf(out, ",\"chunks\":%lld,\"results\":[", (long long)t->chunks);
	buf_add_span(out, buf_span(&t->listed));
	buf_add_str(out, "]}");
	rag_work_reply(x, &t->work, 200);
}

static struct taking *begin_taking(struct exchange *x, struct call *c)
{
	struct taking *t = arena_zalloc(&x->arena, sizeof *t);

	if (!t) /* the layer below answers */
		return NULL;
	rag_work_begin(x, c, &t->work);
	document_batch_init(&t->batch, A1_RAG_REPLY_MAX);
	buf_init(&t->listed, A1_RAG_REPLY_MAX / 2);
	t->type = x->head->known[HTTP1_CONTENT_TYPE];
	t->form = form_of(x);
	t->put.make = true;
	t->put.cancelled = &t->work.cancelled;
	return t;
}

static void end_taking(struct call *c, struct taking *t)
{
	if (t->outcomes[RAG_ADDED] + t->outcomes[RAG_CHANGED] > 0)
		rag_work_note(c, &t->work);
	if (t->replacement.id) {
		/* What was replaced, or given up, is nobody's any more. */
		t->work.index = SPAN_LIT("");
		rag_work_note(c, &t->work);
	}
	document_batch_clear(&t->batch);
	buf_free(&t->listed);
	rag_work_end(&t->work);
}

static void take_documents(struct exchange *x, struct call *c, enum rag_put_how how, bool whole,
			   bool replace)
{
	struct taking *t = begin_taking(x, c);

	if (!t)
		return;
	t->put.how = how;
	t->put.whole = whole;
	if (take_body(x, c, t, replace) == 0)
		reply_taken(x, t, replace);
	else if (t->work.err.code != E_cancelled)
		reply_error(x, &t->work.err);
	end_taking(c, t);
}

void a1_documents_replace(struct exchange *x, struct call *c)
{
	take_documents(x, c, RAG_PUT_REPLACE, true, true);
}

/* Lines may be more than one transaction: there each is for itself, as those of an upsert are. */
void a1_documents_append(struct exchange *x, struct call *c)
{
	take_documents(x, c, RAG_PUT_ADD, form_of(x) != FORM_LINES, false);
}

void a1_documents_upsert(struct exchange *x, struct call *c)
{
	take_documents(x, c, RAG_PUT_REPLACE, false, false);
}

/* ---- one, in its own place ---- */

static int take_one(void *arg)
{
	struct taking *t = arg;
	struct rag_document_in *d;
	struct span name = t->batch.documents[0].name;
	struct jvalue object;

	if (t->form == FORM_JSON) {
		if (jscan_check(t->bytes, NULL, &object, &t->work.err) < 0)
			return -1;
		t->batch.count = 0;
		if (document_read(&t->batch, object, "body", &t->work.err) < 0)
			return -1;
	}
	d = &t->batch.documents[0];
	if (t->form == FORM_JSON && d->name.len > 0 && !span_equal(d->name, name))
		return err_set(&t->work.err, E_invalid_field, "body.id",
			       "the id is the path's: leave it out");
	d->name = name;
	return put_batch(t);
}

/* A file as it is, unless it says that it is our own JSON. */
static int read_one(struct exchange *x, struct call *c, struct taking *t)
{
	struct span title, source;
	int64_t mtime_us = -1;
	bool is_json = span_is_nocase(media_of(t->type), "application/json");

	if (call_query(x, "title", &title, &t->work.err) < 0 ||
	    call_query(x, "source", &source, &t->work.err) < 0 ||
	    call_query_int(x, "mtime", 0, INT64_MAX, &mtime_us, &t->work.err) < 0 ||
	    (is_json && call_check_type(x, &t->work.err) < 0) ||
	    exchange_body(x, (size_t)c->snapshot->config->max_body_bytes, &t->bytes, &t->work.err) <
		    0)
		return -1;
	if (!*call_param(x, c, 1))
		return err_set(&t->work.err, E_invalid_field, "id",
			       "a document's id has no NUL");
	t->form = is_json ? FORM_JSON : FORM_FILES;
	document_read_file(&t->batch, span_str(call_param(x, c, 1)), media_of(t->type), t->bytes);
	t->batch.documents[0].title = title;
	if (source.ptr)
		t->batch.documents[0].source = source;
	t->batch.documents[0].mtime_us = mtime_us;
	return rag_work_ingest(c, &t->work, take_one, t);
}

void a1_documents_put(struct exchange *x, struct call *c)
{
	struct taking *t = begin_taking(x, c);

	if (!t)
		return;
	t->put.how = RAG_PUT_REPLACE;
	t->put.whole = true;
	if (read_one(x, c, t) == 0)
		reply_send(x, t->outcomes[RAG_ADDED] > 0 ? 201 : 200, "application/json",
			   buf_span(&t->listed));
	else if (t->work.err.code != E_cancelled)
		reply_error(x, &t->work.err);
	end_taking(c, t);
}
