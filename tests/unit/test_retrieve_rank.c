/* Tests of common/rag/retrieve.h: candidates for a model that ranks, and what its ranks do. */
#include "tests/support/rag_stage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

static const char *const texts[] = {
	"The otter otter otter swims.",
	"An otter eats an otter's fish in the river by night.",
	"Beside the lake of the north lives one otter, and a badger with it, and more.",
	"Nothing is said of it here.",
};

static void put_all(struct rag_stage *s)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		stage_put(s, names[i], texts[i]);
}

static struct retrieve_question question_of(const char *text)
{
	return (struct retrieve_question){ .text = span_str(text), .top_k = 5, .dense_weight = NAN };
}

static size_t candidates(struct rag_stage *s, const struct retrieve_question *q, size_t max,
			 struct retrieve_candidate **out)
{
	size_t count;

	if (retrieve_candidates(s->rag, acme, docs, q, max, &s->arena, out, &count, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return count;
}

static void candidates_are_the_best_of_a_search_as_a_model_shall_read_them(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_question q = question_of("otter");
	struct retrieve_candidate *c;

	put_all(s);
	assert_int_equal(candidates(s, &q, 10, &c), 3);
	assert_true(span_equal(span_of(c[0].text.ptr, strlen(texts[0])), span_str(texts[0])));
	assert_int_equal(candidates(s, &q, 2, &c), 2);
	q.scope = RETRIEVE_CORPUS;
	assert_int_equal(candidates(s, &q, 10, &c), 0);
}

static void the_same_text_is_read_once(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_question q = question_of("badger");
	struct retrieve_candidate *c;

	put_all(s);
	stage_put(s, "copy", texts[2]);
	assert_int_equal(candidates(s, &q, 10, &c), 1);
}

static void ranks_order_the_hits_and_are_told_beside_the_fused_scores(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_question q = question_of("otter");
	struct retrieve_answer answer;
	struct retrieve_candidate *c;
	struct retrieve_rank ranks[3];
	float fused;

	put_all(s);
	assert_string_equal(stage_order(s, &q, &answer), "abc");
	assert_true(isnan(answer.hits[0].rerank));
	assert_true(answer.hits[0].fused == answer.hits[0].score);
	fused = answer.hits[0].score;
	assert_int_equal(candidates(s, &q, 3, &c), 3);
	for (size_t i = 0; i < 3; i++)
		ranks[i] = (struct retrieve_rank){ c[i].chunk, (float)(i + 1) / 4 };
	q.ranks = ranks;
	q.rank_count = 3;
	assert_string_equal(stage_order(s, &q, &answer), "cba");
	assert_true(answer.hits[0].score == 0.75F && answer.hits[0].rerank == 0.75F);
	assert_true(answer.hits[2].score == 0.25F);
	assert_true(answer.hits[2].fused == fused);
	/* Of probabilities and of other numbers alike. */
	ranks[0].score = -7;
	ranks[1].score = 3;
	ranks[2].score = -0.5F;
	assert_string_equal(stage_order(s, &q, &answer), "bca");
	assert_true(answer.hits[0].rerank == 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(answer.hits[i].score > 0 && answer.hits[i].score < 1);
}

static void what_has_no_rank_stands_below_what_has(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_question q = question_of("otter");
	struct retrieve_candidate *c;
	struct retrieve_answer answer;
	struct retrieve_rank ranks[2];

	put_all(s);
	assert_int_equal(candidates(s, &q, 3, &c), 3);
	ranks[0] = (struct retrieve_rank){ c[2].chunk, 0.125F };
	ranks[1] = (struct retrieve_rank){ INT64_MAX, 1 }; /* gone meanwhile */
	q.ranks = ranks;
	q.rank_count = 2;
	assert_string_equal(stage_order(s, &q, &answer), "cab");
	for (size_t i = 1; i < answer.count; i++) {
		assert_true(answer.hits[i].score <= answer.hits[i - 1].score);
		assert_true(isnan(answer.hits[i].rerank));
		assert_true(answer.hits[i].fused > 0);
	}
}

static void ranks_that_are_equal_leave_the_fused_order(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_question q = question_of("otter");
	struct retrieve_candidate *c;
	struct retrieve_answer answer;
	struct retrieve_rank ranks[3];

	put_all(s);
	assert_int_equal(candidates(s, &q, 3, &c), 3);
	for (size_t i = 0; i < 3; i++)
		ranks[i] = (struct retrieve_rank){ c[i].chunk, 0.5F };
	q.ranks = ranks;
	q.rank_count = 3;
	assert_string_equal(stage_order(s, &q, &answer), "abc");
	q.budget = 1000;
	assert_string_equal(stage_order(s, &q, &answer), "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			candidates_are_the_best_of_a_search_as_a_model_shall_read_them, stage_make,
			stage_remove),
		cmocka_unit_test_setup_teardown(the_same_text_is_read_once, stage_make, stage_remove),
		cmocka_unit_test_setup_teardown(
			ranks_order_the_hits_and_are_told_beside_the_fused_scores, stage_make,
			stage_remove),
		cmocka_unit_test_setup_teardown(what_has_no_rank_stands_below_what_has, stage_make,
						stage_remove),
		cmocka_unit_test_setup_teardown(ranks_that_are_equal_leave_the_fused_order, stage_make,
						stage_remove),
	};

	return cmocka_run_group_tests_name("retrieve_rank", tests, NULL, NULL);
}
