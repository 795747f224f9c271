/*
 * tests/unit/test_jscan.c - what the JSON reader accepts and refuses, and what it reports.
 *
 * Every text is copied to a block of just its size, so that the address sanitizer sees a read past
 * either end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/jscan.h"
#include "common/base/mem.h"

#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
	const char *bytes;
	size_t len;
};

static const struct text accepted[] = {
	/* scalars and white space */
	TEXT("0"), TEXT("-0"), TEXT("1"), TEXT("-1"), TEXT("10"), TEXT("123456789012345678901234567890"),
	TEXT("0.0"), TEXT("-0.0"), TEXT("1.5"), TEXT("0e0"), TEXT("0E+0"), TEXT("1e5"), TEXT("1E-5"),
	TEXT("1.25e+300"), TEXT("1e99999"), TEXT("-1.0E-0001"), TEXT("0.00000000000000000000000001"),
	TEXT("true"), TEXT("false"), TEXT("null"), TEXT("\"\""), TEXT("\"a\""), TEXT(" \t\r\n1 \t\r\n"),
	/* containers */
	TEXT("[]"), TEXT("{}"), TEXT("[ ]"), TEXT("{\n}"), TEXT("[[]]"), TEXT("[{}]"), TEXT("[[],[]]"),
	TEXT("[1,2 , 3]"), TEXT("[null,true,false,1,\"\"]"), TEXT("[0]\n"), TEXT("[-0]"),
	TEXT("{\"a\":1}"), TEXT("{\"a\" : 1 , \"b\" : [ ] }"), TEXT("{\"\":0}"),
	TEXT("{\"a\":{\"a\":{\"a\":{}}}}"), TEXT("{\"a\":1,\"a\":2}"), TEXT("[\"a\",\"\"]"),
	TEXT("{\"\\u0000\":1}"), TEXT("{\"min\":-1.0e+28,\"max\":1.0e+28}"),
	/* strings */
	TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\u0041\\u00e9\\uFFFF\\uabCD\""), TEXT("\"\\u0000\""),
	TEXT("\"\\ud83d\\ude00\""), TEXT("\"\\ud800\""), TEXT("\"\\udc00\\ud800\""), TEXT("\"\\\\u0000\""),
	TEXT("\"\x7f\""), TEXT("\"\xc2\x80\""), TEXT("\"\xdf\xbf\""), TEXT("\"\xe0\xa0\x80\""),
	TEXT("\"\xed\x9f\xbf\""), TEXT("\"\xee\x80\x80\""), TEXT("\"\xef\xbf\xbf\""), TEXT("\"\xef\xbb\xbf\""),
	TEXT("\"\xf0\x90\x80\x80\""), TEXT("\"\xf4\x8f\xbf\xbf\""), TEXT("\"\xe2\x80\xa8\xe2\x80\xa9\""),
	TEXT("\"/ ' # // /* */ \""), TEXT("\"[{,:}]\""), TEXT("\"0123456789abcde\""), TEXT("\"0123456789abcdef\""),
	TEXT("\"0123456789abcdefghijklmnopqrstuv\""), TEXT("\"01234567890123\\n\""),
	TEXT("\"012345678901234\xc3\xa9\""), TEXT("\"0123456789012345678901234567890\xf0\x9f\x98\x80\""),
};

/* What is wrong is at offset at, and the message says expected. */
static const struct {
	struct text text;
	size_t at;
	const char *expected;
} refused[] = {
	/* nothing, too little, too much */
	{ TEXT(""), 0, "a value" }, { TEXT("  \n"), 3, "a value" }, { TEXT("1 2"), 2, "nothing after" },
	{ TEXT("[] []"), 3, "nothing after" }, { TEXT("{}}"), 2, "nothing after" },
	{ TEXT("\"a\"b"), 3, "nothing after" }, { TEXT("[1]x"), 3, "nothing after" },
	{ TEXT("1\0"), 1, "nothing after" }, { TEXT("\xef\xbb\xbf{}"), 0, "a value" },
	{ TEXT("\xff\xfe[\0]\0"), 0, "a value" }, { TEXT("\0"), 0, "a value" },
	{ TEXT("{}#x"), 2, "nothing after" }, { TEXT("{}/**/"), 2, "nothing after" },
	/* white space that is none */
	{ TEXT("[\f]"), 1, "a value" }, { TEXT("[\v1]"), 1, "a value" }, { TEXT("[\xc2\xa0]"), 1, "a value" },
	{ TEXT("[\xe2\x81\xa0]"), 1, "a value" }, { TEXT("\f1"), 0, "a value" },
	/* words */
	{ TEXT("tru"), 3, "true" }, { TEXT("truE"), 3, "true" }, { TEXT("nul"), 3, "null" }, { TEXT("True"), 0, "a value" },
	{ TEXT("TRUE"), 0, "a value" }, { TEXT("nan"), 1, "null" }, { TEXT("NaN"), 0, "a value" },
	{ TEXT("Infinity"), 0, "a value" }, { TEXT("undefined"), 0, "a value" }, { TEXT("nullx"), 4, "nothing" },
	{ TEXT("[truefalse]"), 5, "','" },
	/* numbers */
	{ TEXT("+1"), 0, "a value" }, { TEXT("-"), 1, "a digit" }, { TEXT("--1"), 1, "a digit" },
	{ TEXT("01"), 1, "nothing" }, { TEXT("-01"), 2, "nothing" }, { TEXT("00"), 1, "nothing" },
	{ TEXT("1."), 2, "a digit after the decimal point" }, { TEXT(".5"), 0, "a value" },
	{ TEXT("-.5"), 1, "a digit" }, { TEXT("1.e5"), 2, "a digit" }, { TEXT("1e"), 2, "exponent" },
	{ TEXT("1e+"), 3, "exponent" }, { TEXT("1e-x"), 3, "exponent" }, { TEXT("1e5.5"), 3, "nothing" },
	{ TEXT("0x1F"), 1, "nothing" }, { TEXT("1_000"), 1, "nothing" }, { TEXT("1 000"), 2, "nothing" },
	{ TEXT("-Infinity"), 1, "a digit" }, { TEXT("-NaN"), 1, "a digit" }, { TEXT("1.2.3"), 3, "nothing" },
	{ TEXT("[1+2]"), 2, "','" }, { TEXT("[0.3e]"), 5, "exponent" }, { TEXT("[2.e3]"), 3, "a digit" },
	{ TEXT("\xef\xbc\x91"), 0, "a value" }, { TEXT("1eE2"), 2, "exponent" }, { TEXT("[- 1]"), 2, "a digit" },
	/* arrays */
	{ TEXT("["), 1, "a value" }, { TEXT("]"), 0, "a value" }, { TEXT("[1"), 2, "',' or ']'" },
	{ TEXT("[1,"), 3, "a value" }, { TEXT("[1,]"), 3, "a value" }, { TEXT("[,1]"), 1, "a value" },
	{ TEXT("[1,,2]"), 3, "a value" }, { TEXT("[1 2]"), 3, "',' or ']'" }, { TEXT("[1:2]"), 2, "',' or ']'" },
	{ TEXT("[1}"), 2, "',' or ']'" }, { TEXT("[[1]"), 4, "',' or ']'" }, { TEXT("[\"a\""), 4, "',' or ']'" },
	{ TEXT("[\"\",]"), 4, "a value" }, { TEXT("[*]"), 1, "a value" }, { TEXT("[1;2]"), 2, "',' or ']'" },
	/* objects */
	{ TEXT("{"), 1, "name" }, { TEXT("}"), 0, "a value" }, { TEXT("{\"a\""), 4, "':'" },
	{ TEXT("{\"a\":"), 5, "a value" }, { TEXT("{\"a\":1"), 6, "',' or '}'" }, { TEXT("{\"a\":1,"), 7, "name" },
	{ TEXT("{\"a\":1,}"), 7, "name" }, { TEXT("{,}"), 1, "name" }, { TEXT("{1:1}"), 1, "name" },
	{ TEXT("{a:1}"), 1, "name" }, { TEXT("{'a':1}"), 1, "name" }, { TEXT("{\"a\" 1}"), 5, "':'" },
	{ TEXT("{\"a\",1}"), 4, "':'" }, { TEXT("{\"a\"::1}"), 5, "a value" }, { TEXT("{\"a\":1 \"b\":2}"), 7, "',' or '}'" },
	{ TEXT("{\"a\":1]"), 6, "',' or '}'" }, { TEXT("{\"a\":}"), 5, "a value" }, { TEXT("{null:1}"), 1, "name" },
	{ TEXT("{\"a\":1,,\"b\":2}"), 7, "name" }, { TEXT("{[:\"x\"}"), 1, "name" }, { TEXT("{\"a\":/**/1}"), 5, "a value" },
	{ TEXT("{\"a\":'b'}"), 5, "a value" }, { TEXT("{\"a\"=1}"), 4, "':'" },
	/* strings */
	{ TEXT("\""), 1, "end of the string" }, { TEXT("\"abc"), 4, "end of the string" },
	{ TEXT("\"\\"), 2, "after a backslash" }, { TEXT("\"\\\""), 3, "end of the string" },
	{ TEXT("\"\\x\""), 2, "after a backslash" }, { TEXT("\"\\'\""), 2, "after a backslash" },
	{ TEXT("\"\\0\""), 2, "after a backslash" }, { TEXT("\"\\\0\""), 2, "after a backslash" },
	{ TEXT("\"\\a\""), 2, "after a backslash" }, { TEXT("\"\\U0041\""), 2, "after a backslash" },
	{ TEXT("\"\\\xc3\xa9\""), 2, "after a backslash" }, { TEXT("\"\\u\""), 3, "hexadecimal" },
	{ TEXT("\"\\u12\""), 5, "hexadecimal" }, { TEXT("\"\\u123"), 6, "hexadecimal" },
	{ TEXT("\"\\u123g\""), 6, "hexadecimal" }, { TEXT("\"\\u-123\""), 3, "hexadecimal" },
	{ TEXT("\"\\ud800\\u1\""), 10, "hexadecimal" }, { TEXT("\"a\nb\""), 2, "control" }, { TEXT("\"a\tb\""), 2, "control" },
	{ TEXT("\"a\0b\""), 2, "control" }, { TEXT("\"\x1f\""), 1, "control" }, { TEXT("\"\r\""), 1, "control" },
	{ TEXT("'a'"), 0, "a value" }, { TEXT("`a`"), 0, "a value" }, { TEXT("\xe2\x80\x9c" "a\xe2\x80\x9d"), 0, "a value" },
	/* UTF-8: lone, overlong, surrogate, too high, cut */
	{ TEXT("\"\x80\""), 1, "UTF-8" }, { TEXT("\"\xbf\""), 1, "UTF-8" }, { TEXT("\"\xc0\x80\""), 1, "UTF-8" },
	{ TEXT("\"\xc1\xbf\""), 1, "UTF-8" }, { TEXT("\"\xc2\""), 1, "UTF-8" }, { TEXT("\"\xc2\xc2\""), 1, "UTF-8" },
	{ TEXT("\"\xe0\x9f\xbf\""), 1, "UTF-8" }, { TEXT("\"\xe0\xa0\""), 1, "UTF-8" }, { TEXT("\"\xe2\x82x\""), 1, "UTF-8" },
	{ TEXT("\"\xed\xa0\x80\""), 1, "UTF-8" }, { TEXT("\"\xed\xbf\xbf\""), 1, "UTF-8" },
	{ TEXT("\"\xf0\x8f\xbf\xbf\""), 1, "UTF-8" }, { TEXT("\"\xf0\x90\x80\""), 1, "UTF-8" },
	{ TEXT("\"\xf4\x90\x80\x80\""), 1, "UTF-8" }, { TEXT("\"\xf5\x80\x80\x80\""), 1, "UTF-8" },
	{ TEXT("\"\xff\""), 1, "UTF-8" }, { TEXT("\"\xfe\""), 1, "UTF-8" }, { TEXT("\"\xc3"), 1, "UTF-8" },
	{ TEXT("\"\xe2\x82"), 1, "UTF-8" }, { TEXT("\"\xf0\x9f\x98"), 1, "UTF-8" }, { TEXT("\"\xe9\""), 1, "UTF-8" },
	{ TEXT("\"0123456789abcdef\xc3\xa9\x80\""), 19, "UTF-8" }, { TEXT("{\"\xff\":1}"), 2, "UTF-8" },
	{ TEXT("\"\xf8\x88\x80\x80\x80\""), 1, "UTF-8" }, { TEXT("\"\xe2\x82\xac\xe2\x82\""), 4, "UTF-8" },
};

static int check(const char *bytes, size_t len, struct jvalue *out, struct err *err)
{
	char *copy = mem_alloc(len + 1);

	/* At the end of the block: its first byte is unused, the one past the text is not ours. */
	memcpy(copy + 1, bytes, len);
	int result = jscan_check(span_of(copy + 1, len), NULL, out, err);
	if (out && result == 0)
		out->text.ptr = bytes + (out->text.ptr - copy - 1);
	mem_free(copy);
	return result;
}

static void accepts_what_the_grammar_has(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		struct err err = ERR_INIT;
		struct jvalue v;
		if (check(accepted[i].bytes, accepted[i].len, &v, &err) < 0)
			fail_msg("%s: %s", accepted[i].bytes, err.message);
		assert_int_equal(err.code, E_none);
		assert_int_not_equal(v.type, J_NONE);
	}
}

static void refuses_what_it_has_not_and_says_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct err err = ERR_INIT;
		struct jvalue v;
		char place[32];
		snprintf(place, sizeof(place), "at byte %zu%s", refused[i].at,
			 refused[i].at == refused[i].text.len ? ", the end:" : ":");
		if (check(refused[i].text.bytes, refused[i].text.len, &v, &err) == 0)
			fail_msg("accepted: %s", refused[i].text.bytes);
		assert_int_equal(err.code, E_invalid_json);
		assert_int_equal(v.type, J_NONE);
		if (!strstr(err.message, place) || !strstr(err.message, refused[i].expected))
			fail_msg("%s: %s, want %s %s", refused[i].text.bytes, err.message, place,
				 refused[i].expected);
	}
}

static void refuses_every_beginning_of_a_text_that_ends_in_a_bracket_or_quote(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(accepted); i++) {
		struct jvalue v;
		assert_int_equal(check(accepted[i].bytes, accepted[i].len, &v, NULL), 0);
		if (v.type != J_STRING && v.type != J_ARRAY && v.type != J_OBJECT)
			continue;
		size_t end = (size_t)(v.text.ptr - accepted[i].bytes) + v.text.len;
		for (size_t len = 0; len < end; len++)
			assert_int_equal(check(accepted[i].bytes, len, NULL, NULL), -1);
	}
}

static void finds_the_same_fault_at_every_distance_from_a_word_boundary(void **state)
{
	static const struct {
		struct text piece;
		bool good;
	} pieces[] = {
		{ TEXT("\\n"), true },	{ TEXT("\\u00e9"), true },  { TEXT("\xc3\xa9"), true },
		{ TEXT("\xf0\x9f\x98\x80"), true }, { TEXT("\x01"), false }, { TEXT("\x80"), false },
		{ TEXT("\xc3"), false }, { TEXT("\\q"), false }, { TEXT("\x7f"), true }, { TEXT("\x1f"), false },
		{ TEXT("\x20"), true }, { TEXT("\\\""), true },
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		for (size_t before = 0; before < 40; before++)
			for (size_t after = 0; after < 20; after++) {
				size_t n = 0;
				text[n++] = '"';
				memset(text + n, 'x', before);
				n += before;
				memcpy(text + n, pieces[i].piece.bytes, pieces[i].piece.len);
				n += pieces[i].piece.len;
				memset(text + n, 'y', after);
				n += after;
				text[n++] = '"';
				assert_int_equal(check(text, n, NULL, NULL), pieces[i].good ? 0 : -1);
			}
}

static void keeps_the_value_without_the_space_around_it(void **state)
{
	struct jvalue v;

	(void)state;
	assert_int_equal(jscan_check(span_str(" \n {\"a\": [1, 2]}\t"), NULL, &v, NULL), 0);
	assert_int_equal(v.type, J_OBJECT);
	assert_true(span_is(v.text, "{\"a\": [1, 2]}"));
}

/* A container of count members or elements, or nested to a depth. */
static struct buf repeat(const char *open, const char *item, const char *between, const char *close,
			 size_t count)
{
	struct buf b;

	buf_init(&b, 64 * MIB);
	buf_add_str(&b, open);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_str(&b, between);
		buf_add_str(&b, item);
	}
	buf_add_str(&b, close);
	return b;
}

static void counts_members_and_elements_up_to_the_limit(void **state)
{
	static const struct jscan_limits limits = { .depth = 4, .members = 10, .elements = 20 };
	static const struct {
		const char *open, *item, *close;
		size_t max;
		const char *message;
	} cases[] = {
		{ "{", "\"k\":0", "}", 10, "more than 10 members in an object" },
		{ "[", "0", "]", 20, "more than 20 elements in an array" },
		{ "[0,{\"a\":[", "0", "]}]", 20, "more than 20 elements in an array" },
		{ "{\"x\":[{", "\"k\":{}", "}]}", 10, "more than 10 members in an object" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t count = cases[i].max - 1; count <= cases[i].max + 1; count++) {
			struct err err = ERR_INIT;
			struct buf b = repeat(cases[i].open, cases[i].item, ",", cases[i].close, count);
			int result = jscan_check(buf_span(&b), &limits, NULL, &err);
			assert_int_equal(result, count <= cases[i].max ? 0 : -1);
			if (result < 0)
				assert_non_null(strstr(err.message, cases[i].message));
			buf_free(&b);
		}
}

static void counts_nesting_up_to_the_limit(void **state)
{
	static const struct jscan_limits wide = { .depth = 1000000, .members = 1, .elements = 1 };

	(void)state;
	for (size_t depth = 127; depth <= 129; depth++) {
		struct err err = ERR_INIT;
		struct buf b = repeat("", "[", "", "", depth);
		for (size_t i = 0; i < depth; i++)
			buf_add_char(&b, ']');
		assert_int_equal(jscan_check(buf_span(&b), NULL, NULL, &err), depth <= 128 ? 0 : -1);
		if (depth > 128)
			assert_non_null(strstr(err.message, "at byte 128: more than 128 levels"));
		buf_free(&b);
	}
	struct buf deep = repeat("", "[", "", "", 100000);
	assert_int_equal(jscan_check(buf_span(&deep), &wide, NULL, NULL), -1);
	buf_free(&deep);
	deep = repeat("", "{\"a\":", "", "", 100000);
	assert_int_equal(jscan_check(buf_span(&deep), &wide, NULL, NULL), -1);
	buf_free(&deep);
}

static void refuses_everything_when_the_limits_are_zero(void **state)
{
	static const struct jscan_limits none = { .depth = 1, .members = 0, .elements = 0 };
	static const struct jscan_limits flat = { .depth = 0, .members = 1, .elements = 1 };

	(void)state;
	assert_int_equal(jscan_check(span_str("[]"), &none, NULL, NULL), 0);
	assert_int_equal(jscan_check(span_str("[1]"), &none, NULL, NULL), -1);
	assert_int_equal(jscan_check(span_str("{\"a\":1}"), &none, NULL, NULL), -1);
	assert_int_equal(jscan_check(span_str("[]"), &flat, NULL, NULL), -1);
	assert_int_equal(jscan_check(span_str("1"), &flat, NULL, NULL), 0);
}

static void reports_the_members_asked_for(void **state)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("stream"), SPAN_INIT("messages"), SPAN_INIT("absent"), SPAN_INIT("n"), SPAN_INIT("") };
	static const char text[] = " { \"model\" : \"m\" ,\"inner\":{\"stream\":1,\"model\":2},\"stream\":true,"
				   "\"messages\":[{\"model\":{}}] , \"\":null, \"n\": -1.5e3 } ";
	struct jvalue out[ARRAY_LEN(names)];

	(void)state;
	assert_int_equal(jscan_members(span_str(text), NULL, names, out, ARRAY_LEN(names), NULL), 0);
	assert_int_equal(out[0].type, J_STRING);
	assert_true(span_is(out[0].text, "\"m\""));
	assert_int_equal(out[1].type, J_TRUE);
	assert_true(span_is(out[1].text, "true"));
	assert_int_equal(out[2].type, J_ARRAY);
	assert_true(span_is(out[2].text, "[{\"model\":{}}]"));
	assert_int_equal(out[3].type, J_NONE);
	assert_int_equal(out[4].type, J_NUMBER);
	assert_true(span_is(out[4].text, "-1.5e3"));
	assert_int_equal(out[5].type, J_NULL);
}

static void takes_the_last_of_two_members_and_reads_escaped_names(void **state)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("\xc3\xa9"), SPAN_INIT("\xf0\x9f\x98\x80"), SPAN_INIT("a\\b") };
	static const char text[] = "{\"model\":1,\"m\\u006fdel\":2,\"\\u00e9\":3,\"\\ud83d\\ude00\":4,\"a\\\\b\":5}";
	struct jvalue out[ARRAY_LEN(names)];

	(void)state;
	assert_int_equal(jscan_members(span_str(text), NULL, names, out, ARRAY_LEN(names), NULL), 0);
	assert_true(span_is(out[0].text, "2"));
	assert_true(span_is(out[1].text, "3"));
	assert_true(span_is(out[2].text, "4"));
	assert_true(span_is(out[3].text, "5"));
}

static void reports_nothing_when_it_fails_or_when_there_is_no_object(void **state)
{
	static const struct span names[] = { SPAN_INIT("a") };
	struct jvalue out = { .type = J_TRUE, .text = SPAN_LIT("x") };

	(void)state;
	assert_int_equal(jscan_members(span_str("{\"a\":1,"), NULL, names, &out, 1, NULL), -1);
	assert_int_equal(out.type, J_NONE);
	out.type = J_TRUE;
	assert_int_equal(jscan_members(span_str("[{\"a\":1}]"), NULL, names, &out, 1, NULL), 0);
	assert_int_equal(out.type, J_NONE);
	assert_int_equal(jscan_members(SPAN_NONE, NULL, names, &out, 1, NULL), -1);
	assert_int_equal(jscan_members(span_str("{\"a\":1}"), NULL, NULL, NULL, 0, NULL), 0);
}

static void finds_one_member_by_name(void **state)
{
	(void)state;
	assert_true(span_is(jscan_member(SPAN_LIT("{\"a\":[1],\"b\":2}"), "b").text, "2"));
	assert_int_equal(jscan_member(SPAN_LIT("{\"a\":1}"), "b").type, J_NONE);
	assert_int_equal(jscan_member(SPAN_LIT("[{\"b\":1}]"), "b").type, J_NONE);
	assert_int_equal(jscan_member(SPAN_LIT("{\"b\":1"), "b").type, J_NONE);
	assert_int_equal(jscan_member(SPAN_NONE, "b").type, J_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_grammar_has),
		cmocka_unit_test(refuses_what_it_has_not_and_says_where),
		cmocka_unit_test(refuses_every_beginning_of_a_text_that_ends_in_a_bracket_or_quote),
		cmocka_unit_test(finds_the_same_fault_at_every_distance_from_a_word_boundary),
		cmocka_unit_test(keeps_the_value_without_the_space_around_it),
		cmocka_unit_test(counts_members_and_elements_up_to_the_limit),
		cmocka_unit_test(counts_nesting_up_to_the_limit),
		cmocka_unit_test(refuses_everything_when_the_limits_are_zero),
		cmocka_unit_test(reports_the_members_asked_for),
		cmocka_unit_test(takes_the_last_of_two_members_and_reads_escaped_names),
		cmocka_unit_test(reports_nothing_when_it_fails_or_when_there_is_no_object),
		cmocka_unit_test(finds_one_member_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
