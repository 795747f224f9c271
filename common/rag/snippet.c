/* common/rag/snippet.c - a window over the places of the words that were found. */
#include "common/rag/snippet.h"

#include "common/base/utf8.h"
#include "common/text/sentence.h"

enum { PLACES_MAX = 512, MATCHES_MAX = 256 };

/* Where a match stands. */
struct place {
	size_t start, end;
	uint16_t match;
};

struct search {
	struct span text;
	const struct lexical_match *matches;
	size_t match_count;
	struct place places[PLACES_MAX];
	size_t count;
};

static void note_place(void *data, const struct term *term)
{
	struct search *s = data;
	size_t start = (size_t)(term->source.ptr - s->text.ptr);

	for (size_t i = 0; i < s->match_count && s->count < PLACES_MAX; i++)
		if (span_equal(term->text, s->matches[i].term)) {
			s->places[s->count++] = (struct place){ .start = start,
								.end = start + term->source.len,
								.match = (uint16_t)i };
			return;
		}
}

/*
 * What the places from first on are worth that end within SNIPPET_BYTES of its start; *end: of the
 * last that adds to it.
 */
static float worth_from(const struct search *s, size_t first, size_t *end)
{
	bool seen[MATCHES_MAX] = { false };
	size_t start = s->places[first].start;
	float worth = 0;

	*end = s->places[first].end;
	for (size_t i = first; i < s->count && s->places[i].end <= start + SNIPPET_BYTES; i++) {
		if (seen[s->places[i].match])
			continue;
		seen[s->places[i].match] = true;
		worth += s->matches[s->places[i].match].worth;
		if (s->places[i].end > *end)
			*end = s->places[i].end;
	}
	return worth;
}

/* The first place from at on, before limit, where a word may begin; at when there is none. */
static size_t word_start(struct span text, size_t at, size_t limit)
{
	if (at == 0 || char_is_white(text.ptr[at - 1]))
		return at;
	for (size_t i = at; i < limit; i++)
		if (char_is_white(text.ptr[i]))
			return i + 1;
	while (at < limit && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
		at++;
	return at;
}

/* The last place up to at, after limit, where a word may end. */
static size_t word_end(struct span text, size_t at, size_t limit)
{
	if (at >= text.len || char_is_white(text.ptr[at]))
		return at < text.len ? at : text.len;
	for (size_t i = at; i > limit; i--)
		if (char_is_white(text.ptr[i - 1]))
			return i - 1;
	while (at > limit && ((unsigned char)text.ptr[at] & 0xc0) == 0x80)
		at--;
	return at;
}

/* start..end and what stands around it, a third of the room before and the rest behind. */
static struct span widen(struct span text, size_t start, size_t end)
{
	size_t room = SNIPPET_BYTES > end - start ? SNIPPET_BYTES - (end - start) : 0;
	size_t before = room / 3 < start ? room / 3 : start, from, to;

	if (text.len - end < room - before)
		before = room - (text.len - end) < start ? room - (text.len - end) : start;
	from = word_start(text, start - before, start);
	to = from + SNIPPET_BYTES < text.len ? from + SNIPPET_BYTES : text.len;
	to = word_end(text, to > end ? to : end, end);
	while (from < to && char_is_white(text.ptr[from]))
		from++;
	while (to > from && char_is_white(text.ptr[to - 1]))
		to--;
	return span_of(text.ptr + from, to - from);
}

/* Places that touch or overlap (parts of an identifier, grams) are one mark. */
static void add_mark(struct snippet *out, size_t start, size_t end)
{
	struct snippet_mark *last = out->mark_count > 0 ? &out->marks[out->mark_count - 1] : NULL;

	if (last && start <= last->end) {
		last->end = end > last->end ? end : last->end;
		return;
	}
	if (out->mark_count < SNIPPET_MARKS_MAX)
		out->marks[out->mark_count++] = (struct snippet_mark){ start, end };
}

/* ---- the sentence ---- */

/* What the places between two bytes are worth, each match once. */
static float worth_between(const struct search *s, size_t start, size_t end)
{
	bool seen[MATCHES_MAX] = { false };
	float worth = 0;

	for (size_t i = 0; i < s->count; i++) {
		uint16_t match = s->places[i].match;

		if (seen[match] || s->places[i].start < start || s->places[i].end > end)
			continue;
		seen[match] = true;
		worth += s->matches[match].worth;
	}
	return worth;
}

static bool next_line(struct span *rest, struct span *out)
{
	while (rest->len > 0) {
		*out = span_strip(span_cut(rest, '\n'));
		if (out->len > 0)
			return true;
	}
	return false;
}

/* Of the sentences that begin or end in from..to the one with most of what is shown of it. */
static struct span best_sentence(const struct search *s, size_t from, size_t to, bool by_line)
{
	struct sentences sentences;
	struct sentence one = { .text = SPAN_NONE };
	struct span lines = s->text, best = SPAN_NONE;
	float most = 0;

	sentences_start(&sentences, s->text);
	while (by_line ? next_line(&lines, &one.text) : sentences_next(&sentences, &one)) {
		size_t start = (size_t)(one.text.ptr - s->text.ptr), end = start + one.text.len;
		float worth;

		if (start >= to)
			break;
		worth = end > from ? worth_between(s, start > from ? start : from, end < to ? end : to)
				   : 0;
		if (worth > most) {
			most = worth;
			best = one.text;
		}
	}
	return best;
}

/* Where no sentence has a match: the line of the first one that is shown (a heading), or of the
 * snippet's beginning. */
static struct span best_line(const struct search *s, size_t from, size_t to)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->places[i].start >= from && s->places[i].end <= to)
			return span_strip(span_line_at(s->text, s->places[i].start));
	return span_strip(span_line_at(s->text, from));
}

/* ---- the whole ---- */

/* Of all windows the best: its first and last byte. */
static void find_window(const struct search *s, size_t *start, size_t *end)
{
	float best = 0;

	*start = *end = 0;
	for (size_t i = 0; i < s->count; i++) {
		size_t last;
		float worth = worth_from(s, i, &last);

		if (worth < best || (worth <= best && last - s->places[i].start >= *end - *start))
			continue;
		best = worth;
		*start = s->places[i].start;
		*end = last;
	}
}

void snippet_make(struct terms *t, struct span text, const struct lexical_match *matches,
		  size_t count, bool by_line, struct snippet *out)
{
	struct search s = { .text = text,
			    .matches = matches,
			    .match_count = count < MATCHES_MAX ? count : MATCHES_MAX };
	size_t start, end, from;

	terms_each(t, text, note_place, &s);
	find_window(&s, &start, &end);
	out->mark_count = 0;
	out->text = widen(text, start, end);
	from = (size_t)(out->text.ptr - text.ptr);
	for (size_t i = 0; i < s.count; i++)
		if (s.places[i].start >= from && s.places[i].end <= from + out->text.len)
			add_mark(out, s.places[i].start - from, s.places[i].end - from);
	out->sentence = best_sentence(&s, from, from + out->text.len, by_line);
	if (out->sentence.len == 0)
		out->sentence = best_line(&s, from, from + out->text.len);
}
