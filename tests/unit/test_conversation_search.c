/*
 * tests/unit/test_conversation_search.c - what is found of conversations, and what is not.
 */
#include "tests/support/conversation_stage.h"

#include <string.h>

#include "common/base/mem.h"

static void words_and_phrases_are_found_where_they_were_said(void **state)
{
	static const struct {
		const char *query, *told;
	} cases[] = {
		{ "otter", "Rivers/4/The **otter** swims;" },
		{ "OTTER swims", "Rivers/4/The **otter** **swims**;" },
		{ "\"swims otter\"", "" },
		{ "\"otter swims\"", "Rivers/4/The **otter swims**;" },
		{ "naïve", "Cafe/2/a **naive** plan;" },
		{ "plan", "Cafe/2/a naive **plan**;Rivers/4/Which **plan**?;" },
		{ "plan otter", "" }, /* in two messages */
		{ "AND", "" },
		{ "nobody", "" },
		{ "pla*", "" },
		{ "+ plan -", "Cafe/2/a naive **plan**;Rivers/4/Which **plan**?;" },
		{ "\"unclosed", "" },
	};
	struct fixture *f = *state;
	char a[CONVERSATION_ID_SIZE], b[CONVERSATION_ID_SIZE], c[CONVERSATION_ID_SIZE];

	begin_conversation(f, &ada, a, "Rivers", "The otter swims");
	add_turn(f, &ada, a, false, "Which plan?", "None.");
	begin_conversation(f, &ada, b, "Cafe", "a naive plan");
	begin_conversation(f, &bob, c, "otter plan", "plan otter");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told t;
		int64_t total;
		bool more;

		assert_int_equal(search_conversations(f->db, &ada, span_str(cases[i].query), 10, 0, tell_row,
						     hear(&t, true), &total, &more, &f->err),
				 0);
		expect_told(&t, cases[i].told);
		assert_false(more);
	}
}

static void a_query_without_a_word_is_refused(void **state)
{
	static const char *const queries[] = { "", "  ", "\"\"", "+-*", "\"" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		int64_t total;
		bool more;

		f->err.code = E_none;
		assert_int_equal(search_conversations(f->db, &ada, span_str(queries[i]), 10, 0, tell_row, NULL,
						     &total, &more, &f->err),
				 -1);
		assert_int_equal(f->err.code, E_invalid_field);
		assert_string_equal(f->err.param, "query.q");
	}
}

static void pages_of_finds_count_conversations_once(void **state)
{
	struct fixture *f = *state;
	char id[3][CONVERSATION_ID_SIZE];
	static const char *const names[] = { "word a", "word b", "word c" };
	struct told t;
	int64_t total;
	bool more;

	for (size_t i = 0; i < 3; i++) {
		begin_conversation(f, &ada, id[i], names[i], "word");
		add_turn(f, &ada, id[i], false, "word", "word");
	}
	assert_int_equal(search_conversations(f->db, &ada, SPAN_LIT("word"), 1, 1, tell_row, hear(&t, true),
					     &total, &more, &f->err),
			 0);
	expect_told(&t, "word b/4/**word**;");
	assert_int_equal(total, 3);
	assert_int_equal(search_conversations(f->db, &acme, SPAN_LIT("word"), 5, 2, tell_row,
					     hear(&t, true), &total, &more, &f->err),
			 0);
	expect_told(&t, "word a/4/**word**;");
}

static void what_is_deleted_is_found_no_more(void **state)
{
	struct fixture *f = *state;
	char a[CONVERSATION_ID_SIZE], b[CONVERSATION_ID_SIZE];
	char *huge = mem_alloc(100 * KIB);
	struct told t;
	int64_t total;
	bool more;

	/* Longer than what the index takes, and of characters of several bytes. */
	for (size_t i = 0; i < 100 * KIB; i += 4)
		memcpy(huge + i, "\xc3\xa4 b", 4);
	huge[100 * KIB - 1] = '\0';
	begin_conversation(f, &ada, a, "gone", huge);
	begin_conversation(f, &ada, b, "gone", "stays");
	assert_int_equal(conversation_delete(f->db, &ada, span_str(a), &f->err), 0);
	assert_int_equal(conversation_delete(f->db, &ada, span_str(a), &f->err), -1);
	assert_int_equal(f->err.code, E_conversation_not_found);
	expect_list(f, &ada, "", 10, 0, 1, "gone/2/ada;");
	assert_int_equal(search_conversations(f->db, &ada, SPAN_LIT("gone"), 9, 0, tell_row, hear(&t, true),
					     &total, &more, &f->err),
			 0);
	expect_told(&t, "gone/2/**gone**;");
	assert_int_equal(total, 1);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), 4);
	sweep_conversations(f);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM message"), 2);
	assert_int_equal(sql_number(f->db, "SELECT count(*) FROM conversation"), 1);
	/* Says so when the index does not hold exactly what the view shows. */
	assert_int_equal(db_exec(f->db,
				 "INSERT INTO message_index (message_index, rank)"
				 " VALUES ('integrity-check', 1)",
				 &f->err),
			 0);
	mem_free(huge);
}

static void expect_whole_index(struct fixture *f)
{
	/* Says so when the index does not hold exactly what the view shows. */
	assert_int_equal(db_exec(f->db,
				 "INSERT INTO message_index (message_index, rank)"
				 " VALUES ('integrity-check', 1)",
				 &f->err),
			 0);
}

/* Numbers of deleted messages come again when they were the last. */
static void what_is_indexed_late_is_found_whatever_was_deleted_meanwhile(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];
	struct told t;
	int64_t total, left;
	bool more;

	for (int64_t indexed = 0; indexed <= 4; indexed++) {
		begin_conversation(f, &ada, id, "soon deleted", "yes");
		add_turn(f, &ada, id, false, "deleted", "too");
		if (indexed > 0)
			assert_int_equal(conversation_index_some(f->db, indexed, &more, &f->err), 0);
		expect_whole_index(f);
		assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
		expect_whole_index(f);
		sweep_conversations(f);
		expect_whole_index(f);
		assert_int_equal(conversation_index_left(f->db, &left, &f->err), 0);
		assert_int_equal(left, 0);
		begin_conversation(f, &ada, id, "kept", "word");
		assert_int_equal(conversation_index_left(f->db, &left, &f->err), 0);
		assert_int_equal(left, 2);
		assert_int_equal(search_conversations(f->db, &ada, SPAN_LIT("kept"), 9, 0, tell_row, hear(&t, true), &total,
					&more, &f->err),
				 0);
		assert_int_equal(total, indexed + 1);
		buf_free(&t.text);
		assert_int_equal(search_conversations(f->db, &ada, SPAN_LIT("deleted"), 9, 0, tell_row, hear(&t, true), &total,
					&more, &f->err),
				 0);
		assert_int_equal(total, 0);
		expect_told(&t, "");
		expect_whole_index(f);
	}
}

static void search_titles(struct fixture *f, const struct conversation_owner *owner, const char *query,
			  int64_t limit, int64_t offset, int64_t wanted_total, struct told *t)
{
	int64_t total = -1;
	bool more = true;

	assert_int_equal(search_conversations(f->db, owner, span_str(query), limit, offset, tell_row, hear(t, false), &total,
				&more, &f->err),
			 0);
	assert_int_equal(total, wanted_total);
	assert_false(more);
}

/* Few of others are stepped over one by one, many by the owner's word. */
static void finds_of_others_are_left_out_however_many(void **state)
{
	enum { OLD = 3, STRANGE = 120, NEW = 2 };
	static const struct {
		int64_t limit, offset;
		const char *told;
	} pages[] = {
		{ 10, 0, "mine/2/ada;mine/2/ada;mine/2/ada;mine/2/ada;mine/2/ada;" },
		{ 2, 0, "mine/2/ada;mine/2/ada;" },
		{ 3, 1, "mine/2/ada;mine/2/ada;mine/2/ada;" },
		{ 10, 4, "mine/2/ada;" },
		{ 10, 5, "" },
	};
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];
	struct told t;

	for (int i = 0; i < OLD; i++)
		begin_conversation(f, &ada, id, "mine", "a word");
	for (int i = 0; i < STRANGE; i++)
		begin_conversation(f, i % 2 ? &bob : &other, id, "theirs", "a word");
	for (int i = 0; i < NEW; i++)
		begin_conversation(f, &ada, id, "mine", "a word");
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		search_titles(f, &ada, "word", pages[i].limit, pages[i].offset, OLD + NEW, &t);
		expect_told(&t, pages[i].told);
	}
	search_titles(f, &acme, "word", 1, OLD + NEW + STRANGE / 2 - 1, OLD + NEW + STRANGE / 2, &t);
	expect_told(&t, "mine/2/ada;");
	search_titles(f, &bob, "word", 1, 0, STRANGE / 2, &t);
	expect_told(&t, "theirs/2/bob;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_make_db, fixture_remove)
		T(words_and_phrases_are_found_where_they_were_said),
		T(a_query_without_a_word_is_refused),
		T(pages_of_finds_count_conversations_once),
		T(what_is_deleted_is_found_no_more),
		T(what_is_indexed_late_is_found_whatever_was_deleted_meanwhile),
		T(finds_of_others_are_left_out_however_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
