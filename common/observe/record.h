/*
 * common/observe/record.h - what is kept of a request: one struct, two places.
 *
 * The usage table and audit.jsonl are both written from it, by the store's writer, off the
 * request's path.  Never prompt text, never a key.
 */
#ifndef SPASS_OBSERVE_RECORD_H
#define SPASS_OBSERVE_RECORD_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum { RECORD_TEXT_MAX = 128, RECORD_RATE_SOURCE_MAX = 19 };

struct record {
	int64_t ts_ms;                 /* wall clock at the first byte */
	char request_id[RECORD_TEXT_MAX + 1];
	char parent_request_id[RECORD_TEXT_MAX + 1]; /* "" = none */
	int depth;
	char tenant_id[65], token_id[65];
	char user_id[RECORD_TEXT_MAX + 1];
	bool pseudonymous;             /* audit.jsonl gets a pseudonym in place of user_id */
	char scope_id[RECORD_TEXT_MAX + 1];
	const char *surface;           /* "v1"; static text, as the next three */
	const char *method;
	const char *route;             /* the route's pattern */
	enum err_code error;
	int status;                    /* HTTP; 499 when the client left before a status */
	char model[RECORD_TEXT_MAX + 1];          /* alias asked for */
	char resolved_model[RECORD_TEXT_MAX + 1]; /* what the backend was asked for */
	char resolved_backend[65];
	int attempts;                  /* calls to backends */
	bool streamed;
	bool finished;                 /* false: the client left or the stream was cut */
	int64_t prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens; /* -1 = unknown */
	const char *cost_source;       /* "table", "unknown"; static */
	int64_t cost_usd, cost_eur;    /* millionths; -1 = unknown, or nothing was answered */
	int64_t cost_billed_usd, cost_billed_eur; /* with the tenant's factor */
	int64_t rate;                  /* millionths of a euro for a dollar; -1 = none was used */
	char rate_source[RECORD_RATE_SOURCE_MAX + 1];
	int64_t latency_us, first_byte_us, upstream_us;
	uint64_t bytes_in, bytes_out;
};

/* Bytes of the longest line: every character escaped as six.  Longer static texts are cut. */
enum { RECORD_LINE_MAX = 12 * 1024 };
/* One JSON object and a newline, the fields of audit.jsonl.  0, or -1 with out as it was. */
int record_print(const struct record *r, struct buf *out);

#endif
