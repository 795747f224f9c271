/* tests/bench/vectors.c - vectors made up, and the right answers among them. */
#include "tests/bench/vectors.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#include "common/base/mem.h"

enum { TOPICS = 60, PARTS = 40, LANES = 8 };

static const float mean_weight = 0.45F, topic_weight = 0.5F, part_weight = 0.55F;
static const float own_weight = 0.8F, power = 0.5F;

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Nearly normal: four even ones. */
static float normal(uint64_t *state)
{
	uint64_t x = next(state);
	uint64_t sum = (x & 0xffff) + (x >> 16 & 0xffff) + (x >> 32 & 0xffff) + (x >> 48);

	return ((float)sum - 131070) * (1.7320508F / 65535);
}

/* Adds weight times a random direction, of length 1 or so. */
static void add_random(float *to, const float *spectrum, float weight, uint64_t *state)
{
	for (size_t i = 0; i < VECTORS_DIMENSIONS; i++)
		to[i] += weight * spectrum[i] * normal(state);
}

static void add_seeded(float *to, const float *spectrum, float weight, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0xd1342543de82ef95);

	add_random(to, spectrum, weight, &state);
}

static float product(const float *a, const float *b)
{
	float sums[LANES] = { 0 }, sum = 0;

	for (size_t i = 0; i < VECTORS_DIMENSIONS; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			sums[j] += a[i + j] * b[i + j];
	for (size_t j = 0; j < LANES; j++)
		sum += sums[j];
	return sum;
}

float *vectors_make(size_t count, uint64_t seed)
{
	float *vectors = mem_calloc(count, VECTORS_DIMENSIONS * sizeof(*vectors));
	float *topics = mem_calloc((size_t)TOPICS * PARTS, VECTORS_DIMENSIONS * sizeof(*topics));
	float spectrum[VECTORS_DIMENSIONS], sum = 0;
	uint64_t state = seed;

	for (size_t i = 0; i < VECTORS_DIMENSIONS; i++) {
		spectrum[i] = powf((float)(i + 1), -power);
		sum += spectrum[i] * spectrum[i];
	}
	for (size_t i = 0; i < VECTORS_DIMENSIONS; i++)
		spectrum[i] /= sqrtf(sum);
	for (size_t t = 0; t < (size_t)TOPICS * PARTS; t++) {
		float *topic = topics + t * VECTORS_DIMENSIONS;

		add_seeded(topic, spectrum, mean_weight, 1);
		add_seeded(topic, spectrum, topic_weight, 1000 + t / PARTS);
		add_seeded(topic, spectrum, part_weight, 100000 + t);
	}
	for (size_t v = 0; v < count; v++) {
		float *vector = vectors + v * VECTORS_DIMENSIONS, length;
		const float *topic =
			topics + next(&state) % ((uint64_t)TOPICS * PARTS) * VECTORS_DIMENSIONS;

		for (size_t i = 0; i < VECTORS_DIMENSIONS; i++)
			vector[i] = topic[i];
		add_random(vector, spectrum, own_weight, &state);
		length = sqrtf(product(vector, vector));
		for (size_t i = 0; i < VECTORS_DIMENSIONS; i++)
			vector[i] /= length;
	}
	mem_free(topics);
	return vectors;
}

static size_t nearest(const float *vectors, size_t count, const uint64_t *bits, const float *query,
		      int64_t *rows, float *scores, size_t max)
{
	size_t kept = 0;

	for (size_t v = 0; v < count; v++) {
		float score;
		size_t at;

		if (bits && !(bits[v / 64] >> (v % 64) & 1))
			continue;
		score = product(vectors + v * VECTORS_DIMENSIONS, query);
		if (kept == max && score <= scores[max - 1])
			continue;
		at = kept < max ? kept++ : max - 1;
		for (; at > 0 && scores[at - 1] < score; at--) {
			scores[at] = scores[at - 1];
			rows[at] = rows[at - 1];
		}
		scores[at] = score;
		rows[at] = (int64_t)v;
	}
	return kept;
}

void vectors_nearest(const float *vectors, size_t count, const uint64_t *bits, const float *query,
		     int64_t *rows)
{
	float scores[VECTORS_NEAREST];

	for (size_t i = nearest(vectors, count, bits, query, rows, scores, VECTORS_NEAREST);
	     i < VECTORS_NEAREST; i++)
		rows[i] = -1;
}

size_t vectors_common(const int64_t *right, const int64_t *rows, size_t count)
{
	size_t common = 0;

	for (size_t i = 0; i < VECTORS_NEAREST; i++)
		for (size_t j = 0; j < count; j++)
			common += right[i] == rows[j];
	return common;
}

/* Levina and Bickel's estimate of the dimensions, from the distances of 20 neighbours. */
void vectors_describe(const float *vectors, size_t count)
{
	enum { SAMPLE = 1657, NEIGHBOURS = 20 };
	double cosine = 0, inverse = 0;
	size_t n = count < SAMPLE ? count : SAMPLE;

	for (size_t v = 0; v < n; v++) {
		int64_t rows[NEIGHBOURS + 1];
		float scores[NEIGHBOURS + 1];
		double sum = 0, far;

		nearest(vectors, n, NULL, vectors + v * VECTORS_DIMENSIONS, rows, scores,
			NEIGHBOURS + 1);
		cosine += (double)scores[1];
		far = sqrt(2 - 2 * (double)scores[NEIGHBOURS]);
		for (size_t i = 1; i < NEIGHBOURS; i++)
			sum += log(far / sqrt(2 - 2 * (double)scores[i]));
		inverse += sum / (NEIGHBOURS - 1);
	}
	printf("of %zu vectors: nearest neighbour at cosine %.3f, %.1f dimensions\n", n,
	       cosine / (double)n, (double)n / inverse);
}

double vectors_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
