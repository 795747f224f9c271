/*
 * common/store/tenant_config.c - rows of the table tenant_config.
 */
#include "common/store/tenant_config.h"

#include "common/store/change.h"

int tenant_config_put(struct db *db, const struct tenant_config *row, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO tenant_config (tenant_id, key, value, updated_at, updated_by)"
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant_id, key) DO UPDATE SET"
		" value = excluded.value, updated_at = excluded.updated_at,"
		" updated_by = excluded.updated_by",
		err);

	if (!st)
		return -1;
	db_bind_text(st, 1, row->tenant_id);
	db_bind_text(st, 2, row->key);
	db_bind_text(st, 3, row->value);
	db_bind_int(st, 4, row->updated_ms);
	db_bind_text(st, 5, row->updated_by);
	if (db_run(st, err) < 0)
		return -1;
	return change_note(db, CHANGE_CONFIG, row->tenant_id, SPAN_LIT(""), err);
}

int tenant_config_delete(struct db *db, const char *tenant_id, const char *key, struct err *err)
{
	struct db_statement *st = db_statement(
		db, key ? "DELETE FROM tenant_config WHERE tenant_id = ?1 AND key = ?2" :
			  "DELETE FROM tenant_config WHERE tenant_id = ?1",
		err);

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant_id);
	if (key)
		db_bind_str(st, 2, key);
	if (db_run(st, err) < 0)
		return -1;
	return change_note(db, CHANGE_CONFIG, span_str(tenant_id), SPAN_LIT(""), err);
}

#define LIST "SELECT tenant_id, key, value, updated_by, updated_at FROM tenant_config"
#define ORDER " ORDER BY tenant_id, key"

int tenant_config_list(struct db *db, const char *tenant_id,
		       int (*visit)(void *arg, const struct tenant_config *row, struct err *err),
		       void *arg, struct err *err)
{
	struct db_statement *st = db_statement(
		db, tenant_id ? LIST " WHERE tenant_id = ?1" ORDER : LIST ORDER, err);
	int result;

	if (!st)
		return -1;
	if (tenant_id)
		db_bind_str(st, 1, tenant_id);
	while ((result = db_next(st, err)) == 1) {
		const struct tenant_config row = {
			.tenant_id = db_text(st, 0),
			.key = db_text(st, 1),
			.value = db_text(st, 2),
			.updated_by = db_text(st, 3),
			.updated_ms = db_int(st, 4),
		};

		if (visit(arg, &row, err) < 0) {
			result = -1;
			break;
		}
	}
	db_reset(st);
	return result < 0 ? -1 : 0;
}
