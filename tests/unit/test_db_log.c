/*
 * tests/unit/test_db_log.c - a writer's log: commits of every size, in one write each.
 */
#include "common/store/db.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "tests/support/store_stage.h"

enum { PAGE = 4096 };

static int set_up(void **state)
{
	struct fixture *f;

	fixture_make(state);
	f = *state;
	f->db = open_db(f->database, DB_WRITE);
	run_sql(f->db, "CREATE TABLE t (number INTEGER PRIMARY KEY, round BIGINT NOT NULL, bytes BLOB NOT NULL)");
	return 0;
}

static void begin(struct db *db)
{
	struct err err = ERR_INIT;

	if (db_begin(db, &err) < 0)
		fail_msg("%s", err.message);
}

static int commit(struct db *db)
{
	struct err err = ERR_INIT;

	return db_commit(db, &err);
}

/* A row of a page or so. */
static void add_rows(struct db *db, int64_t count, int64_t round)
{
	char sql[256];

	snprintf(sql, sizeof sql,
		 "INSERT INTO t (round, bytes) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		 " WHERE i < %lld) SELECT %lld, randomblob(%d) FROM n",
		 (long long)count, (long long)round, PAGE - 100);
	run_sql(db, sql);
}

static int64_t rows_of(const char *path)
{
	struct db *db = open_db(path, DB_READ);
	int64_t rows = sql_number(db, "SELECT count(*) FROM t");

	assert_int_equal(sql_number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	db_close(db);
	return rows;
}

static void a_commit_of_any_size_is_seen_whole(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	int64_t total = 0;

	for (int64_t size = 1; size <= 120; size += size < 70 ? 1 : 10) {
		begin(f->db);
		add_rows(f->db, size, size);
		if (commit(f->db) < 0)
			fail_msg("a commit of %lld rows failed", (long long)size);
		total += size;
		if (size % 16 == 0)
			assert_int_equal(rows_of(f->database), total);
		assert_int_equal(db_tend(f->db, &err), 0);
	}
	assert_int_equal(rows_of(f->database), total);
}

static int64_t written_calls(void)
{
	char line[128];
	long long calls = -1;
	FILE *in = fopen("/proc/self/io", "r");

	while (in && fgets(line, sizeof line, in))
		if (sscanf(line, "syscw: %lld", &calls) == 1)
			break;
	if (in)
		fclose(in);
	return calls;
}

static void a_commit_of_many_pages_is_one_write(void **state)
{
	struct fixture *f = *state;
	int64_t before, calls;

	if (written_calls() < 0)
		skip();
	begin(f->db);
	add_rows(f->db, 20, 1);
	before = written_calls();
	assert_int_equal(commit(f->db), 0);
	calls = written_calls() - before;
	/* The new log's header and its pages; two more where the system counts what else it wrote. */
	assert_in_range(calls, 1, 4);
}

static void a_writer_reads_what_left_its_memory_before_the_commit(void **state)
{
	struct fixture *f = *state;

	run_sql(f->db, "PRAGMA cache_size=8");
	begin(f->db);
	add_rows(f->db, 100, 1);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM t WHERE length(bytes) > 0"), 100);
	run_sql(f->db, "UPDATE t SET round = 2");
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM t WHERE round = 2 AND length(bytes) > 0"), 100);
	assert_int_equal(rows_of(f->database), 0); /* others see nothing of it */
	assert_int_equal(commit(f->db), 0);
	assert_int_equal(rows_of(f->database), 100);
}

static void what_is_given_up_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	run_sql(f->db, "PRAGMA cache_size=8");
	for (int64_t round = 0; round < 5; round++) {
		begin(f->db);
		add_rows(f->db, 60, round);
		db_rollback(f->db);
		begin(f->db);
		add_rows(f->db, 3, round);
		assert_int_equal(commit(f->db), 0);
		assert_int_equal(rows_of(f->database), 3 * (round + 1));
	}
}

/* A limit on files does what a full disk does. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_write_that_fails_fails_its_commit_alone(void **state)
{
	struct fixture *f = *state;
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	int failed;

	begin(f->db);
	add_rows(f->db, 5, 1);
	assert_int_equal(commit(f->db), 0);
	begin(f->db);
	add_rows(f->db, 50, 2);
	limit_files(60 * 1024);
	failed = commit(f->db);
	limit_files(RLIM_INFINITY);
	signal(SIGXFSZ, old);
	assert_int_equal(failed, -1);
	assert_int_equal(rows_of(f->database), 5);
	begin(f->db);
	add_rows(f->db, 50, 3);
	assert_int_equal(commit(f->db), 0);
	assert_int_equal(rows_of(f->database), 55);
}

static void a_commit_that_is_not_synced_is_seen_all_the_same(void **state)
{
	static const char *const ways[] = { "PRAGMA synchronous=NORMAL", "PRAGMA synchronous=OFF" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		run_sql(f->db, ways[i]);
		begin(f->db);
		add_rows(f->db, 10, (int64_t)i);
		assert_int_equal(commit(f->db), 0);
		assert_int_equal(rows_of(f->database), 10 * (int64_t)(i + 1));
	}
}

static void a_log_that_is_found_is_read(void **state)
{
	struct fixture *f = *state;
	char command[1024], copy[200];

	begin(f->db);
	add_rows(f->db, 40, 1);
	assert_int_equal(commit(f->db), 0);
	/* As after a kill: file and log as they are. */
	snprintf(copy, sizeof copy, "%s/killed.db", f->dir);
	snprintf(command, sizeof command, "cp %s %s && cp %s-wal %s-wal", f->database, copy, f->database, copy);
	assert_int_equal(system(command), 0);
	db_close(open_db(copy, DB_WRITE));
	assert_int_equal(rows_of(copy), 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_commit_of_any_size_is_seen_whole, set_up, fixture_remove),
		cmocka_unit_test_setup_teardown(a_commit_of_many_pages_is_one_write, set_up, fixture_remove),
		cmocka_unit_test_setup_teardown(a_writer_reads_what_left_its_memory_before_the_commit, set_up,
						 fixture_remove),
		cmocka_unit_test_setup_teardown(what_is_given_up_leaves_nothing, set_up, fixture_remove),
		cmocka_unit_test_setup_teardown(a_write_that_fails_fails_its_commit_alone, set_up, fixture_remove),
		cmocka_unit_test_setup_teardown(a_commit_that_is_not_synced_is_seen_all_the_same, set_up,
						 fixture_remove),
		cmocka_unit_test_setup_teardown(a_log_that_is_found_is_read, set_up, fixture_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
