/*
 * common/store/conversation_add.c - what is written: turns, imports, forks.
 */
#include "common/store/conversation_inside.h"

#include "common/base/buf.h"

#include <string.h>

static const char copy_mark[] = " (copy";

enum { COPY_MARK_MAX = 32 }; /* with its number and its end */

/* Where messages are added. */
struct place {
	int64_t number, seq; /* seq: of the last message */
	int64_t bytes;       /* that all that is added weighs */
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

static int run_with_owner(struct db *db, const char *sql, const struct conversation_owner *owner,
			  struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	db_bind_str(st, 1, owner->tenant_id);
	db_bind_str(st, 2, owner->user_id);
	return db_run(st, err);
}

/* Most users have a row already: to try the insert first would cost them twice. */
static int count_one(struct db *db, const struct conversation_owner *owner, struct err *err)
{
	static const char more[] = "UPDATE conversation_count SET count = count + 1"
				   " WHERE tenant_id = ?1 AND user_id = ?2",
			  first[] = "INSERT INTO conversation_count (tenant_id, user_id, count) VALUES (?1, ?2, 1)";

	if (run_with_owner(db, more, owner, err) < 0)
		return -1;
	return db_changes(db) > 0 ? 0 : run_with_owner(db, first, owner, err);
}

static int insert_conversation(struct db *db, const struct conversation_addition *a, struct place *p,
			       struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO conversation (id, tenant_id, user_id, owner, title, model, created_at,"
		" used_at, message_count, last_seq, sent_from, parent_id, parent_message, bytes)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13)",
		err);

	if (!st)
		return -1;
	db_bind_str(st, 1, a->id);
	db_bind_str(st, 2, a->is_unfinished ? CONVERSATION_NOBODY : a->owner.tenant_id);
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
	db_bind_int(st, 13, p->bytes);
	if (db_run(st, err) < 0)
		return -1;
	p->number = db_last_id(db);
	return a->is_unfinished ? 0 : count_one(db, &a->owner, err);
}

int conversation_publish(struct db *db, const struct conversation_owner *owner, struct span id,
			 int64_t now_ms, struct err *err)
{
	const struct conversation_owner nobody = { CONVERSATION_NOBODY, owner->user_id };
	struct conversation_row row = { .number = 0 };
	struct db_statement *st;
	int64_t number, bytes;

	if (conversation_get(db, &nobody, id, &row, err) < 0)
		return -1;
	number = row.number;
	if (conversation_bytes(db, number, &bytes, err) < 0)
		return -1;
	st = db_statement(db, "UPDATE conversation SET tenant_id = ?1, used_at = ?2 WHERE number = ?3", err);
	if (!st)
		return -1;
	db_bind_str(st, 1, owner->tenant_id);
	db_bind_int(st, 2, now_ms);
	db_bind_int(st, 3, number);
	if (db_run(st, err) < 0 || count_one(db, owner, err) < 0)
		return -1;
	return conversation_add_total(db, owner->tenant_id, bytes, err);
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
	const struct conversation_owner owner = {
		a->is_unfinished ? CONVERSATION_NOBODY : a->owner.tenant_id, a->owner.user_id
	};
	struct conversation_row row;
	struct db_statement *st;

	if (conversation_get(db, &owner, span_str(a->id), &row, err) < 0)
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
			  " message_count = message_count + ?3, last_seq = last_seq + ?3, bytes = bytes + ?6,"
			  " sent_from = CASE WHEN ?4 > 0 THEN ?4 ELSE sent_from END WHERE number = ?5",
			  err);
	if (!st)
		return -1;
	db_bind_text(st, 1, a->model);
	db_bind_int(st, 2, a->now_ms);
	db_bind_int(st, 3, (int64_t)a->count);
	db_bind_int(st, 4, a->sent_from);
	db_bind_int(st, 5, row.number);
	db_bind_int(st, 6, p->bytes);
	return db_run(st, err);
}

static struct place place_of(const struct conversation_owner *owner, char words[OWNER_WORDS_SIZE])
{
	conversation_owner_words(owner, words);
	return (struct place){ .words = span_of(words, OWNER_WORDS_SIZE - 1) };
}

int conversation_add(struct db *db, const struct conversation_addition *a, struct err *err)
{
	char words[OWNER_WORDS_SIZE];
	struct place p = place_of(&a->owner, words);

	p.model = a->model;
	p.now_ms = a->now_ms;
	p.bytes = conversation_weigh(a->messages, a->count);
	if ((a->is_new ? insert_conversation : touch_conversation)(db, a, &p, err) < 0)
		return -1;
	for (size_t i = 0; i < a->count; i++)
		if (insert_message(db, &p, &a->messages[i], err) < 0)
			return -1;
	return a->is_unfinished ? 0 : conversation_add_total(db, a->owner.tenant_id, p.bytes, err);
}

static int find_last(void *arg, const struct message_row *row, struct err *err)
{
	struct conversation_fork *f = arg;

	(void)err;
	f->last = row->seq;
	f->bytes += row->bytes + MESSAGE_WEIGHT;
	return f->at.ptr && span_equal(f->at, row->id);
}

/* Sets which is the last message to be copied. */
static int measure(struct db *db, struct conversation_fork *f, int64_t number, struct err *err)
{
	struct db_statement *st;
	int found = 1;

	if (conversation_weights(db, number, 1, find_last, f, err) < 0)
		return -1;
	if (!f->at.ptr)
		return 0;
	st = db_statement(db, "SELECT 1 FROM message WHERE conversation = ?1 AND seq = ?2 AND id = ?3", err);
	if (!st)
		return -1;
	db_bind_int(st, 1, number);
	db_bind_int(st, 2, f->last);
	db_bind_text(st, 3, f->at);
	found = db_next(st, err);
	db_reset(st);
	if (found == 0)
		return err_set(err, E_invalid_field, "at", "the conversation has no message %.*s",
			       f->at.len > 64 ? 64 : (int)f->at.len, f->at.ptr);
	return found < 0 ? -1 : 0;
}

/* Of the end of a title, from its mark on: 1 of " (copy)", N of " (copy N)", else 0. */
static int64_t copy_number(struct span end)
{
	struct span rest = span_from(end, sizeof copy_mark - 1);
	int64_t number;

	if (span_is(rest, ")"))
		return 1;
	if (!span_starts(rest, " ") || !span_ends(rest, ")"))
		return 0;
	rest = span_of(rest.ptr + 1, rest.len - 2);
	return span_to_int(rest, 2, INT32_MAX - 1, &number) == 0 ? number : 0;
}

/* "Rivers", "Rivers (copy)", "Rivers (copy 2)": lists tell them apart. */
static void name_copy(struct span title, struct buf *out)
{
	int64_t number = 0;

	for (size_t at = title.len; at-- > 0 && number == 0;)
		if (span_starts(span_from(title, at), copy_mark)) {
			number = copy_number(span_from(title, at));
			title.len = number ? at : title.len;
		}
	buf_add_span(out, title);
	if (title.len + COPY_MARK_MAX > CONVERSATION_TITLE_MAX)
		return;
	buf_add_str(out, copy_mark);
	if (number)
		buf_printf(out, " %lld", (long long)number + 1);
	buf_add_char(out, ')');
}

int conversation_fork_begin(struct db *db, struct conversation_fork *f, struct err *err)
{
	char words[OWNER_WORDS_SIZE];
	struct place place = place_of(&f->owner, words);
	struct conversation_addition to;
	struct conversation_row from;
	struct buf copy;
	int result = -1;

	if (conversation_get(db, &f->owner, f->id, &from, err) < 0)
		return -1;
	buf_init(&copy, from.title.len + COPY_MARK_MAX);
	name_copy(from.title, &copy);
	to = (struct conversation_addition){
		.owner = f->owner,
		.id = f->new_id,
		.is_new = true,
		.is_unfinished = true,
		.title = f->title.ptr ? f->title : buf_span(&copy),
		.parent_id = from.id,
		.parent_message = f->at,
		.model = from.model,
		.now_ms = f->now_ms,
		.sent_from = from.sent_from,
	};
	f->seq = f->last = f->bytes = 0;
	if (measure(db, f, from.number, err) < 0)
		goto out;
	if (f->quota && conversation_check_room(db, &f->owner, f->quota, true, f->bytes, &f->left, err) < 0)
		goto out;
	place.bytes = f->bytes;
	to.count = (size_t)f->last;
	if (to.sent_from > f->last)
		to.sent_from = 1; /* older than what is sent today: weighed anew */
	result = insert_conversation(db, &to, &place, err);
	f->number = place.number;
out:
	buf_free(&copy);
	return result;
}

struct fork_slice {
	struct db *db;
	struct conversation_fork *fork;
	struct place place;
	int64_t bytes;
	size_t count;
};

static int copy_message(void *arg, const struct message_row *row, struct err *err)
{
	struct fork_slice *s = arg;
	struct message_row copy = *row;

	if (row->seq > s->fork->last)
		return 1;
	copy.id = SPAN_NONE;
	if (insert_message(s->db, &s->place, &copy, err) < 0)
		return -1;
	s->fork->seq = row->seq;
	s->bytes += row->bytes;
	return ++s->count == CONVERSATION_SLICE_MESSAGES || s->bytes >= CONVERSATION_SLICE_BYTES;
}

int conversation_fork_some(struct db *db, struct conversation_fork *f, bool *more, struct err *err)
{
	struct fork_slice s = {
		.db = db, .fork = f, .place = { .number = f->number, .seq = f->seq, .now_ms = f->now_ms }
	};
	struct conversation_row from;

	*more = false;
	/* The origin may have gone meanwhile. */
	if (conversation_get(db, &f->owner, f->id, &from, err) < 0 ||
	    conversation_messages(db, from.number, f->seq + 1, copy_message, &s, err) < 0)
		return -1;
	*more = f->seq < f->last && s.count > 0;
	return *more ? 0 : conversation_publish(db, &f->owner, span_str(f->new_id), f->now_ms, err);
}
