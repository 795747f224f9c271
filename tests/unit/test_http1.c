/*
 * tests/unit/test_http1.c - which heads the HTTP/1.1 codec accepts and refuses.
 *
 * Each case is read in one piece, one byte at a time and cut at each place; each time the bytes lie
 * in a new block of just their size, so that they move and a read past them is seen.
 */
#include "common/loop/http1.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(s) { s, sizeof(s) - 1 }
#define H "Host: a\r\n"

struct text {
	const char *bytes;
	size_t len;
};

/* What a head says, as text to compare. */
static void describe(const struct http1_head *head, bool is_response, struct buf *out)
{
	if (is_response)
		buf_printf(out, "%d \"%.*s\"", head->status, SPAN_ARGS(head->reason));
	else
		buf_printf(out, "%s %.*s %.*s %.*s %s%.*s", http1_method_name(head->method),
			   SPAN_ARGS(head->method_text), SPAN_ARGS(head->target), SPAN_ARGS(head->path),
			   head->query.ptr ? "?" : "-", SPAN_ARGS(head->query));
	buf_printf(out, " 1.%d%s%s%s %lld %zu\n", head->minor, head->chunked ? " chunked" : "",
		   head->expects_continue ? " expect" : "", head->keep_alive ? " keep" : "",
		   (long long)head->content_length, head->size);
	for (size_t i = 0; i < head->field_count; i++)
		buf_printf(out, "%.*s=%.*s\n", SPAN_ARGS(http1_field_at(head, i).name),
			   SPAN_ARGS(http1_field_at(head, i).value));
	for (size_t i = 0; i < HTTP1_KNOWN_COUNT; i++)
		if (head->known[i].ptr)
			buf_printf(out, "%zu:%.*s\n", i, SPAN_ARGS(head->known[i]));
}

struct outcome {
	int result;
	size_t looked_at; /* bytes that were there when the result came */
	struct err err;
	struct buf text;
};

/* Feeds bytes in pieces: up to first, then step at a time. */
static struct outcome parse(enum http1_kind kind, const struct http1_limits *limits, struct text t,
			    size_t first, size_t step)
{
	static struct http1_head head;
	struct outcome o = { .err = ERR_INIT };
	struct http1_parser p;

	buf_init(&o.text, 64 * KIB);
	memset(&p, 0xa5, sizeof(p));
	memset(&head, 0xa5, sizeof(head));
	http1_parser_init(&p, kind, limits);
	for (size_t len = first < t.len ? first : t.len;; len = len + step < t.len ? len + step : t.len) {
		char *copy = mem_alloc(len + 1);
		memcpy(copy + 1, t.bytes, len);
		o.looked_at = len;
		o.result = http1_parse(&p, span_of(copy + 1, len), &head, &o.err);
		if (o.result > 0)
			describe(&head, kind == HTTP1_RESPONSE, &o.text);
		mem_free(copy);
		if (o.result != 0 || len == t.len)
			return o;
	}
}

static void assert_same(const struct outcome *a, const struct outcome *b, const char *bytes)
{
	if (a->result != b->result || a->err.code != b->err.code ||
	    strcmp(a->err.message, b->err.message) != 0 || !span_equal(buf_span(&a->text), buf_span(&b->text)))
		fail_msg("%s\ngave %d, %s\n%s\nand %d, %s\n%s", bytes, a->result, a->err.message,
			 buf_str(&a->text), b->result, b->err.message, buf_str(&b->text));
}

/* The outcome of one piece, having checked that every cut gives the same.  Free its text. */
static struct outcome parse_all_ways(enum http1_kind kind, const struct http1_limits *limits, struct text t)
{
	struct outcome whole = parse(kind, limits, t, t.len, 1);
	struct outcome dripped = parse(kind, limits, t, 0, 1);

	assert_same(&whole, &dripped, t.bytes);
	whole.looked_at = dripped.looked_at;
	buf_free(&dripped.text);
	size_t cuts = t.len < 2000 ? t.len : 0;
	for (size_t cut = 0; cut <= cuts; cut++) {
		struct outcome o = parse(kind, limits, t, cut, t.len);
		assert_same(&whole, &o, t.bytes);
		buf_free(&o.text);
	}
	return whole;
}


/* A request or response line and fields; what of its description follows the sizes is left out. */
struct good {
	struct text text;
	const char *first; /* the description's first line up to the size */
	const char *known; /* "0:a" lines, or NULL: not looked at */
};

static const struct good good_requests[] = {
	{ TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:a\n" },
	{ TEXT("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:a\n" },
	{ TEXT("GET /a%20b/?x=1&y=? HTTP/1.1\r\n" H "\r\nbody"), "GET GET /a%20b/?x=1&y=? /a%20b/ ?x=1&y=? 1.1 keep -1 ", NULL },
	{ TEXT("GET /? HTTP/1.1\r\n" H "\r\n"), "GET GET /? / ? 1.1 keep -1 ", NULL },
	{ TEXT("GET //x/../y HTTP/1.1\r\n" H "\r\n"), "GET GET //x/../y //x/../y - 1.1 keep -1 ", NULL },
	{ TEXT("GET /\"<>\\^`{|}[] HTTP/1.1\r\n" H "\r\n"), "GET GET /\"<>\\^`{|}[] /\"<>\\^`{|}[] - 1.1 keep -1 ", NULL },
	/* methods */
	{ TEXT("HEAD / HTTP/1.1\r\n" H "\r\n"), "HEAD HEAD / / - 1.1 keep -1 ", NULL },
	{ TEXT("POST / HTTP/1.1\r\n" H "\r\n"), "POST POST / / - 1.1 keep -1 ", NULL },
	{ TEXT("PUT / HTTP/1.1\r\n" H "\r\n"), "PUT PUT / / - 1.1 keep -1 ", NULL },
	{ TEXT("PATCH / HTTP/1.1\r\n" H "\r\n"), "PATCH PATCH / / - 1.1 keep -1 ", NULL },
	{ TEXT("DELETE / HTTP/1.1\r\n" H "\r\n"), "DELETE DELETE / / - 1.1 keep -1 ", NULL },
	{ TEXT("OPTIONS / HTTP/1.1\r\n" H "\r\n"), "OPTIONS OPTIONS / / - 1.1 keep -1 ", NULL },
	{ TEXT("OPTIONS * HTTP/1.1\r\n" H "\r\n"), "OPTIONS OPTIONS * * - 1.1 keep -1 ", NULL },
	{ TEXT("get / HTTP/1.1\r\n" H "\r\n"), "OTHER get / / - 1.1 keep -1 ", NULL },
	{ TEXT("GETS / HTTP/1.1\r\n" H "\r\n"), "OTHER GETS / / - 1.1 keep -1 ", NULL },
	{ TEXT("!#$%&'*+-.^_`|~9 / HTTP/1.1\r\n" H "\r\n"), "OTHER !#$%&'*+-.^_`|~9 / / - 1.1 keep -1 ", NULL },
	/* versions */
	{ TEXT("GET / HTTP/1.0\r\n\r\n"), "GET GET / / - 1.0 -1 ", "" },
	{ TEXT("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "GET GET / / - 1.0 keep -1 ", NULL },
	{ TEXT("GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n"), "GET GET / / - 1.0 -1 ", NULL },
	{ TEXT("GET / HTTP/1.9\r\n" H "\r\n"), "GET GET / / - 1.1 keep -1 ", NULL },
	/* absolute form: the URL's host counts */
	{ TEXT("GET http://b:80/x?y HTTP/1.1\r\n" H "\r\n"), "GET GET /x?y /x ?y 1.1 keep -1 ", "0:b:80\n" },
	{ TEXT("GET HTTPS://b HTTP/1.1\r\n" H "\r\n"), "GET GET / / - 1.1 keep -1 ", "0:b\n" },
	{ TEXT("GET http://b?y HTTP/1.1\r\n" H "\r\n"), "GET GET ?y / ?y 1.1 keep -1 ", "0:b\n" },
	{ TEXT("OPTIONS http://b HTTP/1.1\r\n" H "\r\n"), "OPTIONS OPTIONS * * - 1.1 keep -1 ", "0:b\n" },
	{ TEXT("GET http://[::1]:8080/ HTTP/1.0\r\n\r\n"), "GET GET / / - 1.0 -1 ", "0:[::1]:8080\n" },
	/* hosts */
	{ TEXT("GET / HTTP/1.1\r\nhOST:example.com:8080\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:example.com:8080\n" },
	{ TEXT("GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:[2001:db8::1]\n" },
	{ TEXT("GET / HTTP/1.1\r\nHost: 127.0.0.1:\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:127.0.0.1:\n" },
	{ TEXT("GET / HTTP/1.1\r\nHost: a_b-c.d~e:65535\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:a_b-c.d~e:65535\n" },
	/* connection */
	{ TEXT("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), "GET GET / / - 1.1 -1 ", "0:a\n1:close\n" },
	{ TEXT("GET / HTTP/1.1\r\n" H "Connection: x ,\tCLOSE\t, y\r\n\r\n"), "GET GET / / - 1.1 -1 ", NULL },
	{ TEXT("GET / HTTP/1.1\r\n" H "Connection: upgrade\r\nConnection: close\r\n\r\n"), "GET GET / / - 1.1 -1 ", "0:a\n1:upgrade\n" },
	{ TEXT("GET / HTTP/1.1\r\n" H "Connection: closed, enclose\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", NULL },
	/* framing */
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), "POST POST / / - 1.1 keep 0 ", NULL },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length:\t 0042 \t\r\n\r\n"), "POST POST / / - 1.1 keep 42 ", "0:a\n2:0042\n" },
	{ TEXT("POST / HTTP/1.1\r\n" H "Content-Length: 9223372036854775807\r\n\r\n"), "POST POST / / - 1.1 keep 9223372036854775807 ", NULL },
	{ TEXT("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"), "POST POST / / - 1.1 chunked keep -1 ", NULL },
	{ TEXT("POST / HTTP/1.1\r\n" H "TRANSFER-ENCODING:CHUNKED \r\n\r\n"), "POST POST / / - 1.1 chunked keep -1 ", NULL },
	{ TEXT("POST / HTTP/1.1\r\n" H "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n"), "POST POST / / - 1.1 expect keep 1 ", NULL },
	{ TEXT("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"), "POST POST / / - 1.0 1 ", NULL },
	/* fields */
	{ TEXT("GET / HTTP/1.1\r\n" H "X:\r\nY: \t \r\nZ: a\tb  c \r\n!#$%&'*+-.^_`|~09azAZ:\xff\x80\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:a\n" },
	{ TEXT("GET / HTTP/1.1\r\n" H "Hosts: b\r\nXost: c\r\nContent-Lengt: 1\r\nContent-Length1: 2\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", "0:a\n" },
	{ TEXT("GET / HTTP/1.1\r\n" H "content-type: t\r\nCONTENT-ENCODING: gzip\r\nAuthorization: Bearer x\r\n"
	       "Origin: o\r\nKeep-Alive: timeout=5\r\nRetry-After: 3\r\nOrigin: second\r\n\r\n"),
	  "GET GET / / - 1.1 keep -1 ", "0:a\n5:t\n6:gzip\n7:Bearer x\n8:o\n9:timeout=5\n10:3\n" },
	{ TEXT("GET / HTTP/1.1\r\n" H "X: 0123456789abcdef0123456789abcdef\t0123456789abcdef\t\t:\r\n\r\n"), "GET GET / / - 1.1 keep -1 ", NULL },
};

static const struct good good_responses[] = {
	{ TEXT("HTTP/1.1 200 OK\r\n\r\n"), "200 \"OK\" 1.1 keep -1 ", "" },
	{ TEXT("HTTP/1.1 200 \r\n\r\n"), "200 \"\" 1.1 keep -1 ", "" },
	{ TEXT("HTTP/1.1 200\r\n\r\n"), "200 \"\" 1.1 keep -1 ", "" },
	{ TEXT("HTTP/1.0 404 Not  Found\t\xe9\r\nServer: x\r\n\r\nrest"), "404 \"Not  Found\t\xe9\" 1.0 -1 ", "" },
	{ TEXT("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n"), "200 \"OK\" 1.0 keep 3 ", NULL },
	{ TEXT("HTTP/1.1 100 Continue\r\n\r\n"), "100 \"Continue\" 1.1 keep -1 ", "" },
	{ TEXT("HTTP/1.1 999 x\r\nTransfer-Encoding: chunked\r\n\r\n"), "999 \"x\" 1.1 chunked keep -1 ", NULL },
	{ TEXT("HTTP/1.1 429 x\r\nRetry-After: 7\r\nConnection: close\r\nExpect: z\r\nHost: //\r\nHost: b\r\n\r\n"), "429 \"x\" 1.1 -1 ", NULL },
};

static void check_good(enum http1_kind kind, const struct good *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct outcome o = parse_all_ways(kind, NULL, cases[i].text);
		const char *text = buf_str(&o.text);
		if (o.result != 1)
			fail_msg("%s: %s", cases[i].text.bytes, o.err.message);
		if (strncmp(text, cases[i].first, strlen(cases[i].first)) != 0)
			fail_msg("%s gives %s", cases[i].text.bytes, text);
		/* The head ends with its blank line. */
		size_t size = strtoul(text + strlen(cases[i].first), NULL, 10);
		assert_int_equal(size, strstr(cases[i].text.bytes, "\r\n\r\n") + 4 - cases[i].text.bytes);
		assert_int_equal(o.looked_at, size);
		/* Known fields are lines that begin with a number and a colon. */
		if (cases[i].known) {
			size_t tail = strlen(cases[i].known);
			assert_true(o.text.len >= tail);
			assert_string_equal(text + o.text.len - tail, cases[i].known);
			if (tail == 0)
				assert_null(strchr(text, ':'));
		}
		buf_free(&o.text);
	}
}

static void accepts_requests_and_says_what_they_are(void **state)
{
	(void)state;
	check_good(HTTP1_REQUEST, good_requests, ARRAY_LEN(good_requests));
}

static void accepts_responses_and_says_what_they_are(void **state)
{
	(void)state;
	check_good(HTTP1_RESPONSE, good_responses, ARRAY_LEN(good_responses));
}

/* The last byte of each text is the one that makes it bad: more is not waited for. */
struct bad {
	struct text text;
	enum err_code code;
};
#define L "GET / HTTP/1.1\r\n"
#define M E_malformed_request

static const struct bad bad_requests[] = {
	/* what begins like no request */
	{ TEXT("\n"), M }, { TEXT("\r\r"), M }, { TEXT("\r\n\r"), M }, { TEXT("\r\n\n"), M }, { TEXT(" "), M },
	{ TEXT("\0"), M }, { TEXT("\x16"), M }, { TEXT("\x80"), M }, { TEXT("G\0"), M }, { TEXT("G\xc3"), M },
	{ TEXT("GET\t"), M }, { TEXT("GET\r"), M }, { TEXT("GET\n"), M }, { TEXT("G:"), M }, { TEXT("G("), M }, { TEXT("{"), M },
	/* targets */
	{ TEXT("GET  "), M }, { TEXT("GET \t"), M }, { TEXT("GET a"), M }, { TEXT("GET ?"), M }, { TEXT("GET \r"), M },
	{ TEXT("GET /\r"), M }, { TEXT("GET /\n"), M }, { TEXT("GET /\t"), M }, { TEXT("GET /a\0"), M }, { TEXT("GET /\x7f"), M },
	{ TEXT("GET /\x80"), M }, { TEXT("GET /\xc3"), M }, { TEXT("GET /#"), M }, { TEXT("GET /a?b#"), M },
	{ TEXT("GET http://a/#"), M }, { TEXT("GET *x "), M }, { TEXT("GET * HTTP/1.1"), M }, { TEXT("OPTIONS ** "), M },
	{ TEXT("GET http: "), M }, { TEXT("GET http:/ "), M }, { TEXT("GET http:// "), M }, { TEXT("GET http:/// "), M },
	{ TEXT("GET http://?x "), M }, { TEXT("GET f"), M }, { TEXT("GET hftp://a/ "), M }, { TEXT("GET http://u@a/ "), M },
	{ TEXT("GET http://a:b/ "), M }, { TEXT("GET http://a:65536/ "), M }, { TEXT("GET http://a,b/ "), M },
	{ TEXT("GET http://[::1/ "), M }, { TEXT("GET http://[]/ "), M }, { TEXT("GET http://[::1]x/ "), M }, { TEXT("GET host:80 "), M },
	{ TEXT("CONNECT "), M },
	/* versions */
	{ TEXT("GET / \r"), M }, { TEXT("GET /  "), M }, { TEXT("GET / h"), M }, { TEXT("GET / HTTp"), M }, { TEXT("GET / HTTP "), M },
	{ TEXT("GET / HTTP/x"), M }, { TEXT("GET / HTTP/1x"), M }, { TEXT("GET / HTTP/1,"), M }, { TEXT("GET / HTTP/1.x"), M },
	{ TEXT("GET / HTTP/1.\r"), M }, { TEXT("GET / HTTP/11"), M }, { TEXT("GET / HTTP/1.10"), M }, { TEXT("GET / HTTP/1.1 "), M },
	{ TEXT("GET / HTTP/1.1\n"), M }, { TEXT("GET / HTTP/1.1\t"), M }, { TEXT("GET / HTTP/1.1\rX"), M }, { TEXT("GET / HTTP/1.1\r\r"), M },
	{ TEXT("GET / HTTP/-"), M }, { TEXT("GET / HTTPS"), M }, { TEXT("GET / S"), M }, { TEXT("GET / HTTP/1.1H"), M },
	{ TEXT("GET / HTTP/2"), E_http_version_not_supported }, { TEXT("GET / HTTP/0"), E_http_version_not_supported },
	{ TEXT("GET / HTTP/9"), E_http_version_not_supported }, { TEXT("PRI * HTTP/2"), E_http_version_not_supported },
	{ TEXT("PRI * HTTP/1.1"), M },
	/* lines of fields */
	{ TEXT(L " "), M }, { TEXT(L "\t"), M }, { TEXT(L "\n"), M }, { TEXT(L ":"), M }, { TEXT(L "\0"), M }, { TEXT(L "A\0"), M },
	{ TEXT(L "A "), M }, { TEXT(L "A\t"), M }, { TEXT(L "A\r"), M }, { TEXT(L "A\n"), M }, { TEXT(L "A("), M }, { TEXT(L "\xc3"), M },
	{ TEXT(L "A\x7f"), M }, { TEXT(L "A/"), M }, { TEXT(L "A;"), M }, { TEXT(L "A\""), M }, { TEXT(L "A@"), M }, { TEXT(L "Host "), M },
	{ TEXT(L "A: b\n"), M }, { TEXT(L "A: b\rc"), M }, { TEXT(L "A: b\r\r"), M }, { TEXT(L "A: b\0"), M }, { TEXT(L "A: \x01"), M },
	{ TEXT(L "A: b\x7f"), M }, { TEXT(L "A: \x1b"), M }, { TEXT(L "A: b\x0b"), M }, { TEXT(L "A: b\x08"), M }, { TEXT(L "A:\n"), M },
	{ TEXT(L "A:\0"), M }, { TEXT(L "A: b\r\n "), M }, { TEXT(L "A: b\r\n\t"), M }, { TEXT(L "A:\r\n "), M }, { TEXT(L "A: b\r\n\n"), M },
	{ TEXT(L H "\r\r"), M }, { TEXT(L H "\rX"), M }, { TEXT(L "A: 0123456789abcdef0123456789\n"), M },
	{ TEXT(L "A: 0123456789abcdef0123456789abcdef\0"), M }, { TEXT(L "A: 0\t0123456789abcdef0123456789abcde\x1f"), M },
	/* Host */
	{ TEXT(L "\r\n"), M }, { TEXT(L "A: b\r\n\r\n"), M }, { TEXT(L "Host:\r"), M }, { TEXT(L "Host:  \r"), M },
	{ TEXT("GET http://a/ HTTP/1.1\r\n\r\n"), M }, { TEXT("GET / HTTP/1.7\r\n\r\n"), M },
	{ TEXT(L H "Host: a\r"), M }, { TEXT(L H "host: b\r"), M }, { TEXT("GET / HTTP/1.0\r\n" H "Host: a\r"), M },
	{ TEXT(L "Host: a b\r"), M }, { TEXT(L "Host: a/b\r"), M }, { TEXT(L "Host: a,b\r"), M }, { TEXT(L "Host: u@a\r"), M },
	{ TEXT(L "Host: a?b\r"), M }, { TEXT(L "Host: a#b\r"), M }, { TEXT(L "Host: a\\b\r"), M }, { TEXT(L "Host: http://a\r"), M },
	{ TEXT(L "Host: \xc3\xa9\r"), M }, { TEXT(L "Host: a:x\r"), M }, { TEXT(L "Host: a:1:2\r"), M }, { TEXT(L "Host: a:65536\r"), M },
	{ TEXT(L "Host: a:+1\r"), M }, { TEXT(L "Host: a:123456\r"), M }, { TEXT(L "Host: :80\r"), M }, { TEXT(L "Host: [::1\r"), M },
	{ TEXT(L "Host: []\r"), M }, { TEXT(L "Host: [::1]x\r"), M }, { TEXT(L "Host: [::g]\r"), M }, { TEXT(L "Host: <a>\r"), M },
	{ TEXT(L "Host: \"a\"\r"), M }, { TEXT(L "Host: a\tb\r"), M },
	/* Content-Length */
	{ TEXT(L "Content-Length:\r"), M }, { TEXT(L "Content-Length: +5\r"), M }, { TEXT(L "Content-Length: -1\r"), M },
	{ TEXT(L "Content-Length: -0\r"), M }, { TEXT(L "Content-Length: 0x5\r"), M }, { TEXT(L "Content-Length: 5 5\r"), M },
	{ TEXT(L "Content-Length: 5,5\r"), M }, { TEXT(L "Content-Length: 5, 5\r"), M }, { TEXT(L "Content-Length: 5;\r"), M },
	{ TEXT(L "Content-Length: 1e3\r"), M }, { TEXT(L "Content-Length: 1.0\r"), M }, { TEXT(L "Content-Length: 1_0\r"), M },
	{ TEXT(L "Content-Length: five\r"), M }, { TEXT(L "Content-Length: \"5\"\r"), M }, { TEXT(L "Content-Length: \xd9\xa5\r"), M },
	{ TEXT(L "Content-Length: 9223372036854775808\r"), M }, { TEXT(L "Content-Length: 18446744073709551615\r"), M },
	{ TEXT(L "Content-Length: 18446744073709551616\r"), M }, { TEXT(L "Content-Length: 18446744073709551621\r"), M },
	{ TEXT(L "Content-Length: 4294967296000000000000005\r"), M }, { TEXT(L "Content-Length: 5\x0b"), M },
	{ TEXT(L "Content-Length: 5\r\nContent-Length: 5\r"), M }, { TEXT(L "Content-Length: 5\r\ncontent-length: 6\r"), M },
	{ TEXT(L "Content-Length: 5\r\nTransfer-Encoding: chunked\r"), M }, { TEXT(L "Transfer-Encoding: chunked\r\nContent-Length: 5\r"), M },
	{ TEXT(L "Content-Length: 0\r\nTransfer-Encoding: identity\r"), M }, { TEXT(L "Content-Length "), M },
	/* Transfer-Encoding */
	{ TEXT(L "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r"), M },
	{ TEXT(L "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r"), M },
	{ TEXT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r"), M }, { TEXT(L "Transfer-Encoding: chun\x0b"), M },
	{ TEXT(L "Transfer-Encoding\t"), M }, { TEXT(L "Transfer-Encoding: chunked\r\n "), M },
	{ TEXT(L "Transfer-Encoding:\r"), E_transfer_coding_not_supported }, { TEXT(L "Transfer-Encoding: identity\r"), E_transfer_coding_not_supported },
	{ TEXT(L "Transfer-Encoding: gzip, chunked\r"), E_transfer_coding_not_supported }, { TEXT(L "Transfer-Encoding: chunked, gzip\r"), E_transfer_coding_not_supported },
	{ TEXT(L "Transfer-Encoding: chunked, chunked\r"), E_transfer_coding_not_supported }, { TEXT(L "Transfer-Encoding: xchunked\r"), E_transfer_coding_not_supported },
	{ TEXT(L "Transfer-Encoding: chunked;x\r"), E_transfer_coding_not_supported }, { TEXT(L "Transfer-Encoding: \"chunked\"\r"), E_transfer_coding_not_supported },
	{ TEXT(L "Transfer-Encoding: ,chunked\r"), E_transfer_coding_not_supported }, { TEXT(L "Transfer-Encoding: chunke\r"), E_transfer_coding_not_supported },
	{ TEXT(L "Transfer-Encoding: chunked\xa0\r"), E_transfer_coding_not_supported },
	/* Expect */
	{ TEXT(L "Expect: 200-ok\r"), E_expectation_failed }, { TEXT(L "Expect:\r"), E_expectation_failed },
	{ TEXT(L "Expect: 100-continue, x\r"), E_expectation_failed }, { TEXT(L "Expect: 100-continue\r\nExpect: y\r"), E_expectation_failed },
};

static const struct bad bad_responses[] = {
	{ TEXT("\r"), E_upstream_error }, { TEXT(" "), E_upstream_error }, { TEXT("<"), E_upstream_error }, { TEXT("h"), E_upstream_error },
	{ TEXT("HTTP/2"), E_upstream_error }, { TEXT("HTTP/1.1\r"), E_upstream_error }, { TEXT("HTTP/1.1  "), E_upstream_error },
	{ TEXT("HTTP/1.1 2x"), E_upstream_error }, { TEXT("HTTP/1.1 20 "), E_upstream_error }, { TEXT("HTTP/1.1 0"), E_upstream_error },
	{ TEXT("HTTP/1.1 2000"), E_upstream_error }, { TEXT("HTTP/1.1 -"), E_upstream_error }, { TEXT("HTTP/1.1 200\n"), E_upstream_error },
	{ TEXT("HTTP/1.1 200 O\n"), E_upstream_error }, { TEXT("HTTP/1.1 200 O\0"), E_upstream_error }, { TEXT("HTTP/1.1 200 OK\r\r"), E_upstream_error },
	{ TEXT("HTTP/1.1 200 OK\r\n "), E_upstream_error }, { TEXT("HTTP/1.1 200 OK\r\nA "), E_upstream_error },
	{ TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r"), E_upstream_error },
	{ TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r"), E_upstream_error },
	{ TEXT("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r"), E_upstream_error },
	{ TEXT("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r"), E_upstream_error },
	{ TEXT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r"), E_upstream_error },
	{ TEXT("HTTP/1.1 200 OK\r\nA: b\0"), E_upstream_error }, { TEXT("HTTP/1.1 200 OK\r\nA: b\n"), E_upstream_error },
	{ TEXT("I"), E_upstream_error },
};

static void check_bad(enum http1_kind kind, const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct outcome o = parse_all_ways(kind, NULL, cases[i].text);
		if (o.result != -1)
			fail_msg("not refused: %s", cases[i].text.bytes);
		if (o.err.code != cases[i].code)
			fail_msg("%s: %s", cases[i].text.bytes, o.err.message);
		if (o.looked_at != cases[i].text.len)
			fail_msg("%s: refused already after %zu bytes: %s", cases[i].text.bytes,
				 o.looked_at, o.err.message);
		buf_free(&o.text);
	}
}

static void refuses_bad_requests_at_their_first_bad_byte(void **state)
{
	(void)state;
	check_bad(HTTP1_REQUEST, bad_requests, ARRAY_LEN(bad_requests));
}

static void refuses_bad_responses_at_their_first_bad_byte(void **state)
{
	(void)state;
	check_bad(HTTP1_RESPONSE, bad_responses, ARRAY_LEN(bad_responses));
}

static void stays_refused(void **state)
{
	struct http1_parser p;
	static struct http1_head head;
	struct err err = ERR_INIT;

	(void)state;
	http1_parser_init(&p, HTTP1_REQUEST, NULL);
	assert_int_equal(http1_parse(&p, SPAN_LIT("G("), &head, NULL), -1);
	assert_int_equal(http1_parse(&p, SPAN_LIT("GET / HTTP/1.0\r\n\r\n"), &head, &err), -1);
	assert_int_equal(err.code, E_malformed_request);
}

static void fills_the_head_again_when_asked_again(void **state)
{
	struct http1_parser p;
	static struct http1_head head;
	static const char first[] = "GET /a HTTP/1.0\r\n\r\n", moved[] = "GET /a HTTP/1.0\r\n\r\n";

	(void)state;
	http1_parser_init(&p, HTTP1_REQUEST, NULL);
	assert_int_equal(http1_parse(&p, span_str(first), &head, NULL), 1);
	assert_int_equal(http1_parse(&p, span_str(moved), &head, NULL), 1);
	assert_ptr_equal(head.path.ptr, moved + 4);
}

/* A request whose parts have the sizes asked for; head: of the whole, 0 = as it comes. */
static struct buf sized(size_t line, size_t head, size_t fields)
{
	struct buf b;

	buf_init(&b, 1 * MIB);
	buf_add_str(&b, "GET /");
	while (b.len + strlen(" HTTP/1.1") < line)
		buf_add_char(&b, 'x');
	buf_add_str(&b, " HTTP/1.1\r\n" H);
	for (size_t i = 1; i < fields; i++)
		buf_add_str(&b, "a:\r\n");
	if (head > 0) {
		buf_add_str(&b, "F: ");
		while (b.len + 4 < head)
			buf_add_char(&b, 'y');
		buf_add_str(&b, "\r\n");
	}
	buf_add_str(&b, "\r\n");
	return b;
}

static void keeps_its_limits_to_the_byte(void **state)
{
	static const struct http1_limits small = { .line_max = 60, .head_max = 200, .fields_max = 7 };
	static const struct {
		size_t line, head, fields, max;
		enum err_code code;
	} kinds[] = {
		{ 1, 0, 1, 0, E_uri_too_long },
		{ 0, 1, 1, 0, E_headers_too_large },
		{ 0, 0, 1, 0, E_headers_too_large },
	};

	(void)state;
	for (int with_default = 0; with_default < 2; with_default++) {
		const struct http1_limits *limits = with_default ? NULL : &small;
		const struct http1_limits *l = limits ? limits : &http1_default_limits;
		const size_t maxima[] = { l->line_max, l->head_max, l->fields_max };
		for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++)
			for (size_t n = maxima[kind] - 1; n <= maxima[kind] + 1; n++) {
				struct buf b = sized(kind == 0 ? n : 20, kind == 1 ? n : 0, kind == 2 ? n : 1);
				struct text t = { b.ptr, b.len };
				struct outcome o = parse_all_ways(HTTP1_REQUEST, limits, t);
				assert_int_equal(o.result, n <= maxima[kind] ? 1 : -1);
				assert_int_equal(o.err.code, n <= maxima[kind] ? E_none : kinds[kind].code);
				buf_free(&o.text);
				buf_free(&b);
			}
	}
}

static void refuses_an_endless_head_where_the_limit_is(void **state)
{
	static const struct http1_limits small = { .line_max = 60, .head_max = 200, .fields_max = 7 };
	static const struct {
		const char *start, *again;
		size_t at;
		enum err_code code;
	} cases[] = {
		{ "", "A", 61, E_uri_too_long },
		{ "GET /", "a", 61, E_uri_too_long },
		{ "\r\nGET /", "a", 63, E_uri_too_long },
		{ "GET / HTTP/1.1\r\n", "A", 200, E_headers_too_large },
		{ "GET / HTTP/1.1\r\nA:", " ", 200, E_headers_too_large },
		{ "GET / HTTP/1.1\r\nA: ", "a", 200, E_headers_too_large },
		{ "GET / HTTP/1.1\r\n", "a:\r\n", 16 + 7 * 4 + 1, E_headers_too_large },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;
		buf_init(&b, 4 * KIB);
		buf_add_str(&b, cases[i].start);
		while (b.len < 600)
			buf_add_str(&b, cases[i].again);
		struct outcome o = parse_all_ways(HTTP1_REQUEST, &small, (struct text){ b.ptr, b.len });
		assert_int_equal(o.result, -1);
		assert_int_equal(o.err.code, cases[i].code);
		assert_int_equal(o.looked_at, cases[i].at);
		buf_free(&o.text);
		buf_free(&b);
	}
}

static void finds_fields_by_name_in_any_case(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX-Thing: 1\r\nx-thing: 2\r\nE:\r\n\r\n";
	static struct http1_head head;
	struct http1_parser p;

	(void)state;
	http1_parser_init(&p, HTTP1_REQUEST, NULL);
	assert_int_equal(http1_parse(&p, span_str(text), &head, NULL), 1);
	assert_true(span_is(http1_field(&head, "x-THING"), "1"));
	assert_non_null(http1_field(&head, "e").ptr);
	assert_null(http1_field(&head, "x-thin").ptr);
	assert_null(http1_field(&head, "").ptr);
}

static void knows_lists_and_values(void **state)
{
	(void)state;
	assert_true(http1_list_has(SPAN_LIT("a, b ,\tc"), "B"));
	assert_true(http1_list_has(SPAN_LIT(",,c,"), "c"));
	assert_false(http1_list_has(SPAN_LIT("ab, bc"), "b"));
	assert_false(http1_list_has(SPAN_LIT(""), "b"));
	assert_false(http1_list_has(SPAN_NONE, "b"));
	assert_true(http1_is_field_value(SPAN_LIT("")));
	for (int c = 0; c < 256; c++) {
		const char byte = (char)c;
		bool is_value = c == '\t' || (c >= 0x20 && c != 0x7f);
		assert_int_equal(http1_is_field_value(span_of(&byte, 1)), is_value);
	}
}

static void names_methods_and_reasons(void **state)
{
	(void)state;
	assert_string_equal(http1_method_name(HTTP1_GET), "GET");
	assert_string_equal(http1_method_name(HTTP1_OPTIONS), "OPTIONS");
	assert_string_equal(http1_method_name(HTTP1_OTHER), "OTHER");
	assert_string_equal(http1_reason(200), "OK");
	assert_string_equal(http1_reason(503), "Service Unavailable");
	assert_string_equal(http1_reason(299), "Unknown");
	/* Every status of the error catalogue has a phrase. */
	for (int code = E_none; code < ERR_CODE_COUNT; code++)
		assert_string_not_equal(http1_reason(err_info((enum err_code)code)->status), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_requests_and_says_what_they_are),
		cmocka_unit_test(accepts_responses_and_says_what_they_are),
		cmocka_unit_test(refuses_bad_requests_at_their_first_bad_byte),
		cmocka_unit_test(refuses_bad_responses_at_their_first_bad_byte),
		cmocka_unit_test(stays_refused),
		cmocka_unit_test(fills_the_head_again_when_asked_again),
		cmocka_unit_test(keeps_its_limits_to_the_byte),
		cmocka_unit_test(refuses_an_endless_head_where_the_limit_is),
		cmocka_unit_test(finds_fields_by_name_in_any_case),
		cmocka_unit_test(knows_lists_and_values),
		cmocka_unit_test(names_methods_and_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
