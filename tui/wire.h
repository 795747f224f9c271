/*
 * tui/wire.h - the connection of a client to its gateway, beside its keyboard.
 *
 * Transfers run while wire_wait waits for the keyboard too, so one thread does for both.  The
 * bearer token goes in a header and nowhere else; redirects are not followed.  Main thread.
 */
#ifndef SPASS_TUI_WIRE_H
#define SPASS_TUI_WIRE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <jansson.h>
#include <poll.h>

enum { WIRE_REPLY_MAX = 64 * 1024 * 1024, WIRE_CONNECT_MS = 5000, WIRE_GET_MS = 15000 };

/* Where the gateway is; all borrowed for the wire's life. */
struct wire_target {
	const char *url;       /* without a slash at its end */
	const char *unix_path; /* or NULL */
	const char *token;     /* or NULL; secret */
	const char *user;      /* SPASS-User-Id, or NULL */
	const char *tenant;    /* SPASS-Tenant-Id, or NULL; visible characters only */
	const char *login;     /* the same where a gateway asks for one; or NULL */
	const char *ca_file;   /* PEM, certificates that are trusted besides the system's; or NULL */
	bool is_local;         /* this machine: no proxy stands before it */
	int64_t timeout_ms;    /* of an answer, 0 = none */
	int64_t patience_ms;   /* of a request that a rate limit refuses, in all; 0 = it fails at once */
	/*
	 * Such a request waits for seconds; or, is_long, has waited for more than one second: told once.
	 * May be NULL.
	 */
	void (*limited)(const void *context, int seconds, bool is_long);
	const void *context;
	/* Asked often while a transfer runs, may be NULL; true ends it with E_cancelled. */
	bool (*interrupted)(void);
};

struct wire;

struct wire *wire_new(const struct wire_target *target);
/* After all its transfers. */
void wire_free(struct wire *w);
/* Borrowed. */
const struct wire_target *wire_target(const struct wire *w);
/* The address of a path, for people.  The caller frees. */
char *wire_where(const struct wire *w, const char *path);
/*
 * Waits at most timeout_ms (-1: any time) for the transfers and the count descriptors of more,
 * whose revents are set, and lets the transfers do what they can.  A signal ends the waiting.
 */
void wire_wait(struct wire *w, struct pollfd *more, size_t count, int timeout_ms);

/* What is kept of an answer's head, each cut to its room; "" = not told. */
struct wire_head {
	int status;
	int retry_after_s; /* 0: not told */
	char type[65], server[65], location[257], request_id[129];
};

/* One transfer; embedded in what it serves. */
struct wire_transfer {
	/* Bytes of the body as they come; false ends the transfer. */
	bool (*bytes)(struct wire_transfer *t, struct span s);
	/* A header field of the answer; may be NULL. */
	void (*header)(struct wire_transfer *t, struct span name, struct span value);
	/* Called once, at its end, also when it failed: then err is not NULL. */
	void (*done)(struct wire_transfer *t, const struct err *err);
	/* Before wire_start; NULL: GET or POST; a body is JSON; no header field more. */
	const char *method, *type, *field;
	void *curl; /* NULL: not running */
	void *headers;
	struct wire *wire;
	struct wire_head head;
	int64_t timeout_ms;
	size_t received; /* bytes of the body */
	bool stopped;    /* bytes() said so */
	char detail[256];
};

/* body.ptr NULL: none, else borrowed until its end.  accept: a media type. */
void wire_start(struct wire *w, struct wire_transfer *t, const char *path, struct span body,
		const char *accept, int64_t timeout_ms);
/* Ends it without a done; nothing happens when it is not running. */
void wire_stop(struct wire_transfer *t);

/*
 * GET path as JSON, waiting: at most the target's timeout_ms, or WIRE_GET_MS.  is_answer NULL:
 * any JSON of a 2xx; else what it says yes to, of any status.  NULL with err: E_connect_failed,
 * E_deadline_exceeded, E_stream_cut, E_cancelled, E_too_large, or as wire_read_error.  The
 * caller owns it.
 */
json_t *wire_get(struct wire *w, const char *path, bool (*is_answer)(const json_t *root),
		 struct err *err);
/* A request whose answer is waited for as a whole, as wire_get does. */
struct wire_request {
	const char *method; /* NULL: GET, or POST with a body */
	const char *path;
	struct span body;   /* ptr NULL: none */
	const char *type;   /* of the body; NULL: JSON */
	const char *accept; /* NULL: JSON */
	bool is_long;       /* takes as long as it takes, unless the target has a timeout_ms */
};
/* As wire_get; a 2xx without a body is null. */
json_t *wire_ask(struct wire *w, const struct wire_request *request, struct err *err);
/* The body of a 2xx, whatever it is, into out; 0, or -1 with err as wire_get. */
int wire_call(struct wire *w, const struct wire_request *r, struct buf *out, struct err *err);
/* From now on a user is named, if one is known. */
void wire_name_user(struct wire *w);
/* From now on none is, not even where the gateway asks for one. */
void wire_name_nobody(struct wire *w);
/*
 * Whether err says that a user must be named, and from now on one is: the request is worth making
 * again.
 */
bool wire_takes_user(struct wire *w, const struct err *err);
/*
 * The same, or whether a rate limit (E_rate_limit_exceeded, with the time after which it may work) has
 * been waited for: at most the target's patience_ms or timeout_ms.  Budgets and quotas are not; they
 * last.  *waited_ms: of this request, 0 at first.  err is E_cancelled when the waiting was
 * interrupted.
 */
bool wire_again(struct wire *w, int64_t *waited_ms, struct err *err);
/* The HTTP status of the transfer that ended last; 0: there was no answer. */
int wire_status(const struct wire *w);

/*
 * The error that an answer tells that was not what was asked for: the envelope's, or of what is
 * no answer of a gateway (a proxy's page, another server) who sent it and how it begins.  where:
 * the address asked.  Returns -1.
 */
int wire_read_error(const struct wire_head *head, const char *where, struct span body,
		    struct err *err);
/* The same of an "error" object; false when it is none.  status 0: of an answer that was a 2xx. */
bool wire_error_of(const json_t *error, int status, struct err *err);
/* err's message ends with the id by which the gateway's log names the request; "": not known. */
void wire_name_request(const char *id, struct err *err);

#endif
