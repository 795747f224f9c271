/*
 * tests/unit/test_store_work.c - changes that are waited for, and reading beside them.
 */
#include "common/store/store.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/loop/fiber.h"
#include "common/store/conversation.h"
#include "common/store/sink.h"
#include "tests/support/tree.h"

struct fixture {
	char dir[64], database[128];
	struct store *store;
	struct job_pool *jobs;
};

static int make_table(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db, "CREATE TABLE t (n BIGINT PRIMARY KEY, text TEXT)", err);
}

static int set_up(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	struct err err = ERR_INIT;

	snprintf(f->dir, sizeof f->dir, "/tmp/spass-work-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->database, sizeof f->database, "%s/spass.db", f->dir);
	struct store_options options = { .database = f->database, .usage = true };
	f->store = store_open(&options, &err);
	assert_non_null(f->store);
	f->jobs = job_pool_new(2, 1000);
	assert_int_equal(store_write(f->store, make_table, NULL, &err), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	job_pool_free(f->jobs);
	store_close(f->store);
	tree_remove(f->dir);
	mem_free(f);
	return 0;
}

static int insert(struct db *db, void *arg, struct err *err)
{
	struct db_statement *st = db_statement(db, "INSERT INTO t (n, text) VALUES (?1, ?2)", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, *(int64_t *)arg);
	db_bind_str(st, 2, "text");
	return db_run(st, err);
}

static int insert_and_fail(struct db *db, void *arg, struct err *err)
{
	if (insert(db, arg, err) < 0)
		return -1;
	return err_set(err, E_invalid_field, "n", "not this one");
}

static int count(struct db *db, void *arg, struct err *err)
{
	return db_number(db, "SELECT count(*) FROM t", arg, err);
}

static int64_t rows(struct fixture *f)
{
	int64_t n = -1;
	struct err err = ERR_INIT;

	assert_int_equal(store_read(f->store, f->jobs, count, &n, &err), 0);
	return n;
}

static void what_was_written_is_read_at_once(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	for (int64_t n = 1; n <= 20; n++) {
		assert_int_equal(store_write(f->store, insert, &n, &err), 0);
		assert_int_equal(rows(f), n);
	}
}

/* A turn of that conversation. */
static struct conversation_addition turn_of(const char *id, bool is_new, const struct message_row *said)
{
	return (struct conversation_addition){
		.owner = { "acme", "ann" },
		.id = id,
		.is_new = is_new,
		.title = SPAN_LIT("Rivers"),
		.model = SPAN_LIT("m"),
		.now_ms = 1000,
		.messages = said,
		.count = 1,
	};
}

static int count_said(struct db *db, void *arg, struct err *err)
{
	return db_number(db,
			 "SELECT count(*) FROM message AS m JOIN conversation AS c ON c.number = m.conversation"
			 " JOIN conversation_count AS n ON n.user_id = c.user_id"
			 " JOIN conversation_total AS t ON t.tenant_id = c.tenant_id"
			 " WHERE c.message_count = 2 AND n.count = 1 AND t.bytes = c.bytes AND t.bytes = 2 * (5 + 512)",
			 arg, err);
}

static void a_turn_is_kept_or_says_why_not(void **state)
{
	static const struct message_row said = {
		.role = SPAN_INIT("user"), .text = SPAN_INIT("hello"), .bytes = 5,
		.prompt_tokens = -1, .completion_tokens = -1,
	};
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct conversation_addition turn = turn_of("conv_a", true, &said);
	int64_t n = 0;

	assert_int_equal(store_add(f->store, &turn, &err), 0);
	assert_int_equal(store_add(f->store, &turn, &err), -1); /* the id is taken */
	assert_int_equal(err.code, E_storage_error);
	turn = turn_of("conv_b", false, &said);
	assert_int_equal(store_add(f->store, &turn, &err), -1);
	assert_int_equal(err.code, E_conversation_not_found);
	assert_int_equal(store_check(f->store, NULL), 0);
	turn = turn_of("conv_a", false, &said);
	assert_int_equal(store_add(f->store, &turn, &err), 0);
	assert_int_equal(store_read(f->store, f->jobs, count_said, &n, &err), 0);
	assert_int_equal(n, 2);
}

static int damage(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db,
		       "CREATE TRIGGER refuse BEFORE INSERT ON message WHEN new.conversation ="
		       " (SELECT number FROM conversation WHERE id = 'conv_1')"
		       " BEGIN SELECT RAISE(FAIL, 'damaged'); END",
		       err);
}

static int count_messages(struct db *db, void *arg, struct err *err)
{
	return db_number(db, "SELECT count(*) FROM message", arg, err);
}

static int count_rows(struct db *db, void *arg, struct err *err)
{
	return db_number(db, "SELECT count(*) FROM usage_row", arg, err);
}

static struct sink *open_sink(struct fixture *f)
{
	struct store_options options = { .database = f->database, .usage = true };
	struct err err = ERR_INIT;
	struct sink *s = sink_open(&options, &err);

	assert_non_null(s);
	return s;
}

static void a_damaged_conversation_fails_alone(void **state)
{
	enum { COUNT = 4, DAMAGED = 1, ABSENT = 2 };
	static const char *const ids[COUNT] = { "conv_0", "conv_1", "conv_2", "conv_3" };
	static const struct message_row said = {
		.role = SPAN_INIT("user"), .text = SPAN_INIT("hello"), .bytes = 5,
		.prompt_tokens = -1, .completion_tokens = -1,
	};
	struct fixture *f = *state;
	struct sink *sink = open_sink(f);
	struct conversation_addition turns[COUNT];
	struct work works[COUNT], *all[COUNT];
	struct err err = ERR_INIT;
	int64_t n = 0;

	for (int i = 0; i < COUNT; i++) {
		turns[i] = turn_of(ids[i], true, &said);
		if (i != ABSENT)
			assert_int_equal(store_add(f->store, &turns[i], &err), 0);
	}
	assert_int_equal(store_write(f->store, damage, NULL, &err), 0);
	for (int i = 0; i < COUNT; i++) {
		turns[i].is_new = false;
		work_init_addition(&works[i], &turns[i]);
		all[i] = &works[i];
	}
	assert_int_equal(sink_write(sink, NULL, 0, all, COUNT), 0);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(works[i].err.code, i == DAMAGED  ? E_storage_error
						    : i == ABSENT ? E_conversation_not_found
								  : E_none);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(works[i].result, i == DAMAGED || i == ABSENT ? -1 : 0);
	assert_int_equal(store_read(f->store, f->jobs, count_messages, &n, &err), 0);
	assert_int_equal(n, COUNT - 1 + COUNT - 2);
	sink_close(sink);
}

static int end_the_transaction(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	db_rollback(db);
	return err_set(err, E_storage_error, "", "the disk is full");
}

static void records_outlive_the_works_beside_them(void **state)
{
	static const struct record said = {
		.request_id = "r1", .tenant_id = "acme", .user_id = "ann", .route = "/v1/chat/completions", .status = 200,
	};
	struct fixture *f = *state;
	struct sink *sink = open_sink(f);
	struct common *common = common_make(&said, common_hash(&said));
	struct entry entry = { .index = 1 }, *entries[] = { &entry };
	struct work healthy, deadly, *all[] = { &healthy, &deadly };
	struct err err = ERR_INIT;
	int64_t one = 1, n = 0;

	entry_fill(&entry, &said, common);
	work_init(&healthy, insert, &one);
	work_init(&deadly, end_the_transaction, NULL);
	assert_int_equal(sink_write(sink, entries, 1, all, 2), 0);
	assert_int_equal(healthy.result, -1);
	assert_string_equal(healthy.err.message, "the disk is full");
	assert_int_equal(deadly.result, -1);
	assert_int_equal(rows(f), 0);
	assert_int_equal(store_read(f->store, f->jobs, count_rows, &n, &err), 0);
	assert_int_equal(n, 1);
	mem_free(common);
	sink_close(sink);
}

static void a_failure_undoes_itself_alone(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	int64_t one = 1, two = 2;

	assert_int_equal(store_write(f->store, insert, &one, &err), 0);
	assert_int_equal(store_write(f->store, insert_and_fail, &two, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	assert_int_equal(rows(f), 1);
	assert_int_equal(store_write(f->store, insert, &one, &err), -1); /* the key is taken */
	assert_int_equal(err.code, E_storage_error);
	assert_int_equal(store_write(f->store, insert, &two, &err), 0);
	assert_int_equal(rows(f), 2);
}

struct racer {
	struct fixture *fixture;
	int64_t first;
	pthread_t thread;
	int succeeded, failed;
};

static void *race(void *data)
{
	struct racer *r = data;
	struct err err = ERR_INIT;

	for (int64_t n = r->first; n < r->first + 100; n++) {
		bool fails = n % 10 == 3;

		if (store_write(r->fixture->store, fails ? insert_and_fail : insert, &n, &err) == 0)
			r->succeeded++;
		else
			r->failed++;
	}
	return NULL;
}

static void threads_share_transactions_without_harm(void **state)
{
	enum { THREADS = 8 };
	struct fixture *f = *state;
	struct racer racers[THREADS] = { 0 };

	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){ .fixture = f, .first = i * 100 };
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(racers[i].thread, NULL);
		assert_int_equal(racers[i].succeeded, 90);
		assert_int_equal(racers[i].failed, 10);
	}
	assert_int_equal(rows(f), THREADS * 90);
}

struct on_fiber {
	struct fixture *fixture;
	struct loop *loop;
	int64_t n;
	int *left;
};

static void write_and_read(void *data)
{
	struct on_fiber *o = data;
	struct err err = ERR_INIT;

	assert_int_equal(store_write(o->fixture->store, insert, &o->n, &err), 0);
	assert_true(rows(o->fixture) >= 1);
	if (--*o->left == 0)
		loop_stop(o->loop);
}

static void fibers_wait_beside_each_other(void **state)
{
	enum { FIBERS = 64 };
	struct fixture *f = *state;
	struct loop *loop = loop_new();
	struct on_fiber all[FIBERS];
	int left = FIBERS;

	for (int i = 0; i < FIBERS; i++) {
		all[i] = (struct on_fiber){ f, loop, i, &left };
		fiber_start(loop, write_and_read, &all[i]);
	}
	loop_run(loop);
	loop_free(loop);
	assert_int_equal(rows(f), FIBERS);
}

/* Reading ends with its function, even in the middle of a statement. */
static int look_and_leave(struct db *db, void *arg, struct err *err)
{
	struct db_statement *st = db_statement(db, "SELECT n FROM t", err);

	(void)arg;
	return st && db_next(st, err) == 1 ? 0 : -1;
}

static void a_reader_that_leaves_early_sees_news_the_next_time(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	for (int64_t n = 1; n <= 5; n++) {
		assert_int_equal(store_write(f->store, insert, &n, &err), 0);
		assert_int_equal(store_read(f->store, f->jobs, look_and_leave, NULL, &err), 0);
		assert_int_equal(rows(f), n);
	}
}

static int change_through_reader(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(db, "DELETE FROM t", err);
}

static void a_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(store_read(f->store, f->jobs, change_through_reader, NULL, &err), -1);
	assert_int_equal(err.code, E_storage_error);
}

static int insert_much(struct db *db, void *arg, struct err *err)
{
	static char large[1 << 20];
	struct db_statement *st = db_statement(db, "INSERT INTO t (n, text) VALUES (?1, ?2)", err);

	if (!st)
		return -1;
	memset(large, 'x', sizeof large);
	db_bind_int(st, 1, *(int64_t *)arg);
	db_bind_text(st, 2, span_of(large, sizeof large));
	return db_run(st, err);
}

/* A limit on the size of files stands for the full disk. */
static void a_full_disk_is_told_to_who_waits(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct rlimit before, small;
	int64_t n = 1, failed = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 4 << 20;
	setrlimit(RLIMIT_FSIZE, &small);
	for (; n <= 10; n++)
		failed += store_write(f->store, insert_much, &n, &err) < 0;
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(failed > 0);
	assert_int_equal(err.code, E_storage_error);
	assert_int_equal(rows(f), 10 - failed);
	n = 1000;
	assert_int_equal(store_write(f->store, insert, &n, &err), 0);
	assert_int_equal(rows(f), 11 - failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_written_is_read_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_turn_is_kept_or_says_why_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_conversation_fails_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(records_outlive_the_works_beside_them, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failure_undoes_itself_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads_share_transactions_without_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fibers_wait_beside_each_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reader_that_leaves_early_sees_news_the_next_time, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_reader_cannot_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk_is_told_to_who_waits, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
