/*
 * tests/unit/test_conversation_copies.c - conversations that are copied, removed and never finished, slice by slice.
 */
#include "tests/support/conversation_stage.h"

#include <stdio.h>

#include "common/base/mem.h"

static void large_ones_are_copied_and_removed_in_slices_that_nobody_sees(void **state)
{
	enum { COUNT = 2 * CONVERSATION_SLICE_MESSAGES + 1 };
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct message_row *messages = mem_calloc(COUNT, sizeof *messages);
	struct conversation_addition a = { .owner = ada, .id = id, .is_new = true, .is_unfinished = true,
					   .title = SPAN_LIT("long"), .model = SPAN_LIT("mock"),
					   .now_ms = ++f->now_ms, .messages = messages, .count = COUNT };
	struct conversation_fork fork = { .owner = ada, .new_id = copy };
	struct conversation_row row;
	struct told t;
	int64_t total;
	bool more = true;
	int slices = 0;

	for (size_t i = 0; i < COUNT; i++)
		messages[i] = say_message("user", "needle");
	conversation_make_id(id, f->now_ms);
	conversation_make_id(copy, f->now_ms);
	assert_int_equal(conversation_add(f->db, &a, &f->err), 0);
	for (int i = 0; i < 2; i++) {
		const struct conversation_owner *who = i ? &acme : &ada;

		assert_int_equal(conversation_find(f->db, who, span_str(id), &row, &f->err), 0);
		expect_list(f, who, "", 10, 0, 0, "");
		assert_int_equal(search_conversations(f->db, who, SPAN_LIT("needle"), 10, 0, tell_row, hear(&t, true),
					&total, &more, &f->err),
				 0);
		expect_told(&t, "");
		assert_int_equal(total, 0);
	}
	assert_int_equal(conversation_publish(f->db, &other, span_str(id), f->now_ms, &f->err), 0);
	expect_list(f, &ada, "", 10, 0, 0, "");
	assert_int_equal(db_exec(f->db, "UPDATE conversation SET tenant_id = 'acme'", &f->err), 0);
	assert_int_equal(db_exec(f->db, "UPDATE conversation_count SET tenant_id = 'acme'", &f->err), 0);

	fork.id = span_str(id);
	fork.now_ms = ++f->now_ms;
	assert_int_equal(conversation_fork_begin(f->db, &fork, &f->err), 0);
	for (more = true; more; slices++) {
		assert_int_equal(conversation_find(f->db, &ada, span_str(copy), &row, &f->err), 0);
		assert_int_equal(conversation_fork_some(f->db, &fork, &more, &f->err), 0);
	}
	assert_int_equal(slices, 3);
	expect_list(f, &ada, "", 10, 0, 2, "long (copy)/1001/ada;long/1001/ada;");

	assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
	expect_list(f, &ada, "", 10, 0, 1, "long (copy)/1001/ada;");
	assert_int_equal(conversation_sweep(f->db, f->now_ms, &more, &f->err), 0);
	assert_true(more);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), 2 * COUNT - CONVERSATION_SLICE_MESSAGES);
	sweep_conversations(f);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), COUNT);
	assert_int_equal(sql_number(f->db, "SELECT count(*) - sum(conversation IN (SELECT number FROM conversation)) FROM message_run"), 0);
	mem_free(messages);
}

static void what_was_never_finished_goes_after_an_hour(void **state)
{
	struct fixture *f = *state;
	struct message_row message = say_message("user", "half");
	char id[CONVERSATION_ID_SIZE];
	struct conversation_addition a = { .owner = ada, .id = id, .is_new = true, .is_unfinished = true,
					   .model = SPAN_LIT("mock"), .now_ms = ++f->now_ms,
					   .messages = &message, .count = 1 };

	conversation_make_id(id, f->now_ms);
	assert_int_equal(conversation_add(f->db, &a, &f->err), 0);
	assert_int_equal(conversation_is_to_sweep(f->db, f->now_ms + CONVERSATION_UNFINISHED_MS, &f->err), 0);
	f->now_ms += CONVERSATION_UNFINISHED_MS + 1;
	assert_int_equal(conversation_is_to_sweep(f->db, f->now_ms, &f->err), 1);
	sweep_conversations(f);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), 0);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM conversation"), 0);
}

static void an_origin_that_goes_ends_its_fork(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct conversation_fork fork = { .owner = ada, .new_id = copy };
	bool more;

	begin_conversation(f, &ada, id, "one", "two");
	conversation_make_id(copy, f->now_ms);
	fork.id = span_str(id);
	fork.now_ms = f->now_ms;
	assert_int_equal(conversation_fork_begin(f->db, &fork, &f->err), 0);
	assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
	assert_int_equal(conversation_fork_some(f->db, &fork, &more, &f->err), -1);
	assert_int_equal(f->err.code, E_conversation_not_found);
	expect_list(f, &ada, "", 10, 0, 0, "");
}

/* Its number may be another one's by then. */
static void a_copy_that_goes_before_it_is_finished_gets_no_more(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE], next[CONVERSATION_ID_SIZE];
	struct conversation_fork fork = { .owner = ada, .new_id = copy };
	bool more;

	begin_conversation(f, &ada, id, "one", "two");
	conversation_make_id(copy, f->now_ms);
	fork.id = span_str(id);
	fork.now_ms = f->now_ms;
	assert_int_equal(conversation_fork_begin(f->db, &fork, &f->err), 0);
	f->now_ms += CONVERSATION_UNFINISHED_MS + 1;
	sweep_conversations(f);
	begin_conversation(f, &bob, next, "three", "four");
	assert_int_equal(conversation_fork_some(f->db, &fork, &more, &f->err), -1);
	assert_int_equal(f->err.code, E_conversation_not_found);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), 4);
	expect_messages(f, &bob, next, 1, "1 user: three;2 assistant: four;");
}

/* As a database may have them whose history is long: the copy's messages are neighbours, their seqs are not. */
static void seqs_with_a_gap_are_copied_with_it(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];

	begin_conversation(f, &ada, id, "one", "two");
	add_turn(f, &ada, id, false, "three", "four");
	assert_int_equal(db_exec(f->db,
				 "UPDATE message SET seq = seq + 2 WHERE seq > 2;"
				 "UPDATE message_run SET seq = seq + 2;"
				 "UPDATE conversation SET last_seq = 6",
				 &f->err),
			 0);
	expect_messages(f, &ada, id, 1, "1 user: one;2 assistant: two;5 user: three;6 assistant: four;");
	conversation_make_id(copy, f->now_ms);
	assert_int_equal(fork_conversation(f->db, &ada, span_str(id), SPAN_NONE, SPAN_NONE, copy, ++f->now_ms, &f->err), 0);
	expect_messages(f, &ada, copy, 1, "1 user: one;2 assistant: two;5 user: three;6 assistant: four;");
	assert_int_equal(sql_number(f->db, "SELECT min(message_count) FROM conversation"), 4);
	assert_int_equal(sql_number(f->db, "SELECT max(message_count) FROM conversation"), 4);
	add_turn(f, &ada, copy, false, "five", "six");
	expect_messages(f, &ada, copy, 6, "6 assistant: four;7 user: five;8 assistant: six;");
}

#define DOZENS_OF_X "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" /* 56 */
#define FULL_TITLE DOZENS_OF_X DOZENS_OF_X DOZENS_OF_X

/* Copies of one conversation under titles like these. */
static void expect_copies(struct fixture *f, const char *id)
{
	static const struct {
		const char *title, *copy;
	} cases[] = {
		{ "Rivers", "Rivers (copy)" },
		{ "Rivers (copy)", "Rivers (copy 2)" },
		{ "Rivers (copy 9)", "Rivers (copy 10)" },
		{ "Rivers (copy x)", "Rivers (copy x) (copy)" },
		{ "Rivers (copy", "Rivers (copy (copy)" },
		{ "(copy)", "(copy) (copy)" },
		{ FULL_TITLE, FULL_TITLE " (copy)" },
		{ FULL_TITLE "x", FULL_TITLE "x" }, /* no room for a mark of any length */
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char copy[CONVERSATION_ID_SIZE];
		struct conversation_row row;

		assert_int_equal(conversation_rename(f->db, &ada, span_str(id), span_str(cases[i].title),
						     &f->err),
				 0);
		conversation_make_id(copy, f->now_ms);
		assert_int_equal(fork_conversation(f->db, &ada, span_str(id), SPAN_NONE, SPAN_NONE, copy, ++f->now_ms,
				      &f->err),
				 0);
		assert_int_equal(conversation_get(f->db, &ada, span_str(copy), &row, &f->err), 0);
		if (!span_is(row.title, cases[i].copy))
			fail_msg("%s: %.*s", cases[i].title, SPAN_ARGS(row.title));
		assert_int_equal(conversation_delete(f->db, &ada, span_str(copy), &f->err), 0);
	}
}

/* Each of one conversation has a number of its own; another user's, or another title's, do not count. */
static void copies_of_one_conversation_are_numbered(void **state)
{
	struct fixture *f = *state;
	static const char *const titles[] = { "Lakes (copy)", "Lakes (copy 2)", "Lakes (copy 3)" };
	char id[CONVERSATION_ID_SIZE], theirs[CONVERSATION_ID_SIZE];

	begin_conversation(f, &ada, id, "one", "two");
	begin_conversation(f, &bob, theirs, "Lakes (copy 7)", "1");
	begin_conversation(f, &ada, theirs, "Ponds (copy 8)", "1");
	begin_conversation(f, &ada, theirs, "Lakes", "1");
	assert_int_equal(conversation_rename(f->db, &ada, span_str(id), SPAN_LIT("Lakes"), &f->err), 0);
	for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
		char copy[CONVERSATION_ID_SIZE];
		struct conversation_row row;

		conversation_make_id(copy, f->now_ms);
		assert_int_equal(fork_conversation(f->db, &ada, span_str(id), SPAN_NONE, SPAN_NONE, copy, ++f->now_ms,
				      &f->err),
				 0);
		assert_int_equal(conversation_get(f->db, &ada, span_str(copy), &row, &f->err), 0);
		if (!span_is(row.title, titles[i]))
			fail_msg("%s: %.*s", titles[i], SPAN_ARGS(row.title));
	}
}

static void a_fork_has_copies_up_to_a_message(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], whole[CONVERSATION_ID_SIZE], half[CONVERSATION_ID_SIZE], at[64];
	struct conversation_row row;
	struct db_statement *st;

	begin_conversation(f, &ada, id, "one", "two");
	add_turn(f, &ada, id, false, "three", "four");
	st = db_statement(f->db, "SELECT id FROM message WHERE seq = 2", &f->err);
	assert_int_equal(db_next(st, &f->err), 1);
	snprintf(at, sizeof at, "%.*s", SPAN_ARGS(db_text(st, 0)));
	db_reset(st);
	conversation_make_id(whole, f->now_ms);
	conversation_make_id(half, f->now_ms);
	assert_int_equal(fork_conversation(f->db, &ada, span_str(id), SPAN_NONE, SPAN_NONE, whole,
					   ++f->now_ms, &f->err),
			 0);
	assert_int_equal(fork_conversation(f->db, &ada, span_str(id), span_str(at), SPAN_LIT("other way"),
					   half, ++f->now_ms, &f->err),
			 0);
	expect_messages(f, &ada, whole, 1, "1 user: one;2 assistant: two;3 user: three;4 assistant: four;");
	expect_copies(f, id);
	add_turn(f, &ada, half, false, "five", "six");
	expect_messages(f, &ada, half, 1, "1 user: one;2 assistant: two;3 user: five;4 assistant: six;");
	expect_messages(f, &ada, id, 3, "3 user: three;4 assistant: four;");
	assert_int_equal(conversation_get(f->db, &ada, span_str(half), &row, &f->err), 0);
	assert_true(span_is(row.title, "other way"));
	assert_true(span_is(row.parent_id, id));
	assert_true(span_is(row.parent_message, at));
	assert_int_equal(sql_number(f->db, "SELECT count(DISTINCT id) - count(*) FROM message"), 0);
	assert_int_equal(fork_conversation(f->db, &ada, span_str(id), SPAN_LIT("msg_none"), SPAN_NONE, half,
					   1, &f->err),
			 -1);
	assert_string_equal(f->err.param, "at");
	/* The origin goes, its forks stay. */
	assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
	sweep_conversations(f);
	expect_messages(f, &ada, half, 4, "4 assistant: six;");
	assert_int_equal(db_exec(f->db,
				 "INSERT INTO message_index (message_index, rank)"
				 " VALUES ('integrity-check', 1)",
				 &f->err),
			 0);
}

static void a_copy_that_has_no_room_is_not_begun(void **state)
{
	struct fixture *f = *state;
	const struct conversation_owner eve = { "room", "eve" };
	const struct conversation_quota quota = { 9, 2 * (2 * 512 + 5) - 1 };
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct conversation_fork k = { .owner = eve, .quota = &quota, .new_id = copy };
	int64_t count;

	begin_conversation(f, &eve, id, "Hi", "You");
	conversation_make_id(copy, f->now_ms);
	k.id = span_str(id);
	assert_int_equal(conversation_fork_begin(f->db, &k, &f->err), -1);
	assert_int_equal(f->err.code, E_conversation_store_full);
	assert_int_equal(db_number(f->db, "SELECT count(*) FROM conversation WHERE tenant_id = ''", &count, &f->err), 0);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_make_db, fixture_remove)
		T(copies_of_one_conversation_are_numbered),
		T(a_fork_has_copies_up_to_a_message),
		T(large_ones_are_copied_and_removed_in_slices_that_nobody_sees),
		T(what_was_never_finished_goes_after_an_hour),
		T(an_origin_that_goes_ends_its_fork),
		T(a_copy_that_goes_before_it_is_finished_gets_no_more),
		T(seqs_with_a_gap_are_copied_with_it),
		T(a_copy_that_has_no_room_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
