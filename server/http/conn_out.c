/*
 * server/http/conn_out.c - what leaves a connection: sent, held back by the carrier, or queued.
 *
 * While the carrier holds bytes back nothing more is given to it; what comes meanwhile is queued
 * here, by writers who wait when it becomes too much.
 */
#include "server/http/conn.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

#include <string.h>

enum { STALLS_MAX = 4 };

size_t conn_grown(size_t cap, size_t need, size_t least)
{
	if (cap < least)
		cap = least;
	while (cap < need)
		cap *= 2;
	return cap;
}

void conn_drop_out(struct conn *c)
{
	http_give_block(c->http, c->out, c->out_cap);
	c->out = NULL;
	c->out_cap = c->out_len = 0;
}

bool conn_has_left(const struct conn *c)
{
	return !c->sock || (!c->held && c->out_len == 0);
}

/* Four looks a write_timeout: a client that takes nothing in four of them in a row is dropped. */
static void watch_stall(struct conn *c)
{
	c->unsent = carrier_unsent(c->sock);
	timer_set(&c->timer, conn_limits(c)->write_timeout_ms / STALLS_MAX);
}

bool conn_has_stalled(struct conn *c)
{
	int unsent = carrier_unsent(c->sock);

	c->stalls = unsent >= 0 && unsent != c->unsent ? 0 : c->stalls + 1;
	if (c->stalls >= STALLS_MAX)
		return true;
	watch_stall(c);
	return false;
}

enum carrier_sent conn_pass(struct conn *c, const char *bytes, size_t len)
{
	enum carrier_sent sent = carrier_send(c->sock, bytes, len);

	if (sent != CARRIER_BROKEN && c->request) {
		struct exchange *x = &c->request->x;

		if (!x->first_byte_us)
			x->first_byte_us = clock_mono_us();
		x->bytes_out += len;
	}
	if (sent == CARRIER_HELD) {
		c->held = true;
		c->stalls = 0;
		watch_stall(c);
	}
	return sent;
}

enum carrier_sent conn_send(struct conn *c, const char *bytes, size_t len)
{
	enum carrier_sent sent = conn_pass(c, bytes, len);

	if (sent == CARRIER_BROKEN)
		conn_lost(c);
	return sent;
}

void conn_queue(struct conn *c, const char *bytes, size_t len)
{
	if (c->out_len + len > c->out_cap) {
		if (!c->out && len <= CONN_OUT_BLOCK) {
			c->out = http_take_block(c->http);
			c->out_cap = CONN_OUT_BLOCK;
		} else {
			c->out_cap = conn_grown(c->out_cap, c->out_len + len,
						(size_t)2 * CONN_OUT_BLOCK);
			c->out = mem_realloc(c->out, c->out_cap);
		}
	}
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += len;
}

void conn_flush(struct conn *c)
{
	size_t at = 0;

	while (c->sock && !c->held && at < c->out_len) {
		size_t len = c->out_len - at;

		if (len > CARRIER_SLICE)
			len = CARRIER_SLICE;
		conn_send(c, c->out + at, len);
		at += len;
	}
	if (at < c->out_len)
		memmove(c->out, c->out + at, c->out_len - at);
	c->out_len = at < c->out_len ? c->out_len - at : 0;
	if (c->out && c->out_len == 0)
		conn_drop_out(c);
}

int conn_wait_room(struct conn *c, size_t max, struct err *err)
{
	struct request *r = c->request;

	for (;;) {
		conn_flush(c);
		if (!c->sock)
			return err_set(err, E_cancelled, "", "the client has gone");
		if (max > 0 ? c->out_len <= max : !c->held)
			return 0;
		r->waits_room = true;
		int woken = fiber_suspend(err);
		r->waits_room = false;
		if (woken < 0)
			return -1;
	}
}
