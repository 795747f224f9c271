/*
 * common/loop/wheel.h - the timers of one loop, by millisecond; private to common/loop.
 *
 * Six levels of 64 slots: level n has slots of 64^n ms.  A timer sits on the level of the highest
 * six bits in which its due time differs from the wheel's own time, and moves down when that
 * slot begins.  Bit masks of the used slots give the next moment of interest without a search.
 * Pure: the time is given.  Owner thread.
 */
#ifndef SPASS_LOOP_WHEEL_H
#define SPASS_LOOP_WHEEL_H

#include "common/loop/loop.h"

enum { WHEEL_LEVELS = 6, WHEEL_BITS = 6, WHEEL_SLOTS = 1 << WHEEL_BITS };

struct wheel {
	int64_t time_ms;    /* everything due at or before it has been taken */
	int64_t next_ms;    /* no timer is due, and no slot begins, before it; INT64_MAX: none */
	struct list due;    /* to be fired, in order */
	uint64_t used[WHEEL_LEVELS];
	struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, int64_t now_ms);
/* t is not in any wheel and has due_ms set. */
void wheel_add(struct wheel *w, struct timer *t);
void wheel_remove(struct timer *t);
/*
 * Fires all timers due at now_ms, the earliest first, those of the same millisecond in the order
 * they were set.  What a firing timer sets fires in a later call at the soonest.
 */
void wheel_advance(struct wheel *w, int64_t now_ms);

#endif
