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

/* Whoever fails is undone alone. */
static int run_one(struct work *w, struct db *db, struct err *err)
{
	if (db_mark(db, err) < 0)
		return -1;
	w->result = w->addition ? conversation_add(db, w->addition, &w->err) : w->run(db, w->arg, &w->err);
	if (w->result == 0)
		return db_keep(db, err);
	if (db_undo(db, err) == 0)
		return 0;
	*err = w->err; /* why the transaction ended */
	return -1;
}

static int add_together(struct work *const *works, size_t count, struct db *db, struct err *err)
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

/* For each of its own what the database refuses to them all: the rest are none the worse. */
static int add_one_by_one(struct work *const *works, size_t count, struct db *db, struct err *err)
{
	err_clear(err);
	for (size_t i = 0; i < count; i++) {
		err_clear(&works[i]->err);
		if (run_one(works[i], db, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * They look before they change anything, so what the database refuses even so (a conversation that is
 * damaged) is rare.  Where nothing came before them no mark is needed, which costs a copy of each page
 * that they change: the transaction is begun anew.
 */
static int add_all(struct work *const *works, size_t count, bool is_first, struct db *db, struct err *err)
{
	struct err lost = ERR_INIT;

	if (!is_first && db_mark(db, err) < 0)
		return -1;
	if (add_together(works, count, db, err) == 0)
		return is_first ? 0 : db_keep(db, err);
	if (is_first) {
		db_rollback(db);
		if (db_begin(db, &lost) < 0)
			return -1;
	} else if (db_undo(db, &lost) < 0) {
		return -1;
	}
	return add_one_by_one(works, count, db, err);
}

int work_run_all(struct work *const *works, size_t count, struct db *db, struct err *err)
{
	size_t additions = 0; /* the last so many of those before i */

	for (size_t i = 0; i < count; i++) {
		if (works[i]->addition) {
			additions++;
			continue;
		}
		if (additions && add_all(works + i - additions, additions, i == additions, db, err) < 0)
			return -1;
		additions = 0;
		if (run_one(works[i], db, err) < 0)
			return -1;
	}
	return additions ? add_all(works + count - additions, additions, additions == count, db, err) : 0;
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
