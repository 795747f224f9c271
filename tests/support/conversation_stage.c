/*
 * tests/support/conversation_stage.c - see conversation_stage.h.
 */
#include "tests/support/conversation_stage.h"

#include <string.h>

#include "common/base/mem.h"

struct message_row say_message(const char *role, const char *text)
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

void add_turn(struct fixture *f, const struct conversation_owner *owner, const char *id,
	      bool is_new, const char *question, const char *answer)
{
	struct message_row messages[] = { say_message("user", question),
					  say_message("assistant", answer) };
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

void begin_conversation(struct fixture *f, const struct conversation_owner *owner, char *id,
			const char *question, const char *answer)
{
	conversation_make_id(id, f->now_ms);
	add_turn(f, owner, id, true, question, answer);
}

int fork_conversation(struct db *db, const struct conversation_owner *owner, struct span id,
		      struct span at, struct span title, const char *new_id, int64_t now_ms,
		      struct err *err)
{
	struct conversation_fork f = { .owner = *owner,
				       .id = id,
				       .at = at,
				       .title = title,
				       .new_id = new_id,
				       .now_ms = now_ms };
	bool more = true;

	if (conversation_fork_begin(db, &f, err) < 0)
		return -1;
	while (more)
		if (conversation_fork_some(db, &f, &more, err) < 0)
			return -1;
	return 0;
}

void sweep_conversations(struct fixture *f)
{
	bool more = true;

	while (more)
		assert_int_equal(conversation_sweep(f->db, f->now_ms, &more, &f->err), 0);
	assert_int_equal(conversation_is_to_sweep(f->db, f->now_ms, &f->err), 0);
}

int tell_row(void *arg, const struct conversation_row *row, struct err *err)
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
	buf_printf(&t->text, "%d %.*s: %.*s;", (int)row->seq, SPAN_ARGS(row->role),
		   SPAN_ARGS(row->text));
	return 0;
}

struct told *hear(struct told *t, bool snippets)
{
	buf_init(&t->text, 64 * KIB);
	t->snippets = snippets;
	return t;
}

void expect_told(struct told *t, const char *text)
{
	assert_string_equal(buf_str(&t->text), text);
	buf_free(&t->text);
}

void expect_list(struct fixture *f, const struct conversation_owner *owner, const char *prefix,
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

void expect_messages(struct fixture *f, const struct conversation_owner *owner, const char *id,
		     int64_t from, const char *text)
{
	struct conversation_row row;
	struct told t;

	assert_int_equal(conversation_get(f->db, owner, span_str(id), &row, &f->err), 0);
	assert_int_equal(conversation_messages(f->db, row.number, from, tell_message,
					       hear(&t, false), &f->err),
			 0);
	expect_told(&t, text);
}

int search_conversations(struct db *db, const struct conversation_owner *owner, struct span query,
			 int64_t limit, int64_t offset, conversation_each *each, void *arg,
			 int64_t *total, bool *has_more, struct err *err)
{
	bool more;

	do
		if (conversation_index_some(db, 3, &more, err) < 0)
			return -1;
	while (more);
	return conversation_search(db, owner, query, limit, offset, each, arg, total, has_more,
				   err);
}
