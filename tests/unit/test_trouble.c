/* Failures in the log: one line in a while, and the number of those that were left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/upstream/trouble.h"

static void one_in_a_while_is_told_with_the_count_of_the_others(void **state)
{
	(void)state;
	static const struct {
		int64_t now_ms;
		bool due;
		int64_t left_out;
	} cases[] = {
		{ 5, true, 0 },
		{ 5, false, 0 },
		{ 5 + TROUBLE_QUIET_MS - 1, false, 0 },
		{ 5 + TROUBLE_QUIET_MS, true, 2 },
		{ 6 + TROUBLE_QUIET_MS, false, 0 },
		{ 5 + 9 * TROUBLE_QUIET_MS, true, 1 },
		{ 5 + 99 * TROUBLE_QUIET_MS, true, 0 },
	};
	struct trouble t = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t left_out = -1;

		assert_int_equal(trouble_is_due(&t, cases[i].now_ms, &left_out), cases[i].due);
		assert_int_equal(left_out, cases[i].left_out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_in_a_while_is_told_with_the_count_of_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
