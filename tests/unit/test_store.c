/*
 * tests/unit/test_store.c - records on their way to the database and the audit file, and what
 * goes wrong there.
 */
#include "common/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/ident.h"
#include "common/base/mem.h"
#include "common/store/db.h"
#include "common/store/migrate.h"
#include "common/store/usage.h"

struct fixture {
	char dir[64];
	char database[128], audit[96], older[96];
	struct metrics *metrics;
	struct store_options options;
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/spass-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->database, sizeof(f->database), "%s/spass.db", f->dir);
	snprintf(f->audit, sizeof(f->audit), "%s/audit.jsonl", f->dir);
	snprintf(f->older, sizeof(f->older), "%s/audit.jsonl.1", f->dir);
	f->metrics = metrics_new();
	f->options = (struct store_options){
		.database = f->database,
		.audit = f->audit,
		.audit_max_bytes = 1 << 30,
		.usage = true,
		.metrics = f->metrics,
	};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	metrics_free(f->metrics);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	mem_free(f);
	return 0;
}

static struct record example(int number)
{
	struct record r = {
		.ts_ms = 1795255200000 + number,
		.depth = 0,
		.tenant_id = "acme",
		.token_id = "tok",
		.surface = "v1",
		.method = "POST",
		.route = "/v1/chat/completions",
		.status = 200,
		.model = "fast",
		.resolved_model = "llama",
		.resolved_backend = "local",
		.attempts = 1,
		.finished = true,
		.prompt_tokens = number,
		.completion_tokens = 20,
		.cached_tokens = -1,
		.reasoning_tokens = -1,
		.cost_source = "zero",
		.latency_us = 1000,
		.first_byte_us = 500,
		.upstream_us = -1,
		.bytes_in = 600,
	};

	snprintf(r.request_id, sizeof(r.request_id), "req-%d", number);
	return r;
}

static struct store *open_store(const struct fixture *f)
{
	struct err err = ERR_INIT;
	struct store *s = store_open(&f->options, &err);

	if (!s)
		fail_msg("%s", err.message);
	return s;
}

static void push(struct store *s, int from, int to)
{
	for (int i = from; i < to; i++) {
		struct record r = example(i);

		store_record(s, &r);
	}
}

static int64_t number(const char *database, const char *sql)
{
	struct err err = ERR_INIT;
	struct db *db = db_open(database, DB_READ, &err);
	int64_t value = -1;

	if (!db || db_number(db, sql, &value, &err) < 0)
		fail_msg("%s", err.message);
	db_close(db);
	return value;
}

static int64_t count_rows(const struct fixture *f)
{
	return number(f->database, "SELECT count(*) FROM usage");
}

static int64_t count_lines(const char *path)
{
	struct err err = ERR_INIT;
	struct buf text;
	int64_t lines = 0;

	buf_init(&text, 256 * MIB);
	if (file_read(path, &text, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	if (text.len > 0)
		assert_int_equal(text.ptr[text.len - 1], '\n');
	buf_free(&text);
	return lines;
}

static void assert_counted(const struct fixture *f, const char *outcome, int64_t value)
{
	char line[128];
	struct buf text;

	snprintf(line, sizeof(line), "spass_records_total{outcome=\"%s\"} %lld\n", outcome,
		 (long long)value);
	buf_init(&text, MIB);
	assert_int_equal(metrics_print(f->metrics, &text), 0);
	if (!strstr(buf_str(&text), line))
		fail_msg("%s not in\n%s", line, strstr(buf_str(&text), "# TYPE spass_records_total"));
	buf_free(&text);
}

static int64_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static int64_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void a_record_becomes_a_row_and_a_line(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct record r = example(7);
	struct err err = ERR_INIT;
	struct buf line, file;
	struct db *db;
	struct db_statement *st;

	r.error = E_upstream_timeout;
	store_record(s, &r);
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

	buf_init(&line, 4 * KIB);
	buf_init(&file, 4 * KIB);
	record_print(&r, &line);
	assert_int_equal(file_read(f->audit, &file, &err), 0);
	assert_string_equal(buf_str(&file), buf_str(&line));
	buf_free(&line);
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
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct err err = ERR_INIT;
	struct db_statement *st;
	struct db *db;

	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		struct record r = example((int)i);

		snprintf(r.user_id, sizeof(r.user_id), "%s", users[i]);
		snprintf(r.model, sizeof(r.model), "%s", models[i]);
		r.cached_tokens = counts[i];
		r.error = i % 2 ? E_upstream_timeout : E_none;
		store_record(s, &r);
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
	push(s, 0, 1);
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
	assert_int_equal(number(f->database, "PRAGMA auto_vacuum"), 2);
	assert_int_equal(number(f->database, "PRAGMA application_id"), 0x73706173);
	assert_int_equal(number(f->database, "PRAGMA page_size"), 4096);
	assert_true(number(f->database, "PRAGMA user_version") >= 1);
}

static void closing_writes_all_and_order_is_kept(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push(s, 0, 5000);
	store_close(s);
	assert_int_equal(count_rows(f), 5000);
	assert_int_equal(count_lines(f->audit), 5000);
	assert_int_equal(number(f->database, "SELECT count(*) FROM usage"
					     " WHERE prompt_tokens <> rowid - 1"),
			 0);
	s = open_store(f);
	push(s, 5000, 5001);
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
	struct record r = example(1);
	struct store *s;

	f->options.usage = false;
	f->options.audit = NULL;
	f->options.metrics = NULL;
	s = open_store(f);
	store_record(s, &r);
	store_record(NULL, &r);
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
	assert_int_equal(number(f->database, "PRAGMA user_version"), 4711);
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
	assert_refused(f, f->database, "cannot be opened");
}

/* Runs body in a child; its exit status is what body returned. */
static int in_child(int (*body)(struct fixture *f), struct fixture *f)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		_exit(body(f));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
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

static void rotates_by_size_between_lines(void **state)
{
	struct fixture *f = *state;
	struct store *s;
	struct stat st;

	f->options.audit_max_bytes = 65536;
	s = open_store(f);
	push(s, 0, 150);
	store_flush(s);
	assert_int_equal(count_lines(f->audit) + count_lines(f->older), 150);
	assert_int_equal(stat(f->older, &st), 0);
	assert_true(st.st_size <= 65536 && st.st_size > 65536 - 1000);
	assert_int_equal(mode_of(f->older), 0600);
	/* One batch that is larger than both files. */
	push(s, 150, 950);
	store_close(s);
	assert_int_equal(stat(f->audit, &st), 0);
	assert_true(st.st_size <= 65536);
	assert_int_equal(stat(f->older, &st), 0);
	assert_true(st.st_size <= 65536 && st.st_size > 65536 - 1000);
	assert_int_equal(count_rows(f), 950);
}

static void a_reopened_audit_leaves_the_moved_file_alone(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push(s, 0, 10);
	store_flush(s);
	assert_int_equal(rename(f->audit, f->older), 0);
	push(s, 10, 15);
	store_flush(s);
	assert_int_equal(count_lines(f->older), 15);
	store_reopen_audit(s, 1 << 20);
	push(s, 15, 18);
	store_flush(s);
	assert_int_equal(count_lines(f->older), 15);
	assert_int_equal(count_lines(f->audit), 3);
	store_close(s);
}

static void a_removed_audit_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push(s, 0, 10);
	store_flush(s);
	assert_int_equal(unlink(f->audit), 0);
	push(s, 10, 13);
	store_close(s);
	assert_int_equal(count_lines(f->audit), 3);
}

static void a_line_cut_by_a_crash_is_ended(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(file_write(f->audit, SPAN_LIT("{\"ts\":\"20"), &err), 0);
	struct store *s = open_store(f);
	push(s, 0, 1);
	store_close(s);
	assert_int_equal(count_lines(f->audit), 2);
}

static void a_removed_database_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push(s, 0, 10);
	store_flush(s);
	assert_int_equal(unlink(f->database), 0);
	push(s, 10, 13);
	store_flush(s);
	assert_int_equal(count_rows(f), 3);
	assert_int_equal(store_check(s, NULL), 0);
	store_close(s);
	assert_int_equal(count_rows(f), 3);
	assert_int_equal(count_lines(f->audit), 13);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Until the store recovered by itself, at most ten seconds. */
static bool recovers(struct store *s)
{
	for (int i = 0; i < 1000; i++) {
		if (store_check(s, NULL) == 0)
			return true;
		pause_ms(10);
	}
	return false;
}

/* A disk that refuses, as a limit on the size of files: the log has reached it, the audit not. */
static int limit_the_files(struct fixture *f)
{
	struct rlimit limit, small;
	struct store *s;
	struct err err = ERR_INIT;
	char log[160];

	signal(SIGXFSZ, SIG_IGN);
	s = store_open(&f->options, &err);
	if (!s)
		return 2;
	for (int i = 0; i < 100; i += 5) {
		push(s, i, i + 5);
		store_flush(s);
	}
	snprintf(log, sizeof(log), "%s-wal", f->database);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ (rlim_t)file_size(log), limit.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	push(s, 100, 150);
	store_flush(s);
	if (store_check(s, &err) == 0)
		return 3;
	if (err.code != E_storage_error || !strstr(err.message, "free space"))
		return 4;
	push(s, 150, 160);
	store_flush(s);
	if (store_check(s, NULL) == 0)
		return 5;
	setrlimit(RLIMIT_FSIZE, &limit);
	/* Nothing is recorded: it must find out by itself. */
	if (!recovers(s))
		return 6;
	push(s, 200, 210);
	store_flush(s);
	if (store_check(s, NULL) < 0)
		return 7;
	store_close(s);
	return 0;
}

static void a_refusing_disk_loses_rows_but_no_lines_and_passes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_child(limit_the_files, f), 0);
	assert_int_equal(count_rows(f), 110);
	assert_int_equal(count_lines(f->audit), 170);
	assert_int_equal(number(f->database, "SELECT count(*) FROM usage"
					     " WHERE prompt_tokens BETWEEN 100 AND 199"),
			 0);
}

enum { NOT_ALLOWED = 77 };

/* A small file system of the child's own; false when the system does not let it. */
static bool mount_small_disk(const char *at)
{
	int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;

	return unshare(flags) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", at, "tmpfs", 0, "size=1m,mode=0700") == 0;
}

static bool fill_disk(const char *ballast)
{
	static const char zeros[4096];
	int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;

	do
		n = write(fd, zeros, sizeof(zeros));
	while (n > 0);
	return fd >= 0 && errno == ENOSPC && close(fd) == 0;
}

static int fill_the_disk(struct fixture *f)
{
	struct store *s;
	struct err err = ERR_INIT;
	char disk[96], ballast[128];

	snprintf(disk, sizeof(disk), "%s/disk", f->dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
	snprintf(f->database, sizeof(f->database), "%s/spass.db", disk);
	if (mkdir(disk, 0700) < 0 || !mount_small_disk(disk))
		return NOT_ALLOWED;
	s = store_open(&f->options, &err);
	if (!s)
		return 2;
	push(s, 0, 100);
	store_flush(s);
	if (!fill_disk(ballast))
		return 3;
	push(s, 100, 600);
	store_flush(s);
	if (store_check(s, &err) == 0 || !strstr(err.message, "disk is full"))
		return 4;
	if (unlink(ballast) < 0)
		return 5;
	if (!recovers(s))
		return 6;
	push(s, 600, 610);
	store_flush(s);
	store_close(s);
	return count_rows(f) == 110 ? 0 : 7;
}

static void a_full_disk_loses_rows_but_no_lines_and_passes(void **state)
{
	struct fixture *f = *state;
	int status = in_child(fill_the_disk, f);

	if (status == NOT_ALLOWED)
		skip();
	assert_int_equal(status, 0);
	assert_int_equal(count_lines(f->audit), 610);
}

static int open_on_a_full_disk(struct fixture *f)
{
	struct err err = ERR_INIT;
	char disk[96], ballast[128];

	snprintf(disk, sizeof(disk), "%s/disk", f->dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
	snprintf(f->database, sizeof(f->database), "%s/spass.db", disk);
	if (mkdir(disk, 0700) < 0 || !mount_small_disk(disk))
		return NOT_ALLOWED;
	if (!fill_disk(ballast))
		return 2;
	if (store_open(&f->options, &err))
		return 3;
	return err.code == E_storage_error && strstr(err.message, "disk is full") ? 0 : 4;
}

static void refuses_to_open_on_a_full_disk(void **state)
{
	int status = in_child(open_on_a_full_disk, *state);

	if (status == NOT_ALLOWED)
		skip();
	assert_int_equal(status, 0);
}

/* The other way round: lines fail, rows go on. */
static void a_full_audit_loses_lines_but_no_rows(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct store *s;

	f->options.audit = "/dev/full";
	s = open_store(f);
	push(s, 0, 10);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	assert_non_null(strstr(err.message, "/dev/full"));
	assert_int_equal(count_rows(f), 10);
	assert_counted(f, "failed", 10);
	store_close(s);
}

/* A failed write of lines leaves whole lines only. */
static int fill_the_audit(struct fixture *f)
{
	struct rlimit limit, small;
	struct store *s;
	struct err err = ERR_INIT;

	signal(SIGXFSZ, SIG_IGN);
	f->options.usage = false;
	s = store_open(&f->options, &err);
	if (!s)
		return 2;
	push(s, 0, 100);
	store_flush(s);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ .rlim_cur = 60 * KIB, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	push(s, 100, 200);
	store_flush(s);
	if (store_check(s, NULL) == 0)
		return 3;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (!recovers(s))
		return 4;
	push(s, 200, 210);
	store_close(s);
	return 0;
}

static void a_full_audit_ends_with_a_whole_line(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_child(fill_the_audit, f), 0);
	assert_int_equal(count_lines(f->audit), 110);
}

enum { PUSHERS = 8, EACH = 12500 };

struct pusher {
	struct store *store;
	int number;
};

static void *push_many(void *data)
{
	struct pusher *p = data;

	for (int i = 0; i < EACH; i++) {
		struct record r = example(i);

		r.depth = p->number;
		store_record(p->store, &r);
		/* Stays below what the queue holds, so that nothing may be dropped. */
		if (i % 4000 == 3999)
			store_flush(p->store);
	}
	return NULL;
}

static void eight_threads_lose_nothing_and_keep_their_order(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct pusher pushers[PUSHERS];
	pthread_t threads[PUSHERS];

	for (int i = 0; i < PUSHERS; i++) {
		pushers[i] = (struct pusher){ .store = s, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, push_many, &pushers[i]), 0);
	}
	for (int i = 0; i < PUSHERS; i++)
		pthread_join(threads[i], NULL);
	store_flush(s);
	assert_counted(f, "written", PUSHERS * EACH);
	store_close(s);
	assert_int_equal(count_rows(f), PUSHERS * EACH);
	assert_int_equal(count_lines(f->audit), PUSHERS * EACH);
	assert_int_equal(
		number(f->database,
		       "SELECT count(*) FROM (SELECT prompt_tokens - lag(prompt_tokens) OVER"
		       " (PARTITION BY depth ORDER BY rowid) AS step FROM usage) WHERE step <> 1"),
		0);
}

/* The writer is held by another's lock on the database, so the queue must fill. */
static void what_the_queue_cannot_hold_is_counted_as_dropped(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);

	assert_non_null(db);
	assert_int_equal(db_begin(db, &err), 0);
	push(s, 0, STORE_QUEUE_MAX + 1000);
	db_rollback(db);
	db_close(db);
	store_flush(s);
	store_flush(s);
	assert_counted(f, "written", STORE_QUEUE_MAX);
	assert_counted(f, "dropped", 1000);
	assert_int_equal(count_rows(f), STORE_QUEUE_MAX);
	store_close(s);
}

/* Stopping with a queue full of what cannot be written takes seconds, not one wait a batch. */
static void a_lock_that_stays_fails_quickly_and_passes(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);
	int64_t start = clock_mono_ms();

	assert_non_null(db);
	assert_int_equal(db_begin(db, &err), 0);
	push(s, 0, 20 * STORE_BATCH_MAX);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	assert_non_null(strstr(err.message, "another process"));
	assert_true(clock_mono_ms() - start < 8000);
	db_rollback(db);
	db_close(db);
	assert_true(recovers(s));
	push(s, 0, 10);
	store_close(s);
	assert_int_equal(count_rows(f), 10);
	assert_int_equal(count_lines(f->audit), 20 * STORE_BATCH_MAX + 10);
	assert_counted(f, "failed", 20 * STORE_BATCH_MAX);
}

/* While records fail, the database is opened anew twice a second to see whether it works again. */
static void closing_does_not_wait_for_a_lock_that_stays(void **state)
{
	const struct timespec while_it_probes = { .tv_nsec = 700 * 1000 * 1000 };
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);
	int64_t start;

	assert_non_null(db);
	assert_int_equal(db_begin(db, &err), 0);
	push(s, 0, 1);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	nanosleep(&while_it_probes, NULL);
	start = clock_mono_ms();
	store_close(s);
	assert_true(clock_mono_ms() - start < 1500);
	db_rollback(db);
	db_close(db);
}

/* Random ids touch a page of their index each: three times what the log may hold is written. */
static void the_log_stays_small_under_load(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct record r = example(0);
	int64_t largest = 0;
	char log[160];

	snprintf(log, sizeof(log), "%s-wal", f->database);
	for (int i = 0; i < 40 * STORE_BATCH_MAX; i++) {
		ident_uuid(r.request_id);
		store_record(s, &r);
		if (i % STORE_BATCH_MAX != STORE_BATCH_MAX - 1)
			continue;
		store_flush(s);
		if (file_size(log) > largest)
			largest = file_size(log);
	}
	assert_in_range(largest, 1, (DB_LOG_PAGES + 1500) * 4200);
	store_close(s);
	assert_int_equal(file_size(log), 0);
}

/* A reader that stays keeps the log from being reused; once it goes the log is. */
static void the_log_shrinks_after_a_long_reader(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct db *writer = db_open(f->database, DB_WRITE, &err), *reader;
	struct db_statement *st;
	char log[160];

	snprintf(log, sizeof(log), "%s-wal", f->database);
	assert_non_null(writer);
	assert_int_equal(db_exec(writer, "CREATE TABLE t (x BLOB); INSERT INTO t VALUES (1)", &err), 0);
	reader = db_open(f->database, DB_READ, &err);
	st = db_prepare(reader, "SELECT x FROM t", &err);
	assert_int_equal(db_next(st, &err), 1);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(
			db_exec(writer, "INSERT INTO t VALUES (zeroblob(8000000))", &err), 0);
		assert_int_equal(db_tend(writer, &err), 0);
	}
	assert_true(db_log_pages(writer) >= DB_LOG_MAX_PAGES);
	db_finish(st);
	db_close(reader);
	assert_int_equal(db_exec(writer, "INSERT INTO t VALUES (2)", &err), 0);
	assert_int_equal(db_tend(writer, &err), 0);
	assert_int_equal(db_log_pages(writer), 0);
	assert_int_equal(file_size(log), 0);
	db_close(writer);
}

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

enum { ROUNDS = 50, GROUP = 7 };

/* Until killed: groups of rows; after each flush the number flushed goes down the pipe. */
static void write_until_killed(struct fixture *f, int from, int pipe_end)
{
	struct err err = ERR_INIT;
	struct store *s;

	f->options.metrics = NULL;
	s = store_open(&f->options, &err);
	if (!s)
		_exit(2);
	for (int next = from;; next += GROUP) {
		push(s, next, next + GROUP);
		store_flush(s);
		if (store_check(s, NULL) < 0 || write(pipe_end, &(int){ next + GROUP }, sizeof(int)) < 0)
			_exit(3);
	}
}

/* Until killed: transactions of GROUP rows each, made by hand. */
static void commit_until_killed(struct fixture *f, int from, int pipe_end)
{
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);
	struct usage *usage = NULL;

	if (!db || migrate(db, asset_table, MIGRATE_SCHEMA, &err) < 0)
		_exit(2);
	usage = usage_new(db, &err);
	if (!usage)
		_exit(2);
	for (int next = from;; next += GROUP) {
		if (db_begin(db, &err) < 0)
			_exit(3);
		for (int i = 0; i < GROUP; i++) {
			struct record r = example(next + i);

			if (usage_insert(usage, &r, &err) < 0)
				_exit(4);
		}
		if (db_commit(db, &err) < 0 || db_tend(db, &err) < 0 ||
		    write(pipe_end, &(int){ next + GROUP }, sizeof(int)) < 0)
			_exit(5);
	}
}

/* Starts work, kills it at some moment after its first word; returns the last number it promised. */
static int kill_at_random(void (*work)(struct fixture *, int, int), struct fixture *f, int from)
{
	int ends[2], promised = from, status;
	uint16_t random;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		work(f, from, ends[1]);
	}
	close(ends[1]);
	ident_random(&random, sizeof(random));
	if (read(ends[0], &promised, sizeof(promised)) != sizeof(promised))
		fail_msg("the child wrote nothing");
	nanosleep(&(struct timespec){ .tv_nsec = random % 20000 * 1000L }, NULL);
	kill(child, SIGKILL);
	while (read(ends[0], &promised, sizeof(promised)) == sizeof(promised))
		;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	return promised;
}

static void assert_sound(const struct fixture *f)
{
	struct err err = ERR_INIT;
	struct db *db = db_open(f->database, DB_WRITE, &err);
	struct db_statement *st;

	if (!db)
		fail_msg("%s", err.message);
	st = db_prepare(db, "PRAGMA integrity_check", &err);
	assert_int_equal(db_next(st, &err), 1);
	assert_true(span_is(db_text(st, 0), "ok"));
	db_finish(st);
	db_close(db);
}

static void a_killed_writer_leaves_whole_groups(void **state)
{
	struct fixture *f = *state;
	int next = 0;

	for (int round = 0; round < ROUNDS; round++) {
		bool by_store = round % 2 == 0;
		int promised = kill_at_random(by_store ? write_until_killed : commit_until_killed, f,
					      next);
		int64_t rows;

		assert_sound(f);
		rows = count_rows(f);
		assert_true(rows >= promised);
		/* The store may split what was recorded over two commits, but keeps the order. */
		if (!by_store)
			assert_int_equal((rows - next) % GROUP, 0);
		assert_int_equal(number(f->database, "SELECT count(*) FROM usage"
						     " WHERE prompt_tokens <> rowid - 1"),
				 0);
		next = (int)rows;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
		TEST(refuses_the_database_of_another_program),
		TEST(names_the_missing_directory),
		TEST(refuses_a_directory_in_place_of_a_file),
		TEST(refuses_a_file_that_cannot_be_written),
		TEST(rotates_by_size_between_lines),
		TEST(a_reopened_audit_leaves_the_moved_file_alone),
		TEST(a_removed_audit_is_made_anew),
		TEST(a_line_cut_by_a_crash_is_ended),
		TEST(a_removed_database_is_made_anew),
		TEST(a_refusing_disk_loses_rows_but_no_lines_and_passes),
		TEST(a_full_disk_loses_rows_but_no_lines_and_passes),
		TEST(refuses_to_open_on_a_full_disk),
		TEST(a_full_audit_loses_lines_but_no_rows),
		TEST(a_full_audit_ends_with_a_whole_line),
		TEST(eight_threads_lose_nothing_and_keep_their_order),
		TEST(what_the_queue_cannot_hold_is_counted_as_dropped),
		TEST(a_lock_that_stays_fails_quickly_and_passes),
		TEST(closing_does_not_wait_for_a_lock_that_stays),
		TEST(the_log_stays_small_under_load),
		TEST(the_log_shrinks_after_a_long_reader),
		TEST(migrations_are_applied_once_and_in_order),
		TEST(a_broken_migration_leaves_no_trace),
		TEST(a_killed_writer_leaves_whole_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
