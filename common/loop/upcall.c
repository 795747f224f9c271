/*
 * Outgoing HTTP/1.1 calls: connecting, sending and the end of a call.
 */
#include "common/loop/upcall.h"

#include "common/base/digits.h"
#include "common/loop/http1_class.h"
#include "common/loop/inside.h"
#include "common/loop/stack.h"
#include "common/loop/upcall_inside.h"

#include <string.h>

enum {
	HEAD_OUT_MAX = 256 * 1024, /* of the request's head */
	HEAD_OUT_KEPT = 8 * 1024,  /* larger ones are not kept with a spare call */
	PARTS_A_SEND = 32,
	BODY_COPIED = 2 * 1024,    /* a small one goes with the head: cheaper than to gather them */
};

const struct upcall_limits upcall_default_limits = {
	.connect_ms = 5000,
	.first_byte_ms = 300000,
	.between_ms = 60000,
	.total_ms = 0,
	.head_max = 64 * KIB,
};

/* Life */

static struct upcall *call_take(struct uplink_pool *p)
{
	struct uplink_spares *spares = uplink_pool_spares(p);
	struct upcall *u;

	if (spares->count > 0) {
		u = spares->items[--spares->count];
		memset(u, 0, offsetof(struct upcall, head_out));
		buf_clear(&u->head_out);
	} else {
		u = pages_map(UPCALL_SIZE);
		buf_init(&u->head_out, HEAD_OUT_MAX);
	}
	u->pool = p;
	return u;
}

static void call_free(void *call)
{
	struct upcall *u = call;

	buf_free(&u->head_out);
	pages_unmap(u, UPCALL_SIZE);
}

static void call_give(struct upcall *u)
{
	struct uplink_spares *spares = uplink_pool_spares(u->pool);

	if (u->head_out.capacity > HEAD_OUT_KEPT)
		buf_free(&u->head_out);
	spares->drop = call_free;
	if (spares->count < (int)ARRAY_LEN(spares->items))
		spares->items[spares->count++] = u;
	else
		call_free(u);
}

static void give_scratch(struct upcall *u)
{
	if (u->scratch)
		uplink_room_give(u->pool, u->scratch);
	u->scratch = NULL;
}

/* The request */

static uint64_t body_length(const struct upcall_request *req)
{
	uint64_t len = req->supply ? req->supply->length : 0;

	for (size_t i = 0; i < req->body_parts; i++)
		len += req->body[i].len;
	return len;
}

/* Whether the body leaves with the head, in one piece. */
static bool is_copied(const struct upcall_request *req, uint64_t len)
{
	return !req->supply && len <= BODY_COPIED;
}

static inline char *put(char *at, struct span s)
{
	if (s.len)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

static char *put_parts(char *at, const struct span *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		at = put(at, parts[i]);
	return at;
}

static char *put_length(char *at, uint64_t len)
{
	at = put(at, SPAN_LIT("Content-Length: "));
	at = digits_put(at, len);
	return put(at, SPAN_LIT("\r\n"));
}

/* As much as it takes, or a few bytes more. */
static size_t head_size(const struct upcall *u, const struct upcall_request *req, struct span method, uint64_t len)
{
	enum { FIXED = sizeof "  HTTP/1.1\r\nContent-Length: 18446744073709551615\r\nConnection: keep-alive\r\n\r\n" };
	size_t size = FIXED + method.len + req->base.len + req->path.len + u->group->host_line.len;

	for (size_t i = 0; i < req->header_parts; i++) {
		assert(req->headers[i].len == 0 || req->headers[i].ptr[req->headers[i].len - 1] == '\n');
		size += req->headers[i].len;
	}
	return is_copied(req, len) ? size + (size_t)len : size;
}

static void put_head(struct upcall *u, const struct upcall_request *req, struct span method, uint64_t len)
{
	char *at = put(u->head_out.ptr, method);

	*at++ = ' ';
	at = put(at, req->base);
	at = put(at, req->path);
	at = put(at, SPAN_LIT(" HTTP/1.1\r\n"));
	at = put(at, u->group->host_line);
	at = put_parts(at, req->headers, req->header_parts);
	if (len > 0 || req->method & (HTTP1_POST | HTTP1_PUT | HTTP1_PATCH))
		at = put_length(at, len);
	at = put(at, SPAN_LIT("Connection: keep-alive\r\n\r\n"));
	if (is_copied(req, len))
		at = put_parts(at, req->body, req->body_parts);
	u->head_out.len = (size_t)(at - u->head_out.ptr);
}

static bool is_target(struct span s)
{
	return http1_target_end(s.ptr, 0, s.len) == s.len;
}

static int write_head(struct upcall *u, const struct upcall_request *req, struct err *err)
{
	struct span method = req->method == HTTP1_POST ? SPAN_LIT("POST") : span_str(http1_method_name(req->method));
	uint64_t len = body_length(req);

	u->method = req->method;
	u->supply = req->supply;
	if (req->path.len == 0 || !is_target(req->path) || !is_target(req->base))
		return err_set(err, E_internal_error, NULL, "%s: not a request target",
			       upcall_name(u));
	if (buf_reserve(&u->head_out, head_size(u, req, method, len)) < 0)
		return err_set(err, E_internal_error, NULL,
			       "%s: the head of the request is too large", upcall_name(u));
	put_head(u, req, method, len);
	if (!u->supply && !is_copied(req, len)) {
		u->parts = req->body;
		u->body_parts = req->body_parts;
	}
	return 0;
}

static struct span part_at(const struct upcall *u, size_t i)
{
	return i == 0 ? buf_span(&u->head_out) : u->parts[i - 1];
}

/* The next parts to send into iov[PARTS_A_SEND]; returns how many. */
static int gather(const struct upcall *u, struct iovec *iov)
{
	size_t offset = u->part_offset;
	int count = 0;

	for (size_t i = u->part; i <= u->body_parts && count < PARTS_A_SEND; i++) {
		struct span rest = span_from(part_at(u, i), offset);

		offset = 0;
		if (rest.len > 0) {
			/* An iovec knows no const: it is for receiving too. */
			memcpy(&iov[count].iov_base, &rest.ptr, sizeof rest.ptr);
			iov[count++].iov_len = rest.len;
		}
	}
	return count;
}

static void count_sent(struct upcall *u, size_t n)
{
	u->timing.bytes_out += n;
	while (u->part <= u->body_parts) {
		size_t left = part_at(u, u->part).len - u->part_offset;

		if (n < left) {
			u->part_offset += n;
			return;
		}
		n -= left;
		u->part++;
		u->part_offset = 0;
	}
}

/* Sending */

/* 1: an answer (or the end of the connection) has come, 0: not yet. */
static int look_for_answer(struct upcall *u)
{
	return u->uplink->readable && upcall_receive(u) != CONNECTOR_AGAIN;
}

/* 0: go on, 1: sending is over early, -1: failed. */
static int wait_to_send(struct upcall *u, struct err *err)
{
	const struct phase sending = { "the request was not taken any further",
				       upcall_limit(upcall_now_ms(u), u->limits.between_ms),
				       u->limits.between_ms };
	enum upcall_result r = upcall_wait_ready(u, true, -1, &sending, err);

	if (r == UPCALL_FAILED)
		return -1;
	return look_for_answer(u);
}

/* The parts that are there: 0 when they have left, 1 when sending is over early, -1. */
static int send_parts(struct upcall *u, struct err *err)
{
	struct iovec iov[PARTS_A_SEND];
	int count;

	while ((count = gather(u, iov)) > 0) {
		ssize_t n = uplink_send(u->uplink, iov, count, u->scratch);
		int over;

		if (n > 0) {
			count_sent(u, (size_t)n);
			continue;
		}
		if (n == CONNECTOR_BROKEN) {
			/* There may be an answer that says why. */
			u->is_cut = true;
			u->uplink->readable = true;
			return 1;
		}
		over = wait_to_send(u, err);
		if (over != 0)
			return over;
	}
	return 0;
}

/* What is supplied, behind the head: as send_parts. */
static int send_supply(struct upcall *u, struct err *err)
{
	int over = 0;

	u->supplied = 0;
	while (over == 0 && u->supplied < u->supply->length) {
		if (fiber_check(err) < 0 ||
		    u->supply->piece(u->supply->context, u->supplied, &u->piece, err) < 0)
			return -1;
		assert(u->piece.len > 0 && u->piece.len <= u->supply->length - u->supplied);
		u->supplied += u->piece.len;
		u->parts = &u->piece;
		u->body_parts = u->part = 1;
		u->part_offset = 0;
		over = send_parts(u, err);
	}
	return over;
}

static int send_request(struct upcall *u, struct err *err)
{
	int over;

	u->part = u->part_offset = 0;
	u->is_sent = u->is_cut = false;
	if (u->supply)
		u->body_parts = 0;
	if (uplink_needs_scratch(u->uplink) && !u->scratch)
		u->scratch = uplink_room_take(u->pool);
	over = send_parts(u, err);
	if (over == 0 && u->supply)
		over = send_supply(u, err);
	u->is_sent = over == 0;
	return over < 0 ? -1 : 0;
}

/* What is left of the limit in all may be less; libcurl takes 0 for its own default. */
static int connect_limit(const struct upcall *u)
{
	int64_t left_ms = u->end_ms - upcall_now_ms(u);
	int64_t limit_ms = upcall_least(u->limits.connect_ms, left_ms);

	return limit_ms > 0 ? (int)limit_ms : 1;
}

/* Connects, or takes what is idle, and sends, a second time when the first was stale. */
static int start_exchange(struct upcall *u, struct err *err)
{
	u->uplink = u->was_replaced ? NULL : uplink_take_idle(u->group);
	u->timing.reused = u->uplink != NULL;
	if (!u->uplink)
		u->uplink = uplink_connect(u->group, connect_limit(u), err);
	if (!u->uplink)
		return -1;
	u->timing.connected_us = upcall_now_us(u);
	if (fiber_turn_end(err) < 0 || send_request(u, err) < 0)
		return -1;
	give_scratch(u);
	u->timing.sent_us = upcall_now_us(u);
	u->wait_from_ms = upcall_now_ms(u);
	u->state = UPCALL_HEAD;
	return 0;
}

enum upcall_result upcall_start_again(struct upcall *u, struct err *err)
{
	uplink_close(u->uplink);
	u->uplink = NULL;
	u->was_replaced = true;
	u->timing.bytes_out = 0;
	return start_exchange(u, err) < 0 ? upcall_fail(u) : UPCALL_DATA;
}

struct upcall *upcall_open(struct uplink_pool *p, const struct upcall_request *req, struct err *err)
{
	struct upcall *u;

	assert(fiber_self());
	if (fiber_check(err) < 0)
		return NULL;
	u = call_take(p);
	u->group = uplink_group_of(p, req->origin);
	u->limits = req->limits ? *req->limits : upcall_default_limits;
	u->read_max = req->read_max ? req->read_max : SIZE_MAX;
	u->timing.started_us = upcall_now_us(u);
	u->end_ms = upcall_limit(upcall_now_ms(u), u->limits.total_ms);
	u->head_limits = http1_default_limits;
	u->head_limits.head_max = u->limits.head_max;
	http1_parser_init(&u->parser, HTTP1_RESPONSE, &u->head_limits);
	if (write_head(u, req, err) == 0 && start_exchange(u, err) == 0)
		return u;
	upcall_close(u);
	return NULL;
}

const struct upcall_timing *upcall_timing(const struct upcall *u)
{
	return &u->timing;
}

/* The end */

static bool is_reusable(struct upcall *u)
{
	return upcall_is_complete(u) && u->is_sent && !u->is_cut && u->head.keep_alive &&
	       !u->body.until_close && u->start == u->end;
}

void upcall_close(struct upcall *u)
{
	if (!u)
		return;
	upcall_offer(u, NULL, NULL);
	if (u->uplink && is_reusable(u))
		uplink_put_idle(u->uplink, u->head.known[HTTP1_KEEP_ALIVE]);
	else if (u->state == UPCALL_ENDED && u->is_sent)
		uplink_close(u->uplink);
	else
		uplink_abort(u->uplink);
	u->uplink = NULL;
	uplink_group_release(u->group);
	give_scratch(u);
	upcall_free_bytes(u, u->head_bytes, u->head_capacity);
	upcall_free_bytes(u, u->bytes, u->capacity);
	call_give(u);
}
