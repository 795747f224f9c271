/* common/rag/vector_avx2.c - the kernels for x86-64 processors with AVX2 and F16C. */
#include "common/rag/vector.h"

#include "common/rag/vector_inside.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,f16c")))

static bool can_avx2(void)
{
	unsigned a, b, c, d;

	/* clang 14 has no name for F16C. */
	return __builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static inline AVX2 __m256i load(const void *at)
{
	return _mm256_loadu_si256(at);
}

static inline AVX2 __m256i load_table(const unsigned char *at)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)at));
}

/* The entries that 8 dimensions of 32 rows choose, two added. */
static inline AVX2 __m256i look_up(const unsigned char *signs, const unsigned char *tables)
{
	const __m256i four_bits = _mm256_set1_epi8(15);
	__m256i pairs = load(signs);
	__m256i low = _mm256_and_si256(pairs, four_bits);
	__m256i high = _mm256_and_si256(_mm256_srli_epi16(pairs, 4), four_bits);

	return _mm256_add_epi8(_mm256_shuffle_epi8(load_table(tables), low),
			       _mm256_shuffle_epi8(load_table(tables + 16), high));
}

/* Scores of eight rows, and their bits. */
static inline AVX2 unsigned finish(const struct vector_query *q, const struct vector_group *g,
				   float floor, __m128i sums, size_t row, float *scores)
{
	__m256 score = _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(sums));

	score = _mm256_mul_ps(_mm256_set1_ps(q->step), score);
	score = _mm256_sub_ps(score, _mm256_set1_ps(q->bias));
	score = _mm256_mul_ps(score, _mm256_loadu_ps((const void *)(g->factors + 4 * row)));
	score = _mm256_add_ps(score, _mm256_loadu_ps((const void *)(g->offsets + 4 * row)));
	_mm256_storeu_ps(scores + row, score);
	return (unsigned)_mm256_movemask_ps(
		_mm256_cmp_ps(score, _mm256_set1_ps(floor), _CMP_GT_OQ));
}

static AVX2 uint32_t scan(const struct vector_query *q, const struct vector_group *g, float floor,
			  float scores[VECTOR_GROUP])
{
	__m256i all = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
	__m256i even, low, high;

	for (size_t i = 0; i < q->padded / 8; i += 2) {
		__m256i sums = _mm256_add_epi8(
			look_up(g->signs + VECTOR_GROUP * i, q->tables + 32 * i),
			look_up(g->signs + VECTOR_GROUP * (i + 1), q->tables + 32 * (i + 1)));

		/* Of two rows in 16 bits: both, and the upper alone. */
		all = _mm256_add_epi16(all, sums);
		odd = _mm256_add_epi16(odd, _mm256_srli_epi16(sums, 8));
	}
	even = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));
	low = _mm256_unpacklo_epi16(even, odd);  /* rows 0-7, 16-23 */
	high = _mm256_unpackhi_epi16(even, odd); /* rows 8-15, 24-31 */
	return finish(q, g, floor, _mm256_castsi256_si128(low), 0, scores) |
	       finish(q, g, floor, _mm256_castsi256_si128(high), 8, scores) << 8 |
	       finish(q, g, floor, _mm256_extracti128_si256(low, 1), 16, scores) << 16 |
	       finish(q, g, floor, _mm256_extracti128_si256(high, 1), 24, scores) << 24;
}

static inline AVX2 __m256i multiply(const unsigned char *bytes, const int16_t *wide)
{
	__m256i spread = _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)bytes));

	return _mm256_madd_epi16(spread, load(wide));
}

static AVX2 int64_t dot(const unsigned char *bytes, const int16_t *wide, size_t count)
{
	int64_t lanes[4];
	__m256i sum = _mm256_setzero_si256();

	for (size_t i = 0; i < count; i += VECTOR_POINTS) {
		/* 32 * 128 * 8191 fits in each of 8 lanes. */
		__m256i one = _mm256_setzero_si256(), other = _mm256_setzero_si256(), part;

		for (size_t j = i; j < i + VECTOR_POINTS; j += 32) {
			one = _mm256_add_epi32(one, multiply(bytes + j, wide + j));
			other = _mm256_add_epi32(other, multiply(bytes + j + 16, wide + j + 16));
		}
		part = _mm256_add_epi32(one, other);
		sum = _mm256_add_epi64(sum, _mm256_cvtepi32_epi64(_mm256_castsi256_si128(part)));
		sum = _mm256_add_epi64(sum,
				       _mm256_cvtepi32_epi64(_mm256_extracti128_si256(part, 1)));
	}
	_mm256_storeu_si256((void *)lanes, sum);
	return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

static AVX2 void to_half(const float *in, size_t count, uint16_t *out)
{
	size_t i = 0;

	for (; i + 8 <= count; i += 8)
		_mm_storeu_si128((void *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i),
								    _MM_FROUND_TO_NEAREST_INT));
	vector_portable.to_half(in + i, count - i, out + i);
}

static AVX2 void from_half(const uint16_t *in, size_t count, float *out)
{
	size_t i = 0;

	for (; i + 8 <= count; i += 8)
		_mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(in + i))));
	vector_portable.from_half(in + i, count - i, out + i);
}

const struct vector_kernel vector_avx2 = {
	.name = "avx2",
	.can = can_avx2,
	.scan = scan,
	.dot = dot,
	.to_half = to_half,
	.from_half = from_half,
};
#endif
