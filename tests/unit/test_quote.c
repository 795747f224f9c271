/* Tests of common/rag/quote.h. */
#include "common/rag/quote.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const char text[] =
	"The gateway refuses a body\n  of more than 32 MB.  It answers \xe2\x80\x9ctoo "
	"large\xe2\x80\x9d"
	" \xe2\x80\x94 at once; a con-\nfiguration of well-\nknown limits is read \xef\xac\x81rst.";

static void a_quote_is_found_however_it_is_set(void **state)
{
	static const struct {
		const char *quote, *place; /* NULL: not found */
		bool exact;
	} cases[] = {
		{ "The gateway refuses a body", "The gateway refuses a body", true },
		{ "the Gateway refuses", "The gateway refuses", false },
		{ "body of more than", "body\n  of more than", true },
		{ "\"32 MB.\"", "32 MB.", true },
		{ "It answers \"too large\" - at once",
		  "It answers \xe2\x80\x9ctoo large\xe2\x80\x9d \xe2\x80\x94 at once", true },
		{ "a configuration of", "a con-\nfiguration of", true },
		{ "well-known limits", "well-\nknown limits", false },
		{ "is read first", "is read \xef\xac\x81rst", true },
		{ "The gateway refuses ... 32 MB. [\xe2\x80\xa6] at once",
		  "The gateway refuses a body\n  of more than 32 MB.  It"
		  " answers \xe2\x80\x9ctoo large\xe2\x80\x9d \xe2\x80\x94 at once",
		  true },
		{ "at once ... The gateway", NULL, false },
		{ "The gateway accepts a body", NULL, false },
		{ "32 GB", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct quote_place place;

		assert_int_equal(quote_find(span_str(text), span_str(cases[i].quote), &place, NULL),
				 0);
		assert_int_equal(place.found, cases[i].place != NULL);
		assert_true((place.likeness == 1) == place.found);
		if (!cases[i].place)
			continue;
		assert_int_equal(place.exact, cases[i].exact);
		assert_true(span_is(span_of(text + place.start, place.end - place.start),
				    cases[i].place));
	}
}

static void what_is_not_there_gets_the_place_most_like_it(void **state)
{
	struct quote_place place;

	(void)state;
	quote_find(span_str(text), SPAN_LIT("a body of at most 32 MB"), &place, NULL);
	assert_false(place.found);
	assert_true(place.likeness > 0.6F && place.likeness < 1);
	assert_true(span_is(span_of(text + place.start, place.end - place.start),
			    "a body\n  of more than 32 MB"));
	quote_find(span_str(text), SPAN_LIT("zebra crossing"), &place, NULL);
	assert_true(!place.found && place.likeness == 0 && place.end == 0);
	quote_find(SPAN_NONE, SPAN_LIT("zebra crossing"), &place, NULL);
	assert_true(!place.found && place.likeness == 0);
}

static void a_quote_has_words_and_a_limit(void **state)
{
	char *much = mem_calloc(1, QUOTE_MAX + 2);
	struct quote_place place;
	struct err err = ERR_INIT;

	(void)state;
	memset(much, 'x', QUOTE_MAX + 1);
	assert_int_equal(quote_find(span_str(text), span_str(much), &place, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	assert_int_equal(quote_find(span_str(text), SPAN_LIT(" ... \"\" "), &place, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	mem_free(much);
}

/* Whoever says 1 does not quote 15. */
static void a_part_of_a_word_or_number_is_no_quote(void **state)
{
	static const struct {
		const char *text, *quote, *place; /* NULL: not found */
		bool exact;
	} cases[] = {
		{ "Revenue grew 15 percent.", "Revenue grew 1", NULL, false },
		{ "Revenue grew 15 percent.", "5 percent", NULL, false },
		{ "Revenue grew 1.5 percent.", "Revenue grew 1", NULL, false },
		{ "Revenue grew 1.5 percent.", "5 percent", NULL, false },
		{ "It cost 1,500 euros.", "cost 1", NULL, false },
		{ "In 2020, 5 of them came.", "In 2020", "In 2020", true },
		{ "It grew to 5.", "grew to 5", "grew to 5", true },
		{ "15 and 1", "1", "1", true },
		{ "He is unable to go.", "able to go", NULL, false },
		{ "He is able.", "is ab", NULL, false },
		{ "a con-\nfiguration", "figuration", NULL, false },
		{ "a con-\nfiguration", "a con", NULL, false },
		{ "of well-known limits", "known limits", "known limits", true },
		{ "of well-known limits", "Known limits", "known limits", false },
		{ "so\xe2\x80\x94it is said", "It is", "it is", false },
		{ "is \xef\xac\x81rst", "is f", NULL, false },
		{ "is sti\xef\xac\x80 now", "is stif", NULL, false },
		{ "is sti\xef\xac\x80 now", "is stiff", "is sti\xef\xac\x80", true },
		{ "a cafe\xcc\x81 there", "a cafe", NULL, false },
		{ "a cafe\xcc\x81 there", "a cafe\xcc\x81", "a cafe\xcc\x81", true },
		{ "\xe8\xbf\x99\xe6\x98\xaf\xe6\x96\x87\xe6\x9c\xac", "\xe6\x98\xaf\xe6\x96\x87",
		  "\xe6\x98\xaf\xe6\x96\x87", true },
		{ "GPT\xe6\xa8\xa1", "GPT", "GPT", true },
		{ "\xe0\xb8\x81\xe0\xb8\xb4\xe0\xb8\x99", "\xe0\xb8\x81",
		  "\xe0\xb8\x81\xe0\xb8\xb4", true },
		{ "a heart \xe2\x9d\xa4\xef\xb8\x8f beats", "a heart \xe2\x9d\xa4",
		  "a heart \xe2\x9d\xa4\xef\xb8\x8f", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct quote_place place;
		struct span said = span_str(cases[i].text);

		assert_int_equal(quote_find(said, span_str(cases[i].quote), &place, NULL), 0);
		if (place.found != (cases[i].place != NULL) || place.exact != cases[i].exact)
			fail_msg("%s in %s", cases[i].quote, cases[i].text);
		if (place.found)
			assert_true(
				span_is(span_of(said.ptr + place.start, place.end - place.start),
					cases[i].place));
	}
}

static bool is_edge(size_t at)
{
	const char *both = " .,;";

	return at == 0 || at == sizeof(text) - 1 || strchr(both, text[at]) ||
	       strchr(both, text[at - 1]);
}

/* Any run of words of a text is found in it, and nothing is read outside. */
static void every_run_of_words_of_a_text_is_a_quote_of_it(void **state)
{
	size_t seen = 0;

	(void)state;
	for (size_t start = 0; start < sizeof(text) - 1; start++)
		for (size_t len = 12; start + len < sizeof(text); len++) {
			struct quote_place place;
			struct span quote = span_of(text + start, len);

			if (((unsigned char)text[start] & 0xc0) == 0x80 ||
			    ((unsigned char)text[start + len] & 0xc0) == 0x80)
				continue;
			assert_int_equal(quote_find(span_str(text), quote, &place, NULL), 0);
			assert_true(place.start <= place.end && place.end < sizeof(text));
			if (!is_edge(start) || !is_edge(start + len))
				continue;
			assert_true(place.found);
			seen++;
		}
	assert_true(seen > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quote_is_found_however_it_is_set),
		cmocka_unit_test(what_is_not_there_gets_the_place_most_like_it),
		cmocka_unit_test(a_quote_has_words_and_a_limit),
		cmocka_unit_test(a_part_of_a_word_or_number_is_no_quote),
		cmocka_unit_test(every_run_of_words_of_a_text_is_a_quote_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
