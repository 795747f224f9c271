/*
 * common/store/readers.c - see readers.h.
 */
#include "common/store/readers.h"

#include <pthread.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/loop/fiber.h"

struct readers {
	char *database;
	size_t idle_max;
	pthread_mutex_t lock; /* protects what follows */
	struct db *idle[READERS_IDLE_MAX];
	size_t idle_count;
};

/* One piece of reading, on the stack of its fiber. */
struct reading {
	struct readers *readers;
	int (*work)(struct db *db, void *arg, struct err *err);
	void *arg;
	int result;
	struct err err;
};

struct readers *readers_new(const char *database, size_t idle_max)
{
	struct readers *r = mem_new(struct readers);

	r->database = mem_strdup(database);
	r->idle_max = idle_max < READERS_IDLE_MAX ? idle_max : READERS_IDLE_MAX;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void readers_free(struct readers *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->idle_count; i++)
		db_close(r->idle[i]);
	pthread_mutex_destroy(&r->lock);
	mem_free(r->database);
	mem_free(r);
}

void readers_close_idle(struct readers *r)
{
	struct db *idle[READERS_IDLE_MAX];
	size_t count;

	pthread_mutex_lock(&r->lock);
	count = r->idle_count;
	memcpy(idle, r->idle, count * sizeof(struct db *));
	r->idle_count = 0;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < count; i++)
		db_close(idle[i]);
}

/* An idle connection, or a new one.  One to a file that was moved away would read the past. */
struct db *readers_borrow(struct readers *r, struct err *err)
{
	struct db *db = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->idle_count > 0)
		db = r->idle[--r->idle_count];
	pthread_mutex_unlock(&r->lock);
	if (db && !db_is_lost(db))
		return db;
	db_close(db);
	return db_open(r->database, DB_READ, err);
}

void readers_give_back(struct readers *r, struct db *db)
{
	db_rollback(db);
	pthread_mutex_lock(&r->lock);
	if (r->idle_count < r->idle_max) {
		r->idle[r->idle_count++] = db;
		db = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	db_close(db);
}

static int read_now(struct reading *g)
{
	struct db *db = readers_borrow(g->readers, &g->err);
	int result;

	if (!db)
		return -1;
	if (db_exec(db, "BEGIN", &g->err) < 0) {
		db_close(db);
		return -1;
	}
	result = g->work(db, g->arg, &g->err);
	readers_give_back(g->readers, db);
	return result;
}

static void run_reading(void *data)
{
	struct reading *g = data;

	g->result = read_now(g);
}

int readers_run(struct readers *r, struct job_pool *jobs,
		int (*work)(struct db *db, void *arg, struct err *err), void *arg, struct err *err)
{
	struct reading g = { .readers = r, .work = work, .arg = arg, .err = ERR_INIT };

	if (!fiber_self())
		run_reading(&g);
	else if (job_run(jobs, run_reading, &g, err) < 0)
		return -1;
	if (g.result < 0 && err)
		*err = g.err;
	return g.result;
}
