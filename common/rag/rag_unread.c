/*
 * common/rag/rag_unread.c - files that no reader could read: whoever brings a directory up to date
 * does not bring them again until they, or the readers, have changed.
 */
#include "common/rag/rag_inside.h"

enum { UNREAD_MAX = 10000 }; /* of a tenant */

/* Without a time nobody could tell that it has changed, and another type may do. */
static bool is_unread(const struct rag_document_in *in, const struct rag_put_result *result)
{
	return result->what == RAG_FAILED && result->err.code == E_document_unreadable && in->name.len > 0 &&
	       in->type.len == 0 && in->reading.len == 0 && in->mtime_us >= 0;
}

bool rag_unread_has_any(const struct rag_document_in *docs, const struct rag_put_result *results,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_unread(&docs[i], &results[i]))
			return true;
	return false;
}

static int note_one(struct db *db, int64_t index_id, const struct rag_document_in *in, const char *readers,
		    const char *why, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT OR REPLACE INTO rag_unread (index_id, name, source_bytes, mtime, readers, message)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		err);

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_text(st, 2, in->name);
	db_bind_int(st, 3, (int64_t)in->content.len);
	db_bind_int(st, 4, in->mtime_us);
	db_bind_str(st, 5, readers);
	db_bind_str(st, 6, why);
	return db_run(st, err);
}

int rag_unread_note(struct db *db, int64_t index_id, const struct reader_options *reading,
		    const struct rag_document_in *docs, const struct rag_put_result *results, size_t count,
		    struct err *err)
{
	char readers[READER_STAMP_SIZE];

	reader_stamp(reading, readers);
	for (size_t i = 0; i < count; i++)
		if (is_unread(&docs[i], &results[i]) &&
		    note_one(db, index_id, &docs[i], readers, results[i].err.message, err) < 0)
			return -1;
	return db_run_with(db, "DELETE FROM rag_unread WHERE id <= (SELECT max(id) FROM rag_unread) - ?1",
			   UNREAD_MAX, err);
}

static int is_any_of(struct db *db, int64_t index_id, struct err *err)
{
	struct db_statement *st = db_statement(db, "SELECT 1 FROM rag_unread WHERE index_id = ?1 LIMIT 1", err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	found = db_next(st, err);
	db_reset(st);
	return found;
}

int rag_unread_forget(struct db *db, int64_t index_id, const struct rag_batch *b, struct err *err)
{
	int any = is_any_of(db, index_id, err);

	for (size_t i = 0; i < b->count && any == 1; i++) {
		struct db_statement *st =
			db_statement(db, "DELETE FROM rag_unread WHERE index_id = ?1 AND name = ?2", err);

		if (!st)
			return -1;
		db_bind_int(st, 1, index_id);
		db_bind_text(st, 2, b->docs[i].name);
		if (db_run(st, err) < 0)
			return -1;
	}
	return any < 0 ? -1 : 0;
}

static int each_of(struct db *db, int64_t index_id, const char *readers,
		   void (*each)(void *arg, const struct rag_unread *u), void *arg, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT name, source_bytes, mtime, message FROM rag_unread"
					       " WHERE index_id = ?1 AND readers = ?2",
					       err);
	int more;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_str(st, 2, readers);
	while ((more = db_next(st, err)) == 1)
		each(arg, &(struct rag_unread){ .name = db_text(st, 0),
						.source_bytes = db_int(st, 1),
						.mtime_us = db_int(st, 2),
						.why = db_text(st, 3) });
	db_reset(st);
	return more;
}

int rag_unread_each(struct rag *r, struct span tenant, struct span index,
		    void (*each)(void *arg, const struct rag_unread *u), void *arg, struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	struct db *db = t ? rag_read_begin(t, err) : NULL;
	char readers[READER_STAMP_SIZE];
	struct rag_row row;
	int result = -1;

	reader_stamp(&r->options.reading, readers);
	if (db && rag_row_get(db, index, &row, err) == 0)
		result = each_of(db, row.id, readers, each, arg, err);
	if (t)
		rag_read_end(t, db);
	return result;
}
