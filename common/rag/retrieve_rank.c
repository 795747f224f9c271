/* common/rag/retrieve_rank.c - what a model that reads question and chunk makes of a ranking. */
#include "common/rag/retrieve_inside.h"

#include <math.h>
#include <stdlib.h>

#include "common/rag/arrange.h"
#include "common/rag/rag_inside.h"

/* ---- for the model ---- */

/* The chunk as it was embedded, without the embedder's prefix. */
static int read_candidate(struct retrieval *r, const struct rag_chunk *c, struct buf *title,
			  struct retrieve_candidate *out, struct err *err)
{
	struct rag_document_info document;
	struct span parts[3];

	if (rag_view_document(&r->view, c->document, r->arena, &document, err) < 0)
		return -1;
	parts[0] = rag_chunk_title(document.title, c->heading, title);
	parts[1] = parts[0].len > 0 ? SPAN_LIT("\n\n") : SPAN_NONE;
	parts[2] = c->text;
	out->chunk = c->id;
	out->text = arena_join(r->arena, parts, ARRAY_LEN(parts));
	return arena_failed(r->arena) ? retrieve_full(err) : 0;
}

static bool is_listed(const uint64_t *simhashes, size_t count, uint64_t simhash)
{
	for (size_t i = 0; i < count; i++)
		if (arrange_is_same(simhashes[i], simhash))
			return true;
	return false;
}

int retrieve_gather(struct retrieval *r, struct retrieve_candidate *out, size_t max, size_t *count,
		    struct err *err)
{
	uint64_t *simhashes = arena_alloc(r->arena, (max + 1) * sizeof(*simhashes));
	struct terms *terms;
	struct buf title;
	int result = 0;

	if (!simhashes)
		return retrieve_full(err);
	terms = terms_new();
	buf_init(&title, RAG_META_MAX + 64 * KIB);
	for (size_t i = 0; result == 0 && i < r->found_count && *count < max; i++) {
		int64_t id = rag_snapshot_chunk(r->view.snapshot, r->found[i].row);
		struct rag_chunk c;

		result = rag_view_chunk(&r->view, id, true, r->arena, &c, err);
		if (result < 0)
			break;
		simhashes[*count] = arrange_simhash(terms, c.text);
		if (is_listed(simhashes, *count, simhashes[*count]))
			continue;
		result = read_candidate(r, &c, &title, &out[*count], err);
		++*count;
	}
	buf_free(&title);
	terms_free(terms);
	return result;
}

/* ---- by the model ---- */

/* One of found on its way to its new place. */
struct placed {
	struct fusion_hit hit;
	float rerank; /* NAN: it has no rank */
	uint32_t at;
};

static int by_chunk(const void *a, const void *b)
{
	const struct retrieve_rank *x = a, *y = b;

	return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

/* Those with ranks before those without. */
static int by_rank(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (isnan(x->rerank) != isnan(y->rerank))
		return isnan(x->rerank) ? 1 : -1;
	if (!isnan(x->rerank) && x->rerank != y->rerank)
		return x->rerank < y->rerank ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

/* The ranks by chunk; whether they are probabilities as most models give them. */
static struct retrieve_rank *sort_ranks(struct retrieval *r, bool *are_shares)
{
	const struct retrieve_question *q = r->question;
	struct retrieve_rank *ranks = arena_alloc(r->arena, q->rank_count * sizeof(*ranks));

	*are_shares = true;
	if (!ranks)
		return NULL;
	for (size_t i = 0; i < q->rank_count; i++) {
		ranks[i] = q->ranks[i];
		*are_shares &= ranks[i].score >= 0 && ranks[i].score <= 1;
	}
	qsort(ranks, q->rank_count, sizeof(*ranks), by_chunk);
	return ranks;
}

static float share_of(float rank, bool are_shares)
{
	return are_shares ? rank : 1 / (1 + expf(-rank));
}

static void look_up(struct retrieval *r, const struct retrieve_rank *ranks, struct placed *placed)
{
	for (size_t i = 0; i < r->found_count; i++) {
		const struct retrieve_rank key = { rag_snapshot_chunk(r->view.snapshot, r->found[i].row),
						   0 };
		const struct retrieve_rank *rank = bsearch(&key, ranks, r->question->rank_count,
							   sizeof(*ranks), by_chunk);

		placed[i] = (struct placed){ r->found[i], rank ? rank->score : NAN, (uint32_t)i };
	}
}

/* A hit that the model has not read stands below those that it has, whatever its score was. */
static void put_back(struct retrieval *r, const struct placed *placed, bool are_shares, float *fused,
		     float *rerank)
{
	float lowest = 1;

	for (size_t i = 0; i < r->found_count; i++) {
		r->found[i] = placed[i].hit;
		fused[i] = placed[i].hit.score;
		rerank[i] = placed[i].rerank;
		if (!isnan(rerank[i]))
			r->found[i].score = lowest = share_of(rerank[i], are_shares);
		else
			r->found[i].score *= lowest;
	}
	r->fused = fused;
	r->rerank = rerank;
}

int retrieve_order(struct retrieval *r, struct err *err)
{
	size_t count = r->found_count;
	struct retrieve_rank *ranks;
	struct placed *placed;
	float *scores;
	bool are_shares;

	if (r->question->rank_count == 0 || count == 0)
		return 0;
	ranks = sort_ranks(r, &are_shares);
	placed = arena_alloc(r->arena, count * sizeof(*placed));
	scores = arena_alloc(r->arena, 2 * count * sizeof(*scores));
	if (!ranks || !placed || !scores)
		return retrieve_full(err);
	look_up(r, ranks, placed);
	qsort(placed, count, sizeof(*placed), by_rank);
	put_back(r, placed, are_shares, scores, scores + count);
	return 0;
}
