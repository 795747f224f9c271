/*
 * common/rag/packed.h - numbers in packed bytes, little-endian at any alignment, and their checksum.
 *
 * What the index keeps packed (segments, blocks of vectors, the latent space) is read where it lies.
 * Pure; any thread.
 */
#ifndef SPASS_RAG_PACKED_H
#define SPASS_RAG_PACKED_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t load16(const void *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static inline uint32_t load32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static inline uint64_t load64(const void *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static inline float load_float(const void *at)
{
	uint32_t bits = load32(at);
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static inline void store32(void *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static inline void store64(void *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static inline void store_float(void *at, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	store32(at, bits);
}

/* Tells damage, not forgery: four lanes of eight bytes, so that it is as fast as memory. */
uint64_t packed_checksum(const unsigned char *bytes, size_t size);

#endif
