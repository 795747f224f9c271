/* tests/support/vectors.c - vectors for tests. */
#include "tests/support/vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

static float next_float(uint64_t *state)
{
	return (float)(vector_random(state) >> 40) * 0x1p-24F;
}

/* Near enough to normal: a sum of four. */
static float next_normal(uint64_t *state)
{
	float sum = 0;

	for (size_t i = 0; i < 4; i++)
		sum += next_float(state);
	return (sum - 2) * 1.732F;
}

struct data make_data(size_t dimensions, size_t count, uint64_t seed)
{
	enum { TOPICS = 50 };
	struct data d = { .dimensions = dimensions, .count = count };
	float *topics = mem_alloc(TOPICS * dimensions * sizeof(*topics));
	uint64_t fixed = 7, state = seed;

	for (size_t i = 0; i < TOPICS * dimensions; i++)
		topics[i] = next_normal(&fixed) / (1 + 0.02F * (float)(i % dimensions));
	d.vectors = mem_alloc((count + 1) * dimensions * sizeof(*d.vectors));
	d.ids = mem_alloc((count + 1) * sizeof(*d.ids));
	for (size_t v = 0; v < count; v++) {
		const float *topic = topics + vector_random(&state) % TOPICS * dimensions;

		d.ids[v] = (int64_t)v * 3 - 100;
		for (size_t i = 0; i < dimensions; i++)
			d.vectors[v * dimensions + i] =
				0.3F + topic[i] * 0.6F +
				next_normal(&state) / (1 + 0.01F * (float)i);
	}
	mem_free(topics);
	return d;
}

void free_data(struct data *d)
{
	mem_free(d->vectors);
	mem_free(d->ids);
}

struct vector_space *space_of(const struct data *d)
{
	float *mean = mem_calloc(d->dimensions, sizeof(*mean));
	struct vector_space *s;

	vector_mean(d->vectors, d->count, d->dimensions, mean);
	s = vector_space_new(d->dimensions, 42, mean, NULL);
	assert_non_null(s);
	mem_free(mean);
	return s;
}

struct packed pack(const struct vector_space *s, const struct data *d, size_t from, size_t to)
{
	struct packed p;
	struct err err = ERR_INIT;

	buf_init(&p.bytes, 1000 * MIB);
	assert_int_equal(vector_pack(s, d->vectors + from * d->dimensions, d->ids + from, to - from,
				     &p.bytes, &err),
			 0);
	p.block = vector_block_open(s, buf_span(&p.bytes), &err);
	assert_non_null(p.block);
	assert_int_equal(vector_block_rows(p.block), to - from);
	return p;
}

void free_packed(struct packed *p)
{
	vector_block_close(p->block);
	buf_free(&p->bytes);
}

double cosine(const float *a, const float *b, size_t n)
{
	double ab = 0, aa = 0, bb = 0;

	for (size_t i = 0; i < n; i++) {
		ab += (double)a[i] * (double)b[i];
		aa += (double)a[i] * (double)a[i];
		bb += (double)b[i] * (double)b[i];
	}
	return ab / sqrt(aa * bb);
}

static int by_score(const void *a, const void *b)
{
	const struct vector_hit *one = a, *other = b;

	return (one->score < other->score) - (one->score > other->score);
}

size_t exact_hits(const struct data *d, const uint64_t *bits, const float *query,
		  struct vector_hit *hits, size_t max)
{
	struct vector_hit *all = mem_alloc(d->count * sizeof(*all));
	size_t count = 0;

	for (size_t i = 0; i < d->count; i++)
		if (!bits || vector_bit(bits, i))
			all[count++] =
				(struct vector_hit){ d->ids[i],
						     (float)cosine(d->vectors + i * d->dimensions,
								   query, d->dimensions) };
	qsort(all, count, sizeof(*all), by_score);
	count = count < max ? count : max;
	memcpy(hits, all, count * sizeof(*hits));
	mem_free(all);
	return count;
}

size_t common_ids(const struct vector_hit *a, const struct vector_hit *b, size_t count)
{
	size_t common = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			common += a[i].id == b[j].id;
	return common;
}

void assert_same_hits(const struct vector_hit *right, const struct vector_hit *hits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(hits[i].id, right[i].id);
		assert_memory_equal(&hits[i].score, &right[i].score, sizeof(hits[i].score));
	}
}

uint64_t *draw_bits(size_t count, unsigned per_mille, uint64_t seed)
{
	uint64_t *bits = mem_calloc(count / 64 + 1, sizeof(*bits));

	for (size_t i = 0; i < count; i++)
		if (vector_random(&seed) % 1000 < per_mille)
			bits[i / 64] |= UINT64_C(1) << (i % 64);
	return bits;
}

const char *const kernels[3] = { "portable", "avx2", "neon" };

void use_best_kernel(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
		vector_kernel_use(kernels[i]);
}
