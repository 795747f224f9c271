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
	GAP_MAX = 40,   /* bytes between one word and the next */
	FOLDED_MAX = 32,
	LEAST = 3,      /* bytes that each beginning has */
	BEGINNING_BITS = 11,
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

/* The first LEAST bytes, with the bit that makes small letters of capitals; others may have it too. */
static uint32_t least_of(const char *p)
{
	return ((uint32_t)(unsigned char)p[0] | (uint32_t)(unsigned char)p[1] << 8 |
		(uint32_t)(unsigned char)p[2] << 16) |
	       0x202020;
}

/*
 * Whether the text begins as one of those.  Nearly all words begin with other letters: only the
 * others are folded, and those that do not begin with a letter of ASCII.
 */
static bool begins_as(struct span text, const char *beginnings)
{
	char folded[FOLDED_MAX];
	bool is_ascii = (unsigned char)text.ptr[0] < 0x80;
	uint32_t least = text.len >= LEAST ? least_of(text.ptr) : 0;
	size_t folded_len = 0;

	for (const char *p = beginnings; *p;) {
		bool may_be = !is_ascii || least_of(p) == least;
		size_t len = 0;

		while (p[len] && p[len] != ' ')
			len++;
		if (may_be && folded_len == 0)
			folded_len = fold(text, folded);
		if (may_be && len > 0 && folded_len >= len && memcmp(folded, p, len) == 0)
			return true;
		p += len;
		p += *p == ' ';
	}
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool is_word_start(struct span text, size_t at)
{
	return is_letter(text.ptr[at]) && (at == 0 || !is_letter(text.ptr[at - 1]));
}

/* The next word within reach that begins as one of those, in the same sentence; 0 = none. */
static size_t find_step(struct span text, size_t from, const char *beginnings)
{
	for (size_t i = from; i < text.len && i < from + GAP_MAX; i++) {
		char c = text.ptr[i];

		if (c == '.' || c == '!' || c == '?' || c == ';' || c == '\0')
			return 0;
		if (is_word_start(text, i) && begins_as(span_from(text, i), beginnings))
			return i;
	}
	return 0;
}

static bool follows(struct span text, size_t at, const char *const steps[STEPS])
{
	for (size_t i = 1; i < STEPS; i++) {
		while (at < text.len && is_letter(text.ptr[at]))
			at++;
		at = find_step(text, at, steps[i]);
		if (at == 0)
			return false;
	}
	return true;
}

/* Which orders LEAST bytes may begin, whatever their case: tells almost all words apart. */
struct beginnings {
	uint16_t orders[1 << BEGINNING_BITS]; /* a bit each */
};

static_assert(ARRAY_LEN(orders) <= 16, "an order has a bit");

static size_t beginning_of(const char *p)
{
	return (least_of(p) * 0x9e3779b1U) >> (32 - BEGINNING_BITS);
}

/* Cyrillic capitals differ in other bits: all of that script are looked at. */
static bool is_cyrillic(char c)
{
	return (unsigned char)c == 0xd0 || (unsigned char)c == 0xd1;
}

static void mark_beginnings(struct beginnings *b)
{
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct span rest = span_str(orders[i][0]);

		while (rest.ptr)
			b->orders[beginning_of(span_cut(&rest, ' ').ptr)] |= (uint16_t)(1U << i);
	}
}

/* A word begins there. */
static bool begins_order(const struct beginnings *b, struct span text, size_t at)
{
	struct span word = span_from(text, at);
	unsigned which;

	if (text.len - at < LEAST)
		return false;
	which = is_cyrillic(text.ptr[at]) ? UINT16_MAX : b->orders[beginning_of(text.ptr + at)];
	if (which == 0)
		return false;
	for (size_t k = 0; k < ARRAY_LEN(orders); k++)
		if (which >> k & 1 && begins_as(word, orders[k][0]) && follows(text, at, orders[k]))
			return true;
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

bool reading_has_orders(struct span text)
{
	struct beginnings b;
	uint64_t before = 0; /* 0x80 when the byte before is a letter */

	mark_beginnings(&b);
	for (size_t i = 0; i < text.len; i += 8) {
		uint64_t eight = eight_load_some(text.ptr + i, text.len - i);
		uint64_t letters = eight_letters(eight) | (eight & EIGHT_HIGH);
		uint64_t words = letters & ~(letters << 8 | before);

		before = letters >> 56;
		for (; words; words &= words - 1)
			if (begins_order(&b, text, i + eight_first(words)))
				return true;
		for (words = phrase_starts(eight); words; words &= words - 1)
			if (begins_phrase(text, i + eight_first(words)))
				return true;
	}
	return false;
}
