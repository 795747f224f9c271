/*
 * common/upstream/failover.h - from target to target until one answers.
 *
 * A call walks its model's chain: each target is tried up to 1 + retries times, with a growing
 * pause that a Retry-After may set; a resting breaker is passed over; a failure of the request
 * itself ends the walk.  The first targets that failed, up to FAILOVER_NOTES_MAX - 1, and the last
 * are told in the final error.  Owner thread.
 */
#ifndef SPASS_UPSTREAM_FAILOVER_H
#define SPASS_UPSTREAM_FAILOVER_H

#include "common/base/arena.h"
#include "common/upstream/failure.h"

enum { FAILOVER_NOTES_MAX = 8 };

struct failover_note {
	const struct target *target;
	int tries;             /* 0: it was resting */
	struct failure last;
};

struct failover {
	const struct target *targets;
	size_t count, at;
	int tries, retries_max;
	int64_t delay_max_ms;
	int64_t deadline_ms;   /* of the whole walk, monotonic; 0 = none.  May be set after the init */
	int64_t larger_than;   /* context window that was too small, 0 = any will do */
	uint64_t ticket;       /* of the call under way, for its breaker */
	int attempts;          /* calls made in all */
	bool ended;
	struct arena *arena;
	struct failover_note *notes; /* of targets that failed, in order; NULL: none has */
	size_t note_count;
	int64_t soonest_ms;    /* when a resting or busy target may be asked again */
};

/* retries: further attempts at one target; delay_max_ms: longest pause.  arena: for the notes. */
void failover_init(struct failover *f, struct arena *arena, const struct target *targets,
		   size_t count, int retries, int64_t delay_max_ms);
/*
 * The target of the next attempt, or NULL with the final error in err when none is left.
 * *delay_ms: the pause to make before it.  A returned target must be followed by exactly one of
 * the three below.  now_ms: monotonic.
 */
const struct target *failover_next(struct failover *f, int64_t now_ms, int64_t *delay_ms,
				   struct err *err);
void failover_succeeded(struct failover *f);
/* The walk's time is up: err tells every attempt. */
void failover_out_of_time(struct failover *f, struct err *err);
void failover_failed(struct failover *f, const struct failure *why, int64_t now_ms);
/* The client left: nothing is learnt of the target. */
void failover_dropped(struct failover *f);

#endif
