/*
 * common/rag/rag_model_probe.c - what a model makes of RAG_PROBE_TEXT, kept and compared: which of
 * those that had its name it is.
 */
#include "common/rag/rag_vectors.h"

#include <endian.h>
#include <math.h>

#include "common/base/mem.h"
#include "common/rag/vector.h"

/*
 * Of two vectors of one text: what another precision, or other hardware, makes of a model is nearer
 * than this to what it was; another model is not.
 */
#define SAME_COSINE 0.98F

struct probing {
	struct span model;
	const float *vector;
	size_t dimensions;
	bool is_other;
};

static bool is_same(const float *a, const float *b, size_t dimensions)
{
	float product = 0, aa = 0, bb = 0;

	for (size_t i = 0; i < dimensions; i++) {
		product += a[i] * b[i];
		aa += a[i] * a[i];
		bb += b[i] * b[i];
	}
	return product >= SAME_COSINE * sqrtf(aa) * sqrtf(bb);
}

/*
 * Of all that have the name: *same, the one that answers so, or else *unknown, the newest whose
 * answer was never kept (it is from before there were probes); 0 each when there is none.
 */
static int find_models(struct db *db, const struct probing *p, int64_t *same, int64_t *unknown,
		       bool *any, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"SELECT id, probe FROM rag_model WHERE name = ?1 ORDER BY seen_at DESC, id DESC", err);
	float *kept = mem_calloc(p->dimensions, sizeof(*kept));
	int more = -1;

	*same = *unknown = 0;
	*any = false;
	if (st) {
		db_bind_text(st, 1, p->model);
		while ((more = db_next(st, err)) == 1) {
			struct span probe = db_blob(st, 1);

			*any = true;
			if (probe.len == 0 && *unknown == 0)
				*unknown = db_int(st, 0);
			if (probe.len > 0 && *same == 0 &&
			    rag_half_read(probe, kept, p->dimensions) == 0 &&
			    is_same(kept, p->vector, p->dimensions))
				*same = db_int(st, 0);
		}
		db_reset(st);
	}
	mem_free(kept);
	return more;
}

static int note_seen(struct db *db, int64_t id, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "UPDATE rag_model SET seen_at = ?2 WHERE id = ?1", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, id);
	db_bind_int(st, 2, rag_now_us());
	return db_run(st, err);
}

/* id 0: of a model that is new. */
static int keep_probe(struct db *db, const struct probing *p, int64_t id, struct err *err)
{
	uint16_t *halves = mem_calloc(p->dimensions, sizeof(*halves));
	struct db_statement *st = db_statement(
		db,
		id > 0 ? "UPDATE rag_model SET probe = ?1, seen_at = ?2 WHERE id = ?3"
		       : "INSERT INTO rag_model (probe, seen_at, name, dimensions)"
			 " VALUES (?1, ?2, ?3, 0)",
		err);
	int result = -1;

	vector_to_half(p->vector, p->dimensions, halves);
	for (size_t i = 0; i < p->dimensions; i++)
		halves[i] = htole16(halves[i]);
	if (st) {
		db_bind_blob(st, 1, span_of((const char *)halves, p->dimensions * sizeof(*halves)));
		db_bind_int(st, 2, rag_now_us());
		if (id > 0)
			db_bind_int(st, 3, id);
		else
			db_bind_text(st, 3, p->model);
		result = db_run(st, err);
	}
	mem_free(halves);
	return result;
}

static int probe(struct db *db, void *arg, struct err *err)
{
	struct probing *p = arg;
	int64_t same, unknown, before = rag_model_id(db, p->model, false, err);
	bool any;

	if (before < 0 || find_models(db, p, &same, &unknown, &any, err) < 0)
		return -1;
	p->is_other = any && same != before && (same > 0 || unknown != before);
	if (same > 0)
		return note_seen(db, same, err);
	/* What was there before there were probes is believed. */
	return keep_probe(db, p, unknown == before ? unknown : 0, err);
}

int rag_model_probe(struct rag *r, struct span tenant, struct span model, const float *vector,
		    size_t dimensions, bool *is_other, struct err *err)
{
	struct probing p = { .model = model, .vector = vector, .dimensions = dimensions };
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);

	*is_other = false;
	if (!t)
		return -1;
	if (model.len == 0 || model.len > RAG_MODEL_MAX)
		return err_set(err, E_invalid_field, "model", "a model's name has 1..%d bytes",
			       RAG_MODEL_MAX);
	if (dimensions == 0 || dimensions > VECTOR_DIMENSIONS_MAX || !vector_usable(vector, dimensions))
		return err_set(err, E_invalid_field, "vectors", "the vector has no direction");
	if (rag_write(t, probe, &p, err) < 0)
		return -1;
	*is_other = p.is_other;
	return 0;
}
