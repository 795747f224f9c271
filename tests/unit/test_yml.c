/* Tests of common/base/yml.h. */
#include "common/base/yml.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static struct yml *parse(const char *text, struct err *err)
{
	err_clear(err);
	return yml_parse(span_str(text), "spass.yaml", err);
}

static void scalars_become_values_by_the_rules(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "null", "null" },	   { "~", "null" },	     { "NULL", "null" },
		{ "'null'", "\"null\"" },  { "\"\"", "\"\"" },	     { "true", "true" },
		{ "Yes", "true" },	   { "on", "true" },	     { "OFF", "false" },
		{ "no", "false" },	   { "\"no\"", "\"no\"" },   { "tRue", "\"tRue\"" },
		{ "y", "\"y\"" },	   { "0", "0" },	     { "-0", "0" },
		{ "42", "42" },		   { "-7", "-7" },	     { "007", "\"007\"" },
		{ "+1", "\"+1\"" },	   { "0x10", "\"0x10\"" },   { "1_000", "\"1_000\"" },
		{ "1.5", "1.5" },	   { "-2.5e3", "-2500.0" },  { "1e2", "100.0" },
		{ ".5", "\".5\"" },	   { "1.", "\"1.\"" },	     { "1e", "\"1e\"" },
		{ "1.5.2", "\"1.5.2\"" },  { "12:30", "\"12:30\"" }, { "-", "[null]" },
		{ "'5'", "\"5\"" },	   { ".inf", "\".inf\"" },   { ".nan", "\".nan\"" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "2026-11-21", "\"2026-11-21\"" },
		{ "|\n  a\n  b\n", "\"a\\nb\\n\"" },
		{ "\"\\u00e4\"", "\"\xc3\xa4\"" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *want = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		char text[200];
		struct yml *y;

		snprintf(text, sizeof(text), "k: %s\n", cases[i].text);
		if (cases[i].text[0] == '-' && !cases[i].text[1])
			snprintf(text, sizeof(text), "k:\n  -\n");
		y = parse(text, &err);
		assert_non_null(y);
		assert_true(json_equal(json_object_get(yml_root(y), "k"), want));
		json_decref(want);
		yml_free(y);
	}
}

static void structures_become_trees(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{ "", "{}" },
		{ "# only a comment\n", "{}" },
		{ "---\n", "{}" },
		{ "null\n", "{}" },
		{ "--- \na: 1\n...\n", "{\"a\":1}" },
		{ "%YAML 1.1\n---\na: 1\n", "{\"a\":1}" },
		{ "\xef\xbb\xbf" "a: 1\nb: 2\n", "{\"a\":1,\"b\":2}" },
		{ "a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}" },
		{ "a: {b: [1, x, {c: }]}\n", "{\"a\":{\"b\":[1,\"x\",{\"c\":null}]}}" },
		{ "{\"json\": [true, null, 1.5]}", "{\"json\":[true,null,1.5]}" },
		{ "- a\n- b: 1\n  c: 2\n", "[\"a\",{\"b\":1,\"c\":2}]" },
		{ "on: 1\n8080: 2\ntrue: 3\n", "{\"on\":1,\"8080\":2,\"true\":3}" },
		{ "text\n", "\"text\"" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *want = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);
		struct yml *y = parse(cases[i].text, &err);

		assert_non_null(y);
		assert_true(json_equal(yml_root(y), want));
		json_decref(want);
		yml_free(y);
	}
}

static void remembers_lines(void **state)
{
	static const char text[] = "# one\n"
				   "a: x\n"
				   "b:\n"
				   "  - 1\n"
				   "  - c: true\n"
				   "    d: [2,\n"
				   "      3]\n"
				   "e: yes\n"
				   "f: {g: no}\n";
	struct err err;
	struct yml *y = parse(text, &err);
	json_t *root = yml_root(y), *b = json_object_get(root, "b"), *c = json_array_get(b, 1);
	json_t *d = json_object_get(c, "d");

	(void)state;
	assert_string_equal(yml_name(y), "spass.yaml");
	assert_int_equal(yml_line(y, root), 2);
	assert_int_equal(yml_line(y, json_object_get(root, "a")), 2);
	assert_int_equal(yml_line(y, b), 4);
	assert_int_equal(yml_member_line(y, root, "b"), 3);
	assert_int_equal(yml_line(y, c), 5);
	assert_int_equal(yml_line(y, d), 6);
	assert_int_equal(yml_line(y, json_array_get(d, 1)), 7);
	/* Shared objects have no line of their own; their members do. */
	assert_int_equal(yml_line(y, json_object_get(root, "e")), 0);
	assert_int_equal(yml_member_line(y, root, "e"), 8);
	assert_int_equal(yml_member_line(y, json_object_get(root, "f"), "g"), 9);
	assert_int_equal(yml_member_line(y, c, "c"), 5);
	assert_int_equal(yml_member_line(y, root, "none"), 0);
	assert_int_equal(yml_line(y, NULL), 0);
	yml_free(y);
}

static void refuses_with_the_line(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "a: 1\nb: 2\na: 3\n", "spass.yaml:3: the key \"a\" was already given on line 1" },
		{ "a: 1\n\"a\": 2\n", "spass.yaml:2: the key \"a\" was already given on line 1" },
		{ "x: {a: 1, a: 2}\n", "spass.yaml:1: the key \"a\" was already given on line 1" },
		{ "a: &x 1\n", "spass.yaml:1: anchors are not supported" },
		{ "\na: &x [1]\n", "spass.yaml:2: anchors are not supported" },
		{ "\na: &x {}\n", "spass.yaml:2: anchors are not supported" },
		{ "&x a: 1\n", "spass.yaml:1: anchors are not supported" },
		{ "a: *x\n", "spass.yaml:1: aliases are not supported" },
		{ "a: !!str 5\n", "spass.yaml:1: tags are not supported; quote a value to make it text" },
		{ "a: ! 5\n", "spass.yaml:1: tags are not supported; quote a value to make it text" },
		{ "a: !!set {x}\n", "spass.yaml:1: tags are not supported" },
		{ "a: !x [1]\n", "spass.yaml:1: tags are not supported" },
		{ "? [a]\n: 1\n", "spass.yaml:1: a key is not a text" },
		{ "{a: 1}: 1\n", "spass.yaml:1: a key is not a text" },
		{ "\"\": 1\n", "spass.yaml:1: a key is empty" },
		{ "a: \"x\\0y\"\n", "spass.yaml:1: a text contains a NUL character" },
		{ "\"x\\0y\": a\n", "spass.yaml:1: a text contains a NUL character" },
		{ "a: 1\n---\nb: 2\n", "spass.yaml:2: a second document begins; only one is read" },
		{ "a: 9223372036854775808\n",
		  "spass.yaml:1: the number is out of range; quote it to make it text" },
		{ "a: 1e999\n", "spass.yaml:1: the number is out of range; quote it to make it text" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(parse(cases[i].text, &err));
		assert_int_equal(err.code, E_invalid_config);
		assert_string_equal(err.message, cases[i].message);
	}
}

static void faults_of_syntax_have_their_line(void **state)
{
	static const struct {
		const char *text, *start;
	} cases[] = {
		{ "a: 1\nb: [1, 2\n", "spass.yaml:3: " },
		{ "a: b: c\n", "spass.yaml:1: " },
		{ "a:\n\t- x\n", "spass.yaml:2: there is a tab; YAML is indented by blanks alone" },
		{ "\xc3\xa4: \xe2\x82\xac\r\na:\r\n\tb: 1\r\n", "spass.yaml:3: there is a tab" },
		{ "a: @x\n", "spass.yaml:1: found character that cannot start any token" },
		{ "a: 1\nb: \"\xff\"\n", "spass.yaml:2: " },
		{ "a: 1\n\nb: \"\xed\xa0\x80\"\n", "spass.yaml:3: " },
		{ "a: \x01\n", "spass.yaml:1: " },
		{ "a: 'x\n", "spass.yaml:2: " },
		{ "\xff\xfe" "a", "spass.yaml:1: " },
		{ "a: \"\\ud800\"\n", "spass.yaml:1: " },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_null(parse(cases[i].text, &err));
		assert_int_equal(err.code, E_invalid_config);
		assert_true(span_starts(span_str(err.message), cases[i].start));
	}
	assert_null(yml_parse(SPAN_LIT("a: \0"), "n", &err));
}

/* "[[[...]]]" */
static struct yml *parse_nested(size_t depth, struct err *err)
{
	struct buf text;
	struct yml *y;

	buf_init(&text, 4096);
	for (size_t i = 0; i < depth; i++)
		buf_add_char(&text, '[');
	for (size_t i = 0; i < depth; i++)
		buf_add_char(&text, ']');
	y = yml_parse(buf_span(&text), "n", err);
	buf_free(&text);
	return y;
}

static void depth_is_bounded(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	yml_free(parse_nested(YML_DEPTH_MAX - 1, &err));
	yml_free(parse_nested(YML_DEPTH_MAX, &err));
	assert_int_equal(err.code, E_none);
	assert_null(parse_nested(YML_DEPTH_MAX + 1, &err));
	assert_string_equal(err.message, "n:1: nested too deeply");
	assert_null(parse_nested(1900, &err));
}

static void size_and_number_of_values_are_bounded(void **state)
{
	struct err err = ERR_INIT;
	struct buf text;
	struct yml *y;

	(void)state;
	/* A comment fills the rest of the file. */
	buf_init(&text, YML_SIZE_MAX + 1);
	buf_add_str(&text, "a: 1\n#");
	while (text.len < YML_SIZE_MAX)
		buf_add_char(&text, 'x');
	y = yml_parse(buf_span(&text), "n", &err);
	assert_non_null(y);
	yml_free(y);
	buf_add_char(&text, 'x');
	assert_null(yml_parse(buf_span(&text), "n", &err));
	assert_string_equal(err.message, "n: larger than 4194304 bytes");

	/* The list itself counts as one value. */
	buf_clear(&text);
	for (int i = 0; i < YML_NODES_MAX - 1; i++)
		buf_add_str(&text, "- 1\n");
	y = yml_parse(buf_span(&text), "n", &err);
	assert_non_null(y);
	yml_free(y);
	buf_add_str(&text, "- 1\n");
	assert_null(yml_parse(buf_span(&text), "n", &err));
	assert_string_equal(err.message, "n:200000: more than 200000 values");
	buf_free(&text);
}

static void reads_files_and_says_when_it_cannot(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(yml_read("/nonexistent/spass.yaml", &err));
	assert_int_equal(err.code, E_storage_error);
	assert_non_null(strstr(err.message, "/nonexistent/spass.yaml"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_become_values_by_the_rules),
		cmocka_unit_test(structures_become_trees),
		cmocka_unit_test(remembers_lines),
		cmocka_unit_test(refuses_with_the_line),
		cmocka_unit_test(faults_of_syntax_have_their_line),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(size_and_number_of_values_are_bounded),
		cmocka_unit_test(reads_files_and_says_when_it_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
