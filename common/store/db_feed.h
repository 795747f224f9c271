/*
 * common/store/db_feed.h - rows out of memory as a table, so that one statement takes them all.
 *
 * INSERT ... SELECT * FROM <name> costs half of what binding and running a statement a row does.
 */
#ifndef SPASS_STORE_DB_FEED_H
#define SPASS_STORE_DB_FEED_H

#include "common/store/db.h"

/* What one column of one row is given; null unless something is put. */
struct db_cell;

void db_put_int(struct db_cell *cell, int64_t value);
/* Borrowed until the statement moves on. */
void db_put_text(struct db_cell *cell, const char *text, size_t len);

struct db_feed {
	const char *name;
	int columns;
	const char *names; /* of the columns, "a, b"; NULL: nobody calls them */
	void (*put)(const void *rows, size_t row, int column, struct db_cell *cell);
	/* What the next run of a statement finds. */
	const void *rows;
	size_t count;
};

/* feed outlives db, whose statements alone see it. */
int db_feed_add(struct db *db, struct db_feed *feed, struct err *err);
/*
 * The connection's own feed of that form, made once: what table modules use, so that they keep no state
 * of their own.  form: known by its address, and outlives db.  Borrowed until db_close.
 */
struct db_feed *db_feed_like(struct db *db, const struct db_feed *form, struct err *err);

#endif
