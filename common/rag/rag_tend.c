/*
 * common/rag/rag_tend.c - which step comes next.
 */
#include "common/rag/rag_tend.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

/* In the order in which they matter to searches. */
static int (*const steps[])(const struct rag_tending *t, struct err *err) = {
	rag_merge_postings,
	rag_tend_latent,
	rag_merge_codes,
	rag_recode,
	rag_past,
	rag_partition,
};

int rag_segments_stand(struct db *db, int64_t index_id, const int64_t *ids, size_t count,
		       struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct db_statement *st = db_statement(
			db,
			"SELECT 1 FROM rag_segment AS s WHERE s.id = ?1 AND s.index_id = ?2"
			" AND" RAG_SEGMENT_STANDS,
			err);
		int found;

		if (!st)
			return -1;
		db_bind_int(st, 1, ids[i]);
		db_bind_int(st, 2, index_id);
		found = db_next(st, err);
		db_reset(st);
		if (found != 1)
			return found;
	}
	return 1;
}

uint64_t *rag_bits_cut(const uint64_t *bits, size_t from, size_t count, size_t *set)
{
	uint64_t *out = mem_calloc(count / 64 + 1, sizeof(*out));

	*set = 0;
	for (size_t i = 0; i < count; i++)
		if (bits[(from + i) / 64] >> ((from + i) % 64) & 1) {
			out[i / 64] |= UINT64_C(1) << (i % 64);
			++*set;
		}
	return out;
}

/*
 * By name, or by id: 1; 0 when it is not there.  The snapshot is held; the connection is not, so
 * that the log can be emptied meanwhile.
 */
static int begin(struct rag_tending *t, struct span index, int64_t id, struct err *err)
{
	struct db *db = rag_read_begin(t->tenant, err);
	int result = -1, found = 0;

	if (db && id > 0)
		found = rag_row_find_id(db, id, &t->row, err);
	else if (db)
		found = rag_row_get(db, index, &t->row, err) == 0 ? 1 : -1;
	if (found == 1 && rag_segment_list(db, t->row.id, &t->segments, &t->count, err) == 0) {
		t->snapshot = rag_snapshot_take(t->tenant, db, &t->row, err);
		result = t->snapshot ? 1 : -1;
	}
	rag_read_end(t->tenant, db);
	return db && found == 0 ? 0 : result;
}

/* The first of so many steps that has something to do. */
static int tend_index(struct rag_tenant *tenant, struct span index, int64_t id, size_t count,
		      struct err *err)
{
	struct rag_tending t = { .tenant = tenant };
	int result = begin(&t, index, id, err);
	bool is_there = result == 1;

	if (is_there)
		result = 0;
	for (size_t i = 0; i < count && is_there && result == 0; i++)
		result = steps[i](&t, err);
	if (t.snapshot)
		rag_snapshot_give(t.snapshot);
	mem_free(t.segments);
	return result;
}

void rag_tend_put(struct rag_tenant *t, int64_t index_id)
{
	struct err err = ERR_INIT;

	if (pthread_mutex_trylock(&t->tending) != 0)
		return;
	if (tend_index(t, SPAN_NONE, index_id, 1, &err) < 0)
		log_warn("rag", "%s", err.message);
	pthread_mutex_unlock(&t->tending);
}

bool rag_tend(struct rag *r, struct span tenant, struct span index, struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	int result;

	/* Whoever does it already goes on with it. */
	if (!t || pthread_mutex_trylock(&t->tending) != 0)
		return false;
	result = index.len > 0 ? tend_index(t, index, 0, ARRAY_LEN(steps), err)
			       : rag_free_some(t, err);
	pthread_mutex_unlock(&t->tending);
	return result == 1;
}
