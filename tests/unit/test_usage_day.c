/*
 * tests/unit/test_usage_day.c - sums by day: one row a user and more for nobody past a number of users.
 */
#include "tests/support/store_stage.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/store/usage_day.h"

/* One call of ten tokens. */
static void use(struct fixture *f, const char *tenant, int64_t day, const char *user, const char *model, int64_t users_max)
{
	static const struct usage_sum one = { .requests = 1, .prompt_tokens = 10, .cost_billed_usd = 3 };
	const struct record r = { .tenant_id = tenant, .user_id = user, .token_id = "t", .model = model, .link_model = "" };
	struct usage_batch *b = usage_batch_new();

	usage_batch_begin(b, 1);
	usage_batch_add(b, &r, day, &one);
	if (usage_batch_write(b, f->db, users_max, &f->err) < 0)
		fail_msg("%s", f->err.message);
	usage_batch_free(b);
}

static int64_t ask(struct fixture *f, const char *sql)
{
	int64_t value = -1;

	if (db_number(f->db, sql, &value, &f->err) < 0)
		fail_msg("%s", f->err.message);
	return value;
}

static void past_the_number_all_new_users_are_one(void **state)
{
	struct fixture *f = *state;
	char user[16];

	for (int i = 0; i < 50; i++) {
		snprintf(user, sizeof user, "u%d", i);
		use(f, "acme", 7, user, "mock", 3);
	}
	use(f, "acme", 7, "u1", "mock", 3);
	/* Who has a row has one of another model, too; who has none has none there either. */
	use(f, "acme", 7, "u2", "dear", 3);
	use(f, "acme", 7, "u49", "dear", 3);
	assert_int_equal(ask(f, "SELECT count(*) FROM usage_day"), 3 + 1 + 1 + 1);
	assert_int_equal(ask(f, "SELECT requests FROM usage_day WHERE user_id = 'u1'"), 2);
	assert_int_equal(ask(f, "SELECT requests FROM usage_day WHERE user_id = '(others)' AND model = 'mock'"), 47);
	assert_int_equal(ask(f, "SELECT requests FROM usage_day WHERE user_id = '(others)' AND model = 'dear'"), 1);
	/* Nothing is lost. */
	assert_int_equal(ask(f, "SELECT sum(requests) FROM usage_day"), 53);
	assert_int_equal(ask(f, "SELECT sum(cost_billed_usd) FROM usage_day"), 3 * 53);
	assert_int_equal(ask(f, "SELECT sum(prompt_tokens) FROM usage_day"), 530);
}

static void each_tenant_and_day_has_its_own_number_and_none_is_no_limit(void **state)
{
	struct fixture *f = *state;
	char user[16];

	for (int i = 0; i < 20; i++) {
		snprintf(user, sizeof user, "u%d", i);
		use(f, "acme", 7, user, "mock", 5);
		use(f, "acme", 8, user, "mock", 5);
		use(f, "beta", 7, user, "mock", 0);
	}
	assert_int_equal(ask(f, "SELECT count(*) FROM usage_day WHERE tenant_id = 'acme' AND day = 7"), 6);
	assert_int_equal(ask(f, "SELECT count(*) FROM usage_day WHERE tenant_id = 'acme' AND day = 8"), 6);
	assert_int_equal(ask(f, "SELECT count(*) FROM usage_day WHERE tenant_id = 'beta'"), 20);
	/* A limit that comes later counts those that are there. */
	use(f, "beta", 7, "late", "mock", 20);
	assert_int_equal(ask(f, "SELECT count(*) FROM usage_day WHERE tenant_id = 'beta' AND user_id = '(others)'"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_db, fixture_remove)
	static const struct CMUnitTest tests[] = {
		TEST(past_the_number_all_new_users_are_one),
		TEST(each_tenant_and_day_has_its_own_number_and_none_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
