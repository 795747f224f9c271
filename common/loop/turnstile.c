/*
 * common/loop/turnstile.c - see turnstile.h.
 *
 * A gate exists while somebody is inside; leaving hands it to the first who waits, by a message to
 * his loop.  A waiter lies in its fiber's frame: once it has been chosen it stays there until that
 * message has come, also when its time is up or its client has gone.
 */
#include "common/loop/turnstile.h"

#include <pthread.h>

#include "common/base/list.h"
#include "common/base/mem.h"
#include "common/loop/inside.h"

enum { STRIPES = 64 }; /* a power of two */

struct stripe {
	pthread_mutex_t lock; /* protects the gates and all that waits at them */
	struct list gates;
};

struct turnstile {
	size_t waiters_max;
	struct stripe stripes[STRIPES];
};

struct turnstile_gate {
	struct list link;
	struct stripe *stripe;
	struct list waiters;
	size_t waiter_count, name_len;
	char name[];
};

struct waiter {
	struct list link;
	struct message message;
	struct fiber *fiber;
	bool is_chosen;  /* under the stripe's lock */
	bool has_come;   /* the message; owner thread */
};

struct turnstile *turnstile_new(size_t waiters_max)
{
	struct turnstile *t = mem_new(struct turnstile);

	t->waiters_max = waiters_max;
	for (size_t i = 0; i < STRIPES; i++) {
		pthread_mutex_init(&t->stripes[i].lock, NULL);
		list_init(&t->stripes[i].gates);
	}
	return t;
}

void turnstile_free(struct turnstile *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&t->stripes[i].lock);
	mem_free(t);
}

/* FNV-1a. */
static struct stripe *stripe_of(struct turnstile *t, struct span name)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (uint8_t)name.ptr[i]) * 16777619u;
	return &t->stripes[(hash ^ hash >> 16) & (STRIPES - 1)];
}

static struct turnstile_gate *find(struct stripe *s, struct span name)
{
	for (struct list *l = s->gates.next; l != &s->gates; l = l->next) {
		struct turnstile_gate *g = container_of(l, struct turnstile_gate, link);

		if (span_equal(span_of(g->name, g->name_len), name))
			return g;
	}
	return NULL;
}

static struct turnstile_gate *gate_new(struct stripe *s, struct span name)
{
	struct turnstile_gate *g = mem_calloc(1, sizeof *g + name.len);

	g->stripe = s;
	g->name_len = name.len;
	if (name.len)
		memcpy(g->name, name.ptr, name.len);
	list_init(&g->waiters);
	list_push(&s->gates, &g->link);
	return g;
}

static void on_message(struct loop *l, struct message *m)
{
	struct waiter *w = container_of(m, struct waiter, message);

	(void)l;
	w->has_come = true;
	fiber_notify(w->fiber, w);
}

/* The wait is over, for want of time or of a client.  True when the gate was handed over before. */
static bool give_up(struct turnstile_gate *g, struct stripe *s, struct waiter *w)
{
	bool is_chosen;

	pthread_mutex_lock(&s->lock);
	is_chosen = w->is_chosen;
	if (!is_chosen) {
		list_remove(&w->link);
		g->waiter_count--;
	}
	pthread_mutex_unlock(&s->lock);
	if (!is_chosen)
		return false;
	fiber_shield_begin();
	while (!w->has_come)
		fiber_await(w, -1, NULL);
	fiber_shield_end();
	return true;
}

static int await_turn(struct turnstile *t, struct turnstile_gate *g, struct waiter *w,
		      int64_t wait_ms, struct turnstile_pass *pass, struct err *err)
{
	int result = w->has_come ? 1 : fiber_await(w, wait_ms, err);

	if (!w->has_come && !give_up(g, g->stripe, w))
		return result < 0 ? -1 : 1;
	pass->gate = g;
	if (result >= 0)
		return 0;
	turnstile_leave(t, pass);
	return -1;
}

static int enter(struct turnstile *t, struct span name, bool ahead, int64_t wait_ms, struct turnstile_pass *pass,
		 struct err *err)
{
	struct stripe *s = stripe_of(t, name);
	struct waiter w = { .message.run = on_message, .fiber = fiber_self() };
	struct turnstile_gate *g;
	bool is_full = false, is_free;

	pass->gate = NULL;
	pthread_mutex_lock(&s->lock);
	g = find(s, name);
	is_free = !g;
	if (is_free) {
		g = gate_new(s, name);
	} else if (g->waiter_count >= t->waiters_max) {
		is_full = true;
	} else {
		if (ahead)
			list_push_front(&g->waiters, &w.link);
		else
			list_push(&g->waiters, &w.link);
		g->waiter_count++;
	}
	pthread_mutex_unlock(&s->lock);
	if (is_full)
		return 1;
	if (!is_free)
		return await_turn(t, g, &w, wait_ms, pass, err);
	pass->gate = g;
	return 0;
}

int turnstile_enter(struct turnstile *t, struct span name, int64_t wait_ms, struct turnstile_pass *pass,
		    struct err *err)
{
	return enter(t, name, false, wait_ms, pass, err);
}

int turnstile_enter_ahead(struct turnstile *t, struct span name, int64_t wait_ms, struct turnstile_pass *pass,
			  struct err *err)
{
	return enter(t, name, true, wait_ms, pass, err);
}

void turnstile_leave(struct turnstile *t, struct turnstile_pass *pass)
{
	struct turnstile_gate *g = pass->gate;
	struct waiter *next = NULL;
	struct stripe *s;

	(void)t;
	if (!g)
		return;
	pass->gate = NULL;
	s = g->stripe;
	pthread_mutex_lock(&s->lock);
	if (list_is_empty(&g->waiters)) {
		list_remove(&g->link);
	} else {
		next = container_of(g->waiters.next, struct waiter, link);
		list_remove(&next->link);
		g->waiter_count--;
		next->is_chosen = true;
	}
	pthread_mutex_unlock(&s->lock);
	if (next)
		loop_post(fiber_loop(next->fiber), &next->message);
	else
		mem_free(g);
}
