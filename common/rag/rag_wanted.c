/*
 * common/rag/rag_wanted.c - chunks that have no vector yet: found again by their text, or handed
 * out.
 */
#include "common/rag/rag_vectors.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"

enum { KNOWN_STEP = 1024 }; /* vectors that are found again, in one transaction */

/* ---- looking for chunks that are wanted ---- */

struct scan {
	struct db *db;
	int64_t index_id, model;
	struct span prefix;
	int64_t after; /* chunks up to there have been looked at */
	struct arena *arena;
	struct rag_pending *out; /* not known; NULL: not wanted */
	size_t count, max, bytes, max_bytes;
	struct rag_kept *known;
	size_t known_count;
	char *room; /* of a part's text */
	size_t room_size;
	struct buf title;
};

/* The first column of the first row: 1, 0, -1.  Two columns: a range. */
static int range_row(const struct scan *s, const char *sql, int64_t at, int64_t *first,
		     int64_t *end, struct err *err)
{
	struct db_statement *st = db_statement(s->db, sql, err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, s->index_id);
	db_bind_int(st, 2, s->model);
	db_bind_int(st, 3, at);
	found = db_next(st, err);
	if (found == 1) {
		*first = db_int(st, 0);
		*end = *first + db_int(st, 1);
	}
	db_reset(st);
	return found;
}

/* What is wanted after s->after, up to where that range ends. */
static int next_want(const struct scan *s, int64_t *first, int64_t *end, struct err *err)
{
	int found = range_row(s,
			      "SELECT first_chunk, chunks FROM rag_want WHERE index_id = ?1"
			      " AND model = ?2 AND first_chunk <= ?3"
			      " ORDER BY first_chunk DESC LIMIT 1",
			      s->after, first, end, err);

	if (found < 0)
		return -1;
	if (found == 1 && *end > s->after + 1) {
		*first = s->after + 1;
		return 1;
	}
	return range_row(s,
			 "SELECT first_chunk, chunks FROM rag_want WHERE index_id = ?1"
			 " AND model = ?2 AND first_chunk > ?3 ORDER BY first_chunk LIMIT 1",
			 s->after, first, end, err);
}

/* Whether the tenant has a vector of that text: 1, 0, -1. */
static int is_known(const struct scan *s, const unsigned char hash[RAG_HASH_SIZE], struct err *err)
{
	struct db_statement *st = db_statement(
		s->db, "SELECT 1 FROM rag_vector WHERE model = ?1 AND hash = ?2 LIMIT 1", err);
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, s->model);
	db_bind_blob(st, 2, span_of((const char *)hash, RAG_HASH_SIZE));
	found = db_next(st, err);
	db_reset(st);
	return found;
}

static bool is_doubled(const struct scan *s, const unsigned char hash[RAG_HASH_SIZE])
{
	for (size_t i = 0; i < s->count; i++)
		if (memcmp(s->out[i].hash, hash, RAG_HASH_SIZE) == 0)
			return true;
	return false;
}

/* One chunk: known, handed out, or neither.  1 when there is no room for it. */
static int look_at(struct scan *s, int64_t chunk, struct span title, struct span heading,
		   struct span text, struct err *err)
{
	struct span above = rag_chunk_title(title, heading, &s->title);
	const struct span parts[] = { s->prefix, above,
				      above.len > 0 ? SPAN_LIT("\n\n") : SPAN_NONE, text };
	unsigned char digest[DIGEST_SIZE];
	struct buf whole;
	int known;

	buf_init(&whole, s->prefix.len + above.len + text.len + 16);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		buf_add_span(&whole, parts[i]);
	digest_sha256(buf_span(&whole), digest);
	known = is_known(s, digest, err);
	if (known == 1 && s->known_count == KNOWN_STEP) {
		buf_free(&whole);
		return 1;
	}
	if (known == 1) {
		s->known[s->known_count].chunk = chunk;
		memcpy(s->known[s->known_count++].hash, digest, RAG_HASH_SIZE);
	} else if (known == 0 && s->out && !is_doubled(s, digest)) {
		struct rag_pending *p = &s->out[s->count];

		if (s->count == s->max || (s->count > 0 && s->bytes + whole.len > s->max_bytes)) {
			buf_free(&whole);
			return 1;
		}
		p->chunk = chunk;
		p->text = arena_span(s->arena, buf_span(&whole));
		memcpy(p->hash, digest, RAG_HASH_SIZE);
		s->bytes += whole.len;
		s->count++;
		if (arena_failed(s->arena))
			known = err_set(err, E_too_large, "", "the texts do not fit");
	}
	buf_free(&whole);
	return known < 0 ? -1 : 0;
}

/* first..end - 1 as far as they lie in the part that st stands on. */
static int look_at_part(struct scan *s, struct db_statement *st, int64_t first, int64_t end,
			struct err *err)
{
	int64_t part = db_int(st, 0), chunks = db_int(st, 1);
	size_t start = (size_t)db_int(st, 2), size = (size_t)db_int(st, 3);
	struct span pieces = db_blob(st, 5), title = db_text(st, 7);

	if (s->room_size < size + 1) {
		s->room_size = size + 1;
		s->room = mem_realloc(s->room, s->room_size);
	}
	if (first >= part + chunks ||
	    rag_part_inflate(db_blob(st, 6), (int)db_int(st, 4), s->room, size) < 0)
		return err_set(err, E_storage_error, "", "a text of the index is damaged");
	for (int64_t at = first; at < end && at < part + chunks; at++) {
		struct rag_chunk c;
		int result;

		if (rag_piece_unpack(pieces, chunks, at - part, &c, NULL) < 0 || c.start < start)
			return err_set(err, E_storage_error, "", "a text of the index is damaged");
		if (c.end <= start + size)
			c.text = span_of(s->room + (c.start - start), c.end - c.start);
		else if (rag_chunk_read(s->db, at, true, s->arena, &c, err) < 0)
			return -1;
		result = look_at(s, at, title, c.heading, c.text, err);
		if (result != 0)
			return result;
		s->after = at;
	}
	return 0;
}

/* From s->after on, until there is no room or nothing left: 1 or 0; -1. */
static int scan(struct scan *s, struct err *err)
{
	int64_t first, end;
	int found;

	while ((found = next_want(s, &first, &end, err)) == 1) {
		struct db_statement *st = db_statement(
			s->db,
			"SELECT p.first_chunk, p.chunks, p.start, p.size, p.coding, p.pieces,"
			" p.text, d.title FROM rag_part AS p JOIN rag_document AS d"
			" ON d.id = p.document_id WHERE p.first_chunk ="
			" (SELECT max(first_chunk) FROM rag_part WHERE first_chunk <= ?1)",
			err);

		if (!st)
			return -1;
		db_bind_int(st, 1, first);
		found = db_next(st, err);
		if (found == 0)
			err_set(err, E_storage_error, "", "a text of the index is missing");
		found = found == 1 ? look_at_part(s, st, first, end, err) : -1;
		db_reset(st);
		if (found != 0)
			return found;
	}
	return found;
}

/* ---- handing out ---- */

/* One look at what is wanted; what is known of it is kept.  1 when there may be more, 0, -1. */
static int step(struct rag_tenant *t, struct scan *s, struct rag_keeping *k, bool by_name,
		struct err *err)
{
	struct rag_row row;
	char name[RAG_MODEL_MAX + 1];
	int64_t dimensions = 0;
	int more = -1;

	s->known_count = 0;
	s->db = rag_read_begin(t, err);
	if (s->db && (by_name ? rag_row_get(s->db, k->index, &row, err) == 0
			      : rag_row_find_id(s->db, k->index_id, &row, err) == 1)) {
		s->index_id = row.id;
		s->model = rag_model_id(s->db, k->model, false, err);
		if (s->model >= 0 && rag_model_name(s->db, s->model, name, &dimensions, err) == 0)
			more = scan(s, err);
	}
	rag_read_end(t, s->db);
	s->db = NULL;
	if (more < 0 || s->known_count == 0)
		return more;
	k->items = s->known;
	k->count = s->known_count;
	k->dimensions = (size_t)dimensions;
	return rag_write(t, rag_vectors_keep, k, err) < 0 ? -1 : more;
}

static void scan_init(struct scan *s, struct span model)
{
	s->known = mem_calloc(KNOWN_STEP, sizeof(*s->known));
	s->prefix = span_str(rag_model_prefixes(model).document);
	buf_init(&s->title, 4096);
}

static void scan_free(struct scan *s)
{
	mem_free(s->known);
	mem_free(s->room);
	buf_free(&s->title);
}

int rag_vectors_find(struct rag_tenant *t, int64_t index_id, struct span model, struct err *err)
{
	struct scan s = { .arena = NULL };
	struct rag_keeping k = { .index_id = index_id, .model = model };
	struct arena arena;
	int more;

	arena_init(&arena, 64 * MIB);
	s.arena = &arena;
	scan_init(&s, model);
	do {
		arena_reset(&arena);
		more = step(t, &s, &k, false, err);
	} while (more == 1);
	scan_free(&s);
	arena_clear(&arena);
	return more;
}

/* Whether the index has the model, in use or being built: 1, 0, -1. */
static int has_model(struct rag_tenant *t, const struct rag_modelling *m, struct err *err)
{
	struct db *db = rag_read_begin(t, err);
	struct rag_row row;
	int64_t model = -1;

	if (db && rag_row_get(db, m->index, &row, err) == 0)
		model = rag_model_id(db, m->model, false, err);
	rag_read_end(t, db);
	if (model < 0)
		return -1;
	return model > 0 &&
	       (model == row.building || (model == row.model && row.building == 0));
}

int rag_pending(struct rag *r, struct span tenant, struct span index, struct span model,
		int64_t after, struct arena *a, struct rag_pending *out, size_t max,
		size_t max_bytes, size_t *count, struct err *err)
{
	struct scan s = {
		.arena = a, .out = out, .max = max, .max_bytes = max_bytes, .after = after
	};
	struct rag_modelling m = { .index = index, .model = model };
	struct rag_keeping k = { .index = index, .model = model };
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	int has, more;

	*count = 0;
	if (!t)
		return -1;
	if (model.len == 0 || model.len > RAG_MODEL_MAX)
		return err_set(err, E_invalid_field, "model", "a model's name has 1..%d bytes",
			       RAG_MODEL_MAX);
	has = has_model(t, &m, err);
	if (has < 0 || (has == 0 && rag_write(t, rag_model_begin, &m, err) < 0))
		return -1;
	scan_init(&s, model);
	do
		more = step(t, &s, &k, true, err);
	while (more == 1 && s.count < max && s.known_count > 0);
	scan_free(&s);
	if (more < 0)
		return -1;
	*count = s.count;
	return s.count == 0 && after == 0 ? rag_write(t, rag_model_end, &m, err) : 0;
}
