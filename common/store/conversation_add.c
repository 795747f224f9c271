/*
 * common/store/conversation_add.c - what is written: turns, imports, forks.
 */
#include "common/store/conversation_inside.h"

#include <string.h>

/* Where messages are added. */
struct place {
	int64_t number, seq; /* seq: of the last message */
	struct span words;
	struct span model;   /* for messages that name none */
	int64_t now_ms;
};

static void bind_optional(struct db_statement *st, int at, int64_t value)
{
	if (value < 0)
		db_bind_null(st, at);
	else
		db_bind_int(st, at, value);
}

static void bind_name(struct db_statement *st, int at, struct span name)
{
	db_bind_text(st, at, name.len ? name : SPAN_NONE);
}

static int insert_message(struct db *db, struct place *p, const struct message_row *m, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO message (conversation, seq, id, role, created_at, tokens, bytes, interrupted,"
		" finish_reason, model, prompt_tokens, completion_tokens, text, body, images)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
		err);
	int64_t created_ms = m->created_ms ? m->created_ms : p->now_ms;
	char id[CONVERSATION_ID_SIZE];

	if (!st)
		return -1;
	if (!m->id.ptr)
		conversation_make_message_id(id, created_ms);
	db_bind_int(st, 1, p->number);
	db_bind_int(st, 2, ++p->seq);
	db_bind_text(st, 3, m->id.ptr ? m->id : span_str(id));
	db_bind_text(st, 4, m->role);
	db_bind_int(st, 5, created_ms);
	db_bind_int(st, 6, m->tokens);
	db_bind_int(st, 7, m->bytes);
	db_bind_int(st, 8, m->interrupted);
	bind_name(st, 9, m->finish_reason);
	bind_name(st, 10, m->model);
	bind_optional(st, 11, m->prompt_tokens);
	bind_optional(st, 12, m->completion_tokens);
	db_bind_text(st, 13, m->text);
	db_bind_text(st, 14, m->body);
	db_bind_text(st, 15, m->images);
	return db_run(st, err);
}

static int insert_conversation(struct db *db, const struct conversation_addition *a, struct place *p,
			       struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO conversation (id, tenant_id, user_id, owner, title, model, created_at,"
		" used_at, message_count, last_seq, sent_from, parent_id, parent_message)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12)",
		err);

	if (!st)
		return -1;
	db_bind_str(st, 1, a->id);
	db_bind_str(st, 2, a->owner.tenant_id);
	db_bind_str(st, 3, a->owner.user_id);
	db_bind_text(st, 4, p->words);
	db_bind_text(st, 5, a->title.ptr ? a->title : SPAN_LIT(""));
	db_bind_text(st, 6, a->model);
	db_bind_int(st, 7, a->created_ms ? a->created_ms : a->now_ms);
	db_bind_int(st, 8, a->now_ms);
	db_bind_int(st, 9, (int64_t)a->count);
	db_bind_int(st, 10, a->sent_from ? a->sent_from : 1);
	db_bind_text(st, 11, a->parent_id);
	db_bind_text(st, 12, a->parent_message);
	if (db_run(st, err) < 0)
		return -1;
	p->number = db_last_id(db);
	st = db_statement(db,
			  "INSERT INTO conversation_count (tenant_id, user_id, count) VALUES (?1, ?2, 1)"
			  " ON CONFLICT (tenant_id, user_id) DO UPDATE SET count = count + 1",
			  err);
	if (!st)
		return -1;
	db_bind_str(st, 1, a->owner.tenant_id);
	db_bind_str(st, 2, a->owner.user_id);
	return db_run(st, err);
}

static int read_last_seq(struct db *db, int64_t number, int64_t *seq, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT last_seq FROM conversation WHERE number = ?1", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, number);
	if (db_next(st, err) != 1)
		return -1;
	*seq = db_int(st, 0);
	db_reset(st);
	return 0;
}

static int touch_conversation(struct db *db, const struct conversation_addition *a, struct place *p,
			      struct err *err)
{
	struct conversation_row row;
	struct db_statement *st;

	if (conversation_get(db, &a->owner, span_str(a->id), &row, err) < 0)
		return -1;
	p->number = row.number;
	if (read_last_seq(db, row.number, &p->seq, err) < 0)
		return -1;
	if (p->seq + (int64_t)a->count > CONVERSATION_MESSAGES_MAX)
		return err_set(err, E_invalid_field, "conversation_id",
			       "the conversation has its %d messages; fork it or begin another",
			       CONVERSATION_MESSAGES_MAX);
	st = db_statement(db,
			  "UPDATE conversation SET model = ?1, used_at = ?2,"
			  " message_count = message_count + ?3, last_seq = last_seq + ?3,"
			  " sent_from = CASE WHEN ?4 > 0 THEN ?4 ELSE sent_from END WHERE number = ?5",
			  err);
	if (!st)
		return -1;
	db_bind_text(st, 1, a->model);
	db_bind_int(st, 2, a->now_ms);
	db_bind_int(st, 3, (int64_t)a->count);
	db_bind_int(st, 4, a->sent_from);
	db_bind_int(st, 5, row.number);
	return db_run(st, err);
}

int conversation_add(struct db *db, const struct conversation_addition *a, struct err *err)
{
	char words[OWNER_WORDS_SIZE];
	struct place p = { .model = a->model, .now_ms = a->now_ms };

	conversation_tenant_word(&a->owner, words);
	words[OWNER_WORD_SIZE - 1] = ' ';
	conversation_user_word(&a->owner, words + OWNER_WORD_SIZE);
	p.words = span_of(words, sizeof words - 1);
	if ((a->is_new ? insert_conversation : touch_conversation)(db, a, &p, err) < 0)
		return -1;
	for (size_t i = 0; i < a->count; i++)
		if (insert_message(db, &p, &a->messages[i], err) < 0)
			return -1;
	return 0;
}

/* A fork on its way: messages of one conversation into another. */
struct fork {
	struct db *db;
	struct conversation_addition to;
	struct place place;
	struct span at;
	bool found;
};

static int find_message(void *arg, const struct message_row *row, struct err *err)
{
	struct fork *f = arg;

	(void)err;
	if (f->found || (f->at.ptr && !span_equal(f->at, row->id)))
		return 0;
	f->found = f->at.ptr != NULL;
	f->place.seq = row->seq; /* the last to be copied */
	return 0;
}

static int copy_message(void *arg, const struct message_row *row, struct err *err)
{
	struct fork *f = arg;
	struct message_row copy = *row;

	if (f->place.seq == (int64_t)f->to.count)
		return 0;
	copy.id = SPAN_NONE;
	return insert_message(f->db, &f->place, &copy, err);
}

/* Sets how many messages are copied, and which is the last. */
static int measure(struct fork *f, int64_t number, struct err *err)
{
	if (conversation_weights(f->db, number, 1, find_message, f, err) < 0)
		return -1;
	if (f->at.ptr && !f->found)
		return err_set(err, E_invalid_field, "at", "the conversation has no message %.*s",
			       f->at.len > 64 ? 64 : (int)f->at.len, f->at.ptr);
	f->to.count = (size_t)f->place.seq;
	f->place.seq = 0;
	return 0;
}

int conversation_fork(struct db *db, const struct conversation_owner *owner, struct span id,
		      struct span at, struct span title, const char *new_id, int64_t now_ms,
		      struct err *err)
{
	struct fork f = { .db = db, .at = at };
	char words[OWNER_WORDS_SIZE];
	struct conversation_row from;

	if (conversation_get(db, owner, id, &from, err) < 0)
		return -1;
	f.to = (struct conversation_addition){
		.owner = *owner,
		.id = new_id,
		.is_new = true,
		.title = title.ptr ? title : from.title,
		.parent_id = from.id,
		.parent_message = at,
		.model = from.model,
		.now_ms = now_ms,
		.sent_from = from.sent_from,
	};
	conversation_tenant_word(owner, words);
	words[OWNER_WORD_SIZE - 1] = ' ';
	conversation_user_word(owner, words + OWNER_WORD_SIZE);
	f.place = (struct place){ .now_ms = now_ms, .words = span_of(words, sizeof words - 1) };
	if (measure(&f, from.number, err) < 0)
		return -1;
	if (f.to.sent_from > (int64_t)f.to.count)
		f.to.sent_from = 1; /* older than what is sent today: weighed anew */
	if (insert_conversation(db, &f.to, &f.place, err) < 0)
		return -1;
	return conversation_messages(db, from.number, 1, copy_message, &f, err);
}
