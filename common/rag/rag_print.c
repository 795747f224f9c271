/* common/rag/rag_print.c - members one after the other; what is not there is not said. */
#include "common/rag/rag_print.h"

#include <math.h>

#include "common/base/jmember.h"
#include "common/base/jscan.h"

enum { US_PER_MS = 1000 };

/* null where there is none. */
static void add_name(struct buf *out, const char *key, struct span value)
{
	jmember_key(out, key);
	if (value.len > 0)
		jtext_string(out, value);
	else
		buf_add_str(out, "null");
}

/* Nothing for what is no number. */
static void add_real(struct buf *out, const char *key, float value)
{
	if (!isfinite(value))
		return;
	jmember_key(out, key);
	buf_printf(out, "%.6g", (double)value);
}

static void add_json(struct buf *out, const char *key, struct span json)
{
	jmember_key(out, key);
	buf_add_span(out, json.len > 0 ? json : SPAN_LIT("{}"));
}

static float share(int64_t part, int64_t whole)
{
	return whole > 0 ? (float)part / (float)whole : 0;
}

/* ---- indices ---- */

static void add_embedding(struct buf *out, const struct rag_index_info *i, const struct rag_wanted *wanted,
			  struct span error)
{
	add_name(out, "embedding_model", i->model);
	jmember_key(out, "embedding");
	buf_add_char(out, '{');
	add_real(out, "coverage", share(i->vectors, i->chunks));
	if (i->model_changed)
		buf_add_str(out, ",\"changed\":true");
	add_name(out, "wanted", wanted->model);
	if (wanted->backend.len > 0) {
		jmember_text(out, "backend", wanted->backend);
		buf_add_str(out, wanted->is_free ? ",\"free\":true" : ",\"free\":false");
	}
	add_name(out, "building", i->building);
	add_real(out, "building_coverage", share(i->building_vectors, i->chunks));
	jmember_number(out, "refused", i->refused);
	jmember_text_if(out, "error", error);
	buf_add_char(out, '}');
}

static void add_config(struct buf *out, const struct rag_config *c)
{
	jmember_key(out, "config");
	buf_add_char(out, '{');
	jmember_text(out, "embedder", span_str(c->embedder[0] ? c->embedder : "auto"));
	jmember_number(out, "chunk_target", c->chunk_target ? c->chunk_target : RAG_CHUNK_TARGET);
	jmember_number(out, "chunk_max", c->chunk_max ? c->chunk_max : RAG_CHUNK_LARGEST);
	jmember_number(out, "chunk_overlap", c->chunk_overlap);
	buf_add_char(out, '}');
}

void rag_print_index(struct buf *out, const struct rag_index_info *i, const struct rag_wanted *wanted,
		     struct span error)
{
	buf_add_char(out, '{');
	jmember_text(out, "id", i->name);
	jmember_number(out, "doc_count", i->documents);
	jmember_number(out, "chunk_count", i->chunks);
	jmember_number(out, "bytes", i->bytes);
	jmember_number(out, "size_bytes", i->size);
	add_embedding(out, i, wanted, error);
	add_config(out, &i->config);
	jmember_number(out, "segments", i->segments);
	jmember_number(out, "dead", i->dead);
	jmember_number(out, "latent_chunks", i->latent_chunks);
	jmember_number(out, "generation", i->generation);
	jmember_time(out, "created_at", i->created_us / US_PER_MS);
	jmember_time(out, "updated_at", i->changed_us / US_PER_MS);
	buf_add_char(out, '}');
}

/* ---- documents ---- */

/* What whoever put it in has said of it. */
static void add_given(struct buf *out, const struct rag_document_info *d)
{
	jmember_text(out, "id", d->name);
	jmember_text_if(out, "title", d->title);
	jmember_text_if(out, "source", d->source);
	jmember_text(out, "type", d->type);
	add_json(out, "metadata", d->meta);
	if (d->mtime_us >= 0)
		jmember_number(out, "mtime", d->mtime_us);
}

void rag_print_document(struct buf *out, const struct rag_document_info *d, struct span text)
{
	buf_add_char(out, '{');
	add_given(out, d);
	jmember_number(out, "bytes", d->bytes);
	jmember_number(out, "chars", d->chars);
	jmember_number(out, "chunks", d->chunks);
	jmember_number(out, "source_bytes", d->source_bytes);
	jmember_text(out, "text_hash", d->text_hash);
	jmember_text(out, "source_hash", d->source_hash);
	jmember_key(out, "flagged");
	buf_add_str(out, d->flagged ? "true" : "false");
	jmember_time(out, "created_at", d->created_us / US_PER_MS);
	jmember_time(out, "updated_at", d->changed_us / US_PER_MS);
	if (text.ptr)
		jmember_text(out, "text", text);
	buf_add_char(out, '}');
}

void rag_print_export(struct buf *out, const struct rag_document_info *d,
		      const struct reading *reading)
{
	buf_add_char(out, '{');
	add_given(out, d);
	jmember_key(out, "reading");
	reading_print(reading, d->source_bytes, d->source_hash, out);
	jmember_text(out, "text", buf_span(&reading->text));
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
	jmember_text(out, "id", r->name.len > 0 ? r->name : given);
	jmember_text(out, "status", span_str(outcomes[r->what]));
	if (r->what != RAG_FAILED)
		jmember_number(out, "chunks", r->chunks);
	if (r->flagged)
		buf_add_str(out, ",\"flagged\":true");
	if (r->what == RAG_FAILED) {
		jmember_key(out, "error");
		buf_add_char(out, '{');
		jmember_text(out, "code", span_str(err_info(r->err.code)->code));
		jmember_text(out, "message", span_str(r->err.message));
		jmember_text(out, "param", span_str(r->err.param));
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* ---- answers ---- */

static void add_snippet(struct buf *out, const struct snippet *s)
{
	jmember_key(out, "snippet");
	buf_add_char(out, '{');
	jmember_text(out, "text", s->text);
	jmember_key(out, "highlights");
	buf_add_char(out, '[');
	for (size_t i = 0; i < s->mark_count; i++)
		buf_printf(out, "%s[%zu,%zu]", i > 0 ? "," : "", s->marks[i].start,
			   s->marks[i].end);
	buf_add_str(out, "]}");
}

static void add_place(struct buf *out, const struct retrieve_hit *h)
{
	jmember_number(out, "start", (int64_t)h->start);
	jmember_number(out, "end", (int64_t)h->end);
	jmember_number(out, "chars_start", (int64_t)h->chars_start);
	jmember_number(out, "chars_end", (int64_t)h->chars_end);
	jmember_number(out, "line", h->line);
	jmember_text(out, "line_of", reader_places(h->document.type) == READER_LINES ?
				     SPAN_LIT("file") : SPAN_LIT("text"));
	if (h->page > 0)
		jmember_number(out, "page", h->page);
	jmember_text_if(out, "heading", h->heading);
}

/* Where to look in it. */
static void add_sentence(struct buf *out, const struct retrieve_place *p)
{
	if (p->end == p->start)
		return;
	jmember_key(out, "sentence");
	buf_add_char(out, '{');
	jmember_number(out, "start", (int64_t)p->start);
	jmember_number(out, "end", (int64_t)p->end);
	jmember_number(out, "chars_start", (int64_t)p->chars_start);
	jmember_number(out, "chars_end", (int64_t)p->chars_end);
	jmember_number(out, "line", p->line);
	if (p->page > 0)
		jmember_number(out, "page", p->page);
	if (p->row > 0)
		jmember_number(out, "row", p->row);
	jmember_text_if(out, "heading", p->heading);
	buf_add_char(out, '}');
}

static void add_scores(struct buf *out, const struct retrieve_hit *h, bool explain)
{
	add_real(out, "score", h->score);
	jmember_key(out, "scores");
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
	jmember_key(out, "matched_terms");
	buf_add_char(out, '[');
	for (size_t i = 0; i < h->term_count; i++) {
		jmember_comma(out);
		jtext_string(out, h->terms[i]);
	}
	buf_add_char(out, ']');
}

static void add_hit(struct buf *out, const struct retrieve_hit *h, bool explain)
{
	jmember_comma(out);
	buf_add_char(out, '{');
	jmember_number(out, "number", h->number);
	jmember_text(out, "doc_id", h->document.name);
	jmember_number(out, "chunk", h->chunk);
	jmember_text_if(out, "title", h->document.title);
	jmember_text_if(out, "source", h->document.source);
	jmember_text(out, "type", h->document.type);
	add_place(out, h);
	jmember_text(out, "text", h->text);
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
	jmember_key(out, key);
	buf_printf(out, "%lld.%03lld", (long long)(us / US_PER_MS), (long long)(us % US_PER_MS));
}

static void add_timings(struct buf *out, const struct retrieve_answer *a,
			const struct rag_answer_print *how)
{
	int64_t models = (how->embed_us > 0 ? how->embed_us : 0) +
			 (how->rerank_us > 0 ? how->rerank_us : 0);

	jmember_key(out, "timings");
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
	jmember_key(out, "reranked");
	buf_add_str(out, how->reranked_by ? "true" : "false");
	jmember_text_if(out, "rerank_model", span_str(how->reranked_by));
	if (!how->reranked_by)
		jmember_text_if(out, "rerank_note", span_str(how->no_rerank));
}

void rag_print_answer(struct buf *out, const struct retrieve_answer *a,
		      const struct rag_answer_print *how)
{
	buf_add_char(out, '{');
	jmember_text(out, "index_id", how->index);
	jmember_text(out, "mode", span_str(retrieve_mode_name(a->mode)));
	jmember_text(out, "scope", span_str(retrieve_scope_name(a->scope)));
	jmember_text_if(out, "note", span_str(a->note));
	add_real(out, "dense_coverage", a->dense_coverage);
	add_real(out, "dense_weight", a->dense_weight);
	jmember_text_if(out, "embedding_model", how->model);
	add_reranking(out, how);
	jmember_number(out, "generation", a->generation);
	jmember_number(out, "chunks", a->chunks);
	if (a->filtered >= 0)
		jmember_number(out, "filtered", a->filtered);
	jmember_key(out, "results");
	buf_add_char(out, '[');
	for (size_t i = 0; i < a->count; i++)
		add_hit(out, &a->hits[i], how->explain);
	buf_add_char(out, ']');
	add_timings(out, a, how);
	buf_add_char(out, '}');
}
