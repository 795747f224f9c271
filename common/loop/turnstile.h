/*
 * common/loop/turnstile.h - one fiber at a time for each name, over all workers.
 *
 * Those who wait for the same name come in the order of their arrival, but for those who go ahead.  A
 * wait is bounded, and ends when its fiber is cancelled.  Any thread, on fibers.
 */
#ifndef SPASS_LOOP_TURNSTILE_H
#define SPASS_LOOP_TURNSTILE_H

#include "common/base/err.h"

struct turnstile;
struct turnstile_gate;

/* Held by whoever is inside; zero-initialised is outside. */
struct turnstile_pass {
	struct turnstile_gate *gate;
};

/* waiters_max: behind one name; who comes after that is not let in. */
struct turnstile *turnstile_new(size_t waiters_max);
/* Nobody is inside.  t may be NULL. */
void turnstile_free(struct turnstile *t);
/*
 * 0 and inside; 1 when wait_ms (>= 0) has passed, or too many wait already; -1 with E_cancelled.
 * name: borrowed for the call.
 */
int turnstile_enter(struct turnstile *t, struct span name, int64_t wait_ms, struct turnstile_pass *pass,
		    struct err *err);
/* The same, before all who wait: they are to find what it has done. */
int turnstile_enter_ahead(struct turnstile *t, struct span name, int64_t wait_ms, struct turnstile_pass *pass,
			  struct err *err);
/* Lets the next one in.  Harmless outside. */
void turnstile_leave(struct turnstile *t, struct turnstile_pass *pass);

#endif
