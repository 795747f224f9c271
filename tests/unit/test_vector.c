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

/* To the last bit. */
static void assert_same_hits(const struct vector_hit *right, const struct vector_hit *hits,
			     size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(hits[i].id, right[i].id);
		assert_memory_equal(&hits[i].score, &right[i].score, sizeof(hits[i].score));
	}
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
		assert_true(found >= queries.count * 10 * 99 / 100);
		free_packed(&p);
		vector_space_free(s);
		free_data(&d);
		free_data(&queries);
	}
}

static const char *const kernels[] = { "portable", "avx2", "neon" };

/* Leaves the fastest in use. */
static void use_best_kernel(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kernels); i++)
		vector_kernel_use(kernels[i]);
}

static uint64_t *draw_bits(size_t count, unsigned per_mille, uint64_t seed)
{
	uint64_t *bits = mem_calloc(count / 64 + 1, sizeof(*bits));

	for (size_t i = 0; i < count; i++)
		if (vector_random(&seed) % 1000 < per_mille)
			bits[i / 64] |= UINT64_C(1) << (i % 64);
	return bits;
}

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
		vector_store_float(factors + 4 * i, 1);
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

static bool has_id(const struct data *d, const uint64_t *bits, int64_t id)
{
	size_t row = (size_t)(id + 100) / 3;

	return row < d->count && d->ids[row] == id && vector_bit(bits, row);
}

static void filters_leave_what_they_name(void **state)
{
	static const unsigned shares[] = { 500, 100, 30, 15, 2 };
	struct data d = make_data(256, 6000, 1), queries = make_data(256, 20, 2);
	struct vector_space *s = space_of(&d);
	struct packed parts[] = { pack(s, &d, 0, 2048), pack(s, &d, 2048, 6000) };
	const struct vector_block *const blocks[] = { parts[0].block, parts[1].block };

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(shares); c++) {
		uint64_t *only = draw_bits(d.count, shares[c], 6 + c);
		uint64_t *dead = draw_bits(d.count, 300, 60 + c), both[6000 / 64 + 1];
		const uint64_t *const onlys[] = { only, only + 2048 / 64 };
		const uint64_t *const deads[] = { dead, dead + 2048 / 64 };
		const struct vector_view view = {
			.blocks = blocks, .count = 2, .only = onlys, .dead = deads
		};
		size_t found = 0, of = 0;

		for (size_t i = 0; i < ARRAY_LEN(both); i++)
			both[i] = only[i] & ~dead[i];
		for (size_t q = 0; q < queries.count; q++) {
			const float *query = queries.vectors + q * d.dimensions;
			struct vector_hit right[10], hits[10];
			size_t count = exact_hits(&d, both, query, right, 10);

			assert_int_equal(vector_search(s, &view, query, 0, hits, 10), count);
			for (size_t i = 0; i < count; i++)
				assert_true(has_id(&d, both, hits[i].id));
			found += common_ids(right, hits, count);
			of += count;
		}
		assert_true(found >= of * 99 / 100);
		mem_free(only);
		mem_free(dead);
	}
	free_packed(&parts[0]);
	free_packed(&parts[1]);
	vector_space_free(s);
	free_data(&d);
	free_data(&queries);
}

static void a_merged_block_has_the_living_rows(void **state)
{
	struct data d = make_data(300, 2500, 1), queries = make_data(300, 10, 2);
	struct vector_space *s = space_of(&d);
	/* Out of order, with an odd number of rows each, one empty. */
	struct packed parts[] = { pack(s, &d, 1001, 2500), pack(s, &d, 0, 77), pack(s, &d, 9, 9),
				  pack(s, &d, 77, 1001) };
	const struct vector_block *const blocks[] = { parts[0].block, parts[1].block,
						      parts[2].block, parts[3].block };
	uint64_t *dead = draw_bits(1499, 400, 9), *others = draw_bits(924, 100, 10);
	const uint64_t *const deads[] = { dead, NULL, NULL, others };
	struct vector_view view = { .blocks = blocks, .count = 4, .dead = deads };
	struct buf merged;
	struct vector_block *b;
	size_t living = 77;

	(void)state;
	for (size_t i = 0; i < 1499; i++)
		living += !vector_bit(dead, i);
	for (size_t i = 0; i < 924; i++)
		living += !vector_bit(others, i);
	buf_init(&merged, 100 * MIB);
	assert_int_equal(vector_merge(blocks, deads, 4, &merged, NULL), 0);
	b = vector_block_open(s, buf_span(&merged), NULL);
	assert_non_null(b);
	assert_int_equal(vector_block_rows(b), living);
	for (size_t q = 0; q < queries.count; q++) {
		const float *query = queries.vectors + q * d.dimensions;
		const struct vector_block *const one[] = { b };
		const struct vector_view after = { .blocks = one, .count = 1 };
		struct vector_hit right[20], hits[20];

		assert_int_equal(vector_search(s, &view, query, 0, right, 20), 20);
		assert_int_equal(vector_search(s, &after, query, 0, hits, 20), 20);
		assert_same_hits(right, hits, 20);
	}
	vector_block_close(b);
	buf_free(&merged);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		free_packed(&parts[i]);
	mem_free(dead);
	mem_free(others);
	vector_space_free(s);
	free_data(&d);
	free_data(&queries);
}

static void a_merge_of_what_does_not_fit_together_fails(void **state)
{
	struct data d = make_data(64, 100, 1);
	struct vector_space *s = space_of(&d), *other = vector_space_new(64, 43, NULL, NULL);
	struct packed parts[] = { pack(s, &d, 0, 60), pack(s, &d, 59, 100),
				  pack(other, &d, 60, 100) };
	struct err err = ERR_INIT;
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	buf_add_str(&out, "before");
	assert_int_equal(
		vector_merge((const struct vector_block *const[]){ parts[0].block, parts[1].block },
			     NULL, 2, &out, &err),
		-1);
	assert_int_equal(err.code, E_storage_error);
	err_clear(&err);
	assert_int_equal(
		vector_merge((const struct vector_block *const[]){ parts[0].block, parts[2].block },
			     NULL, 2, &out, &err),
		-1);
	assert_int_equal(err.code, E_storage_error);
	assert_string_equal(buf_str(&out), "before");
	buf_free(&out);
	buf_init(&out, 1000);
	assert_int_equal(vector_merge((const struct vector_block *const[]){ parts[0].block }, NULL,
				      1, &out, &err),
			 -1);
	assert_int_equal(err.code, E_too_large);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		free_packed(&parts[i]);
	vector_space_free(s);
	vector_space_free(other);
	free_data(&d);
}

static void a_vector_without_direction_is_refused(void **state)
{
	static const float bad[] = { NAN, INFINITY, -INFINITY };
	struct data d = make_data(100, 10, 1);
	struct vector_space *s = space_of(&d);
	struct packed p = pack(s, &d, 0, 10);
	const struct vector_block *const blocks[] = { p.block };
	const struct vector_view view = { .blocks = blocks, .count = 1 };
	struct vector_hit hits[3];
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	for (size_t i = 0; i <= ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		float vector[100] = { 0 };

		if (i < ARRAY_LEN(bad)) {
			vector[0] = 1;
			vector[99] = bad[i];
		}
		assert_false(vector_usable(vector, 100));
		memcpy(d.vectors + 500, vector, sizeof(vector));
		assert_int_equal(vector_pack(s, d.vectors, d.ids, 10, &out, &err), -1);
		assert_int_equal(err.code, E_invalid_field);
		assert_non_null(strstr(err.message, "vector 5 "));
		assert_int_equal(out.len, 0);
		assert_int_equal(vector_search(s, &view, vector, 0, hits, 3), 0);
	}
	buf_free(&out);
	free_packed(&p);
	vector_space_free(s);
	free_data(&d);
}

static void vectors_of_any_length_are_the_same(void **state)
{
	static const float lengths[] = { 1e-38F, 1e-6F, 1, 3e4F, 1e37F };
	struct data d = make_data(128, 50, 1);
	struct vector_space *s = space_of(&d);
	struct packed p = pack(s, &d, 0, d.count);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct data scaled = make_data(128, 50, 1);
		struct packed q;
		struct vector_hit right[5], hits[5];

		for (size_t j = 0; j < 128 * 50; j++)
			scaled.vectors[j] *= lengths[i];
		q = pack(s, &scaled, 0, d.count);
		assert_int_equal(
			vector_search(s,
				      &(struct vector_view){
					      .blocks = (const struct vector_block *[]){ p.block },
					      .count = 1 },
				      d.vectors, 0, right, 5),
			5);
		assert_int_equal(
			vector_search(s,
				      &(struct vector_view){
					      .blocks = (const struct vector_block *[]){ q.block },
					      .count = 1 },
				      scaled.vectors, 0, hits, 5),
			5);
		for (size_t j = 0; j < 5; j++) {
			assert_int_equal(right[j].id, hits[j].id);
			assert_true(fabsf(right[j].score - hits[j].score) < 1e-3F);
		}
		free_packed(&q);
		free_data(&scaled);
	}
	free_packed(&p);
	vector_space_free(s);
	free_data(&d);
}

static void ids_must_ascend(void **state)
{
	struct data d = make_data(16, 3, 1);
	struct vector_space *s = space_of(&d);
	struct err err = ERR_INIT;
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	d.ids[2] = d.ids[1];
	assert_int_equal(vector_pack(s, d.vectors, d.ids, 3, &out, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	vector_space_free(s);
	free_data(&d);
}

static bool opens(const struct vector_space *s, const char *bytes, size_t len)
{
	/* A copy of just that size, at an odd address, for the sanitizer to watch. */
	char *copy = mem_alloc(len + 1);
	struct err err = ERR_INIT;
	struct vector_block *b;

	memcpy(copy + 1, bytes, len);
	b = vector_block_open(s, span_of(copy + 1, len), &err);
	assert_true(b || err.code == E_storage_error);
	vector_block_close(b);
	mem_free(copy);
	return b != NULL;
}

static void damaged_bytes_are_refused(void **state)
{
	struct data d = make_data(40, 5, 1);
	struct vector_space *s = space_of(&d), *other = vector_space_new(40, 1, NULL, NULL);
	struct packed p = pack(s, &d, 0, d.count);

	(void)state;
	assert_true(opens(s, p.bytes.ptr, p.bytes.len));
	assert_false(opens(other, p.bytes.ptr, p.bytes.len));
	for (size_t len = 0; len < p.bytes.len; len++)
		assert_false(opens(s, p.bytes.ptr, len));
	for (size_t i = 0; i < p.bytes.len; i++) {
		p.bytes.ptr[i] = (char)(p.bytes.ptr[i] ^ 1 << i % 8);
		assert_false(opens(s, p.bytes.ptr, p.bytes.len));
		p.bytes.ptr[i] = (char)(p.bytes.ptr[i] ^ 1 << i % 8);
	}
	free_packed(&p);
	vector_space_free(s);
	vector_space_free(other);
	free_data(&d);
}

static void sign_anew(struct buf *bytes)
{
	unsigned char *at = (unsigned char *)bytes->ptr;

	vector_store64(
		at + VECTOR_HEAD_CHECKSUM,
		vector_checksum(at, VECTOR_HEAD_CHECKSUM) +
			vector_checksum(at + VECTOR_HEAD_SIZE, bytes->len - VECTOR_HEAD_SIZE));
}

static void forged_factors_and_ids_are_refused(void **state)
{
	static const struct {
		enum vector_section section;
		float value;
	} cases[] = {
		{ VECTOR_SCALES, NAN },      { VECTOR_SCALES, -1 },
		{ VECTOR_SCALES, INFINITY }, { VECTOR_FACTORS, NAN },
		{ VECTOR_FACTORS, 1e9F },    { VECTOR_OFFSETS, NAN },
		{ VECTOR_OFFSETS, -1e9F },   { VECTOR_OFFSETS, INFINITY },
	};
	struct data d = make_data(40, 33, 1);
	struct vector_space *s = space_of(&d);
	size_t sizes[VECTOR_SECTION_COUNT];

	(void)state;
	for (size_t c = 0; c <= ARRAY_LEN(cases); c++) {
		struct packed p = pack(s, &d, 0, d.count);
		unsigned char *at = (unsigned char *)p.bytes.ptr + VECTOR_HEAD_SIZE;

		vector_section_sizes(d.count, VECTOR_POINTS, sizes);
		if (c == ARRAY_LEN(cases)) {
			vector_store64(at + 8, (uint64_t)d.ids[0]);
		} else {
			for (size_t i = 0; i < cases[c].section; i++)
				at += sizes[i];
			vector_store_float(at + 4 * 32, cases[c].value);
		}
		sign_anew(&p.bytes);
		assert_false(opens(s, p.bytes.ptr, p.bytes.len));
		free_packed(&p);
	}
	vector_space_free(s);
	free_data(&d);
}

static void a_space_is_written_and_opened(void **state)
{
	struct data d = make_data(333, 100, 1);
	struct vector_space *s = space_of(&d), *opened;
	struct packed p = pack(s, &d, 0, d.count);
	struct err err = ERR_INIT;
	struct buf bytes;

	(void)state;
	buf_init(&bytes, MIB);
	assert_int_equal(vector_space_write(s, &bytes, &err), 0);
	opened = vector_space_open(buf_span(&bytes), &err);
	assert_non_null(opened);
	assert_int_equal(vector_space_dimensions(opened), 333);
	assert_true(opens(opened, p.bytes.ptr, p.bytes.len));
	vector_space_free(opened);
	for (size_t len = 0; len < bytes.len; len++)
		assert_null(vector_space_open(span_of(bytes.ptr, len), NULL));
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.ptr[i] = (char)(bytes.ptr[i] ^ 1 << i % 8);
		assert_null(vector_space_open(buf_span(&bytes), &err));
		assert_int_equal(err.code, E_storage_error);
		bytes.ptr[i] = (char)(bytes.ptr[i] ^ 1 << i % 8);
	}
	buf_free(&bytes);
	buf_init(&bytes, 100);
	assert_int_equal(vector_space_write(s, &bytes, &err), -1);
	assert_int_equal(err.code, E_too_large);
	buf_free(&bytes);
	free_packed(&p);
	vector_space_free(s);
	free_data(&d);
}

static void bad_spaces_are_refused(void **state)
{
	static const float bad[] = { NAN, INFINITY, -1.5F };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(vector_space_new(0, 1, NULL, &err));
	assert_int_equal(err.code, E_invalid_field);
	assert_null(vector_space_new(VECTOR_DIMENSIONS_MAX + 1, 1, NULL, &err));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		float mean[4] = { 0, bad[i] };

		err_clear(&err);
		assert_null(vector_space_new(4, 1, mean, &err));
		assert_int_equal(err.code, E_invalid_field);
	}
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

struct stored {
	const struct data *data;
	size_t asked;
	int64_t missing; /* every so many-th is not at hand */
};

static bool stored_exact(void *data, int64_t id, float *vector)
{
	struct stored *stored = data;
	size_t n = stored->data->dimensions;

	stored->asked++;
	if (stored->missing > 0 && id % stored->missing == 0)
		return false;
	memcpy(vector, stored->data->vectors + (size_t)(id + 100) / 3 * n, n * sizeof(*vector));
	return true;
}

static void the_last_word_has_the_stored_vector(void **state)
{
	struct data d = make_data(256, 3000, 1), queries = make_data(256, 30, 2);
	struct vector_space *s = space_of(&d);
	struct packed p = pack(s, &d, 0, d.count);
	const struct vector_block *const blocks[] = { p.block };
	struct stored stored = { .data = &d };
	struct vector_view view = {
		.blocks = blocks, .count = 1, .exact = stored_exact, .data = &stored
	};

	(void)state;
	for (size_t q = 0; q < queries.count; q++) {
		const float *query = queries.vectors + q * d.dimensions;
		struct vector_hit right[10], hits[10];

		stored.asked = 0;
		stored.missing = 0;
		exact_hits(&d, NULL, query, right, 10);
		assert_int_equal(vector_search(s, &view, query, 400, hits, 10), 10);
		assert_int_equal(stored.asked, 30);
		for (size_t i = 0; i < 10; i++) {
			assert_int_equal(hits[i].id, right[i].id);
			assert_true(fabsf(hits[i].score - right[i].score) < 1e-6F);
		}
		stored.missing = 2;
		assert_int_equal(vector_search(s, &view, query, 400, hits, 10), 10);
		assert_true(common_ids(right, hits, 10) >= 9);
	}
	free_packed(&p);
	vector_space_free(s);
	free_data(&d);
	free_data(&queries);
}

static void equal_rows_come_by_id(void **state)
{
	struct data d = make_data(64, 3000, 1);
	struct vector_space *s = space_of(&d);
	struct packed parts[2];
	struct vector_hit hits[50];

	(void)state;
	for (size_t i = 1; i < d.count; i += 2)
		memcpy(d.vectors + i * 64, d.vectors, 64 * sizeof(float));
	parts[0] = pack(s, &d, 0, 1500);
	parts[1] = pack(s, &d, 1500, 3000);
	assert_int_equal(
		vector_search(s,
			      &(struct vector_view){
				      .blocks = (const struct vector_block *[]){ parts[0].block,
										 parts[1].block },
				      .count = 2 },
			      d.vectors, 0, hits, 50),
		50);
	assert_int_equal(hits[0].id, d.ids[0]);
	for (size_t i = 1; i < 50; i++)
		assert_int_equal(hits[i].id, d.ids[2 * i - 1]);
	free_packed(&parts[0]);
	free_packed(&parts[1]);
	vector_space_free(s);
	free_data(&d);
}

static void what_is_empty_finds_nothing(void **state)
{
	struct data d = make_data(64, 70, 1);
	struct vector_space *s = space_of(&d);
	struct packed none = pack(s, &d, 0, 0), all = pack(s, &d, 0, 70);
	const struct vector_block *const blocks[] = { none.block, all.block };
	const uint64_t nobody[2] = { 0 }, everybody[2] = { UINT64_MAX, UINT64_MAX };
	struct vector_hit hits[100];
	struct vector_view view = { .blocks = blocks, .count = 1 };

	(void)state;
	assert_int_equal(vector_search(s, &(struct vector_view){ 0 }, d.vectors, 0, hits, 100), 0);
	assert_int_equal(vector_search(s, &view, d.vectors, 0, hits, 100), 0);
	view.count = 2;
	assert_int_equal(vector_search(s, &view, d.vectors, 0, hits, 0), 0);
	assert_int_equal(vector_search(s, &view, d.vectors, 0, hits, 100), 70);
	assert_int_equal(vector_search(s, &view, d.vectors, SIZE_MAX, hits, 100), 70);
	view.only = (const uint64_t *const[]){ nobody, nobody };
	assert_int_equal(vector_search(s, &view, d.vectors, 0, hits, 100), 0);
	view.only = NULL;
	view.dead = (const uint64_t *const[]){ NULL, everybody };
	assert_int_equal(vector_search(s, &view, d.vectors, 0, hits, 100), 0);
	free_packed(&none);
	free_packed(&all);
	vector_space_free(s);
	free_data(&d);
}

static void ids_are_found_and_marked(void **state)
{
	static const int64_t wanted[] = { -500, -100, -99, -97, -96, 50, 97,
					  98,   101,  107, 110, 113, 900 };
	struct data d = make_data(16, 72, 1);
	struct vector_space *s = space_of(&d);
	struct packed p = pack(s, &d, 0, d.count);
	uint64_t bits[2] = { 0 };
	size_t set = 0;

	(void)state;
	assert_int_equal(vector_block_words(p.block), 2);
	for (size_t i = 0; i < d.count; i++)
		assert_int_equal(vector_block_row(p.block, d.ids[i]), i);
	assert_int_equal(vector_block_row(p.block, -101), -1);
	assert_int_equal(vector_block_row(p.block, 114), -1);
	assert_int_equal(vector_block_mark(p.block, wanted, ARRAY_LEN(wanted), bits), 8);
	for (size_t i = 0; i < d.count; i++)
		for (size_t j = 0; j < ARRAY_LEN(wanted); j++)
			set += vector_bit(bits, i) && wanted[j] == d.ids[i];
	assert_int_equal(set, 8);
	free_packed(&p);
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
		cmocka_unit_test(neighbours_are_found),
		cmocka_unit_test(all_kernels_give_the_same_hits),
		cmocka_unit_test(sums_do_not_overflow),
		cmocka_unit_test(filters_leave_what_they_name),
		cmocka_unit_test(a_merged_block_has_the_living_rows),
		cmocka_unit_test(a_merge_of_what_does_not_fit_together_fails),
		cmocka_unit_test(a_vector_without_direction_is_refused),
		cmocka_unit_test(vectors_of_any_length_are_the_same),
		cmocka_unit_test(ids_must_ascend),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(forged_factors_and_ids_are_refused),
		cmocka_unit_test(a_space_is_written_and_opened),
		cmocka_unit_test(bad_spaces_are_refused),
		cmocka_unit_test(a_rotation_keeps_products),
		cmocka_unit_test(the_last_word_has_the_stored_vector),
		cmocka_unit_test(equal_rows_come_by_id),
		cmocka_unit_test(what_is_empty_finds_nothing),
		cmocka_unit_test(ids_are_found_and_marked),
		cmocka_unit_test(halves_are_the_nearest),
		cmocka_unit_test(halves_come_back_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
