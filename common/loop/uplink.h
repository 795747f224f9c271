/*
 * common/loop/uplink.h - the pool of outgoing connections; private to common/loop.
 *
 * An uplink is one connection to an origin, used by one call at a time or idle.  Its descriptor
 * stays watched for reading all its life, so that using it again needs no system call and a
 * peer that closes it while idle is noticed.  Owner thread.
 */
#ifndef SPASS_LOOP_UPLINK_H
#define SPASS_LOOP_UPLINK_H

#include "common/loop/connector.h"

#include <sys/uio.h>

enum { UPLINK_ROOM = 16 * 1024 }; /* bytes of a pooled buffer */

/* What calls to one origin share; lives while a call or a connection needs it. */
struct uplink_group {
	struct list link;
	struct list idle; /* the last used first */
	int idle_count;
	size_t users;
	struct uplink_pool *pool;
	struct origin origin; /* own copies of the strings */
	char *name;           /* "host:port" or "unix:/path", for messages */
	struct span host_line; /* "Host: ...\r\n" */
	bool is_direct;       /* reached without libcurl */
};
/* Takes a use of the group; give it back with uplink_group_release. */
struct uplink_group *uplink_group_of(struct uplink_pool *p, const struct origin *o);
void uplink_group_release(struct uplink_group *g);

struct uplink {
	struct list link; /* in the group's idle list */
	struct uplink_group *group;
	struct watch watch;
	struct timer expiry;
	struct connector *connector; /* NULL: plain, the descriptor is ours */
	struct fiber *fiber;         /* who waits for it now, or NULL */
	/* What may use bytes that come, before the fiber is woken for them: false when it is to be. */
	bool (*serve)(void *context);
	void *serve_context;
	bool is_idle;
	bool readable, writable;     /* as far as the loop has told */
	bool is_reused;
	int calls;          /* begun on it, this one included */
	int64_t calls_max;  /* what the peer said last of "max", or -1 */
	int64_t idle_ms;    /* how long it may stay idle, by the peer's word too */
};

/* The connection used last; NULL when none is idle. */
struct uplink *uplink_take_idle(struct uplink_group *g);
/* A new one; suspends.  NULL on failure. */
struct uplink *uplink_connect(struct uplink_group *g, int timeout_ms, struct err *err);
/* keep_alive: the Keep-Alive field of the answer, may be empty. */
void uplink_put_idle(struct uplink *u, struct span keep_alive);
/* At once.  May be NULL. */
void uplink_close(struct uplink *u);
/*
 * The same with a reset, as an end of the stream would reach the peer only after all that is
 * still to be sent, and some take it for a mere pause.
 */
void uplink_abort(struct uplink *u);

/*
 * Bytes sent or received, > 0, or CONNECTOR_AGAIN, CONNECTOR_CLOSED, CONNECTOR_BROKEN.
 * scratch: UPLINK_ROOM bytes, the same for the whole call; unused when !uplink_needs_scratch.
 */
ssize_t uplink_send(struct uplink *u, struct iovec *parts, int count, char *scratch);
ssize_t uplink_receive(struct uplink *u, void *room, size_t len);
bool uplink_needs_scratch(const struct uplink *u);
/*
 * Until readable, or writable too when for_write.  1 when so, 0 when timeout_ms (>= 0; -1 = none)
 * ran out, -1 with E_cancelled.
 */
int uplink_wait(struct uplink *u, bool for_write, int64_t timeout_ms, struct err *err);

/* Buffers of UPLINK_ROOM bytes, used again while warm. */
char *uplink_room_take(struct uplink_pool *p);
void uplink_room_give(struct uplink_pool *p, char *room);
struct loop *uplink_pool_loop(const struct uplink_pool *p);
/* Free call structs, for upcall.c; the pool calls drop for those left at its end. */
struct uplink_spares {
	void *items[64];
	int count;
	void (*drop)(void *item);
};
struct uplink_spares *uplink_pool_spares(struct uplink_pool *p);

#endif
