/*
 * common/store/migrate.c - numbered SQL files, each applied once.
 */
#include "common/store/migrate.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"

/* 0001-usage.sql: 1.  0 when the asset is not one of dir's. */
static int64_t number_of(const struct asset *asset, const char *dir)
{
	struct span path = span_str(asset->path), digits;
	int64_t number;

	if (!span_starts(path, dir))
		return 0;
	path = span_from(path, strlen(dir));
	digits = span_cut(&path, '-');
	return span_to_int(digits, 1, 9999, &number) == 0 ? number : 0;
}

static const struct asset *find_step(const struct asset *table, const char *dir, int64_t number)
{
	for (; table->path; table++)
		if (number_of(table, dir) == number)
			return table;
	return NULL;
}

/* The highest number; files are numbered without a gap. */
static int64_t last_number(const struct asset *table, const char *dir)
{
	int64_t count = 0, last = 0;

	for (const struct asset *asset = table; asset->path; asset++) {
		int64_t number = number_of(asset, dir);

		if (number > 0)
			count++;
		if (number > last)
			last = number;
	}
	assert(count == last);
	return last;
}

static int refuse_newer(struct db *db, int64_t version, int64_t last, struct err *err)
{
	if (version <= last)
		return 0;
	return err_set(err, E_storage_error, "",
		       "the database %s was written by a newer spass (schema %d, this one knows %d); "
		       "use that version or another data directory",
		       db_path(db), (int)version, (int)last);
}

static int run_step(struct db *db, const char *sql, struct err *err)
{
	int result;

	db_permit_schema(db, true);
	result = db_exec(db, sql, err);
	db_permit_schema(db, false);
	return result;
}

/* One step further; *version becomes what the database has then. */
static int apply_next(struct db *db, const struct asset *table, const char *dir, bool is_new,
		      int64_t *version, struct err *err)
{
	const struct asset *step;
	char stamp[64];

	if (db_begin(db, err) < 0)
		return -1;
	/* Another process may have done it while this one waited for the lock. */
	if (db_number(db, "PRAGMA user_version", version, err) < 0)
		goto fail;
	step = find_step(table, dir, *version + 1);
	if (!step) {
		db_rollback(db);
		return 0;
	}
	snprintf(stamp, sizeof(stamp), "PRAGMA user_version=%d", (int)*version + 1);
	if (run_step(db, step->data, err) < 0 || db_exec(db, stamp, err) < 0) {
		err_prefix(err, "%s", step->path);
		goto fail;
	}
	if (db_commit(db, err) < 0)
		return -1;
	*version += 1;
	log_at(is_new ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "store", "%s: applied %s", db_path(db),
	       step->path + strlen(dir));
	return 0;
fail:
	db_rollback(db);
	return -1;
}

int migrate_version(struct db *db, const struct asset *table, const char *dir, int64_t *has,
		    int64_t *knows, struct err *err)
{
	*knows = last_number(table, dir);
	if (db_number(db, "PRAGMA user_version", has, err) < 0)
		return -1;
	return refuse_newer(db, *has, *knows, err);
}

int migrate(struct db *db, const struct asset *table, const char *dir, struct err *err)
{
	int64_t last = last_number(table, dir), version;
	bool is_new;

	if (db_number(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	/* Of a new database nobody wants to know how it came to be what it is. */
	is_new = version == 0;
	while (version < last)
		if (apply_next(db, table, dir, is_new, &version, err) < 0)
			return -1;
	return refuse_newer(db, version, last, err);
}
