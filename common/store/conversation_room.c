/*
 * common/store/conversation_room.c - what conversations weigh, and whether there is room for more.
 *
 * What nobody sees yet, or any more, is not in its tenant's total.
 */
#include "common/store/conversation_inside.h"

#include <inttypes.h>

int64_t conversation_weigh(const struct message_row *messages, size_t count)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += messages[i].bytes + MESSAGE_WEIGHT;
	return bytes;
}

static int run_for_tenant(struct db *db, const char *sql, const char *tenant_id, int64_t bytes,
			  struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant_id);
	db_bind_int(st, 2, bytes);
	return db_run(st, err);
}

/*
 * An insert that turns into an update keeps a copy of the page, in case that it fails: the update
 * comes first.
 */
int conversation_add_total(struct db *db, const char *tenant_id, int64_t bytes, struct err *err)
{
	if (run_for_tenant(db, "UPDATE conversation_total SET bytes = bytes + ?2 WHERE tenant_id = ?1",
			   tenant_id, bytes, err) < 0)
		return -1;
	if (db_changes(db) > 0)
		return 0;
	return run_for_tenant(db, "INSERT INTO conversation_total (tenant_id, bytes) VALUES (?1, ?2)",
			      tenant_id, bytes, err);
}

int conversation_bytes(struct db *db, int64_t number, int64_t *bytes, struct err *err)
{
	struct db_statement *st = db_statement(db, "SELECT bytes FROM conversation WHERE number = ?1", err);
	int found;

	*bytes = 0;
	if (!st)
		return -1;
	db_bind_int(st, 1, number);
	found = db_next(st, err);
	if (found == 1)
		*bytes = db_int(st, 0);
	db_reset(st);
	return found < 0 ? -1 : 0;
}

/* The number that sql finds of the owner, 0 when it finds none. */
static int read_number(struct db *db, const char *sql, const struct conversation_owner *owner, int64_t *number,
		       struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);
	int found;

	*number = 0;
	if (!st)
		return -1;
	db_bind_str(st, 1, owner->tenant_id);
	db_bind_str(st, 2, owner->user_id);
	found = db_next(st, err);
	if (found == 1)
		*number = db_int(st, 0);
	db_reset(st);
	return found < 0 ? -1 : 0;
}

int conversation_check_room(struct db *db, const struct conversation_owner *owner,
			    const struct conversation_quota *quota, bool is_new, int64_t bytes,
			    struct conversation_quota *left, struct err *err)
{
	int64_t count = 0, total;

	if (is_new && read_number(db,
				  "SELECT count FROM conversation_count WHERE tenant_id = ?1 AND user_id = ?2", owner,
				  &count, err) < 0)
		return -1;
	if (is_new && count >= quota->count_max)
		return err_set(err, E_conversation_store_full, "", "the user has %" PRId64 " conversations, at most %" PRId64 " are kept",
			       count, quota->count_max);
	if (read_number(db, "SELECT bytes FROM conversation_total WHERE tenant_id = ?1 AND ?2 IS NOT NULL", owner, &total,
			err) < 0)
		return -1;
	if (left)
		*left = (struct conversation_quota){ quota->count_max - count, quota->bytes_max - total };
	if (bytes <= quota->bytes_max - total)
		return 0;
	return err_set(err, E_conversation_store_full, "",
		       "the tenant's conversations would have %" PRId64 " bytes, at most %" PRId64 " are kept", total + bytes,
		       quota->bytes_max);
}
