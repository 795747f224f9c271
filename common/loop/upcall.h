/*
 * common/loop/upcall.h - an outgoing HTTP/1.1 call, made from a fiber.
 *
 *	struct upcall *u = upcall_open(pool, &request, &err);      connect or reuse, send
 *	while ((r = upcall_wait_head(u, 10000, &err)) == UPCALL_WAIT) keep_client_alive();
 *	while ((r = upcall_read(u, &piece, 15000, &err)) == UPCALL_DATA) use(piece);
 *	upcall_close(u);                                            always
 *
 * Connections come from a pool per loop: made by libcurl (DNS, happy eyeballs, TLS, proxies),
 * spoken to with our codec, kept idle in LIFO lists per origin, retired before the peer's
 * Keep-Alive limit, never pipelined.  A reused connection that dies before its first answer byte
 * is replaced once by a fresh one, unseen by the caller.  Owner thread; on a fiber.
 */
#ifndef SPASS_LOOP_UPCALL_H
#define SPASS_LOOP_UPCALL_H

#include "common/loop/fiber.h"
#include "common/loop/http1.h"

/* Where calls go.  Immutable; strings are borrowed and must outlive the calls made to it. */
struct origin {
	bool tls;
	const char *host;        /* name or address, IPv6 without brackets */
	int port;
	const char *unix_path;   /* NULL, or a socket to connect to instead */
	const char *ca_file;     /* NULL: the system's */
	const char *proxy;       /* NULL: from the environment as libcurl reads it; "": none */
};

struct upcall_limits {
	int connect_ms;    /* DNS, TCP and TLS; default 5,000 */
	int first_byte_ms; /* from the request sent to the head of the answer; default 300,000 */
	int between_ms;    /* silence inside the body; default 60,000 */
	int total_ms;      /* of all; 0 = none; default 0 */
	size_t head_max;   /* bytes of the answer's head; default 64 KiB */
};
extern const struct upcall_limits upcall_default_limits;

/* A body that is not all in memory: asked for from front to back, and anew for a fresh connection. */
struct upcall_supply {
	uint64_t length;
	/*
	 * Bytes from offset (below length) on, at least one, borrowed until the next call.  Runs on
	 * the call's fiber and may wait.  0, or -1 with err, with which the call fails.
	 */
	int (*piece)(void *context, uint64_t offset, struct span *piece, struct err *err);
	void *context;
};

struct upcall_request {
	const struct origin *origin;
	enum http1_method method;
	struct span base, path;        /* the target's two parts, the first perhaps empty; with query */
	const struct span *headers;    /* further "Name: value\r\n" lines, some or none in each part;
	                                  Host, Content-Length and Connection are added by the call */
	size_t header_parts;
	const struct span *body;       /* parts sent in order; they and what they point to are
	                                  borrowed until the head has come */
	size_t body_parts;
	const struct upcall_supply *supply; /* NULL, or the body in place of the parts; borrowed likewise */
	const struct upcall_limits *limits; /* NULL = default */
	size_t read_max;               /* bytes received at once, 0 = what there is room for: what a
	                                  call that stays open for long may hold */
};

/* What was spent where, for the log, the error text and the breaker. */
struct upcall_timing {
	int64_t started_us, connected_us, sent_us, head_us; /* monotonic; 0 = not reached */
	bool reused;
	uint64_t bytes_in, bytes_out;
};

enum upcall_result {
	UPCALL_FAILED = -1, /* err: E_upstream_unavailable (connect), E_upstream_timeout,
	                       E_upstream_error (cut, malformed), E_cancelled */
	UPCALL_END = 0,     /* the body is complete, by its framing */
	UPCALL_DATA = 1,    /* a piece, borrowed until the next call */
	UPCALL_WAIT = 2,    /* nothing came within wait_ms, or a taker has it; call again */
};

struct uplink_pool;
struct upcall;

/* One per loop.  idle_max: idle connections kept per origin; idle_ms: for how long. */
struct uplink_pool *uplink_pool_new(struct loop *l, int idle_max, int64_t idle_ms);
/* No call may be open. */
void uplink_pool_free(struct uplink_pool *p);
size_t uplink_pool_idle(const struct uplink_pool *p);

/*
 * Connects (or reuses), sends head and body.  NULL on failure.  An answer that begins while the
 * body is still being sent ends the sending.
 */
struct upcall *upcall_open(struct uplink_pool *p, const struct upcall_request *req,
			   struct err *err);
/* UPCALL_DATA when the head has come (1xx are skipped), UPCALL_WAIT or UPCALL_FAILED. */
enum upcall_result upcall_wait_head(struct upcall *u, int64_t wait_ms, struct err *err);
/* Valid after the head has come, until upcall_close. */
const struct http1_head *upcall_head(const struct upcall *u);
enum upcall_result upcall_read(struct upcall *u, struct span *piece, int64_t wait_ms,
			       struct err *err);
/*
 * While the fiber waits in upcall_read each piece is offered to take, on the loop's stack, when it
 * is all that has come: true when it has been used, and the fiber sleeps on; false when nothing
 * has been done, and upcall_read returns it.  take must not enter a fiber.  After the head has
 * come; NULL: no more.
 */
typedef bool upcall_taker(void *context, struct span piece);
void upcall_offer(struct upcall *u, upcall_taker *take, void *context);
/* Whether upcall_read would return a piece, or the end, of what has been received already. */
bool upcall_has_piece(const struct upcall *u);
/*
 * Reads the rest of the body into out (bounded by out->max: E_upstream_error beyond).
 * 0 or -1.
 */
int upcall_read_all(struct upcall *u, struct buf *out, struct err *err);
/*
 * The same in one piece: where it was received when it came at once, borrowed until the next
 * call, else in room.
 */
int upcall_read_whole(struct upcall *u, struct buf *room, struct span *whole, struct err *err);
const struct upcall_timing *upcall_timing(const struct upcall *u);
/*
 * Ends the call: back to the pool when the exchange is complete and the peer keeps it open,
 * else closed at once, which is what cancels the work upstream.  u may be NULL.
 */
void upcall_close(struct upcall *u);

#endif
