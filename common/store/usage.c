/*
 * common/store/usage.c - rows of the ledger.
 *
 * A row names its kind, which has a row of its own.  Kinds are written anew every KIND_SPAN rows, so
 * that old ones can go with their rows: nobody has to look for rows that name them.
 */
#include "common/store/usage.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/store/db_feed.h"
#include "common/store/kinds.h"

enum { KIND_SPAN = 200000 };

struct usage {
	struct db *db;
	struct db_feed feed;
	int64_t since; /* number of the first row that may name a kind which has one; 0: none has */
};

/* Below 0: unknown. */
static void put_count(struct db_cell *cell, int64_t value)
{
	if (value >= 0)
		db_put_int(cell, value);
}

static void put_size(struct db_cell *cell, uint64_t bytes)
{
	db_put_int(cell, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

enum column {
	TS, REQUEST_ID, KIND, PROMPT_TOKENS, COMPLETION_TOKENS, LATENCY_US, FIRST_BYTE_US, UPSTREAM_US,
	BYTES_IN, BYTES_OUT, COST_USD, COST_EUR, COST_BILLED_USD, COST_BILLED_EUR, CACHED_TOKENS,
	REASONING_TOKENS, PARENT_REQUEST_ID, AUDIO_MS, CHARACTERS, COLUMNS
};
#define MEASURED "latency_us, first_byte_us, upstream_us, bytes_in, bytes_out"
#define COSTS "cost_usd, cost_eur, cost_billed_usd, cost_billed_eur"
#define CACHED "cached_tokens, reasoning_tokens"
#define SOUND "audio_ms, characters"
#define FEED                                                                                       \
	"ts, request_id, kind, prompt_tokens, completion_tokens, " MEASURED ", " COSTS ", " CACHED        \
	", parent_request_id, " SOUND

/*
 * In the table's order, from its first column to its last, so that SQLite need not put them there.  A
 * column of usage_feed costs a row much more than a NULL: what none of a batch has is not asked for.  On a
 * failure the whole transaction goes: OR FAIL, or SQLite would keep a copy of each page to undo the statement.
 */
#define INSERT(parent, cached, costs, sound)                                                       \
	"INSERT OR FAIL INTO usage_row (number, ts, request_id, parent_request_id, kind, prompt_tokens,"          \
	" completion_tokens, " CACHED ", " COSTS ", " MEASURED ", " SOUND ")"                             \
	" SELECT NULL, ts, request_id, " parent ", kind, prompt_tokens, completion_tokens, "              \
	cached ", " costs ", " MEASURED ", " sound " FROM usage_feed"
#define NONE_2 "NULL, NULL"
#define NONE_4 NONE_2 ", " NONE_2

enum shape { SHAPE_PLAIN, SHAPE_PRICED, SHAPE_CACHED, SHAPE_ALL };
static const char *const insert_sql[] = {
	[SHAPE_PLAIN] = INSERT("NULL", NONE_2, NONE_4, NONE_2),
	[SHAPE_PRICED] = INSERT("NULL", NONE_2, COSTS, NONE_2),
	[SHAPE_CACHED] = INSERT("NULL", CACHED, COSTS, NONE_2),
	[SHAPE_ALL] = INSERT("parent_request_id", CACHED, COSTS, SOUND),
};

/* The least that has all that one of them has. */
static enum shape shape_of(struct entry *const *entries, size_t count)
{
	int64_t costs = -1, cached = -1; /* the highest bit stays while nothing is known */
	unsigned rare = 0;

	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];

		costs &= e->cost_usd & e->cost_eur & e->cost_billed_usd & e->cost_billed_eur;
		cached &= e->cached_tokens & e->reasoning_tokens;
		rare |= e->parent_len | e->has_rest;
	}
	if (rare)
		return SHAPE_ALL;
	if (cached >= 0)
		return SHAPE_CACHED;
	return costs >= 0 ? SHAPE_PRICED : SHAPE_PLAIN;
}

static void put_column(const void *rows, size_t row, int column, struct db_cell *cell)
{
	struct entry *const *entries = rows;
	const struct entry *e = entries[row];

	switch ((enum column)column) {
	case TS: db_put_int(cell, e->ts_ms); break;
	case REQUEST_ID: db_put_text(cell, e->ids, e->request_len); break;
	case KIND: db_put_int(cell, e->common->kind->number); break;
	case PROMPT_TOKENS: put_count(cell, e->prompt_tokens); break;
	case COMPLETION_TOKENS: put_count(cell, e->completion_tokens); break;
	case LATENCY_US: put_count(cell, e->latency_us); break;
	case FIRST_BYTE_US: put_count(cell, e->first_byte_us); break;
	case UPSTREAM_US: put_count(cell, e->upstream_us); break;
	case BYTES_IN: put_size(cell, e->bytes_in); break;
	case BYTES_OUT: put_size(cell, e->bytes_out); break;
	case COST_USD: put_count(cell, e->cost_usd); break;
	case COST_EUR: put_count(cell, e->cost_eur); break;
	case COST_BILLED_USD: put_count(cell, e->cost_billed_usd); break;
	case COST_BILLED_EUR: put_count(cell, e->cost_billed_eur); break;
	case CACHED_TOKENS: put_count(cell, e->cached_tokens); break;
	case REASONING_TOKENS: put_count(cell, e->reasoning_tokens); break;
	case PARENT_REQUEST_ID:
		if (e->parent_len)
			db_put_text(cell, entry_parent_id(e).ptr, e->parent_len);
		break;
	case AUDIO_MS: put_count(cell, e->has_rest ? e->audio_ms : -1); break;
	case CHARACTERS: put_count(cell, e->has_rest ? e->characters : -1); break;
	case COLUMNS: break;
	}
}

struct usage *usage_new(void)
{
	struct usage *u = mem_new(struct usage);

	u->feed = (struct db_feed){ .name = "usage_feed", .columns = COLUMNS, .names = FEED,
				    .put = put_column };
	return u;
}

void usage_free(struct usage *u)
{
	mem_free(u);
}

int usage_attach(struct usage *u, struct db *db, struct err *err)
{
	u->db = db;
	u->since = 0;
	return db_feed_add(db, &u->feed, err);
}

/* No text is NULL. */
static void bind_name(struct db_statement *st, int at, const char *text)
{
	db_bind_str(st, at, text && *text ? text : NULL);
}

static void bind_kind(struct db_statement *st, const struct record *r)
{
	const char *const names[] = {
		r->tenant_id, r->token_id, r->user_id, r->scope_id, r->surface, r->method, r->route,
		r->error == E_none ? NULL : err_info(r->error)->code, r->model, r->resolved_model,
		r->resolved_backend, r->cost_source, r->rate_source, r->link_model,
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		bind_name(st, 8 + (int)i, names[i]);
	db_bind_int(st, 2, r->depth);
	db_bind_int(st, 3, r->status);
	db_bind_int(st, 4, r->attempts);
	db_bind_int(st, 5, r->streamed);
	db_bind_int(st, 6, r->finished);
	if (r->rate >= 0)
		db_bind_int(st, 7, r->rate);
}

static int insert_kind(struct usage *u, struct kind *kind, struct err *err)
{
	struct db_statement *st = db_statement(
		u->db,
		"INSERT INTO usage_kind (since, depth, status, attempts, streamed, finished, rate,"
		" tenant_id, token_id, user_id, scope_id, surface, method, route, error_code, model,"
		" resolved_model, resolved_backend, cost_source, rate_source, link_model) VALUES (?1, ?2, ?3,"
		" ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
		err);

	if (!st)
		return -1;
	db_bind_int(st, 1, u->since);
	bind_kind(st, &kind->common->like);
	if (db_run(st, err) < 0)
		return -1;
	kind->number = db_last_id(u->db);
	return 0;
}

/* Rows are added behind the last and go from the front: their places have no gaps. */
static int find_newest(struct db *db, int64_t *place, struct err *err)
{
	struct db_statement *st = db_statement(db, "SELECT max(number) FROM usage_row", err);
	int row;

	if (!st)
		return -1;
	row = db_next(st, err);
	*place = row == 1 ? db_int(st, 0) : 0;
	db_reset(st);
	return row < 0 ? -1 : 0;
}

int usage_insert(struct usage *u, struct kinds *kinds, struct entry *const *entries, size_t count,
		 struct err *err)
{
	struct db_statement *st;
	int64_t last;

	if (find_newest(u->db, &last, err) < 0)
		return -1;
	/* An empty table begins again with 1, and another process may have removed the kinds. */
	if (u->since == 0 || last == 0 || last < u->since - 1 || last + (int64_t)count >= u->since + KIND_SPAN) {
		kinds_unnumber(kinds);
		u->since = last + 1;
	}
	for (size_t i = 0; i < count; i++)
		if (entries[i]->common->kind->number == 0 &&
		    insert_kind(u, entries[i]->common->kind, err) < 0)
			return -1;
	st = db_statement(u->db, insert_sql[shape_of(entries, count)], err);
	if (!st)
		return -1;
	u->feed.rows = entries;
	u->feed.count = count;
	return db_run(st, err);
}

void usage_undo(struct usage *u, struct kinds *kinds)
{
	kinds_unnumber(kinds);
	u->since = 0;
}

/* 1 with the oldest row's place and time, 0 when there is none. */
static int find_oldest(struct db *db, int64_t *place, int64_t *ts, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT number, ts FROM usage_row ORDER BY number LIMIT 1", err);
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
			     "SELECT number FROM usage_row WHERE number >= ?1 AND number < ?2 AND ts >= ?3"
			     " ORDER BY number LIMIT 1",
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

/* Those that no row can name any more that is not older than first. */
static int delete_kinds(struct db *db, int64_t first, struct err *err)
{
	struct db_statement *st = db_statement(db, "DELETE FROM usage_kind WHERE since < ?1", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, first - KIND_SPAN);
	return db_run(st, err);
}

int usage_delete(struct db *db, const struct usage_range *rows, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "DELETE FROM usage_row WHERE number >= ?1 AND number < ?2", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, rows->begin);
	db_bind_int(st, 2, rows->end);
	/* Rows first: at no moment is there one without its kind. */
	return db_run(st, err) < 0 ? -1 : delete_kinds(db, rows->end, err);
}
