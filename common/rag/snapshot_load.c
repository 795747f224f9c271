/*
 * common/rag/snapshot_load.c - a snapshot out of the database, sharing what an earlier one has.
 */
#include "common/rag/snapshot_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

/* ---- pieces ---- */

static void give(struct loaded *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	segment_close(p->segment);
	vector_block_close(p->block);
	vector_partition_close(p->partition);
	vector_space_free(p->space);
	latent_rows_close(p->latent_rows);
	latent_space_close(p->latent);
	give(p->on[0]);
	give(p->on[1]);
	atomic_fetch_sub(&p->rag->loaded, p->len);
	mem_free(p->bytes);
	mem_free(p);
}

static struct loaded *hold(struct loaded *p)
{
	if (p)
		atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static struct loaded *find(struct loaded *const *pieces, size_t count, int64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (pieces[i]->id == id)
			return pieces[i];
	return NULL;
}

static bool open_piece(struct loaded *p, struct err *err)
{
	struct span bytes = span_of(p->bytes, p->len);

	switch (p->kind) {
	case RAG_POSTINGS:
		p->segment = segment_open(bytes, err);
		return p->segment != NULL;
	case RAG_SPACE:
		p->space = vector_space_open(bytes, err);
		return p->space != NULL;
	case RAG_CODES:
	case RAG_LIST:
		p->block = vector_block_open(p->on[0]->space, bytes, err);
		return p->block != NULL;
	case RAG_LATENT:
		p->latent = latent_space_open(bytes, err);
		return p->latent != NULL;
	case RAG_LATENT_ROWS:
		p->latent_rows = latent_rows_open(p->on[0]->latent, p->on[1]->segment, bytes, err);
		return p->latent_rows != NULL;
	case RAG_PARTITION:
		p->partition = vector_partition_open(p->on[0]->space, bytes, err);
		return p->partition != NULL;
	}
	return false;
}

static struct loaded *load_piece(struct rag *r, struct db *db, const struct rag_segment_row *row,
				 struct loaded *on, struct loaded *also, struct err *err)
{
	struct loaded *p = mem_new(struct loaded);

	atomic_init(&p->refs, 1);
	p->rag = r;
	p->id = row->id;
	p->kind = row->kind;
	p->on[0] = hold(on);
	p->on[1] = hold(also);
	if (rag_segment_bytes(db, row->id, &p->bytes, &p->len, err) == 0) {
		atomic_fetch_add(&r->loaded, p->len);
		if (open_piece(p, err))
			return p;
	}
	give(p);
	return NULL;
}

/* ---- which pieces ---- */

struct making {
	struct rag *rag;
	struct db *db;
	const struct rag_row *row;
	const struct loaded_snapshot *before;
	struct loaded_snapshot *s;
	struct rag_segment_row *rows;
	size_t row_count;
};

/* The piece of the row, from the snapshot before or the database; s holds it. */
static struct loaded *add(struct making *m, const struct rag_segment_row *row, struct loaded *on,
			  struct loaded *also, struct err *err)
{
	struct loaded *p =
		m->before ? hold(find(m->before->pieces, m->before->count, row->id)) : NULL;

	if (!p)
		p = load_piece(m->rag, m->db, row, on, also, err);
	if (p)
		m->s->pieces[m->s->count++] = p;
	return p;
}

static struct loaded *piece_of(const struct making *m, int64_t id)
{
	return find(m->s->pieces, m->s->count, id);
}

static int add_segments(struct making *m, struct err *err)
{
	struct loaded_snapshot *s = m->s;
	size_t count = 0;

	for (size_t i = 0; i < m->row_count; i++) {
		struct loaded *p;

		if (m->rows[i].kind != RAG_POSTINGS)
			continue;
		p = add(m, &m->rows[i], NULL, NULL, err);
		if (!p)
			return -1;
		s->segments[count] = p->segment;
		s->segment_ids[count] = p->id;
		s->first[count] = s->shown.row_count;
		s->shown.row_count += segment_rows(p->segment);
		count++;
	}
	s->first[count] = s->shown.row_count;
	s->shown.lexical.segments = s->segments;
	s->shown.lexical.first = s->first;
	s->shown.lexical.count = count;
	return 0;
}

/* The place of an open segment of postings with that id in the snapshot, or -1. */
static ptrdiff_t segment_place(const struct rag_snapshot *s, int64_t id)
{
	const struct loaded_snapshot *all = loaded_snapshot_of(s);

	for (size_t i = 0; i < s->lexical.count; i++)
		if (all->segment_ids[i] == id)
			return (ptrdiff_t)i;
	return -1;
}

/* The newest space, and the rows in it of the segments that are here. */
static int add_latent(struct making *m, struct err *err)
{
	struct loaded_snapshot *s = m->s;
	struct loaded *space = NULL;

	for (size_t i = m->row_count; i-- > 0 && !space;)
		if (m->rows[i].kind == RAG_LATENT) {
			space = add(m, &m->rows[i], NULL, NULL, err);
			if (!space)
				return -1;
		}
	for (size_t i = 0; i < m->row_count && space; i++) {
		const struct rag_segment_row *row = &m->rows[i];
		struct loaded *segment, *p;
		ptrdiff_t at;

		if (row->kind != RAG_LATENT_ROWS || row->model != space->id)
			continue;
		segment = piece_of(m, row->parent);
		at = segment_place(&s->shown, row->parent);
		if (!segment || at < 0)
			continue;
		p = add(m, row, space, segment, err);
		if (!p)
			return -1;
		s->latent_rows[at] = p->latent_rows;
	}
	s->shown.latent = space ? space->latent : NULL;
	s->shown.latent_rows = s->latent_rows;
	return 0;
}

static int add_block(struct making *m, const struct rag_segment_row *row, struct loaded *space,
		     struct err *err)
{
	struct loaded_snapshot *s = m->s;
	struct loaded *p = add(m, row, space, NULL, err);

	if (!p)
		return -1;
	s->dead_blocks[s->vectors.count] =
		mem_calloc(vector_block_words(p->block) + 1, sizeof(uint64_t));
	s->blocks[s->vectors.count++] = p->block;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const struct rag_segment_row *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* The partition of the space, when there is one, and its lists in their order. */
static int add_lists(struct making *m, struct loaded *space, struct err *err)
{
	struct loaded_snapshot *s = m->s;
	struct rag_segment_row *lists = mem_calloc(m->row_count + 1, sizeof(*lists));
	struct loaded *p = NULL;
	size_t count = 0;
	int result = 0;

	for (size_t i = 0; i < m->row_count && result == 0; i++)
		if (m->rows[i].kind == RAG_PARTITION && m->rows[i].parent == space->id) {
			p = add(m, &m->rows[i], space, NULL, err);
			result = p ? 0 : -1;
		}
	for (size_t i = 0; i < m->row_count && p; i++)
		if (m->rows[i].kind == RAG_LIST && m->rows[i].parent == p->id)
			lists[count++] = m->rows[i];
	qsort(lists, count, sizeof(*lists), compare_ids);
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_block(m, &lists[i], space, err);
	mem_free(lists);
	s->vectors.partition = p ? p->partition : NULL;
	s->vectors.lists = s->vectors.count;
	return result;
}

static int add_blocks(struct making *m, struct loaded *space, struct err *err)
{
	if (add_lists(m, space, err) < 0)
		return -1;
	for (size_t i = 0; i < m->row_count; i++)
		if (m->rows[i].kind == RAG_CODES && m->rows[i].parent == space->id &&
		    add_block(m, &m->rows[i], space, err) < 0)
			return -1;
	return 0;
}

static int add_vectors(struct making *m, struct err *err)
{
	struct loaded_snapshot *s = m->s;
	struct loaded *space = NULL;
	int64_t dimensions, wanted, refused;

	if (m->row->model == 0)
		return 0;
	for (size_t i = 0; i < m->row_count && !space; i++)
		if (m->rows[i].kind == RAG_SPACE && m->rows[i].model == m->row->model) {
			space = add(m, &m->rows[i], NULL, NULL, err);
			if (!space)
				return -1;
		}
	if (!space)
		return 0;
	if (rag_model_name(m->db, m->row->model, s->vectors.model, &dimensions, err) < 0 ||
	    rag_want_count(m->db, m->row->id, m->row->model, &wanted, err) < 0 ||
	    rag_refused_count(m->db, m->row->id, m->row->model, &refused, err) < 0 ||
	    add_blocks(m, space, err) < 0)
		return -1;
	s->vectors.dimensions = vector_space_dimensions(space->space);
	s->vectors.space = space->space;
	s->vectors.space_id = space->id;
	s->vectors.blocks = s->blocks;
	s->vectors.dead = (const uint64_t *const *)s->dead_blocks;
	s->vectors.live = m->row->chunks - wanted - refused;
	s->shown.vectors = &s->vectors;
	return 0;
}

/* ---- what is dead in them ---- */

static void set_bits(uint64_t *bits, size_t from, size_t to)
{
	for (; from < to && from % 64 != 0; from++)
		bits[from / 64] |= UINT64_C(1) << (from % 64);
	for (; from + 64 <= to; from += 64)
		bits[from / 64] = UINT64_MAX;
	for (; from < to; from++)
		bits[from / 64] |= UINT64_C(1) << (from % 64);
}

static void mark_rows(const struct rag_snapshot *s, int64_t first, int64_t end, uint64_t *bits)
{
	for (size_t i = 0; i < s->lexical.count; i++) {
		const struct segment *segment = s->lexical.segments[i];
		uint32_t rows = segment_rows(segment), from;

		if (rows == 0 || segment_chunk(segment, rows - 1) < first ||
		    segment_chunk(segment, 0) >= end)
			continue;
		from = segment_lower(segment, first);
		set_bits(bits, s->lexical.first[i] + from,
			 s->lexical.first[i] + segment_lower(segment, end));
	}
}

static void mark_block(const struct vector_block *b, int64_t first, int64_t end, uint64_t *bits)
{
	size_t rows = vector_block_rows(b);

	if (rows == 0 || vector_block_id(b, rows - 1) < first || vector_block_id(b, 0) >= end)
		return;
	set_bits(bits, vector_block_lower(b, first), vector_block_lower(b, end));
}

static int mark_gone(struct making *m, struct err *err)
{
	struct loaded_snapshot *s = m->s;
	struct db_statement *st = db_statement(
		m->db, "SELECT first_chunk, chunks FROM rag_gone WHERE index_id = ?1", err);
	int more;

	if (!st)
		return -1;
	s->dead = mem_calloc(s->shown.row_count / 64 + 1, sizeof(*s->dead));
	s->shown.lexical.dead = s->dead;
	db_bind_int(st, 1, m->row->id);
	while ((more = db_next(st, err)) == 1) {
		int64_t first = db_int(st, 0), end = first + db_int(st, 1);

		mark_rows(&s->shown, first, end, s->dead);
		for (size_t i = 0; i < s->vectors.count; i++)
			mark_block(s->blocks[i], first, end, s->dead_blocks[i]);
	}
	db_reset(st);
	return more;
}

/* ---- */

struct loaded_snapshot *loaded_snapshot_make(struct rag *r, struct db *db,
					     const struct rag_row *row,
					     const struct loaded_snapshot *before, struct err *err)
{
	struct loaded_snapshot *s = mem_new(struct loaded_snapshot);
	struct making m = { .rag = r, .db = db, .row = row, .before = before, .s = s };
	size_t room;

	atomic_init(&s->refs, 1);
	s->shown.index_id = row->id;
	s->shown.generation = row->generation;
	s->shown.chunks = row->chunks;
	if (rag_segment_list(db, row->id, &m.rows, &m.row_count, err) < 0)
		goto fail;
	room = m.row_count + 1;
	s->pieces = mem_calloc(room, sizeof(struct loaded *));
	s->segments = mem_calloc(room, sizeof(struct segment *));
	s->segment_ids = mem_calloc(room, sizeof(*s->segment_ids));
	s->latent_rows = mem_calloc(room, sizeof(struct latent_rows *));
	s->first = mem_calloc(room, sizeof(*s->first));
	s->blocks = mem_calloc(room, sizeof(struct vector_block *));
	s->dead_blocks = mem_calloc(room, sizeof(uint64_t *));
	if (add_segments(&m, err) < 0 || add_latent(&m, err) < 0 || add_vectors(&m, err) < 0 ||
	    mark_gone(&m, err) < 0)
		goto fail;
	for (size_t i = 0; i < s->count; i++)
		s->shown.bytes += s->pieces[i]->len;
	mem_free(m.rows);
	return s;
fail:
	mem_free(m.rows);
	loaded_snapshot_free(s);
	return NULL;
}

void loaded_snapshot_free(struct loaded_snapshot *s)
{
	for (size_t i = 0; i < s->vectors.count; i++)
		mem_free(s->dead_blocks[i]);
	for (size_t i = 0; i < s->count; i++)
		give(s->pieces[i]);
	mem_free(s->pieces);
	mem_free(s->segments);
	mem_free(s->segment_ids);
	mem_free(s->latent_rows);
	mem_free(s->first);
	mem_free(s->dead);
	mem_free(s->blocks);
	mem_free(s->dead_blocks);
	mem_free(s);
}

/* ---- rows and chunks ---- */

int64_t rag_snapshot_chunk(const struct rag_snapshot *s, uint32_t row)
{
	size_t low = 0, high = s->lexical.count;

	/* The last segment that begins at row or before. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (s->lexical.first[middle] <= row)
			low = middle;
		else
			high = middle;
	}
	return segment_chunk(s->lexical.segments[low], row - s->lexical.first[low]);
}

int64_t rag_snapshot_row(const struct rag_snapshot *s, int64_t chunk)
{
	for (size_t i = 0; i < s->lexical.count; i++) {
		int64_t row = segment_row(s->lexical.segments[i], chunk);
		uint64_t at;

		if (row < 0)
			continue;
		at = s->lexical.first[i] + (uint64_t)row;
		return s->lexical.dead[at / 64] >> (at % 64) & 1 ? -1 : (int64_t)at;
	}
	return -1;
}

static int64_t without_dead(uint64_t *bits, const uint64_t *dead, size_t words)
{
	int64_t alive = 0;

	for (size_t i = 0; i < words; i++) {
		bits[i] &= ~dead[i];
		alive += __builtin_popcountll(bits[i]);
	}
	return alive;
}

int rag_snapshot_only(const struct rag_snapshot *s, const struct rag_range_ids *ranges,
		      size_t count, struct arena *a, struct rag_only *out, struct err *err)
{
	const struct snapshot_vectors *v = s->vectors;
	size_t words = s->row_count / 64 + 1, blocks = v ? v->count : 0;
	uint64_t **bits;

	out->blocks = NULL;
	out->rows = arena_zalloc(a, words * sizeof(uint64_t));
	bits = arena_zalloc(a, (blocks + 1) * sizeof(*bits));
	for (size_t i = 0; i < blocks && bits; i++)
		bits[i] =
			arena_zalloc(a, (vector_block_words(v->blocks[i]) + 1) * sizeof(uint64_t));
	if (!out->rows || !bits || arena_failed(a))
		return err_set(err, E_too_large, "", "what the filter leaves does not fit");
	for (size_t i = 0; i < count; i++) {
		int64_t first = ranges[i].first, end = first + ranges[i].count;

		mark_rows(s, first, end, out->rows);
		for (size_t k = 0; k < blocks; k++)
			mark_block(v->blocks[k], first, end, bits[k]);
	}
	out->chunks = without_dead(out->rows, s->lexical.dead, words);
	if (v)
		out->blocks = (const uint64_t *const *)bits;
	return 0;
}
