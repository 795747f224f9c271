/*
 * tests/unit/test_jwalk.c - walks through JSON that has been validated, and the values found there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/jscan.h"
#include "common/base/mem.h"

#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
	const char *bytes;
	size_t len;
};

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

static void tells_which_name_is_contested(void **state)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("max_tokens"), SPAN_INIT("k") };
	static const struct {
		const char *text;
		size_t want;
	} cases[] = {
		{ "{}", 3 },
		{ "{\"model\":1,\"max_tokens\":2,\"z\":1,\"z\":2}", 3 },
		{ "{\"model\":1,\"model\":1}", 0 },
		{ "{\"model\":1,\"max_tokens\":null,\"max\\u005ftokens\":2}", 1 },
		{ "{\"k\":1,\"k\":1,\"k\":1}", 2 },
		/* As encoding/json of Go folds them. */
		{ "{\"model\":1,\"Model\":1}", 0 },
		{ "{\"MODEL\":1,\"model\":1}", 0 },
		{ "{\"Model\":1}", 0 },
		{ "{\"Mod\\u0065l\":1}", 0 },
		{ "{\"\\u004dodel\":1}", 0 },
		{ "{\"\\u004Dodel\":1,\"model\":1}", 0 },
		{ "{\"max_token\xc5\xbf\":1}", 1 },
		{ "{\"max_token\\u017f\":1}", 1 },
		{ "{\"MA\\u0058_to\xe2\x84\xaa\x65n\xc5\xbf\":1}", 1 },
		{ "{\"\\u212a\":1}", 2 },
		{ "{\"\xe2\x84\xaa\":1,\"k\":1}", 2 },
		/* What has capitals and is another name all the same. */
		{ "{\"Models\":1,\"Mode\":1,\"M\":1,\"Model \":1,\"Max-Tokens\":1,\"maxTokens\":1,\"Max\\u007ftokens\":1}", 3 },
		{ "{\"M\xc3\xb6\x64\x65l\":1,\"mode\\u0141\":1,\"mod\\ud835\\udd56l\":1,\"\\ud83dodel\":1,\"\\u0000K\":1,\"\":1}", 3 },
		{ "{\"mode\\u0000l\":1,\"models\\u0000\":1,\"m\\u0000odel\":1}", 3 },
		/* To what takes a NUL for the end. */
		{ "{\"model\\u0000\":1}", 0 },
		{ "{\"k\":1,\"K\\u0000k\":1}", 2 },
		{ "{\"x\":{\"Model\":1},\"y\":[{\"K\":1}],\"model\":\"Model\"}", 3 },
	};
	struct jvalue out[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const size_t want = cases[i].want;
		size_t contested = 77;
		char list[256];

		assert_int_equal(jwalk_members_once(value_of(cases[i].text), names, out, 3), want);
		assert_int_equal(jscan_members_once(span_str(cases[i].text), names, out, 3, &contested, NULL, NULL), 0);
		assert_int_equal(contested, want);
		snprintf(list, sizeof list, "[%s,{\"model\":1},7]", cases[i].text);
		struct jwalk w = jwalk_start(value_of(list));
		assert_true(jwalk_next_members(&w, names, out, 3));
		assert_int_equal(w.contested, want);
		for (int k = 0; k < 2; k++) {
			assert_true(jwalk_next_members(&w, names, out, 3));
			assert_int_equal(w.contested, 3);
		}
	}
	assert_int_equal(jwalk_members_once((struct jvalue){ .type = J_NONE }, names, out, 3), 3);
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
	size_t contested;
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
		assert_int_equal(jscan_members_once(buf_span(&b), names, &v, 1, &contested, &map, NULL), 0);
		assert_int_equal(jscan_check(buf_span(&b), NULL, &whole, NULL), 0);
		assert_walked_alike(whole, jmap_on(&map, whole));
		assert_walked_alike(v, jmap_on(&map, v));
		for (size_t i = 0; i < map.count; i++)
			assert_true(map.rows[i].end - map.rows[i].begin >= JMAP_LONG);
		assert_true(len < JMAP_LONG || map.count >= 6);
		buf_free(&b);
	}
}

/* Every beginning of a text with a container that is known, at its own end of the memory. */
static void takes_a_known_container_as_it_is(void **state)
{
	static const struct span names[] = { SPAN_INIT("list"), SPAN_INIT("more") };
	static const char text[] = "{\"list\": [{\"a\":[1]},\"]\"], \"more\": [{\"a\":[1]},\"]\"]}";
	static struct jmap map;
	struct jvalue v[2], w[2];
	size_t contested;
	(void)state;

	assert_int_equal(jscan_members(span_str(text), NULL, names, v, 2, NULL), 0);
	for (size_t len = 0; len < sizeof text; len++) {
		char *copy = mem_alloc(len ? len : 1);

		memcpy(copy, text, len);
		map.known = v[0].text;
		assert_int_equal(jscan_members_once(span_of(copy, len), names, w, 2, &contested, &map, NULL),
				 len == sizeof text - 1 ? 0 : -1);
		if (len == sizeof text - 1) {
			assert_int_equal(w[0].text.len, v[0].text.len);
			assert_int_equal(w[1].text.len, v[1].text.len);
			assert_ptr_equal(map.known_at, w[1].text.ptr);
			assert_walked_alike(w[0], jmap_on(&map, w[0]));
		}
		mem_free(copy);
	}
	map.known = span_str("[{\"a\":[1]},\"]\"]");
	assert_int_equal(jscan_members_once(span_str("{\"list\":[[{\"a\":[1]},\"]\"]]}"), names, w, 2, &contested, &map, NULL), 0);
	assert_null(map.known_at); /* not deeper down */
	map.known = span_str("{\"list\":1,\"list\":2}");
	assert_int_equal(jscan_members_once(map.known, names, w, 2, &contested, &map, NULL), 0);
	assert_null(map.known_at); /* nor the whole */
	assert_int_equal(w[0].type, J_NUMBER);
	assert_int_equal(contested, 0);
}

static void walks_on_when_the_map_is_full(void **state)
{
	static struct jmap map;
	size_t contested;
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
	assert_int_equal(jscan_members_once(buf_span(&b), NULL, NULL, 0, &contested, &map, NULL), 0);
	assert_int_equal(map.count, JMAP_ROWS);
	assert_int_equal(jscan_check(buf_span(&b), NULL, &whole, NULL), 0);
	assert_int_equal(jwalk_count(jmap_on(&map, whole)), 2 * JMAP_ROWS);
	assert_walked_alike(whole, jmap_on(&map, whole));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_members_and_elements),
		cmocka_unit_test(walks_nothing_in_empty_containers_and_scalars),
		cmocka_unit_test(gets_members_by_name_the_last_one_counting),
		cmocka_unit_test(tells_which_name_is_contested),
		cmocka_unit_test(compares_keys_after_unescaping),
		cmocka_unit_test(unescapes_strings),
		cmocka_unit_test(fails_to_unescape_into_a_full_buffer),
		cmocka_unit_test(gives_plain_strings_without_a_copy),
		cmocka_unit_test(reads_whole_numbers_in_any_spelling),
		cmocka_unit_test(keeps_whole_numbers_in_their_range),
		cmocka_unit_test(reads_reals_as_the_c_library_does),
		cmocka_unit_test(finds_the_end_of_containers_at_every_offset),
		cmocka_unit_test(walks_by_a_map_as_without_one),
		cmocka_unit_test(takes_a_known_container_as_it_is),
		cmocka_unit_test(walks_on_when_the_map_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
