/*
 * common/base/eight.h - eight bytes of a text at a time, in a register.
 *
 * A mask has 0x80 in each byte that is meant and 0 in the others; the first byte of the text is the
 * lowest, so that eight_first counts from the beginning.
 */
#ifndef SPASS_BASE_EIGHT_H
#define SPASS_BASE_EIGHT_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EIGHT_OF(byte) (UINT64_C(0x0101010101010101) * (byte))
#define EIGHT_HIGH EIGHT_OF(0x80)

static inline uint64_t eight_load(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return le64toh(x);
}

static inline uint64_t eight_load_half(const char *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return le32toh(x);
}

/* The first len of them, 0..8 or more; NUL for the rest. */
static inline uint64_t eight_load_some(const char *p, size_t len)
{
	if (len >= 8)
		return eight_load(p);
	if (len >= 4)
		return eight_load_half(p) | eight_load_half(p + len - 4) << 8 * (len - 4);
	if (len == 0)
		return 0;
	return (uint64_t)(unsigned char)p[0] |
	       (uint64_t)(unsigned char)p[len / 2] << 8 * (len / 2) |
	       (uint64_t)(unsigned char)p[len - 1] << 8 * (len - 1);
}

static inline void eight_store(char *p, uint64_t x)
{
	x = htole64(x);
	memcpy(p, &x, sizeof(x));
}

/* memcmp == 0 for what is short: a call would take longer. */
static inline int eight_same(const char *a, const char *b, size_t len)
{
	for (; len > 8; len -= 8, a += 8, b += 8)
		if (eight_load(a) != eight_load(b))
			return 0;
	return eight_load_some(a, len) == eight_load_some(b, len);
}

/* Of what is 0..0x7f: those from first to last; bytes of 0x80 and more give nothing of use. */
static inline uint64_t eight_between(uint64_t x, unsigned first, unsigned last)
{
	return (x + EIGHT_OF(0x80 - first)) & ~(x + EIGHT_OF(0x7f - last)) & EIGHT_HIGH;
}

/* Those that are c. */
static inline uint64_t eight_equal(uint64_t x, unsigned char c)
{
	uint64_t y = x ^ EIGHT_OF(c);

	return ~(((y & ~EIGHT_HIGH) + ~EIGHT_HIGH) | y) & EIGHT_HIGH;
}

/* ASCII letters. */
static inline uint64_t eight_letters(uint64_t x)
{
	return eight_between((x & ~EIGHT_HIGH) | EIGHT_OF(0x20), 'a', 'z') & ~x;
}

/* A bit for each byte of a mask, the first the lowest. */
static inline unsigned eight_bits(uint64_t mask)
{
	return (unsigned)(mask * UINT64_C(0x0002040810204081) >> 56);
}

/* The bytes before the first of a mask; all when it is 0. */
static inline uint64_t eight_below(uint64_t mask)
{
	return (mask - 1) & ~mask;
}

/* Which byte is the first of a mask; the mask is not 0. */
static inline size_t eight_first(uint64_t mask)
{
	return (size_t)__builtin_ctzll(mask) / 8;
}

#endif
