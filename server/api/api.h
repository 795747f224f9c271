/*
 * server/api/api.h - the gateway's routes, as the HTTP layer sees them.
 *
 * x->context is the worker's struct core_worker.  Owner thread.
 */
#ifndef SPASS_SERVER_API_H
#define SPASS_SERVER_API_H

#include "server/http/exchange.h"

/* Answers any well-formed request; on a fiber. */
void api_handle(struct exchange *x);
/* Before a refusal that never became a call: gives it a request id. */
void api_refuse(struct exchange *x);
/* The gateway stops before the call has ended: the client is told. */
void api_cut(struct exchange *x);
/* The reply has left or the client has gone: count, record, let go.  On the loop's stack. */
void api_done(struct exchange *x);

#endif
