/* tests/unit/test_near.c - what is suggested, and when nothing is. */
#include "common/base/near.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char *const words[] = { "serve",     "status",     "errors", "config",
				     "log_level", "log_format", "ask" };

static const char *nearest(const char *word)
{
	struct near n;

	near_init(&n, span_str(word));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		near_offer(&n, words[i]);
	return near_best(&n);
}

static void suggests_the_word_that_was_meant(void **state)
{
	static const struct {
		const char *typed, *meant;
	} cases[] = {
		{ "srve", "serve" },          { "sevre", "serve" },         { "serv", "serve" },
		{ "statsu", "status" },       { "error", "errors" },        { "CONFIG", "config" },
		{ "log-level", "log_level" }, { "log_levle", "log_level" }, { "asl", "ask" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(nearest(cases[i].typed), cases[i].meant);
}

static void suggests_nothing_when_nothing_is_near(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 's', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_null(nearest("frobnicate"));
	assert_null(nearest(""));
	assert_null(nearest("x"));
	assert_null(nearest(longest));
}

/* It is refused for another reason than how it is written. */
static void never_suggests_what_was_said(void **state)
{
	(void)state;
	assert_null(nearest("serve"));
	assert_string_equal(nearest("SERVE"), "serve");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suggests_the_word_that_was_meant),
		cmocka_unit_test(suggests_nothing_when_nothing_is_near),
		cmocka_unit_test(never_suggests_what_was_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
