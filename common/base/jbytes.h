/*
 * common/base/jbytes.h - the inner loops of the JSON reader and of who writes by hand.
 *
 * Sixteen bytes at a time where the compiler targets SSE2, else eight in a word, else one.
 * JBYTES_PORTABLE keeps from the first, for a test that compares them.
 */
#ifndef SPASS_BASE_JBYTES_H
#define SPASS_BASE_JBYTES_H

#include "common/base/jscan.h"

#include <string.h>

static inline bool jbytes_is_special(unsigned char c)
{
	return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

#if defined(__SSE2__) && !defined(JBYTES_PORTABLE)
#include <emmintrin.h>
#define JBYTES_STEP 16

static inline __m128i jbytes_load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/*
 * The highest bit of each byte that is a quote, a backslash, a control or outside ASCII.  With bit 1
 * turned over the quote stands right behind the controls, and what is less than that, as signed
 * numbers go, is of the kind: saved from overflow, the difference has the bit.
 */
static inline __m128i jbytes_special_bytes(__m128i x)
{
	__m128i difference = _mm_subs_epi8(_mm_xor_si128(x, _mm_set1_epi8(2)), _mm_set1_epi8(0x21));
	return _mm_or_si128(difference, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
}

/* One bit for each of them. */
static inline uint64_t jbytes_special(const char *p)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(jbytes_special_bytes(jbytes_load(p)));
}

/* Where the first bit is; JBYTES_STEP: there is none. */
static inline unsigned jbytes_first_or_step(uint64_t mask)
{
	return (unsigned)__builtin_ctzll(mask | 1u << JBYTES_STEP);
}

static inline unsigned jbytes_first_special(const char *p)
{
	return jbytes_first_or_step(jbytes_special(p));
}

/* Of the last bytes before end, fewer than a step from p on; start: where the text begins. */
static inline uint64_t jbytes_special_last(const char *p, const char *start, const char *end)
{
	uint64_t mask = 0;

	if (end - start >= JBYTES_STEP) /* in the step that ends there */
		return jbytes_special(end - JBYTES_STEP) >> (JBYTES_STEP - (end - p));
	for (unsigned i = 0; p + i < end; i++)
		mask |= (uint64_t)jbytes_is_special((unsigned char)p[i]) << i;
	return mask;
}

/* The first byte that is no digit; JBYTES_STEP: there is none. */
static inline unsigned jbytes_first_no_digit(const char *p)
{
	__m128i values = _mm_xor_si128(jbytes_load(p), _mm_set1_epi8('0')); /* 0 to 9 are */
	__m128i others = _mm_adds_epu8(values, _mm_set1_epi8(127 - 9));
	return jbytes_first_or_step((unsigned)_mm_movemask_epi8(others));
}

/* Whether any of so many bytes is special. */
#define JBYTES_WIDE 64
static inline bool jbytes_has_special(const char *p)
{
	__m128i a = jbytes_special_bytes(jbytes_load(p));
	__m128i b = jbytes_special_bytes(jbytes_load(p + 16));
	__m128i c = jbytes_special_bytes(jbytes_load(p + 32));
	__m128i d = jbytes_special_bytes(jbytes_load(p + 48));

	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0;
}

static inline uint64_t jbytes_quote(const char *p)
{
	__m128i x = jbytes_load(p);
	__m128i hit = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
	return (uint64_t)(unsigned)_mm_movemask_epi8(hit);
}

static inline unsigned jbytes_first_quote(const char *p)
{
	return jbytes_first_or_step(jbytes_quote(p));
}

/* Quotes and all four brackets: bit 5 is all that tells [ from { and ] from }. */
static inline uint64_t jbytes_bracket(const char *p)
{
	__m128i x = jbytes_load(p);
	__m128i folded = _mm_or_si128(x, _mm_set1_epi8(0x20));
	__m128i hit = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(folded, _mm_set1_epi8('{')));
	hit = _mm_or_si128(hit, _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
	return (uint64_t)(unsigned)_mm_movemask_epi8(hit);
}

static inline unsigned jbytes_first(uint64_t mask)
{
	return (unsigned)__builtin_ctzll(mask);
}

/* What 64 bytes hold, one bit a byte. */
#define JBYTES_BLOCK 64
struct jbytes_block {
	uint64_t quotes, backslashes, opening, closing;
};

static inline struct jbytes_block jbytes_block(const char *p)
{
	struct jbytes_block b = { 0 };

	for (unsigned i = 0; i < 4; i++) {
		__m128i x = jbytes_load(p + 16 * i);
		__m128i folded = _mm_or_si128(x, _mm_set1_epi8(0x20));
		unsigned quote = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')));
		unsigned slash = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\\')));
		unsigned open = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')));
		unsigned close = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));

		b.quotes |= (uint64_t)quote << (16 * i);
		b.backslashes |= (uint64_t)slash << (16 * i);
		b.opening |= (uint64_t)open << (16 * i);
		b.closing |= (uint64_t)close << (16 * i);
	}
	return b;
}

/* Bits set in x; the compiler's own is a call where the processor's instruction is not assumed. */
static inline unsigned jbytes_count(uint64_t x)
{
	x -= (x >> 1) & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)((x * UINT64_C(0x0101010101010101)) >> 56);
}

/* Bit i of the result: how many bits of x up to and including i are set, modulo two. */
static inline uint64_t jbytes_parity(uint64_t x)
{
	for (unsigned shift = 1; shift < 64; shift <<= 1)
		x ^= x << shift;
	return x;
}
#else
#define JBYTES_STEP 8

/* The high bit of each byte of x that equals c; bytes above a match may be marked wrongly. */
static inline uint64_t jbytes_equal(uint64_t x, unsigned char c)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	x ^= ones * c;
	return (x - ones) & ~x & high;
}

static inline uint64_t jbytes_load(const char *p)
{
	uint64_t x;
	memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

static inline uint64_t jbytes_special(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t x = jbytes_load(p);
	uint64_t control = (x - ones * 0x20) & ~x & high;
	return control | (x & high) | jbytes_equal(x, '"') | jbytes_equal(x, '\\');
}

static inline unsigned jbytes_first_or_step(uint64_t mask)
{
	return mask ? (unsigned)__builtin_ctzll(mask) / 8 : JBYTES_STEP;
}

static inline unsigned jbytes_first_special(const char *p)
{
	return jbytes_first_or_step(jbytes_special(p));
}

static inline uint64_t jbytes_special_last(const char *p, const char *start, const char *end)
{
	uint64_t mask = 0;

	(void)start; /* masks are exact up to their first match only, so none can be cut */
	for (unsigned i = 0; p + i < end; i++)
		mask |= (uint64_t)jbytes_is_special((unsigned char)p[i]) << (8 * i + 7);
	return mask;
}

static inline unsigned jbytes_first_no_digit(const char *p)
{
	unsigned i = 0;

	while (i < JBYTES_STEP && p[i] >= '0' && p[i] <= '9')
		i++;
	return i;
}

#define JBYTES_WIDE 32
static inline bool jbytes_has_special(const char *p)
{
	uint64_t hit = 0;

	for (unsigned i = 0; i < JBYTES_WIDE; i += JBYTES_STEP)
		hit |= jbytes_special(p + i);
	return hit != 0;
}

static inline uint64_t jbytes_quote(const char *p)
{
	uint64_t x = jbytes_load(p);
	return jbytes_equal(x, '"') | jbytes_equal(x, '\\');
}

static inline unsigned jbytes_first_quote(const char *p)
{
	return jbytes_first_or_step(jbytes_quote(p));
}

static inline uint64_t jbytes_bracket(const char *p)
{
	uint64_t x = jbytes_load(p), folded = x | UINT64_C(0x2020202020202020);
	return jbytes_equal(x, '"') | jbytes_equal(folded, '{') | jbytes_equal(folded, '}');
}

/* The first match is always exact, whatever a borrow did to the bytes above it. */
static inline unsigned jbytes_first(uint64_t mask)
{
	return (unsigned)__builtin_ctzll(mask) / 8;
}
#endif

static inline bool jbytes_is_bracket(unsigned char c)
{
	return c == '"' || (c | 0x20) == '{' || (c | 0x20) == '}';
}

/* First quote, backslash, control character or byte outside ASCII; end when there is none. */
static inline const char *jbytes_find_special(const char *p, const char *end)
{
	for (; end - p >= JBYTES_STEP; p += JBYTES_STEP) {
		uint64_t mask = jbytes_special(p);
		if (mask)
			return p + jbytes_first(mask);
	}
	while (p < end && !jbytes_is_special((unsigned char)*p))
		p++;
	return p;
}

static inline const char *jbytes_find_quote(const char *p, const char *end)
{
	for (; end - p >= JBYTES_STEP; p += JBYTES_STEP) {
		uint64_t mask = jbytes_quote(p);
		if (mask)
			return p + jbytes_first(mask);
	}
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

static inline const char *jbytes_find_bracket(const char *p, const char *end)
{
	for (; end - p >= JBYTES_STEP; p += JBYTES_STEP) {
		uint64_t mask = jbytes_bracket(p);
		if (mask)
			return p + jbytes_first(mask);
	}
	while (p < end && !jbytes_is_bracket((unsigned char)*p))
		p++;
	return p;
}

static inline bool jbytes_is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline const char *jbytes_skip_space(const char *p, const char *end)
{
	if (p < end && (unsigned char)*p > ' ') /* minified, as most texts are */
		return p;
	while (p < end && jbytes_is_space(*p))
		p++;
	return p;
}

/* What a value that begins with c is; J_NONE when no value does. */
static inline enum jtype jbytes_type(char c)
{
	static const unsigned char types[256] = {
		['{'] = J_OBJECT, ['['] = J_ARRAY,  ['"'] = J_STRING, ['t'] = J_TRUE,	['f'] = J_FALSE,
		['n'] = J_NULL,	  ['-'] = J_NUMBER, ['0'] = J_NUMBER, ['1'] = J_NUMBER, ['2'] = J_NUMBER,
		['3'] = J_NUMBER, ['4'] = J_NUMBER, ['5'] = J_NUMBER, ['6'] = J_NUMBER, ['7'] = J_NUMBER,
		['8'] = J_NUMBER, ['9'] = J_NUMBER,
	};

	return (enum jtype)types[(unsigned char)c];
}

static inline void jbytes_forget(struct jvalue *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (struct jvalue){ .type = J_NONE };
}

static inline int jbytes_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
