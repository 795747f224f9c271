/*
 * tests/unit/test_cost.c - amounts, and what calls cost.
 */
#include "common/model/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void amounts_are_read_exactly(void **state)
{
	static const struct {
		const char *text;
		int64_t micro;
	} cases[] = {
		{ "0", 0 }, { "2", 2000000 }, { "2.5", 2500000 }, { "0.000001", 1 },
		{ "1000000000", INT64_C(1000000000000000) }, { "0.10", 100000 },
	};
	static const char *const refused[] = {
		"", ".", ".5", "1.", "-1", "+1", "1e3", "0.0000001", "1000000001", "1,5", " 1", "0x1",
	};
	int64_t micro;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(money_read(span_str(cases[i].text), &micro), 0);
		assert_int_equal(micro, cases[i].micro);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_int_equal(money_read(span_str(refused[i]), &micro), -1);
}

static void amounts_show_two_to_six_decimals(void **state)
{
	static const struct {
		int64_t micro;
		const char *text;
	} cases[] = {
		{ 0, "0.00" }, { 1, "0.000001" }, { 10, "0.00001" }, { 1250000, "1.25" },
		{ 1200000, "1.20" }, { 1000000, "1.00" }, { 123456789, "123.456789" },
		{ INT64_MAX, "9223372036854.775807" },
	};
	char out[MONEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(money_text(cases[i].micro, out), cases[i].text);
}

static void scaling_rounds_half_up_and_never_overflows(void **state)
{
	(void)state;
	assert_int_equal(money_scale(3, 1, 2), 2);
	assert_int_equal(money_scale(1, 1, 3), 0);
	assert_int_equal(money_scale(1000000, 854600, 1000000), 854600);
	assert_int_equal(money_scale(INT64_MAX, INT64_MAX, 1), INT64_MAX);
}

static void numbers_of_json_are_read_to_the_millionth(void **state)
{
	static const struct {
		const char *text;
		int64_t micro;
	} cases[] = {
		{ "0", 0 }, { "1", 1000000 }, { "0.00014725", 147 }, { "1.25e-05", 13 },
		{ "0.0000005", 1 }, { "0.00000049999999999999999999999999999999999999", 0 }, { "5E-8", 0 },
		{ "1e3", 1000000000 }, { "12.5e-1", 1250000 }, { "0.1000000000000000055511151231257827", 100000 },
		{ "1000000000", 1000000000000000 }, { "0e400", 0 }, { "1e-400", 0 }, { "0.0015", 1500 },
		{ "999999.9999995", 1000000000000 }, { "2.5e+0", 2500000 },
	};
	static const char *const refused[] = { "", "-1", "+1", ".5", "1.", "1e", "1e+", "1e--1", "1e5000",
					       "1e10", "1000000001", "0x1", "1 ", "1e400", "nan",
					       "9999999999999999999999999999999999999999" };
	int64_t micro;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (money_read_number(span_str(cases[i].text), &micro) < 0 || micro != cases[i].micro)
			fail_msg("%s: %lld", cases[i].text, (long long)micro);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (money_read_number(span_str(refused[i]), &micro) == 0)
			fail_msg("%s was read as %lld", refused[i], (long long)micro);
}

struct cost_case {
	const char *what;
	struct token_usage usage;
	bool local, priced;
	struct price price;
	enum cost_source source;
	int64_t usd;
};

static const struct cost_case cost_cases[] = {
	{ "input and output", { 1000, 500, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 2500000, -1, 10000000, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 7500 },
	{ "the cached part is cheaper", { 1000, 0, 400, -1, -1, -1, -1, -1 }, false, true,
	  { 2500000, 250000, 10000000, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 1600 },
	{ "without a price of its own it costs what input costs", { 1000, 0, 400, -1, -1, -1, -1, -1 }, false,
	  true, { 2500000, -1, 10000000, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 2500 },
	{ "reasoning with its price", { 0, 100, -1, 60, -1, -1, -1, -1 }, false, true,
	  { 1000000, -1, 2000000, 4000000, -1, -1, 0, -1, -1 }, COST_TABLE, 320 },
	{ "more cached than there are", { 10, 0, 40, -1, -1, -1, -1, -1 }, false, true,
	  { 2000000, 1000000, 1, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 10 },
	{ "images and the call", { 0, 0, -1, -1, 2, -1, -1, -1 }, false, true,
	  { 0, -1, 0, -1, 40000, 5000, 0, -1, -1 }, COST_TABLE, 85000 },
	{ "half a millionth rounds up, once", { 1, 0, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 500000, -1, 0, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 1 },
	{ "below half is nothing", { 1, 0, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 499999, -1, 0, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 0 },
	{ "output not told", { 1000, -1, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 2500000, -1, 10000000, -1, -1, -1, 0, -1, -1 }, COST_UNKNOWN, -1 },
	{ "what is not told and free", { 1000, -1, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 2500000, -1, 0, -1, -1, -1, 0, -1, -1 }, COST_TABLE, 2500 },
	{ "no price of input", { 1000, 10, -1, -1, -1, -1, -1, -1 }, false, true,
	  { -1, -1, 10000000, -1, -1, -1, 0, -1, -1 }, COST_UNKNOWN, -1 },
	{ "no price", { 1000, 10, -1, -1, -1, -1, -1, -1 }, false, false, { 0 }, COST_UNKNOWN, -1 },
	{ "local", { 1000, 10, -1, -1, -1, -1, -1, -1 }, true, true,
	  { 2500000, -1, 10000000, -1, -1, -1, 0, -1, -1 }, COST_ZERO, 0 },
	{ "local without a count", { -1, -1, -1, -1, -1, -1, -1, -1 }, true, false, { 0 }, COST_ZERO, 0 },
	{ "a prompt that the price does not hold for", { 1001, 10, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 2500000, -1, 10000000, -1, -1, -1, 1000, -1, -1 }, COST_UNKNOWN, -1 },
	{ "the longest that it holds for", { 1000, 0, -1, -1, -1, -1, -1, -1 }, false, true,
	  { 2500000, -1, 10000000, -1, -1, -1, 1000, -1, -1 }, COST_TABLE, 2500 },
	{ "told by the backend", { 1000, 10, -1, -1, -1, 1234, -1, -1 }, false, true,
	  { 2500000, -1, 10000000, -1, -1, -1, 0, -1, -1 }, COST_UPSTREAM, 1234 },
};

static void calls_cost_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cost_cases); i++) {
		const struct cost_case *c = &cost_cases[i];
		struct cost cost = cost_of(&c->usage, c->local, c->priced ? &c->price : NULL);

		if (cost.source != c->source || cost.usd != c->usd)
			fail_msg("%s: %s %lld", c->what, cost_source_name(cost.source), (long long)cost.usd);
	}
}

/* No split of the counts that the bound allows may cost more than it. */
static void a_bound_is_never_below_the_cost(void **state)
{
	const struct price price = { 2500000, 3000000, 10000000, 12000000, 100, 50, 0, 6000, 15000000 };

	const struct token_usage most = { .prompt = 2000, .completion = 1000, .audio_ms = 90000, .characters = 700 };

	(void)state;
	for (int64_t prompt = 0; prompt <= 2000; prompt += 500)
		for (int64_t part = 0; part <= prompt; part += 250) {
			struct token_usage u = { prompt, prompt / 2, part, part / 2, 1, -1, 45 * prompt, prompt / 3 };

			assert_true(cost_bound(&most, false, &price) >= cost_of(&u, false, &price).usd);
		}
	assert_int_equal(cost_bound(&most, true, &price), 0);
	assert_int_equal(cost_bound(&most, false, NULL), MONEY_UNKNOWN);
}

static void sums_keep_what_is_unknown(void **state)
{
	struct cost sum = { COST_ZERO, 0 };

	(void)state;
	cost_add(&sum, &(struct cost){ COST_UPSTREAM, 5 });
	assert_int_equal(sum.source, COST_UPSTREAM);
	cost_add(&sum, &(struct cost){ COST_TABLE, 7 });
	assert_int_equal(sum.source, COST_TABLE);
	assert_int_equal(sum.usd, 12);
	cost_add(&sum, &(struct cost){ COST_UNKNOWN, MONEY_UNKNOWN });
	cost_add(&sum, &(struct cost){ COST_ZERO, 0 });
	assert_int_equal(sum.source, COST_UNKNOWN);
	assert_int_equal(sum.usd, MONEY_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_are_read_exactly),
		cmocka_unit_test(numbers_of_json_are_read_to_the_millionth),
		cmocka_unit_test(amounts_show_two_to_six_decimals),
		cmocka_unit_test(scaling_rounds_half_up_and_never_overflows),
		cmocka_unit_test(calls_cost_what_the_table_says),
		cmocka_unit_test(a_bound_is_never_below_the_cost),
		cmocka_unit_test(sums_keep_what_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
