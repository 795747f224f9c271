/*
 * common/loop/http1_fields.c - the fields of a head that are known by name, and what they decide.
 */
#include "common/loop/http1_inside.h"

#include <assert.h>

#include "common/base/bytes.h"
#include "common/base/mem.h"

/* The names, in the order of enum http1_known, as parameters of an error. */
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
 * Inline, so that the words of a literal are known.
 */
static inline bool is_name(const char *token, const char *name, size_t len)
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

#define FIND(literal, known)                                                                                 \
	do {                                                                                                \
		static_assert(sizeof(literal) - 1 >= 4, "compared in words");                               \
		if (is_name(name, literal, sizeof(literal) - 1))                                            \
			return known;                                                                       \
	} while (0)

/* A table, in words.  NOLINTNEXTLINE(readability-function-cognitive-complexity) */
int http1_find_known(const char *name, size_t len)
{
	switch (len) {
	case 4:
		FIND("host", HTTP1_HOST);
		break;
	case 6:
		FIND("expect", HTTP1_EXPECT);
		FIND("origin", HTTP1_ORIGIN);
		break;
	case 10:
		FIND("connection", HTTP1_CONNECTION);
		FIND("keep-alive", HTTP1_KEEP_ALIVE);
		break;
	case 11:
		FIND("retry-after", HTTP1_RETRY_AFTER);
		break;
	case 12:
		FIND("content-type", HTTP1_CONTENT_TYPE);
		break;
	case 13:
		FIND("authorization", HTTP1_AUTHORIZATION);
		break;
	case 14:
		FIND("content-length", HTTP1_CONTENT_LENGTH);
		break;
	case 16:
		FIND("content-encoding", HTTP1_CONTENT_ENCODING);
		break;
	case 17:
		FIND("transfer-encoding", HTTP1_TRANSFER_ENCODING);
		break;
	default:
		break;
	}
	return -1;
}

static int refuse(struct http1_parser *p, enum http1_known known, const char *what, struct err *err)
{
	return http1_refuse(p, err, E_malformed_request, known_params[known], what);
}

static int judge_length(struct http1_parser *p, struct span value, struct err *err)
{
	if (http1_has_known(p, HTTP1_CONTENT_LENGTH))
		return refuse(p, HTTP1_CONTENT_LENGTH, "a second Content-Length", err);
	if (http1_has_known(p, HTTP1_TRANSFER_ENCODING))
		return refuse(p, HTTP1_CONTENT_LENGTH, "Content-Length beside Transfer-Encoding", err);
	if (span_to_int(value, 0, INT64_MAX, &p->content_length) < 0)
		return refuse(p, HTTP1_CONTENT_LENGTH, "Content-Length is not a number of bytes", err);
	return 0;
}

static int judge_coding(struct http1_parser *p, struct span value, struct err *err)
{
	if (http1_has_known(p, HTTP1_CONTENT_LENGTH))
		return refuse(p, HTTP1_TRANSFER_ENCODING, "Transfer-Encoding beside Content-Length", err);
	if (http1_has_known(p, HTTP1_TRANSFER_ENCODING))
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
	if (http1_has_known(p, HTTP1_HOST))
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
