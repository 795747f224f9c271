/*
 * common/store/conversation.c - conversations found, listed and renamed.
 */
#include "common/store/conversation_inside.h"

#include <string.h>

#include "common/base/ident.h"

void conversation_make_id(char *out, int64_t now_ms)
{
	ident_sorted(out, CONVERSATION_ID_SIZE, "conv_", now_ms);
}

void conversation_make_message_id(char *out, int64_t now_ms)
{
	ident_sorted(out, CONVERSATION_ID_SIZE, "msg_", now_ms);
}

bool conversation_is_id(struct span text)
{
	if (text.len == 0 || text.len >= CONVERSATION_ID_SIZE)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

void conversation_read_row(struct db_statement *st, struct conversation_row *row)
{
	*row = (struct conversation_row){
		.number = db_int(st, 0),
		.id = db_text(st, 1),
		.user_id = db_text(st, 2),
		.title = db_text(st, 3),
		.model = db_text(st, 4),
		.parent_id = db_text(st, 5),
		.parent_message = db_text(st, 6),
		.created_ms = db_int(st, 7),
		.used_ms = db_int(st, 8),
		.message_count = db_int(st, 9),
		.sent_from = db_int(st, 10),
		.last_seq = db_int(st, 11),
	};
}

/*
 * Whose it must be is part of what is looked for, in one index (conversation_by_id): what another has
 * is missed where what nobody has is missed, after as many steps.
 */
#define FIND "SELECT " CONVERSATION_COLUMNS " FROM conversation AS c WHERE c.tenant_id = ?1 AND "
static const char find_of_user[] = FIND "c.id = ?2 AND c.user_id = ?3",
		  /* A range, since for one value the planner would take the index of all ids. */
		  find_of_tenant[] = FIND "c.id BETWEEN ?2 AND ?2";

int conversation_find(struct db *db, const struct conversation_owner *owner, struct span id,
		      struct conversation_row *row, struct err *err)
{
	struct db_statement *st = db_statement(db, owner->user_id ? find_of_user : find_of_tenant, err);
	int found;

	if (!st)
		return -1;
	if (!conversation_is_id(id))
		return 0;
	db_bind_str(st, 1, owner->tenant_id);
	db_bind_text(st, 2, id);
	if (owner->user_id)
		db_bind_str(st, 3, owner->user_id);
	found = db_next(st, err);
	if (found == 1)
		conversation_read_row(st, row);
	return found;
}

static int not_found(struct span id, struct err *err)
{
	return err_set(err, E_conversation_not_found, "conversation_id", "there is no conversation %.*s",
		       id.len > 64 ? 64 : (int)id.len, id.ptr ? id.ptr : "");
}

int conversation_get(struct db *db, const struct conversation_owner *owner, struct span id,
		     struct conversation_row *row, struct err *err)
{
	int found = conversation_find(db, owner, id, row, err);

	return found == 0 ? not_found(id, err) : found < 0 ? -1 : 0;
}

/* What differs between the four lists: whose, and by prefix or not. */
struct list_sql {
	const char *newest, *oldest, *count;
};

/*
 * The page is found in an index alone, counted from the nearer end of the list; only its rows are
 * then read.
 */
#define LIST_ROWS(where, order)                                                                    \
	"SELECT " CONVERSATION_COLUMNS " FROM conversation AS c JOIN (SELECT c.number AS number"       \
	" FROM conversation AS c WHERE " where " ORDER BY c.used_at " order ", c.number " order        \
	" LIMIT ?1 OFFSET ?2) AS p ON c.number = p.number ORDER BY c.used_at DESC, c.number DESC"
#define LIST_BOTH(where) LIST_ROWS(where, "DESC"), LIST_ROWS(where, "ASC")
#define LIST_COUNT(from_where) "SELECT " from_where " AND ?1 IS NOT NULL AND ?2 IS NOT NULL"
#define OF_TENANT "c.tenant_id = ?3"
#define OF_USER "c.tenant_id = ?3 AND c.user_id = ?4"
/* In conversation_by_id, on which the plus keeps the planner. */
#define WITH_PREFIX_OF_TENANT "c.tenant_id = ?3 AND c.id >= ?5 AND c.id < ?6"
#define WITH_PREFIX_OF_USER WITH_PREFIX_OF_TENANT " AND +c.user_id = ?4"
#define COUNTED "coalesce(sum(c.count), 0) FROM conversation_count AS c WHERE "
#define COUNT "count(*) FROM conversation AS c WHERE "

static const struct list_sql lists[2][2] = {
	{ { LIST_BOTH(OF_TENANT), LIST_COUNT(COUNTED OF_TENANT) },
	  { LIST_BOTH(OF_USER), LIST_COUNT(COUNTED OF_USER) } },
	{ { LIST_BOTH(WITH_PREFIX_OF_TENANT), LIST_COUNT(COUNT WITH_PREFIX_OF_TENANT) },
	  { LIST_BOTH(WITH_PREFIX_OF_USER), LIST_COUNT(COUNT WITH_PREFIX_OF_USER) } },
};

/* end: past all that begin with prefix, which holds no byte above 'z'. */
static void bind_list(struct db_statement *st, const struct conversation_owner *owner,
		      struct span prefix, const char *end, int64_t limit, int64_t offset)
{
	db_bind_int(st, 1, limit);
	db_bind_int(st, 2, offset);
	db_bind_str(st, 3, owner->tenant_id);
	if (owner->user_id)
		db_bind_str(st, 4, owner->user_id);
	if (prefix.len) {
		db_bind_text(st, 5, prefix);
		db_bind_str(st, 6, end);
	}
}

static int list_rows(struct db_statement *st, conversation_each *each, void *arg, struct err *err)
{
	struct conversation_row row;
	int more;

	while ((more = db_next(st, err)) == 1) {
		conversation_read_row(st, &row);
		if (each(arg, &row, err) < 0)
			more = -1;
		if (more < 0)
			break;
	}
	db_reset(st);
	return more < 0 ? -1 : 0;
}

int conversation_list(struct db *db, const struct conversation_owner *owner, struct span prefix,
		      int64_t limit, int64_t offset, conversation_each *each, void *arg, int64_t *total,
		      struct err *err)
{
	const struct list_sql *sql = &lists[prefix.len != 0][owner->user_id != NULL];
	char end[CONVERSATION_ID_SIZE + 1];
	struct db_statement *st;
	int64_t rest;
	bool from_end;

	*total = 0;
	if (prefix.len && !conversation_is_id(prefix))
		return 0;
	if (prefix.len)
		memcpy(end, prefix.ptr, prefix.len);
	end[prefix.len] = '~';
	end[prefix.len + (prefix.len < CONVERSATION_ID_SIZE)] = '\0';
	st = db_statement(db, sql->count, err);
	if (!st)
		return -1;
	bind_list(st, owner, prefix, end, limit, offset);
	if (db_next(st, err) != 1)
		return -1;
	*total = db_int(st, 0);
	db_reset(st);
	rest = *total - offset;
	if (rest <= 0)
		return 0;
	if (limit > rest)
		limit = rest;
	from_end = offset > rest;
	st = db_statement(db, from_end ? sql->oldest : sql->newest, err);
	if (!st)
		return -1;
	bind_list(st, owner, prefix, end, limit, from_end ? rest - limit : offset);
	return list_rows(st, each, arg, err);
}

int conversation_rename(struct db *db, const struct conversation_owner *owner, struct span id,
			struct span title, struct err *err)
{
	struct conversation_row row = { .number = 0 };
	struct db_statement *st;

	if (conversation_get(db, owner, id, &row, err) < 0)
		return -1;
	st = db_statement(db, "UPDATE conversation SET title = ?1 WHERE number = ?2", err);
	if (!st)
		return -1;
	db_bind_text(st, 1, title);
	db_bind_int(st, 2, row.number);
	return db_run(st, err);
}
