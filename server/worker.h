/*
 * server/worker.h - one thread of the gateway: its loop, its listeners, its connections.
 */
#ifndef SPASS_SERVER_WORKER_H
#define SPASS_SERVER_WORKER_H

#include "common/chat/core.h"
#include "common/upstream/routing.h"
#include "server/http/listen.h"
#include "server/http/listener.h"

struct worker;

struct worker_setup {
	struct core *core;
	const struct listen_set *sockets;
	struct gate *gate;
	int index; /* worker 0 also does what upkeep.h says */
	/* There is what a new snapshot should have: see upkeep.h.  On a thread of the job pool. */
	void (*news)(void *context);
	void *context;
};

/* Startup only; one after another.  NULL on failure.  setup is copied, what it points at borrowed.
 */
struct worker *worker_new(const struct worker_setup *setup, struct err *err);
/* Starts the thread, with the caller's signal mask.  0 or -1. */
int worker_start(struct worker *w, struct err *err);

/* Any thread, once started. */
/* Of worker 0: whether backends have been looked at, and what they offer is in a snapshot. */
bool worker_has_looked(const struct worker *w, enum routing_reach reach);
/* Takes over the current snapshot; certificates: reads the TLS files again, too. */
void worker_refresh(struct worker *w, bool certificates);
/* Of the snapshot that requests begin with, once worker_refresh has been done. */
uint64_t worker_generation(const struct worker *w);
/* Connections end with their next reply. */
void worker_part(struct worker *w);
/* Stops listening, closes what is idle. */
void worker_drain(struct worker *w);
/* Whether worker_drain has been done. */
bool worker_is_deaf(const struct worker *w);
/* Requests that are being worked on, or whose reply is still leaving. */
size_t worker_busy(const struct worker *w);
/* Whether the loop has run since the last call. */
bool worker_is_alive(struct worker *w);

/* Cuts what runs, ends the thread and frees all.  Also for one that was never started.  NULL:
 * nothing. */
void worker_stop(struct worker *w);

#endif
