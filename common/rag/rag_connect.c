/*
 * common/rag/rag_connect.c - connections to the tenants' databases, and when they are given back.
 *
 * A tenant has one writer and a few readers.  (SQLite keeps the descriptors of those that are
 * closed for the next one, until the last one of the file is closed.)  How many tenants may have
 * any is bounded: whoever was not used for longest gives his back when another one comes.
 */
#include "common/rag/rag_inside.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/store/migrate.h"
#include "common/store/readers.h"

/* ---- giving back ---- */

/* Not while he writes: then he is not idle. */
static void disconnect(struct rag_tenant *t)
{
	if (pthread_mutex_trylock(&t->write) != 0)
		return;
	/* The last one to close empties the log, which readers cannot: else the next start reads
	 * it. */
	readers_close_idle(t->readers);
	db_close(t->writer);
	t->writer = NULL;
	pthread_mutex_unlock(&t->write);
}

/*
 * Under the lock: the tenant used least recently of those that may have connections, when it was
 * before that time or there are more than so many; it counts as one without from here on.
 */
static struct rag_tenant *take_idle(struct rag *r, size_t max, int64_t before_ms)
{
	for (struct list *at = r->tenants.prev; at != &r->tenants; at = at->prev) {
		struct rag_tenant *t = container_of(at, struct rag_tenant, link);

		if (!t->is_open)
			continue;
		if (r->open <= max && t->used_ms > before_ms)
			return NULL;
		t->is_open = false;
		r->open--;
		return t;
	}
	return NULL;
}

static void disconnect_idle(struct rag *r, size_t max, int64_t before_ms)
{
	struct rag_tenant *t;

	do {
		pthread_mutex_lock(&r->lock);
		t = take_idle(r, max, before_ms);
		pthread_mutex_unlock(&r->lock);
		if (t)
			disconnect(t);
	} while (t);
}

/* He comes first in the list, and has connections. */
static void note_use(struct rag_tenant *t)
{
	struct rag *r = t->rag;
	bool is_over;

	pthread_mutex_lock(&r->lock);
	list_remove(&t->link);
	list_push_front(&r->tenants, &t->link);
	t->used_ms = clock_mono_ms();
	r->open += !t->is_open;
	t->is_open = true;
	is_over = r->open > r->options.open_max;
	pthread_mutex_unlock(&r->lock);
	if (is_over)
		disconnect_idle(r, r->options.open_max, INT64_MIN);
}

void rag_rest(struct rag *r, int64_t idle_ms)
{
	rag_words_rest(r);
	disconnect_idle(r, SIZE_MAX, clock_mono_ms() - idle_ms);
}

/* ---- the writer ---- */

/* The writer, with our schema.  Under t->write. */
static struct db *writer_of(struct rag_tenant *t, int patience_ms, struct err *err)
{
	struct db *db = t->writer;

	t->writer = NULL;
	if (db && !db_is_lost(db)) {
		t->writer = db;
		db_set_patience(db, patience_ms);
		return db;
	}
	db_close(db);
	db = db_open_within(t->path, DB_WRITE, patience_ms, err);
	if (db && migrate(db, asset_table, RAG_SCHEMA, err) < 0) {
		db_close(db);
		db = NULL;
	}
	t->writer = db;
	return db;
}

/* Takes t->write and gives the writer; what the wait for the one has left is for the other. */
static struct db *take_writer(struct rag_tenant *t, struct err *err)
{
	int64_t patience_ms = t->rag->options.write_patience_ms, until_ms, left_ms;
	struct timespec until;
	struct db *db;

	until_ms = clock_mono_ms() + patience_ms;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += patience_ms / 1000;
	until.tv_nsec += patience_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_mutex_timedlock(&t->write, &until) != 0) {
		err_set(err, E_overloaded, "",
			"another change of the tenant's indices is under way; try again");
		return NULL;
	}
	left_ms = until_ms - clock_mono_ms();
	db = writer_of(t, left_ms > 0 ? (int)left_ms : 0, err);
	if (!db)
		pthread_mutex_unlock(&t->write);
	return db;
}

/* A database that needs no change is ready also while another process writes to it. */
static bool is_current(struct rag_tenant *t)
{
	struct err err = ERR_INIT;
	struct db *db = readers_borrow(t->readers, &err);
	int64_t has = -1, knows = 0;
	bool is;

	if (!db)
		return false;
	is = migrate_version(db, asset_table, RAG_SCHEMA, &has, &knows, &err) == 0 && has == knows;
	readers_give_back(t->readers, db);
	return is;
}

int rag_tenant_prepare(struct rag_tenant *t, struct err *err)
{
	if (!file_exists(t->path) || !is_current(t)) {
		if (!take_writer(t, err))
			return -1;
		pthread_mutex_unlock(&t->write);
	}
	pthread_mutex_lock(&t->rag->lock);
	t->is_ready = true;
	pthread_mutex_unlock(&t->rag->lock);
	note_use(t);
	return 0;
}

/* ---- transactions ---- */

struct db *rag_read_begin(struct rag_tenant *t, struct err *err)
{
	struct db *db = readers_borrow(t->readers, err);

	if (db && db_exec(db, "BEGIN", err) < 0) {
		readers_give_back(t->readers, db);
		return NULL;
	}
	return db;
}

void rag_read_end(struct rag_tenant *t, struct db *db)
{
	if (!db)
		return;
	readers_give_back(t->readers, db);
	note_use(t);
}

/*
 * The writing connection, its write lock taken; ends with end_writing in any case.  E_overloaded
 * when another thread or process kept it for longer than patience lasts.
 */
static struct db *begin_writing(struct rag_tenant *t, struct err *err)
{
	struct db *db = take_writer(t, err);
	bool is_busy;

	if (!db || db_begin(db, err) == 0)
		return db;
	is_busy = db_is_busy(db);
	pthread_mutex_unlock(&t->write);
	if (is_busy)
		err_set(err, E_overloaded, "",
			"another process is writing to the tenant's indices; try again");
	return NULL;
}

/* keep: commits; result is handed through, or becomes -1. */
static int end_writing(struct rag_tenant *t, struct db *db, int result, struct err *err)
{
	struct err failed = ERR_INIT;

	if (result < 0)
		db_rollback(db);
	else if (db_commit(db, err) < 0)
		result = -1;
	/* What is committed stays so, also when the log cannot be copied back yet. */
	if (result >= 0 && db_tend(db, &failed) < 0)
		log_warn("rag", "%s", failed.message);
	pthread_mutex_unlock(&t->write);
	note_use(t);
	return result;
}

int rag_write(struct rag_tenant *t, int (*work)(struct db *db, void *arg, struct err *err),
	      void *arg, struct err *err)
{
	struct db *db = begin_writing(t, err);

	return db ? end_writing(t, db, work(db, arg, err), err) : -1;
}
