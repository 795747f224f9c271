/*
 * server/http/conn_in.c - what has come from a client and is not read yet.
 *
 * Bytes of the request that is there lie in its receive buffer; what comes while it is worked on is kept
 * ahead, for its body's reader or for the requests after it, and past a limit reading rests.
 */
#include "server/http/conn.h"

#include "common/base/mem.h"

#include <string.h>

enum { IN_START = 1024, AHEAD_START = 1024 };

void conn_take_in(struct request *r, struct span bytes)
{
	if (r->in_len + bytes.len > r->in_cap) {
		r->in_cap = conn_grown(r->in_cap, r->in_len + bytes.len, IN_START);
		r->in = mem_realloc(r->in, r->in_cap);
	}
	memcpy(r->in + r->in_len, bytes.ptr, bytes.len);
	r->in_len += bytes.len;
}

void conn_keep_ahead(struct conn *c, struct span bytes)
{
	if (bytes.len == 0)
		return;
	if (c->ahead_len + bytes.len > c->ahead_cap) {
		c->ahead_cap = conn_grown(c->ahead_cap, c->ahead_len + bytes.len, AHEAD_START);
		c->ahead = mem_realloc(c->ahead, c->ahead_cap);
	}
	memcpy(c->ahead + c->ahead_len, bytes.ptr, bytes.len);
	c->ahead_len += bytes.len;
	if (c->ahead_len >= CONN_AHEAD_MAX)
		carrier_read(c->sock, false);
}

void conn_drop_ahead(struct conn *c, size_t at)
{
	memmove(c->ahead, c->ahead + at, c->ahead_len - at);
	c->ahead_len -= at;
	if (c->sock && c->ahead_len < CONN_AHEAD_MAX)
		carrier_read(c->sock, true);
	if (c->ahead_len == 0) {
		mem_free(c->ahead);
		c->ahead = NULL;
		c->ahead_cap = 0;
	}
}

void conn_feed_ahead(struct conn *c)
{
	struct span bytes = span_of(c->ahead, c->ahead_len);

	if (bytes.len == 0)
		return;
	exchange_feed(c->request, &bytes);
	conn_drop_ahead(c, c->ahead_len - bytes.len);
}

void conn_gather(struct conn *c)
{
	struct request *r = c->request;

	if (r->base > 0) {
		memmove(r->in, r->in + r->base, r->in_len - r->base);
		r->in_len -= r->base;
		r->base = 0;
	}
	if (c->ahead_len > 0) {
		conn_take_in(r, span_of(c->ahead, c->ahead_len));
		conn_drop_ahead(c, c->ahead_len);
	}
}
