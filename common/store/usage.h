/*
 * common/store/usage.h - the table of what requests used.  Owner thread: the connection's.
 */
#ifndef SPASS_STORE_USAGE_H
#define SPASS_STORE_USAGE_H

#include "common/observe/record.h"
#include "common/store/db.h"

struct usage;

/* How much is kept; 0: no limit. */
struct usage_limits {
	int64_t age_ms, max_rows;
};

/* Rows that are neighbours, by their place in the table; begin == end: none. */
struct usage_range {
	int64_t begin, end;
};

/* db has been migrated and outlives it. */
struct usage *usage_new(struct db *db, struct err *err);
void usage_free(struct usage *u);
/* Within the caller's transaction. */
int usage_insert(struct usage *u, const struct record *r, struct err *err);

/*
 * The oldest rows that the limits give up, at most so many of them.  A row stays while an older
 * one has to, also one that a clock wrote which was ahead.
 */
int usage_find_excess(struct db *db, const struct usage_limits *limits, int64_t now_ms,
		      int64_t at_most, struct usage_range *excess, struct err *err);
/* Within the caller's transaction: what usage_find_excess found. */
int usage_delete(struct db *db, const struct usage_range *rows, struct err *err);

#endif
