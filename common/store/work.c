/*
 * common/store/work.c - see work.h.
 */
#include "common/store/work.h"

#include "common/store/store.h"

void work_init(struct work *w, int (*run)(struct db *db, void *arg, struct err *err), void *arg)
{
	*w = (struct work){
		.parcel.kind = PARCEL_WORK, .run = run, .arg = arg, .result = -1, .err = ERR_INIT
	};
	promise_init(&w->done);
}

int work_wait(struct work *w, struct err *err)
{
	promise_wait(&w->done);
	if (w->result < 0 && err)
		*err = w->err;
	return w->result;
}

/* Nothing is to be undone, unless the database failed half way. */
static int run_whole(struct work *w, struct db *db, struct err *err)
{
	w->result = w->run(db, w->arg, &w->err);
	if (w->result == 0 || w->err.code != E_storage_error)
		return 0;
	*err = w->err;
	return -1;
}

int work_run(struct work *w, struct db *db, struct err *err)
{
	if (w->is_whole)
		return run_whole(w, db, err);
	if (db_mark(db, err) < 0)
		return -1;
	w->result = w->run(db, w->arg, &w->err);
	if (w->result == 0)
		return db_keep(db, err);
	if (db_undo(db, err) == 0)
		return 0;
	*err = w->err; /* why the transaction ended */
	return -1;
}

void work_fail(struct work *w, const struct err *why)
{
	/* One that had failed by itself keeps its own reason. */
	if (w->result < 0 && w->err.code != E_none)
		return;
	w->result = -1;
	w->err = *why;
}

void work_finish_all(struct work *const *works, size_t count)
{
	struct promise *all[STORE_BATCH_MAX];

	for (size_t i = 0; i < count; i++)
		all[i] = &works[i]->done;
	promise_keep_all(all, count);
}
