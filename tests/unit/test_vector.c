/* Tests of common/rag/vector.h: searches beside exact scores. */
#include "common/rag/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"
#include "tests/support/vectors.h"

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

/* All of a list are found as surely as the ten best. */
static void long_lists_are_found(void **state)
{
	enum { LONG = 500, QUERIES = 5 };
	static const struct {
		size_t dimensions, max;
	} cases[] = { { 768, LONG }, { 256, 40 }, { 256, LONG } };
	struct vector_hit right[LONG], hits[LONG];

	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		size_t max = cases[c].max, found = 0;
		struct data d = make_data(cases[c].dimensions, 5000, 1),
			    queries = make_data(cases[c].dimensions, QUERIES, 2);
		struct vector_space *s = space_of(&d);
		struct packed p = pack(s, &d, 0, d.count);
		const struct vector_block *const blocks[] = { p.block };
		const struct vector_view view = { .blocks = blocks, .count = 1 };

		for (size_t q = 0; q < queries.count; q++) {
			const float *query = queries.vectors + q * d.dimensions;

			exact_hits(&d, NULL, query, right, max);
			assert_int_equal(vector_search(s, &view, query, 0, hits, max), max);
			found += common_ids(right, hits, max);
			for (size_t i = 1; i < max; i++)
				assert_true(hits[i].score <= hits[i - 1].score);
		}
		if (found < queries.count * max * 99 / 100)
			fail_msg("%zu of %zu at %zu dimensions", found, queries.count * max, d.dimensions);
		free_packed(&p);
		vector_space_free(s);
		free_data(&d);
		free_data(&queries);
	}
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
		assert_int_equal(vector_search(s, &view, query, 0, hits, 10), 10);
		assert_int_equal(stored.asked, 30);
		for (size_t i = 0; i < 10; i++) {
			assert_int_equal(hits[i].id, right[i].id);
			assert_true(fabsf(hits[i].score - right[i].score) < 1e-6F);
		}
		stored.missing = 2;
		assert_int_equal(vector_search(s, &view, query, 0, hits, 10), 10);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(neighbours_are_found),
		cmocka_unit_test(long_lists_are_found),
		cmocka_unit_test(filters_leave_what_they_name),
		cmocka_unit_test(vectors_of_any_length_are_the_same),
		cmocka_unit_test(the_last_word_has_the_stored_vector),
		cmocka_unit_test(equal_rows_come_by_id),
		cmocka_unit_test(what_is_empty_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
