/*
 * common/store/usage.h - the table of what requests used.  Owner thread: the connection's.
 */
#ifndef SPASS_STORE_USAGE_H
#define SPASS_STORE_USAGE_H

#include "common/observe/record.h"
#include "common/store/db.h"

struct usage;

/* db has been migrated and outlives it. */
struct usage *usage_new(struct db *db, struct err *err);
void usage_free(struct usage *u);
/* Within the caller's transaction. */
int usage_insert(struct usage *u, const struct record *r, struct err *err);

#endif
