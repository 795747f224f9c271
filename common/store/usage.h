/*
 * common/store/usage.h - the ledger: what each request used.  Owner thread: the connection's.
 */
#ifndef SPASS_STORE_USAGE_H
#define SPASS_STORE_USAGE_H

#include "common/store/db.h"

struct entry;
struct kinds;
struct usage;

/* How much is kept; 0: no limit. */
struct usage_limits {
	int64_t age_ms, max_rows;
	int64_t users_max; /* of a tenant's sums of a day: see usage_batch_write */
};

/* Rows that are neighbours, by their place in the table; begin == end: none. */
struct usage_range {
	int64_t begin, end;
};

struct usage *usage_new(void);
void usage_free(struct usage *u);
/* The connection to write to, which has been migrated; u outlives it. */
int usage_attach(struct usage *u, struct db *db, struct err *err);
/* Within the caller's transaction, which may not be kept: usage_undo. */
int usage_insert(struct usage *u, struct kinds *kinds, struct entry *const *entries, size_t count,
		 struct err *err);
/* The transaction was not kept. */
void usage_undo(struct usage *u, struct kinds *kinds);

/*
 * The oldest rows that the limits give up, at most so many of them.  A row stays while an older
 * one has to, also one that a clock wrote which was ahead.
 */
int usage_find_excess(struct db *db, const struct usage_limits *limits, int64_t now_ms,
		      int64_t at_most, struct usage_range *excess, struct err *err);
/* Within the caller's transaction: what usage_find_excess found. */
int usage_delete(struct db *db, const struct usage_range *rows, struct err *err);

#endif
