/* common/rag/rag_print.c - members one after the other; what is not there is not said. */
#include "common/rag/rag_print.h"

#include <math.h>

#include "common/base/clock.h"
#include "common/base/jscan.h"

enum { US_PER_MS = 1000 };

static void comma(struct buf *out)
{
	if (out->len > 0 && out->ptr[out->len - 1] != '{' && out->ptr[out->len - 1] != '[')
		buf_add_char(out, ',');
}

static void add_key(struct buf *out, const char *key)
{
	comma(out);
	buf_printf(out, "\"%s\":", key);
}

static void add_text(struct buf *out, const char *key, struct span value)
{
	add_key(out, key);
	jtext_string(out, value);
}

static void add_text_if(struct buf *out, const char *key, struct span value)
{
	if (value.len > 0)
		add_text(out, key, value);
}

/* null where there is none. */
static void add_name(struct buf *out, const char *key, struct span value)
{
	add_key(out, key);
	if (value.len > 0)
		jtext_string(out, value);
	else
		buf_add_str(out, "null");
}

static void add_number(struct buf *out, const char *key, int64_t value)
{
	add_key(out, key);
	buf_add_int(out, value);
}

/* Nothing for what is no number. */
static void add_real(struct buf *out, const char *key, float value)
{
	if (!isfinite(value))
		return;
	add_key(out, key);
	buf_printf(out, "%.6g", (double)value);
}

static void add_time(struct buf *out, const char *key, int64_t us)
{
	char text[CLOCK_ISO_SIZE];

	clock_iso(us / US_PER_MS, text);
	add_text(out, key, span_str(text));
}

static void add_json(struct buf *out, const char *key, struct span json)
{
	add_key(out, key);
	buf_add_span(out, json.len > 0 ? json : SPAN_LIT("{}"));
}

static float share(int64_t part, int64_t whole)
{
	return whole > 0 ? (float)part / (float)whole : 0;
}

/* ---- indices ---- */

static void add_embedding(struct buf *out, const struct rag_index_info *i, struct span wanted,
			  struct span error)
{
	add_name(out, "embedding_model", i->model);
	add_key(out, "embedding");
	buf_add_char(out, '{');
	add_real(out, "coverage", share(i->vectors, i->chunks));
	add_name(out, "wanted", wanted);
	add_name(out, "building", i->building);
	add_real(out, "building_coverage", share(i->building_vectors, i->chunks));
	add_number(out, "refused", i->refused);
	add_text_if(out, "error", error);
	buf_add_char(out, '}');
}

static void add_config(struct buf *out, const struct rag_config *c)
{
	add_key(out, "config");
	buf_add_char(out, '{');
	add_text(out, "embedder", span_str(c->embedder[0] ? c->embedder : "auto"));
	add_number(out, "chunk_target", c->chunk_target ? c->chunk_target : RAG_CHUNK_TARGET);
	add_number(out, "chunk_max", c->chunk_max ? c->chunk_max : RAG_CHUNK_LARGEST);
	add_number(out, "chunk_overlap", c->chunk_overlap);
	buf_add_char(out, '}');
}

void rag_print_index(struct buf *out, const struct rag_index_info *i, struct span wanted,
		     struct span error)
{
	buf_add_char(out, '{');
	add_text(out, "id", i->name);
	add_number(out, "doc_count", i->documents);
	add_number(out, "chunk_count", i->chunks);
	add_number(out, "bytes", i->bytes);
	add_number(out, "size_bytes", i->size);
	add_embedding(out, i, wanted, error);
	add_config(out, &i->config);
	add_number(out, "segments", i->segments);
	add_number(out, "dead", i->dead);
	add_number(out, "latent_chunks", i->latent_chunks);
	add_number(out, "generation", i->generation);
	add_time(out, "created_at", i->created_us);
	add_time(out, "updated_at", i->changed_us);
	buf_add_char(out, '}');
}

/* ---- documents ---- */

/* What whoever put it in has said of it. */
static void add_given(struct buf *out, const struct rag_document_info *d)
{
	add_text(out, "id", d->name);
	add_text_if(out, "title", d->title);
	add_text_if(out, "source", d->source);
	add_text(out, "type", d->type);
	add_json(out, "metadata", d->meta);
	if (d->mtime_us >= 0)
		add_number(out, "mtime", d->mtime_us);
}

void rag_print_document(struct buf *out, const struct rag_document_info *d, struct span text)
{
	buf_add_char(out, '{');
	add_given(out, d);
	add_number(out, "bytes", d->bytes);
	add_number(out, "chars", d->chars);
	add_number(out, "chunks", d->chunks);
	add_number(out, "source_bytes", d->source_bytes);
	add_text(out, "text_hash", d->text_hash);
	add_text(out, "source_hash", d->source_hash);
	add_key(out, "flagged");
	buf_add_str(out, d->flagged ? "true" : "false");
	add_time(out, "created_at", d->created_us);
	add_time(out, "updated_at", d->changed_us);
	if (text.ptr)
		add_text(out, "text", text);
	buf_add_char(out, '}');
}

void rag_print_export(struct buf *out, const struct rag_document_info *d,
		      const struct reading *reading)
{
	buf_add_char(out, '{');
	add_given(out, d);
	add_key(out, "reading");
	reading_print(reading, d->source_bytes, d->source_hash, out);
	add_text(out, "text", buf_span(&reading->text));
	buf_add_char(out, '}');
}

static const char *const outcomes[] = {
	[RAG_ADDED] = "added",
	[RAG_CHANGED] = "changed",
	[RAG_UNCHANGED] = "unchanged",
	[RAG_FAILED] = "failed",
};

void rag_print_result(struct buf *out, const struct rag_put_result *r, struct span given)
{
	buf_add_char(out, '{');
	add_text(out, "id", r->name.len > 0 ? r->name : given);
	add_text(out, "status", span_str(outcomes[r->what]));
	if (r->what != RAG_FAILED)
		add_number(out, "chunks", r->chunks);
	if (r->flagged)
		buf_add_str(out, ",\"flagged\":true");
	if (r->what == RAG_FAILED) {
		add_key(out, "error");
		buf_add_char(out, '{');
		add_text(out, "code", span_str(err_info(r->err.code)->code));
		add_text(out, "message", span_str(r->err.message));
		add_text(out, "param", span_str(r->err.param));
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* ---- answers ---- */

static void add_snippet(struct buf *out, const struct snippet *s)
{
	add_key(out, "snippet");
	buf_add_char(out, '{');
	add_text(out, "text", s->text);
	add_key(out, "highlights");
	buf_add_char(out, '[');
	for (size_t i = 0; i < s->mark_count; i++)
		buf_printf(out, "%s[%zu,%zu]", i > 0 ? "," : "", s->marks[i].start,
			   s->marks[i].end);
	buf_add_str(out, "]}");
}

static void add_place(struct buf *out, const struct retrieve_hit *h)
{
	add_number(out, "start", (int64_t)h->start);
	add_number(out, "end", (int64_t)h->end);
	add_number(out, "chars_start", (int64_t)h->chars_start);
	add_number(out, "chars_end", (int64_t)h->chars_end);
	add_number(out, "line", h->line);
	if (h->page > 0)
		add_number(out, "page", h->page);
	add_text_if(out, "heading", h->heading);
}

/* Where to look in it. */
static void add_sentence(struct buf *out, const struct retrieve_place *p)
{
	if (p->end == p->start)
		return;
	add_key(out, "sentence");
	buf_add_char(out, '{');
	add_number(out, "start", (int64_t)p->start);
	add_number(out, "end", (int64_t)p->end);
	add_number(out, "chars_start", (int64_t)p->chars_start);
	add_number(out, "chars_end", (int64_t)p->chars_end);
	add_number(out, "line", p->line);
	if (p->page > 0)
		add_number(out, "page", p->page);
	add_text_if(out, "heading", p->heading);
	buf_add_char(out, '}');
}

static void add_scores(struct buf *out, const struct retrieve_hit *h, bool explain)
{
	add_real(out, "score", h->score);
	add_key(out, "scores");
	buf_add_char(out, '{');
	add_real(out, "lexical", h->lexical);
	add_real(out, "latent", h->latent);
	add_real(out, "dense", h->dense);
	add_real(out, "fused", h->fused);
	add_real(out, "rerank", h->rerank);
	if (explain) {
		add_real(out, "bm25", h->bm25);
		add_real(out, "cosine", h->cosine);
	}
	buf_add_char(out, '}');
}

static void add_terms(struct buf *out, const struct retrieve_hit *h)
{
	add_key(out, "matched_terms");
	buf_add_char(out, '[');
	for (size_t i = 0; i < h->term_count; i++) {
		comma(out);
		jtext_string(out, h->terms[i]);
	}
	buf_add_char(out, ']');
}

static void add_hit(struct buf *out, const struct retrieve_hit *h, bool explain)
{
	comma(out);
	buf_add_char(out, '{');
	add_number(out, "number", h->number);
	add_text(out, "doc_id", h->document.name);
	add_number(out, "chunk", h->chunk);
	add_text_if(out, "title", h->document.title);
	add_text_if(out, "source", h->document.source);
	add_place(out, h);
	add_text(out, "text", h->text);
	add_snippet(out, &h->snippet);
	add_sentence(out, &h->sentence);
	add_scores(out, h, explain);
	add_terms(out, h);
	add_json(out, "metadata", h->document.meta);
	if (h->document.flagged)
		buf_add_str(out, ",\"flagged\":true");
	buf_add_char(out, '}');
}

static void add_timing(struct buf *out, const char *key, int64_t us)
{
	add_key(out, key);
	buf_printf(out, "%lld.%03lld", (long long)(us / US_PER_MS), (long long)(us % US_PER_MS));
}

static void add_timings(struct buf *out, const struct retrieve_answer *a,
			const struct rag_answer_print *how)
{
	int64_t models = (how->embed_us > 0 ? how->embed_us : 0) +
			 (how->rerank_us > 0 ? how->rerank_us : 0);

	add_key(out, "timings");
	buf_add_char(out, '{');
	if (how->embed_us >= 0)
		add_timing(out, "embed_ms", how->embed_us);
	if (how->rerank_us >= 0)
		add_timing(out, "rerank_ms", how->rerank_us);
	add_timing(out, "search_ms", a->search_us);
	add_timing(out, "total_ms", a->total_us + models);
	buf_add_char(out, '}');
}

static void add_reranking(struct buf *out, const struct rag_answer_print *how)
{
	add_key(out, "reranked");
	buf_add_str(out, how->reranked_by ? "true" : "false");
	add_text_if(out, "rerank_model", span_str(how->reranked_by));
	if (!how->reranked_by)
		add_text_if(out, "rerank_note", span_str(how->no_rerank));
}

void rag_print_answer(struct buf *out, const struct retrieve_answer *a,
		      const struct rag_answer_print *how)
{
	buf_add_char(out, '{');
	add_text(out, "index_id", how->index);
	add_text(out, "mode", span_str(retrieve_mode_name(a->mode)));
	add_text(out, "scope", span_str(retrieve_scope_name(a->scope)));
	add_text_if(out, "note", span_str(a->note));
	add_real(out, "dense_coverage", a->dense_coverage);
	add_real(out, "dense_weight", a->dense_weight);
	add_text_if(out, "embedding_model", how->model);
	add_reranking(out, how);
	add_number(out, "generation", a->generation);
	add_number(out, "chunks", a->chunks);
	if (a->filtered >= 0)
		add_number(out, "filtered", a->filtered);
	add_key(out, "results");
	buf_add_char(out, '[');
	for (size_t i = 0; i < a->count; i++)
		add_hit(out, &a->hits[i], how->explain);
	buf_add_char(out, ']');
	add_timings(out, a, how);
	buf_add_char(out, '}');
}
