/* Tests of common/rag/vector.h: each kernel beside the portable one, halves beside the book. */
#include "common/rag/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"
#include "tests/support/vectors.h"

static void all_kernels_give_the_same_hits(void **state)
{
	static const size_t dimensions[] = { 768, 200, 4096 };
	static const size_t counts[] = { 3001, 2100, 33 };

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(dimensions); c++) {
		struct data d = make_data(dimensions[c], counts[c], 3),
			    queries = make_data(dimensions[c], 10, 4);
		struct vector_space *s = space_of(&d);
		struct packed p = pack(s, &d, 0, d.count);
		uint64_t *bits = draw_bits(d.count, 900, 5);
		const struct vector_block *const blocks[] = { p.block };
		const uint64_t *const filters[] = { bits };

		for (size_t q = 0; q < 2 * queries.count; q++) {
			const float *query = queries.vectors + q / 2 * d.dimensions;
			struct vector_view view = { .blocks = blocks,
						    .count = 1,
						    .only = q % 2 ? filters : NULL };
			struct vector_hit right[40], hits[40];
			size_t count;

			assert_true(vector_kernel_use("portable"));
			assert_string_equal(vector_kernel_name(), "portable");
			count = vector_search(s, &view, query, 0, right, 40);
			assert_true(count > 0);
			for (size_t k = 1; k < ARRAY_LEN(kernels); k++) {
				if (!vector_kernel_use(kernels[k]))
					continue;
				assert_int_equal(vector_search(s, &view, query, 0, hits, 40),
						 count);
				assert_same_hits(right, hits, count);
			}
		}
		use_best_kernel();
		mem_free(bits);
		free_packed(&p);
		vector_space_free(s);
		free_data(&d);
		free_data(&queries);
	}
}

/* Each kernel's sums where they are largest. */
static void sums_do_not_overflow(void **state)
{
	enum { PADDED = VECTOR_DIMENSIONS_MAX };
	unsigned char *tables = mem_alloc(4 * PADDED), *signs = mem_alloc(4 * PADDED);
	unsigned char *bytes = mem_alloc(PADDED);
	unsigned char factors[4 * VECTOR_GROUP], offsets[4 * VECTOR_GROUP] = { 0 };
	int16_t *wide = mem_alloc(PADDED * sizeof(*wide));
	struct vector_query q = { .padded = PADDED, .tables = tables, .step = 1, .wide = wide };
	struct vector_group g = { signs, factors, offsets };

	(void)state;
	memset(tables, VECTOR_LEVELS, 4 * PADDED);
	memset(signs, 0xa5, 4 * PADDED);
	memset(bytes, 0x80, PADDED);
	for (size_t i = 0; i < PADDED; i++)
		wide[i] = -VECTOR_WIDE_MAX;
	for (size_t i = 0; i < VECTOR_GROUP; i++)
		store_float(factors + 4 * i, 1);
	for (size_t k = 0; k < ARRAY_LEN(kernels); k++) {
		float scores[VECTOR_GROUP];

		if (!vector_kernel_use(kernels[k]))
			continue;
		assert_int_equal(vector_kernel()->scan(&q, &g, 0, scores), UINT32_MAX);
		for (size_t i = 0; i < VECTOR_GROUP; i++)
			assert_true(scores[i] == (float)(PADDED / 4 * VECTOR_LEVELS));
		assert_int_equal(vector_kernel()->dot(bytes, wide, PADDED),
				 (int64_t)PADDED * 128 * VECTOR_WIDE_MAX);
	}
	use_best_kernel();
	mem_free(tables);
	mem_free(signs);
	mem_free(bytes);
	mem_free(wide);
}

static void a_rotation_keeps_products(void **state)
{
	struct data d = make_data(500, 20, 1);
	struct vector_space *s = vector_space_new(500, 9, NULL, NULL);
	float a[512], b[512], room[512];

	(void)state;
	for (size_t i = 1; i < d.count; i++) {
		double product = 0;

		assert_int_equal(vector_place(s, d.vectors, room, a), 0);
		assert_int_equal(vector_place(s, d.vectors + i * 500, room, b), 0);
		for (size_t j = 0; j < 512; j++)
			product += (double)a[j] * (double)b[j];
		assert_true(fabs(product - cosine(d.vectors, d.vectors + i * 500, 500)) < 1e-5);
	}
	vector_space_free(s);
	free_data(&d);
}

/* The number that a half is, by the book. */
static double half_value(uint16_t half)
{
	double fraction = half & 0x3ff, sign = half & 0x8000 ? -1 : 1;
	int exponent = half >> 10 & 31;

	if (exponent == 31)
		return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
	return exponent == 0 ? sign * ldexp(fraction, -24)
			     : sign * ldexp(fraction + 1024, exponent - 25);
}

/* Of all finite halves the nearest, the even one of two. */
static uint16_t nearest_half(float value)
{
	uint16_t sign = signbit(value) ? 0x8000 : 0, low = 0, high = 0x7c00;
	double size = fabs((double)value), below, above;

	while (high - low > 1) {
		uint16_t middle = (uint16_t)((low + high) / 2);

		if (half_value(middle) <= size)
			low = middle;
		else
			high = middle;
	}
	below = size - half_value(low);
	above = (high == 0x7c00 ? 65536 : half_value(high)) - size;
	return (uint16_t)(sign |
			  (above < below || (above == below && (high & 1) == 0) ? high : low));
}

static void halves_are_the_nearest(void **state)
{
	static const float edges[] = {
		0,          -0.0F,       65504,        65519.996F,   65520,
		-65520,     1e30F,       0x1p-24F,     0x1p-25F,     0x1.000002p-25F,
		0x1.8p-24F, 0x1p-14F,    0x1.ffcp-15F, 0x1.ffep-15F, 1,
		1.0004883F, 1.00146484F, 1e-45F
	};
	uint64_t random = 1;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kernels); k++) {
		if (!vector_kernel_use(kernels[k]))
			continue;
		for (size_t i = 0; i < 100000; i++) {
			float in[11];
			uint16_t out[11];
			uint32_t bits = (uint32_t)vector_random(&random);

			/* Half of them near where halves are. */
			if (i % 2)
				bits = (bits & 0x8fffffff) | 0x30000000;
			memcpy(&in[0], &bits, sizeof(bits));
			if (i < ARRAY_LEN(edges))
				in[0] = edges[i];
			if (isnan(in[0]))
				continue;
			for (size_t j = 1; j < ARRAY_LEN(in); j++)
				in[j] = in[0];
			vector_to_half(in, ARRAY_LEN(in), out);
			for (size_t j = 0; j < ARRAY_LEN(in); j++)
				assert_int_equal(out[j], isinf(in[0])
								 ? (in[0] < 0 ? 0xfc00 : 0x7c00)
								 : nearest_half(in[0]));
		}
	}
	use_best_kernel();
}

static void halves_come_back_as_they_were(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kernels); k++) {
		if (!vector_kernel_use(kernels[k]))
			continue;
		for (uint32_t half = 0; half <= UINT16_MAX; half++) {
			uint16_t in[9], out[9];
			float wide[9];

			for (size_t j = 0; j < ARRAY_LEN(in); j++)
				in[j] = (uint16_t)half;
			vector_from_half(in, ARRAY_LEN(in), wide);
			vector_to_half(wide, ARRAY_LEN(in), out);
			for (size_t j = 0; j < ARRAY_LEN(in); j++) {
				double value = half_value((uint16_t)half);

				assert_true(isnan(value) ? isnan(wide[j])
							 : (double)wide[j] == value);
				/* A NaN stays one, and quiet. */
				assert_int_equal(out[j], isnan(value) ? half | 0x200 : half);
			}
		}
	}
	use_best_kernel();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kernels_give_the_same_hits),
		cmocka_unit_test(sums_do_not_overflow),
		cmocka_unit_test(a_rotation_keeps_products),
		cmocka_unit_test(halves_are_the_nearest),
		cmocka_unit_test(halves_come_back_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
