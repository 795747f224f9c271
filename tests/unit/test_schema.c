/*
 * tests/unit/test_schema.c - every released schema opens in this program with its rows intact, and
 * none of its steps has been edited since.
 *
 * tests/data/schema/released lists the steps that have been released, with their digests, as
 * sha256sum prints them; NNNN.sql beside it is a database of each.  A release adds its own.
 */
#include "common/store/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "common/store/store.h"
#include "tests/support/store_stage.h"
#include "tests/support/tree.h"

#define DATA "tests/data/schema/"

enum { TABLES_MAX = 64 };

/* ---- released steps ---- */

/* Of the next line of *list; false at its end. */
static bool next_released(struct span *list, char digest[DIGEST_HEX_SIZE], struct span *path)
{
	struct span line = span_cut(list, '\n');

	if (line.len < DIGEST_HEX_SIZE + 1)
		return false;
	memcpy(digest, line.ptr, DIGEST_HEX_SIZE - 1);
	digest[DIGEST_HEX_SIZE - 1] = '\0';
	*path = span_from(line, DIGEST_HEX_SIZE + 1);
	return true;
}

static const struct asset *find_asset(struct span path)
{
	for (const struct asset *a = asset_table; a->path; a++)
		if (span_is(path, a->path))
			return a;
	return NULL;
}

static void no_released_step_was_edited(void **state)
{
	char *list = tree_read(DATA "released"), digest[DIGEST_HEX_SIZE], now[DIGEST_HEX_SIZE];
	struct span rest = span_str(list), path;
	uint8_t bytes[DIGEST_SIZE];
	int count = 0;

	(void)state;
	for (; next_released(&rest, digest, &path); count++) {
		const struct asset *step = find_asset(path);

		if (!step)
			fail_msg("%.*s was released and is gone", SPAN_ARGS(path));
		digest_sha256(span_str(step ? step->data : ""), bytes);
		digest_hex(bytes, sizeof bytes, now);
		if (strcmp(now, digest) != 0)
			fail_msg("%.*s was edited after its release; write a further step instead",
				 SPAN_ARGS(path));
	}
	assert_true(count >= 4);
	mem_free(list);
}

/* ---- old databases ---- */

/* A table, and a text that stands for all its rows: the columns it has now, in their order. */
struct table {
	char *name, *sql, *rows;
};

struct tables {
	struct table list[TABLES_MAX];
	size_t count;
};

static struct db_statement *prepare(struct db *db, const char *sql)
{
	struct err err = ERR_INIT;
	struct db_statement *st = db_prepare(db, sql, &err);

	if (!st)
		fail_msg("%s: %s", sql, err.message);
	return st;
}

static char *text_of(struct db *db, const char *sql)
{
	struct db_statement *st = prepare(db, sql);
	struct err err = ERR_INIT;
	char *text;

	if (db_next(st, &err) != 1)
		fail_msg("%s: %s", sql, err.message);
	text = db_str(st, 0);
	db_finish(st);
	return text;
}

/* SELECT of all rows, quoted, one a line, in any order that stays. */
static char *rows_sql(struct db *db, const char *table)
{
	char *list = mem_printf("SELECT group_concat('quote(' || name || ')', ' || ''|'' || ')"
				" FROM pragma_table_info('%s')",
				table);
	char *columns = text_of(db, list), *sql;

	sql = mem_printf("SELECT coalesce(group_concat(line, char(10)), '')"
			 " FROM (SELECT %s AS line FROM %s ORDER BY 1)",
			 columns, table);
	mem_free(columns);
	mem_free(list);
	return sql;
}

static void note_tables(struct db *db, struct tables *t)
{
	struct db_statement *st = prepare(db, "SELECT name FROM sqlite_master WHERE type = 'table' AND"
					      " name NOT LIKE 'sqlite%' AND name NOT LIKE '%index%'"
					      " ORDER BY name");
	struct err err = ERR_INIT;

	while (db_next(st, &err) == 1) {
		struct table *one = &t->list[t->count++];

		assert_true(t->count < TABLES_MAX);
		one->name = db_str(st, 0);
		one->sql = rows_sql(db, one->name);
		one->rows = text_of(db, one->sql);
		if (!*one->rows)
			fail_msg("the table %s has no rows", one->name);
	}
	db_finish(st);
}

static void make_old(const char *database, int number, struct tables *before)
{
	char path[64], *sql;
	struct err err = ERR_INIT;
	struct db *db;

	snprintf(path, sizeof path, DATA "%04d.sql", number);
	sql = tree_read(path);
	db = open_db(database, DB_WRITE);
	if (db_exec(db, sql, &err) < 0)
		fail_msg("%s: %s", path, err.message);
	note_tables(db, before);
	db_close(db);
	mem_free(sql);
}

static void check_rows(const char *database, int number, struct tables *before)
{
	struct db *db = open_db(database, DB_READ);

	for (size_t i = 0; i < before->count; i++) {
		struct table *t = &before->list[i];
		char *rows = text_of(db, t->sql);

		if (strcmp(rows, t->rows) != 0)
			fail_msg("schema %d, %s:\n%s\nbecame\n%s", number, t->name, t->rows, rows);
		mem_free(rows);
		mem_free(t->name);
		mem_free(t->sql);
		mem_free(t->rows);
	}
	db_close(db);
}

static void note_check(void *context, const struct verify_check *check)
{
	if (check->found)
		fail_msg("schema %d: %s: %lld: %s", *(int *)context, check->name,
			 (long long)check->found, check->detail);
}

static void every_released_schema_opens_with_its_rows_intact(void **state)
{
	struct fixture *f = *state;
	char *list = tree_read(DATA "released"), digest[DIGEST_HEX_SIZE];
	struct span rest = span_str(list), path;

	for (int number = 1; next_released(&rest, digest, &path); number++) {
		struct store_options options = { .database = f->database, .usage = true };
		struct record record = { .ts_ms = 1, .request_id = "new", .surface = "v1" };
		struct tables before = { .count = 0 };
		struct verify_report report;
		struct err err = ERR_INIT;
		struct store *store;

		make_old(f->database, number, &before);
		if (verify_database(f->database, note_check, &number, &report, &err) < 0)
			fail_msg("%s", err.message);
		assert_int_equal(report.schema, number);
		store = store_open(&options, &err);
		if (!store)
			fail_msg("schema %d: %s", number, err.message);
		store_close(store);
		check_rows(f->database, number, &before);
		if (verify_database(f->database, note_check, &number, &report, &err) < 0)
			fail_msg("%s", err.message);
		assert_int_equal(report.schema, report.known);

		/* And it is of use. */
		store = store_open(&options, &err);
		push_record(store, &record);
		store_flush(store);
		assert_int_equal(store_check(store, &err), 0);
		store_close(store);
		tree_remove(f->dir);
		assert_int_equal(mkdir(f->dir, 0700), 0);
	}
	mem_free(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_released_step_was_edited),
		TEST(every_released_schema_opens_with_its_rows_intact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
