/*
 * common/store/conversation_remove.c - what was deleted, or never finished, goes little by little.
 *
 * A conversation that nobody may see belongs to no tenant: tenant_id is "".  One that was deleted
 * has used_at 0, one that is being made the time when that began.
 */
#include "common/store/conversation_inside.h"

#include <string.h>

#include "common/base/mem.h"

int conversation_delete(struct db *db, const struct conversation_owner *owner, struct span id,
			struct err *err)
{
	struct conversation_row row = { .number = 0 };
	int64_t number, bytes;

	if (conversation_get(db, owner, id, &row, err) < 0)
		return -1;
	number = row.number;
	if (conversation_bytes(db, number, &bytes, err) < 0 ||
	    conversation_add_total(db, owner->tenant_id, -bytes, err) < 0)
		return -1;
	if (db_run_with(db,
			"UPDATE conversation_count SET count = count - 1 WHERE (tenant_id, user_id) ="
			" (SELECT tenant_id, user_id FROM conversation WHERE number = ?1)",
			number, err) < 0)
		return -1;
	return db_run_with(db, "UPDATE conversation SET tenant_id = '', used_at = 0 WHERE number = ?1",
			   number, err);
}

/* The one to go, and its owner's words.  1, 0 when there is none, -1. */
static int find_dead(struct db *db, int64_t now_ms, int64_t *number, char words[OWNER_WORDS_SIZE], size_t *len,
		     struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT number, owner FROM conversation WHERE tenant_id = ''"
					       " AND used_at < ?1 ORDER BY used_at, number LIMIT 1",
					       err);
	struct span text;
	int found;

	if (!st)
		return -1;
	db_bind_int(st, 1, now_ms - CONVERSATION_UNFINISHED_MS);
	found = db_next(st, err);
	if (found == 1) {
		*number = db_int(st, 0);
		text = db_text(st, 1);
		*len = text.len < OWNER_WORDS_SIZE ? text.len : OWNER_WORDS_SIZE;
		memcpy(words, text.ptr, *len);
	}
	db_reset(st);
	return found;
}

int conversation_is_to_sweep(struct db *db, int64_t now_ms, struct err *err)
{
	char words[OWNER_WORDS_SIZE];
	int64_t number;
	size_t len;

	return find_dead(db, now_ms, &number, words, &len, err);
}

struct slice {
	struct db *db;
	struct span words; /* of the owner */
	int64_t indexed;   /* the last message that search knows */
	int64_t bytes, last_seq;
	int64_t numbers[CONVERSATION_SLICE_MESSAGES];
	size_t count;
};

/* The index takes the same words back that it was given. */
static int unindex(void *arg, const struct message_row *m, struct err *err)
{
	struct slice *s = arg;

	if (m->number <= s->indexed && conversation_is_said(m->role, m->text) &&
	    conversation_unindex(s->db, m->number, m->text, s->words, err) < 0)
		return -1;
	s->numbers[s->count++] = m->number;
	s->last_seq = m->seq;
	s->bytes += m->bytes;
	return s->count == CONVERSATION_SLICE_MESSAGES || s->bytes >= CONVERSATION_SLICE_BYTES;
}

/* What is left of the run in which the slice ends begins behind it, unless another one does. */
static int note_rest(struct db *db, int64_t conversation, const struct slice *s, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "INSERT OR IGNORE INTO message_run (conversation, seq, number) VALUES (?1, ?2, ?3)", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, conversation);
	db_bind_int(st, 2, s->last_seq + 1);
	db_bind_int(st, 3, s->numbers[s->count - 1] + 1);
	return db_run(st, err);
}

static int delete_slice(struct db *db, int64_t conversation, const struct slice *s, struct err *err)
{
	struct db_statement *st;

	for (size_t i = 0; i < s->count; i++)
		if (db_run_with(db, "DELETE FROM message WHERE number = ?1", s->numbers[i], err) < 0)
			return -1;
	st = db_statement(db, "DELETE FROM message_run WHERE conversation = ?1 AND seq <= ?2", err);
	if (!st)
		return -1;
	db_bind_int(st, 1, conversation);
	db_bind_int(st, 2, s->last_seq);
	if (db_run(st, err) < 0 || note_rest(db, conversation, s, err) < 0)
		return -1;
	return conversation_index_back(db, err);
}

/* 1 when there was something left to remove, 0, -1. */
static int remove_slice(struct db *db, int64_t conversation, struct span words, struct err *err)
{
	struct slice *s = mem_new(struct slice);
	int result = -1;

	s->db = db;
	s->words = words;
	if (db_number(db, "SELECT up_to FROM message_indexed", &s->indexed, err) == 0 &&
	    conversation_messages(db, conversation, 1, unindex, s, err) == 0)
		result = s->count > 0;
	if (result == 1 && delete_slice(db, conversation, s, err) < 0)
		result = -1;
	mem_free(s);
	return result;
}

int conversation_sweep(struct db *db, int64_t now_ms, bool *more, struct err *err)
{
	char words[OWNER_WORDS_SIZE];
	int64_t number = 0;
	size_t len = 0;
	int found = find_dead(db, now_ms, &number, words, &len, err);

	*more = found == 1;
	if (found != 1)
		return found;
	found = remove_slice(db, number, span_of(words, len), err);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (db_run_with(db, "DELETE FROM message_run WHERE conversation = ?1", number, err) < 0)
		return -1;
	return db_run_with(db, "DELETE FROM conversation WHERE number = ?1", number, err);
}
