/*
 * common/rag/rag_recode.c - codes around a better mean; the latent space.
 */
#include "common/rag/rag_tend.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/rag/rag_vectors.h"
#include "common/rag/snapshot_inside.h"

enum {
	MEAN_ROWS_ENOUGH = 4096, /* a mean of more is hardly another */
	RECODE_GROWTH = 4,       /* times as many vectors as the mean is of */
	RECODE_SEED = 0x7a6,
	SPACE_BYTES_MAX = 64 * 1024,
};

/* ---- codes ---- */

struct recoded {
	const struct rag_tending *t;
	size_t dimensions, count;
	int64_t *ids;
	float *vectors;
	int64_t *inputs; /* the space, and all blocks in it */
	size_t input_count;
	struct vector_space *space;
	struct buf bytes; /* of the space */
	bool was_kept;
};

/* The living ones, with their vectors. */
static int gather(struct recoded *r, struct err *err)
{
	const struct loaded_snapshot *s = loaded_snapshot_of(r->t->snapshot);
	struct rag_view view = { .snapshot = r->t->snapshot, .model = r->t->row.model };
	size_t room = 0;

	for (size_t i = 0; i < s->vectors.count; i++)
		room += vector_block_rows(s->blocks[i]);
	r->ids = mem_calloc(room + 1, sizeof(*r->ids));
	r->vectors = mem_calloc((room + 1) * r->dimensions, sizeof(*r->vectors));
	view.db = rag_read_begin(r->t->tenant, err);
	if (!view.db)
		return -1;
	for (size_t i = 0; i < s->vectors.count; i++)
		for (size_t k = 0; k < vector_block_rows(s->blocks[i]); k++) {
			int64_t id = vector_block_id(s->blocks[i], k);

			if (s->dead_blocks[i][k / 64] >> (k % 64) & 1)
				continue;
			/* One that went meanwhile is dead in the new block, too. */
			if (!rag_view_exact(&view, id, r->vectors + r->count * r->dimensions))
				continue;
			r->ids[r->count++] = id;
		}
	rag_read_end(r->t->tenant, view.db);
	return 0;
}

static int make_space(struct recoded *r, struct err *err)
{
	float *mean = mem_calloc(r->dimensions, sizeof(*mean));

	vector_mean(r->vectors, r->count, r->dimensions, mean);
	r->space = vector_space_new(r->dimensions, RECODE_SEED, mean, err);
	mem_free(mean);
	return r->space ? vector_space_write(r->space, &r->bytes, err) : -1;
}

/* Blocks do not overlap: by id, as ids ascend within each. */
static int compare_ids(const void *a, const void *b)
{
	const int64_t *x = *(const int64_t *const *)a, *y = *(const int64_t *const *)b;

	return (*x > *y) - (*x < *y);
}

static void sort(struct recoded *r)
{
	const int64_t **order = mem_calloc(r->count + 1, sizeof(const int64_t *));
	int64_t *ids = mem_calloc(r->count + 1, sizeof(*ids));
	float *vectors = mem_calloc((r->count + 1) * r->dimensions, sizeof(*vectors));

	for (size_t i = 0; i < r->count; i++)
		order[i] = &r->ids[i];
	qsort(order, r->count, sizeof(const int64_t *), compare_ids);
	for (size_t i = 0; i < r->count; i++) {
		ids[i] = *order[i];
		memcpy(vectors + i * r->dimensions,
		       r->vectors + (size_t)(order[i] - r->ids) * r->dimensions,
		       r->dimensions * sizeof(*vectors));
	}
	mem_free(order);
	mem_free(r->ids);
	mem_free(r->vectors);
	r->ids = ids;
	r->vectors = vectors;
}

static int insert_blocks(struct db *db, const struct recoded *r, int64_t space, struct err *err)
{
	struct buf bytes;
	int result = 0;

	buf_init(&bytes, SEGMENT_BYTES_MAX);
	for (size_t at = 0; at < r->count && result == 0; at += VECTOR_BLOCK_ROWS) {
		size_t left = r->count - at;
		size_t count = left < VECTOR_BLOCK_ROWS ? left : VECTOR_BLOCK_ROWS;
		struct rag_segment_row row = { .index_id = r->t->row.id,
					       .kind = RAG_CODES,
					       .model = r->t->row.model,
					       .parent = space,
					       .first = r->ids[at],
					       .last = r->ids[at + count - 1],
					       .rows = (int64_t)count,
					       .born = r->t->row.generation };

		buf_clear(&bytes);
		result = vector_pack(r->space, r->vectors + at * r->dimensions, r->ids + at, count,
				     &bytes, err);
		if (result == 0)
			result = rag_segment_insert(db, &row, buf_span(&bytes), err);
	}
	buf_free(&bytes);
	return result;
}

/* Blocks in the space now: more than there were, and what was made lacks some. */
static int count_blocks(struct db *db, int64_t index_id, int64_t space, int64_t *count,
			struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT count(*) FROM rag_segment WHERE index_id = ?1 AND kind = 3"
			     " AND parent = ?2",
			     err);

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, space);
	if (db_next(st, err) < 0)
		return -1;
	*count = db_int(st, 0);
	db_reset(st);
	return 0;
}

static int keep_codes(struct db *db, void *arg, struct err *err)
{
	struct recoded *r = arg;
	struct rag_segment_row space = { .index_id = r->t->row.id,
					 .kind = RAG_SPACE,
					 .model = r->t->row.model,
					 .rows = (int64_t)r->count,
					 .born = r->t->row.generation };
	struct rag_row row;
	int64_t blocks;
	int found = rag_row_find_id(db, r->t->row.id, &row, err);

	if (found == 1)
		found = rag_segments_stand(db, row.id, r->inputs, r->input_count, err);
	if (found == 1 && count_blocks(db, row.id, r->inputs[0], &blocks, err) < 0)
		return -1;
	if (found != 1 || (size_t)blocks != r->input_count - 1)
		return found < 0 ? -1 : 0;
	for (size_t i = 0; i < r->input_count; i++)
		if (rag_segment_delete(db, r->inputs[i], err) < 0)
			return -1;
	if (rag_segment_insert(db, &space, buf_span(&r->bytes), err) < 0 ||
	    insert_blocks(db, r, space.id, err) < 0)
		return -1;
	row.generation++;
	r->was_kept = true;
	return rag_row_update(db, &row, err);
}

int rag_recode(const struct rag_tending *t, struct err *err)
{
	const struct snapshot_vectors *v = t->snapshot->vectors;
	struct recoded r = { .t = t };
	int64_t mean_of = MEAN_ROWS_ENOUGH;
	int result = -1;

	for (size_t i = 0; v && i < t->count; i++)
		if (t->segments[i].id == v->space_id)
			mean_of = t->segments[i].rows;
	if (!v || v->partition || mean_of >= MEAN_ROWS_ENOUGH || v->live < 64 || v->live < RECODE_GROWTH * mean_of)
		return 0;
	r.dimensions = v->dimensions;
	buf_init(&r.bytes, SPACE_BYTES_MAX);
	r.inputs = mem_calloc(t->count + 1, sizeof(*r.inputs));
	r.inputs[r.input_count++] = v->space_id;
	for (size_t i = 0; i < t->count; i++)
		if (t->segments[i].kind == RAG_CODES && t->segments[i].parent == v->space_id)
			r.inputs[r.input_count++] = t->segments[i].id;
	if (gather(&r, err) == 0 && (r.count == 0 || make_space(&r, err) == 0)) {
		sort(&r);
		result = r.count > 0 ? rag_write(t->tenant, keep_codes, &r, err) : 0;
	}
	vector_space_free(r.space);
	buf_free(&r.bytes);
	mem_free(r.ids);
	mem_free(r.vectors);
	mem_free(r.inputs);
	return result < 0 ? -1 : r.was_kept;
}
