/*
 * tests/unit/test_budget.c - budgets, by a calendar of the test's own.
 */
#include "common/tenant/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

static const int64_t hour = 3600000, day = 86400000;

static int64_t at(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(clock_parse(text, strlen(text), &ms), 0);
	return ms;
}

/* A token "t" of tenant "acme", what may be spent, and a ledger that is asked for sums. */
struct scene {
	struct budget_book *book;
	struct budget rows[4], tenant_rows[2];
	struct constraints constraints;
	struct token token;
	struct tenant tenant;
	struct spending spending;
	struct reservation reservation;
	struct err err;
	struct amount ledger; /* whatever is asked for */
	struct budget_gap gap; /* the last */
	int asked;
};

static void begin(struct scene *s, struct budget row)
{
	*s = (struct scene){ .book = budget_book_new(), .rows = { row }, .err = ERR_INIT };
	memcpy(s->token.id, "t", 2);
	memcpy(s->token.tenant, "acme", 5);
	memcpy(s->tenant.id, "acme", 5);
	s->constraints.budgets = s->rows;
	s->constraints.budget_count = 1;
	s->token.constraints = &s->constraints;
	s->tenant.budgets = s->tenant_rows;
	s->spending = (struct spending){ .token = &s->token, .tenant = &s->tenant, .model = "mock", .most = { 100, 90 } };
}

static void end(struct scene *s)
{
	budget_book_free(s->book);
}

static int reserve_in(struct scene *s, struct reservation *r, int64_t now)
{
	int result;

	s->err = (struct err)ERR_INIT;
	*r = (struct reservation){ .count = 0 };
	while ((result = budget_reserve(s->book, &s->spending, now, r, &s->gap, &s->err)) == 1) {
		s->asked++;
		budget_fill(s->book, &s->gap, s->ledger);
	}
	return result;
}

/* On top of what is reserved. */
static int reserve_more(struct scene *s, int64_t now)
{
	int result;

	while ((result = budget_reserve(s->book, &s->spending, now, &s->reservation, &s->gap, &s->err)) == 1)
		budget_fill(s->book, &s->gap, s->ledger);
	return result;
}

static int reserve(struct scene *s, int64_t now)
{
	return reserve_in(s, &s->reservation, now);
}

/* A call from its beginning to its end. */
static int call(struct scene *s, int64_t now, int64_t usd)
{
	if (reserve(s, now) < 0)
		return -1;
	budget_settle(s->book, &s->reservation, (struct amount){ usd, usd * 9 / 10 }, NULL);
	return 0;
}

static const struct budget usd_a_day = { .amount_micros = 1000, .currency = BUDGET_USD, .period = BUDGET_DAY };
static const struct budget eur_a_month = { .amount_micros = 900, .currency = BUDGET_EUR, .period = BUDGET_MONTH };

static void what_is_settled_counts_not_what_was_reserved(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	for (int i = 0; i < 100; i++)
		assert_int_equal(call(&s, now, 10), 0);
	assert_int_equal(call(&s, now, 10), -1);
	assert_int_equal(s.err.code, E_overall_budget_exhausted);
	assert_string_equal(s.err.param, "headers.authorization");
	assert_int_equal(s.err.retry_after_s, 14 * 3600);
	end(&s);
}

static void what_failed_costs_nothing(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(call(&s, now, 0), 0);
	assert_int_equal(call(&s, now, 1000), 0);
	assert_int_equal(call(&s, now, 0), -1);
	end(&s);
}

static void what_is_reserved_holds_others_up_for_a_moment_only(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct reservation held[10];
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	for (int i = 0; i < 10; i++)
		assert_int_equal(reserve_in(&s, &held[i], now), 0);
	assert_int_equal(reserve(&s, now), -1);
	assert_int_equal(s.err.code, E_overall_budget_exhausted);
	assert_int_equal(s.err.retry_after_s, 1);
	budget_settle(s.book, &held[0], (struct amount){ 0, 0 }, NULL);
	assert_int_equal(reserve_in(&s, &held[0], now), 0);
	for (int i = 0; i < 10; i++)
		budget_settle(s.book, &held[i], (struct amount){ 1, 1 }, NULL);
	/* Settling what holds nothing does nothing. */
	budget_settle(s.book, &held[0], (struct amount){ 5000, 5000 }, NULL);
	assert_int_equal(reserve(&s, now), 0);
	end(&s);
}

static void the_last_cent_can_be_used(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	s.spending.most = (struct amount){ 1000000, 900000 };
	assert_int_equal(call(&s, now, 999), 0);
	assert_int_equal(call(&s, now, 1), 0);
	assert_int_equal(call(&s, now, 1), -1);
	end(&s);
}

static void a_month_is_one_of_the_calendar(void **state)
{
	static const struct {
		const char *spent, *tried;
		bool is_free;
		int retry_after_s;
	} rows[] = {
		{ "2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z", false, 1 },
		{ "2026-11-30T23:59:59.999Z", "2026-12-01T00:00:00Z", true, 0 },
		{ "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z", true, 0 },
		{ "2028-02-01T00:00:00Z", "2028-02-29T00:00:00Z", false, 86400 },
		{ "2027-02-28T00:00:00Z", "2027-03-01T00:00:00Z", true, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct scene s;

		begin(&s, eur_a_month);
		assert_int_equal(call(&s, at(rows[i].spent), 1000), 0);
		assert_int_equal(call(&s, at(rows[i].tried), 1), rows[i].is_free ? 0 : -1);
		if (!rows[i].is_free)
			assert_int_equal(s.err.retry_after_s, rows[i].retry_after_s);
		end(&s);
	}
}

static void a_clock_that_jumps_frees_nothing_and_blocks_for_no_longer_than_a_day(void **state)
{
	int64_t now = at("2026-11-21T00:30:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	assert_int_equal(call(&s, now, 1000), 0);
	assert_int_equal(call(&s, now, 1), -1);
	/* A day forwards is another day, with a budget of its own. */
	assert_int_equal(call(&s, now + day, 1000), 0);
	assert_int_equal(call(&s, now + day, 1), -1);
	/* An hour back is the day before, which is spent; and so is the one we left. */
	assert_int_equal(call(&s, now + day - hour, 1), -1);
	assert_int_equal(s.err.retry_after_s, 1800);
	assert_int_equal(call(&s, now + day, 1), -1);
	/* The day before the first was never spent, and the one after is not. */
	assert_int_equal(call(&s, now - hour, 1), 0);
	assert_int_equal(call(&s, now + 2 * day, 1), 0);
	end(&s);
}

static void what_is_not_known_any_more_is_asked_of_the_ledger(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	assert_int_equal(call(&s, now, 1000), 0);
	for (int i = 1; i < 10; i++)
		assert_int_equal(call(&s, now + i * day, 1), 0);
	assert_int_equal(s.asked, 10);
	s.ledger = (struct amount){ 1000, 900 };
	assert_int_equal(call(&s, now, 1), -1);
	assert_int_equal(s.asked, 11);
	assert_int_equal(call(&s, now, 1), -1);
	assert_int_equal(s.asked, 11);
	end(&s);
}

static void a_call_counts_for_the_day_in_which_it_began(void **state)
{
	int64_t now = at("2026-11-21T23:59:59Z");
	struct reservation night;
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	assert_int_equal(reserve_in(&s, &night, now), 0);
	/* However many days go by: what is held keeps its place. */
	for (int i = 1; i < 10; i++)
		assert_int_equal(call(&s, now + i * day, 1000), 0);
	budget_settle(s.book, &night, (struct amount){ 1000, 900 }, NULL);
	assert_int_equal(call(&s, now, 1), -1);
	assert_int_equal(call(&s, now + 20 * day, 1), 0);
	end(&s);
}

static void what_was_spent_before_the_start_counts(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, eur_a_month);
	s.rows[0].model = (char[]){ "mock" };
	s.ledger = (struct amount){ 1000, 899 };
	assert_int_equal(call(&s, now, 10), 0);
	assert_int_equal(s.asked, 1);
	assert_int_equal(s.gap.of, BUDGET_OF_TOKEN);
	assert_string_equal(s.gap.owner, "t");
	assert_string_equal(s.gap.tenant, "acme");
	assert_string_equal(s.gap.model, "mock");
	assert_int_equal(s.gap.from * day, at("2026-11-01T00:00:00Z"));
	assert_int_equal(s.gap.to * day, at("2026-11-30T00:00:00Z"));
	assert_int_equal(call(&s, now, 10), -1);
	assert_int_equal(s.err.code, E_model_quota_exhausted);
	assert_string_equal(s.err.param, "model");
	/* One that was asked twice at the same time counts once. */
	budget_fill(s.book, &s.gap, (struct amount){ 0, 0 });
	assert_int_equal(call(&s, now, 10), -1);
	end(&s);
}

static void all_budgets_of_token_tenant_and_model_must_have_something_left(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	s.rows[1] = (struct budget){ .amount_micros = 100, .currency = BUDGET_USD, .period = BUDGET_MONTH,
				     .model = (char[]){ "dear" } };
	s.constraints.budget_count = 2;
	s.tenant_rows[0] = (struct budget){ .amount_micros = 500, .currency = BUDGET_USD,
					    .period = BUDGET_DAY };
	s.tenant.budget_count = 1;
	s.spending.model = "dear";
	assert_int_equal(call(&s, now, 100), 0);
	assert_int_equal(call(&s, now, 1), -1);
	assert_int_equal(s.err.code, E_model_quota_exhausted);
	s.spending.model = "cheap";
	assert_int_equal(call(&s, now, 400), 0);
	assert_int_equal(call(&s, now, 1), -1);
	assert_int_equal(s.err.code, E_overall_budget_exhausted);
	assert_non_null(strstr(s.err.message, "tenant"));
	/* A refusal holds nothing, of any of them. */
	s.tenant.budget_count = 0;
	assert_int_equal(call(&s, now, 500), 0);
	assert_int_equal(call(&s, now, 1), -1);
	assert_non_null(strstr(s.err.message, "token"));
	end(&s);
}

/* A call of the composite mix whose link's alias is dear. */
static int reserve_composite(struct scene *s, int64_t now)
{
	s->spending.model = "mix";
	s->spending.is_link = false;
	if (reserve(s, now) < 0)
		return -1;
	s->spending.model = "dear";
	s->spending.is_link = true;
	return reserve_more(s, now);
}

static void a_link_that_answers_is_charged_and_one_that_does_not_is_not(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	static char model[] = "dear";
	struct budget row = usd_a_day;
	struct scene s;

	(void)state;
	row.model = model;
	begin(&s, row);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(reserve_composite(&s, now), 0);
		assert_int_equal(s.reservation.count, 1);
		budget_settle(s.book, &s.reservation, (struct amount){ 1000, 900 }, i < 2 ? NULL : "dear");
	}
	assert_int_equal(reserve_composite(&s, now), -1);
	assert_int_equal(s.err.code, E_model_quota_exhausted);
	end(&s);
}

static void an_inherited_budget_is_its_owners(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	static char owner[] = "maker";
	struct budget row = usd_a_day;
	struct scene s;

	(void)state;
	row.owner = owner;
	begin(&s, row);
	assert_int_equal(call(&s, now, 1000), 0);
	assert_string_equal(s.gap.owner, "maker");
	assert_string_equal(s.gap.tenant, "");
	memcpy(s.token.id, "u", 2);
	assert_int_equal(call(&s, now, 1), -1);
	/* The maker himself. */
	memcpy(s.token.id, "maker", 6);
	s.rows[0].owner = NULL;
	assert_int_equal(call(&s, now, 1), -1);
	assert_int_equal(s.err.code, E_overall_budget_exhausted);
	end(&s);
}

static void what_is_free_may_be_had_with_nothing_left(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	assert_int_equal(call(&s, now, 1000), 0);
	s.spending.most = (struct amount){ 0, 0 };
	s.spending.is_free = true;
	assert_int_equal(call(&s, now, 0), 0);
	/* What is not free is not had because no use was foreseen. */
	s.spending.is_free = false;
	assert_int_equal(call(&s, now, 0), -1);
	end(&s);
}

static void what_costs_nobody_knows_how_much_is_refused_unless_allowed(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	s.spending.most = (struct amount){ -1, -1 };
	assert_int_equal(call(&s, now, 0), -1);
	assert_int_equal(s.err.code, E_model_not_in_allowlist);
	assert_string_equal(s.err.param, "model");
	s.rows[0].allow_unknown = true;
	assert_int_equal(call(&s, now, 400), 0);
	assert_int_equal(call(&s, now, 600), 0);
	assert_int_equal(call(&s, now, 0), -1);
	assert_int_equal(s.err.code, E_overall_budget_exhausted);
	end(&s);
}

static void budgets_of_others_concern_nobody(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	assert_true(budget_applies(&s.spending));
	s.rows[0].model = (char[]){ "other" };
	assert_false(budget_applies(&s.spending));
	s.spending.token = NULL;
	s.spending.tenant = NULL;
	assert_false(budget_applies(&s.spending));
	assert_int_equal(call(&s, at("2026-11-21T10:00:00Z"), 5000), 0);
	end(&s);
}

static void thousands_of_owners_have_accounts(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			s.token.id[0] = (char)('a' + i % 26);
			s.token.id[1] = (char)('a' + i / 26 % 26);
			s.token.id[2] = (char)('a' + i / 676);
			s.token.id[3] = '\0';
			assert_int_equal(call(&s, now, 1000), round == 0 ? 0 : -1);
		}
	end(&s);
}

enum { THREADS = 8, TRIES = 500 };

struct race {
	struct scene scene;
	_Atomic int64_t spent;
	int64_t now;
};

static void *run(void *arg)
{
	struct race *race = arg;

	for (int i = 0; i < TRIES; i++) {
		struct reservation r = { .count = 0 };
		struct budget_gap gap;
		int result;

		while ((result = budget_reserve(race->scene.book, &race->scene.spending, race->now, &r, &gap,
						NULL)) == 1)
			budget_fill(race->scene.book, &gap, (struct amount){ 0, 0 });
		if (result < 0)
			continue;
		atomic_fetch_add(&race->spent, 7);
		budget_settle(race->scene.book, &r, (struct amount){ 7, 6 }, NULL);
	}
	return NULL;
}

static void a_crowd_cannot_pass_it_by_more_than_was_reserved(void **state)
{
	struct race race = { .now = at("2026-11-21T10:00:00Z") };
	pthread_t threads[THREADS];

	(void)state;
	begin(&race.scene, usd_a_day);
	race.scene.spending.most = (struct amount){ 7, 7 };
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, &race), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(atomic_load(&race.spent), 1000, 1006);
	end(&race.scene);
}

static int64_t reserved_of_token(struct scene *s, int64_t now)
{
	struct budget_state how;
	struct budget_gap gap;

	assert_int_equal(budget_look(s->book, BUDGET_OF_TOKEN, &s->spending, &s->rows[0], now, &how, &gap, NULL), 0);
	return how.reserved;
}

/* The token's budget would let it pass, the tenant's refuses: what another call has reserved stays. */
static void a_call_that_is_refused_half_way_gives_back_nothing_of_others(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct reservation held;
	struct scene s;

	(void)state;
	begin(&s, usd_a_day);
	s.tenant_rows[0] = usd_a_day;
	s.tenant_rows[0].amount_micros = 10;
	s.tenant.budget_count = 1;
	assert_int_equal(call(&s, now, 10), 0);
	s.tenant.budget_count = 0;
	assert_int_equal(reserve_in(&s, &held, now), 0);
	assert_int_equal(reserved_of_token(&s, now), 100);
	s.tenant.budget_count = 1;
	assert_int_equal(reserve(&s, now), -1);
	assert_int_equal(s.reservation.count, 0);
	budget_settle(s.book, &s.reservation, (struct amount){ 100, 90 }, NULL);
	assert_int_equal(reserved_of_token(&s, now), 100);
	budget_settle(s.book, &held, (struct amount){ 100, 90 }, NULL);
	assert_int_equal(reserved_of_token(&s, now), 0);
	end(&s);
}

static void how_one_stands_is_told_without_changing_it(void **state)
{
	int64_t now = at("2026-11-21T10:00:00Z");
	struct budget_state how;
	struct reservation held;
	struct budget_gap gap;
	struct scene s;

	(void)state;
	begin(&s, eur_a_month);
	assert_int_equal(budget_look(s.book, BUDGET_OF_TOKEN, &s.spending, &s.rows[0], now, &how, &gap, NULL), 1);
	assert_string_equal(gap.owner, "t");
	assert_string_equal(gap.tenant, "acme");
	budget_fill(s.book, &gap, (struct amount){ 300, 270 });
	assert_int_equal(reserve_in(&s, &held, now), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(budget_look(s.book, BUDGET_OF_TOKEN, &s.spending, &s.rows[0], now, &how, &gap, NULL),
				 0);
		assert_int_equal(how.spent, 270);
		assert_int_equal(how.reserved, 90);
		assert_int_equal(how.from * day, at("2026-11-01T00:00:00Z"));
		assert_int_equal(how.until * day, at("2026-12-01T00:00:00Z"));
	}
	budget_settle(s.book, &held, (struct amount){ 100, 90 }, NULL);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_settled_counts_not_what_was_reserved),
		cmocka_unit_test(what_failed_costs_nothing),
		cmocka_unit_test(what_is_reserved_holds_others_up_for_a_moment_only),
		cmocka_unit_test(the_last_cent_can_be_used),
		cmocka_unit_test(a_month_is_one_of_the_calendar),
		cmocka_unit_test(a_clock_that_jumps_frees_nothing_and_blocks_for_no_longer_than_a_day),
		cmocka_unit_test(what_is_not_known_any_more_is_asked_of_the_ledger),
		cmocka_unit_test(a_call_counts_for_the_day_in_which_it_began),
		cmocka_unit_test(what_was_spent_before_the_start_counts),
		cmocka_unit_test(all_budgets_of_token_tenant_and_model_must_have_something_left),
		cmocka_unit_test(a_link_that_answers_is_charged_and_one_that_does_not_is_not),
		cmocka_unit_test(an_inherited_budget_is_its_owners),
		cmocka_unit_test(what_is_free_may_be_had_with_nothing_left),
		cmocka_unit_test(what_costs_nobody_knows_how_much_is_refused_unless_allowed),
		cmocka_unit_test(budgets_of_others_concern_nobody),
		cmocka_unit_test(a_call_that_is_refused_half_way_gives_back_nothing_of_others),
		cmocka_unit_test(how_one_stands_is_told_without_changing_it),
		cmocka_unit_test(thousands_of_owners_have_accounts),
		cmocka_unit_test(a_crowd_cannot_pass_it_by_more_than_was_reserved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
