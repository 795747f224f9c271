/*
 * common/text/letters.h - what words are made of, in the one form in which they are compared.
 *
 * Small letters for capitals; spelt out what is one character for several letters (ß, ﬁ); one
 * character for a letter with its marks, however it was typed (Unicode's canonical composition, of
 * Latin, Greek, Cyrillic, kana and Hangul).  ı stays, and İ is i.  Pure; any thread.
 */
#ifndef SPASS_TEXT_LETTERS_H
#define SPASS_TEXT_LETTERS_H

#include "common/base/span.h"

enum { LETTER_MAX = 8 }; /* bytes of one, spelt out */

uint32_t letter_small(uint32_t code_point);
bool letter_is_capital(uint32_t code_point);
/* The letter in small ones, as UTF-8; returns the bytes. */
size_t letter_spell(uint32_t code_point, char out[LETTER_MAX]);
/* A combining mark that may be joined with the letter before it. */
bool letter_is_mark(uint32_t code_point);
/* A small letter with one more mark; 0 when no character is both. */
uint32_t letter_join(uint32_t letter, uint32_t mark);
/* A small letter without its mark: e for é, o for ø, е for ё; others stay. */
uint32_t letter_fold(uint32_t code_point);
/* What words are made of: letters, digits, marks on them, the underscore. */
bool letter_is_of_word(uint32_t code_point);
/* A character of a script that is written without spaces. */
bool letter_is_dense(uint32_t code_point);
/* Of such a one: how many make a gram. */
size_t letter_gram(uint32_t code_point);
/* As utf8_next, but a syllable of Hangul or a kana in several parts is one. */
uint32_t letter_next(struct span text, size_t *len);

#endif
