/*
 * common/store/work.h - one change that somebody waits for, on its way through the writer.
 *
 * Lies in the waiter's stack frame.  Internal to common/store.
 */
#ifndef SPASS_STORE_WORK_H
#define SPASS_STORE_WORK_H

#include "common/loop/promise.h"
#include "common/store/conversation.h"
#include "common/store/queue.h"

struct work {
	struct parcel parcel;
	const struct conversation_addition *addition; /* or NULL: */
	int (*run)(struct db *db, void *arg, struct err *err);
	void *arg;
	int result;
	struct err err;
	struct promise done;
};

/* By the one who will wait; push it after. */
void work_init(struct work *w, int (*run)(struct db *db, void *arg, struct err *err), void *arg);
void work_init_addition(struct work *w, const struct conversation_addition *addition);
/* 0, or -1 with err.  Once. */
int work_wait(struct work *w, struct err *err);

/*
 * The writer, inside a transaction in which nothing was changed yet, which may be begun anew.  One after
 * the other, additions that follow each other together.  Sets each work's own result, and one that fails
 * is undone alone; -1 with err only when the transaction is lost for all.
 */
int work_run_all(struct work *const *works, size_t count, struct db *db, struct err *err);
/* The transaction was not kept: so nothing of this work was. */
void work_fail(struct work *w, const struct err *why);
/* After the commit; they may be gone afterwards.  At most STORE_BATCH_MAX. */
void work_finish_all(struct work *const *works, size_t count);

#endif
