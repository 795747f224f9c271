/*
 * common/store/usage_spent.c - see usage_spent.h.
 */
#include "common/store/usage_spent.h"

#define SUMS "SELECT coalesce(sum(cost_billed_usd), 0), coalesce(sum(cost_billed_eur), 0) FROM usage_day"
#define NARROWED                                                                                 \
	" day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR token_id = ?3) AND (?4 IS NULL OR model = ?4)"

int usage_spent_read(struct db *db, void *arg, struct err *err)
{
	/* Two texts: a tenant that may be NULL would keep SQLite from using the table's order. */
	static const char of_tenant[] = SUMS " WHERE tenant_id = ?5 AND" NARROWED,
			  of_all[] = SUMS " WHERE" NARROWED;
	struct usage_spent *s = arg;
	struct db_statement *st = db_statement(db, s->tenant_id ? of_tenant : of_all, err);
	int more;

	if (!st)
		return -1;
	db_bind_int(st, 1, s->from);
	db_bind_int(st, 2, s->to);
	db_bind_str(st, 3, s->token_id);
	db_bind_str(st, 4, s->model);
	if (s->tenant_id)
		db_bind_str(st, 5, s->tenant_id);
	more = db_next(st, err);
	if (more > 0) {
		s->usd = db_int(st, 0);
		s->eur = db_int(st, 1);
	}
	db_reset(st);
	return more < 0 ? -1 : 0;
}
