/* common/text/terms.c - words by stem, each stemmed once. */
#include "common/text/terms.h"

#include "common/base/eight.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/words.h"

#include <assert.h>
#include <stdalign.h>
#include <libstemmer.h>

enum { SLOTS_FIRST = 1 << 10, WORDS_KEPT_MAX = 1 << 16 };

static_assert((int)TERM_MAX == (int)WORD_MAX, "a word is a term");

/* Letters whose words share one set of rules. */
static const struct script {
	const char *algorithm;
	struct {
		uint32_t first, last;
	} ranges[3];
} scripts[] = {
	{ "porter", { { 'a', 'z' }, { 0xc0, 0x24f }, { 0x1e00, 0x1eff } } },
	{ "russian", { { 0x400, 0x52f } } },
	{ "greek", { { 0x370, 0x3ff }, { 0x1f00, 0x1fff } } },
	{ "arabic", { { 0x620, 0x669 }, { 0x66e, 0x6d3 }, { 0xfb50, 0xfefc } } },
	{ "hindi", { { 0x900, 0x97f } } },
};

/*
 * A word as it lies in bytes: this head, the word filled up to eights with NUL, and its stem where
 * that is not how the word begins.  All of it is in one or two lines of the cache.
 */
struct known {
	uint64_t stem_hash;
	uint32_t tag, number; /* of terms_numbers; 0: it has none yet */
	uint8_t len, stem_at, stem_len;
	bool is_stop;
};

enum { ALIGNED = alignof(struct known), BYTES_FIRST = 8 * KIB, EIGHTS_MAX = WORD_MAX / 8 };
static_assert(WORD_MAX % 8 == 0 && ALIGNED == 8 && sizeof(struct known) % 8 == 0, "words of eights");

/* A word filled up with NUL, so that it is told from others eight bytes at a time. */
struct filled {
	uint64_t eights[EIGHTS_MAX];
	uint32_t count;
	uint32_t high; /* half of its hash */
};

/*
 * A word on its way: there are more words than a processor's nearest memory holds, and each is
 * waited for while others before it are handed out.  No two members that follow each other in
 * struct word do so here: as one they were waited for.
 */
struct waiting {
	const char *source;
	struct filled filled;
	size_t source_len;
	uint8_t len, kind; /* of the word */
	bool is_particle;
};

struct terms {
	struct sb_stemmer *stemmers[ARRAY_LEN(scripts)];
	uint64_t *slots; /* upper half of a word's hash | where it lies / ALIGNED + 1; 0 = free */
	size_t slot_count; /* a power of two, at most half of them taken */
	size_t known_count;
	uint32_t last_tag;
	char *bytes;
	size_t byte_count, byte_room;
	struct term_number *numbers; /* of terms_numbers */
	size_t number_room;
};

struct terms *terms_new(void)
{
	struct terms *t = mem_new(struct terms);

	t->slot_count = SLOTS_FIRST;
	t->slots = mem_calloc(t->slot_count, sizeof(*t->slots));
	return t;
}

void terms_free(struct terms *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++)
		sb_stemmer_delete(t->stemmers[i]);
	mem_free(t->slots);
	mem_free(t->bytes);
	mem_free(t->numbers);
	mem_free(t);
}

uint64_t terms_hash(struct span text)
{
	static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = text.len;
	size_t at = 0;

	for (; text.len - at >= 8; at += 8) {
		h = (h ^ eight_load(text.ptr + at)) * factor;
		h ^= h >> 32;
	}
	if (text.len > at) /* nothing may be nowhere */
		h ^= eight_load_some(text.ptr + at, text.len - at);
	h *= factor;
	h = (h ^ (h >> 29)) * factor;
	return h ^ (h >> 32);
}

static bool is_of(const struct script *script, uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(script->ranges) && script->ranges[i].first; i++)
		if (c >= script->ranges[i].first && c <= script->ranges[i].last)
			return true;
	return false;
}

/* The script of all its letters; -1 for a mixture, digits, and what has no rules. */
static int script_of(struct span word)
{
	int found = -1;

	while (word.len > 0) {
		size_t len;
		uint32_t c = utf8_next(word, &len);

		for (int i = 0; found < 0 && i < (int)ARRAY_LEN(scripts); i++)
			if (is_of(&scripts[i], c))
				found = i;
		if (found < 0 || !is_of(&scripts[found], c))
			return -1;
		word = span_from(word, len);
	}
	return found;
}

/* Borrowed until the next one; the word itself where there is nothing to take off. */
static struct span stem_of(struct terms *t, struct span word)
{
	int script = script_of(word);
	const sb_symbol *stem;
	size_t len;

	if (script < 0)
		return word;
	if (!t->stemmers[script])
		t->stemmers[script] = sb_stemmer_new(scripts[script].algorithm, NULL);
	stem = t->stemmers[script] ? sb_stemmer_stem(t->stemmers[script],
						     (const sb_symbol *)word.ptr, (int)word.len)
				   : NULL;
	if (!stem)
		return word;
	len = (size_t)sb_stemmer_length(t->stemmers[script]);
	return len > 0 && len <= TERM_MAX ? span_of((const char *)stem, len) : word;
}

static void forget(struct terms *t)
{
	memset(t->slots, 0, t->slot_count * sizeof(*t->slots));
	t->known_count = t->byte_count = 0;
}

static void grow(struct terms *t)
{
	uint64_t *old = t->slots;
	size_t old_count = t->slot_count;

	t->slot_count *= 2;
	t->slots = mem_calloc(t->slot_count, sizeof(*t->slots));
	for (size_t i = 0; i < old_count; i++) {
		size_t at = old[i] >> 32 & (t->slot_count - 1);

		if (!old[i])
			continue;
		while (t->slots[at])
			at = (at + 1) & (t->slot_count - 1);
		t->slots[at] = old[i];
	}
	mem_free(old);
}

/* Room for a word and its stem behind a head. */
static struct known *add_known(struct terms *t)
{
	size_t most = sizeof(struct known) + 2 * (size_t)TERM_MAX + ALIGNED;

	if (t->byte_count + most > t->byte_room) {
		t->byte_room = t->byte_room > 0 ? t->byte_room * 2 : BYTES_FIRST;
		t->bytes = mem_realloc(t->bytes, t->byte_room);
	}
	return (struct known *)(void *)(t->bytes + t->byte_count);
}

static struct word word_of(const struct waiting *one)
{
	return (struct word){ .text = span_of((const char *)one->filled.eights, one->len),
			      .kind = (enum word_kind)one->kind,
			      .is_particle = one->is_particle };
}

static struct known *learn(struct terms *t, const struct waiting *one, size_t at)
{
	struct word w = word_of(one);
	struct span word = w.text, stem = stem_of(t, word);
	bool is_start = stem.len <= word.len && memcmp(stem.ptr, word.ptr, stem.len) == 0;
	size_t filled = one->filled.count * sizeof(*one->filled.eights);
	struct known *k = add_known(t);
	char *text = (char *)(k + 1);

	*k = (struct known){ .stem_hash = terms_hash(stem),
			     .len = (uint8_t)word.len,
			     .stem_at = (uint8_t)(is_start ? 0 : filled),
			     .stem_len = (uint8_t)stem.len,
			     .is_stop = words_is_stop(&w) };
	memcpy(text, one->filled.eights, filled);
	if (!is_start)
		memcpy(text + filled, stem.ptr, stem.len);
	t->slots[at] = (uint64_t)one->filled.high << 32 | (t->byte_count / ALIGNED + 1);
	t->byte_count += sizeof(*k) + filled + (is_start ? 0 : stem.len);
	t->byte_count = (t->byte_count + ALIGNED - 1) / ALIGNED * ALIGNED;
	t->known_count++;
	return k;
}

static struct known *known_at(const struct terms *t, uint64_t slot)
{
	return (struct known *)(void *)(t->bytes + ((uint32_t)slot - 1) * (size_t)ALIGNED);
}

static bool is_word(const struct known *k, const struct waiting *one)
{
	const uint64_t *eights = (const uint64_t *)(const void *)(k + 1);

	if (k->len != one->len)
		return false;
	for (uint32_t i = 0; i < one->filled.count; i++)
		if (eights[i] != one->filled.eights[i])
			return false;
	return true;
}

static struct known *know(struct terms *t, const struct waiting *one)
{
	uint32_t high = one->filled.high;
	size_t at;

	if (t->known_count == WORDS_KEPT_MAX)
		forget(t);
	if (2 * t->known_count >= t->slot_count)
		grow(t);
	for (at = high & (t->slot_count - 1); t->slots[at]; at = (at + 1) & (t->slot_count - 1))
		if (t->slots[at] >> 32 == high && is_word(known_at(t, t->slots[at]), one))
			return known_at(t, t->slots[at]);
	return learn(t, one, at);
}

static struct span stem_in(const struct known *k)
{
	return span_of((const char *)(k + 1) + k->stem_at, k->stem_len);
}

/* Of a word that is no gram (WORD_SLACK). */
static void fill(struct span word, struct filled *f)
{
	static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t hash = word.len, eight;
	size_t i, last = (word.len - 1) / 8;

	for (i = 0; i < last; i++) {
		eight = eight_load(word.ptr + 8 * i);
		eight_store((char *)&f->eights[i], eight);
		hash = (hash ^ eight) * factor;
		hash ^= hash >> 32;
	}
	eight = eight_load(word.ptr + 8 * i) & UINT64_MAX >> (8 * (8 * (i + 1) - word.len));
	eight_store((char *)&f->eights[i], eight);
	f->count = (uint32_t)last + 1;
	hash = (hash ^ eight) * factor;
	hash = (hash ^ hash >> 32) * factor;
	f->high = (uint32_t)(hash >> 32);
}

/* ---- words on their way ---- */

enum { WAITING = 32, AHEAD = 8 };

struct walk {
	struct terms *t;
	void (*hand_out)(struct walk *w); /* all that wait */
	uint32_t places;
	enum word_kind before;
	size_t count;
	struct waiting waiting[WAITING];
	/* of terms_each */
	void (*use)(void *data, const struct term *term);
	/* of terms_numbers */
	uint32_t (*number)(void *data, struct span text, uint64_t hash);
	uint32_t tag;
	size_t numbered;
	void *data;
};

static void take_word(void *data, const struct word *word)
{
	struct walk *w = data;
	struct waiting *last = &w->waiting[w->count++];

	last->source = word->source.ptr;
	last->source_len = word->source.len;
	last->len = (uint8_t)word->text.len;
	last->kind = (uint8_t)word->kind;
	last->is_particle = word->is_particle;
	if (word->kind == WORD_GRAM) {
		memcpy(last->filled.eights, word->text.ptr, word->text.len);
		last->filled.high = 0;
	} else {
		fill(word->text, &last->filled);
		__builtin_prefetch(&w->t->slots[last->filled.high & (w->t->slot_count - 1)]);
	}
	if (w->count == WAITING) {
		w->hand_out(w);
		w->count = 0;
	}
}

static void walk_text(struct walk *w, struct span text)
{
	w->places = 0;
	w->before = WORD_GRAM;
	w->count = 0;
	words_each(text, take_word, w);
	w->hand_out(w);
}

/* Word number i is looked at now; one further on is fetched.  Whether it is beside the one before. */
static bool next_waiting(struct walk *w, size_t i)
{
	const struct terms *t = w->t;
	enum word_kind kind = (enum word_kind)w->waiting[i].kind;
	bool is_beside = (kind == WORD_PART) & (w->before == WORD_WHOLE);

	if (i + AHEAD < w->count) {
		uint64_t slot = t->slots[w->waiting[i + AHEAD].filled.high & (t->slot_count - 1)];

		if (slot)
			__builtin_prefetch(known_at(t, slot));
	}
	w->before = kind;
	w->places += !is_beside;
	return is_beside;
}

static void hand_out_terms(struct walk *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct waiting *one = &w->waiting[i];
		struct term term = { .source = span_of(one->source, one->source_len),
				     .is_part = one->kind == WORD_PART,
				     .is_gram = one->kind == WORD_GRAM,
				     .is_beside = next_waiting(w, i) };

		if (term.is_gram) {
			struct word word = word_of(one);

			term.text = word.text;
			term.hash = terms_hash(word.text);
			term.is_stop = words_is_stop(&word);
		} else {
			const struct known *k = know(w->t, one);

			term.text = stem_in(k);
			term.hash = k->stem_hash;
			term.is_stop = k->is_stop;
		}
		w->use(w->data, &term);
	}
}

static uint32_t number_of(struct walk *w, const struct waiting *one)
{
	struct known *k;

	if (one->kind == WORD_GRAM) {
		struct span text = word_of(one).text;

		return w->number(w->data, text, terms_hash(text));
	}
	k = know(w->t, one);
	if (k->tag != w->tag) {
		k->number = w->number(w->data, stem_in(k), k->stem_hash);
		k->tag = w->tag;
	}
	return k->number;
}

static void hand_out_numbers(struct walk *w)
{
	struct terms *t = w->t;
	struct term_number *to;

	if (w->numbered + w->count >= t->number_room) {
		t->number_room = 2 * (w->numbered + WAITING);
		t->numbers = mem_realloc(t->numbers, t->number_room * sizeof(*t->numbers));
	}
	to = t->numbers + w->numbered;
	for (size_t i = 0; i < w->count; i++) {
		to[i].is_beside = next_waiting(w, i);
		to[i].number = number_of(w, &w->waiting[i]);
	}
	w->numbered += w->count;
}

uint32_t terms_each(struct terms *t, struct span text,
		    void (*use)(void *data, const struct term *term), void *data)
{
	struct walk w;

	w.t = t;
	w.hand_out = hand_out_terms;
	w.use = use;
	w.data = data;
	walk_text(&w, text);
	return w.places;
}

struct term_numbers terms_numbers(struct terms *t, struct span text, uint32_t tag,
				  uint32_t (*number)(void *data, struct span text, uint64_t hash),
				  void *data)
{
	struct walk w;

	w.t = t;
	w.hand_out = hand_out_numbers;
	w.number = number;
	w.tag = tag;
	w.numbered = 0;
	w.data = data;
	walk_text(&w, text);
	return (struct term_numbers){ t->numbers, w.numbered, w.places };
}

uint32_t terms_tag(struct terms *t)
{
	return ++t->last_tag;
}
