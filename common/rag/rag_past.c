/*
 * common/rag/rag_past.c - what is derived and past goes, step by step: see RAG_SEGMENT_STANDS.
 */
#include "common/rag/rag_tend.h"

enum { STEP_BYTES = 16 * 1000 * 1000 };

/* One of them and its size: 1, 0, -1. */
static int find_past(struct db *db, int64_t index_id, int64_t *id, int64_t *size, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT s.id, s.size FROM rag_segment AS s"
					       " WHERE s.index_id = ?1 AND NOT" RAG_SEGMENT_STANDS
					       "LIMIT 1",
					       err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	found = db_next(st, err);
	if (found == 1) {
		*id = db_int(st, 0);
		*size = db_int(st, 1);
	}
	db_reset(st);
	return found;
}

struct sweeping {
	int64_t index_id;
	bool is_done;
};

static int sweep(struct db *db, void *arg, struct err *err)
{
	struct sweeping *s = arg;
	int64_t id, size, bytes = 0;
	int found = 1;

	while (bytes < STEP_BYTES && (found = find_past(db, s->index_id, &id, &size, err)) == 1) {
		if (rag_segment_delete(db, id, err) < 0)
			return -1;
		bytes += size;
	}
	s->is_done = found == 0;
	if (found < 0)
		return -1;
	/* Chunks that are gone may have stood in it. */
	return s->is_done ? rag_gone_forget(db, s->index_id, err) : 0;
}

static int has_past(const struct rag_tending *t, struct err *err)
{
	struct db *db = rag_read_begin(t->tenant, err);
	int64_t id, size;
	int found = db ? find_past(db, t->row.id, &id, &size, err) : -1;

	rag_read_end(t->tenant, db);
	return found;
}

int rag_past(const struct rag_tending *t, struct err *err)
{
	struct sweeping s = { .index_id = t->row.id };
	int found = has_past(t, err);

	if (found != 1)
		return found;
	return rag_write(t->tenant, sweep, &s, err) < 0 ? -1 : 1;
}
