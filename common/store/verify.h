/*
 * common/store/verify.h - whether a database is whole: its pages, and what its rows say of each
 * other.
 *
 * Changes nothing.  A gateway may run: it is read as of one moment.  The search index is compared
 * word by word when nobody else has the database open, else message by message.
 */
#ifndef SPASS_STORE_VERIFY_H
#define SPASS_STORE_VERIFY_H

#include "common/store/db.h"

struct verify_check {
	const char *name;   /* "message_count" */
	const char *meaning; /* what would be wrong: "conversations that miscount their messages" */
	int64_t found;      /* 0: as it should be */
	const char *detail; /* the first finding or why it could not be told; "" = none.  Borrowed */
};

struct verify_report {
	int64_t schema, known; /* of the database, of this program */
	int64_t checks, found; /* how many there were, and findings in all */
	bool searched_words;   /* the index was compared word by word */
};

/*
 * Calls each for every check of what the database's schema has.  0 with *report, also when there
 * are findings; -1 with E_storage_error when it cannot be opened or its schema is newer.
 */
int verify_database(const char *path, void (*each)(void *context, const struct verify_check *check),
		    void *context, struct verify_report *report, struct err *err);

#endif
