/*
 * common/base/utf8.h - UTF-8 (RFC 3629): no overlong forms, no surrogates, at most U+10FFFF.
 * Any thread.
 */
#ifndef SPASS_BASE_UTF8_H
#define SPASS_BASE_UTF8_H

#include "common/base/buf.h"

bool utf8_is_valid(struct span s);
/*
 * The code point at the start of s and its length in *len (1..4).  A broken byte gives U+FFFD
 * with *len 1; an empty span gives 0 with *len 0.
 */
uint32_t utf8_next(struct span s, size_t *len);
int utf8_add(struct buf *out, uint32_t code_point);
/* Into out, its length is returned; what is no code point becomes U+FFFD. */
enum { UTF8_MAX = 4 };
size_t utf8_encode(char out[UTF8_MAX], uint32_t code_point);
/* Length of the longest prefix of s that does not end inside a character. */
size_t utf8_whole(struct span s);
/* Appends s with control characters (but newline and tab) and broken bytes made visible. */
int utf8_add_harmless(struct buf *out, struct span s);
/* The same on one line: newlines and tabs become blanks. */
int utf8_add_flat(struct buf *out, struct span s);

#endif
