/*
 * common/loop/stack.h - the stacks of fibers; private to common/loop.
 *
 * Stacks are mapped with a guard below and used last-in first-out, so that warm ones come
 * back first.  Those that stayed unused for a while are unmapped, the coldest first.  Owner
 * thread.  Here also lives what the sanitizers want to be told of a switch; without them it is
 * nothing.
 */
#ifndef SPASS_LOOP_STACK_H
#define SPASS_LOOP_STACK_H

#include "common/loop/loop.h"

#if defined(__SANITIZE_ADDRESS__)
#define STACK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define STACK_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STACK_TSAN 1
#endif
#endif
#ifdef STACK_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef STACK_TSAN
#include <sanitizer/tsan_interface.h>
#endif

struct stack {
	char *bottom, *top; /* usable; the guard lies below bottom */
};

/*
 * Zeroed pages straight from the system, for what is needed once a call: the heap would spread it
 * among what libcurl used and left.  size: the same for both.
 */
void *pages_map(size_t size);
void pages_unmap(void *pages, size_t size);

struct stack_pool {
	struct list free;   /* warmest first; the links lie at the top of the stacks */
	size_t count;
	size_t unused;      /* least count since the timer last fired */
	struct timer trim;
	struct stack (*map)(void); /* makes a new one, bottom NULL: there is no room; for tests */
};
void stack_pool_init(struct stack_pool *p, struct loop *l);
void stack_pool_clear(struct stack_pool *p);
/* bottom NULL when the system gives no more: vm.max_map_count allows some ten thousands. */
struct stack stack_pool_get(struct stack_pool *p);
/* Its content is lost. */
void stack_pool_put(struct stack_pool *p, struct stack s);

/* Gives back whole pages of s below `used`; what is above stays. */
void stack_trim(struct stack s, const char *used);

/* One side of a switch: a fiber's, or the loop's own stack (zero-initialised). */
struct stack_switch {
	void *fake_stack; /* AddressSanitizer's frames */
	const void *bottom;
	size_t size;
	void *thread;     /* ThreadSanitizer's view */
};
/* For a fiber on s whose topmost used bytes are not for frames. */
void stack_switch_init(struct stack_switch *side, struct stack s, size_t used);
/* When the fiber has ended; called on the loop's stack. */
void stack_switch_clear(struct stack_switch *side);

/*
 * These two are part of the function that jumps: ThreadSanitizer would count a call that begins
 * on one stack and returns on another.
 */
#define STACK_SWITCH_INLINE static inline __attribute__((always_inline))

/* Just before the jump.  from NULL: the present stack will not be used again. */
STACK_SWITCH_INLINE void stack_switch_begin(struct stack_switch *from, struct stack_switch *to)
{
	(void)from;
	(void)to;
#ifdef STACK_ASAN
	__sanitizer_start_switch_fiber(from ? &from->fake_stack : NULL, to->bottom, to->size);
#endif
#ifdef STACK_TSAN
	if (from && !from->bottom)
		from->thread = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->thread, 0);
#endif
}

/* Just after it, on the new stack.  loop: set to learn where the loop's stack lies, or NULL. */
STACK_SWITCH_INLINE void stack_switch_end(struct stack_switch *here, struct stack_switch *loop)
{
	(void)here;
	(void)loop;
#ifdef STACK_ASAN
	__sanitizer_finish_switch_fiber(here->fake_stack, loop ? &loop->bottom : NULL,
					loop ? &loop->size : NULL);
#endif
}

#endif
