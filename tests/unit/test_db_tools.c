/*
 * tests/unit/test_db_tools.c - copying a database that is written, having it alone, verifying it.
 */
#include "common/store/verify.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/conversation.h"
#include "common/store/migrate.h"
#include "common/store/store.h"
#include "tests/support/store_stage.h"
#include "tests/support/tree.h"

enum { WAIT_MS = 20000 };

/* ---- copies ---- */

/* Moves an amount from one account to the other, for as long as it is told to. */
struct mover {
	const char *database;
	_Atomic bool stop;
	_Atomic int moves;
};

static void *move(void *data)
{
	struct mover *m = data;
	struct db *db = open_db(m->database, DB_WRITE);
	struct err err = ERR_INIT;

	while (!atomic_load(&m->stop)) {
		assert_int_equal(db_begin(db, &err), 0);
		run_sql(db, "UPDATE account SET amount = amount - 1 WHERE name = 'a'");
		run_sql(db, "UPDATE account SET amount = amount + 1 WHERE name = 'b'");
		assert_int_equal(db_commit(db, &err), 0);
		assert_int_equal(db_tend(db, &err), 0);
		atomic_fetch_add(&m->moves, 1);
	}
	db_close(db);
	return NULL;
}

struct seen {
	struct mover *mover;
	int steps, moves_at_first, moves_at_last;
	int64_t done, total;
};

static int note_step(void *context, int64_t done, int64_t total)
{
	struct seen *s = context;

	assert_true(done >= s->done && done <= total);
	if (s->steps++ == 0)
		s->moves_at_first = atomic_load(&s->mover->moves);
	/* In the middle of the copy somebody else's commit comes through. */
	for (int i = 0; s->steps == 3 && i < WAIT_MS; i++) {
		if (atomic_load(&s->mover->moves) > s->moves_at_first)
			break;
		usleep(1000);
	}
	s->moves_at_last = atomic_load(&s->mover->moves);
	s->done = done;
	s->total = total;
	return 0;
}

static void a_copy_is_of_one_moment_while_others_write(void **state)
{
	struct fixture *f = *state;
	struct mover m = { .database = f->database };
	struct seen seen = { .mover = &m };
	const struct db_copying how = { .progress = note_step, .context = &seen };
	struct db *db = open_db(f->database, DB_WRITE), *reader;
	struct err err = ERR_INIT;
	struct stat st;
	pthread_t thread;

	/* The accounts lie far apart, so that a copy in steps meets them at different times. */
	run_sql(db, "CREATE TABLE account (name TEXT, amount BIGINT, fill BLOB)");
	run_sql(db, "INSERT INTO account VALUES ('a', 1000000, zeroblob(6000000))");
	run_sql(db, "INSERT INTO account VALUES ('b', 0, zeroblob(6000000))");
	pthread_create(&thread, NULL, move, &m);
	while (atomic_load(&m.moves) < 10)
		usleep(1000);
	reader = open_db(f->database, DB_READ);
	assert_int_equal(db_copy(reader, f->copy, &how, &err), 0);
	atomic_store(&m.stop, true);
	pthread_join(thread, NULL);
	db_close(reader);
	db_close(db);

	assert_true(seen.steps > 5);
	assert_int_equal(seen.done, seen.total);
	assert_true(seen.moves_at_last > seen.moves_at_first); /* nobody waited for the copy */
	assert_int_equal(stat(f->copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	db = open_db(f->copy, DB_READ);
	assert_int_equal(sql_number(db, "SELECT sum(amount) FROM account"), 1000000);
	assert_true(sql_number(db, "SELECT amount FROM account WHERE name = 'b'") >= 10);
	db_close(db);
}

static int give_up(void *context, int64_t done, int64_t total)
{
	(void)context;
	(void)done;
	(void)total;
	return -1;
}

static int count_files(const char *dir)
{
	char *command = mem_printf("ls -A '%s' | wc -l", dir), line[32];
	FILE *out = popen(command, "r");
	int count;

	assert_non_null(fgets(line, sizeof line, out));
	count = (int)strtol(line, NULL, 10);
	pclose(out);
	mem_free(command);
	return count;
}

static void a_copy_that_is_given_up_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	const struct db_copying how = { .progress = give_up };
	struct db *db = open_db(f->database, DB_WRITE);
	struct err err = ERR_INIT;
	int files;

	run_sql(db, "CREATE TABLE t (b BLOB)");
	run_sql(db, "INSERT INTO t VALUES (zeroblob(4000000))");
	files = count_files(f->dir);
	assert_int_equal(db_copy(db, f->copy, &how, &err), -1);
	assert_int_equal(err.code, E_cancelled);
	assert_int_equal(count_files(f->dir), files);
	run_sql(db, "INSERT INTO t VALUES (1)"); /* the transaction of the copy has ended */
	db_close(db);
}

static void a_file_that_is_there_is_kept_unless_it_may_be_replaced(void **state)
{
	struct fixture *f = *state;
	const struct db_copying replacing = { .replace = true };
	struct db *db = open_db(f->database, DB_WRITE);
	struct err err = ERR_INIT;
	struct buf text;
	struct stat st;

	run_sql(db, "CREATE TABLE t (n)");
	assert_int_equal(file_write(f->copy, SPAN_LIT("mine"), &err), 0);
	assert_int_equal(db_copy(db, f->copy, NULL, &err), -1);
	assert_non_null(strstr(err.message, "exists already"));
	buf_init(&text, 100);
	assert_int_equal(file_read(f->copy, &text, &err), 0);
	assert_string_equal(buf_str(&text), "mine");
	buf_free(&text);
	assert_int_equal(db_copy(db, f->copy, &replacing, &err), 0);
	db_close(db);
	db = open_db(f->copy, DB_READ);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM t"), 0);
	/* A device would be gone. */
	assert_int_equal(unlink(f->copy), 0);
	assert_int_equal(mkfifo(f->copy, 0600), 0);
	assert_int_equal(db_copy(db, f->copy, &replacing, &err), -1);
	assert_non_null(strstr(err.message, "no regular file"));
	assert_int_equal(stat(f->copy, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	db_close(db);
}

/* ---- alone ---- */

static void having_it_alone_needs_that_nobody_has_it(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct db *other = open_db(f->database, DB_WRITE), *db;

	run_sql(other, "CREATE TABLE t (n)");
	assert_null(db_open_within(f->database, DB_ALONE, 0, &err));
	assert_non_null(strstr(err.message, "another process holds the database"));
	run_sql(other, "INSERT INTO t VALUES (1)");
	db_close(other);

	db = db_open_within(f->database, DB_ALONE, 0, &err);
	assert_non_null(db);
	assert_null(db_open_within(f->database, DB_READ, 0, &err));
	assert_null(db_open_within(f->database, DB_WRITE, 0, &err));
	run_sql(db, "INSERT INTO t VALUES (2)");
	db_close(db);

	other = open_db(f->database, DB_READ);
	assert_int_equal(sql_number(other, "SELECT count(*) FROM t"), 2);
	db_close(other);
}

/* ---- verify ---- */

struct finding {
	char name[32];
	int64_t found;
};

struct findings {
	struct finding list[32];
	size_t count;
	char detail[256];
};

static void note_check(void *context, const struct verify_check *check)
{
	struct findings *f = context;

	if (check->found == 0)
		return;
	snprintf(f->list[f->count].name, sizeof f->list[0].name, "%s", check->name);
	f->list[f->count++].found = check->found;
	snprintf(f->detail, sizeof f->detail, "%s", check->detail);
}

static void add_conversation(struct db *db, const char *id, int messages)
{
	struct message_row rows[8];
	struct conversation_addition a = {
		.owner = { "default", "ada" }, .id = id, .is_new = true, .now_ms = 1000,
		.model = SPAN_LIT("m"), .messages = rows, .count = (size_t)messages,
	};
	struct err err = ERR_INIT;

	for (int i = 0; i < messages; i++)
		rows[i] = (struct message_row){ .role = SPAN_LIT("user"),
						.text = SPAN_LIT("words to be found"),
						.prompt_tokens = -1, .completion_tokens = -1 };
	if (conversation_add(db, &a, &err) < 0)
		fail_msg("%s", err.message);
}

static struct db *make_database(const char *path)
{
	struct db *db = open_db(path, DB_WRITE);
	struct err err = ERR_INIT;
	bool more;

	if (migrate(db, asset_table, MIGRATE_SCHEMA, &err) < 0)
		fail_msg("%s", err.message);
	add_conversation(db, "conv_1", 3);
	add_conversation(db, "conv_2", 2);
	if (conversation_index_some(db, CONVERSATION_INDEX_STEP, &more, &err) < 0)
		fail_msg("%s", err.message);
	assert_false(more);
	return db;
}

/* A ledger of two days and its sums; r4 has no cost that is known. */
#define LEDGER_KIND(number, source)                                                                    \
	"INSERT INTO usage_kind (number, since, depth, tenant_id, token_id, user_id, model,"                \
	" resolved_backend, status, attempts, streamed, finished, cost_source) VALUES (" number             \
	", 1, 0, 'acme', 't', 'ada', 'm', 'b', 200, 1, 0, 1, '" source "');"
#define LEDGER_ROW(id, day, values)                                                                    \
	"INSERT INTO usage_row (ts, request_id, prompt_tokens, completion_tokens, kind, cost_usd, cost_eur," \
	" cost_billed_usd, cost_billed_eur) VALUES (" day " * 86400000, '" id "', " values ");"
#define LEDGER_ROWS                                                                               \
	LEDGER_KIND("101", "table") LEDGER_KIND("102", "unknown")                                       \
	LEDGER_ROW("r1", "10", "5, 2, 101, 10, 9, 12, 11")                                              \
	LEDGER_ROW("r2", "12", "3, 1, 101, 6, 5, 7, 6")                                                 \
	LEDGER_ROW("r3", "12", "2, 1, 101, 4, 3, 5, 4")                                                 \
	LEDGER_ROW("r4", "12", "1, 1, 102, NULL, NULL, NULL, NULL")                                     \
	"INSERT INTO usage_day VALUES ('acme', 10, 'ada', 't', 'm', 1, 5, 2, 10, 9, 12, 11, 0, 0, 0),"         \
	" ('acme', 12, 'ada', 't', 'm', 3, 6, 3, 10, 8, 12, 10, 1, 0, 0);"

/* The same through a composite alias, whose link's alias is l. */
#define LINK_ROWS                                                                                 \
	LEDGER_ROWS "UPDATE usage_kind SET link_model = 'l';"                                           \
		    "INSERT INTO usage_link_day VALUES ('acme', 10, 't', 'l', 12, 11, 0, 0), ('acme', 12, 't', 'l', 12, 10, 0, 0);"

static const struct damage {
	const char *sql;
	const char *finds[6]; /* of the checks that are expected to find something */
} damages[] = {
	{ "SELECT 1", { NULL } },
	{ "PRAGMA foreign_keys=OFF; INSERT INTO image_part VALUES (7, 1, x'00')", { "foreign_key" } },
	{ "DELETE FROM conversation WHERE id = 'conv_2'",
	  { "search_words", "message_conversation", "search_extra", "conversation_total", "conversation_count" } },
	{ "UPDATE conversation SET first_message = 0 WHERE id = 'conv_1'", { "message_run" } },
	{ "INSERT INTO message_run (conversation, seq, number) VALUES (1, 3, 1)", { "run_extra" } },
	{ "INSERT INTO message_run (conversation, seq, number) VALUES (77, 1, 1)", { "run_extra" } },
	{ "UPDATE conversation SET bytes = 0 WHERE id = 'conv_1'", { "conversation_bytes", "conversation_total" } },
	{ "UPDATE conversation_total SET bytes = bytes + 1", { "conversation_total" } },
	{ "DELETE FROM conversation_total", { "conversation_total" } },
	{ "UPDATE conversation_count SET count = 9", { "conversation_count" } },
	{ "DELETE FROM conversation_count", { "conversation_count" } },
	{ "UPDATE conversation SET message_count = 7 WHERE id = 'conv_1'", { "message_count" } },
	{ "UPDATE message SET seq = 99 WHERE number = 1", { "message_order", "message_run" } },
	{ "UPDATE message SET seq = 98 WHERE conversation = 1 AND seq = 3", { "message_order", "message_run" } },
	{ "INSERT INTO message (conversation, seq, id, role, created_at, tokens, bytes, interrupted,"
	  " text) VALUES (1, 4, 'msg_x', 'user', 0, 0, 0, 0, 'unknown to search');"
	  "INSERT INTO message_run (conversation, seq, number) SELECT 1, 4, max(number) FROM message;"
	  "UPDATE conversation SET message_count = 4, last_seq = 4, bytes = bytes + 512 WHERE id = 'conv_1';"
	  "UPDATE conversation_total SET bytes = bytes + 512;"
	  "UPDATE message_indexed SET up_to = (SELECT max(number) FROM message)",
	  { "search_words", "search_missing" } },
	{ "UPDATE message SET text = 'other words' WHERE number = 1", { "search_words" } },
	{ "INSERT INTO image_total VALUES ('acme', 0, 0)", { NULL } },
	{ "INSERT INTO image_total VALUES ('acme', 1, 0)", { "image_total" } },
	{ "INSERT INTO image_blob VALUES (1, 'acme', 'd', 'image/png', 6, 0, 1);"
	  "INSERT INTO image_part VALUES (1, 1, x'000102'), (1, 2, x'030405')",
	  { NULL } },
	{ "INSERT INTO image_blob VALUES (1, 'acme', 'd', 'image/png', 6, 0, 1);"
	  "INSERT INTO image_part VALUES (1, 1, x'0001')",
	  { "image_parts" } },
	{ "INSERT INTO image_blob VALUES (1, 'acme', 'd', 'image/png', 6, 0, 0);"
	  "INSERT INTO image VALUES ('acme', 'img_1', 1, 0);"
	  "INSERT INTO image_total VALUES ('acme', 1, 0)",
	  { "image_blob" } },
	{ "INSERT INTO image_blob VALUES (1, 'acme', 'd', 'image/png', 0, 0, 1);"
	  "INSERT INTO image VALUES ('acme', 'img_1', 1, 0)",
	  { "image_total" } },
	{ "INSERT INTO memory VALUES ('', '', 'ada', 'n', 'c', 0, 0)", { "memory_name" } },
	{ LEDGER_ROWS, { NULL } },
	{ LINK_ROWS, { NULL } },
	{ LINK_ROWS "UPDATE usage_link_day SET cost_billed_eur = 9 WHERE day = 12", { "link_sums" } },
	{ LINK_ROWS "DELETE FROM usage_link_day WHERE day = 10", { "link_sums" } },
	{ LINK_ROWS "UPDATE usage_link_day SET cost_billed_usd = 13 WHERE day = 12", { "link_rows", "usage_links" } },
	{ LINK_ROWS "INSERT INTO usage_link_day VALUES ('acme', 12, 't', 'z', 1, 0, 0, 0)", { "link_rows", "usage_links" } },
	/* The clock was ahead, and what was written then has gone as the oldest. */
	{ LINK_ROWS "INSERT INTO usage_day VALUES ('acme', 13, 'ada', 't', 'm', 1, 0, 0, 1, 0, 1, 0, 0, 0, 0);"
		    "INSERT INTO usage_link_day VALUES ('acme', 13, 't', 'l', 1, 0, 0, 0)",
	  { NULL } },
	{ LEDGER_ROWS "UPDATE usage_day SET requests = 1 WHERE day = 12", { "usage_sums" } },
	{ LEDGER_ROWS "UPDATE usage_day SET cost_billed_eur = 7 WHERE day = 12", { "usage_sums" } },
	{ LEDGER_ROWS "UPDATE usage_day SET unknown = 0 WHERE day = 12", { "usage_sums" } },
	{ LEDGER_ROWS "DELETE FROM usage_day WHERE day = 10", { "usage_sums" } },
	{ LEDGER_ROWS "UPDATE usage_row SET prompt_tokens = 1000 WHERE request_id = 'r3'", { "usage_sums" } },
	{ LEDGER_ROWS "UPDATE usage_day SET completion_tokens = 7 WHERE day = 12", { "usage_rows" } },
	{ LEDGER_ROWS "UPDATE usage_day SET cost_billed_usd = 100 WHERE day = 12", { "usage_rows" } },
	{ LEDGER_ROWS "UPDATE usage_day SET unknown = 2 WHERE day = 12", { "usage_rows" } },
	{ LEDGER_ROWS "INSERT INTO usage_day VALUES ('acme', 12, 'ada', 't', 'z', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)",
	  { "usage_rows" } },
	{ LEDGER_ROWS "DELETE FROM usage_row WHERE request_id = 'r3'", { "usage_rows" } },
	{ LEDGER_ROWS "DELETE FROM usage_kind WHERE number = 102", { "usage_rows", "usage_kind" } },
	/* Rows grow old and go, the oldest first; their sums stay. */
	{ LEDGER_ROWS "DELETE FROM usage_row WHERE request_id = 'r1'", { NULL } },
};

static void each_contradiction_is_found_by_its_check_and_no_other(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		struct db *db = make_database(f->database);
		struct findings found = { .count = 0 };
		struct verify_report report;
		struct err err = ERR_INIT;
		size_t want = 0;

		run_sql(db, damages[i].sql);
		db_close(db);
		if (verify_database(f->database, note_check, &found, &report, &err) < 0)
			fail_msg("%s", err.message);
		assert_true(report.searched_words);
		assert_int_equal(report.schema, report.known);
		for (; want < 6 && damages[i].finds[want]; want++)
			if (want >= found.count ||
			    strcmp(found.list[want].name, damages[i].finds[want]) != 0)
				fail_msg("%zu: not found by %s: %s", i,
					 damages[i].finds[want], damages[i].sql);
		if (found.count != want)
			fail_msg("%zu: also found by %s: %s: %s", i,
				 found.list[want].name, found.detail, damages[i].sql);
		tree_remove(f->dir);
		assert_int_equal(mkdir(f->dir, 0700), 0);
	}
}

static void a_database_in_use_is_verified_as_of_one_moment(void **state)
{
	struct fixture *f = *state;
	struct db *db = make_database(f->database);
	struct findings found = { .count = 0 };
	struct verify_report report;
	struct err err = ERR_INIT;

	/* The half of a change that nobody sees yet. */
	assert_int_equal(db_begin(db, &err), 0);
	run_sql(db, "UPDATE conversation SET message_count = 7");
	assert_int_equal(verify_database(f->database, note_check, &found, &report, &err), 0);
	assert_int_equal(found.count, 0);
	assert_false(report.searched_words);
	assert_true(report.checks >= 7);
	db_rollback(db);
	run_sql(db, "UPDATE message SET text = NULL WHERE number = 1");
	assert_int_equal(verify_database(f->database, note_check, &found, &report, &err), 0);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.list[0].name, "search_extra");
	db_close(db);
}

static void a_damaged_page_is_found(void **state)
{
	struct fixture *f = *state;
	struct db *db = make_database(f->database);
	struct findings found = { .count = 0 };
	struct verify_report report;
	struct err err = ERR_INIT;
	int64_t page = sql_number(db, "SELECT rootpage FROM sqlite_master WHERE name = 'memory'");
	FILE *file;

	db_close(db);
	file = fopen(f->database, "r+");
	assert_int_equal(fseek(file, (page - 1) * 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		fputc('x', file);
	fclose(file);
	assert_int_equal(verify_database(f->database, note_check, &found, &report, &err), 0);
	assert_true(found.count >= 1);
	assert_string_equal(found.list[0].name, "integrity");
}

static void what_cannot_be_verified_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct verify_report report;
	struct findings found = { .count = 0 };
	struct err err = ERR_INIT;
	struct db *db;

	assert_int_equal(verify_database(f->copy, note_check, &found, &report, &err), -1);
	assert_int_equal(err.code, E_storage_error);
	db = make_database(f->database);
	run_sql(db, "PRAGMA user_version=9999");
	db_close(db);
	assert_int_equal(verify_database(f->database, note_check, &found, &report, &err), -1);
	assert_non_null(strstr(err.message, "written by a newer spass (schema 9999"));
	assert_int_equal(found.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_is_of_one_moment_while_others_write),
		TEST(a_copy_that_is_given_up_leaves_nothing),
		TEST(a_file_that_is_there_is_kept_unless_it_may_be_replaced),
		TEST(having_it_alone_needs_that_nobody_has_it),
		TEST(each_contradiction_is_found_by_its_check_and_no_other),
		TEST(a_database_in_use_is_verified_as_of_one_moment),
		TEST(a_damaged_page_is_found),
		TEST(what_cannot_be_verified_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
