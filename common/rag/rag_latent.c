/*
 * common/rag/rag_latent.c - the latent space of an index, and its segments' rows in it.
 */
#include "common/rag/rag_tend.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/rag/latent.h"
#include "common/rag/snapshot_inside.h"

enum { LATENT_BYTES_MAX = 512 * 1000 * 1000 };

struct folded {
	const struct rag_tending *t;
	int64_t space; /* its id; 0: the one in bytes */
	struct buf bytes;
	int64_t chunks;   /* that a new space is of */
	struct buf *rows; /* by segment of the snapshot; not all need to have some */
	bool was_kept;
};

/* Whatever was there before of the latent kind goes. */
static int exchange_space(struct db *db, struct folded *f, struct err *err)
{
	struct rag_segment_row row = { .index_id = f->t->row.id,
				       .kind = RAG_LATENT,
				       .rows = f->chunks,
				       .born = f->t->row.generation };
	struct db_statement *st = db_statement(
		db, "DELETE FROM rag_segment WHERE index_id = ?1 AND kind IN (4, 5)", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, f->t->row.id);
	if (db_run(st, err) < 0 || rag_segment_insert(db, &row, buf_span(&f->bytes), err) < 0)
		return -1;
	f->space = row.id;
	return 0;
}

/* The rows of segment number at, when it still stands: 1, 0, -1. */
static int insert_rows(struct db *db, const struct folded *f, size_t at, struct err *err)
{
	struct rag_segment_row row = f->t->segments[at];
	int stands = rag_segments_stand(db, f->t->row.id, &row.id, 1, err);

	if (stands != 1)
		return stands;
	row.kind = RAG_LATENT_ROWS;
	row.model = f->space;
	row.parent = f->t->segments[at].id;
	return rag_segment_insert(db, &row, buf_span(&f->rows[at]), err) < 0 ? -1 : 1;
}

static int keep(struct db *db, void *arg, struct err *err)
{
	struct folded *f = arg;
	struct rag_row row;
	int found = rag_row_find_id(db, f->t->row.id, &row, err);

	if (found == 1 && f->space > 0)
		found = rag_segments_stand(db, row.id, &f->space, 1, err);
	if (found != 1)
		return found;
	if (f->space == 0 && exchange_space(db, f, err) < 0)
		return -1;
	for (size_t i = 0; i < f->t->snapshot->lexical.count; i++)
		if (f->rows[i].len > 0) {
			found = insert_rows(db, f, i, err);
			if (found < 0)
				return -1;
			f->was_kept = f->was_kept || found == 1;
		}
	if (!f->was_kept)
		return 0;
	row.generation++;
	return rag_row_update(db, &row, err);
}

static bool goes_on(void *data, double done)
{
	const struct rag *r = data;

	(void)done;
	return !atomic_load_explicit(&r->stopping, memory_order_relaxed);
}

/* 1 with a new space in f->bytes and the rows of all segments, 0 when none can be made, -1. */
static int build(struct folded *f, struct err *err)
{
	const struct lexical_view *view = &f->t->snapshot->lexical;
	struct latent_space *space;
	struct latent_options options = { .go_on = goes_on, .data = f->t->tenant->rag };
	int made = latent_build(view, &options, &f->bytes, err);

	if (made != 1)
		return made;
	f->chunks = f->t->snapshot->chunks;
	space = latent_space_open(buf_span(&f->bytes), err);
	for (size_t i = 0; space && made == 1 && i < view->count; i++)
		if (latent_fold(space, view->segments[i], &f->rows[i], err) < 0)
			made = -1;
	if (!space)
		made = -1;
	latent_space_close(space);
	return made;
}

/* Those that have no rows in the space yet. */
static int fold_missing(struct folded *f, struct err *err)
{
	const struct rag_snapshot *s = f->t->snapshot;
	int some = 0;

	for (size_t i = 0; i < f->t->count; i++)
		if (f->t->segments[i].kind == RAG_LATENT)
			f->space = f->t->segments[i].id;
	for (size_t i = 0; i < s->lexical.count; i++) {
		if (s->latent_rows[i])
			continue;
		if (latent_fold(s->latent, s->lexical.segments[i], &f->rows[i], err) < 0)
			return -1;
		some = 1;
	}
	return some;
}

int rag_tend_latent(const struct rag_tending *t, struct err *err)
{
	const struct rag_snapshot *s = t->snapshot;
	struct folded f = { .t = t };
	bool is_due = s->latent ? latent_space_is_due(s->latent, (uint64_t)s->chunks)
				: s->chunks >= LATENT_ROWS_MIN;
	int result;

	if (!is_due && !s->latent)
		return 0;
	buf_init(&f.bytes, LATENT_BYTES_MAX);
	f.rows = mem_calloc(s->lexical.count + 1, sizeof(*f.rows));
	for (size_t i = 0; i < s->lexical.count; i++)
		buf_init(&f.rows[i], LATENT_BYTES_MAX);
	result = is_due ? build(&f, err) : fold_missing(&f, err);
	if (result == 1)
		result = rag_write(t->tenant, keep, &f, err);
	for (size_t i = 0; i < s->lexical.count; i++)
		buf_free(&f.rows[i]);
	mem_free(f.rows);
	buf_free(&f.bytes);
	return result < 0 ? -1 : f.was_kept;
}
