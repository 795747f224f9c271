/*
 * common/store/usage.c - rows of the table usage.
 *
 * Most of a row is as in the one before: what is bound already and has not changed stays bound,
 * as binding a text costs as much as storing it.
 */
#include "common/store/usage.h"

#include <string.h>

#include "common/base/mem.h"

enum { COLUMNS = 35 };

/* What a parameter is bound to. */
struct bound {
	enum { BOUND_NOTHING, BOUND_NULL, BOUND_INT, BOUND_TEXT } kind;
	int64_t value; /* or the length of text */
	char text[RECORD_TEXT_MAX + 1];
};

struct usage {
	struct db_statement *insert;
	struct bound bound[COLUMNS + 1]; /* from 1, as the parameters */
};

static const char insert_sql[] =
	"INSERT INTO usage (ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,"
	" scope_id, surface, method, route, status, error_code, model, resolved_model,"
	" resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,"
	" cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,"
	" bytes_in, bytes_out, cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, rate, rate_source)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
	" ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35)";

struct usage *usage_new(struct db *db, struct err *err)
{
	struct db_statement *insert = db_prepare(db, insert_sql, err);
	struct usage *u;

	if (!insert)
		return NULL;
	u = mem_new(struct usage);
	u->insert = insert;
	return u;
}

void usage_free(struct usage *u)
{
	if (!u)
		return;
	db_finish(u->insert);
	mem_free(u);
}

static void bind_null(struct usage *u, int at)
{
	struct bound *b = &u->bound[at];

	if (b->kind == BOUND_NULL)
		return;
	b->kind = BOUND_NULL;
	db_bind_null(u->insert, at);
}

static void bind_int(struct usage *u, int at, int64_t value)
{
	struct bound *b = &u->bound[at];

	if (b->kind == BOUND_INT && b->value == value)
		return;
	b->kind = BOUND_INT;
	b->value = value;
	db_bind_int(u->insert, at, value);
}

static void bind_text(struct usage *u, int at, const char *text)
{
	struct bound *b = &u->bound[at];
	size_t len = strnlen(text, RECORD_TEXT_MAX);

	if (b->kind == BOUND_TEXT && b->value == (int64_t)len && memcmp(b->text, text, len) == 0)
		return;
	/* A copy: the record goes before the binding does. */
	b->kind = BOUND_TEXT;
	b->value = (int64_t)len;
	memcpy(b->text, text, len);
	db_bind_text(u->insert, at, span_of(b->text, len));
}

/* No text is NULL. */
static void bind_name(struct usage *u, int at, const char *text)
{
	if (text && *text)
		bind_text(u, at, text);
	else
		bind_null(u, at);
}

/* Below 0: unknown. */
static void bind_count(struct usage *u, int at, int64_t value)
{
	if (value < 0)
		bind_null(u, at);
	else
		bind_int(u, at, value);
}

static void bind_size(struct usage *u, int at, uint64_t bytes)
{
	bind_int(u, at, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

static void bind_names(struct usage *u, const struct record *r)
{
	bind_text(u, 2, r->request_id);
	bind_name(u, 3, r->parent_request_id);
	bind_int(u, 4, r->depth);
	bind_name(u, 5, r->tenant_id);
	bind_name(u, 6, r->token_id);
	bind_name(u, 7, r->user_id);
	bind_name(u, 8, r->scope_id);
	bind_name(u, 9, r->surface);
	bind_name(u, 10, r->method);
	bind_name(u, 11, r->route);
	bind_int(u, 12, r->status);
	bind_name(u, 13, r->error == E_none ? NULL : err_info(r->error)->code);
	bind_name(u, 14, r->model);
	bind_name(u, 15, r->resolved_model);
	bind_name(u, 16, r->resolved_backend);
}

int usage_insert(struct usage *u, const struct record *r, struct err *err)
{
	bind_int(u, 1, r->ts_ms);
	bind_names(u, r);
	bind_count(u, 17, r->prompt_tokens);
	bind_count(u, 18, r->completion_tokens);
	bind_count(u, 19, r->cached_tokens);
	bind_count(u, 20, r->reasoning_tokens);
	bind_name(u, 21, r->cost_source);
	bind_int(u, 22, r->attempts);
	bind_int(u, 23, r->streamed);
	bind_int(u, 24, r->finished);
	bind_count(u, 25, r->latency_us);
	bind_count(u, 26, r->first_byte_us);
	bind_count(u, 27, r->upstream_us);
	bind_size(u, 28, r->bytes_in);
	bind_size(u, 29, r->bytes_out);
	bind_count(u, 30, r->cost_usd);
	bind_count(u, 31, r->cost_eur);
	bind_count(u, 32, r->cost_billed_usd);
	bind_count(u, 33, r->cost_billed_eur);
	bind_count(u, 34, r->rate);
	bind_name(u, 35, r->rate_source);
	if (db_run(u->insert, err) == 0)
		return 0;
	/* It may have been a binding that failed. */
	for (int at = 1; at <= COLUMNS; at++)
		u->bound[at].kind = BOUND_NOTHING;
	return -1;
}

/* 1 with the oldest row's place and time, 0 when there is none. */
static int find_oldest(struct db *db, int64_t *place, int64_t *ts, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT rowid, ts FROM usage ORDER BY rowid LIMIT 1", err);
	int row;

	if (!st)
		return -1;
	row = db_next(st, err);
	if (row == 1) {
		*place = db_int(st, 0);
		*ts = db_int(st, 1);
	}
	db_reset(st);
	return row;
}

/* The place of the first row not older than since, of those from begin to end; end when none is. */
static int find_since(struct db *db, struct usage_range rows, int64_t since, int64_t *place,
		      struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT rowid FROM usage WHERE rowid >= ?1 AND rowid < ?2 AND ts >= ?3"
			     " ORDER BY rowid LIMIT 1",
			     err);
	int row;

	if (!st)
		return -1;
	db_bind_int(st, 1, rows.begin);
	db_bind_int(st, 2, rows.end);
	db_bind_int(st, 3, since);
	row = db_next(st, err);
	*place = row == 1 ? db_int(st, 0) : rows.end;
	db_reset(st);
	return row < 0 ? -1 : 0;
}

/* Rows are added behind the last and go from the front: their places have no gaps. */
static int find_newest(struct db *db, int64_t *place, struct err *err)
{
	struct db_statement *st = db_statement(db, "SELECT max(rowid) FROM usage", err);
	int row;

	if (!st)
		return -1;
	row = db_next(st, err);
	*place = row == 1 ? db_int(st, 0) : 0;
	db_reset(st);
	return row < 0 ? -1 : 0;
}

int usage_find_excess(struct db *db, const struct usage_limits *limits, int64_t now_ms,
		      int64_t at_most, struct usage_range *excess, struct err *err)
{
	int64_t first = 0, ts = 0, last = 0, old_end, end;
	int row;

	*excess = (struct usage_range){ 0, 0 };
	if (limits->age_ms <= 0 && limits->max_rows <= 0)
		return 0;
	row = find_oldest(db, &first, &ts, err);
	if (row <= 0)
		return row;
	if (find_newest(db, &last, err) < 0)
		return -1;
	*excess = (struct usage_range){ first, first };
	end = first + at_most <= last ? first + at_most : last + 1;
	if (limits->max_rows > 0 && last + 1 - limits->max_rows > first)
		excess->end = last + 1 - limits->max_rows;
	if (limits->age_ms > 0 && ts < now_ms - limits->age_ms) {
		if (find_since(db, (struct usage_range){ first, end }, now_ms - limits->age_ms,
			       &old_end, err) < 0)
			return -1;
		if (old_end > excess->end)
			excess->end = old_end;
	}
	if (excess->end > end)
		excess->end = end;
	return 0;
}

int usage_delete(struct db *db, const struct usage_range *rows, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "DELETE FROM usage WHERE rowid >= ?1 AND rowid < ?2", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, rows->begin);
	db_bind_int(st, 2, rows->end);
	return db_run(st, err);
}
