/*
 * server/api/a1_rag_query.c - /a1/rag/indices/{id}/query and verify.
 */
#include <math.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/jscan.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/chat/inner.h"
#include "common/chat/rag_embedder.h"
#include "common/chat/rag_keeper.h"
#include "common/chat/rag_rerank.h"
#include "common/chat/rerank.h"
#include "common/rag/quote.h"
#include "server/api/a1_rag.h"
#include "server/api/fields.h"

enum { BODY_MAX = 128 * 1024, BUDGET_TOP = 50 };

struct query {
	struct rag_work work;
	json_t *body;
	struct retrieve_question question;
	struct rag_answer_print print;
	struct buf filter;
	struct rag_index_info index;
	float *vector;
	struct rag_rerank_wish rerank;
	struct inner_sum sub_calls;
	struct retrieve_candidate *candidates;
	size_t candidate_count;
};

/* ---- reading it ---- */

static const char *mode_name(unsigned i)
{
	return retrieve_mode_name((enum retrieve_mode)i);
}

static const char *wide_name(unsigned i)
{
	return retrieve_scope_name((enum retrieve_scope)i);
}

static const char *fusion_name(unsigned i)
{
	static const char *const names[] = { "convex", "rrf" };

	return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static int read_choices(json_t *root, struct retrieve_question *q, struct err *err)
{
	unsigned mode = RETRIEVE_AUTO, scope = RETRIEVE_CHUNKS, fusion = FUSION_CONVEX;

	if (field_choice(root, "mode", mode_name, &mode, err) < 0 ||
	    field_choice(root, "scope", wide_name, &scope, err) < 0 ||
	    field_choice(root, "fusion", fusion_name, &fusion, err) < 0)
		return -1;
	q->mode = (enum retrieve_mode)mode;
	q->scope = (enum retrieve_scope)scope;
	q->fusion = (enum fusion_kind)fusion;
	return 0;
}

static int read_numbers(json_t *root, int64_t top_default, struct retrieve_question *q,
			struct err *err)
{
	int64_t top = 0, budget = 0, neighbours = 0;
	json_t *weight = json_object_get(root, "dense_weight");

	q->dense_weight = NAN;
	if (field_int(root, "top_k", 1, RETRIEVE_TOP_MAX, &top, err) < 0 ||
	    field_int(root, "budget_chars", 1, A1_RAG_REPLY_MAX, &budget, err) < 0 ||
	    field_int(root, "neighbours", 0, RETRIEVE_NEIGHBOURS_MAX, &neighbours, err) < 0 ||
	    field_share(root, "min_score", &q->min_score, err) < 0)
		return -1;
	/* Where a budget says how much, no number does unless it was asked for. */
	q->top_k = (size_t)(top > 0 ? top : budget > 0 ? BUDGET_TOP : top_default);
	q->budget = (size_t)budget;
	q->neighbours = (unsigned)neighbours;
	if (json_is_string(weight) && strcmp(json_string_value(weight), "auto") == 0)
		return 0;
	return field_share(root, "dense_weight", &q->dense_weight, err);
}

static int add_to(const char *bytes, size_t len, void *out)
{
	return buf_add(out, bytes, len);
}

/* The engine reads it as text, so that the place of a fault is told in one way everywhere. */
static int read_filter(json_t *root, struct query *q, struct err *err)
{
	json_t *value = json_object_get(root, "filter");

	if (!value || json_is_null(value))
		return 0;
	if (json_dump_callback(value, add_to, &q->filter, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		return err_set(err, E_invalid_field, "filter", "the filter is too long");
	q->question.filter = buf_span(&q->filter);
	return 0;
}

/* true, false or a model's name; what it does not say is the tenant's. */
static int read_rerank(json_t *root, const struct offer *offer, struct rag_rerank_wish *wish, struct err *err)
{
	const json_t *value = json_object_get(root, "rerank");

	if (!value || json_is_null(value))
		return 0;
	wish->is_on = !json_is_false(value);
	if (json_is_boolean(value))
		return 0;
	if (!json_is_string(value))
		return err_set(err, E_invalid_field, "rerank", "rerank is true, false or a model's name");
	wish->model = rag_rerank_model(
		offer, span_of(json_string_value(value), json_string_length(value)), err);
	if (wish->model)
		return 0;
	snprintf(err->param, sizeof err->param, "rerank");
	return -1;
}

static int read_query(struct query *q, const struct call *c, const struct settings *s, struct err *err)
{
	const struct offer offer = call_offer(c);
	static const char *const names[] = { "query",        "top_k",      "mode",         "filter",
					     "min_score",    "fusion",     "dense_weight", "scope",
					     "budget_chars", "neighbours", "history",      "rerank",
					     "explain",      NULL };

	q->rerank = rag_rerank_wished(s);
	if (fields_check(q->body, names, err) < 0 ||
	    field_need_text(q->body, "query", &q->question.text, err) < 0 ||
	    field_text(q->body, "history", &q->question.before, err) < 0 ||
	    read_choices(q->body, &q->question, err) < 0 ||
	    read_numbers(q->body, settings_int(s, SETTING_KEY_rag_default_top_k), &q->question,
			 err) < 0 ||
	    read_filter(q->body, q, err) < 0 || read_rerank(q->body, &offer, &q->rerank, err) < 0)
		return -1;
	return field_bool(q->body, "explain", &q->print.explain, err);
}

/* ---- its vector ---- */

enum { EMBED_PATIENCE_MS = 10 * 1000 };

static int look_at_index(void *arg)
{
	struct query *q = arg;
	struct rag_work *w = &q->work;

	return rag_index_get(w->rag, w->tenant, w->index, &w->arena, &q->index, &w->err);
}

/*
 * The question as the index's model reads it.  Where that cannot be had the answer comes from words
 * alone and says so: it is no failure.
 */
static int embed(struct exchange *x, struct call *c, struct query *q)
{
	struct rag_prefixes prefixes = rag_model_prefixes(q->index.model);
	struct inner_call call = { .worker = c->worker,
				   .snapshot = c->snapshot,
				   .identity = &c->identity,
				   .route = "/a1/rag/embedding",
				   .parent_request_id = x->request_id,
				   .depth = c->depth,
				   .patience_ms = EMBED_PATIENCE_MS,
				   .sum = &q->sub_calls,
				   .upstream = q->index.model.ptr };
	const struct model *m =
		rag_embedder_alias(c->snapshot->routing, &q->index, q->index.model);
	int64_t began = clock_mono_us();
	struct err err = ERR_INIT;
	struct span text;
	struct buf whole;

	buf_init(&whole, RETRIEVE_TEXT_MAX + 1 * KIB);
	buf_add_str(&whole, prefixes.query);
	buf_add_span(&whole, q->question.text);
	text = buf_span(&whole);
	text.len = utf8_whole(
		span_of(text.ptr, text.len < EMBED_TEXT_MAX ? text.len : EMBED_TEXT_MAX));
	if (!m) {
		err_set(&err, E_upstream_unavailable, "", "%s cannot be reached", call.upstream);
	} else if (text.len > 0 && inner_embed(&call, m->alias, &text, 1, &q->vector,
					       &q->question.dimensions, &err) == 0) {
		q->question.vector = q->vector;
		q->question.model = q->print.model = q->index.model;
		q->print.embed_us = clock_mono_us() - began;
	}
	if (err.code != E_none && err.code != E_cancelled) {
		q->question.vector_fault =
			arena_printf(&x->arena, "the question has no vector: %s", err.message);
		log_warn("rag", "%s: %s", x->request_id, q->question.vector_fault);
	}
	buf_free(&whole);
	return err.code == E_cancelled ? -1 : 0;
}

/* Nothing was made yet, and something is in the way of it. */
static void tell_fault(struct exchange *x, struct query *q)
{
	struct buf fault;

	buf_init(&fault, 1 * KIB);
	if (rag_keeper_error(q->work.keeper, q->work.tenant, q->work.index, &fault))
		q->question.vector_fault =
			arena_printf(&x->arena, "the index has no vectors yet: %s", buf_str(&fault));
	buf_free(&fault);
}

/* -1 after having answered, or when the client has gone. */
static int prepare(struct exchange *x, struct call *c, struct query *q)
{
	if (q->question.mode == RETRIEVE_LEXICAL || q->question.scope == RETRIEVE_CORPUS)
		return 0;
	if (rag_work_run(x, c, &q->work, look_at_index, q) < 0)
		return -1;
	if (q->index.vectors == 0)
		tell_fault(x, q);
	/* Nobody can be asked in the space of a model that is no more. */
	return q->index.model.len > 0 && q->index.vectors > 0 && !q->index.model_changed
		       ? embed(x, c, q)
		       : 0;
}

/* ---- its order ---- */

static int list(void *arg)
{
	struct query *q = arg;
	struct rag_work *w = &q->work;
	size_t max = q->rerank.candidates > q->question.top_k ? q->rerank.candidates : q->question.top_k;

	return retrieve_candidates(w->rag, w->tenant, w->index, &q->question,
				   max < RERANK_DOCUMENTS_MAX ? max : RERANK_DOCUMENTS_MAX, &w->arena,
				   &q->candidates, &q->candidate_count, &w->err);
}

/* -1 after having answered, or when the client has gone. */
static int rerank(struct exchange *x, struct call *c, struct query *q)
{
	const struct inner_call call = { .worker = c->worker,
					 .snapshot = c->snapshot,
					 .identity = &c->identity,
					 .route = "/a1/rag/rerank",
					 .parent_request_id = x->request_id,
					 .depth = c->depth,
					 .patience_ms = q->rerank.patience_ms,
					 .sum = &q->sub_calls };
	int64_t began = clock_mono_us();
	struct rag_ranking ranking;

	if (!q->rerank.is_on)
		return 0;
	if (q->question.scope == RETRIEVE_CORPUS) {
		q->print.no_rerank = "a corpus as a whole is in the order of its documents";
		return 0;
	}
	if (rag_work_run(x, c, &q->work, list, q) < 0)
		return -1;
	if (rag_rerank(&call, &q->rerank, q->question.text, q->candidates, q->candidate_count, &q->work.arena,
		       &ranking, &q->work.err) < 0) {
		if (q->work.err.code != E_cancelled)
			reply_error(x, &q->work.err);
		return -1;
	}
	q->question.ranks = ranking.ranks;
	q->question.rank_count = ranking.count;
	q->print.reranked_by = ranking.by;
	q->print.no_rerank = ranking.why_by_none;
	if (ranking.by)
		q->print.rerank_us = clock_mono_us() - began;
	return 0;
}

/* ---- asking ---- */

static int ask(void *arg)
{
	struct query *q = arg;
	struct retrieve_answer answer;

	if (retrieve(q->work.rag, q->work.tenant, q->work.index, &q->question, &q->work.arena,
		     &answer, &q->work.err) < 0)
		return -1;
	if (answer.is_other_dimension)
		rag_keeper_doubt(q->work.keeper, q->work.tenant, q->work.index, q->question.model);
	rag_print_answer(&q->work.out, &answer, &q->print);
	return 0;
}

/* In the answer's head, as of a call that a client makes. */
static void tell_cost(struct exchange *x, const struct call *c, const struct inner_sum *sum)
{
	char lines[BILL_LINES_MAX], calls[16];

	if (sum->calls == 0)
		return;
	snprintf(calls, sizeof calls, "%d", sum->calls);
	reply_header(x, "SPASS-Sub-Calls", span_str(calls));
	reply_lines(x, bill_lines(&sum->bill, c->snapshot->rate_lines, lines));
}

void a1_rag_query(struct exchange *x, struct call *c)
{
	const struct settings settings = snapshot_settings(c->snapshot, c->identity.tenant);
	struct query *q = arena_zalloc(&x->arena, sizeof *q);

	if (!q) /* the layer below answers */
		return;
	rag_work_begin(x, c, &q->work);
	inner_sum_begin(&q->sub_calls, c->snapshot);
	buf_init(&q->filter, BODY_MAX);
	q->print = (struct rag_answer_print){ .index = q->work.index, .embed_us = -1, .rerank_us = -1 };
	q->body = call_read_json(x, BODY_MAX, &q->work.err);
	if (!q->body || read_query(q, c, &settings, &q->work.err) < 0)
		reply_error(x, &q->work.err);
	else if (prepare(x, c, q) == 0 && rerank(x, c, q) == 0 && rag_work_run(x, c, &q->work, ask, q) == 0) {
		tell_cost(x, c, &q->sub_calls);
		rag_work_reply(x, &q->work, 200);
	}
	json_decref(q->body);
	buf_free(&q->filter);
	mem_free(q->vector);
	rag_work_end(&q->work);
}

/* ---- quotes ---- */

struct verification {
	struct rag_work work;
	json_t *body;
	struct span document, quote;
	int64_t chunk;
};

static int read_verification(struct verification *v, struct err *err)
{
	static const char *const names[] = { "doc_id", "quote", "chunk", NULL };

	v->chunk = -1;
	if (fields_check(v->body, names, err) < 0 ||
	    field_need_text(v->body, "doc_id", &v->document, err) < 0 ||
	    field_need_text(v->body, "quote", &v->quote, err) < 0)
		return -1;
	return field_int(v->body, "chunk", 0, INT32_MAX, &v->chunk, err);
}

static int verify(void *arg)
{
	struct verification *v = arg;
	struct rag_work *w = &v->work;
	struct quote_place place;
	struct span text;

	if (retrieve_verify(w->rag, w->tenant, w->index, v->document, v->chunk, v->quote, &w->arena,
			    &place, &text, &w->err) < 0)
		return -1;
	buf_printf(
		&w->out,
		"{\"found\":%s,\"exact\":%s,\"likeness\":%.3g,\"start\":%zu,\"end\":%zu,\"text\":",
		place.found ? "true" : "false", place.exact ? "true" : "false",
		(double)place.likeness, place.start, place.end);
	jtext_string(&w->out, text);
	buf_add_char(&w->out, '}');
	return 0;
}

void a1_rag_verify(struct exchange *x, struct call *c)
{
	struct verification v = { .body = NULL };

	rag_work_begin(x, c, &v.work);
	v.body = call_read_json(x, BODY_MAX, &v.work.err);
	if (!v.body || read_verification(&v, &v.work.err) < 0)
		reply_error(x, &v.work.err);
	else if (rag_work_run(x, c, &v.work, verify, &v) == 0)
		rag_work_reply(x, &v.work, 200);
	json_decref(v.body);
	rag_work_end(&v.work);
}
