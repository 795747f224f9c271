/*
 * common/rag/rag_free.c - what is nobody's: indices that are gone, vectors without a chunk, pages.
 */
#include "common/rag/rag_tend.h"

#include <stdio.h>

#include "common/base/log.h"
#include "common/base/mem.h"

enum {
	DOCUMENTS_STEP = 64,
	VECTORS_STEP = 2000,
	RANGES_STEP = 64,
	PAGES_STEP = 2000,
	GONE_MANY = 8,
	STEPS_LEAST = 4,   /* an index of one document takes some, too */
	PAGES_KEPT = 4000, /* free ones that the next documents may have */
};

/* Rows that a statement with these two numbers changed; -1. */
static int64_t change(struct db *db, const char *sql, int64_t first, int64_t second,
		      struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	db_bind_int(st, 1, first);
	db_bind_int(st, 2, second);
	return db_run(st, err) < 0 ? -1 : db_changes(db);
}

/* The first two numbers of the first row: 1, 0, -1.  The statement takes one or none. */
static int numbers(struct db *db, const char *sql, int64_t with, int64_t *first, int64_t *second,
		   struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);
	int found;

	if (!st)
		return -1;
	if (with > 0)
		db_bind_int(st, 1, with);
	found = db_next(st, err);
	if (found == 1) {
		*first = db_int(st, 0);
		if (second)
			*second = db_int(st, 1);
	}
	db_reset(st);
	return found;
}

/* ---- an index that is gone ---- */

static const int64_t gone_bytes_much = 256 * INT64_C(1000000); /* of texts */

static int free_document(struct db *db, int64_t id, struct err *err)
{
	int64_t first = 0, chunks = 0;
	int found = numbers(db, "SELECT first_chunk, chunks FROM rag_document WHERE id = ?1", id,
			    &first, &chunks, err);

	if (found != 1)
		return found;
	if (change(db, "DELETE FROM rag_part WHERE first_chunk >= ?1 AND first_chunk < ?2", first,
		   first + chunks, err) < 0 ||
	    rag_vectors_drop(db, first, chunks, err) < 0 || rag_meta_delete(db, id, err) < 0)
		return -1;
	return rag_document_drop(db, id, err);
}

/* Its documents, then its segments one by one, then its marks, then itself. */
static int free_index(struct db *db, int64_t index, struct err *err)
{
	static const char *const last[] = {
		"DELETE FROM rag_gone WHERE index_id = ?1 AND ?2 = 0",
		"DELETE FROM rag_want WHERE index_id = ?1 AND ?2 = 0",
		"DELETE FROM rag_refused WHERE index_id = ?1 AND ?2 = 0",
		"DELETE FROM rag_unread WHERE index_id = ?1 AND ?2 = 0",
		"DELETE FROM rag_index WHERE id = ?1 AND ?2 = 0",
	};
	int64_t id = 0;
	int found = 1;

	for (int i = 0; i < DOCUMENTS_STEP && found == 1; i++) {
		found = numbers(db, "SELECT id FROM rag_document WHERE index_id = ?1 LIMIT 1",
				index, &id, NULL, err);
		if (found == 1 && free_document(db, id, err) < 0)
			return -1;
	}
	if (found != 0)
		return found < 0 ? -1 : 0;
	found = numbers(db, "SELECT id FROM rag_segment WHERE index_id = ?1 LIMIT 1", index, &id,
			NULL, err);
	if (found != 0)
		return found < 0 ? -1 : rag_segment_delete(db, id, err);
	for (size_t i = 0; i < ARRAY_LEN(last); i++)
		if (change(db, last[i], index, 0, err) < 0)
			return -1;
	return 0;
}

static int free_gone(struct db *db, struct err *err)
{
	int64_t index = 0;
	int found;

	if (change(db,
		   "UPDATE rag_index SET stands_for = NULL WHERE name IS NULL"
		   " AND stands_for IS NOT NULL AND changed_at < ?1 AND ?2 = 0",
		   rag_now_us() - (int64_t)RAG_REPLACE_IDLE_MS * 1000, 0, err) < 0)
		return -1;
	found = numbers(
		db, "SELECT id FROM rag_index WHERE name IS NULL AND stands_for IS NULL LIMIT 1", 0,
		&index, NULL, err);
	if (found != 1)
		return found;
	return free_index(db, index, err) < 0 ? -1 : 1;
}

/* ---- vectors ---- */

/* Those of chunks that were replaced, once all that is there has its vectors. */
static int free_stale(struct db *db, struct err *err)
{
	int64_t first = 0, chunks = 0;
	int found = numbers(db, "SELECT 1 FROM rag_want LIMIT 1", 0, &first, NULL, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	for (int i = 0; i < RANGES_STEP; i++) {
		found = numbers(db, "SELECT first_chunk, chunks FROM rag_stale LIMIT 1", 0, &first,
				&chunks, err);
		if (found != 1)
			return found < 0 ? -1 : i > 0;
		if (rag_vectors_drop(db, first, chunks, err) < 0 ||
		    change(db, "DELETE FROM rag_stale WHERE first_chunk = ?1 AND ?2 = 0", first, 0,
			   err) < 0)
			return -1;
	}
	return 1;
}

/* One that was seen a moment ago may be about to be begun. */
static const int64_t seen_lately_us = INT64_C(3600) * 1000 * 1000;

/* A model that no index has any more. */
static int free_model(struct db *db, struct err *err)
{
	int64_t model = 0, count;
	int found =
		numbers(db,
			"SELECT id FROM rag_model AS m WHERE NOT EXISTS (SELECT 1 FROM rag_index"
			" AS i WHERE i.model = m.id OR i.building = m.id) AND seen_at < ?1 LIMIT 1",
			rag_now_us() - seen_lately_us, &model, NULL, err);

	if (found != 1)
		return found;
	count = change(db,
		       "DELETE FROM rag_vector WHERE rowid IN (SELECT rowid FROM rag_vector"
		       " WHERE model = ?1 LIMIT ?2)",
		       model, VECTORS_STEP, err);
	if (count == 0)
		count = change(db, "DELETE FROM rag_model WHERE id = ?1 AND ?2 = 0", model, 0, err);
	return count < 0 ? -1 : 1;
}

/* ---- pages ---- */

static int give_pages_back(struct db *db, struct err *err)
{
	int64_t pages;
	char sql[64];

	if (db_number(db, "PRAGMA freelist_count", &pages, err) < 0)
		return -1;
	if (pages <= PAGES_KEPT)
		return 0;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", PAGES_STEP);
	return db_exec(db, sql, err) < 0 ? -1 : 1;
}

/* ---- */

static int (*const frees[])(struct db *db, struct err *err) = {
	free_gone,
	free_stale,
	free_model,
	give_pages_back,
};

static int free_some(struct db *db, void *arg, struct err *err)
{
	int *result = arg;

	*result = 0;
	for (size_t i = 0; i < ARRAY_LEN(frees) && *result == 0; i++)
		*result = frees[i](db, err);
	return *result < 0 ? -1 : 0;
}

int rag_free_some(struct rag_tenant *t, struct err *err)
{
	int result = 0;

	return rag_write(t, free_some, &result, err) < 0 ? -1 : result;
}

static bool is_much(struct rag_tenant *t, struct err *err)
{
	struct db *db = rag_read_begin(t, err);
	int64_t count = 0, bytes = 0;

	if (db)
		numbers(db,
			"SELECT count(*), coalesce(sum(bytes), 0) FROM rag_index"
			" WHERE name IS NULL AND stands_for IS NULL",
			0, &count, &bytes, err);
	rag_read_end(t, db);
	return count > GONE_MANY || bytes > gone_bytes_much;
}

void rag_free_much(struct rag_tenant *t, int64_t documents)
{
	struct err err = ERR_INIT;

	if (pthread_mutex_trylock(&t->tending) != 0)
		return;
	for (int64_t step = 0; step * DOCUMENTS_STEP < documents || step < STEPS_LEAST; step++)
		if (!is_much(t, &err) || rag_free_some(t, &err) < 0)
			break;
	pthread_mutex_unlock(&t->tending);
	if (err.code != E_none)
		log_warn("rag", "%s", err.message);
}
