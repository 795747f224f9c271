/* common/rag/retrieve_corpus.c - all that an index has, where it fits. */
#include "common/rag/retrieve_inside.h"

#include <math.h>

enum { CORPUS_DOCUMENTS_MAX = 1000 };

/* The names of all documents, when they fit the budget. */
static int list_documents(struct retrieval *r, int64_t *ids, size_t *count, struct err *err)
{
	struct db_statement *st = db_statement(
		r->view.db, "SELECT id, chars FROM rag_document WHERE index_id = ?1 ORDER BY name",
		err);
	size_t left = retrieve_budget(r->question, RETRIEVE_CORPUS);
	int got;

	*count = 0;
	if (!st)
		return -1;
	db_bind_int(st, 1, r->view.snapshot->index_id);
	while ((got = db_next(st, err)) == 1) {
		size_t chars = (size_t)db_int(st, 1);

		if (chars > left || *count == CORPUS_DOCUMENTS_MAX) {
			*count = SIZE_MAX;
			got = 0;
			break;
		}
		left -= chars;
		ids[(*count)++] = db_int(st, 0);
	}
	db_reset(st);
	return got;
}

static int show_corpus(struct retrieval *r, const int64_t *ids, size_t count, struct err *err)
{
	struct retrieve_hit *hits = arena_zalloc(r->arena, (count + 1) * sizeof(*hits));

	if (!hits)
		return retrieve_full(err);
	for (size_t i = 0; i < count; i++) {
		struct retrieve_hit *hit = &hits[i];

		if (rag_view_document(&r->view, ids[i], r->arena, &hit->document, err) < 0 ||
		    rag_view_text(&r->view, &hit->document, 0, SIZE_MAX, r->arena, &hit->text,
				  err) < 0)
			return -1;
		hit->number = (int)i + 1;
		hit->end = hit->text.len;
		hit->chars_end = (size_t)hit->document.chars;
		hit->line = 1;
		hit->score = hit->fused = hit->rerank = hit->lexical = hit->latent = hit->dense =
			hit->bm25 = hit->cosine = NAN;
		hit->snippet.text = span_of(hit->text.ptr, 0);
	}
	r->answer->hits = hits;
	r->answer->count = count;
	return 0;
}

int retrieve_corpus(struct retrieval *r, struct err *err)
{
	int64_t *ids;
	size_t count;

	if (r->is_filtered) {
		r->answer->note = "a filter leaves no whole corpus: the best chunks are given";
		return 0;
	}
	ids = arena_alloc(r->arena, CORPUS_DOCUMENTS_MAX * sizeof(*ids));
	if (!ids)
		return retrieve_full(err);
	if (list_documents(r, ids, &count, err) < 0)
		return -1;
	if (count == SIZE_MAX) {
		r->answer->note = "the documents do not fit the budget as a whole";
		return 0;
	}
	return show_corpus(r, ids, count, err) < 0 ? -1 : 1;
}
