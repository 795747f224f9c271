/*
 * common/rag/rag_text.c - texts and pieces out of their parts.
 */
#include "common/rag/rag_inside.h"

#include <string.h>

static int damaged(struct err *err)
{
	return err_set(err, E_storage_error, "",
		       "a document of the index is damaged; restore a backup or add it again");
}

/* ---- ranges of a text ---- */

struct copying {
	char *out;               /* bytes start..end of the text */
	size_t start, end, done; /* done: up to there, from start on */
	struct arena *arena;
};

/* What of a part lies in the range. */
static int copy_part(struct db_statement *st, struct copying *c, struct err *err)
{
	size_t start = (size_t)db_int(st, 0), size = (size_t)db_int(st, 1);
	size_t from = start > c->start ? start : c->start;
	size_t to = start + size < c->end ? start + size : c->end;
	struct span stored = db_blob(st, 3);
	char *room;

	if (from != c->done || to < from)
		return damaged(err);
	if (from == start && to == start + size) {
		if (rag_part_inflate(stored, (int)db_int(st, 2), c->out + (from - c->start), size) <
		    0)
			return damaged(err);
	} else {
		room = arena_alloc(c->arena, size);
		if (!room)
			return err_set(err, E_too_large, "", "the text does not fit");
		if (rag_part_inflate(stored, (int)db_int(st, 2), room, size) < 0)
			return damaged(err);
		memcpy(c->out + (from - c->start), room + (from - start), to - from);
	}
	c->done = to;
	return 0;
}

static int copy_parts(struct db *db, const struct rag_document_info *of, struct copying *c,
		      struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT start, size, coding, text FROM rag_part"
			     " WHERE first_chunk >= ?1 AND first_chunk < ?2"
			     " AND start < ?4 AND start + size > ?3 ORDER BY first_chunk",
			     err);
	int more;

	if (!st)
		return -1;
	db_bind_int(st, 1, of->first_chunk);
	db_bind_int(st, 2, of->first_chunk + of->chunks);
	db_bind_int(st, 3, (int64_t)c->start);
	db_bind_int(st, 4, (int64_t)c->end);
	while ((more = db_next(st, err)) == 1)
		if (copy_part(st, c, err) < 0) {
			more = -1;
			break;
		}
	db_reset(st);
	if (more == 0 && c->done != c->end)
		return damaged(err);
	return more;
}

int rag_text_read(struct db *db, const struct rag_document_info *of, size_t start, size_t end,
		  struct arena *a, struct span *text, struct err *err)
{
	struct copying c = { .arena = a };
	size_t size = (size_t)of->bytes;

	c.end = end < size ? end : size;
	c.start = c.done = start < c.end ? start : c.end;
	c.out = arena_alloc(a, c.end - c.start + 1);
	if (!c.out)
		return err_set(err, E_too_large, "", "the text does not fit");
	c.out[c.end - c.start] = '\0';
	if (c.end > c.start && copy_parts(db, of, &c, err) < 0)
		return -1;
	*text = span_of(c.out, c.end - c.start);
	return 0;
}

/* ---- a chunk ---- */

#define CHUNK_COLUMNS                                                                  \
	"p.first_chunk, p.chunks, p.document_id, p.start, p.size, p.coding, p.pieces," \
	" d.first_chunk, d.chunks, d.bytes"
#define CHUNK_FROM                                                                                 \
	" FROM rag_part AS p JOIN rag_document AS d ON d.id = p.document_id WHERE p.first_chunk =" \
	" (SELECT max(first_chunk) FROM rag_part WHERE first_chunk <= ?1)"

/* The text of the chunk, when it lies in its part; ptr NULL when it goes on in the next one. */
static int text_in_part(struct db_statement *st, struct arena *a, struct rag_chunk *out,
			struct err *err)
{
	size_t start = (size_t)db_int(st, 3), size = (size_t)db_int(st, 4);
	char *room;

	if (out->start < start || out->start > start + size)
		return damaged(err);
	if (out->end > start + size)
		return 0;
	room = arena_alloc(a, size + 1);
	if (!room)
		return err_set(err, E_too_large, "", "the text does not fit");
	if (rag_part_inflate(db_blob(st, 10), (int)db_int(st, 5), room, size) < 0)
		return damaged(err);
	out->text = span_of(room + (out->start - start), out->end - out->start);
	return 0;
}

static int read_chunk(struct db_statement *st, bool text, struct arena *a, struct rag_chunk *out,
		      struct rag_document_info *of, struct err *err)
{
	int64_t first = db_int(st, 0), chunks = db_int(st, 1);

	if (rag_piece_unpack(db_blob(st, 6), chunks, out->id - first, out, NULL) < 0)
		return damaged(err);
	out->document = db_int(st, 2);
	of->first_chunk = db_int(st, 7);
	of->chunks = db_int(st, 8);
	of->bytes = db_int(st, 9);
	out->ordinal = out->id - of->first_chunk;
	out->heading = arena_span(a, out->heading);
	if (arena_failed(a))
		return err_set(err, E_too_large, "", "the chunks do not fit");
	return text ? text_in_part(st, a, out, err) : 0;
}

int rag_chunk_read(struct db *db, int64_t chunk, bool text, struct arena *a, struct rag_chunk *out,
		   struct err *err)
{
	static const char without[] = "SELECT " CHUNK_COLUMNS CHUNK_FROM;
	static const char with[] = "SELECT " CHUNK_COLUMNS ", p.text" CHUNK_FROM;
	struct db_statement *st = db_statement(db, text ? with : without, err);
	struct rag_document_info of = { .id = 0 };
	int found;

	memset(out, 0, sizeof(*out));
	out->id = chunk;
	if (!st)
		return -1;
	db_bind_int(st, 1, chunk);
	found = db_next(st, err);
	if (found == 0)
		damaged(err);
	if (found == 1 && read_chunk(st, text, a, out, &of, err) < 0)
		found = -1;
	db_reset(st);
	if (found != 1)
		return -1;
	return text && !out->text.ptr
		       ? rag_text_read(db, &of, out->start, out->end, a, &out->text, err)
		       : 0;
}

int rag_view_chunk(struct rag_view *v, int64_t chunk, bool text, struct arena *a,
		   struct rag_chunk *out, struct err *err)
{
	return rag_chunk_read(v->db, chunk, text, a, out, err);
}

int rag_view_text(struct rag_view *v, const struct rag_document_info *of, size_t start, size_t end,
		  struct arena *a, struct span *text, struct err *err)
{
	return rag_text_read(v->db, of, start, end, a, text, err);
}
