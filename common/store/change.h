/*
 * common/store/change.h - what every process on a database has to hear of: keys, settings, and texts
 * that go in front of requests.
 *
 * Each change has a number, greater than all before it, and than those of a database whose place this
 * one took; of a thing that has changed again only the last one is kept.  Plain functions on a
 * connection, for store_write and store_read.
 */
#ifndef SPASS_STORE_CHANGE_H
#define SPASS_STORE_CHANGE_H

#include "common/store/db.h"

enum change_kind {
	CHANGE_KEY,    /* a tenant's key; name: its id */
	CHANGE_CONFIG, /* a tenant's settings; name: "" */
	CHANGE_TEXTS,  /* memories or system prompts; name: cut by change_texts_of */
};

struct change {
	int64_t number;
	enum change_kind kind;
	const char *tenant_id;
	char *name;
};

/* Within the transaction that changes it. */
int change_note(struct db *db, enum change_kind kind, struct span tenant_id, struct span name, struct err *err);
/* The same of texts: of one user in a scope ("" = none), or (user_id NULL) of the whole tenant. */
int change_note_texts(struct db *db, const char *tenant_id, const char *scope_id, const char *user_id,
		      struct err *err);
/* Cuts the name of such a change, in place; *user_id NULL: the whole tenant. */
void change_texts_of(char *name, const char **scope_id, const char **user_id);
/* The number of the last one, 0 when there was none. */
int change_last(struct db *db, int64_t *number, struct err *err);
/*
 * Calls visit for each after that number, in order; its texts are borrowed for the call.  A kind of
 * a version to come is told, too.
 */
int change_list(struct db *db, int64_t after, int (*visit)(void *arg, const struct change *c, struct err *err),
		void *arg, struct err *err);

#endif
