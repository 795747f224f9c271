/*
 * common/store/usage_day.h - what was used, added up by day, tenant, user, token and model.
 *
 * The writer adds a batch up in memory first, so that many rows cost one upsert.  What called no
 * model is in no sum.  Reading goes by
 * these sums alone, however many rows there are.
 */
#ifndef SPASS_STORE_USAGE_DAY_H
#define SPASS_STORE_USAGE_DAY_H

#include "common/observe/record.h"
#include "common/store/db.h"

enum { USAGE_DAY_MS = 86400000 };

/* Amounts in millionths. */
struct usage_sum {
	int64_t requests, prompt_tokens, completion_tokens;
	int64_t cost_usd, cost_eur, cost_billed_usd, cost_billed_eur;
	int64_t unknown; /* answers without a cost, which the amounts lack */
	int64_t estimated_usd, estimated_eur; /* what budgets count for those; in no other amount */
};

/* What is below 0 counts as nothing. */
void usage_sum_add(struct usage_sum *sum, const struct usage_sum *more);

/* The sums of one batch.  Owner thread. */
struct usage_batch;

struct usage_batch *usage_batch_new(void);
void usage_batch_free(struct usage_batch *b);
/* Begins a batch of at most max sums. */
void usage_batch_begin(struct usage_batch *b, size_t max);
/* of: tells whose it is by its tenant, user, token and model, and outlives the batch. */
void usage_batch_add(struct usage_batch *b, const struct record *of, int64_t day,
		     const struct usage_sum *sum);
/*
 * Within the caller's transaction.  users_max: of a tenant and a day that have rows of their own, 0 =
 * no limit; all others are one, of a name that no user can have.
 */
#define USAGE_OTHERS "(others)"
int usage_batch_write(struct usage_batch *b, struct db *db, int64_t users_max, struct err *err);

enum usage_by { USAGE_BY_MODEL, USAGE_BY_USER, USAGE_BY_TOKEN, USAGE_BY_DAY, USAGE_BY_TENANT };
/* "model", "user", ...; -1 when there is none of that name. */
int usage_by_find(struct span name, enum usage_by *by);
const char *usage_by_name(enum usage_by by);

struct usage_query {
	const char *tenant_id, *user_id; /* NULL: all */
	int64_t from, to;                /* days, both included */
	enum usage_by by;
};
/*
 * Calls each with a key's sum, the dearest first, days in their order.  day: of USAGE_BY_DAY, and
 * key is empty.  0, or -1 with err, or what each returned.
 */
int usage_day_query(struct db *db, const struct usage_query *q,
		    int (*each)(void *context, struct span key, int64_t day, const struct usage_sum *sum),
		    void *context, struct err *err);

#endif
