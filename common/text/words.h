/*
 * common/text/words.h - the words of a text in any script, for searching by machine.
 *
 * Words are lower case; of identifiers (camelCase, snake_case, v2) the whole and the parts are
 * handed out; scripts without spaces (Chinese, Japanese, Korean, Thai) give pairs of characters.
 * Nothing depends on the locale.  Any thread.
 */
#ifndef SPASS_TEXT_WORDS_H
#define SPASS_TEXT_WORDS_H

#include "common/base/span.h"

enum { WORD_MAX = 96 }; /* bytes; the rest of a longer word is cut off */

enum word_kind {
	WORD_WHOLE, /* between blanks and punctuation */
	WORD_PART,  /* of an identifier; its whole came before */
	WORD_PAIR,  /* two characters of a script without spaces, or one that stands alone */
};

struct word {
	struct span text; /* lower case, borrowed for the call */
	enum word_kind kind;
	uint64_t hash;    /* of text; the same on every machine */
	bool is_stop;     /* says little: "the", "und", 的 */
};

/* Calls use for each word of text in order. */
void words_each(struct span text, void (*use)(void *data, const struct word *word), void *data);
/* FNV-1a and a finishing mix: every bit of the result may be used. */
uint64_t words_hash(struct span text);
/* A character of a script that is written without spaces. */
bool words_is_dense(uint32_t code_point);

/*
 * Tokens as a bill estimates them: a word's blanks and its first six bytes are one token, each
 * further six another; a digit group of three, a punctuation mark or a dense character is one.
 * English prose comes to about 1.3 a word, as with byte-pair vocabularies.  Returns the bytes of
 * the first token of text, 0 only when text is empty.
 */
size_t words_token(struct span text);
size_t words_count_tokens(struct span text);

#endif
