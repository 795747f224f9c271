/* common/upstream/extract.c - taking texts apart into sentences and words, and choosing. */
#include "common/upstream/extract.h"

#include "common/base/mem.h"
#include "common/text/words.h"
#include "common/upstream/extract_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKENS_MAX = 4 * 1024 * 1024,
	CANDIDATES_MAX = 64, /* looked at for each quote */
};
#define WORDS_MAX_BYTES (64 * MIB)

static void grow_slots(struct extraction *x)
{
	size_t count = x->slot_count ? 2 * x->slot_count : 1024;

	mem_free(x->slots);
	x->slots = mem_calloc(count, sizeof(*x->slots));
	x->slot_count = count;
	for (size_t i = 0; i < x->vocable_count; i++) {
		size_t at = (size_t)x->vocables[i].hash & (count - 1);

		while (x->slots[at])
			at = (at + 1) & (count - 1);
		x->slots[at] = (uint32_t)i + 1;
	}
}

/* The index of the word's vocable, or -1 when there is no room for another. */
static int64_t vocable_of(struct extraction *x, const struct word *word)
{
	uint64_t hash = words_hash(word->text);
	struct span text;
	size_t at;

	if (2 * x->vocable_count >= x->slot_count)
		grow_slots(x);
	at = (size_t)hash & (x->slot_count - 1);
	for (; x->slots[at]; at = (at + 1) & (x->slot_count - 1))
		if (x->vocables[x->slots[at] - 1].hash == hash)
			return x->slots[at] - 1;
	text = arena_span(&x->arena, word->text);
	if (!text.ptr)
		return -1;
	if (x->vocable_count == x->vocable_size) {
		x->vocable_size = x->vocable_size ? 2 * x->vocable_size : 1024;
		x->vocables = mem_realloc(x->vocables, x->vocable_size * sizeof(*x->vocables));
	}
	x->vocables[x->vocable_count] = (struct vocable){ .hash = hash, .text = text,
							  .is_stop = words_is_stop(word), .term = -1 };
	x->slots[at] = (uint32_t)++x->vocable_count;
	return (int64_t)x->vocable_count - 1;
}

static void add_token(void *data, const struct word *word)
{
	struct extraction *x = data;
	struct vocable *v;
	int64_t index;

	if (x->token_count == TOKENS_MAX)
		return;
	index = vocable_of(x, word);
	if (index < 0)
		return;
	if (x->token_count == x->token_size) {
		x->token_size = x->token_size ? 2 * x->token_size : 4096;
		x->tokens = mem_realloc(x->tokens, x->token_size * sizeof(*x->tokens));
	}
	x->tokens[x->token_count++] = (uint32_t)index;
	v = &x->vocables[index];
	v->tf++;
	if (v->last != x->current) {
		v->last = x->current;
		v->df++;
	}
}

static void add_piece(struct extraction *x, const struct sentence *s, size_t source,
		      uint32_t position, size_t *size)
{
	struct piece *piece;

	if (x->piece_count == *size) {
		*size = *size ? 2 * *size : 256;
		x->pieces = mem_realloc(x->pieces, *size * sizeof(*x->pieces));
	}
	piece = &x->pieces[x->piece_count++];
	*piece = (struct piece){ .s = *s, .source = source, .first = (uint32_t)x->token_count,
				 .position = position };
	x->current = (uint32_t)x->piece_count;
	words_each(s->text, add_token, x);
	piece->count = (uint32_t)(x->token_count - piece->first);
	/* "---" and "42" alone are not worth quoting. */
	if (piece->count == 0)
		x->piece_count--;
}

static void take_apart(struct extraction *x)
{
	size_t size = 0, seen = 0;

	for (size_t i = 0; i < x->request->source_count; i++) {
		struct sentences reader;
		struct sentence s;
		uint32_t position = 0;

		sentences_start(&reader, x->request->sources[i].text);
		while (seen++ < EXTRACT_SENTENCES_MAX && sentences_next(&reader, &s))
			add_piece(x, &s, i, position++, &size);
	}
}

/* The share of b's telling words that a has too. */
static double overlap(const struct extraction *x, const struct piece *a, const struct piece *b)
{
	size_t shared = 0, telling = 0;

	for (uint32_t k = 0; k < b->count; k++) {
		uint32_t token = x->tokens[b->first + k];
		bool found = false;

		if (x->vocables[token].is_stop)
			continue;
		telling++;
		for (uint32_t i = 0; i < a->count && !found; i++)
			found = x->tokens[a->first + i] == token;
		shared += found;
	}
	return telling ? (double)shared / (double)telling : 1;
}

static int compare_scores(const void *a, const void *b)
{
	const struct piece *x = *(const struct piece *const *)a, *y = *(const struct piece *const *)b;

	if (x->score < y->score || x->score > y->score)
		return x->score > y->score ? -1 : 1;
	return (x > y) - (x < y);
}

static int compare_places(const void *a, const void *b)
{
	const struct piece *x = *(const struct piece *const *)a, *y = *(const struct piece *const *)b;

	return (x > y) - (x < y);
}

/* The most that one of those chosen says of it already. */
static double repetition(const struct extraction *x, const struct piece *const *chosen, size_t taken,
			 const struct piece *p)
{
	double most = 0;

	for (size_t k = 0; k < taken; k++) {
		double shared = overlap(x, chosen[k], p);

		/* A summary shall visit many sections. */
		if (x->request->summary && chosen[k]->s.heading.len > 0 &&
		    chosen[k]->s.heading.ptr == p->s.heading.ptr)
			shared = 0.5 + shared / 2;
		most = shared > most ? shared : most;
	}
	return most;
}

/* The place of the best that is left, and its score; count: there is none. */
static size_t best_of(const struct extraction *x, const struct piece *const *candidates, size_t count,
		      const struct piece *const *chosen, size_t taken, double *best_score)
{
	size_t best = count;

	*best_score = 0;
	for (size_t i = 0; i < count; i++) {
		double score, most;

		if (!candidates[i] || candidates[i]->score <= *best_score)
			continue;
		most = repetition(x, chosen, taken, candidates[i]);
		score = most > 0.8 ? 0 : candidates[i]->score * (1 - 0.6 * most);
		if (score > *best_score) {
			*best_score = score;
			best = i;
		}
	}
	return best;
}

/* Best first, each weighed against what it repeats of those chosen.  Returns how many. */
static size_t choose(const struct extraction *x, const struct piece **candidates, size_t count,
		     const struct piece **chosen)
{
	size_t taken = 0;
	/* A summary wants breadth; further answers must come close to the best. */
	double enough = x->request->summary ? 0.0 : 0.45;
	double first = count > 0 ? candidates[0]->score : 0;

	while (taken < x->request->quotes_max) {
		double score;
		size_t best = best_of(x, candidates, count, chosen, taken, &score);

		if (best == count || score < enough * first)
			break;
		chosen[taken++] = candidates[best];
		candidates[best] = NULL;
	}
	return taken;
}

/* One of the quotes has a part of the text. */
static bool is_quoted(const struct extract_quote *quotes, size_t count, size_t source,
		      struct span text)
{
	for (size_t i = 0; i < count; i++)
		if (quotes[i].source == source && quotes[i].text.ptr < text.ptr + text.len &&
		    text.ptr < quotes[i].text.ptr + quotes[i].text.len)
			return true;
	return false;
}

static size_t pick(const struct extraction *x, struct extract_quote *quotes)
{
	const struct piece **all = mem_calloc(x->piece_count, sizeof(struct piece *));
	const struct piece *chosen[EXTRACT_QUOTES_MAX];
	size_t count = 0, taken;

	for (size_t i = 0; i < x->piece_count; i++)
		if (x->pieces[i].score > 0)
			all[count++] = &x->pieces[i];
	qsort(all, count, sizeof(struct piece *), compare_scores);
	taken = choose(x, all, count < CANDIDATES_MAX ? count : CANDIDATES_MAX, chosen);
	if (x->request->summary)
		qsort(chosen, taken, sizeof(struct piece *), compare_places);
	count = 0;
	for (size_t i = 0; i < taken; i++) {
		struct span text = x->request->whole ? extract_whole(x, chosen[i]) : chosen[i]->s.text;

		if (is_quoted(quotes, count, chosen[i]->source, text))
			continue;
		quotes[count++] = (struct extract_quote){ .text = text,
							  .label = chosen[i]->s.label,
							  .heading = chosen[i]->s.heading,
							  .source = chosen[i]->source,
							  .score = chosen[i]->score };
	}
	mem_free(all);
	return count;
}

size_t extract_quotes(const struct extract_request *request, struct extract_quote *quotes)
{
	struct extraction x = { .request = request };
	size_t count = 0;

	assert(request->quotes_max >= 1 && request->quotes_max <= EXTRACT_QUOTES_MAX);
	arena_init(&x.arena, WORDS_MAX_BYTES);
	take_apart(&x);
	if (x.piece_count > 0) {
		if (request->summary)
			extract_score_summary(&x);
		if (request->summary || extract_score_question(&x))
			count = pick(&x, quotes);
	}
	arena_clear(&x.arena);
	mem_free(x.slots);
	mem_free(x.vocables);
	mem_free(x.tokens);
	mem_free(x.pieces);
	return count;
}
