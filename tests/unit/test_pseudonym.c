/*
 * tests/unit/test_pseudonym.c - names that stand for users, and the audit lines they stand in.
 */
#include "common/store/pseudonym.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/store.h"
#include "tests/support/store_stage.h"
#include "tests/support/tree.h"

static struct pseudonyms *open_key(const char *path)
{
	struct err err = ERR_INIT;
	struct pseudonyms *p = pseudonyms_open(path, &err);

	if (!p)
		fail_msg("%s", err.message);
	return p;
}

static void a_pseudonym_is_an_hmac_of_tenant_and_user(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	char name[PSEUDONYM_SIZE], want[DIGEST_HEX_SIZE];
	uint8_t digest[DIGEST_SIZE];
	struct pseudonyms *p;

	assert_int_equal(file_write(f->key, SPAN_LIT("a key that is long enough for this\n"), &err), 0);
	p = open_key(f->key);
	pseudonym_make(p, "acme", "ada", name);
	digest_hmac_sha256(SPAN_LIT("a key that is long enough for this"), span_of("acme\0ada", 8),
			   digest);
	digest_hex(digest, sizeof digest, want);
	assert_int_equal(strlen(name), 16);
	assert_memory_equal(name, want, 16);
	pseudonyms_free(p);
}

static void names_differ_by_tenant_user_and_key_and_last(void **state)
{
	static const char *const who[][2] = {
		{ "acme", "ada" }, { "acme", "adb" }, { "other", "ada" }, { "acmea", "da" }, { "", "acmeada" },
	};
	struct fixture *f = *state;
	char names[ARRAY_LEN(who)][PSEUDONYM_SIZE], again[PSEUDONYM_SIZE];
	struct pseudonyms *p = open_key(f->key);
	struct stat st;

	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		pseudonym_make(p, who[i][0], who[i][1], names[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	}
	pseudonyms_free(p);
	p = open_key(f->key);
	pseudonym_make(p, "acme", "ada", again);
	assert_string_equal(again, names[0]);
	pseudonyms_free(p);
	unlink(f->key);
	p = open_key(f->key);
	pseudonym_make(p, "acme", "ada", again);
	assert_string_not_equal(again, names[0]);
	pseudonyms_free(p);
}

static void a_key_that_is_none_is_refused_and_kept(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(file_write(f->key, SPAN_LIT("\n"), &err), 0);
	assert_null(pseudonyms_open(f->key, &err));
	assert_int_equal(err.code, E_storage_error);
	assert_non_null(strstr(err.message, "holds no key"));
	assert_int_equal(stat(f->key, &st), 0);
	assert_int_equal(st.st_size, 1);
	assert_null(pseudonyms_open("/nowhere/audit.key", &err));
}

static int read_user(struct db *db, void *arg, struct err *err)
{
	return db_number(db, "SELECT count(*) FROM usage WHERE user_id = 'ada-lovelace'", arg, err);
}

static void the_audit_has_the_pseudonym_and_the_rows_the_user(void **state)
{
	struct fixture *f = *state;
	struct store_options options = { .database = f->database, .usage = true, .audit = f->audit,
					 .audit_key = f->key, .audit_max_bytes = MIB };
	struct record r = { .ts_ms = 1, .request_id = "r", .surface = "v1", .tenant_id = "acme",
			    .user_id = "ada-lovelace", .pseudonymous = true };
	struct err err = ERR_INIT;
	struct store *s = store_open(&options, &err);
	char name[PSEUDONYM_SIZE], *text;
	struct pseudonyms *p;
	int64_t rows = 0;

	assert_non_null(s);
	push_record(s, &r);
	store_flush(s);
	text = tree_read(f->audit);
	p = open_key(f->key);
	pseudonym_make(p, "acme", "ada-lovelace", name);
	assert_null(strstr(text, "ada-lovelace"));
	assert_non_null(strstr(text, name));
	assert_int_equal(store_read(s, NULL, read_user, &rows, &err), 0);
	assert_int_equal(rows, 1);
	mem_free(text);
	pseudonyms_free(p);

	r.pseudonymous = false;
	push_record(s, &r);
	store_flush(s);
	text = tree_read(f->audit);
	assert_non_null(strstr(text, "\"user_id\":\"ada-lovelace\""));
	mem_free(text);
	store_close(s);
}

static void without_a_key_a_line_is_lost_rather_than_a_name_told(void **state)
{
	struct fixture *f = *state;
	struct store_options options = { .database = f->database, .usage = true, .audit = f->audit,
					 .audit_key = "/nowhere/audit.key", .audit_max_bytes = MIB };
	struct record r = { .ts_ms = 1, .request_id = "r", .surface = "v1", .user_id = "ada-lovelace",
			    .pseudonymous = true };
	struct err err = ERR_INIT;
	struct store *s = store_open(&options, &err);
	char *text;

	assert_non_null(s);
	push_record(s, &r);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	store_close(s);
	text = tree_read(f->audit);
	assert_string_equal(text, "");
	mem_free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pseudonym_is_an_hmac_of_tenant_and_user),
		TEST(names_differ_by_tenant_user_and_key_and_last),
		TEST(a_key_that_is_none_is_refused_and_kept),
		TEST(the_audit_has_the_pseudonym_and_the_rows_the_user),
		TEST(without_a_key_a_line_is_lost_rather_than_a_name_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
