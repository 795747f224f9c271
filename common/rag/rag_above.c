/*
 * common/rag/rag_above.c - what a place in a chunk stands under: page, row and headings, by the
 * document's marks.
 */
#include "common/rag/rag_inside.h"

#include "common/rag/cut.h"
#include "common/rag/reading.h"

enum { LEVELS = 6 };

struct above {
	const struct rag_chunk *chunk;
	size_t at;
	struct mark chain[LEVELS]; /* levels ascending, each under the one before */
	size_t depth;
	uint32_t page, row, rows; /* row: that holds the place, or 0; rows: of the page so far */
	size_t begun; /* of the chunk: behind the headings that it begins with */
	bool is_new;  /* a heading stands between those and the place */
};

static int damaged(struct err *err)
{
	return err_set(err, E_storage_error, "",
		       "a document of the index is damaged; restore a backup or add it again");
}

/* Whether there is nothing but blanks in the chunk from the headings it begins with to here. */
static bool is_beginning(const struct above *w, size_t start)
{
	const struct rag_chunk *c = w->chunk;

	return start <= w->begun ||
	       span_strip(span_of(c->text.ptr + (w->begun - c->start), start - w->begun)).len == 0;
}

static void take_heading(struct above *w, const struct mark *m)
{
	while (w->depth > 0 && w->chain[w->depth - 1].level >= m->level)
		if (w->chain[--w->depth].start >= w->chunk->start)
			w->is_new = true; /* a title, say, with no text of its own */
	if (w->depth == LEVELS)
		return;
	w->chain[w->depth++] = *m;
	if (m->start < w->chunk->start)
		return;
	if (!w->is_new && is_beginning(w, m->start))
		w->begun = m->end;
	else
		w->is_new = true;
}

static void take_page(struct above *w, const struct mark *m)
{
	w->page = (uint32_t)m->level;
	w->rows = w->row = 0;
}

static void take_row(struct above *w, const struct mark *m)
{
	w->rows++;
	w->row = w->at < m->end ? w->rows : 0;
}

static int read_marks(struct above *w, struct span packed, size_t text_len, struct err *err)
{
	struct mark m = { .start = 0 };
	int more;

	while ((more = rag_mark_next(&packed, m.start, text_len, &m)) == 1 && m.start <= w->at) {
		if (m.kind == MARK_HEADING)
			take_heading(w, &m);
		else if (m.kind == MARK_PAGE)
			take_page(w, &m);
		else if (m.kind == MARK_RECORD && m.level == 0)
			take_row(w, &m);
	}
	return more < 0 ? damaged(err) : 0;
}

/* The words of a heading, which most often stands in the chunk. */
static int heading_words(struct rag_view *v, const struct rag_document_info *of,
			 const struct above *w, const struct mark *m, struct arena *a,
			 struct span *out, struct err *err)
{
	const struct rag_chunk *c = w->chunk;

	if (m->start >= c->start && m->end <= c->end)
		*out = span_of(c->text.ptr + (m->start - c->start), m->end - m->start);
	else if (rag_view_text(v, of, m->start, m->end, a, out, err) < 0)
		return -1;
	*out = cut_heading_part(reading_heading_words(*out));
	return 0;
}

static int write_path(struct rag_view *v, const struct rag_document_info *of,
		      const struct above *w, struct arena *a, struct span *heading, struct err *err)
{
	struct buf path;
	struct span part;
	int result = 0;

	buf_init(&path, CUT_HEADING_MAX);
	for (size_t i = 0; i < w->depth && result == 0; i++) {
		result = heading_words(v, of, w, &w->chain[i], a, &part, err);
		if (result == 0 && !cut_heading_add(&path, 0, part))
			break;
	}
	*heading = arena_span(a, buf_span(&path));
	buf_free(&path);
	return result;
}

int rag_view_above(struct rag_view *v, const struct rag_document_info *of,
		   const struct rag_chunk *chunk, size_t at, struct arena *a,
		   struct rag_above *out, struct err *err)
{
	struct above w = { .chunk = chunk, .at = at, .page = chunk->page, .begun = chunk->start };
	struct db_statement *st = db_statement(
		v->db, "SELECT marks, length(language) FROM rag_document WHERE id = ?1", err);
	bool is_code = false;
	int result = -1;

	if (!st)
		return -1;
	db_bind_int(st, 1, of->id);
	if (db_next(st, err) == 1) {
		is_code = db_int(st, 1) > 0;
		result = read_marks(&w, db_blob(st, 0), (size_t)of->bytes, err);
	} else {
		damaged(err);
	}
	db_reset(st);
	out->page = w.page;
	out->row = reader_places(of->type) == READER_ROWS ? w.row : 0;
	out->heading = chunk->heading;
	if (result == 0 && w.is_new && !is_code)
		result = write_path(v, of, &w, a, &out->heading, err);
	return result;
}
