/* Tests of common/rag/vector.h: spaces and blocks, whole, merged and damaged. */
#include "common/rag/vector.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"
#include "tests/support/vectors.h"

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

	store64(
		at + VECTOR_HEAD_CHECKSUM,
		packed_checksum(at, VECTOR_HEAD_CHECKSUM) +
			packed_checksum(at + VECTOR_HEAD_SIZE, bytes->len - VECTOR_HEAD_SIZE));
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
			store64(at + 8, (uint64_t)d.ids[0]);
		} else {
			for (size_t i = 0; i < cases[c].section; i++)
				at += sizes[i];
			store_float(at + 4 * 32, cases[c].value);
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

static void ids_are_found(void **state)
{
	struct data d = make_data(16, 72, 1);
	struct vector_space *s = space_of(&d);
	struct packed p = pack(s, &d, 0, d.count);

	(void)state;
	assert_int_equal(vector_block_words(p.block), 2);
	for (size_t i = 0; i < d.count; i++) {
		assert_int_equal(vector_block_lower(p.block, d.ids[i]), i);
		assert_int_equal(vector_block_lower(p.block, d.ids[i] + 1), i + 1);
	}
	assert_int_equal(vector_block_lower(p.block, INT64_MIN), 0);
	assert_int_equal(vector_block_lower(p.block, INT64_MAX), d.count);
	free_packed(&p);
	vector_space_free(s);
	free_data(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_merged_block_has_the_living_rows),
		cmocka_unit_test(a_merge_of_what_does_not_fit_together_fails),
		cmocka_unit_test(a_vector_without_direction_is_refused),
		cmocka_unit_test(ids_must_ascend),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(forged_factors_and_ids_are_refused),
		cmocka_unit_test(a_space_is_written_and_opened),
		cmocka_unit_test(bad_spaces_are_refused),
		cmocka_unit_test(ids_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
