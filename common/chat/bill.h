/*
 * common/chat/bill.h - what a turn costs, in both currencies, and how a caller is told.
 *
 * Raw amounts are what the gateway pays; billed ones carry the tenant's factor, and are all that
 * callers see.  Amounts are millionths; MONEY_UNKNOWN stays unknown in every form.  Any thread.
 */
#ifndef SPASS_CHAT_BILL_H
#define SPASS_CHAT_BILL_H

#include "common/model/cost.h"
#include "common/model/rate.h"

/* All zero: none. */
struct bill {
	bool is_made;
	enum cost_source source;
	int64_t usd, eur;
	int64_t billed_usd, billed_eur;
	struct rate rate;
};

/* factor: millionths, MONEY_UNIT = 1. */
void bill_make(struct bill *b, const struct cost *cost, const struct rate *rate, int64_t factor);

/* What sub-calls cost together: amounts add up, unknown and anything is unknown, the source is the less certain one. */
void bill_add(struct bill *sum, const struct bill *more);

/* The fields SPASS-Cost-* as lines; those about a rate are made once for all its bills. */
enum { BILL_RATE_LINES_MAX = 128, BILL_LINES_MAX = 256 + BILL_RATE_LINES_MAX };
struct span bill_rate_lines(const struct rate *rate, char out[BILL_RATE_LINES_MAX]);
/* rate_lines: of b's rate.  The result lies in out. */
struct span bill_lines(const struct bill *b, struct span rate_lines, char out[BILL_LINES_MAX]);

/* What stands beside the amounts in the trailer of a stream. */
struct bill_facts {
	const char *request_id, *model, *backend;
	const struct token_usage *usage;
	int sub_calls;
};
/* "event: spass.cost" with its data and blank line.  0, or -1 when out is full. */
int bill_event(const struct bill *b, const struct bill_facts *facts, struct buf *out);

#endif
