/*
 * common/store/readers.h - connections that only read, lent to whoever asks.
 *
 * Internal to common/store.  Any thread.
 */
#ifndef SPASS_STORE_READERS_H
#define SPASS_STORE_READERS_H

#include "common/loop/job.h"
#include "common/store/db.h"

struct readers;

/* Opens none yet: the database may come into being later. */
struct readers *readers_new(const char *database);
/* Nobody reads any more.  readers may be NULL. */
void readers_free(struct readers *r);
/* As store_read. */
int readers_run(struct readers *r, struct job_pool *jobs,
		int (*work)(struct db *db, void *arg, struct err *err), void *arg, struct err *err);

#endif
