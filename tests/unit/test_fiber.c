/*
 * Fibers: suspension, time-outs, cancellation, shields, nesting, many of them.
 */
#include "common/base/clock.h"
#include "common/loop/fiber.h"
#include "common/loop/inside.h"
#include "common/loop/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LOG_MAX = 64 };
struct stage {
	struct loop *loop;
	struct fiber *one, *two;
	struct timer timer;
	char log[LOG_MAX]; /* what happened, a letter each */
	size_t logged;
	int result;
	struct err err;
	int running, done;
};

static int make_stage(void **state)
{
	struct stage *s = mem_new(struct stage);

	s->loop = loop_new();
	*state = s;
	return 0;
}

static int free_stage(void **state)
{
	struct stage *s = *state;

	loop_free(s->loop);
	mem_free(s);
	return 0;
}

static void note(struct stage *s, char what)
{
	assert_true(s->logged + 1 < LOG_MAX);
	s->log[s->logged++] = what;
}

static void end_loop(struct timer *t)
{
	loop_stop(t->loop);
}

static void run_for(struct stage *s, int64_t ms)
{
	timer_init(&s->timer, s->loop, end_loop);
	timer_set(&s->timer, ms);
	loop_run(s->loop);
}

/* Suspending and waking */

static void wait_twice(void *arg)
{
	struct stage *s = arg;

	assert_ptr_equal(fiber_loop(fiber_self()), s->loop);
	note(s, 'a');
	assert_int_equal(fiber_suspend(NULL), 0);
	note(s, 'b');
	assert_int_equal(fiber_suspend(NULL), 0);
	note(s, 'c');
}

static void a_fiber_runs_at_once_until_it_waits(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, wait_twice, s);

	assert_string_equal(s->log, "a");
	assert_null(fiber_self());
	fiber_wake(f);
	assert_string_equal(s->log, "ab");
	fiber_wake(f);
	assert_string_equal(s->log, "abc");
}

static void wake_myself(void *arg)
{
	struct stage *s = arg;

	fiber_wake(fiber_self());
	fiber_wake(fiber_self());
	assert_int_equal(fiber_suspend(NULL), 0);
	note(s, 'a');
	assert_int_equal(fiber_suspend(NULL), 0);
	note(s, 'b');
}

static void a_wake_before_the_wait_is_remembered_once(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, wake_myself, s);

	assert_string_equal(s->log, "a");
	fiber_wake(f);
	assert_string_equal(s->log, "ab");
}

static void second(void *arg)
{
	note(arg, '2');
}

static void start_another(void *arg)
{
	struct stage *s = arg;

	note(s, '1');
	fiber_start(s->loop, second, s);
	note(s, '1');
	fiber_suspend(NULL);
	note(s, '3');
}

static void a_nested_start_begins_when_the_present_one_waits(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, start_another, s);

	assert_string_equal(s->log, "112");
	fiber_wake(f);
	assert_string_equal(s->log, "1123");
}

static void wake_the_one(void *arg)
{
	struct stage *s = arg;

	fiber_wake(s->one);
	note(s, 'x');
}

static void a_wake_from_a_fiber_waits_for_it_to_suspend(void **state)
{
	struct stage *s = *state;

	s->one = fiber_start(s->loop, wait_twice, s);
	fiber_start(s->loop, wake_the_one, s);
	assert_string_equal(s->log, "axb");
	fiber_wake(s->one);
}

static void play_ball(void *arg)
{
	struct stage *s = arg;
	struct fiber **other = s->one == fiber_self() ? &s->two : &s->one;

	while (!s->done) {
		if (*other)
			fiber_wake(*other);
		fiber_suspend(NULL);
	}
	if (*other)
		fiber_wake(*other);
	s->running--;
}

static void end_the_game(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, timer);

	s->done = 1;
	loop_stop(s->loop);
}

static void start_game(void *arg)
{
	struct stage *s = arg;

	s->one = fiber_self();
	s->two = fiber_start(s->loop, play_ball, s);
	play_ball(s);
}

static void two_that_wake_each_other_do_not_starve_the_loop(void **state)
{
	struct stage *s = *state;

	s->running = 2;
	timer_init(&s->timer, s->loop, end_the_game);
	timer_set(&s->timer, 5);
	fiber_start(s->loop, start_game, s);
	loop_run(s->loop);
	while (s->running > 0)
		run_for(s, 5);
}

/* Time */

static void wait_briefly(void *arg)
{
	struct stage *s = arg;

	s->result = fiber_suspend_for(10, &s->err);
	note(s, 'a');
}

static void a_wait_ends_with_its_time(void **state)
{
	struct stage *s = *state;
	const int64_t begun_ms = loop_now_ms(s->loop);

	s->result = 7;
	fiber_start(s->loop, wait_briefly, s);
	assert_int_equal(s->result, 7);
	while (s->result == 7)
		run_for(s, 2);
	assert_int_equal(s->result, 0);
	assert_true(loop_now_ms(s->loop) - begun_ms >= 10);
}

static void a_wake_within_the_time_gives_one(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, wait_briefly, s);

	fiber_wake(f);
	assert_int_equal(s->result, 1);
	run_for(s, 15);
	assert_string_equal(s->log, "a");
}

static void sleep_well(void *arg)
{
	struct stage *s = arg;
	const int64_t begun_ms = loop_now_ms(s->loop);

	assert_int_equal(fiber_sleep(20, NULL), 0);
	assert_true(loop_now_ms(s->loop) - begun_ms >= 20);
	note(s, 's');
	assert_int_equal(fiber_suspend(NULL), 0);
	note(s, 'w');
}

static void a_wake_does_not_end_a_sleep_and_is_not_lost(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, sleep_well, s);

	fiber_wake(f);
	assert_string_equal(s->log, "");
	while (s->logged == 0)
		run_for(s, 5);
	assert_string_equal(s->log, "sw");
}

/* Cancelling */

static void suspend_until_cancelled(void *arg)
{
	struct stage *s = arg;

	s->result = fiber_suspend(&s->err);
	note(s, 'c');
	/* From now on nothing waits any more. */
	assert_int_equal(fiber_suspend(NULL), -1);
	assert_int_equal(fiber_suspend_for(1000, NULL), -1);
	assert_int_equal(fiber_sleep(1000, NULL), -1);
	note(s, 'd');
}

static void cancelling_ends_every_wait_at_once(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, suspend_until_cancelled, s);

	fiber_cancel(f);
	assert_int_equal(s->result, -1);
	assert_int_equal(s->err.code, E_cancelled);
	assert_string_equal(s->log, "cd");
}

static void shielded_work(void *arg)
{
	struct stage *s = arg;

	fiber_shield_begin();
	fiber_shield_begin();
	assert_int_equal(fiber_suspend(NULL), 0);
	assert_true(fiber_is_cancelled(fiber_self()));
	note(s, 'a');
	fiber_shield_end();
	assert_int_equal(fiber_suspend_for(5, NULL), 0);
	note(s, 'b');
	fiber_shield_end();
	assert_int_equal(fiber_suspend(&s->err), -1);
	note(s, 'c');
}

static void a_shield_holds_a_cancellation_off(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, shielded_work, s);

	fiber_cancel(f);
	fiber_cancel(f);
	assert_string_equal(s->log, "");
	fiber_wake(f);
	assert_string_equal(s->log, "a");
	while (s->logged < 3)
		run_for(s, 2);
	assert_string_equal(s->log, "abc");
	assert_int_equal(s->err.code, E_cancelled);
}

static void be_cancelled_unbegun(void *arg)
{
	struct stage *s = arg;

	note(s, 'r');
	assert_int_equal(fiber_suspend(NULL), -1);
	note(s, 'e');
}

static void cancel_a_queued_one(void *arg)
{
	struct stage *s = arg;

	fiber_cancel(fiber_start(s->loop, be_cancelled_unbegun, s));
	note(s, 'q');
}

static void a_fiber_cancelled_before_it_begins_still_runs(void **state)
{
	struct stage *s = *state;

	fiber_start(s->loop, cancel_a_queued_one, s);
	assert_string_equal(s->log, "qre");
}

static void cancel_and_wake(void *arg)
{
	struct stage *s = arg;

	fiber_wake(s->one);
	fiber_cancel(s->one);
	fiber_wake(s->one);
}

static void a_cancellation_outranks_a_wake(void **state)
{
	struct stage *s = *state;

	s->one = fiber_start(s->loop, suspend_until_cancelled, s);
	fiber_start(s->loop, cancel_and_wake, s);
	assert_int_equal(s->result, -1);
}

/* Waiting for one thing */

static void await_one_thing(void *arg)
{
	struct stage *s = arg;

	s->result = fiber_await(&s->result, -1, NULL);
	note(s, 'n');
	assert_int_equal(fiber_suspend(NULL), 0);
	note(s, 'w');
}

static void only_the_thing_awaited_ends_the_wait(void **state)
{
	struct stage *s = *state;
	struct fiber *f = fiber_start(s->loop, await_one_thing, s);

	fiber_notify(f, &s->done);
	fiber_wake(f);
	assert_string_equal(s->log, "");
	fiber_notify(f, &s->result);
	assert_string_equal(s->log, "nw");
	assert_int_equal(s->result, 1);
}

/* The end of a turn */

struct letter {
	struct message message;
	struct stage *stage;
	char letter;
};

/* All have come before the loop looks at the first.  On a late machine a run is a single turn of the loop. */
static void run_letters(struct stage *s, struct letter *letters, size_t count, void (*run)(struct loop *, struct message *))
{
	for (size_t i = 0; i < count; i++) {
		letters[i] = (struct letter){ { .run = run }, s, (char)('a' + i % 26) };
		loop_post(s->loop, &letters[i].message);
	}
	for (int turns = 0; turns < 4; turns++)
		run_for(s, 1);
}

static void wait_for_the_others(void *arg)
{
	struct letter *l = arg;

	note(l->stage, l->letter);
	l->stage->result = fiber_turn_end(&l->stage->err);
	note(l->stage, (char)(l->letter + 'A' - 'a'));
}

static void start_waiting(struct loop *l, struct message *m)
{
	struct letter *letter = container_of(m, struct letter, message);

	letter->stage->one = fiber_start(l, wait_for_the_others, letter);
	note(letter->stage, '.');
}

static void those_of_a_turn_go_on_when_all_that_came_was_looked_at(void **state)
{
	struct stage *s = *state;
	struct letter letters[3];

	run_letters(s, letters, 3, start_waiting);
	assert_string_equal(s->log, "a.b.c.ABC");
}

static void who_is_alone_does_not_wait(void **state)
{
	struct stage *s = *state;
	struct letter letters[1];

	run_letters(s, letters, 1, start_waiting);
	assert_string_equal(s->log, "aA.");
}

static void start_or_cancel(struct loop *l, struct message *m)
{
	struct letter *letter = container_of(m, struct letter, message);

	if (letter->letter == 'b')
		fiber_cancel(letter->stage->one);
	else
		start_waiting(l, m);
}

static void who_is_cancelled_waits_for_nobody(void **state)
{
	struct stage *s = *state;
	struct letter letters[3];

	run_letters(s, letters, 2, start_or_cancel);
	assert_string_equal(s->log, "a.A");
	assert_int_equal(s->result, -1);
	assert_int_equal(s->err.code, E_cancelled);
	run_letters(s, letters, 3, start_or_cancel);
	assert_string_equal(s->log, "a.Aa.AcC.");
	assert_int_equal(s->result, 0);
}

static void wait_cancelled(void *arg)
{
	fiber_cancel(fiber_self());
	wait_for_the_others(arg);
}

static void start_cancelled_or_waiting(struct loop *l, struct message *m)
{
	struct letter *letter = container_of(m, struct letter, message);

	if (letter->letter != 'b') {
		start_waiting(l, m);
		return;
	}
	fiber_start(l, wait_cancelled, letter);
	assert_int_equal(letter->stage->result, -1);
	note(letter->stage, '.');
}

static void who_was_cancelled_before_does_not_begin_to_wait(void **state)
{
	struct stage *s = *state;
	struct letter letters[3];

	run_letters(s, letters, 3, start_cancelled_or_waiting);
	assert_string_equal(s->log, "a.bB.c.AC");
}

static void wait_and_count(void *arg)
{
	struct stage *s = arg;

	if (++s->running > s->done)
		s->done = s->running;
	assert_int_equal(fiber_turn_end(NULL), 0);
	s->running--;
}

static void start_counting(struct loop *l, struct message *m)
{
	fiber_start(l, wait_and_count, container_of(m, struct letter, message)->stage);
}

static void so_many_wait_together_and_no_more(void **state)
{
	struct stage *s = *state;
	struct letter letters[3 * FIBER_TURN_MAX];

	run_letters(s, letters, ARRAY_LEN(letters), start_counting);
	assert_int_equal(s->done, FIBER_TURN_MAX);
	assert_int_equal(s->running, 0);
}

static void end_two_turns(void *arg)
{
	struct letter *l = arg;

	wait_for_the_others(l);
	wait_for_the_others(l);
}

static void start_ending(struct loop *l, struct message *m)
{
	fiber_start(l, end_two_turns, container_of(m, struct letter, message));
}

static void an_end_is_the_end(void **state)
{
	struct stage *s = *state;
	struct letter letters[2];

	run_letters(s, letters, 2, start_ending);
	assert_string_equal(s->log, "abAaABbB");
}

/* Many, deep, again */

static void one_of_many(void *arg)
{
	struct stage *s = arg;

	for (int i = 0; i < 3; i++)
		assert_int_equal(fiber_sleep(1 + s->done++ % 5, NULL), 0);
	s->running--;
}

static void thousands_of_fibers_wait_side_by_side(void **state)
{
	struct stage *s = *state;

	for (int round = 0; round < 3; round++) {
		s->running = 3000;
		for (int i = 0; i < 3000; i++)
			fiber_start(s->loop, one_of_many, s);
		while (s->running > 0)
			run_for(s, 5);
	}
}

static int sum_deep(int depth)
{
	volatile char room[900];

	memset((char *)(uintptr_t)room, depth & 0x7f, sizeof room);
	if (depth == 0)
		return fiber_sleep(1, NULL);
	return sum_deep(depth - 1) + room[depth] - (depth & 0x7f);
}

static void go_deep(void *arg)
{
	struct stage *s = arg;

	assert_int_equal(sum_deep(50), 0);
	s->running--;
}

static void a_fiber_may_use_its_stack_deeply(void **state)
{
	struct stage *s = *state;

	for (int round = 0; round < 5; round++) {
		s->running = 20;
		for (int i = 0; i < 20; i++)
			fiber_start(s->loop, go_deep, s);
		while (s->running > 0)
			run_for(s, 2);
	}
}

/* Stacks */

/* Whether nothing may touch the bytes from at on, by what the system says of its mappings. */
static bool is_out_of_bounds(uintptr_t at, size_t len)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool out = false;

	assert_non_null(maps);
	while (!out && fgets(line, sizeof line, maps)) {
		char *next;
		uintptr_t begin = strtoull(line, &next, 16), end = strtoull(next + 1, &next, 16);

		out = begin <= at && at + len <= end && span_starts(span_str(next), " ---p");
	}
	fclose(maps);
	return out;
}

static void look_below_my_stack(void *arg)
{
	struct stage *s = arg;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)4095, down = 0;

	while (down <= 8 * FIBER_STACK_SIZE && !is_out_of_bounds(here - down - 4096, 4096))
		down += 4096;
	/* A function with a large frame may miss a single page. */
	s->result = is_out_of_bounds(here - down - FIBER_STACK_SIZE, FIBER_STACK_SIZE);
}

static void no_frame_reaches_over_the_guard_below_a_stack(void **state)
{
	struct stage *s = *state;

	fiber_start(s->loop, look_below_my_stack, s);
	assert_true(s->result);
}

static struct stack no_stack(void)
{
	return (struct stack){ .bottom = NULL };
}

static void without_room_for_a_stack_there_is_no_fiber(void **state)
{
	struct stage *s = *state;
	struct stack_pool *stacks = fiber_home_stacks(loop_fiber_home(s->loop));
	struct stack (*map)(void) = stacks->map;

	stacks->map = no_stack;
	assert_null(fiber_start(s->loop, look_below_my_stack, s));
	stacks->map = map;
	assert_non_null(fiber_start(s->loop, look_below_my_stack, s));
}

#define staged(test) cmocka_unit_test_setup_teardown(test, make_stage, free_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		staged(a_fiber_runs_at_once_until_it_waits),
		staged(a_wake_before_the_wait_is_remembered_once),
		staged(a_nested_start_begins_when_the_present_one_waits),
		staged(a_wake_from_a_fiber_waits_for_it_to_suspend),
		staged(two_that_wake_each_other_do_not_starve_the_loop),
		staged(a_wait_ends_with_its_time),
		staged(a_wake_within_the_time_gives_one),
		staged(a_wake_does_not_end_a_sleep_and_is_not_lost),
		staged(cancelling_ends_every_wait_at_once),
		staged(a_shield_holds_a_cancellation_off),
		staged(a_fiber_cancelled_before_it_begins_still_runs),
		staged(a_cancellation_outranks_a_wake),
		staged(only_the_thing_awaited_ends_the_wait),
		staged(those_of_a_turn_go_on_when_all_that_came_was_looked_at),
		staged(who_is_alone_does_not_wait),
		staged(who_is_cancelled_waits_for_nobody),
		staged(who_was_cancelled_before_does_not_begin_to_wait),
		staged(so_many_wait_together_and_no_more),
		staged(an_end_is_the_end),
		staged(thousands_of_fibers_wait_side_by_side),
		staged(a_fiber_may_use_its_stack_deeply),
		staged(no_frame_reaches_over_the_guard_below_a_stack),
		staged(without_room_for_a_stack_there_is_no_fiber),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
