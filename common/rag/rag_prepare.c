/*
 * common/rag/rag_prepare.c - documents read, cut and indexed, before any lock is taken.
 *
 * Chunks are numbered from 0 in the batch; the transaction that keeps them gives them their ids.
 */
#include "common/rag/rag_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/cut.h"

enum {
	HEAD_SIZE = 240,                     /* bytes of a document's head */
	TAIL_BUILDER_MAX = 96 * 1024 * 1024, /* memory of a builder before it is written */
	SOURCE_MAX = 4096,
	TITLE_MAX = 1024,
	MARKS_MAX = 64 * 1024 * 1024,
};

struct preparing {
	const struct rag_preparing *how;
	struct rag_batch *batch;
	struct lexical_scratch *words; /* whose terms know words of what came before */
	struct segment_builder *builder; /* of words */
	struct reader_options reading;
	struct buf title; /* of chunks, one after the other */
	int64_t tail_first;
	size_t tail_room;
};

/* ---- chunks as rows of a segment; also for whoever makes them anew ---- */

struct span rag_document_head(struct span text)
{
	struct span head = span_of(text.ptr, text.len < HEAD_SIZE ? text.len : HEAD_SIZE);

	return span_of(head.ptr, text.len <= HEAD_SIZE ? text.len : utf8_whole(head));
}

struct span rag_chunk_title(struct span title, struct span heading, struct buf *room)
{
	bool is_inside =
		heading.len >= title.len && span_equal(span_of(heading.ptr, title.len), title);

	if (title.len == 0 || is_inside)
		return heading;
	if (heading.len == 0)
		return title;
	buf_clear(room);
	buf_add_span(room, title);
	buf_add_str(room, " > ");
	buf_add_span(room, heading);
	return buf_failed(room) ? heading : buf_span(room);
}

int rag_index_chunk(struct segment_builder *b, struct terms *terms, int64_t id, struct span title,
		    struct span heading, struct span head, struct span text, struct buf *room,
		    struct err *err)
{
	struct lexical_row row = {
		.chunk = id,
		.text = text,
		.title = rag_chunk_title(title, heading, room),
	};

	/* The first chunk begins with it. */
	if (text.len < head.len || !span_equal(span_of(text.ptr, head.len), head))
		row.head = head;
	return lexical_add(b, terms, &row, err);
}

/* ---- what came with a document ---- */

static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return false;
	return utf8_is_valid(s);
}

static int check_text(struct span s, size_t max, const char *what, struct err *err)
{
	if (s.len > max)
		return err_set(err, E_invalid_field, what, "its %s is longer than %zu bytes", what, max);
	if (!is_text(s))
		return err_set(err, E_invalid_field, what,
			       "its %s is not UTF-8, or has control characters", what);
	return 0;
}

/* Media types come from anywhere: one that no reader has says nothing. */
static int check_type(struct span type, struct err *err)
{
	struct buf names;

	if (type.len == 0 || memchr(type.ptr, '/', type.len) || reader_name(type))
		return 0;
	buf_init(&names, 1024);
	reader_names(&names);
	err_set(err, E_invalid_field, "type",
		"\"%.*s\" is no type: it is a media type or one of %s",
		(int)(type.len < 40 ? type.len : 40), type.ptr, buf_str(&names));
	buf_free(&names);
	return -1;
}

static int check_given(const struct rag_document_in *in, struct err *err)
{
	if (check_text(in->name, RAG_DOCUMENT_NAME_MAX, "id", err) < 0 ||
	    check_text(in->title, TITLE_MAX, "title", err) < 0 ||
	    check_text(in->source, SOURCE_MAX, "source", err) < 0 ||
	    check_text(in->type, 128, "type", err) < 0 || check_type(in->type, err) < 0)
		return -1;
	return in->meta.len > 0 ? rag_meta_check(in->meta, err) : 0;
}

static void hash_given(const struct rag_document_in *in, unsigned char out[DIGEST_SIZE])
{
	struct buf given;

	buf_init(&given, TITLE_MAX + 256);
	buf_add_span(&given, in->title);
	buf_add_char(&given, '\0');
	buf_add_span(&given, in->type);
	digest_sha256(buf_span(&given), out);
	buf_free(&given);
}

void rag_made_name(struct span content, char out[RAG_MADE_NAME_SIZE])
{
	unsigned char hash[DIGEST_SIZE];

	digest_sha256(content, hash);
	digest_hex(hash, (RAG_MADE_NAME_SIZE - 1) / 2, out);
}

static struct span name_of(const struct rag_document_in *in, struct arena *a)
{
	char made[RAG_MADE_NAME_SIZE];

	if (in->name.len > 0)
		return arena_span(a, in->name);
	rag_made_name(in->content, made);
	return arena_span(a, span_str(made));
}

/* ---- what the database has of it ---- */

struct known {
	int64_t id;
	bool has_source, has_text; /* the same ones */
};

static bool is_blob(struct db_statement *st, int column, const unsigned char *bytes)
{
	return span_equal(db_blob(st, column), span_of((const char *)bytes, DIGEST_SIZE));
}

/* 1 with k, 0 when it is not there, -1.  has_text only once the text has been read. */
static int look_up(const struct rag_preparing *how, const struct rag_prepared *d, struct known *k,
		   struct err *err)
{
	struct db_statement *st;
	int found;

	memset(k, 0, sizeof(*k));
	if (!how->db || how->row->id == 0)
		return 0;
	st = db_statement(how->db,
			  "SELECT id, source_hash, given_hash, text_hash, title, type"
			  " FROM rag_document WHERE index_id = ?1 AND name = ?2",
			  err);
	if (!st)
		return -1;
	db_bind_int(st, 1, how->row->id);
	db_bind_text(st, 2, d->name);
	found = db_next(st, err);
	if (found == 1) {
		k->id = db_int(st, 0);
		k->has_source = is_blob(st, 1, d->source_hash) && is_blob(st, 2, d->given_hash);
		k->has_text = is_blob(st, 3, d->text_hash) &&
			      span_equal(db_text(st, 4), d->title) &&
			      span_equal(db_text(st, 5), d->type);
	}
	db_reset(st);
	return found;
}

/* ---- one document ---- */

static int end_tail(struct preparing *p, struct err *err)
{
	struct rag_batch *b = p->batch;
	struct rag_tail *tail;

	if (segment_builder_rows(p->builder) == 0)
		return 0;
	if (b->tail_count == p->tail_room) {
		p->tail_room = p->tail_room > 0 ? 2 * p->tail_room : 4;
		b->tails = mem_realloc(b->tails, p->tail_room * sizeof(*b->tails));
	}
	tail = &b->tails[b->tail_count++];
	buf_init(&tail->bytes, SEGMENT_BYTES_MAX);
	tail->first = p->tail_first;
	tail->rows = (int64_t)segment_builder_rows(p->builder);
	p->tail_first += tail->rows;
	return segment_builder_write(p->builder, &tail->bytes, err);
}

static int index_pieces(struct preparing *p, struct rag_prepared *d, struct span text,
			const struct cutting *c, struct err *err)
{
	struct span head = rag_document_head(text);

	d->first = p->batch->chunks;
	d->chunks = (int64_t)c->count;
	for (size_t i = 0; i < c->count; i++) {
		const struct piece *piece = &c->pieces[i];
		struct span of = span_of(text.ptr + piece->start, piece->end - piece->start);

		if (rag_index_chunk(p->builder, lexical_scratch_terms(p->words), d->first + (int64_t)i, d->title,
				    piece->heading, head, of, &p->title, err) < 0)
			return -1;
	}
	p->batch->chunks += d->chunks;
	return segment_builder_bytes(p->builder) > TAIL_BUILDER_MAX ? end_tail(p, err) : 0;
}

static int cut_and_index(struct preparing *p, struct rag_prepared *d, const struct reading *r,
			 struct err *err)
{
	const struct rag_config *config = &p->how->row->config;
	const struct cut_options options = { config->chunk_target, config->chunk_max,
					     config->chunk_overlap };
	struct cutting c = { .pieces = NULL };
	int result = -1;

	if (cut_document(r, &options, &c, err) == 0 &&
	    rag_parts_pack(buf_span(&r->text), &c, &d->parts, err) == 0 &&
	    rag_marks_pack(r, &d->marks, err) == 0) {
		d->chars = c.count > 0 ? c.pieces[c.count - 1].chars_end : 0;
		result = index_pieces(p, d, buf_span(&r->text), &c, err);
	}
	cutting_free(&c);
	return result;
}

/* Whole characters of it, without a control character. */
static struct span found_title(const char *title, struct arena *a)
{
	struct span t = span_str(title);

	if (t.len > TITLE_MAX)
		t.len = utf8_whole(span_of(t.ptr, TITLE_MAX));
	return is_text(t) ? arena_span(a, t) : SPAN_NONE;
}

/* A file is read; what was read before is taken as it was. */
static int make_reading(struct preparing *p, struct rag_prepared *d, struct reading *r,
			struct err *err)
{
	const struct rag_document_in *in = d->in;
	struct reading_origin from;
	const char *type;

	if (in->reading.len == 0) {
		type = in->type.len > 0 ? arena_span(p->batch->arena, in->type).ptr : NULL;
		return read_document(r, d->name.ptr, type, in->content, &p->reading, err);
	}
	if (reading_restore(r, in->content, in->type, in->reading, p->reading.limits.text_max,
			    &from, err) < 0)
		return -1;
	memcpy(d->source_hash, from.sha256, sizeof(d->source_hash));
	d->source_bytes = from.bytes;
	return 0;
}

static int read_one(struct preparing *p, struct rag_prepared *d, struct err *err)
{
	struct arena *a = p->batch->arena;
	const struct rag_document_in *in = d->in;
	struct reading r;
	struct known k;
	int result = -1, found;

	reading_init(&r);
	if (!d->name.ptr || arena_failed(a)) {
		err_set(err, E_too_large, "", "the documents' names do not fit");
		goto out;
	}
	if (make_reading(p, d, &r, err) < 0)
		goto out;
	d->title = in->title.len > 0 ? arena_span(a, in->title) : found_title(r.title, a);
	d->type = span_str(r.type);
	d->language = r.language ? arena_span(a, span_str(r.language)) : SPAN_NONE;
	d->flagged = r.flagged;
	d->bytes = r.text.len;
	/* Of plain text it is the same one. */
	if (in->reading.len == 0 && span_equal(buf_span(&r.text), in->content))
		memcpy(d->text_hash, d->source_hash, sizeof(d->text_hash));
	else
		digest_sha256(buf_span(&r.text), d->text_hash);
	found = look_up(p->how, d, &k, err);
	if (found < 0)
		goto out;
	d->is_known = found == 1 && k.has_text;
	d->known_id = k.id;
	result = d->is_known ? 0 : cut_and_index(p, d, &r, err);
out:
	reading_free(&r);
	return result;
}

/* 0; 1 when it failed by itself, with err; -1 when all has. */
static int prepare_one(struct preparing *p, struct rag_prepared *d, struct err *err)
{
	const struct rag_document_in *in = d->in;
	struct known k;
	int found;

	buf_init(&d->marks, MARKS_MAX);
	if (check_given(in, err) < 0)
		return 1;
	digest_sha256(in->content, d->source_hash);
	d->source_bytes = (int64_t)in->content.len;
	hash_given(in, d->given_hash);
	d->name = name_of(in, p->batch->arena);
	found = look_up(p->how, d, &k, err);
	if (found < 0)
		return -1;
	if (found == 1 && p->how->put->how == RAG_PUT_ADD) {
		err_set(err, E_rag_document_exists, "id", "there is a document \"%.*s\"",
			SPAN_ARGS(d->name));
		return 1;
	}
	if (found == 1 && k.has_source) {
		d->is_known = true;
		d->known_id = k.id;
		return 0;
	}
	if (read_one(p, d, err) == 0)
		return 0;
	/* What is too large for a segment has begun to be one. */
	return err->code == E_cancelled || err->code == E_storage_error || err->code == E_too_large
		       ? -1
		       : 1;
}

/* ---- all of them ---- */

struct named {
	struct span name;
	size_t at;
};

static int compare_names(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = len > 0 ? memcmp(x->name.ptr, y->name.ptr, len) : 0;

	if (order == 0)
		order = (x->name.len > y->name.len) - (x->name.len < y->name.len);
	return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/* Of those of one name the last one counts. */
static void refuse_doubles(const struct rag_document_in *docs, size_t count,
			   struct rag_put_result *results)
{
	struct named *names = mem_calloc(count + 1, sizeof(*names));

	for (size_t i = 0; i < count; i++)
		names[i] = (struct named){ docs[i].name, i };
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i + 1 < count; i++)
		if (names[i].name.len > 0 && span_equal(names[i].name, names[i + 1].name)) {
			struct rag_put_result *r = &results[names[i].at];

			r->what = RAG_FAILED;
			err_set(&r->err, E_rag_document_exists, "id",
				"\"%.*s\" is given again further on", SPAN_ARGS(names[i].name));
		}
	mem_free(names);
}

static bool is_set(const atomic_bool *flag)
{
	return flag && atomic_load_explicit(flag, memory_order_relaxed);
}

static int cancelled(const struct rag_preparing *how, struct err *err)
{
	if (!is_set(how->put->cancelled) && !is_set(&how->rag->stopping))
		return 0;
	return err_set(err, E_cancelled, "", "it was cancelled; nothing of it is kept");
}

/* Of all or nothing only the reason is told: which one it was is part of it. */
static void name_refused(const struct rag_document_in *in, size_t at, struct err *err)
{
	enum { SHOWN_MAX = 120 };
	struct span name = in->name;

	if (name.len > SHOWN_MAX)
		name.len = utf8_whole(span_of(name.ptr, SHOWN_MAX));
	if (name.len > 0 && is_text(name))
		err_prefix(err, "%.*s", SPAN_ARGS(name));
	else
		err_prefix(err, "document %zu", at + 1);
}

static int prepare_all(struct preparing *p, const struct rag_document_in *docs, size_t count,
		       struct rag_put_result *results, struct err *err)
{
	struct rag_batch *b = p->batch;

	for (size_t i = 0; i < count; i++) {
		struct rag_prepared *d = &b->docs[b->count];
		struct rag_put_result *r = &results[i];
		int failed = 1;

		if (cancelled(p->how, err) < 0)
			return -1;
		if (r->what != RAG_FAILED) {
			d->in = &docs[i];
			d->result = i;
			failed = prepare_one(p, d, &r->err);
			r->name = d->name;
		}
		if (failed < 0 || (failed > 0 && p->how->put->whole)) {
			*err = r->err;
			if (failed > 0)
				name_refused(&docs[i], i, err);
			return -1;
		}
		if (failed == 0) {
			r->flagged = d->flagged;
			b->count++;
			continue;
		}
		r->what = RAG_FAILED;
		rag_parts_free(&d->parts);
		buf_free(&d->marks);
		memset(d, 0, sizeof(*d));
	}
	return end_tail(p, err);
}

static void begin(struct preparing *p, struct arena *a, size_t count)
{
	struct rag *r = p->how->rag;

	memset(p->batch, 0, sizeof(*p->batch));
	p->batch->arena = a;
	p->batch->docs = mem_calloc(count + 1, sizeof(*p->batch->docs));
	p->words = r ? rag_words_take(r) : lexical_scratch_new();
	p->builder = lexical_scratch_builder(p->words);
	buf_init(&p->title, 2 * TITLE_MAX + CUT_HEADING_MAX);
}

static void end(struct preparing *p)
{
	buf_free(&p->title);
	/* What failed has left its rows there: nobody keeps them until the next batch. */
	segment_builder_clear(p->builder);
	if (p->how->rag)
		rag_words_give(p->how->rag, p->words);
	else
		lexical_scratch_free(p->words);
}

int rag_prepare(const struct rag_preparing *how, const struct rag_document_in *docs, size_t count,
		struct arena *a, struct rag_batch *b, struct rag_put_result *results,
		struct err *err)
{
	struct preparing p = { .how = how, .batch = b, .reading = how->rag->options.reading };
	size_t bytes = 0;
	int result;

	memset(results, 0, count * sizeof(*results));
	p.reading.cancelled = how->put->cancelled ? how->put->cancelled : &how->rag->stopping;
	refuse_doubles(docs, count, results);
	begin(&p, a, count);
	for (size_t i = 0; i < count; i++)
		bytes += docs[i].content.len;
	segment_builder_expect(p.builder, bytes);
	result = prepare_all(&p, docs, count, results, err);
	end(&p);
	return result;
}

int rag_prepare_again(const struct rag_row *row, size_t count, struct arena *a, struct rag_batch *b,
		      int (*next)(void *arg, struct rag_prepared *d, struct reading *r,
				  struct err *err),
		      void *arg, struct err *err)
{
	const struct rag_preparing how = { .row = row };
	struct preparing p = { .how = &how, .batch = b };
	struct reading r;
	int result = 0;

	begin(&p, a, count);
	for (size_t i = 0; i < count && result == 0; i++) {
		struct rag_prepared *d = &b->docs[b->count++];

		buf_init(&d->marks, MARKS_MAX);
		reading_init(&r);
		result = next(arg, d, &r, err);
		d->bytes = r.text.len;
		if (result == 0)
			result = cut_and_index(&p, d, &r, err);
		reading_free(&r);
	}
	if (result == 0)
		result = end_tail(&p, err);
	end(&p);
	return result;
}

void rag_batch_free(struct rag_batch *b)
{
	for (size_t i = 0; b->docs && i < b->count; i++) {
		rag_parts_free(&b->docs[i].parts);
		buf_free(&b->docs[i].marks);
	}
	for (size_t i = 0; i < b->tail_count; i++)
		buf_free(&b->tails[i].bytes);
	mem_free(b->docs);
	mem_free(b->tails);
	memset(b, 0, sizeof(*b));
}
