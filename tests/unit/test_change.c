/*
 * The table of changes: each has a number of its own, the last one of a thing counts, and a change
 * that is undone was none.
 */
#include "tests/support/store_stage.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/store/change.h"
#include "common/store/system_prompt.h"
#include "common/store/tenant_config.h"
#include "common/store/tenant_key.h"

/* Numbers depend on the time: those that were heard of are told as 1, 2, ... */
struct listing {
	int64_t after;
	struct buf text;
	int64_t heard[8];
	size_t count;
};

static int print(void *arg, const struct change *c, struct err *err)
{
	static const char *const kinds[] = { "key", "config", "texts" };
	struct listing *l = arg;
	size_t at = 0;

	(void)err;
	while (at < l->count && l->heard[at] != c->number)
		at++;
	if (at == l->count) {
		assert_true(at < ARRAY_LEN(l->heard) && (at == 0 || c->number > l->heard[at - 1]));
		l->heard[l->count++] = c->number;
	}
	return buf_printf(&l->text, "%zu:%s:%s:%s ", at + 1, kinds[c->kind], c->tenant_id, c->name);
}

static int list(struct db *db, void *arg, struct err *err)
{
	struct listing *l = arg;

	return change_list(db, l->after, print, l, err);
}

/* after: as told. */
static void assert_changes(struct store *s, struct listing *l, size_t after, const char *wanted)
{
	l->after = after ? l->heard[after - 1] : 0;
	buf_init(&l->text, 4096);
	assert_int_equal(store_read(s, NULL, list, l, NULL), 0);
	assert_string_equal(buf_str(&l->text), wanted);
	buf_free(&l->text);
}

static int set(struct db *db, void *arg, struct err *err)
{
	const struct tenant_config row = {
		.tenant_id = span_str(arg), .key = SPAN_LIT("memory_inject"), .value = SPAN_LIT("true"),
		.updated_by = SPAN_LIT("me"), .updated_ms = 1,
	};

	return tenant_config_put(db, &row, err);
}

static int set_and_fail(struct db *db, void *arg, struct err *err)
{
	return set(db, arg, err) < 0 ? -1 : err_set(err, E_internal_error, "", "no");
}

static int drop(struct db *db, void *arg, struct err *err)
{
	return tenant_config_delete(db, arg, NULL, err);
}

static struct tenant_key key_of(const char *tenant, const char *id)
{
	struct tenant_key k = { .version = 1, .created_ms = 1 };

	snprintf(k.tenant_id, sizeof k.tenant_id, "%s", tenant);
	snprintf(k.id, sizeof k.id, "%s", id);
	snprintf(k.prefix, sizeof k.prefix, "spass_");
	memcpy(k.digest, id, strlen(id));
	k.role = mem_strdup("tenant_user");
	return k;
}

static int make_key(struct db *db, void *arg, struct err *err)
{
	struct tenant_key k = key_of("acme", arg);
	int result = tenant_key_insert(db, &k, err);

	tenant_key_clear(&k);
	return result;
}

static int revoke_key(struct db *db, void *arg, struct err *err)
{
	struct tenant_key k = key_of("acme", arg);
	int found;

	k.version = 2;
	k.revoked_ms = 5;
	found = tenant_key_update(db, &k, err);
	tenant_key_clear(&k);
	return found < 0 ? -1 : 0;
}

static void each_change_is_told_once_by_its_last_number(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct listing l = { .count = 0 };
	char acme[] = "acme", beta[] = "beta", first[] = "k1", nobody[] = "k9";

	assert_changes(s, &l, 0, "");
	assert_int_equal(store_write(s, make_key, first, NULL), 0);
	assert_int_equal(store_write(s, set, acme, NULL), 0);
	assert_int_equal(store_write(s, set, beta, NULL), 0);
	assert_changes(s, &l, 0, "1:key:acme:k1 2:config:acme: 3:config:beta: ");
	assert_int_equal(store_write(s, drop, acme, NULL), 0);
	assert_int_equal(store_write(s, revoke_key, first, NULL), 0);
	assert_changes(s, &l, 0, "3:config:beta: 4:config:acme: 5:key:acme:k1 ");
	assert_changes(s, &l, 4, "5:key:acme:k1 ");
	assert_changes(s, &l, 5, "");
	/* What was not kept, and a key that is not there. */
	assert_int_equal(store_write(s, set_and_fail, beta, NULL), -1);
	assert_int_equal(store_write(s, revoke_key, nobody, NULL), 0);
	assert_changes(s, &l, 5, "");
	store_close(s);
}

static int change_texts(struct db *db, void *arg, struct err *err)
{
	const struct owner ada = { "acme", "", "ada" }, grace = { "acme", "lab", "grace" };

	(void)arg;
	if (memory_put(db, &ada, SPAN_LIT("town"), SPAN_LIT("Paris"), false, 1, err) < 0 ||
	    system_prompt_put(db, &grace, LAYER_user, SPAN_LIT("Short."), NULL, "me", 1, err) < 0 ||
	    system_prompt_put(db, &grace, LAYER_tenant, SPAN_LIT("Kind."), NULL, "me", 1, err) < 0 ||
	    system_prompt_delete(db, &grace, LAYER_user, err) < 0)
		return -1;
	assert_int_equal(memory_delete(db, &grace, SPAN_LIT("town"), NULL), -1);
	return memory_delete(db, &ada, SPAN_LIT("town"), err);
}

static void texts_are_their_users_or_the_whole_tenants(void **state)
{
	struct store *s = open_store(*state);
	struct listing l = { .count = 0 };
	const char *scope, *user;
	char one[] = "lab\ngrace", all[] = "";

	assert_int_equal(store_write(s, change_texts, NULL, NULL), 0);
	assert_changes(s, &l, 0, "1:texts:acme: 2:texts:acme:lab\ngrace 3:texts:acme:\nada ");
	change_texts_of(one, &scope, &user);
	assert_string_equal(scope, "lab");
	assert_string_equal(user, "grace");
	change_texts_of(all, &scope, &user);
	assert_null(user);
	store_close(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_change_is_told_once_by_its_last_number, fixture_make,
						fixture_remove),
		cmocka_unit_test_setup_teardown(texts_are_their_users_or_the_whole_tenants, fixture_make,
						fixture_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
