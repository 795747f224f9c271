/*
 * common/base/span.h - a borrowed run of bytes.
 *
 * A span owns nothing and is passed by value; whoever made it says until when it is valid.
 * ptr may be NULL only when len is 0.  The bytes need not end in NUL.
 */
#ifndef SPASS_BASE_SPAN_H
#define SPASS_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *ptr;
	size_t len;
};

#define SPAN_NONE ((struct span){ NULL, 0 })
/* From a string literal, at compile time. */
#define SPAN_LIT(s) ((struct span){ "" s, sizeof(s) - 1 })
/* The same where a constant is initialised. */
#define SPAN_INIT(s) { "" s, sizeof(s) - 1 }
/* For printf("%.*s", SPAN_ARGS(s)). */
#define SPAN_ARGS(s) (int)((s).len > INT32_MAX ? INT32_MAX : (s).len), ((s).ptr ? (s).ptr : "")

static inline struct span span_of(const char *ptr, size_t len)
{
	return (struct span){ ptr, len };
}

/* Inline, as those below that take a text: the length of a literal is known to the compiler. */

/* text may be NULL, which gives the empty span. */
static inline struct span span_str(const char *text)
{
	return text ? span_of(text, strlen(text)) : SPAN_NONE;
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool span_is(struct span s, const char *text)
{
	return span_equal(s, span_str(text));
}

/* ASCII letters without case, as HTTP field names and tokens want it. */
bool span_equal_nocase(struct span a, struct span b);

static inline bool span_is_nocase(struct span s, const char *text)
{
	return span_equal_nocase(s, span_str(text));
}

static inline bool span_starts(struct span s, const char *prefix)
{
	struct span p = span_str(prefix);

	return s.len >= p.len && span_equal(span_of(s.ptr, p.len), p);
}

bool span_ends(struct span s, const char *suffix);
/* Without spaces and tabs at both ends (HTTP's optional white space). */
struct span span_trim(struct span s);
/* The same, and without line breaks there. */
struct span span_strip(struct span s);
/* What that takes away. */
static inline bool char_is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
/* The part of s from offset on; empty when offset is past the end. */
struct span span_from(struct span s, size_t offset);
/*
 * Cut *rest at the first sep: returns what stood before it and leaves what follows in *rest.
 * Without sep the whole is returned and *rest becomes SPAN_NONE (ptr NULL), which ends a loop.
 */
struct span span_cut(struct span *rest, char sep);
/* The line that the byte at `at` (0..len) stands in, without its line break. */
struct span span_line_at(struct span text, size_t at);
/* How often the byte stands in s: of "\n", how many lines are ended. */
size_t span_count(struct span s, char c);
/* First place of needle in s, or -1. */
ptrdiff_t span_find(struct span s, struct span needle);
/*
 * Decimal digits only: no sign, no blanks, no "0x".  Returns 0 and sets *value, or -1 when it is
 * not such a number or lies outside min..max.
 */
int span_to_int(struct span s, int64_t min, int64_t max, int64_t *value);

#endif
