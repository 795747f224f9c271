/*
 * The table of tenants' keys: those that were revoked are counted apart and go after a time, and what
 * a key spent is its maker's.
 */
#include "tests/support/store_stage.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/store/tenant_key.h"
#include "common/store/usage_spent.h"

static void add(struct db *db, const char *tenant, const char *id, const char *maker, int64_t revoked_ms)
{
	struct tenant_key k = { .version = 1, .created_ms = 1, .revoked_ms = revoked_ms };
	struct err err = ERR_INIT;

	snprintf(k.tenant_id, sizeof k.tenant_id, "%s", tenant);
	snprintf(k.id, sizeof k.id, "%s", id);
	snprintf(k.created_by, sizeof k.created_by, "%s", maker);
	memcpy(k.digest, id, strlen(id));
	k.role = mem_strdup("tenant_user");
	assert_int_equal(tenant_key_insert(db, &k, &err), 0);
	tenant_key_clear(&k);
}

static void assert_counts(struct db *db, const char *tenant, int64_t all, int64_t revoked)
{
	int64_t count = -1;

	assert_int_equal(tenant_key_count(db, tenant, &count, NULL), 0);
	assert_int_equal(count, all);
	assert_int_equal(tenant_key_count_revoked(db, tenant, &count, NULL), 0);
	assert_int_equal(count, revoked);
}

static int keep_keys(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	add(db, "acme", "k1", "t", 0);
	add(db, "acme", "k2", "t", 5);
	add(db, "acme", "k3", "t", 9);
	add(db, "beta", "k4", "t", 5);
	assert_counts(db, "acme", 3, 2);
	assert_int_equal(tenant_key_prune(db, "acme", 9, err), 0);
	assert_counts(db, "acme", 2, 1);
	assert_counts(db, "beta", 1, 1);
	return 0;
}

static void what_was_revoked_is_counted_apart_and_goes(void **state)
{
	struct store *s = open_store(*state);

	assert_int_equal(store_write(s, keep_keys, NULL, NULL), 0);
	store_close(s);
}

static int keep_makers(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	add(db, "acme", "maker", "t", 5);
	add(db, "acme", "made", "maker", 6);
	add(db, "acme", "alive", "made", 0);
	add(db, "acme", "childless", "t", 5);
	assert_int_equal(tenant_key_prune(db, "acme", 9, err), 0);
	assert_counts(db, "acme", 3, 2);
	if (db_exec(db, "UPDATE tenant_key SET revoked_at = 7 WHERE id = 'alive'", err) < 0)
		return -1;
	assert_int_equal(tenant_key_prune(db, "acme", 9, err), 0);
	assert_counts(db, "acme", 0, 0);
	return 0;
}

static void a_revoked_maker_stays_while_a_key_of_its_line_does(void **state)
{
	struct store *s = open_store(*state);

	assert_int_equal(store_write(s, keep_makers, NULL, NULL), 0);
	store_close(s);
}

static int spend_some(struct db *db, void *arg, struct err *err)
{
	static const char day[] = "INSERT INTO usage_day VALUES ('acme', 7, 'u', '%s', '%s', 1, 0, 0, 0, 0, %d, 1, 0, 0, 0)";
	static const struct {
		const char *token, *model;
		int usd;
	} rows[] = { { "t", "mix", 1 }, { "k1", "mix", 10 }, { "k2", "dear", 100 }, { "else", "mix", 1000 } };
	char sql[256];

	(void)arg;
	add(db, "acme", "k1", "t", 0);
	add(db, "acme", "k2", "k1", 5);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		snprintf(sql, sizeof sql, day, rows[i].token, rows[i].model, rows[i].usd);
		if (db_exec(db, sql, err) < 0)
			return -1;
	}
	/* Of the ten, four were for dear, one of them estimated. */
	return db_exec(db, "INSERT INTO usage_link_day VALUES ('acme', 7, 'k1', 'dear', 3, 1, 1, 0)", err);
}

static void what_keys_spent_is_their_makers_by_every_name_of_a_model(void **state)
{
	static const struct {
		const char *tenant, *token, *model;
		int64_t usd;
	} rows[] = {
		{ NULL, "t", NULL, 111 },     { "acme", "t", NULL, 111 }, { NULL, "k1", NULL, 110 },
		{ NULL, "k2", NULL, 100 },    { NULL, "t", "mix", 11 },	  { NULL, "t", "dear", 104 },
		{ "acme", NULL, NULL, 1111 }, { "acme", NULL, "dear", 104 }, { "beta", "t", NULL, 0 },
	};
	struct store *s = open_store(*state);

	assert_int_equal(store_write(s, spend_some, NULL, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct usage_spent spent = {
			.tenant_id = rows[i].tenant, .token_id = rows[i].token, .model = rows[i].model,
			.from = 7, .to = 7,
		};

		assert_int_equal(store_read(s, NULL, usage_spent_read, &spent, NULL), 0);
		assert_int_equal(spent.usd, rows[i].usd);
	}
	store_close(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_revoked_is_counted_apart_and_goes, fixture_make,
						fixture_remove),
		cmocka_unit_test_setup_teardown(a_revoked_maker_stays_while_a_key_of_its_line_does, fixture_make,
						fixture_remove),
		cmocka_unit_test_setup_teardown(what_keys_spent_is_their_makers_by_every_name_of_a_model,
						fixture_make, fixture_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
