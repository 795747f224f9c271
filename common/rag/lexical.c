/* common/rag/lexical.c - scoring rows, term by term, and the neighbours in the best of them. */
#include "common/rag/lexical.h"

#include "common/base/mem.h"
#include "common/rag/lexical_inside.h"

#include <math.h>
#include <stdlib.h>

static const float k1 = 1.2f, b = 0.75f, pair_share = 0.1f;
/* Of the pairs of characters in a question about every second lies across two words; no text has it. */
static const float across_words = 0.5f;

enum {
	WEIGHT_TEXT = 4,
	WEIGHT_TITLE = 8,
	WEIGHT_HEAD = 1,
	ID_SLOTS = 4 * LEXICAL_WORDS_MAX, /* a power of two */
};

struct lexical_scratch {
	struct terms *terms;
	struct segment_builder *builder; /* or NULL */
	struct segment_counts counts;
	struct question question;
	float *scores;     /* by row; all 0 between searches */
	float *times;      /* by row of a segment; all 0 between words */
	uint32_t *touched; /* rows whose times are not 0, and one behind them */
	size_t row_room;
	struct lexical_hit *best;
	size_t best_room;
};

struct lexical_scratch *lexical_scratch_new(void)
{
	struct lexical_scratch *s = mem_new(struct lexical_scratch);

	s->terms = terms_new();
	return s;
}

void lexical_scratch_free(struct lexical_scratch *s)
{
	if (!s)
		return;
	terms_free(s->terms);
	segment_builder_free(s->builder);
	segment_counts_free(&s->counts);
	question_free(&s->question);
	mem_free(s->scores);
	mem_free(s->times);
	mem_free(s->touched);
	mem_free(s->best);
	mem_free(s);
}

struct terms *lexical_scratch_terms(struct lexical_scratch *s)
{
	return s->terms;
}

struct segment_builder *lexical_scratch_builder(struct lexical_scratch *s)
{
	if (!s->builder)
		s->builder = segment_builder_new();
	segment_builder_clear(s->builder);
	return s->builder;
}

/* ---- adding ---- */

static uint32_t number_of(void *data, struct span text, uint64_t hash)
{
	return segment_builder_number(data, text, hash);
}

int lexical_add(struct segment_builder *builder, struct terms *terms, const struct lexical_row *row,
		struct err *err)
{
	uint32_t *tag = segment_builder_tag(builder);
	struct term_numbers n;

	if (segment_builder_row(builder, row->chunk, err) < 0)
		return -1;
	if (*tag == 0)
		*tag = terms_tag(terms);
	n = terms_numbers(terms, row->title, *tag, number_of, builder);
	segment_builder_terms(builder, n.list, n.count, WEIGHT_TITLE, SEGMENT_NEXT);
	n = terms_numbers(terms, row->text, *tag, number_of, builder);
	segment_builder_terms(builder, n.list, n.count, WEIGHT_TEXT, SEGMENT_APART);
	segment_builder_length(builder, n.places);
	/* The rows of a document have the same head. */
	if (!segment_builder_again(builder, row->head, WEIGHT_HEAD)) {
		n = terms_numbers(terms, row->head, *tag, number_of, builder);
		segment_builder_terms(builder, n.list, n.count, WEIGHT_HEAD, SEGMENT_NOWHERE);
	}
	return 0;
}

/* ---- scoring ---- */

static uint32_t rows_of(const struct lexical_view *view)
{
	size_t last = view->count - 1;

	return view->count > 0 ? view->first[last] + segment_rows(view->segments[last]) : 0;
}

/* What the length of a row adds to a frequency, in quarters: flat + slope x length. */
struct norm {
	float flat, slope;
};

static struct norm norm_of(const struct lexical_view *view)
{
	uint64_t words = 0, rows = 0;

	for (size_t i = 0; i < view->count; i++) {
		words += segment_words(view->segments[i]);
		rows += segment_rows(view->segments[i]);
	}
	return (struct norm){ .flat = WEIGHT_TEXT * k1 * (1 - b),
			      .slope = WEIGHT_TEXT * k1 * b * (float)rows /
				       (float)(words > 0 ? words : 1) };
}

/* The frequencies of count rows, dampened, go to their scores. */
static void add_scores(const struct segment *segment, const uint32_t *rows, const float *times,
		       size_t count, float factor, struct norm norm, float *scores)
{
	float parts[SEGMENT_BLOCK];

	segment_lengths(segment, rows, count, parts);
	for (size_t i = 0; i < count; i++)
		parts[i] = factor * times[i] / (times[i] + norm.flat + norm.slope * parts[i]);
	for (size_t i = 0; i < count; i++)
		scores[rows[i]] += parts[i];
}

static void score_word(const struct segment *segment, uint32_t id, float factor, struct norm norm,
		       float *scores)
{
	struct postings p;
	float times[SEGMENT_BLOCK];

	postings_open(segment, id, &p);
	while (postings_next(&p)) {
		for (size_t i = 0; i < p.count; i++)
			times[i] = (float)(int32_t)p.weights[i];
		add_scores(segment, p.rows, times, p.count, factor, norm, scores);
	}
}

/* Of a word that is only alike, in quarters: it does not become the question's by standing there often. */
static const float alike_times_max = 16;

/* Adds what the term counts to times; the rows that had none go behind the count in touched. */
static size_t add_times(const struct segment *segment, uint32_t id, float weight, float *times,
			uint32_t *touched, size_t count)
{
	const float most = weight < 1 ? alike_times_max : (float)SEGMENT_WEIGHT_MAX;
	struct postings p;

	postings_open(segment, id, &p);
	while (postings_next(&p))
		for (size_t i = 0; i < p.count; i++) {
			uint32_t row = p.rows[i];

			touched[count] = row;
			count += times[row] == 0;
			times[row] += weight * fminf((float)(int32_t)p.weights[i], most);
		}
	return count;
}

/* A word and those alike are one term: its forms add up before the frequency is dampened. */
static void score_forms(struct lexical_scratch *s, const struct segment *segment,
			const uint32_t *ids, const struct wanted *word, float factor,
			struct norm norm, float *scores)
{
	const struct question *q = &s->question;
	size_t count = 0;
	float times[SEGMENT_BLOCK];

	for (size_t j = 0; j < word->form_count; j++) {
		size_t form = j == 0 ? (size_t)(word - q->wanted) : word->forms + j - 1;

		if (ids[form] != NOT_THERE)
			count = add_times(segment, ids[form], q->wanted[form].weight, s->times,
					  s->touched, count);
	}
	for (size_t at = 0; at < count; at += SEGMENT_BLOCK) {
		size_t block = count - at < SEGMENT_BLOCK ? count - at : SEGMENT_BLOCK;

		for (size_t i = 0; i < block; i++) {
			times[i] = s->times[s->touched[at + i]];
			s->times[s->touched[at + i]] = 0;
		}
		add_scores(segment, s->touched + at, times, block, factor, norm, scores);
	}
}

static void score(struct lexical_scratch *s, const struct lexical_view *view, struct norm norm)
{
	const struct question *q = &s->question;

	for (size_t i = 0; i < view->count; i++)
		for (size_t j = 0; j < q->word_count; j++) {
			const struct segment *segment = view->segments[i];
			const uint32_t *ids = q->ids + i * q->count;
			const struct wanted *word = &q->wanted[j];
			float factor = word->times * word->idf * (k1 + 1),
			      *scores = s->scores + view->first[i];

			if (word->form_count > 1)
				score_forms(s, segment, ids, word, factor, norm, scores);
			else if (ids[j] != NOT_THERE)
				score_word(segment, ids[j], factor, norm, scores);
		}
}

/* ---- the best ---- */

static bool is_worse(struct lexical_hit x, struct lexical_hit y)
{
	return x.score < y.score || (x.score == y.score && x.row > y.row);
}

/* A heap with the worst on top: replaces it. */
static void replace_worst(struct lexical_hit *heap, size_t count, struct lexical_hit one)
{
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < count && is_worse(heap[child + 1], heap[child]))
			child++;
		if (child >= count || !is_worse(heap[child], one))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = one;
}

static void push(struct lexical_hit *heap, size_t *count, struct lexical_hit one)
{
	size_t at = (*count)++;

	for (; at > 0 && is_worse(one, heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = one;
}

static bool has_bit(const uint64_t *bits, uint32_t row)
{
	return bits[row / 64] >> (row % 64) & 1;
}

static int compare_hits(const void *x, const void *y)
{
	const struct lexical_hit *a = x, *c = y;

	return is_worse(*a, *c) ? 1 : is_worse(*c, *a) ? -1 : 0;
}

static bool is_found(const struct lexical_view *view, uint32_t row)
{
	return !(view->dead && has_bit(view->dead, row)) &&
	       !(view->only && !has_bit(view->only, row));
}

/* Whether any of GROUP scores is above the bar: mostly none is, and that is soon seen. */
enum { GROUP = 16 };
static bool has_better(const float *scores, float bar)
{
	int better = 0;

	for (size_t i = 0; i < GROUP; i++)
		better |= scores[i] > bar;
	return better;
}

/* Unsorted; the scores are 0 again afterwards. */
static size_t take_best(struct lexical_scratch *s, const struct lexical_view *view, uint32_t rows,
			size_t max)
{
	size_t count = 0;
	float bar = 0; /* what is not above it cannot be among the best */

	for (uint32_t row = 0; row < rows; row++) {
		struct lexical_hit one = { .row = row };

		if (row % GROUP == 0 && !has_better(s->scores + row, bar)) {
			row += GROUP - 1;
			continue;
		}
		one.score = s->scores[row];
		if (one.score <= bar || !is_found(view, row))
			continue;
		if (count < max)
			push(s->best, &count, one);
		else
			replace_worst(s->best, count, one);
		if (count == max)
			bar = s->best[0].score;
	}
	memset(s->scores, 0, rows * sizeof(*s->scores));
	return count;
}

/* ---- neighbours ---- */

/* Which word an id is, for the words of one segment. */
struct id_table {
	uint64_t hint; /* bit id % 64 of each */
	uint32_t ids[ID_SLOTS];
	uint16_t words[ID_SLOTS];
};

static size_t id_slot(const struct id_table *t, uint32_t id)
{
	size_t at = id * UINT32_C(0x9e3779b1) >> 16 & (ID_SLOTS - 1);

	while (t->ids[at] != NOT_THERE && t->ids[at] != id)
		at = (at + 1) & (ID_SLOTS - 1);
	return at;
}

static void table_fill(struct id_table *t, const struct question *q, size_t segment)
{
	memset(t->ids, 0xff, sizeof(t->ids));
	t->hint = 0;
	for (size_t i = 0; i < q->word_count; i++) {
		uint32_t id = q->ids[segment * q->count + i];
		size_t at = id != NOT_THERE ? id_slot(t, id) : 0;

		if (id == NOT_THERE)
			continue;
		t->hint |= UINT64_C(1) << (id % 64);
		t->ids[at] = id;
		t->words[at] = (uint16_t)i;
	}
}

static float score_pairs(const struct question *q, const struct segment *segment,
			 const struct id_table *t, uint32_t row, struct norm norm)
{
	uint32_t last[LEXICAL_WORDS_MAX];
	float counts[PAIRS_MAX] = { 0 };
	float length = (float)segment_length(segment, row), sum = 0;
	struct places p;

	memset(last, 0xff, sizeof(last));
	places_open(segment, row, &p);
	while (places_next(&p)) {
		uint16_t word;
		size_t at;

		if (!(t->hint >> (p.id % 64) & 1))
			continue;
		at = id_slot(t, p.id);
		if (t->ids[at] == NOT_THERE)
			continue;
		word = t->words[at];
		for (size_t i = 0; i < q->pair_count; i++) {
			const struct pair *pair = &q->pairs[i];

			if (pair->second == word && last[pair->first] != UINT32_MAX &&
			    p.place - last[pair->first] <= pair->reach &&
			    p.place != last[pair->first])
				counts[i] += WEIGHT_TEXT;
		}
		last[word] = p.place;
	}
	for (size_t i = 0; i < q->pair_count; i++)
		if (counts[i] > 0)
			sum += (q->wanted[q->pairs[i].first].idf +
				q->wanted[q->pairs[i].second].idf) *
			       counts[i] / (counts[i] + norm.flat + norm.slope * length);
	return pair_share * (k1 + 1) * sum;
}

static size_t segment_of(const struct lexical_view *view, uint32_t row)
{
	size_t i = 0;

	while (i + 1 < view->count && row >= view->first[i + 1])
		i++;
	return i;
}

static int compare_rows(const void *x, const void *y)
{
	const struct lexical_hit *a = x, *c = y;

	return (a->row > c->row) - (a->row < c->row);
}

enum { AHEAD = 4 }; /* rows whose memory is on its way meanwhile */

static void add_pairs(struct lexical_scratch *s, const struct lexical_view *view, struct norm norm,
		      size_t count)
{
	struct id_table table = { 0 };
	size_t filled = SIZE_MAX;

	qsort(s->best, count, sizeof(*s->best), compare_rows);
	for (size_t i = 0; i < count; i++) {
		size_t segment = segment_of(view, s->best[i].row);

		if (segment != filled)
			table_fill(&table, &s->question, segment);
		filled = segment;
		if (i + AHEAD < count && segment_of(view, s->best[i + AHEAD].row) == segment)
			places_prefetch(view->segments[segment],
					s->best[i + AHEAD].row - view->first[segment]);
		s->best[i].score += score_pairs(&s->question, view->segments[segment], &table,
						s->best[i].row - view->first[segment], norm);
	}
}

static void make_room(struct lexical_scratch *s, size_t rows, size_t best)
{
	if (rows + GROUP > s->row_room) {
		mem_free(s->scores);
		mem_free(s->times);
		mem_free(s->touched);
		s->row_room = rows + rows / 4 + GROUP;
		s->scores = mem_calloc(s->row_room, sizeof(*s->scores));
		s->times = mem_calloc(s->row_room, sizeof(*s->times));
		s->touched = mem_calloc(s->row_room + 1, sizeof(*s->touched));
	}
	if (best > s->best_room) {
		s->best_room = best;
		s->best = mem_realloc(s->best, best * sizeof(*s->best));
	}
}

size_t lexical_search(const struct lexical_view *view, struct span question,
		      struct lexical_scratch *s, struct lexical_hit *hits, size_t max)
{
	uint32_t rows = rows_of(view);
	size_t room = max > LEXICAL_DEEP ? max : LEXICAL_DEEP, count;
	struct norm norm = norm_of(view);

	make_room(s, rows, room);
	question_read(&s->question, s->terms, &s->counts, view, question);
	score(s, view, norm);
	count = take_best(s, view, rows, room);
	qsort(s->best, count, sizeof(*s->best), compare_hits);
	if (s->question.pair_count > 0) {
		size_t deep = count < LEXICAL_DEEP ? count : LEXICAL_DEEP;

		add_pairs(s, view, norm, deep);
		qsort(s->best, deep, sizeof(*s->best), compare_hits);
	}
	count = count < max ? count : max;
	if (count > 0)
		memcpy(hits, s->best, count * sizeof(*hits));
	return count;
}

void lexical_look(const struct lexical_view *view, struct span question, struct lexical_scratch *s)
{
	question_read(&s->question, s->terms, &s->counts, view, question);
}

float lexical_highest(const struct lexical_scratch *s)
{
	float sum = 0;

	for (size_t i = 0; i < s->question.word_count; i++) {
		const struct wanted *w = &s->question.wanted[i];

		sum += w->times * w->idf * (k1 + 1) * (w->is_gram && w->rows == 0 ? across_words : 1);
	}
	return sum;
}

bool lexical_is_telling(const struct lexical_scratch *s)
{
	return s->question.is_telling;
}

/* Of the word that it is, or is like. */
static float idf_of_form(const struct question *q, size_t form)
{
	for (size_t i = 0; i < q->word_count; i++) {
		const struct wanted *w = &q->wanted[i];

		if (form == i || (form >= w->forms && form + 1 < (size_t)w->forms + w->form_count))
			return w->idf;
	}
	return 0;
}

size_t lexical_matches(const struct lexical_view *view, uint32_t row,
		       const struct lexical_scratch *s, struct lexical_match *found, size_t max)
{
	const struct question *q = &s->question;
	size_t segment = segment_of(view, row), count = 0;
	bool seen[WANTED_MAX] = { false };
	struct places p;

	if (view->count == 0 || q->segment_count != view->count)
		return 0;
	places_open(view->segments[segment], row - view->first[segment], &p);
	while (count < max && places_next(&p))
		for (size_t i = 0; i < q->count && count < max; i++) {
			const struct wanted *w = &q->wanted[i];

			if (seen[i] || q->ids[segment * q->count + i] != p.id)
				continue;
			seen[i] = true;
			found[count++] =
				(struct lexical_match){ .term = span_of(w->text, w->len),
							.weight = w->weight,
							.worth = w->weight * idf_of_form(q, i) };
		}
	return count;
}
