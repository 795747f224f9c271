/*
 * server/api/spend.h - a call's tokens and money: taken before it, settled after it.
 *
 * Every turn passes here, whatever its route: before the first target is asked, its token's limit
 * of tokens a minute and the budgets of token and tenant have to admit it.  Of a composite alias
 * only the links are left whose own aliases they admit, too.
 */
#ifndef SPASS_SERVER_SPEND_H
#define SPASS_SERVER_SPEND_H

#include "server/api/call.h"

/* Before the handler: the call's turn asks here. */
void spend_prepare(struct exchange *x, struct call *c);
/*
 * Once, when the call is over: what was used.  What the backend did not tell is estimated: of the
 * prompt by its bytes, of a text by what was delivered of it; pictures and sounds by their price
 * each, or else by all that was reserved.  A call whose client left while a backend had it is
 * charged for its prompt at least, and its cost is unknown in the ledger: backends stop when they
 * see it, but not all do.  A call that failed costs nothing.
 */
void spend_settle(const struct exchange *x, struct call *c);

#endif
