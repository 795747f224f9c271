/*
 * common/text/words.h - the words of a text in any script, for searching by machine.
 *
 * Words are lower case, in the one form that letters.h gives them; of identifiers (camelCase,
 * snake_case, v2) the whole and the parts are handed out, and likewise of a word that a hyphen
 * parts at the end of a line.  Scripts without spaces give grams: pairs of characters (Chinese,
 * Japanese, Korean) or triples (Thai, Lao, Burmese, Khmer).  Nothing depends on the locale.  Any
 * thread.
 */
#ifndef SPASS_TEXT_WORDS_H
#define SPASS_TEXT_WORDS_H

#include "common/base/span.h"

enum {
	WORD_MAX = 96,  /* bytes; the rest of a longer word is cut off */
	WORD_SLACK = 8, /* bytes that may be read behind one that is no gram */
};

enum word_kind {
	WORD_WHOLE, /* between blanks and punctuation */
	WORD_PART,  /* of an identifier, or a line's end or beginning; its whole came before */
	WORD_GRAM,  /* characters of a script without spaces; fewer when the run is shorter */
};

struct word {
	struct span text;   /* lower case, borrowed for the call */
	struct span source; /* where it stands in the text, as it was written */
	enum word_kind kind;
	bool is_particle;   /* a gram with 的, を or their like */
};

/* Calls use for each word of text in order. */
void words_each(struct span text, void (*use)(void *data, const struct word *word), void *data);
/* FNV-1a and a finishing mix: every bit may be used, and it is the same on every machine. */
uint64_t words_hash(struct span text);
/* It says little: "the", "und", 什么. */
bool words_is_stop(const struct word *word);

/*
 * Tokens as a bill estimates them: a word's blanks and its first six bytes are one token, each
 * further six another; a digit group of three, a punctuation mark or a dense character is one.
 * English prose comes to about 1.3 a word, as with byte-pair vocabularies.  Returns the bytes of
 * the first token of text, 0 only when text is empty.
 */
size_t words_token(struct span text);
size_t words_count_tokens(struct span text);

#endif
