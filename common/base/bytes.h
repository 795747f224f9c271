/*
 * common/base/bytes.h - short runs of bytes as words, compared and hashed without a call.  Any thread.
 */
#ifndef SPASS_BASE_BYTES_H
#define SPASS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t bytes_load_8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static inline uint32_t bytes_load_4(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* At most seven bytes as one word; distinct for distinct bytes of one length. */
static inline uint64_t bytes_load_short(const char *p, size_t len)
{
	if (len >= 4)
		return (uint64_t)bytes_load_4(p + len - 4) << 32 | bytes_load_4(p);
	if (len == 0)
		return 0;
	return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[len / 2] << 8 |
	       (uint64_t)(unsigned char)p[len - 1];
}

/* The last word may overlap the one before. */
static inline bool bytes_equal(const char *a, const char *b, size_t len)
{
	if (len < 8)
		return bytes_load_short(a, len) == bytes_load_short(b, len);
	for (size_t at = 0; at + 8 < len; at += 8)
		if (bytes_load_8(a + at) != bytes_load_8(b + at))
			return false;
	return bytes_load_8(a + len - 8) == bytes_load_8(b + len - 8);
}

/* A step of a hash over words. */
static inline uint64_t bytes_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 29;
}

/* hash, and a run of bytes with its length. */
static inline uint64_t bytes_hash(uint64_t hash, const char *p, size_t len)
{
	if (len < 8)
		return bytes_mix(hash, bytes_load_short(p, len) ^ (uint64_t)len << 59);
	for (size_t at = 0; at + 8 < len; at += 8)
		hash = bytes_mix(hash, bytes_load_8(p + at));
	return bytes_mix(hash ^ len, bytes_load_8(p + len - 8));
}

#endif
