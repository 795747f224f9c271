/* common/rag/lexical_question.c - what a question asks for, and what the index has of it. */
#include "common/rag/lexical_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/letters.h"

#include <math.h>

static const float alike_min = 0.5f, alike_weight = 0.5f;

struct said {
	uint16_t word;
	uint32_t place;
};

struct reading {
	struct question *q;
	bool with_stops, has_marks;
	uint32_t place; /* of the last term; UINT32_MAX before the first */
	struct said said[2 * LEXICAL_WORDS_MAX];
	size_t said_count;
};

static struct span text_of(const struct wanted *w)
{
	return span_of(w->text, w->len);
}

/* Among those from..count; count when it is not there. */
static size_t find(const struct question *q, size_t from, size_t count, struct span text)
{
	for (size_t i = from; i < count; i++)
		if (span_equal(text_of(&q->wanted[i]), text))
			return i;
	return count;
}

static struct wanted *add(struct question *q, struct span text, float weight)
{
	struct wanted *w = &q->wanted[q->count++];

	*w = (struct wanted){ .len = (uint8_t)text.len, .weight = weight, .form_count = 1 };
	memcpy(w->text, text.ptr, text.len);
	return w;
}

static bool has_marks(struct span text)
{
	while (text.len > 0) {
		size_t len;
		uint32_t c = utf8_next(text, &len);

		if (letter_fold(c) != c)
			return true;
		text = span_from(text, len);
	}
	return false;
}

static void take_term(void *data, const struct term *term)
{
	struct reading *r = data;
	struct question *q = r->q;
	size_t word;

	r->place += !term->is_beside;
	r->has_marks = r->has_marks || has_marks(term->text);
	if (term->is_stop && !r->with_stops)
		return;
	word = find(q, 0, q->count, term->text);
	if (word == q->count) {
		if (q->count == LEXICAL_WORDS_MAX)
			return;
		add(q, term->text, 1)->is_gram = term->is_gram;
	}
	q->wanted[word].times += 1;
	if (r->said_count < sizeof(r->said) / sizeof(r->said[0]))
		r->said[r->said_count++] =
			(struct said){ .word = (uint16_t)word, .place = r->place };
}

static void add_pair(struct question *q, uint16_t first, uint16_t second, uint32_t reach)
{
	if (first == second || q->pair_count == PAIRS_MAX)
		return;
	for (size_t i = 0; i < q->pair_count; i++)
		if (q->pairs[i].first == first && q->pairs[i].second == second)
			return;
	q->pairs[q->pair_count++] =
		(struct pair){ .first = first, .second = second, .reach = reach };
}

/* Each term with those at the nearest place before its own. */
static void find_pairs(struct reading *r)
{
	for (size_t i = 1; i < r->said_count; i++) {
		const struct said *second = &r->said[i];
		size_t j = i;

		while (j > 0 && r->said[j - 1].place == second->place)
			j--;
		if (j == 0 || second->place - r->said[j - 1].place > PAIR_REACH)
			continue;
		for (uint32_t place = r->said[j - 1].place; j > 0 && r->said[j - 1].place == place;
		     j--)
			add_pair(r->q, r->said[j - 1].word, second->word, second->place - place);
	}
}

/* Whether there are letters with marks: who writes some means them, who writes none may have left
 * them out. */
static bool read_words(struct question *q, struct terms *terms, struct span text)
{
	struct reading r = { .q = q, .place = UINT32_MAX };

	q->count = q->pair_count = 0;
	terms_each(terms, text, take_term, &r);
	q->is_telling = q->count > 0;
	if (!q->is_telling) {
		r = (struct reading){ .q = q, .place = UINT32_MAX, .with_stops = true };
		terms_each(terms, text, take_term, &r);
	}
	q->word_count = q->count;
	find_pairs(&r);
	return r.has_marks;
}

/* Insertion sort: the best first, more than ALIKE_MAX fall off. */
static void keep_alike(struct wanted *kept, size_t *count, const struct wanted *one)
{
	size_t at;

	if (*count == ALIKE_MAX && one->weight <= kept[ALIKE_MAX - 1].weight)
		return;
	*count += *count < ALIKE_MAX;
	for (at = *count - 1; at > 0 && kept[at - 1].weight < one->weight; at--)
		kept[at] = kept[at - 1];
	kept[at] = *one;
}

static bool has(const struct wanted *list, size_t count, struct span text)
{
	for (size_t i = 0; i < count; i++)
		if (span_equal(text_of(&list[i]), text))
			return true;
	return false;
}

/* Words of the question are left to themselves. */
static void add_alike(struct question *q, size_t word, const struct lexical_view *view,
		      struct segment_counts *counts, bool folded)
{
	struct segment_alike found[ALIKE_MAX];
	struct wanted kept[ALIKE_MAX];
	size_t kept_count = 0;

	for (size_t i = 0; i < view->count; i++) {
		size_t count = segment_alike(view->segments[i], text_of(&q->wanted[word]),
					     alike_min, folded, counts, found, ALIKE_MAX);

		for (size_t j = 0; j < count; j++) {
			struct wanted one = { .weight = alike_weight * found[j].dice *
							found[j].dice };

			one.len = (uint8_t)segment_term_text(view->segments[i], found[j].term.id,
							     one.text);
			if (find(q, 0, q->word_count, text_of(&one)) == q->word_count &&
			    !has(kept, kept_count, text_of(&one)))
				keep_alike(kept, &kept_count, &one);
		}
	}
	q->wanted[word].forms = (uint16_t)q->count;
	q->wanted[word].form_count = (uint16_t)(1 + kept_count);
	for (size_t i = 0; i < kept_count; i++)
		add(q, text_of(&kept[i]), kept[i].weight);
}

/* A word that no row has is as rare as those alike. */
static float idf_of(const struct question *q, const struct wanted *word, float all)
{
	float rows = (float)word->rows;

	for (size_t i = 0; word->rows == 0 && i + 1 < word->form_count; i++)
		rows += q->wanted[word->forms + i].weight * (float)q->wanted[word->forms + i].rows;
	rows = fminf(rows, all);
	return logf(1 + (all - rows + 0.5f) / (rows + 0.5f));
}

static void look_up(struct question *q, const struct lexical_view *view)
{
	size_t needed = q->count * view->count;
	uint64_t all = 0;

	q->segment_count = view->count;
	if (needed > q->id_room) {
		q->id_room = needed * 2;
		q->ids = mem_realloc(q->ids, q->id_room * sizeof(*q->ids));
	}
	for (size_t i = 0; i < view->count; i++) {
		all += segment_rows(view->segments[i]);
		for (size_t j = 0; j < q->count; j++) {
			struct segment_term term;
			bool is_there =
				segment_find(view->segments[i], text_of(&q->wanted[j]), &term);

			q->ids[i * q->count + j] = is_there ? term.id : NOT_THERE;
			q->wanted[j].rows += is_there ? term.rows : 0;
		}
	}
	for (size_t j = 0; j < q->word_count; j++)
		q->wanted[j].idf = idf_of(q, &q->wanted[j], (float)all);
}

void question_read(struct question *q, struct terms *terms, struct segment_counts *counts,
		   const struct lexical_view *view, struct span text)
{
	bool folded = !read_words(q, terms, text);

	for (size_t i = 0; i < q->word_count; i++)
		if (!q->wanted[i].is_gram)
			add_alike(q, i, view, counts, folded);
	look_up(q, view);
}

void question_free(struct question *q)
{
	mem_free(q->ids);
}
