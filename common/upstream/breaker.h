/*
 * common/upstream/breaker.h - a target that fails again and again is left alone for a while.
 *
 * Closed: calls pass.  After `failures` consecutive failures it opens: calls are refused for
 * rest_ms.  Then half-open: one call at a time is let through; success closes it, failure opens
 * it again.  Fed by what backends do only: a client's fault or departure counts for nothing.
 * A call is let through with a ticket and reports with it: what one that began before the last
 * change of state has to say is stale, and ignored.  Any thread; refcounted.
 */
#ifndef SPASS_UPSTREAM_BREAKER_H
#define SPASS_UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

struct breaker;
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

/* failures >= 1, rest_ms > 0. */
struct breaker *breaker_new(int failures, int64_t rest_ms);
struct breaker *breaker_ref(struct breaker *b);
void breaker_unref(struct breaker *b);
void breaker_configure(struct breaker *b, int failures, int64_t rest_ms);
/*
 * May a call be made now (monotonic now_ms)?  Its ticket, or 0: no.  In half-open it is the single
 * trial and must be followed by breaker_success, breaker_failure or breaker_release.
 */
uint64_t breaker_admit(struct breaker *b, int64_t now_ms);
/* True: by this it has closed. */
bool breaker_success(struct breaker *b, uint64_t ticket);
/* True: by this it has opened; not when it goes on to rest after a trial. */
bool breaker_failure(struct breaker *b, uint64_t ticket, int64_t now_ms);
/* The call said nothing about the target (client left, client's fault). */
void breaker_release(struct breaker *b, uint64_t ticket);
enum breaker_state breaker_state(struct breaker *b, int64_t now_ms);
/* Milliseconds until it lets a call through, 0 = now; 1 while a trial is under way. */
int64_t breaker_wait_ms(struct breaker *b, int64_t now_ms);

#endif
