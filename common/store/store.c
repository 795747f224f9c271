/*
 * common/store/store.c - the gateway's database as its callers see it.
 */
#include "common/store/store.h"

#include "common/base/mem.h"
#include "common/store/store_inside.h"

struct store *store_open(const struct store_options *options, struct err *err)
{
	struct store *s = NULL;
	struct sink *sink = sink_open(options, err);

	if (!sink)
		return NULL;
	s = mem_new(struct store);
	s->queue = queue_new(STORE_QUEUE_MAX);
	s->readers = readers_new(options->database, READERS_IDLE_MAX);
	s->writer = writer_start_take(s->queue, sink, options->metrics, err);
	if (s->writer)
		return s;
	store_close(s);
	return NULL;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	readers_free(s->readers);
	writer_stop(s->writer);
	queue_free(s->queue);
	mem_free(s);
}

static int write_and_wait(struct store *s, struct work *w, struct err *err)
{
	queue_push(s->queue, &w->parcel);
	writer_hurry(s->writer);
	return work_wait(w, err);
}

int store_write(struct store *s, int (*work)(struct db *db, void *arg, struct err *err), void *arg,
		struct err *err)
{
	struct work w;

	work_init(&w, work, arg);
	return write_and_wait(s, &w, err);
}

int store_add(struct store *s, const struct conversation_addition *a, struct err *err)
{
	struct work w;

	work_init_addition(&w, a);
	return write_and_wait(s, &w, err);
}

int store_read(struct store *s, struct job_pool *jobs,
	       int (*work)(struct db *db, void *arg, struct err *err), void *arg, struct err *err)
{
	return readers_run(s->readers, jobs, work, arg, err);
}

void store_flush(struct store *s)
{
	writer_flush(s->writer);
}

void store_reopen_audit(struct store *s, int64_t audit_max_bytes)
{
	writer_reopen_audit(s->writer, audit_max_bytes);
}

void store_limit_usage(struct store *s, const struct usage_limits *limits)
{
	writer_limit_usage(s->writer, limits);
}

int store_check(struct store *s, struct err *err)
{
	return writer_check(s->writer, err);
}
