/*
 * tests/unit/test_conversation_store.c - conversations in the database.
 */
#include "common/store/conversation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "tests/support/store_stage.h"

static const struct conversation_owner ada = { "acme", "ada" }, bob = { "acme", "bob" },
				       acme = { "acme", NULL }, other = { "other", "ada" };

static struct message_row say(const char *role, const char *text)
{
	return (struct message_row){
		.role = span_str(role),
		.text = span_str(text),
		.tokens = (int64_t)strlen(text),
		.bytes = (int64_t)strlen(text),
		.prompt_tokens = -1,
		.completion_tokens = -1,
	};
}

/* One question and its answer, a millisecond later than what came before. */
static void add_turn(struct fixture *f, const struct conversation_owner *owner, const char *id, bool is_new,
		     const char *question, const char *answer)
{
	struct message_row messages[] = { say("user", question), say("assistant", answer) };
	struct conversation_addition a = {
		.owner = *owner,
		.id = id,
		.is_new = is_new,
		.title = span_str(question),
		.model = SPAN_LIT("mock"),
		.now_ms = ++f->now_ms,
		.messages = messages,
		.count = 2,
	};

	messages[1].model = SPAN_LIT("mock");
	messages[1].finish_reason = SPAN_LIT("stop");
	messages[1].completion_tokens = 7;
	assert_int_equal(conversation_add(f->db, &a, &f->err), 0);
}

static void begin(struct fixture *f, const struct conversation_owner *owner, char *id, const char *question,
		  const char *answer)
{
	conversation_make_id(id, f->now_ms);
	add_turn(f, owner, id, true, question, answer);
}

static int fork(struct db *db, const struct conversation_owner *owner, struct span id, struct span at,
		struct span title, const char *new_id, int64_t now_ms, struct err *err)
{
	struct conversation_fork f = { .owner = *owner, .id = id, .at = at, .title = title,
				       .new_id = new_id, .now_ms = now_ms };
	bool more = true;

	if (conversation_fork_begin(db, &f, err) < 0)
		return -1;
	while (more)
		if (conversation_fork_some(db, &f, &more, err) < 0)
			return -1;
	return 0;
}

static void sweep(struct fixture *f)
{
	bool more = true;

	while (more)
		assert_int_equal(conversation_sweep(f->db, f->now_ms, &more, &f->err), 0);
	assert_int_equal(conversation_is_to_sweep(f->db, f->now_ms, &f->err), 0);
}

/* What a callback has been told, as text. */
struct told {
	struct buf text;
	bool snippets;
};

static int tell_row(void *arg, const struct conversation_row *row, struct err *err)
{
	struct told *t = arg;

	(void)err;
	buf_printf(&t->text, "%.*s/%d/%.*s;", SPAN_ARGS(row->title), (int)row->message_count,
		   SPAN_ARGS(t->snippets ? row->snippet : row->user_id));
	return 0;
}

static int tell_message(void *arg, const struct message_row *row, struct err *err)
{
	struct told *t = arg;

	(void)err;
	buf_printf(&t->text, "%d %.*s: %.*s;", (int)row->seq, SPAN_ARGS(row->role), SPAN_ARGS(row->text));
	return 0;
}

static struct told *hear(struct told *t, bool snippets)
{
	buf_init(&t->text, 64 * KIB);
	t->snippets = snippets;
	return t;
}

static void expect_told(struct told *t, const char *text)
{
	assert_string_equal(buf_str(&t->text), text);
	buf_free(&t->text);
}

static void expect_list(struct fixture *f, const struct conversation_owner *owner, const char *prefix,
			int64_t limit, int64_t offset, int64_t wanted_total, const char *text)
{
	struct told t;
	int64_t total = -1;

	assert_int_equal(conversation_list(f->db, owner, span_str(prefix), limit, offset, tell_row,
					   hear(&t, false), &total, &f->err),
			 0);
	assert_int_equal(total, wanted_total);
	expect_told(&t, text);
}

static void expect_messages(struct fixture *f, const struct conversation_owner *owner, const char *id,
			    int64_t from, const char *text)
{
	struct conversation_row row;
	struct told t;

	assert_int_equal(conversation_get(f->db, owner, span_str(id), &row, &f->err), 0);
	assert_int_equal(conversation_messages(f->db, row.number, from, tell_message, hear(&t, false),
					       &f->err),
			 0);
	expect_told(&t, text);
}

static int64_t number(struct fixture *f, const char *sql)
{
	int64_t value = -1;

	assert_int_equal(db_number(f->db, sql, &value, &f->err), 0);
	return value;
}

static void a_turn_is_read_as_it_was_added(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];
	struct conversation_row row;

	begin(f, &ada, id, "Hello?", "Hi!");
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

/* As a search of the gateway: what was written before is indexed first. */
static int search(struct db *db, const struct conversation_owner *owner, struct span query, int64_t limit,
		  int64_t offset, conversation_each *each, void *arg, int64_t *total, bool *has_more,
		  struct err *err)
{
	bool more;

	do
		if (conversation_index_some(db, 3, &more, err) < 0)
			return -1;
	while (more);
	return conversation_search(db, owner, query, limit, offset, each, arg, total, has_more, err);
}

static void of_others_there_is_nothing(void **state)
{
	struct fixture *f = *state;
	static const struct conversation_owner *strangers[] = { &bob, &other };
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct message_row message = say("user", "mine now");
	struct conversation_row row;

	begin(f, &ada, id, "A secret of Ada", "Kept.");
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
		assert_int_equal(fork(f->db, o, span_str(id), SPAN_NONE, SPAN_NONE, copy, 1,
						   &f->err),
				 -1);
		assert_int_equal(f->err.code, E_conversation_not_found);
		expect_list(f, o, "", 10, 0, 0, "");
		expect_list(f, o, "conv_", 10, 0, 0, "");
		assert_int_equal(search(f->db, o, SPAN_LIT("secret"), 10, 0, tell_row,
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

	begin(f, &ada, a, "a", "1");
	f->now_ms += 100000;
	begin(f, &ada, b, "b", "1");
	begin(f, &bob, c, "c", "1");
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

	begin(f, &ada, a, "Rivers", "The otter swims");
	add_turn(f, &ada, a, false, "Which plan?", "None.");
	begin(f, &ada, b, "Cafe", "a naive plan");
	begin(f, &bob, c, "otter plan", "plan otter");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct told t;
		int64_t total;
		bool more;

		assert_int_equal(search(f->db, &ada, span_str(cases[i].query), 10, 0, tell_row,
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
		assert_int_equal(search(f->db, &ada, span_str(queries[i]), 10, 0, tell_row, NULL,
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
		begin(f, &ada, id[i], names[i], "word");
		add_turn(f, &ada, id[i], false, "word", "word");
	}
	assert_int_equal(search(f->db, &ada, SPAN_LIT("word"), 1, 1, tell_row, hear(&t, true),
					     &total, &more, &f->err),
			 0);
	expect_told(&t, "word b/4/**word**;");
	assert_int_equal(total, 3);
	assert_int_equal(search(f->db, &acme, SPAN_LIT("word"), 5, 2, tell_row,
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
	begin(f, &ada, a, "gone", huge);
	begin(f, &ada, b, "gone", "stays");
	assert_int_equal(conversation_delete(f->db, &ada, span_str(a), &f->err), 0);
	assert_int_equal(conversation_delete(f->db, &ada, span_str(a), &f->err), -1);
	assert_int_equal(f->err.code, E_conversation_not_found);
	expect_list(f, &ada, "", 10, 0, 1, "gone/2/ada;");
	assert_int_equal(search(f->db, &ada, SPAN_LIT("gone"), 9, 0, tell_row, hear(&t, true),
					     &total, &more, &f->err),
			 0);
	expect_told(&t, "gone/2/**gone**;");
	assert_int_equal(total, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM message"), 4);
	sweep(f);
	assert_int_equal(number(f, "SELECT count(*) FROM message"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM conversation"), 1);
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
		begin(f, &ada, id, "soon deleted", "yes");
		add_turn(f, &ada, id, false, "deleted", "too");
		if (indexed > 0)
			assert_int_equal(conversation_index_some(f->db, indexed, &more, &f->err), 0);
		expect_whole_index(f);
		assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
		expect_whole_index(f);
		sweep(f);
		expect_whole_index(f);
		assert_int_equal(conversation_index_left(f->db, &left, &f->err), 0);
		assert_int_equal(left, 0);
		begin(f, &ada, id, "kept", "word");
		assert_int_equal(conversation_index_left(f->db, &left, &f->err), 0);
		assert_int_equal(left, 2);
		assert_int_equal(search(f->db, &ada, SPAN_LIT("kept"), 9, 0, tell_row, hear(&t, true), &total,
					&more, &f->err),
				 0);
		assert_int_equal(total, indexed + 1);
		buf_free(&t.text);
		assert_int_equal(search(f->db, &ada, SPAN_LIT("deleted"), 9, 0, tell_row, hear(&t, true), &total,
					&more, &f->err),
				 0);
		assert_int_equal(total, 0);
		expect_told(&t, "");
		expect_whole_index(f);
	}
}

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
		messages[i] = say("user", "needle");
	conversation_make_id(id, f->now_ms);
	conversation_make_id(copy, f->now_ms);
	assert_int_equal(conversation_add(f->db, &a, &f->err), 0);
	for (int i = 0; i < 2; i++) {
		const struct conversation_owner *who = i ? &acme : &ada;

		assert_int_equal(conversation_find(f->db, who, span_str(id), &row, &f->err), 0);
		expect_list(f, who, "", 10, 0, 0, "");
		assert_int_equal(search(f->db, who, SPAN_LIT("needle"), 10, 0, tell_row, hear(&t, true),
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
	assert_int_equal(number(f, "SELECT count(*) FROM message"), 2 * COUNT - CONVERSATION_SLICE_MESSAGES);
	sweep(f);
	assert_int_equal(number(f, "SELECT count(*) FROM message"), COUNT);
	mem_free(messages);
}

static void what_was_never_finished_goes_after_an_hour(void **state)
{
	struct fixture *f = *state;
	struct message_row message = say("user", "half");
	char id[CONVERSATION_ID_SIZE];
	struct conversation_addition a = { .owner = ada, .id = id, .is_new = true, .is_unfinished = true,
					   .model = SPAN_LIT("mock"), .now_ms = ++f->now_ms,
					   .messages = &message, .count = 1 };

	conversation_make_id(id, f->now_ms);
	assert_int_equal(conversation_add(f->db, &a, &f->err), 0);
	assert_int_equal(conversation_is_to_sweep(f->db, f->now_ms + CONVERSATION_UNFINISHED_MS, &f->err), 0);
	f->now_ms += CONVERSATION_UNFINISHED_MS + 1;
	assert_int_equal(conversation_is_to_sweep(f->db, f->now_ms, &f->err), 1);
	sweep(f);
	assert_int_equal(number(f, "SELECT count(*) FROM message"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM conversation"), 0);
}

static void an_origin_that_goes_ends_its_fork(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct conversation_fork fork = { .owner = ada, .new_id = copy };
	bool more;

	begin(f, &ada, id, "one", "two");
	conversation_make_id(copy, f->now_ms);
	fork.id = span_str(id);
	fork.now_ms = f->now_ms;
	assert_int_equal(conversation_fork_begin(f->db, &fork, &f->err), 0);
	assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
	assert_int_equal(conversation_fork_some(f->db, &fork, &more, &f->err), -1);
	assert_int_equal(f->err.code, E_conversation_not_found);
	expect_list(f, &ada, "", 10, 0, 0, "");
}

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
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char copy[CONVERSATION_ID_SIZE];
		struct conversation_row row;

		assert_int_equal(conversation_rename(f->db, &ada, span_str(id), span_str(cases[i].title),
						     &f->err),
				 0);
		conversation_make_id(copy, f->now_ms);
		assert_int_equal(fork(f->db, &ada, span_str(id), SPAN_NONE, SPAN_NONE, copy, ++f->now_ms,
				      &f->err),
				 0);
		assert_int_equal(conversation_get(f->db, &ada, span_str(copy), &row, &f->err), 0);
		if (!span_is(row.title, cases[i].copy))
			fail_msg("%s: %.*s", cases[i].title, SPAN_ARGS(row.title));
		assert_int_equal(conversation_delete(f->db, &ada, span_str(copy), &f->err), 0);
	}
}

static void a_fork_has_copies_up_to_a_message(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE], whole[CONVERSATION_ID_SIZE], half[CONVERSATION_ID_SIZE], at[64];
	struct conversation_row row;
	struct db_statement *st;

	begin(f, &ada, id, "one", "two");
	add_turn(f, &ada, id, false, "three", "four");
	st = db_statement(f->db, "SELECT id FROM message WHERE seq = 2", &f->err);
	assert_int_equal(db_next(st, &f->err), 1);
	snprintf(at, sizeof at, "%.*s", SPAN_ARGS(db_text(st, 0)));
	db_reset(st);
	conversation_make_id(whole, f->now_ms);
	conversation_make_id(half, f->now_ms);
	assert_int_equal(fork(f->db, &ada, span_str(id), SPAN_NONE, SPAN_NONE, whole,
					   ++f->now_ms, &f->err),
			 0);
	assert_int_equal(fork(f->db, &ada, span_str(id), span_str(at), SPAN_LIT("other way"),
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
	assert_int_equal(number(f, "SELECT count(DISTINCT id) - count(*) FROM message"), 0);
	assert_int_equal(fork(f->db, &ada, span_str(id), SPAN_LIT("msg_none"), SPAN_NONE, half,
					   1, &f->err),
			 -1);
	assert_string_equal(f->err.param, "at");
	/* The origin goes, its forks stay. */
	assert_int_equal(conversation_delete(f->db, &ada, span_str(id), &f->err), 0);
	sweep(f);
	expect_messages(f, &ada, half, 4, "4 assistant: six;");
	assert_int_equal(db_exec(f->db,
				 "INSERT INTO message_index (message_index, rank)"
				 " VALUES ('integrity-check', 1)",
				 &f->err),
			 0);
}

static void a_title_is_changed(void **state)
{
	struct fixture *f = *state;
	char id[CONVERSATION_ID_SIZE];

	begin(f, &ada, id, "first", "1");
	assert_int_equal(conversation_rename(f->db, &ada, span_str(id), SPAN_LIT("second"), &f->err), 0);
	expect_list(f, &ada, "", 10, 0, 1, "second/2/ada;");
}

static void search_titles(struct fixture *f, const struct conversation_owner *owner, const char *query,
			  int64_t limit, int64_t offset, int64_t wanted_total, struct told *t)
{
	int64_t total = -1;
	bool more = true;

	assert_int_equal(search(f->db, owner, span_str(query), limit, offset, tell_row, hear(t, false), &total,
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
		begin(f, &ada, id, "mine", "a word");
	for (int i = 0; i < STRANGE; i++)
		begin(f, i % 2 ? &bob : &other, id, "theirs", "a word");
	for (int i = 0; i < NEW; i++)
		begin(f, &ada, id, "mine", "a word");
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		search_titles(f, &ada, "word", pages[i].limit, pages[i].offset, OLD + NEW, &t);
		expect_told(&t, pages[i].told);
	}
	search_titles(f, &acme, "word", 1, OLD + NEW + STRANGE / 2 - 1, OLD + NEW + STRANGE / 2, &t);
	expect_told(&t, "mine/2/ada;");
	search_titles(f, &bob, "word", 1, 0, STRANGE / 2, &t);
	expect_told(&t, "theirs/2/bob;");
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
	begin(f, &bob, id, "other", "1");
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

/* A conversation as the schema 17 has it, with messages of nine bytes. */
static void add_older(struct fixture *f, int which, const char *user, int messages)
{
	char sql[512];

	snprintf(sql, sizeof sql,
		 "INSERT INTO conversation VALUES (%d, 'conv_%d', 'acme', '%s', 't0 u0', 'rivers', 'mock', 1, 1, %d, %d,"
		 " 1, NULL, NULL); INSERT INTO conversation_count VALUES ('acme', '%s', 1)",
		 which, which, user, messages, messages, user);
	assert_int_equal(db_exec(f->db, sql, &f->err), 0);
	for (int i = 1; i <= messages; i++) {
		snprintf(sql, sizeof sql,
			 "INSERT INTO message (conversation, seq, id, role, created_at, tokens, bytes, interrupted, text)"
			 " VALUES (%d, %d, 'msg_%d', '%s', 1, 2, 9, 0, 'they flow')",
			 which, i, i, i % 2 ? "user" : "assistant");
		assert_int_equal(db_exec(f->db, sql, &f->err), 0);
	}
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
	db_close(f->db);
	f->db = db_open(path, DB_WRITE, &f->err);
	assert_non_null(f->db);
	migrate_to(f->db, 9999);
	assert_int_equal(number(f, "SELECT count(*) FROM conversation"), 2);
	assert_int_equal(number(f, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(number(f, "SELECT message_count FROM conversation WHERE id = 'conv_1'"), 4);
	assert_int_equal(number(f, "SELECT count(*) FROM message AS m JOIN conversation AS c"
				      " ON c.number = m.conversation WHERE c.user_id = 'ada'"), 4);
	assert_int_equal(number(f, "SELECT bytes FROM conversation WHERE id = 'conv_1'"), 4 * (512 + 9));
	assert_int_equal(number(f, "SELECT bytes FROM conversation_total WHERE tenant_id = 'acme'"), 6 * (512 + 9));
	/* What refers to a conversation is still held to it. */
	assert_int_equal(db_exec(f->db, "UPDATE message SET conversation = 77", &f->err), -1);
	add_turn(f, &ada, "conv_1", false, "and seas", "they roll");
	assert_int_equal(number(f, "SELECT count(*) FROM message"), 8);
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
	assert_int_equal(number(f, "SELECT count(*) FROM conversation_count WHERE tenant_id = 'many' AND count = 2"), USERS);
	assert_int_equal(number(f, "SELECT count(*) FROM message AS m JOIN conversation AS c ON c.number = m.conversation"
				   " WHERE c.tenant_id = 'many'"), 2 * (NEW + 1));
	assert_int_equal(conversation_get(f->db, &a[3].owner, span_str(ids[3]), &row, &f->err), 0);
	assert_int_equal(row.message_count, 4);
	assert_int_equal(number(f, "SELECT count(*) FROM conversation AS c WHERE c.tenant_id = 'many' AND (c.last_seq,"
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

	begin(f, &eve, id, "Hi", "You");
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
	assert_int_equal(fork(f->db, &eve, span_str(id), SPAN_NONE, SPAN_NONE, copy, f->now_ms, &f->err), 0);
	assert_int_equal(total_of(f, "room"), 4 * TURN);
	assert_int_equal(conversation_delete(f->db, &eve, span_str(id), &f->err), 0);
	assert_int_equal(total_of(f, "room"), 2 * TURN);
	assert_int_equal(conversation_delete(f->db, &eve, span_str(copy), &f->err), 0);
	sweep(f);
	assert_int_equal(total_of(f, "room"), 0);
	assert_int_equal(room(f, &eve, 1, PLENTY, true, 0), 0);
}

static void a_copy_that_has_no_room_is_not_begun(void **state)
{
	struct fixture *f = *state;
	const struct conversation_owner eve = { "room", "eve" };
	const struct conversation_quota quota = { 9, 2 * (2 * 512 + 5) - 1 };
	char id[CONVERSATION_ID_SIZE], copy[CONVERSATION_ID_SIZE];
	struct conversation_fork k = { .owner = eve, .quota = &quota, .new_id = copy };
	int64_t count;

	begin(f, &eve, id, "Hi", "You");
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
		T(a_turn_is_read_as_it_was_added),
		T(of_others_there_is_nothing),
		T(lists_are_newest_first_in_pages_and_by_prefix),
		T(words_and_phrases_are_found_where_they_were_said),
		T(a_query_without_a_word_is_refused),
		T(pages_of_finds_count_conversations_once),
		T(what_is_deleted_is_found_no_more),
		T(what_is_indexed_late_is_found_whatever_was_deleted_meanwhile),
		T(a_fork_has_copies_up_to_a_message),
		T(large_ones_are_copied_and_removed_in_slices_that_nobody_sees),
		T(what_was_never_finished_goes_after_an_hour),
		T(an_origin_that_goes_ends_its_fork),
		T(a_title_is_changed),
		T(finds_of_others_are_left_out_however_many),
		T(pages_are_slices_of_the_whole_list),
		T(an_older_database_keeps_its_conversations),
		T(ids_are_unique_to_their_owner),
		T(many_are_added_at_once_as_one_by_one),
		T(what_is_kept_weighs_and_what_goes_makes_room),
		T(a_copy_that_has_no_room_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
