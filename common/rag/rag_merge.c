/*
 * common/rag/rag_merge.c - many segments into one, without what is dead.
 */
#include "common/rag/rag_tend.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/rag/snapshot_inside.h"

enum {
	RUN_MIN = 4,                       /* segments that are worth a merge */
	RUN_BYTES_MAX = 256 * 1000 * 1000, /* of one merge */
	BLOCK_RUN_MIN = 8,                 /* small blocks that are worth one */
};

/* Rows from..to - 1 of a list of segments. */
struct run {
	size_t from, to;
};

static bool is_mostly_alive(int64_t rows, size_t dead)
{
	return (int64_t)dead * 4 <= rows;
}

/*
 * The longest run at the end whose first one is not twice as large as all behind it: so sizes fall
 * by thirds, there are few segments, and a row is written again a few times in its life.
 */
static struct run run_at_end(const struct rag_segment_row *rows, size_t count)
{
	struct run run = { count, count };
	int64_t behind = 0, bytes = 0;

	for (size_t i = count; i-- > 0;) {
		bytes += rows[i].size;
		if (bytes > RUN_BYTES_MAX)
			break;
		if (i + 1 < count && rows[i].rows <= 2 * behind)
			run.from = i;
		behind += rows[i].rows;
	}
	if (run.to - run.from < RUN_MIN)
		run.from = run.to;
	return run;
}

static size_t dead_in(const struct rag_snapshot *s, size_t segment)
{
	size_t dead;

	mem_free(rag_bits_cut(s->lexical.dead, s->lexical.first[segment],
			      segment_rows(s->lexical.segments[segment]), &dead));
	return dead;
}

static struct run plan(const struct rag_tending *t, const struct rag_segment_row *rows,
		       size_t count)
{
	struct run run = run_at_end(rows, count);

	for (size_t i = 0; i < count && run.from == run.to; i++)
		if (!is_mostly_alive(rows[i].rows, dead_in(t->snapshot, i)))
			run = (struct run){ i, i + 1 };
	return run;
}

/* ---- keeping what was made ---- */

struct merged {
	const struct rag_tending *t;
	int64_t *inputs;
	size_t input_count;
	struct rag_segment_row row; /* rows 0: nothing is left of them */
	struct buf bytes;
	int64_t latent; /* the space that folded is in, or 0 */
	struct buf folded;
	bool was_kept;
};

static int delete_inputs(struct db *db, const struct merged *m, struct err *err)
{
	for (size_t i = 0; i < m->input_count; i++) {
		struct db_statement *st =
			db_statement(db,
				     "DELETE FROM rag_segment WHERE index_id = ?1 AND kind = 5"
				     " AND parent = ?2",
				     err);

		if (!st)
			return -1;
		db_bind_int(st, 1, m->row.index_id);
		db_bind_int(st, 2, m->inputs[i]);
		if (db_run(st, err) < 0 || rag_segment_delete(db, m->inputs[i], err) < 0)
			return -1;
	}
	return 0;
}

static int insert_folded(struct db *db, const struct merged *m, struct err *err)
{
	struct rag_segment_row rows = m->row;
	int stands;

	if (m->latent == 0)
		return 0;
	stands = rag_segments_stand(db, m->row.index_id, &m->latent, 1, err);
	if (stands != 1)
		return stands;
	rows.kind = RAG_LATENT_ROWS;
	rows.model = m->latent;
	rows.parent = m->row.id;
	return rag_segment_insert(db, &rows, buf_span(&m->folded), err);
}

static int keep(struct db *db, void *arg, struct err *err)
{
	struct merged *m = arg;
	struct rag_row row;
	int found = rag_row_find_id(db, m->row.index_id, &row, err);

	if (found == 1)
		found = rag_segments_stand(db, row.id, m->inputs, m->input_count, err);
	if (found != 1)
		return found;
	if (delete_inputs(db, m, err) < 0)
		return -1;
	if (m->row.rows > 0 && (rag_segment_insert(db, &m->row, buf_span(&m->bytes), err) < 0 ||
				insert_folded(db, m, err) < 0))
		return -1;
	row.generation++;
	m->was_kept = true;
	if (rag_gone_forget(db, row.id, err) < 0)
		return -1;
	return rag_row_update(db, &row, err);
}

/* ---- postings ---- */

static int fold(struct merged *m, const struct segment *segment, struct err *err)
{
	const struct rag_tending *t = m->t;

	if (!t->snapshot->latent)
		return 0;
	for (size_t i = 0; i < t->count; i++)
		if (t->segments[i].kind == RAG_LATENT)
			m->latent = t->segments[i].id;
	return latent_fold(t->snapshot->latent, segment, &m->folded, err);
}

static int merge_run(struct merged *m, struct run run, struct err *err)
{
	const struct rag_snapshot *s = m->t->snapshot;
	size_t count = run.to - run.from, dead;
	uint64_t **bits = mem_calloc(count, sizeof(*bits));
	struct segment *merged = NULL;
	int result = -1;

	for (size_t i = 0; i < count; i++)
		bits[i] = rag_bits_cut(s->lexical.dead, s->lexical.first[run.from + i],
				       segment_rows(s->lexical.segments[run.from + i]), &dead);
	if (segment_merge(s->lexical.segments + run.from, (const uint64_t *const *)bits, count,
			  &m->bytes, err) == 0)
		merged = segment_open(buf_span(&m->bytes), err);
	if (merged) {
		m->row.rows = segment_rows(merged);
		if (m->row.rows > 0) {
			m->row.first = segment_chunk(merged, 0);
			m->row.last = segment_chunk(merged, segment_rows(merged) - 1);
		}
		result = m->row.rows > 0 ? fold(m, merged, err) : 0;
	}
	segment_close(merged);
	for (size_t i = 0; i < count; i++)
		mem_free(bits[i]);
	mem_free(bits);
	return result;
}

int rag_merge_postings(const struct rag_tending *t, struct err *err)
{
	/* Kinds are in order, and postings are the first. */
	size_t count = t->snapshot->lexical.count;
	struct run run = plan(t, t->segments, count);
	struct merged m = {
		.t = t,
		.row = { .index_id = t->row.id, .kind = RAG_POSTINGS, .born = t->row.generation }
	};
	int result;

	if (run.from == run.to)
		return 0;
	buf_init(&m.bytes, SEGMENT_BYTES_MAX);
	buf_init(&m.folded, SEGMENT_BYTES_MAX);
	m.inputs = mem_calloc(run.to - run.from, sizeof(*m.inputs));
	for (size_t i = run.from; i < run.to; i++)
		m.inputs[m.input_count++] = t->segments[i].id;
	result = merge_run(&m, run, err);
	if (result == 0)
		result = rag_write(t->tenant, keep, &m, err);
	buf_free(&m.bytes);
	buf_free(&m.folded);
	mem_free(m.inputs);
	return result < 0 ? -1 : m.was_kept;
}

/* ---- codes ---- */

struct blocks {
	const struct vector_block **list;
	uint64_t **dead;
	size_t count;
	int64_t rows; /* alive */
	bool has_mostly_dead;
};

/* Small ones together, up to a full block of them; and those that are largely dead. */
static void choose_blocks(const struct rag_tending *t, struct merged *m, struct blocks *b)
{
	const struct loaded_snapshot *s = loaded_snapshot_of(t->snapshot);

	for (size_t i = 0, at = s->vectors.lists; i < t->count && b->rows < VECTOR_BLOCK_ROWS; i++) {
		const struct rag_segment_row *row = &t->segments[i];
		uint64_t *bits;
		size_t dead;

		if (row->kind != RAG_CODES || row->parent != t->snapshot->vectors->space_id)
			continue;
		bits = rag_bits_cut(s->dead_blocks[at], 0, (size_t)row->rows, &dead);
		if (row->rows >= VECTOR_BLOCK_ROWS && is_mostly_alive(row->rows, dead)) {
			mem_free(bits);
		} else {
			m->inputs[m->input_count++] = row->id;
			m->row.parent = row->parent;
			m->row.model = row->model;
			b->list[b->count] = s->blocks[at];
			b->dead[b->count++] = bits;
			b->rows += row->rows - (int64_t)dead;
			b->has_mostly_dead |= !is_mostly_alive(row->rows, dead);
		}
		at++;
	}
}

static bool is_worth_it(const struct blocks *b)
{
	return b->has_mostly_dead || b->count >= BLOCK_RUN_MIN ||
	       (b->count > 1 && b->rows >= VECTOR_BLOCK_ROWS);
}

static int merge_blocks(const struct rag_tending *t, struct merged *m, const struct blocks *b,
			struct err *err)
{
	struct vector_block *merged = NULL;

	if (vector_merge(b->list, (const uint64_t *const *)b->dead, b->count, &m->bytes, err) < 0)
		return -1;
	if (b->rows > 0) {
		merged = vector_block_open(t->snapshot->vectors->space, buf_span(&m->bytes), err);
		if (!merged)
			return -1;
		m->row.rows = (int64_t)vector_block_rows(merged);
		m->row.first = vector_block_id(merged, 0);
		m->row.last = vector_block_id(merged, (size_t)m->row.rows - 1);
		vector_block_close(merged);
	}
	return rag_write(t->tenant, keep, m, err);
}

int rag_merge_codes(const struct rag_tending *t, struct err *err)
{
	size_t room = t->count + 1;
	struct merged m = {
		.t = t,
		.row = { .index_id = t->row.id, .kind = RAG_CODES, .born = t->row.generation }
	};
	struct blocks b = { .count = 0 };
	int result = 0;

	if (!t->snapshot->vectors)
		return 0;
	b.list = mem_calloc(room, sizeof(struct vector_block *));
	b.dead = mem_calloc(room, sizeof(uint64_t *));
	m.inputs = mem_calloc(room, sizeof(*m.inputs));
	buf_init(&m.bytes, SEGMENT_BYTES_MAX);
	choose_blocks(t, &m, &b);
	if (is_worth_it(&b))
		result = merge_blocks(t, &m, &b, err);
	for (size_t i = 0; i < b.count; i++)
		mem_free(b.dead[i]);
	mem_free(b.dead);
	mem_free(b.list);
	mem_free(m.inputs);
	buf_free(&m.bytes);
	return result < 0 ? -1 : m.was_kept;
}
