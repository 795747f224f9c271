/*
 * tests/unit/test_retention.c - how old and how many usage rows may get, and that the file then
 * stops growing.
 */
#include "common/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "tests/support/ledger.h"
#include "tests/support/store_stage.h"

#define NOW INT64_C(1795255200000)
#define DAY INT64_C(86400000)

enum { WAIT_MS = 20000 };

static struct record record_at(int64_t ts_ms)
{
	struct record r = { .ts_ms = ts_ms,
			    .request_id = "6f1f3c0e-52f0-4c4a-9f6e-1a2b3c4d5e6f",
			    .surface = "v1",
			    .method = "POST",
			    .route = "/v1/chat/completions",
			    .model = "mock",
			    .status = 200 };

	return r;
}

static struct db *open_migrated(const char *path, struct ledger *l)
{
	struct err err = ERR_INIT;
	struct db *db = db_open(path, DB_WRITE, &err);

	if (!db || migrate(db, asset_table, MIGRATE_SCHEMA, &err) < 0 || ledger_open(l, db, &err) < 0)
		fail_msg("%s", err.message);
	return db;
}

/* A row for each time. */
static void insert(struct ledger *l, const int64_t *times, size_t count)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < count; i++) {
		struct record r = record_at(times[i]);

		assert_int_equal(ledger_insert(l, &r, 1, &err), 0);
	}
}

/* One step; the rows that went. */
static int64_t step(struct db *db, struct usage_limits limits, int64_t now_ms, int64_t at_most)
{
	static const char rows[] = "SELECT count(*) FROM usage_row";
	struct usage_range excess;
	struct err err = ERR_INIT;
	int64_t before = sql_number(db, rows);

	assert_int_equal(usage_find_excess(db, &limits, now_ms, at_most, &excess, &err), 0);
	if (excess.begin == excess.end)
		return 0;
	assert_int_equal(usage_delete(db, &excess, &err), 0);
	assert_int_equal(before - sql_number(db, rows), excess.end - excess.begin);
	return before - sql_number(db, rows);
}

/* ---- which rows go ---- */

static const struct situation {
	const char *what;
	int64_t age_ms, max_rows;
	int64_t ages[8]; /* of the rows, in days, the first written first; ends with -99 */
	int64_t at_most, gone;
} situations[] = {
	{ "no limit", 0, 0, { 900, 800, -99 }, 100, 0 },
	{ "an empty table", DAY, 1, { -99 }, 100, 0 },
	{ "beyond age goes, newer stays", 90 * DAY, 0, { 200, 91, 89, 1, 0, -99 }, 100, 2 },
	{ "exactly the age stays", 90 * DAY, 0, { 90, 1, -99 }, 100, 0 },
	{ "all are too old", 90 * DAY, 0, { 200, 150, 91, -99 }, 100, 3 },
	{ "no more than a step", 90 * DAY, 0, { 200, 150, 140, 91, -99 }, 3, 3 },
	{ "past the number", 0, 2, { 5, 4, 3, 2, 1, -99 }, 100, 3 },
	{ "exactly the number", 0, 3, { 5, 4, 3, -99 }, 100, 0 },
	{ "whichever gives up more: age", 2 * DAY, 4, { 5, 4, 3, 2, 1, -99 }, 100, 3 },
	{ "whichever gives up more: number", 4 * DAY, 1, { 5, 4, 3, 2, 1, -99 }, 100, 4 },
	{ "number, no more than a step", 0, 1, { 5, 4, 3, 2, 1, -99 }, 2, 2 },
	{ "a long request's row behind newer ones", 90 * DAY, 0, { 95, 80, 93, 1, -99 }, 100, 1 },
	{ "a clock that was ahead", 90 * DAY, 0, { -1, 95, 94, -99 }, 100, 0 },
	{ "the same by number", 90 * DAY, 1, { -1, 95, 94, -99 }, 100, 2 },
};

static void rows_beyond_the_limits_go_and_others_stay(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(situations); i++) {
		const struct situation *s = &situations[i];
		struct ledger ledger;
		struct db *db = open_migrated(f->database, &ledger);
		struct usage_limits limits = { s->age_ms, s->max_rows, 0 };
		int64_t times[8], gone, left;
		size_t count = 0;

		for (; s->ages[count] != -99; count++)
			times[count] = NOW - s->ages[count] * DAY;
		insert(&ledger, times, count);
		gone = step(db, limits, NOW, s->at_most);
		left = sql_number(db, "SELECT count(*) FROM usage");
		if (gone != s->gone || left != (int64_t)count - gone)
			fail_msg("%s: %d gone, %d left", s->what, (int)gone, (int)left);
		/* Those that went are the first. */
		for (size_t k = (size_t)gone; k < count; k++) {
			char sql[96];

			snprintf(sql, sizeof sql, "SELECT count(*) FROM usage WHERE ts = %lld",
				 (long long)times[k]);
			if (sql_number(db, sql) != 1)
				fail_msg("%s: row %zu went", s->what, k);
		}
		db_close(db);
		ledger_close(&ledger);
		unlink(f->database);
	}
}

static void a_day_that_passes_makes_further_rows_go(void **state)
{
	struct fixture *f = *state;
	struct ledger ledger;
	struct db *db = open_migrated(f->database, &ledger);
	struct usage_limits limits = { 10 * DAY, 0, 0 };
	int64_t times[20];

	for (int i = 0; i < 20; i++)
		times[i] = NOW + i * DAY;
	insert(&ledger, times, 20);
	assert_int_equal(step(db, limits, NOW + 10 * DAY, 100), 0);
	assert_int_equal(step(db, limits, NOW + 11 * DAY, 100), 1);
	assert_int_equal(step(db, limits, NOW + 11 * DAY - 3600000, 100), 0); /* an hour back */
	assert_int_equal(step(db, limits, NOW + 12 * DAY, 100), 1);
	assert_int_equal(step(db, limits, NOW + 100 * DAY, 100), 18);
	assert_int_equal(step(db, limits, NOW + 100 * DAY, 100), 0);
	/* An emptied table begins anew. */
	insert(&ledger, times, 3);
	assert_int_equal(step(db, limits, NOW + 11 * DAY, 100), 1);
	db_close(db);
	ledger_close(&ledger);
}

/* As if many rows had been written between the first and the last. */
static void kinds_are_written_anew_now_and_then_and_old_ones_go_with_their_rows(void **state)
{
	static const int64_t times[] = { NOW, NOW, NOW };
	struct fixture *f = *state;
	struct ledger ledger;
	struct db *db = open_migrated(f->database, &ledger);
	struct err err = ERR_INIT;

	insert(&ledger, times, 3);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage_kind"), 1);
	assert_int_equal(db_exec(db, "UPDATE usage_row SET number = 1000000 WHERE number = 3", &err), 0);
	insert(&ledger, times, 2);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage_kind"), 2);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage WHERE model = 'mock'"), 5);
	/* The third row still needs the first kind. */
	assert_int_equal(usage_delete(db, &(struct usage_range){ 1, 3 }, &err), 0);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage_kind"), 2);
	assert_int_equal(usage_delete(db, &(struct usage_range){ 3, 1000001 }, &err), 0);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage_kind"), 1);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage WHERE model = 'mock'"), 2);
	db_close(db);
	ledger_close(&ledger);
}

/* What a transaction that was not kept had written is written again. */
static void after_a_rollback_rows_have_their_kind(void **state)
{
	static const int64_t times[] = { NOW };
	struct fixture *f = *state;
	struct ledger ledger;
	struct db *db = open_migrated(f->database, &ledger);
	struct err err = ERR_INIT;

	assert_int_equal(db_begin(db, &err), 0);
	insert(&ledger, times, 1);
	db_rollback(db);
	usage_undo(ledger.usage, ledger.kinds);
	insert(&ledger, times, 1);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM usage WHERE model = 'mock'"), 1);
	db_close(db);
	ledger_close(&ledger);
}

/* ---- the writer ---- */

static struct store *open_limited(const char *database, struct usage_limits limits)
{
	struct store_options options = { .database = database, .usage = true,
					 .usage_limits = limits };
	struct err err = ERR_INIT;
	struct store *s = store_open(&options, &err);

	if (!s)
		fail_msg("%s", err.message);
	return s;
}

static void write_rows(struct store *s, int64_t ts_ms, int count)
{
	struct record r = record_at(ts_ms);

	for (int i = 0; i < count; i++) {
		push_record(s, &r);
		if (i % 4000 == 3999)
			store_flush(s);
	}
	store_flush(s);
}

struct question {
	const char *sql;
	int64_t value;
};

static int read_number(struct db *db, void *arg, struct err *err)
{
	struct question *q = arg;

	return db_number(db, q->sql, &q->value, err);
}

static int64_t ask(struct store *s, const char *sql)
{
	struct question q = { sql, -1 };
	struct err err = ERR_INIT;

	if (store_read(s, NULL, read_number, &q, &err) < 0)
		fail_msg("%s: %s", sql, err.message);
	return q.value;
}

static void wait_until(struct store *s, const char *sql, int64_t at_most)
{
	int64_t end = clock_mono_ms() + WAIT_MS;

	while (ask(s, sql) > at_most && clock_mono_ms() < end)
		usleep(5000);
	if (ask(s, sql) > at_most)
		fail_msg("%s: still %lld, not %lld", sql, (long long)ask(s, sql), (long long)at_most);
}

static const char pages_sql[] = "SELECT page_count FROM pragma_page_count";
static const char rows_sql[] = "SELECT count(*) FROM usage";

static void the_database_stops_growing(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_limited(f->database, (struct usage_limits){ 0, 5000, 0 });
	int64_t full;

	write_rows(s, NOW, 10000);
	full = ask(s, pages_sql);
	for (int i = 0; i < 5; i++) {
		write_rows(s, NOW, 8000);
		/* Under load, without a moment's rest. */
		if (ask(s, rows_sql) > 7000)
			fail_msg("%d rows", (int)ask(s, rows_sql));
		/* Batches decide how many more there are; what grew on would be four times as much. */
		if (ask(s, pages_sql) > full + full / 2)
			fail_msg("%d pages became %d", (int)full, (int)ask(s, pages_sql));
	}
	wait_until(s, rows_sql, 5000);
	assert_int_equal(ask(s, rows_sql), 5000);
	store_close(s);
}

static void old_rows_go_while_there_is_nothing_to_write_and_their_pages_too(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_limited(f->database, (struct usage_limits){ 0, 0, 0 });
	struct usage_limits limits = { 90 * DAY, 0, 0 };
	int64_t full, now = clock_wall_ms();

	write_rows(s, now - 100 * DAY, 120000);
	write_rows(s, now - 80 * DAY, 100);
	full = ask(s, pages_sql);
	assert_int_equal(ask(s, rows_sql), 120100);
	store_limit_usage(s, &limits); /* as a reload does */
	wait_until(s, rows_sql, 100);
	assert_int_equal(ask(s, rows_sql), 100);
	wait_until(s, pages_sql, 1024 + 256);
	assert_true(full > 1024 + 512);
	store_close(s);
}

/* What it is as soon as it is less than before. */
static int64_t wait_below(struct store *s, const char *sql, int64_t before)
{
	int64_t until = clock_mono_ms() + 10000, value = ask(s, sql);

	for (; value >= before && clock_mono_ms() < until; value = ask(s, sql))
		usleep(1000);
	if (value >= before)
		fail_msg("it stays %d", (int)value);
	return value;
}

static int put_nothing(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db, "UPDATE memory SET content = content", err);
}

/* What somebody waits for is not behind all that can wait: a step is short. */
static void a_commit_does_not_wait_for_the_tidying(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_limited(f->database, (struct usage_limits){ 0, 0, 0 });
	struct usage_limits limits = { 0, 1, 0 };
	int64_t longest = 0, began, left = 40000;
	struct err err = ERR_INIT;
	int between = 0;

	write_rows(s, NOW, 40000);
	store_limit_usage(s, &limits);
	do {
		began = clock_mono_ms();
		assert_int_equal(store_write(s, put_nothing, NULL, &err), 0);
		if (clock_mono_ms() - began > longest)
			longest = clock_mono_ms() - began;
		/* The tidying goes on while the writer has nothing else to do. */
		left = wait_below(s, rows_sql, left);
		between += left > 1 && left < 40000;
	} while (left > 1 && between < 20);
	assert_true(between > 5); /* commits that came while it was under way */
	if (longest > 1000)
		fail_msg("%d ms", (int)longest);
	store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

static int make_room(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db, "CREATE TABLE junk (content BLOB); INSERT INTO junk VALUES (zeroblob(6000000)); DROP TABLE junk", err);
}

/* Nor is what can wait behind all commits. */
static void the_tidying_goes_on_while_there_is_always_something_to_write(void **state)
{
	struct fixture *f = *state;
	struct usage_limits limits = { 0, 0, 0 };
	struct store *s = open_limited(f->database, limits);
	int64_t end = clock_mono_ms() + WAIT_MS, full;
	struct err err = ERR_INIT;

	assert_int_equal(store_write(s, make_room, NULL, &err), 0);
	full = ask(s, pages_sql);
	store_limit_usage(s, &limits);
	while (ask(s, pages_sql) > full - 300 && clock_mono_ms() < end)
		for (int i = 0; i < 20; i++)
			assert_int_equal(store_write(s, put_nothing, NULL, &err), 0);
	if (ask(s, pages_sql) > full - 300)
		fail_msg("%d pages are still %d", (int)full, (int)ask(s, pages_sql));
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_beyond_the_limits_go_and_others_stay),
		TEST(a_day_that_passes_makes_further_rows_go),
		TEST(kinds_are_written_anew_now_and_then_and_old_ones_go_with_their_rows),
		TEST(after_a_rollback_rows_have_their_kind),
		TEST(the_database_stops_growing),
		TEST(old_rows_go_while_there_is_nothing_to_write_and_their_pages_too),
		TEST(a_commit_does_not_wait_for_the_tidying),
		TEST(the_tidying_goes_on_while_there_is_always_something_to_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
