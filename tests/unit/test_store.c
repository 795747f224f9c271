/*
 * tests/unit/test_store.c - what becomes of records in good times, and what the store
 * refuses to open.
 */
#include "tests/support/store_stage.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/db.h"

static void a_record_becomes_a_row_and_a_line(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	char id[EXAMPLE_ID_SIZE];
	struct record r = example_record(7, id);
	struct err err = ERR_INIT;
	char common[RECORD_LINE_MAX], line[RECORD_LINE_MAX + 1];
	struct record_frame frame;
	struct buf file;
	struct db *db;
	struct db_statement *st;

	r.error = E_upstream_timeout;
	push_record(s, &r);
	store_flush(s);
	db = db_open(f->database, DB_READ, &err);
	assert_non_null(db);
	st = db_prepare(db,
			"SELECT ts, request_id, parent_request_id, depth, tenant_id, route, status,"
			" error_code, prompt_tokens, reasoning_tokens, finished, upstream_us, bytes_in,"
			" bytes_out, cost_source, resolved_backend FROM usage",
			&err);
	assert_int_equal(db_next(st, &err), 1);
	assert_int_equal(db_int(st, 0), 1795255200007);
	assert_true(span_is(db_text(st, 1), "req-7"));
	assert_true(db_is_null(st, 2));
	assert_int_equal(db_int(st, 3), 0);
	assert_true(span_is(db_text(st, 4), "acme"));
	assert_true(span_is(db_text(st, 5), "/v1/chat/completions"));
	assert_int_equal(db_int(st, 6), 200);
	assert_true(span_is(db_text(st, 7), "upstream_timeout"));
	assert_int_equal(db_int(st, 8), 7);
	assert_true(db_is_null(st, 9));
	assert_int_equal(db_int(st, 10), 1);
	assert_true(db_is_null(st, 11));
	assert_int_equal(db_int(st, 12), 600);
	assert_int_equal(db_int(st, 13), 0);
	assert_true(span_is(db_text(st, 14), "zero"));
	assert_true(span_is(db_text(st, 15), "local"));
	assert_int_equal(db_next(st, &err), 0);
	db_finish(st);
	db_close(db);

	buf_init(&file, 4 * KIB);
	record_frame_print(&frame, &r, common);
	*record_put(line, &frame, &r) = '\0';
	assert_int_equal(file_read(f->audit, &file, &err), 0);
	assert_string_equal(buf_str(&file), line);
	buf_free(&file);
	assert_int_equal(store_check(s, &err), 0);
	assert_counted(f, "written", 1);
	store_close(s);
}

/* Every text and number of a row in turn: there, changed, missing, there again. */
static void a_row_takes_nothing_over_from_the_one_before(void **state)
{
	static const char *const users[] = { "ann", "bob", "bobby", "", "", "ann", "eva" };
	static const char *const models[] = { "fast", "", "fast", "fast", "slow", "", "fast" };
	static const int64_t counts[] = { 5, -1, -1, 5, 0, 7, -1 };
	char id[EXAMPLE_ID_SIZE];
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct err err = ERR_INIT;
	struct db_statement *st;
	struct db *db;

	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		struct record r = example_record((int)i, id);

		r.user_id = users[i];
		r.model = models[i];
		r.cached_tokens = counts[i];
		r.error = i % 2 ? E_upstream_timeout : E_none;
		push_record(s, &r);
	}
	store_close(s);
	db = db_open(f->database, DB_READ, &err);
	assert_non_null(db);
	st = db_prepare(db, "SELECT coalesce(user_id, ''), coalesce(model, ''), coalesce(cached_tokens, -1),"
			    " error_code FROM usage ORDER BY rowid", &err);
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		assert_int_equal(db_next(st, &err), 1);
		assert_true(span_is(db_text(st, 0), users[i]));
		assert_true(span_is(db_text(st, 1), models[i]));
		assert_int_equal(db_int(st, 2), counts[i]);
		assert_int_equal(db_is_null(st, 3), i % 2 == 0);
	}
	db_finish(st);
	db_close(db);
}

static void everything_is_private_to_the_user(void **state)
{
	struct fixture *f = *state;
	mode_t old = umask(0);
	struct store *s = open_store(f);
	char log[160];

	umask(old);
	push_records(s, 0, 1);
	store_flush(s);
	snprintf(log, sizeof(log), "%s-wal", f->database);
	assert_int_equal(mode_of(f->database), 0600);
	assert_int_equal(mode_of(log), 0600);
	assert_int_equal(mode_of(f->audit), 0600);
	store_close(s);
}

static void the_file_is_laid_out_as_intended(void **state)
{
	struct fixture *f = *state;

	store_close(open_store(f));
	assert_int_equal(number_in(f->database, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(number_in(f->database, "PRAGMA application_id"), 0x73706173);
	assert_int_equal(number_in(f->database, "PRAGMA page_size"), 4096);
	assert_true(number_in(f->database, "PRAGMA user_version") >= 1);
}

static void closing_writes_all_and_order_is_kept(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push_records(s, 0, 5000);
	store_close(s);
	assert_int_equal(count_rows(f), 5000);
	assert_int_equal(count_lines(f->audit), 5000);
	assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage"
					     " WHERE prompt_tokens <> rowid - 1"),
			 0);
	s = open_store(f);
	push_records(s, 5000, 5001);
	store_close(s);
	assert_int_equal(count_rows(f), 5001);
}

static void without_a_record_a_flush_returns(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	for (int i = 0; i < 100; i++)
		store_flush(s);
	assert_int_equal(count_rows(f), 0);
	store_close(s);
}

static void what_is_not_wanted_is_not_kept(void **state)
{
	struct fixture *f = *state;
	char id[EXAMPLE_ID_SIZE];
	struct record r = example_record(1, id);
	struct store *s;

	f->options.usage = false;
	f->options.audit = NULL;
	f->options.metrics = NULL;
	s = open_store(f);
	push_record(s, &r);
	push_record(NULL, &r);
	store_flush(s);
	store_reopen_audit(s, 65536);
	store_close(s);
	assert_int_equal(count_rows(f), 0);
	assert_int_not_equal(access(f->audit, F_OK), 0);
}

/* Opening fails with E_storage_error and a message that holds each of the words. */
static void assert_refused(const struct fixture *f, const char *first, const char *second)
{
	struct err err = ERR_INIT;
	struct store *s = store_open(&f->options, &err);

	assert_null(s);
	assert_int_equal(err.code, E_storage_error);
	if (!strstr(err.message, first) || !strstr(err.message, second))
		fail_msg("the message lacks \"%s\" or \"%s\": %s", first, second, err.message);
}

static void refuses_what_is_no_database(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	char page[5000];

	memset(page, 'x', sizeof(page));
	assert_int_equal(file_write(f->database, span_of(page, sizeof(page)), &err), 0);
	assert_refused(f, f->database, "not a database");
}

static void exec_raw(const struct fixture *f, const char *sql)
{
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);

	if (!db || db_exec(db, sql, &err) < 0)
		fail_msg("%s", err.message);
	db_close(db);
}

static void refuses_a_newer_schema(void **state)
{
	struct fixture *f = *state;

	store_close(open_store(f));
	exec_raw(f, "PRAGMA user_version=4711");
	assert_refused(f, "newer spass", "4711");
	assert_int_equal(number_in(f->database, "PRAGMA user_version"), 4711);
}

/* What this one wrote, the newer one would not find. */
static void writes_no_more_when_a_newer_program_has_come(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	char version[64];
	struct err err = ERR_INIT;

	push_records(s, 0, 1);
	store_flush(s);
	snprintf(version, sizeof version, "PRAGMA user_version=%d",
		 (int)number_in(f->database, "PRAGMA user_version"));
	exec_raw(f, "PRAGMA user_version=4711");
	push_records(s, 1, 2);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	assert_non_null(strstr(err.message, "newer spass"));
	assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage_row"), 1);
	exec_raw(f, version);
	push_records(s, 2, 3);
	store_flush(s);
	assert_int_equal(store_check(s, &err), 0);
	assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage_row"), 2);
	store_close(s);
}

static void refuses_the_database_of_another_program(void **state)
{
	struct fixture *f = *state;

	exec_raw(f, "CREATE TABLE theirs (x INTEGER); PRAGMA application_id=0");
	assert_refused(f, f->database, "another program");
}

static void names_the_missing_directory(void **state)
{
	struct fixture *f = *state;

	snprintf(f->database, sizeof(f->database), "%s/none/spass.db", f->dir);
	assert_refused(f, f->database, "directory");
	snprintf(f->database, sizeof(f->database), "%s/spass.db", f->dir);
	snprintf(f->audit, sizeof(f->audit), "%s/none/audit.jsonl", f->dir);
	assert_refused(f, f->audit, "No such file");
}

static void refuses_a_directory_in_place_of_a_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->database, 0700), 0);
	assert_refused(f, f->database, "it is a directory");
}

static int open_as_nobody(struct fixture *f)
{
	struct err err = ERR_INIT;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 2;
	if (store_open(&f->options, &err))
		return 3;
	return strstr(err.message, "cannot be written") && strstr(err.message, "permissions") ? 0 : 4;
}

static void refuses_a_file_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;

	store_close(open_store(f));
	assert_int_equal(chmod(f->dir, 0555), 0);
	assert_int_equal(chmod(f->database, 0444), 0);
	assert_int_equal(in_child(open_as_nobody, f), 0);
	assert_int_equal(chmod(f->dir, 0700), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_becomes_a_row_and_a_line),
		TEST(a_row_takes_nothing_over_from_the_one_before),
		TEST(everything_is_private_to_the_user),
		TEST(the_file_is_laid_out_as_intended),
		TEST(closing_writes_all_and_order_is_kept),
		TEST(without_a_record_a_flush_returns),
		TEST(what_is_not_wanted_is_not_kept),
		TEST(refuses_what_is_no_database),
		TEST(refuses_a_newer_schema),
		TEST(writes_no_more_when_a_newer_program_has_come),
		TEST(refuses_the_database_of_another_program),
		TEST(names_the_missing_directory),
		TEST(refuses_a_directory_in_place_of_a_file),
		TEST(refuses_a_file_that_cannot_be_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
