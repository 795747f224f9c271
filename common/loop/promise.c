/*
 * common/loop/promise.c - see promise.h.
 */
#include "common/loop/promise.h"

#include "common/loop/inside.h"

static void on_done(struct loop *l, struct message *m)
{
	struct promise *c = container_of(m, struct promise, message);

	(void)l;
	c->is_done = true;
	fiber_notify(c->fiber, c);
}

void promise_init(struct promise *c)
{
	*c = (struct promise){ .message.run = on_done, .fiber = fiber_self() };
	if (c->fiber)
		return;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
}

void promise_keep(struct promise *c)
{
	if (c->fiber) {
		loop_post(fiber_loop(c->fiber), &c->message);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->is_done = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

void promise_keep_all(struct promise *const *all, size_t count)
{
	struct message *first = NULL, *last = NULL;
	struct loop *loop = NULL;

	for (size_t i = 0; i < count; i++) {
		struct promise *c = all[i];

		if (!c->fiber) {
			promise_keep(c);
			continue;
		}
		if (last && fiber_loop(c->fiber) != loop) {
			loop_post_chain(loop, last, first);
			last = NULL;
		}
		loop = fiber_loop(c->fiber);
		c->message.next = last;
		if (!last)
			first = &c->message;
		last = &c->message;
	}
	if (last)
		loop_post_chain(loop, last, first);
}

/* cancelled may be NULL. */
static void wait_on_fiber(struct promise *c, atomic_bool *cancelled)
{
	while (cancelled && !c->is_done)
		if (fiber_await(c, -1, NULL) < 0) {
			atomic_store(cancelled, true);
			break;
		}
	fiber_shield_begin();
	while (!c->is_done)
		fiber_await(c, -1, NULL);
	fiber_shield_end();
}

void promise_wait(struct promise *c)
{
	promise_wait_telling(c, NULL);
}

void promise_wait_telling(struct promise *c, atomic_bool *cancelled)
{
	if (c->fiber) {
		wait_on_fiber(c, cancelled);
		return;
	}
	pthread_mutex_lock(&c->lock);
	while (!c->is_done)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
}
