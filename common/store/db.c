/*
 * common/store/db.c - a connection: opened, set up, its transactions and its log.
 */
#include "common/store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/store/db_inside.h"
#include "common/store/db_log.h"

enum { APPLICATION_ID = 0x73706173 }; /* "spas", at byte 68 of the file */

/* What a failure means to the operator, by result code: the first that fits. */
static const struct {
	int code;
	const char *text;
} meanings[] = {
	{ SQLITE_IOERR_WRITE, "writing failed; check the free space, the quota and the disk" },
	{ SQLITE_IOERR_FSYNC, "writing failed; check the free space, the quota and the disk" },
	{ SQLITE_IOERR_SHMSIZE, "the disk is full; free some space" },
	{ SQLITE_NOTADB, "this is not a database; move the file away or name another" },
	{ SQLITE_CORRUPT, "the database is damaged; restore a backup or move it away" },
	{ SQLITE_FULL, "the disk is full; free some space" },
	{ SQLITE_READONLY, "it cannot be written; check the owner and permissions of the file and "
			   "of its directory" },
	{ SQLITE_CANTOPEN, "it cannot be opened; check that its directory exists and may be "
			   "written" },
	{ SQLITE_PERM, "access is denied; check the owner and permissions" },
	{ SQLITE_AUTH, "access is denied; check the owner and permissions" },
	{ SQLITE_BUSY, "another process holds the database; stop it or wait" },
	{ SQLITE_LOCKED, "another process holds the database; stop it or wait" },
	{ SQLITE_PROTOCOL, "another process holds the database; stop it or wait" },
};

int db_fail(struct db *db, int code, const char *what, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (meanings[i].code == code || meanings[i].code == (code & 0xff))
			return err_set(err, E_storage_error, "", "%s %s: %s", what, db->path,
				       meanings[i].text);
	return err_set(err, E_storage_error, "", "%s %s: %s", what, db->path,
		       sqlite3_errmsg(db->handle));
}

static int fail_last(struct db *db, const char *what, struct err *err)
{
	return db_fail(db, sqlite3_extended_errcode(db->handle), what, err);
}

static int on_commit(void *data, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = data;

	(void)handle;
	(void)name;
	db->log_pages = pages;
	return SQLITE_OK;
}

/*
 * SQLite would make the file readable to all.  A file that exists is not opened here: closing the
 * descriptor would drop the locks that another connection of this process holds on it.
 */
static int make_private_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	return err_set(err, E_storage_error, "",
		       "cannot make the database %s: %s; check that its directory exists and may be "
		       "written",
		       path, err_errno(errno));
}

static int set_pragma(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail_last(db, "cannot set up", err);
	return 0;
}

/* Ours, or new: a database without tables and without an owner. */
static int check_owner(struct db *db, bool *is_new, struct err *err)
{
	int64_t id, tables;

	if (db_number(db, "PRAGMA application_id", &id, err) < 0 ||
	    db_number(db, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
		return -1;
	*is_new = id == 0 && tables == 0;
	if (*is_new || id == APPLICATION_ID)
		return 0;
	return err_set(err, E_storage_error, "",
		       "the database %s belongs to another program; move it away or name another",
		       db->path);
}

/* The answer tells whether it happened: some file systems lack what the log needs. */
static int use_log(struct db *db, struct err *err)
{
	struct db_statement *st = db_prepare(db, "PRAGMA journal_mode=WAL", err);
	int result = -1, row;

	if (!st)
		return -1;
	row = db_next(st, err);
	if (row == 1 && span_is(db_text(st, 0), "wal"))
		result = 0;
	else if (row >= 0)
		err_set(err, E_storage_error, "",
			"the database %s cannot keep a write-ahead log; put it on a local disk",
			db->path);
	db_finish(st);
	return result;
}

static int set_up_writer(struct db *db, bool is_new, struct err *err)
{
	char owner[64];

	snprintf(owner, sizeof(owner), "PRAGMA application_id=%d", APPLICATION_ID);
	/* How free pages are kept track of is fixed by the first page written. */
	if (is_new && (set_pragma(db, "PRAGMA page_size=4096", err) < 0 ||
		       set_pragma(db, "PRAGMA auto_vacuum=INCREMENTAL", err) < 0))
		return -1;
	if (use_log(db, err) < 0 || (is_new && set_pragma(db, owner, err) < 0))
		return -1;
	/* Checkpoints are db_tend's, away from the commit that somebody waits for. */
	if (set_pragma(db,
		       "PRAGMA synchronous=FULL;"
		       "PRAGMA foreign_keys=ON;"
		       "PRAGMA journal_size_limit=16777216;"
		       "PRAGMA cache_size=-16384;"
		       "PRAGMA wal_autocheckpoint=0",
		       err) < 0)
		return -1;
	sqlite3_wal_hook(db->handle, on_commit, db);
	return 0;
}

/* The first lock that is taken in this mode shuts everybody out, and is kept. */
static int set_up_alone(struct db *db, struct err *err)
{
	return set_pragma(db,
			  "PRAGMA synchronous=FULL;"
			  "PRAGMA foreign_keys=ON;"
			  "BEGIN EXCLUSIVE;"
			  "COMMIT",
			  err);
}

static int set_up(struct db *db, enum db_mode mode, int patience_ms, struct err *err)
{
	bool is_new;

	sqlite3_extended_result_codes(db->handle, 1);
	db_set_patience(db, patience_ms);
	db_permit_schema(db, false);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (mode == DB_ALONE && set_pragma(db, "PRAGMA locking_mode=EXCLUSIVE", err) < 0)
		return -1;
	if (set_pragma(db, "PRAGMA temp_store=MEMORY", err) < 0 ||
	    check_owner(db, &is_new, err) < 0)
		return -1;
	if (mode == DB_READ)
		return set_pragma(db, "PRAGMA query_only=ON", err);
	/* SQLite opens what it may not write for reading, and says nothing. */
	if (sqlite3_db_readonly(db->handle, "main") == 1)
		return db_fail(db, SQLITE_READONLY, "cannot use the database", err);
	return mode == DB_ALONE ? set_up_alone(db, err) : set_up_writer(db, is_new, err);
}

/*
 * SQLite counts its memory for whoever asks; nobody does, and the lock around the count costs every
 * statement of every thread.  Once, before the first connection: later it is refused.
 */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	db_log_register();
}

struct db *db_open(const char *path, enum db_mode mode, struct err *err)
{
	return db_open_within(path, mode, DB_PATIENCE_MS, err);
}

struct db *db_open_within(const char *path, enum db_mode mode, int patience_ms, struct err *err)
{
	struct db *db = NULL, *result = NULL;
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	int flags = SQLITE_OPEN_NOMUTEX |
		    (mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);

	pthread_once(&configured, configure);
	/* Of which SQLite says that the disk fails. */
	if (file_is_directory(path)) {
		err_set(err, E_storage_error, "", "cannot open the database %s: it is a directory", path);
		return NULL;
	}
	if (mode == DB_WRITE && make_private_file(path, err) < 0)
		return NULL;
	if (mode != DB_WRITE && file_is_absent(path)) {
		err_set(err, E_storage_error, "", "cannot open the database %s: there is no such file", path);
		return NULL;
	}
	db = mem_new(struct db);
	db->path = mem_strdup(path);
	if (sqlite3_open_v2(path, &db->handle, flags, mode == DB_WRITE ? DB_LOG_VFS : NULL) != SQLITE_OK) {
		if (db->handle)
			fail_last(db, "cannot open the database", err);
		else
			err_set(err, E_storage_error, "", "cannot open the database %s", path);
		goto out;
	}
	if (set_up(db, mode, patience_ms, err) < 0)
		goto out;
	result = db;
	db = NULL;
out:
	db_close(db);
	return result;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_statements_finish(db);
	/* Refuses while statements are open, which would leak the connection: a bug of the caller. */
	if (sqlite3_close(db->handle) != SQLITE_OK)
		log_error("store", "closing %s: %s", db->path, sqlite3_errmsg(db->handle));
	mem_free(db->path);
	mem_free(db);
}

const char *db_path(const struct db *db)
{
	return db->path;
}

void db_set_patience(struct db *db, int ms)
{
	db->patience_ms = ms;
	sqlite3_busy_timeout(db->handle, ms);
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail_last(db, "the database", err);
	return 0;
}

void db_permit_schema(struct db *db, bool permit)
{
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, !permit, NULL);
}

bool db_is_busy(const struct db *db)
{
	return (sqlite3_errcode(db->handle) & 0xff) == SQLITE_BUSY;
}

static int run_kept(struct db *db, const char *sql, struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	return st ? db_run(st, err) : -1;
}

int db_begin(struct db *db, struct err *err)
{
	return run_kept(db, "BEGIN IMMEDIATE", err);
}

/* A statement left in the middle would hold on to the state that it began with. */
static void reset_statements(struct db *db)
{
	sqlite3_stmt *st = NULL;

	while ((st = sqlite3_next_stmt(db->handle, st)) != NULL)
		if (sqlite3_stmt_busy(st))
			sqlite3_reset(st);
}

int db_commit(struct db *db, struct err *err)
{
	reset_statements(db);
	if (run_kept(db, "COMMIT", err) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

void db_rollback(struct db *db)
{
	reset_statements(db);
	/* Some failures have rolled back already; then there is nothing to do. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_mark(struct db *db, struct err *err)
{
	return run_kept(db, "SAVEPOINT mark", err);
}

int db_keep(struct db *db, struct err *err)
{
	return run_kept(db, "RELEASE mark", err);
}

int db_undo(struct db *db, struct err *err)
{
	if (sqlite3_get_autocommit(db->handle))
		return err_set(err, E_storage_error, "",
			       "the transaction on %s was rolled back", db->path);
	if (run_kept(db, "ROLLBACK TO mark", err) < 0)
		return -1;
	return run_kept(db, "RELEASE mark", err);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

bool db_is_lost(struct db *db)
{
	int moved = 0;

	return sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved;
}

int db_tend(struct db *db, struct err *err)
{
	int mode = SQLITE_CHECKPOINT_PASSIVE, pages = 0, code;

	if (db->log_pages < DB_LOG_PAGES)
		return 0;
	if (db->log_pages >= DB_LOG_MAX_PAGES) {
		mode = SQLITE_CHECKPOINT_TRUNCATE;
		sqlite3_busy_timeout(db->handle, DB_LOG_WAIT_MS);
	}
	code = sqlite3_wal_checkpoint_v2(db->handle, "main", mode, &pages, NULL);
	sqlite3_busy_timeout(db->handle, db->patience_ms);
	if (code == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE)
		db->log_pages = pages > 0 ? pages : 0;
	/* A reader in the way is no failure: the next commit tries again. */
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY && (code & 0xff) != SQLITE_LOCKED)
		return db_fail(db, code, "copying the log back into", err);
	return 0;
}

int db_log_pages(const struct db *db)
{
	return db->log_pages;
}
