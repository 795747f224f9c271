/*
 * server/api/limits.h - what a token or an address may ask in a time.
 *
 * A token's requests are counted by the token, wherever they come from; others by the address they
 * come from.  SPASS-Caller-Depth is the client's word and frees nobody: whatever comes through a
 * listener counts.  Calls that the gateway makes inside itself do not come this way.
 */
#ifndef SPASS_SERVER_LIMITS_H
#define SPASS_SERVER_LIMITS_H

#include "common/tenant/bucket.h"
#include "server/api/call.h"

/*
 * Counts the request, by its token or, on routes that are open, by its address.  0, or -1 with
 * E_rate_limit_exceeded.
 */
int limits_check(struct exchange *x, struct call *c, struct err *err);
/*
 * A request whose credentials are no good counts for its address; when that has asked too often,
 * err becomes E_rate_limit_exceeded.
 */
void limits_refuse_address(struct exchange *x, struct call *c, struct err *err);
/*
 * A request that lacks nothing but its user counts for its address, while that may ask, and not for
 * its token: clients make it again with the user.
 */
void limits_excuse_token(struct exchange *x, struct call *c);
/* How the token's requests stand, in x-ratelimit-* headers. */
void limits_tell_requests(struct exchange *x, const struct call *c);
/* How the token's tokens a minute stand, in x-ratelimit-* headers. */
void limits_tell_tokens(struct exchange *x, const struct limit_ask *a);

#endif
