/*
 * common/upstream/failure.h - why a call to a target failed, and what that means for the next.
 *
 * One table of classes decides whether the same target is tried again, the next one is, or the
 * request ends; whether the breaker hears of it; and which catalogued error the client gets.
 * Any thread.
 */
#ifndef SPASS_UPSTREAM_FAILURE_H
#define SPASS_UPSTREAM_FAILURE_H

#include "common/base/err.h"
#include "common/loop/http1.h"
#include "common/upstream/routing.h"

enum failure_class {
	FAILURE_CONNECT,   /* refused, no such host, TLS: next target after retries */
	FAILURE_TIMEOUT,   /* a time limit ran out: next target */
	FAILURE_CUT,       /* broke off, or is no HTTP or JSON: retry, then next */
	FAILURE_SERVER,    /* 5xx: retry, then next */
	FAILURE_BUSY,      /* 429, 503 while loading, 529: retry when told, then next */
	FAILURE_QUOTA,     /* paid quota or credit is used up: next target, without retry */
	FAILURE_KEY,       /* 401, 403: next target, without retry */
	FAILURE_MISSING,   /* 404: this target lacks the model: next */
	FAILURE_CONTEXT,   /* prompt too long: a target with a larger window */
	FAILURE_POLICY,    /* content filter: ends */
	FAILURE_REQUEST,   /* another 4xx: the client's fault: ends */
	FAILURE_NO_IMAGE,  /* an image model answered without one: next */
	FAILURE_INTERNAL,  /* the gateway's own: ends, and says nothing about the target */
	FAILURE_CANCELLED, /* the client left: ends, and says nothing about the target */
};
enum { FAILURE_CLASSES = FAILURE_CANCELLED + 1, FAILURE_TEXT_MAX = 480 };

enum failure_next { NEXT_RETRY, NEXT_TARGET, NEXT_LARGER, NEXT_NONE };
enum failure_blame { BLAME_TARGET, BLAME_NOBODY };

struct failure_rule {
	const char *name;        /* for metrics: outcome of spass_upstream_requests_total */
	enum failure_next next;
	enum failure_blame blame; /* whether the breaker counts it */
	enum err_code code;
};
const struct failure_rule *failure_rule(enum failure_class c);

struct failure {
	enum failure_class class;
	int status;              /* of the backend's answer, 0 = none */
	int64_t retry_after_ms;  /* -1 = not told */
	char text[FAILURE_TEXT_MAX]; /* the backend's own words, or ours; sanitised */
	char param[ERR_PARAM_MAX]; /* what of the request the backend blames, "" = it does not say */
};

/* From the err of an upcall to t. */
void failure_from_err(struct failure *f, const struct target *t, const struct err *err);
/* From an error object in an answer of status 200, or in a stream: it names its own kind. */
void failure_from_error(struct failure *f, const struct target *t, struct span body);
/*
 * From an answer with a status of 300 or more.  body: as read, cut is fine.  The text is made
 * harmless: no keys, no URLs, one line of UTF-8.
 */
void failure_from_answer(struct failure *f, const struct target *t, const struct http1_head *head,
			 struct span body);
/* From something that is no proper answer.  The text becomes one line of UTF-8. */
void failure_set(struct failure *f, enum failure_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
