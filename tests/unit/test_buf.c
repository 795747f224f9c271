/* Tests of common/base/buf.h. */
#include "common/base/buf.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void stops_at_its_limit_and_stays_stopped(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_add_str(&b, "abcd"), 0);
	assert_int_equal(buf_add_char(&b, 'e'), 0);
	assert_false(buf_failed(&b));
	assert_int_equal(buf_add_char(&b, 'f'), -1);
	assert_true(buf_failed(&b));
	assert_string_equal(buf_str(&b), "abcde");
	/* Even what would fit is refused, so that no part is missing in the middle. */
	assert_int_equal(buf_add(&b, "", 0), -1);
	buf_truncate(&b, 1);
	assert_int_equal(buf_add_char(&b, 'x'), -1);
	buf_clear(&b);
	assert_false(buf_failed(&b));
	assert_int_equal(buf_add_str(&b, "12345"), 0);
	buf_free(&b);
	assert_int_equal(b.max, 5);
	assert_int_equal(buf_add_str(&b, "123456"), -1);
	buf_free(&b);
}

static void an_append_beyond_the_limit_changes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	buf_add_str(&b, "keep");
	assert_int_equal(buf_printf(&b, "%s", "12345"), -1);
	assert_string_equal(buf_str(&b), "keep");
	assert_int_equal(b.len, 4);
	assert_true(buf_failed(&b));
	buf_free(&b);
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), -1);
	assert_int_equal(b.len, 0);
	buf_free(&b);
}

static void reserving_too_much_is_no_append(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_reserve(&b, 100), 0);
	assert_int_equal(buf_reserve(&b, 101), -1);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
	assert_false(buf_failed(&b));
	assert_true(b.capacity <= 101);
	buf_free(&b);
}

static void a_nul_follows_every_change(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_string_equal(buf_str(&b), "");
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_int_equal(b.ptr[3], 0);
	buf_consume(&b, 2);
	assert_string_equal(buf_str(&b), "b");
	buf_consume(&b, 99);
	assert_string_equal(buf_str(&b), "");
	buf_consume(&b, 1);
	buf_add_span(&b, SPAN_NONE);
	assert_string_equal(buf_str(&b), "");
	for (int i = 0; i < 200; i++) {
		buf_add_char(&b, 'x');
		assert_int_equal(strlen(buf_str(&b)), i + 1);
	}
	buf_truncate(&b, 3);
	assert_string_equal(buf_str(&b), "xxx");
	buf_free(&b);
	buf_consume(&b, 1);
	buf_truncate(&b, 0);
	assert_string_equal(buf_str(&b), "");
}

static void writes_integers_as_printf_does(void **state)
{
	static const int64_t values[] = { 0, 1, -1, 9, 10, 99, 100, -1000, INT64_MAX, INT64_MIN };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		char want[32];

		snprintf(want, sizeof(want), "%lld", (long long)values[i]);
		buf_clear(&b);
		assert_int_equal(buf_add_int(&b, values[i]), 0);
		assert_string_equal(buf_str(&b), want);
	}
	buf_free(&b);
}

static void printf_grows_exactly_to_the_limit(void **state)
{
	/* Around the first capacity of 64 and around the maximum. */
	static const int lengths[] = { 0, 1, 62, 63, 64, 65, 127, 128, 199, 200 };
	struct buf b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		buf_init(&b, 200);
		assert_int_equal(buf_printf(&b, "%*s", lengths[i], ""), 0);
		assert_int_equal(b.len, lengths[i]);
		assert_int_equal(strlen(buf_str(&b)), lengths[i]);
		buf_free(&b);
	}
	assert_int_equal(buf_printf(&b, "%*s", 201, ""), -1);
	buf_free(&b);
}

static void take_hands_over_the_string(void **state)
{
	struct buf b;
	char *text;

	(void)state;
	buf_init(&b, 10);
	text = buf_take(&b);
	assert_string_equal(text, "");
	mem_free(text);
	buf_add_str(&b, "abc");
	text = buf_take(&b);
	assert_string_equal(text, "abc");
	assert_int_equal(b.len, 0);
	assert_null(b.ptr);
	assert_int_equal(buf_add_str(&b, "def"), 0);
	mem_free(text);
	buf_free(&b);
}

static void a_maximum_of_everything_is_no_overflow(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -1);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stops_at_its_limit_and_stays_stopped),
		cmocka_unit_test(an_append_beyond_the_limit_changes_nothing),
		cmocka_unit_test(reserving_too_much_is_no_append),
		cmocka_unit_test(a_nul_follows_every_change),
		cmocka_unit_test(writes_integers_as_printf_does),
		cmocka_unit_test(printf_grows_exactly_to_the_limit),
		cmocka_unit_test(take_hands_over_the_string),
		cmocka_unit_test(a_maximum_of_everything_is_no_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
