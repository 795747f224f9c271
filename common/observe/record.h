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

enum { RECORD_TEXT_MAX = 128, RECORD_NAME_MAX = 64, RECORD_RATE_SOURCE_MAX = 19 };

/*
 * Texts are borrowed; NULL or "" = none.  They are kept up to RECORD_TEXT_MAX bytes, those of
 * RECORD_NAME_MAX up to that.
 */
struct record {
	int64_t ts_ms;                 /* wall clock at the first byte */
	const char *request_id;
	const char *parent_request_id;
	/*
	 * 0, or a promise: tenant_id, token_id, model, resolved_model, resolved_backend and link_model
	 * stay where they are as long as this is the same, so that the address tells the text.
	 */
	uint64_t epoch;

	/* What many records have in common. */
	int depth;
	int status;                    /* HTTP; 499 when the client left before a status */
	enum err_code error;
	int attempts;                  /* calls to backends */
	bool streamed;
	bool finished;                 /* false: the client left or the stream was cut */
	bool pseudonymous;             /* audit.jsonl gets a pseudonym in place of user_id */
	const char *surface;           /* "v1"; static text, as the next three */
	const char *method;
	const char *route;             /* the route's pattern */
	const char *cost_source;       /* "table", "unknown" */
	int64_t rate;                  /* millionths of a euro for a dollar; -1 = none was used */
	const char *rate_source;       /* RECORD_RATE_SOURCE_MAX */
	const char *tenant_id;         /* RECORD_NAME_MAX, as the next */
	const char *token_id;
	const char *user_id;
	const char *scope_id;
	const char *model;             /* alias asked for */
	const char *resolved_model;    /* what the backend was asked for */
	const char *resolved_backend;  /* RECORD_NAME_MAX */
	const char *link_model;        /* of a composite: the alias whose link answered; "": model's own */

	int64_t prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens; /* -1 = unknown */
	int64_t audio_ms, characters;  /* listened to, spoken; -1 = unknown, or none */
	int64_t cost_usd, cost_eur;    /* millionths; -1 = unknown, or nothing was answered */
	int64_t cost_billed_usd, cost_billed_eur; /* with the tenant's factor */
	int64_t estimated_usd, estimated_eur; /* what budgets count in place of a cost that is unknown */
	int64_t latency_us, first_byte_us, upstream_us;
	uint64_t bytes_in, bytes_out;
};

/* Bytes of the longest line: every character escaped as six.  Longer texts are cut. */
enum { RECORD_LINE_MAX = 12 * 1024 };

/* The parts of a line that records with much in common share; borrows its texts. */
struct record_frame {
	struct span who, how;
	int64_t second; /* private: the last line's, and how it is written */
	char stamp[24];
};

/* Prints the parts into out[RECORD_LINE_MAX], which the frame borrows. */
void record_frame_print(struct record_frame *f, const struct record *r, char *out);
/*
 * One JSON object and a newline, the members of audit.jsonl, at at[RECORD_LINE_MAX]; returns its end.
 * One without a value (an error where there was none, a cost that is not known) is left out.
 * f: of a record that has the same in common.
 */
char *record_put(char *at, struct record_frame *f, const struct record *r);

#endif
