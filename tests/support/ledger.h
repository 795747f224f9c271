/*
 * tests/support/ledger.h - rows of the ledger without a store.
 */
#ifndef SPASS_TEST_LEDGER_H
#define SPASS_TEST_LEDGER_H

#include "common/store/kinds.h"
#include "common/store/usage.h"

struct ledger {
	struct usage *usage;
	struct kinds *kinds;
};

/* db has been migrated.  0 or -1. */
int ledger_open(struct ledger *l, struct db *db, struct err *err);
/* After db was closed. */
void ledger_close(struct ledger *l);
/* Within the caller's transaction, if there is one.  0 or -1. */
int ledger_insert(struct ledger *l, const struct record *records, size_t count, struct err *err);

#endif
