/* Tests of common/rag/latent.h. */
#include "common/rag/latent.h"

#include "common/base/mem.h"
#include "common/rag/latent_inside.h"
#include "tests/support/segment_stage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 600, TOPICS = 12, TOPIC_WORDS = 24, ROW_WORDS = 30, HITS = 20 };

/* An index of rows whose words are mostly of one topic. */
struct index {
	struct segment_stage words;
	struct buf row_bytes[STAGE_SEGMENTS_MAX], space_bytes;
	struct latent_rows *rows[STAGE_SEGMENTS_MAX];
	struct latent_space *space;
	struct latent_view view;
	struct latent_scratch *scratch;
	struct latent_hit hits[HITS];
	size_t hit_count;
};

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % limit;
}

/* Row number n: topic n % TOPICS, and the same text whenever it is asked for. */
static char *row_text(size_t n)
{
	uint64_t state = n * 77 + 1;
	struct buf text;

	buf_init(&text, 64 * KIB);
	for (int i = 0; i < ROW_WORDS; i++)
		if (random_below(&state, 5) == 0)
			buf_printf(&text, "common%u ", random_below(&state, 40));
		else
			buf_printf(&text, "t%zuw%u ", n % TOPICS,
				   random_below(&state, TOPIC_WORDS));
	return buf_take(&text);
}

/* Row i has the text of number order(i). */
static void make_segments(struct index *x, size_t rows, size_t segments,
			  size_t (*order)(size_t, size_t))
{
	struct lexical_row *all = mem_calloc(rows, sizeof(*all));
	char **texts = mem_calloc(rows, sizeof(*texts));

	for (size_t i = 0; i < rows; i++) {
		texts[i] = row_text(order(i, rows));
		all[i].text = span_str(texts[i]);
	}
	memset(x, 0, sizeof(*x));
	segment_stage_make(&x->words, all, rows, segments);
	for (size_t i = 0; i < rows; i++)
		mem_free(texts[i]);
	mem_free(texts);
	mem_free(all);
}

static void fold_all(struct index *x)
{
	for (size_t i = 0; i < x->words.view.count; i++) {
		buf_init(&x->row_bytes[i], SEGMENT_BYTES_MAX);
		assert_int_equal(latent_fold(x->space, x->words.segments[i], &x->row_bytes[i], NULL), 0);
		x->rows[i] = latent_rows_open(x->space, x->words.segments[i], buf_span(&x->row_bytes[i]),
					      NULL);
		assert_non_null(x->rows[i]);
	}
	x->view = (struct latent_view){ .space = x->space,
					.rows = (const struct latent_rows *const *)x->rows,
					.first = x->words.first,
					.count = x->words.view.count };
}

static size_t same(size_t row, size_t rows)
{
	(void)rows;
	return row;
}

static size_t backwards(size_t row, size_t rows)
{
	return rows - 1 - row;
}

static void open_index(struct index *x, size_t rows, size_t segments,
		       size_t (*order)(size_t, size_t), size_t dimensions)
{
	struct latent_options options = { .dimensions = dimensions };

	make_segments(x, rows, segments, order);
	buf_init(&x->space_bytes, SEGMENT_BYTES_MAX);
	assert_int_equal(latent_build(&x->words.view, &options, &x->space_bytes, NULL), 1);
	x->space = latent_space_open(buf_span(&x->space_bytes), NULL);
	assert_non_null(x->space);
	fold_all(x);
	x->scratch = latent_scratch_new();
}

static void close_index(struct index *x)
{
	for (size_t i = 0; i < x->words.view.count; i++) {
		latent_rows_close(x->rows[i]);
		buf_free(&x->row_bytes[i]);
	}
	segment_stage_free(&x->words);
	latent_space_close(x->space);
	buf_free(&x->space_bytes);
	latent_scratch_free(x->scratch);
}

static void ask(struct index *x, const char *question)
{
	x->hit_count = latent_search(&x->view, span_str(question), x->scratch, x->hits, HITS);
	for (size_t i = 0; i < x->hit_count; i++) {
		assert_true(x->hits[i].score > 0 && x->hits[i].score < 1.02f);
		assert_true(i == 0 || x->hits[i].score < x->hits[i - 1].score ||
			    (x->hits[i].score == x->hits[i - 1].score &&
			     x->hits[i].row > x->hits[i - 1].row));
	}
}

static void a_text_finds_itself(void **state)
{
	static const size_t dimensions[] = { 0, 64, 128 };

	(void)state;
	for (size_t d = 0; d < ARRAY_LEN(dimensions); d++) {
		struct index x;

		open_index(&x, ROWS, 3, same, dimensions[d]);
		assert_int_equal(latent_space_dimensions(x.space),
				 dimensions[d] ? dimensions[d] : LATENT_DIMENSIONS_MAX);
		for (size_t n = 0; n < ROWS; n += 37) {
			char *text = row_text(n);

			ask(&x, text);
			assert_int_equal(x.hit_count, HITS);
			assert_int_equal(x.hits[0].row, n);
			assert_true(x.hits[0].score > .98f);
			mem_free(text);
		}
		close_index(&x);
	}
}

static void what_is_of_the_same_topic_is_found_without_the_word(void **state)
{
	struct index x;
	size_t without = 0;

	(void)state;
	open_index(&x, ROWS, 1, same, 0);
	ask(&x, "t5w3");
	for (size_t i = 0; i < x.hit_count; i++) {
		char *text = row_text(x.hits[i].row);

		assert_int_equal(x.hits[i].row % TOPICS, 5);
		without += strstr(text, "t5w3 ") == NULL;
		mem_free(text);
	}
	assert_true(without > 0);
	ask(&x, "unheard of");
	assert_int_equal(x.hit_count, 0);
	ask(&x, "");
	assert_int_equal(x.hit_count, 0);
	close_index(&x);
}

static void a_new_text_is_folded_in(void **state)
{
	struct index x, more;

	(void)state;
	open_index(&x, ROWS, 1, same, 0);
	make_segments(&more, 300, 2, backwards);
	more.space = x.space;
	fold_all(&more);
	more.scratch = x.scratch;
	for (size_t n = 0; n < 300; n += 23) {
		char *text = row_text(n);

		ask(&more, text);
		assert_int_equal(more.hits[0].row, 299 - n);
		mem_free(text);
	}
	more.space = NULL;
	more.scratch = NULL;
	close_index(&more);
	close_index(&x);
}

static void the_same_rows_make_the_same_space(void **state)
{
	struct index one, again, three;

	(void)state;
	open_index(&one, ROWS, 1, same, 0);
	open_index(&again, ROWS, 1, same, 0);
	open_index(&three, ROWS, 3, same, 0);
	assert_int_equal(one.space_bytes.len, again.space_bytes.len);
	assert_memory_equal(one.space_bytes.ptr, again.space_bytes.ptr, one.space_bytes.len);
	assert_int_equal(one.space_bytes.len, three.space_bytes.len);
	assert_memory_equal(one.space_bytes.ptr, three.space_bytes.ptr, one.space_bytes.len);
	close_index(&one);
	close_index(&again);
	close_index(&three);
}

/* In another order sums differ in their last bits: the hits are the same, their scores nearly. */
static void the_order_of_rows_does_not_matter(void **state)
{
	struct index x, y;

	(void)state;
	open_index(&x, ROWS, 1, same, 0);
	open_index(&y, ROWS, 2, backwards, 0);
	for (size_t n = 1; n < ROWS; n += 91) {
		char *text = row_text(n);
		size_t common = 0;

		ask(&x, text);
		ask(&y, text);
		for (size_t i = 0; i < HITS; i++) {
			assert_float_equal(x.hits[i].score, y.hits[i].score, .02);
			for (size_t j = 0; j < HITS; j++)
				common += x.hits[i].row == ROWS - 1 - y.hits[j].row;
		}
		assert_true(common >= HITS - 3);
		mem_free(text);
	}
	close_index(&x);
	close_index(&y);
}

static void the_dead_are_neither_counted_nor_found(void **state)
{
	struct index x, half;
	uint64_t dead[ROWS / 64 + 1] = { 0 }, only[ROWS / 64 + 1] = { 0 };

	(void)state;
	make_segments(&x, ROWS, 2, same);
	for (size_t row = ROWS / 2; row < ROWS; row++)
		dead[row / 64] |= UINT64_C(1) << (row % 64);
	x.words.view.dead = dead;
	buf_init(&x.space_bytes, SEGMENT_BYTES_MAX);
	assert_int_equal(latent_build(&x.words.view, NULL, &x.space_bytes, NULL), 1);
	open_index(&half, ROWS / 2, 1, same, 0);
	assert_int_equal(x.space_bytes.len, half.space_bytes.len);
	assert_memory_equal(x.space_bytes.ptr, half.space_bytes.ptr, half.space_bytes.len);
	close_index(&half);

	x.space = latent_space_open(buf_span(&x.space_bytes), NULL);
	x.scratch = latent_scratch_new();
	fold_all(&x);
	x.view.dead = dead;
	for (size_t row = 3; row < ROWS; row += 4)
		only[row / 64] |= UINT64_C(1) << (row % 64);
	ask(&x, "t3w1 t3w2");
	assert_int_equal(x.hit_count, HITS);
	for (size_t i = 0; i < x.hit_count; i++)
		assert_true(x.hits[i].row < ROWS / 2);
	x.view.only = only;
	ask(&x, "t3w1 t3w2");
	assert_int_equal(x.hit_count, HITS);
	for (size_t i = 0; i < x.hit_count; i++)
		assert_true(x.hits[i].row < ROWS / 2 && x.hits[i].row % 4 == 3);
	/* a segment without rows yet */
	latent_rows_close(x.rows[0]);
	x.rows[0] = NULL;
	x.view.dead = x.view.only = NULL;
	ask(&x, "t3w1 t3w2");
	for (size_t i = 0; i < x.hit_count; i++)
		assert_true(x.hits[i].row >= ROWS / 2);
	close_index(&x);
}

static void a_small_index_has_no_space(void **state)
{
	struct index x;
	struct buf out;

	(void)state;
	buf_init(&out, SEGMENT_BYTES_MAX);
	make_segments(&x, LATENT_ROWS_MIN - 1, 1, same);
	assert_int_equal(latent_build(&x.words.view, NULL, &out, NULL), 0);
	x.words.view.count = 0;
	assert_int_equal(latent_build(&x.words.view, NULL, &out, NULL), 0);
	x.words.view.count = 1;
	assert_int_equal(out.len, 0);
	close_index(&x);
	buf_free(&out);
}

struct watch {
	double last;
	int calls, stop_after;
};

static bool watch(void *data, double done)
{
	struct watch *w = data;

	assert_true(done > w->last && done <= 1);
	w->last = done;
	return ++w->calls != w->stop_after;
}

static void the_work_says_how_far_it_is_and_can_be_ended(void **state)
{
	struct watch w = { 0 };
	struct latent_options options = { .go_on = watch, .data = &w };
	struct err err = ERR_INIT;
	struct index x;
	struct buf out;
	int calls;

	(void)state;
	buf_init(&out, SEGMENT_BYTES_MAX);
	make_segments(&x, ROWS, 2, same);
	assert_int_equal(latent_build(&x.words.view, &options, &out, &err), 1);
	assert_true(w.calls >= 3);
	calls = w.calls;
	buf_clear(&out);
	for (int stop = 1; stop <= calls; stop++) {
		w = (struct watch){ .stop_after = stop };
		err_clear(&err);
		assert_int_equal(latent_build(&x.words.view, &options, &out, &err), -1);
		assert_int_equal(err.code, E_cancelled);
		assert_int_equal(out.len, 0);
	}
	close_index(&x);
	buf_free(&out);
}

static void what_does_not_fit_is_refused(void **state)
{
	struct err err = ERR_INIT;
	struct index x;
	struct buf out;

	(void)state;
	open_index(&x, ROWS, 1, same, 0);
	buf_init(&out, 1000);
	buf_add_str(&out, "before");
	assert_int_equal(latent_build(&x.words.view, NULL, &out, &err), -1);
	assert_int_equal(err.code, E_too_large);
	buf_clear(&out);
	err_clear(&err);
	assert_int_equal(latent_fold(x.space, x.words.segments[0], &out, &err), -1);
	assert_int_equal(err.code, E_too_large);
	close_index(&x);
	buf_free(&out);
}

/* tries: bytes with one changed, each cut, each refused. */
static void refuse_damage(const struct index *x, struct span bytes, bool is_space)
{
	char *copy = mem_alloc(bytes.len);

	for (size_t i = 0; i < bytes.len; i += i < 64 ? 1 : bytes.len / 97 + 1) {
		for (int cut = 0; cut <= 1; cut++) {
			struct err err = ERR_INIT;
			struct span damaged = span_of(copy, cut ? i : bytes.len);

			memcpy(copy, bytes.ptr, bytes.len);
			copy[i] = (char)(copy[i] ^ 0x10);
			if (is_space)
				assert_null(latent_space_open(damaged, &err));
			else
				assert_null(
					latent_rows_open(x->space, x->words.segments[0], damaged, &err));
			assert_int_equal(err.code, E_storage_error);
		}
	}
	mem_free(copy);
}

static void damage_is_seen(void **state)
{
	struct index x, other;
	struct err err = ERR_INIT;

	(void)state;
	open_index(&x, ROWS, 2, same, 0);
	open_index(&other, ROWS - 100, 2, same, 0);
	refuse_damage(&x, buf_span(&x.space_bytes), true);
	refuse_damage(&x, buf_span(&x.row_bytes[0]), false);
	assert_null(latent_space_open(buf_span(&x.row_bytes[0]), &err));
	assert_null(latent_rows_open(x.space, x.words.segments[0], buf_span(&x.space_bytes), &err));
	/* of another space, of another segment */
	assert_null(latent_rows_open(other.space, x.words.segments[0], buf_span(&x.row_bytes[0]), &err));
	assert_null(latent_rows_open(x.space, other.words.segments[0], buf_span(&x.row_bytes[0]), &err));
	close_index(&x);
	close_index(&other);
}

static void bytes_may_lie_anywhere(void **state)
{
	struct index x;
	struct latent_hit before[HITS];
	char *moved;

	(void)state;
	open_index(&x, ROWS, 1, same, 0);
	ask(&x, "t7w1 t7w9");
	memcpy(before, x.hits, sizeof(before));
	for (size_t shift = 1; shift < 4; shift++) {
		moved = mem_alloc(x.row_bytes[0].len + shift);
		memcpy(moved + shift, x.row_bytes[0].ptr, x.row_bytes[0].len);
		latent_rows_close(x.rows[0]);
		x.rows[0] = latent_rows_open(x.space, x.words.segments[0],
					     span_of(moved + shift, x.row_bytes[0].len), NULL);
		assert_non_null(x.rows[0]);
		ask(&x, "t7w1 t7w9");
		assert_memory_equal(before, x.hits, sizeof(before));
		mem_free(moved);
	}
	close_index(&x);
}

static void it_is_due_when_the_index_has_changed_much(void **state)
{
	static const struct {
		uint64_t rows;
		bool is_due;
	} cases[] = {
		{ 600, false }, { 720, false }, { 721, true }, { 300, false }, { 299, true }
	};
	struct index x;

	(void)state;
	open_index(&x, ROWS, 1, same, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(latent_space_is_due(x.space, cases[i].rows), cases[i].is_due);
	close_index(&x);
}

/* ---- what it is made with ---- */

static void columns_become_orthonormal(void **state)
{
	static const struct {
		size_t rows, dimensions;
		bool has_copies; /* of columns */
	} cases[] = {
		{ 3000, 64, false }, { 3000, 128, false }, { 500, 64, true }, { 80, 64, false }
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t rows = cases[i].rows, dimensions = cases[i].dimensions, empty = 0;
		float *matrix = latent_matrix(rows * dimensions);
		uint64_t random = 5;

		for (size_t at = 0; at < rows * dimensions; at++)
			matrix[at] = (float)random_below(&random, 2001) / 1000 - 1;
		for (size_t row = 0; cases[i].has_copies && row < rows; row++)
			for (size_t k = 1; k < dimensions; k += 2)
				matrix[row * dimensions + k] = matrix[row * dimensions + k - 1];
		latent_orthonormalise(matrix, rows, dimensions);
		for (size_t a = 0; a < dimensions; a++)
			for (size_t b = a; b < dimensions; b++) {
				double product = 0;

				for (size_t row = 0; row < rows; row++)
					product += (double)matrix[row * dimensions + a] *
						   (double)matrix[row * dimensions + b];
				if (a != b)
					assert_true(fabs(product) < 1e-3);
				else if (fabs(product) < 1e-9)
					empty++;
				else
					assert_true(fabs(product - 1) < 1e-3);
			}
		assert_int_equal(empty, cases[i].has_copies ? dimensions / 2 : 0);
		latent_matrix_free(matrix);
	}
}

/* A round with one row, and where the row lies, as plain sums have it. */
static void rounds_and_places_are_sums_over_entries(void **state)
{
	enum { TERMS = 50, COUNT = 19 };
	static unsigned char scales[TERMS * sizeof(float) + 1];
	static signed char codes[TERMS * LATENT_DIMENSIONS_MAX];
	uint32_t entries[COUNT];
	struct latent_logs logs;
	uint64_t random = 3;

	(void)state;
	latent_logs_init(&logs);
	for (size_t i = 0; i < COUNT; i++)
		entries[i] = entry_of((uint32_t)(i * 7 % TERMS), 1 + random_below(&random, 9));
	for (size_t i = 0; i < TERMS; i++)
		store_float(scales + 1 + sizeof(float) * i,
			    (float)(1 + random_below(&random, 99)) / 1e4f);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		codes[i] = (signed char)((int)random_below(&random, 255) - 127);
	for (size_t dimensions = 64; dimensions <= 128; dimensions += 64) {
		float *matrix = latent_matrix(TERMS * dimensions);
		float *sums = latent_matrix(TERMS * dimensions), point[LATENT_DIMENSIONS_MAX];
		struct latent_space space = { .dimensions = dimensions,
					      .term_count = TERMS,
					      .scales = scales + 1,
					      .codes = codes };
		struct latent_step step = {
			.dimensions = dimensions, .matrix = matrix, .sums = sums, .logs = &logs
		};

		for (size_t i = 0; i < TERMS * dimensions; i++)
			matrix[i] = (float)random_below(&random, 2001) / 1000 - 1;
		latent_step(&step, entries, COUNT, 0.5f);
		latent_gather(&space, &logs, entries, COUNT, point);
		for (size_t k = 0; k < dimensions; k++) {
			double row = 0, place = 0;

			for (size_t i = 0; i < COUNT; i++) {
				size_t term = entry_term(entries[i]);
				double log = log1p((double)(entries[i] & LATENT_COUNT_MAX));

				row += log * (double)matrix[term * dimensions + k];
				place += log * (double)load_float(scales + 1 + 4 * term) *
					 codes[term * dimensions + k];
			}
			assert_true(fabs(place - (double)point[k]) < 1e-5);
			for (size_t i = 0; i < COUNT; i++) {
				double log = log1p((double)(entries[i] & LATENT_COUNT_MAX));
				float sum = sums[entry_term(entries[i]) * dimensions + k];

				assert_true(fabs(log * row * 0.5 - (double)sum) < 1e-4);
			}
		}
		latent_matrix_free(matrix);
		latent_matrix_free(sums);
	}
}

static void scores_are_the_same_by_any_way_of_computing(void **state)
{
	enum { COUNT = 37 };
	static signed char codes[COUNT * LATENT_DIMENSIONS_MAX];
	static unsigned char scales[COUNT * sizeof(float) + 1];
	int16_t point[LATENT_DIMENSIONS_MAX];
	float unit = 1.2e-4f;
	uint64_t random = 9;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		codes[i] = (signed char)((int)random_below(&random, 255) - 127);
	for (size_t i = 0; i < ARRAY_LEN(point); i++)
		point[i] = (int16_t)((int)random_below(&random, 16383) - 8191);
	for (size_t i = 0; i < COUNT; i++)
		store_float(scales + 1 + sizeof(float) * i,
			    (float)random_below(&random, 1000) / 1e5f);
	for (size_t dimensions = 64; dimensions <= 128; dimensions += 64)
		for (size_t count = 0; count <= COUNT; count++) {
			float scores[COUNT];

			latent_scores(point, unit, codes, scales + 1, count, dimensions, scores);
			for (size_t row = 0; row < count; row++) {
				int32_t sum = 0;
				float scale = load_float(scales + 1 + sizeof(float) * row);

				for (size_t i = 0; i < dimensions; i++)
					sum += point[i] * codes[row * dimensions + i];
				assert_true(scores[row] == (float)sum * scale * unit);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_finds_itself),
		cmocka_unit_test(what_is_of_the_same_topic_is_found_without_the_word),
		cmocka_unit_test(a_new_text_is_folded_in),
		cmocka_unit_test(the_same_rows_make_the_same_space),
		cmocka_unit_test(the_order_of_rows_does_not_matter),
		cmocka_unit_test(the_dead_are_neither_counted_nor_found),
		cmocka_unit_test(a_small_index_has_no_space),
		cmocka_unit_test(the_work_says_how_far_it_is_and_can_be_ended),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(bytes_may_lie_anywhere),
		cmocka_unit_test(it_is_due_when_the_index_has_changed_much),
		cmocka_unit_test(columns_become_orthonormal),
		cmocka_unit_test(rounds_and_places_are_sums_over_entries),
		cmocka_unit_test(scores_are_the_same_by_any_way_of_computing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
