/*
 * Bodies of requests that are read piece by piece: whole, in bounded memory, at the reader's pace.
 */
#include "tests/support/http_stage.h"

#include <zlib.h>

enum { LARGE = 8 * MIB };

/* What the handler has read, and the most that it was given or that waited for it. */
static struct {
	struct buf got;
	size_t longest, waiting;
	int64_t pause_ms;
	int stop_after; /* pieces; 0: none */
} reading;

static void read_pieces(struct exchange *x)
{
	struct err err = ERR_INIT;
	struct span piece;
	int more, count = 0;

	if (x->head->method == HTTP1_GET) {
		hello(x);
		return;
	}
	buf_clear(&reading.got);
	while ((more = exchange_next_piece(x, &piece, &err)) > 0) {
		buf_add_span(&reading.got, piece);
		if (piece.len > reading.longest)
			reading.longest = piece.len;
		if (reading.pause_ms && fiber_sleep(reading.pause_ms, &err) < 0)
			return;
		if (x->conn->ahead_len > reading.waiting)
			reading.waiting = x->conn->ahead_len;
		if (++count == reading.stop_after)
			break;
	}
	if (more < 0) {
		t.body_error = err.code;
		reply_error(x, &err);
		return;
	}
	reply_send(x, 200, "text/plain", SPAN_LIT("read"));
}

static int begin(void **state)
{
	if (set_up(state) < 0)
		return -1;
	memset(&reading, 0, sizeof reading);
	buf_init(&reading.got, 2 * (size_t)LARGE);
	t.handle = read_pieces;
	return 0;
}

static int end(void **state)
{
	buf_free(&reading.got);
	return tear_down(state);
}

static void add_pattern(struct buf *out, size_t len)
{
	assert_int_equal(buf_reserve(out, len), 0);
	for (size_t i = 0; i < len; i++)
		buf_add_char(out, (char)('A' + i % 31));
}

static void assert_pattern(size_t len)
{
	struct buf wanted;

	buf_init(&wanted, len + 1);
	add_pattern(&wanted, len);
	assert_int_equal(reading.got.len, len);
	assert_memory_equal(reading.got.ptr, wanted.ptr, len);
	buf_free(&wanted);
}

/* Sizes around those of a piece, of the carrier's reads and of what is kept ahead. */
static void every_byte_comes_once_and_the_next_request_is_answered(void **state)
{
	static const size_t sizes[] = { 1, 10000, CARRIER_READ, EXCHANGE_PIECE_MAX - 1, EXCHANGE_PIECE_MAX,
					EXCHANGE_PIECE_MAX + 1, 3 * EXCHANGE_PIECE_MAX + 5000, LARGE };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		size_t size = sizes[i / 2];
		struct client *c = dial();
		struct buf all;

		t.done = 0;
		reading.pause_ms = i % 2;
		buf_init(&all, 3 * (size_t)LARGE);
		for (int k = 0; k < 2; k++) {
			buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", size);
			add_pattern(&all, size);
		}
		say_bytes(c, all.ptr, all.len);
		run_until(two_done);
		assert_int_equal(t.last_status, 200);
		assert_pattern(size);
		assert_int_equal(t.bytes_in, all.len / 2);
		hang_up(c);
		run_until(all_gone);
		buf_free(&all);
	}
	/* What came with the head may be longer, by what is kept ahead of a request. */
	assert_true(reading.longest <= CONN_AHEAD_MAX + CARRIER_READ);
}

static void chunked_bodies_come_whole(void **state)
{
	static const size_t chunks[] = { 10007, 65536, 300000 };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(chunks); k++) {
		struct client *c = dial();
		struct buf all, body;

		t.done = 0;
		buf_init(&all, 2 * (size_t)LARGE);
		buf_init(&body, 2 * (size_t)LARGE);
		add_pattern(&body, LARGE);
		buf_add_str(&all, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
		for (size_t i = 0; i < LARGE; i += chunks[k]) {
			size_t n = LARGE - i < chunks[k] ? LARGE - i : chunks[k];

			buf_printf(&all, "%zx\r\n", n);
			buf_add(&all, body.ptr + i, n);
			buf_add_str(&all, "\r\n");
		}
		buf_add_str(&all, "0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
		say_bytes(c, all.ptr, all.len);
		run_until(two_done);
		assert_pattern(LARGE);
		assert_true(reading.longest <= EXCHANGE_PIECE_MAX);
		hang_up(c);
		run_until(all_gone);
		buf_free(&all);
		buf_free(&body);
	}
}

/* A client that is faster than the reader waits in its own socket. */
static void what_waits_for_a_slow_reader_is_bounded(void **state)
{
	struct client *c = dial();
	struct buf all;

	(void)state;
	reading.pause_ms = 2;
	buf_init(&all, 2 * (size_t)LARGE);
	buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", (int)LARGE);
	add_pattern(&all, LARGE);
	say_bytes(c, all.ptr, all.len);
	run_until(one_done);
	assert_pattern(LARGE);
	assert_true(reading.waiting > 0);
	assert_true(reading.waiting <= CONN_AHEAD_MAX + CARRIER_READ);
	buf_free(&all);
}

static bool invited(void)
{
	return count_of("\r\n\r\n") > 0;
}

static void a_client_that_expects_it_is_invited_once(void **state)
{
	struct client *c = dial();

	(void)state;
	say(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	run_until(invited);
	assert_string_equal(got(), "HTTP/1.1 100 Continue\r\n\r\n");
	say(c, "ABC");
	run_until(one_answered);
	assert_pattern(3);
	assert_int_equal(count_of("HTTP/1.1"), 2);
}

static void bodies_past_the_limit_are_refused(void **state)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "Content-Length: 10\r\n\r\nABCDEFGHIJ", 200 },
		{ "Content-Length: 11\r\n\r\nABCDEFGHIJK", 413 },
		{ "Transfer-Encoding: chunked\r\n\r\na\r\nABCDEFGHIJ\r\n0\r\n\r\n", 200 },
		{ "Transfer-Encoding: chunked\r\n\r\n5\r\nABCDE\r\n6\r\nFGHIJK\r\n0\r\n\r\n", 413 },
		{ "Transfer-Encoding: chunked\r\n\r\nz\r\n", 400 },
		{ "X: 1\r\n\r\n", 411 },
		{ "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nA", 415 },
	};

	(void)state;
	t.limits.body_max = 10;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client *c = post(cases[i].body);

		assert_int_equal(t.last_status, cases[i].status);
		if (cases[i].status == 200)
			assert_pattern(10);
		part(c);
	}
}

static void gzip_is_undone(void **state)
{
	static char plain[200000], packed[4096];
	z_stream z = { 0 };
	struct buf all;

	(void)state;
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (char)('A' + i % 31);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)plain;
	z.avail_in = sizeof plain;
	z.next_out = (unsigned char *)packed;
	z.avail_out = sizeof packed;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	buf_init(&all, MIB);
	buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		   (size_t)z.total_out);
	buf_add(&all, packed, z.total_out);
	say_bytes(dial(), all.ptr, all.len);
	run_until(one_done);
	assert_int_equal(t.last_status, 200);
	assert_pattern(sizeof plain);
	buf_free(&all);
}

static bool reading_has_begun(void)
{
	return reading.got.len > 0;
}

static void who_leaves_cancels_the_reader(void **state)
{
	struct client *c = dial();
	struct buf all;

	(void)state;
	buf_init(&all, MIB);
	buf_add_str(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	add_pattern(&all, 100000);
	say_bytes(c, all.ptr, all.len);
	run_until(reading_has_begun);
	hang_up(c);
	run_until(one_done);
	assert_int_equal(t.body_error, E_cancelled);
	buf_free(&all);
}

static void silence_inside_a_body_ends_it(void **state)
{
	(void)state;
	t.limits.body_timeout_ms = 30;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nABC");
	run_until(one_done);
	assert_int_equal(t.last_status, 408);
}

static bool stopped_and_uploaded(void)
{
	return eof() && t.clients[0].out_len == 0;
}

static void who_stops_reading_may_answer_at_once(void **state)
{
	struct client *c = dial();
	struct buf all;

	(void)state;
	reading.stop_after = 2;
	buf_init(&all, 2 * (size_t)LARGE);
	buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", (int)LARGE);
	add_pattern(&all, LARGE);
	say_bytes(c, all.ptr, all.len);
	run_until(stopped_and_uploaded);
	assert_true(span_starts(buf_span(&c->got), "HTTP/1.1 200 "));
	assert_true(reading.got.len < LARGE);
	buf_free(&all);
}

#define PIECES(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PIECES(every_byte_comes_once_and_the_next_request_is_answered),
		PIECES(chunked_bodies_come_whole),
		PIECES(what_waits_for_a_slow_reader_is_bounded),
		PIECES(a_client_that_expects_it_is_invited_once),
		PIECES(bodies_past_the_limit_are_refused),
		PIECES(gzip_is_undone),
		PIECES(who_leaves_cancels_the_reader),
		PIECES(silence_inside_a_body_ends_it),
		PIECES(who_stops_reading_may_answer_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
