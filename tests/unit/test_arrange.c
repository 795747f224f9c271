/* Tests of common/rag/arrange.h. */
#include "common/rag/arrange.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define SENTENCE                                                                                 \
	"A token of a tenant can be rotated at any time; the old one stays good for as long as " \
	"the operator says, so that programs which still hold it have time to fetch the new "    \
	"one. What was done with either is kept in the audit log under the same number."

static void texts_are_alike_when_their_words_are(void **state)
{
	static const struct {
		const char *text, *other;
		bool is_same;
	} cases[] = {
		{ SENTENCE, SENTENCE, true },
		{ SENTENCE, "  " SENTENCE "\n\n", true },
		{ SENTENCE SENTENCE SENTENCE, SENTENCE SENTENCE SENTENCE " Indeed.", true },
		{ SENTENCE,
		  "A budget of a tenant is counted by the day and by the month; what is "
		  "above it is refused with the time at which more may be asked.",
		  false },
		/* the same words in another order */
		{ "the dog bites the man in the old garden behind the house of his friend",
		  "his man bites the friend of the dog behind the old garden in the house", false },
		/* a table's headings are not its rows */
		{ "name: Smith city: Oslo name: Miller city: Bergen name: Jones city: Turku",
		  "name: Braun city: Graz name: Moser city: Wels name: Huber city: Linz", false },
		{ "port 3000 is the default of the gateway",
		  "port 8080 is the default of the proxy", false },
		/* too little to tell */
		{ "yes", "yes", false },
		{ "", "", false },
	};
	struct terms *terms = terms_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(arrange_is_same(arrange_simhash(terms, span_str(cases[i].text)),
						 arrange_simhash(terms, span_str(cases[i].other))),
				 cases[i].is_same);
	terms_free(terms);
}

static void long_texts_are_alike_when_they_differ_in_a_word(void **state)
{
	struct terms *terms = terms_new();
	struct buf text, changed, other;
	uint64_t simhash;

	(void)state;
	buf_init(&text, MIB);
	buf_init(&changed, MIB);
	buf_init(&other, MIB);
	for (unsigned i = 0; i < 2000; i++) {
		buf_printf(&text, "word%u ", i * i % 997);
		buf_printf(&changed, "word%u ", i == 1000 ? 5000 : i * i % 997);
		buf_printf(&other, "word%u ", i * i % 991 + 997);
	}
	simhash = arrange_simhash(terms, buf_span(&text));
	assert_true(arrange_is_same(simhash, arrange_simhash(terms, buf_span(&changed))));
	assert_false(arrange_is_same(simhash, arrange_simhash(terms, buf_span(&other))));
	buf_free(&text);
	buf_free(&changed);
	buf_free(&other);
	terms_free(terms);
}

static void the_same_text_and_one_document_do_not_fill_the_list(void **state)
{
	static const struct {
		struct arrange_item items[8];
		size_t count, document_max, max;
		uint32_t places[8];
		size_t kept;
	} cases[] = {
		{ { { 1, 0, false }, { 1, 0, false }, { 1, 0, false }, { 1, 0, false }, { 2, 0, false } },
		  5,
		  3,
		  8,
		  { 0, 1, 2, 4 },
		  4 },
		{ { { 1, 0, false }, { 1, 0, false }, { 1, 0, false }, { 1, 0, false }, { 2, 0, false } }, 5, 0, 3, { 0, 1, 2 }, 3 },
		{ { { 1, 0xff0, false }, { 2, 0xff0, false }, { 3, 0xff1, false }, { 4, 0xfff000, false } },
		  4,
		  3,
		  8,
		  { 0, 3 },
		  2 },
		/* a copy takes no place of its document */
		{ { { 1, 0xff, false }, { 1, 0xff, false }, { 1, 0xff00, false }, { 1, 0xff0000, false }, { 1, 0xff000000, false } },
		  5,
		  3,
		  8,
		  { 0, 2, 3 },
		  3 },
		/* a faint one only speaks for a document that has no other */
		{ { { 1, 0, false }, { 1, 0, true }, { 2, 0, true }, { 2, 0, true }, { 1, 0, false } },
		  5,
		  3,
		  8,
		  { 0, 2, 4 },
		  3 },
		{ { { 1, 0, false } }, 0, 3, 8, { 0 }, 0 },
		{ { { 1, 0, false } }, 1, 3, 0, { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t places[8];
		size_t kept = arrange(cases[i].items, cases[i].count, cases[i].document_max, places,
				      cases[i].max);

		assert_int_equal(kept, cases[i].kept);
		assert_memory_equal(places, cases[i].places, kept * sizeof(*places));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_alike_when_their_words_are),
		cmocka_unit_test(long_texts_are_alike_when_they_differ_in_a_word),
		cmocka_unit_test(the_same_text_and_one_document_do_not_fill_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
