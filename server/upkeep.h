/*
 * server/upkeep.h - what one worker does for all of them in the background.
 *
 * It looks at the backends, keeps the exchange rate, watches the database for what other processes
 * change, and tends the indices: each on fibers of that worker's loop, as long as it runs.  Owner
 * thread, but for upkeep_has_looked.
 */
#ifndef SPASS_SERVER_UPKEEP_H
#define SPASS_SERVER_UPKEEP_H

#include "common/chat/core.h"
#include "common/chat/rag_keeper.h"
#include "common/upstream/routing.h"

#include <stdatomic.h>

/* All zero: of a worker that has none of it to do. */
struct upkeep {
	struct core_worker *worker;
	/* Backends have other models than the snapshot knows, or there is a new rate.  On a job. */
	void (*news)(void *context);
	void *context;
	/* private */
	struct fiber *looking; /* at the backends */
	bool resting;          /* between two looks */
	bool look_again;       /* without a rest: the backends may be others now */
	atomic_bool has_looked[2]; /* once, by enum routing_reach */
	struct fiber *keeping; /* the exchange rate */
	bool keeper_rests;
	struct fiber *watching; /* the database, for what others change */
	int tending;            /* fibers that keep indices, begun so far */
	struct fiber *tenders[RAG_KEEPER_FIBERS]; /* those that are there */
	atomic_bool ending;
};

/* worker, news and context are given. */
void upkeep_start(struct upkeep *u);
/* Any thread: whether backends have been looked at, and what they offer is in a snapshot. */
bool upkeep_has_looked(const struct upkeep *u, enum routing_reach reach);
/* The configuration may be another: what rests looks now. */
void upkeep_refresh(struct upkeep *u);
/* Cancels all of it; cancelled fibers need a few turns of the loop to clean up. */
void upkeep_stop(struct upkeep *u);
bool upkeep_is_over(const struct upkeep *u);

#endif
