/*
 * common/store/work.h - one change that somebody waits for, on its way through the writer.
 *
 * Lies in the waiter's stack frame.  Internal to common/store.
 */
#ifndef SPASS_STORE_WORK_H
#define SPASS_STORE_WORK_H

#include "common/loop/promise.h"
#include "common/store/db.h"
#include "common/store/queue.h"

struct work {
	struct parcel parcel;
	int (*run)(struct db *db, void *arg, struct err *err);
	void *arg;
	bool is_whole; /* changes all or nothing by itself */
	int result;
	struct err err;
	struct promise done;
};

/* By the one who will wait; push it after. */
void work_init(struct work *w, int (*run)(struct db *db, void *arg, struct err *err), void *arg);
/* 0, or -1 with err.  Once. */
int work_wait(struct work *w, struct err *err);

/*
 * The writer, inside a transaction.  Sets the work's own result; -1 with err only when the
 * transaction is lost for all.
 */
int work_run(struct work *w, struct db *db, struct err *err);
/* The transaction was not kept: so nothing of this work was. */
void work_fail(struct work *w, const struct err *why);
/* After the commit; they may be gone afterwards.  At most STORE_BATCH_MAX. */
void work_finish_all(struct work *const *works, size_t count);

#endif
