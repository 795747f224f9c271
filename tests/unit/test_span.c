/* Tests of common/base/span.h. */
#include "common/base/span.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void compares_bytes_and_lengths(void **state)
{
	(void)state;
	assert_true(span_equal(SPAN_NONE, SPAN_LIT("")));
	assert_true(span_equal(SPAN_LIT("a\0b"), span_of("a\0b", 3)));
	assert_false(span_equal(SPAN_LIT("a\0b"), SPAN_LIT("a\0c")));
	assert_false(span_equal(SPAN_LIT("ab"), SPAN_LIT("a")));
	assert_true(span_is(span_str(NULL), ""));
	assert_false(span_is(SPAN_LIT("abc"), "ab"));
	assert_true(span_is_nocase(SPAN_LIT("Content-LENGTH"), "content-length"));
	/* '@' and '`' differ in the bit that makes letters equal. */
	assert_false(span_is_nocase(SPAN_LIT("@"), "`"));
	assert_false(span_is_nocase(SPAN_LIT("["), "{"));
	assert_false(span_is_nocase(SPAN_LIT("\xc4"), "\xe4"));
}

static void finds_prefixes_and_suffixes(void **state)
{
	(void)state;
	assert_true(span_starts(SPAN_LIT("Bearer x"), "Bearer "));
	assert_true(span_starts(SPAN_LIT(""), ""));
	assert_true(span_starts(SPAN_NONE, ""));
	assert_false(span_starts(SPAN_LIT("Bear"), "Bearer"));
	assert_true(span_ends(SPAN_LIT("a.yaml"), ".yaml"));
	assert_true(span_ends(SPAN_NONE, ""));
	assert_false(span_ends(SPAN_LIT("yaml"), ".yaml"));
}

static void trims_spaces_and_tabs_only_and_strips_line_breaks_too(void **state)
{
	static const struct {
		const char *text, *trimmed, *stripped;
	} cases[] = {
		{ "", "", "" },
		{ " \t ", "", "" },
		{ " a b\t", "a b", "a b" },
		{ "\ra\n", "\ra\n", "a" },
		{ " \r\n\ta\nb\t\n ", "\r\n\ta\nb\t\n", "a\nb" },
		{ "a", "a", "a" },
		{ "\f", "\f", "\f" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(span_is(span_trim(span_str(cases[i].text)), cases[i].trimmed));
		assert_true(span_is(span_strip(span_str(cases[i].text)), cases[i].stripped));
	}
	assert_int_equal(span_trim(SPAN_NONE).len, 0);
	assert_int_equal(span_strip(SPAN_NONE).len, 0);
}

static void cuts_at_each_separator(void **state)
{
	struct span rest = SPAN_LIT("a,,bc,");

	(void)state;
	assert_true(span_is(span_cut(&rest, ','), "a"));
	assert_true(span_is(span_cut(&rest, ','), ""));
	assert_true(span_is(span_cut(&rest, ','), "bc"));
	assert_non_null(rest.ptr);
	assert_true(span_is(span_cut(&rest, ','), ""));
	assert_null(rest.ptr);
	assert_true(span_is(span_cut(&rest, ','), ""));
	assert_null(rest.ptr);
}

static void from_stops_at_the_end(void **state)
{
	(void)state;
	assert_true(span_is(span_from(SPAN_LIT("abc"), 1), "bc"));
	assert_true(span_is(span_from(SPAN_LIT("abc"), 3), ""));
	assert_true(span_is(span_from(SPAN_LIT("abc"), SIZE_MAX), ""));
	assert_null(span_from(SPAN_NONE, 5).ptr);
}

static void finds_a_needle(void **state)
{
	(void)state;
	assert_int_equal(span_find(SPAN_LIT("a\0bc"), SPAN_LIT("\0b")), 1);
	assert_int_equal(span_find(SPAN_LIT("abc"), SPAN_LIT("bc")), 1);
	assert_int_equal(span_find(SPAN_LIT("abc"), SPAN_LIT("")), 0);
	assert_int_equal(span_find(SPAN_NONE, SPAN_NONE), 0);
	assert_int_equal(span_find(SPAN_LIT("abc"), SPAN_LIT("abcd")), -1);
	assert_int_equal(span_find(SPAN_NONE, SPAN_LIT("a")), -1);
}

static void reads_digits_within_the_range(void **state)
{
	static const struct {
		const char *text;
		int64_t min, max;
		int result;
		int64_t value;
	} cases[] = {
		{ "0", 0, 10, 0, 0 },
		{ "10", 0, 10, 0, 10 },
		{ "11", 0, 10, -1, 0 },
		{ "4", 5, 10, -1, 0 },
		{ "007", 0, 10, 0, 7 },
		{ "", 0, 10, -1, 0 },
		{ "+1", 0, 10, -1, 0 },
		{ "-1", -5, 10, -1, 0 },
		{ " 1", 0, 10, -1, 0 },
		{ "1 ", 0, 10, -1, 0 },
		{ "0x1", 0, 10, -1, 0 },
		{ "1e1", 0, 10, -1, 0 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "9223372036854775808", 0, INT64_MAX, -1, 0 },
		{ "18446744073709551617", 0, INT64_MAX, -1, 0 },
		{ "99999999999999999999999999", 0, INT64_MAX, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t value = 4711;

		assert_int_equal(span_to_int(span_str(cases[i].text), cases[i].min, cases[i].max,
					     &value),
				 cases[i].result);
		assert_int_equal(value, cases[i].result == 0 ? cases[i].value : 4711);
	}
	assert_int_equal(span_to_int(SPAN_LIT("1\0"), 0, 10, &(int64_t){ 0 }), -1);
}

static void finds_the_line_around_a_byte(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *line;
	} cases[] = {
		{ "", 0, "" },
		{ "one", 0, "one" },
		{ "one", 3, "one" },
		{ "one\ntwo\n", 2, "one" },
		{ "one\ntwo\n", 3, "one" }, /* the break itself ends its line */
		{ "one\ntwo\n", 4, "two" },
		{ "one\ntwo\n", 8, "" },
		{ "\n\n", 1, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(span_is(span_line_at(span_str(cases[i].text), cases[i].at), cases[i].line));
	assert_int_equal(span_line_at(SPAN_NONE, 0).len, 0);
	assert_int_equal(span_count(SPAN_NONE, '\n'), 0);
	assert_int_equal(span_count(SPAN_LIT("\none\n\ntwo"), '\n'), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares_bytes_and_lengths),
		cmocka_unit_test(finds_prefixes_and_suffixes),
		cmocka_unit_test(trims_spaces_and_tabs_only_and_strips_line_breaks_too),
		cmocka_unit_test(cuts_at_each_separator),
		cmocka_unit_test(from_stops_at_the_end),
		cmocka_unit_test(finds_the_line_around_a_byte),
		cmocka_unit_test(finds_a_needle),
		cmocka_unit_test(reads_digits_within_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
