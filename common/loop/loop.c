/*
 * The event loop: libev for descriptors, our wheel for timers, a lock-free mailbox.
 *
 * One prepare watcher runs before each wait: it fires due timers, runs the hooks and arms libev's
 * only timer when the wheel's next moment is earlier than what is armed already.
 */
#include "common/loop/loop.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/loop/inside.h"
#include "common/loop/wheel.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
	struct ev_loop *ev;
	ev_prepare before_wait;
	ev_check after_wait;
	ev_timer alarm;
	ev_io wake;
	int wake_fd;
	int64_t now_ms, now_us;
	int64_t wall_ms; /* 0: not looked at yet */
	int64_t armed_ms; /* when the alarm goes; INT64_MAX: not set */
	bool has_worked; /* since the last wait */
	const struct message *unread; /* of those taken from the mailbox */
	void (*lag)(void *context, int64_t busy_us);
	void *lag_context;
	struct wheel wheel;
	struct list hooks;
	struct fiber_home *fibers;
	_Alignas(64) _Atomic(struct message *) mailbox; /* newest first */
	atomic_bool stopping;
};

static_assert(sizeof(ev_io) <= sizeof ((struct watch *)0)->ev, "struct watch holds an ev_io");

/* Mailbox */

static void wake_up(struct loop *l)
{
	static const uint64_t one = 1;

	while (write(l->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
		;
}

void loop_post(struct loop *l, struct message *m)
{
	loop_post_chain(l, m, m);
}

void loop_post_chain(struct loop *l, struct message *last, struct message *first)
{
	struct message *newest = atomic_load_explicit(&l->mailbox, memory_order_relaxed);

	do
		first->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&l->mailbox, &newest, last, memory_order_release,
						      memory_order_relaxed));
	/* The message may be gone already; whoever found the mailbox empty wakes the loop. */
	if (!newest)
		wake_up(l);
}

static void read_mailbox(struct loop *l)
{
	struct message *m = atomic_exchange_explicit(&l->mailbox, NULL, memory_order_acquire);
	struct message *oldest = NULL;

	while (m) {
		struct message *older = m->next;

		m->next = oldest;
		oldest = m;
		m = older;
	}
	while (oldest) {
		struct message *next = oldest->next;

		l->unread = next;
		oldest->run(l, oldest);
		oldest = next;
	}
}

static void on_wake(struct ev_loop *ev, ev_io *io, int events)
{
	struct loop *l = io->data;
	uint64_t count;

	(void)events;
	while (read(l->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
		;
	read_mailbox(l);
	if (atomic_exchange(&l->stopping, false))
		ev_break(ev, EVBREAK_ALL);
}

/* One turn of the loop */

static void read_clock(struct loop *l)
{
	l->now_us = clock_mono_us();
	l->now_ms = l->now_us / 1000;
	l->wall_ms = 0;
}

static void on_woken(struct ev_loop *ev, ev_check *check, int events)
{
	struct loop *l = check->data;

	(void)ev;
	(void)events;
	read_clock(l);
	l->has_worked = true;
}

/* The wheel is looked at before each wait, so there is nothing to do but to have woken up. */
static void on_alarm(struct ev_loop *ev, ev_timer *alarm, int events)
{
	struct loop *l = alarm->data;

	(void)ev;
	(void)events;
	l->armed_ms = INT64_MAX;
}

static void run_hooks(struct loop *l)
{
	struct list cursor;

	if (list_is_empty(&l->hooks))
		return;
	/* A place in the list of its own, so that hooks may remove themselves and others. */
	list_push_front(&l->hooks, &cursor);
	while (cursor.next != &l->hooks) {
		struct hook *h = container_of(cursor.next, struct hook, link);

		list_remove(&cursor);
		list_push_front(&h->link, &cursor);
		h->run(h);
	}
	list_remove(&cursor);
}

static void arm(struct loop *l)
{
	int64_t delay_ms = l->wheel.next_ms - l->now_ms;

	if (l->wheel.next_ms >= l->armed_ms)
		return;
	l->armed_ms = l->wheel.next_ms;
	ev_timer_stop(l->ev, &l->alarm);
	ev_timer_set(&l->alarm, delay_ms > 0 ? (double)delay_ms / 1000 : 0.0, 0.0);
	ev_timer_start(l->ev, &l->alarm);
}

static void on_before_wait(struct ev_loop *ev, ev_prepare *prepare, int events)
{
	struct loop *l = prepare->data;

	(void)ev;
	(void)events;
	wheel_advance(&l->wheel, l->now_ms);
	fiber_home_end_turn(l->fibers);
	run_hooks(l);
	arm(l);
	if (l->lag && l->has_worked)
		l->lag(l->lag_context, clock_mono_us() - l->now_us);
	l->has_worked = false;
}

/* Life */

static void give_up(const char *what)
{
	log_error("loop", "%s failed (errno %d)", what, errno);
	abort();
}

static void start_watchers(struct loop *l)
{
	ev_prepare_init(&l->before_wait, on_before_wait);
	ev_check_init(&l->after_wait, on_woken);
	ev_timer_init(&l->alarm, on_alarm, 0.0, 0.0);
	ev_io_init(&l->wake, on_wake, l->wake_fd, EV_READ);
	l->before_wait.data = l->after_wait.data = l->alarm.data = l->wake.data = l;
	/* The clock is read before anything else sees the events, the timers come after all. */
	ev_set_priority(&l->after_wait, EV_MAXPRI);
	ev_set_priority(&l->before_wait, EV_MINPRI);
	ev_prepare_start(l->ev, &l->before_wait);
	ev_check_start(l->ev, &l->after_wait);
	ev_io_start(l->ev, &l->wake);
}

struct loop *loop_new(void)
{
	struct loop *l = aligned_alloc(_Alignof(struct loop), sizeof *l);

	if (!l)
		give_up("aligned_alloc");
	*l = (struct loop){ .armed_ms = INT64_MAX };
	l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!l->ev)
		give_up("ev_loop_new");
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0)
		give_up("eventfd");
	read_clock(l);
	wheel_init(&l->wheel, l->now_ms);
	list_init(&l->hooks);
	start_watchers(l);
	l->fibers = fiber_home_new(l);
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	fiber_home_free(l->fibers);
	ev_io_stop(l->ev, &l->wake);
	ev_timer_stop(l->ev, &l->alarm);
	ev_check_stop(l->ev, &l->after_wait);
	ev_prepare_stop(l->ev, &l->before_wait);
	ev_loop_destroy(l->ev);
	close(l->wake_fd);
	free(l);
}

void loop_run(struct loop *l)
{
	ev_now_update(l->ev);
	read_clock(l);
	ev_run(l->ev, 0);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stopping, true);
	wake_up(l);
}

struct ev_loop *loop_ev(struct loop *l)
{
	return l->ev;
}

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t loop_now_us(const struct loop *l)
{
	return l->now_us;
}

int64_t loop_wall_ms(struct loop *l)
{
	if (!l->wall_ms)
		l->wall_ms = clock_wall_ms();
	return l->wall_ms;
}

bool loop_has_more(const struct loop *l)
{
	return l->unread || ev_pending_count(l->ev) > 0;
}

void loop_on_lag(struct loop *l, void (*lag)(void *context, int64_t busy_us), void *context)
{
	l->lag = lag;
	l->lag_context = context;
}

struct fiber_home *loop_fiber_home(struct loop *l)
{
	return l->fibers;
}

/* Descriptors */

static ev_io *io_of(struct watch *w)
{
	return (ev_io *)(void *)w->ev;
}

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
	struct watch *w = io->data;
	int ready = 0;

	(void)ev;
	if (events & (EV_READ | EV_ERROR))
		ready |= w->events & LOOP_READ;
	if (events & (EV_WRITE | EV_ERROR))
		ready |= w->events & LOOP_WRITE;
	if (ready)
		w->ready(w, ready);
}

void watch_init(struct watch *w, struct loop *l, int fd, void (*ready)(struct watch *, int))
{
	*w = (struct watch){ .ready = ready, .fd = fd, .loop = l };
	ev_io_init(io_of(w), on_io, fd, 0);
	io_of(w)->data = w;
}

/*
 * The new interest is put into the stopped watcher by ev_io_modify, which, other than ev_io_set,
 * does not make libev tell the kernel when nothing changes until the next wait.
 */
void watch_set(struct watch *w, int events)
{
	ev_io *io = io_of(w);

	if (events == w->events)
		return;
	if (w->events)
		ev_io_stop(w->loop->ev, io);
	w->events = events;
	if (!events)
		return;
	ev_io_modify(io, (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
	ev_io_start(w->loop->ev, io);
}

void watch_stop(struct watch *w)
{
	if (w->loop)
		watch_set(w, 0);
}

/* Timers */

void timer_init(struct timer *t, struct loop *l, void (*fire)(struct timer *))
{
	*t = (struct timer){ .fire = fire, .loop = l };
	list_init(&t->link);
}

/* Two years on the wheel are for ever: see wheel.c. */
static int64_t due_in(const struct loop *l, int64_t delay_ms)
{
	int64_t due_ms;

	assert(delay_ms >= 0);
	return __builtin_add_overflow(l->now_ms, delay_ms, &due_ms) ? INT64_MAX - 1 : due_ms;
}

static void place(struct timer *t, int64_t due_ms)
{
	wheel_remove(t);
	t->due_ms = due_ms;
	wheel_add(&t->loop->wheel, t);
}

static bool has_place(const struct timer *t)
{
	return t->link.next && !list_is_empty(&t->link);
}

void timer_set(struct timer *t, int64_t delay_ms)
{
	place(t, due_in(t->loop, delay_ms));
}

void timer_extend(struct timer *t, int64_t delay_ms)
{
	int64_t due_ms = due_in(t->loop, delay_ms);

	if (has_place(t) && due_ms >= t->placed_ms)
		t->due_ms = due_ms;
	else
		place(t, due_ms);
}

void timer_rest(struct timer *t)
{
	if (has_place(t))
		t->due_ms = INT64_MAX;
}

void timer_cancel(struct timer *t)
{
	if (t->link.next)
		wheel_remove(t);
}

bool timer_is_set(const struct timer *t)
{
	return has_place(t) && t->due_ms != INT64_MAX;
}

/* Hooks */

void loop_add_hook(struct loop *l, struct hook *h)
{
	list_push(&l->hooks, &h->link);
}

void loop_remove_hook(struct hook *h)
{
	list_remove(&h->link);
}
