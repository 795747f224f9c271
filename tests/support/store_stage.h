/*
 * tests/support/store_stage.h - a directory with a store's files, and looks into them.
 */
#ifndef SPASS_TEST_STORE_STAGE_H
#define SPASS_TEST_STORE_STAGE_H

#include "common/store/recorder.h"
#include "common/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct fixture {
	char dir[64];
	char database[128], audit[96], older[96], copy[96], key[96];
	struct metrics *metrics;
	struct store_options options;
	/* of fixture_make_db */
	struct db *db;
	struct err err;
	int64_t now_ms; /* the test's own clock */
};

/* Set-up and tear-down of a test: *state is the fixture. */
int fixture_make(void **state);
/* With the database open, and its tables empty. */
int fixture_make_db(void **state);
int fixture_remove(void **state);

/* A record of the request req-<number>, which id holds. */
enum { EXAMPLE_ID_SIZE = 48 };
struct record example_record(int number, char id[EXAMPLE_ID_SIZE]);
struct store *open_store(const struct fixture *f);
/* By a recorder of its own; s may be NULL. */
void push_record(struct store *s, const struct record *r);
/* The examples from..to - 1. */
void push_records(struct store *s, int from, int to);

struct db *open_db(const char *path, enum db_mode mode);
void run_sql(struct db *db, const char *sql);
/* The first column of the first row. */
int64_t sql_number(struct db *db, const char *sql);
int64_t number_in(const char *database, const char *sql);
int64_t count_rows(const struct fixture *f);
/* The last one must be whole. */
int64_t count_lines(const char *path);
void assert_counted(const struct fixture *f, const char *outcome, int64_t value);
/* 0 when there is no such file. */
int64_t size_of(const char *path);
int64_t mode_of(const char *path);

/* Runs body in a child; its exit status is what body returned. */
int in_child(int (*body)(struct fixture *f), struct fixture *f);
void pause_ms(long ms);
/* Until the store recovered by itself, at most ten seconds. */
bool recovers(struct store *s);

#endif
