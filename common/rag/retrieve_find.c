/* common/rag/retrieve_find.c - the lists of a question and their fusion. */
#include "common/rag/retrieve_inside.h"

#include <math.h>

#include "common/rag/latent.h"
#include "common/rag/rag_inside.h"
#include "common/rag/vector.h"

#define BEFORE_WEIGHT 0.3F /* of what was said before, to the question's words */
#define NOTHING 0.01F      /* a score below this, without a word, says nothing */

static void *room(struct retrieval *r, size_t count, size_t size)
{
	return arena_alloc(r->arena, (count > 0 ? count : 1) * size);
}

/* ---- one list each ---- */

static int from_words(struct retrieval *r, struct span text, size_t max, struct fusion_list *out,
		      struct err *err)
{
	struct lexical_hit *hits = room(r, max, sizeof(*hits));
	uint32_t *rows = room(r, max, sizeof(*rows));
	float *scores = room(r, max, sizeof(*scores));

	if (!hits || !rows || !scores)
		return retrieve_full(err);
	out->count = lexical_search(&r->rows, text, r->words, hits, max);
	for (size_t i = 0; i < out->count; i++) {
		rows[i] = hits[i].row;
		scores[i] = hits[i].score;
	}
	out->rows = rows;
	out->scores = scores;
	out->from_zero = true;
	r->lexical = hits;
	r->lexical_count = out->count;
	return 0;
}

static int from_latent(struct retrieval *r, size_t max, struct fusion_list *out, struct err *err)
{
	struct latent_view view = { .space = r->view.snapshot->latent,
				    .rows = r->view.snapshot->latent_rows,
				    .first = r->rows.first,
				    .count = r->rows.count,
				    .dead = r->rows.dead,
				    .only = r->rows.only };
	struct latent_scratch *scratch;
	struct latent_hit *hits = room(r, max, sizeof(*hits));
	uint32_t *rows = room(r, max, sizeof(*rows));
	float *scores = room(r, max, sizeof(*scores));

	if (!hits || !rows || !scores)
		return retrieve_full(err);
	scratch = latent_scratch_new();
	out->count = latent_search(&view, r->question->text, scratch, hits, max);
	latent_scratch_free(scratch);
	for (size_t i = 0; i < out->count; i++) {
		rows[i] = hits[i].row;
		scores[i] = hits[i].score;
	}
	out->rows = rows;
	out->scores = scores;
	return 0;
}

static int from_vectors(struct retrieval *r, size_t max, struct fusion_list *out, struct err *err)
{
	const struct snapshot_vectors *v = r->view.snapshot->vectors;
	struct vector_view view = { .blocks = v->blocks,
				    .count = v->count,
				    .dead = v->dead,
				    .only = r->is_filtered ? r->only.blocks : NULL,
				    .partition = v->partition,
				    .exact = rag_view_exact,
				    .data = &r->view };
	struct vector_hit *hits = room(r, max, sizeof(*hits));
	uint32_t *rows = room(r, max, sizeof(*rows));
	float *scores = room(r, max, sizeof(*scores));
	size_t count, kept = 0;

	if (!hits || !rows || !scores)
		return retrieve_full(err);
	count = vector_search(v->space, &view, r->question->vector, r->question->top_k, hits,
			      max);
	for (size_t i = 0; i < count; i++) {
		int64_t row = rag_snapshot_row(r->view.snapshot, hits[i].id);

		if (row < 0)
			continue;
		rows[kept] = (uint32_t)row;
		scores[kept++] = hits[i].score;
	}
	*out = (struct fusion_list){ .rows = rows, .scores = scores, .count = kept };
	r->dense = *out;
	return 0;
}

/* ---- which lists ---- */

/* Another model may have taken the name of the index's. */
static const char other_dimension[] =
	"the embedding model's vectors have another dimension than the index's: where it is another model, "
	"they are made anew";

/* Why the vectors cannot be asked, or NULL when they can. */
static const char *no_vectors(const struct retrieval *r)
{
	const struct snapshot_vectors *v = r->view.snapshot->vectors;
	const struct retrieve_question *q = r->question;

	if (!q->vector && q->vector_fault)
		return q->vector_fault;
	if (!v || v->live == 0)
		return "the index has no vectors yet";
	if (!q->vector)
		return "the question has no vector: no embedding model answered";
	if (!span_is(q->model, v->model))
		return "the question's vector is of another model than the index's";
	if (q->dimensions != v->dimensions)
		return other_dimension;
	return NULL;
}

/* Another model that answers to the name has questions in another space. */
static int look_at_model(struct retrieval *r, const char **why, struct err *err)
{
	bool is_past;

	if (!r->view.snapshot->vectors)
		return 0;
	if (rag_model_is_past(r->view.db, r->view.model, &is_past, err) < 0)
		return -1;
	if (is_past)
		*why = "what answers to the embedding model's name has changed: vectors are made anew";
	return 0;
}

static int choose_mode(struct retrieval *r, struct err *err)
{
	const struct snapshot_vectors *v = r->view.snapshot->vectors;
	struct retrieve_answer *answer = r->answer;
	const char *why = no_vectors(r);

	answer->is_other_dimension = why == other_dimension;
	if (look_at_model(r, &why, err) < 0)
		return -1;
	if (v && answer->chunks > 0)
		answer->dense_coverage = (float)v->live / (float)answer->chunks;
	answer->mode = r->question->mode;
	if (r->question->mode == RETRIEVE_AUTO)
		answer->mode = why ? RETRIEVE_LEXICAL : RETRIEVE_HYBRID;
	else if (why && r->question->mode != RETRIEVE_LEXICAL)
		answer->mode = RETRIEVE_LEXICAL;
	/* Not for an index that has none, unless they fail: else words are what it is for. */
	if (why && !answer->note && r->question->mode != RETRIEVE_LEXICAL &&
	    (v || r->question->vector_fault || r->question->mode != RETRIEVE_AUTO))
		answer->note = why;
	return 0;
}

/*
 * A chunk without a vector loses what the vectors' list weighs: as long as many have none it weighs
 * less.
 */
static float weigh_dense(const struct retrieval *r)
{
	if (r->answer->mode == RETRIEVE_LEXICAL)
		return 0;
	if (r->answer->mode == RETRIEVE_DENSE)
		return 1;
	if (!isnan(r->question->dense_weight))
		return r->question->dense_weight;
	return r->answer->dense_coverage *
	       fusion_dense_weight(r->view.snapshot->vectors->model, r->question->text);
}

/* By what the two lists say of each other; a weight that was asked for stays. */
static void doubt_dense(struct retrieval *r, const struct fusion_list *words,
			const struct fusion_list *vectors)
{
	if (r->answer->mode == RETRIEVE_HYBRID && isnan(r->question->dense_weight))
		r->answer->dense_weight *= fusion_trust(words, lexical_highest(r->words), vectors);
}

/*
 * fit: of the question.  What was said before helps to find, but what it finds is no answer to a
 * question about something else; a question that says nothing by itself is about what was said.
 */
static int ask_all(struct retrieval *r, size_t candidates, struct fusion_list lists[LIST_COUNT],
		   float *fit, struct err *err)
{
	const struct retrieve_question *q = r->question;
	bool has_latent = r->view.snapshot->latent && r->answer->mode != RETRIEVE_DENSE;
	struct fusion_weights weights;
	float highest = 0;

	/* The question last: its matches are asked for afterwards. */
	if (r->answer->mode != RETRIEVE_DENSE && q->before.len > 0) {
		if (from_words(r, q->before, candidates, &lists[LIST_BEFORE], err) < 0)
			return -1;
		highest = lexical_highest(r->words);
	}
	if (r->answer->mode == RETRIEVE_DENSE)
		lexical_look(&r->rows, q->text, r->words);
	else if (from_words(r, q->text, candidates, &lists[LIST_LEXICAL], err) < 0)
		return -1;
	if ((has_latent && from_latent(r, candidates, &lists[LIST_LATENT], err) < 0) ||
	    (r->answer->mode != RETRIEVE_LEXICAL &&
	     from_vectors(r, candidates, &lists[LIST_DENSE], err) < 0))
		return -1;
	doubt_dense(r, &lists[LIST_LEXICAL], &lists[LIST_DENSE]);
	weights = fusion_weigh(r->answer->dense_weight, has_latent);
	lists[LIST_LEXICAL].weight = weights.lexical;
	lists[LIST_LATENT].weight = weights.latent;
	lists[LIST_DENSE].weight = weights.dense;
	lists[LIST_BEFORE].weight = BEFORE_WEIGHT * weights.lexical;
	*fit = fusion_fit(&lists[LIST_LEXICAL], lexical_highest(r->words), weights.dense);
	if (!lexical_is_telling(r->words))
		*fit = fmaxf(*fit, fusion_fit(&lists[LIST_BEFORE], highest, weights.dense));
	return 0;
}

/*
 * Scores become those that are shown.  What no word speaks for and is at the end of the other
 * lists is no hit; who asks for vectors alone wants the nearest, however far.
 */
static void keep_hits(struct retrieval *r, float fit)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->found_count; i++) {
		struct fusion_hit hit = r->found[i];
		bool is_nothing = isnan(hit.parts[LIST_LEXICAL]) &&
				  isnan(hit.parts[LIST_BEFORE]) && hit.score < NOTHING;

		hit.score *= fit;
		if (hit.score < r->question->min_score)
			break;
		if (r->answer->mode == RETRIEVE_DENSE || !is_nothing)
			r->found[kept++] = hit;
	}
	r->found_count = kept;
}

int retrieve_find(struct retrieval *r, struct err *err)
{
	struct fusion_list lists[LIST_COUNT] = { 0 };
	size_t candidates = fusion_candidates(r->question->top_k), max = LIST_COUNT * candidates;
	float fit;

	if (choose_mode(r, err) < 0)
		return -1;
	r->answer->dense_weight = weigh_dense(r);
	if (ask_all(r, candidates, lists, &fit, err) < 0)
		return -1;
	r->found = room(r, max, sizeof(*r->found));
	if (!r->found)
		return retrieve_full(err);
	r->found_count = fusion_merge(r->question->fusion, lists, LIST_COUNT, r->found, max);
	keep_hits(r, fit);
	return 0;
}
