/*
 * server/api/spend.h - a call's tokens and money: taken before it, settled after it.
 *
 * Every turn passes here, whatever its route: before the first target is asked, its token's limit
 * of tokens a minute and the budgets of token and tenant have to admit it.
 */
#ifndef SPASS_SERVER_SPEND_H
#define SPASS_SERVER_SPEND_H

#include "server/api/call.h"

/* Before the handler: the call's turn asks here. */
void spend_prepare(struct exchange *x, struct call *c);
/*
 * Once, when the call is over: what was used, or, of an answer that was cut and whose backend told
 * nothing, what was delivered of it; nothing when none came.
 */
void spend_settle(const struct exchange *x, struct call *c);

#endif
