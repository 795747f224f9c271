/*
 * common/rag/rag_rebuild.c - everything that is derived, anew from the texts.
 *
 * Chunks below row.rebuilt are old ones.  Each step cuts and indexes some documents as the index is
 * configured now and exchanges them in one transaction; their old chunks are gone, so that the old
 * segments die and are merged away.  Stopped anywhere, the next call goes on.
 */
#include "common/rag/rag_vectors.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/base/span.h"

enum {
	STEP_DOCUMENTS = 256,
	ARENA_MAX = 1000 * 1000 * 1000,
	STEP_BYTES = 16 * 1024 * 1024, /* of texts */
	ATTEMPTS_MAX = 8, /* when others change the same documents */
};

struct rebuilding {
	struct rag_tenant *tenant;
	struct span index;
	struct rag_row row;
	struct arena arena;
	struct rag_document_info *docs;
	size_t count;
	struct db *db; /* reading */
	size_t next;
	struct rag_batch batch;
	bool is_stale;
};

/* ---- begin and end ---- */

static int begin(struct db *db, void *arg, struct err *err)
{
	struct rebuilding *r = arg;

	if (rag_row_get(db, r->index, &r->row, err) < 0)
		return -1;
	if (r->row.rebuilt > 0)
		return 0;
	if (db_number(db, "SELECT next_chunk FROM rag_counter", &r->row.rebuilt, err) < 0)
		return -1;
	return rag_row_update(db, &r->row, err);
}

static int end(struct db *db, void *arg, struct err *err)
{
	struct rebuilding *r = arg;

	if (rag_row_get(db, r->index, &r->row, err) < 0)
		return -1;
	r->row.rebuilt = 0;
	return rag_row_update(db, &r->row, err);
}

/* ---- reading some ---- */

static int note(void *arg, const struct rag_document_info *d)
{
	struct rebuilding *r = arg;

	r->docs[r->count] = *d;
	r->count++;
	return 0;
}

/* The oldest of those that are left, STEP_BYTES of them or one. */
static int choose(struct rebuilding *r, struct err *err)
{
	struct db_statement *st = db_statement(
		r->db,
		"SELECT id, bytes FROM rag_document WHERE index_id = ?1 AND first_chunk < ?2"
		" ORDER BY first_chunk, id LIMIT ?3",
		err);
	struct rag_view view = { .db = r->db };
	int64_t ids[STEP_DOCUMENTS], bytes = 0;
	size_t count = 0;
	int more;

	r->count = 0;
	if (!st)
		return -1;
	db_bind_int(st, 1, r->row.id);
	db_bind_int(st, 2, r->row.rebuilt);
	db_bind_int(st, 3, STEP_DOCUMENTS);
	while ((more = db_next(st, err)) == 1 && (count == 0 || bytes < STEP_BYTES)) {
		ids[count++] = db_int(st, 0);
		bytes += db_int(st, 1);
	}
	db_reset(st);
	for (size_t i = 0; i < count && more >= 0; i++) {
		struct rag_document_info info;

		if (rag_view_document(&view, ids[i], &r->arena, &info, err) < 0)
			return -1;
		note(r, &info);
	}
	return more < 0 ? -1 : 0;
}

/* The document as its reader left it. */
static int read_again(void *arg, struct rag_prepared *d, struct reading *out, struct err *err)
{
	struct rebuilding *r = arg;
	const struct rag_document_info *info = &r->docs[r->next++];

	d->title = info->title;
	return rag_reading_get(r->db, info, out, err);
}

/* ---- exchanging ---- */

static int update_document(struct db *db, const struct rag_prepared *d, int64_t id, int64_t first,
			   struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"UPDATE rag_document SET first_chunk = ?2, chunks = ?3, chars = ?4, stored = ?5"
		" WHERE id = ?1",
		err);

	if (!st)
		return -1;
	db_bind_int(st, 1, id);
	db_bind_int(st, 2, first);
	db_bind_int(st, 3, d->chunks);
	db_bind_int(st, 4, (int64_t)d->chars);
	db_bind_int(st, 5, (int64_t)d->parts.bytes.len);
	return db_run(st, err);
}

static int exchange_one(struct db *db, struct rebuilding *r, size_t i, int64_t base,
			struct err *err)
{
	const struct rag_document_info *info = &r->docs[i];
	const struct rag_prepared *d = &r->batch.docs[i];
	struct rag_extent old;
	int found = rag_extent_find(db, r->row.id, info->name, &old, err);

	if (found < 0)
		return -1;
	if (found == 0 || old.first != info->first_chunk || old.id != info->id) {
		r->is_stale = true;
		return 0;
	}
	if ((r->row.model > 0 && rag_vectors_stale(db, old.first, old.chunks, err) < 0) ||
	    rag_document_empty(db, &r->row, &old, r->row.generation, err) < 0 ||
	    update_document(db, d, old.id, base + d->first, err) < 0 ||
	    rag_parts_insert(db, d, old.id, base + d->first, err) < 0 ||
	    rag_meta_insert(db, r->row.id, old.id, info->meta, err) < 0)
		return -1;
	r->row.documents++;
	r->row.chunks += d->chunks;
	r->row.bytes += old.bytes;
	r->row.stored += (int64_t)d->parts.bytes.len;
	return 0;
}

static int exchange(struct db *db, void *arg, struct err *err)
{
	struct rebuilding *r = arg;
	struct rag_config config = r->row.config;
	int64_t base;

	if (rag_row_get(db, r->index, &r->row, err) < 0)
		return -1;
	r->is_stale = memcmp(&config, &r->row.config, sizeof(config)) != 0;
	r->row.generation++;
	if (rag_chunks_take(db, r->batch.chunks, &base, err) < 0)
		return -1;
	for (size_t i = 0; i < r->count && !r->is_stale; i++)
		if (exchange_one(db, r, i, base, err) < 0)
			return -1;
	if (r->is_stale)
		return err_set(err, E_storage_error, "",
			       "others keep changing the same documents; try again");
	if (rag_tails_insert(db, &r->row, &r->batch, base, err) < 0 ||
	    rag_row_check_limits(r->tenant->rag, db, &r->row, err) < 0)
		return -1;
	return rag_row_update(db, &r->row, err);
}

/* ---- steps ---- */

/* 1 when some were exchanged, 0 when none are left, -1. */
static int step(struct rebuilding *r, struct err *err)
{
	int result = -1;

	arena_reset(&r->arena);
	r->next = 0;
	r->is_stale = false;
	r->db = rag_read_begin(r->tenant, err);
	if (r->db && rag_row_get(r->db, r->index, &r->row, err) == 0 && choose(r, err) == 0)
		result = r->count == 0 ? 0
				       : rag_prepare_again(&r->row, r->count, &r->arena, &r->batch,
							   read_again, r, err);
	rag_read_end(r->tenant, r->db);
	if (result == 0 && r->count > 0)
		result = rag_write(r->tenant, exchange, r, err) < 0 ? -1 : 1;
	rag_batch_free(&r->batch);
	return result;
}

static int all_steps(struct rebuilding *r, int (*progress)(void *arg, int64_t done, int64_t total),
		     void *arg, struct err *err)
{
	int64_t done = 0;
	int stale = 0, result;

	do {
		result = step(r, err);
		if (result < 0 && r->is_stale && ++stale < ATTEMPTS_MAX)
			result = 1;
		else if (result == 1) {
			stale = 0;
			done += (int64_t)r->count;
		}
		if (result == 1 && progress &&
		    progress(arg, done, done > r->row.documents ? done : r->row.documents) < 0)
			return err_set(err, E_cancelled, "",
				       "it was stopped; the next time goes on from here");
	} while (result == 1);
	return result;
}

static int find_vectors(struct rebuilding *r, struct err *err)
{
	const int64_t models[] = { r->row.model, r->row.building };
	int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(models) && result == 0; i++) {
		char name[RAG_MODEL_MAX + 1];
		int64_t dimensions;
		struct db *db = rag_read_begin(r->tenant, err);

		result = db ? rag_model_name(db, models[i], name, &dimensions, err) : -1;
		rag_read_end(r->tenant, db);
		if (result == 0 && name[0])
			result = rag_vectors_find(r->tenant, r->row.id, span_str(name), err);
	}
	return result;
}

int rag_rebuild(struct rag *rag, struct span tenant, struct span index,
		int (*progress)(void *arg, int64_t done, int64_t total), void *arg, struct err *err)
{
	struct rebuilding r = { .index = index };
	int result = -1;

	r.tenant = rag_tenant_find(rag, tenant, false, err);
	if (!r.tenant || rag_write(r.tenant, begin, &r, err) < 0)
		return -1;
	arena_init(&r.arena, ARENA_MAX);
	r.docs = mem_calloc(STEP_DOCUMENTS, sizeof(*r.docs));
	if (all_steps(&r, progress, arg, err) == 0 && rag_write(r.tenant, end, &r, err) == 0)
		result = find_vectors(&r, err);
	arena_clear(&r.arena);
	mem_free(r.docs);
	return result;
}
