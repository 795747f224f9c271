/*
 * server/http/conn.c - the life of a connection: requests in, replies out, one at a time.
 *
 * idle -> head -> busy -> (discard ->) idle ... -> linger.  Bytes are read in every state, so that
 * a client's leaving is seen at once; those of later requests are kept up to CONN_AHEAD_MAX, then
 * reading rests.  A request whose handler has returned is finished at the end of the loop's turn,
 * on the loop's stack, or right after fiber_start when it never waited.
 */
#include "server/http/conn.h"

#include "common/base/log.h"
#include "common/base/mem.h"

#include <assert.h>
#include <string.h>

static void conn_run(struct conn *c);

static void request_begin(struct request *r)
{
	struct conn *c = r->conn;
	struct arena arena = r->x.arena;

	r->x = (struct exchange){
		.conn = c,
		.arena = arena,
		.context = c->http->service.context,
		.head = &r->head,
		.peer = { c->peer, c->peer_len },
		.secure = c->secure,
		.started_us = loop_now_us(c->http->loop),
	};
	r->body_state = BODY_UNREAD;
	r->waits_body = r->waits_room = false;
	r->block = NULL;
	r->block_len = r->block_cap = 0;
	r->body_err = NULL;
	r->has_whole = r->in_pieces = r->is_lent = false;
	r->reply_state = REPLY_NONE;
	buf_clear(&r->headers);
	r->inline_run = r->started = r->handled = r->close = r->chunked = r->no_body = false;
	http1_parser_init(&r->parser, HTTP1_REQUEST, &conn_limits(c)->head);
	r->head.method = HTTP1_OTHER;
	r->head.path = r->head.query = r->head.target = r->head.method_text = SPAN_NONE;
	r->head.minor = 1;
	r->head.field_count = r->head.size = 0;
	r->head.names = 0;
	r->head.repeated = 0;
	r->head.content_length = -1;
	r->head.keep_alive = r->head.expects_continue = r->head.chunked = false;
	memset(r->head.known, 0, sizeof r->head.known);
}

/* What the request owned besides its receive buffer. */
static void request_end(struct request *r)
{
	arena_reset(&r->x.arena);
	http_give_body(r->conn->http, r->block, r->block_cap);
	r->block = NULL;
	mem_free(r->body_err);
	r->body_err = NULL;
}

/* ---- the end of a connection ---- */

static void conn_free(struct conn *c)
{
	struct http *h = c->http;

	timer_cancel(&c->timer);
	list_remove(&c->link);
	h->conn_count--;
	if (c->request) {
		request_end(c->request);
		http_give_request(c->http, c->request);
	}
	conn_drop_out(c);
	mem_free(c->ahead);
	if (h->ended)
		h->ended(h, c->refused);
	mem_free(c);
}

void conn_pin(struct conn *c)
{
	c->pins++;
}

/* The connection may be gone afterwards. */
void conn_unpin(struct conn *c)
{
	if (--c->pins == 0 && !c->sock && c->state != CONN_BUSY)
		conn_free(c);
}

/* The socket is no more. */
static void conn_gone(struct conn *c)
{
	struct request *r = c->request;
	bool nothing_left = conn_has_left(c);

	c->sock = NULL;
	c->held = false;
	c->out_len = 0;
	timer_cancel(&c->timer);
	if (c->state != CONN_BUSY) {
		c->state = CONN_IDLE;
		return;
	}
	assert(r);
	/* A handler that settles its accounts after a whole reply is not disturbed. */
	if (nothing_left && r->reply_state == REPLY_DONE)
		return;
	r->x.client_gone = true;
	if (r->handled)
		return;
	fiber_cancel(r->x.fiber);
	/* Shielded fibers are not woken by that. */
	if (r->waits_body || r->waits_room) {
		r->waits_body = r->waits_room = false;
		fiber_wake(r->x.fiber);
	}
}

void conn_lost(struct conn *c)
{
	if (!c->sock)
		return;
	carrier_close(c->sock);
	conn_gone(c);
}

/* Says no more, and reads on for a while so that the last reply is not lost to a reset. */
static void conn_linger(struct conn *c)
{
	mem_free(c->ahead);
	c->ahead = NULL;
	c->ahead_len = c->ahead_cap = 0;
	c->state = CONN_LINGER;
	c->lingered = 0;
	c->linger_until_ms = loop_now_ms(c->http->loop) + CONN_LINGER_MS;
	timer_set(&c->timer, CONN_LINGER_SILENCE_MS);
	carrier_read(c->sock, true);
	carrier_shut(c->sock);
}

static void linger_on(struct conn *c, size_t len)
{
	c->lingered += len;
	if (c->lingered > CONN_LINGER_MAX || loop_now_ms(c->http->loop) >= c->linger_until_ms)
		conn_lost(c);
	else
		timer_set(&c->timer, CONN_LINGER_SILENCE_MS);
}

/* ---- events ---- */

static void writable(void *owner)
{
	struct conn *c = owner;
	struct request *r = c->request;

	conn_pin(c);
	c->held = false;
	if (r && r->waits_body)
		timer_set(&c->timer, conn_limits(c)->body_timeout_ms);
	else
		timer_cancel(&c->timer);
	conn_flush(c);
	if (c->sock && r && r->waits_room) {
		r->waits_room = false;
		fiber_wake(r->x.fiber);
	} else if (r && r->handled && !c->held && c->out_len == 0) {
		conn_finish(c);
		conn_run(c);
	}
	conn_unpin(c);
}

/* ---- from request to request ---- */

/* Makes what follows the finished request the beginning of the next. */
static void conn_next(struct conn *c)
{
	struct request *r = c->request;

	if (r->in_len - r->end + c->ahead_len == 0) {
		http_give_request(c->http, r);
		c->request = NULL;
		c->state = CONN_IDLE;
		if (c->http->draining)
			conn_lost(c);
		else
			timer_extend(&c->timer, conn_limits(c)->idle_timeout_ms);
		return;
	}
	r->base = r->end;
	request_begin(r);
	c->state = CONN_HEAD;
	timer_set(&c->timer, conn_limits(c)->head_timeout_ms);
}

/* Drops body bytes at hand; true when the message is complete. */
static bool discard(struct request *r, struct span *bytes)
{
	struct span data;
	enum http1_step step;

	do
		step = http1_body_next(&r->body, bytes, &data, NULL);
	while (step == HTTP1_DATA);
	if (step == HTTP1_BAD)
		conn_lost(r->conn);
	return step == HTTP1_END;
}

/* The reply has left; what of the body nobody read still stands between us and the next request. */
static void conn_skip_body(struct conn *c)
{
	struct request *r = c->request;
	struct span bytes = span_of(r->in + r->end, r->in_len - r->end);
	bool done = discard(r, &bytes);

	r->end = r->in_len - bytes.len; /* bytes of a body read in part were fed before */
	if (!done && c->sock && c->ahead_len > 0) {
		bytes = span_of(c->ahead, c->ahead_len);
		done = discard(r, &bytes);
		conn_drop_ahead(c, c->ahead_len - bytes.len);
	}
	if (!c->sock)
		return;
	if (done) {
		conn_next(c);
		return;
	}
	c->state = CONN_DISCARD;
	timer_set(&c->timer, conn_limits(c)->body_timeout_ms);
}

/* Handler and reply are done: the exchange ends, the connection goes on or not. */
void conn_finish(struct conn *c)
{
	struct request *r = c->request;
	struct http *h = c->http;

	list_remove(&r->link);
	timer_rest(&c->timer);
	if (r->started)
		h->active--;
	if (h->service.done)
		h->service.done(&r->x);
	request_end(r);
	if (!c->sock) {
		c->state = CONN_IDLE;
		return;
	}
	if (r->close || r->x.aborted) {
		c->request = NULL;
		http_give_request(c->http, r);
		conn_linger(c);
	} else if (r->body_state == BODY_DONE) {
		conn_next(c);
	} else {
		conn_skip_body(c);
	}
}

static void exchange_main(void *arg)
{
	struct request *r = arg;
	struct exchange *x = &r->x;
	struct http *h = r->conn->http;

	x->fiber = fiber_self();
	h->service.handle(x);
	if (r->reply_state == REPLY_NONE && exchange_is_open(x))
		reply_missing(r);
	if (r->reply_state == REPLY_STREAM)
		reply_abort(x);
	r->handled = true;
	if (r->inline_run)
		return;
	list_push(&h->finished, &r->link);
	timer_set(&h->tick, 0);
}

/* Without a fiber: the request is over when the reply has left. */
static void conn_refuse(struct conn *c, const struct err *e)
{
	struct request *r = c->request;

	timer_cancel(&c->timer);
	c->state = CONN_BUSY;
	r->handled = true;
	reply_refuse(r, e);
	if (conn_has_left(c))
		conn_finish(c);
}

static void refuse_crowd(struct conn *c, const char *why)
{
	struct err err = ERR_INIT;

	err_set(&err, E_overloaded, "", "%s", why);
	err.retry_after_s = 1;
	conn_refuse(c, &err);
}

/* Starts the exchange; true when it is over already. */
static bool conn_start(struct conn *c)
{
	struct request *r = c->request;

	timer_rest(&c->timer);
	c->state = CONN_BUSY;
	r->end = r->base + r->head.size;
	r->x.bytes_in = r->head.size;
	http1_body_of_request(&r->body, &r->head);
	if (http1_body_is_empty(&r->body)) {
		r->body_state = BODY_DONE;
	} else if (r->head.content_length >= 0 &&
		   (uint64_t)r->head.content_length <= r->in_len - r->end) {
		r->body_state = BODY_DONE;
		r->end += (size_t)r->head.content_length;
		r->x.bytes_in += (uint64_t)r->head.content_length;
	}
	c->http->active++;
	r->started = true;
	r->inline_run = true;
	r->x.fiber = NULL;
	struct fiber *f = fiber_start(c->http->loop, exchange_main, r);
	r->inline_run = false;
	if (!f) {
		c->http->active--;
		r->started = false;
		refuse_crowd(c, "the gateway has as many requests as it can run");
		return false;
	}
	if (!r->handled) {
		r->x.fiber = f;
		return false;
	}
	if (!conn_has_left(c))
		return false;
	conn_finish(c);
	return true;
}

static int read_head(struct conn *c, struct err *err)
{
	struct request *r = c->request;
	int got = http1_parse(&r->parser, span_of(r->in + r->base, r->in_len - r->base), &r->head,
			      err);

	if (got != 0 || (r->base == 0 && c->ahead_len == 0))
		return got;
	conn_gather(c);
	return http1_parse(&r->parser, span_of(r->in, r->in_len), &r->head, err);
}

/* Whoever gets no service is told why at his first bytes. */
static bool refuse_client(struct conn *c)
{
	struct err err;

	if (c->refused) {
		refuse_crowd(c, "the gateway has as many connections as it may");
		return true;
	}
	if (!c->wants_tls)
		return false;
	err_clear(&err);
	err_set(&err, E_malformed_request, "",
		"this port speaks TLS, and plain HTTP was sent to it; the address begins with "
		"https://");
	conn_refuse(c, &err);
	return true;
}

/* Works off the bytes at hand, request by request. */
static void conn_run(struct conn *c)
{
	struct err err;

	err_clear(&err);
	for (int turns = 0; c->sock && c->state == CONN_HEAD; turns++) {
		struct request *r = c->request;

		if (refuse_client(c))
			return;
		if (turns == CONN_TURNS_MAX) {
			c->yields = true;
			timer_set(&c->timer, 0);
			return;
		}
		int got = read_head(c, &err);
		if (got < 0) {
			r->x.bytes_in = r->in_len - r->base;
			conn_refuse(c, &err);
			return;
		}
		if (got == 0 || !conn_start(c))
			return;
	}
}

static void data(void *owner, struct span bytes)
{
	struct conn *c = owner;
	struct request *r = c->request;

	conn_pin(c);
	switch (c->state) {
	case CONN_IDLE:
		if (c->secure && carrier_is_plain(c->sock)) {
			c->secure = false;
			c->wants_tls = true;
		}
		c->request = http_take_request(c->http, c);
		request_begin(c->request);
		c->state = CONN_HEAD;
		conn_take_in(c->request, bytes);
		conn_run(c);
		if (c->sock && c->state == CONN_HEAD && !c->yields) /* most heads come whole */
			timer_set(&c->timer, conn_limits(c)->head_timeout_ms);
		break;
	case CONN_HEAD:
		if (c->yields) {
			conn_keep_ahead(c, bytes);
		} else {
			conn_take_in(r, bytes);
			conn_run(c);
		}
		break;
	case CONN_BUSY:
		if (r->body_state == BODY_READING) {
			bool may_be_more = bytes.len == CARRIER_READ;

			exchange_feed(r, &bytes);
			if (may_be_more && r->body_state == BODY_READING)
				exchange_draw(r);
		}
		if (c->sock)
			conn_keep_ahead(c, bytes);
		exchange_fed(r);
		break;
	case CONN_DISCARD:
		timer_set(&c->timer, conn_limits(c)->body_timeout_ms);
		if (discard(r, &bytes)) {
			r->base = r->end = r->in_len = 0;
			conn_take_in(r, bytes);
			conn_next(c);
			conn_run(c);
		}
		break;
	case CONN_LINGER:
		linger_on(c, bytes.len);
		break;
	}
	conn_unpin(c);
}

static void closed(void *owner)
{
	struct conn *c = owner;

	conn_pin(c);
	conn_gone(c);
	if (c->state == CONN_BUSY && c->request->handled)
		conn_finish(c);
	conn_unpin(c);
}

/* A half-close counts as leaving as long as there is work to be saved. */
static void left(void *owner)
{
	struct conn *c = owner;

	if (c->state != CONN_BUSY || c->request->handled)
		return;
	conn_pin(c);
	conn_lost(c);
	conn_unpin(c);
}

const struct carrier_events conn_events = { data, writable, closed, left };

static void busy_timer(struct conn *c)
{
	struct request *r = c->request;

	if (r->waits_body && !c->held) {
		exchange_body_late(r);
		return;
	}
	if (!c->held || !conn_has_stalled(c))
		return;
	log_debug("http", "%.*s does not read its answer: dropped", (int)c->peer_len, c->peer);
	conn_lost(c);
	if (r->handled)
		conn_finish(c);
}

void conn_timer_fired(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);
	struct err err = ERR_INIT;

	conn_pin(c);
	if (c->yields) {
		c->yields = false;
		timer_set(t, conn_limits(c)->head_timeout_ms);
		conn_run(c);
	} else if (c->state == CONN_HEAD) {
		err_set(&err, E_request_timeout, "",
			"the request's head did not arrive within %lld ms",
			(long long)conn_limits(c)->head_timeout_ms);
		conn_refuse(c, &err);
	} else if (c->state == CONN_BUSY) {
		busy_timer(c);
	} else {
		conn_lost(c);
	}
	conn_unpin(c);
}

void conn_finish_all(struct http *h)
{
	timer_cancel(&h->tick);
	while (!list_is_empty(&h->finished)) {
		struct request *r = list_first(&h->finished, struct request, link);
		struct conn *c = r->conn;

		list_remove(&r->link);
		conn_pin(c);
		if (c->sock)
			conn_flush(c);
		if (conn_has_left(c)) {
			conn_finish(c);
			conn_run(c);
		}
		conn_unpin(c);
	}
}
