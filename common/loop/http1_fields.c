/*
 * common/loop/http1_fields.c - the fields of a head that are known by name, and what they decide.
 */
#include "common/loop/http1_inside.h"

#include <assert.h>

#include "common/base/bytes.h"
#include "common/base/mem.h"

/* The names, in the order of enum http1_known, as parameters of an error and (from +8) alone. */
static const char *const known_params[] = {
	[HTTP1_HOST] = "headers.host",
	[HTTP1_CONNECTION] = "headers.connection",
	[HTTP1_CONTENT_LENGTH] = "headers.content-length",
	[HTTP1_TRANSFER_ENCODING] = "headers.transfer-encoding",
	[HTTP1_EXPECT] = "headers.expect",
	[HTTP1_CONTENT_TYPE] = "headers.content-type",
	[HTTP1_CONTENT_ENCODING] = "headers.content-encoding",
	[HTTP1_AUTHORIZATION] = "headers.authorization",
	[HTTP1_ORIGIN] = "headers.origin",
	[HTTP1_KEEP_ALIVE] = "headers.keep-alive",
	[HTTP1_RETRY_AFTER] = "headers.retry-after",
};
static_assert(ARRAY_LEN(known_params) == HTTP1_KNOWN_COUNT, "a name for each known field");

/*
 * Whether a token is a name in lower case of that length, at least 4: in words, the last of which may
 * overlap the one before.  Of a token's characters only letters change by this bit into a letter or '-'.
 */
static bool is_name(const char *token, const char *name, size_t len)
{
	const uint64_t lower = UINT64_C(0x2020202020202020);

	if (len < 8)
		return (bytes_load_4(token) | (uint32_t)lower) == bytes_load_4(name) &&
		       (bytes_load_4(token + len - 4) | (uint32_t)lower) == bytes_load_4(name + len - 4);
	for (size_t at = 0; at + 8 < len; at += 8)
		if ((bytes_load_8(token + at) | lower) != bytes_load_8(name + at))
			return false;
	return (bytes_load_8(token + len - 8) | lower) == bytes_load_8(name + len - 8);
}

int http1_find_known(const char *name, size_t len)
{
	enum { NONE = HTTP1_KNOWN_COUNT };
	static const unsigned char by_len[][2] = {
		{ NONE, NONE },
		{ NONE, NONE },
		{ NONE, NONE },
		{ NONE, NONE },
		[4] = { HTTP1_HOST, NONE },
		{ NONE, NONE },
		[6] = { HTTP1_EXPECT, HTTP1_ORIGIN },
		{ NONE, NONE },
		{ NONE, NONE },
		{ NONE, NONE },
		[10] = { HTTP1_CONNECTION, HTTP1_KEEP_ALIVE },
		[11] = { HTTP1_RETRY_AFTER, NONE },
		[12] = { HTTP1_CONTENT_TYPE, NONE },
		[13] = { HTTP1_AUTHORIZATION, NONE },
		[14] = { HTTP1_CONTENT_LENGTH, NONE },
		{ NONE, NONE },
		[16] = { HTTP1_CONTENT_ENCODING, NONE },
		[17] = { HTTP1_TRANSFER_ENCODING, NONE },
	};

	if (len >= ARRAY_LEN(by_len))
		return -1;
	for (size_t i = 0; i < 2 && by_len[len][i] != NONE; i++)
		if (is_name(name, known_params[by_len[len][i]] + 8, len))
			return by_len[len][i];
	return -1;
}

static int refuse(struct http1_parser *p, enum http1_known known, const char *what, struct err *err)
{
	return http1_refuse(p, err, E_malformed_request, known_params[known], what);
}

static int judge_length(struct http1_parser *p, struct span value, struct err *err)
{
	if (p->known[HTTP1_CONTENT_LENGTH])
		return refuse(p, HTTP1_CONTENT_LENGTH, "a second Content-Length", err);
	if (p->known[HTTP1_TRANSFER_ENCODING])
		return refuse(p, HTTP1_CONTENT_LENGTH, "Content-Length beside Transfer-Encoding", err);
	if (span_to_int(value, 0, INT64_MAX, &p->content_length) < 0)
		return refuse(p, HTTP1_CONTENT_LENGTH, "Content-Length is not a number of bytes", err);
	return 0;
}

static int judge_coding(struct http1_parser *p, struct span value, struct err *err)
{
	if (p->known[HTTP1_CONTENT_LENGTH])
		return refuse(p, HTTP1_TRANSFER_ENCODING, "Transfer-Encoding beside Content-Length", err);
	if (p->known[HTTP1_TRANSFER_ENCODING])
		return refuse(p, HTTP1_TRANSFER_ENCODING, "a second Transfer-Encoding", err);
	if (p->minor == 0)
		return refuse(p, HTTP1_TRANSFER_ENCODING, "Transfer-Encoding in HTTP/1.0", err);
	if (!span_is_nocase(value, "chunked"))
		return http1_refuse(p, err, E_transfer_coding_not_supported, known_params[HTTP1_TRANSFER_ENCODING],
				    "a transfer coding other than chunked");
	p->chunked = true;
	return 0;
}

static int judge_host(struct http1_parser *p, struct span value, struct err *err)
{
	if (p->kind == HTTP1_RESPONSE)
		return 0;
	if (p->known[HTTP1_HOST])
		return refuse(p, HTTP1_HOST, "a second Host", err);
	if (!http1_is_authority(value))
		return refuse(p, HTTP1_HOST, "Host is not a host name or address", err);
	return 0;
}

static int judge_expect(struct http1_parser *p, struct span value, struct err *err)
{
	if (p->kind == HTTP1_RESPONSE)
		return 0;
	if (!span_is_nocase(value, "100-continue"))
		return http1_refuse(p, err, E_expectation_failed, known_params[HTTP1_EXPECT],
				    "an expectation other than 100-continue");
	p->expects_continue = p->minor > 0; /* RFC 9110 10.1.1: ignored from HTTP/1.0 */
	return 0;
}

int http1_judge_field(struct http1_parser *p, int known, struct span value, struct err *err)
{
	switch ((enum http1_known)known) {
	case HTTP1_CONTENT_LENGTH:
		return judge_length(p, value, err);
	case HTTP1_TRANSFER_ENCODING:
		return judge_coding(p, value, err);
	case HTTP1_HOST:
		return judge_host(p, value, err);
	case HTTP1_EXPECT:
		return judge_expect(p, value, err);
	case HTTP1_CONNECTION:
		p->says_close |= http1_list_has(value, "close");
		p->says_keep_alive |= http1_list_has(value, "keep-alive");
		return 0;
	case HTTP1_CONTENT_TYPE:
	case HTTP1_CONTENT_ENCODING:
	case HTTP1_AUTHORIZATION:
	case HTTP1_ORIGIN:
	case HTTP1_KEEP_ALIVE:
	case HTTP1_RETRY_AFTER:
	case HTTP1_KNOWN_COUNT:
		break;
	}
	return 0;
}
