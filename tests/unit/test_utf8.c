/* Tests of common/base/utf8.h. */
#include "common/base/utf8.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static const char *const good[] = {
	"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
	"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa4", "1234567\xc3\xa4",
	"\xef\xbf\xbd",
};

static const char *const bad[] = {
	"\x80", "\xbf",			       /* continuation without a lead */
	"\xc0\x80", "\xc1\xbf",		       /* overlong, two bytes */
	"\xe0\x80\x80", "\xe0\x9f\xbf",	       /* overlong, three */
	"\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", /* overlong, four */
	"\xed\xa0\x80", "\xed\xbf\xbf",	       /* surrogates */
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", /* above U+10FFFF */
	"\xf8\x88\x80\x80\x80", "\xfe", "\xff", /* no lead bytes at all */
	"\xc3", "\xe2\x82", "\xf0\x9f\x98",     /* cut off */
	"\xc3(", "\xe2\x82(", "\xf0\x9f\x98(",  /* cut off by something else */
	"\xe2(\xa1", "12345678\xc3", "1234567\xff",
};

static void tells_valid_from_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(utf8_is_valid(span_str(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(utf8_is_valid(span_str(bad[i])));
	assert_true(utf8_is_valid(SPAN_NONE));
	assert_true(utf8_is_valid(SPAN_LIT("\0")));
}

static void every_code_point_comes_back(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	for (uint32_t c = 1; c <= 0x110000; c++) {
		bool broken = (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff;
		size_t len;

		buf_clear(&out);
		assert_int_equal(utf8_add(&out, c), 0);
		assert_true(utf8_is_valid(buf_span(&out)));
		assert_int_equal(utf8_next(buf_span(&out), &len), broken ? 0xfffd : c);
		assert_int_equal(len, out.len);
	}
	buf_free(&out);
}

static void a_broken_byte_is_skipped_alone(void **state)
{
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad) - 2; i++) {
		assert_int_equal(utf8_next(span_str(bad[i]), &len), 0xfffd);
		assert_int_equal(len, 1);
	}
	assert_int_equal(utf8_next(SPAN_NONE, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(utf8_next(SPAN_LIT("\0"), &len), 0);
	assert_int_equal(len, 1);
}

static void a_prefix_never_ends_inside_a_character(void **state)
{
	static const struct {
		const char *text;
		size_t whole;
	} cases[] = {
		{ "", 0 },
		{ "abc", 3 },
		{ "ab\xc3", 2 },
		{ "ab\xc3\xa4", 4 },
		{ "a\xe2", 1 },
		{ "a\xe2\x82", 1 },
		{ "a\xe2\x82\xac", 4 },
		{ "a\xf0", 1 },
		{ "a\xf0\x9f", 1 },
		{ "a\xf0\x9f\x98", 1 },
		{ "a\xf0\x9f\x98\x80", 5 },
		/* More bytes would not mend these. */
		{ "a\x80", 2 },
		{ "a\xe0\x80", 3 },
		{ "a\xff", 2 },
		{ "\x80\x80\x80\x80", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_whole(span_str(cases[i].text)), cases[i].whole);
}

static void harmless_text_shows_what_would_act(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "plain\n\tü 漢 😀", "plain\n\tü 漢 😀" },
		{ "\x1b[31m", "^[[31m" },
		{ "a\rb\x07", "a^Mb^G" },
		{ "\x7f", "^?" },
		{ "\xc2\x9b" "31m", "<U+009B>31m" },
		{ "a\xe2\x80\xae" "b", "a<U+202E>b" },
		{ "\xe2\x81\xa6", "<U+2066>" },
		{ "a\xff\xc3(", "a\\xff\\xc3(" },
		{ "\xef\xbf\xbd", "\xef\xbf\xbd" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		assert_int_equal(utf8_add_harmless(&out, span_str(cases[i].text)), 0);
		assert_string_equal(buf_str(&out), cases[i].want);
	}
	buf_clear(&out);
	buf_add_str(&out, "a\n");
	assert_int_equal(utf8_add_flat(&out, SPAN_LIT("b\n\tc\x1b")), 0);
	assert_string_equal(buf_str(&out), "a\nb  c^[");
	buf_clear(&out);
	assert_int_equal(utf8_add_harmless(&out, SPAN_LIT("a\0b")), 0);
	assert_string_equal(buf_str(&out), "a^@b");
	buf_free(&out);
	buf_init(&out, 3);
	assert_int_equal(utf8_add_harmless(&out, SPAN_LIT("ab\x1b")), -1);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_valid_from_broken),
		cmocka_unit_test(every_code_point_comes_back),
		cmocka_unit_test(a_broken_byte_is_skipped_alone),
		cmocka_unit_test(a_prefix_never_ends_inside_a_character),
		cmocka_unit_test(harmless_text_shows_what_would_act),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
