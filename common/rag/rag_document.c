/*
 * common/rag/rag_document.c - documents of an index: listed, given back, taken out.
 */
#include "common/rag/rag_inside.h"

#include <string.h>

#include "common/base/digest.h"

enum { TEXT_MAX = 1000 * 1000 * 1000 };

/* ---- taking apart ---- */

int rag_extent_find(struct db *db, int64_t index_id, struct span name, struct rag_extent *e,
		    struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT id, first_chunk, chunks, bytes, stored, created_at"
			     " FROM rag_document WHERE index_id = ?1 AND name = ?2",
			     err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_text(st, 2, name);
	found = db_next(st, err);
	if (found == 1)
		*e = (struct rag_extent){ .id = db_int(st, 0),
					  .first = db_int(st, 1),
					  .chunks = db_int(st, 2),
					  .bytes = db_int(st, 3),
					  .stored = db_int(st, 4),
					  .created_us = db_int(st, 5) };
	db_reset(st);
	return found;
}

int rag_document_empty(struct db *db, struct rag_row *row, const struct rag_extent *e, int64_t born,
		       struct err *err)
{
	struct db_statement *st = db_statement(
		db, "DELETE FROM rag_part WHERE first_chunk >= ?1 AND first_chunk < ?2", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, e->first);
	db_bind_int(st, 2, e->first + e->chunks);
	if (db_run(st, err) < 0 || rag_meta_delete(db, e->id, err) < 0 ||
	    rag_gone_insert(db, row, e->first, e->chunks, born, err) < 0)
		return -1;
	row->documents--;
	row->chunks -= e->chunks;
	row->bytes -= e->bytes;
	row->stored -= e->stored;
	return 0;
}

int rag_document_drop(struct db *db, int64_t id, struct err *err)
{
	return db_run_with(db, "DELETE FROM rag_document WHERE id = ?1", id, err);
}

int rag_vectors_stale(struct db *db, int64_t first, int64_t chunks, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "INSERT OR REPLACE INTO rag_stale (first_chunk, chunks) VALUES (?1, ?2)", err);

	if (!st || chunks == 0)
		return st ? 0 : -1;
	db_bind_int(st, 1, first);
	db_bind_int(st, 2, chunks);
	return db_run(st, err);
}

int rag_vectors_drop(struct db *db, int64_t first, int64_t chunks, struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "DELETE FROM rag_vector WHERE model IN (SELECT id FROM rag_model)"
			     " AND chunk >= ?1 AND chunk < ?2",
			     err);

	if (!st)
		return -1;
	db_bind_int(st, 1, first);
	db_bind_int(st, 2, first + chunks);
	return db_run(st, err);
}

struct deleting {
	struct span index;
	const struct span *names;
	size_t count;
	int64_t gone;
	bool *was_there; /* or NULL */
};

static int delete_some(struct db *db, void *arg, struct err *err)
{
	struct deleting *d = arg;
	struct rag_extent e = { .id = 0 };
	struct rag_row row;

	d->gone = 0;
	if (rag_row_get(db, d->index, &row, err) < 0)
		return -1;
	row.generation++;
	for (size_t i = 0; i < d->count; i++) {
		int found = rag_extent_find(db, row.id, d->names[i], &e, err);

		if (found < 0)
			return -1;
		if (d->was_there)
			d->was_there[i] = found == 1;
		if (found != 1)
			continue;
		if (rag_document_empty(db, &row, &e, row.generation, err) < 0 ||
		    rag_vectors_drop(db, e.first, e.chunks, err) < 0 ||
		    rag_document_drop(db, e.id, err) < 0)
			return -1;
		d->gone++;
	}
	row.changed_us = rag_now_us();
	return d->gone > 0 ? rag_row_update(db, &row, err) : 0;
}

int rag_document_delete(struct rag *r, struct span tenant, struct span index,
			/* delete_some writes there.  NOLINTNEXTLINE(readability-non-const-parameter) */
			const struct span *names, size_t count, int64_t *gone, bool *was_there,
			struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	struct deleting d = { .index = index,
			      .names = names,
			      .count = count,
			      .was_there = was_there };
	int result = t ? rag_write(t, delete_some, &d, err) : -1;

	*gone = result == 0 ? d.gone : 0;
	return result;
}

/* ---- telling ---- */

#define COLUMNS                                                                                   \
	"id, name, title, source, type, meta, text_hash, source_hash, bytes, chars, first_chunk," \
	" chunks, source_bytes, mtime, created_at, changed_at, flagged"

struct hashes {
	char text[DIGEST_HEX_SIZE], source[DIGEST_HEX_SIZE];
};

static struct span hex_of(struct db_statement *st, int column, char out[DIGEST_HEX_SIZE])
{
	struct span blob = db_blob(st, column);

	digest_hex((const uint8_t *)blob.ptr, blob.len < DIGEST_SIZE ? blob.len : DIGEST_SIZE, out);
	return span_str(out);
}

/* Borrowed from st and hashes. */
static void read_info(struct db_statement *st, struct hashes *hashes, struct rag_document_info *d)
{
	*d = (struct rag_document_info){
		.id = db_int(st, 0),
		.name = db_text(st, 1),
		.title = db_text(st, 2),
		.source = db_text(st, 3),
		.type = db_text(st, 4),
		.meta = db_text(st, 5),
		.text_hash = hex_of(st, 6, hashes->text),
		.source_hash = hex_of(st, 7, hashes->source),
		.bytes = db_int(st, 8),
		.chars = db_int(st, 9),
		.first_chunk = db_int(st, 10),
		.chunks = db_int(st, 11),
		.source_bytes = db_int(st, 12),
		.mtime_us = db_int(st, 13),
		.created_us = db_int(st, 14),
		.changed_us = db_int(st, 15),
		.flagged = db_int(st, 16) != 0,
	};
}

static int keep_info(struct rag_document_info *d, struct arena *a, struct err *err)
{
	struct span *texts[] = { &d->name, &d->title,     &d->source,     &d->type,
				 &d->meta, &d->text_hash, &d->source_hash };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_span(a, *texts[i]);
	if (arena_failed(a))
		return err_set(err, E_too_large, "", "what is known of a document does not fit");
	return 0;
}

/* 1 into the arena, 0, -1. */
static int find_info(struct db_statement *st, struct arena *a, struct rag_document_info *out,
		     struct err *err)
{
	struct hashes hashes;
	int found = db_next(st, err);

	if (found == 1) {
		read_info(st, &hashes, out);
		if (keep_info(out, a, err) < 0)
			found = -1;
	}
	db_reset(st);
	return found;
}

int rag_view_document(struct rag_view *v, int64_t document, struct arena *a,
		      struct rag_document_info *out, struct err *err)
{
	struct db_statement *st =
		db_statement(v->db, "SELECT " COLUMNS " FROM rag_document WHERE id = ?1", err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, document);
	found = find_info(st, a, out, err);
	if (found == 0)
		err_set(err, E_storage_error, "", "a document of the index is missing");
	return found == 1 ? 0 : -1;
}

static int find_by_name(struct db *db, int64_t index_id, struct span name, struct arena *a,
			struct rag_document_info *out, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "SELECT " COLUMNS " FROM rag_document WHERE index_id = ?1 AND name = ?2", err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_text(st, 2, name);
	found = find_info(st, a, out, err);
	if (found == 0)
		err_set(err, E_rag_document_not_found, "id", "there is no document \"%.*s\"",
			SPAN_ARGS(name));
	return found == 1 ? 0 : -1;
}

int rag_view_find(struct rag_view *v, struct span name, struct arena *a,
		  struct rag_document_info *out, struct err *err)
{
	return find_by_name(v->db, v->snapshot->index_id, name, a, out, err);
}

/* The first name that does not begin with prefix any more: its last byte raised.  false: none. */
static bool after_prefix(struct span prefix, struct buf *out)
{
	while (prefix.ptr && prefix.len > 0 && (unsigned char)prefix.ptr[prefix.len - 1] == 0xff)
		prefix.len--;
	if (!prefix.ptr || prefix.len == 0)
		return false;
	buf_add(out, prefix.ptr, prefix.len - 1);
	buf_add_char(out, (char)((unsigned char)prefix.ptr[prefix.len - 1] + 1));
	return true;
}

/* As SQLite compares texts. */
static bool is_before(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order < 0 : a.len < b.len;
}

static int each_document(struct db *db, int64_t index_id, struct span prefix, struct span after,
			 int64_t limit, int (*each)(void *arg, const struct rag_document_info *d),
			 void *arg, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"SELECT " COLUMNS " FROM rag_document WHERE index_id = ?1 AND name >= ?2"
		" AND name <> ?3 AND name < CAST(?4 AS TEXT) ORDER BY name LIMIT ?5",
		err);
	struct span from = is_before(after, prefix) ? prefix : after;
	struct rag_document_info info;
	struct hashes hashes;
	struct buf end;
	int more = -1;

	buf_init(&end, RAG_DOCUMENT_NAME_MAX + 1);
	if (!st)
		goto out;
	db_bind_int(st, 1, index_id);
	db_bind_text(st, 2, from.ptr ? from : SPAN_LIT(""));
	db_bind_text(st, 3, after.ptr ? after : SPAN_LIT(""));
	if (prefix.len > RAG_DOCUMENT_NAME_MAX || !after_prefix(prefix, &end))
		buf_add_char(&end, (char)0xff); /* no name begins with it */
	db_bind_blob(st, 4, buf_span(&end));
	db_bind_int(st, 5, limit);
	while ((more = db_next(st, err)) == 1) {
		read_info(st, &hashes, &info);
		if (each(arg, &info) < 0) {
			more = -1;
			break;
		}
	}
	db_reset(st);
out:
	buf_free(&end);
	return more;
}

int rag_document_each(struct rag *r, struct span tenant, struct span index, struct span prefix,
		      struct span after, int64_t limit,
		      int (*each)(void *arg, const struct rag_document_info *d), void *arg,
		      struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	struct db *db = t ? rag_read_begin(t, err) : NULL;
	struct rag_row row;
	int result = -1;

	if (db && rag_row_get(db, index, &row, err) == 0)
		result = each_document(db, row.id, prefix, after, limit, each, arg, err);
	if (t)
		rag_read_end(t, db);
	return result;
}

static int get_marks(struct db *db, const struct rag_document_info *info, struct reading *out,
		     struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT marks, language FROM rag_document WHERE id = ?1", err);
	int result = -1;

	if (!st)
		return -1;
	db_bind_int(st, 1, info->id);
	if (db_next(st, err) == 1) {
		result = rag_marks_unpack(db_blob(st, 0), out);
		out->language = db_str(st, 1);
		if (result < 0)
			err_set(err, E_storage_error, "", "the marks of %.*s are damaged",
				SPAN_ARGS(info->name));
	}
	db_reset(st);
	return result;
}

int rag_reading_get(struct db *db, const struct rag_document_info *info, struct reading *out,
		    struct err *err)
{
	struct arena arena;
	struct span text;
	int result = -1;

	arena_init(&arena, TEXT_MAX);
	if (rag_text_read(db, info, 0, SIZE_MAX, &arena, &text, err) == 0) {
		buf_free(&out->text);
		buf_init(&out->text, text.len + 1);
		buf_add_span(&out->text, text);
		result = get_marks(db, info, out, err);
	}
	arena_clear(&arena);
	return result;
}

int rag_document_read(struct rag *r, struct span tenant, struct span index, struct span name,
		      struct arena *a, struct rag_document_info *out, struct reading *reading,
		      struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	struct db *db = t ? rag_read_begin(t, err) : NULL;
	struct rag_row row;
	int result = -1;

	reading_init(reading);
	if (db && rag_row_get(db, index, &row, err) == 0)
		result = find_by_name(db, row.id, name, a, out, err);
	if (result == 0)
		result = rag_reading_get(db, out, reading, err);
	if (result == 0)
		reading->type = reader_name(out->type);
	if (t)
		rag_read_end(t, db);
	return result;
}

int rag_document_get(struct rag *r, struct span tenant, struct span index, struct span name,
		     struct arena *a, struct rag_document_info *out, struct span *text,
		     struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	struct db *db = t ? rag_read_begin(t, err) : NULL;
	struct rag_row row;
	int result = -1;

	if (db && rag_row_get(db, index, &row, err) == 0)
		result = find_by_name(db, row.id, name, a, out, err);
	if (result == 0 && text)
		result = rag_text_read(db, out, 0, SIZE_MAX, a, text, err);
	if (t)
		rag_read_end(t, db);
	return result;
}
