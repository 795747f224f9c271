/* common/upstream/rerank.c - see rerank.h. */
#include "common/upstream/rerank.h"

#include <math.h>

#include "common/upstream/routing.h"

/* ---- the request ---- */

/* A member's name, what goes before it, and its value. */
static void add_member(struct outgoing *out, struct span *parts, const char *name, struct span value)
{
	parts[out->part_count++] = span_str(name);
	parts[out->part_count++] = value;
	out->length += strlen(name) + value.len;
}

int rerank_build(const struct rerank_wish *w, const struct target *t, struct arena *arena,
		 struct outgoing *out, struct err *err)
{
	enum { PARTS_MAX = 10 };
	struct span *parts = arena_alloc(arena, PARTS_MAX * sizeof *parts);

	*out = (struct outgoing){ .path = "/rerank", .parts = parts };
	if (!parts)
		return err_used_up(err);
	if (t->backend->provider->quirks & QUIRK_RERANK_TEXTS) {
		add_member(out, parts, "{\"query\":", w->query);
		add_member(out, parts, ",\"texts\":", w->documents);
		add_member(out, parts, ",\"truncate\":", SPAN_LIT("true}"));
	} else {
		add_member(out, parts, "{\"model\":", dialect_quoted(arena, t->model));
		add_member(out, parts, ",\"query\":", w->query);
		add_member(out, parts, ",\"documents\":", w->documents);
		add_member(out, parts, ",\"top_n\":", span_str(arena_printf(arena, "%zu}", w->count)));
	}
	return arena_failed(arena) ? err_used_up(err) : 0;
}

/* ---- the answer ---- */

static void read_count(struct jvalue v, int64_t *out)
{
	int64_t value;

	if (*out < 0 && v.type == J_NUMBER && jvalue_int(v, 0, INT64_MAX / 4, &value) == 0)
		*out = value;
}

/* As OpenAI's embeddings tell it, as Jina does, as Cohere does.  A rank is no token. */
static void read_usage(struct jvalue usage, struct jvalue meta, struct token_usage *out)
{
	struct jvalue tokens = meta.type == J_OBJECT ? jwalk_get(meta, "tokens") : (struct jvalue){ 0 };
	int64_t cost;

	*out = TOKEN_USAGE_NONE;
	out->completion = 0;
	if (usage.type == J_OBJECT) {
		struct jvalue price = jwalk_get(usage, "cost");

		read_count(jwalk_get(usage, "prompt_tokens"), &out->prompt);
		read_count(jwalk_get(usage, "total_tokens"), &out->prompt);
		if (price.type == J_NUMBER && money_read_number(price.text, &cost) == 0)
			out->cost_usd = cost;
	}
	if (tokens.type == J_OBJECT)
		read_count(jwalk_get(tokens, "input_tokens"), &out->prompt);
}

int rerank_answer(struct span body, struct answer *a, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("results"), SPAN_INIT("usage"), SPAN_INIT("meta"),
					     SPAN_INIT("error") };
	struct jvalue v[ARRAY_LEN(names)], root;
	struct err why;

	*a = (struct answer){ .usage = TOKEN_USAGE_NONE };
	if (jscan_check(body, NULL, &root, &why) < 0)
		return err_set(err, E_upstream_error, "", "the answer is not JSON: %s", why.message);
	if (root.type == J_ARRAY) {
		a->usage.completion = 0;
		a->items = root;
		return 0;
	}
	if (root.type != J_OBJECT)
		return err_set(err, E_upstream_error, "", "the answer has no list 'results'");
	jwalk_members(root, names, v, ARRAY_LEN(names));
	a->is_error = v[3].type == J_OBJECT || v[3].type == J_STRING;
	if (!a->is_error && v[0].type != J_ARRAY)
		return err_set(err, E_upstream_error, "", "the answer has no list 'results'");
	read_usage(v[1], v[2], &a->usage);
	a->items = v[0];
	return 0;
}

/* One of the list; false: it is none, or of a document that has one or is not there. */
static bool read_rank(struct jvalue rank, size_t count, float *scores)
{
	static const struct span names[] = { SPAN_INIT("index"), SPAN_INIT("relevance_score"), SPAN_INIT("score") };
	struct jvalue v[ARRAY_LEN(names)];
	int64_t index;
	double score;

	if (rank.type != J_OBJECT)
		return false;
	jwalk_members(rank, names, v, ARRAY_LEN(names));
	if (v[1].type == J_NONE)
		v[1] = v[2];
	if (v[0].type != J_NUMBER || v[1].type != J_NUMBER ||
	    jvalue_int(v[0], 0, (int64_t)count - 1, &index) < 0 || jvalue_double(v[1], &score) < 0 ||
	    !isfinite((float)score) || !isnan(scores[index]))
		return false;
	scores[index] = (float)score;
	return true;
}

int rerank_scores(struct jvalue items, size_t count, float *scores, struct err *err)
{
	size_t got = 0;

	for (size_t i = 0; i < count; i++)
		scores[i] = NAN;
	for (struct jwalk w = jwalk_start(items); jwalk_next(&w); got++)
		if (!read_rank(w.value, count, scores))
			return err_set(err, E_upstream_error, "",
				       "results[%zu] has no index and score of its own", got);
	if (got != count)
		return err_set(err, E_upstream_error, "", "the answer has %zu scores for %zu documents", got,
			       count);
	return 0;
}
