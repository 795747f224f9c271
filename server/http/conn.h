/*
 * server/http/conn.h - connections of one worker: what conn.c, exchange.c and reply.c share.
 *
 * A connection is small while it rests.  From the first byte of a request until its reply has
 * left it has a struct request, which holds the bytes, the codec's state and the exchange.  Owner
 * thread.
 */
#ifndef SPASS_SERVER_CONN_H
#define SPASS_SERVER_CONN_H

#include "server/http/carrier.h"
#include "server/http/exchange.h"

#include <sys/socket.h>

enum {
	CONN_AHEAD_MAX = 64 * 1024,     /* bytes kept that belong to later requests */
	CONN_DISCARD_MAX = 64 * 1024,   /* of an unread body, for the sake of keep-alive */
	CONN_LINGER_MAX = 64 << 20,     /* read and dropped after a last reply */
	CONN_LINGER_MS = 10000,
	CONN_LINGER_SILENCE_MS = 2000,
	CONN_OUT_BLOCK = 16 * 1024,
	CONN_POOL_MAX = 64,             /* resting requests kept a worker */
	CONN_BLOCKS_MAX = 8,            /* and blocks, of which a flush gives back the only one */
	CONN_BODY_LEAST = 16 * 1024,    /* a body's block */
	CONN_BODY_KEEP = 256 * 1024,    /* the largest that is kept, or taken by announcement alone */
	CONN_BODIES_MAX = 32,           /* kept a worker */
	CONN_BODIES_BYTES = 1 << 20,    /* all of them */
	CONN_IN_KEEP = 16 * 1024,       /* largest receive buffer kept with a resting request */
	CONN_TURNS_MAX = 16,            /* pipelined requests answered at once */
	CONN_REPLY_HEADERS_MAX = 16 * 1024,
};

struct spare_body {
	char *block;
	size_t cap;
};

/* The HTTP side of one worker. */
struct http {
	struct loop *loop;
	struct carrier *carrier;
	struct http_service service;
	void *owner;                /* the worker's */
	void (*ended)(struct http *h, bool refused); /* a connection has gone; may be NULL */
	bool parting;               /* connections end with the reply that leaves next */
	bool draining;              /* parting, and no new ones */
	size_t conn_count, active;  /* connections; requests on fibers */
	struct list conns;
	struct list finished;       /* requests whose handler has returned */
	struct hook hook;
	struct timer tick;          /* for what finishes after the hook of its turn */
	struct list spare_requests;
	size_t spare_request_count;
	char *spare_blocks[CONN_BLOCKS_MAX];
	size_t spare_block_count;
	struct spare_body spare_bodies[CONN_BODIES_MAX];
	size_t spare_body_count, spare_body_bytes;
	char *scratch;              /* a reply is put together here: CARRIER_SLICE bytes */
	int64_t date_until_ms;      /* the loop's time at which date is stale */
	char date[sizeof "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"];
};

enum conn_state {
	CONN_IDLE,    /* between requests */
	CONN_HEAD,    /* a request has begun */
	CONN_BUSY,    /* it is being worked on, or its reply leaves */
	CONN_DISCARD, /* replied; the rest of its body is dropped */
	CONN_LINGER,  /* nothing more will be sent */
};

struct conn {
	struct list link;
	struct http *http;
	struct carrier_socket *sock; /* NULL: the client has gone */
	struct request *request;     /* NULL while idle or lingering */
	struct timer timer;          /* means what state and flags say */
	enum conn_state state;
	bool secure;
	bool refused;                /* above the limit of connections: is told so */
	bool wants_tls;              /* speaks without it on a port with it: likewise */
	bool held;                   /* the carrier holds bytes back */
	bool yields;                 /* has pipelined requests for a later turn */
	unsigned pins;               /* callers on the stack; freed by the last */
	unsigned stalls;             /* quarters of write_timeout without progress */
	int unsent;
	char *out;                   /* a block, or larger */
	size_t out_len, out_cap;
	char *ahead;                 /* bytes that came while a request was worked on */
	size_t ahead_len, ahead_cap;
	size_t lingered;
	int64_t linger_until_ms;
	unsigned char peer_len;
	char peer[55];
};

enum body_state { BODY_UNREAD, BODY_READING, BODY_DONE, BODY_FAILED };
enum reply_state { REPLY_NONE, REPLY_STREAM, REPLY_DONE };

struct request {
	struct exchange x;
	struct list link;            /* in http.finished or http.spare_requests */
	struct conn *conn;
	char *in;                    /* what was received */
	size_t in_len, in_cap;
	size_t base, end;            /* of the message inside in; end as far as it is known */
	/* body */
	enum body_state body_state;
	struct http1_body body;
	bool waits_body, waits_room; /* what the fiber is suspended for */
	char *block;                 /* a body that did not come with the head, or was inflated */
	size_t block_len, block_cap, block_max;
	bool in_pieces, is_lent;     /* the block is filled and emptied by turns; its reader has it */
	size_t body_max;             /* of all pieces together */
	struct span whole;           /* the body, once exchange_body has it */
	bool has_whole;
	struct err *body_err;        /* BODY_FAILED; else NULL */
	/* reply */
	enum reply_state reply_state;
	struct buf headers;          /* lines of reply_header */
	bool inline_run;             /* inside fiber_start of conn.c */
	bool started, handled;       /* the handler was entered, has returned */
	bool close;                  /* the connection ends with this reply */
	bool chunked, no_body;
	struct http1_parser parser;
	struct http1_head head;
};

/* events, service and ended are the caller's; err as carrier_new. */
struct http *http_new(struct loop *l, const struct http_service *service, struct err *err);
/* No connection may be left. */
void http_free(struct http *h);
/*
 * A connection from an accepted descriptor (taken).  refused: it is answered `overloaded` and
 * closed.  0, or -1 when it could not be made (ended is not called).
 */
int http_accept(struct http *h, int fd, const struct sockaddr *peer, bool tls, bool refused);
/* From now on replies say that they are the last of their connection. */
void http_part(struct http *h);
/* Closes what rests; what runs is closed after its reply. */
void http_drain(struct http *h);
/* Ends every connection and cancels what runs. */
void http_cut(struct http *h);

static inline struct request *request_of(struct exchange *x)
{
	return (struct request *)(void *)x;
}

static inline const struct http_limits *conn_limits(const struct conn *c)
{
	return c->http->service.limits;
}

/* http.c, for conn.c: pooled.  cap: the block's size; only those of CONN_OUT_BLOCK are kept. */
struct request *http_take_request(struct http *h, struct conn *c);
void http_give_request(struct http *h, struct request *r);
char *http_take_block(struct http *h);
void http_give_block(struct http *h, char *block, size_t cap);
/* For bodies, pooled by size: fresh memory costs a fault a page.  *cap: at least need. */
char *http_take_body(struct http *h, size_t need, size_t *cap);
void http_give_body(struct http *h, char *block, size_t cap);

/* conn.c, for http.c. */
extern const struct carrier_events conn_events;
void conn_timer_fired(struct timer *t);
/* A connection that ends while it is pinned is freed by the last unpin. */
void conn_pin(struct conn *c);
void conn_unpin(struct conn *c);
/* Handler and reply are done: the exchange ends, the connection goes on or not. */
void conn_finish(struct conn *c);
/* What has finished in this turn of the loop. */
void conn_finish_all(struct http *h);

/* conn_in.c, for conn.c. */
/* At the end of the receive buffer. */
void conn_take_in(struct request *r, struct span bytes);
/* For later. */
void conn_keep_ahead(struct conn *c, struct span bytes);
/* Of what was kept the bytes before at are used. */
void conn_drop_ahead(struct conn *c, size_t at);
/* Moves what is left in the receive buffer to its front and adds what came ahead. */
void conn_gather(struct conn *c);

/* conn_out.c, for conn.c and conn_in.c. */
/* A doubled capacity, at least least, that holds need. */
size_t conn_grown(size_t cap, size_t need, size_t least);
void conn_drop_out(struct conn *c);
/* Nothing is queued or held back, or there is nobody to get it. */
bool conn_has_left(const struct conn *c);
/* At each fourth of write_timeout while bytes are held back: whether the client is to be dropped. */
bool conn_has_stalled(struct conn *c);

/* conn.c, conn_in.c and conn_out.c, for exchange.c and reply.c. */
/* The client has gone, or is treated so. */
void conn_lost(struct conn *c);
/* Sends what is queued, as far as the client takes it. */
void conn_flush(struct conn *c);
void conn_queue(struct conn *c, const char *bytes, size_t len);
/* carrier_send, counted; for when nothing is queued or held.  Broken: the client is lost. */
enum carrier_sent conn_send(struct conn *c, const char *bytes, size_t len);
/* The same on any stack: broken changes nothing. */
enum carrier_sent conn_pass(struct conn *c, const char *bytes, size_t len);
/* Sends and suspends until at most max bytes are queued; 0: and none are held back.  0 or -1. */
int conn_wait_room(struct conn *c, size_t max, struct err *err);
/* Hands the bytes that came ahead to the body's reader. */
void conn_feed_ahead(struct conn *c);

/* Body bytes arrive: takes what belongs to the message and has room, moving *bytes on. */
void exchange_feed(struct request *r, struct span *bytes);
/* After that, once the bytes that were left are kept: wakes the reader, who may run at once. */
void exchange_fed(struct request *r);
/* Reads more of the body, as far as it has come already, straight into its block. */
void exchange_draw(struct request *r);
/* Ends the wait for a body: its time is over. */
void exchange_body_late(struct request *r);
/* Whether the rest of the body is short enough to be dropped. */
bool exchange_may_discard(const struct request *r);
/* A reply of the connection's own, without a fiber; the connection closes after it. */
void reply_refuse(struct request *r, const struct err *e);
/* For a handler that has returned without one. */
void reply_missing(struct request *r);

#endif
