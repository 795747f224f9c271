/*
 * tests/unit/test_bill.c - what a caller is told of a turn's cost.
 */
#include "common/chat/bill.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/model/money.h"

static const struct rate half = { .eur = 500000 };

static struct bill bill_of(int64_t usd, int64_t factor)
{
	const struct cost cost = { .usd = usd, .source = COST_TABLE };
	struct bill b;

	bill_make(&b, &cost, &half, factor);
	return b;
}

static void the_factor_is_in_what_is_billed_and_not_in_what_was_paid(void **state)
{
	struct bill b = bill_of(2000, 1500000);

	(void)state;
	assert_true(b.is_made);
	assert_int_equal(b.usd, 2000);
	assert_int_equal(b.eur, 1000);
	assert_int_equal(b.billed_usd, 3000);
	assert_int_equal(b.billed_eur, 1500);
}

static void what_is_not_known_stays_so_in_every_form(void **state)
{
	struct bill b = bill_of(MONEY_UNKNOWN, 1500000);

	(void)state;
	assert_true(b.is_made);
	assert_int_equal(b.usd, MONEY_UNKNOWN);
	assert_int_equal(b.eur, MONEY_UNKNOWN);
	assert_int_equal(b.billed_usd, MONEY_UNKNOWN);
	assert_int_equal(b.billed_eur, MONEY_UNKNOWN);
}

static void lines_hold_amounts_only_when_there_are_some(void **state)
{
	struct bill known = bill_of(2000, 1500000), unknown = bill_of(MONEY_UNKNOWN, MONEY_UNIT);
	char out[BILL_LINES_MAX];
	struct span lines;

	(void)state;
	lines = bill_lines(&known, SPAN_LIT("X-Rate: 1\r\n"), out);
	assert_int_equal(span_find(lines, SPAN_LIT("SPASS-Cost-Available: true\r\n")), 0);
	assert_true(span_find(lines, SPAN_LIT("SPASS-Cost-Eur: 0.0015\r\nSPASS-Cost-Usd: 0.003\r\nX-Rate: 1\r\n")) > 0);
	lines = bill_lines(&unknown, SPAN_LIT("X-Rate: 1\r\n"), out);
	assert_int_equal(span_find(lines, SPAN_LIT("SPASS-Cost-Available: false\r\n")), 0);
	assert_int_equal(span_find(lines, SPAN_LIT("SPASS-Cost-Eur")), -1);
	assert_int_equal(span_find(lines, SPAN_LIT("SPASS-Cost-Usd")), -1);
	assert_true(span_ends(lines, "X-Rate: 1\r\n"));
}

/* A sum of which one part is not known is not known. */
static void an_event_has_a_total_only_of_both_counts(void **state)
{
	static const struct {
		int64_t prompt, completion;
		const char *usage;
	} cases[] = {
		{ 3, 4, "{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}" },
		{ 3, -1, "{\"prompt_tokens\":3,\"completion_tokens\":null,\"total_tokens\":null}" },
		{ -1, 4, "{\"prompt_tokens\":null,\"completion_tokens\":4,\"total_tokens\":null}" },
		{ -1, -1, "{\"prompt_tokens\":null,\"completion_tokens\":null,\"total_tokens\":null}" },
	};
	struct bill b = bill_of(2000, MONEY_UNIT);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct token_usage usage = TOKEN_USAGE_NONE;
		struct bill_facts facts = { .request_id = "r\"1", .model = "m", .backend = "b", .usage = &usage };
		struct buf out;

		usage.prompt = cases[i].prompt;
		usage.completion = cases[i].completion;
		buf_init(&out, 4096);
		assert_int_equal(bill_event(&b, &facts, &out), 0);
		assert_int_equal(span_find(buf_span(&out), SPAN_LIT("event: spass.cost\ndata: {\"request_id\":\"r\\\"1\",")), 0);
		assert_non_null(strstr(buf_str(&out), cases[i].usage));
		assert_non_null(strstr(buf_str(&out), ",\"eur\":0.001,\"usd\":0.002,"));
		assert_true(span_ends(buf_span(&out), "}\n\n"));
		buf_free(&out);
	}
}

static void an_event_without_room_is_refused(void **state)
{
	struct bill b = bill_of(2000, MONEY_UNIT);
	struct token_usage usage = TOKEN_USAGE_NONE;
	struct bill_facts facts = { .request_id = "r", .model = "m", .backend = "b", .usage = &usage };
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(bill_event(&b, &facts, &out), -1);
	buf_free(&out);
}

static void sub_calls_add_up_and_one_unknown_makes_all_unknown(void **state)
{
	const struct bill known = { true, COST_TABLE, 10, 20, 30, 40, { 0 } }, free_one = { true, COST_ZERO, 0, 0, 0, 0, { 0 } };
	const struct bill unknown = { true, COST_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN, MONEY_UNKNOWN, { 0 } };
	const struct bill huge = { true, COST_UPSTREAM, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, { 0 } };
	const struct {
		const struct bill *first, *then;
		enum cost_source source;
		int64_t usd, eur, billed_usd, billed_eur;
	} cases[] = {
		{ &free_one, &known, COST_TABLE, 10, 20, 30, 40 },
		{ &known, &known, COST_TABLE, 20, 40, 60, 80 },
		{ &known, &huge, COST_TABLE, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX },
		{ &known, &unknown, COST_UNKNOWN, -1, -1, -1, -1 },
		{ &unknown, &known, COST_UNKNOWN, -1, -1, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bill sum = *cases[i].first;

		bill_add(&sum, cases[i].then);
		assert_int_equal(sum.source, cases[i].source);
		assert_int_equal(sum.usd, cases[i].usd);
		assert_int_equal(sum.eur, cases[i].eur);
		assert_int_equal(sum.billed_usd, cases[i].billed_usd);
		assert_int_equal(sum.billed_eur, cases[i].billed_eur);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sub_calls_add_up_and_one_unknown_makes_all_unknown),
		cmocka_unit_test(the_factor_is_in_what_is_billed_and_not_in_what_was_paid),
		cmocka_unit_test(what_is_not_known_stays_so_in_every_form),
		cmocka_unit_test(lines_hold_amounts_only_when_there_are_some),
		cmocka_unit_test(an_event_has_a_total_only_of_both_counts),
		cmocka_unit_test(an_event_without_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
