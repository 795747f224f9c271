/*
 * Bodies of requests: in one piece, in blocks, chunked, inflated, too large, unread.
 */
#include "tests/support/http_stage.h"

#include <zlib.h>

/* Bodies */

static char *pattern(size_t len)
{
	char *bytes = mem_alloc(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('A' + i % 31);
	return bytes;
}

static bool eight_mib_back(void)
{
	return t.clients[0].got.len > 8 * MIB;
}

static void reads_a_large_body_into_one_block(void **state)
{
	char *body = pattern(8 * MIB);
	struct buf all;

	(void)state;
	t.handle = echo;
	struct client *c = dial();
	buf_init(&all, 9 * MIB);
	buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
		   (size_t)(8 * MIB));
	buf_add(&all, body, 8 * MIB);
	say_bytes(c, all.ptr, all.len);
	run_until(eight_mib_back);
	assert_memory_equal(c->got.ptr + c->got.len - 8 * MIB, body, 8 * MIB);
	buf_free(&all);
	mem_free(body);
}

/* What is read straight into the block ends where the body does. */
static void a_request_behind_a_large_body_is_answered_too(void **state)
{
	static const size_t sizes[] = { 10000, CARRIER_READ, 100 * KIB, CONN_BODY_KEEP + 1, MIB };

	(void)state;
	t.handle = echo;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *body = pattern(sizes[i]);
		struct client *c = dial();
		struct buf all;

		t.done = 0;
		buf_init(&all, 3 * MIB);
		for (int k = 0; k < 2; k++) {
			buf_printf(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", sizes[i]);
			buf_add(&all, body, sizes[i]);
		}
		say_bytes(c, all.ptr, all.len);
		run_until(two_done);
		assert_int_equal(t.bytes_in, all.len / 2);
		assert_true(sizes[i] != 100 * KIB || t.http->spare_body_count > 0);
		hang_up(c);
		run_until(all_gone);
		buf_free(&all);
		mem_free(body);
	}
}

static void blocks_of_bodies_are_kept_up_to_a_limit(void **state)
{
	char *blocks[CONN_BODIES_MAX + 1];
	size_t caps[CONN_BODIES_MAX + 1], cap;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		blocks[i] = http_take_body(t.http, 100 * KIB, &caps[i]);
		assert_true(caps[i] >= 100 * KIB);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		http_give_body(t.http, blocks[i], caps[i]);
	assert_int_equal(t.http->spare_body_bytes, CONN_BODIES_BYTES);
	/* Too small for what is asked now, one is given up; a smaller need takes one that is there. */
	char *large = http_take_body(t.http, CONN_BODY_KEEP, &cap);
	assert_int_equal(cap, CONN_BODY_KEEP);
	assert_true(t.http->spare_body_bytes < CONN_BODIES_BYTES);
	http_give_body(t.http, large, cap);
	size_t before = t.http->spare_body_count;
	char *small = http_take_body(t.http, 1, &cap);
	assert_int_equal(t.http->spare_body_count, before - 1);
	http_give_body(t.http, small, cap);
	http_give_body(t.http, http_take_body(t.http, CONN_BODY_KEEP + 1, &cap), 2 * CONN_BODY_KEEP);
	assert_true(t.http->spare_body_bytes <= CONN_BODIES_BYTES);
}

static void reads_a_large_chunked_body(void **state)
{
	char *body = pattern(8 * MIB);
	struct buf all;

	(void)state;
	t.handle = echo;
	struct client *c = dial();
	buf_init(&all, 10 * MIB);
	buf_add_str(&all, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t i = 0; i < 8 * MIB; i += 10007) {
		size_t n = 8 * MIB - i < 10007 ? 8 * MIB - i : 10007;

		buf_printf(&all, "%zx\r\n", n);
		buf_add(&all, body + i, n);
		buf_add_str(&all, "\r\n");
	}
	buf_add_str(&all, "0\r\n\r\n");
	say_bytes(c, all.ptr, all.len);
	run_until(eight_mib_back);
	run_until(one_done);
	assert_memory_equal(c->got.ptr + c->got.len - 8 * MIB, body, 8 * MIB);
	buf_free(&all);
	mem_free(body);
}

static bool invited(void)
{
	return strcmp(got(), "HTTP/1.1 100 Continue\r\n\r\n") == 0;
}

static void invites_a_client_that_expects_it(void **state)
{
	(void)state;
	t.handle = echo;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	run_until(invited);
	say(c, "abc");
	run_until(one_answered);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nabc"));
	assert_false(c->eof);
}

static void does_not_invite_what_is_too_large(void **state)
{
	(void)state;
	t.handle = echo;
	t.body_max = 10;
	struct client *c = dial();

	say(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
	run_until(eof);
	assert_true(span_starts(buf_span(&c->got), "HTTP/1.1 413 "));
	assert_non_null(strstr(got(), "\"code\":\"body_too_large\""));
	assert_non_null(strstr(got(), "x-should-retry: false\r\n"));
}

static void bodies_at_the_limit_pass_and_one_byte_more_does_not(void **state)
{
	static const struct {
		const char *body;
		int status;
	} cases[] = {
		{ "Content-Length: 9\r\n\r\n123456789", 200 },
		{ "Content-Length: 10\r\n\r\n1234567890", 200 },
		{ "Content-Length: 11\r\n\r\n12345678901", 413 },
		{ "Transfer-Encoding: chunked\r\n\r\na\r\n1234567890\r\n0\r\n\r\n", 200 },
		{ "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n6\r\n678901\r\n0\r\n\r\n", 413 },
	};

	(void)state;
	t.handle = echo;
	t.body_max = 10;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client *c = post(cases[i].body);

		assert_int_equal(t.last_status, cases[i].status);
		part(c);
	}
}

static bool refused_and_uploaded(void)
{
	return eof() && t.clients[0].out_len == 0;
}

/* A client that goes on uploading is read, so that it gets to see the answer. */
static void an_upload_that_is_refused_still_reads_its_answer(void **state)
{
	char *body = pattern(4 * MIB);
	struct buf all;

	(void)state;
	t.handle = echo;
	t.body_max = MIB;
	struct client *c = dial();
	buf_init(&all, 5 * MIB);
	buf_add_str(&all, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
	buf_add(&all, body, 4 * MIB);
	say_bytes(c, all.ptr, all.len);
	run_until(refused_and_uploaded);
	assert_true(c->eof);
	assert_true(span_starts(buf_span(&c->got), "HTTP/1.1 413 "));
	assert_int_equal(t.http->conn_count, 1); /* lingers until the client has closed */
	buf_free(&all);
	mem_free(body);
}

static void a_short_unread_body_does_not_end_the_connection(void **state)
{
	(void)state;
	t.handle = say_path;
	struct client *c = dial();

	say(c, "POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
	run_until(one_done);
	say(c, "defGET /second HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(two_answered);
	assert_true(span_ends(buf_span(&c->got), "/second"));
}

static void a_post_without_length_needs_one(void **state)
{
	(void)state;
	t.handle = echo;
	say(dial(), "POST / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	assert_int_equal(t.last_status, 411);
}

static void a_get_has_an_empty_body(void **state)
{
	(void)state;
	t.handle = echo;
	say(dial(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	run_until(one_done);
	assert_int_equal(t.last_status, 200);
}

static size_t gzip(char *out, size_t room, const char *in, size_t len)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)in;
	z.avail_in = (unsigned)len;
	z.next_out = (unsigned char *)out;
	z.avail_out = (unsigned)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static void say_gzip(struct client *c, struct buf *all, const char *bytes, size_t len)
{
	buf_printf(all,
		   "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: "
		   "%zu\r\n\r\n",
		   len);
	buf_add(all, bytes, len);
	say_bytes(c, all->ptr, all->len);
}

static void inflates_gzip_bodies(void **state)
{
	char packed[4096];
	struct buf all;
	size_t len = gzip(packed, sizeof packed, "first ", 6);

	(void)state;
	len += gzip(packed + len, sizeof packed - len, "second", 6);
	t.handle = echo;
	struct client *c = dial();
	buf_init(&all, MIB);
	say_gzip(c, &all, packed, len);
	run_until(one_answered);
	assert_true(span_ends(buf_span(&c->got), "\r\n\r\nfirst second"));
	buf_free(&all);
}

/* 20 bytes that inflate to none, again and again: more than is read in one go. */
static void members_of_gzip_without_content_are_read_to_the_end(void **state)
{
	enum { EMPTY = 10000 };
	char packed[256];
	size_t empty = gzip(packed, sizeof packed, "", 0);
	size_t last = gzip(packed + empty, sizeof packed - empty, "last", 4);
	struct buf body, all;

	(void)state;
	t.handle = echo;
	buf_init(&body, MIB);
	buf_init(&all, 2 * MIB);
	for (int i = 0; i < EMPTY; i++)
		buf_add(&body, packed, empty);
	buf_add(&body, packed + empty, last);
	say_gzip(dial(), &all, body.ptr, body.len);
	run_until(one_done);
	assert_int_equal(t.last_status, 200);
	assert_true(span_ends(span_str(got()), "\r\n\r\nlast"));
	buf_free(&body);
	buf_free(&all);
}

static void gzip_bodies_are_bounded_and_must_be_whole(void **state)
{
	static char zeros[16 << 20], packed[65536];
	struct {
		size_t plain, cut, max;
		int status;
	} cases[] = {
		{ 1000, 0, 1000, 200 },
		{ 1001, 0, 1000, 413 },
		{ sizeof zeros, 0, SIZE_MAX, 413 }, /* the ratio */
		{ 1000, 1, SIZE_MAX, 400 },
		{ 1000, 9, SIZE_MAX, 400 },
	};

	(void)state;
	t.handle = echo;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct client *c = dial();
		struct buf all;

		buf_init(&all, MIB);
		t.done = 0;
		t.body_max = cases[i].max;
		say_gzip(c, &all, packed,
			 gzip(packed, sizeof packed, zeros, cases[i].plain) - cases[i].cut);
		run_until(one_done);
		assert_int_equal(t.last_status, cases[i].status);
		hang_up(c);
		buf_free(&c->got);
		buf_free(&all);
	}
}

static void other_codings_are_refused(void **state)
{
	(void)state;
	t.handle = echo;
	say(dial(),
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx");
	run_until(one_done);
	assert_int_equal(t.last_status, 415);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(reads_a_large_body_into_one_block),
		TEST(a_request_behind_a_large_body_is_answered_too),
		TEST(blocks_of_bodies_are_kept_up_to_a_limit),
		TEST(reads_a_large_chunked_body),
		TEST(invites_a_client_that_expects_it),
		TEST(does_not_invite_what_is_too_large),
		TEST(bodies_at_the_limit_pass_and_one_byte_more_does_not),
		TEST(an_upload_that_is_refused_still_reads_its_answer),
		TEST(a_short_unread_body_does_not_end_the_connection),
		TEST(a_post_without_length_needs_one),
		TEST(a_get_has_an_empty_body),
		TEST(inflates_gzip_bodies),
		TEST(members_of_gzip_without_content_are_read_to_the_end),
		TEST(gzip_bodies_are_bounded_and_must_be_whole),
		TEST(other_codings_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
