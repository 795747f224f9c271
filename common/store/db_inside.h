/*
 * common/store/db_inside.h - what the files behind db.h share.
 */
#ifndef SPASS_STORE_DB_INSIDE_H
#define SPASS_STORE_DB_INSIDE_H

#include "common/store/db.h"

struct sqlite3;
struct kept_feed;

enum { DB_STATEMENT_SLOTS = 64 }; /* what six bits count */

struct db {
	struct sqlite3 *handle;
	char *path;
	int log_pages, patience_ms;
	struct db_statement *kept[DB_STATEMENT_SLOTS]; /* of db_statement, by the text's address */
	struct kept_feed *feeds; /* of db_feed_like; they go with the handle */
};

/* -1 with E_storage_error: what the code of SQLite means for "<what> <file>". */
int db_fail(struct db *db, int code, const char *what, struct err *err);
/* Those of db_statement, before the connection is closed. */
void db_statements_finish(struct db *db);

#endif
