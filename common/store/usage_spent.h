/*
 * common/store/usage_spent.h - what a tenant or a token has spent, by the ledger's sums by day.
 */
#ifndef SPASS_STORE_USAGE_SPENT_H
#define SPASS_STORE_USAGE_SPENT_H

#include "common/store/db.h"

struct usage_spent {
	const char *tenant_id; /* NULL: in all */
	const char *token_id;  /* NULL: by all */
	const char *model;     /* NULL: on all */
	int64_t from, to;      /* days since 1970-01-01 UTC, both included */
	int64_t usd, eur;      /* told: as billed, and as estimated where it is not known; in millionths */
};

/* As store_read calls it: arg is a struct usage_spent. */
int usage_spent_read(struct db *db, void *arg, struct err *err);

#endif
