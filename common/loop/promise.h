/*
 * common/loop/promise.h - something that another thread finishes while this one waits.
 *
 * Lies in the waiter's stack frame.  On a fiber the wait lets the loop run; on any other stack it
 * blocks the thread.  What another thread works on cannot be taken back, so a cancelled fiber
 * waits, too.
 */
#ifndef SPASS_LOOP_PROMISE_H
#define SPASS_LOOP_PROMISE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/loop/fiber.h"

struct promise {
	struct message message; /* private: to the fiber's loop */
	struct fiber *fiber;    /* NULL: a thread waits */
	bool is_done;
	pthread_mutex_t lock;   /* of a waiting thread: protects is_done */
	pthread_cond_t changed;
};

/* By the one who will wait, before the work is handed over. */
void promise_init(struct promise *c);
/* Any thread, exactly once; c may be gone afterwards. */
void promise_keep(struct promise *c);
/* The same for many: each loop that waits is woken once, and not anew for every one of them. */
void promise_keep_all(struct promise *const *all, size_t count);
/* By the one who called promise_init, exactly once.  Ends c. */
void promise_wait(struct promise *c);
/* The same; tells the other thread when the fiber has been cancelled: *cancelled is true from then on. */
void promise_wait_telling(struct promise *c, atomic_bool *cancelled);

#endif
