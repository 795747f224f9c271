/*
 * server/http/http.c - the HTTP side of a worker: its connections, and what they share.
 */
#include "server/http/conn.h"

#include "common/base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

struct request *http_take_request(struct http *h, struct conn *c)
{
	struct request *r = list_first(&h->spare_requests, struct request, link);

	if (r) {
		list_remove(&r->link);
		h->spare_request_count--;
	} else {
		r = mem_new(struct request);
		list_init(&r->link);
		buf_init(&r->headers, CONN_REPLY_HEADERS_MAX);
		arena_init(&r->x.arena, MIB);
	}
	r->conn = c;
	return r;
}

void http_give_request(struct http *h, struct request *r)
{
	bool keep = h->spare_request_count < CONN_POOL_MAX;

	r->in_len = r->base = r->end = 0;
	r->conn = NULL;
	if (r->in_cap > CONN_IN_KEEP || !keep) {
		mem_free(r->in);
		r->in = NULL;
		r->in_cap = 0;
	}
	if (keep) {
		list_push_front(&h->spare_requests, &r->link);
		h->spare_request_count++;
		return;
	}
	arena_clear(&r->x.arena);
	buf_free(&r->headers);
	mem_free(r);
}

char *http_take_block(struct http *h)
{
	return h->spare_block_count ? h->spare_blocks[--h->spare_block_count]
				    : mem_alloc(CONN_OUT_BLOCK);
}

void http_give_block(struct http *h, char *block, size_t cap)
{
	if (block && cap == CONN_OUT_BLOCK && h->spare_block_count < CONN_BLOCKS_MAX)
		h->spare_blocks[h->spare_block_count++] = block;
	else
		mem_free(block);
}

/* Lists are short: the first that fits.  One that does not makes room for one that will. */
char *http_take_body(struct http *h, size_t need, size_t *cap)
{
	for (size_t i = h->spare_body_count; i-- > 0;) {
		struct spare_body *b = &h->spare_bodies[i];
		char *block = b->block;
		bool fits = b->cap >= need;

		if (!fits && i > 0)
			continue;
		*cap = b->cap;
		h->spare_body_bytes -= b->cap;
		*b = h->spare_bodies[--h->spare_body_count];
		if (fits)
			return block;
		mem_free(block);
	}
	*cap = CONN_BODY_LEAST;
	while (*cap < need)
		*cap *= 2;
	return mem_alloc(*cap);
}

void http_give_body(struct http *h, char *block, size_t cap)
{
	if (!block)
		return;
	if (cap < CONN_BODY_LEAST || cap > CONN_BODY_KEEP || h->spare_body_count == CONN_BODIES_MAX ||
	    h->spare_body_bytes + cap > CONN_BODIES_BYTES) {
		mem_free(block);
		return;
	}
	h->spare_bodies[h->spare_body_count++] = (struct spare_body){ block, cap };
	h->spare_body_bytes += cap;
}

static void hook_ran(struct hook *hook)
{
	struct http *h = container_of(hook, struct http, hook);

	if (!list_is_empty(&h->finished))
		conn_finish_all(h);
}

static void tick_fired(struct timer *t)
{
	conn_finish_all(container_of(t, struct http, tick));
}

struct http *http_new(struct loop *l, const struct http_service *service, struct err *err)
{
	struct http *h = mem_new(struct http);

	h->carrier = carrier_new(l, &conn_events, err);
	if (!h->carrier) {
		mem_free(h);
		return NULL;
	}
	h->loop = l;
	h->service = *service;
	h->scratch = mem_alloc(CARRIER_SLICE);
	list_init(&h->conns);
	list_init(&h->finished);
	list_init(&h->spare_requests);
	timer_init(&h->tick, l, tick_fired);
	h->hook.run = hook_ran;
	loop_add_hook(l, &h->hook);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	loop_remove_hook(&h->hook);
	timer_cancel(&h->tick);
	list_each(&h->spare_requests, at)
	{
		struct request *r = container_of(at, struct request, link);

		mem_free(r->in);
		arena_clear(&r->x.arena);
		buf_free(&r->headers);
		mem_free(r);
	}
	while (h->spare_block_count > 0)
		mem_free(h->spare_blocks[--h->spare_block_count]);
	while (h->spare_body_count > 0)
		mem_free(h->spare_bodies[--h->spare_body_count].block);
	carrier_free(h->carrier);
	mem_free(h->scratch);
	mem_free(h);
}

/* "127.0.0.1:50000", "[::1]:50000" (v4-mapped as v4), "unix" */
static void name_peer(struct conn *c, const struct sockaddr *peer)
{
	char host[INET6_ADDRSTRLEN] = "";
	int len;

	if (peer->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)peer;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		len = snprintf(c->peer, sizeof c->peer, "%s:%u", host, ntohs(in->sin_port));
	} else if (peer->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)peer;
		bool mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);

		if (mapped)
			inet_ntop(AF_INET, &in->sin6_addr.s6_addr[12], host, sizeof host);
		else
			inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
		len = snprintf(c->peer, sizeof c->peer, mapped ? "%s:%u" : "[%s]:%u", host,
			       ntohs(in->sin6_port));
	} else {
		len = snprintf(c->peer, sizeof c->peer, "unix");
	}
	c->peer_len = (unsigned char)len;
}

int http_accept(struct http *h, int fd, const struct sockaddr *peer, bool tls, bool refused)
{
	struct conn *c;

	if (h->draining) {
		close(fd);
		return -1;
	}
	c = mem_new(struct conn);
	c->http = h;
	c->secure = tls;
	c->refused = refused;
	name_peer(c, peer);
	timer_init(&c->timer, h->loop, conn_timer_fired);
	c->sock = carrier_adopt(h->carrier, fd, tls, c);
	if (!c->sock) {
		mem_free(c);
		return -1;
	}
	list_push(&h->conns, &c->link);
	h->conn_count++;
	timer_set(&c->timer,
		  refused ? conn_limits(c)->head_timeout_ms : conn_limits(c)->idle_timeout_ms);
	return 0;
}

void http_part(struct http *h)
{
	h->parting = true;
}

void http_drain(struct http *h)
{
	h->parting = h->draining = true;
	list_each(&h->conns, at)
	{
		struct conn *c = container_of(at, struct conn, link);

		if (c->state != CONN_IDLE)
			continue;
		conn_pin(c);
		conn_lost(c);
		conn_unpin(c);
	}
}

/* As far as it can be told at once: a client that is behind is not waited for. */
static void tell_cut(struct conn *c)
{
	struct request *r = c->request;

	if (c->state != CONN_BUSY || r->handled || r->waits_room || !c->http->service.cut)
		return;
	if (r->reply_state == REPLY_DONE) /* only its accounts are being settled */
		return;
	conn_flush(c);
	if (c->sock && !c->held)
		c->http->service.cut(&r->x);
}

void http_cut(struct http *h)
{
	h->parting = h->draining = true;
	list_each(&h->conns, at)
	{
		struct conn *c = container_of(at, struct conn, link);

		conn_pin(c);
		tell_cut(c);
		conn_lost(c);
		if (c->state == CONN_BUSY && c->request->handled)
			conn_finish(c);
		else if (c->state == CONN_BUSY)
			fiber_cancel(c->request->x.fiber);
		conn_unpin(c);
	}
}
