/*
 * common/store/tidy.c - see tidy.h.
 */
#include "common/store/tidy.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/store/conversation.h"

/* A few free pages are kept: the next rows need them. */
enum { EXCESS_STEP = 500, FREE_KEEP = 1024, FREE_STEP = 128, INDEX_STEP = 50 };

static int give_pages_back(struct db *db, bool *more, struct err *err)
{
	char sql[64];
	int64_t pages;

	if (db_number(db, "PRAGMA freelist_count", &pages, err) < 0)
		return -1;
	*more = pages > FREE_KEEP + FREE_STEP;
	if (pages <= FREE_KEEP)
		return 0;
	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", FREE_STEP);
	return db_exec(db, sql, err);
}

/* In a transaction of its own, so that it is whole. */
static int index_some(struct db *db, bool *more, struct err *err)
{
	int64_t left;

	if (conversation_index_left(db, &left, err) < 0)
		return -1;
	if (left == 0)
		return 0;
	if (db_begin(db, err) < 0)
		return -1;
	if (conversation_index_some(db, INDEX_STEP, more, err) == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

static int sweep_some(struct db *db, bool *more, struct err *err)
{
	int dead = conversation_is_to_sweep(db, clock_wall_ms(), err);

	if (dead <= 0)
		return dead;
	if (db_begin(db, err) < 0)
		return -1;
	if (conversation_sweep(db, clock_wall_ms(), more, err) == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

int tidy_step(struct db *db, const struct usage_limits *limits, bool *more, struct err *err)
{
	struct usage_range excess;
	bool more_words = false, more_dead = false;

	if (index_some(db, &more_words, err) < 0 || sweep_some(db, &more_dead, err) < 0)
		return -1;
	*more = more_words || more_dead;
	if (usage_find_excess(db, limits, clock_wall_ms(), EXCESS_STEP, &excess, err) < 0)
		return -1;
	if (excess.begin == excess.end) {
		if (!*more && give_pages_back(db, more, err) < 0)
			return -1;
	} else {
		*more = true;
		if (usage_delete(db, &excess, err) < 0)
			return -1;
	}
	return db_tend(db, err);
}
