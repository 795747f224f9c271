/*
 * common/store/change.c - rows of the table change.
 */
#include "common/store/change.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* Not below the time, so that the numbers go on where a database that was lost is made anew. */
int change_note(struct db *db, enum change_kind kind, struct span tenant_id, struct span name, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO change (kind, tenant_id, name, number)"
		" VALUES (?1, ?2, ?3, (SELECT max(coalesce(max(number), 0), ?4) + 1 FROM change))"
		" ON CONFLICT (kind, tenant_id, name) DO UPDATE SET number = excluded.number",
		err);

	if (!st)
		return -1;
	db_bind_int(st, 1, kind);
	db_bind_text(st, 2, tenant_id);
	db_bind_text(st, 3, name);
	db_bind_int(st, 4, clock_wall_ms());
	return db_run(st, err);
}

/* Neither has control characters: ids come from headers, and are checked there. */
enum { OWNER_END = '\n' };

int change_note_texts(struct db *db, const char *tenant_id, const char *scope_id, const char *user_id,
		      struct err *err)
{
	char *name = user_id ? mem_printf("%s%c%s", scope_id, OWNER_END, user_id) : NULL;
	int result = change_note(db, CHANGE_TEXTS, span_str(tenant_id), name ? span_str(name) : SPAN_LIT(""), err);

	mem_free(name);
	return result;
}

void change_texts_of(char *name, const char **scope_id, const char **user_id)
{
	char *end = strchr(name, OWNER_END);

	*scope_id = name;
	*user_id = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
}

int change_last(struct db *db, int64_t *number, struct err *err)
{
	return db_number(db, "SELECT coalesce(max(number), 0) FROM change", number, err);
}

/* A row as it is, which is told before the next is read. */
static int tell(struct db_statement *st, int (*visit)(void *arg, const struct change *c, struct err *err),
		void *arg, struct err *err)
{
	char *tenant_id = db_str(st, 2), *name = db_str(st, 3), none[] = "";
	struct change c = {
		.number = db_int(st, 0),
		.kind = (enum change_kind)db_int(st, 1),
		.tenant_id = tenant_id ? tenant_id : "",
		.name = name ? name : none,
	};
	int result = visit(arg, &c, err);

	mem_free(tenant_id);
	mem_free(name);
	return result;
}

int change_list(struct db *db, int64_t after, int (*visit)(void *arg, const struct change *c, struct err *err),
		void *arg, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "SELECT number, kind, tenant_id, name FROM change WHERE number > ?1 ORDER BY number", err);
	int result;

	if (!st)
		return -1;
	db_bind_int(st, 1, after);
	while ((result = db_next(st, err)) == 1) {
		result = tell(st, visit, arg, err);
		if (result < 0)
			break;
	}
	db_reset(st);
	return result < 0 ? -1 : 0;
}
