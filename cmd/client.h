/*
 * cmd/client.h - one connection of a command to its gateway, over TCP, TLS or a Unix socket.
 *
 * The bearer token goes in a header and nowhere else.  Redirects are not followed.  Calls wait;
 * a signal noted by interrupt.h ends them with E_cancelled.  Main thread.
 */
#ifndef SPASS_CMD_CLIENT_H
#define SPASS_CMD_CLIENT_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <jansson.h>

enum { CLIENT_REPLY_MAX = 64 * 1024 * 1024, CLIENT_CONNECT_MS = 5000 };

struct client;

/* Where a gateway is: url without a slash at its end, over unix_path when that is not NULL. */
struct client_target {
	char *url;
	char *unix_path;
};

/*
 * "http://HOST:PORT", "https://...", "HOST:PORT", "unix:/PATH"; a "/v1" at the end is dropped.
 * Free with client_target_clear.
 */
int client_target_parse(const char *text, struct client_target *out, struct err *err);
void client_target_clear(struct client_target *t);
/* Whether it is this machine: a Unix socket or a loopback address. */
bool client_target_is_local(const struct client_target *t);

/* target is copied; token may be NULL; timeout_ms of a whole call, 0 = none. */
struct client *client_new(const struct client_target *target, const char *token,
			  int64_t timeout_ms);
void client_free(struct client *c);

struct client_call {
	const char *method; /* "GET", "POST" */
	const char *path;   /* "/v1/info" */
	struct span body;   /* JSON; borrowed */
	const char *accept; /* NULL: application/json */
	bool any_status;    /* an answer that is no 2xx is not an error */
	/*
	 * Gets a 2xx answer's bytes as they come, instead of reply.body; -1 with err ends the
	 * call.  NULL: they are gathered.
	 */
	int (*bytes)(void *context, struct span s, struct err *err);
	void *context;
};

struct client_reply {
	int status;
	char request_id[129];
	struct buf body; /* at most CLIENT_REPLY_MAX; of an error the envelope */
};

/*
 * 0, or -1 with: E_connect_failed, E_deadline_exceeded, E_stream_cut, E_cancelled, E_too_large,
 * or what the gateway's envelope says (an unknown code: by HTTP status).  Free the reply with
 * client_reply_clear in both cases.
 */
int client_call(struct client *c, const struct client_call *call, struct client_reply *reply,
		struct err *err);
void client_reply_clear(struct client_reply *r);
/* GET path as JSON; NULL with err.  The caller owns it. */
json_t *client_get(struct client *c, const char *path, struct err *err);
/* The error that an answer of this status and body tells. */
int client_read_error(int status, struct span body, struct err *err);

#endif
