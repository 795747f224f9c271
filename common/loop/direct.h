/*
 * common/loop/direct.h - plain connections to addresses; private to common/loop.
 *
 * A numeric address, localhost's or a Unix socket needs no name lookup, no race of addresses, no
 * TLS and no proxy: what libcurl is for.  Such connections, to model servers on this machine or
 * its network, cost a fifth of the time and a tenth of the memory.  Owner thread; on a fiber.
 */
#ifndef SPASS_LOOP_DIRECT_H
#define SPASS_LOOP_DIRECT_H

#include "common/loop/upcall.h"

/* Whether o can be reached like that. */
bool direct_is_possible(const struct origin *o);
/*
 * Suspends until connected.  The descriptor (non-blocking, close-on-exec, TCP_NODELAY), owned by
 * the caller, or -1 with E_upstream_unavailable, E_upstream_timeout or E_cancelled.  name: for
 * messages.
 */
int direct_connect(struct loop *l, const struct origin *o, const char *name, int timeout_ms,
		   struct err *err);

#endif
