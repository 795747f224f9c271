/*
 * common/store/change.h - what every process on a database has to hear of: keys and settings.
 *
 * Each change has a number, greater than all before it; of a thing that has changed again only the
 * last one is kept.  Plain functions on a connection, for store_write and store_read.
 */
#ifndef SPASS_STORE_CHANGE_H
#define SPASS_STORE_CHANGE_H

#include "common/store/db.h"

enum change_kind {
	CHANGE_KEY,    /* a tenant's key; name: its id */
	CHANGE_CONFIG, /* a tenant's settings; name: "" */
};

struct change {
	int64_t number;
	enum change_kind kind;
	const char *tenant_id, *name;
};

/* Within the transaction that changes it. */
int change_note(struct db *db, enum change_kind kind, struct span tenant_id, struct span name, struct err *err);
/* The number of the last one, 0 when there was none. */
int change_last(struct db *db, int64_t *number, struct err *err);
/* Calls visit for each after that number, in order; its texts are borrowed for the call. */
int change_list(struct db *db, int64_t after, int (*visit)(void *arg, const struct change *c, struct err *err),
		void *arg, struct err *err);

#endif
