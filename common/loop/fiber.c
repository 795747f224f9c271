/*
 * Fibers: their stacks, the switch, suspension and cancellation.
 *
 * A fiber's struct lies at the top of its stack, so that starting one allocates nothing and
 * touches one page.  Fibers are entered from the loop's stack only; what a fiber starts or wakes
 * goes to the ready queue, which is run on the loop's stack when the fiber suspends.
 */
#include "common/loop/fiber.h"

#include "common/base/log.h"
#include "common/loop/inside.h"
#include "common/loop/stack.h"

#include <assert.h>
#include <stdlib.h>

/* Boost.Context's C entry points; the package's headers are C++. */
typedef void *fcontext_t;
struct transfer {
	fcontext_t context;
	void *data;
};
struct transfer jump_fcontext(fcontext_t to, void *data);
fcontext_t make_fcontext(void *top, size_t size, void (*fn)(struct transfer));

enum fiber_state { FIBER_RUNNING, FIBER_WAITING, FIBER_READY, FIBER_ENDED };

struct fiber {
	fcontext_t context;
	struct fiber_home *home;
	void (*fn)(void *arg);
	void *arg;
	enum fiber_state state;
	int shield;
	bool cancelled;
	bool woken;     /* a fiber_wake that no suspension has used yet */
	bool notified;  /* what is awaited has come */
	const void *awaits;
	struct list link; /* in the ready queue, or among those that wait for the end of the turn */
	struct timer timer;
	struct stack stack;
	_Alignas(16) struct stack_switch sanitizer;
};

struct fiber_home {
	struct loop *loop;
	struct stack_pool stacks;
	struct list ready;
	struct timer again; /* the ready queue goes on in the next iteration */
	struct list at_end; /* those that wait for the end of the turn */
	int at_end_count;   /* with those that were, and did not run yet */
	bool is_ending;
	fcontext_t loop_context;
	struct stack_switch sanitizer;
};

/* So many fibers of the ready queue run before the loop has a look at its descriptors. */
enum { READY_BURST = 256 };

static _Thread_local struct fiber *current;

struct fiber *fiber_self(void)
{
	return current;
}

struct loop *fiber_loop(const struct fiber *f)
{
	return f->home->loop;
}

/* The switch */

static void leave(struct fiber *f)
{
	struct fiber_home *home = f->home;

	stack_switch_begin(f->state == FIBER_ENDED ? NULL : &f->sanitizer, &home->sanitizer);
	struct transfer back = jump_fcontext(home->loop_context, NULL);

	home->loop_context = back.context;
	stack_switch_end(&f->sanitizer, &home->sanitizer);
}

static void run_fiber(struct transfer from)
{
	struct fiber *f = from.data;

	f->home->loop_context = from.context;
	stack_switch_end(&f->sanitizer, &f->home->sanitizer);
	f->fn(f->arg);
	f->state = FIBER_ENDED;
	leave(f);
	abort(); /* nobody enters an ended fiber */
}

static void release(struct fiber *f)
{
	struct fiber_home *home = f->home;
	struct stack stack = f->stack;

	timer_cancel(&f->timer);
	stack_switch_clear(&f->sanitizer);
	stack_pool_put(&home->stacks, stack);
}

/* On the loop's stack: until the fiber suspends or ends. */
static void enter(struct fiber *f)
{
	struct fiber_home *home = f->home;

	assert(!current);
	current = f;
	f->state = FIBER_RUNNING;
	stack_switch_begin(&home->sanitizer, &f->sanitizer);
	struct transfer back = jump_fcontext(f->context, f);

	f->context = back.context;
	stack_switch_end(&home->sanitizer, NULL);
	current = NULL;
	if (f->state == FIBER_ENDED)
		release(f);
}

static void run_ready(struct fiber_home *home)
{
	for (int n = 0; n < READY_BURST; n++) {
		struct fiber *f = list_first(&home->ready, struct fiber, link);

		if (!f)
			return;
		list_remove(&f->link);
		enter(f);
	}
	if (!list_is_empty(&home->ready))
		timer_set(&home->again, 0);
}

static void on_again(struct timer *t)
{
	run_ready(container_of(t, struct fiber_home, again));
}

static void make_ready(struct fiber *f)
{
	struct fiber_home *home = f->home;

	list_remove(&f->link);
	if (current) {
		assert(current->home == home);
		f->state = FIBER_READY;
		list_push(&home->ready, &f->link);
		return;
	}
	enter(f);
	run_ready(home);
}

/* Start */

static void on_timeout(struct timer *t)
{
	struct fiber *f = container_of(t, struct fiber, timer);

	if (f->state == FIBER_WAITING)
		make_ready(f);
}

struct fiber *fiber_start(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct fiber_home *home = loop_fiber_home(l);
	struct stack stack = stack_pool_get(&home->stacks);
	struct fiber *f;

	if (!stack.bottom)
		return NULL;
	f = (struct fiber *)(void *)(stack.top - sizeof *f);
	static_assert(sizeof *f % 16 == 0, "the stack below the struct stays aligned");
	*f = (struct fiber){ .home = home, .fn = fn, .arg = arg, .stack = stack };
	list_init(&f->link);
	timer_init(&f->timer, l, on_timeout);
	stack_switch_init(&f->sanitizer, stack, sizeof *f);
	f->context = make_fcontext(f, (size_t)((char *)f - stack.bottom), run_fiber);
	make_ready(f);
	return f;
}

/* Waiting */

static bool must_stop(const struct fiber *f)
{
	return f->cancelled && f->shield == 0;
}

int fiber_check(struct err *err)
{
	return must_stop(current) ? err_set(err, E_cancelled, NULL, "cancelled") : 0;
}

int fiber_await(const void *what, int64_t timeout_ms, struct err *err)
{
	struct fiber *f = current;

	assert(f);
	if (fiber_check(err) < 0)
		return -1;
	f->awaits = what;
	f->notified = false;
	if (timeout_ms >= 0)
		timer_set(&f->timer, timeout_ms);
	f->state = FIBER_WAITING;
	leave(f);
	timer_cancel(&f->timer);
	f->awaits = NULL;
	if (fiber_check(err) < 0)
		return -1;
	return f->notified ? 1 : 0;
}

void fiber_notify(struct fiber *f, const void *what)
{
	if (f->awaits != what)
		return;
	f->notified = true;
	if (f->state == FIBER_WAITING)
		make_ready(f);
}

static int suspend(int64_t timeout_ms, struct err *err)
{
	struct fiber *f = current;
	int result = 1;

	assert(f);
	if (!f->woken || must_stop(f))
		result = fiber_await(f, timeout_ms, err);
	if (result == 1)
		f->woken = false;
	return result;
}

int fiber_suspend(struct err *err)
{
	return suspend(-1, err) < 0 ? -1 : 0;
}

int fiber_suspend_for(int64_t timeout_ms, struct err *err)
{
	assert(timeout_ms >= 0);
	return suspend(timeout_ms, err);
}

void fiber_wake(struct fiber *f)
{
	f->woken = true;
	fiber_notify(f, f);
}

int fiber_sleep(int64_t ms, struct err *err)
{
	assert(ms >= 0);
	/* Nobody can notify this address, so only the time or a cancellation ends it. */
	return fiber_await(&(char){ 0 }, ms, err) < 0 ? -1 : 0;
}

/* The end of a turn */

static void end_turn(struct fiber_home *home)
{
	struct fiber *f;

	while ((f = list_first(&home->at_end, struct fiber, link)))
		fiber_notify(f, &home->at_end);
}

void fiber_home_end_turn(struct fiber_home *home)
{
	if (list_is_empty(&home->at_end))
		return;
	home->is_ending = true;
	end_turn(home);
	home->is_ending = false;
}

int fiber_turn_end(struct err *err)
{
	struct fiber_home *home = current->home;
	int result;

	/* It would not wait, and so stay in the list. */
	if (fiber_check(err) < 0)
		return -1;
	if (home->is_ending || (list_is_empty(&home->at_end) && !loop_has_more(home->loop)))
		return 0;
	if (home->at_end_count == FIBER_TURN_MAX - 1) {
		end_turn(home);
		return 0;
	}
	home->at_end_count++;
	list_push(&home->at_end, &current->link);
	result = fiber_await(&home->at_end, -1, err);
	home->at_end_count--;
	return result < 0 ? -1 : 0;
}

/* Cancelling */

void fiber_cancel(struct fiber *f)
{
	f->cancelled = true;
	if (f->state == FIBER_WAITING && f->shield == 0)
		make_ready(f);
}

bool fiber_is_cancelled(const struct fiber *f)
{
	return f->cancelled;
}

/* What this call itself, and those it makes, still need below its frame. */
enum { TRIM_MARGIN = 1024 };

void fiber_trim(void)
{
	struct fiber *f = fiber_self();

	assert(f);
	stack_trim(f->stack, (const char *)__builtin_frame_address(0) - TRIM_MARGIN);
}

void fiber_shield_begin(void)
{
	assert(current);
	current->shield++;
}

void fiber_shield_end(void)
{
	assert(current && current->shield > 0);
	current->shield--;
}

/* The loop's part */

struct fiber_home *fiber_home_new(struct loop *l)
{
	struct fiber_home *home = mem_new(struct fiber_home);

	home->loop = l;
	list_init(&home->ready);
	list_init(&home->at_end);
	timer_init(&home->again, l, on_again);
	stack_pool_init(&home->stacks, l);
	return home;
}

struct stack_pool *fiber_home_stacks(struct fiber_home *home)
{
	return &home->stacks;
}

void fiber_home_free(struct fiber_home *home)
{
	timer_cancel(&home->again);
	stack_pool_clear(&home->stacks);
	mem_free(home);
}
