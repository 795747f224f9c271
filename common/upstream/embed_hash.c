/* common/upstream/embed_hash.c - features counted by hash, weighed, and folded into a vector. */
#include "common/upstream/embed_hash.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/terms.h"
#include "common/text/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Weights in thousandths.  Changing one changes every stored vector. */
enum { WEIGHT_WORD = 1000, WEIGHT_STOP = 100, WEIGHT_PART = 700, WEIGHT_GRAM = 220 };
enum { GRAM_MIN = 3, GRAM_MAX = 5 };
enum { FEATURES_MAX = 4 * 1024 * 1024 }; /* of a text far above the gateway's cap */

struct feature {
	uint64_t hash;
	int64_t weight;
};

struct features {
	struct feature *items;
	size_t count, size;
};

static void add_feature(struct features *f, uint64_t hash, int64_t weight)
{
	if (f->count == f->size) {
		if (f->size == FEATURES_MAX)
			return;
		f->size = f->size ? 2 * f->size : 1024;
		f->items = mem_realloc(f->items, f->size * sizeof(*f->items));
	}
	f->items[f->count++] = (struct feature){ hash, weight };
}

/* Runs of characters of "<term>"; the marks tell beginnings and endings from middles. */
static void add_grams(struct features *f, struct span term)
{
	char marked[WORD_MAX + 2];
	unsigned char at[WORD_MAX + 3]; /* where each character begins */
	size_t len = term.len + 2, count = 0;

	marked[0] = '<';
	memcpy(marked + 1, term.ptr, term.len);
	marked[len - 1] = '>';
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)marked[i] & 0xc0) != 0x80)
			at[count++] = (unsigned char)i;
	at[count] = (unsigned char)len;
	for (size_t n = GRAM_MIN; n <= GRAM_MAX; n++)
		for (size_t i = 0; i + n <= count; i++) {
			struct span gram = span_of(marked + at[i], (size_t)(at[i + n] - at[i]));

			/* Another space of names than that of words. */
			add_feature(f, words_hash(gram) ^ UINT64_C(0x5bd1e9955bd1e995), WEIGHT_GRAM);
		}
}

static void add_term(void *data, const struct term *term)
{
	struct features *f = data;
	int64_t weight = term->is_part ? WEIGHT_PART : WEIGHT_WORD;

	add_feature(f, words_hash(term->text), term->is_stop ? WEIGHT_STOP : weight);
	if (!term->is_gram && !term->is_part && !term->is_stop)
		add_grams(f, term->text);
}

static int compare_features(const void *a, const void *b)
{
	const struct feature *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->weight > y->weight) - (x->weight < y->weight);
}

/* A feature seen n times counts as the square root of n; square roots are exact by IEEE 754. */
static void fold(const struct features *f, int64_t sums[EMBED_HASH_DIMENSIONS])
{
	size_t next;

	for (size_t i = 0; i < f->count; i = next) {
		uint64_t hash = f->items[i].hash;
		int64_t weight = f->items[i].weight, value;

		for (next = i + 1; next < f->count && f->items[next].hash == hash; next++)
			;
		value = (int64_t)(sqrt((double)(next - i)) * (double)weight);
		sums[(hash >> 1) % EMBED_HASH_DIMENSIONS] += hash & 1 ? value : -value;
	}
}

void embed_hash(struct span text, float out[EMBED_HASH_DIMENSIONS])
{
	int64_t sums[EMBED_HASH_DIMENSIONS] = { 0 };
	struct terms *terms = terms_new();
	struct features f = { 0 };
	double squares = 0, length;

	terms_each(terms, text, add_term, &f);
	if (f.count > 0)
		qsort(f.items, f.count, sizeof(*f.items), compare_features);
	fold(&f, sums);
	for (size_t i = 0; i < EMBED_HASH_DIMENSIONS; i++)
		squares += (double)sums[i] * (double)sums[i];
	/* No words, or all cancelled out: the bytes themselves are the one feature. */
	if (squares <= 0) {
		sums[words_hash(text) % EMBED_HASH_DIMENSIONS] = 1;
		squares = 1;
	}
	length = sqrt(squares);
	for (size_t i = 0; i < EMBED_HASH_DIMENSIONS; i++)
		out[i] = (float)((double)sums[i] / length);
	terms_free(terms);
	mem_free(f.items);
}
