/* tests/unit/test_jschema.c - the checker that holds answers against the OpenAPI document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/jschema.h"

/* What the schemas of the tables refer to. */
static const char document_text[] =
	"{'components':{'schemas':{"
	"'Id':{'type':'string','pattern':'^id_[0-9]+$'},"
	"'Thing':{'type':'object','required':['id'],'properties':{'id':{'$ref':'#/components/schemas/Id'},"
	"'note':{'type':['string','null']}}},"
	"'Whole':{'allOf':[{'$ref':'#/components/schemas/Thing'},{'properties':{'parts':{'type':'array'}}}]}"
	"}}}";

static json_t *read_json(const char *text)
{
	char copy[2048];
	size_t len = strlen(text);

	assert_true(len < sizeof copy);
	for (size_t i = 0; i <= len; i++)
		copy[i] = text[i] == '\'' ? '"' : text[i];
	json_t *v = json_loads(copy, JSON_DECODE_ANY, NULL);
	if (!v)
		fail_msg("not JSON: %s", copy);
	return v;
}

/* "" when the value fits, else "PATH: TEXT". */
static void judge(const char *schema_text, const char *value_text, char *out, size_t size)
{
	json_t *document = read_json(document_text), *schema = read_json(schema_text), *value = read_json(value_text);
	struct jschema_fault fault = { .path = "" };

	if (jschema_understand(document, schema, &fault))
		fail_msg("%s: %s %s", schema_text, fault.path, fault.text);
	out[0] = '\0';
	if (jschema_check(document, schema, value, &fault))
		snprintf(out, size, "%s: %s", fault.path, fault.text);
	json_decref(document);
	json_decref(schema);
	json_decref(value);
}

#define REF(name) "{'$ref':'#/components/schemas/" name "'}"
#define THING REF("Thing")

/* Pairs: one that fits, and one that only just does not. */
static const struct {
	const char *schema, *fits, *does_not, *fault;
} pairs[] = {
	{ "{'type':'string'}", "'a'", "1", ".: is of type integer, documented is string" },
	{ "{'type':'integer'}", "2.0", "2.5", ".: is of type number, documented is integer" },
	{ "{'type':'integer'}", "-3", "'3'", ".: is of type string, documented is integer" },
	{ "{'type':'number'}", "1", "true", ".: is of type boolean, documented is number" },
	{ "{'type':['string','null']}", "null", "[]", ".: is of type array, documented is string" },
	{ "{'type':'boolean'}", "false", "null", ".: is of type null, documented is boolean" },
	{ "{'const':'ok'}", "'ok'", "'no'", ".: is \"no\", documented is only \"ok\"" },
	{ "{'const':1}", "1.0", "'1'", ".: is \"1\", documented is only \"integer\"" },
	{ "{'enum':['a','b']}", "'b'", "'c'", ".: is \"c\", which is not among the documented values" },
	{ "{'minimum':1}", "1", "0.5", ".: has value 0.5, documented is at least 1" },
	{ "{'maximum':4}", "4", "5", ".: has value 5, documented is at most 4" },
	{ "{'minLength':2}", "'\xc3\xa4\xc3\xb6'", "'\xc3\xa4'", ".: has length 1, documented is at least 2" },
	{ "{'maxLength':1}", "'\xe2\x82\xac'", "'ab'", ".: has length 2, documented is at most 1" },
	{ "{'maxLength':1}", "12345", "'ab'", ".: has length 2, documented is at most 1" },
	{ "{'minItems':1}", "[1]", "[]", ".: has items 0, documented is at least 1" },
	{ "{'maxItems':1}", "[1]", "[1,2]", ".: has items 2, documented is at most 1" },
	{ "{'pattern':'^a+$'}", "'aa'", "'ab'", ".: is \"ab\", documented is ^a+$" },
	{ "{'format':'date'}", "'2026-01-02'", "'2026-1-2'", ".: is \"2026-1-2\", documented is a date" },
	{ "{'format':'date-time'}", "'2026-01-02T03:04:05.678Z'", "'2026-01-02 03:04:05'",
	  ".: is \"2026-01-02 03:04:05\", documented is a date-time" },
	{ "{'items':{'type':'integer'}}", "[1,2]", "[1,'2']", "[1]: is of type string, documented is integer" },
	{ "{'properties':{'a':{'items':{'properties':{'b':{'type':'null'}}}}}}", "{'a':[{},{'b':null}]}", "{'a':[{},{'b':0}]}",
	  "a[1].b: is of type integer, documented is null" },
	{ "{'required':['a'],'properties':{'a':{}}}", "{'a':null}", "{}", ".: lacks the member \"a\"" },
	/* Members that nobody has documented. */
	{ "{'type':'object'}", "{'any':1}", "[]", ".: is of type array, documented is object" },
	{ "{'properties':{'a':{}}}", "{'a':1}", "{'a':1,'b':2}", "b: is not documented" },
	{ "{'properties':{'a':{}},'additionalProperties':true}", "{'a':1,'b':2}", "{'a':1,'b':2,'c':3}", "" },
	{ "{'properties':{'a':{}},'additionalProperties':false}", "{'a':1}", "{'b':1}", "b: is not documented" },
	{ "{'properties':{'a':{}},'additionalProperties':{'type':'integer'}}", "{'a':'','b':1}", "{'a':'','b':''}",
	  "b: is of type string, documented is integer" },
	/* Schemas of schemas. */
	{ THING, "{'id':'id_1','note':null}", "{'id':'1'}", "id: is \"1\", documented is ^id_[0-9]+$" },
	{ THING, "{'id':'id_1'}", "{'id':'id_1','more':1}", "more: is not documented" },
	{ REF("Whole"), "{'id':'id_1','note':'','parts':[]}", "{'id':'id_1','pieces':[]}", "pieces: is not documented" },
	{ REF("Whole"), "{'id':'id_1'}", "{'parts':[]}", ".: lacks the member \"id\"" },
	{ "{'items':{'anyOf':[{'type':'string'},{'type':'integer'}]}}", "['a',1]", "[null]", "[0]: is of type null, documented is string" },
	/* The fault of the one that it is most like. */
	{ "{'anyOf':[{'type':'string'}," THING "]}", "{'id':'id_1'}", "{'id':'x'}", "id: is \"x\", documented is ^id_[0-9]+$" },
	{ "{'default':1,'description':'','type':'integer'}", "1", "''", ".: is of type string, documented is integer" },
};

static void a_value_fits_or_the_first_fault_is_told_with_its_path(void **state)
{
	char got[800];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		judge(pairs[i].schema, pairs[i].fits, got, sizeof got);
		if (got[0])
			fail_msg("%s against %s: %s", pairs[i].fits, pairs[i].schema, got);
		judge(pairs[i].schema, pairs[i].does_not, got, sizeof got);
		assert_string_equal(got, pairs[i].fault);
	}
}

static void what_this_test_does_not_understand_is_refused(void **state)
{
	static const struct {
		const char *schema, *path;
	} bad[] = {
		{ "{'oneOf':[{}]}", "oneOf" },
		{ "{'nullable':true}", "nullable" },
		{ "{'properties':{'a':{'items':{'uniqueItems':true}}}}", "properties.a.items.uniqueItems" },
		{ "{'anyOf':[{'type':'string'},{'multipleOf':2}]}", "anyOf[1].multipleOf" },
		{ "{'additionalProperties':{'if':{}}}", "additionalProperties.if" },
		{ "{'allOf':[7]}", "allOf[0]" },
		{ "{'type':'text'}", "type" },
		{ "{'type':['string','text']}", "type" },
		{ "{'type':[]}", "type" },
		{ "{'required':[]}", "required" },
		{ "{'required':[1]}", "required" },
		{ "{'required':true}", "required" },
		{ "{'properties':[]}", "properties" },
		{ "{'items':[]}", "items" },
		{ "{'enum':'a'}", "enum" },
		{ "{'pattern':'('}", "pattern" },
		{ "{'format':'uuid'}", "format" },
		{ "{'minLength':1.5}", "minLength" },
		{ "{'maximum':'1'}", "maximum" },
		{ REF("Gone"), "$ref" },
		{ "{'$ref':'#/definitions/Thing'}", "$ref" },
	};
	json_t *document = read_json(document_text);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		json_t *schema = read_json(bad[i].schema);
		struct jschema_fault fault = { .path = "" };

		if (!jschema_understand(document, schema, &fault))
			fail_msg("%s is taken", bad[i].schema);
		assert_string_equal(fault.path, bad[i].path);
		json_decref(schema);
	}
	json_decref(document);
}

static void a_value_is_never_fit_for_a_schema_that_is_not_understood(void **state)
{
	json_t *document = read_json(document_text), *value = read_json("1");
	static const char *const schemas[] = { "{'oneOf':[{'type':'string'}]}", REF("Gone") };
	struct jschema_fault fault;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(schemas); i++) {
		json_t *schema = read_json(schemas[i]);

		assert_int_equal(jschema_check(document, schema, value, &fault), -1);
		json_decref(schema);
	}
	json_decref(document);
	json_decref(value);
}

static void a_path_longer_than_there_is_room_for_is_cut(void **state)
{
	char schema[2048] = "{'properties':{'a':{}}}", value[2048] = "{'b':1}", got[800];

	(void)state;
	for (int i = 0; i < 20; i++) {
		char inner[2048];

		memcpy(inner, schema, sizeof inner);
		snprintf(schema, sizeof schema, "{'items':%.1900s}", inner);
		memcpy(inner, value, sizeof inner);
		snprintf(value, sizeof value, "[%.1900s]", inner);
	}
	for (int i = 0; i < 12; i++) {
		char inner[2048];

		memcpy(inner, schema, sizeof inner);
		snprintf(schema, sizeof schema, "{'properties':{'a_rather_long_name_of_a_member':%.1900s}}", inner);
		memcpy(inner, value, sizeof inner);
		snprintf(value, sizeof value, "{'a_rather_long_name_of_a_member':%.1900s}", inner);
	}
	judge(schema, value, got, sizeof got);
	assert_non_null(strstr(got, ": is not documented"));
	assert_true(strlen(got) < sizeof((struct jschema_fault *)0)->path + 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_fits_or_the_first_fault_is_told_with_its_path),
		cmocka_unit_test(what_this_test_does_not_understand_is_refused),
		cmocka_unit_test(a_value_is_never_fit_for_a_schema_that_is_not_understood),
		cmocka_unit_test(a_path_longer_than_there_is_room_for_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
