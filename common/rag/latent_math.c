/*
 * common/rag/latent_math.c - the loops over many numbers, portable and for AVX2.
 *
 * Both do the same operations in the same order, so the results are the same bit for bit.
 */
#include "common/base/mem.h"
#include "common/rag/latent_inside.h"

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define HAS_AVX2 1
#define FOR_AVX2 __attribute__((target("avx2")))
static bool use_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#else
#define HAS_AVX2 0
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8, BLOCK = 64, BLOCK_LANES = BLOCK / LANES };

typedef float lanes __attribute__((vector_size(4 * LANES)));

/* Rows begin where a vector may: see latent_matrix. */
INLINE lanes *lanes_at(float *numbers)
{
	return (lanes *)(void *)numbers;
}

INLINE const lanes *lanes_of(const float *numbers)
{
	return (const lanes *)(const void *)numbers;
}

/* The allocation's own address stands before what is handed out. */
void *latent_matrix(size_t numbers)
{
	enum { ALIGNMENT = 64 };
	char *bytes = mem_calloc(numbers + ALIGNMENT / sizeof(float), sizeof(float));
	char *aligned = bytes + ALIGNMENT - (uintptr_t)bytes % ALIGNMENT;

	memcpy(aligned - sizeof(bytes), &bytes, sizeof(bytes));
	return aligned;
}

void latent_matrix_free(float *matrix)
{
	char *bytes;

	if (!matrix)
		return;
	memcpy(&bytes, (char *)matrix - sizeof(bytes), sizeof(bytes));
	mem_free(bytes);
}

/* ---- a round of iteration ---- */

INLINE void step_body(const struct latent_step *s, const uint32_t *entries, size_t count,
		      float factor)
{
	for (size_t from = 0; from < s->dimensions; from += BLOCK) {
		lanes sum[BLOCK_LANES] = { 0 };

		for (size_t i = 0; i < count; i++) {
			size_t at = entry_term(entries[i]) * s->dimensions + from;
			const lanes *row = lanes_of(s->matrix + at);
			float log = s->logs->of[entries[i] & LATENT_COUNT_MAX];

#pragma GCC unroll 8
			for (size_t k = 0; k < BLOCK_LANES; k++)
				sum[k] += log * row[k];
		}
#pragma GCC unroll 8
		for (size_t k = 0; k < BLOCK_LANES; k++)
			sum[k] *= factor;
		for (size_t i = 0; i < count; i++) {
			size_t at = entry_term(entries[i]) * s->dimensions + from;
			lanes *row = lanes_at(s->sums + at);
			float log = s->logs->of[entries[i] & LATENT_COUNT_MAX];

#pragma GCC unroll 8
			for (size_t k = 0; k < BLOCK_LANES; k++)
				row[k] += log * sum[k];
		}
	}
}

INLINE void add_body(float *sums, const signed char *codes, float weight, size_t dimensions)
{
	for (size_t i = 0; i < dimensions; i++)
		sums[i] += weight * (float)codes[i];
}

/* ---- Cholesky-QR ---- */

enum { GRAM_ROWS = 1024 }; /* whose products are added up in single precision */

struct triangle {
	float of[LATENT_DIMENSIONS_MAX][LATENT_DIMENSIONS_MAX] __attribute__((aligned(64)));
};

/* Products of the columns, those on and above the diagonal (and some below). */
INLINE void gram_body(const float *matrix, size_t rows, size_t dimensions, struct triangle *gram)
{
	for (size_t row = 0; row < rows; row++) {
		const float *numbers = matrix + row * dimensions;

		for (size_t i = 0; i < dimensions; i++) {
			lanes *sums = lanes_at(gram->of[i]);

			for (size_t k = i / LANES; k < dimensions / LANES; k++)
				sums[k] += numbers[i] * lanes_of(numbers)[k];
		}
	}
}

/* Each row times an upper triangle. */
INLINE void apply_body(float *matrix, size_t rows, size_t dimensions,
		       const struct triangle *triangle)
{
	for (size_t row = 0; row < rows; row++) {
		float *numbers = matrix + row * dimensions;
		lanes out[LATENT_DIMENSIONS_MAX / LANES] = { 0 };

		for (size_t i = 0; i < dimensions; i++)
			for (size_t k = i / LANES; k < dimensions / LANES; k++)
				out[k] += numbers[i] * lanes_of(triangle->of[i])[k];
		memcpy(numbers, out, dimensions * sizeof(*numbers));
	}
}

#if HAS_AVX2
FOR_AVX2 static void step_avx2(const struct latent_step *s, const uint32_t *entries, size_t count,
			       float factor)
{
	step_body(s, entries, count, factor);
}

FOR_AVX2 static void gram_avx2(const float *matrix, size_t rows, size_t dimensions,
			       struct triangle *gram)
{
	gram_body(matrix, rows, dimensions, gram);
}

FOR_AVX2 static void apply_avx2(float *matrix, size_t rows, size_t dimensions,
				const struct triangle *triangle)
{
	apply_body(matrix, rows, dimensions, triangle);
}
#endif

void latent_add(float *sums, const signed char *codes, float weight, size_t dimensions)
{
	add_body(sums, codes, weight, dimensions);
}

void latent_step(const struct latent_step *s, const uint32_t *entries, size_t count, float factor)
{
#if HAS_AVX2
	if (use_avx2()) {
		step_avx2(s, entries, count, factor);
		return;
	}
#endif
	step_body(s, entries, count, factor);
}

static void gram(const float *matrix, size_t rows, size_t dimensions, struct triangle *g)
{
#if HAS_AVX2
	if (use_avx2()) {
		gram_avx2(matrix, rows, dimensions, g);
		return;
	}
#endif
	gram_body(matrix, rows, dimensions, g);
}

static void apply(float *matrix, size_t rows, size_t dimensions, const struct triangle *t)
{
#if HAS_AVX2
	if (use_avx2()) {
		apply_avx2(matrix, rows, dimensions, t);
		return;
	}
#endif
	apply_body(matrix, rows, dimensions, t);
}

typedef double square[LATENT_DIMENSIONS_MAX][LATENT_DIMENSIONS_MAX];

/* products = R'R: R replaces its upper triangle; a column that others have already gets 0. */
static void cholesky(square products, size_t size)
{
	static const double little = 1e-6;

	for (size_t i = 0; i < size; i++) {
		double whole = products[i][i], pivot = whole;

		for (size_t k = 0; k < i; k++)
			pivot -= products[k][i] * products[k][i];
		products[i][i] = pivot > little * whole && pivot > 0 ? sqrt(pivot) : 0;
		for (size_t j = i + 1; j < size; j++) {
			double sum = products[i][j];

			for (size_t k = 0; k < i; k++)
				sum -= products[k][i] * products[k][j];
			products[i][j] = products[i][i] > 0 ? sum / products[i][i] : 0;
		}
	}
}

/* The inverse of an upper triangle, with empty columns where it has a 0 on the diagonal. */
static void invert(square r, size_t size, struct triangle *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t j = 0; j < size; j++) {
		double column[LATENT_DIMENSIONS_MAX] = { 0 };

		if (r[j][j] <= 0)
			continue;
		column[j] = 1 / r[j][j];
		for (size_t i = j; i-- > 0;) {
			double sum = 0;

			for (size_t k = i + 1; k <= j; k++)
				sum -= r[i][k] * column[k];
			column[i] = r[i][i] > 0 ? sum / r[i][i] : 0;
		}
		for (size_t i = 0; i <= j; i++)
			out->of[i][j] = (float)column[i];
	}
}

void latent_orthonormalise(float *matrix, size_t rows, size_t dimensions)
{
	struct work {
		square products;
		struct triangle triangle;
	} *w = latent_matrix(sizeof(*w) / sizeof(float));

	for (size_t from = 0; from < rows; from += GRAM_ROWS) {
		size_t count = rows - from < GRAM_ROWS ? rows - from : GRAM_ROWS;

		memset(&w->triangle, 0, sizeof(w->triangle));
		gram(matrix + from * dimensions, count, dimensions, &w->triangle);
		for (size_t i = 0; i < dimensions; i++)
			for (size_t j = i; j < dimensions; j++)
				w->products[i][j] += (double)w->triangle.of[i][j];
	}
	cholesky(w->products, dimensions);
	invert(w->products, dimensions, &w->triangle);
	apply(matrix, rows, dimensions, &w->triangle);
	latent_matrix_free((void *)w);
}

/* ---- products of codes ---- */

static void products_portable(const int16_t *point, const signed char *codes, size_t count,
			      size_t dimensions, int32_t *products)
{
	for (size_t row = 0; row < count; row++) {
		int32_t sum = 0;

		for (size_t i = 0; i < dimensions; i++)
			sum += point[i] * codes[row * dimensions + i];
		products[row] = sum;
	}
}

#if HAS_AVX2
INLINE FOR_AVX2 __m256i product_of(const int16_t *point, const signed char *codes,
				   size_t dimensions)
{
	__m256i sum = _mm256_setzero_si256();

	for (size_t i = 0; i < dimensions; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(codes + i));
		__m256i numbers = _mm256_loadu_si256((const __m256i *)(const void *)(point + i));

		sum = _mm256_add_epi32(sum,
				       _mm256_madd_epi16(_mm256_cvtepi8_epi16(bytes), numbers));
	}
	return sum;
}

/* Four rows at a time: their sums across fit one vector. */
FOR_AVX2 static size_t products_avx2(const int16_t *point, const signed char *codes, size_t count,
				     size_t dimensions, int32_t *products)
{
	size_t row = 0;

	for (; row + 4 <= count; row += 4) {
		const signed char *at = codes + row * dimensions;
		__m256i a = product_of(point, at, dimensions);
		__m256i b = product_of(point, at + dimensions, dimensions);
		__m256i c = product_of(point, at + 2 * dimensions, dimensions);
		__m256i d = product_of(point, at + 3 * dimensions, dimensions);
		__m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));

		_mm_storeu_si128((__m128i *)(void *)(products + row),
				 _mm_add_epi32(_mm256_castsi256_si128(sums),
					       _mm256_extracti128_si256(sums, 1)));
	}
	return row;
}
#endif

void latent_products(const int16_t *point, const signed char *codes, size_t count,
		     size_t dimensions, int32_t *products)
{
	size_t done = 0;

#if HAS_AVX2
	if (use_avx2())
		done = products_avx2(point, codes, count, dimensions, products);
#endif
	products_portable(point, codes + done * dimensions, count - done, dimensions,
			  products + done);
}
