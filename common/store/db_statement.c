/*
 * common/store/db_statement.c - the statements of a connection: kept or made, bound, stepped, read.
 */
#include <sqlite3.h>

#include "common/base/mem.h"
#include "common/store/db_inside.h"

struct db_statement {
	struct db *db;
	sqlite3_stmt *handle;
	int failed_bind; /* SQLite's code, or 0 */
	const char *sql; /* of a kept one */
	struct db_statement *next;
};

struct db_statement *db_prepare(struct db *db, const char *sql, struct err *err)
{
	struct db_statement *st;
	sqlite3_stmt *handle;

	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL) !=
	    SQLITE_OK) {
		db_fail(db, sqlite3_extended_errcode(db->handle), "the database", err);
		return NULL;
	}
	st = mem_new(struct db_statement);
	st->db = db;
	st->handle = handle;
	return st;
}

/* A text is known by its address. */
static size_t slot_of(const char *sql)
{
	return ((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 58;
}

struct db_statement *db_statement(struct db *db, const char *sql, struct err *err)
{
	size_t slot = slot_of(sql);
	struct db_statement *st = db->kept[slot];

	while (st && st->sql != sql)
		st = st->next;
	if (st) {
		db_reset(st);
		sqlite3_clear_bindings(st->handle);
		return st;
	}
	st = db_prepare(db, sql, err);
	if (!st)
		return NULL;
	st->sql = sql;
	st->next = db->kept[slot];
	db->kept[slot] = st;
	return st;
}

void db_finish(struct db_statement *st)
{
	if (!st)
		return;
	sqlite3_finalize(st->handle);
	mem_free(st);
}

void db_statements_finish(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENT_SLOTS; i++)
		while (db->kept[i]) {
			struct db_statement *st = db->kept[i];

			db->kept[i] = st->next;
			db_finish(st);
		}
}

static void note_bind(struct db_statement *st, int code)
{
	if (code != SQLITE_OK)
		st->failed_bind = code;
}

void db_bind_int(struct db_statement *st, int at, int64_t value)
{
	note_bind(st, sqlite3_bind_int64(st->handle, at, value));
}

void db_bind_real(struct db_statement *st, int at, double value)
{
	note_bind(st, sqlite3_bind_double(st->handle, at, value));
}

void db_bind_null(struct db_statement *st, int at)
{
	note_bind(st, sqlite3_bind_null(st->handle, at));
}

void db_bind_text(struct db_statement *st, int at, struct span text)
{
	note_bind(st, sqlite3_bind_text64(st->handle, at, text.ptr, text.len, SQLITE_STATIC,
					  SQLITE_UTF8));
}

void db_bind_str(struct db_statement *st, int at, const char *text)
{
	db_bind_text(st, at, text ? span_str(text) : SPAN_NONE);
}

void db_bind_blob(struct db_statement *st, int at, struct span bytes)
{
	note_bind(st, sqlite3_bind_blob64(st->handle, at, bytes.ptr, bytes.len, SQLITE_STATIC));
}

int db_next(struct db_statement *st, struct err *err)
{
	int code = st->failed_bind ? st->failed_bind : sqlite3_step(st->handle);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return db_fail(st->db, code, "the database", err);
}

int64_t db_int(struct db_statement *st, int column)
{
	return sqlite3_column_int64(st->handle, column);
}

bool db_is_null(struct db_statement *st, int column)
{
	return sqlite3_column_type(st->handle, column) == SQLITE_NULL;
}

struct span db_text(struct db_statement *st, int column)
{
	const void *text = sqlite3_column_text(st->handle, column);

	return span_of(text, (size_t)sqlite3_column_bytes(st->handle, column));
}

struct span db_blob(struct db_statement *st, int column)
{
	const void *bytes = sqlite3_column_blob(st->handle, column);

	return span_of(bytes, (size_t)sqlite3_column_bytes(st->handle, column));
}

char *db_str(struct db_statement *st, int column)
{
	struct span text = db_text(st, column);

	return text.ptr ? mem_strndup(text.ptr, text.len) : NULL;
}

void db_reset(struct db_statement *st)
{
	sqlite3_reset(st->handle);
	st->failed_bind = 0;
}

int db_run(struct db_statement *st, struct err *err)
{
	int row;

	do
		row = db_next(st, err);
	while (row == 1);
	db_reset(st);
	return row;
}

int db_run_with(struct db *db, const char *sql, int64_t number, struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	db_bind_int(st, 1, number);
	return db_run(st, err);
}

int db_number(struct db *db, const char *sql, int64_t *value, struct err *err)
{
	struct db_statement *st = db_prepare(db, sql, err);
	int result = -1, row;

	if (!st)
		return -1;
	row = db_next(st, err);
	if (row == 0)
		err_set(err, E_storage_error, "", "the database %s: no row for: %s", db->path, sql);
	if (row == 1) {
		*value = db_int(st, 0);
		result = 0;
	}
	db_finish(st);
	return result;
}
