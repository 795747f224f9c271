/*
 * common/tenant/bucket.h - the buckets that a token draws on: its own, and those of its maker.
 *
 * A key draws on its maker's buckets besides its own, and on those of the maker's maker: else each new
 * key would let its maker ask as often again.  What one of them refuses is taken from none.  Any
 * thread; as limiter.h, whose time is given.
 */
#ifndef SPASS_TENANT_BUCKET_H
#define SPASS_TENANT_BUCKET_H

#include "common/tenant/limiter.h"
#include "common/tenant/tenancy.h"

/* What holds for tokens that have no rates of their own; rate 0: nothing does. */
struct bucket_default {
	double rate;
	int64_t burst;
	bool is_on; /* for tokens that have neither rate nor burst, too */
};

/*
 * One request.  token may be NULL, or free of limits: admitted.  *tightest: of the limit that holds
 * longest, or is nearest to it; its limit.burst is 0 where there is none.
 */
bool bucket_take_request(struct limiter *l, const struct token *token, const struct bucket_default *d,
			 int64_t now_us, struct limit_ask *tightest);
/* Gives back what bucket_take_request admitted with the same default: the request counts for nothing. */
void bucket_return_request(struct limiter *l, const struct token *token, const struct bucket_default *d,
			   int64_t now_us);
/*
 * tokens, and of extra as many as all buckets have; *taken comes out as what they gave, 0 where nothing
 * limits them.
 */
bool bucket_take_tokens(struct limiter *l, const struct token *token, int64_t tokens, int64_t extra,
			int64_t now_us, int64_t *taken, struct limit_ask *tightest);
/* Of so many taken so many were used. */
void bucket_settle_tokens(struct limiter *l, const struct token *token, int64_t taken, int64_t used,
			  int64_t now_us);
/* E_rate_limit_exceeded of the limit that refused, with the seconds to wait.  Returns -1. */
int bucket_refuse(const struct limit_ask *tightest, const char *param, const char *what, struct err *err);

#endif
