/*
 * Connections to upstreams that are used again: which, how often, and when they are given up.
 */
#include "tests/support/upcall_stage.h"

#include <signal.h>

static void a_connection_is_used_again(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, get_twice);
	assert_ok(&s, "hello");
	assert_true(s.timing.reused);
	assert_int_equal(uplink_pool_idle(s.pool), 1);
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.accepted), 1);
}

static void a_stale_connection_is_replaced_unseen(void **state)
{
	static const enum op ends[] = { OP_END, OP_RESET };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		const struct step scripts[][STEPS_MAX] = {
			{ READ, SEND(OK_FIVE), READ, { .op = ends[i] } },
			{ READ, SEND(OK_FIVE), GONE },
		};
		struct stage s;

		stage_init(&s);
		perform(&s, scripts, 2, get_twice);
		assert_ok(&s, "hello");
		assert_false(s.timing.reused);
		finish(&s);
		assert_int_equal(atomic_load(&s.peer.accepted), 2);
	}
}

static void a_connection_is_replaced_only_once(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ },
		{ READ },
		{ READ, SEND(OK_FIVE) },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 3, get_twice);
	assert_failed(&s, E_upstream_error);
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.accepted), 2);
}

static void a_connection_that_has_begun_to_answer_is_not_replaced(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ, SEND("H") },
		{ READ, SEND(OK_FIVE) },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, get_twice);
	assert_failed(&s, E_upstream_error);
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.accepted), 1);
}

static void get_then_post_much(struct stage *s)
{
	get_once(s);
	post_much(s);
}

static void a_stale_connection_is_replaced_in_the_middle_of_a_large_body(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), HEAD, PAUSE(10), RESET },
		{ READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, get_then_post_much);
	assert_ok(&s, "hello");
	assert_int_equal(atomic_load(&s.peer.body_bytes), much());
	finish(&s);
}

static void wait_until_none_idle(struct stage *s)
{
	get_once(s);
	assert_int_equal(s->result, UPCALL_END);
	atomic_store(&s->peer.go_on, 1);
	while (uplink_pool_idle(s->pool) > 0) /* the watchdog bounds it */
		assert_int_equal(fiber_sleep(1, NULL), 0);
}

static void an_idle_connection_that_closes_or_talks_is_dropped(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), AWAIT },
		{ READ, SEND(OK_FIVE), AWAIT, SEND("HTTP/1.1 408 Late\r\n\r\n"), GONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &scripts[i], 1, wait_until_none_idle);
		finish(&s);
	}
}

static void an_idle_connection_is_dropped_after_its_time(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	s.idle_ms = 20;
	perform(&s, scripts, 1, wait_until_none_idle);
	assert_peer_left(&s);
	finish(&s);
}

static void open_three_at_once(struct stage *s)
{
	struct upcall *u[3];

	for (int i = 0; i < 3; i++) {
		u[i] = open_call(s, HTTP1_GET, SPAN_NONE);
		assert_non_null(u[i]);
	}
	for (int i = 0; i < 3; i++) {
		read_answer(s, u[i]);
		assert_ok(s, "hello");
		buf_clear(&s->body);
		upcall_close(u[i]);
	}
	assert_int_equal(uplink_pool_idle(s->pool), 2);
}

static void only_so_many_connections_stay_idle(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), GONE },
		{ READ, SEND(OK_FIVE), GONE },
		{ READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	s.idle_max = 2;
	perform(&s, scripts, 3, open_three_at_once);
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.accepted), 3);
}

static void get_four_times(struct stage *s)
{
	for (int i = 0; i < 4; i++) {
		get_once(s);
		assert_int_equal(s->result, UPCALL_END);
	}
}

#define WITH_MAX(n) OK_HEAD "Keep-Alive: timeout=60, max=" n "\r\n" EMPTY

static void the_peers_limit_on_calls_is_kept(void **state)
{
	/* one that always says two, and one that counts down */
	static const struct step always[][STEPS_MAX] = {
		{ READ, SEND(WITH_MAX("2")), READ, SEND(WITH_MAX("2")), GONE },
		{ READ, SEND(WITH_MAX("2")), READ, SEND(WITH_MAX("2")), GONE },
	};
	static const struct step down[][STEPS_MAX] = {
		{ READ, SEND(WITH_MAX("2")), READ, SEND(WITH_MAX("1")), READ,
		  SEND(WITH_MAX("0")), GONE },
		{ READ, SEND(WITH_MAX("2")), GONE },
	};
	const struct step(*scripts[])[STEPS_MAX] = { always, down };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, scripts[i], 2, get_four_times);
		finish(&s);
		assert_int_equal(atomic_load(&s.peer.accepted), 2);
	}
}

static void leave_half_read(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read(u, &piece, PATIENCE_MS, &s->err), UPCALL_DATA);
	upcall_close(u);
	assert_int_equal(uplink_pool_idle(s->pool), 0);
}

static void closing_early_closes_the_connection(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, leave_half_read);
	assert_peer_left(&s);
	finish(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_used_again),
		cmocka_unit_test(a_stale_connection_is_replaced_unseen),
		cmocka_unit_test(a_connection_is_replaced_only_once),
		cmocka_unit_test(a_connection_that_has_begun_to_answer_is_not_replaced),
		cmocka_unit_test(a_stale_connection_is_replaced_in_the_middle_of_a_large_body),
		cmocka_unit_test(an_idle_connection_that_closes_or_talks_is_dropped),
		cmocka_unit_test(an_idle_connection_is_dropped_after_its_time),
		cmocka_unit_test(only_so_many_connections_stay_idle),
		cmocka_unit_test(the_peers_limit_on_calls_is_kept),
		cmocka_unit_test(closing_early_closes_the_connection),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
