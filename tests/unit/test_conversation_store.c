/*
 * tests/unit/test_conversation_store.c - conversations in the database.
 */
#include "common/store/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "tests/support/conversation_stage.h"

static void a_turn_is_read_as_it_was_added(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];
	struct conversation_row row;

	begin_conversation(f, &ada, id, "Hello?", "Hi!");
	add_turn(f, &ada, id, false, "More?", "Yes.");
	assert_int_equal(strlen(id), CONVERSATION_ID_SIZE - 1);
	expect_messages(f, &ada, id, 1, "1 user: Hello?;2 assistant: Hi!;3 user: More?;4 assistant: Yes.;");
	expect_messages(f, &ada, id, 3, "3 user: More?;4 assistant: Yes.;");
	assert_int_equal(conversation_get(f->db, &ada, span_str(id), &row, &f->err), 0);
	assert_int_equal(row.message_count, 4);
	assert_int_equal(row.created_ms + 1, row.used_ms);
	assert_int_equal(row.sent_from, 1);
	assert_true(span_is(row.title, "Hello?"));
	assert_null(row.parent_id.ptr);
}

static void of_others_there_is_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct conversation_owner *strangers[] = { &bob, &other };
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct message_row message = say_message("user", "mine now");
	struct conversation_row row;

	begin_conversation(f, &ada, id, "A secret of Ada", "Kept.");
	conversation_make_id(copy, f->now_ms);
	for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
		const struct conversation_owner *o = strangers[i];
		struct conversation_addition a = { .owner = *o, .id = id, .model = SPAN_LIT("m"),
						   .messages = &message, .count = 1 };
		struct told t;
		int64_t total;
		bool more;

		assert_int_equal(conversation_find(f->db, o, span_str(id), &row, &f->err), 0);
		assert_int_equal(conversation_add(f->db, &a, &f->err), -1);
		assert_int_equal(f->err.code, E_conversation_not_found);
		assert_int_equal(conversation_rename(f->db, o, span_str(id), SPAN_LIT("x"), &f->err), -1);
		assert_int_equal(f->err.code, E_conversation_not_found);
		assert_int_equal(conversation_delete(f->db, o, span_str(id), &f->err), -1);
		assert_int_equal(f->err.code, E_conversation_not_found);
		assert_int_equal(fork_conversation(f->db, o, span_str(id), SPAN_NONE, SPAN_NONE, copy, 1,
						   &f->err),
				 -1);
		assert_int_equal(f->err.code, E_conversation_not_found);
		expect_list(f, o, "", 10, 0, 0, "");
		expect_list(f, o, "conv_", 10, 0, 0, "");
		assert_int_equal(search_conversations(f->db, o, SPAN_LIT("secret"), 10, 0, tell_row,
						     hear(&t, true), &total, &more, &f->err),
				 0);
		expect_told(&t, "");
		assert_int_equal(total, 0);
	}
	expect_list(f, &acme, "", 10, 0, 1, "A secret of Ada/2/ada;");
	expect_list(f, &acme, "conv_", 10, 0, 1, "A secret of Ada/2/ada;");
	assert_int_equal(conversation_find(f->db, &acme, span_str(id), &row, &f->err), 1);
	assert_int_equal(conversation_find(f->db, &ada, SPAN_LIT("conv_'; DROP"), &row, &f->err), 0);
	assert_int_equal(conversation_find(f->db, &ada, SPAN_LIT(""), &row, &f->err), 0);
}

static void lists_are_newest_first_in_pages_and_by_prefix(void **state)
{
	struct fixture *f = *state;
	char a[CONVERSATION_ID_SIZE], b[CONVERSATION_ID_SIZE], c[CONVERSATION_ID_SIZE];

	begin_conversation(f, &ada, a, "a", "1");
	f->now_ms += 100000;
	begin_conversation(f, &ada, b, "b", "1");
	begin_conversation(f, &bob, c, "c", "1");
	expect_list(f, &ada, "", 10, 0, 2, "b/2/ada;a/2/ada;");
	add_turn(f, &ada, a, false, "again", "2");
	expect_list(f, &ada, "", 10, 0, 2, "a/4/ada;b/2/ada;");
	expect_list(f, &ada, "", 1, 1, 2, "b/2/ada;");
	expect_list(f, &ada, "", 1, 2, 2, "");
	expect_list(f, &acme, "", 10, 0, 3, "a/4/ada;c/2/bob;b/2/ada;");
	expect_list(f, &ada, b, 10, 0, 1, "b/2/ada;");
	a[14] = '\0';
	expect_list(f, &ada, a, 10, 0, 1, "a/4/ada;");
	expect_list(f, &ada, "conv_zzz", 10, 0, 0, "");
	expect_list(f, &ada, "CONV%", 10, 0, 0, "");
	expect_list(f, &ada, "conv_0123456789012345678901234567890123456789", 10, 0, 0, "");
}

static void a_title_is_changed(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];

	begin_conversation(f, &ada, id, "first", "1");
	assert_int_equal(conversation_rename(f->db, &ada, span_str(id), SPAN_LIT("second"), &f->err), 0);
	expect_list(f, &ada, "", 10, 0, 1, "second/2/ada;");
}

/* From whichever end a page is counted, it is the same. */
static void pages_are_slices_of_the_whole_list(void **state)
{
	enum { COUNT = 9 };
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], whole[1024] = "", title[2] = "a";
	size_t ends[COUNT + 1] = { 0 };

	for (int i = 0; i < COUNT; i++) {
		title[0] = (char)('a' + i);
		conversation_make_id(id, f->now_ms);
		f->now_ms -= i % 3 != 0; /* some were used in the same millisecond */
		add_turn(f, &ada, id, true, title, "1");
	}
	begin_conversation(f, &bob, id, "other", "1");
	for (int i = 0; i < COUNT; i++) {
		snprintf(whole + ends[i], sizeof whole - ends[i], "%c/2/ada;", 'a' + COUNT - 1 - i);
		ends[i + 1] = strlen(whole);
	}
	for (int limit = 1; limit <= COUNT + 1; limit++)
		for (int offset = 0; offset <= COUNT + 1; offset++) {
			int from = offset < COUNT ? offset : COUNT;
			int to = offset + limit < COUNT ? offset + limit : COUNT;
			char page[1024];

			snprintf(page, sizeof page, "%.*s", (int)(ends[to] - ends[from]), whole + ends[from]);
			expect_list(f, &ada, "", limit, offset, COUNT, page);
			expect_list(f, &ada, "conv_", limit, offset, COUNT, page);
		}
}

/* The schema as it was up to a number. */
static void migrate_to(struct db *db, int number)
{
	struct asset some[64] = { { NULL, NULL, 0 } };
	struct err err = ERR_INIT;
	size_t count = 0;

	for (const struct asset *a = asset_table; a->path; a++)
		if (strncmp(a->path, MIGRATE_SCHEMA, strlen(MIGRATE_SCHEMA)) == 0 &&
		    strtol(a->path + strlen(MIGRATE_SCHEMA), NULL, 10) <= number) {
			assert_true(count + 1 < ARRAY_LEN(some));
			some[count++] = *a;
			some[count] = (struct asset){ NULL, NULL, 0 };
		}
	if (migrate(db, some, MIGRATE_SCHEMA, &err) < 0)
		fail_msg("%s", err.message);
}

/* A conversation as the schema 17 has it. */
static void add_older(struct fixture *f, int which, const char *user, int messages)
{
	char sql[512];

	snprintf(sql, sizeof sql,
		 "INSERT INTO conversation VALUES (%d, 'conv_%d', 'acme', '%s', 't0 u0', 'rivers', 'mock', 1, 1, %d, %d,"
		 " 1, NULL, NULL); INSERT INTO conversation_count VALUES ('acme', '%s', 1)",
		 which, which, user, messages, messages, user);
	assert_int_equal(db_exec(f->db, sql, &f->err), 0);
}

/* Its messages from that one on, of nine bytes. */
static void add_older_turn(struct fixture *f, int which, int seq)
{
	char sql[512];

	for (int i = seq; i < seq + 2; i++) {
		snprintf(sql, sizeof sql,
			 "INSERT INTO message (conversation, seq, id, role, created_at, tokens, bytes, interrupted, text)"
			 " VALUES (%d, %d, 'msg_%d', '%s', 1, 2, 9, 0, 'they flow')",
			 which, i, i, i % 2 ? "user" : "assistant");
		assert_int_equal(db_exec(f->db, sql, &f->err), 0);
	}
}

static int add_digit(void *arg, const struct message_row *row, struct err *err)
{
	int64_t *digits = arg;

	(void)err;
	*digits = *digits * 10 + row->seq;
	return 0;
}

/* The seqs of its messages from that one on, as digits. */
static int64_t seqs_read(struct fixture *f, const char *id, int64_t from)
{
	struct conversation_row row;
	int64_t heavy = 0, light = 0;

	assert_int_equal(conversation_get(f->db, &ada, span_str(id), &row, &f->err), 0);
	assert_int_equal(conversation_messages(f->db, row.number, from, add_digit, &heavy, &f->err), 0);
	assert_int_equal(conversation_weights(f->db, row.number, from, add_digit, &light, &f->err), 0);
	assert_int_equal(heavy, light);
	return heavy;
}

/* Turns of two conversations in turn: none of their runs follows the other. */
static void messages_are_found_run_by_run(void **state)
{
	struct fixture *f = *state;

	add_turn(f, &ada, "conv_1", true, "a", "b");
	add_turn(f, &ada, "conv_2", true, "c", "d");
	add_turn(f, &ada, "conv_1", false, "e", "f");
	add_turn(f, &ada, "conv_1", false, "g", "h");
	add_turn(f, &ada, "conv_2", false, "i", "j");
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message_run"), 3);
	assert_int_equal(seqs_read(f, "conv_1", 1), 123456);
	for (int64_t from = 2, all = 23456, power = 10000; from <= 6; from++, all %= power, power /= 10)
		assert_int_equal(seqs_read(f, "conv_1", from), all);
	assert_int_equal(seqs_read(f, "conv_2", 1), 1234);
	assert_int_equal(seqs_read(f, "conv_2", 3), 34);
	assert_int_equal(seqs_read(f, "conv_2", 5), 0);
}

/* A turn that nobody would find again is refused. */
static void a_run_that_begins_where_another_does_is_refused(void **state)
{
	struct message_row said[] = { say_message("user", "e"), say_message("assistant", "f") };
	struct conversation_addition a = { .owner = ada, .id = "conv_1", .model = SPAN_LIT("mock"), .messages = said,
					   .count = ARRAY_LEN(said) };
	struct fixture *f = *state;

	add_turn(f, &ada, "conv_1", true, "a", "b");
	add_turn(f, &ada, "conv_1", false, "c", "d");
	assert_int_equal(db_exec(f->db, "UPDATE conversation SET last_seq = 2", &f->err), 0);
	a.now_ms = ++f->now_ms;
	assert_int_equal(conversation_add(f->db, &a, &f->err), -1);
	assert_int_equal(f->err.code, E_storage_error);
}

static void an_older_database_keeps_its_conversations(void **state)
{
	struct fixture *f = *state;
	char path[128];

	db_close(f->db);
	snprintf(path, sizeof path, "%s/older.db", f->dir);
	f->db = db_open(path, DB_WRITE, &f->err);
	assert_non_null(f->db);
	migrate_to(f->db, 17);
	add_older(f, 1, "ada", 4);
	add_older(f, 2, "bob", 2);
	add_older_turn(f, 1, 1);
	add_older_turn(f, 2, 1);
	add_older_turn(f, 1, 3);
	db_close(f->db);
	f->db = db_open(path, DB_WRITE, &f->err);
	assert_non_null(f->db);
	migrate_to(f->db, 9999);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM conversation"), 2);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(sql_number(f->db, "SELECT message_count FROM conversation WHERE id = 'conv_1'"), 4);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message AS m JOIN conversation AS c"
				      " ON c.number = m.conversation WHERE c.user_id = 'ada'"), 4);
	assert_int_equal(sql_number(f->db, "SELECT bytes FROM conversation WHERE id = 'conv_1'"), 4 * (512 + 9));
	assert_int_equal(sql_number(f->db, "SELECT bytes FROM conversation_total WHERE tenant_id = 'acme'"), 6 * (512 + 9));
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM sqlite_master WHERE name = 'message' AND sql LIKE '%REFERENCES%'"), 0);
	add_turn(f, &ada, "conv_1", false, "and seas", "they roll");
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), 8);
	assert_int_equal(seqs_read(f, "conv_1", 1), 123456);
	assert_int_equal(seqs_read(f, "conv_1", 4), 456);
}

static void ids_are_unique_to_their_owner(void **state)
{
	struct fixture *f = *state;
	struct conversation_addition a = { .owner = ada, .id = "conv_1", .is_new = true, .model = SPAN_LIT("m"),
					   .now_ms = 1 };

	assert_int_equal(conversation_add(f->db, &a, &f->err), 0);
	assert_int_equal(conversation_add(f->db, &a, &f->err), -1);
}

static int64_t total_of(struct fixture *f, const char *tenant)
{
	char sql[128];
	int64_t bytes = -1;

	snprintf(sql, sizeof sql, "SELECT coalesce(sum(bytes), 0) FROM conversation_total WHERE tenant_id = '%s'", tenant);
	assert_int_equal(db_number(f->db, sql, &bytes, &f->err), 0);
	return bytes;
}

/* More owners than sums are held of, conversations that begin and go on in one call, and one that is not there. */
static void many_are_added_at_once_as_one_by_one(void **state)
{
	enum { USERS = 70, NEW = 2 * USERS, COUNT = NEW + 2 };
	static const struct message_row said[] = {
		{ .role = SPAN_INIT("user"), .text = SPAN_INIT("Hi"), .bytes = 2, .prompt_tokens = -1, .completion_tokens = -1 },
		{ .role = SPAN_INIT("assistant"), .text = SPAN_INIT("You"), .bytes = 3, .prompt_tokens = 1, .completion_tokens = 2 },
	};
	struct fixture *f = *state;
	char users[USERS][16], ids[NEW][CONVERSATION_ID_SIZE];
	struct conversation_addition *a = mem_calloc(COUNT, sizeof *a);
	struct conversation_adding *all = mem_calloc(COUNT, sizeof *all);
	struct err *errs = mem_calloc(COUNT, sizeof *errs);
	struct conversation_row row;

	for (size_t i = 0; i < NEW; i++) {
		snprintf(users[i % USERS], sizeof users[0], "user%zu", i % USERS);
		snprintf(ids[i], sizeof ids[0], "conv_many%zu", i);
		a[i] = (struct conversation_addition){ .owner = { "many", users[i % USERS] }, .id = ids[i], .is_new = true };
	}
	a[NEW] = (struct conversation_addition){ .owner = a[3].owner, .id = ids[3] };
	a[NEW + 1] = (struct conversation_addition){ .owner = a[3].owner, .id = ids[4] }; /* another's */
	for (size_t i = 0; i < COUNT; i++) {
		a[i].model = SPAN_LIT("m");
		a[i].now_ms = 5000;
		a[i].messages = said;
		a[i].count = 2;
		all[i] = (struct conversation_adding){ .addition = &a[i], .err = &errs[i] };
	}
	assert_int_equal(conversation_add_all(f->db, all, COUNT, &f->err), 0);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(all[i].result, i == NEW + 1 ? -1 : 0);
	assert_int_equal(errs[NEW + 1].code, E_conversation_not_found);
	assert_int_equal(total_of(f, "many"), (NEW + 1) * (2 * 512 + 5));
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM conversation_count WHERE tenant_id = 'many' AND count = 2"), USERS);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message AS m JOIN conversation AS c ON c.number = m.conversation"
				   " WHERE c.tenant_id = 'many'"), 2 * (NEW + 1));
	assert_int_equal(conversation_get(f->db, &a[3].owner, span_str(ids[3]), &row, &f->err), 0);
	assert_int_equal(row.message_count, 4);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM conversation AS c WHERE c.tenant_id = 'many' AND (c.last_seq,"
				   " c.message_count) <> (SELECT max(m.seq), count(*) FROM message AS m"
				   " WHERE m.conversation = c.number)"), 0);
	mem_free(a);
	mem_free(all);
	mem_free(errs);
}

static int room(struct fixture *f, const struct conversation_owner *o, int64_t count, int64_t bytes, bool is_new,
		int64_t more)
{
	const struct conversation_quota quota = { count, bytes };

	f->err = (struct err)ERR_INIT;
	return conversation_check_room(f->db, o, &quota, is_new, more, NULL, &f->err);
}

static void what_is_kept_weighs_and_what_goes_makes_room(void **state)
{
	enum { PLENTY = 1000000, TURN = 2 * 512 + 2 + 3 };
	struct fixture *f = *state;
	const struct conversation_owner eve = { "room", "eve" }, dan = { "room", "dan" };
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];

	begin_conversation(f, &eve, id, "Hi", "You");
	assert_int_equal(total_of(f, "room"), TURN);
	add_turn(f, &eve, id, false, "Hi", "You");
	assert_int_equal(total_of(f, "room"), 2 * TURN);
	/* Conversations are a user's, bytes the tenant's. */
	assert_int_equal(room(f, &eve, 1, PLENTY, true, 0), -1);
	assert_int_equal(f->err.code, E_conversation_store_full);
	assert_int_equal(room(f, &eve, 1, PLENTY, false, 0), 0);
	assert_int_equal(room(f, &dan, 1, PLENTY, true, 0), 0);
	assert_int_equal(room(f, &dan, 1, 2 * TURN + 9, true, 9), 0);
	assert_int_equal(room(f, &dan, 1, 2 * TURN + 9, true, 10), -1);
	assert_int_equal(f->err.code, E_conversation_store_full);
	/* A copy counts when it is whole. */
	conversation_make_id(copy, f->now_ms);
	assert_int_equal(fork_conversation(f->db, &eve, span_str(id), SPAN_NONE, SPAN_NONE, copy, f->now_ms, &f->err), 0);
	assert_int_equal(total_of(f, "room"), 4 * TURN);
	assert_int_equal(conversation_delete(f->db, &eve, span_str(id), &f->err), 0);
	assert_int_equal(total_of(f, "room"), 2 * TURN);
	assert_int_equal(conversation_delete(f->db, &eve, span_str(copy), &f->err), 0);
	sweep_conversations(f);
	assert_int_equal(total_of(f, "room"), 0);
	assert_int_equal(room(f, &eve, 1, PLENTY, true, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_make_db, fixture_remove)
		T(a_turn_is_read_as_it_was_added),
		T(of_others_there_is_nothing),
		T(lists_are_newest_first_in_pages_and_by_prefix),
		T(a_title_is_changed),
		T(pages_are_slices_of_the_whole_list),
		T(messages_are_found_run_by_run),
		T(a_run_that_begins_where_another_does_is_refused),
		T(an_older_database_keeps_its_conversations),
		T(ids_are_unique_to_their_owner),
		T(many_are_added_at_once_as_one_by_one),
		T(what_is_kept_weighs_and_what_goes_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
