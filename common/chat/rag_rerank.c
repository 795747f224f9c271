/* common/chat/rag_rerank.c - see rag_rerank.h. */
#include "common/chat/rag_rerank.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/rerank.h"

struct rag_rerank_wish rag_rerank_wished(const struct settings *s)
{
	return (struct rag_rerank_wish){
		.is_on = settings_bool(s, SETTING_KEY_rag_rerank),
		.candidates = (size_t)settings_int(s, SETTING_KEY_rag_rerank_candidates),
		.patience_ms = settings_int(s, SETTING_KEY_rag_rerank_timeout_ms),
	};
}

const struct model *rag_rerank_model(const struct offer *o, struct span name, struct err *err)
{
	const struct model *m = offer_find(o, name, err);

	if (!m || m->kind == MODEL_RERANK)
		return m;
	err_set(err, E_model_not_in_allowlist, "rerank", "model '%s' is of kind %s: it does not rerank",
		m->alias, model_kind_name(m->kind));
	return NULL;
}

/* Of all that the caller may use: the first that can be reached, or else of which nobody knows yet. */
static const struct model *first_model(const struct offer *o, bool *any)
{
	const struct catalog *catalog = routing_catalog(o->routing);
	const struct model *perhaps = NULL;

	*any = false;
	for (size_t i = 0; i < catalog_count(catalog); i++) {
		const struct model *m = catalog_at(catalog, i);

		if (m->kind != MODEL_RERANK || !tenancy_admits_model(o->tenant, o->token, span_str(m->alias)))
			continue;
		*any = true;
		if (routing_is_available(o->routing, m))
			return m;
		if (!perhaps && routing_may_be_available(o->routing, m))
			perhaps = m;
	}
	return perhaps;
}

static const struct model *choose_model(const struct inner_call *call, const struct rag_rerank_wish *wish,
					struct arena *a, const char **why)
{
	const struct settings s = snapshot_settings(call->snapshot, call->identity->tenant);
	const char *configured = settings_text(&s, SETTING_KEY_rag_rerank_model);
	const struct offer offer = { call->snapshot->routing, call->identity->tenant,
				     call->identity->token };
	const struct model *m = wish->model;
	struct err err = ERR_INIT;
	bool any;

	if (!m && *configured) {
		m = rag_rerank_model(&offer, span_str(configured), &err);
		if (!m)
			*why = arena_span(a, span_str(err.message)).ptr;
	} else if (!m) {
		m = first_model(&offer, &any);
		if (!m)
			*why = any ? "no model that reranks can be reached"
				   : "this gateway has no model that reranks";
	}
	if (m && !routing_may_be_available(offer.routing, m)) {
		*why = arena_printf(a, "%s cannot be reached", m->alias);
		m = NULL;
	}
	return m;
}

/* The scores, or NULL with err. */
static float *ask(const struct inner_call *call, const struct model *m, struct span question,
		  const struct retrieve_candidate *candidates, size_t count, struct err *err)
{
	struct span *texts = mem_calloc(count, sizeof *texts);
	float *scores = mem_calloc(count, sizeof *scores);
	int result;

	for (size_t i = 0; i < count; i++)
		texts[i] = candidates[i].text;
	result = inner_rerank(call, m->alias, question, texts, count, scores, err);
	mem_free(texts);
	if (result == 0)
		return scores;
	mem_free(scores);
	return NULL;
}

int rag_rerank(const struct inner_call *call, const struct rag_rerank_wish *wish, struct span question,
	       const struct retrieve_candidate *candidates, size_t count, struct arena *a,
	       struct rag_ranking *out, struct err *err)
{
	struct err why = ERR_INIT;
	const struct model *m;
	float *scores;

	*out = (struct rag_ranking){ .why_by_none = "fewer than two hits have no order" };
	if (count < 2)
		return 0;
	m = choose_model(call, wish, a, &out->why_by_none);
	if (!m)
		return 0;
	out->ranks = arena_alloc(a, count * sizeof *out->ranks);
	if (!out->ranks)
		return err_used_up(err);
	scores = ask(call, m, question, candidates, count, &why);
	if (!scores) {
		log_warn("rag", "%s: not reranked: %s", call->parent_request_id, why.message);
		out->why_by_none = arena_printf(a, "%s: %s", m->alias, why.message);
		if (why.code == E_cancelled)
			*err = why;
		return why.code == E_cancelled ? -1 : 0;
	}
	for (size_t i = 0; i < count; i++)
		out->ranks[i] = (struct retrieve_rank){ candidates[i].chunk, scores[i] };
	mem_free(scores);
	out->by = m->alias;
	out->count = count;
	return 0;
}
