/*
 * Outgoing calls that end before their answer does: silence, time limits, cancelling, nobody there.
 */
#include "tests/support/upcall_stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* Silence */

/* Tells the server to go on when it has been told of silence three times. */
static void count_waits(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;
	int waits = 0;

	while ((s->result = upcall_wait_head(u, 10, &s->err)) == UPCALL_WAIT)
		if (++waits == 3)
			atomic_fetch_add(&s->peer.go_on, 1);
	assert_true(waits >= 3);
	assert_int_equal(s->result, UPCALL_DATA);
	assert_int_equal(upcall_read(u, &piece, PATIENCE_MS, &s->err), UPCALL_DATA);
	waits = 0;
	while ((s->result = upcall_read(u, &piece, 10, &s->err)) == UPCALL_WAIT)
		if (++waits == 3)
			atomic_fetch_add(&s->peer.go_on, 1);
	assert_true(waits >= 3);
	assert_int_equal(s->result, UPCALL_DATA);
	upcall_close(u);
}

static void silence_is_told(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, AWAIT, SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel"), AWAIT,
		  SEND("lo!"), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, count_waits);
	finish(&s);
}

static void silence_ends_in_a_time_out(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, GONE },
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), GONE },
		{ READ, GONE },
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"), GONE },
	};
	static const struct {
		struct upcall_limits limits;
		const char *says;
	} cases[] = {
		{ { PATIENCE_MS, 60, PATIENCE_MS, 0, 4096 }, "no answer within 60 ms" },
		{ { PATIENCE_MS, PATIENCE_MS, 60, 0, 4096 },
		  "nothing more of the answer within 60 ms" },
		{ { PATIENCE_MS, PATIENCE_MS, PATIENCE_MS, 300, 4096 }, "not over within 300 ms" },
		{ { PATIENCE_MS, PATIENCE_MS, PATIENCE_MS, 300, 4096 }, "not over within 300 ms" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		s.limits = cases[i].limits;
		perform(&s, &scripts[i], 1, get_once);
		assert_failed(&s, E_upstream_timeout);
		assert_non_null(strstr(s.err.message, cases[i].says));
		assert_peer_left(&s);
		finish(&s);
	}
}

/* Takes longer over a piece than the peer may be silent: the silence begins when it asks again. */
static void read_slowly(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read(u, &piece, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(fiber_sleep(s->limits.between_ms + 50, NULL), 0);
	assert_int_equal(upcall_read(u, &piece, 1, &s->err), UPCALL_WAIT);
	atomic_store(&s->peer.go_on, 1);
	while (atomic_load(&s->peer.sent) < 2)
		assert_int_equal(fiber_sleep(1, NULL), 0);
	assert_int_equal(upcall_read(u, &piece, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read(u, &piece, PATIENCE_MS, &s->err), UPCALL_END);
	upcall_close(u);
}

static void a_slow_reader_is_not_the_peers_silence(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhel"), AWAIT, SEND("lo!"),
		  GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	s.limits.between_ms = 1000;
	perform(&s, scripts, 1, read_slowly);
	finish(&s);
}

static void a_peer_that_takes_nothing_ends_in_a_time_out(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	s.limits.between_ms = 50;
	perform(&s, scripts, 1, post_much);
	assert_failed(&s, E_upstream_timeout);
	finish(&s);
}

static void a_flood_is_held_to_the_limit_of_all(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\n\r\n"), FILL((size_t)1 << 40) },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	s.limits.total_ms = 60;
	buf_free(&s.body);
	buf_init(&s.body, 1);
	perform(&s, scripts, 1, get_once);
	assert_failed(&s, E_upstream_timeout);
	finish(&s);
}

/* Cancelling */

static void cancel_it(struct timer *t)
{
	fiber_cancel(container_of(t, struct stage, prompter)->fiber);
}

static void get_for_a_moment(struct stage *s)
{
	prompt(s, cancel_it, 20);
	get_once(s);
}

static void a_cancelled_call_closes_its_connection_at_once(void **state)
{
	static const struct {
		struct step script[STEPS_MAX];
		void (*scene)(struct stage *);
	} cases[] = {
		{ { CANCEL, GONE }, get_until_cancelled },
		{ { PAUSE(10), CANCEL, GONE }, post_until_cancelled },
		{ { READ, CANCEL, GONE }, get_until_cancelled },
		{ { READ, SEND(OK_HEAD "Content-Length: 9\r\n\r\nhel"), PAUSE(10), CANCEL, GONE },
		  get_until_cancelled },
		{ { READ, SEND(OK_HEAD "\r\n"), FILL(100000), CANCEL, FILL((size_t)1 << 40), GONE },
		  get_until_cancelled },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &cases[i].script, 1, cases[i].scene);
		assert_failed(&s, E_cancelled);
		assert_int_equal(uplink_pool_idle(s.pool), 0);
		assert_peer_left(&s);
		finish(&s);
	}
}

/* A listener whose queue is full: connections to it stay without an answer. */
struct deaf {
	int fd, port, fillers[4];
};

static void deaf_open(struct deaf *d)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;

	d->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(d->fd, 0), 0);
	assert_int_equal(getsockname(d->fd, (struct sockaddr *)&in, &len), 0);
	d->port = ntohs(in.sin_port);
	for (size_t i = 0; i < ARRAY_LEN(d->fillers); i++) {
		d->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(d->fillers[i], (struct sockaddr *)&in, sizeof in);
	}
}

static void deaf_close(struct deaf *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->fillers); i++)
		close(d->fillers[i]);
	close(d->fd);
}

static void connecting_can_be_cancelled_and_times_out(void **state)
{
	struct deaf deaf;
	struct stage s;

	(void)state;
	deaf_open(&deaf);
	stage_init(&s);
	stage_open(&s);
	s.origin.port = deaf.port;
	stage_run(&s, get_for_a_moment);
	assert_failed(&s, E_cancelled);
	s.limits.connect_ms = 50;
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_timeout);
	assert_non_null(strstr(s.err.message, "connecting"));
	stage_close(&s);
	deaf_close(&deaf);
}

static void nobody_listening_is_told(void **state)
{
	struct stage s;
	char name[32];

	(void)state;
	stage_init(&s);
	peer_start(&s.peer, NULL, 0, NULL, NULL);
	peer_stop(&s.peer); /* so that its port is free */
	stage_open(&s);
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_unavailable);
	snprintf(name, sizeof name, "127.0.0.1:%d: ", s.peer.port);
	assert_non_null(strstr(s.err.message, name));
	stage_close(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told),
		cmocka_unit_test(silence_ends_in_a_time_out),
		cmocka_unit_test(a_slow_reader_is_not_the_peers_silence),
		cmocka_unit_test(a_peer_that_takes_nothing_ends_in_a_time_out),
		cmocka_unit_test(a_flood_is_held_to_the_limit_of_all),
		cmocka_unit_test(a_cancelled_call_closes_its_connection_at_once),
		cmocka_unit_test(connecting_can_be_cancelled_and_times_out),
		cmocka_unit_test(nobody_listening_is_told),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
