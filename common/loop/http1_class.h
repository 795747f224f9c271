/*
 * common/loop/http1_class.h - classes of bytes and runs of them, private to the codec.
 */
#ifndef SPASS_LOOP_HTTP1_CLASS_H
#define SPASS_LOOP_HTTP1_CLASS_H

#include <stddef.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	HTTP1_TCHAR = 1,      /* of a token: methods, field names */
	HTTP1_VALUE = 2,      /* of a field value: visible, space, tab, obs-text */
	HTTP1_TARGET = 4,     /* of a request target: visible ASCII but '#' */
	HTTP1_DIGIT = 8,
	HTTP1_HEX = 16,
	HTTP1_HOST_CHAR = 32, /* of a registered name or an IPv4 address, without the comma */
};
extern const unsigned char http1_class[256];

static inline int http1_is(unsigned char class, char c)
{
	return http1_class[(unsigned char)c] & class;
}

/* First byte that no field value may have, from at on; stop when there is none. */
static inline size_t http1_value_end(const char *ptr, size_t at, size_t stop)
{
	for (;; at++) {
#ifdef __SSE2__
		for (; stop - at >= 16; at += 16) {
			__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(ptr + at));
			__m128i hit = _mm_or_si128(
				_mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x),
				_mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
			unsigned mask = (unsigned)_mm_movemask_epi8(hit);
			if (mask) {
				at += (unsigned)__builtin_ctz(mask);
				break;
			}
		}
#endif
		while (at < stop && http1_is(HTTP1_VALUE, ptr[at]) && ptr[at] != '\t')
			at++;
		if (at == stop || ptr[at] != '\t')
			return at;
	}
}

/* First byte that no field name may have, likewise. */
static inline size_t http1_name_end(const char *ptr, size_t at, size_t stop)
{
#ifdef __SSE2__
	/* Letters, digits and dashes, which is what most names have. */
	for (; stop - at >= 16; at += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(ptr + at));
		__m128i lower = _mm_or_si128(x, _mm_set1_epi8(0x20));
		__m128i letter = _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)),
					       _mm_cmpgt_epi8(_mm_set1_epi8('z' + 1), lower));
		__m128i digit = _mm_and_si128(_mm_cmpgt_epi8(x, _mm_set1_epi8('0' - 1)),
					      _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), x));
		__m128i good = _mm_or_si128(_mm_or_si128(letter, digit),
					    _mm_cmpeq_epi8(x, _mm_set1_epi8('-')));
		unsigned mask = ~(unsigned)_mm_movemask_epi8(good) & 0xffff;
		if (mask) {
			at += (unsigned)__builtin_ctz(mask);
			break;
		}
	}
#endif
	while (at < stop && http1_is(HTTP1_TCHAR, ptr[at]))
		at++;
	return at;
}

/* First byte that no request target may have, likewise. */
static inline size_t http1_target_end(const char *ptr, size_t at, size_t stop)
{
#ifdef __SSE2__
	for (; stop - at >= 16; at += 16) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(ptr + at));
		/* Signed, so that bytes from 0x80 on are below the space, too. */
		__m128i good = _mm_cmpgt_epi8(x, _mm_set1_epi8(' '));
		__m128i bad = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('#')),
					   _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f)));
		unsigned mask = ~(unsigned)_mm_movemask_epi8(_mm_andnot_si128(bad, good)) & 0xffff;
		if (mask)
			return at + (unsigned)__builtin_ctz(mask);
	}
#endif
	while (at < stop && http1_is(HTTP1_TARGET, ptr[at]))
		at++;
	return at;
}

#endif
