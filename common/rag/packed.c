/* common/rag/packed.c - see packed.h. */
#include "common/rag/packed.h"

uint64_t packed_checksum(const unsigned char *bytes, size_t size)
{
	static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t lanes[4] = { size, 1, 2, 3 }, sum = 0;
	size_t at = 0;

	for (; size - at >= 32; at += 32)
		for (size_t i = 0; i < 4; i++) {
			uint64_t h = (lanes[i] ^ load64(bytes + at + 8 * i)) * factor;

			lanes[i] = h ^ (h >> 32);
		}
	for (; at < size; at++)
		lanes[0] = (lanes[0] ^ bytes[at]) * factor;
	for (size_t i = 0; i < 4; i++) {
		sum = (sum ^ lanes[i]) * factor;
		sum ^= sum >> 29;
	}
	return sum;
}
