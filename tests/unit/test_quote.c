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

/* Any run of words of a text is found in it, and nothing is read outside. */
static void every_part_of_a_text_is_a_quote_of_it(void **state)
{
	(void)state;
	for (size_t start = 0; start < sizeof(text) - 1; start++)
		for (size_t len = 12; start + len < sizeof(text); len += 7) {
			struct quote_place place;
			struct span quote = span_of(text + start, len);

			if (((unsigned char)text[start] & 0xc0) == 0x80 ||
			    ((unsigned char)text[start + len] & 0xc0) == 0x80)
				continue;
			assert_int_equal(quote_find(span_str(text), quote, &place, NULL), 0);
			assert_true(place.found);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quote_is_found_however_it_is_set),
		cmocka_unit_test(what_is_not_there_gets_the_place_most_like_it),
		cmocka_unit_test(a_quote_has_words_and_a_limit),
		cmocka_unit_test(every_part_of_a_text_is_a_quote_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
