/*
 * common/store/db.h - a connection to a database, and its statements.
 *
 * The only place that knows SQLite.  SQL is kept portable: parameters ?1, ?2 ... in order,
 * integers for time.  A connection and its statements belong to one thread at a time.  Failures
 * are E_storage_error with a message that names the file and says what to do.
 */
#ifndef SPASS_STORE_DB_H
#define SPASS_STORE_DB_H

#include "common/base/err.h"

struct db;
struct db_statement;

enum db_mode {
	DB_WRITE, /* makes the file (0600) when there is none */
	DB_READ,  /* the file exists; nothing can be changed through it */
	DB_ALONE, /* the file exists; fails while another connection, of anybody, is open on it */
};

/*
 * Opens and sets it up: WAL, a commit that survives a power cut, pages given back step by step.
 * A file that another program wrote is refused.
 */
struct db *db_open(const char *path, enum db_mode mode, struct err *err);
/* The same, waiting patience_ms for locks from the first one on. */
struct db *db_open_within(const char *path, enum db_mode mode, int patience_ms, struct err *err);
/* Statements must have been finished.  db may be NULL. */
void db_close(struct db *db);
/* Borrowed until db_close. */
const char *db_path(const struct db *db);

/* How long to wait for another process's lock before failing; DB_PATIENCE_MS after db_open. */
enum { DB_PATIENCE_MS = 5000 };
void db_set_patience(struct db *db, int ms);
/* Runs statements without parameters or results. */
int db_exec(struct db *db, const char *sql, struct err *err);
/* The first column of the first row. */
int db_number(struct db *db, const char *sql, int64_t *value, struct err *err);
/* Whether the texts of the schema itself may be edited: a step of it may. */
void db_permit_schema(struct db *db, bool permit);
/* After a failure: it was for want of a lock that another connection had. */
bool db_is_busy(const struct db *db);
/* Takes the write lock at once, so that a transaction cannot fail half way for want of it. */
int db_begin(struct db *db, struct err *err);
/* When it fails nothing of the transaction was kept. */
int db_commit(struct db *db, struct err *err);
/* Does nothing outside a transaction. */
void db_rollback(struct db *db);
/*
 * Inside a transaction: what comes after can be undone alone.  db_undo fails when SQLite has ended
 * the whole transaction, as it does when the disk is full.
 */
int db_mark(struct db *db, struct err *err);
int db_keep(struct db *db, struct err *err);
int db_undo(struct db *db, struct err *err);
/* True once the file at path is another one, or none: it was moved or removed. */
bool db_is_lost(struct db *db);

/*
 * Writer: after a commit.  Copies the log back into the database when it has DB_LOG_PAGES, and
 * waits shortly for readers to let go of it past DB_LOG_MAX_PAGES, so that it stays bounded.
 * Fails only when writing fails.
 */
enum { DB_LOG_PAGES = 4000, DB_LOG_MAX_PAGES = 16384, DB_LOG_WAIT_MS = 200 };
int db_tend(struct db *db, struct err *err);
/* Pages in the log after the last commit or checkpoint that this connection made. */
int db_log_pages(const struct db *db);

/*
 * Writes the database as it is now to a file of its own: others go on writing meanwhile.  Made
 * 0600 under another name and renamed when it is whole; one file, that needs no log beside it.
 * An existing file is kept unless replace is set.  progress (may be NULL) is told pages after each
 * step; when it returns -1 the copy is given up with E_cancelled.
 */
struct db_copying {
	bool replace;
	int (*progress)(void *context, int64_t done, int64_t total);
	void *context;
};
int db_copy(struct db *db, const char *path, const struct db_copying *how, struct err *err);

/*
 * The statement of that text on this connection, made once and reset: what table modules use, so
 * that they keep no state of their own.  sql: a string literal, or text that outlives db and stays as it is:
 * it is known by its address.  Borrowed;
 * never db_finish it, and not in use twice at the same time.
 */
struct db_statement *db_statement(struct db *db, const char *sql, struct err *err);
/* Free with db_finish before db_close. */
struct db_statement *db_prepare(struct db *db, const char *sql, struct err *err);
void db_finish(struct db_statement *st);
/* at: 1-based.  A failed bind makes the next db_next or db_run fail. */
void db_bind_int(struct db_statement *st, int at, int64_t value);
void db_bind_real(struct db_statement *st, int at, double value);
void db_bind_null(struct db_statement *st, int at);
/* Borrowed until db_reset or db_run; a span with ptr NULL binds null. */
void db_bind_text(struct db_statement *st, int at, struct span text);
/* The same for a text of C; NULL binds null. */
void db_bind_str(struct db_statement *st, int at, const char *text);
/* As db_bind_text, but bytes. */
void db_bind_blob(struct db_statement *st, int at, struct span bytes);
/* 1 with a row, 0 at the end, -1. */
int db_next(struct db_statement *st, struct err *err);
/* column: 0-based.  Text is borrowed until the next db_ call on st. */
int64_t db_int(struct db_statement *st, int column);
bool db_is_null(struct db_statement *st, int column);
struct span db_text(struct db_statement *st, int column);
struct span db_blob(struct db_statement *st, int column);
/* A copy that the caller frees; NULL for null. */
char *db_str(struct db_statement *st, int column);
void db_reset(struct db_statement *st);
/* Runs it to its end and resets it. */
int db_run(struct db_statement *st, struct err *err);
/* The same of a cached statement of one number. */
int db_run_with(struct db *db, const char *sql, int64_t number, struct err *err);
/* Rows that the last insert, update or delete on this connection changed. */
int64_t db_changes(struct db *db);
/* rowid of the last insert on this connection. */
int64_t db_last_id(struct db *db);

#endif
