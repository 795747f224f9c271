/* common/rag/retrieve.c - a question from its check to its answer. */
#include "common/rag/retrieve_inside.h"

#include <math.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/filter.h"
#include "common/rag/quote.h"
#include "common/rag/rag_inside.h"

static const char *const modes[] = { "auto", "lexical", "dense", "hybrid" };
static const char *const scopes[] = { "chunks", "document", "corpus" };

const char *retrieve_mode_name(enum retrieve_mode mode)
{
	return (size_t)mode < ARRAY_LEN(modes) ? modes[mode] : NULL;
}

const char *retrieve_scope_name(enum retrieve_scope scope)
{
	return (size_t)scope < ARRAY_LEN(scopes) ? scopes[scope] : NULL;
}

int retrieve_full(struct err *err)
{
	return err_set(err, E_too_large, "top_k",
		       "the answer would be too large: ask for fewer hits");
}

static int check(const struct retrieve_question *q, struct err *err)
{
	if (span_strip(q->text).len == 0)
		return err_set(err, E_invalid_field, "query", "the query is empty");
	if (q->text.len > RETRIEVE_TEXT_MAX || !utf8_is_valid(q->text))
		return err_set(err, E_invalid_field, "query",
			       "a query is text (UTF-8) of at most %d bytes", RETRIEVE_TEXT_MAX);
	if (q->before.len > RETRIEVE_TEXT_MAX || !utf8_is_valid(q->before))
		return err_set(err, E_invalid_field, "history",
			       "what was said before is text (UTF-8) of at most %d bytes",
			       RETRIEVE_TEXT_MAX);
	if (q->top_k < 1 || q->top_k > RETRIEVE_TOP_MAX)
		return err_set(err, E_invalid_field, "top_k", "top_k is 1 to %d", RETRIEVE_TOP_MAX);
	if (q->neighbours > RETRIEVE_NEIGHBOURS_MAX)
		return err_set(err, E_invalid_field, "neighbours", "neighbours is 0 to %d",
			       RETRIEVE_NEIGHBOURS_MAX);
	if (!isnan(q->dense_weight) && !(q->dense_weight >= 0 && q->dense_weight <= 1))
		return err_set(err, E_invalid_field, "dense_weight", "dense_weight is 0 to 1");
	if (!(q->min_score >= 0 && q->min_score <= 1))
		return err_set(err, E_invalid_field, "min_score", "min_score is 0 to 1");
	return 0;
}

/* ---- the filter ---- */

enum { RANGES_FIRST = 256 };

struct ranges {
	struct rag_range_ids *list;
	size_t count, room;
};

/* Chunks that follow each other are one range. */
static void add_range(struct ranges *r, int64_t first, int64_t count)
{
	struct rag_range_ids *last = r->count > 0 ? &r->list[r->count - 1] : NULL;

	if (count <= 0)
		return;
	if (last && last->first + last->count == first) {
		last->count += count;
		return;
	}
	if (r->count == r->room) {
		r->room = r->room > 0 ? r->room * 2 : RANGES_FIRST;
		r->list = mem_realloc(r->list, r->room * sizeof(*r->list));
	}
	r->list[r->count++] = (struct rag_range_ids){ first, count };
}

static int select_documents(struct db *db, int64_t index, struct filter *f, struct ranges *out,
			    struct err *err)
{
	char *sql = mem_printf(
		"SELECT d.first_chunk, d.chunks FROM rag_document AS d WHERE %s"
		" ORDER BY d.first_chunk",
		filter_condition(f, 2));
	struct db_statement *st = db_prepare(db, sql, err);
	int got = -1;

	if (st) {
		db_bind_int(st, 1, index);
		filter_bind(f, st);
		while ((got = db_next(st, err)) == 1)
			add_range(out, db_int(st, 0), db_int(st, 1));
		db_finish(st);
	}
	mem_free(sql);
	return got;
}

static int apply_filter(struct retrieval *r, struct err *err)
{
	struct filter *f = filter_read(r->question->filter, "filter", err);
	struct ranges ranges = { 0 };
	int result = -1;

	if (!f)
		return -1;
	if (select_documents(r->view.db, r->view.snapshot->index_id, f, &ranges, err) == 0 &&
	    rag_snapshot_only(r->view.snapshot, ranges.list, ranges.count, r->arena, &r->only,
			      err) == 0) {
		r->is_filtered = true;
		r->rows.only = r->only.rows;
		r->answer->filtered = r->only.chunks;
		result = 0;
	}
	mem_free(ranges.list);
	filter_free(f);
	return result;
}

/* ---- the whole ---- */

static int find_and_show(struct retrieval *r, int64_t began, struct err *err)
{
	if (r->question->scope == RETRIEVE_CORPUS) {
		int made = retrieve_corpus(r, err);

		if (made != 0)
			return made < 0 ? -1 : 0;
		r->answer->scope = RETRIEVE_CHUNKS;
	}
	if (retrieve_find(r, err) < 0 || retrieve_order(r, err) < 0)
		return -1;
	r->answer->search_us = clock_mono_us() - began;
	return retrieve_show(r, err);
}

static int begin(struct retrieval *r, struct err *err)
{
	r->rows = r->view.snapshot->lexical;
	r->answer->generation = r->view.snapshot->generation;
	r->answer->chunks = r->view.snapshot->chunks;
	r->answer->filtered = -1;
	r->answer->scope = r->question->scope;
	r->answer->mode = RETRIEVE_LEXICAL;
	return r->question->filter.len > 0 ? apply_filter(r, err) : 0;
}

static int run(struct retrieval *r, int64_t began, struct err *err)
{
	if (begin(r, err) < 0 || find_and_show(r, began, err) < 0)
		return -1;
	if (arena_failed(r->arena))
		return retrieve_full(err);
	r->answer->total_us = clock_mono_us() - began;
	return 0;
}

int retrieve(struct rag *rag, struct span tenant, struct span index,
	     const struct retrieve_question *question, struct arena *a,
	     struct retrieve_answer *answer, struct err *err)
{
	struct retrieval r = { .question = question, .arena = a, .answer = answer };
	int64_t began = clock_mono_us();
	int result;

	*answer = (struct retrieve_answer){ 0 };
	if (check(question, err) < 0 || rag_view_open(rag, tenant, index, &r.view, err) < 0)
		return -1;
	r.words = rag_words_take(rag);
	result = run(&r, began, err);
	rag_words_give(rag, r.words);
	rag_view_close(&r.view);
	return result;
}

int retrieve_candidates(struct rag *rag, struct span tenant, struct span index,
			const struct retrieve_question *question, size_t max, struct arena *a,
			struct retrieve_candidate **out, size_t *count, struct err *err)
{
	struct retrieve_answer answer = { 0 };
	struct retrieval r = { .question = question, .arena = a, .answer = &answer };
	int result = -1;

	*count = 0;
	*out = arena_alloc(a, (max + 1) * sizeof(**out));
	if (!*out)
		return err_used_up(err);
	if (check(question, err) < 0 || rag_view_open(rag, tenant, index, &r.view, err) < 0)
		return -1;
	r.words = rag_words_take(rag);
	if (question->scope == RETRIEVE_CORPUS)
		result = 0;
	else if (begin(&r, err) == 0 && retrieve_find(&r, err) == 0)
		result = retrieve_gather(&r, *out, max, count, err);
	rag_words_give(rag, r.words);
	rag_view_close(&r.view);
	return result;
}

/* ---- quotes ---- */

static int chunk_range(struct rag_view *v, const struct rag_document_info *d, int64_t chunk,
		       struct arena *a, size_t *start, size_t *end, struct err *err)
{
	struct rag_chunk c;

	*start = 0;
	*end = SIZE_MAX;
	if (chunk < 0)
		return 0;
	if (chunk >= d->chunks)
		return err_set(err, E_rag_document_not_found, "chunk",
			       "the document has %lld chunks, from 0 on", (long long)d->chunks);
	if (rag_view_chunk(v, d->first_chunk + chunk, false, a, &c, err) < 0)
		return -1;
	*start = c.start;
	*end = c.end;
	return 0;
}

int retrieve_verify(struct rag *r, struct span tenant, struct span index, struct span document,
		    int64_t chunk, struct span quote, struct arena *a, struct quote_place *place,
		    struct span *text, struct err *err)
{
	struct rag_document_info info;
	struct rag_view view;
	size_t start, end;
	int result = -1;

	if (rag_view_open(r, tenant, index, &view, err) < 0)
		return -1;
	if (rag_view_find(&view, document, a, &info, err) == 0 &&
	    chunk_range(&view, &info, chunk, a, &start, &end, err) == 0 &&
	    rag_view_text(&view, &info, start, end, a, text, err) == 0 &&
	    quote_find(*text, quote, place, err) == 0) {
		*text = span_of(text->ptr + place->start, place->end - place->start);
		place->start += start;
		place->end += start;
		result = 0;
	}
	rag_view_close(&view);
	return result;
}
