/*
 * common/rag/rag_refused.c - chunks whose text a model does not take: they are out of the way of the
 * others.
 */
#include "common/rag/rag_vectors.h"

/* Runs a statement with these numbers, as many as it takes. */
static int change(struct db *db, const char *sql, const int64_t *numbers, int count, struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	for (int i = 0; i < count; i++)
		db_bind_int(st, i + 1, numbers[i]);
	return db_run(st, err);
}

int rag_refused_remove(struct db *db, int64_t index_id, int64_t first, int64_t chunks,
		       struct err *err)
{
	const int64_t range[] = { index_id, first, first + chunks };

	/* Of one model or two; by model, as the key begins so. */
	return change(db,
		      "DELETE FROM rag_refused WHERE index_id = ?1 AND model IN"
		      " (SELECT id FROM rag_model) AND chunk >= ?2 AND chunk < ?3",
		      range, 3, err);
}

int rag_refused_count(struct db *db, int64_t index_id, int64_t model, int64_t *chunks,
		      struct err *err)
{
	struct db_statement *st = db_statement(
		db, "SELECT count(*) FROM rag_refused WHERE index_id = ?1 AND model = ?2", err);
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

int rag_refused_want(struct db *db, int64_t index_id, struct err *err)
{
	if (change(db,
		   "INSERT INTO rag_want (index_id, model, first_chunk, chunks)"
		   " SELECT index_id, model, chunk, 1 FROM rag_refused WHERE index_id = ?1",
		   &index_id, 1, err) < 0)
		return -1;
	return change(db, "DELETE FROM rag_refused WHERE index_id = ?1", &index_id, 1, err);
}

struct refusing {
	struct span index, model;
	const struct rag_pending *of;
	size_t count;
};

static int refuse_chunk(struct db *db, int64_t index_id, int64_t model, int64_t chunk,
			struct err *err)
{
	const int64_t key[] = { index_id, model, chunk };

	if (change(db,
		   "INSERT OR IGNORE INTO rag_refused (index_id, model, chunk)"
		   " SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM rag_want WHERE index_id = ?1"
		   " AND model = ?2 AND first_chunk <= ?3 AND first_chunk + chunks > ?3)",
		   key, 3, err) < 0)
		return -1;
	return rag_want_remove(db, index_id, model, chunk, 1, err);
}

static int refuse(struct db *db, void *arg, struct err *err)
{
	struct refusing *f = arg;
	struct rag_row row;
	int64_t model;

	if (rag_row_get(db, f->index, &row, err) < 0)
		return -1;
	model = rag_model_id(db, f->model, false, err);
	if (model <= 0)
		return model < 0 ? -1 : 0;
	for (size_t i = 0; i < f->count; i++)
		if (refuse_chunk(db, row.id, model, f->of[i].chunk, err) < 0)
			return -1;
	/* Searches tell how many have a vector. */
	row.generation++;
	return rag_row_update(db, &row, err);
}

int rag_vectors_refuse(struct rag *r, struct span tenant, struct span index, struct span model,
		       const struct rag_pending *of, size_t count, struct err *err)
{
	struct refusing f = { index, model, of, count };
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);

	return t ? rag_write(t, refuse, &f, err) : -1;
}
