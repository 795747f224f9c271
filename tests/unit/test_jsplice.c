/*
 * tests/unit/test_jsplice.c - edits of a JSON text, and strings written as JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_values_and_leaves_all_else),
		cmocka_unit_test(removes_and_adds_members_with_the_right_commas),
		cmocka_unit_test(cuts_out_a_member_that_is_the_only_one_of_its_name),
		cmocka_unit_test(edits_nested_objects_together_with_their_parent),
		cmocka_unit_test(refuses_edits_that_overlap_or_are_too_many),
		cmocka_unit_test(writes_strings_that_read_back_the_same),
		cmocka_unit_test(reports_a_full_buffer_when_writing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
