/* common/upstream/extract_score.c - how well a sentence answers, or stands for its text. */
#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/letters.h"
#include "common/text/words.h"
#include "common/upstream/extract_inside.h"

#include <math.h>
#include <string.h>

enum { QUESTION_MAX = 4096 };

/* What a sentence may hold that a kind of question asks for. */
enum trait { HAS_DIGIT = 1, HAS_TIME = 2, HAS_NAME = 4, HAS_CAUSE = 8, HAS_MEANS = 16 };

struct cue {
	const char *phrase;
	unsigned traits;
};

/* In lower case, tried in this order; the first found decides. */
static const struct cue cues[] = {
	{ "how many", HAS_DIGIT },	{ "how much", HAS_DIGIT },   { "how long", HAS_DIGIT | HAS_TIME },
	{ "how often", HAS_DIGIT | HAS_TIME }, { "how old", HAS_DIGIT }, { "how far", HAS_DIGIT },
	{ "what time", HAS_TIME },	{ "which year", HAS_DIGIT },  { "which port", HAS_DIGIT },
	{ "deadline", HAS_TIME },	{ "when", HAS_TIME },	     { "who", HAS_NAME },
	{ "whom", HAS_NAME },		{ "where", HAS_NAME },	     { "why", HAS_CAUSE },
	{ "how", HAS_MEANS },
	{ "wie viele", HAS_DIGIT },	{ "wie viel", HAS_DIGIT },   { "wieviel", HAS_DIGIT },
	{ "wie lange", HAS_DIGIT | HAS_TIME }, { "wie oft", HAS_DIGIT | HAS_TIME },
	{ "wie hoch", HAS_DIGIT },	{ "wie alt", HAS_DIGIT },    { "wie weit", HAS_DIGIT },
	{ "wann", HAS_TIME },		{ "wer", HAS_NAME },	     { "wem", HAS_NAME },
	{ "wen", HAS_NAME },		{ "wo", HAS_NAME },	     { "warum", HAS_CAUSE },
	{ "weshalb", HAS_CAUSE },	{ "wieso", HAS_CAUSE },	     { "wie", HAS_MEANS },
	{ "多少", HAS_DIGIT },		       /* how many */
	{ "多久", HAS_DIGIT | HAS_TIME },	       /* how long */
	{ "多长", HAS_DIGIT | HAS_TIME },	       /* how long */
	{ "什么时候", HAS_TIME }, /* when */
	{ "何时", HAS_TIME },		       /* when */
	{ "几", HAS_DIGIT },				       /* how many */
	{ "为什么", HAS_CAUSE },	       /* why */
	{ "为何", HAS_CAUSE },		       /* why */
};

/* What gives a trait away. */
static const struct cue signs[] = {
	{ "day", HAS_TIME }, { "days", HAS_TIME }, { "week", HAS_TIME }, { "weeks", HAS_TIME },
	{ "month", HAS_TIME }, { "months", HAS_TIME }, { "year", HAS_TIME }, { "years", HAS_TIME },
	{ "hour", HAS_TIME }, { "hours", HAS_TIME }, { "minutes", HAS_TIME }, { "seconds", HAS_TIME },
	{ "monday", HAS_TIME }, { "tuesday", HAS_TIME }, { "wednesday", HAS_TIME },
	{ "thursday", HAS_TIME }, { "friday", HAS_TIME }, { "saturday", HAS_TIME },
	{ "sunday", HAS_TIME }, { "january", HAS_TIME }, { "february", HAS_TIME },
	{ "march", HAS_TIME }, { "april", HAS_TIME }, { "june", HAS_TIME }, { "july", HAS_TIME },
	{ "august", HAS_TIME }, { "september", HAS_TIME }, { "october", HAS_TIME },
	{ "november", HAS_TIME }, { "december", HAS_TIME }, { "daily", HAS_TIME },
	{ "weekly", HAS_TIME }, { "monthly", HAS_TIME }, { "midnight", HAS_TIME },
	{ "noon", HAS_TIME }, { "evening", HAS_TIME }, { "morning", HAS_TIME }, { "night", HAS_TIME },
	{ "tag", HAS_TIME }, { "tage", HAS_TIME }, { "tagen", HAS_TIME }, { "woche", HAS_TIME },
	{ "wochen", HAS_TIME }, { "monat", HAS_TIME }, { "monate", HAS_TIME },
	{ "monaten", HAS_TIME }, { "jahr", HAS_TIME }, { "jahre", HAS_TIME }, { "jahren", HAS_TIME },
	{ "stunden", HAS_TIME }, { "uhr", HAS_TIME }, { "montag", HAS_TIME }, { "dienstag", HAS_TIME },
	{ "mittwoch", HAS_TIME }, { "donnerstag", HAS_TIME }, { "freitag", HAS_TIME },
	{ "samstag", HAS_TIME }, { "sonntag", HAS_TIME }, { "januar", HAS_TIME },
	{ "februar", HAS_TIME }, { "märz", HAS_TIME }, { "mai", HAS_TIME },
	{ "juni", HAS_TIME }, { "juli", HAS_TIME }, { "oktober", HAS_TIME },
	{ "dezember", HAS_TIME }, { "nacht", HAS_TIME }, { "morgens", HAS_TIME },
	{ "because", HAS_CAUSE }, { "since", HAS_CAUSE }, { "therefore", HAS_CAUSE },
	{ "caused", HAS_CAUSE }, { "cause", HAS_CAUSE }, { "reason", HAS_CAUSE }, { "due", HAS_CAUSE },
	{ "weil", HAS_CAUSE }, { "da", HAS_CAUSE }, { "denn", HAS_CAUSE }, { "deshalb", HAS_CAUSE },
	{ "daher", HAS_CAUSE }, { "grund", HAS_CAUSE }, { "wegen", HAS_CAUSE },
	{ "ursache", HAS_CAUSE }, { "aufgrund", HAS_CAUSE },
	{ "by", HAS_MEANS }, { "using", HAS_MEANS }, { "via", HAS_MEANS }, { "run", HAS_MEANS },
	{ "first", HAS_MEANS }, { "then", HAS_MEANS }, { "indem", HAS_MEANS }, { "durch", HAS_MEANS },
	{ "mittels", HAS_MEANS }, { "mit", HAS_MEANS }, { "one", HAS_DIGIT }, { "two", HAS_DIGIT },
	{ "three", HAS_DIGIT }, { "four", HAS_DIGIT }, { "five", HAS_DIGIT }, { "six", HAS_DIGIT },
	{ "seven", HAS_DIGIT }, { "eight", HAS_DIGIT }, { "nine", HAS_DIGIT }, { "ten", HAS_DIGIT },
	{ "twelve", HAS_DIGIT }, { "zwei", HAS_DIGIT }, { "drei", HAS_DIGIT }, { "vier", HAS_DIGIT },
	{ "fünf", HAS_DIGIT }, { "sechs", HAS_DIGIT }, { "sieben", HAS_DIGIT },
	{ "acht", HAS_DIGIT }, { "neun", HAS_DIGIT }, { "zehn", HAS_DIGIT }, { "zwölf", HAS_DIGIT },
};

/* Dense scripts have no words to look up: characters that give a trait away. */
static const struct cue dense_signs[] = {
	{ "年", HAS_TIME }, { "月", HAS_TIME }, { "日", HAS_TIME },
	{ "天", HAS_TIME }, { "点", HAS_TIME }, { "周", HAS_TIME },
	{ "小时", HAS_TIME }, { "因为", HAS_CAUSE },
	{ "原因", HAS_CAUSE }, { "由于", HAS_CAUSE },
	{ "因此", HAS_CAUSE }, { "一", HAS_DIGIT },
	{ "二", HAS_DIGIT }, { "两", HAS_DIGIT }, { "三", HAS_DIGIT },
	{ "四", HAS_DIGIT }, { "五", HAS_DIGIT }, { "十", HAS_DIGIT },
	{ "百", HAS_DIGIT },
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* phrase stands in text, as whole words where it is of letters with words. */
static bool holds_phrase(struct span text, const char *phrase)
{
	struct span needle = span_str(phrase);
	bool whole = (unsigned char)phrase[0] < 0x80;
	size_t from = 0;
	ptrdiff_t at;

	while ((at = span_find(span_from(text, from), needle)) >= 0) {
		size_t start = from + (size_t)at, end = start + needle.len;

		if (!whole || ((start == 0 || !is_letter(text.ptr[start - 1])) &&
			       (end == text.len || !is_letter(text.ptr[end]))))
			return true;
		from = start + 1;
	}
	return false;
}

static unsigned traits_wanted(struct span question)
{
	unsigned wanted = 0;
	struct buf small;

	buf_init(&small, QUESTION_MAX);
	for (size_t i = 0; i < question.len && i < QUESTION_MAX; i++) {
		char c = question.ptr[i];

		buf_add_char(&small, (char)(c >= 'A' && c <= 'Z' ? c + 32 : c));
	}
	for (size_t i = 0; i < ARRAY_LEN(cues) && !wanted; i++)
		if (holds_phrase(buf_span(&small), cues[i].phrase))
			wanted = cues[i].traits;
	buf_free(&small);
	return wanted;
}

/* A capital or digit after a blank, not at the start: a name, in languages that write so. */
static unsigned traits_of_shape(struct span s)
{
	unsigned traits = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] >= '0' && s.ptr[i] <= '9')
			traits |= HAS_DIGIT | HAS_TIME;
		if (i > 0 && s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' && s.ptr[i - 1] == ' ')
			traits |= HAS_NAME;
	}
	for (size_t i = 0; i < ARRAY_LEN(dense_signs); i++)
		if (span_find(s, span_str(dense_signs[i].phrase)) >= 0)
			traits |= dense_signs[i].traits;
	return traits;
}

static void add_term(void *data, const struct word *word)
{
	struct extraction *x = data;
	uint64_t hash = words_hash(word->text);
	struct span text;

	for (size_t i = 0; i < x->term_count; i++)
		if (x->terms[i].hash == hash)
			return;
	if (x->term_count == TERMS_MAX)
		return;
	text = arena_span(&x->arena, word->text);
	if (text.ptr)
		x->terms[x->term_count++] = (struct term){ .hash = hash, .text = text,
							   .is_stop = words_is_stop(word) };
}

/*
 * 1 for the same word; less when one begins like the other or contains it, which finds most
 * inflections and German compounds without knowing the language; else 0.
 */
static float likeness(const struct vocable *v, const struct term *t)
{
	struct span a = v->text, b = t->text;
	size_t longer = a.len > b.len ? a.len : b.len, shorter = a.len + b.len - longer, same = 0;
	size_t len;

	if (v->hash == t->hash)
		return 1;
	if (v->is_stop || t->is_stop || shorter < 3)
		return 0;
	/* "eats" and "eat" */
	if (shorter == 3)
		return longer == 4 && (a.len > b.len ? a : b).ptr[3] == 's' &&
				       !memcmp(a.ptr, b.ptr, shorter) ? 0.9f : 0;
	/* Half of a pair is no likeness. */
	if (letter_is_dense(utf8_next(a, &len)) || letter_is_dense(utf8_next(b, &len)))
		return 0;
	while (same < shorter && a.ptr[same] == b.ptr[same])
		same++;
	if (same >= 4 && 10 * same >= 6 * longer)
		return 0.9f * (float)same / (float)longer;
	if (shorter < 5)
		return 0;
	if (same == shorter || span_find(a.len > b.len ? a : b, a.len > b.len ? b : a) >= 0)
		return 0.3f + 0.4f * (float)shorter / (float)longer;
	return 0;
}

static void match_terms(struct extraction *x)
{
	for (size_t i = 0; i < x->vocable_count; i++) {
		struct vocable *v = &x->vocables[i];

		for (size_t t = 0; t < x->term_count; t++) {
			float like = likeness(v, &x->terms[t]);

			if (like > v->likeness) {
				v->likeness = like;
				v->term = (signed char)t;
			}
		}
		if (v->term >= 0)
			x->terms[v->term].df += (double)v->df * (double)v->likeness;
	}
}

static void weigh_terms(struct extraction *x)
{
	double pieces = (double)x->piece_count;

	for (size_t t = 0; t < x->term_count; t++) {
		struct term *term = &x->terms[t];

		term->weight = log(1 + pieces / (0.5 + term->df));
		if (term->is_stop)
			term->weight *= 0.03;
		x->term_total += term->weight;
	}
}

/* The weight of the question's words in the piece; neighbours there and here count extra. */
static double words_score(const struct extraction *x, const struct piece *piece, double *covered)
{
	float got[TERMS_MAX] = { 0 };
	double score = 0;
	int before = -2;

	*covered = 0;
	for (uint32_t k = 0; k < piece->count; k++) {
		const struct vocable *v = &x->vocables[x->tokens[piece->first + k]];

		if (v->term >= 0 && v->likeness > got[(int)v->term])
			got[(int)v->term] = v->likeness;
		if (v->term >= 0 && v->term == before + 1)
			score += 0.25 * x->terms[v->term].weight;
		before = v->term >= 0 ? v->term : -2;
	}
	for (size_t t = 0; t < x->term_count; t++) {
		score += (double)got[t] * x->terms[t].weight;
		if (!x->terms[t].is_stop && got[t] > 0)
			*covered += (double)got[t] * x->terms[t].weight;
	}
	return score;
}

struct heading_words {
	const struct extraction *x;
	double score;
};

static void add_heading_word(void *data, const struct word *word)
{
	struct heading_words *h = data;

	struct vocable v = { .hash = words_hash(word->text), .text = word->text, .is_stop = words_is_stop(word) };

	for (size_t t = 0; t < h->x->term_count && !v.is_stop; t++)
		h->score += (double)likeness(&v, &h->x->terms[t]) * h->x->terms[t].weight;
}

static bool ends_in_question(struct span s)
{
	return span_ends(s, "?") || span_ends(s, "？");
}

/* Sentences that point back say less alone: "It ...", "Er ...". */
static bool points_back(struct span s)
{
	static const char *const words[] = {
		"It ", "They ", "This ", "These ", "He ", "She ", "Es ", "Er ", "Sie ", "Dies", "Diese ",
		"That ", "它", "他", "她", "该", "这",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_starts(s, words[i]))
			return true;
	return false;
}

static unsigned traits_of(const struct extraction *x, const struct piece *piece,
			  const unsigned char *vocable_traits)
{
	unsigned traits = traits_of_shape(piece->s.text);

	for (uint32_t k = 0; k < piece->count; k++)
		traits |= vocable_traits[x->tokens[piece->first + k]];
	return traits;
}

static unsigned char *find_signs(const struct extraction *x)
{
	unsigned char *traits = mem_calloc(x->vocable_count + 1, 1);

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		uint64_t hash = words_hash(span_str(signs[i].phrase));

		for (size_t at = (size_t)hash & (x->slot_count - 1); x->slots[at];
		     at = (at + 1) & (x->slot_count - 1)) {
			size_t v = x->slots[at] - 1;

			if (x->vocables[v].hash == hash)
				traits[v] |= (unsigned char)signs[i].traits;
		}
	}
	return traits;
}

/* What the sentence before gives on: it was asked there, or this one points back to it. */
static double handed_on(const struct piece *before, const struct piece *piece, double base)
{
	if (!before || before->source != piece->source || piece->s.begins_paragraph)
		return 0;
	if (ends_in_question(before->s.text))
		return 0.7 * base;
	return points_back(piece->s.text) ? 0.35 * base : 0.1 * base;
}

/* The passages of a source, in its order: which of them the piece is of. */
struct passages {
	size_t source, rank;
	const char *label;
};

static size_t rank_of(struct passages *p, const struct piece *piece)
{
	const char *label = piece->s.label.ptr;

	if (piece->source != p->source)
		*p = (struct passages){ piece->source, 0, label };
	else if (label != p->label)
		p->rank += p->label != NULL;
	p->label = label;
	return p->rank;
}

bool extract_score_question(struct extraction *x)
{
	unsigned wanted = traits_wanted(x->request->question);
	double average = (double)x->token_count / (double)x->piece_count + 1, before_base = 0;
	struct span heading = SPAN_NONE;
	double heading_score = 0;
	struct passages passages = { SIZE_MAX, 0, NULL };
	unsigned char *vocable_traits;
	bool any = false;

	words_each(x->request->question, add_term, x);
	match_terms(x);
	weigh_terms(x);
	vocable_traits = find_signs(x);
	for (size_t i = 0; i < x->piece_count; i++) {
		struct piece *piece = &x->pieces[i];
		double covered, base = words_score(x, piece, &covered);

		if (piece->s.heading.ptr != heading.ptr) {
			struct heading_words h = { .x = x };

			heading = piece->s.heading;
			words_each(heading, add_heading_word, &h);
			heading_score = h.score;
		}
		any = any || covered > 0 || heading_score > 0;
		base += 0.35 * heading_score;
		if (x->term_total > 0)
			base *= 0.4 + covered / x->term_total;
		base /= 0.6 + 0.4 * (double)piece->count / average;
		piece->score = base + handed_on(i > 0 ? piece - 1 : NULL, piece, before_base);
		before_base = base;
		if (wanted && (traits_of(x, piece, vocable_traits) & wanted) == wanted)
			piece->score *= 1.4;
		if (ends_in_question(piece->s.text))
			piece->score *= 0.4;
		piece->score *= 1 + 0.05 / (1 + (double)piece->position);
		piece->score *= extract_rank_prior(rank_of(&passages, piece));
		piece->score *= x->request->sources[piece->source].prior;
	}
	mem_free(vocable_traits);
	return any;
}

/*
 * A sentence stands for its text when its words are frequent in it without being everybody's;
 * first sentences, and first ones of paragraphs, are a little better.
 */
void extract_score_summary(struct extraction *x)
{
	double pieces = (double)x->piece_count;

	for (size_t i = 0; i < x->piece_count; i++) {
		struct piece *piece = &x->pieces[i];
		double sum = 0, telling = 0;

		for (uint32_t k = 0; k < piece->count; k++) {
			const struct vocable *v = &x->vocables[x->tokens[piece->first + k]];

			if (v->is_stop)
				continue;
			telling++;
			sum += log(1 + (double)v->tf) * log(1 + pieces / (double)v->df);
		}
		/* Below six words a sentence is seldom one. */
		piece->score = telling > 0 ? sum / (telling + 6) : 0;
		piece->score *= 1 + 0.4 / (1 + (double)piece->position);
		if (piece->s.begins_paragraph)
			piece->score *= 1.2;
		if (ends_in_question(piece->s.text))
			piece->score *= 0.4;
		piece->score *= x->request->sources[piece->source].prior;
	}
}
