/* common/rag/vector_kernel.c - the portable kernels, which say what is right, and the choice. */
#include "common/rag/vector.h"

#include <stdatomic.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

static bool can_always(void)
{
	return true;
}

static uint32_t scan(const struct vector_query *q, const struct vector_group *g, float floor,
		     float scores[VECTOR_GROUP])
{
	uint32_t sums[VECTOR_GROUP] = { 0 }, above = 0;

	for (size_t i = 0; i < q->padded / 8; i++) {
		const unsigned char *low = q->tables + 32 * i, *high = low + 16;
		const unsigned char *signs = g->signs + VECTOR_GROUP * i;

		for (size_t row = 0; row < VECTOR_GROUP; row++)
			sums[row] += (uint32_t)low[signs[row] & 15] + high[signs[row] >> 4];
	}
	for (size_t row = 0; row < VECTOR_GROUP; row++) {
		/* One operation a statement: none may be fused with the next. */
		float score = q->step * (float)(int32_t)sums[row];

		score = score - q->bias;
		score = score * load_float(g->factors + 4 * row);
		score = score + load_float(g->offsets + 4 * row);
		scores[row] = score;
		above |= (uint32_t)(score > floor) << row;
	}
	return above;
}

static int64_t dot(const unsigned char *bytes, const int16_t *wide, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i += VECTOR_POINTS) {
		/* 256 * 128 * 8191 fits. */
		int32_t part = 0;

		for (size_t j = i; j < i + VECTOR_POINTS; j++)
			part += (int32_t)(int8_t)bytes[j] * wide[j];
		sum += part;
	}
	return sum;
}

/* float has 8 bits of exponent (bias 127) and 23 of fraction, half 5 (bias 15) and 10. */
static uint16_t to_half_one(float value)
{
	uint32_t bits, sign, size, fraction, shift, half;

	memcpy(&bits, &value, sizeof(bits));
	sign = bits >> 16 & 0x8000;
	size = bits & 0x7fffffff;
	if (size > 0x7f800000) /* NaN stays one, quiet */
		return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x3ff));
	if (size >= 0x477ff000) /* from 65520 on the nearest is 65536, which is none */
		return (uint16_t)(sign | 0x7c00);
	if (size <= 0x33000000) /* up to 2^-25 the nearest, or the even one, is 0 */
		return (uint16_t)sign;
	if (size >= 0x38800000) {
		size -= (127 - 15) << 23;
		shift = 13;
		fraction = size;
	} else { /* below 2^-14: units of 2^-24 */
		shift = 126 - (size >> 23);
		fraction = (size & 0x7fffff) | 0x800000;
	}
	half = fraction >> shift;
	fraction &= (UINT32_C(1) << shift) - 1;
	if (fraction > UINT32_C(1) << (shift - 1) ||
	    (fraction == UINT32_C(1) << (shift - 1) && (half & 1)))
		half++;
	return (uint16_t)(sign | half);
}

static float from_half_one(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000) << 16, size = half & 0x7fff, bits;
	float value;

	if (size > 0x7c00) {
		bits = sign | 0x7fc00000 | (size & 0x3ff) << 13;
	} else if (size == 0x7c00) {
		bits = sign | 0x7f800000;
	} else if (size >= 0x400) {
		bits = sign | ((size << 13) + ((127 - 15) << 23));
	} else {
		float units = (float)(int32_t)size * 0x1p-24F;

		memcpy(&bits, &units, sizeof(bits));
		bits |= sign;
	}
	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void to_half(const float *in, size_t count, uint16_t *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = to_half_one(in[i]);
}

static void from_half(const uint16_t *in, size_t count, float *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = from_half_one(in[i]);
}

const struct vector_kernel vector_portable = {
	.name = "portable",
	.can = can_always,
	.scan = scan,
	.dot = dot,
	.to_half = to_half,
	.from_half = from_half,
};

/* The best first. */
static const struct vector_kernel *const kernels[] = {
#if defined(__x86_64__)
	&vector_avx2,
#elif defined(__aarch64__) && defined(__ARM_NEON)
	&vector_neon,
#endif
	&vector_portable,
};

/* Set once, to the same by whoever is first; only tests change it. */
static const struct vector_kernel *_Atomic chosen;

const struct vector_kernel *vector_kernel(void)
{
	const struct vector_kernel *k = atomic_load_explicit(&chosen, memory_order_relaxed);

	for (size_t i = 0; !k && i < ARRAY_LEN(kernels); i++)
		if (kernels[i]->can()) {
			k = kernels[i];
			atomic_store_explicit(&chosen, k, memory_order_relaxed);
		}
	return k;
}

const char *vector_kernel_name(void)
{
	return vector_kernel()->name;
}

bool vector_kernel_use(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
		if (span_is(span_str(name), kernels[i]->name) && kernels[i]->can()) {
			atomic_store_explicit(&chosen, kernels[i], memory_order_relaxed);
			return true;
		}
	return false;
}

void vector_to_half(const float *in, size_t count, uint16_t *out)
{
	vector_kernel()->to_half(in, count, out);
}

void vector_from_half(const uint16_t *in, size_t count, float *out)
{
	vector_kernel()->from_half(in, count, out);
}
