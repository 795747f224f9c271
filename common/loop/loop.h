/*
 * common/loop/loop.h - one event loop, and what waits on it.
 *
 * A worker owns one loop (libev inside); everything registered on it is touched only by the
 * thread that runs it (the owner thread), except loop_post and loop_stop.  Timers sit in a wheel
 * of one-millisecond slots: setting, moving and cancelling one costs a few instructions and no
 * system call.
 */
#ifndef SPASS_LOOP_LOOP_H
#define SPASS_LOOP_LOOP_H

#include "common/base/list.h"

#include <stdint.h>

struct loop;
struct ev_loop;

/* Startup only (any thread, before loop_run).  Aborts when the system refuses a descriptor. */
struct loop *loop_new(void);
/* After loop_run has returned; nothing may be registered any more. */
void loop_free(struct loop *l);
/* Runs until loop_stop. */
void loop_run(struct loop *l);
/* Any thread. */
void loop_stop(struct loop *l);
/* libev's own loop, for libwebsockets' foreign-loop interface. */
struct ev_loop *loop_ev(struct loop *l);
/*
 * Monotonic, read once an iteration: when the events that are worked on were found.  Costs no
 * look at the clock.
 */
int64_t loop_now_ms(const struct loop *l);
int64_t loop_now_us(const struct loop *l);
/* The wall clock, looked at once an iteration at most. */
int64_t loop_wall_ms(struct loop *l);

/* A watched descriptor; embedded in its owner. */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct watch {
	void (*ready)(struct watch *w, int events); /* owner thread, on the loop's stack */
	int fd;
	/* private */
	struct loop *loop;
	int events;
	_Alignas(16) char ev[64];
};
void watch_init(struct watch *w, struct loop *l, int fd, void (*ready)(struct watch *, int));
/* events: LOOP_READ | LOOP_WRITE, or 0 to rest.  No system call until the loop next waits. */
void watch_set(struct watch *w, int events);
/* Before the descriptor is closed.  Harmless twice. */
void watch_stop(struct watch *w);

/* A one-shot timer; embedded in its owner; zero-initialised is unset. */
struct timer {
	struct list link;
	int64_t due_ms;    /* INT64_MAX: it rests */
	int64_t placed_ms; /* private: it is looked at by then */
	void (*fire)(struct timer *t);
	struct loop *loop;
};
void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *));
/* In delay_ms (>= 0) from now; moves it when set. */
void timer_set(struct timer *t, int64_t delay_ms);
void timer_cancel(struct timer *t);
/*
 * A timer that rests does not fire, but keeps its place in the wheel: it must still be cancelled before
 * its memory goes.  These two are for a time limit that hardly ever runs out, and is set and put away
 * again for each request: moved to later it stays in its place, too, which costs a look when that moment
 * comes.
 */
void timer_extend(struct timer *t, int64_t delay_ms);
void timer_rest(struct timer *t);
bool timer_is_set(const struct timer *t);

/*
 * A message from any thread to the loop; embedded in its sender's struct.  Messages of one
 * thread arrive in order.  The message belongs to the loop until run is called.
 */
struct message {
	struct message *next;
	void (*run)(struct loop *l, struct message *m);
};
void loop_post(struct loop *l, struct message *m);
/* Several at once: each one's next is the one to be run before it.  The loop is woken once. */
void loop_post_chain(struct loop *l, struct message *last, struct message *first);

/* Called once after each iteration's events, in the order added: to flush what was gathered. */
struct hook {
	struct list link;
	void (*run)(struct hook *h);
};
void loop_add_hook(struct loop *l, struct hook *h);
void loop_remove_hook(struct hook *h);

/*
 * Calls lag after each iteration with the time its work took, which is how long an event that
 * came meanwhile had to wait.  NULL = none.  Owner thread.
 */
void loop_on_lag(struct loop *l, void (*lag)(void *context, int64_t busy_us), void *context);

#endif
