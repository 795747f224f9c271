/*
 * common/store/conversation_messages.c - the messages of a conversation, found and read run by run.
 *
 * Messages that were added together are neighbours in their table: a run.  Where it begins is in
 * message_run, or of the first one in the conversation's own row.
 */
#include "common/store/conversation_inside.h"

static int64_t read_count(struct db_statement *st, int column)
{
	return db_is_null(st, column) ? -1 : db_int(st, column);
}

/* Columns of both queries below: what is light, then what is heavy. */
#define MESSAGE_LIGHT                                                                              \
	"conversation, number, seq, id, role, created_at, tokens, bytes, interrupted, finish_reason,"  \
	" model, prompt_tokens, completion_tokens"
enum { MESSAGE_LIGHT_COUNT = 13 };

static void read_message(struct db_statement *st, bool heavy, struct message_row *row)
{
	*row = (struct message_row){
		.number = db_int(st, 1),
		.seq = db_int(st, 2),
		.id = db_text(st, 3),
		.role = db_text(st, 4),
		.created_ms = db_int(st, 5),
		.tokens = db_int(st, 6),
		.bytes = db_int(st, 7),
		.interrupted = db_int(st, 8) != 0,
		.finish_reason = db_text(st, 9),
		.model = db_text(st, 10),
		.prompt_tokens = read_count(st, 11),
		.completion_tokens = read_count(st, 12),
	};
	if (!heavy)
		return;
	row->text = db_text(st, MESSAGE_LIGHT_COUNT);
	row->body = db_text(st, MESSAGE_LIGHT_COUNT + 1);
	row->images = db_text(st, MESSAGE_LIGHT_COUNT + 2);
}

#define MESSAGES_FROM " FROM message WHERE number >= ?1 ORDER BY number"
static const char light_messages[] = "SELECT " MESSAGE_LIGHT MESSAGES_FROM,
		  all_of_messages[] = "SELECT " MESSAGE_LIGHT ", text, body, images" MESSAGES_FROM;

struct walk {
	struct db *db;
	bool heavy;
	int64_t conversation, next; /* the seq that comes next */
	message_each *each;
	void *arg;
	bool is_over; /* each wants no more */
};

/* A run, whose first message has that number and seq, from the one on that comes next. */
static int walk_run(struct walk *w, int64_t number, int64_t seq, struct err *err)
{
	struct db_statement *st = db_statement(w->db, w->heavy ? all_of_messages : light_messages, err);
	int more = 0;

	if (!st)
		return -1;
	db_bind_int(st, 1, number + w->next - seq);
	while (!w->is_over && (more = db_next(st, err)) == 1) {
		struct message_row row;
		int wish;

		read_message(st, w->heavy, &row);
		if (db_int(st, 0) != w->conversation || row.seq != w->next)
			break;
		w->next++;
		wish = w->each(w->arg, &row, err);
		w->is_over = wish != 0;
		if (wish < 0)
			more = -1;
	}
	db_reset(st);
	return more < 0 ? -1 : 0;
}

/* The run in which the next message lies, if it lies in any: *number 0 = there is none so early. */
static int find_run(const struct walk *w, int64_t *number, int64_t *seq, struct err *err)
{
	struct db_statement *st = db_statement(w->db,
					       "SELECT number, seq FROM message_run WHERE conversation = ?1 AND seq <= ?2"
					       " ORDER BY seq DESC LIMIT 1",
					       err);
	int found;

	*number = 0;
	*seq = 1;
	if (!st)
		return -1;
	db_bind_int(st, 1, w->conversation);
	db_bind_int(st, 2, w->next);
	found = db_next(st, err);
	if (found == 0) {
		db_reset(st);
		st = db_statement(w->db, "SELECT first_message, 1 FROM conversation WHERE number = ?1", err);
		if (!st)
			return -1;
		db_bind_int(st, 1, w->conversation);
		found = db_next(st, err);
	}
	if (found == 1) {
		*number = db_int(st, 0);
		*seq = db_int(st, 1);
	}
	db_reset(st);
	return found < 0 ? -1 : 0;
}

static int walk_later_runs(struct walk *w, struct err *err)
{
	struct db_statement *st = db_statement(w->db,
					       "SELECT number, seq FROM message_run WHERE conversation = ?1 AND seq >= ?2"
					       " ORDER BY seq",
					       err);
	int more = 0;

	if (!st)
		return -1;
	db_bind_int(st, 1, w->conversation);
	db_bind_int(st, 2, w->next);
	while (!w->is_over && (more = db_next(st, err)) == 1) {
		int64_t number = db_int(st, 0), seq = db_int(st, 1);

		if (seq < w->next)
			continue; /* of the run before, which it follows */
		w->next = seq;
		if (walk_run(w, number, seq, err) < 0)
			more = -1;
		if (more < 0)
			break;
	}
	db_reset(st);
	return more < 0 ? -1 : 0;
}

static int walk(struct walk *w, struct err *err)
{
	int64_t number, seq;

	if (find_run(w, &number, &seq, err) < 0 || (number && walk_run(w, number, seq, err) < 0))
		return -1;
	return w->is_over ? 0 : walk_later_runs(w, err);
}

int conversation_messages(struct db *db, int64_t number, int64_t from, message_each *each, void *arg,
			  struct err *err)
{
	struct walk w = { db, true, number, from, each, arg, false };

	return walk(&w, err);
}

int conversation_weights(struct db *db, int64_t number, int64_t from, message_each *each, void *arg,
			 struct err *err)
{
	struct walk w = { db, false, number, from, each, arg, false };

	return walk(&w, err);
}

int conversation_next_message(struct db *db, int64_t *number, struct err *err)
{
	struct db_statement *st = db_statement(db, "SELECT coalesce(max(number), 0) + 1 FROM message", err);

	if (!st || db_next(st, err) != 1)
		return -1;
	*number = db_int(st, 0);
	db_reset(st);
	return 0;
}

int conversation_note_run(struct db *db, int64_t conversation, int64_t seq, int64_t number, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "INSERT INTO message_run (conversation, seq, number) VALUES (?1, ?2, ?3)", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, conversation);
	db_bind_int(st, 2, seq);
	db_bind_int(st, 3, number);
	return db_run(st, err);
}
