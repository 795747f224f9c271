/*
 * server/api/account.h - what is counted and kept of a call that is over.
 */
#ifndef SPASS_SERVER_ACCOUNT_H
#define SPASS_SERVER_ACCOUNT_H

#include "server/api/call.h"

/* Metrics, and the record for usage table and audit.  Owner thread; never waits. */
void account(const struct exchange *x, const struct call *c);

#endif
