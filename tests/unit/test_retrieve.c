/* Tests of common/rag/retrieve.h: which lists are asked, what a filter leaves, what is too little. */
#include "tests/support/rag_stage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

enum { DIMENSIONS = 32 };

/* What a question without words in common with any text is near to. */
static const struct {
	const char *name, *text, *meta;
} documents[] = {
	{ "a", "The otter swims.\n", "{\"kind\":\"animal\"}" },
	{ "b", "A badger digs.\n", "{\"kind\":\"animal\"}" },
	{ "c", "The granite weathers.\n", "{\"kind\":\"stone\"}" },
};

static void put_all(struct rag_stage *s)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };

	for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
		struct rag_document_in in = text_document(documents[i].name, documents[i].text);
		struct rag_put_result result;

		in.meta = span_str(documents[i].meta);
		if (rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err) < 0)
			fail_msg("%s", s->err.message);
	}
}

/* A question whose vector is that of the first document's text. */
static struct retrieve_question question_with(const float vector[DIMENSIONS], enum retrieve_mode mode)
{
	return (struct retrieve_question){ .text = SPAN_LIT("zebra"),
					   .top_k = 5,
					   .dense_weight = NAN,
					   .mode = mode,
					   .vector = vector,
					   .dimensions = DIMENSIONS,
					   .model = SPAN_LIT("m") };
}

static void vectors_find_what_no_word_does_and_a_filter_holds_for_them_too(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_answer answer;
	float vector[DIMENSIONS] = { 0 };
	struct retrieve_question q = question_with(vector, RETRIEVE_DENSE);

	put_all(s);
	stage_embed(s, "m", DIMENSIONS);
	stage_direction(span_str(documents[0].text), vector, DIMENSIONS);
	assert_int_equal(strlen(stage_order(s, &q, &answer)), 3);
	assert_int_equal(answer.mode, RETRIEVE_DENSE);
	assert_null(answer.note);
	assert_string_equal(answer.hits[0].document.name.ptr, "a");
	q.filter = SPAN_LIT("{\"kind\":\"stone\"}");
	assert_string_equal(stage_order(s, &q, &answer), "c");
	q.filter = SPAN_LIT("{\"kind\":\"plant\"}");
	assert_string_equal(stage_order(s, &q, &answer), "");
}

static void words_alone_are_asked_where_the_vector_is_of_no_use_and_why_is_told(void **state)
{
	static const struct {
		const char *model;
		size_t dimensions;
		bool has_vector;
		const char *note, *fault;
	} cases[] = {
		{ "m", DIMENSIONS, false, "no embedding model answered", NULL },
		{ "m", DIMENSIONS, false, "m: Connection refused", "m: Connection refused" },
		{ "other", DIMENSIONS, true, "another model", NULL },
		{ "m", DIMENSIONS / 2, true, "another dimension", NULL },
	};
	struct rag_stage *s = *state;
	float vector[DIMENSIONS] = { 0 };

	put_all(s);
	stage_embed(s, "m", DIMENSIONS);
	stage_direction(span_str(documents[0].text), vector, DIMENSIONS);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int mode = RETRIEVE_AUTO; mode <= RETRIEVE_HYBRID; mode++) {
			struct retrieve_question q = question_with(vector, (enum retrieve_mode)mode);
			struct retrieve_answer answer;

			q.model = span_str(cases[i].model);
			q.dimensions = cases[i].dimensions;
			q.vector_fault = cases[i].fault;
			if (!cases[i].has_vector)
				q.vector = NULL;
			assert_string_equal(stage_order(s, &q, &answer), "");
			assert_int_equal(answer.mode, RETRIEVE_LEXICAL);
			if (mode == RETRIEVE_LEXICAL)
				assert_null(answer.note);
			else
				assert_non_null(strstr(answer.note, cases[i].note));
			q.text = SPAN_LIT("badger");
			assert_string_equal(stage_order(s, &q, &answer), "b");
		}
}

static void what_scores_less_than_is_asked_for_is_no_hit(void **state)
{
	struct rag_stage *s = *state;
	struct retrieve_answer all, answer;
	struct retrieve_question q = { .text = SPAN_LIT("otter river"), .top_k = 5, .dense_weight = NAN };

	stage_put(s, "a", "The otter and the river, the otter in the river.");
	stage_put(s, "b", "An otter eats.");
	stage_put(s, "c", "Far from here a wide and long river runs among many other things of the land.");
	assert_int_equal(strlen(stage_order(s, &q, &all)), 3);
	assert_true(all.hits[0].score > all.hits[1].score && all.hits[1].score > all.hits[2].score);
	q.min_score = all.hits[1].score;
	assert_int_equal(strlen(stage_order(s, &q, &answer)), 2);
	q.min_score = nextafterf(all.hits[1].score, 1);
	assert_int_equal(strlen(stage_order(s, &q, &answer)), 1);
	q.min_score = 1;
	assert_string_equal(stage_order(s, &q, &answer), all.hits[0].score < 1 ? "" : "a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vectors_find_what_no_word_does_and_a_filter_holds_for_them_too),
		TEST(words_alone_are_asked_where_the_vector_is_of_no_use_and_why_is_told),
		TEST(what_scores_less_than_is_asked_for_is_no_hit),
	};

	return cmocka_run_group_tests_name("retrieve", tests, NULL, NULL);
}
