/*
 * Outgoing calls: what is sent, and how each answer is read.
 */
#include "tests/support/upcall_stage.h"

#include <signal.h>
#include <stdlib.h>

/* What is sent */

static void post_parts(struct stage *s)
{
	const struct span parts[] = { SPAN_LIT("{\"a\":"), SPAN_LIT(""), SPAN_LIT("1}") };
	const struct span lines[] = { SPAN_LIT("X-A: b\r\n"), SPAN_NONE, SPAN_LIT("X-C: d\r\nX-E: f\r\n") };
	struct upcall_request req = {
		.origin = &s->origin, .method = HTTP1_POST, .path = SPAN_LIT("/v1/chat"),
		.headers = lines, .header_parts = 3, .body = parts, .body_parts = 3,
	};
	struct upcall *u = upcall_open(s->pool, &req, &s->err);

	assert_non_null(u);
	read_answer(s, u);
	upcall_close(u);
}

static void a_request_goes_out_whole(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE) } };
	struct stage s;
	char expected[256];

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, post_parts);
	assert_ok(&s, "hello");
	snprintf(expected, sizeof expected,
		 "POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-A: b\r\nX-C: d\r\nX-E: f\r\n"
		 "Content-Length: 7\r\nConnection: keep-alive\r\n\r\n", s.peer.port);
	assert_string_equal(s.peer.last_head, expected);
	assert_int_equal(atomic_load(&s.peer.body_bytes), 7);
	assert_int_equal(s.timing.bytes_out, strlen(expected) + 7);
	assert_int_equal(s.timing.bytes_in, strlen(OK_FIVE));
	assert_true(s.timing.started_us <= s.timing.connected_us &&
		    s.timing.connected_us <= s.timing.sent_us &&
		    s.timing.sent_us <= s.timing.head_us);
	finish(&s);
}

static void send_a_bad_target(struct stage *s)
{
	struct upcall_request req = { .origin = &s->origin, .method = HTTP1_GET,
				      .path = SPAN_LIT("/a\r\nX: y") };

	assert_null(upcall_open(s->pool, &req, &s->err));
}

static void a_target_with_a_line_break_is_refused(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, NULL, 0, send_a_bad_target);
	assert_int_equal(s.err.code, E_internal_error);
	finish(&s);
}

/* What comes back: each answer once */

struct answer {
	const char *bytes;
	enum http1_method method;
	const char *body;   /* NULL: fails */
	size_t idle;        /* connections left in the pool */
};

static const struct answer answers[] = {
	{ OK_FIVE, HTTP1_GET, "hello", 1 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP1_GET, "", 1 },
	{ CHUNKED "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-T: 1\r\n\r\n", HTTP1_GET,
	  "hello world", 1 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP1_HEAD, "", 1 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK_FIVE, HTTP1_GET,
	  "hello", 1 },
	/* read until the connection closes */
	{ "HTTP/1.1 200 OK\r\n\r\nhello", HTTP1_GET, "hello", 0 },
	{ "HTTP/1.0 200 OK\r\n\r\nhello", HTTP1_GET, "hello", 0 },
	/* not to be used again */
	{ OK_HEAD "Connection: close\r\n" FIVE, HTTP1_GET, "hello", 0 },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", HTTP1_GET, "hello", 0 },
	{ OK_FIVE "X", HTTP1_GET, "hello", 0 },
	{ OK_FIVE OK_FIVE, HTTP1_GET, "hello", 0 },
	{ CHUNKED "1\r\nx\r\n0\r\n\r\nHTTP/1.1", HTTP1_GET, "x", 0 },
	/* the peer's own limits */
	{ OK_HEAD "Keep-Alive: timeout=5, max=100\r\n" EMPTY, HTTP1_GET, "", 1 },
	{ OK_HEAD "Keep-Alive: timeout=1\r\n" EMPTY, HTTP1_GET, "", 0 },
	{ OK_HEAD "Keep-Alive: max=1\r\n" EMPTY, HTTP1_GET, "", 0 },
	{ OK_HEAD "Keep-Alive: max=0, timeout=60\r\n" EMPTY, HTTP1_GET, "", 0 },
	/* cut or malformed */
	{ "", HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 200 OK\r\nContent-", HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", HTTP1_GET, NULL, 0 },
	{ CHUNKED "5\r\nhello\r\n", HTTP1_GET, NULL, 0 },
	{ CHUNKED "5\r\nhel", HTTP1_GET, NULL, 0 },
	{ CHUNKED "zz\r\nhello", HTTP1_GET, NULL, 0 },
	{ "SSH-2.0-OpenSSH\r\n\r\n", HTTP1_GET, NULL, 0 },
	{ OK_HEAD "Content-Length: 6\r\n" FIVE, HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP1_GET, NULL, 0 },
	{ "HTTP/1.1 100 C\r\n\r\n", HTTP1_GET, NULL, 0 },
};

static size_t answer_at;
static size_t idle_after;

static void get_the_answer(struct stage *s)
{
	call_with(s, answers[answer_at].method, SPAN_NONE);
	idle_after = uplink_pool_idle(s->pool);
}

static void play_answer(const struct answer *a, size_t piece_len)
{
	static struct step script[1][STEPS_MAX];
	static char pieces[STEPS_MAX][512];
	struct stage s;
	size_t len = strlen(a->bytes), at = 0;
	int step = 0;

	memset(script, 0, sizeof script);
	script[0][step++] = (struct step)READ;
	while (at < len && step < STEPS_MAX - 2) {
		size_t take = step >= STEPS_MAX - 5 || piece_len > len - at ? len - at : piece_len;

		snprintf(pieces[step], sizeof pieces[step], "%.*s", (int)take, a->bytes + at);
		script[0][step] = (struct step)SEND(pieces[step]);
		at += take;
		if (++step < STEPS_MAX - 3 && at < len)
			script[0][step++] = (struct step)PAUSE(1);
	}
	if (a->idle > 0)
		script[0][step++] = (struct step)GONE;
	stage_init(&s);
	perform(&s, (const struct step(*)[STEPS_MAX])script, 1, get_the_answer);
	if (a->body) {
		assert_ok(&s, a->body);
	} else {
		assert_failed(&s, E_upstream_error);
		assert_non_null(strstr(s.err.message, "127.0.0.1:"));
	}
	assert_int_equal(idle_after, a->idle);
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.accepted), 1);
}

static void answers_are_read_as_they_are_framed(void **state)
{
	(void)state;
	for (answer_at = 0; answer_at < ARRAY_LEN(answers); answer_at++)
		play_answer(&answers[answer_at], SIZE_MAX);
}

static void answers_in_pieces_are_read_the_same(void **state)
{
	(void)state;
	for (answer_at = 0; answer_at < ARRAY_LEN(answers); answer_at++)
		/* What follows an answer must be there in time to be seen. */
		if (answers[answer_at].idle > 0 || !answers[answer_at].body)
			play_answer(&answers[answer_at], 11);
}

#define CONTINUE "HTTP/1.1 100 C\r\n\r\n"

static void too_many_interim_answers_are_refused(void **state)
{
	static const char hundred[] = CONTINUE CONTINUE CONTINUE;
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(hundred), SEND(hundred), SEND(hundred), SEND(hundred),
		  SEND(hundred), SEND(hundred), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, get_once);
	assert_failed(&s, E_upstream_error);
	assert_peer_left(&s);
	finish(&s);
}

static char *large_head(size_t size)
{
	char *text = malloc(size + 2048);
	size_t len = (size_t)snprintf(text, 64, "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n");

	for (int i = 0; len < size; i++) {
		len += (size_t)snprintf(text + len, 32, "X-%d: ", i);
		memset(text + len, 'v', 1000);
		len += 1000;
		memcpy(text + len, "\r\n", 3);
		len += 2;
	}
	memcpy(text + len, "\r\n", 3);
	return text;
}

static void check_large_head(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);

	assert_non_null(u);
	read_answer(s, u);
	/* The head is still whole after the body has passed. */
	if (s->result == UPCALL_END)
		for (size_t i = 0; i < upcall_head(u)->field_count; i++)
			assert_true(http1_field_at(upcall_head(u), i).value.len == 1000 ||
				    span_is(http1_field_at(upcall_head(u), i).value, "40000"));
	upcall_close(u);
}

static void a_large_head_outlives_its_body_and_a_larger_one_is_refused(void **state)
{
	static const size_t sizes[] = { 7000, 15000, 30000, 60000, 80000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *head = large_head(sizes[i]);
		const struct step scripts[][STEPS_MAX] = {
			{ READ, SEND(head), FILL(40000), GONE },
		};
		struct stage s;

		stage_init(&s);
		perform(&s, scripts, 1, check_large_head);
		if (sizes[i] < 64 * KIB) {
			assert_int_equal(s.result, UPCALL_END);
			assert_int_equal(s.body.len, 40000);
		} else {
			assert_failed(&s, E_upstream_error);
		}
		finish(&s);
		free(head);
	}
}

/* In one piece, where it was received or in a room of a given size */

struct whole {
	const char *first, *second; /* sent when the first has been read */
	size_t room;
	const char *body;           /* NULL: fails */
	bool is_copied;
};

static const struct whole wholes[] = {
	{ OK_FIVE, "", 100, "hello", false },
	{ CHUNKED "5\r\nhello\r\n0\r\n\r\n", "", 100, "hello", false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 100, "", false },
	{ CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "", 100, "hello world", true },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", " world", 100, "hello world", true },
	{ CHUNKED "5\r\nhello\r\n", "0\r\n\r\n", 100, "hello", true },
	{ "HTTP/1.1 200 OK\r\n\r\nhello", "", 100, "hello", true },
	{ OK_FIVE, "", 4, NULL, false },
	{ CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "", 10, NULL, false },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "", 100, NULL, false },
};
static size_t whole_at;

/* The loop turns only while the call waits for more than it has received. */
static void go_on_when_read(struct timer *t)
{
	struct stage *s = container_of(t, struct stage, prompter);

	if (s->call && upcall_timing(s->call)->bytes_in >= strlen(wholes[whole_at].first))
		atomic_store(&s->peer.go_on, 1);
	else
		timer_set(t, 1);
}

static void read_the_whole(struct stage *s)
{
	const struct whole *w = &wholes[whole_at];
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span body = SPAN_NONE;
	struct buf room;

	prompt(s, go_on_when_read, 1);
	buf_init(&room, w->room);
	assert_int_equal(upcall_wait_head(u, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read_whole(u, &room, &body, &s->err), w->body ? 0 : -1);
	if (w->body) {
		assert_true(span_is(body, w->body));
		assert_int_equal(room.len > 0, w->is_copied);
	} else {
		assert_int_equal(s->err.code, E_upstream_error);
	}
	buf_free(&room);
	timer_cancel(&s->prompter);
	upcall_close(u);
}

static void an_answer_that_came_at_once_is_not_copied(void **state)
{
	(void)state;
	for (whole_at = 0; whole_at < ARRAY_LEN(wholes); whole_at++) {
		const struct step scripts[][STEPS_MAX] = {
			{ READ, SEND(wholes[whole_at].first), AWAIT, SEND(wholes[whole_at].second) },
		};
		struct stage s;

		stage_init(&s);
		perform(&s, scripts, 1, read_the_whole);
		finish(&s);
	}
}

static void read_all_bounded(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct buf small;

	buf_init(&small, 1000);
	assert_int_equal(upcall_wait_head(u, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read_all(u, &small, &s->err), -1);
	assert_int_equal(s->err.code, E_upstream_error);
	buf_free(&small);
	upcall_close(u);
	assert_int_equal(uplink_pool_idle(s->pool), 0);
	u = open_call(s, HTTP1_GET, SPAN_NONE);
	assert_int_equal(upcall_wait_head(u, PATIENCE_MS, &s->err), UPCALL_DATA);
	assert_int_equal(upcall_read_all(u, &s->body, &s->err), 0);
	upcall_close(u);
}

static void reading_all_heeds_the_buffers_limit(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"),
		  FILL(2000), GONE },
		{ READ, SEND("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"),
		  FILL(3000000), GONE },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, read_all_bounded);
	assert_int_equal(s.body.len, 3000000);
	finish(&s);
}

/* Large bodies */

static void a_large_body_is_sent_whole(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, post_much);
	assert_ok(&s, "hello");
	assert_int_equal(atomic_load(&s.peer.body_bytes), much());
	assert_int_equal(uplink_pool_idle(s.pool), 1);
	finish(&s);
}

static void an_early_answer_ends_the_sending(void **state)
{
	static const char refusal[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntoo";
	static const struct step scripts[][STEPS_MAX] = {
		{ HEAD, SEND(refusal), GONE },
		{ HEAD, PAUSE(20), SEND(refusal), GONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &scripts[i], 1, post_much);
		assert_ok(&s, "too");
		assert_true(s.timing.bytes_out < much());
		assert_int_equal(uplink_pool_idle(s.pool), 0);
		assert_peer_left(&s);
		finish(&s);
	}
}

/* Chunks of one segment: what can be read before more comes, and what only looks so. */
static void read_what_came_together(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, -1, &s->err), UPCALL_DATA);
	assert_true(upcall_has_piece(u));
	assert_int_equal(upcall_read(u, &piece, -1, &s->err), UPCALL_DATA);
	assert_true(span_is(piece, "a"));
	assert_true(upcall_has_piece(u));
	assert_int_equal(upcall_read(u, &piece, -1, &s->err), UPCALL_DATA);
	assert_true(span_is(piece, "b"));
	assert_false(upcall_has_piece(u));
	atomic_fetch_add(&s->peer.go_on, 1);
	assert_int_equal(upcall_read(u, &piece, -1, &s->err), UPCALL_DATA);
	assert_true(span_is(piece, "c"));
	assert_true(upcall_has_piece(u));
	assert_int_equal(upcall_read(u, &piece, -1, &s->err), UPCALL_END);
	assert_true(upcall_has_piece(u));
	upcall_close(u);
}

static void what_has_come_already_is_known(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(CHUNKED "1\r\na\r\n1\r\nb\r\n1"), AWAIT,
		  SEND("\r\nc\r\n0\r\n\r\n") },
	};
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, read_what_came_together);
	finish(&s);
}

/* A taker of small letters, which lets the peer go on. */
static bool take_small(void *context, struct span piece)
{
	struct stage *s = context;

	assert_null(fiber_self());
	if (piece.ptr[0] < 'a' || piece.ptr[0] > 'z')
		return false;
	buf_add_span(&s->body, piece);
	atomic_fetch_add(&s->peer.go_on, 1);
	return true;
}

/* What is taken goes into the body as it is, what is read in brackets. */
static void offer_all(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, -1, &s->err), UPCALL_DATA);
	upcall_offer(u, take_small, s);
	while ((s->result = upcall_read(u, &piece, -1, &s->err)) == UPCALL_DATA) {
		buf_add_char(&s->body, '[');
		buf_add_span(&s->body, piece);
		buf_add_char(&s->body, ']');
		if (span_is(piece, "Q"))
			upcall_offer(u, NULL, NULL);
		if (piece.ptr[piece.len - 1] != '.')
			atomic_fetch_add(&s->peer.go_on, 1);
	}
	upcall_close(u);
}

static void pieces_are_offered_while_the_fiber_waits(void **state)
{
	static const struct {
		struct step script[STEPS_MAX];
		const char *body;
		enum upcall_result end;
		size_t idle;
	} cases[] = {
		/* alone they are taken, together or refused they are read; in parts, likewise */
		{ { READ, SEND(CHUNKED "1\r\nA\r\n"), AWAIT, SEND("1\r\nb\r\n"), AWAIT,
		    SEND("2\r\ncd\r\n"), AWAIT, SEND("1\r\nE\r\n"), AWAIT,
		    SEND("2\r\nf.\r\n1\r\ng\r\n"), AWAIT, SEND("1\r\nh"), AWAIT,
		    SEND("\r\n1\r\ni\r\n"), AWAIT, SEND("0\r\n\r\n"), GONE },
		  "[A]bcd[E][f.][g]hi", UPCALL_END, 1 },
		/* by length and until the end, too */
		{ { READ, SEND(OK_HEAD "Content-Length: 3\r\n\r\nA"), AWAIT, SEND("b"), AWAIT, SEND("c"),
		    GONE }, "[A]b[c]", UPCALL_END, 1 },
		{ { READ, SEND(OK_HEAD "\r\nA"), AWAIT, SEND("b"), AWAIT }, "[A]b", UPCALL_END, 0 },
		/* no longer, once it is said */
		{ { READ, SEND(CHUNKED "1\r\nA\r\n"), AWAIT, SEND("1\r\nQ\r\n"), AWAIT,
		    SEND("1\r\nb\r\n"), AWAIT, SEND("0\r\n\r\n"), GONE }, "[A][Q][b]", UPCALL_END, 1 },
		/* what ends badly, ends so */
		{ { READ, SEND(CHUNKED "1\r\nA\r\n"), AWAIT, SEND("1\r\nb\r\n"), AWAIT }, "[A]b",
		  UPCALL_FAILED, 0 },
		{ { READ, SEND(OK_HEAD "\r\nA"), AWAIT, SEND("b"), AWAIT, RESET }, "[A]b", UPCALL_FAILED, 0 },
		{ { READ, SEND(CHUNKED "1\r\nA\r\n"), AWAIT, SEND("1\r\nb\r\n"), AWAIT, SEND("zz\r\n"),
		    GONE }, "[A]b", UPCALL_FAILED, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		perform(&s, &cases[i].script, 1, offer_all);
		assert_int_equal(s.result, cases[i].end);
		assert_string_equal(buf_str(&s.body), cases[i].body);
		if (cases[i].end == UPCALL_FAILED)
			assert_int_equal(s.err.code, E_upstream_error);
		finish(&s);
	}
}

static void offer_until_silence(struct stage *s)
{
	struct upcall *u = open_call(s, HTTP1_GET, SPAN_NONE);
	struct span piece;

	assert_int_equal(upcall_wait_head(u, -1, &s->err), UPCALL_DATA);
	upcall_offer(u, take_small, s);
	while ((s->result = upcall_read(u, &piece, -1, &s->err)) > UPCALL_END)
		if (s->result == UPCALL_DATA) /* it came with the head */
			atomic_fetch_add(&s->peer.go_on, 1);
	upcall_close(u);
}

static void silence_after_what_was_taken_ends_in_a_time_out(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(CHUNKED), SEND("1\r\na\r\n"), AWAIT, SEND("1\r\nb\r\n"), GONE },
	};
	static const struct upcall_limits all[] = {
		{ .connect_ms = 5000, .between_ms = 300, .head_max = 4096 },
		{ .connect_ms = 5000, .between_ms = PATIENCE_MS, .total_ms = 600,
		  .head_max = 4096 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct stage s;

		stage_init(&s);
		s.limits = all[i];
		perform(&s, scripts, 1, offer_until_silence);
		assert_failed(&s, E_upstream_timeout);
		finish(&s);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_out_whole),
		cmocka_unit_test(a_target_with_a_line_break_is_refused),
		cmocka_unit_test(answers_are_read_as_they_are_framed),
		cmocka_unit_test(answers_in_pieces_are_read_the_same),
		cmocka_unit_test(too_many_interim_answers_are_refused),
		cmocka_unit_test(a_large_head_outlives_its_body_and_a_larger_one_is_refused),
		cmocka_unit_test(an_answer_that_came_at_once_is_not_copied),
		cmocka_unit_test(what_has_come_already_is_known),
		cmocka_unit_test(pieces_are_offered_while_the_fiber_waits),
		cmocka_unit_test(silence_after_what_was_taken_ends_in_a_time_out),
		cmocka_unit_test(reading_all_heeds_the_buffers_limit),
		cmocka_unit_test(a_large_body_is_sent_whole),
		cmocka_unit_test(an_early_answer_ends_the_sending),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
