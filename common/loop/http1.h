/*
 * common/loop/http1.h - the HTTP/1.1 codec, for both directions.
 *
 * Incremental and zero-copy (RFC 9110, RFC 9112), strict where laxness lets requests be smuggled:
 * two lengths, a length beside chunked, bad chunk sizes, obs-fold, bare CR or LF, NUL, white space
 * before a colon and unknown framing are refused at the first bad byte.  The parser keeps its
 * place, so bytes that drip in are looked at once.  Pure: no sockets.  Owner thread.
 */
#ifndef SPASS_LOOP_HTTP1_H
#define SPASS_LOOP_HTTP1_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct http1_limits {
	size_t line_max;   /* request or status line without its CRLF, default 8 KiB */
	size_t head_max;   /* whole head, blank line included, at most 64 KiB, default 32 KiB */
	size_t fields_max; /* at most HTTP1_FIELDS_MAX, default 100 */
};
enum { HTTP1_FIELDS_MAX = 100, HTTP1_HEAD_MAX = 64 * 1024 };
extern const struct http1_limits http1_default_limits;

/* Methods have bits so that a table row can hold several. */
enum http1_method {
	HTTP1_GET = 1, HTTP1_HEAD = 2, HTTP1_POST = 4, HTTP1_PUT = 8, HTTP1_PATCH = 16,
	HTTP1_DELETE = 32, HTTP1_OPTIONS = 64, HTTP1_OTHER = 128,
};
const char *http1_method_name(enum http1_method m);

/* Fields that framing and routing need, found while parsing; the rest by http1_field. */
enum http1_known {
	HTTP1_HOST, HTTP1_CONNECTION, HTTP1_CONTENT_LENGTH, HTTP1_TRANSFER_ENCODING, HTTP1_EXPECT,
	HTTP1_CONTENT_TYPE, HTTP1_CONTENT_ENCODING, HTTP1_AUTHORIZATION, HTTP1_ORIGIN,
	HTTP1_KEEP_ALIVE, HTTP1_RETRY_AFTER,
	HTTP1_KNOWN_COUNT
};

struct http1_name_value {
	struct span name, value; /* value without surrounding white space */
};

struct http1_head {
	/* request */
	enum http1_method method;
	struct span method_text, target; /* origin form or "*", also when it came in absolute form */
	struct span path, query;         /* target split at '?', not decoded; query.ptr NULL = no '?' */
	/* response */
	int status;
	struct span reason;
	/* both */
	int minor;              /* HTTP/1.minor: 0 or 1 */
	bool chunked;
	bool expects_continue;
	bool keep_alive;        /* the connection may be used again after this message, unless a
				   response's body turns out to be read until_close */
	int64_t content_length; /* -1: none given */
	size_t size;            /* bytes of the head, blank line included */
	const char *bytes;      /* of the message; what fields gives places in */
	uint64_t names;         /* http1_name_bit of all fields */
	unsigned repeated;      /* 1 << enum http1_known of those that are there twice */
	size_t field_count;     /* see http1_field_at */
	struct { uint16_t name, name_len, value, value_len; } fields[HTTP1_FIELDS_MAX];
	struct span known[HTTP1_KNOWN_COUNT]; /* first value; ptr NULL = absent */
};

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };
struct http1_parser {
	enum http1_kind kind;
	const struct http1_limits *limits;
	size_t at;         /* bytes looked at */
	unsigned state;    /* private, as all below */
	size_t line_start, mark, name_end, value_start;
	struct http1_head *head;
	size_t field_count;
	uint64_t names;
	struct { unsigned begin, end; } method, target, reason, path, authority;
	enum http1_method method_kind;
	int minor, status, status_digits;
	int64_t content_length;
	bool chunked, expects_continue, says_close, says_keep_alive;
	unsigned repeated;
	unsigned known_bits;                    /* 1 << enum http1_known of those that were read, and */
	unsigned char known[HTTP1_KNOWN_COUNT]; /* the index of the first such field */
};
/* limits NULL = default; borrowed. */
void http1_parser_init(struct http1_parser *p, enum http1_kind kind, const struct http1_limits *limits);
/*
 * bytes: all of the message so far, from its first byte; may have moved since the last call.
 * head: the same at every call for a message.  1: complete, *head is filled with spans into bytes.  0: more needed.  -1: refused, with
 * E_malformed_request, E_uri_too_long, E_headers_too_large, E_http_version_not_supported,
 * E_transfer_coding_not_supported or E_expectation_failed (for a response always
 * E_upstream_error); the connection must be closed.
 */
int http1_parse(struct http1_parser *p, struct span bytes, struct http1_head *head, struct err *err);
static inline struct http1_name_value http1_field_at(const struct http1_head *head, size_t i)
{
	return (struct http1_name_value){
		span_of(head->bytes + head->fields[i].name, head->fields[i].name_len),
		span_of(head->bytes + head->fields[i].value, head->fields[i].value_len),
	};
}

/*
 * One of 64 bits for a name in any case: a head without it has no such field, which most searches
 * find.  For a literal the compiler knows the bit.
 */
static inline uint64_t http1_name_bit(const char *name, size_t len)
{
	if (len == 0)
		return 0;
	/* Letters differ in bit 5 from themselves in the other case. */
	unsigned first = (unsigned char)name[0] & 31u, last = (unsigned char)name[len - 1] & 31u;

	return UINT64_C(1) << ((5 * len + 3 * first + last) & 63);
}

static inline bool http1_may_have(const struct http1_head *head, struct span name)
{
	return (head->names & http1_name_bit(name.ptr, name.len)) != 0;
}

struct span http1_search(const struct http1_head *head, struct span name);

/* First field of that name (in any case); ptr NULL when absent. */
static inline struct span http1_find(const struct http1_head *head, struct span name)
{
	return http1_may_have(head, name) ? http1_search(head, name) : SPAN_NONE;
}

static inline struct span http1_field(const struct http1_head *head, const char *name)
{
	return http1_find(head, span_str(name));
}

/* A body, taken out of the bytes after the head. */
struct http1_body {
	unsigned state;     /* private, as all below */
	int64_t left;       /* of the length or the chunk */
	uint64_t total;     /* bytes of data so far */
	unsigned trailer_bytes, line_bytes, digits;
	bool is_response;   /* whose fault a fault is */
	bool until_close;   /* not private: a response that ends with its connection */
};
/* How the body of a request with this head is framed.  No length and not chunked: empty. */
void http1_body_of_request(struct http1_body *b, const struct http1_head *head);
/* Of a response; method: of its request (HEAD has no body; nor have 1xx, 204, 304). */
void http1_body_of_response(struct http1_body *b, const struct http1_head *head, enum http1_method method);
enum http1_step { HTTP1_MORE, HTTP1_DATA, HTTP1_END, HTTP1_BAD };
/*
 * Takes framing or data from the front of *bytes, moving it on.  HTTP1_DATA: *data is a piece of
 * the body inside bytes, not empty.  HTTP1_MORE: *bytes is used up.  HTTP1_END: the body is
 * complete, *bytes starts at what follows.  HTTP1_BAD: err is set.
 */
enum http1_step http1_body_next(struct http1_body *b, struct span *bytes, struct span *data, struct err *err);
/* The peer closed: true when that is a lawful end (already ended, or read until close). */
bool http1_body_may_close(const struct http1_body *b);
bool http1_body_is_empty(const struct http1_body *b);

/* Whether a comma-separated list ("Connection: keep-alive, Upgrade") holds the token. */
bool http1_list_has(struct span list, const char *token);
/* A field's value: no control characters but tab. */
bool http1_is_field_value(struct span s);
/* "OK" for 200, ... "Unknown" otherwise. */
const char *http1_reason(int status);

#endif
