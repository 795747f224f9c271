/*
 * tests/unit/test_turnstile.c - one fiber at a time for each name.
 */
#include "common/loop/turnstile.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/loop/fiber.h"

enum { FOREVER_MS = 60000 };

/* One loop, whose fibers write down what happens to them. */
struct scene {
	struct loop *loop;
	struct turnstile *turnstile;
	char story[256];
	int left; /* fibers that have not ended */
};

struct actor {
	struct scene *scene;
	struct fiber *fiber;
	const char *name; /* of the gate */
	char letter;
	bool ahead;
	int64_t wait_ms, stay_ms;
	struct fiber **cancels; /* when it is inside */
	struct fiber **dismisses; /* as soon as it has left, in one breath */
};

static void note(struct scene *s, char what, char who)
{
	size_t len = strlen(s->story);

	s->story[len] = what;
	s->story[len + 1] = who;
	s->story[len + 2] = '\0';
}

static void act(void *data)
{
	struct actor *a = data;
	struct turnstile_pass pass;
	struct err err = ERR_INIT;
	int result;

	a->fiber = fiber_self();
	result = (a->ahead ? turnstile_enter_ahead : turnstile_enter)(a->scene->turnstile, span_str(a->name),
								       a->wait_ms, &pass, &err);
	note(a->scene, result == 0 ? '+' : result > 0 ? '?' : '!', a->letter);
	if (result == 0) {
		if (a->cancels)
			fiber_cancel(*a->cancels);
		if (a->stay_ms)
			fiber_sleep(a->stay_ms, &err);
		note(a->scene, '-', a->letter);
		turnstile_leave(a->scene->turnstile, &pass);
		if (a->dismisses)
			fiber_cancel(*a->dismisses);
	}
	turnstile_leave(a->scene->turnstile, &pass); /* harmless */
	if (--a->scene->left == 0)
		loop_stop(a->scene->loop);
}

static void play(struct actor *actors, size_t count, size_t waiters_max, const char *story)
{
	struct scene s = { .loop = loop_new(), .turnstile = turnstile_new(waiters_max), .left = (int)count };

	for (size_t i = 0; i < count; i++) {
		actors[i].scene = &s;
		assert_non_null(fiber_start(s.loop, act, &actors[i]));
	}
	if (s.left > 0)
		loop_run(s.loop);
	assert_string_equal(s.story, story);
	turnstile_free(s.turnstile);
	loop_free(s.loop);
}

static void one_after_the_other_in_order_of_arrival(void **state)
{
	struct actor actors[] = {
		{ .name = "x", .letter = 'a', .stay_ms = 5 },
		{ .name = "x", .letter = 'b', .wait_ms = FOREVER_MS },
		{ .name = "x", .letter = 'c', .wait_ms = FOREVER_MS, .stay_ms = 1 },
		{ .name = "x", .letter = 'd', .wait_ms = FOREVER_MS },
	};

	(void)state;
	play(actors, ARRAY_LEN(actors), 8, "+a-a+b-b+c-c+d-d");
}

static void who_goes_ahead_comes_before_all_who_wait(void **state)
{
	struct actor actors[] = {
		{ .name = "x", .letter = 'a', .stay_ms = 5 },
		{ .name = "x", .letter = 'b', .wait_ms = FOREVER_MS },
		{ .name = "x", .letter = 'c', .wait_ms = FOREVER_MS },
		{ .name = "x", .letter = 'd', .wait_ms = FOREVER_MS, .ahead = true, .stay_ms = 1 },
	};

	(void)state;
	play(actors, ARRAY_LEN(actors), 8, "+a-a+d-d+b-b+c-c");
}

static void other_names_do_not_wait(void **state)
{
	struct actor actors[] = {
		{ .name = "x", .letter = 'a', .stay_ms = 5 },
		{ .name = "y", .letter = 'b' },
		{ .name = "", .letter = 'c' },
	};

	(void)state;
	play(actors, ARRAY_LEN(actors), 8, "+a+b-b+c-c-a");
}

static void a_wait_has_its_bounds(void **state)
{
	struct actor actors[] = {
		{ .name = "x", .letter = 'a', .stay_ms = 60 },
		{ .name = "x", .letter = 'b', .wait_ms = 5 },
		{ .name = "x", .letter = 'c', .wait_ms = FOREVER_MS },
		{ .name = "x", .letter = 'd', .wait_ms = FOREVER_MS }, /* the third to wait */
	};

	(void)state;
	play(actors, ARRAY_LEN(actors), 2, "+a?d?b-a+c-c");
}

/* The gate is its own by then, though nobody has told it yet. */
static void who_is_cancelled_when_its_turn_comes_hands_it_on(void **state)
{
	struct actor actors[] = {
		{ .name = "x", .letter = 'a', .stay_ms = 5 },
		{ .name = "x", .letter = 'b', .wait_ms = FOREVER_MS },
		{ .name = "x", .letter = 'c', .wait_ms = 5000 },
	};

	(void)state;
	actors[0].dismisses = &actors[1].fiber;
	play(actors, ARRAY_LEN(actors), 8, "+a-a!b+c-c");
}

static void who_is_cancelled_waits_no_more(void **state)
{
	struct actor actors[] = {
		{ .name = "x", .letter = 'a', .stay_ms = 10 },
		{ .name = "x", .letter = 'b', .wait_ms = FOREVER_MS },
		{ .name = "x", .letter = 'c', .wait_ms = FOREVER_MS },
		{ .name = "y", .letter = 'd' },
	};

	(void)state;
	actors[3].cancels = &actors[1].fiber;
	play(actors, ARRAY_LEN(actors), 8, "+a+d-d!b-a+c-c");
}

/* Threads: what is inside is seen by ThreadSanitizer, and by a count that only one may change. */
enum { THREADS = 4, FIBERS = 24, ROUNDS = 60 };

struct crowd {
	struct turnstile *turnstile;
	int inside, entered; /* behind the turnstile */
};

struct member {
	struct crowd *crowd;
	struct loop *loop;
	pthread_t thread;
	int left;
	size_t begun;
	unsigned seed;
	struct fiber *fibers[FIBERS];
};

static unsigned next_random(struct member *m)
{
	m->seed = m->seed * 1103515245u + 12345u;
	return m->seed >> 16;
}

/* Now and then one of this loop, which may be waiting, or chosen just now. */
static void cancel_one(struct member *m)
{
	struct fiber *f = m->fibers[next_random(m) % FIBERS];

	if (next_random(m) % 100 == 0 && f)
		fiber_cancel(f);
}

static void push_through(void *data)
{
	struct member *m = data;
	struct crowd *c = m->crowd;
	struct err err = ERR_INIT;
	size_t self = m->begun++;

	m->fibers[self] = fiber_self();
	for (int i = 0; i < ROUNDS; i++) {
		struct turnstile_pass pass;
		int result = turnstile_enter(c->turnstile, SPAN_LIT("one"), next_random(m) % 4, &pass, &err);

		if (result < 0)
			break;
		if (result > 0)
			continue;
		assert_int_equal(c->inside++, 0);
		if (next_random(m) % 3 == 0)
			fiber_sleep(0, &err);
		c->entered++;
		assert_int_equal(--c->inside, 0);
		turnstile_leave(c->turnstile, &pass);
		cancel_one(m);
	}
	m->fibers[self] = NULL;
	if (--m->left == 0)
		loop_stop(m->loop);
}

static void *run_member(void *data)
{
	struct member *m = data;

	m->left = FIBERS;
	for (size_t i = 0; i < FIBERS; i++)
		assert_non_null(fiber_start(m->loop, push_through, m));
	if (m->left > 0)
		loop_run(m->loop);
	return NULL;
}

static void a_crowd_on_all_workers_goes_through_one_at_a_time(void **state)
{
	struct crowd c = { .turnstile = turnstile_new(FIBERS * THREADS) };
	struct member members[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		members[i] = (struct member){ .crowd = &c, .loop = loop_new(), .seed = (unsigned)i + 1 };
		assert_int_equal(pthread_create(&members[i].thread, NULL, run_member, &members[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(members[i].thread, NULL);
		loop_free(members[i].loop);
	}
	assert_int_equal(c.inside, 0);
	assert_true(c.entered > 0);
	turnstile_free(c.turnstile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other_in_order_of_arrival),
		cmocka_unit_test(who_goes_ahead_comes_before_all_who_wait),
		cmocka_unit_test(other_names_do_not_wait),
		cmocka_unit_test(a_wait_has_its_bounds),
		cmocka_unit_test(who_is_cancelled_waits_no_more),
		cmocka_unit_test(who_is_cancelled_when_its_turn_comes_hands_it_on),
		cmocka_unit_test(a_crowd_on_all_workers_goes_through_one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
