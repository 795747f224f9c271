/*
 * common/loop/fiber.h - code that waits but reads as if it blocked.
 *
 * A fiber is a small stack above a guard as large, pooled by its loop and switched with
 * Boost.Context's C entry points.  It runs on its loop's thread only.  Whatever waits (upcall_*,
 * job_run, fiber_sleep, ...) suspends the fiber and lets the loop run.
 *
 * Cancellation: fiber_cancel sets a flag; from then on every suspension point returns an error
 * (E_cancelled) at once, so cleanup is the ordinary `goto out`.  A fiber that has been cancelled
 * may still suspend inside fiber_shield_begin/end, to settle what must be settled.
 */
#ifndef SPASS_LOOP_FIBER_H
#define SPASS_LOOP_FIBER_H

#include "common/base/err.h"
#include "common/loop/loop.h"

enum {
	FIBER_STACK_SIZE = 64 * 1024, /* usable bytes; touched pages only count */
	FIBER_TURN_MAX = 64,          /* wait for the end of a turn together */
};

struct fiber;

/*
 * Runs fn(arg) on a fiber of this loop, at once, until its first suspension; from inside a
 * fiber it is queued and begins when the present one suspends.  Owner thread.  The result is
 * valid until fn returns.  NULL, and fn is never called, when there is no room for its stack.
 */
struct fiber *fiber_start(struct loop *l, void (*fn)(void *arg), void *arg);
/* The running fiber, NULL on the loop's own stack. */
struct fiber *fiber_self(void);
struct loop *fiber_loop(const struct fiber *f);
/*
 * Wait until fiber_wake.  0 when woken, -1 with E_cancelled when cancelled (also when it was
 * already).  One fiber_wake ends one fiber_suspend; a wake before it is remembered once.
 */
int fiber_suspend(struct err *err);
/* The same, for at most timeout_ms (>= 0).  1 when woken, 0 when the time ran out, -1 cancelled. */
int fiber_suspend_for(int64_t timeout_ms, struct err *err);
/* Owner thread.  Runs it at once from the loop's stack, else when the present fiber suspends. */
void fiber_wake(struct fiber *f);
void fiber_cancel(struct fiber *f);
bool fiber_is_cancelled(const struct fiber *f);
int fiber_sleep(int64_t ms, struct err *err);
/*
 * Waits until the loop has looked at all that had come when it woke up, but not when that is all
 * looked at already, nor behind FIBER_TURN_MAX others.  For what sends a small message: those of
 * a turn of the loop leave one after the other, which wakes the peers once for many, and runs the
 * same code of the kernel while it is in the caches (Soares and Stumm, "FlexSC", OSDI 2010).  On
 * a fiber.  0, or -1 with E_cancelled.
 */
int fiber_turn_end(struct err *err);
/*
 * Gives back the memory below the present call that deeper ones have used, before a long wait:
 * one system call.  On a fiber; does nothing under a sanitizer.
 */
void fiber_trim(void);
/* While shielded, suspensions ignore a cancellation.  Nests. */
void fiber_shield_begin(void);
void fiber_shield_end(void);

#endif
