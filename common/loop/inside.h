/*
 * common/loop/inside.h - what the files of common/loop share and nobody else includes.
 */
#ifndef SPASS_LOOP_INSIDE_H
#define SPASS_LOOP_INSIDE_H

#include "common/loop/fiber.h"

/* The fibers of one loop: made and freed with it. */
struct fiber_home;
struct fiber_home *fiber_home_new(struct loop *l);
void fiber_home_free(struct fiber_home *home);
struct fiber_home *loop_fiber_home(struct loop *l);
struct stack_pool *fiber_home_stacks(struct fiber_home *home);

/* The loop's last step before it waits: those that wait for the end of the turn go on. */
void fiber_home_end_turn(struct fiber_home *home);
/* Whether descriptors or messages that had come are still to be looked at in this turn. */
bool loop_has_more(const struct loop *l);

/*
 * Waiting for one particular thing, so that a fiber_wake meant for something else neither ends
 * the wait nor is lost.  what: any address.  1 when fiber_notify was called for it, 0 when
 * timeout_ms (>= 0; -1 = none) ran out, -1 with E_cancelled.
 */
int fiber_await(const void *what, int64_t timeout_ms, struct err *err);
/* Owner thread.  Does nothing when f is not waiting for what at this moment. */
void fiber_notify(struct fiber *f, const void *what);
/* -1 with E_cancelled when the running fiber may not wait any more. */
int fiber_check(struct err *err);

#endif
