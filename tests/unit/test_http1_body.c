/*
 * tests/unit/test_http1_body.c - what the HTTP/1.1 codec takes out of a body's framing.
 *
 * Each case is read in one piece, one byte at a time and cut at each place; each time the bytes lie
 * in a new block of just their size, so that they move and a read past them is seen.
 */
#include "common/loop/http1.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
	const char *bytes;
	size_t len;
};

/* Everything a body gives: its data, then how it ended and what is left. */
static void run_body(const struct http1_body *at_start, struct text t, size_t first, size_t step, struct buf *out)
{
	struct http1_body b = *at_start;
	struct err err = ERR_INIT;
	size_t given = 0;
	enum http1_step result = HTTP1_MORE;
	struct span bytes = SPAN_NONE, data;
	char *copy = NULL;

	while (result == HTTP1_MORE || result == HTTP1_DATA) {
		result = http1_body_next(&b, &bytes, &data, &err);
		if (result == HTTP1_DATA) {
			assert_true(data.len > 0);
			buf_add_span(out, data);
		}
		if (result != HTTP1_MORE)
			continue;
		assert_int_equal(bytes.len, 0);
		if (given == t.len)
			break;
		size_t len = given == 0 ? first : step;
		len = len == 0 ? 1 : len;
		len = len < t.len - given ? len : t.len - given;
		mem_free(copy);
		copy = mem_alloc(len);
		memcpy(copy, t.bytes + given, len);
		bytes = span_of(copy, len);
		given += len;
	}
	buf_printf(out, "|%s %zu%s", result == HTTP1_END ? "end" : result == HTTP1_BAD ? "bad" : "more",
		   t.len - given + bytes.len, http1_body_may_close(&b) ? " close" : "");
	if (result == HTTP1_BAD) {
		buf_printf(out, " %s", err_info(err.code)->code);
		assert_int_equal(http1_body_next(&b, &bytes, &data, &err), HTTP1_BAD);
	}
	if (result == HTTP1_END)
		assert_int_equal(http1_body_next(&b, &bytes, &data, &err), HTTP1_END);
	mem_free(copy);
}

static void check_body(const struct http1_body *b, struct text t, const char *want)
{
	for (size_t cut = 0; cut <= t.len; cut++)
		for (int drip = 0; drip < 2; drip++) {
			struct buf out;
			buf_init(&out, 64 * KIB);
			run_body(b, t, cut, drip ? 1 : t.len, &out);
			/* With a cut the refused byte may be looked at with others behind it. */
			if (strcmp(buf_str(&out), want) != 0)
				fail_msg("%s cut at %zu gives %s, want %s", t.bytes, cut, buf_str(&out), want);
			buf_free(&out);
		}
}

#define HEX16 "0000000000000005"
static void takes_chunked_bodies_apart(void **state)
{
	static const struct {
		struct text text;
		const char *want;
	} cases[] = {
		{ TEXT(""), "|more 0" },
		{ TEXT("0\r\n\r\n"), "|end 0 close" },
		{ TEXT("5\r\nhello\r\n0\r\n\r\nGET"), "hello|end 3 close" },
		{ TEXT("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "hello world|end 0 close" },
		{ TEXT("a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n"), "01234567890123456789|end 0 close" },
		{ TEXT(HEX16 "\r\nhello\r\n0000000000000000\r\n\r\n"), "hello|end 0 close" },
		{ TEXT("5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n"), "hello|end 0 close" },
		{ TEXT("5 \t;a\r\nhello\r\n0\r\n\r\n"), "hello|end 0 close" },
		{ TEXT("2\r\n\r\n\r\n0\r\n\r\n"), "\r\n|end 0 close" },
		{ TEXT("0\r\nA: b\r\nContent-Length: 5\r\nC:\t\xff\r\n\r\nx"), "|end 1 close" },
		{ TEXT("5\r\nhel"), "hel|more 0" }, { TEXT("5\r\nhello\r\n0\r\n"), "hello|more 0" },
		{ TEXT("0\r\n\r"), "|more 0" }, { TEXT("0\r\nA: b\r\n"), "|more 0" },
		{ TEXT("7fffffffffffffff\r\nx"), "x|more 0" },
		/* the byte refused and what follows are left */
		{ TEXT("\r\n"), "|bad 2 malformed_request" }, { TEXT("\n"), "|bad 1 malformed_request" },
		{ TEXT(" 5\r\n"), "|bad 4 malformed_request" }, { TEXT("+5\r\n"), "|bad 4 malformed_request" },
		{ TEXT("-5\r\n"), "|bad 4 malformed_request" }, { TEXT("0x5\r\n"), "|bad 4 malformed_request" },
		{ TEXT("g\r\n"), "|bad 3 malformed_request" }, { TEXT("5g\r\n"), "|bad 3 malformed_request" },
		{ TEXT("5_0\r\n"), "|bad 4 malformed_request" }, { TEXT(";x\r\n"), "|bad 4 malformed_request" },
		{ TEXT("5\nhello"), "|bad 6 malformed_request" }, { TEXT("5\rhello"), "|bad 5 malformed_request" },
		{ TEXT("5 \r\n"), "|bad 2 malformed_request" }, { TEXT("5 5\r\n"), "|bad 3 malformed_request" },
		{ TEXT("5;a\nb"), "|bad 2 malformed_request" }, { TEXT("5;a\0b"), "|bad 2 malformed_request" },
		{ TEXT("5;a\rb"), "|bad 1 malformed_request" }, { TEXT("5;\x7f"), "|bad 1 malformed_request" },
		{ TEXT("8000000000000000\r\n"), "|bad 3 malformed_request" },
		{ TEXT("ffffffffffffffff\r\n"), "|bad 3 malformed_request" },
		{ TEXT("10000000000000005\r\n"), "|bad 3 malformed_request" },
		{ TEXT("00000000000000005\r\n"), "|bad 3 malformed_request" },
		{ TEXT("1\r\nx\r\n7fffffffffffffff\r\n"), "x|bad 3 malformed_request" },
		{ TEXT("5\r\nhelloX"), "hello|bad 1 malformed_request" }, { TEXT("5\r\nhello\n0"), "hello|bad 2 malformed_request" },
		{ TEXT("5\r\nhello\rX"), "hello|bad 1 malformed_request" }, { TEXT("5\r\nhello\r\n\r\n"), "hello|bad 2 malformed_request" },
		{ TEXT("3\r\nhello\r\n"), "hel|bad 4 malformed_request" }, { TEXT("0\r\n\n"), "|bad 1 malformed_request" },
		{ TEXT("0\r\n\rX"), "|bad 1 malformed_request" }, { TEXT("0\r\n x"), "|bad 2 malformed_request" },
		{ TEXT("0\r\nA: b\r\n c"), "|bad 2 malformed_request" }, { TEXT("0\r\n:"), "|bad 1 malformed_request" },
		{ TEXT("0\r\nA :"), "|bad 2 malformed_request" }, { TEXT("0\r\nA\r\n"), "|bad 2 malformed_request" },
		{ TEXT("0\r\nA: b\n"), "|bad 1 malformed_request" }, { TEXT("0\r\nA: \0"), "|bad 1 malformed_request" },
		{ TEXT("0\r\nA: b\rX"), "|bad 1 malformed_request" }, { TEXT("0\r\n\0"), "|bad 1 malformed_request" },
		{ TEXT("0\r\nGET / HTTP/1.1\r\n"), "|bad 13 malformed_request" },
	};
	struct http1_head head = { .chunked = true, .content_length = -1 };
	struct http1_body b;

	(void)state;
	http1_body_of_request(&b, &head);
	assert_false(http1_body_is_empty(&b));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_body(&b, cases[i].text, cases[i].want);
}

static void takes_bodies_by_length_and_until_close(void **state)
{
	static const struct {
		bool is_response, chunked;
		int status;
		enum http1_method method;
		int64_t length;
		struct text text;
		const char *want;
		bool is_empty, until_close;
	} cases[] = {
		{ false, false, 0, HTTP1_POST, -1, TEXT("GET"), "|end 3 close", true, false },
		{ false, false, 0, HTTP1_POST, 0, TEXT("GET"), "|end 3 close", true, false },
		{ false, false, 0, HTTP1_POST, 3, TEXT("abcdef"), "abc|end 3 close", false, false },
		{ false, false, 0, HTTP1_POST, 3, TEXT("ab"), "ab|more 0", false, false },
		{ false, false, 0, HTTP1_POST, INT64_MAX, TEXT("ab"), "ab|more 0", false, false },
		{ true, false, 200, HTTP1_GET, 3, TEXT("abcdef"), "abc|end 3 close", false, false },
		{ true, false, 200, HTTP1_GET, 0, TEXT("x"), "|end 1 close", true, false },
		{ true, false, 200, HTTP1_GET, -1, TEXT("abc"), "abc|more 0 close", false, true },
		{ true, false, 200, HTTP1_HEAD, 3, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, false, 200, HTTP1_HEAD, -1, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, true, 200, HTTP1_HEAD, -1, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, false, 100, HTTP1_POST, -1, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, false, 101, HTTP1_GET, -1, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, false, 204, HTTP1_GET, 5, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, true, 304, HTTP1_GET, -1, TEXT("HTTP"), "|end 4 close", true, false },
		{ true, true, 200, HTTP1_GET, -1, TEXT("1\r\nx\r\n0\r\n\r\n"), "x|end 0 close", false, false },
		{ true, true, 200, HTTP1_GET, -1, TEXT("x"), "|bad 1 upstream_error", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct http1_head head = {
			.chunked = cases[i].chunked,
			.content_length = cases[i].length,
			.status = cases[i].status,
		};
		struct http1_body b;
		if (cases[i].is_response)
			http1_body_of_response(&b, &head, cases[i].method);
		else
			http1_body_of_request(&b, &head);
		assert_int_equal(http1_body_is_empty(&b), cases[i].is_empty);
		assert_int_equal(b.until_close, cases[i].until_close);
		check_body(&b, cases[i].text, cases[i].want);
	}
}

static void keeps_the_limits_of_chunk_lines_and_trailers(void **state)
{
	static const struct {
		const char *start, *close;
		size_t max;
	} kinds[] = {
		{ "1;", "\r\n", 256 + 2 },                /* the line without its CRLF */
		{ "0\r\nA:", "\r\n\r\n", 3 + 8192 },      /* all from the first trailer to the blank line */
	};

	(void)state;
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
		for (size_t n = kinds[kind].max - 1; n <= kinds[kind].max + 1; n++) {
			struct http1_head head = { .chunked = true, .content_length = -1 };
			struct http1_body b;
			struct buf text, out;
			buf_init(&text, 64 * KIB);
			buf_init(&out, 64 * KIB);
			buf_add_str(&text, kinds[kind].start);
			while (text.len + strlen(kinds[kind].close) < n)
				buf_add_char(&text, 'x');
			buf_add_str(&text, kinds[kind].close);
			http1_body_of_request(&b, &head);
			run_body(&b, (struct text){ text.ptr, text.len }, text.len, 1, &out);
			assert_int_equal(strstr(buf_str(&out), "bad") != NULL, n > kinds[kind].max);
			buf_free(&out);
			buf_free(&text);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_chunked_bodies_apart),
		cmocka_unit_test(takes_bodies_by_length_and_until_close),
		cmocka_unit_test(keeps_the_limits_of_chunk_lines_and_trailers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
