/* Tests of common/rag/vector.h: beside exact scores, and each kernel beside the portable one. */
#include "common/rag/vector.h"

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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

/* Vectors about topics, with a common mean and directions that matter more than others. */
struct data {
	size_t dimensions, count;
	float *vectors;
	int64_t *ids;
};

static struct data make_data(size_t dimensions, size_t count, uint64_t seed)
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

static void free_data(struct data *d)
{
	mem_free(d->vectors);
	mem_free(d->ids);
}

static struct vector_space *space_of(const struct data *d)
{
	float *mean = mem_calloc(d->dimensions, sizeof(*mean));
	struct vector_space *s;

	vector_mean(d->vectors, d->count, d->dimensions, mean);
	s = vector_space_new(d->dimensions, 42, mean, NULL);
	assert_non_null(s);
	mem_free(mean);
	return s;
}

/* Rows from..to as a block of its own. */
struct packed {
	struct buf bytes;
	struct vector_block *block;
};

static struct packed pack(const struct vector_space *s, const struct data *d, size_t from,
			  size_t to)
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

static void free_packed(struct packed *p)
{
	vector_block_close(p->block);
	buf_free(&p->bytes);
}

static double cosine(const float *a, const float *b, size_t n)
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

/* What a search should find among rows whose bit is set, or all. */
static size_t exact_hits(const struct data *d, const uint64_t *bits, const float *query,
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

static size_t common_ids(const struct vector_hit *a, const struct vector_hit *b, size_t count)
{
	size_t common = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			common += a[i].id == b[j].id;
	return common;
}

static void neighbours_are_found(void **state)
{
	static const size_t dimensions[] = { 768, 384, 256, 1024, 100 };

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(dimensions); c++) {
		struct data d = make_data(dimensions[c], 4000, 1),
			    queries = make_data(dimensions[c], 50, 2);
		struct vector_space *s = space_of(&d);
		struct packed p = pack(s, &d, 0, d.count);
		const struct vector_block *const blocks[] = { p.block };
		const struct vector_view view = { .blocks = blocks, .count = 1 };
		size_t found = 0;

		for (size_t q = 0; q < queries.count; q++) {
			const float *query = queries.vectors + q * d.dimensions;
			struct vector_hit right[10], hits[10];

			exact_hits(&d, NULL, query, right, 10);
			assert_int_equal(vector_search(s, &view, query, 0, hits, 10), 10);
			found += common_ids(right, hits, 10);
			for (size_t i = 0; i < 10; i++) {
				size_t row = (size_t)(hits[i].id + 100) / 3;

				assert_true(fabs(cosine(d.vectors + row * d.dimensions, query,
							d.dimensions) -
						 (double)hits[i].score) < 0.003);
			}
		}
		print_message("%zu dimensions: recall %.4f\n", dimensions[c],
			      (double)found / (double)(queries.count * 10));
		assert_true(found >= queries.count * 10 * 99 / 100);
		free_packed(&p);
		vector_space_free(s);
		free_data(&d);
		free_data(&queries);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
