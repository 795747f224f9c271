/*
 * common/rag/rag_check.c - whether an index is what its texts say.
 *
 * Documents are read in the order of their chunks.  Each text is compared with its hash, each piece
 * with the text; the postings of each segment are made anew from the pieces and compared byte by
 * byte, when merging has left the dead ones out of both.
 */
#include "common/rag/rag_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/snapshot_inside.h"

enum { TEXT_MAX = 1000 * 1000 * 1000, DETAIL_MAX = 256 };

struct checking {
	struct rag_tenant *tenant;
	struct db *db;
	struct rag_row row;
	const struct rag_snapshot *snapshot; /* NULL when it cannot be opened */
	void (*each)(void *arg, const struct rag_finding *finding);
	int (*progress)(void *arg, int64_t done, int64_t total);
	void *arg;
	struct arena arena;   /* of one document */
	struct span document; /* its name */
	size_t segment;       /* that builder has rows of */
	struct segment_builder *builder;
	struct terms *terms;
	struct buf title;
	int64_t documents, chunks, bytes, stored; /* that were met */
};

static void find(struct checking *c, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void find(struct checking *c, const char *what, const char *format, ...)
{
	char detail[DETAIL_MAX];
	struct rag_finding finding = { .what = what, .document = c->document };
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	finding.detail = span_str(detail);
	c->each(c->arg, &finding);
}

/* ---- segments ---- */

/* As segment_merge leaves it, without the dead. */
static int canonical(const struct segment *s, const uint64_t *dead, struct buf *out,
		     struct err *err)
{
	buf_init(out, SEGMENT_BYTES_MAX);
	return segment_merge(&s, &dead, 1, out, err);
}

static int compare_segment(struct checking *c, struct span made, struct err *err)
{
	const struct lexical_view *view = &c->snapshot->lexical;
	const struct segment *kept = view->segments[c->segment];
	struct segment *expected = segment_open(made, err);
	size_t dead;
	uint64_t *bits = rag_bits_cut(c->snapshot->lexical.dead, view->first[c->segment],
				      segment_rows(kept), &dead);
	struct buf a, b;
	int result = -1;

	buf_init(&b, 1);
	if (expected && canonical(expected, NULL, &a, err) == 0) {
		buf_free(&b);
		result = canonical(kept, bits, &b, err);
		if (result == 0 && !span_equal(buf_span(&a), buf_span(&b)))
			find(c, "postings", "segment %lld is not what its texts say",
			     (long long)loaded_snapshot_of(c->snapshot)->segment_ids[c->segment]);
	}
	if (expected)
		buf_free(&a);
	buf_free(&b);
	segment_close(expected);
	mem_free(bits);
	return result;
}

static int end_segment(struct checking *c, struct err *err)
{
	struct span document = c->document;
	struct buf made;
	int result;

	if (segment_builder_rows(c->builder) == 0)
		return 0;
	buf_init(&made, SEGMENT_BYTES_MAX);
	c->document = SPAN_NONE;
	result = segment_builder_write(c->builder, &made, err);
	if (result == 0)
		result = compare_segment(c, buf_span(&made), err);
	c->document = document;
	buf_free(&made);
	return result;
}

static size_t segment_of(const struct rag_snapshot *s, uint32_t row)
{
	size_t i = 0;

	while (i + 1 < s->lexical.count && s->lexical.first[i + 1] <= row)
		i++;
	return i;
}

static int check_postings(struct checking *c, const struct rag_document_info *d, int64_t chunk,
			  const struct rag_chunk *piece, struct span text, struct err *err)
{
	int64_t row;
	size_t segment;

	if (!c->snapshot)
		return 0;
	row = rag_snapshot_row(c->snapshot, chunk);
	if (row < 0) {
		find(c, "postings", "chunk %lld is in no segment", (long long)chunk);
		return 0;
	}
	segment = segment_of(c->snapshot, (uint32_t)row);
	if (segment != c->segment) {
		if (end_segment(c, err) < 0)
			return -1;
		c->segment = segment;
	}
	return rag_index_chunk(c->builder, c->terms, chunk, d->title, piece->heading,
			       rag_document_head(text), piece->text, &c->title, err);
}

/* ---- pieces ---- */

struct place {
	size_t at, chars; /* bytes, and code points before them */
	uint32_t line;
};

/* Moves forward, or begins again when a piece overlaps the one before. */
static void go_to(struct place *p, struct span text, size_t to)
{
	if (to < p->at)
		*p = (struct place){ .line = 1 };
	for (; p->at < to; p->at++) {
		p->chars += ((unsigned char)text.ptr[p->at] & 0xc0) != 0x80;
		p->line += text.ptr[p->at] == '\n';
	}
}

static bool is_between_characters(struct span text, size_t at)
{
	return at >= text.len || ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
}

struct walk {
	struct place place;
	size_t covered; /* up to there by the pieces before */
};

static void check_piece(struct checking *c, const struct rag_chunk *piece, struct span text,
			struct walk *w)
{
	if (piece->end > text.len || piece->start > piece->end || piece->start > w->covered ||
	    (w->covered > 0 && piece->end <= w->covered)) {
		find(c, "ranges", "chunk %lld has bytes %zu to %zu of %zu, behind %zu",
		     (long long)piece->ordinal, piece->start, piece->end, text.len, w->covered);
		return;
	}
	if (!is_between_characters(text, piece->start) || !is_between_characters(text, piece->end))
		find(c, "ranges", "chunk %lld splits a character", (long long)piece->ordinal);
	go_to(&w->place, text, piece->start);
	if (w->place.chars != piece->chars_start || w->place.line != piece->line)
		find(c, "places", "chunk %lld is said to begin at character %zu, line %u",
		     (long long)piece->ordinal, piece->chars_start, (unsigned)piece->line);
	w->covered = piece->end;
}

/* ---- documents ---- */

static int check_pieces(struct checking *c, const struct rag_document_info *d, struct span text,
			struct err *err)
{
	struct walk w = { .place = { .line = 1 } };

	for (int64_t i = 0; i < d->chunks; i++) {
		struct rag_chunk piece;
		struct err damage = ERR_INIT;

		if (rag_chunk_read(c->db, d->first_chunk + i, false, &c->arena, &piece, &damage) <
			    0 ||
		    piece.document != d->id) {
			find(c, "pieces", "chunk %lld: %s", (long long)i,
			     damage.code ? damage.message : "it belongs to another document");
			return 0;
		}
		check_piece(c, &piece, text, &w);
		if (piece.end > text.len || piece.start > piece.end)
			continue;
		piece.text = span_of(text.ptr + piece.start, piece.end - piece.start);
		if (check_postings(c, d, d->first_chunk + i, &piece, text, err) < 0)
			return -1;
	}
	if (w.covered != text.len)
		find(c, "ranges", "%zu bytes of %zu are in chunks", w.covered, text.len);
	return 0;
}

static int check_document(struct checking *c, const struct rag_document_info *d, struct err *err)
{
	unsigned char digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	struct err damage = ERR_INIT;
	struct span text;

	c->document = d->name;
	c->documents++;
	c->chunks += d->chunks;
	c->bytes += d->bytes;
	if (rag_text_read(c->db, d, 0, SIZE_MAX, &c->arena, &text, &damage) < 0) {
		find(c, "text", "%s", damage.message);
		return 0;
	}
	digest_sha256(text, digest);
	digest_hex(digest, sizeof(digest), hex);
	if (!span_is(d->text_hash, hex))
		find(c, "text_hash", "the text has another hash");
	if (!utf8_is_valid(text))
		find(c, "text", "it is not UTF-8");
	return check_pieces(c, d, text, err);
}

/* 1 with the next one's id, 0, -1. */
static int next_document(struct checking *c, int64_t *first, int64_t *id, struct err *err)
{
	struct db_statement *st =
		db_statement(c->db,
			     "SELECT first_chunk, id, stored FROM rag_document WHERE index_id = ?1"
			     " AND (first_chunk, id) > (?2, ?3) ORDER BY first_chunk, id LIMIT 1",
			     err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, c->row.id);
	db_bind_int(st, 2, *first);
	db_bind_int(st, 3, *id);
	found = db_next(st, err);
	if (found == 1) {
		*first = db_int(st, 0);
		*id = db_int(st, 1);
		c->stored += db_int(st, 2);
	}
	db_reset(st);
	return found;
}

static int check_documents(struct checking *c, struct err *err)
{
	struct rag_view view = { .db = c->db };
	struct rag_document_info info;
	int64_t first = -1, id = -1;
	int more;

	while ((more = next_document(c, &first, &id, err)) == 1) {
		arena_reset(&c->arena);
		if (rag_view_document(&view, id, &c->arena, &info, err) < 0 ||
		    check_document(c, &info, err) < 0)
			return -1;
		if (c->progress && c->progress(c->arg, c->documents, c->row.documents) < 0)
			return err_set(err, E_cancelled, "", "it was stopped");
	}
	c->document = SPAN_NONE;
	return more < 0 ? -1 : end_segment(c, err);
}

/* ---- the whole ---- */

static void check_count(struct checking *c, const char *what, int64_t said, int64_t met)
{
	if (said != met)
		find(c, "counts", "the index is said to have %lld %s, and has %lld",
		     (long long)said, what, (long long)met);
}

/* Chunks of segments that are alive, but of no document. */
static void check_rows(struct checking *c)
{
	const struct rag_snapshot *s = c->snapshot;
	int64_t alive = 0;

	for (uint32_t row = 0; row < s->row_count; row++)
		alive += !(s->lexical.dead[row / 64] >> (row % 64) & 1);
	if (alive != c->chunks)
		find(c, "postings", "segments have %lld chunks that are alive, not %lld",
		     (long long)alive, (long long)c->chunks);
}

/* Each code that is alive has its vector, and each chunk is coded or wanted. */
static void check_vectors(struct checking *c)
{
	const struct snapshot_vectors *v = c->snapshot->vectors;
	struct rag_view view = { .snapshot = c->snapshot, .db = c->db, .model = c->row.model };
	int64_t alive = 0;
	float *room;

	if (!v)
		return;
	room = mem_calloc(v->dimensions + 1, sizeof(*room));
	for (size_t i = 0; i < v->count; i++)
		for (size_t row = 0; row < vector_block_rows(v->blocks[i]); row++) {
			int64_t chunk = vector_block_id(v->blocks[i], row);

			if (v->dead[i][row / 64] >> (row % 64) & 1)
				continue;
			alive++;
			if (!rag_view_exact(&view, chunk, room))
				find(c, "vectors", "chunk %lld has codes and no vector",
				     (long long)chunk);
			else if (rag_snapshot_row(c->snapshot, chunk) < 0)
				find(c, "vectors", "chunk %lld has codes and is not there",
				     (long long)chunk);
		}
	if (alive != v->live)
		find(c, "vectors", "%lld chunks have codes, and %lld should", (long long)alive,
		     (long long)v->live);
	mem_free(room);
}

static int check(struct checking *c, struct err *err)
{
	struct err damage = ERR_INIT;
	int result;

	c->snapshot = rag_snapshot_take(c->tenant, c->db, &c->row, &damage);
	if (!c->snapshot)
		find(c, "segments", "%s", damage.message);
	result = check_documents(c, err);
	if (result == 0) {
		check_count(c, "documents", c->row.documents, c->documents);
		check_count(c, "chunks", c->row.chunks, c->chunks);
		check_count(c, "bytes", c->row.bytes, c->bytes);
		check_count(c, "stored bytes", c->row.stored, c->stored);
	}
	if (result == 0 && c->snapshot) {
		check_rows(c);
		check_vectors(c);
	}
	if (c->snapshot)
		rag_snapshot_give(c->snapshot);
	return result;
}

int rag_check(struct rag *r, struct span tenant, struct span index,
	      void (*each)(void *arg, const struct rag_finding *finding),
	      int (*progress)(void *arg, int64_t done, int64_t total), void *arg, struct err *err)
{
	struct checking c = { .each = each, .progress = progress, .arg = arg };
	int result = -1;

	c.tenant = rag_tenant_find(r, tenant, false, err);
	if (!c.tenant)
		return -1;
	arena_init(&c.arena, TEXT_MAX);
	buf_init(&c.title, 4096);
	c.builder = segment_builder_new();
	c.terms = terms_new();
	c.db = rag_read_begin(c.tenant, err);
	if (c.db && rag_row_get(c.db, index, &c.row, err) == 0)
		result = check(&c, err);
	rag_read_end(c.tenant, c.db);
	terms_free(c.terms);
	segment_builder_free(c.builder);
	buf_free(&c.title);
	arena_clear(&c.arena);
	return result;
}
