/* common/rag/segment_alike.c - terms that share trigrams. */
#include "common/rag/segment_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/letters.h"

#include <stdlib.h>

static bool is_number(struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		if ((word.ptr[i] < '0' || word.ptr[i] > '9') && word.ptr[i] != '_')
			return false;
	return true;
}

/* Three characters in 32 bits; 0 stands for either end of the word. */
static uint32_t hash_gram(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t h = (((uint64_t)a << 42) | ((uint64_t)b << 21) | c) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32);
}

static size_t sort_once(uint32_t *values, size_t count)
{
	size_t kept = 0;

	for (size_t i = 1; i < count; i++) {
		uint32_t value = values[i];
		size_t at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || values[i] != values[kept - 1])
			values[kept++] = values[i];
	return kept;
}

size_t segment_grams(struct span word, bool folded, uint32_t grams[GRAMS_MAX], bool *is_marked)
{
	uint32_t before = 0, last = 0;
	size_t len, count = 0;

	*is_marked = false;
	if (is_number(word) || letter_is_dense(utf8_next(word, &len)))
		return 0;
	for (; word.len > 0 && count < GRAMS_MAX - 1; word = span_from(word, len)) {
		uint32_t c = utf8_next(word, &len), letter = letter_fold(c);

		*is_marked = *is_marked || letter != c;
		letter = folded ? letter : c;
		if (last)
			grams[count++] = hash_gram(before, last, letter);
		before = last;
		last = letter;
	}
	grams[count++] = hash_gram(before, last, 0);
	return sort_once(grams, count);
}

/* By the upper half: slots ascend already, and so they stay. */
static void sort_pairs(uint64_t *pairs, size_t count)
{
	uint64_t *other = mem_calloc(count + 1, sizeof(*other));
	uint64_t *from = pairs, *to = other;

	for (unsigned shift = 32; shift < 64; shift += 8) {
		size_t starts[257] = { 0 };
		uint64_t *swap = from;

		for (size_t i = 0; i < count; i++)
			starts[(from[i] >> shift & 0xff) + 1]++;
		for (size_t i = 1; i < 257; i++)
			starts[i] += starts[i - 1];
		for (size_t i = 0; i < count; i++)
			to[starts[from[i] >> shift & 0xff]++] = from[i];
		from = to;
		to = swap;
	}
	mem_free(other); /* four rounds: the result is in pairs */
}

static void add_number(struct buf *b, uint32_t value)
{
	char bytes[4];

	store32(bytes, value);
	buf_add(b, bytes, sizeof(bytes));
}

void writer_grams(struct segment_writer *w)
{
	struct buf *lists = &w->sections[SECTION_GRAM_SLOTS];

	sort_pairs(w->grams, w->gram_count);
	for (size_t i = 0; i < w->gram_count;) {
		uint64_t gram = w->grams[i] >> 32;
		uint32_t next = 0;

		add_number(&w->sections[SECTION_GRAMS], (uint32_t)gram);
		for (; i < w->gram_count && w->grams[i] >> 32 == gram; i++) {
			uint32_t slot = (uint32_t)w->grams[i], gap = slot - next;

			for (; gap >= 0x80; gap >>= 7)
				buf_add_char(lists, (char)(gap | 0x80));
			buf_add_char(lists, (char)gap);
			next = slot + 1;
		}
		add_number(&w->sections[SECTION_GRAM_ENDS], (uint32_t)lists->len);
	}
}

void segment_counts_free(struct segment_counts *counts)
{
	mem_free(counts->counts);
	mem_free(counts->seen);
	*counts = (struct segment_counts){ 0 };
}

static void make_room(struct segment_counts *counts, size_t terms)
{
	if (terms <= counts->room)
		return;
	segment_counts_free(counts);
	counts->room = terms + terms / 2;
	counts->counts = mem_calloc(counts->room, sizeof(*counts->counts));
	counts->seen = mem_calloc(counts->room, sizeof(*counts->seen));
}

/* Place of the trigram in the table; gram_count when it has none. */
static uint32_t find_gram(const struct segment *s, uint32_t gram)
{
	uint32_t low = 0, high = s->gram_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (section32(s, SECTION_GRAMS, middle) < gram)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->gram_count && section32(s, SECTION_GRAMS, low) == gram ? low
									       : s->gram_count;
}

/* Counts the terms that have the trigram; seen_count grows by those that are new. */
static size_t count_gram(const struct segment *s, uint32_t gram, struct segment_counts *c,
			 size_t seen_count)
{
	const unsigned char *lists = s->sections[SECTION_GRAM_SLOTS], *at, *end;
	uint32_t place = find_gram(s, gram), slot = 0;

	if (place == s->gram_count)
		return seen_count;
	at = lists + (place > 0 ? section32(s, SECTION_GRAM_ENDS, place - 1) : 0);
	end = lists + section32(s, SECTION_GRAM_ENDS, place);
	while (at < end) {
		uint32_t gap = varint_read(&at, end);

		if (gap >= s->term_count - slot)
			break;
		slot += gap;
		if (c->counts[slot]++ == 0)
			c->seen[seen_count++] = slot;
		slot++;
	}
	return seen_count;
}

static int is_better(const struct segment_alike *a, const struct segment_alike *b)
{
	return a->dice > b->dice || (a->dice == b->dice && a->term.id < b->term.id);
}

static size_t insert(struct segment_alike *found, size_t count, size_t max,
		     struct segment_alike one)
{
	size_t at;

	if (count == max && !is_better(&one, &found[count - 1]))
		return count;
	count += count < max;
	for (at = count - 1; at > 0 && is_better(&one, &found[at - 1]); at--)
		found[at] = found[at - 1];
	found[at] = one;
	return count;
}

/* With their marks as they stand. */
static float marked_dice(const struct segment *s, uint32_t id, const uint32_t *grams, size_t count)
{
	uint32_t others[GRAMS_MAX];
	char room[SEGMENT_TERM_MAX];
	size_t len = segment_term_text(s, id, room), common = 0, other_count;
	bool is_marked;

	other_count = segment_grams(span_of(room, len), false, others, &is_marked);
	for (size_t i = 0, j = 0; i < count && j < other_count;) {
		common += grams[i] == others[j];
		if (grams[i] <= others[j])
			i++;
		else
			j++;
	}
	return 2 * (float)common / (float)(count + other_count);
}

/* The term of a slot that shares so many of a word's trigrams; is_marked: it has letters with marks. */
static struct segment_alike compare(const struct segment *s, uint32_t slot, float shared,
				    size_t gram_count, bool *is_marked)
{
	const unsigned char *at = segment_slot(s, slot);
	uint32_t slot_grams = load32(at + SLOT_GRAMS);
	float all = (float)(gram_count + (slot_grams & ~(uint32_t)SLOT_MARKED));

	*is_marked = (slot_grams & SLOT_MARKED) != 0;
	return (struct segment_alike){
		.dice = 2 * shared / all,
		.term = { .id = load32(at + SLOT_ID), .rows = load32(at + SLOT_ROWS) },
	};
}

size_t segment_alike(const struct segment *s, struct span word, float min, bool folded,
		     struct segment_counts *counts, struct segment_alike *found, size_t max)
{
	uint32_t grams[GRAMS_MAX], marked[GRAMS_MAX];
	bool is_marked;
	size_t gram_count = segment_grams(word, true, grams, &is_marked), seen = 0, count = 0;
	size_t marked_count = segment_grams(word, false, marked, &is_marked);
	struct segment_term same = { .id = UINT32_MAX };
	float least;

	if (gram_count == 0 || max == 0)
		return 0;
	make_room(counts, s->term_count);
	segment_find(s, word, &same);
	for (size_t i = 0; i < gram_count; i++)
		seen = count_gram(s, grams[i], counts, seen);
	/* What shares fewer cannot reach min, as it has at least those; most share one, and are far apart. */
	least = min * (float)gram_count / (2 - min) - 0.01f;
	for (size_t i = 0; i < seen; i++) {
		uint32_t slot = counts->seen[i];
		float shared = (float)counts->counts[slot];
		struct segment_alike one;
		bool other_marked;

		counts->counts[slot] = 0;
		if (shared < least)
			continue;
		one = compare(s, slot, shared, gram_count, &other_marked);
		if (one.dice < min || one.term.id == same.id)
			continue;
		if (!folded && (is_marked || other_marked))
			one.dice = marked_dice(s, one.term.id, marked, marked_count);
		if (one.dice >= min)
			count = insert(found, count, max, one);
	}
	return count;
}
