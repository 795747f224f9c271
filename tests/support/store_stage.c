/*
 * tests/support/store_stage.c - see store_stage.h.
 */
#include "tests/support/store_stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/db.h"
#include "common/store/migrate.h"
#include "tests/support/tree.h"

int fixture_make(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	snprintf(f->dir, sizeof(f->dir), "/tmp/spass-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->database, sizeof(f->database), "%s/spass.db", f->dir);
	snprintf(f->audit, sizeof(f->audit), "%s/audit.jsonl", f->dir);
	snprintf(f->older, sizeof(f->older), "%s/audit.jsonl.1", f->dir);
	snprintf(f->copy, sizeof(f->copy), "%s/copy.db", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/audit.key", f->dir);
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

int fixture_make_db(void **state)
{
	struct fixture *f;

	fixture_make(state);
	f = *state;
	f->db = open_db(f->database, DB_WRITE);
	assert_int_equal(migrate(f->db, asset_table, MIGRATE_SCHEMA, &f->err), 0);
	f->now_ms = 1795000000000;
	return 0;
}

int fixture_remove(void **state)
{
	struct fixture *f = *state;

	if (f->db)
		db_close(f->db);
	metrics_free(f->metrics);
	tree_remove(f->dir);
	mem_free(f);
	return 0;
}

struct record example_record(int number, char id[EXAMPLE_ID_SIZE])
{
	struct record r = {
		.ts_ms = 1795255200000 + number,
		.request_id = id,
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
		.audio_ms = -1,
		.characters = -1,
		.cost_source = "zero",
		.latency_us = 1000,
		.first_byte_us = 500,
		.upstream_us = -1,
		.bytes_in = 600,
	};

	snprintf(id, EXAMPLE_ID_SIZE, "req-%d", number);
	return r;
}

struct store *open_store(const struct fixture *f)
{
	struct err err = ERR_INIT;
	struct store *s = store_open(&f->options, &err);

	if (!s)
		fail_msg("%s", err.message);
	return s;
}

void push_record(struct store *s, const struct record *r)
{
	struct recorder *recorder = recorder_new(s);

	recorder_keep(recorder, r);
	recorder_free(recorder);
}

void push_records(struct store *s, int from, int to)
{
	struct recorder *recorder = recorder_new(s);
	char id[EXAMPLE_ID_SIZE];

	for (int i = from; i < to; i++) {
		struct record r = example_record(i, id);

		recorder_keep(recorder, &r);
	}
	recorder_free(recorder);
}

struct db *open_db(const char *path, enum db_mode mode)
{
	struct err err = ERR_INIT;
	struct db *db = db_open(path, mode, &err);

	if (!db)
		fail_msg("%s", err.message);
	return db;
}

void run_sql(struct db *db, const char *sql)
{
	struct err err = ERR_INIT;

	if (db_exec(db, sql, &err) < 0)
		fail_msg("%s: %s", sql, err.message);
}

int64_t sql_number(struct db *db, const char *sql)
{
	struct err err = ERR_INIT;
	int64_t value = -1;

	if (db_number(db, sql, &value, &err) < 0)
		fail_msg("%s: %s", sql, err.message);
	return value;
}

int64_t number_in(const char *database, const char *sql)
{
	struct db *db = open_db(database, DB_READ);
	int64_t value = sql_number(db, sql);

	db_close(db);
	return value;
}

int64_t count_rows(const struct fixture *f)
{
	return number_in(f->database, "SELECT count(*) FROM usage");
}

int64_t count_lines(const char *path)
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

void assert_counted(const struct fixture *f, const char *outcome, int64_t value)
{
	char line[128];
	struct buf text;

	snprintf(line, sizeof(line), "spass_records_total{outcome=\"%s\"} %lld\n", outcome,
		 (long long)value);
	buf_init(&text, MIB);
	assert_int_equal(metrics_print(f->metrics, NULL, 0, true, &text), 0);
	if (!strstr(buf_str(&text), line))
		fail_msg("%s not in\n%s", line, strstr(buf_str(&text), "# TYPE spass_records_total"));
	buf_free(&text);
}

int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

int64_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

int in_child(int (*body)(struct fixture *f), struct fixture *f)
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

void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

bool recovers(struct store *s)
{
	for (int i = 0; i < 1000; i++) {
		if (store_check(s, NULL) == 0)
			return true;
		pause_ms(10);
	}
	return false;
}
