/*
 * tests/unit/test_subtitles.c - subtitles of parts have the times and numbers of the whole.
 */
#include "common/chat/subtitles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void later_parts_have_their_place_in_the_whole(void **state)
{
	static const struct {
		enum subtitle_format format;
		const char *first, *second, *whole;
	} cases[] = {
		{ SUBTITLES_SRT, "1\n00:00:00,000 --> 00:00:02,500\nHello\nthere\n\n2\n00:00:02,500 --> 00:00:03,000\nyou\n",
		  "1\r\n00:00:01,250 --> 00:59:59,999\r\nlate\r\n\r\n",
		  "1\n00:00:00,000 --> 00:00:02,500\nHello\nthere\n\n2\n00:00:02,500 --> 00:00:03,000\nyou\n\n"
		  "3\n00:00:31,250 --> 01:00:29,999\nlate\n\n" },
		/* Silence says nothing. */
		{ SUBTITLES_SRT, "", "\n\n", "" },
		{ SUBTITLES_SRT, "", "7\n00:00:00,000 --> 00:00:01,000\n\n\n", "1\n00:00:30,000 --> 00:00:31,000\n\n" },
		{ SUBTITLES_VTT, "WEBVTT\n\n00:00.000 --> 00:02.500 align:start line:0\nHello\n\nNOTE\nof mine\n",
		  "WEBVTT - title\nKind: captions\n\nintro\n00:01:00.000 --> 100:00:00.000\n- Hi\n",
		  "WEBVTT\n\n00:00:00.000 --> 00:00:02.500 align:start line:0\nHello\n\nNOTE\nof mine\n\n"
		  "intro\n00:01:30.000 --> 100:00:30.000\n- Hi\n\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct subtitles s;

		subtitles_init(&s, cases[i].format, 4096);
		assert_int_equal(subtitles_add(&s, span_str(cases[i].first), 0), 0);
		assert_int_equal(subtitles_add(&s, span_str(cases[i].second), 30000), 0);
		assert_string_equal(buf_str(&s.text), cases[i].whole);
		subtitles_free(&s);
	}
}

static void what_is_none_is_refused(void **state)
{
	static const struct {
		enum subtitle_format format;
		const char *text;
	} cases[] = {
		{ SUBTITLES_SRT, "{\"text\":\"hi\"}" },
		{ SUBTITLES_SRT, "1\n00:00 --> 00:01\nhi" },
		{ SUBTITLES_SRT, "1\n00:00:00,00 --> 00:00:01,000\nhi" },
		{ SUBTITLES_SRT, "1\n-1:00:00,000 --> 00:00:01,000\nhi" },
		{ SUBTITLES_SRT, "1\n00:00:00:00,000 --> 00:00:01,000\nhi" },
		{ SUBTITLES_SRT, "1\n00:00:00,000 -->\nhi" },
		{ SUBTITLES_SRT, "1\n99999999999:00:00,000 --> 00:00:01,000\nhi" },
		{ SUBTITLES_VTT, "WEBVTT\n\nsoon --> later\nhi" },
	};
	struct subtitles s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		subtitles_init(&s, cases[i].format, 4096);
		assert_int_equal(subtitles_add(&s, span_str(cases[i].text), 0), -1);
		subtitles_free(&s);
	}
	subtitles_init(&s, SUBTITLES_SRT, 40);
	assert_int_equal(subtitles_add(&s, SPAN_LIT("1\n00:00:00,000 --> 00:00:01,000\nhi\n\nnot at all"), 0), -1);
	assert_int_equal(subtitles_add(&s, SPAN_LIT("1\n00:00:00,000 --> 00:00:01,000\nhello, and much more\n"), 0), -1);
	assert_int_equal(subtitles_add(&s, SPAN_LIT("1\n00:00:00,000 --> 00:00:01,000\nhi\n"), 0), 0);
	assert_string_equal(buf_str(&s.text), "1\n00:00:00,000 --> 00:00:01,000\nhi\n\n");
	subtitles_free(&s);
	subtitles_init(&s, SUBTITLES_SRT, 20);
	assert_int_equal(subtitles_add(&s, SPAN_LIT("1\n00:00:00,000 --> 00:00:01,000\nhi\n"), 0), -1);
	subtitles_free(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_parts_have_their_place_in_the_whole),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
