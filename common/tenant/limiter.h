/*
 * common/tenant/limiter.h - how often a token or an address may ask, and how much.
 *
 * A bucket for each key and kind, full at first, that fills again steadily.  It is kept as one
 * number, the time at which it will be full (the "theoretical arrival time" of ATM's GCRA), so
 * that a full bucket needs no memory: what is idle goes, and nothing is lost.  Any thread; exact
 * under concurrency, as each key has one place with a lock.  Time is the caller's: monotonic.
 */
#ifndef SPASS_TENANT_LIMITER_H
#define SPASS_TENANT_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit_kind { LIMIT_SECOND, LIMIT_MINUTE, LIMIT_TOKENS, LIMIT_KIND_COUNT };
enum { LIMITER_KEY_SIZE = 32 };

struct limit {
	double interval_ns; /* in which one unit comes back */
	int64_t burst;      /* units of a full bucket; 0: no limit */
};

/* count units (> 0) in seconds, and so many at once. */
struct limit limit_of(double count, int64_t seconds, int64_t burst);

/* What is asked of one bucket, and how it stands afterwards. */
struct limit_ask {
	enum limit_kind kind;
	struct limit limit;
	int64_t amount; /* 0: only to be told */
	int64_t extra;  /* as much more is taken as the bucket then has */
	/* told */
	int64_t taken;     /* amount and extra; 0 when it refuses */
	int64_t remaining; /* units, extra not counted; never below 0 */
	int64_t full_us;   /* until it is full */
	int64_t wait_us;   /* until it would admit the amount; 0: now */
};

struct limiter;

struct limiter *limiter_new(void);
void limiter_free(struct limiter *l);
/*
 * Takes from all of the key's buckets, of different kinds, or, returning false, from none.  More
 * than a full bucket holds is admitted by a full one, which then owes the rest.
 */
bool limiter_take(struct limiter *l, const uint8_t key[LIMITER_KEY_SIZE], struct limit_ask *asks,
		  size_t count, int64_t now_us);
/* Takes what is not asked but has happened (amount > 0), or gives back (amount < 0). */
void limiter_settle(struct limiter *l, const uint8_t key[LIMITER_KEY_SIZE], enum limit_kind kind,
		    struct limit limit, int64_t amount, int64_t now_us);
/*
 * The key of "1.2.3.4:50", "[2001:db8::1]:50": the address without its port, of IPv6 the network
 * of 64 bits that one customer has.  false for what has no address ("unix").
 */
bool limiter_address_key(const char *peer, size_t len, uint8_t key[LIMITER_KEY_SIZE]);
/* Places held in memory, taken or not: for tests. */
size_t limiter_places(struct limiter *l);

#endif
