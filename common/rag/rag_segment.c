/*
 * common/rag/rag_segment.c - the rows of what is derived, of what is gone and of what is wanted.
 */
#include "common/rag/rag_inside.h"

#include <string.h>

#include "common/base/mem.h"

int rag_segment_insert(struct db *db, struct rag_segment_row *row, struct span bytes,
		       struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO rag_segment (index_id, kind, model, parent, first_chunk, last_chunk,"
		" rows, born, size, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		err);

	if (!st)
		return -1;
	row->size = (int64_t)bytes.len;
	db_bind_int(st, 1, row->index_id);
	db_bind_int(st, 2, row->kind);
	db_bind_int(st, 3, row->model);
	db_bind_int(st, 4, row->parent);
	db_bind_int(st, 5, row->first);
	db_bind_int(st, 6, row->last);
	db_bind_int(st, 7, row->rows);
	db_bind_int(st, 8, row->born);
	db_bind_int(st, 9, row->size);
	db_bind_blob(st, 10, bytes);
	if (db_run(st, err) < 0)
		return -1;
	row->id = db_last_id(db);
	return 0;
}

int rag_segment_delete(struct db *db, int64_t id, struct err *err)
{
	return db_run_with(db, "DELETE FROM rag_segment WHERE id = ?1", id, err);
}

int rag_segment_list(struct db *db, int64_t index_id, struct rag_segment_row **rows, size_t *count,
		     struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"SELECT id, kind, model, parent, first_chunk, last_chunk, rows, born, size"
		" FROM rag_segment AS s WHERE index_id = ?1 AND" RAG_SEGMENT_STANDS
		"ORDER BY kind, first_chunk, id",
		err);
	size_t room = 0;
	int more;

	*rows = NULL;
	*count = 0;
	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	while ((more = db_next(st, err)) == 1) {
		if (*count == room) {
			room = room > 0 ? 2 * room : 16;
			*rows = mem_realloc(*rows, room * sizeof(**rows));
		}
		(*rows)[(*count)++] = (struct rag_segment_row){
			.index_id = index_id,
			.id = db_int(st, 0),
			.kind = (enum rag_kind)db_int(st, 1),
			.model = db_int(st, 2),
			.parent = db_int(st, 3),
			.first = db_int(st, 4),
			.last = db_int(st, 5),
			.rows = db_int(st, 6),
			.born = db_int(st, 7),
			.size = db_int(st, 8),
		};
	}
	db_reset(st);
	if (more < 0) {
		mem_free(*rows);
		*rows = NULL;
		*count = 0;
	}
	return more;
}

int rag_segment_bytes(struct db *db, int64_t id, char **bytes, size_t *len, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT bytes FROM rag_segment WHERE id = ?1", err);
	struct span blob;
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, id);
	found = db_next(st, err);
	if (found == 0)
		err_set(err, E_storage_error, "", "a segment of the index is missing; rebuild it");
	if (found == 1) {
		blob = db_blob(st, 0);
		*len = blob.len;
		*bytes = mem_alloc(blob.len + 1);
		if (blob.len > 0)
			memcpy(*bytes, blob.ptr, blob.len);
	}
	db_reset(st);
	return found == 1 ? 0 : -1;
}

/* ---- gone ---- */

int rag_gone_insert(struct db *db, const struct rag_row *row, int64_t first, int64_t chunks,
		    int64_t born, struct err *err)
{
	struct db_statement *st;

	if (chunks == 0)
		return 0;
	st = db_statement(db,
			  "INSERT INTO rag_gone (index_id, first_chunk, chunks, born)"
			  " VALUES (?1, ?2, ?3, ?4)",
			  err);
	if (!st)
		return -1;
	db_bind_int(st, 1, row->id);
	db_bind_int(st, 2, first);
	db_bind_int(st, 3, chunks);
	db_bind_int(st, 4, born);
	if (db_run(st, err) < 0 || rag_refused_remove(db, row->id, first, chunks, err) < 0 ||
	    (row->model > 0 && rag_want_remove(db, row->id, row->model, first, chunks, err) < 0) ||
	    (row->building > 0 &&
	     rag_want_remove(db, row->id, row->building, first, chunks, err) < 0))
		return -1;
	return 0;
}

int rag_gone_forget(struct db *db, int64_t index_id, struct err *err)
{
	return db_run_with(db,
			   "DELETE FROM rag_gone AS g WHERE g.index_id = ?1 AND NOT EXISTS"
			   " (SELECT 1 FROM rag_segment AS s WHERE s.index_id = ?1 AND s.kind IN (1, 3, 7)"
			   " AND s.first_chunk < g.first_chunk + g.chunks AND s.last_chunk >= g.first_chunk"
			   " AND s.born < g.born)", index_id, err);
}

/* ---- wanted ---- */

int rag_want_insert(struct db *db, int64_t index_id, int64_t model, int64_t first, int64_t chunks,
		    struct err *err)
{
	struct db_statement *st;

	if (chunks <= 0)
		return 0;
	st = db_statement(db,
			  "INSERT INTO rag_want (index_id, model, first_chunk, chunks)"
			  " VALUES (?1, ?2, ?3, ?4)",
			  err);
	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, model);
	db_bind_int(st, 3, first);
	db_bind_int(st, 4, chunks);
	return db_run(st, err);
}

int rag_want_touching(struct db *db, int64_t index_id, int64_t model, int64_t first, int64_t end,
		      struct rag_want *w, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"SELECT first_chunk, chunks FROM rag_want WHERE index_id = ?1"
		" AND model = ?2 AND first_chunk < ?3 ORDER BY first_chunk DESC LIMIT 1",
		err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, model);
	db_bind_int(st, 3, end);
	found = db_next(st, err);
	if (found == 1)
		*w = (struct rag_want){ db_int(st, 0), db_int(st, 1) };
	db_reset(st);
	if (found == 1 && w->first + w->chunks <= first)
		found = 0;
	return found;
}

/* Those that touch are cut to what is left of them, from the last one down. */
int rag_want_remove(struct db *db, int64_t index_id, int64_t model, int64_t first, int64_t chunks,
		    struct err *err)
{
	int64_t end = first + chunks;
	struct rag_want w;
	int found;

	while ((found = rag_want_touching(db, index_id, model, first, end, &w, err)) == 1) {
		struct db_statement *st =
			db_statement(db,
				     "DELETE FROM rag_want WHERE index_id = ?1 AND model = ?2"
				     " AND first_chunk = ?3",
				     err);

		if (!st)
			return -1;
		db_bind_int(st, 1, index_id);
		db_bind_int(st, 2, model);
		db_bind_int(st, 3, w.first);
		if (db_run(st, err) < 0 ||
		    rag_want_insert(db, index_id, model, end, w.first + w.chunks - end, err) < 0 ||
		    rag_want_insert(db, index_id, model, w.first, first - w.first, err) < 0)
			return -1;
		if (w.first <= first)
			return 0;
	}
	return found;
}

int rag_want_count(struct db *db, int64_t index_id, int64_t model, int64_t *chunks, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"SELECT coalesce(sum(chunks), 0) FROM rag_want WHERE index_id = ?1 AND model = ?2",
		err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, model);
	found = db_next(st, err);
	*chunks = found == 1 ? db_int(st, 0) : 0;
	db_reset(st);
	return found < 0 ? -1 : 0;
}
