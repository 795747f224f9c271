/* Tests of common/base/sfield.h. */
#include "common/base/sfield.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void reads_each_type(void **state)
{
	static const char text[] = "  int=42, dec=-0.125;q=1, str=\"a \\\"b\\\\\" , tok=*a/b:c,\t"
				   "bin=:aGk=:;x;y=?0, on, off=?0;z=\"s\", yes;p=tok, int=-7  ";
	static const struct {
		const char *key;
		enum sfield_type type;
		const char *value;
		bool boolean;
	} want[] = {
		{ "int", SFIELD_INTEGER, "-7", false },
		{ "dec", SFIELD_DECIMAL, "-0.125", false },
		{ "str", SFIELD_STRING, "a \\\"b\\\\", false },
		{ "tok", SFIELD_TOKEN, "*a/b:c", false },
		{ "bin", SFIELD_BYTES, "aGk=", false },
		{ "on", SFIELD_BOOLEAN, "", true },
		{ "off", SFIELD_BOOLEAN, "", false },
		{ "yes", SFIELD_BOOLEAN, "", true },
	};
	struct sfield_member members[8];
	struct err err = ERR_INIT;

	(void)state;
	/* A repeated key keeps its place and takes the later value. */
	assert_int_equal(sfield_dictionary(span_str(text), members, 8, &err), ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_true(span_is(members[i].key, want[i].key));
		assert_int_equal(members[i].type, want[i].type);
		assert_true(span_is(members[i].value, want[i].value));
		if (want[i].type == SFIELD_BOOLEAN)
			assert_int_equal(members[i].boolean, want[i].boolean);
	}
}

static void accepts_and_refuses_as_the_rfc_says(void **state)
{
	static const struct {
		const char *text;
		int count;
	} cases[] = {
		{ "", 0 },
		{ "   ", 0 },
		{ "a", 1 },
		{ "*a.b-c_d*9", 1 },
		{ "a=1;b;c=2.5;  d=x", 1 },
		{ "a=\"\"", 1 },
		{ "a=::", 1 },
		{ "a=123456789012345", 1 },
		{ "a=-123456789012345", 1 },
		{ "a=1234567890123456", -1 },
		{ "a=123456789012.123", 1 },
		{ "a=1234567890123.1", -1 },
		{ "a=1.1234", -1 },
		{ "a=1.", -1 },
		{ "a=.5", -1 },
		{ "a=-", -1 },
		{ "a=--1", -1 },
		{ "A=1", -1 },
		{ "1=1", -1 },
		{ "-a=1", -1 },
		{ "=1", -1 },
		{ "a=", -1 },
		{ "a =1", -1 },
		{ "a= 1", -1 },
		{ "a=1,", -1 },
		{ "a=1 ,\t", -1 },
		{ ",a=1", -1 },
		{ "a=1,,b", -1 },
		{ "a=1 b=2", -1 },
		{ "\ta=1", -1 },
		{ "a=(1 2)", -1 },
		{ "a=\"x", -1 },
		{ "a=\"\\x\"", -1 },
		{ "a=\"x\\", -1 },
		{ "a=\"\t\"", -1 },
		{ "a=\"\x7f\"", -1 },
		{ "a=\"\xc3\xa4\"", -1 },
		{ "a=?2", -1 },
		{ "a=?", -1 },
		{ "a=:a?:", -1 },
		{ "a=:aa", -1 },
		{ "a=:", -1 },
		{ "a;", -1 },
		{ "a;B", -1 },
		{ "a;b=", -1 },
		{ "a ;b", -1 },
		{ "a=x\n", -1 },
	};
	struct sfield_member members[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(sfield_dictionary(span_str(cases[i].text), members, 4, &err),
				 cases[i].count);
		assert_int_equal(err.code, cases[i].count < 0 ? E_invalid_field : E_none);
	}
	assert_int_equal(sfield_dictionary(SPAN_LIT("a=\"\0\""), members, 4, NULL), -1);
	assert_int_equal(sfield_dictionary(SPAN_LIT("a\0"), members, 4, NULL), -1);
	assert_int_equal(sfield_dictionary(SPAN_NONE, members, 4, NULL), 0);
}

static void counts_members_against_the_maximum(void **state)
{
	struct sfield_member members[2];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(sfield_dictionary(SPAN_LIT("a"), members, 2, &err), 1);
	assert_int_equal(sfield_dictionary(SPAN_LIT("a,b"), members, 2, &err), 2);
	assert_int_equal(sfield_dictionary(SPAN_LIT("a,b,a,b"), members, 2, &err), 2);
	assert_int_equal(sfield_dictionary(SPAN_LIT("a,b,c"), members, 2, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
}

static void names_the_byte_of_the_fault(void **state)
{
	struct sfield_member members[2];
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(sfield_dictionary(SPAN_LIT("a=1, B"), members, 2, &err), -1);
	assert_string_equal(err.message, "not a structured field: expected a key at byte 5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each_type),
		cmocka_unit_test(accepts_and_refuses_as_the_rfc_says),
		cmocka_unit_test(counts_members_against_the_maximum),
		cmocka_unit_test(names_the_byte_of_the_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
