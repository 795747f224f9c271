/*
 * server/http/exchange.h - one request and its reply.
 *
 * An exchange begins when the head of a request has been read and ends when its reply has left
 * or its client has gone.  It runs on a fiber of its connection's worker; its arena goes when it
 * goes.  Everything here is for the owner thread; functions that say "waits" suspend the fiber
 * and return -1 (E_cancelled) when the client leaves.
 *
 * Replies: either one of reply_json / reply_text / reply_error, or a stream: reply_begin, any
 * number of reply_write + reply_flush, then reply_end (clean) or reply_abort (broken off, so that
 * the client can tell).  A handler that returns without a reply is answered internal_error.
 */
#ifndef SPASS_SERVER_EXCHANGE_H
#define SPASS_SERVER_EXCHANGE_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/loop/fiber.h"
#include "common/loop/http1.h"

struct conn;
struct exchange;

/*
 * What the HTTP layer needs from above, one a worker.  handle runs on a fiber for every request
 * whose head is well-formed.  done is called for those that are not, too (refused by the codec,
 * late, above the limit of connections), so that they are counted: x->state is NULL, the fields of
 * x->head are empty, x->status and x->error say what was answered.
 */
struct http_service {
	void *context;                        /* the worker of server.c */
	void (*handle)(struct exchange *x);
	void (*refuse)(struct exchange *x);   /* may add headers to a refusal that no handler sees;
	                                         on the loop's stack; may be NULL */
	void (*cut)(struct exchange *x);      /* the gateway stops: may end the reply, without waiting;
	                                         on the loop's stack, then the fiber is cancelled;
	                                         may be NULL */
	void (*done)(struct exchange *x);     /* the reply has left or the client has gone; on the loop's
	                                         stack, just before the exchange is freed */
	const struct http_limits *limits;     /* may be replaced by a reload between requests */
};

struct http_limits {
	int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms;
	size_t body_max;       /* as sent, and inflated */
	size_t out_high;       /* bytes waiting for a slow client before writers wait: 256 KiB */
	struct http1_limits head;
};

struct exchange {
	struct conn *conn;
	void *context;               /* http_service.context */
	struct fiber *fiber;
	struct arena arena;          /* 1 MiB; for what lives as long as the request */
	const struct http1_head *head; /* spans stay valid for the life of the exchange */
	struct span peer;            /* "127.0.0.1:50000", "unix" */
	bool secure;                 /* came over TLS */
	char request_id[129];        /* set by the guard; "" before */
	int64_t started_us;          /* monotonic, first byte of the request */
	int64_t first_byte_us;       /* of the reply, 0 = none yet */
	int status;                  /* of the reply, 0 = none yet */
	uint64_t bytes_in, bytes_out;
	bool client_gone;            /* before the reply was complete */
	bool aborted;                /* reply_abort */
	enum err_code error;         /* answered by reply_error, or set by whoever streams an error */
	void *state;                 /* the layer above's: struct call of server/api */
};

/*
 * The whole body, gzip undone (Content-Encoding: gzip; others: E_unsupported_media_type).  Waits.
 * Sends "100 Continue" when expected.  max: bytes, at most limits->body_max.  The span stays
 * valid for the life of the exchange; a body that arrived with the head is not copied, a larger
 * one is read into one block that grows with it.  -1: E_body_too_large (also before a byte of
 * it is read, when announced), E_request_timeout, E_malformed_request, E_invalid_field
 * (broken gzip), E_cancelled; E_length_required for a POST, PUT or PATCH without any framing.
 */
int exchange_body(struct exchange *x, size_t max, struct span *body, struct err *err);
/*
 * The body piece by piece, for who need not have it whole: 1 with a piece of at most
 * EXCHANGE_PIECE_MAX bytes, borrowed until the next call, 0 at its end, -1 as exchange_body with
 * limits->body_max.  Waits.  The client waits when it sends faster than the pieces are read.  What
 * came with the head, or is coded (gzip), is one piece, however long.  Not together with
 * exchange_body.
 */
enum { EXCHANGE_PIECE_MAX = 64 * 1024 };
int exchange_next_piece(struct exchange *x, struct span *piece, struct err *err);
/* First field of that name; ptr NULL when absent. */
static inline struct span exchange_header(const struct exchange *x, const char *name)
{
	return http1_field(x->head, name);
}
/* Whether the client is still there (false once the fiber has been cancelled). */
bool exchange_is_open(const struct exchange *x);

/*
 * Add a header to the reply, before it begins.  name is a valid token; a value with control
 * characters is dropped.  Content-Type, Content-Length, Transfer-Encoding, Connection and Date
 * are the layer's own.
 */
void reply_header(struct exchange *x, const char *name, struct span value);
/* The same of lines that are ready and fit: each has its name, a value and CRLF; that the last one ends is
 * asserted. */
void reply_lines(struct exchange *x, struct span lines);
/* One whole reply.  body is copied or sent before return; HEAD requests get the head only. */
void reply_send(struct exchange *x, int status, const char *content_type, struct span body);
/* Appends the envelope {"error":{...}} for err to out, on one line. */
int reply_error_body(struct exchange *x, const struct err *e, struct buf *out);
/*
 * The envelope as a reply, with the catalogue's status, x-should-retry (false, too, for a wait of more
 * than a minute) and, where it may get better by itself, Retry-After.  After a stream has begun it does
 * nothing but return -1.
 */
int reply_error(struct exchange *x, const struct err *e);

/* Begin a stream (chunked coding; to HTTP/1.0 clients: until close). */
int reply_begin(struct exchange *x, int status, const char *content_type);
/* The same of a known length, which is to be written whole: no chunks. */
int reply_begin_sized(struct exchange *x, int status, const char *content_type, size_t length);
bool reply_has_begun(const struct exchange *x);
/* Queue bytes as one chunk; waits while more than out_high is queued.  Sent by reply_flush. */
int reply_write(struct exchange *x, const struct span *parts, size_t count, struct err *err);
/* One write to the socket of all that is queued. */
void reply_flush(struct exchange *x);
/*
 * Both in one, without waiting, on any stack: false when something waits to leave before, when it
 * is no small piece or the client has gone, and nothing has been done.
 */
bool reply_pass(struct exchange *x, const struct span *parts, size_t count);
/* Ends the stream cleanly (last chunk). */
void reply_end(struct exchange *x);
/* Ends it so that the client notices: what is queued leaves, no last chunk, connection closed. */
void reply_abort(struct exchange *x);

#endif
