/* Tests of common/upstream/extract.c: which sentences are quoted, of passages that were searched for. */
#include "common/upstream/extract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/base/mem.h"

#define SKY "Source: sky.md\nThe sky is blue today.\n\n"

static struct span first_of(const char *text, const char *question)
{
	const struct extract_source source = { span_str(text), 1 };
	const struct extract_request request = { .sources = &source, .source_count = 1, .quotes_max = 3,
						 .question = span_str(question) };
	struct extract_quote quotes[3];

	assert_true(extract_quotes(&request, quotes) > 0);
	return quotes[0].text;
}

/* What was found first is quoted first when the others say hardly more; else they are. */
static void the_rank_of_a_passage_counts(void **state)
{
	static const struct {
		const char *text, *first;
	} cases[] = {
		{ SKY "Source: a.md\nIn rivers, otters eat fish.\n\nSource: b.md\nOtters eat much fish.\n",
		  "In rivers, otters eat fish." },
		{ SKY "Source: b.md\nOtters eat much fish.\n\nSource: a.md\nIn rivers, otters eat fish.\n",
		  "Otters eat much fish." },
		{ SKY "Source: a.md\nOtters swim.\n\nSource: b.md\nThe sea is deep.\n\nSource: c.md\nOtters eat much fish.\n",
		  "Otters eat much fish." },
		/* Without passages there is no rank. */
		{ "The sky is blue today.\n\nIn rivers, otters eat fish.\n\nOtters eat much fish.\n",
		  "Otters eat much fish." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span first = first_of(cases[i].text, "What do otters eat?");

		assert_true(span_is(first, cases[i].first));
	}
}

static void the_first_rank_costs_nothing_and_each_next_one_more(void **state)
{
	(void)state;
	assert_true(extract_rank_prior(0) == 1);
	for (size_t i = 1; i < 50; i++)
		assert_true(extract_rank_prior(i) < extract_rank_prior(i - 1) && extract_rank_prior(i) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rank_of_a_passage_counts),
		cmocka_unit_test(the_first_rank_costs_nothing_and_each_next_one_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
