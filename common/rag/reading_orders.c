/*
 * common/rag/reading_orders.c - passages that give orders to a model.
 *
 * A text that is searched may hold sentences meant for the model that reads it.  They are told,
 * never obeyed, and never removed: a handbook on the subject has them, too.  A row is a few word
 * beginnings that follow each other with little between them.
 */
#include "common/rag/reading_inside.h"

#include "common/base/eight.h"
#include "common/base/mem.h"

#include <assert.h>

enum {
	STEPS = 3,
	GAP_MAX = 40,   /* bytes between one word and the next; eights */
	FOLDED_MAX = 32,
	LEAST = 3,      /* bytes that each beginning has */
	BEGINNING_BITS = 11,
	BEGINNINGS_MAX = 96,
	FIRST_MAX = 32, /* of them those of first steps */
	BLOCK = 64, /* bytes that are looked at before the words in them are */
};

/* Each step: beginnings of words, small letters, separated by blanks. */
static const char *const orders[][STEPS] = {
	{ "ignore disregard forget", "previous prior above earlier all preceding foregoing your",
	  "instruction prompt rule direction guideline" },
	{ "reveal print repeat show output leak", "system hidden", "prompt instruction" },
	{ "you", "now must", "unrestricted jailbroken" },
	{ "ignoriere ignoriert ignorier vergiss missachte", "vorherigen bisherigen obigen alle deine vorangehenden",
	  "anweisung regel instruktion vorgabe" },
	{ "ignore ignorez oublie oubliez", "instructions consignes r\xc3\xa8gles", "pr\xc3\xa9" "c\xc3\xa9" "dentes ci-dessus ant\xc3\xa9rieures" },
	{ "ignora ignore olvida", "instrucciones \xc3\xb3rdenes reglas", "anteriores previas" },
	{ "ignore ignora desconsidere esque\xc3\xa7" "a", "instru\xc3\xa7\xc3\xb5" "es regras", "anteriores acima pr\xc3\xa9vias" },
	{ "ignora dimentica", "istruzioni regole", "precedenti sopra" },
	{ "\xd0\xb8\xd0\xb3\xd0\xbd\xd0\xbe\xd1\x80\xd0\xb8\xd1\x80\xd1\x83\xd0\xb9 \xd0\xb7\xd0\xb0\xd0\xb1\xd1\x83\xd0\xb4\xd1\x8c",
	  "\xd0\xbf\xd1\x80\xd0\xb5\xd0\xb4\xd1\x8b\xd0\xb4\xd1\x83\xd1\x89 \xd0\xb2\xd1\x81\xd0\xb5",
	  "\xd0\xb8\xd0\xbd\xd1\x81\xd1\x82\xd1\x80\xd1\x83\xd0\xba \xd1\x83\xd0\xba\xd0\xb0\xd0\xb7\xd0\xb0\xd0\xbd" },
};

/* Scripts without spaces, and marks of prompts: as they stand. */
static const struct span phrases[] = {
	SPAN_INIT("\xe5\xbf\xbd\xe7\x95\xa5\xe4\xb9\x8b\xe5\x89\x8d\xe7\x9a\x84"), /* 忽略之前的 */
	SPAN_INIT("\xe5\xbf\xbd\xe7\x95\xa5\xe4\xbb\xa5\xe4\xb8\x8a"),             /* 忽略以上 */
	SPAN_INIT("\xe4\xbb\xa5\xe5\x89\x8d\xe3\x81\xae\xe6\x8c\x87\xe7\xa4\xba\xe3\x82\x92\xe7\x84\xa1\xe8\xa6\x96"), /* 以前の指示を無視 */
	SPAN_INIT("\xec\x9d\xb4\xec\xa0\x84 \xec\xa7\x80\xec\x8b\x9c"),             /* 이전 지시 */
	SPAN_INIT("<|im_start|>"),
	SPAN_INIT("<|system|>"),
	SPAN_INIT("[/INST]"),
	SPAN_INIT("<<SYS>>"),
};

/* ASCII and Cyrillic capitals as small letters; room is FOLDED_MAX bytes. */
static size_t fold(struct span s, char *out)
{
	size_t len = s.len < FOLDED_MAX ? s.len : FOLDED_MAX;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		unsigned char next = i + 1 < len ? (unsigned char)s.ptr[i + 1] : 0;

		if (c >= 'A' && c <= 'Z') {
			out[i] = (char)(c | 0x20);
		} else if (c == 0xd0 && next >= 0x90 && next <= 0x9f) { /* А..П */
			out[i++] = (char)0xd0;
			out[i] = (char)(next + 0x20);
		} else if (c == 0xd0 && next >= 0xa0 && next <= 0xaf) { /* Р..Я */
			out[i++] = (char)0xd1;
			out[i] = (char)(next - 0x20);
		} else {
			out[i] = (char)c;
		}
	}
	return len;
}

/*
 * The first eight bytes, with the bit that makes small letters of capitals; others may have it too.
 * NUL for those that there are not.
 */
static uint64_t eight_of(struct span word)
{
	return eight_load_some(word.ptr, word.len) | EIGHT_OF(0x20);
}

/* Beginnings of words, so that almost all that are others are told apart at once. */
struct beginnings {
	uint32_t first[1 << BEGINNING_BITS]; /* of first steps, by LEAST bytes of any case: a bit each */
	struct beginning {
		struct span text;
		uint64_t bytes, mask; /* its first eight, or so many as there are, as of eight_of */
		size_t order;
	} list[BEGINNINGS_MAX];
	struct {
		size_t from, to; /* in the list */
	} steps[STEPS][ARRAY_LEN(orders)];
};

/* Of the first LEAST. */
static size_t hash_least(uint64_t eight)
{
	uint32_t least = (uint32_t)eight & ((1U << 8 * LEAST) - 1);

	return (least * 0x9e3779b1U) >> (32 - BEGINNING_BITS);
}

static void add_beginnings(struct beginnings *b, size_t count, size_t step, size_t order)
{
	struct span rest = span_str(orders[order][step]);

	b->steps[step][order].from = count;
	while (rest.ptr) {
		struct span text = span_cut(&rest, ' ');
		uint64_t mask = text.len < 8 ? (UINT64_C(1) << 8 * text.len) - 1 : UINT64_MAX;

		assert(count < (step == 0 ? FIRST_MAX : BEGINNINGS_MAX));
		assert(text.len >= LEAST && text.len <= FOLDED_MAX);
		if (step == 0)
			b->first[hash_least(eight_of(text))] |= UINT32_C(1) << count;
		b->list[count++] = (struct beginning){
			.text = text,
			.bytes = eight_of(text) & mask,
			.mask = mask,
			.order = order,
		};
	}
	b->steps[step][order].to = count;
}

static void list_beginnings(struct beginnings *b)
{
	size_t count = 0;

	memset(b->first, 0, sizeof(b->first));
	for (size_t step = 0; step < STEPS; step++)
		for (size_t order = 0; order < ARRAY_LEN(orders); order++) {
			add_beginnings(b, count, step, order);
			count = b->steps[step][order].to;
		}
}

/* eight: of the word.  Cyrillic capitals differ in other bits: what is not ASCII is folded. */
static bool begins_as(struct span word, uint64_t eight, const struct beginning *b)
{
	char folded[FOLDED_MAX];

	if (word.len < b->text.len ||
	    ((unsigned char)*word.ptr < 0x80 && (eight & b->mask) != b->bytes))
		return false;
	fold(span_of(word.ptr, b->text.len), folded);
	return memcmp(folded, b->text.ptr, b->text.len) == 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* Those of eight bytes that begin a word; *before: 0x80 when the byte before them is a letter. */
static uint64_t word_starts(uint64_t eight, uint64_t *before)
{
	uint64_t letters = eight_letters(eight) | (eight & EIGHT_HIGH);
	uint64_t starts = letters & ~(letters << 8 | *before);

	*before = letters >> 56;
	return starts;
}

/* The next word within reach that begins as the step has it, in the same sentence; 0 = none. */
static size_t find_step(const struct beginnings *b, struct span text, size_t from, size_t step,
			size_t order)
{
	uint64_t before = 0; /* no letter stands at from */

	for (size_t i = from; i < text.len && i < from + GAP_MAX; i += 8) {
		uint64_t eight = eight_load_some(text.ptr + i, text.len - i);
		uint64_t stops = eight_equal(eight, '.') | eight_equal(eight, '!') |
				 eight_equal(eight, '?') | eight_equal(eight, ';') |
				 eight_equal(eight, '\0');
		uint64_t words = word_starts(eight, &before) & eight_below(stops);

		for (; words; words &= words - 1) {
			size_t at = i + eight_first(words);
			struct span word = span_of(text.ptr + at, text.len - at);

			eight = eight_of(word);
			for (size_t k = b->steps[step][order].from; k < b->steps[step][order].to; k++)
				if (begins_as(word, eight, &b->list[k]))
					return at;
		}
		if (stops)
			return 0;
	}
	return 0;
}

static bool follows(const struct beginnings *b, struct span text, size_t at, size_t order)
{
	for (size_t i = 1; i < STEPS; i++) {
		while (at < text.len && is_letter(text.ptr[at]))
			at++;
		at = find_step(b, text, at, i, order);
		if (at == 0)
			return false;
	}
	return true;
}

/* A word begins there. */
static bool begins_order(const struct beginnings *b, struct span text, size_t at)
{
	struct span word = span_of(text.ptr + at, text.len - at);
	bool is_cyrillic = (unsigned char)*word.ptr == 0xd0 || (unsigned char)*word.ptr == 0xd1;
	uint64_t eight = eight_of(word);
	uint32_t which;

	which = is_cyrillic ? UINT32_MAX >> (FIRST_MAX - b->steps[0][ARRAY_LEN(orders) - 1].to)
			    : b->first[hash_least(eight)];
	if (which == 0)
		return false;
	for (; which; which &= which - 1) {
		const struct beginning *one = &b->list[__builtin_ctz(which)];

		if (begins_as(word, eight, one) && follows(b, text, at, one->order))
			return true;
	}
	return false;
}

static bool begins_phrase(struct span text, size_t at)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
		if (text.len - at >= phrases[i].len && text.ptr[at] == phrases[i].ptr[0] &&
		    memcmp(text.ptr + at, phrases[i].ptr, phrases[i].len) == 0)
			return true;
	return false;
}

/* Where a phrase may begin. */
static uint64_t phrase_starts(uint64_t eight)
{
	uint64_t starts = eight_equal(eight, '<') | eight_equal(eight, '[');

	if (eight & EIGHT_HIGH)
		starts |= eight_equal(eight, 0xe4) | eight_equal(eight, 0xe5) |
			  eight_equal(eight, 0xec);
	return starts;
}

/* Of a block: a bit for each byte where a word begins, or perhaps a phrase. */
struct begun {
	uint64_t words, phrases;
	uint64_t before; /* for word_starts */
};

static void look_at(struct begun *b, uint64_t eight, size_t at)
{
	b->words |= (uint64_t)eight_bits(word_starts(eight, &b->before)) << at;
	b->phrases |= (uint64_t)eight_bits(phrase_starts(eight)) << at;
}

static void look_at_block(struct begun *b, struct span text)
{
	b->words = b->phrases = 0;
	if (text.len >= BLOCK)
		for (size_t k = 0; k < BLOCK; k += 8)
			look_at(b, eight_load(text.ptr + k), k);
	else
		for (size_t k = 0; k < text.len; k += 8)
			look_at(b, eight_load_some(text.ptr + k, text.len - k), k);
}

bool reading_has_orders(struct span text)
{
	struct beginnings b;
	struct begun begun = { .before = 0 };

	list_beginnings(&b);
	for (size_t i = 0; i < text.len; i += BLOCK) {
		look_at_block(&begun, span_from(text, i));
		for (; begun.words; begun.words &= begun.words - 1)
			if (begins_order(&b, text, i + (size_t)__builtin_ctzll(begun.words)))
				return true;
		for (; begun.phrases; begun.phrases &= begun.phrases - 1)
			if (begins_phrase(text, i + (size_t)__builtin_ctzll(begun.phrases)))
				return true;
	}
	return false;
}
