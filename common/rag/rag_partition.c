/*
 * common/rag/rag_partition.c - many vectors grouped by nearness.
 */
#include "common/rag/rag_tend.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/rag/snapshot_inside.h"
#include "common/rag/vector_partition.h"

enum {
	PARTITION_BYTES_MAX = 512 * 1000 * 1000,
	STEP_BYTES = 16 * 1000 * 1000, /* of lists in one transaction: others write between them */
};

struct partitioned {
	const struct rag_tending *t;
	int64_t *inputs; /* the space, what there was of partition and lists, all blocks */
	size_t input_count;
	struct buf bytes; /* of the partition */
	struct buf *lists;
	size_t count, room;
	struct written {
		int64_t id;   /* of the partition, once its row is there */
		size_t lists; /* the first ones */
	} written, next;      /* what was committed, and what will have been */
	bool was_kept;
};

static bool is_input(const struct rag_tending *t, const struct rag_segment_row *row)
{
	return row->model == t->row.model && (row->kind == RAG_SPACE || row->kind == RAG_CODES ||
					      row->kind == RAG_PARTITION || row->kind == RAG_LIST);
}

static int add_list(void *data, size_t list, struct span block, struct err *err)
{
	struct partitioned *p = data;

	(void)list;
	if (p->count == p->room) {
		p->room = p->room > 0 ? 2 * p->room : 64;
		p->lists = mem_realloc(p->lists, p->room * sizeof(*p->lists));
	}
	buf_init(&p->lists[p->count], SEGMENT_BYTES_MAX);
	if (buf_add_span(&p->lists[p->count++], block) < 0)
		return err_set(err, E_too_large, "", "a list of vectors does not fit");
	return 0;
}

/* Others have put vectors since, or made a partition. */
static int is_as_it_was(struct db *db, const struct partitioned *p, struct err *err)
{
	struct rag_segment_row *rows;
	size_t count, now = 0;
	int stands = rag_segments_stand(db, p->t->row.id, p->inputs, p->input_count, err);

	if (stands != 1)
		return stands;
	if (rag_segment_list(db, p->t->row.id, &rows, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		now += is_input(p->t, &rows[i]);
	mem_free(rows);
	return now == p->input_count + 1 + p->count;
}

static int insert_list(struct db *db, const struct partitioned *p, int64_t partition, size_t i,
		       struct err *err)
{
	struct rag_segment_row row = { .index_id = p->t->row.id,
				       .kind = RAG_LIST,
				       .model = p->t->row.model,
				       .parent = partition,
				       .first = 1,
				       .born = p->t->row.generation };
	struct vector_block *block =
		vector_block_open(p->t->snapshot->vectors->space, buf_span(&p->lists[i]), err);

	if (!block)
		return -1;
	row.rows = (int64_t)vector_block_rows(block);
	if (row.rows > 0) {
		row.first = vector_block_id(block, 0);
		row.last = vector_block_id(block, (size_t)row.rows - 1);
	}
	vector_block_close(block);
	return rag_segment_insert(db, &row, buf_span(&p->lists[i]), err);
}

/*
 * The partition of no space, which nobody looks at, and its lists step by step.  When that ends
 * half way it is past with the next one that is whole.
 */
static int write_some(struct db *db, void *arg, struct err *err)
{
	struct partitioned *p = arg;
	struct rag_segment_row row = { .index_id = p->t->row.id,
				       .kind = RAG_PARTITION,
				       .model = p->t->row.model,
				       .rows = p->t->snapshot->vectors->live,
				       .born = p->t->row.generation };
	struct written *w = &p->next;
	size_t bytes = 0;

	if (w->id == 0) {
		if (rag_segment_insert(db, &row, buf_span(&p->bytes), err) < 0)
			return -1;
		w->id = row.id;
	}
	for (; w->lists < p->count && bytes < STEP_BYTES; w->lists++) {
		if (insert_list(db, p, w->id, w->lists, err) < 0)
			return -1;
		bytes += p->lists[w->lists].len;
	}
	return 0;
}

static int write_all(struct partitioned *p, struct err *err)
{
	do {
		if (atomic_load(&p->t->tenant->rag->stopping))
			return err_set(err, E_cancelled, "", "stopped");
		if (rag_write(p->t->tenant, write_some, p, err) < 0)
			return -1;
		p->written = p->next;
	} while (p->written.lists < p->count);
	return 0;
}

/* What was written and is not to be. */
static int forget(struct db *db, void *arg, struct err *err)
{
	const struct partitioned *p = arg;
	struct db_statement *st = db_statement(
		db,
		"DELETE FROM rag_segment WHERE index_id = ?1 AND (id = ?2 OR kind = 7 AND"
		" parent = ?2)",
		err);

	if (!st)
		return -1;
	db_bind_int(st, 1, p->t->row.id);
	db_bind_int(st, 2, p->written.id);
	return db_run(st, err);
}

static int give_space(struct db *db, const struct partitioned *p, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "UPDATE rag_segment SET parent = ?2 WHERE id = ?1", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, p->written.id);
	db_bind_int(st, 2, p->t->snapshot->vectors->space_id);
	return db_run(st, err);
}

/* From here on what it was made of is past. */
static int keep(struct db *db, void *arg, struct err *err)
{
	struct partitioned *p = arg;
	struct rag_row row;
	int found = rag_row_find_id(db, p->t->row.id, &row, err);

	if (found == 1)
		found = is_as_it_was(db, p, err);
	if (found != 1)
		return found;
	if (give_space(db, p, err) < 0)
		return -1;
	row.generation++;
	p->was_kept = true;
	return rag_row_update(db, &row, err);
}

/* Too many for a scan, and a fifth of them came or went since they were grouped. */
static bool is_due(const struct rag_tending *t)
{
	const struct snapshot_vectors *v = t->snapshot->vectors;
	int64_t flat_max = (int64_t)t->tenant->rag->options.flat_max, grouped = 0, change;

	if (!v || v->live <= flat_max)
		return false;
	for (size_t i = 0; i < t->count; i++)
		if (t->segments[i].kind == RAG_PARTITION && t->segments[i].parent == v->space_id)
			grouped = t->segments[i].rows;
	change = v->live > grouped ? v->live - grouped : grouped - v->live;
	return change * 5 > grouped;
}

int rag_partition(const struct rag_tending *t, struct err *err)
{
	struct partitioned p = { .t = t };
	struct vector_partition_plan plan = { .emit = add_list, .data = &p };
	int result;

	if (!is_due(t))
		return 0;
	plan.space = t->snapshot->vectors->space;
	plan.blocks = t->snapshot->vectors->blocks;
	plan.dead = t->snapshot->vectors->dead;
	plan.count = t->snapshot->vectors->count;
	buf_init(&p.bytes, PARTITION_BYTES_MAX);
	p.inputs = mem_calloc(t->count + 1, sizeof(*p.inputs));
	for (size_t i = 0; i < t->count; i++)
		if (is_input(t, &t->segments[i]))
			p.inputs[p.input_count++] = t->segments[i].id;
	result = vector_partition_build(&plan, &p.bytes, err);
	if (result == 0)
		result = write_all(&p, err);
	if (result == 0)
		result = rag_write(t->tenant, keep, &p, err);
	if (p.written.id > 0 && (result < 0 || !p.was_kept))
		rag_write(t->tenant, forget, &p, NULL);
	for (size_t i = 0; i < p.count; i++)
		buf_free(&p.lists[i]);
	mem_free(p.lists);
	mem_free(p.inputs);
	buf_free(&p.bytes);
	return result < 0 ? -1 : p.was_kept;
}
