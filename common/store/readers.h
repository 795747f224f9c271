/*
 * common/store/readers.h - connections that only read, lent to whoever asks.
 *
 * For common/store, and whoever keeps a database of its own.  Any thread.
 */
#ifndef SPASS_STORE_READERS_H
#define SPASS_STORE_READERS_H

#include "common/loop/job.h"
#include "common/store/db.h"

struct readers;

/*
 * Opens none yet: the database may come into being later.  Of those that are given back so many
 * stay open, at most READERS_IDLE_MAX.
 */
enum { READERS_IDLE_MAX = 16 };
struct readers *readers_new(const char *database, size_t idle_max);
/* Those that are not lent. */
void readers_close_idle(struct readers *r);
/* Nobody reads any more.  readers may be NULL. */
void readers_free(struct readers *r);
/* A connection for the calling thread, outside a transaction: to be given back. */
struct db *readers_borrow(struct readers *r, struct err *err);
/* In whatever state: what it was in the middle of is rolled back. */
void readers_give_back(struct readers *r, struct db *db);
/* As store_read. */
int readers_run(struct readers *r, struct job_pool *jobs,
		int (*work)(struct db *db, void *arg, struct err *err), void *arg, struct err *err);

#endif
