/*
 * tests/unit/test_conversation_holds.c - what turns under way hold of a quota.
 */
#include "common/chat/conversation_holds.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"

static const struct conversation_owner ada = { "acme", "ada" }, grace = { "acme", "grace" },
				       nobody = { "acme", "" }, other = { "beta", "ada" };

static int make(void **state)
{
	*state = holds_new();
	return 0;
}

static int end(void **state)
{
	holds_free(*state);
	return 0;
}

static int take(struct hold *h, int64_t count, int64_t bytes, int64_t needed, int64_t answer)
{
	const struct conversation_quota left = { count, bytes };
	struct err err = ERR_INIT;
	int result = holds_take(h, &left, true, needed, answer, &err);

	assert_int_equal(err.code, result < 0 ? E_conversation_store_full : E_none);
	return result;
}

static void bytes_are_the_tenants_and_conversations_the_users(void **state)
{
	struct hold a, g, n, o, again;

	holds_enter(*state, &ada, &a);
	holds_enter(*state, &grace, &g);
	holds_enter(*state, &nobody, &n);
	holds_enter(*state, &other, &o);
	holds_enter(*state, &ada, &again);
	assert_int_equal(take(&a, 1, 100, 10, 50), 0);
	assert_int_equal(take(&again, 1, 100, 10, 0), -1); /* ada's only one is begun */
	assert_int_equal(take(&again, 2, 69, 10, 0), -1);
	assert_int_equal(take(&g, 1, 70, 10, 900), 0); /* an answer may pass what is left */
	assert_int_equal(take(&n, 1, 70, 0, 0), -1);
	assert_int_equal(take(&n, 1, 960, 0, 0), -1);
	assert_int_equal(take(&n, 1, 1020, 0, 0), 0);
	assert_int_equal(take(&o, 1, 10, 10, 0), 0); /* of another tenant */
	holds_leave(&a, 0, false);
	holds_leave(&a, 0, false);
	assert_int_equal(take(&again, 1, 970, 10, 0), 0);
	holds_leave(&g, 0, false);
	holds_leave(&n, 0, false);
	holds_leave(&o, 0, false);
	holds_leave(&again, 0, false);
}

/* left was read before the other's turn was kept, or after: it is not known which. */
static void what_others_came_to_keep_meanwhile_counts(void **state)
{
	struct hold a, b, c;

	holds_enter(*state, &ada, &a);
	holds_enter(*state, &ada, &b);
	assert_int_equal(take(&a, 5, 100, 10, 10), 0);
	holds_leave(&a, 60, true);
	assert_int_equal(take(&b, 5, 100, 41, 0), -1);
	assert_int_equal(take(&b, 1, 100, 1, 0), -1);
	assert_int_equal(take(&b, 2, 100, 40, 0), 0);
	/* Who enters later reads it in the database. */
	holds_enter(*state, &ada, &c);
	assert_int_equal(take(&c, 1, 40, 1, 0), -1);
	assert_int_equal(take(&c, 2, 41, 1, 0), 0);
	holds_leave(&b, 0, false);
	holds_leave(&c, 0, false);
}

/* b's look into the database comes after a's turn was kept, which is counted as kept meanwhile, too. */
static void who_looks_again_counts_nothing_twice(void **state)
{
	struct hold a, b, c;

	holds_enter(*state, &ada, &a);
	holds_enter(*state, &ada, &b);
	assert_false(holds_renew(&b));
	assert_int_equal(take(&a, 2, 100, 10, 10), 0);
	holds_leave(&a, 60, true);
	assert_int_equal(take(&b, 1, 40, 40, 0), -1);
	assert_true(holds_renew(&b));
	assert_int_equal(take(&b, 1, 40, 40, 0), 0);
	/* What is held still counts. */
	holds_enter(*state, &ada, &c);
	assert_false(holds_renew(&c));
	assert_int_equal(take(&c, 1, 1000, 1, 0), -1);
	assert_int_equal(take(&c, 2, 40, 1, 0), -1);
	assert_false(holds_renew(&b));
	assert_int_equal(take(&b, 1, 40, 40, 0), 0);
	holds_leave(&b, 0, false);
	holds_leave(&c, 0, false);
}

static void a_refusal_says_what_there_is_and_what_is_needed(void **state)
{
	const struct conversation_quota one = { 1, 1000 }, little = { 5, 100 };
	struct err err = ERR_INIT;
	struct hold a, b;

	holds_enter(*state, &ada, &a);
	holds_enter(*state, &ada, &b);
	assert_int_equal(take(&a, 1, 1000, 10, 60), 0);
	assert_int_equal(holds_take(&b, &one, true, 10, 0, &err), -1);
	assert_string_equal(err.message, "the user has room for no conversation besides those that turns under way "
					 "may begin (1); try again when they have ended");
	assert_int_equal(holds_take(&b, &little, true, 31, 0, &err), -1);
	assert_string_equal(err.message, "the tenant has room for 100 more bytes of conversations: this turn brings "
					 "31, and turns under way may need 70; try again when they have ended");
	holds_leave(&a, 0, false);
	holds_leave(&b, 0, false);
}

/* A turn of one that is there needs no room for another. */
static void what_goes_on_begins_none(void **state)
{
	const struct conversation_quota none = { 0, 100 };
	struct hold a, b, c;

	holds_enter(*state, &ada, &a);
	holds_enter(*state, &ada, &b);
	holds_enter(*state, &ada, &c);
	assert_int_equal(holds_take(&c, &none, false, 10, 0, NULL), 0);
	assert_int_equal(take(&a, 2, 100, 10, 0), 0);
	assert_int_equal(take(&b, 2, 100, 10, 0), 0);
	assert_int_equal(holds_take(&c, &none, false, 10, 0, NULL), 0);
	assert_int_equal(take(&c, 2, 100, 10, 0), -1);
	assert_int_equal(take(&c, 3, 100, 10, 0), 0);
	holds_leave(&a, 0, false);
	holds_leave(&b, 0, false);
	holds_leave(&c, 0, false);
}

static void what_is_taken_again_takes_the_place_of_the_first(void **state)
{
	struct hold a;

	holds_enter(*state, &ada, &a);
	assert_int_equal(take(&a, 1, 100, 60, 40), 0);
	assert_int_equal(take(&a, 1, 100, 60, 40), 0);
	holds_leave(&a, 0, false);
	holds_enter(*state, &ada, &a);
	assert_int_equal(take(&a, 1, 100, 100, 0), 0);
	holds_leave(&a, 0, false);
}

enum { THREADS = 4, ROUNDS = 20000, ROOM = 50000 };

/* Stands for the database: under its lock. */
struct race {
	struct holds *holds;
	pthread_mutex_t lock;
	int64_t kept;
};

static void *run(void *arg)
{
	struct race *r = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct conversation_quota left = { 2 * THREADS, 0 };
		struct hold h;

		holds_enter(r->holds, i % 2 ? &ada : &grace, &h);
		pthread_mutex_lock(&r->lock);
		left.bytes_max = ROOM - r->kept;
		pthread_mutex_unlock(&r->lock);
		if (holds_take(&h, &left, true, 1, 0, NULL) < 0) {
			holds_leave(&h, 0, false);
			continue;
		}
		pthread_mutex_lock(&r->lock);
		r->kept++;
		pthread_mutex_unlock(&r->lock);
		holds_leave(&h, 1, true);
	}
	return NULL;
}

static void threads_that_race_for_the_last_room_get_just_it(void **state)
{
	struct race r = { .holds = *state, .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, &r), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(r.kept, ROOM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_are_the_tenants_and_conversations_the_users),
		TEST(what_others_came_to_keep_meanwhile_counts),
		TEST(who_looks_again_counts_nothing_twice),
		TEST(a_refusal_says_what_there_is_and_what_is_needed),
		TEST(what_goes_on_begins_none),
		TEST(what_is_taken_again_takes_the_place_of_the_first),
		TEST(threads_that_race_for_the_last_room_get_just_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
