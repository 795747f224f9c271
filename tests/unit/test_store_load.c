/*
 * tests/unit/test_store_load.c - many threads, full queues, locks that stay, the size of the log,
 * and kill -9.
 */
#include "tests/support/store_stage.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/ident.h"
#include "common/store/db.h"
#include "common/store/migrate.h"
#include "tests/support/ledger.h"

enum { PUSHERS = 8, EACH = 12500 };

struct pusher {
	struct store *store;
	int number;
};

static void *push_many(void *data)
{
	struct pusher *p = data;
	struct recorder *recorder = recorder_new(p->store);
	char id[EXAMPLE_ID_SIZE];

	for (int i = 0; i < EACH; i++) {
		struct record r = example_record(i, id);

		r.depth = p->number;
		recorder_keep(recorder, &r);
		/* Stays below what the queue holds, so that nothing may be dropped. */
		if (i % 4000 == 3999)
			store_flush(p->store);
	}
	recorder_free(recorder);
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
		number_in(f->database,
		       "SELECT count(*) FROM (SELECT prompt_tokens - lag(prompt_tokens) OVER"
		       " (PARTITION BY depth ORDER BY rowid) AS step FROM usage) WHERE step <> 1"),
		0);
}

/* The writer, held within a piece of work for as long as a test wants. */
struct holding {
	struct store *store;
	pthread_t thread;
	int begun[2], let_go[2]; /* pipes */
};

static int hold(struct db *db, void *arg, struct err *err)
{
	const struct holding *h = arg;
	char byte = 0;

	(void)db, (void)err;
	if (write(h->begun[1], &byte, 1) != 1 || read(h->let_go[0], &byte, 1) != 1)
		abort();
	return 0;
}

static void *write_and_hold(void *arg)
{
	struct holding *h = arg;
	struct err err = ERR_INIT;

	store_write(h->store, hold, h, &err);
	return NULL;
}

static void hold_writer(struct holding *h, struct store *s)
{
	char byte;

	h->store = s;
	assert_int_equal(pipe(h->begun), 0);
	assert_int_equal(pipe(h->let_go), 0);
	assert_int_equal(pthread_create(&h->thread, NULL, write_and_hold, h), 0);
	assert_int_equal(read(h->begun[0], &byte, 1), 1);
}

static void let_writer_go(struct holding *h)
{
	assert_int_equal(write(h->let_go[1], "", 1), 1);
	pthread_join(h->thread, NULL);
	for (int i = 0; i < 2; i++) {
		close(h->begun[i]);
		close(h->let_go[i]);
	}
}

/* The writer is held, so the queue must fill, however long that takes. */
static void what_the_queue_cannot_hold_is_counted_as_dropped(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct holding held;

	hold_writer(&held, s);
	push_records(s, 0, STORE_QUEUE_MAX + 1000);
	let_writer_go(&held);
	store_flush(s);
	assert_counted(f, "written", STORE_QUEUE_MAX);
	assert_counted(f, "dropped", 1000);
	assert_int_equal(count_rows(f), STORE_QUEUE_MAX);
	store_close(s);
}

/* A disk that hangs: who asks is told, as long as it does. */
static void a_write_that_does_not_come_back_is_told(void **state)
{
	enum { PATIENCE_MS = 60000, SOON_MS = 5000 };
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct err err = ERR_INIT;
	struct holding held;
	int64_t start;

	hold_writer(&held, s);
	start = clock_mono_ms();
	assert_int_equal(store_check(s, &err), 0);
	while (store_check(s, &err) == 0 && clock_mono_ms() - start < PATIENCE_MS)
		pause_ms(20);
	assert_non_null(strstr(err.message, "a write has not come back for "));
	assert_true(clock_mono_ms() - start > SOON_MS);
	let_writer_go(&held);
	store_flush(s);
	assert_int_equal(store_check(s, &err), 0);
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
	push_records(s, 0, 20 * STORE_BATCH_MAX);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	assert_non_null(strstr(err.message, "another process"));
	assert_true(clock_mono_ms() - start < 8000);
	db_rollback(db);
	db_close(db);
	assert_true(recovers(s));
	push_records(s, 0, 10);
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
	push_records(s, 0, 1);
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
	struct recorder *recorder = recorder_new(s);
	char id[EXAMPLE_ID_SIZE];
	struct record r = example_record(0, id);
	int64_t largest = 0;
	char log[160];

	snprintf(log, sizeof(log), "%s-wal", f->database);
	for (int i = 0; i < 40 * STORE_BATCH_MAX; i++) {
		ident_uuid(id);
		recorder_keep(recorder, &r);
		if (i % STORE_BATCH_MAX != STORE_BATCH_MAX - 1)
			continue;
		store_flush(s);
		if (size_of(log) > largest)
			largest = size_of(log);
	}
	assert_in_range(largest, 1, (DB_LOG_PAGES + 1500) * 4200);
	recorder_free(recorder);
	store_close(s);
	assert_int_equal(size_of(log), 0);
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
	assert_int_equal(size_of(log), 0);
	db_close(writer);
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
		push_records(s, next, next + GROUP);
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
	struct record rows[GROUP];
	char ids[GROUP][EXAMPLE_ID_SIZE];
	struct ledger ledger;

	if (!db || migrate(db, asset_table, MIGRATE_SCHEMA, &err) < 0 || ledger_open(&ledger, db, &err) < 0)
		_exit(2);
	for (int next = from;; next += GROUP) {
		if (db_begin(db, &err) < 0)
			_exit(3);
		for (int i = 0; i < GROUP; i++)
			rows[i] = example_record(next + i, ids[i]);
		if (ledger_insert(&ledger, rows, GROUP, &err) < 0)
			_exit(4);
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
		assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage"
							" WHERE prompt_tokens <> rowid - 1"),
				 0);
		next = (int)rows;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(eight_threads_lose_nothing_and_keep_their_order),
		TEST(what_the_queue_cannot_hold_is_counted_as_dropped),
		TEST(a_write_that_does_not_come_back_is_told),
		TEST(a_lock_that_stays_fails_quickly_and_passes),
		TEST(closing_does_not_wait_for_a_lock_that_stays),
		TEST(the_log_stays_small_under_load),
		TEST(the_log_shrinks_after_a_long_reader),
		TEST(a_killed_writer_leaves_whole_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
