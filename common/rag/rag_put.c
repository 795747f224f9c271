/*
 * common/rag/rag_put.c - documents into an index, or into a replacement for one, in one
 * transaction.
 */
#include "common/rag/rag_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum { ATTEMPTS_MAX = 8 };

/* Where documents go: an index by its name, or a replacement by its id. */
struct target {
	struct rag_tenant *tenant;
	struct span name;
	int64_t replacement; /* or 0 */
};

struct putting {
	const struct target *to;
	const struct rag_put *put;
	struct rag_batch *batch;
	struct rag_put_result *results;
	struct rag_row row; /* as it was when the documents were prepared; then as it becomes */
	int64_t base;       /* id of the batch's first chunk */
	bool is_stale;      /* something was not as it was: prepare again */
	bool is_changed;    /* there is something to keep */
};

/* 1, 0 when it is to be made, -1. */
static int find_row(struct db *db, const struct target *to, bool make, struct rag_row *row,
		    struct err *err)
{
	int found;

	if (to->replacement > 0)
		return rag_row_get_replacement(db, to->replacement, row, err) < 0 ? -1 : 1;
	if (!make)
		return rag_row_get(db, to->name, row, err) < 0 ? -1 : 1;
	found = rag_row_find(db, to->name, row, err);
	if (found == 0 && rag_index_name_check(to->name, E_invalid_field, "index", err) < 0)
		return -1;
	if (found == 0) {
		memset(row, 0, sizeof(*row));
		snprintf(row->name, sizeof(row->name), "%.*s", SPAN_ARGS(to->name));
		rag_config_fill(NULL, &row->config, err);
	}
	return found;
}

/* ---- inside the transaction ---- */

int rag_chunks_take(struct db *db, int64_t count, int64_t *first, struct err *err)
{
	struct db_statement *st;

	if (db_number(db, "SELECT next_chunk FROM rag_counter", first, err) < 0)
		return -1;
	st = db_statement(db, "UPDATE rag_counter SET next_chunk = ?1", err);
	if (!st)
		return -1;
	db_bind_int(st, 1, *first + count);
	return db_run(st, err);
}

static struct span meta_of(const struct rag_document_in *in)
{
	return in->meta.len > 0 ? in->meta : SPAN_LIT("{}");
}

/* Not null. */
static struct span text_of(struct span s)
{
	return s.ptr ? s : SPAN_LIT("");
}

static struct span hash_of(const unsigned char *hash)
{
	return span_of((const char *)hash, DIGEST_SIZE);
}

/* 1 when the row is what was seen when preparing, 0 when it is not, -1. */
static int update_known(struct db *db, struct putting *p, const struct rag_prepared *d,
			struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT first_chunk, source, meta, mtime, chunks, source_hash = ?4,"
			     " given_hash = ?5, flagged FROM rag_document"
			     " WHERE id = ?1 AND index_id = ?2 AND name = ?3"
			     " AND (source_hash = ?4 AND given_hash = ?5"
			     "  OR text_hash = ?6 AND title = ?7 AND type = ?8)",
			     err);
	const struct rag_document_in *in = d->in;
	bool has_meta = false, has_all = false;
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, d->known_id);
	db_bind_int(st, 2, p->row.id);
	db_bind_text(st, 3, d->name);
	db_bind_blob(st, 4, hash_of(d->source_hash));
	db_bind_blob(st, 5, hash_of(d->given_hash));
	db_bind_blob(st, 6, hash_of(d->text_hash));
	db_bind_text(st, 7, text_of(d->title));
	db_bind_text(st, 8, d->type);
	found = db_next(st, err);
	if (found == 1) {
		has_meta = span_equal(db_text(st, 2), meta_of(in));
		has_all = has_meta && span_equal(db_text(st, 1), in->source) &&
			  db_int(st, 3) == in->mtime_us && db_int(st, 5) && db_int(st, 6);
		p->results[d->result].chunks = db_int(st, 4);
		p->results[d->result].flagged = db_int(st, 7) != 0;
		p->results[d->result].what = has_meta ? RAG_UNCHANGED : RAG_CHANGED;
	}
	db_reset(st);
	if (found != 1 || has_all)
		return found;
	st = db_statement(db,
			  "UPDATE rag_document SET source = ?2, meta = ?3, mtime = ?4,"
			  " source_hash = ?5, given_hash = ?6, source_bytes = ?7, changed_at = ?8"
			  " WHERE id = ?1",
			  err);
	if (!st)
		return -1;
	db_bind_int(st, 1, d->known_id);
	db_bind_text(st, 2, text_of(in->source));
	db_bind_text(st, 3, meta_of(in));
	db_bind_int(st, 4, in->mtime_us);
	db_bind_blob(st, 5, hash_of(d->source_hash));
	db_bind_blob(st, 6, hash_of(d->given_hash));
	db_bind_int(st, 7, d->source_bytes);
	db_bind_int(st, 8, rag_now_us());
	if (db_run(st, err) < 0)
		return -1;
	p->is_changed = true;
	if (!has_meta && (rag_meta_delete(db, d->known_id, err) < 0 ||
			  rag_meta_insert(db, p->row.id, d->known_id, meta_of(in), err) < 0))
		return -1;
	return 1;
}

int rag_parts_insert(struct db *db, const struct rag_prepared *d, int64_t id, int64_t first,
		     struct err *err)
{
	for (size_t i = 0; i < d->parts.count; i++) {
		const struct rag_part *part = &d->parts.list[i];
		const char *bytes = d->parts.bytes.ptr;
		struct db_statement *st = db_statement(
			db,
			"INSERT INTO rag_part (first_chunk, document_id, chunks, start, size,"
			" coding, pieces, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			err);

		if (!st)
			return -1;
		db_bind_int(st, 1, first + part->first);
		db_bind_int(st, 2, id);
		db_bind_int(st, 3, part->chunks);
		db_bind_int(st, 4, (int64_t)part->start);
		db_bind_int(st, 5, (int64_t)part->size);
		db_bind_int(st, 6, part->coding);
		db_bind_blob(st, 7, span_of(bytes + part->pieces_at, part->pieces_len));
		db_bind_blob(st, 8, span_of(bytes + part->text_at, part->text_len));
		if (db_run(st, err) < 0)
			return -1;
	}
	return 0;
}

/* The row of the document, new or in the place of the one that it was. */
static int put_row(struct db *db, struct putting *p, const struct rag_prepared *d,
		   const struct rag_extent *old, int64_t *id, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT OR REPLACE INTO rag_document (id, index_id, name, first_chunk, chunks,"
		" bytes, chars, stored, source_bytes, mtime, flagged, created_at, changed_at,"
		" text_hash, source_hash, given_hash, title, source, type, language, meta, marks)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
		" ?17, ?18, ?19, ?20, ?21, ?22)",
		err);
	const struct rag_document_in *in = d->in;
	int64_t now = rag_now_us();

	if (!st)
		return -1;
	if (old->id > 0)
		db_bind_int(st, 1, old->id);
	db_bind_int(st, 2, p->row.id);
	db_bind_text(st, 3, d->name);
	db_bind_int(st, 4, p->base + d->first);
	db_bind_int(st, 5, d->chunks);
	db_bind_int(st, 6, (int64_t)d->bytes);
	db_bind_int(st, 7, (int64_t)d->chars);
	db_bind_int(st, 8, (int64_t)d->parts.bytes.len);
	db_bind_int(st, 9, d->source_bytes);
	db_bind_int(st, 10, in->mtime_us);
	db_bind_int(st, 11, d->flagged);
	db_bind_int(st, 12, old->id > 0 ? old->created_us : now);
	db_bind_int(st, 13, now);
	db_bind_blob(st, 14, hash_of(d->text_hash));
	db_bind_blob(st, 15, hash_of(d->source_hash));
	db_bind_blob(st, 16, hash_of(d->given_hash));
	db_bind_text(st, 17, text_of(d->title));
	db_bind_text(st, 18, text_of(in->source));
	db_bind_text(st, 19, d->type);
	if (d->language.ptr)
		db_bind_text(st, 20, d->language);
	db_bind_text(st, 21, meta_of(in));
	db_bind_blob(st, 22, d->marks.len > 0 ? buf_span(&d->marks) : SPAN_LIT(""));
	if (db_run(st, err) < 0)
		return -1;
	*id = old->id > 0 ? old->id : db_last_id(db);
	return 0;
}

static int put_one(struct db *db, struct putting *p, const struct rag_prepared *d, struct err *err)
{
	struct rag_put_result *result = &p->results[d->result];
	struct rag_extent old = { .id = 0 };
	int64_t id;
	int found;

	result->has_made = !d->is_known;
	if (d->is_known) {
		found = update_known(db, p, d, err);
		p->is_stale = p->is_stale || found == 0;
		return found < 0 ? -1 : 0;
	}
	found = rag_extent_find(db, p->row.id, d->name, &old, err);
	if (found < 0)
		return -1;
	if (found == 1 && p->put->how == RAG_PUT_ADD) {
		p->is_stale = true;
		return 0;
	}
	if (found == 1 && rag_document_empty(db, &p->row, &old, p->row.generation, err) < 0)
		return -1;
	if (found == 1 && p->row.model > 0 && rag_vectors_stale(db, old.first, old.chunks, err) < 0)
		return -1;
	if (put_row(db, p, d, &old, &id, err) < 0 ||
	    rag_parts_insert(db, d, id, p->base + d->first, err) < 0 ||
	    rag_meta_insert(db, p->row.id, id, meta_of(d->in), err) < 0)
		return -1;
	p->is_changed = true;
	p->row.documents++;
	p->row.chunks += d->chunks;
	p->row.bytes += (int64_t)d->bytes;
	p->row.stored += (int64_t)d->parts.bytes.len;
	result->what = found == 1 ? RAG_CHANGED : RAG_ADDED;
	result->chunks = d->chunks;
	return 0;
}

int rag_tails_insert(struct db *db, const struct rag_row *row, struct rag_batch *b, int64_t base,
		     struct err *err)
{
	for (size_t i = 0; i < b->tail_count; i++) {
		struct rag_tail *tail = &b->tails[i];
		struct rag_segment_row segment = {
			.index_id = row->id,
			.kind = RAG_POSTINGS,
			.first = base + tail->first,
			.last = base + tail->first + tail->rows - 1,
			.rows = tail->rows,
			.born = row->generation,
		};

		segment_shift(tail->bytes.ptr, tail->bytes.len, base);
		if (rag_segment_insert(db, &segment, buf_span(&tail->bytes), err) < 0)
			return -1;
	}
	if (row->model > 0 && rag_want_insert(db, row->id, row->model, base, b->chunks, err) < 0)
		return -1;
	return row->building > 0 ? rag_want_insert(db, row->id, row->building, base, b->chunks, err)
				 : 0;
}

static int put_all(struct db *db, void *arg, struct err *err)
{
	struct putting *p = arg;
	const struct rag_batch *b = p->batch;
	struct rag_config config = p->row.config;
	int found = find_row(db, p->to, p->put->make, &p->row, err);

	if (found < 0)
		return -1;
	if (found == 0 && rag_row_insert(db, &p->row, err) < 0)
		return -1;
	/* Documents were cut as the index was configured then. */
	p->is_stale = memcmp(&config, &p->row.config, sizeof(config)) != 0;
	p->row.generation++;
	if (b->chunks > 0 && rag_chunks_take(db, b->chunks, &p->base, err) < 0)
		return -1;
	for (size_t i = 0; i < b->count && !p->is_stale; i++)
		if (put_one(db, p, &b->docs[i], err) < 0)
			return -1;
	if (p->is_stale)
		return err_set(err, E_storage_error, "",
			       "others keep changing the same documents; try again");
	if (rag_unread_forget(db, p->row.id, b, err) < 0)
		return -1;
	if (found == 1 && !p->is_changed)
		return 0;
	if (rag_tails_insert(db, &p->row, p->batch, p->base, err) < 0 ||
	    rag_row_check_limits(p->to->tenant->rag, db, &p->row, err) < 0)
		return -1;
	p->row.changed_us = rag_now_us();
	return rag_row_update(db, &p->row, err);
}

/* ---- around it ---- */

static int64_t count_segments(struct rag_tenant *t, int64_t index_id)
{
	struct err err = ERR_INIT;
	struct db *db = rag_read_begin(t, &err);
	struct db_statement *st =
		db ? db_statement(db,
				  "SELECT count(*) FROM rag_segment WHERE index_id = ?1"
				  " AND kind = 1",
				  &err)
		   : NULL;
	int64_t count = 0;

	if (st) {
		db_bind_int(st, 1, index_id);
		if (db_next(st, &err) == 1)
			count = db_int(st, 0);
		db_reset(st);
	}
	rag_read_end(t, db);
	return count;
}

static int prepare(struct putting *p, const struct rag_document_in *docs, size_t count,
		   struct arena *a, struct err *err)
{
	struct rag_tenant *t = p->to->tenant;
	struct rag_preparing how = { .rag = t->rag, .put = p->put, .row = &p->row };
	int result = -1;

	how.db = rag_read_begin(t, err);
	if (how.db && find_row(how.db, p->to, p->put->make, &p->row, err) >= 0)
		result = rag_prepare(&how, docs, count, a, p->batch, p->results, err);
	rag_read_end(t, how.db);
	return result;
}

struct noting {
	const struct target *to;
	const struct rag_document_in *docs;
	const struct rag_put_result *results;
	size_t count;
};

/* Of an index that nothing was ever put into nobody asks. */
static int note_unread(struct db *db, void *arg, struct err *err)
{
	const struct noting *n = arg;
	struct rag_row row;
	int found = rag_row_find(db, n->to->name, &row, err);

	return found == 1 ? rag_unread_note(db, row.id, &n->to->tenant->rag->options.reading, n->docs, n->results,
					    n->count, err)
			  : found;
}

/* It is no failure of the put when that cannot be kept: they are only brought again. */
static void keep_unread(const struct target *to, const struct rag_document_in *docs,
			const struct rag_put_result *results, size_t count)
{
	struct noting n = { to, docs, results, count };
	struct err err = ERR_INIT;

	if (to->replacement == 0 && rag_unread_has_any(docs, results, count) &&
	    rag_write(to->tenant, note_unread, &n, &err) < 0)
		log_warn("rag", "what could not be read is not kept: %s", err.message);
}

static int put(const struct target *to, const struct rag_put *how,
	       const struct rag_document_in *docs, size_t count, struct arena *a,
	       struct rag_put_result *results, struct err *err)
{
	static const struct rag_put defaults = { .how = RAG_PUT_ADD };
	struct rag_batch batch = { .docs = NULL };
	struct putting p = {
		.to = to, .put = how ? how : &defaults, .batch = &batch, .results = results
	};
	int result = -1;

	rag_free_much(to->tenant, (int64_t)count);
	for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		rag_batch_free(&batch);
		p.is_stale = p.is_changed = false;
		result = prepare(&p, docs, count, a, err);
		if (result == 0 && batch.count > 0)
			result = rag_write(to->tenant, put_all, &p, err);
		if (!p.is_stale)
			break;
	}
	rag_batch_free(&batch);
	if (result == 0)
		keep_unread(to, docs, results, count);
	if (result == 0 && p.is_changed && count_segments(to->tenant, p.row.id) > RAG_SEGMENTS_MANY)
		rag_tend_put(to->tenant, p.row.id);
	return result;
}

int rag_put(struct rag *r, struct span tenant, struct span index, const struct rag_put *how,
	    const struct rag_document_in *docs, size_t count, struct arena *a,
	    struct rag_put_result *results, struct err *err)
{
	struct target to = { .name = index };

	if (!rag_name_is_valid(index))
		return rag_index_name_check(
			index, how && how->make ? E_invalid_field : E_rag_index_not_found, "index", err);
	to.tenant = rag_tenant_find(r, tenant, how && how->make, err);
	return to.tenant ? put(&to, how, docs, count, a, results, err) : -1;
}

int rag_replace_put(struct rag *r, struct span tenant, const struct rag_replacement *to,
		    const struct rag_put *how, const struct rag_document_in *docs, size_t count,
		    struct arena *a, struct rag_put_result *results, struct err *err)
{
	struct target target = { .replacement = to->id };

	target.tenant = rag_tenant_find(r, tenant, false, err);
	return target.tenant ? put(&target, how, docs, count, a, results, err) : -1;
}
