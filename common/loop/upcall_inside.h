/*
 * common/loop/upcall_inside.h - what upcall.c (sending) and upcall_answer.c (reading) share.
 *
 * The answer is read into one buffer.  Its head stays where it was read, as spans point into it;
 * the body passes through the room behind it.
 */
#ifndef SPASS_LOOP_UPCALL_INSIDE_H
#define SPASS_LOOP_UPCALL_INSIDE_H

#include "common/loop/uplink.h"

#include <assert.h>

enum upcall_state {
	UPCALL_SENDING,
	UPCALL_HEAD,  /* waiting for it */
	UPCALL_BODY,
	UPCALL_ENDED, /* the answer is complete */
	UPCALL_DEAD,  /* failed: nothing can be read any more */
};

struct upcall {
	/* Set anew for each call: from here ... */
	struct uplink_pool *pool;
	struct uplink_group *group;
	struct uplink *uplink;
	enum http1_method method;
	const struct span *parts; /* of the body; the caller's */
	size_t body_parts, read_max;
	const struct upcall_supply *supply; /* the caller's, or NULL */
	uint64_t supplied;        /* bytes of it that were asked for */
	struct span piece;        /* the last of them: the only part */
	struct upcall_limits limits;
	struct upcall_timing timing;
	enum upcall_state state;
	bool is_cut;       /* the peer went away or cannot be sent to */
	bool is_sent;      /* the whole request has left */
	bool was_replaced; /* a dead connection, once */
	int interims, burst;
	size_t part, part_offset; /* what is sent next; part 0 is the head */
	int64_t wait_from_ms;     /* silence since; -1: not waiting */
	int64_t end_ms;           /* limit in all, INT64_MAX: none */
	char *scratch;            /* while sending on an encrypted connection */
	char *bytes;              /* the answer: head, then the present piece of the body */
	size_t capacity, start, end, base; /* start..end not yet used; body bytes go to base */
	char *head_bytes;         /* where a large head is kept, or NULL */
	size_t head_capacity;
	struct http1_body body;
	upcall_taker *taker;      /* is offered pieces, or NULL */
	void *taker_context;
	bool has_taken;           /* the taker, since the fiber waits */
	bool is_fed;              /* fed is what upcall_receive said, on the fiber's behalf */
	ssize_t fed;
	/* ... to here. */
	struct buf head_out;
	struct http1_limits head_limits;
	struct http1_parser parser;
	struct http1_head head;
	char own[]; /* up to UPCALL_SIZE: where the answer is read first */
};

/* Head and events of an ordinary stream lie in the first page, beside the call itself. */
enum { UPCALL_SIZE = 16 * 1024, UPCALL_OWN = UPCALL_SIZE - (int)sizeof(struct upcall) };
static_assert(sizeof(struct upcall) <= 2048, "room for a head and an event in the first page");

/* What may run out while waiting for bytes. */
struct phase {
	const char *what;
	int64_t end_ms;
	int limit_ms;
};

static inline int64_t upcall_now_ms(const struct upcall *u)
{
	return loop_now_ms(uplink_pool_loop(u->pool));
}

static inline int64_t upcall_now_us(const struct upcall *u)
{
	return loop_now_us(uplink_pool_loop(u->pool));
}

static inline const char *upcall_name(const struct upcall *u)
{
	return u->group->name;
}

/* The end of a limit that began at from_ms; limit_ms 0 = none. */
static inline int64_t upcall_limit(int64_t from_ms, int limit_ms)
{
	return limit_ms > 0 ? from_ms + limit_ms : INT64_MAX;
}

static inline int64_t upcall_least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* UPCALL_FAILED; nothing can be read any more. */
enum upcall_result upcall_fail(struct upcall *u);
/* UPCALL_DATA when the connection is ready.  wait_ms < 0: no limit but those of the phase. */
enum upcall_result upcall_wait_ready(struct upcall *u, bool for_write, int64_t wait_ms,
				     const struct phase *phase, struct err *err);
/* > 0, or CONNECTOR_AGAIN, CONNECTOR_CLOSED, CONNECTOR_BROKEN. */
ssize_t upcall_receive(struct upcall *u);
/* Whether the answer is complete; takes the last framing bytes, which may lie unread. */
bool upcall_is_complete(struct upcall *u);
/* Gives back what upcall_receive took: nothing, a room of the pool, or more for a large head. */
void upcall_free_bytes(struct upcall *u, char *bytes, size_t capacity);
/* A stale connection: the same again on a fresh one.  UPCALL_DATA or UPCALL_FAILED. */
enum upcall_result upcall_start_again(struct upcall *u, struct err *err);

#endif
