/*
 * common/rag/rag_partition.c - many vectors grouped by nearness.
 */
#include "common/rag/rag_tend.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/rag/snapshot_inside.h"
#include "common/rag/vector_partition.h"

enum { PARTITION_BYTES_MAX = 512 * 1000 * 1000 };

struct partitioned {
	const struct rag_tending *t;
	int64_t *inputs; /* the space, what there was of partition and lists, all blocks */
	size_t input_count;
	struct buf bytes; /* of the partition */
	struct buf *lists;
	size_t count, room;
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
	return now == p->input_count;
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

static int keep(struct db *db, void *arg, struct err *err)
{
	struct partitioned *p = arg;
	struct rag_segment_row partition = { .index_id = p->t->row.id,
					     .kind = RAG_PARTITION,
					     .model = p->t->row.model,
					     .parent = p->t->snapshot->vectors->space_id,
					     .rows = p->t->snapshot->vectors->live,
					     .born = p->t->row.generation };
	struct rag_row row;
	int found = rag_row_find_id(db, p->t->row.id, &row, err);

	if (found == 1)
		found = is_as_it_was(db, p, err);
	if (found != 1)
		return found;
	for (size_t i = 0; i < p->input_count; i++)
		if (p->inputs[i] != partition.parent &&
		    rag_segment_delete(db, p->inputs[i], err) < 0)
			return -1;
	if (rag_segment_insert(db, &partition, buf_span(&p->bytes), err) < 0)
		return -1;
	for (size_t i = 0; i < p->count; i++)
		if (insert_list(db, p, partition.id, i, err) < 0)
			return -1;
	row.generation++;
	p->was_kept = true;
	if (rag_gone_forget(db, row.id, err) < 0)
		return -1;
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
		result = rag_write(t->tenant, keep, &p, err);
	for (size_t i = 0; i < p.count; i++)
		buf_free(&p.lists[i]);
	mem_free(p.lists);
	mem_free(p.inputs);
	buf_free(&p.bytes);
	return result < 0 ? -1 : p.was_kept;
}
