/* Tests of common/rag/vector_partition.h. */
#include "common/rag/vector_partition.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"
#include "tests/support/vectors.h"

enum { ROWS = 6000, LISTS = 40, DIMENSIONS = 256, TAIL = 100, NAMED = 24 };

/* Two blocks of rows; the lists made of them; a tail that came later. */
struct stage {
	struct data data;
	struct vector_space *space;
	struct packed parts[2], tail;
	const struct vector_block *flat[2];
	uint64_t *dead;
	const uint64_t *deads[2];
	struct buf head, lists[LISTS];
	const struct vector_block *blocks[LISTS + 1]; /* the last: the tail */
	size_t emitted;
	double done;    /* as told last */
	size_t asked;   /* how often to stop */
	size_t stop_at; /* at which of these; 0: never */
	size_t fail_at; /* list that is not taken; 0: none */
	struct vector_partition *partition;
};

static bool stop(void *data, double done)
{
	struct stage *s = data;

	assert_true(done >= s->done && done >= 0 && done <= 1);
	s->done = done;
	return ++s->asked == s->stop_at;
}

static int take(void *data, size_t list, struct span block, struct err *err)
{
	struct stage *s = data;

	if (s->fail_at > 0 && list == s->fail_at)
		return err_set(err, E_storage_error, "", "no room for list %zu", list);
	assert_int_equal(list, s->emitted);
	buf_init(&s->lists[list], 100 * MIB);
	buf_add_span(&s->lists[list], block);
	s->blocks[list] = vector_block_open(s->space, buf_span(&s->lists[list]), NULL);
	assert_non_null(s->blocks[list]);
	s->emitted++;
	return 0;
}

static struct vector_partition_plan plan_of(struct stage *s)
{
	return (struct vector_partition_plan){ .space = s->space,
					       .blocks = s->flat,
					       .dead = s->deads,
					       .count = 2,
					       .lists = LISTS,
					       .stop = stop,
					       .emit = take,
					       .data = s };
}

static void stage_init(struct stage *s)
{
	*s = (struct stage){ .data = make_data(DIMENSIONS, ROWS + TAIL, 1) };
	s->space = space_of(&s->data);
	s->parts[0] = pack(s->space, &s->data, 0, 2500);
	s->parts[1] = pack(s->space, &s->data, 2500, ROWS);
	s->tail = pack(s->space, &s->data, ROWS, ROWS + TAIL);
	s->flat[0] = s->parts[0].block;
	s->flat[1] = s->parts[1].block;
	s->dead = draw_bits(2500, 100, 3);
	s->deads[0] = s->dead;
	s->blocks[LISTS] = s->tail.block;
	buf_init(&s->head, 100 * MIB);
}

static void stage_build(struct stage *s)
{
	struct vector_partition_plan plan = plan_of(s);
	struct err err = ERR_INIT;

	assert_int_equal(vector_partition_build(&plan, &s->head, &err), 0);
	assert_int_equal(s->emitted, LISTS);
	assert_true(s->asked > 10 && s->done > 0.9);
	s->partition = vector_partition_open(s->space, buf_span(&s->head), &err);
	assert_non_null(s->partition);
	assert_int_equal(vector_partition_lists(s->partition), LISTS);
}

static void stage_free(struct stage *s)
{
	vector_partition_close(s->partition);
	for (size_t i = 0; i < s->emitted; i++) {
		union {
			const struct vector_block *kept;
			struct vector_block *own;
		} block = { .kept = s->blocks[i] };

		vector_block_close(block.own);
		buf_free(&s->lists[i]);
	}
	buf_free(&s->head);
	free_packed(&s->parts[0]);
	free_packed(&s->parts[1]);
	free_packed(&s->tail);
	mem_free(s->dead);
	vector_space_free(s->space);
	free_data(&s->data);
}

static size_t row_of(int64_t id)
{
	return (size_t)(id + 100) / 3;
}

static bool is_dead(const struct stage *s, size_t row)
{
	return row < 2500 && vector_bit(s->dead, row);
}

static void each_living_row_is_in_one_list(void **state)
{
	struct stage s;
	uint8_t *seen = mem_calloc(ROWS, 1);

	(void)state;
	stage_init(&s);
	stage_build(&s);
	for (size_t list = 0; list < LISTS; list++)
		for (size_t row = 0; row < vector_block_rows(s.blocks[list]); row++)
			seen[row_of(vector_block_id(s.blocks[list], row))]++;
	for (size_t row = 0; row < ROWS; row++)
		assert_int_equal(seen[row], !is_dead(&s, row));
	mem_free(seen);
	stage_free(&s);
}

static void lists_and_tail_are_searched(void **state)
{
	struct data queries = make_data(DIMENSIONS, 60, 2);
	struct stage s;
	size_t found = 0, from_tail = 0;
	uint64_t *living;

	(void)state;
	stage_init(&s);
	stage_build(&s);
	living = draw_bits(ROWS + TAIL, 1000, 1);
	for (size_t i = 0; i < 2500 / 64; i++)
		living[i] = ~s.dead[i];
	for (size_t i = 2500 / 64 * 64; i < 2500; i++)
		if (is_dead(&s, i))
			living[i / 64] &= ~(UINT64_C(1) << (i % 64));
	for (size_t q = 0; q < queries.count; q++) {
		const float *query = queries.vectors + q * DIMENSIONS;
		const struct vector_view view = { .blocks = s.blocks,
						  .count = LISTS + 1,
						  .partition = s.partition };
		struct vector_hit right[10], hits[10];

		exact_hits(&s.data, living, query, right, 10);
		assert_int_equal(vector_search(s.space, &view, query, 0, hits, 10), 10);
		found += common_ids(right, hits, 10);
		for (size_t i = 0; i < 10; i++) {
			assert_false(is_dead(&s, row_of(hits[i].id)));
			from_tail += row_of(hits[i].id) >= ROWS;
		}
	}
	assert_true(found >= queries.count * 10 * 98 / 100);
	assert_true(from_tail > 0);
	mem_free(living);
	stage_free(&s);
	free_data(&queries);
}

/* The neighbours of a question lie in more lists the more of them are wanted. */
static void long_lists_are_found(void **state)
{
	enum { LONG = 400, QUERIES = 20 };
	struct data queries = make_data(DIMENSIONS, QUERIES, 2);
	struct vector_hit right[LONG], hits[LONG];
	struct stage s;
	size_t found = 0;

	(void)state;
	stage_init(&s);
	s.deads[0] = NULL;
	stage_build(&s);
	for (size_t q = 0; q < queries.count; q++) {
		const float *query = queries.vectors + q * DIMENSIONS;
		const struct vector_view view = { .blocks = s.blocks,
						  .count = LISTS + 1,
						  .partition = s.partition };

		exact_hits(&s.data, NULL, query, right, LONG);
		assert_int_equal(vector_search(s.space, &view, query, 0, hits, LONG), LONG);
		found += common_ids(right, hits, LONG);
	}
	assert_true(found >= queries.count * LONG * 98 / 100);
	stage_free(&s);
	free_data(&queries);
}

/* What a filter names may lie in the lists that are farthest from the query. */
static void a_filter_never_starves(void **state)
{
	struct stage s;
	uint64_t *bits[LISTS];

	(void)state;
	stage_init(&s);
	stage_build(&s);
	for (size_t list = 0; list < LISTS; list++)
		bits[list] = mem_calloc(vector_block_words(s.blocks[list]) + 1, sizeof(uint64_t));
	for (size_t list = 0; list + NAMED < LISTS; list += 3) {
		const uint64_t *only[LISTS];
		struct vector_hit hits[40];
		struct vector_view view = {
			.blocks = s.blocks, .count = LISTS, .only = only, .partition = s.partition
		};
		size_t left = 0, count;

		/* All of these lists, nothing of the others; more rows than are all scored. */
		for (size_t i = 0; i < LISTS; i++) {
			bool named = i >= list && i < list + NAMED;

			only[i] = bits[i];
			memset(bits[i], named ? 0xff : 0, 8 * vector_block_words(s.blocks[i]));
			left += named ? vector_block_rows(s.blocks[i]) : 0;
		}
		count = vector_search(s.space, &view, s.data.vectors, 0, hits, 40);
		assert_true(left > 2000);
		assert_int_equal(count, 40);
	}
	for (size_t list = 0; list < LISTS; list++)
		mem_free(bits[list]);
	stage_free(&s);
}

static void the_same_plan_gives_the_same_bytes(void **state)
{
	struct stage one, other;

	(void)state;
	stage_init(&one);
	stage_build(&one);
	vector_kernel_use("portable");
	stage_init(&other);
	stage_build(&other);
	use_best_kernel();
	assert_true(span_equal(buf_span(&one.head), buf_span(&other.head)));
	for (size_t list = 0; list < LISTS; list++)
		assert_true(span_equal(buf_span(&one.lists[list]), buf_span(&other.lists[list])));
	stage_free(&one);
	stage_free(&other);
}

static void a_build_can_be_stopped_and_can_fail(void **state)
{
	struct stage s;
	struct vector_partition_plan plan;
	struct err err = ERR_INIT;

	(void)state;
	stage_init(&s);
	plan = plan_of(&s);
	for (s.stop_at = 1; s.stop_at < 40; s.stop_at += 13) {
		s.asked = 0;
		s.done = 0;
		err_clear(&err);
		assert_int_equal(vector_partition_build(&plan, &s.head, &err), -1);
		assert_int_equal(err.code, E_cancelled);
		assert_int_equal(s.emitted, 0);
	}
	s.stop_at = 0;
	s.fail_at = 3;
	s.done = 0;
	assert_int_equal(vector_partition_build(&plan, &s.head, &err), -1);
	assert_int_equal(err.code, E_storage_error);
	assert_int_equal(s.head.len, 0);
	plan.lists = ROWS;
	assert_int_equal(vector_partition_build(&plan, &s.head, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	stage_free(&s);
}

static void damaged_partitions_are_refused(void **state)
{
	struct stage s;
	struct err err = ERR_INIT;
	struct vector_space *other = vector_space_new(DIMENSIONS, 1, NULL, NULL);
	static const uint32_t forged[] = { 0, LISTS + 1, UINT32_MAX };
	unsigned char *at;

	(void)state;
	stage_init(&s);
	stage_build(&s);
	at = (unsigned char *)s.head.ptr;
	assert_null(vector_partition_open(other, buf_span(&s.head), &err));
	assert_int_equal(err.code, E_storage_error);
	for (size_t len = 0; len < s.head.len; len += len < 100 ? 1 : 997)
		assert_null(vector_partition_open(s.space, span_of(s.head.ptr, len), NULL));
	for (size_t i = 0; i < s.head.len; i += i < 100 ? 1 : 97) {
		at[i] ^= 1;
		assert_null(vector_partition_open(s.space, buf_span(&s.head), NULL));
		at[i] ^= 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
		store32(at + PARTITION_PROBES, forged[i]);
		store64(at + PARTITION_CHECKSUM, packed_checksum(at, PARTITION_CHECKSUM));
		assert_null(vector_partition_open(s.space, buf_span(&s.head), NULL));
	}
	vector_space_free(other);
	stage_free(&s);
}

/* A partition of more lists than there are blocks says nothing about these. */
static void a_partition_of_other_blocks_is_not_used(void **state)
{
	struct stage s;
	struct vector_view view;
	struct vector_hit right[10], hits[10];

	(void)state;
	stage_init(&s);
	stage_build(&s);
	view = (struct vector_view){ .blocks = s.flat, .count = 2 };
	assert_int_equal(vector_search(s.space, &view, s.data.vectors, 0, right, 10), 10);
	view.partition = s.partition;
	assert_int_equal(vector_search(s.space, &view, s.data.vectors, 0, hits, 10), 10);
	assert_same_hits(right, hits, 10);
	stage_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_living_row_is_in_one_list),
		cmocka_unit_test(lists_and_tail_are_searched),
		cmocka_unit_test(long_lists_are_found),
		cmocka_unit_test(a_filter_never_starves),
		cmocka_unit_test(the_same_plan_gives_the_same_bytes),
		cmocka_unit_test(a_build_can_be_stopped_and_can_fail),
		cmocka_unit_test(damaged_partitions_are_refused),
		cmocka_unit_test(a_partition_of_other_blocks_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
