/*
 * tests/unit/test_digits.c - numbers in decimal.
 */
#include "common/base/digits.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_digits(uint64_t value)
{
	char text[DIGITS_MAX + 2] = "", wanted[DIGITS_MAX + 1];
	char *end;

	memset(text, '#', DIGITS_MAX + 1);
	snprintf(wanted, sizeof wanted, "%" PRIu64, value);
	end = digits_put(text, value);
	assert_int_equal(*end, '#');
	*end = '\0';
	assert_string_equal(text, wanted);
}

static void each_length_comes_out_as_printf_has_it(void **state)
{
	(void)state;
	for (uint64_t power = 1, i = 0; i < DIGITS_MAX; i++, power *= 10) {
		assert_digits(power - 1);
		assert_digits(power);
		assert_digits(power + 1);
		assert_digits(power * 9 / 10);
	}
	assert_digits(UINT64_MAX);
	for (uint64_t value = 0; value < 12000; value++)
		assert_digits(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_length_comes_out_as_printf_has_it) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
