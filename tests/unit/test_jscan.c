/*
 * tests/unit/test_jscan.c - what the JSON reader accepts and refuses, finds, splices and writes.
 *
 * Every text is copied to a block of just its size, so that the address sanitizer sees a read past
 * either end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static struct jvalue value_of(const char *text)
{
	struct jvalue v;

	assert_int_equal(jscan_check(span_str(text), NULL, &v, NULL), 0);
	return v;
}

static void walks_members_and_elements(void **state)
{
	struct jvalue v = value_of("{ \"a\" : [1,\"]\",{\"x\":\"}\"}] ,\"b\\\"\":{\"c\":[[],[]]},\"\":\"\\\\\" }");
	static const struct {
		const char *key, *text;
		enum jtype type;
	} want[] = {
		{ "a", "[1,\"]\",{\"x\":\"}\"}]", J_ARRAY },
		{ "b\\\"", "{\"c\":[[],[]]}", J_OBJECT },
		{ "", "\"\\\\\"", J_STRING },
	};
	struct jwalk w = jwalk_start(v);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(jwalk_next(&w));
		assert_true(span_is(w.key, want[i].key));
		assert_true(span_is(w.value.text, want[i].text));
		assert_int_equal(w.value.type, want[i].type);
		assert_int_equal(w.index, i);
	}
	assert_false(jwalk_next(&w));
	assert_false(jwalk_next(&w));
}

static void walks_nothing_in_empty_containers_and_scalars(void **state)
{
	static const char *const texts[] = { "[]", "{}", "[ ]", "{\n}", "1", "\"[1]\"", "null" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(jwalk_count(value_of(texts[i])), 0);
	assert_int_equal(jwalk_count((struct jvalue){ .type = J_NONE }), 0);
	assert_int_equal(jwalk_count(value_of("[1,[2,3],4]")), 3);
	assert_int_equal(jwalk_get(value_of("[1]"), "a").type, J_NONE);
}

static void gets_members_by_name_the_last_one_counting(void **state)
{
	static const struct span names[] = { SPAN_INIT("delta"), SPAN_INIT("index"), SPAN_INIT("nope") };
	struct jvalue out[3], v = value_of("{\"index\":0,\"delta\":{\"content\":\"x\"},\"index\":7}");

	(void)state;
	assert_true(span_is(jwalk_get(v, "index").text, "7"));
	jwalk_members(v, names, out, 3);
	assert_true(span_is(jwalk_get(out[0], "content").text, "\"x\""));
	assert_true(span_is(out[1].text, "7"));
	assert_int_equal(out[2].type, J_NONE);
}

static void compares_keys_after_unescaping(void **state)
{
	static const struct {
		const char *key, *name;
		bool same;
	} cases[] = {
		{ "", "", true }, { "", "a", false }, { "a", "", false }, { "a", "a", true }, { "ab", "a", false },
		{ "\\n", "\n", true }, { "\\n", "\\n", false }, { "\\\\", "\\", true }, { "\\/", "/", true },
		{ "\\u0061", "a", true }, { "\\u0061b", "a", false }, { "\\u0061", "ab", false },
		{ "\\u0000", "", false }, { "a\\u0000", "a", false }, { "\\u20ac", "\xe2\x82\xac", true },
		{ "\\uD83D\\uDE00", "\xf0\x9f\x98\x80", true }, { "\\ud83d", "\xef\xbf\xbd", true },
		{ "x\\t\\\"", "x\t\"", true }, { "\xc3\xa9\\u00e9", "\xc3\xa9\xc3\xa9", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (jkey_is(span_str(cases[i].key), cases[i].name) != cases[i].same)
			fail_msg("%s against %s", cases[i].key, cases[i].name);
	assert_true(jvalue_is(value_of("\"\\u0061uto\""), "auto"));
	assert_false(jvalue_is(value_of("true"), "true"));
}

static void unescapes_strings(void **state)
{
	static const struct {
		const char *text;
		struct text want;
	} cases[] = {
		{ "\"\"", TEXT("") }, { "\"plain\"", TEXT("plain") },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\/\b\f\n\r\t") },
		{ "\"a\\u0000b\"", TEXT("a\0b") }, { "\"\\u00e9\\u20AC\"", TEXT("\xc3\xa9\xe2\x82\xac") },
		{ "\"\\ud83d\\ude00!\"", TEXT("\xf0\x9f\x98\x80!") }, { "\"\\ud83d!\"", TEXT("\xef\xbf\xbd!") },
		{ "\"\\ude00\"", TEXT("\xef\xbf\xbd") }, { "\"\\ud83d\\u0041\"", TEXT("\xef\xbf\xbd" "A") },
		{ "\"\\ud83d\\ud83d\\ude00\"", TEXT("\xef\xbf\xbd\xf0\x9f\x98\x80") },
		{ "\"\\udbff\\udfff\"", TEXT("\xf4\x8f\xbf\xbf") }, { "\"\\ud83d\\\\\"", TEXT("\xef\xbf\xbd\\") },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;
		buf_init(&out, 100);
		assert_int_equal(jvalue_unescape(value_of(cases[i].text), &out), 0);
		assert_int_equal(out.len, cases[i].want.len);
		if (out.len > 0)
			assert_memory_equal(out.ptr, cases[i].want.bytes, out.len);
		buf_free(&out);
	}
}

static void fails_to_unescape_into_a_full_buffer(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	assert_int_equal(jvalue_unescape(value_of("\"abcd\""), &out), -1);
	buf_clear(&out);
	assert_int_equal(jvalue_unescape(value_of("\"ab\\u20ac\""), &out), -1);
	buf_clear(&out);
	assert_int_equal(jvalue_unescape(value_of("12"), &out), -1);
	buf_free(&out);
}

static void gives_plain_strings_without_a_copy(void **state)
{
	(void)state;
	assert_true(span_is(jvalue_plain(value_of("\"abc\"")), "abc"));
	assert_non_null(jvalue_plain(value_of("\"\"")).ptr);
	assert_null(jvalue_plain(value_of("\"a\\n\"")).ptr);
	assert_null(jvalue_plain(value_of("1")).ptr);
}

static void reads_whole_numbers_in_any_spelling(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 }, { "-0", 0, 0 }, { "0.0", 0, 0 }, { "-0e9", 0, 0 }, { "0e999999999999999999999", 0, 0 },
		{ "7", 0, 7 }, { "-7", 0, -7 }, { "5.0", 0, 5 }, { "5.000", 0, 5 }, { "1e2", 0, 100 }, { "1E+2", 0, 100 },
		{ "1.5e1", 0, 15 }, { "1.50e1", 0, 15 }, { "100e-2", 0, 1 }, { "1000000000000000000000e-21", 0, 1 },
		{ "0.00001e5", 0, 1 }, { "9223372036854775807", 0, INT64_MAX }, { "-9223372036854775808", 0, INT64_MIN },
		{ "9.223372036854775807e18", 0, INT64_MAX }, { "9223372036854775808", -1, 0 },
		{ "-9223372036854775809", -1, 0 }, { "18446744073709551616", -1, 0 }, { "18446744073709551617", -1, 0 },
		{ "1e19", -1, 0 }, { "1e400", -1, 0 }, { "1e999999999999999999999", -1, 0 }, { "0.5", -1, 0 },
		{ "1e-1", -1, 0 }, { "1.05", -1, 0 }, { "1e-99999999999999999999", -1, 0 },
		{ "123456789012345678901234567890", -1, 0 }, { "\"1\"", -1, 0 }, { "null", -1, 0 }, { "true", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t value = 0;
		int result = jvalue_int(value_of(cases[i].text), INT64_MIN, INT64_MAX, &value);
		if (result != cases[i].result || value != cases[i].value)
			fail_msg("%s gives %d and %lld", cases[i].text, result, (long long)value);
	}
}

static void keeps_whole_numbers_in_their_range(void **state)
{
	int64_t value = 42;

	(void)state;
	assert_int_equal(jvalue_int(value_of("0"), 1, 10, &value), -1);
	assert_int_equal(jvalue_int(value_of("11"), 1, 10, &value), -1);
	assert_int_equal(value, 42);
	assert_int_equal(jvalue_int(value_of("1"), 1, 10, &value), 0);
	assert_int_equal(jvalue_int(value_of("10"), 1, 10, &value), 0);
}

static void reads_reals_as_the_c_library_does(void **state)
{
	static const char *const texts[] = {
		"0", "-0.0", "1", "0.1", "0.7", "3.14159", "1e22", "1e23", "123456.789e3", "9007199254740993",
		"5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1e-400", "0.30000000000000004",
		"123456789012345678901234567890.5", "8.5e-22", "1e-22", "1e-23", "4.35", "-2.5E+1",
		"0.000000000000000000000000000000000000000000000001",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		double value, want = strtod(texts[i], NULL);
		assert_int_equal(jvalue_double(value_of(texts[i]), &value), 0);
		assert_memory_equal(&value, &want, sizeof(value));
	}
	double value = 1;
	assert_int_equal(jvalue_double(value_of("1e999"), &value), -1);
	assert_int_equal(jvalue_double(value_of("\"1\""), &value), -1);
}

/* Joins the parts and checks that they are valid JSON. */
static char *spliced(struct jsplice *s)
{
	struct span parts[2 * JSPLICE_MAX + 1];
	struct buf out;
	size_t len, count = jsplice_parts(s, parts, ARRAY_LEN(parts), &len);

	assert_true(count <= 2 * s->count + 1);
	buf_init(&out, 1 * MIB);
	for (size_t i = 0; i < count; i++) {
		assert_true(parts[i].len > 0);
		buf_add_span(&out, parts[i]);
	}
	assert_int_equal(out.len, len);
	assert_int_equal(jscan_check(buf_span(&out), NULL, NULL, NULL), 0);
	return buf_take(&out);
}

static void replaces_values_and_leaves_all_else(void **state)
{
	static const char text[] = "{ \"model\":\"a\", \"n\" : 1 }";
	struct jvalue v = value_of(text);
	struct jsplice s;

	(void)state;
	jsplice_init(&s, span_str(text));
	char *out = spliced(&s);
	assert_string_equal(out, text);
	mem_free(out);
	assert_int_equal(jsplice_replace(&s, jwalk_get(v, "n").text, SPAN_LIT("2")), 0);
	assert_int_equal(jsplice_replace(&s, jwalk_get(v, "model").text, SPAN_LIT("\"longer\"")), 0);
	out = spliced(&s);
	assert_string_equal(out, "{ \"model\":\"longer\", \"n\" : 2 }");
	mem_free(out);
}

/* remove: letters of the members that go; add: letters of those that come, as "x":0. */
static void removes_and_adds_members_with_the_right_commas(void **state)
{
	static const struct {
		const char *text, *remove, *add, *want;
	} cases[] = {
		{ "{\"a\":1}", "a", "", "{}" },
		{ "{\"a\":1}", "", "x", "{\"x\":0,\"a\":1}" },
		{ "{}", "", "x", "{\"x\":0}" },
		{ "{ }", "", "xy", "{\"x\":0,\"y\":0 }" },
		{ "{\"a\":1}", "a", "x", "{\"x\":0}" },
		{ "{ \"a\":1 }", "a", "x", "{\"x\":0  }" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "a", "", "{\"b\":2,\"c\":3}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "b", "", "{\"a\":1,\"c\":3}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "c", "", "{\"a\":1,\"b\":2}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "ab", "", "{\"c\":3}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "cb", "", "{\"a\":1}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "ac", "", "{\"b\":2}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "cab", "", "{}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "bca", "xy", "{\"x\":0,\"y\":0}" },
		{ "{\"a\":1,\"b\":2,\"c\":3}", "a", "x", "{\"x\":0,\"b\":2,\"c\":3}" },
		{ "{ \"a\" : 1 , \"b\" : 2 }", "b", "", "{ \"a\" : 1  }" },
		{ "{ \"a\" : 1 , \"b\" : 2 }", "a", "", "{  \"b\" : 2 }" },
		{ "{\"a\":{\"b\":[1,2]},\"b\":\",\"}", "b", "x", "{\"x\":0,\"a\":{\"b\":[1,2]}}" },
		/* every member of the name goes, however it is written */
		{ "{\"a\":1,\"b\":2,\"a\":3}", "a", "", "{\"b\":2}" },
		{ "{\"\\u0061\":1,\"a\":3}", "a", "x", "{\"x\":0}" },
		{ "{\"a\":1,\"b\":2,\"\\u0061\":3}", "a", "", "{\"b\":2}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int added_first = 0; added_first < 2; added_first++) {
			struct jvalue v = value_of(cases[i].text);
			struct jsplice s;
			char members[2][8];
			jsplice_init(&s, span_str(cases[i].text));
			for (int step = 0; step < 2; step++) {
				if (step == added_first)
					for (const char *r = cases[i].remove; *r; r++) {
						const char name[] = { *r, '\0' };
						assert_int_equal(jsplice_remove_member(
									 &s, v, jwalk_get(v, name).text), 0);
					}
				else
					for (size_t j = 0; cases[i].add[j]; j++) {
						snprintf(members[j], sizeof(members[j]), "\"%c\":0",
							 cases[i].add[j]);
						assert_int_equal(jsplice_add_member(
									 &s, v, span_str(members[j])), 0);
					}
			}
			char *out = spliced(&s);
			assert_string_equal(out, cases[i].want);
			mem_free(out);
		}
}

static void cuts_out_a_member_that_is_the_only_one_of_its_name(void **state)
{
	static const struct span names[] = { SPAN_INIT("u") };
	static const struct {
		const char *text, *want; /* want NULL: not single */
	} cases[] = {
		{ "data: {\"a\":1,\"u\":null}\n", "data: {\"a\":1}\n" },
		{ "data: {\"u\":{\"x\":[1,2]} , \"a\":1}", "data: { \"a\":1}" },
		{ "data: { \"a\" : 1 , \"u\" : 2 }", "data: { \"a\" : 1  }" },
		{ "data: {\"u\":\"\\\"\"}", "data: {}" },
		{ "data: {\"a\":{\"u\":1},\"\\u0075\" :3,\"b\":4}", "data: {\"a\":{\"u\":1},\"b\":4}" },
		{ "data: {\"u\":1,\"u\":2}", NULL },
		{ "data: {\"u\":1,\"b\":0,\"\\u0075\":2}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span text = span_str(cases[i].text), parts[2];
		struct jvalue u;
		char out[64];

		assert_int_equal(jscan_members(span_from(text, 6), NULL, names, &u, 1, NULL), 0);
		assert_int_equal(u.is_single, cases[i].want != NULL);
		if (!cases[i].want)
			continue;
		jsplice_cut(text, u, parts);
		snprintf(out, sizeof out, "%.*s%.*s", SPAN_ARGS(parts[0]), SPAN_ARGS(parts[1]));
		assert_string_equal(out, cases[i].want);
	}
}

static void edits_nested_objects_together_with_their_parent(void **state)
{
	static const char text[] = "{\"m\":[{\"r\":1,\"t\":2},{\"r\":3}],\"o\":{},\"z\":0}";
	struct jvalue v = value_of(text);
	struct jsplice s;

	(void)state;
	jsplice_init(&s, span_str(text));
	assert_int_equal(jsplice_remove_member(&s, v, jwalk_get(v, "z").text), 0);
	for (struct jwalk w = jwalk_start(jwalk_get(v, "m")); jwalk_next(&w);)
		assert_int_equal(jsplice_remove_member(&s, w.value, jwalk_get(w.value, "r").text), 0);
	assert_int_equal(jsplice_add_member(&s, jwalk_get(v, "o"), SPAN_LIT("\"k\":true")), 0);
	char *out = spliced(&s);
	assert_string_equal(out, "{\"m\":[{\"t\":2},{}],\"o\":{\"k\":true}}");
	mem_free(out);
}

static void refuses_edits_that_overlap_or_are_too_many(void **state)
{
	static const char text[] = "{\"a\":{\"b\":1},\"c\":2}";
	struct jvalue v = value_of(text), a = jwalk_get(v, "a");
	struct jsplice s;

	(void)state;
	jsplice_init(&s, span_str(text));
	assert_int_equal(jsplice_replace(&s, jwalk_get(a, "b").text, SPAN_LIT("2")), 0);
	assert_int_equal(jsplice_replace(&s, a.text, SPAN_LIT("3")), -1);
	assert_int_equal(jsplice_remove_member(&s, v, a.text), -1);
	assert_int_equal(jsplice_remove_member(&s, v, jwalk_get(v, "c").text), 0);
	assert_int_equal(jsplice_remove_member(&s, v, jwalk_get(v, "c").text), -1);
	jsplice_init(&s, span_str(text));
	for (size_t i = 0; i < JSPLICE_MAX / 2; i++)
		assert_int_equal(jsplice_add_member(&s, v, SPAN_LIT("\"x\":1")), 0);
	assert_int_equal(jsplice_add_member(&s, v, SPAN_LIT("\"x\":1")), -1);
	assert_int_equal(jsplice_replace(&s, jwalk_get(v, "c").text, SPAN_LIT("1")), -1);
	mem_free(spliced(&s));
}

static void writes_strings_that_read_back_the_same(void **state)
{
	static const struct {
		struct text text;
		const char *want;
	} cases[] = {
		{ TEXT(""), "\"\"" }, { TEXT("abc"), "\"abc\"" }, { TEXT("\"\\/"), "\"\\\"\\\\/\"" },
		{ TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" }, { TEXT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ TEXT("a\xff" "b"), "\"a\xef\xbf\xbd" "b\"" }, { TEXT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ TEXT("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"" },
		{ TEXT("0123456789abcdef\n0123456789abcdef"), "\"0123456789abcdef\\n0123456789abcdef\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;
		buf_init(&out, 200);
		assert_int_equal(jtext_string(&out, span_of(cases[i].text.bytes, cases[i].text.len)), 0);
		assert_string_equal(buf_str(&out), cases[i].want);
		assert_int_equal(jscan_check(buf_span(&out), NULL, NULL, NULL), 0);
		buf_free(&out);
	}
}

static void reports_a_full_buffer_when_writing(void **state)
{
	(void)state;
	/* "a", six bytes of escape, three of U+FFFD, "z", two quotes */
	for (size_t max = 1; max <= 13; max++) {
		struct buf out;
		buf_init(&out, max);
		assert_int_equal(jtext_string(&out, SPAN_LIT("a\x01\xffz")), max < 13 ? -1 : 0);
		buf_free(&out);
	}
}

/* The walker leaps over blocks of bytes: brackets in strings and escapes must not mislead it,
 * wherever in a block they stand. */
static void finds_the_end_of_containers_at_every_offset(void **state)
{
	static const char *const items[] = {
		"{\"a\":[1,2,{\"b\":\"]}\"}],\"c\":{}}", "[\"[[[[{{{{\",\"}\"]",
		"{\"x\":\"\\\"]}\\\\\",\"y\":[[],[[]]]}",      "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
		"{\"k\":\"\\\\\\\\\"}",			    "[]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(items); i++) {
		for (size_t pad = 0; pad < 140; pad++) {
			struct buf b;
			struct jvalue whole;
			struct jwalk w;
			struct err err = ERR_INIT;

			buf_init(&b, 4096);
			buf_add_str(&b, "[{\"pad\":\"");
			for (size_t k = 0; k < pad; k++)
				buf_add_char(&b, k % 3 ? 'x' : '{');
			buf_printf(&b, "\",\"item\":%s,\"more\":[%s,%s]},7]", items[i], items[i], items[i]);
			assert_int_equal(jscan_check(buf_span(&b), NULL, &whole, &err), 0);
			w = jwalk_start(whole);
			assert_true(jwalk_next(&w));
			assert_true(span_is(jwalk_get(w.value, "item").text, items[i]));
			assert_int_equal(jwalk_count(jwalk_get(w.value, "more")), 2);
			assert_true(jwalk_next(&w));
			assert_int_equal(w.value.type, J_NUMBER);
			assert_false(jwalk_next(&w));
			buf_free(&b);
		}
	}
}

static void add_run(struct buf *b, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		buf_add_char(b, c);
}

/* The same values, at every level, with a map as without one. */
static void assert_walked_alike(struct jvalue plain, struct jvalue mapped)
{
	struct jwalk a = jwalk_start(plain), b = jwalk_start(mapped);

	while (jwalk_next(&a)) {
		assert_true(jwalk_next(&b));
		assert_ptr_equal(a.value.text.ptr, b.value.text.ptr);
		assert_int_equal(a.value.text.len, b.value.text.len);
		assert_int_equal(a.value.type, b.value.type);
		assert_walked_alike(a.value, b.value);
	}
	assert_false(jwalk_next(&b));
}

/* Lengths about the one from which values have a row, in strings and in containers. */
static void walks_by_a_map_as_without_one(void **state)
{
	static struct jmap map;
	(void)state;

	for (size_t len = 0; len < 2 * JMAP_LONG; len++) {
		static const struct span names[] = { SPAN_INIT("list") };
		struct jvalue v, whole;
		struct buf b;

		buf_init(&b, 64 * 1024);
		buf_add_str(&b, " {\"list\": [\"");
		add_run(&b, len, 'x');
		buf_add_str(&b, "\",\"\\\\\\\"");
		add_run(&b, len, '[');
		buf_add_str(&b, "\", [], {}, [[[[[[[[\"");
		add_run(&b, len, '}');
		buf_add_str(&b, "\"]]]]]]]], {\"a\":{\"b\":[");
		add_run(&b, len, ' ');
		buf_add_str(&b, "]}, \"c\": [\"");
		add_run(&b, len, 'y');
		buf_add_str(&b, "\"]}], \"more\": null}");
		assert_int_equal(jscan_members_map(buf_span(&b), NULL, names, &v, 1, &map, NULL), 0);
		assert_int_equal(jscan_check(buf_span(&b), NULL, &whole, NULL), 0);
		assert_walked_alike(whole, jmap_on(&map, whole));
		assert_walked_alike(v, jmap_on(&map, v));
		for (size_t i = 0; i < map.count; i++)
			assert_true(map.rows[i].end - map.rows[i].begin >= JMAP_LONG);
		assert_true(len < JMAP_LONG || map.count >= 6);
		buf_free(&b);
	}
}

static void walks_on_when_the_map_is_full(void **state)
{
	static struct jmap map;
	struct jvalue whole;
	struct buf b;
	(void)state;

	buf_init(&b, 16 * 1024 * 1024);
	buf_add_char(&b, '[');
	for (int i = 0; i < 2 * JMAP_ROWS; i++) {
		buf_add_str(&b, i ? ",{\"k\":\"" : "{\"k\":\"");
		add_run(&b, JMAP_LONG, 'z');
		buf_add_str(&b, "\"}");
	}
	buf_add_char(&b, ']');
	assert_int_equal(jscan_members_map(buf_span(&b), NULL, NULL, NULL, 0, &map, NULL), 0);
	assert_int_equal(map.count, JMAP_ROWS);
	assert_int_equal(jscan_check(buf_span(&b), NULL, &whole, NULL), 0);
	assert_int_equal(jwalk_count(jmap_on(&map, whole)), 2 * JMAP_ROWS);
	assert_walked_alike(whole, jmap_on(&map, whole));
	buf_free(&b);
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
		cmocka_unit_test(walks_members_and_elements),
		cmocka_unit_test(walks_nothing_in_empty_containers_and_scalars),
		cmocka_unit_test(gets_members_by_name_the_last_one_counting),
		cmocka_unit_test(compares_keys_after_unescaping),
		cmocka_unit_test(unescapes_strings),
		cmocka_unit_test(fails_to_unescape_into_a_full_buffer),
		cmocka_unit_test(gives_plain_strings_without_a_copy),
		cmocka_unit_test(reads_whole_numbers_in_any_spelling),
		cmocka_unit_test(keeps_whole_numbers_in_their_range),
		cmocka_unit_test(reads_reals_as_the_c_library_does),
		cmocka_unit_test(replaces_values_and_leaves_all_else),
		cmocka_unit_test(removes_and_adds_members_with_the_right_commas),
		cmocka_unit_test(cuts_out_a_member_that_is_the_only_one_of_its_name),
		cmocka_unit_test(edits_nested_objects_together_with_their_parent),
		cmocka_unit_test(refuses_edits_that_overlap_or_are_too_many),
		cmocka_unit_test(writes_strings_that_read_back_the_same),
		cmocka_unit_test(reports_a_full_buffer_when_writing),
		cmocka_unit_test(finds_the_end_of_containers_at_every_offset),
		cmocka_unit_test(walks_by_a_map_as_without_one),
		cmocka_unit_test(walks_on_when_the_map_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
