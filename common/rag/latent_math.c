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

/* ---- where a text lies ---- */

static inline float weight_of(const struct latent_space *s, const struct latent_logs *logs,
			      uint32_t entry)
{
	return logs->of[entry & LATENT_COUNT_MAX] *
	       load_float(s->scales + sizeof(float) * entry_term(entry));
}

INLINE void gather_body(const struct latent_space *s, const struct latent_logs *logs,
			const uint32_t *entries, size_t count, float *point)
{
	memset(point, 0, s->dimensions * sizeof(*point));
	for (size_t i = 0; i < count; i++) {
		const signed char *codes = s->codes + entry_term(entries[i]) * s->dimensions;
		float weight = weight_of(s, logs, entries[i]);

		for (size_t from = 0; from < s->dimensions; from += BLOCK)
			for (size_t k = 0; k < BLOCK; k++)
				point[from + k] += weight * (float)codes[from + k];
	}
}

#if HAS_AVX2
FOR_AVX2 static void gather_avx2(const struct latent_space *s, const struct latent_logs *logs,
				 const uint32_t *entries, size_t count, float *point)
{
	for (size_t from = 0; from < s->dimensions; from += BLOCK) {
		lanes sum[BLOCK_LANES] = { 0 };

		for (size_t i = 0; i < count; i++) {
			const signed char *codes =
				s->codes + entry_term(entries[i]) * s->dimensions + from;
			float weight = weight_of(s, logs, entries[i]);

#pragma GCC unroll 8
			for (size_t k = 0; k < BLOCK_LANES; k++) {
				const void *at = codes + LANES * k;
				__m256i numbers = _mm256_cvtepi8_epi32(_mm_loadl_epi64(at));

				sum[k] += weight * (lanes)_mm256_cvtepi32_ps(numbers);
			}
		}
		memcpy(point + from, sum, sizeof(sum));
	}
}
#endif

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

void latent_gather(const struct latent_space *s, const struct latent_logs *logs,
		   const uint32_t *entries, size_t count, float *point)
{
#if HAS_AVX2
	if (use_avx2()) {
		gather_avx2(s, logs, entries, count, point);
		return;
	}
#endif
	gather_body(s, logs, entries, count, point);
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

/* ---- how near rows are ---- */

INLINE void scores_body(const int16_t *point, float unit, const signed char *codes,
			const unsigned char *scales, size_t count, size_t dimensions, float *scores)
{
	for (size_t row = 0; row < count; row++) {
		const signed char *numbers = codes + row * dimensions;
		int32_t sum = 0;

		for (size_t i = 0; i < dimensions; i++)
			sum += point[i] * numbers[i];
		scores[row] = (float)sum * load_float(scales + sizeof(float) * row) * unit;
	}
}

#if HAS_AVX2
FOR_AVX2 INLINE __m256i product_of(const int16_t *point, const signed char *codes,
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

/* The products of four rows. */
FOR_AVX2 INLINE __m128i four_products(const int16_t *point, const signed char *codes,
				      size_t dimensions)
{
	__m256i a = product_of(point, codes, dimensions);
	__m256i b = product_of(point, codes + dimensions, dimensions);
	__m256i c = product_of(point, codes + 2 * dimensions, dimensions);
	__m256i d = product_of(point, codes + 3 * dimensions, dimensions);
	__m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));

	return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

/* As many rows as make fours; returns how many. */
FOR_AVX2 INLINE size_t scores_fours(const int16_t *point, float unit, const signed char *codes,
				    const unsigned char *scales, size_t count, size_t dimensions,
				    float *scores)
{
	size_t row = 0;

	for (; row + 4 <= count; row += 4) {
		__m128i sums = four_products(point, codes + row * dimensions, dimensions);
		__m128 scale = _mm_loadu_ps((const void *)(scales + sizeof(float) * row));

		_mm_storeu_ps(scores + row, _mm_mul_ps(_mm_mul_ps(_mm_cvtepi32_ps(sums), scale),
						       _mm_set1_ps(unit)));
	}
	return row;
}

FOR_AVX2 static size_t scores_avx2(const int16_t *point, float unit, const signed char *codes,
				   const unsigned char *scales, size_t count, size_t dimensions,
				   float *scores)
{
	if (dimensions == LATENT_DIMENSIONS)
		return scores_fours(point, unit, codes, scales, count, LATENT_DIMENSIONS, scores);
	return scores_fours(point, unit, codes, scales, count, dimensions, scores);
}
#endif

void latent_scores(const int16_t *point, float unit, const signed char *codes,
		   const unsigned char *scales, size_t count, size_t dimensions, float *scores)
{
	size_t done = 0;

#if HAS_AVX2
	if (use_avx2())
		done = scores_avx2(point, unit, codes, scales, count, dimensions, scores);
#endif
	codes += done * dimensions;
	scales += done * sizeof(float);
	/* A constant is what compilers make vectors of. */
	if (dimensions == LATENT_DIMENSIONS)
		scores_body(point, unit, codes, scales, count - done, LATENT_DIMENSIONS,
			    scores + done);
	else
		scores_body(point, unit, codes, scales, count - done, LATENT_DIMENSIONS_MAX,
			    scores + done);
}
