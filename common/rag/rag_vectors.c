/*
 * common/rag/rag_vectors.c - keeping vectors of chunks.
 *
 * A vector is kept by its chunk and known by the hash of what the model read, so that no text is
 * sent twice.  Beside it a block of codes is written, which searches scan; rag_tend merges them.
 */
#include "common/rag/rag_vectors.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/rag/vector.h"

enum {
	MEAN_ROWS_MIN = 64, /* fewer say nothing of where an index's vectors lie */
	SPACE_SEED = 0x7a6,
	SPACE_MAX = 64 * 1024,
	CODES_MAX = 64 * 1024 * 1024,
};

/* The model's dimension, learnt from its first vectors. */
static int check_dimensions(struct db *db, int64_t model, size_t dimensions, struct err *err)
{
	char name[RAG_MODEL_MAX + 1];
	int64_t has, some;
	struct db_statement *st;

	if (rag_model_name(db, model, name, &has, err) < 0)
		return -1;
	if (has == (int64_t)dimensions)
		return 0;
	st = db_statement(db, "SELECT EXISTS (SELECT 1 FROM rag_vector WHERE model = ?1)", err);
	if (!st)
		return -1;
	db_bind_int(st, 1, model);
	if (db_next(st, err) < 0)
		return -1;
	some = db_int(st, 0);
	db_reset(st);
	if (some)
		return err_set(err, E_rag_dimension_mismatch, "model",
			       "%s gave vectors of %zu dimensions, and of %lld before", name,
			       dimensions, (long long)has);
	st = db_statement(db, "UPDATE rag_model SET dimensions = ?2 WHERE id = ?1", err);
	if (!st)
		return -1;
	db_bind_int(st, 1, model);
	db_bind_int(st, 2, (int64_t)dimensions);
	return db_run(st, err);
}

static int insert_vector(struct db *db, int64_t model, const struct rag_kept *k,
			 const float *vector, size_t dimensions, uint16_t *room, struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "INSERT OR REPLACE INTO rag_vector (model, chunk, hash, vector)"
			     " VALUES (?1, ?2, ?3, ?4)",
			     err);

	if (!st)
		return -1;
	vector_to_half(vector, dimensions, room);
	for (size_t i = 0; i < dimensions; i++)
		room[i] = htole16(room[i]);
	db_bind_int(st, 1, model);
	db_bind_int(st, 2, k->chunk);
	db_bind_blob(st, 3, span_of((const char *)k->hash, RAG_HASH_SIZE));
	db_bind_blob(st, 4, span_of((const char *)room, dimensions * sizeof(*room)));
	return db_run(st, err);
}

/* Stored float16 as numbers; -1 when they are of another dimension. */
int rag_half_read(struct span halves, float *out, size_t dimensions)
{
	uint16_t room[64];

	if (halves.len != dimensions * sizeof(*room))
		return -1;
	for (size_t i = 0; i < dimensions; i += ARRAY_LEN(room)) {
		size_t count = dimensions - i < ARRAY_LEN(room) ? dimensions - i : ARRAY_LEN(room);

		memcpy(room, halves.ptr + i * sizeof(*room), count * sizeof(*room));
		for (size_t k = 0; k < count; k++)
			room[k] = le16toh(room[k]);
		vector_from_half(room, count, out + i);
	}
	return 0;
}

/* The stored vector of that hash: 1, 0, -1. */
static int find_vector(struct db *db, int64_t model, const unsigned char hash[RAG_HASH_SIZE],
		       float *out, size_t dimensions, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "SELECT vector FROM rag_vector WHERE model = ?1 AND hash = ?2 LIMIT 1", err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, model);
	db_bind_blob(st, 2, span_of((const char *)hash, RAG_HASH_SIZE));
	found = db_next(st, err);
	if (found == 1 && rag_half_read(db_blob(st, 0), out, dimensions) < 0)
		found = 0;
	db_reset(st);
	return found;
}

/* 1 with *space (vector_space_free) and its id, 0, -1. */
static int find_space(struct db *db, int64_t index_id, int64_t model, struct vector_space **space, int64_t *id,
		      struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT id, bytes FROM rag_segment WHERE index_id = ?1 AND kind = 2"
			     " AND model = ?2",
			     err);
	int found;

	*space = NULL;
	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, model);
	found = db_next(st, err);
	if (found == 1) {
		*id = db_int(st, 0);
		*space = vector_space_open(db_blob(st, 1), err);
		if (!*space)
			found = -1;
	}
	db_reset(st);
	return found;
}

/* The space of the model in this index, made for these vectors when there is none yet. */
static struct vector_space *space_of(struct db *db, const struct rag_row *row, int64_t model,
				     const float *vectors, size_t count, size_t dimensions,
				     int64_t *id, struct err *err)
{
	struct rag_segment_row made = { .index_id = row->id,
					.kind = RAG_SPACE,
					.model = model,
					.rows = (int64_t)count,
					.born = row->generation };
	struct vector_space *space = NULL;
	struct buf bytes;
	float *mean = NULL;

	if (find_space(db, row->id, model, &space, id, err) != 0)
		return space;
	buf_init(&bytes, SPACE_MAX);
	if (count >= MEAN_ROWS_MIN) {
		mean = mem_alloc(dimensions * sizeof(*mean));
		vector_mean(vectors, count, dimensions, mean);
	} else {
		made.rows = 0;
	}
	space = vector_space_new(dimensions, SPACE_SEED, mean, err);
	if (space && (vector_space_write(space, &bytes, err) < 0 ||
		      rag_segment_insert(db, &made, buf_span(&bytes), err) < 0)) {
		vector_space_free(space);
		space = NULL;
	}
	*id = made.id;
	mem_free(mean);
	buf_free(&bytes);
	return space;
}

static int insert_codes(struct db *db, const struct rag_row *row, int64_t model,
			const float *vectors, const int64_t *ids, size_t count, size_t dimensions,
			struct err *err)
{
	struct rag_segment_row codes = { .index_id = row->id,
					 .kind = RAG_CODES,
					 .model = model,
					 .first = ids[0],
					 .last = ids[count - 1],
					 .rows = (int64_t)count,
					 .born = row->generation };
	struct vector_space *space =
		space_of(db, row, model, vectors, count, dimensions, &codes.parent, err);
	struct buf bytes;
	int result = -1;

	buf_init(&bytes, CODES_MAX);
	if (space && vector_pack(space, vectors, ids, count, &bytes, err) == 0)
		result = rag_segment_insert(db, &codes, buf_span(&bytes), err);
	buf_free(&bytes);
	vector_space_free(space);
	return result;
}

static int compare_kept(const void *a, const void *b)
{
	const struct rag_kept *x = a, *y = b;

	return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

/* Those that are wanted still, one behind the other: ids and vectors; returns how many, or -1. */
static ptrdiff_t gather(struct db *db, const struct rag_keeping *k, int64_t index_id, int64_t model,
			int64_t *ids, float *vectors, struct err *err)
{
	uint16_t *halves = mem_calloc(k->dimensions, sizeof(*halves));
	size_t count = 0;
	int found = 0;

	for (size_t i = 0; i < k->count && found >= 0; i++) {
		const struct rag_kept *item = &k->items[i];
		float *vector = vectors + count * k->dimensions;
		struct rag_want want;

		if (i > 0 && item->chunk == k->items[i - 1].chunk)
			continue;
		found = rag_want_touching(db, index_id, model, item->chunk, item->chunk + 1, &want,
					  err);
		if (found != 1)
			continue;
		if (item->vector)
			memcpy(vector, item->vector, k->dimensions * sizeof(*vector));
		else
			found = find_vector(db, model, item->hash, vector, k->dimensions, err);
		if (found != 1)
			continue;
		found = insert_vector(db, model, item, vector, k->dimensions, halves, err);
		ids[count] = item->chunk;
		count++;
	}
	mem_free(halves);
	return found < 0 ? -1 : (ptrdiff_t)count;
}

static int remove_wants(struct db *db, int64_t index_id, int64_t model, const int64_t *ids,
			size_t count, struct err *err)
{
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && ids[next] == ids[next - 1] + 1;)
			next++;
		if (rag_want_remove(db, index_id, model, ids[i], (int64_t)(next - i), err) < 0)
			return -1;
	}
	return 0;
}

int rag_vectors_keep(struct db *db, void *arg, struct err *err)
{
	struct rag_keeping *k = arg;
	struct rag_row row;
	int64_t model, *ids;
	float *vectors;
	ptrdiff_t count;
	int result = -1;

	if (k->index_id > 0 ? rag_row_find_id(db, k->index_id, &row, err) != 1
			    : rag_row_get(db, k->index, &row, err) < 0)
		return -1;
	model = rag_model_id(db, k->model, false, err);
	if (model < 0)
		return -1;
	/* Another model has taken its place. */
	if (model == 0 || (model != row.model && model != row.building))
		return 0;
	if (check_dimensions(db, model, k->dimensions, err) < 0)
		return -1;
	ids = mem_calloc(k->count + 1, sizeof(*ids));
	vectors = mem_calloc((k->count + 1) * k->dimensions, sizeof(*vectors));
	count = gather(db, k, row.id, model, ids, vectors, err);
	row.generation++;
	if (count == 0)
		result = 0;
	else if (count > 0 &&
		 insert_codes(db, &row, model, vectors, ids, (size_t)count, k->dimensions, err) ==
			 0 &&
		 remove_wants(db, row.id, model, ids, (size_t)count, err) == 0)
		result = rag_row_update(db, &row, err);
	mem_free(ids);
	mem_free(vectors);
	return result;
}

int rag_vectors_put(struct rag *r, struct span tenant, struct span index, struct span model,
		    const struct rag_pending *of, size_t count, const float *vectors,
		    size_t dimensions, struct err *err)
{
	struct rag_keeping k = {
		.index = index, .model = model, .count = count, .dimensions = dimensions
	};
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	int result;

	if (!t)
		return -1;
	if (dimensions == 0 || dimensions > VECTOR_DIMENSIONS_MAX)
		return err_set(err, E_invalid_field, "vectors", "a vector has 1..%d numbers",
			       VECTOR_DIMENSIONS_MAX);
	for (size_t i = 0; i < count; i++)
		if (!vector_usable(vectors + i * dimensions, dimensions))
			return err_set(err, E_invalid_field, "vectors",
				       "vector %zu has no direction", i);
	if (count == 0)
		return 0;
	k.items = mem_calloc(count, sizeof(*k.items));
	for (size_t i = 0; i < count; i++) {
		k.items[i].chunk = of[i].chunk;
		k.items[i].vector = vectors + i * dimensions;
		memcpy(k.items[i].hash, of[i].hash, RAG_HASH_SIZE);
	}
	qsort(k.items, count, sizeof(*k.items), compare_kept);
	result = rag_write(t, rag_vectors_keep, &k, err);
	mem_free(k.items);
	return result;
}

bool rag_view_exact(void *data, int64_t chunk, float *vector)
{
	struct rag_view *v = data;
	struct err err = ERR_INIT;
	struct db_statement *st = db_statement(
		v->db, "SELECT vector FROM rag_vector WHERE model = ?1 AND chunk = ?2", &err);
	bool found;

	if (!st || !v->snapshot->vectors)
		return false;
	db_bind_int(st, 1, v->model);
	db_bind_int(st, 2, chunk);
	found = db_next(st, &err) == 1 &&
		rag_half_read(db_blob(st, 0), vector, v->snapshot->vectors->dimensions) == 0;
	db_reset(st);
	return found;
}
