/*
 * tests/unit/test_jmember.c - members of a JSON object as they are written.
 */
#include "common/base/jmember.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void members_have_the_commas_they_need(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 * KIB);
	buf_add_char(&out, '{');
	jmember_text_if(&out, "none", SPAN_NONE);
	jmember_text(&out, "a", SPAN_LIT("x\"y\n"));
	jmember_text_if(&out, "none", SPAN_LIT(""));
	jmember_text_if(&out, "b", SPAN_LIT("{"));
	jmember_number(&out, "c", INT64_MIN);
	jmember_time(&out, "d", 1777793810239);
	jmember_key(&out, "e");
	buf_add_char(&out, '{');
	jmember_text(&out, "f", SPAN_LIT(""));
	buf_add_str(&out, "},");
	jmember_number(&out, "g", 0);
	buf_add_char(&out, '}');
	assert_string_equal(buf_str(&out), "{\"a\":\"x\\\"y\\n\",\"b\":\"{\",\"c\":-9223372036854775808,"
					   "\"d\":\"2026-05-03T07:36:50.239Z\",\"e\":{\"f\":\"\"},\"g\":0}");
	buf_clear(&out);
	jmember_number(&out, "first", 1);
	assert_string_equal(buf_str(&out), "\"first\":1");
	buf_free(&out);
}

/* What is full stays so, and says so once. */
static void a_full_buffer_is_told_by_the_buffer(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	jmember_text(&out, "name", SPAN_LIT("value"));
	jmember_number(&out, "name", 1);
	assert_true(buf_failed(&out));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_have_the_commas_they_need),
		cmocka_unit_test(a_full_buffer_is_told_by_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
