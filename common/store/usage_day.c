/*
 * common/store/usage_day.c - see usage_day.h.
 */
#include "common/store/usage_day.h"

#include <string.h>

#include "common/base/mem.h"

/* A key and its sum; the key's texts are those of the first that had it. */
struct day_sum {
	const struct record *of;
	int64_t day;
	uint32_t hash;
	size_t slot;
	struct usage_sum sum;
};

struct usage_batch {
	struct day_sum *sums;
	uint32_t *slots; /* open addressing: 1-based into sums, 0 = free */
	size_t count, max, slot_count;
};

struct usage_batch *usage_batch_new(void)
{
	return mem_new(struct usage_batch);
}

void usage_batch_free(struct usage_batch *b)
{
	if (!b)
		return;
	mem_free(b->sums);
	mem_free(b->slots);
	mem_free(b);
}

void usage_batch_begin(struct usage_batch *b, size_t max)
{
	if (max > b->max) {
		b->max = max;
		b->count = 0;
		for (b->slot_count = 16; b->slot_count < 2 * max;)
			b->slot_count *= 2;
		b->sums = mem_realloc(b->sums, max * sizeof *b->sums);
		b->slots = mem_realloc(b->slots, b->slot_count * sizeof *b->slots);
		memset(b->slots, 0, b->slot_count * sizeof *b->slots);
	}
	/* Mostly a few of very many. */
	while (b->count > 0)
		b->slots[b->sums[--b->count].slot] = 0;
}

static bool is_key_of(const struct day_sum *s, const struct record *r, int64_t day)
{
	const struct record *o = s->of;

	return s->day == day && strcmp(o->model, r->model) == 0 && strcmp(o->link_model, r->link_model) == 0 &&
	       strcmp(o->user_id, r->user_id) == 0 &&
	       strcmp(o->token_id, r->token_id) == 0 && strcmp(o->tenant_id, r->tenant_id) == 0;
}

static uint32_t hash_text(uint32_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
	return hash * UINT32_C(16777619);
}

static uint32_t hash_of(const struct record *r, int64_t day)
{
	uint32_t hash = hash_text(UINT32_C(2166136261) ^ (uint32_t)day, r->model);

	return hash_text(hash_text(hash_text(hash, r->user_id), r->token_id), r->tenant_id);
}

static struct day_sum *sum_for(struct usage_batch *b, const struct record *r, int64_t day)
{
	uint32_t hash = hash_of(r, day);
	size_t at = hash & (b->slot_count - 1);

	while (b->slots[at]) {
		struct day_sum *s = &b->sums[b->slots[at] - 1];

		if (s->hash == hash && is_key_of(s, r, day))
			return s;
		at = (at + 1) & (b->slot_count - 1);
	}
	b->sums[b->count] = (struct day_sum){ .of = r, .day = day, .hash = hash, .slot = at };
	b->slots[at] = (uint32_t)++b->count;
	return &b->sums[b->count - 1];
}

static void add(int64_t *sum, int64_t more)
{
	if (more > 0 && __builtin_add_overflow(*sum, more, sum))
		*sum = INT64_MAX;
}

void usage_sum_add(struct usage_sum *s, const struct usage_sum *more)
{
	s->requests += more->requests;
	s->unknown += more->unknown;
	add(&s->prompt_tokens, more->prompt_tokens);
	add(&s->completion_tokens, more->completion_tokens);
	add(&s->cost_usd, more->cost_usd);
	add(&s->cost_eur, more->cost_eur);
	add(&s->cost_billed_usd, more->cost_billed_usd);
	add(&s->cost_billed_eur, more->cost_billed_eur);
	add(&s->estimated_usd, more->estimated_usd);
	add(&s->estimated_eur, more->estimated_eur);
}

void usage_batch_add(struct usage_batch *b, const struct record *of, int64_t day,
		     const struct usage_sum *sum)
{
	usage_sum_add(&sum_for(b, of, day)->sum, sum);
}

/* The members of a sum from parameter at on. */
static void bind_sum(struct db_statement *st, int at, const struct usage_sum *s)
{
	const int64_t values[] = { s->requests, s->prompt_tokens, s->completion_tokens, s->cost_usd,
				   s->cost_eur, s->cost_billed_usd, s->cost_billed_eur, s->unknown,
				   s->estimated_usd, s->estimated_eur };

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		db_bind_int(st, at + (int)i, values[i]);
}

static bool has_earned(const struct usage_sum *s)
{
	return s->cost_billed_usd || s->cost_billed_eur || s->estimated_usd || s->estimated_eur;
}

/* What the alias of a link has earned for others. */
static int write_links(const struct usage_batch *b, struct db *db, struct err *err)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct day_sum *s = &b->sums[i];
		struct db_statement *st;

		if (!s->of->link_model[0] || !has_earned(&s->sum))
			continue;
		st = db_statement(db,
				  "INSERT INTO usage_link_day (tenant_id, day, token_id, model,"
				  " cost_billed_usd, cost_billed_eur, estimated_usd, estimated_eur)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
				  " ON CONFLICT (tenant_id, day, token_id, model) DO UPDATE SET"
				  " cost_billed_usd = usage_link_day.cost_billed_usd + excluded.cost_billed_usd,"
				  " cost_billed_eur = usage_link_day.cost_billed_eur + excluded.cost_billed_eur,"
				  " estimated_usd = usage_link_day.estimated_usd + excluded.estimated_usd,"
				  " estimated_eur = usage_link_day.estimated_eur + excluded.estimated_eur",
				  err);
		if (!st)
			return -1;
		db_bind_str(st, 1, s->of->tenant_id);
		db_bind_int(st, 2, s->day);
		db_bind_str(st, 3, s->of->token_id);
		db_bind_str(st, 4, s->of->link_model);
		db_bind_int(st, 5, s->sum.cost_billed_usd);
		db_bind_int(st, 6, s->sum.cost_billed_eur);
		db_bind_int(st, 7, s->sum.estimated_usd);
		db_bind_int(st, 8, s->sum.estimated_eur);
		if (db_run(st, err) < 0)
			return -1;
	}
	return 0;
}

#define KEY " WHERE tenant_id = ?1 AND day = ?2 AND user_id = ?3 AND token_id = ?4 AND model = ?5"
#define MORE(column, parameter) column " = " column " + ?" parameter
#define ALL_MORE                                                                                   \
	MORE("requests", "6") ", " MORE("prompt_tokens", "7") ", " MORE("completion_tokens", "8") ", " \
	MORE("cost_usd", "9") ", " MORE("cost_eur", "10") ", " MORE("cost_billed_usd", "11") ", "      \
	MORE("cost_billed_eur", "12") ", " MORE("unknown", "13") ", " MORE("estimated_usd", "14") ", " \
	MORE("estimated_eur", "15")

/* Adds to the user's row, or makes it.  *done: there was one. */
static int write_sum(struct db *db, const struct day_sum *s, const char *user, bool is_new, bool *done, struct err *err)
{
	static const char *const texts[] = {
		"UPDATE usage_day SET " ALL_MORE KEY,
		"INSERT INTO usage_day (tenant_id, day, user_id, token_id, model, requests,"
		" prompt_tokens, completion_tokens, cost_usd, cost_eur, cost_billed_usd,"
		" cost_billed_eur, unknown, estimated_usd, estimated_eur)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
	};
	struct db_statement *st = db_statement(db, texts[is_new], err);

	if (!st)
		return -1;
	db_bind_str(st, 1, s->of->tenant_id);
	db_bind_int(st, 2, s->day);
	db_bind_str(st, 3, user);
	db_bind_str(st, 4, s->of->token_id);
	db_bind_str(st, 5, s->of->model);
	bind_sum(st, 6, &s->sum);
	if (db_run(st, err) < 0)
		return -1;
	*done = db_changes(db) > 0;
	return 0;
}

/* Runs sql for the tenant and day of s.  1 when it has found or changed something, 0, -1. */
static int run_for(struct db *db, const char *sql, const struct day_sum *s, const char *user, int64_t number,
		   struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);
	int found;

	if (!st)
		return -1;
	db_bind_str(st, 1, s->of->tenant_id);
	db_bind_int(st, 2, s->day);
	if (user)
		db_bind_str(st, 3, user);
	else if (number)
		db_bind_int(st, 3, number);
	found = db_next(st, err);
	db_reset(st);
	return found;
}

/* Under whose name a sum is kept that has no row yet: past users_max all who are new are others. */
static int find_name(struct db *db, const struct day_sum *s, int64_t users_max, const char **name, struct err *err)
{
	const char *user = s->of->user_id;
	int found = run_for(db, "SELECT 1 FROM usage_day WHERE tenant_id = ?1 AND day = ?2 AND user_id = ?3 LIMIT 1", s,
			    user, 0, err);

	*name = user;
	if (found != 0)
		return found < 0 ? -1 : 0;
	found = run_for(db, "SELECT 1 FROM usage_day_users WHERE tenant_id = ?1 AND day = ?2 AND users >= ?3", s, NULL,
			users_max > 0 ? users_max : INT64_MAX, err);
	if (found < 0)
		return -1;
	if (found > 0) {
		*name = USAGE_OTHERS;
		return 0;
	}
	return run_for(db,
		       "INSERT INTO usage_day_users (tenant_id, day, users) VALUES (?1, ?2, 1)"
		       " ON CONFLICT (tenant_id, day) DO UPDATE SET users = users + 1",
		       s, NULL, 0, err);
}

static int write_day(struct db *db, const struct day_sum *s, int64_t users_max, struct err *err)
{
	const char *name = s->of->user_id;
	bool done;

	if (write_sum(db, s, name, false, &done, err) < 0)
		return -1;
	if (done)
		return 0;
	if (find_name(db, s, users_max, &name, err) < 0)
		return -1;
	if (name != s->of->user_id && write_sum(db, s, name, false, &done, err) < 0)
		return -1;
	return done ? 0 : write_sum(db, s, name, true, &done, err);
}

int usage_batch_write(struct usage_batch *b, struct db *db, int64_t users_max, struct err *err)
{
	for (size_t i = 0; i < b->count; i++)
		if (write_day(db, &b->sums[i], users_max, err) < 0)
			return -1;
	return write_links(b, db, err);
}

#define SUMS                                                                                       \
	" sum(requests), sum(prompt_tokens), sum(completion_tokens), sum(cost_usd), sum(cost_eur),"   \
	" sum(cost_billed_usd), sum(cost_billed_eur), sum(unknown), sum(estimated_usd), sum(estimated_eur)" \
	" FROM usage_day WHERE"
#define REST " day BETWEEN ?2 AND ?3 AND (?4 IS NULL OR user_id = ?4)"
/* Two texts each: with an OR over the tenant the planner would read everybody's rows for one. */
#define OF(key, order)                                                                             \
	{ "SELECT " key "," SUMS REST " AND ?1 IS NULL GROUP BY " key " ORDER BY " order,              \
	  "SELECT " key "," SUMS " tenant_id = ?1 AND" REST " GROUP BY " key " ORDER BY " order }
#define DEAREST "6 DESC, 2 DESC, 1"

static const struct {
	const char *name;
	const char *sql[2]; /* of all tenants, of one */
} groups[] = {
	[USAGE_BY_MODEL] = { "model", OF("model", DEAREST) },
	[USAGE_BY_USER] = { "user", OF("user_id", DEAREST) },
	[USAGE_BY_TOKEN] = { "token", OF("token_id", DEAREST) },
	[USAGE_BY_DAY] = { "day", OF("day", "1") },
	[USAGE_BY_TENANT] = { "tenant", OF("tenant_id", DEAREST) },
};

int usage_by_find(struct span name, enum usage_by *by)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (span_is(name, groups[i].name)) {
			*by = (enum usage_by)i;
			return 0;
		}
	return -1;
}

const char *usage_by_name(enum usage_by by)
{
	return groups[by].name;
}

static void read_sum(struct db_statement *st, struct usage_sum *s)
{
	int64_t *const values[] = { &s->requests, &s->prompt_tokens, &s->completion_tokens,
				    &s->cost_usd, &s->cost_eur, &s->cost_billed_usd,
				    &s->cost_billed_eur, &s->unknown, &s->estimated_usd,
				    &s->estimated_eur };

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		*values[i] = db_int(st, 1 + (int)i);
}

int usage_day_query(struct db *db, const struct usage_query *q,
		    int (*each)(void *context, struct span key, int64_t day, const struct usage_sum *sum),
		    void *context, struct err *err)
{
	struct db_statement *st = db_statement(db, groups[q->by].sql[q->tenant_id != NULL], err);
	int more, result = 0;

	if (!st)
		return -1;
	db_bind_str(st, 1, q->tenant_id);
	db_bind_int(st, 2, q->from);
	db_bind_int(st, 3, q->to);
	db_bind_str(st, 4, q->user_id);
	while (result == 0 && (more = db_next(st, err)) != 0) {
		bool is_day = q->by == USAGE_BY_DAY;
		struct usage_sum sum;

		if (more < 0)
			return -1;
		read_sum(st, &sum);
		result = each(context, is_day ? SPAN_NONE : db_text(st, 0), is_day ? db_int(st, 0) : 0,
			      &sum);
	}
	db_reset(st);
	return result;
}
