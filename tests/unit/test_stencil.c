/*
 * tests/unit/test_stencil.c - what fits an earlier text, and what only looks like it.
 */
#include "common/base/stencil.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define A "data: {\"a\":\"one\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n"

enum { WHOLE = 9999 };

static const char *const gaps_of_a[] = { "\"one\"", "7", "\"x\"" };

static struct span place(const char *text, const char *part)
{
	const char *at = part ? strstr(text, part) : NULL;

	return at ? span_of(at, strlen(part)) : SPAN_NONE;
}

static void make(struct stencil *s, const char *text, const char *const *values, size_t count,
		 const char *cut)
{
	struct span gaps[16];

	for (size_t i = 0; i < count; i++) {
		gaps[i] = place(text, values[i]);
		assert_non_null(gaps[i].ptr);
	}
	stencil_make(s, span_str(text), gaps, count, place(text, cut));
}

static void texts_that_differ_in_the_gaps_fit(void **state)
{
	static const struct {
		const char *text;
		size_t fits;
	} cases[] = {
		{ A, sizeof A - 1 },
		{ "data: {\"a\":\"two \\\"2\\\" \xc3\xa4\",\"b\":1234,\"c\":null,\"d\":[\"\\u00e4\"]}\n\n", WHOLE },
		{ A "data: [DONE]\n\n", sizeof A - 1 },
		/* cut short, empty, something else */
		{ "data: {\"a\":\"one\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n", 0 },
		{ "data: {\"a\":\"one", 0 },
		{ "data: {\"a\":\"one\",\"b\":", 0 },
		{ "", 0 },
		{ "data: {\"a\":\"one\",\"b\":7,\"c\":true,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":7,\"c\":null,\"d\":[\"x\",1]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"z\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		/* what no string, no number above 0 is */
		{ "data: {\"a\":\"\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"o\ne\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"o\x01\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"o\\x\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"o\\u12\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"\xc3\",\"b\":7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":0,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":07,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":7.5,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":-7,\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
		{ "data: {\"a\":\"one\",\"b\":\"7\",\"c\":null,\"d\":[\"x\"]}\n\n", 0 },
	};
	struct stencil s;

	(void)state;
	make(&s, A, gaps_of_a, ARRAY_LEN(gaps_of_a), NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].text);
		size_t expected = cases[i].fits == WHOLE ? len : cases[i].fits;
		/* In a block of its own, so that a read past the end is seen. */
		char *text = mem_alloc(len + 1);
		struct span parts[2];
		size_t fits;

		memcpy(text, cases[i].text, len);
		fits = stencil_fits(&s, span_of(text, len), parts);
		if (fits != expected)
			print_message("%s: %zu\n", cases[i].text, fits);
		assert_int_equal(fits, expected);
		if (fits > 0) {
			assert_ptr_equal(parts[0].ptr, text);
			assert_int_equal(parts[0].len, fits);
			assert_int_equal(parts[1].len, 0);
		}
		mem_free(text);
	}
}

static void what_is_cut_is_left_out(void **state)
{
	static const struct {
		const char *cut, *first, *second;
	} cases[] = {
		{ "\"c\":null,", "data: {\"a\":\"longer\",\"b\":88,", "\"d\":[\"y\"]}\n\n" },
		{ "data: ", "", "{\"a\":\"longer\",\"b\":88,\"c\":null,\"d\":[\"y\"]}\n\n" },
		{ "}\n\n", "data: {\"a\":\"longer\",\"b\":88,\"c\":null,\"d\":[\"y\"]", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static const char text[] =
			"data: {\"a\":\"longer\",\"b\":88,\"c\":null,\"d\":[\"y\"]}\n\n";
		struct span parts[2];
		struct stencil s;

		make(&s, A, gaps_of_a, ARRAY_LEN(gaps_of_a), cases[i].cut);
		assert_int_equal(stencil_fits(&s, span_str(text), parts), sizeof text - 1);
		assert_true(span_is(parts[0], cases[i].first));
		assert_true(span_is(parts[1], cases[i].second));
	}
}

static void values_that_no_gap_can_be_are_taken_as_they_stand(void **state)
{
	static const char text[] = "{\"a\":\"\",\"b\":0,\"c\":1.5,\"d\":-3,\"e\":\"E\"}";
	static const char *const values[] = { "\"\"", "0", "1.5", "-3", "\"E\"" };
	struct span parts[2];
	struct stencil s;

	(void)state;
	make(&s, text, values, ARRAY_LEN(values), NULL);
	assert_int_equal(s.gap_count, 1);
	assert_int_equal(stencil_fits(&s, span_str("{\"a\":\"\",\"b\":0,\"c\":1.5,\"d\":-3,\"e\":\"other\"}"), parts),
			 sizeof text - 1 + 4);
	assert_int_equal(stencil_fits(&s, span_str("{\"a\":\"\",\"b\":1,\"c\":1.5,\"d\":-3,\"e\":\"E\"}"), parts), 0);
}

static void gaps_that_are_too_many_are_taken_as_they_stand(void **state)
{
	static const char text[] = "[1,2,3,4,5,6,7,8,9]", other[] = "[11,12,13,14,15,16,17,18,9]";
	struct span gaps[9], parts[2];
	struct stencil s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gaps); i++)
		gaps[i] = span_of(text + 1 + 2 * i, 1);
	stencil_make(&s, span_str(text), gaps, ARRAY_LEN(gaps), SPAN_NONE);
	assert_int_equal(stencil_fits(&s, span_str(other), parts), sizeof other - 1);
	assert_int_equal(stencil_fits(&s, span_str("[1,2,3,4,5,6,7,8,19]"), parts), 0);
}

static void a_text_that_is_too_long_fits_nothing(void **state)
{
	char text[STENCIL_BYTES + 1];
	struct span parts[2];
	struct stencil s = { .is_set = false };

	(void)state;
	memset(text, ' ', sizeof text);
	assert_int_equal(stencil_fits(&s, span_of(text, sizeof text), parts), 0);
	stencil_make(&s, span_of(text, STENCIL_BYTES), NULL, 0, SPAN_NONE);
	assert_int_equal(stencil_fits(&s, span_of(text, sizeof text), parts), STENCIL_BYTES);
	stencil_make(&s, span_of(text, sizeof text), NULL, 0, SPAN_NONE);
	assert_int_equal(stencil_fits(&s, span_of(text, sizeof text), parts), 0);
	stencil_make(&s, SPAN_NONE, NULL, 0, SPAN_NONE);
	assert_int_equal(stencil_fits(&s, span_of(text, sizeof text), parts), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_that_differ_in_the_gaps_fit),
		cmocka_unit_test(what_is_cut_is_left_out),
		cmocka_unit_test(values_that_no_gap_can_be_are_taken_as_they_stand),
		cmocka_unit_test(gaps_that_are_too_many_are_taken_as_they_stand),
		cmocka_unit_test(a_text_that_is_too_long_fits_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
