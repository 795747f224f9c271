/*
 * common/store/work.c - see work.h.
 */
#include "common/store/work.h"

#include "common/store/store.h"

static void init(struct work *w)
{
	w->parcel.kind = PARCEL_WORK;
	w->addition = NULL;
	w->result = -1;
	err_clear(&w->err);
	promise_init(&w->done);
}

void work_init(struct work *w, int (*run)(struct db *db, void *arg, struct err *err), void *arg)
{
	init(w);
	w->run = run;
	w->arg = arg;
}

void work_init_addition(struct work *w, const struct conversation_addition *addition)
{
	init(w);
	w->addition = addition;
}

int work_wait(struct work *w, struct err *err)
{
	promise_wait(&w->done);
	if (w->result < 0 && err)
		*err = w->err;
	return w->result;
}

static int run_one(struct work *w, struct db *db, struct err *err)
{
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

/* They look before they change anything: nothing is to be undone unless the database failed. */
static int add_all(struct work *const *works, size_t count, struct db *db, struct err *err)
{
	struct conversation_adding all[STORE_BATCH_MAX];

	for (size_t i = 0; i < count; i++)
		all[i] = (struct conversation_adding){ .addition = works[i]->addition, .err = &works[i]->err };
	if (conversation_add_all(db, all, count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		works[i]->result = all[i].result;
	return 0;
}

int work_run_all(struct work *const *works, size_t count, struct db *db, struct err *err)
{
	for (size_t at = 0; at < count;) {
		size_t end = at;

		while (end < count && works[end]->addition)
			end++;
		if ((end > at ? add_all(works + at, end - at, db, err) : run_one(works[end++], db, err)) < 0)
			return -1;
		at = end;
	}
	return 0;
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
