/*
 * tests/unit/test_migrate.c - schema files are applied once, in order, as a whole.
 */
#include "tests/support/store_stage.h"

#include <string.h>

#include "common/store/db.h"
#include "common/store/migrate.h"

static void migrations_are_applied_once_and_in_order(void **state)
{
	static const struct asset first[] = {
		{ "s/0001-a.sql", "CREATE TABLE a (x INTEGER);", 27 },
		{ "other/0007-z.sql", "nonsense", 8 },
		{ NULL, NULL, 0 },
	};
	static const struct asset second[] = {
		{ "s/0003-c.sql", "INSERT INTO a (x) VALUES (3);", 29 },
		{ "s/0001-a.sql", "CREATE TABLE a (x INTEGER);", 27 },
		{ "s/0002-b.sql", "ALTER TABLE a ADD COLUMN y INTEGER;", 35 },
		{ NULL, NULL, 0 },
	};
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);
	int64_t value;

	assert_non_null(db);
	assert_int_equal(migrate(db, first, "s/", &err), 0);
	assert_int_equal(migrate(db, first, "s/", &err), 0);
	assert_int_equal(migrate(db, second, "s/", &err), 0);
	assert_int_equal(db_number(db, "PRAGMA user_version", &value, &err), 0);
	assert_int_equal(value, 3);
	assert_int_equal(db_number(db, "SELECT count(*) FROM a WHERE x = 3 AND y IS NULL", &value,
				   &err),
			 0);
	assert_int_equal(value, 1);
	assert_int_equal(migrate(db, first, "s/", &err), -1);
	assert_non_null(strstr(err.message, "newer"));
	db_close(db);
}

static void a_broken_migration_leaves_no_trace(void **state)
{
	static const struct asset table[] = {
		{ "s/0001-a.sql", "CREATE TABLE a (x INTEGER); CREATE TABLE b (", 44 },
		{ NULL, NULL, 0 },
	};
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);
	int64_t value;

	assert_int_equal(migrate(db, table, "s/", &err), -1);
	assert_non_null(strstr(err.message, "s/0001-a.sql"));
	assert_int_equal(db_number(db, "SELECT count(*) FROM sqlite_master", &value, &err), 0);
	assert_int_equal(value, 0);
	assert_int_equal(db_number(db, "PRAGMA user_version", &value, &err), 0);
	assert_int_equal(value, 0);
	db_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(migrations_are_applied_once_and_in_order),
		TEST(a_broken_migration_leaves_no_trace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
