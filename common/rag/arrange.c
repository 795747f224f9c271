/* common/rag/arrange.c - bits that vote over the terms of a text, and a walk down the ranking. */
#include "common/rag/arrange.h"

#include "common/base/mem.h"

enum {
	BITS = 64,
	TERMS_MIN = 4, /* fewer are no text */
	SEEN_BITS = 1 << 14,
	BITS_APART_MAX = 3,
};

/* The bits that are set are counted in bytes, eight to a number, and these now and then added up.
 */
struct ballot {
	uint64_t bytes[BITS / 8];
	unsigned votes;
	int32_t set[BITS]; /* twice how often, less the votes: above 0 for most of them */
	uint64_t before;   /* the term before, 0 at first */
	size_t count;
	uint64_t seen[SEEN_BITS / 64]; /* by some bits of what has voted */
};

static void add_up(struct ballot *b)
{
	for (size_t i = 0; i < BITS; i++)
		b->set[i] += 2 * (int32_t)(b->bytes[i / 8] >> i % 8 * 8 & 0xff) - (int32_t)b->votes;
	memset(b->bytes, 0, sizeof(b->bytes));
	b->votes = 0;
}

/* What is said again and again (a table's headings, "the") has one vote all the same. */
static bool has_voted(struct ballot *b, uint64_t hash)
{
	uint64_t *bits = &b->seen[hash % SEEN_BITS / 64], bit = UINT64_C(1) << hash % 64;
	bool had = *bits & bit;

	*bits |= bit;
	return had;
}

static void vote(struct ballot *b, uint64_t hash)
{
	if (has_voted(b, hash))
		return;
	for (size_t i = 0; i < BITS / 8; i++, hash >>= 8) {
		/* Bit k of the byte alone in byte k, and that as 0 or 1. */
		uint64_t spread =
			(hash & 0xff) * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);

		b->bytes[i] +=
			(spread + UINT64_C(0x7f7f7f7f7f7f7f7f)) >> 7 & UINT64_C(0x0101010101010101);
	}
	if (++b->votes == UINT8_MAX)
		add_up(b);
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

/* Neighbours tell texts of the same words from each other. */
static void use_term(void *data, const struct term *term)
{
	struct ballot *b = data;

	vote(b, mix(term->hash));
	if (b->count > 0)
		vote(b, mix(term->hash + b->before * UINT64_C(0x9e3779b97f4a7c15)));
	b->before = term->hash;
	b->count++;
}

uint64_t arrange_simhash(struct terms *terms, struct span text)
{
	struct ballot b = { .count = 0 };
	uint64_t simhash = 0;

	terms_each(terms, text, use_term, &b);
	if (b.count < TERMS_MIN)
		return 0;
	add_up(&b);
	for (size_t i = 0; i < BITS; i++)
		simhash |= (uint64_t)(b.set[i] > 0) << i;
	return simhash;
}

bool arrange_is_same(uint64_t simhash, uint64_t other)
{
	return simhash != 0 && other != 0 &&
	       __builtin_popcountll(simhash ^ other) <= BITS_APART_MAX;
}

/* Among those kept already: few, so that a look at each is fast enough. */
static bool is_wanted(const struct arrange_item *items, const uint32_t *places, size_t kept,
		      const struct arrange_item *one, size_t document_max)
{
	size_t of_document = 0;

	for (size_t i = 0; i < kept; i++) {
		const struct arrange_item *before = &items[places[i]];

		if (arrange_is_same(before->simhash, one->simhash))
			return false;
		of_document += before->document == one->document;
	}
	if (one->is_faint && of_document > 0)
		return false;
	return document_max == 0 || of_document < document_max;
}

size_t arrange(const struct arrange_item *items, size_t count, size_t document_max,
	       uint32_t *places, size_t max)
{
	size_t kept = 0;

	for (size_t i = 0; i < count && kept < max; i++)
		if (is_wanted(items, places, kept, &items[i], document_max))
			places[kept++] = (uint32_t)i;
	return kept;
}
