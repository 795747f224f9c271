/* Tests of common/rag/measure.h and trec.h. */
#include "common/rag/measure.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static bool is_near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

static size_t measure_texts(const char *judgements, const char *run, struct measure *mean)
{
	struct trec_judgements j;
	struct trec_run r;
	size_t queries;

	assert_int_equal(trec_read_judgements(span_str(judgements), &j, NULL), 0);
	assert_int_equal(trec_read_run(span_str(run), &r, NULL), 0);
	queries = measure_run(&j, &r, mean);
	trec_judgements_free(&j);
	trec_run_free(&r);
	return queries;
}

/* Computed by hand from the definitions; log2(3) = 1.5849625007211562. */
static void figures_follow_their_definitions(void **state)
{
	static const double log3 = 1.5849625007211562;
	static const struct {
		const char *judgements, *run;
		double ndcg, recall3, mrr, mrr3;
	} cases[] = {
		{ "q 0 a 1", "q Q0 a 1 9 x", 1, 1, 1, 1 },
		{ "q 0 a 1", "q Q0 b 1 9 x\nq Q0 a 2 8 x", 1 / log3, 1, .5, .5 },
		{ "q 0 a 1\nq 0 b 1", "q a 1 9", 1 / (1 + 1 / log3), .5, 1, 1 },
		{ "q 0 a 2\nq 0 b 1", "q b 1 9\nq a 2 8", (1 + 2 / log3) / (2 + 1 / log3), 1, 1,
		  1 },
		{ "q 0 a 1", "", 0, 0, 0, 0 },
		{ "q 0 a 1", "q b 1 9\nq c 2 8\nq d 3 7\nq a 4 6", 0.43067655807339306, 0, .25, 0 },
		{ "q 0 a 1\nq 0 b 0\nq 0 c -1", "q b 1 9\nq c 2 8\nq a 3 7", .5, 1, 1.0 / 3,
		  1.0 / 3 },
		{ "q a 1", "q b 1 9\nq b 2 8\nq a 3 7", 1 / log3, 1, .5, .5 },
		{ "q a 1", "q b 2 5\nq a 1 5", 1, 1, 1, 1 },
		{ "q a 1", "q a 1 5\nq b 2 6", 1 / log3, 1, .5, .5 },
		{ "q a 0\nq a 1\n", "q a 1 5", 1, 1, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct measure mean;

		assert_int_equal(measure_texts(cases[i].judgements, cases[i].run, &mean), 1);
		assert_true(is_near(mean.ndcg10, cases[i].ndcg));
		assert_true(is_near(mean.recall3, cases[i].recall3));
		assert_true(is_near(mean.mrr, cases[i].mrr));
		assert_true(is_near(mean.mrr3, cases[i].mrr3));
	}
}

static void a_query_without_a_relevant_document_does_not_count(void **state)
{
	struct measure mean;

	(void)state;
	assert_int_equal(measure_texts("p 0 a 0\nq 0 a 1\nr 0 b 1\n", "q a 1 1\nz a 1 1\n", &mean),
			 2);
	assert_true(is_near(mean.ndcg10, .5) && is_near(mean.success5, .5));
	assert_int_equal(measure_texts("", "q a 1 1\n", &mean), 0);
	assert_true(is_near(mean.ndcg10, 0));
}

static void depths_end_where_they_say(void **state)
{
	struct buf run;
	struct measure mean;

	(void)state;
	for (size_t rank = 1; rank <= 101; rank++) {
		double expected[] = {
			0, rank <= 3, rank <= 5, rank <= 10, rank <= 20, rank <= 100
		};

		buf_init(&run, MIB);
		for (size_t i = 1; i < rank; i++)
			buf_printf(&run, "q Q0 other%zu %zu %zu tag\n", i, i, 200 - i);
		buf_printf(&run, "q Q0 it %zu %zu tag\n", rank, 200 - rank);
		measure_texts("q 0 it 1", buf_str(&run), &mean);
		for (size_t i = 1; i < ARRAY_LEN(expected); i++)
			assert_true(is_near(measure_value(&mean, i), expected[i]));
		assert_true(is_near(mean.mrr10, rank <= 10 ? 1.0 / (double)rank : 0));
		assert_true(is_near(mean.success5, rank <= 5));
		assert_true(rank <= 10 ? mean.ndcg10 > 0 : is_near(mean.ndcg10, 0));
		buf_free(&run);
	}
}

static void figures_have_names(void **state)
{
	struct measure m = { .ndcg10 = 1, .success5 = 2 };
	size_t count = 0;

	(void)state;
	while (measure_name(count))
		count++;
	assert_int_equal(count * sizeof(double), sizeof(m));
	assert_string_equal(measure_name(0), "ndcg@10");
	assert_true(is_near(measure_value(&m, 0), 1));
	assert_true(is_near(measure_value(&m, count - 1), 2));
}

static void a_line_that_is_wrong_is_told_by_its_number(void **state)
{
	static const struct {
		char kind; /* j, r or q */
		const char *text, *message;
	} cases[] = {
		{ 'j', "q 0 a 1\n\nq 0\n", "line 3: a judgement is: query 0 document relevance" },
		{ 'j', "q 0 a much\n", "line 1: the relevance is no number up to 1000000" },
		{ 'j', "q 0 a 1e9\n", "line 1: the relevance is no number up to 1000000" },
		{ 'r', "q a 1 9\nq a 1\n", "line 2: a hit is: query Q0 document rank score tag" },
		{ 'r', "q Q0 a 1 9\n", "line 1: a hit is: query Q0 document rank score tag" },
		{ 'r', "q a first 9\n", "line 1: the rank is no number" },
		{ 'r', "q a 1 nan\n", "line 1: the score is no number" },
		{ 'r', "q a 1 9,5\n", "line 1: the score is no number" },
		{ 'q', "1\tWhat?\n2 Why?\n", "line 2: a question is: id TAB text" },
		{ 'q', "1\t\n", "line 1: a question is: id TAB text" },
		{ 'q', "{\"id\":\"1\",\"text\":\"a\"}\n{\"id\":\"2\"}\n",
		  "line 2: a question is {\"id\": \"...\", \"text\": \"...\"}" },
		{ 'q', "1\tWhat?\n1\tWhy?\n", "the question \"1\" is there twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span text = span_str(cases[i].text);
		struct trec_judgements j = { 0 };
		struct trec_questions q = { 0 };
		struct trec_run r = { 0 };
		struct err err = ERR_INIT;

		if (cases[i].kind == 'j')
			assert_int_equal(trec_read_judgements(text, &j, &err), -1);
		else if (cases[i].kind == 'r')
			assert_int_equal(trec_read_run(text, &r, &err), -1);
		else
			assert_int_equal(trec_read_questions(text, &q, &err), -1);
		assert_int_equal(err.code, E_invalid_field);
		assert_string_equal(err.message, cases[i].message);
		trec_judgements_free(&j);
		trec_questions_free(&q);
		trec_run_free(&r);
	}
}

static void a_line_of_json_that_is_broken_is_told(void **state)
{
	struct trec_questions q;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(trec_read_questions(SPAN_LIT("{\"id\":\"1\",\n"), &q, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	assert_non_null(strstr(err.message, "line 1: "));
	trec_questions_free(&q);
}

static void a_line_that_is_too_long_is_refused(void **state)
{
	struct trec_judgements j;
	struct err err = ERR_INIT;
	struct buf text;

	(void)state;
	buf_init(&text, 2 * MIB);
	for (size_t i = 0; i <= TREC_LINE_MAX; i++)
		buf_add_char(&text, 'x');
	assert_int_equal(trec_read_judgements(buf_span(&text), &j, &err), -1);
	assert_int_equal(err.code, E_too_large);
	trec_judgements_free(&j);
	buf_free(&text);
}

static void questions_come_as_columns_or_as_json(void **state)
{
	static const char *const texts[] = {
		"q1\tWhat is it?\r\n\nq2\t Tabs\tin it \n",
		"{\"id\":\"q1\",\"text\":\"What is it?\"}\n"
		"{\"_id\":\"q2\",\"text\":\"Tabs\\tin it\",\"more\":[1]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct trec_questions q;

		assert_int_equal(trec_read_questions(span_str(texts[i]), &q, NULL), 0);
		assert_int_equal(q.count, 2);
		assert_true(span_is(q.list[0].id, "q1"));
		assert_true(span_is(q.list[0].text, "What is it?"));
		assert_true(span_is(q.list[1].id, "q2"));
		assert_true(span_is(q.list[1].text, "Tabs\tin it"));
		trec_questions_free(&q);
	}
}

static void what_is_written_is_read_again(void **state)
{
	struct trec_run r;
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	assert_int_equal(trec_write_hit(&out, SPAN_LIT("q"), SPAN_LIT("a"), 1, .75, "spass"), 0);
	assert_int_equal(trec_write_hit(&out, SPAN_LIT("q"), SPAN_LIT("b"), 2, .5, "spass"), 0);
	assert_string_equal(buf_str(&out), "q Q0 a 1 0.750000 spass\nq Q0 b 2 0.500000 spass\n");
	assert_int_equal(trec_read_run(buf_span(&out), &r, NULL), 0);
	assert_int_equal(r.count, 2);
	assert_true(span_is(r.list[1].document, "b") && is_near(r.list[1].score, .5) &&
		    r.list[1].rank == 2);
	trec_run_free(&r);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_follow_their_definitions),
		cmocka_unit_test(a_query_without_a_relevant_document_does_not_count),
		cmocka_unit_test(depths_end_where_they_say),
		cmocka_unit_test(figures_have_names),
		cmocka_unit_test(a_line_that_is_wrong_is_told_by_its_number),
		cmocka_unit_test(a_line_of_json_that_is_broken_is_told),
		cmocka_unit_test(a_line_that_is_too_long_is_refused),
		cmocka_unit_test(questions_come_as_columns_or_as_json),
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
