/*
 * tests/unit/test_price.c - lists of prices, and exchange rates.
 */
#include "common/model/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/asset.h"
#include "common/base/mem.h"
#include "common/model/rate.h"

static struct prices *load(const char *text, struct err *err)
{
	struct yml *y = yml_parse(span_str(text), "spass.yaml", err);
	struct prices *p;

	assert_non_null(y);
	p = prices_load(NULL, y, err);
	yml_free(y);
	return p;
}

static void rows_are_found_by_backend_and_model(void **state)
{
	struct err err = ERR_INIT;
	struct prices *p = load("prices:\n"
				"  - {backend: b, model: two, input: 2.5, output: 10, as_of: \"2026-05-03\"}\n"
				"  - {backend: a, model: one, input: 0.000001, cached: 0, output: \"0.10\"}\n"
				"  - {backend: b, model: \"*\", input: 1, output: 1}\n",
				&err);
	const struct price_row *row;

	(void)state;
	assert_non_null(p);
	row = prices_find(p, "a", "one");
	assert_int_equal(row->price.input, 1);
	assert_int_equal(row->price.cached, 0);
	assert_int_equal(row->price.output, 100000);
	assert_int_equal(row->price.reasoning, MONEY_UNKNOWN);
	row = prices_find(p, "b", "two");
	assert_int_equal(row->price.input, 2500000);
	assert_string_equal(row->as_of, "2026-05-03");
	assert_string_equal(prices_find(p, "b", "other")->model, "*");
	assert_null(prices_find(p, "a", "two"));
	assert_null(prices_find(p, "c", "one"));
	prices_free(p);
}

static void faults_name_line_and_key(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "prices: 3\n", "spass.yaml:1: prices" },
		{ "prices:\n  - 3\n", "spass.yaml:2: prices" },
		{ "prices:\n  - backend: a\n    input: 1\n", "model: must be a text" },
		{ "prices:\n  - backend: a\n    model: m\n    input: -1\n", "spass.yaml:4: input" },
		{ "prices:\n  - backend: a\n    model: m\n    input: 0.0000001\n", "spass.yaml:4: input" },
		{ "prices:\n  - backend: a\n    model: m\n    input: many\n", "spass.yaml:4: input" },
		{ "prices:\n  - backend: a\n    model: m\n    inptu: 1\n", "spass.yaml:4: inptu: unknown key" },
		{ "prices:\n  - backend: a\n    model: m\n    input: true\n", "spass.yaml:4: input" },
		{ "prices:\n  - {backend: a, model: m, input: 1}\n  - {backend: a, model: \"*\", input: 1}\n"
		  "  - {backend: a, model: m, input: 2, prompt_max: 9}\n",
		  "spass.yaml:4: model: there is a price of a m on line 2 already" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_null(load(cases[i].text, &err));
		assert_int_equal(err.code, E_invalid_config);
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s: %s", cases[i].text, err.message);
	}
}

static void all_faults_are_told(void **state)
{
	static const char *const told[] = {
		"spass.yaml:4: inputt: unknown key",
		"\nspass.yaml:5: input: must be USD",
		"\nspass.yaml:6: backend: must be a text",
		"\nspass.yaml:6: model: must be a text",
		"\nspass.yaml:7: prices: a price is",
		"\nspass.yaml:8: model: there is a price of a m on line 2 already",
	};
	struct err err = ERR_INIT;

	(void)state;
	assert_null(load("prices:\n  - backend: a\n    model: m\n    inputt: 2\n    input: \"2,50\"\n"
			 "  - {input: 1}\n  - 3\n  - {backend: a, model: m, input: 1}\n",
			 &err));
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		if (!strstr(err.message, told[i]))
			fail_msg("%s lacks %s", err.message, told[i]);
}

static void a_later_file_replaces_rows_as_a_whole(void **state)
{
	static const char name[] = "claude-opus-4-7";
	struct err err = ERR_INIT;
	struct prices *shipped = prices_load(NULL, NULL, &err), *p =
		load("prices: [ {backend: anthropic, model: claude-opus-4-7, request: 0.005} ]", &err);
	const struct price_row *row = prices_find(p, "anthropic", name);

	(void)state;
	assert_non_null(prices_find(shipped, "anthropic", name)->as_of);
	assert_int_equal(row->price.request, 5000);
	assert_int_equal(row->price.input, MONEY_UNKNOWN);
	assert_null(row->as_of);
	prices_free(shipped);
	prices_free(p);
}

static void the_shipped_list_loads_and_says_as_of_when(void **state)
{
	struct err err = ERR_INIT;
	struct prices *p = prices_load(NULL, NULL, &err);
	size_t rows = 0;

	(void)state;
	assert_non_null(p);
	for (const char *row = asset_find("common/model/prices.yaml").ptr; (row = strstr(row, "\n  - { ")); rows++) {
		const char *end = strchr(++row, '\n');

		if (span_find(span_of(row, (size_t)(end - row)), SPAN_LIT(", as_of: 2")) < 0)
			fail_msg("without as_of: %.*s", (int)(end - row), row);
	}
	assert_true(rows > 10);
	prices_free(p);
}

static void a_rate_has_its_date(void **state)
{
	struct err err = ERR_INIT;
	struct rate rate;
	char source[RATE_SOURCE_MAX];
	static const char *const refused[] = {
		"", "0.85", "0.85 2026-02-30", "0.85 yesterday", "0 2026-05-03", "1000 2026-05-03", "2026-05-03",
		"0.85  ",
	};

	(void)state;
	assert_int_equal(rate_read(SPAN_LIT(" 0.8546 2026-05-03 "), &rate, &err), 0);
	assert_int_equal(rate.eur, 854600);
	assert_string_equal(rate_source(&rate, source), "static-2026-05-03");
	assert_int_equal(rate_age_days(&rate, INT64_C(1778284800000)), 6); /* 2026-05-09T00:00Z */
	assert_true(rate_age_days(&rate, 0) < 0);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(rate_read(span_str(refused[i]), &rate, &err), -1);
	assert_string_equal(rate_source(&rate_default, source), "static-2026-05-03");
}

#define ECB(day, rows)                                                                                  \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gesmes:Envelope><gesmes:subject>Reference rates"     \
	"</gesmes:subject><Cube>\n<Cube time='" day "'>\n" rows "</Cube></Cube></gesmes:Envelope>"

static void the_central_banks_list_is_turned_round(void **state)
{
	struct err err = ERR_INIT;
	struct rate rate;
	char source[RATE_SOURCE_MAX];
	static const char *const refused[] = {
		"", "<html>not found</html>", ECB("2026-13-01", "<Cube currency='USD' rate='1.17'/>"),
		ECB("2026-05-03", "<Cube currency='JPY' rate='170.1'/>"),
		ECB("2026-05-03", "<Cube currency='USD' rate='cheap'/>"),
		ECB("2026-05-03", "<Cube currency='USD' rate='0'/>"),
		"<Cube time='2026-05-03'><Cube currency='USD' rate='1.17",
		"<Cube time='2026-05-03'><Cube currency='USD",
	};

	(void)state;
	assert_int_equal(rate_read_ecb(SPAN_LIT(ECB("2026-05-04", "<Cube currency='JPY' rate='170.1'/>"
								  "<Cube currency='USD' rate='1.1702'/>")),
				       &rate, &err), 0);
	assert_int_equal(rate.eur, 854555);
	assert_string_equal(rate_source(&rate, source), "ecb-2026-05-04");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(rate_read_ecb(span_str(refused[i]), &rate, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_found_by_backend_and_model),
		cmocka_unit_test(faults_name_line_and_key),
		cmocka_unit_test(all_faults_are_told),
		cmocka_unit_test(a_later_file_replaces_rows_as_a_whole),
		cmocka_unit_test(the_shipped_list_loads_and_says_as_of_when),
		cmocka_unit_test(a_rate_has_its_date),
		cmocka_unit_test(the_central_banks_list_is_turned_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
