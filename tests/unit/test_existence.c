/*
 * tests/unit/test_existence.c - what is another's costs the database as much as what nobody has.
 *
 * Clocks are noisy; the steps of SQLite's programs and the pages they look at are not.
 */
#include "common/store/conversation.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/store/db_inside.h"
#include "common/store/images.h"
#include "common/store/memory.h"
#include "common/store/tenant_key.h"
#include "tests/support/store_stage.h"

enum { OTHERS = 300 };

static const struct conversation_owner mine = { "acme", "ada" }, whole = { "acme", NULL },
				       theirs = { "other", "ada" };

/* ---- what it costs ---- */

struct cost {
	int steps, pages;
};

static struct cost spent(struct db *db)
{
	sqlite3 *handle = db->handle;
	struct cost c = { 0, 0 };
	int value, highest;

	for (sqlite3_stmt *st = sqlite3_next_stmt(handle, NULL); st; st = sqlite3_next_stmt(handle, st))
		c.steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0);
	sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_HIT, &value, &highest, 0);
	c.pages = value;
	sqlite3_db_status(handle, SQLITE_DBSTATUS_CACHE_MISS, &value, &highest, 0);
	c.pages += value;
	return c;
}

typedef void lookup(struct db *db, const char *id);

static struct cost cost_of(struct db *db, lookup *look, const char *id)
{
	struct cost before, after;

	look(db, id); /* prepares the statement */
	before = spent(db);
	look(db, id);
	after = spent(db);
	return (struct cost){ after.steps - before.steps, after.pages - before.pages };
}

static void expect_alike(struct db *db, const char *what, lookup *look, const char *theirs_id,
			 const char *nobodys_id)
{
	struct cost a = cost_of(db, look, theirs_id), b = cost_of(db, look, nobodys_id);

	if (a.steps != b.steps || a.pages != b.pages)
		fail_msg("%s: another's takes %d steps and %d pages, nobody's %d and %d", what, a.steps,
			 a.pages, b.steps, b.pages);
}

/* ---- conversations ---- */

static void add(struct fixture *f, const struct conversation_owner *owner, const char *id)
{
	struct message_row m = { .role = SPAN_LIT("user"), .text = SPAN_LIT("hello"), .prompt_tokens = -1,
				 .completion_tokens = -1 };
	struct conversation_addition a = { .owner = *owner, .id = id, .is_new = true, .title = SPAN_LIT("t"),
					   .model = SPAN_LIT("m"), .now_ms = 1, .messages = &m, .count = 1 };
	struct err err = ERR_INIT;

	assert_int_equal(conversation_add(f->db, &a, &err), 0);
}

static void find_as_user(struct db *db, const char *id)
{
	struct conversation_row row;
	struct err err = ERR_INIT;

	assert_int_equal(conversation_find(db, &mine, span_str(id), &row, &err), 0);
}

static void find_as_administrator(struct db *db, const char *id)
{
	struct conversation_row row;
	struct err err = ERR_INIT;

	assert_int_equal(conversation_find(db, &whole, span_str(id), &row, &err), 0);
}

static int no_row(void *arg, const struct conversation_row *row, struct err *err)
{
	(void)arg;
	(void)row;
	(void)err;
	fail_msg("a row that is another's");
	return -1;
}

static void list(struct db *db, const struct conversation_owner *owner, const char *prefix)
{
	struct err err = ERR_INIT;
	int64_t total;

	assert_int_equal(conversation_list(db, owner, span_str(prefix), 10, 0, no_row, NULL, &total, &err), 0);
	assert_int_equal(total, 0);
}

static void list_as_user(struct db *db, const char *prefix)
{
	list(db, &mine, prefix);
}

static void list_as_administrator(struct db *db, const char *prefix)
{
	list(db, &whole, prefix);
}

static void another_tenants_conversations_cost_nothing(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];

	for (int i = 0; i < OTHERS; i++) {
		snprintf(id, sizeof id, "conv_5%03d", i);
		add(f, &theirs, id);
	}
	expect_alike(f->db, "a look", find_as_user, "conv_5077", "conv_5077x");
	expect_alike(f->db, "an administrator's look", find_as_administrator, "conv_5077", "conv_5077x");
	expect_alike(f->db, "the whole id as a prefix", list_as_user, "conv_5077", "conv_5077x");
	expect_alike(f->db, "a prefix of many", list_as_user, "conv_5", "conv_7");
	expect_alike(f->db, "an administrator's prefix", list_as_administrator, "conv_5", "conv_7");
}

/* Nor does what another user of the tenant has, when its id is known. */
static void another_users_conversation_costs_nothing(void **state)
{
	const struct conversation_owner bob = { "acme", "bob" };
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];

	for (int i = 0; i < OTHERS; i++) {
		snprintf(id, sizeof id, "conv_5%03d", i);
		add(f, &bob, id);
	}
	expect_alike(f->db, "a look", find_as_user, "conv_5077", "conv_5077x");
}

/* ---- the others ---- */

static void get_key(struct db *db, const char *id)
{
	struct tenant_key key = { .version = 0 };
	struct err err = ERR_INIT;

	assert_int_equal(tenant_key_get(db, "acme", id, &key, &err), 0);
}

static void another_tenants_key_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	for (int i = 0; i < OTHERS; i++) {
		struct tenant_key key = { .tenant_id = "other", .role = mem_strdup("readonly"), .created_ms = 1,
					  .version = 1 };

		snprintf(key.id, sizeof key.id, "key_5%03d", i);
		memcpy(key.digest, key.id, 8);
		assert_int_equal(tenant_key_insert(f->db, &key, &err), 0);
		tenant_key_clear(&key);
	}
	expect_alike(f->db, "a key", get_key, "key_5077", "key_5077x");
}

static int no_image(void *context, const struct image_row *i)
{
	(void)context;
	(void)i;
	return -1;
}

static void get_image(struct db *db, const char *id)
{
	struct err err = ERR_INIT;

	assert_int_equal(images_get(db, "acme", span_str(id), no_image, NULL, &err), -1);
	assert_int_equal(err.code, E_image_not_found);
}

static void find_blob(struct db *db, const char *digest)
{
	struct err err = ERR_INIT;
	int64_t blob;

	assert_int_equal(images_find_blob(db, "acme", span_str(digest), &blob, &err), 0);
	assert_int_equal(blob, 0);
}

static void another_tenants_image_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	if (db_exec(f->db,
		    "WITH RECURSIVE n(i) AS (SELECT 100 UNION SELECT i + 1 FROM n WHERE i < 400)"
		    " INSERT INTO image_blob SELECT i, 'other', 'digest5' || i, 'image/png', 0, 1, 1 FROM n;"
		    "INSERT INTO image SELECT 'other', 'img_5' || number, number, 1 FROM image_blob",
		    &err) < 0)
		fail_msg("%s", err.message);
	expect_alike(f->db, "an image", get_image, "img_5177", "img_5177x");
	expect_alike(f->db, "an image's digest", find_blob, "digest5177", "digest5177x");
}

static int no_memory(void *context, const struct memory *m)
{
	(void)context;
	(void)m;
	return -1;
}

static void get_memory(struct db *db, const char *name)
{
	const struct owner o = { "acme", "", "ada" };
	struct err err = ERR_INIT;

	assert_int_equal(memory_get(db, &o, span_str(name), no_memory, NULL, &err), -1);
	assert_int_equal(err.code, E_memory_not_found);
}

static void another_users_memory_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	if (db_exec(f->db,
		    "WITH RECURSIVE n(i) AS (SELECT 100 UNION SELECT i + 1 FROM n WHERE i < 400)"
		    " INSERT INTO memory SELECT 'acme', '', 'bob', 'note' || i, 'x', 1, 1 FROM n",
		    &err) < 0)
		fail_msg("%s", err.message);
	expect_alike(f->db, "a memory", get_memory, "note177", "note177x");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_db, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_tenants_conversations_cost_nothing),
		TEST(another_users_conversation_costs_nothing),
		TEST(another_tenants_key_costs_nothing),
		TEST(another_tenants_image_costs_nothing),
		TEST(another_users_memory_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
