/*
 * common/chat/spend.h - a turn's tokens and money: taken before it, settled after it.
 *
 * Every turn passes here, whatever its route: before the first target is asked, its token's limit
 * of tokens a minute and the budgets of token and tenant have to admit it.  Of a composite alias
 * only the links are left whose own aliases they admit, too.
 * Owner thread; admission on a fiber.
 */
#ifndef SPASS_CHAT_SPEND_H
#define SPASS_CHAT_SPEND_H

#include "common/chat/offer.h"
#include "common/chat/turn.h"

struct spend {
	/* given */
	struct core_worker *worker;
	struct snapshot *snapshot;
	const struct identity *identity; /* whose tokens and money */
	struct turn *turn;
	/* How the tokens of a minute stand, when they are limited; may be NULL. */
	void (*tell)(void *context, const struct limit_ask *tokens);
	void *context;
	/* told by spend_end: what budgets were charged for a cost that is unknown; else 0 */
	struct amount estimated;
	/* private */
	struct reservation *reservation; /* in the turn's arena; NULL: nothing is held */
	int64_t tokens_taken; /* 0 = none */
};

/* How one budget stands, read from the ledger where the book does not know it: see budget_look.  0 or -1. */
int spend_look(struct core *core, enum budget_of of, const struct spending *s, const struct budget *row,
	       struct budget_state *state, struct err *err);

/*
 * The model of whoever names none: the routing's default, NULL when it is not offered.  Where a budget
 * rules that out because what it costs is not known, the first that is offered, can be reached and is not
 * ruled out takes its place.
 */
const struct model *spend_default_model(const struct offer *o);

/* The given members come first.  Before the turn, which asks here from now on.  s keeps its place until spend_end. */
void spend_begin(struct spend *s);
/*
 * Once, when the call is over: what was used.  What the backend did not tell is estimated: of the
 * prompt by its bytes, of a text by what was delivered of it; pictures and sounds by their price
 * each, or else by all that was reserved.  A call whose client left while a backend had it is
 * charged for its prompt at least, and its cost is unknown in the ledger: backends stop when they
 * see it, but not all do.  A call that failed costs nothing.  delivered: bytes of the
 * answer.
 */
void spend_end(struct spend *s, uint64_t delivered);

#endif
