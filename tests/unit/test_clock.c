/* Tests of common/base/clock.h. */
#include "common/base/clock.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static void stamps_known_moments(void **state)
{
	static const struct {
		int64_t ms;
		const char *iso, *http;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ -1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT" },
		{ 784111777000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 951782400123, "2000-02-29T00:00:00.123Z", "Tue, 29 Feb 2000 00:00:00 GMT" },
		{ 951868800000, "2000-03-01T00:00:00.000Z", "Wed, 01 Mar 2000 00:00:00 GMT" },
		{ 1795255200123, "2026-11-21T10:00:00.123Z", "Sat, 21 Nov 2026 10:00:00 GMT" },
		{ 4107542399999, "2100-02-28T23:59:59.999Z", "Sun, 28 Feb 2100 23:59:59 GMT" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ 253402300800000, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 GMT" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z", "Sat, 01 Jan 0000 00:00:00 GMT" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char iso[CLOCK_ISO_SIZE], http[CLOCK_HTTP_SIZE];

		clock_iso(cases[i].ms, iso);
		clock_http_date(cases[i].ms, http);
		assert_string_equal(iso, cases[i].iso);
		assert_string_equal(http, cases[i].http);
	}
}

static void agrees_with_the_library_over_centuries(void **state)
{
	(void)state;
	/* A step that is no multiple of a day, from 1600 to 2400. */
	for (int64_t s = INT64_C(-11676096000); s < INT64_C(13569465600); s += 8640061) {
		char want[CLOCK_HTTP_SIZE], got[CLOCK_HTTP_SIZE];
		time_t moment = (time_t)s;
		struct tm tm;

		assert_non_null(gmtime_r(&moment, &tm));
		strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		clock_http_date(s * 1000, got);
		assert_string_equal(got, want);
	}
}

static void clocks_move_forward_and_agree(void **state)
{
	int64_t us = clock_mono_us(), ms = clock_mono_ms();

	(void)state;
	assert_true(ms >= us / 1000);
	assert_true(clock_mono_us() >= us);
	assert_true(clock_wall_ms() > INT64_C(1700000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_known_moments),
		cmocka_unit_test(agrees_with_the_library_over_centuries),
		cmocka_unit_test(clocks_move_forward_and_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
