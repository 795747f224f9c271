/*
 * common/store/store.h - the database of a gateway, and its one writer.
 *
 * SQLite in WAL mode.  One thread owns all writes; it gathers for STORE_GATHER_MS and commits
 * many records in one transaction.  The queue is bounded: what does not fit is counted as
 * dropped, never waited for.  A write that fails (full disk, lost file, a newer spass that has
 * changed the schema meanwhile) is logged once a minute and counted; reading and stateless /v1 go on.
 */
#ifndef SPASS_STORE_STORE_H
#define SPASS_STORE_STORE_H

#include "common/loop/job.h"
#include "common/observe/metrics.h"
#include "common/store/db.h"
#include "common/store/usage.h"

enum { STORE_GATHER_MS = 25, STORE_QUEUE_MAX = 65536, STORE_BATCH_MAX = 2000 };

struct store_options {
	const char *database;    /* path */
	const char *audit;       /* path, or NULL for none */
	const char *audit_key;   /* path of the pseudonyms' key, made when there is none; or NULL */
	int64_t audit_max_bytes;
	bool usage;              /* keep rows */
	struct usage_limits usage_limits;
	struct metrics *metrics; /* or NULL */
};

struct conversation_addition;
struct store;

/*
 * Opens (0600), migrates and starts the writer.  Fails with E_storage_error and a message that
 * says what to do: not a database, newer schema, no permission, disk full.  Startup only.
 */
struct store *store_open(const struct store_options *options, struct err *err);
/* Writes what is queued, closes. */
void store_close(struct store *s);
/*
 * Runs work(db, arg) inside the writer's transaction, together with what others want written at
 * that moment, and returns when it has been committed: what is acknowledged after that survives a
 * power cut.  When work returns -1 what it changed is undone, the others' is not.  work must not
 * begin or end transactions, and not take long: all writers wait for it.  On a fiber the loop runs
 * meanwhile; elsewhere the thread blocks.  0, or -1 with work's error or E_storage_error.
 */
int store_write(struct store *s, int (*work)(struct db *db, void *arg, struct err *err), void *arg,
		struct err *err);
/*
 * The same for what a turn adds to its conversation: many of them, of whoever adds at that moment, cost
 * little more than one.  a and what it points to are borrowed for the call.
 */
int store_add(struct store *s, const struct conversation_addition *a, struct err *err);
/*
 * Runs work(db, arg) on a connection that only reads and sees one state of the database; on a
 * fiber on a thread of jobs, elsewhere (jobs may be NULL) on the calling thread.  Sees everything
 * that a store_write had committed before.  0, or -1 with work's error, E_storage_error or
 * E_overloaded.
 */
int store_read(struct store *s, struct job_pool *jobs,
	       int (*work)(struct db *db, void *arg, struct err *err), void *arg, struct err *err);
/* Waits until all records queued before have been committed or failed: for tests and drain. */
void store_flush(struct store *s);
/* Reopens audit.jsonl (SIGHUP).  Any thread. */
void store_reopen_audit(struct store *s, int64_t audit_max_bytes);
/*
 * What is kept of usage from now on.  What is too much goes in small steps: under load with each
 * commit a little more than it adds, else while the writer has nothing to do, when the file also
 * gives free pages back.  Any thread.
 */
void store_limit_usage(struct store *s, const struct usage_limits *limits);
/* 0, or -1 with E_storage_error while the last write failed or does not come back.  Any thread. */
int store_check(struct store *s, struct err *err);

#endif
