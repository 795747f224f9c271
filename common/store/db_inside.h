/*
 * common/store/db_inside.h - what the files behind db.h share.
 */
#ifndef SPASS_STORE_DB_INSIDE_H
#define SPASS_STORE_DB_INSIDE_H

#include "common/store/db.h"

struct sqlite3;
struct kept_feed;

struct sqlite3 *db_handle(struct db *db);
/* Of db_feed_like; they go with the handle. */
struct kept_feed **db_feeds(struct db *db);
/* -1 with E_storage_error: what the code of SQLite means for "<what> <file>". */
int db_fail(struct db *db, int code, const char *what, struct err *err);

#endif
