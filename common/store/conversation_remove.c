/*
 * common/store/conversation_remove.c - what was deleted, or never finished, goes little by little.
 *
 * A conversation that nobody may see belongs to no tenant: tenant_id is "".  One that was deleted
 * has used_at 0, one that is being made the time when that began.
 */
#include "common/store/conversation_inside.h"

#include <string.h>

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

/* The index takes the same words back that it was given.  *to: the last message of the slice, 0 = none. */
static int unindex_slice(struct db *db, int64_t number, struct span words, int64_t *to, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT number, role, text, bytes, seq,"
					       " number <= (SELECT up_to FROM message_indexed) FROM message"
					       " WHERE conversation = ?1 ORDER BY seq LIMIT ?2",
					       err);
	int64_t bytes = 0;
	int more;

	*to = 0;
	if (!st)
		return -1;
	db_bind_int(st, 1, number);
	db_bind_int(st, 2, CONVERSATION_SLICE_MESSAGES);
	while (bytes < CONVERSATION_SLICE_BYTES && (more = db_next(st, err)) == 1) {
		*to = db_int(st, 4);
		bytes += db_int(st, 3);
		if (!db_int(st, 5) || !conversation_is_said(db_text(st, 1), db_text(st, 2)))
			continue;
		if (conversation_unindex(db, db_int(st, 0), db_text(st, 2), words, err) < 0) {
			more = -1;
			break;
		}
	}
	db_reset(st);
	return more < 0 ? -1 : 0;
}

static int delete_slice(struct db *db, int64_t number, int64_t to, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "DELETE FROM message WHERE conversation = ?1 AND seq <= ?2", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, number);
	db_bind_int(st, 2, to);
	return db_run(st, err) < 0 ? -1 : conversation_index_back(db, err);
}

int conversation_sweep(struct db *db, int64_t now_ms, bool *more, struct err *err)
{
	char words[OWNER_WORDS_SIZE];
	int64_t number = 0, to;
	size_t len = 0;
	int found = find_dead(db, now_ms, &number, words, &len, err);

	*more = found == 1;
	if (found != 1)
		return found;
	if (unindex_slice(db, number, span_of(words, len), &to, err) < 0)
		return -1;
	if (to > 0)
		return delete_slice(db, number, to, err);
	return db_run_with(db, "DELETE FROM conversation WHERE number = ?1", number, err);
}
