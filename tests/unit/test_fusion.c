/* Tests of common/rag/fusion.h. */
#include "common/rag/fusion.h"

#include "common/base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS_MAX = 8 };

/* As a table shows them: a count is how many scores are there. */
struct listed {
	uint32_t rows[ROWS_MAX];
	float scores[ROWS_MAX];
	size_t count;
	float weight;
};

static size_t merge(enum fusion_kind kind, const struct listed *lists, size_t count,
		    struct fusion_hit *hits, size_t max)
{
	struct fusion_list given[FUSION_LISTS_MAX];

	for (size_t i = 0; i < count; i++)
		given[i] = (struct fusion_list){ .rows = lists[i].rows,
						 .scores = lists[i].scores,
						 .count = lists[i].count,
						 .weight = lists[i].weight };
	return fusion_merge(kind, given, count, hits, max);
}

static void scores_are_brought_to_one_scale_and_added_by_weight(void **state)
{
	static const struct {
		struct listed lists[2];
		size_t count;
		uint32_t rows[4];
		float scores[4];
	} cases[] = {
		/* one list: its own order */
		{ { { { 7, 3, 5 }, { 12, 10, 8 }, 3, 1 } }, 3, { 7, 3, 5 }, { 1, .5f, 0 } },
		/* the same scale for both */
		{ { { { 1, 2, 3 }, { 300, 200, 100 }, 3, .5f },
		    { { 3, 1, 4 }, { .9f, .8f, .7f }, 3, .5f } },
		  4,
		  { 1, 3, 2, 4 },
		  { .75f, .5f, .25f, 0 } },
		/* weights are relative */
		{ { { { 1, 2 }, { 2, 1 }, 2, 3 }, { { 2, 1 }, { 2, 1 }, 2, 1 } },
		  2,
		  { 1, 2 },
		  { .75f, .25f } },
		/* all alike: all the best */
		{ { { { 9, 8 }, { 4, 4 }, 2, 1 } }, 2, { 9, 8 }, { 1, 1 } },
		/* a list that weighs nothing brings nothing */
		{ { { { 1, 2 }, { 2, 1 }, 2, 1 }, { { 6, 2 }, { 9, 8 }, 2, 0 } },
		  2,
		  { 1, 2 },
		  { 1, 0 } },
		{ { { { 1, 2 }, { 2, 1 }, 2, 1 }, { { 6, 2 }, { 9, 8 }, 2, NAN } },
		  2,
		  { 1, 2 },
		  { 1, 0 } },
		{ { { { 1, 2 }, { 2, 1 }, 2, 1 }, { { 6, 2 }, { 9, 8 }, 2, -1 } },
		  2,
		  { 1, 2 },
		  { 1, 0 } },
		/* the largest weight that there is */
		{ { { { 1, 2 }, { 2, 1 }, 2, 3e38f }, { { 2, 1 }, { 2, 1 }, 2, 3e38f } },
		  2,
		  { 1, 2 },
		  { .5f, .5f } },
		/* what is no number is not there */
		{ { { { 1, 2, 3, 4, 5 }, { INFINITY, 4, NAN, 2, -INFINITY }, 5, 1 } },
		  2,
		  { 2, 4 },
		  { 1, 0 } },
		/* a width that no float holds */
		{ { { { 1, 2, 3 }, { 3e38f, 0, -3e38f }, 3, 1 } }, 3, { 1, 2, 3 }, { 1, .5f, 0 } },
		/* a row said twice counts at its better place */
		{ { { { 1, 2, 1, 3 }, { 4, 3, 2, 0 }, 4, 1 } }, 3, { 1, 2, 3 }, { 1, .75f, 0 } },
		{ { { { 0 }, { 0 }, 0, 1 } }, 0, { 0 }, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fusion_hit hits[ROWS_MAX];
		size_t count = merge(FUSION_CONVEX, cases[i].lists,
				     cases[i].lists[1].count > 0 ? 2 : 1, hits, ROWS_MAX);

		assert_int_equal(count, cases[i].count);
		for (size_t j = 0; j < count; j++) {
			assert_int_equal(hits[j].row, cases[i].rows[j]);
			assert_float_equal(hits[j].score, cases[i].scores[j], 1e-6);
		}
	}
}

static void a_list_that_has_nothing_does_not_lower_the_others(void **state)
{
	const struct listed lists[] = { { { 1, 2 }, { 2, 1 }, 2, .75f }, { { 0 }, { 0 }, 0, .25f } };
	struct fusion_hit hits[ROWS_MAX];

	(void)state;
	assert_int_equal(merge(FUSION_CONVEX, lists, 2, hits, ROWS_MAX), 2);
	assert_float_equal(hits[0].score, 1, 1e-6);
}

static void a_short_list_of_words_begins_at_zero(void **state)
{
	static const uint32_t rows[] = { 4, 7, 9 };
	static const float scores[] = { 8, 6, 4 };
	struct fusion_list list = { rows, scores, 3, 1, .from_zero = true };
	struct fusion_hit hits[ROWS_MAX];
	uint32_t many[FUSION_DEEP];
	float falling[FUSION_DEEP];
	struct fusion_hit *all = mem_calloc(FUSION_DEEP, sizeof(*all));

	(void)state;
	assert_int_equal(fusion_merge(FUSION_CONVEX, &list, 1, hits, ROWS_MAX), 3);
	assert_float_equal(hits[1].score, .75, 1e-6);
	assert_float_equal(hits[2].score, .5, 1e-6);
	/* A long one has left out what is worse. */
	for (uint32_t i = 0; i < FUSION_DEEP; i++) {
		many[i] = i;
		falling[i] = (float)(2 * FUSION_DEEP - i);
	}
	list = (struct fusion_list){ many, falling, FUSION_DEEP, 1, .from_zero = true };
	assert_int_equal(fusion_merge(FUSION_CONVEX, &list, 1, all, FUSION_DEEP), FUSION_DEEP);
	assert_float_equal(all[FUSION_DEEP - 1].score, 0, 1e-6);
	mem_free(all);
}

static void what_fits_badly_is_not_believed(void **state)
{
	static const struct {
		float best, highest, dense, fit;
	} cases[] = {
		{ 12, 20, 0, 1 },    { 18, 20, 0, 1 }, { 6, 20, 0, .5f }, { 2, 20, 0, 1 / 6.f },
		{ 6, 20, .5f, .75f }, { 6, 20, 1, 1 },  { 6, 0, 0, 1 },
	};
	static const uint32_t row = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct fusion_list words = { &row, &cases[i].best, 1, 1, false };

		assert_float_equal(fusion_fit(&words, cases[i].highest, cases[i].dense),
				   cases[i].fit, 1e-6);
	}
	assert_float_equal(fusion_fit(&(struct fusion_list){ 0 }, 20, 0), FUSION_FIT_MIN, 1e-6);
	assert_float_equal(fusion_fit(&(struct fusion_list){ 0 }, 20, 1), 1, 1e-6);
}

static void each_list_shows_its_part(void **state)
{
	const struct listed lists[] = { { { 1, 2 }, { 2, 1 }, 2, 1 },
					{ { 2, 3 }, { 2, 1 }, 2, 0 },
					{ { 4 }, { 5 }, 1, 1 } };
	struct fusion_hit hits[ROWS_MAX];

	(void)state;
	assert_int_equal(merge(FUSION_CONVEX, lists, 3, hits, ROWS_MAX), 3);
	assert_int_equal(hits[0].row, 1);
	assert_float_equal(hits[0].parts[0], 1, 0);
	assert_true(isnan(hits[0].parts[1]) && isnan(hits[0].parts[2]) && isnan(hits[0].parts[3]));
	assert_int_equal(hits[1].row, 4);
	assert_float_equal(hits[1].parts[2], 1, 0);
	assert_int_equal(hits[2].row, 2);
	assert_float_equal(hits[2].parts[0], 0, 0);
	/* It says something about a row that another list has found. */
	assert_float_equal(hits[2].parts[1], 1, 0);
}

static void reciprocal_ranks_look_at_places_alone(void **state)
{
	const struct listed lists[] = { { { 1, 2, 3 }, { 900, 2, 1 }, 3, 1 },
					{ { 3, 2 }, { 2, 1 }, 2, 1 } };
	struct fusion_hit hits[ROWS_MAX];

	(void)state;
	assert_int_equal(merge(FUSION_RRF, lists, 2, hits, ROWS_MAX), 3);
	assert_int_equal(hits[0].row, 3); /* 1/63 + 1/61 > 1/62 + 1/62 */
	assert_int_equal(hits[1].row, 2);
	assert_int_equal(hits[2].row, 1);
	assert_float_equal(hits[0].score, .5f * 61 / 63 + .5f, 1e-6);
	assert_float_equal(hits[2].score, .5, 1e-6);
}

static void what_is_further_down_keeps_its_order_and_counts_nothing(void **state)
{
	enum { LONG = 2 * FUSION_DEEP };
	static uint32_t rows[LONG];
	static float scores[LONG];
	static struct fusion_hit hits[LONG];
	struct fusion_list list = { .rows = rows, .scores = scores, .count = LONG, .weight = 1 };

	(void)state;
	for (uint32_t i = 0; i < LONG; i++) {
		rows[i] = (i * 7919) % 100003;
		scores[i] = (float)(LONG - i);
	}
	assert_int_equal(fusion_merge(FUSION_CONVEX, &list, 1, hits, LONG), LONG);
	for (size_t i = 0; i < LONG; i++) {
		assert_int_equal(hits[i].row, rows[i]);
		if (i >= FUSION_DEEP)
			assert_float_equal(hits[i].score, 0, 0);
	}
	assert_float_equal(hits[FUSION_DEEP / 2].score, .5, .01);
	assert_int_equal(fusion_merge(FUSION_CONVEX, &list, 1, hits, 3), 3);
	assert_int_equal(fusion_merge(FUSION_CONVEX, &list, 0, hits, 3), 0);
}

/* Whatever the lists are: scores within 0..1, in order, each row once, twice the same. */
static void any_lists_give_an_order(void **state)
{
	enum { LISTS = 3, EACH = 300 };
	static uint32_t rows[LISTS][EACH];
	static float scores[LISTS][EACH];
	static struct fusion_hit hits[LISTS * EACH], again[LISTS * EACH];
	static bool seen[1000];

	(void)state;
	srand(7);
	for (int round = 0; round < 50; round++) {
		struct fusion_list lists[LISTS];
		size_t count;

		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i < LISTS; i++) {
			lists[i] = (struct fusion_list){ .rows = rows[i],
							 .scores = scores[i],
							 .count = (size_t)rand() % EACH,
							 .weight = (float)(rand() % 4) };
			for (size_t j = 0; j < lists[i].count; j++) {
				rows[i][j] = (uint32_t)rand() % 1000;
				scores[i][j] = (float)(rand() % 50 - 25);
			}
		}
		count = fusion_merge(round % 2 ? FUSION_RRF : FUSION_CONVEX, lists, LISTS, hits,
				     ARRAY_LEN(hits));
		assert_int_equal(fusion_merge(round % 2 ? FUSION_RRF : FUSION_CONVEX, lists, LISTS,
					      again, ARRAY_LEN(again)),
				 count);
		for (size_t j = 0; j < count; j++) {
			assert_true(hits[j].score >= 0 && hits[j].score <= 1.00001f);
			assert_true(j == 0 || hits[j].score <= hits[j - 1].score);
			assert_false(seen[hits[j].row]);
			assert_int_equal(hits[j].row, again[j].row);
			seen[hits[j].row] = true;
		}
	}
}

static void a_list_that_is_not_there_leaves_its_weight_to_the_others(void **state)
{
	struct fusion_weights w = fusion_weigh(.5f, true);

	(void)state;
	assert_float_equal(w.dense, .5, 1e-6);
	assert_float_equal(w.latent, .125, 1e-6);
	assert_float_equal(w.lexical, .375, 1e-6);
	w = fusion_weigh(0, true);
	assert_float_equal(w.latent, .25, 1e-6);
	assert_float_equal(w.lexical, .75, 1e-6);
	w = fusion_weigh(2, false);
	assert_float_equal(w.dense, 1, 0);
	assert_float_equal(w.lexical, 0, 0);
	w = fusion_weigh(NAN, false);
	assert_float_equal(w.dense, 0, 0);
	assert_float_equal(w.lexical, 1, 0);
}

static void vectors_that_know_nothing_of_the_question_are_not_believed(void **state)
{
	enum { LONG = FUSION_DEEP };
	static const struct {
		float highest;        /* of the words; their best has 10 */
		uint32_t words_first; /* rows follow each other */
		uint32_t vectors_first;
		float lead; /* of the vectors' best before the others */
		float least, most;
	} cases[] = {
		/* the same rows */
		{ 20, 0, 0, 0, 1, 1 },
		/* others */
		{ 20, 0, 1000, 0, FUSION_TRUST_MIN, FUSION_TRUST_MIN },
		/* the best of one in the midst of the other */
		{ 20, 0, LONG / 2, 0, .3f, .8f },
		/* others, but one of them stands out */
		{ 20, 0, 1000, 1, 1, 1 },
		/* others, and the words do not fit either */
		{ 100, 0, 1000, 0, 1, 1 },
		{ 50, 0, 1000, 0, .4f, .7f },
		{ 0, 0, 1000, 0, 1, 1 },
		{ NAN, 0, 1000, 0, 1, 1 },
	};
	static uint32_t rows[2][LONG];
	static float scores[2][LONG];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fusion_list words = { rows[0], scores[0], LONG, 1, false };
		struct fusion_list vectors = { rows[1], scores[1], LONG, 1, false };
		float trust;

		for (uint32_t j = 0; j < LONG; j++) {
			rows[0][j] = cases[i].words_first + j;
			rows[1][j] = cases[i].vectors_first + j;
			scores[0][j] = 10 - 10 * (float)j / LONG;
			scores[1][j] = .5f - .1f * (float)j / LONG;
		}
		scores[1][0] += cases[i].lead;
		trust = fusion_trust(&words, cases[i].highest, &vectors);
		assert_true(trust >= cases[i].least - 1e-6f && trust <= cases[i].most + 1e-6f);
		vectors.count = 0;
		assert_float_equal(fusion_trust(&words, cases[i].highest, &vectors), 1, 0);
		words.count = 0;
		vectors.count = LONG;
		assert_float_equal(fusion_trust(&words, cases[i].highest, &vectors), 1, 0);
	}
}

static void vectors_are_trusted_where_their_model_knows_the_language(void **state)
{
	static const struct {
		const char *model, *question;
		float weight;
	} cases[] = {
		{ "nomic-embed-text-v1.5", "how do I rotate a token?", .5f },
		{ "nomic-embed-text-v1.5", "Wie setze ich die Grenze für einen Mandanten?", .3f },
		{ "nomic-embed-text-v1.5", "如何轮换令牌？", .12f },
		{ "nomic-embed-text-v1.5", "Πώς αλλάζω το όριο;", .12f },
		{ "ollama/Nomic-Embed-Text:latest", "كيف أغير الحد؟", .12f },
		{ "nomic-embed-text-v2-moe", "如何轮换令牌？", .5f },
		{ "text-embedding-3-large", "如何轮换令牌？", .65f },
		{ "BAAI/bge-m3", "Как изменить лимит?", .65f },
		{ "bge-large-zh-v1.5", "如何轮换令牌？", .5f },
		{ "bge-large-zh-v1.5", "how do I rotate a token?", .2f },
		{ "bge-large-en-v1.5", "how do I rotate a token?", .5f },
		{ "spass-embed", "how do I rotate a token?", .1f },
		{ "", "getUserName", .5f },
		{ NULL, "", .5f },
		{ "house-model", "¿Cómo se cambia el límite?", .3f },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_float_equal(fusion_dense_weight(cases[i].model, span_str(cases[i].question)),
				   cases[i].weight, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scores_are_brought_to_one_scale_and_added_by_weight),
		cmocka_unit_test(a_list_that_has_nothing_does_not_lower_the_others),
		cmocka_unit_test(a_short_list_of_words_begins_at_zero),
		cmocka_unit_test(what_fits_badly_is_not_believed),
		cmocka_unit_test(each_list_shows_its_part),
		cmocka_unit_test(reciprocal_ranks_look_at_places_alone),
		cmocka_unit_test(what_is_further_down_keeps_its_order_and_counts_nothing),
		cmocka_unit_test(any_lists_give_an_order),
		cmocka_unit_test(a_list_that_is_not_there_leaves_its_weight_to_the_others),
		cmocka_unit_test(vectors_that_know_nothing_of_the_question_are_not_believed),
		cmocka_unit_test(vectors_are_trusted_where_their_model_knows_the_language),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
