/* tests/unit/test_keyring.c - keys: found at once, changed without those who still read noticing. */
#include "common/tenant/keyring.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void digest_of(const char *secret, uint8_t digest[DIGEST_SIZE])
{
	digest_sha256(span_str(secret), digest);
}

static const struct token *bearer(const struct keyring *k, const char *secret)
{
	uint8_t digest[DIGEST_SIZE];

	digest_of(secret, digest);
	return keyring_find(k, digest);
}

static struct tenant_key row_of(const char *id, const char *secret)
{
	struct tenant_key row = { .role = (char *)(uintptr_t) "tenant_user", .version = 1 };

	snprintf(row.id, sizeof row.id, "%s", id);
	snprintf(row.tenant_id, sizeof row.tenant_id, "acme");
	digest_of(secret, row.digest);
	return row;
}

static struct keyring *with(struct keyring *k, const struct tenant_key *row)
{
	struct err err = ERR_INIT;
	struct keyring *next = keyring_with(k, row, &err);

	if (!next)
		fail_msg("%s", err.message);
	return next;
}

static void a_change_is_in_the_new_one_alone(void **state)
{
	struct keyring *none = keyring_new(), *one, *gone;
	struct tenant_key row = row_of("key_a", "s");

	(void)state;
	one = with(none, &row);
	row.revoked_ms = 5;
	row.version = 2;
	gone = with(one, &row);
	assert_null(bearer(none, "s"));
	assert_int_equal(bearer(one, "s")->revoked_ms, 0);
	assert_int_equal(bearer(gone, "s")->revoked_ms, 5);
	assert_string_equal(bearer(gone, "s")->tenant, "acme");
	assert_true(bearer(one, "s")->is_key);
	keyring_unref(none);
	keyring_unref(one);
	keyring_unref(gone);
}

static void an_older_row_changes_nothing(void **state)
{
	struct tenant_key row = row_of("key_a", "new");
	struct keyring *none = keyring_new(), *one, *same;

	(void)state;
	row.version = 3;
	one = with(none, &row);
	row = row_of("key_a", "old");
	row.version = 2;
	same = with(one, &row);
	assert_null(bearer(same, "old"));
	assert_non_null(bearer(same, "new"));
	keyring_unref(none);
	keyring_unref(one);
	keyring_unref(same);
}

static void an_old_secret_lasts_as_long_as_its_grace(void **state)
{
	struct tenant_key row = row_of("key_a", "second");
	struct keyring *none = keyring_new(), *one, *two;

	(void)state;
	row.has_old = true;
	row.old_until_ms = 1000;
	row.expires_ms = 5000;
	digest_of("first", row.old_digest);
	one = with(none, &row);
	assert_int_equal(bearer(one, "first")->expires_ms, 1000);
	assert_int_equal(bearer(one, "second")->expires_ms, 5000);
	assert_string_equal(bearer(one, "first")->id, bearer(one, "second")->id);
	row = row_of("key_a", "third");
	row.version = 2;
	two = with(one, &row);
	assert_null(bearer(two, "first"));
	assert_null(bearer(two, "second"));
	assert_non_null(bearer(two, "third"));
	keyring_unref(none);
	keyring_unref(one);
	keyring_unref(two);
}

static void scopes_and_constraints_are_the_rows(void **state)
{
	struct tenant_key row = row_of("key_a", "s");
	struct keyring *none = keyring_new(), *one;

	(void)state;
	row.extra_scopes = (char *)(uintptr_t) "keys:read usage:read";
	row.deny_scopes = (char *)(uintptr_t) "chat:exec";
	row.constraints = (char *)(uintptr_t) "{\"models\":[\"m\"],\"max_tokens\":7}";
	one = with(none, &row);
	assert_true(bearer(one, "s")->scopes & SCOPE_BIT(keys_read));
	assert_false(bearer(one, "s")->scopes & SCOPE_BIT(chat_exec));
	assert_int_equal(bearer(one, "s")->constraints->max_tokens, 7);
	assert_string_equal(bearer(one, "s")->constraints->models.items[0], "m");
	keyring_unref(none);
	keyring_unref(one);
}

static void a_row_that_makes_no_sense_is_refused(void **state)
{
	struct keyring *none = keyring_new();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct tenant_key row = row_of("key_a", "s");
		struct err err = ERR_INIT;

		if (i == 0)
			row.role = (char *)(uintptr_t) "king";
		if (i == 1)
			row.extra_scopes = (char *)(uintptr_t) "rule:all";
		if (i == 2)
			row.constraints = (char *)(uintptr_t) "{\"max_tokens\":\"x\"}";
		assert_null(keyring_with(none, &row, &err));
		assert_int_equal(err.code, E_storage_error);
	}
	keyring_unref(none);
}

static void many_are_each_found(void **state)
{
	enum { COUNT = 5000 };
	struct keyring *k = keyring_new();
	struct err err = ERR_INIT;
	char name[32];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		struct tenant_key row;

		snprintf(name, sizeof name, "key_%d", i);
		row = row_of(name, name);
		assert_int_equal(keyring_load(k, &row, &err), 0);
	}
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "key_%d", i);
		assert_string_equal(bearer(k, name)->id, name);
	}
	assert_null(bearer(k, "key_5000"));
	keyring_unref(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_in_the_new_one_alone),
		cmocka_unit_test(an_older_row_changes_nothing),
		cmocka_unit_test(an_old_secret_lasts_as_long_as_its_grace),
		cmocka_unit_test(scopes_and_constraints_are_the_rows),
		cmocka_unit_test(a_row_that_makes_no_sense_is_refused),
		cmocka_unit_test(many_are_each_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
