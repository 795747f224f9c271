/* common/rag/vector_neon.c - the kernels for 64-bit ARM processors, all of which have NEON. */
#include "common/rag/vector.h"

#include "common/rag/vector_inside.h"

#if defined(__aarch64__) && defined(__ARM_NEON)
#include <arm_neon.h>

static bool can_always(void)
{
	return true;
}

/* The entries that 8 dimensions of 16 rows choose, two added. */
static inline uint8x16_t look_up(const unsigned char *signs, uint8x16_t low, uint8x16_t high)
{
	uint8x16_t pairs = vld1q_u8(signs);

	return vaddq_u8(vqtbl1q_u8(low, vandq_u8(pairs, vdupq_n_u8(15))),
			vqtbl1q_u8(high, vshrq_n_u8(pairs, 4)));
}

/* Scores of four rows, and their bits. */
static inline uint32_t finish(const struct vector_query *q, const struct vector_group *g,
			      float floor, uint16x4_t sums, size_t row, float *scores)
{
	static const uint32_t bits[4] = { 1, 2, 4, 8 };
	float32x4_t score = vcvtq_f32_u32(vmovl_u16(sums));

	score = vmulq_f32(vdupq_n_f32(q->step), score);
	score = vsubq_f32(score, vdupq_n_f32(q->bias));
	score = vmulq_f32(score, vreinterpretq_f32_u8(vld1q_u8(g->factors + 4 * row)));
	score = vaddq_f32(score, vreinterpretq_f32_u8(vld1q_u8(g->offsets + 4 * row)));
	vst1q_f32(scores + row, score);
	return vaddvq_u32(vandq_u32(vcgtq_f32(score, vdupq_n_f32(floor)), vld1q_u32(bits))) << row;
}

static uint32_t scan(const struct vector_query *q, const struct vector_group *g, float floor,
		     float scores[VECTOR_GROUP])
{
	uint16x8_t sums[4] = { vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0) };
	uint32_t above = 0;

	for (size_t i = 0; i < q->padded / 8; i += 2) {
		const unsigned char *tables = q->tables + 32 * i;
		const unsigned char *signs = g->signs + VECTOR_GROUP * i;
		uint8x16_t t[4] = { vld1q_u8(tables), vld1q_u8(tables + 16), vld1q_u8(tables + 32),
				    vld1q_u8(tables + 48) };

		for (size_t half = 0; half < 2; half++) {
			uint8x16_t sum =
				vaddq_u8(look_up(signs + 16 * half, t[0], t[1]),
					 look_up(signs + VECTOR_GROUP + 16 * half, t[2], t[3]));

			sums[2 * half] = vaddw_u8(sums[2 * half], vget_low_u8(sum));
			sums[2 * half + 1] = vaddw_high_u8(sums[2 * half + 1], sum);
		}
	}
	for (size_t i = 0; i < 4; i++) {
		above |= finish(q, g, floor, vget_low_u16(sums[i]), 8 * i, scores);
		above |= finish(q, g, floor, vget_high_u16(sums[i]), 8 * i + 4, scores);
	}
	return above;
}

static int64_t dot(const unsigned char *bytes, const int16_t *wide, size_t count)
{
	int64_t sum = 0;

	for (size_t i = 0; i < count; i += VECTOR_POINTS) {
		/* 64 * 128 * 8191 fits in each of 4 lanes. */
		int32x4_t part = vdupq_n_s32(0);

		for (size_t j = i; j < i + VECTOR_POINTS; j += 8) {
			int16x8_t spread = vmovl_s8(vreinterpret_s8_u8(vld1_u8(bytes + j)));
			int16x8_t by = vld1q_s16(wide + j);

			part = vmlal_s16(part, vget_low_s16(spread), vget_low_s16(by));
			part = vmlal_high_s16(part, spread, by);
		}
		sum += vaddlvq_s32(part);
	}
	return sum;
}

static void to_half(const float *in, size_t count, uint16_t *out)
{
	size_t i = 0;

	for (; i + 4 <= count; i += 4)
		vst1_u16(out + i, vreinterpret_u16_f16(vcvt_f16_f32(vld1q_f32(in + i))));
	vector_portable.to_half(in + i, count - i, out + i);
}

static void from_half(const uint16_t *in, size_t count, float *out)
{
	size_t i = 0;

	for (; i + 4 <= count; i += 4)
		vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in + i))));
	vector_portable.from_half(in + i, count - i, out + i);
}

const struct vector_kernel vector_neon = {
	.name = "neon",
	.can = can_always,
	.scan = scan,
	.dot = dot,
	.to_half = to_half,
	.from_half = from_half,
};
#endif
