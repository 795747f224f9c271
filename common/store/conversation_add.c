/*
 * common/store/conversation_add.c - what is added to conversations, that of many turns at once.
 */
#include "common/store/conversation_inside.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/store/db_feed.h"

static void put_text(struct db_cell *cell, struct span text)
{
	if (text.ptr)
		db_put_text(cell, text.ptr, text.len);
}

static void put_str(struct db_cell *cell, const char *text)
{
	db_put_text(cell, text, strlen(text));
}

/* No name is NULL. */
static void put_name(struct db_cell *cell, struct span name)
{
	if (name.len)
		db_put_text(cell, name.ptr, name.len);
}

/* Below 0: unknown. */
static void put_count(struct db_cell *cell, int64_t value)
{
	if (value >= 0)
		db_put_int(cell, value);
}

/*
 * Statements name columns in the table's order, from its first to its last, so that SQLite need not put
 * them there.  A column of a feed costs a row much more than a NULL: what few have is asked for when one has it.
 */
enum conversation_column {
	C_ID, C_TENANT_ID, C_USER_ID, C_OWNER, C_TITLE, C_MODEL, C_CREATED_AT, C_USED_AT, C_MESSAGE_COUNT,
	C_LAST_SEQ, C_SENT_FROM, C_PARENT_ID, C_PARENT_MESSAGE, C_BYTES, C_FIRST_MESSAGE, CONVERSATION_COLUMN_COUNT
};

#define CONVERSATION_FRONT                                                                         \
	"id, tenant_id, user_id, owner, title, model, created_at, used_at, message_count, last_seq, sent_from"
#define CONVERSATION_BACK "bytes, first_message"
#define INSERT_CONVERSATIONS(parent)                                                               \
	"INSERT OR FAIL INTO conversation (number, " CONVERSATION_FRONT ", parent_id, parent_message, " \
	CONVERSATION_BACK ") SELECT NULL, " CONVERSATION_FRONT ", " parent ", " CONVERSATION_BACK " FROM conversation_feed"
static const char insert_conversations[] = INSERT_CONVERSATIONS("NULL, NULL"),
		  insert_forks[] = INSERT_CONVERSATIONS("parent_id, parent_message");

static void put_conversation(const void *rows, size_t row, int column, struct db_cell *cell)
{
	const struct new_conversation *c = (const struct new_conversation *)rows + row;
	const struct conversation_addition *a = c->addition;

	switch ((enum conversation_column)column) {
	case C_ID: put_str(cell, a->id); break;
	case C_TENANT_ID: put_str(cell, a->is_unfinished ? CONVERSATION_NOBODY : a->owner.tenant_id); break;
	case C_USER_ID: put_str(cell, a->owner.user_id); break;
	case C_OWNER: db_put_text(cell, c->words, OWNER_WORDS_SIZE - 1); break;
	case C_TITLE: put_text(cell, a->title.ptr ? a->title : SPAN_LIT("")); break;
	case C_MODEL: put_text(cell, a->model); break;
	case C_CREATED_AT: db_put_int(cell, a->created_ms ? a->created_ms : a->now_ms); break;
	case C_USED_AT: db_put_int(cell, a->now_ms); break;
	case C_MESSAGE_COUNT: db_put_int(cell, (int64_t)a->count); break;
	case C_LAST_SEQ: db_put_int(cell, c->last_seq ? c->last_seq : (int64_t)a->count); break;
	case C_SENT_FROM: db_put_int(cell, a->sent_from ? a->sent_from : 1); break;
	case C_PARENT_ID: put_text(cell, a->parent_id); break;
	case C_PARENT_MESSAGE: put_text(cell, a->parent_message); break;
	case C_BYTES: db_put_int(cell, c->bytes); break;
	case C_FIRST_MESSAGE: db_put_int(cell, c->first_message); break;
	case CONVERSATION_COLUMN_COUNT: break;
	}
}

static const struct db_feed conversation_feed = {
	.name = "conversation_feed",
	.columns = CONVERSATION_COLUMN_COUNT,
	.names = CONVERSATION_FRONT ", parent_id, parent_message, " CONVERSATION_BACK,
	.put = put_conversation,
};

enum message_column {
	M_CONVERSATION, M_SEQ, M_ID, M_ROLE, M_CREATED_AT, M_TOKENS, M_BYTES, M_INTERRUPTED, M_FINISH_REASON,
	M_MODEL, M_PROMPT_TOKENS, M_COMPLETION_TOKENS, M_TEXT, M_BODY, M_IMAGES, MESSAGE_COLUMN_COUNT
};

#define MESSAGE_FRONT "conversation, seq, id, role, created_at, tokens, bytes"
#define MESSAGE_BACK "finish_reason, model, prompt_tokens, completion_tokens, text"
#define INSERT_MESSAGES(interrupted, body)                                                         \
	"INSERT OR FAIL INTO message (number, " MESSAGE_FRONT ", interrupted, " MESSAGE_BACK ", body, images)" \
	" SELECT NULL, " MESSAGE_FRONT ", " interrupted ", " MESSAGE_BACK ", " body " FROM message_feed"
static const char insert_texts[] = INSERT_MESSAGES("0", "NULL, NULL"),
		  insert_messages[] = INSERT_MESSAGES("interrupted", "body, images");

static void put_message(const void *rows, size_t row, int column, struct db_cell *cell)
{
	const struct new_message *n = (const struct new_message *)rows + row;
	const struct message_row *m = n->row;

	switch ((enum message_column)column) {
	case M_CONVERSATION: db_put_int(cell, n->conversation); break;
	case M_SEQ: db_put_int(cell, n->seq); break;
	case M_ID: put_text(cell, m->id.ptr ? m->id : span_str(n->id)); break;
	case M_ROLE: put_text(cell, m->role); break;
	case M_CREATED_AT: db_put_int(cell, m->created_ms ? m->created_ms : n->now_ms); break;
	case M_TOKENS: db_put_int(cell, m->tokens); break;
	case M_BYTES: db_put_int(cell, m->bytes); break;
	case M_INTERRUPTED: db_put_int(cell, m->interrupted); break;
	case M_FINISH_REASON: put_name(cell, m->finish_reason); break;
	case M_MODEL: put_name(cell, m->model); break;
	case M_PROMPT_TOKENS: put_count(cell, m->prompt_tokens); break;
	case M_COMPLETION_TOKENS: put_count(cell, m->completion_tokens); break;
	case M_TEXT: put_text(cell, m->text); break;
	case M_BODY: put_text(cell, m->body); break;
	case M_IMAGES: put_text(cell, m->images); break;
	case MESSAGE_COLUMN_COUNT: break;
	}
}

static const struct db_feed message_feed = {
	.name = "message_feed",
	.columns = MESSAGE_COLUMN_COUNT,
	.names = MESSAGE_FRONT ", interrupted, " MESSAGE_BACK ", body, images",
	.put = put_message,
};

static int insert_rows(struct db *db, const struct db_feed *form, const char *sql, const void *rows,
		       size_t count, struct err *err)
{
	struct db_feed *feed = db_feed_like(db, form, err);
	struct db_statement *st = feed ? db_statement(db, sql, err) : NULL;

	if (!st)
		return -1;
	feed->rows = rows;
	feed->count = count;
	return db_run(st, err);
}

/* Numbers are the greatest plus one, so they follow each other. */
int conversation_insert(struct db *db, struct new_conversation *rows, size_t count, int64_t *first,
			struct err *err)
{
	const char *sql = insert_conversations;

	for (size_t i = 0; i < count; i++) {
		const struct conversation_addition *a = rows[i].addition;

		conversation_owner_words(&a->owner, rows[i].words);
		if (a->parent_id.ptr || a->parent_message.ptr)
			sql = insert_forks;
	}
	if (insert_rows(db, &conversation_feed, sql, rows, count, err) < 0)
		return -1;
	*first = db_last_id(db) - (int64_t)count + 1;
	return 0;
}

int conversation_insert_messages(struct db *db, struct new_message *rows, size_t count, struct err *err)
{
	const char *sql = insert_texts;

	for (size_t i = 0; i < count; i++) {
		const struct message_row *m = rows[i].row;

		if (!m->id.ptr)
			conversation_make_message_id(rows[i].id, m->created_ms ? m->created_ms : rows[i].now_ms);
		if (m->interrupted || m->body.ptr || m->images.ptr)
			sql = insert_messages;
	}
	return count ? insert_rows(db, &message_feed, sql, rows, count, err) : 0;
}

static int run_with_owner(struct db *db, const char *sql, const struct conversation_owner *owner, int64_t count,
			  struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	db_bind_str(st, 1, owner->tenant_id);
	db_bind_str(st, 2, owner->user_id);
	db_bind_int(st, 3, count);
	return db_run(st, err);
}

/* Most users have a row already: to try the insert first would cost them twice. */
static int count_more(struct db *db, const struct conversation_owner *owner, int64_t count, struct err *err)
{
	static const char more[] = "UPDATE conversation_count SET count = count + ?3"
				   " WHERE tenant_id = ?1 AND user_id = ?2",
			  first[] = "INSERT INTO conversation_count (tenant_id, user_id, count) VALUES (?1, ?2, ?3)";

	if (run_with_owner(db, more, owner, count, err) < 0)
		return -1;
	return db_changes(db) > 0 ? 0 : run_with_owner(db, first, owner, count, err);
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
	if (db_run(st, err) < 0 || count_more(db, owner, 1, err) < 0)
		return -1;
	return conversation_add_total(db, owner->tenant_id, bytes, err);
}

/* Looks before it changes anything. */
static int touch_conversation(struct db *db, struct conversation_adding *one, struct err *err)
{
	const struct conversation_addition *a = one->addition;
	const struct conversation_owner owner = {
		a->is_unfinished ? CONVERSATION_NOBODY : a->owner.tenant_id, a->owner.user_id
	};
	struct conversation_row row;
	struct db_statement *st;

	if (conversation_get(db, &owner, span_str(a->id), &row, err) < 0)
		return -1;
	one->number = row.number;
	one->seq = row.last_seq;
	if (one->seq + (int64_t)a->count > CONVERSATION_MESSAGES_MAX)
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
	db_bind_int(st, 6, one->bytes);
	return db_run(st, err);
}

/*
 * Conversations that begin, before those that go on: these may be among them.  Their messages come
 * first, too.
 */
static int add_new(struct db *db, struct conversation_adding *all, size_t count, int64_t next_message,
		   struct err *err)
{
	struct new_conversation *rows = mem_calloc(count, sizeof *rows);
	size_t row_count = 0;
	int64_t number = 0;
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		const struct conversation_addition *a = all[i].addition;

		if (!a->is_new)
			continue;
		rows[row_count++] = (struct new_conversation){
			.addition = a, .bytes = all[i].bytes, .first_message = a->count ? next_message : 0
		};
		next_message += (int64_t)a->count;
	}
	if (row_count)
		result = conversation_insert(db, rows, row_count, &number, err);
	for (size_t i = 0; i < count; i++)
		if (all[i].addition->is_new)
			all[i].number = number++;
	mem_free(rows);
	return result;
}

static int touch_all(struct db *db, struct conversation_adding *all, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (all[i].addition->is_new)
			continue;
		all[i].result = touch_conversation(db, &all[i], all[i].err);
		if (all[i].result == 0 || all[i].err->code != E_storage_error)
			continue;
		*err = *all[i].err;
		return -1;
	}
	return 0;
}

/* Those of the conversations that begin, or of the others, behind the *at that there are. */
static void list_messages(struct conversation_adding *all, size_t count, bool is_new,
			  struct new_message *rows, size_t *at)
{
	for (size_t i = 0; i < count; i++) {
		const struct conversation_addition *a = all[i].addition;

		if (a->is_new != is_new || all[i].result < 0)
			continue;
		all[i].at = *at;
		for (size_t k = 0; k < a->count; k++)
			rows[(*at)++] = (struct new_message){
				.conversation = all[i].number,
				.seq = ++all[i].seq,
				.now_ms = a->now_ms,
				.row = &a->messages[k],
			};
	}
}

/* Of conversations that go on: those that begin say it themselves. */
static int note_runs(struct db *db, const struct conversation_adding *all, size_t count,
		     int64_t first_message, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct conversation_addition *a = all[i].addition;

		if (a->is_new || all[i].result < 0 || a->count == 0)
			continue;
		if (conversation_note_run(db, all[i].number, all[i].seq - (int64_t)a->count + 1,
					  first_message + (int64_t)all[i].at, err) < 0)
			return -1;
	}
	return 0;
}

static int add_messages(struct db *db, struct conversation_adding *all, size_t count, int64_t first_message,
			struct err *err)
{
	struct new_message *rows;
	size_t total = 0, at = 0;
	int result;

	for (size_t i = 0; i < count; i++)
		total += all[i].addition->count;
	rows = mem_calloc(total, sizeof *rows);
	list_messages(all, count, true, rows, &at);
	list_messages(all, count, false, rows, &at);
	result = conversation_insert_messages(db, rows, at, err);
	mem_free(rows);
	if (result == 0 && at && db_last_id(db) != first_message + (int64_t)at - 1)
		return err_set(err, E_storage_error, "", "messages do not follow each other in %s", db_path(db));
	return result < 0 ? -1 : note_runs(db, all, count, first_message, err);
}

/* What many have in common is written once: of owners how many they have, of tenants what it weighs. */
enum { SUMS_MAX = 32 };
struct sum {
	struct conversation_owner owner;
	int64_t value;
};
struct sums {
	int (*write)(struct db *db, const struct conversation_owner *owner, int64_t value, struct err *err);
	size_t count;
	struct sum list[SUMS_MAX];
};

static int write_sums(struct sums *s, struct db *db, struct err *err)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->write(db, &s->list[i].owner, s->list[i].value, err) < 0)
			return -1;
	s->count = 0;
	return 0;
}

static bool same_owner(const struct conversation_owner *a, const struct conversation_owner *b)
{
	return strcmp(a->user_id, b->user_id) == 0 && strcmp(a->tenant_id, b->tenant_id) == 0;
}

static int sum_up(struct sums *s, struct db *db, struct conversation_owner owner, int64_t value, struct err *err)
{
	for (size_t i = 0; i < s->count; i++)
		if (same_owner(&s->list[i].owner, &owner)) {
			s->list[i].value += value;
			return 0;
		}
	if (s->count == SUMS_MAX && write_sums(s, db, err) < 0)
		return -1;
	s->list[s->count++] = (struct sum){ owner, value };
	return 0;
}

static int add_to_total(struct db *db, const struct conversation_owner *owner, int64_t bytes, struct err *err)
{
	return conversation_add_total(db, owner->tenant_id, bytes, err);
}

static int sum_up_all(struct db *db, const struct conversation_adding *all, size_t count, struct err *err)
{
	struct sums counts = { .write = count_more }, totals = { .write = add_to_total };

	for (size_t i = 0; i < count; i++) {
		const struct conversation_addition *a = all[i].addition;

		if (all[i].result < 0 || a->is_unfinished)
			continue;
		if ((a->is_new && sum_up(&counts, db, a->owner, 1, err) < 0) ||
		    sum_up(&totals, db, (struct conversation_owner){ a->owner.tenant_id, "" }, all[i].bytes, err) < 0)
			return -1;
	}
	return write_sums(&counts, db, err) < 0 ? -1 : write_sums(&totals, db, err);
}

int conversation_add_all(struct db *db, struct conversation_adding *all, size_t count, struct err *err)
{
	int64_t next_message;

	for (size_t i = 0; i < count; i++) {
		all[i].result = 0;
		all[i].seq = 0;
		all[i].bytes = conversation_weigh(all[i].addition->messages, all[i].addition->count);
	}
	if (conversation_next_message(db, &next_message, err) < 0 ||
	    add_new(db, all, count, next_message, err) < 0 || touch_all(db, all, count, err) < 0 ||
	    add_messages(db, all, count, next_message, err) < 0)
		return -1;
	return sum_up_all(db, all, count, err);
}

int conversation_add(struct db *db, const struct conversation_addition *a, struct err *err)
{
	struct err own = ERR_INIT;
	struct conversation_adding one = { .addition = a, .err = &own };

	if (conversation_add_all(db, &one, 1, err) < 0)
		return -1;
	if (one.result < 0)
		*err = own;
	return one.result;
}
