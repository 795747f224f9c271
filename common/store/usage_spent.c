/*
 * common/store/usage_spent.c - see usage_spent.h.
 */
#include "common/store/usage_spent.h"

#define SUMS(table) \
	"SELECT coalesce(sum(cost_billed_usd + estimated_usd), 0) AS usd,"                             \
	" coalesce(sum(cost_billed_eur + estimated_eur), 0) AS eur FROM " table
#define NARROWED " day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR model = ?3)"
/* By the alias asked for, and by that whose link answered: the latter is a part of what all cost. */
#define SPENT(rest)                                                                                 \
	"SELECT sum(usd), sum(eur) FROM (" SUMS("usage_day") rest " UNION ALL " SUMS("usage_link_day") rest \
	" AND ?3 IS NOT NULL)"
/* The token's keys, and those that they made. */
#define MADE                                                                                        \
	"WITH RECURSIVE made (id) AS (SELECT ?4 UNION SELECT k.id FROM tenant_key AS k JOIN made"     \
	" ON k.created_by = made.id) "
#define OF_TOKEN " AND token_id IN (SELECT id FROM made)"

int usage_spent_read(struct db *db, void *arg, struct err *err)
{
	/* A tenant that may be NULL would keep SQLite from using the table's order. */
	static const char *const texts[2][2] = {
		{ SPENT(" WHERE" NARROWED), SPENT(" WHERE tenant_id = ?4 AND" NARROWED) },
		{ MADE SPENT(" WHERE" NARROWED OF_TOKEN),
		  MADE SPENT(" WHERE tenant_id = ?5 AND" NARROWED OF_TOKEN) },
	};
	struct usage_spent *s = arg;
	struct db_statement *st = db_statement(db, texts[s->token_id != NULL][s->tenant_id != NULL], err);
	int at = 4;
	int more;

	if (!st)
		return -1;
	db_bind_int(st, 1, s->from);
	db_bind_int(st, 2, s->to);
	db_bind_str(st, 3, s->model);
	if (s->token_id)
		db_bind_str(st, at++, s->token_id);
	if (s->tenant_id)
		db_bind_str(st, at, s->tenant_id);
	more = db_next(st, err);
	if (more > 0) {
		s->usd = db_int(st, 0);
		s->eur = db_int(st, 1);
	}
	db_reset(st);
	return more < 0 ? -1 : 0;
}
