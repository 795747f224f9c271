/*
 * The loop: timers, messages between threads, hooks, descriptors.
 */
#include "common/base/clock.h"
#include "common/loop/loop.h"
#include "common/loop/wheel.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A wheel under a clock that the test turns. */

enum { PROBES = 64 };
struct probe {
	struct timer timer;
	int64_t fired_ms; /* -1: not yet */
	int order;
};
static struct {
	int64_t now_ms;
	int fired;
} bench;

static void note_fired(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, timer);

	p->fired_ms = bench.now_ms;
	p->order = bench.fired++;
}

static void probe_add(struct wheel *w, struct probe *p, int64_t due_ms)
{
	timer_init(&p->timer, NULL, note_fired);
	p->fired_ms = -1;
	p->timer.due_ms = due_ms;
	wheel_add(w, &p->timer);
}

static void a_wheel_fires_each_timer_at_its_millisecond(void **state)
{
	static const int64_t delays[] = { 0, 1, 2, 63, 64, 65, 100, 127, 128, 4095, 4096, 4097,
					  5000, 65000, 262143, 262144, 300000, 16777216, 20000000,
					  86400000, 1073741824, 90000000000 };
	static const int64_t starts[] = { 0, 1, 63, 4095, 123456789, 68719476735, 68719476736 };
	struct probe probes[ARRAY_LEN(delays)];
	struct wheel *w = mem_new(struct wheel);

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(starts); s++) {
		wheel_init(w, starts[s]);
		for (size_t i = 0; i < ARRAY_LEN(delays); i++)
			probe_add(w, &probes[i], starts[s] + delays[i]);
		while (w->next_ms != INT64_MAX) {
			bench.now_ms = w->next_ms;
			wheel_advance(w, bench.now_ms);
		}
		for (size_t i = 0; i < ARRAY_LEN(delays); i++)
			assert_int_equal(probes[i].fired_ms, starts[s] + delays[i]);
	}
	mem_free(w);
}

static void a_wheel_keeps_the_order_whatever_the_steps(void **state)
{
	struct wheel *w = mem_new(struct wheel);
	struct probe probes[PROBES];
	uint32_t random = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		bench.now_ms = round * 7919;
		bench.fired = 0;
		wheel_init(w, bench.now_ms);
		for (int i = 0; i < PROBES; i++) {
			random = random * 1664525 + 1013904223;
			probe_add(w, &probes[i], bench.now_ms + (random >> 20) % 600);
			if (i % 4 == 0)
				wheel_advance(w, bench.now_ms += random >> 29);
		}
		while (bench.fired < PROBES) {
			random = random * 1664525 + 1013904223;
			bench.now_ms += (random >> 24) % 100;
			wheel_advance(w, bench.now_ms);
		}
		for (int i = 0; i < PROBES; i++)
			for (int j = 0; j < i; j++)
				if (probes[i].fired_ms == probes[j].fired_ms &&
				    probes[i].timer.due_ms == probes[j].timer.due_ms)
					assert_true(probes[j].order < probes[i].order);
				else if (probes[i].timer.due_ms < probes[j].timer.due_ms)
					assert_true(probes[i].fired_ms <= probes[j].fired_ms);
	}
	mem_free(w);
}

/* A loop that runs. */

struct stage {
	struct loop *loop;
	struct timer timer, other, end;
	struct timer *set_in_fire;
	int64_t due_ms, late_ms;
	int fired, wanted;
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

static void end_loop(struct timer *t)
{
	loop_stop(t->loop);
}

static void note_and_stop(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, timer);

	s->late_ms = clock_mono_ms() - s->due_ms;
	s->fired++;
	loop_stop(s->loop);
}

static void a_timer_fires_when_due_and_not_before(void **state)
{
	struct stage *s = *state;

	timer_init(&s->timer, s->loop, note_and_stop);
	s->due_ms = loop_now_ms(s->loop) + 30;
	timer_set(&s->timer, 30);
	assert_true(timer_is_set(&s->timer));
	loop_run(s->loop);
	assert_int_equal(s->fired, 1);
	assert_false(timer_is_set(&s->timer));
	assert_true(s->late_ms >= 0);
}

static void a_moved_timer_fires_once_at_its_new_time(void **state)
{
	struct stage *s = *state;

	timer_init(&s->timer, s->loop, note_and_stop);
	timer_set(&s->timer, 100000);
	timer_set(&s->timer, 5);
	timer_set(&s->timer, 20);
	s->due_ms = loop_now_ms(s->loop) + 20;
	loop_run(s->loop);
	assert_int_equal(s->fired, 1);
	assert_true(s->late_ms >= 0);
}

static void a_cancelled_timer_stays_silent(void **state)
{
	struct stage *s = *state;

	timer_cancel(&s->timer); /* zero-initialised */
	assert_false(timer_is_set(&s->timer));
	timer_init(&s->timer, s->loop, note_and_stop);
	timer_init(&s->end, s->loop, end_loop);
	timer_set(&s->timer, 5);
	timer_set(&s->end, 15);
	timer_cancel(&s->timer);
	timer_cancel(&s->timer);
	loop_run(s->loop);
	assert_int_equal(s->fired, 0);
}

static void an_extended_timer_fires_at_its_last_time_only(void **state)
{
	static const struct {
		int64_t delays[4]; /* 0: no more */
		int64_t wanted;
	} cases[] = { { { 5, 20 }, 20 }, { { 20, 5 }, 5 }, { { 3, 30, 12 }, 12 }, { { 2, 100000, 8 }, 8 } };
	struct stage *s = *state;

	timer_init(&s->timer, s->loop, note_and_stop);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		s->fired = 0;
		for (size_t k = 0; k < ARRAY_LEN(cases[i].delays) && cases[i].delays[k]; k++)
			timer_extend(&s->timer, cases[i].delays[k]);
		assert_true(timer_is_set(&s->timer));
		s->due_ms = loop_now_ms(s->loop) + cases[i].wanted;
		loop_run(s->loop);
		assert_int_equal(s->fired, 1);
		assert_true(s->late_ms >= 0);
		assert_false(timer_is_set(&s->timer));
	}
}

static void a_resting_timer_is_silent_until_it_is_extended(void **state)
{
	struct stage *s = *state;

	timer_rest(&s->timer); /* zero-initialised */
	timer_init(&s->timer, s->loop, note_and_stop);
	timer_init(&s->end, s->loop, end_loop);
	timer_extend(&s->timer, 5);
	timer_rest(&s->timer);
	assert_false(timer_is_set(&s->timer));
	timer_set(&s->end, 15);
	loop_run(s->loop);
	assert_int_equal(s->fired, 0);
	timer_extend(&s->timer, 10);
	s->due_ms = loop_now_ms(s->loop) + 10;
	loop_run(s->loop);
	assert_int_equal(s->fired, 1);
	assert_true(s->late_ms >= 0);
	timer_extend(&s->timer, 5);
	timer_rest(&s->timer);
	timer_cancel(&s->timer); /* before its memory goes */
}

static void extend_the_other(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, other);

	timer_extend(&s->timer, 10);
}

static void a_firing_timer_may_extend_one_that_is_due_too(void **state)
{
	struct stage *s = *state;

	timer_init(&s->other, s->loop, extend_the_other);
	timer_init(&s->timer, s->loop, note_and_stop);
	timer_set(&s->other, 3);
	timer_set(&s->timer, 3);
	s->due_ms = loop_now_ms(s->loop) + 3 + 10;
	loop_run(s->loop);
	assert_int_equal(s->fired, 1);
	assert_true(s->late_ms >= 0);
}

static void cancel_the_other(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, other);

	timer_cancel(&s->timer);
}

static void a_firing_timer_may_cancel_one_that_is_due_too(void **state)
{
	struct stage *s = *state;

	timer_init(&s->other, s->loop, cancel_the_other);
	timer_init(&s->timer, s->loop, note_and_stop);
	timer_init(&s->end, s->loop, end_loop);
	timer_set(&s->other, 5);
	timer_set(&s->timer, 5);
	timer_set(&s->end, 6);
	loop_run(s->loop);
	assert_int_equal(s->fired, 0);
}

static void set_again(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, timer);

	if (++s->fired == s->wanted)
		loop_stop(s->loop);
	else
		timer_set(t, 0);
}

static void a_timer_set_to_zero_lets_the_loop_turn(void **state)
{
	struct stage *s = *state;

	s->wanted = 1000;
	timer_init(&s->timer, s->loop, set_again);
	timer_set(&s->timer, 0);
	loop_run(s->loop);
	assert_int_equal(s->fired, 1000);
}

/* Messages */

enum { SENDERS = 4, MESSAGES = 20000 };
struct letter {
	struct message message;
	struct post_office *office;
	int sender, number;
};
struct post_office {
	struct loop *loop;
	int received, next[SENDERS];
	bool in_order;
	struct letter *letters[SENDERS];
};

static void receive(struct loop *l, struct message *m)
{
	struct letter *letter = container_of(m, struct letter, message);
	struct post_office *office = letter->office;

	if (letter->number != office->next[letter->sender]++)
		office->in_order = false;
	m->next = NULL; /* the message is the receiver's now */
	if (++office->received == SENDERS * MESSAGES)
		loop_stop(l);
}

static void *send_letters(void *arg)
{
	struct letter *letters = arg;

	for (int i = 0; i < MESSAGES; i++)
		loop_post(letters[i].office->loop, &letters[i].message);
	return NULL;
}

static void posts_of_each_thread_arrive_in_order(void **state)
{
	struct stage *s = *state;
	struct post_office office = { .loop = s->loop, .in_order = true };
	pthread_t threads[SENDERS];

	for (int i = 0; i < SENDERS; i++) {
		struct letter *letters = mem_calloc(MESSAGES, sizeof *letters);

		office.letters[i] = letters;
		for (int n = 0; n < MESSAGES; n++)
			letters[n] = (struct letter){ .message.run = receive, .office = &office,
						      .sender = i, .number = n };
		assert_int_equal(pthread_create(&threads[i], NULL, send_letters, letters), 0);
	}
	loop_run(s->loop);
	for (int i = 0; i < SENDERS; i++) {
		pthread_join(threads[i], NULL);
		mem_free(office.letters[i]);
		assert_int_equal(office.next[i], MESSAGES);
	}
	assert_true(office.in_order);
}

static void *stop_it(void *arg)
{
	loop_stop(arg);
	return NULL;
}

static void another_thread_stops_the_loop(void **state)
{
	struct stage *s = *state;

	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, stop_it, s->loop), 0);
		loop_run(s->loop);
		pthread_join(thread, NULL);
	}
}

/* Hooks */

struct mark {
	struct hook hook;
	struct hook *remove;
	int *count;
	int at;
};

static void leave_mark(struct hook *h)
{
	struct mark *m = container_of(h, struct mark, hook);

	m->at = ++*m->count;
	if (m->remove)
		loop_remove_hook(m->remove);
}

static void hooks_run_in_order_and_may_go_meanwhile(void **state)
{
	struct stage *s = *state;
	int count = 0;
	struct mark marks[4];

	for (int i = 0; i < 4; i++) {
		marks[i] = (struct mark){ .hook.run = leave_mark, .count = &count };
		loop_add_hook(s->loop, &marks[i].hook);
	}
	marks[0].remove = &marks[0].hook;
	marks[1].remove = &marks[2].hook;
	loop_stop(s->loop);
	loop_run(s->loop);
	assert_int_equal(marks[0].at, 1);
	assert_int_equal(marks[1].at, 2);
	assert_int_equal(marks[2].at, 0);
	assert_int_equal(marks[3].at, 3);
}

/* Descriptors */

struct eye {
	struct watch watch;
	int seen, stop_after;
};

static void look(struct watch *w, int events)
{
	struct eye *eye = container_of(w, struct eye, watch);

	eye->seen |= events;
	if (--eye->stop_after == 0)
		loop_stop(w->loop);
	else
		watch_set(w, LOOP_READ);
}

static void a_watch_tells_what_it_was_asked_for(void **state)
{
	struct stage *s = *state;
	struct eye eye = { .stop_after = 2 };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	watch_init(&eye.watch, s->loop, pair[0], look);
	watch_set(&eye.watch, LOOP_WRITE);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(s->loop);
	assert_int_equal(eye.seen, LOOP_READ | LOOP_WRITE);

	/* At rest it is silent though there are bytes. */
	eye.seen = 0;
	eye.stop_after = 10;
	watch_set(&eye.watch, 0);
	timer_init(&s->end, s->loop, end_loop);
	timer_set(&s->end, 10);
	loop_run(s->loop);
	assert_int_equal(eye.seen, 0);

	/* Resting and going on within one iteration loses nothing. */
	eye.stop_after = 1;
	watch_set(&eye.watch, LOOP_READ);
	watch_set(&eye.watch, 0);
	watch_set(&eye.watch, LOOP_READ);
	loop_run(s->loop);
	assert_int_equal(eye.seen, LOOP_READ);
	watch_stop(&eye.watch);
	watch_stop(&eye.watch);
	close(pair[0]);
	close(pair[1]);
}

static void a_new_descriptor_with_an_old_number_is_seen(void **state)
{
	struct stage *s = *state;

	for (int round = 0; round < 3; round++) {
		struct eye eye = { .stop_after = 1 };
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		watch_init(&eye.watch, s->loop, pair[0], look);
		watch_set(&eye.watch, LOOP_READ);
		assert_int_equal(write(pair[1], "x", 1), 1);
		loop_run(s->loop);
		assert_int_equal(eye.seen, LOOP_READ);
		watch_stop(&eye.watch);
		close(pair[0]);
		close(pair[1]);
	}
}

static void note_lag(void *context, int64_t busy_us)
{
	int64_t *longest = context;

	if (busy_us > *longest)
		*longest = busy_us;
}

static void be_busy(struct timer *t)
{
	int64_t until_ms = clock_mono_ms() + 12;

	while (clock_mono_ms() < until_ms)
		;
	loop_stop(t->loop);
}

static void a_long_turn_is_reported(void **state)
{
	struct stage *s = *state;
	int64_t longest_us = 0;

	loop_on_lag(s->loop, note_lag, &longest_us);
	timer_init(&s->timer, s->loop, be_busy);
	timer_set(&s->timer, 1);
	loop_run(s->loop);
	assert_true(longest_us >= 11000);
}

#define staged(test) cmocka_unit_test_setup_teardown(test, make_stage, free_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wheel_fires_each_timer_at_its_millisecond),
		cmocka_unit_test(a_wheel_keeps_the_order_whatever_the_steps),
		staged(a_timer_fires_when_due_and_not_before),
		staged(a_moved_timer_fires_once_at_its_new_time),
		staged(a_cancelled_timer_stays_silent),
		staged(an_extended_timer_fires_at_its_last_time_only),
		staged(a_resting_timer_is_silent_until_it_is_extended),
		staged(a_firing_timer_may_extend_one_that_is_due_too),
		staged(a_firing_timer_may_cancel_one_that_is_due_too),
		staged(a_timer_set_to_zero_lets_the_loop_turn),
		staged(posts_of_each_thread_arrive_in_order),
		staged(another_thread_stops_the_loop),
		staged(hooks_run_in_order_and_may_go_meanwhile),
		staged(a_watch_tells_what_it_was_asked_for),
		staged(a_new_descriptor_with_an_old_number_is_seen),
		staged(a_long_turn_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
