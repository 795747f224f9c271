/*
 * common/store/migrate.h - bringing a database to the schema that this program knows.
 */
#ifndef SPASS_STORE_MIGRATE_H
#define SPASS_STORE_MIGRATE_H

#include "common/base/asset.h"
#include "common/store/db.h"

#define MIGRATE_SCHEMA "common/store/schema/"

/*
 * Applies the files <dir>NNNN-name.sql of the table (asset_table, but for tests) that the database
 * has not had, in order, each in one transaction together with its number.  A released file is
 * never edited: a change is a further file.  A database with a higher number is refused.
 */
int migrate(struct db *db, const struct asset *table, const char *dir, struct err *err);
/* What the database has and what the table knows; the same refusal of a higher number. */
int migrate_version(struct db *db, const struct asset *table, const char *dir, int64_t *has,
		    int64_t *knows, struct err *err);

#endif
