/*
 * common/tenant/budget.h - what tokens and tenants may spend: reserved before, settled after.
 *
 * What was spent is added up for each token (with the keys it made, which spend on its account, too)
 * and tenant, for all models together and for those that
 * have budgets of their own, by days and months of UTC.  A call is admitted while what was spent
 * and what calls under way have reserved is less than the budget; then it reserves the most that
 * it may cost.  So a budget is passed by at most what calls under way had reserved, and the last
 * cent of it can be used.
 *
 * A composite alias spends on two names: its own, and that of the alias whose link answers.  Which
 * one that will be is not known before, so all that may are reserved on; only the one that
 * answered is charged.
 *
 * The wall clock may jump: sums are kept for the last few periods that were asked for, and those
 * that are not known are asked of the ledger, so that a clock that goes back finds the day it left,
 * and one that goes forwards finds what was spent there.  Any thread; exact under concurrency.
 */
#ifndef SPASS_TENANT_BUDGET_H
#define SPASS_TENANT_BUDGET_H

#include "common/tenant/tenancy.h"

/* Millionths, the same in both currencies at the time of the call. */
struct amount {
	int64_t usd, eur;
};

enum budget_of { BUDGET_OF_TOKEN, BUDGET_OF_TENANT, BUDGET_OF_COUNT };

/* Who asks, and for what. */
struct spending {
	const struct token *token;   /* may be NULL */
	const struct tenant *tenant; /* may be NULL */
	const char *model;           /* the alias asked for */
	struct amount most;          /* that it may cost; below 0: not known */
	bool is_free;                /* whatever it uses: it may be had with nothing left */
	bool is_link;                /* model is that of a link: only its own budgets are meant */
};

/* A sum that has to be read from the ledger. */
struct budget_gap {
	enum budget_of of;
	char owner[TOKEN_ID_SIZE];   /* the token's or tenant's id */
	char tenant[TENANT_ID_SIZE]; /* the only one in which it may have been spent, else "" */
	char *model;                 /* borrowed; NULL: all */
	int64_t from, to;            /* days since 1970-01-01, both included */
	void *place;                 /* private */
};

/* What a call holds; all zero: nothing. */
enum { BUDGET_HOLDS_MAX = 24 };
struct reservation {
	struct amount amount;
	struct budget_hold {
		void *account;
		int64_t from;
		bool is_link;
	} holds[BUDGET_HOLDS_MAX];
	size_t count;
};

struct budget_book;

struct budget_book *budget_book_new(void);
/* NULL is fine. */
void budget_book_free(struct budget_book *b);
/* Whether a budget concerns the call at all. */
bool budget_applies(const struct spending *s);
/* Whether one of those that concern the call refuses it where its cost is not known. */
bool budget_wants_price(const struct spending *s);
/*
 * Adds to r, which is all zero at first; all that it holds is of one amount.
 * 0: reserved (or nothing to reserve); 1: *gap is to be read and given to budget_fill, then again;
 * -1: E_overall_budget_exhausted or E_model_quota_exhausted with the seconds until the period ends
 * (or, when what is left is only reserved, 1), or E_model_not_in_allowlist where a cost that is not
 * known is not allowed.
 */
int budget_reserve(struct budget_book *b, const struct spending *s, int64_t wall_ms, struct reservation *r,
		   struct budget_gap *gap, struct err *err);
/* How one budget stands, in its currency. */
struct budget_state {
	int64_t spent, reserved; /* reserved: by calls under way */
	int64_t from, until;     /* days since 1970-01-01, until not included */
};
/*
 * row is one of s's token or tenant.  0: *state; 1: as budget_reserve, then again; -1 with
 * E_overloaded.
 */
int budget_look(struct budget_book *b, enum budget_of of, const struct spending *s, const struct budget *row,
		int64_t wall_ms, struct budget_state *state, struct budget_gap *gap, struct err *err);
/* What was spent there.  The first one to tell counts. */
void budget_fill(struct budget_book *b, const struct budget_gap *gap, struct amount spent);
/*
 * The call is over: it cost so much, of the period in which it began.  Empties r.  link: the alias
 * whose link answered, when it is not the one asked for; else NULL.
 */
void budget_settle(struct budget_book *b, struct reservation *r, struct amount cost, const char *link);

#endif
