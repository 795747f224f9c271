/*
 * common/tenant/budget.c - accounts of tokens and tenants behind one lock.
 */
#include "common/tenant/budget.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

enum { PERIODS_KEPT = 4, SLOTS_MIN = 64 };
enum { AMOUNT_TEXT_SIZE = 32 };
static const int64_t day_ms = 86400000;

/* What is known of one day or month. */
struct sum {
	int64_t from;    /* its first day */
	uint64_t used_at; /* 0: the place is free */
	bool is_known;
	size_t holds;    /* calls under way */
	struct amount spent, held;
};

/* One owner's spending on one model, or all, by days or by months. */
struct account {
	enum budget_of of;
	enum budget_period period;
	char owner[TOKEN_ID_SIZE];
	char *model; /* NULL: all */
	int64_t day, begin; /* the latest that was asked for, and its period's first */
	struct sum sums[PERIODS_KEPT];
};

struct budget_book {
	pthread_mutex_t lock;
	struct account **slots; /* open addressing */
	size_t size, count;
	uint64_t turn; /* counts uses, to know the eldest */
};

struct budget_book *budget_book_new(void)
{
	struct budget_book *b = mem_new(struct budget_book);

	pthread_mutex_init(&b->lock, NULL);
	b->size = SLOTS_MIN;
	b->slots = mem_calloc(b->size, sizeof(struct account *));
	return b;
}

void budget_book_free(struct budget_book *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->size; i++)
		if (b->slots[i]) {
			mem_free(b->slots[i]->model);
			mem_free(b->slots[i]);
		}
	mem_free(b->slots);
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
}

/* Accounts */

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 29) * UINT64_C(0x100000001b3);
}

static uint64_t hash_of(enum budget_of of, enum budget_period period, const char *owner, const char *model)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) + (uint64_t)of * 2 + (uint64_t)period;

	return hash_text(hash_text(hash, owner), model);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void put_account(struct budget_book *b, struct account *a)
{
	size_t i = hash_of(a->of, a->period, a->owner, a->model) & (b->size - 1);

	while (b->slots[i])
		i = (i + 1) & (b->size - 1);
	b->slots[i] = a;
}

static void grow(struct budget_book *b)
{
	struct account **old = b->slots;
	size_t size = b->size;

	if (2 * (b->count + 1) <= b->size)
		return;
	b->size *= 2;
	b->slots = mem_calloc(b->size, sizeof(struct account *));
	for (size_t i = 0; i < size; i++)
		if (old[i])
			put_account(b, old[i]);
	mem_free(old);
}

static struct account *account_of(struct budget_book *b, enum budget_of of, const char *owner,
				  const struct budget *row)
{
	size_t i = hash_of(of, row->period, owner, row->model) & (b->size - 1);
	struct account *a;

	for (; (a = b->slots[i]); i = (i + 1) & (b->size - 1))
		if (a->of == of && a->period == row->period && strcmp(a->owner, owner) == 0 &&
		    is_same(a->model, row->model))
			return a;
	a = mem_new(struct account);
	a->of = of;
	a->period = row->period;
	a->day = INT64_MIN;
	memccpy(a->owner, owner, 0, sizeof a->owner - 1);
	a->model = row->model ? mem_strdup(row->model) : NULL;
	grow(b);
	put_account(b, a);
	b->count++;
	return a;
}

/* Periods */

static int64_t day_of(int64_t wall_ms)
{
	int64_t day = wall_ms / day_ms;

	return wall_ms % day_ms < 0 ? day - 1 : day;
}

static int64_t month_of(int64_t day)
{
	char stamp[CLOCK_ISO_SIZE];
	int64_t ms = day * day_ms;

	clock_iso(ms, stamp);
	memcpy(stamp + 8, "01", 2);
	return clock_parse(stamp, strlen(stamp), &ms) == 0 ? day_of(ms) : day;
}

/* First day, and the first of the next one; the same day is asked for again and again. */
static int64_t period_begin(struct account *a, int64_t wall_ms)
{
	int64_t day = day_of(wall_ms);

	if (day != a->day) {
		a->begin = a->period == BUDGET_DAY ? day : month_of(day);
		a->day = day;
	}
	return a->begin;
}

static int64_t period_end(enum budget_period period, int64_t from)
{
	enum { LONGER_THAN_A_MONTH = 32 };

	return period == BUDGET_DAY ? from + 1 : month_of(from + LONGER_THAN_A_MONTH);
}

static struct sum *find_sum(struct account *a, int64_t from)
{
	for (size_t i = 0; i < PERIODS_KEPT; i++)
		if (a->sums[i].used_at && a->sums[i].from == from)
			return &a->sums[i];
	return NULL;
}

/* The period's sum; one that is new takes the eldest's place.  NULL when calls hold all of them. */
static struct sum *sum_of(struct budget_book *b, struct account *a, int64_t from)
{
	struct sum *s = find_sum(a, from);

	if (!s) {
		for (size_t i = 0; i < PERIODS_KEPT; i++)
			if (a->sums[i].holds == 0 && (!s || a->sums[i].used_at < s->used_at))
				s = &a->sums[i];
		if (!s)
			return NULL;
		*s = (struct sum){ .from = from };
	}
	s->used_at = ++b->turn;
	return s;
}

/* Rows */

static int64_t in_currency(const struct budget *row, struct amount a)
{
	return row->currency == BUDGET_EUR ? a.eur : a.usd;
}

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void add(struct amount *to, struct amount more)
{
	to->usd = plus(to->usd, more.usd);
	to->eur = plus(to->eur, more.eur);
}

static void subtract(struct amount *from, struct amount less)
{
	from->usd = from->usd > less.usd ? from->usd - less.usd : 0;
	from->eur = from->eur > less.eur ? from->eur - less.eur : 0;
}

struct rows {
	const struct budget *rows;
	size_t count;
	const char *owner;
};

static struct rows rows_of(const struct spending *s, enum budget_of of)
{
	if (of == BUDGET_OF_TOKEN && s->token)
		return (struct rows){ s->token->constraints->budgets, s->token->constraints->budget_count,
				      s->token->id };
	if (of == BUDGET_OF_TENANT && s->tenant)
		return (struct rows){ s->tenant->budgets, s->tenant->budget_count, s->tenant->id };
	return (struct rows){ NULL, 0, "" };
}

static bool concerns(const struct budget *row, const struct spending *s)
{
	return row->model ? strcmp(row->model, s->model) == 0 : !s->is_link;
}

bool budget_applies(const struct spending *s)
{
	for (int of = 0; of < BUDGET_OF_COUNT; of++) {
		struct rows r = rows_of(s, (enum budget_of)of);

		for (size_t i = 0; i < r.count; i++)
			if (concerns(&r.rows[i], s))
				return true;
	}
	return false;
}

bool budget_wants_price(const struct spending *s)
{
	for (int of = 0; of < BUDGET_OF_COUNT; of++) {
		struct rows r = rows_of(s, (enum budget_of)of);

		for (size_t i = 0; i < r.count; i++)
			if (concerns(&r.rows[i], s) && !r.rows[i].allow_unknown)
				return true;
	}
	return false;
}

/* One row while it is looked at. */
struct look {
	const struct spending *spending;
	const struct budget *row;
	enum budget_of of;
	struct account *account;
	struct sum *sum;
	int64_t wall_ms;
};

/* To the cent, which is what a reader of the message asks about; up, so that what is spent shows. */
static const char *amount_text(int64_t micros, char out[AMOUNT_TEXT_SIZE])
{
	enum { MICROS = 1000000, CENT = 10000 };
	int64_t cents = micros / CENT + (micros % CENT > 0);

	if (micros < MICROS && micros % CENT)
		snprintf(out, AMOUNT_TEXT_SIZE, "0.%06d", (int)micros);
	else
		snprintf(out, AMOUNT_TEXT_SIZE, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
	return out;
}

static int refuse(const struct look *k, struct err *err)
{
	static const char *const owners[] = { [BUDGET_OF_TOKEN] = "token", [BUDGET_OF_TENANT] = "tenant" };
	static const char *const currencies[] = { [BUDGET_EUR] = "EUR", [BUDGET_USD] = "USD" };
	const struct budget *row = k->row;
	const int64_t spent = in_currency(row, k->sum->spent), end_ms = period_end(row->period, k->sum->from) * day_ms;
	bool is_spent = spent >= row->amount_micros;
	int64_t seconds = is_spent ? (end_ms - k->wall_ms + 999) / 1000 : 1;
	char amount[AMOUNT_TEXT_SIZE], used[AMOUNT_TEXT_SIZE], reset[CLOCK_ISO_SIZE];

	clock_iso(end_ms, reset);

	err_set(err, row->model ? E_model_quota_exhausted : E_overall_budget_exhausted,
		row->model ? "model" : "headers.authorization",
		"the %s's budget of this %s%s%s is %s: %s of %s %s are spent%s%s", owners[k->of],
		row->period == BUDGET_DAY ? "day" : "month", row->model ? " for " : "",
		row->model ? row->model : "",
		is_spent ? "spent" : "reserved by calls that are under way",
		amount_text(spent, used), amount_text(row->amount_micros, amount), currencies[row->currency],
		is_spent ? "; it begins anew at " : "", is_spent ? reset : "");
	if (err)
		err->retry_after_s = seconds < 1 ? 1 : seconds > INT32_MAX ? INT32_MAX : (int)seconds;
	return -1;
}

static int refuse_unknown(const struct spending *s, struct err *err)
{
	return err_set(err, E_model_not_in_allowlist, "model",
		       "what %.100s costs is not known, so it cannot be used within a budget, until the "
		       "operator gives it a price (prices:) or the budget `unknown: allow`", s->model);
}

static void tell_gap(const struct look *k, struct budget_gap *gap)
{
	const struct account *a = k->account;

	*gap = (struct budget_gap){
		.of = a->of,
		.model = a->model,
		.from = k->sum->from,
		.to = period_end(a->period, k->sum->from) - 1,
		.place = k->account,
	};
	memcpy(gap->owner, a->owner, sizeof gap->owner);
	/* Another's account: nobody knows here where he may have spent, so it is looked for everywhere. */
	if (a->of == BUDGET_OF_TENANT || k->row->owner)
		return;
	assert(k->spending->token);
	memcpy(gap->tenant, k->spending->token->tenant, sizeof gap->tenant);
}

static int note_hold(struct reservation *r, const struct look *k, struct err *err)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->holds[i].account == k->account)
			return 0;
	if (r->count == BUDGET_HOLDS_MAX)
		return err_set(err, E_model_quota_exhausted, "model", "the call has more than %d budgets",
			       BUDGET_HOLDS_MAX);
	r->holds[r->count++] = (struct budget_hold){ k->account, k->sum->from, k->spending->is_link };
	return 0;
}

/* Finds the row's account and its sum of now: 0, 1 with *gap, or -1. */
static int find_state(struct budget_book *b, struct look *k, const char *owner, struct budget_gap *gap,
		      struct err *err)
{
	k->account = account_of(b, k->of, owner, k->row);
	k->sum = sum_of(b, k->account, period_begin(k->account, k->wall_ms));
	if (!k->sum)
		return err_set(err, E_overloaded, "", "calls of too many periods are under way");
	if (k->sum->is_known)
		return 0;
	tell_gap(k, gap);
	return 1;
}

/* As budget_reserve, of one row, without reserving. */
static int look_at(struct budget_book *b, struct look *k, const char *owner, struct reservation *r,
		   struct budget_gap *gap, struct err *err)
{
	const struct budget *row = k->row;
	struct amount most = k->spending->most;
	int result;

	if (most.usd < 0 && !row->allow_unknown)
		return refuse_unknown(k->spending, err);
	result = find_state(b, k, owner, gap, err);
	if (result != 0)
		return result;
	if (!k->spending->is_free && plus(in_currency(row, k->sum->spent), in_currency(row, k->sum->held)) >=
				     row->amount_micros)
		return refuse(k, err);
	return note_hold(r, k, err);
}

static int look_at_all(struct budget_book *b, const struct spending *s, int64_t wall_ms, struct reservation *r,
		       struct budget_gap *gap, struct err *err)
{
	for (int of = 0; of < BUDGET_OF_COUNT; of++) {
		struct rows rows = rows_of(s, (enum budget_of)of);

		for (size_t i = 0; i < rows.count; i++) {
			struct look k = { .spending = s, .row = &rows.rows[i], .of = (enum budget_of)of,
					  .wall_ms = wall_ms };
			int result;

			if (!concerns(k.row, s))
				continue;
			result = look_at(b, &k, k.row->owner ? k.row->owner : rows.owner, r, gap, err);
			if (result != 0)
				return result;
		}
	}
	return 0;
}

int budget_reserve(struct budget_book *b, const struct spending *s, int64_t wall_ms, struct reservation *r,
		   struct budget_gap *gap, struct err *err)
{
	const size_t before = r->count;
	int result;

	if (s->most.usd > 0)
		r->amount = s->most;
	pthread_mutex_lock(&b->lock);
	result = look_at_all(b, s, wall_ms, r, gap, err);
	for (size_t i = before; result == 0 && i < r->count; i++) {
		struct sum *sum = find_sum(r->holds[i].account, r->holds[i].from);

		if (!sum)
			continue;
		sum->holds++;
		add(&sum->held, r->amount);
	}
	pthread_mutex_unlock(&b->lock);
	if (result != 0)
		r->count = before;
	return result;
}

int budget_look(struct budget_book *b, enum budget_of of, const struct spending *s, const struct budget *row,
		int64_t wall_ms, struct budget_state *state, struct budget_gap *gap, struct err *err)
{
	const char *owner = row->owner ? row->owner : rows_of(s, of).owner;
	struct look k = { .spending = s, .row = row, .of = of, .wall_ms = wall_ms };
	int result;

	pthread_mutex_lock(&b->lock);
	result = find_state(b, &k, owner, gap, err);
	if (result == 0)
		*state = (struct budget_state){
			.spent = in_currency(row, k.sum->spent),
			.reserved = in_currency(row, k.sum->held),
			.from = k.sum->from,
			.until = period_end(row->period, k.sum->from),
		};
	pthread_mutex_unlock(&b->lock);
	return result;
}

void budget_fill(struct budget_book *b, const struct budget_gap *gap, struct amount spent)
{
	struct sum *s;

	pthread_mutex_lock(&b->lock);
	s = sum_of(b, gap->place, gap->from);
	if (s && !s->is_known) {
		s->is_known = true;
		s->spent = spent;
	}
	pthread_mutex_unlock(&b->lock);
}

/* A link that did not answer cost nothing. */
static bool is_charged(const struct budget_hold *h, const char *link)
{
	return !h->is_link || is_same(((const struct account *)h->account)->model, link);
}

void budget_settle(struct budget_book *b, struct reservation *r, struct amount cost, const char *link)
{
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < r->count; i++) {
		/* It is there: what is held keeps its place. */
		struct sum *s = find_sum(r->holds[i].account, r->holds[i].from);

		if (!s)
			continue;
		s->holds--;
		subtract(&s->held, r->amount);
		if (is_charged(&r->holds[i], link))
			add(&s->spent, cost);
	}
	pthread_mutex_unlock(&b->lock);
	r->count = 0;
}
