/*
 * common/text/terms.h - what of a text is searched by.
 *
 * Words in lower case, stemmed by the rules of their script (English for Latin letters; Russian,
 * Greek, Arabic, Hindi for theirs); of identifiers the whole and the parts; grams of scripts that
 * are written without spaces.  How a letter with a mark was typed does not count, nor do capitals or
 * ligatures, and ß is ss.  Diacritics stay: "resume" and "résumé" are alike, not equal.  Pure;
 * any thread, one struct terms a thread.
 */
#ifndef SPASS_TEXT_TERMS_H
#define SPASS_TEXT_TERMS_H

#include "common/base/span.h"

enum { TERM_MAX = 96 }; /* bytes */

struct term {
	struct span text;   /* borrowed for the call */
	struct span source; /* where it stands in the text, as it was written */
	uint64_t hash;      /* of text, as terms_hash has it */
	bool is_beside;     /* at the place of the term before: the first part of an identifier */
	bool is_part;       /* of an identifier, whose whole came before */
	bool is_stop;       /* says little; a question leaves it out unless it has nothing else */
	bool is_gram;       /* characters of a script without spaces */
};

struct terms; /* stemmers, and what they have stemmed already */
struct terms *terms_new(void);
void terms_free(struct terms *t);
/* Calls use for each term in order; returns the number of places, which is the text's length in
 * words. */
uint32_t terms_each(struct terms *t, struct span text,
		    void (*use)(void *data, const struct term *term), void *data);

/*
 * The terms as numbers that whoever counts them gives.  number is asked for that of a word when it
 * comes first under this tag, and again once it was forgotten; for that of a gram each time.
 */
struct term_number {
	uint32_t number;
	uint32_t is_beside; /* as of a term */
};
struct term_numbers {
	const struct term_number *list; /* until the next call */
	size_t count;
	uint32_t places;
};
struct term_numbers terms_numbers(struct terms *t, struct span text, uint32_t tag,
				  uint32_t (*number)(void *data, struct span text, uint64_t hash),
				  void *data);
/* A tag that was not given yet; not 0. */
uint32_t terms_tag(struct terms *t);

/* For hash tables in memory: every bit may be used. */
uint64_t terms_hash(struct span text);

#endif
