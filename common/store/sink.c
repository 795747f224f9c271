/*
 * common/store/sink.c - writing a batch, and knowing what fails.
 */
#include "common/store/sink.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/store/audit.h"
#include "common/store/kinds.h"
#include "common/store/migrate.h"
#include "common/store/pseudonym.h"
#include "common/store/tidy.h"
#include "common/store/usage.h"
#include "common/store/usage_day.h"

/*
 * Another process's lock is waited for once; while it stays, batches pass quickly, so that the
 * queue empties and stopping does not wait for each of them.
 */
enum { LOG_EVERY_MS = 60000, PATIENCE_MS = 2000, FAILING_PATIENCE_MS = 50 };

enum {
	EXCESS_BESIDE = 64, /* rows too many that go with a batch, besides as many as it adds */
	LINES_PART = 128 * KIB,
};

/* What goes wrong with the database, or with the audit file. */
struct fault {
	const char *what;
	struct err err; /* E_none: nothing */
	uint64_t lost;  /* records, since it began */
	int64_t logged_ms;
};

struct sink {
	char *path;
	bool keeps_usage;
	struct usage_limits usage_limits;
	struct db *db; /* NULL while it cannot be opened */
	int64_t schema; /* that this program knows */
	struct usage *usage;
	struct kinds *kinds;
	struct usage_batch *days; /* the batch's records added up */
	struct audit *audit; /* NULL: none is kept */
	char *key_path;
	struct pseudonyms *pseudonyms; /* NULL until the first is needed */
	struct buf lines;
	pthread_mutex_t lock; /* protects err of both faults against sink_check */
	struct fault db_fault, audit_fault;
};

static int patience(const struct sink *s)
{
	return s->db_fault.err.code == E_none ? PATIENCE_MS : FAILING_PATIENCE_MS;
}

static int open_database(struct sink *s, int patience_ms, struct err *err)
{
	int64_t has;

	s->db = db_open_within(s->path, DB_WRITE, patience_ms, err);
	if (!s->db)
		return -1;
	if (migrate(s->db, asset_table, MIGRATE_SCHEMA, err) == 0 &&
	    migrate_version(s->db, asset_table, MIGRATE_SCHEMA, &has, &s->schema, err) == 0 &&
	    usage_attach(s->usage, s->db, err) == 0)
		return 0;
	db_close(s->db);
	s->db = NULL;
	return -1;
}

static void close_database(struct sink *s)
{
	db_close(s->db);
	s->db = NULL;
}

struct sink *sink_open(const struct store_options *options, struct err *err)
{
	struct sink *s = mem_new(struct sink);

	pthread_mutex_init(&s->lock, NULL);
	buf_init(&s->lines, LINES_PART + 2 * RECORD_LINE_MAX);
	s->path = mem_strdup(options->database);
	s->keeps_usage = options->usage;
	s->usage_limits = options->usage_limits;
	s->db_fault.what = "usage rows";
	s->usage = usage_new();
	s->kinds = kinds_new();
	s->days = usage_batch_new();
	s->audit_fault.what = "audit lines";
	if (open_database(s, DB_PATIENCE_MS, err) < 0)
		goto fail;
	if (options->audit_key)
		s->key_path = mem_strdup(options->audit_key);
	if (options->audit) {
		s->audit = audit_open(options->audit, options->audit_max_bytes, err);
		if (!s->audit)
			goto fail;
	}
	return s;
fail:
	sink_close(s);
	return NULL;
}

void sink_close(struct sink *s)
{
	if (!s)
		return;
	close_database(s);
	audit_close(s->audit);
	pseudonyms_free(s->pseudonyms);
	mem_free(s->key_path);
	usage_batch_free(s->days);
	kinds_free(s->kinds);
	usage_free(s->usage);
	buf_free(&s->lines);
	pthread_mutex_destroy(&s->lock);
	mem_free(s->path);
	mem_free(s);
}

static void set_fault(struct sink *s, struct fault *f, const struct err *err)
{
	pthread_mutex_lock(&s->lock);
	f->err = *err;
	pthread_mutex_unlock(&s->lock);
}

static void note_failure(struct sink *s, struct fault *f, const struct err *err, size_t lost)
{
	int64_t now = clock_mono_ms();
	bool began = f->err.code == E_none;

	set_fault(s, f, err);
	f->lost = (began ? 0 : f->lost) + lost;
	if (!began && now - f->logged_ms < LOG_EVERY_MS)
		return;
	f->logged_ms = now;
	log_error("store", "%s are lost (%llu so far): %s", f->what, (unsigned long long)f->lost,
		  err->message);
}

static void note_success(struct sink *s, struct fault *f)
{
	const struct err none = ERR_INIT;

	if (f->err.code == E_none)
		return;
	set_fault(s, f, &none);
	log_warn("store", "%s are written again; %llu were lost", f->what,
		 (unsigned long long)f->lost);
}

/* What goes into one transaction. */
struct batch {
	struct entry *const *records;
	size_t record_count;
	struct work *const *works;
	size_t work_count;
};

static int add_records(struct sink *s, const struct batch *b, struct err *err)
{
	if (b->record_count == 0)
		return 0;
	if (usage_insert(s->usage, s->kinds, b->records, b->record_count, err) < 0)
		return -1;
	usage_batch_begin(s->days, b->record_count);
	for (size_t i = 0; i < b->record_count; i++)
		kinds_add(s->kinds, b->records[i], s->days);
	kinds_sum_up(s->kinds, s->days);
	return usage_batch_write(s->days, s->db, s->usage_limits.users_max, err);
}

/* What a batch adds, and a little more, goes from the other end, at the price of one commit. */
static int delete_as_many(struct sink *s, size_t added, struct err *err)
{
	struct usage_range excess;

	if (added == 0)
		return 0;
	if (usage_find_excess(s->db, &s->usage_limits, clock_wall_ms(),
			      (int64_t)added + EXCESS_BESIDE, &excess, err) < 0)
		return -1;
	return excess.begin == excess.end ? 0 : usage_delete(s->db, &excess, err);
}

/* A file that was moved away would swallow rows without a word. */
static int refresh_database(struct sink *s, struct err *err)
{
	if (s->db && !db_is_lost(s->db))
		return 0;
	if (s->db)
		log_warn("store", "%s was moved or removed; making it anew", s->path);
	close_database(s);
	return open_database(s, patience(s), err);
}

/* A newer program may have come meanwhile, which would not find all that this one writes. */
static bool has_its_schema(const struct sink *s, struct err *err)
{
	struct db_statement *st = db_statement(s->db, "PRAGMA user_version", err);
	bool result;

	if (!st)
		return false;
	result = db_next(st, err) == 1 && db_int(st, 0) == s->schema;
	db_reset(st);
	return result;
}

static int begin(struct sink *s, struct err *err)
{
	if (db_begin(s->db, err) < 0)
		return -1;
	if (has_its_schema(s, err))
		return 0;
	db_rollback(s->db);
	close_database(s);
	return open_database(s, patience(s), err) < 0 ? -1 : db_begin(s->db, err);
}

/* *works_failed: it was for a work, before the first record. */
static int commit_all(struct sink *s, const struct batch *b, bool *works_failed, struct err *err)
{
	*works_failed = false;
	if (refresh_database(s, err) < 0)
		return -1;
	db_set_patience(s->db, patience(s));
	if (begin(s, err) < 0)
		return -1;
	*works_failed = work_run_all(b->works, b->work_count, s->db, err) < 0;
	if (!*works_failed && add_records(s, b, err) == 0 && delete_as_many(s, b->record_count, err) == 0)
		return db_commit(s->db, err);
	db_rollback(s->db);
	return -1;
}

/* Works that end their transaction do not take the records with them. */
static int commit_records_at_least(struct sink *s, const struct batch *b, struct err *err)
{
	const struct batch records = { b->records, b->record_count, NULL, 0 };
	bool works_failed;

	if (commit_all(s, b, &works_failed, err) == 0)
		return 0;
	for (size_t i = 0; i < b->work_count; i++)
		work_fail(b->works[i], err);
	if (!works_failed || b->record_count == 0)
		return -1;
	usage_undo(s->usage, s->kinds);
	return commit_all(s, &records, &works_failed, err);
}

static int write_rows(struct sink *s, const struct batch *b)
{
	struct err err = ERR_INIT;

	if (commit_records_at_least(s, b, &err) < 0) {
		usage_undo(s->usage, s->kinds);
		note_failure(s, &s->db_fault, &err, b->record_count);
		return -1;
	}
	/* The rows are safe; a log that cannot be copied back is worth telling all the same. */
	if (db_tend(s->db, &err) < 0)
		note_failure(s, &s->db_fault, &err, 0);
	else
		note_success(s, &s->db_fault);
	return 0;
}

/* The user's pseudonym; NULL when it cannot be made. */
static const char *hide_user(struct sink *s, const struct record *r, char name[PSEUDONYM_SIZE],
			     struct err *err)
{
	if (!r->pseudonymous || !r->user_id[0])
		return r->user_id;
	if (!s->pseudonyms && s->key_path)
		s->pseudonyms = pseudonyms_open(s->key_path, err);
	if (!s->pseudonyms) {
		if (!s->key_path)
			err_set(err, E_storage_error, "", "there is no key for pseudonyms");
		return NULL;
	}
	pseudonym_make(s->pseudonyms, r->tenant_id, r->user_id, name);
	return name;
}

static int print_frame(struct sink *s, struct kind *kind, struct err *err)
{
	char name[PSEUDONYM_SIZE], text[RECORD_LINE_MAX];
	struct record like = kind->common->like;
	size_t len;

	like.user_id = hide_user(s, &like, name, err);
	if (!like.user_id)
		return -1;
	record_frame_print(&kind->frame, &like, text);
	len = kind->frame.who.len + kind->frame.how.len;
	kind->frame_text = mem_alloc(len);
	memcpy(kind->frame_text, text, len);
	kind->frame.who.ptr = kind->frame_text;
	kind->frame.how.ptr = kind->frame.who.ptr + kind->frame.who.len;
	return 0;
}

/* The line of one more. */
static int print_line(struct sink *s, const struct entry *e, struct err *err)
{
	struct kind *kind = e->common->kind;
	struct record r;
	char *at;

	if (!kind->frame_text && print_frame(s, kind, err) < 0)
		return -1;
	buf_reserve(&s->lines, RECORD_LINE_MAX);
	at = s->lines.ptr + s->lines.len;
	entry_read(e, &r);
	s->lines.len += (size_t)(record_put(at, &kind->frame, &r) - at);
	return 0;
}

/* In parts that stay in the processor's cache until they are written; *failed of the last are not. */
static int put_lines(struct sink *s, struct entry *const *batch, size_t count, size_t *failed, struct err *err)
{
	*failed = count;
	for (size_t i = 0; i < count;) {
		size_t end = i;

		buf_clear(&s->lines);
		while (end < count && s->lines.len < LINES_PART)
			if (print_line(s, batch[end++], err) < 0)
				return -1;
		if (audit_write(s->audit, buf_span(&s->lines), err) < 0)
			return -1;
		i = end;
		*failed = count - i;
	}
	return 0;
}

static int write_lines(struct sink *s, struct entry *const *batch, size_t count)
{
	struct err err = ERR_INIT;
	size_t failed;

	if (put_lines(s, batch, count, &failed, &err) < 0) {
		note_failure(s, &s->audit_fault, &err, failed);
		return -1;
	}
	note_success(s, &s->audit_fault);
	return 0;
}

int sink_write(struct sink *s, struct entry *const *batch, size_t count, struct work *const *works,
	       size_t work_count)
{
	const struct batch b = { batch, s->keeps_usage ? count : 0, works, work_count };
	int result = 0;

	kinds_begin(s->kinds);
	for (size_t i = 0; i < count; i++)
		kinds_find(s->kinds, batch[i]->common);
	if ((b.record_count || b.work_count) && write_rows(s, &b) < 0)
		result = -1;
	if (s->audit && count && write_lines(s, batch, count) < 0)
		result = -1;
	return result;
}

void sink_reopen_audit(struct sink *s, int64_t audit_max_bytes)
{
	struct err err = ERR_INIT;

	if (s->audit && audit_reopen(s->audit, audit_max_bytes, &err) < 0)
		note_failure(s, &s->audit_fault, &err, 0);
}

void sink_limit_usage(struct sink *s, const struct usage_limits *limits)
{
	s->usage_limits = *limits;
}

bool sink_tidy(struct sink *s)
{
	struct err err = ERR_INIT;
	bool more = false;

	if (s->db_fault.err.code != E_none || !s->db || db_is_lost(s->db))
		return false;
	db_set_patience(s->db, FAILING_PATIENCE_MS);
	/* Whoever fails here fails when there is something to write, and is told then. */
	if (!has_its_schema(s, &err))
		return false;
	if (tidy_step(s->db, &s->usage_limits, &more, &err) < 0) {
		log_debug("store", "tidying: %s", err.message);
		return false;
	}
	return more;
}

bool sink_is_failing(const struct sink *s)
{
	return s->db_fault.err.code != E_none || s->audit_fault.err.code != E_none;
}

/* Writes a page that changes nothing. */
static int probe_database(struct sink *s, struct err *err)
{
	char sql[64];
	int64_t version;

	close_database(s);
	if (open_database(s, FAILING_PATIENCE_MS, err) < 0 ||
	    db_number(s->db, "PRAGMA user_version", &version, err) < 0 || db_begin(s->db, err) < 0)
		return -1;
	snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", (int)version);
	if (db_exec(s->db, sql, err) < 0) {
		db_rollback(s->db);
		return -1;
	}
	return db_commit(s->db, err);
}

void sink_probe(struct sink *s)
{
	struct err err = ERR_INIT;

	if (s->db_fault.err.code != E_none) {
		if (probe_database(s, &err) < 0)
			note_failure(s, &s->db_fault, &err, 0);
		else
			note_success(s, &s->db_fault);
	}
	if (s->audit_fault.err.code != E_none) {
		if (audit_probe(s->audit, &err) < 0)
			note_failure(s, &s->audit_fault, &err, 0);
		else
			note_success(s, &s->audit_fault);
	}
}

int sink_check(struct sink *s, struct err *err)
{
	const struct fault *f = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->db_fault.err.code != E_none)
		f = &s->db_fault;
	else if (s->audit_fault.err.code != E_none)
		f = &s->audit_fault;
	if (f && err)
		*err = f->err;
	pthread_mutex_unlock(&s->lock);
	return f ? -1 : 0;
}
