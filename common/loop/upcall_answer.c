/*
 * Outgoing HTTP/1.1 calls: waiting for the answer and reading it.
 */
#include "common/loop/inside.h"
#include "common/loop/upcall_inside.h"

#include <string.h>

enum {
	INTERIM_MAX = 16, /* 1xx answers before the real one */
	BODY_ROOM_MIN = 8 * 1024,
	BURST = 8,        /* receives before the loop gets a turn */
};

/* Waiting and receiving */

enum upcall_result upcall_fail(struct upcall *u)
{
	u->state = UPCALL_DEAD;
	return UPCALL_FAILED;
}

static enum upcall_result say_timeout(struct upcall *u, const char *what, int limit_ms,
				      struct err *err)
{
	err_set(err, E_upstream_timeout, NULL, "%s: %s within %d ms", upcall_name(u), what,
		limit_ms);
	return upcall_fail(u);
}

enum upcall_result upcall_wait_ready(struct upcall *u, bool for_write, int64_t wait_ms,
				     const struct phase *phase, struct err *err)
{
	int64_t end_ms = upcall_least(phase->end_ms, u->end_ms), timeout_ms = -1;
	int ready;

	u->burst = 0;
	u->has_taken = false;
	if (end_ms != INT64_MAX)
		timeout_ms = end_ms > upcall_now_ms(u) ? end_ms - upcall_now_ms(u) : 0;
	if (wait_ms >= 0 && (timeout_ms < 0 || wait_ms < timeout_ms))
		timeout_ms = wait_ms;
	ready = uplink_wait(u->uplink, for_write, timeout_ms, err);
	if (ready < 0)
		return upcall_fail(u);
	if (ready > 0)
		return UPCALL_DATA;
	if (upcall_now_ms(u) >= u->end_ms)
		return say_timeout(u, "the call was not over", u->limits.total_ms, err);
	if (upcall_now_ms(u) >= phase->end_ms && !u->has_taken)
		return say_timeout(u, phase->what, phase->limit_ms, err);
	return UPCALL_WAIT;
}

void upcall_free_bytes(struct upcall *u, char *bytes, size_t capacity)
{
	if (bytes == u->own)
		return;
	if (capacity == UPLINK_ROOM)
		uplink_room_give(u->pool, bytes);
	else
		mem_free(bytes);
}

/* Room behind end. */
static void make_room(struct upcall *u)
{
	if (!u->bytes) {
		u->bytes = u->own;
		u->capacity = UPCALL_OWN;
	} else if (u->end == u->capacity) {
		/* Only a head fills it, and the parser bounds heads. */
		char *larger = mem_alloc(u->capacity * 2);

		memcpy(larger, u->bytes, u->end);
		upcall_free_bytes(u, u->bytes, u->capacity);
		u->bytes = larger;
		u->capacity *= 2;
	}
}

ssize_t upcall_receive(struct upcall *u)
{
	size_t room;
	ssize_t n;

	make_room(u);
	room = u->capacity - u->end;
	n = uplink_receive(u->uplink, u->bytes + u->end, room < u->read_max ? room : u->read_max);
	if (n > 0) {
		u->end += (size_t)n;
		u->timing.bytes_in += (uint64_t)n;
	} else if (n < 0) {
		/* Whoever asks again is told the same at once. */
		u->is_cut = u->uplink->readable = true;
	}
	return n;
}

/* A peer that is faster than we are must not keep the loop from its other work. */
static int yield_sometimes(struct upcall *u, struct err *err)
{
	if (upcall_now_ms(u) >= u->end_ms) {
		say_timeout(u, "the call was not over", u->limits.total_ms, err);
		return -1;
	}
	if (++u->burst < BURST)
		return fiber_check(err);
	u->burst = 0;
	return fiber_sleep(0, err);
}

/* Only a connection that was used before, and said nothing this time, may just have aged. */
static bool may_replace(const struct upcall *u)
{
	return u->uplink->is_reused && !u->was_replaced && u->timing.bytes_in == 0;
}

/* The head */

static enum upcall_result say_cut(struct upcall *u, const char *when, struct err *err)
{
	err_set(err, E_upstream_error, NULL, "%s: the connection was cut %s", upcall_name(u), when);
	return upcall_fail(u);
}

static enum upcall_result say_over(const struct upcall *u, struct err *err)
{
	err_set(err, E_upstream_error, NULL, "%s: the call has failed already", upcall_name(u));
	return UPCALL_FAILED;
}

/* An interim answer goes, what follows it moves to the front. */
static int skip_interim(struct upcall *u, struct err *err)
{
	if (u->head.status == 101 || ++u->interims > INTERIM_MAX)
		return err_set(err, E_upstream_error, NULL, "%s: unexpected answer %d",
			       upcall_name(u), u->head.status);
	u->end -= u->head.size;
	memmove(u->bytes, u->bytes + u->head.size, u->end);
	http1_parser_init(&u->parser, HTTP1_RESPONSE, &u->head_limits);
	return 0;
}

/* 1: complete, 0: more needed, -1: failed. */
static int parse_head(struct upcall *u, struct err *err)
{
	while (u->end > 0) {
		int r = http1_parse(&u->parser, span_of(u->bytes, u->end), &u->head, err);

		if (r < 0)
			err_prefix(err, "%s", upcall_name(u));
		if (r <= 0)
			return r;
		if (u->head.status >= 200)
			return 1;
		if (skip_interim(u, err) < 0)
			return -1;
	}
	return 0;
}

/* A large head keeps its buffer; the body gets another. */
static void part_head_from_body(struct upcall *u)
{
	static_assert((int)BODY_ROOM_MIN <= (int)UPLINK_ROOM,
		      "what lies behind the head fits in new room");
	size_t rest = u->end - u->head.size;
	char *room;

	u->start = u->base = u->head.size;
	if (u->capacity - u->base >= BODY_ROOM_MIN)
		return;
	room = uplink_room_take(u->pool);
	memcpy(room, u->bytes + u->start, rest);
	u->head_bytes = u->bytes;
	u->head_capacity = u->capacity;
	u->bytes = room;
	u->capacity = UPLINK_ROOM;
	u->start = u->base = 0;
	u->end = rest;
}

static void begin_body(struct upcall *u)
{
	u->timing.head_us = upcall_now_us(u);
	u->wait_from_ms = -1;
	u->state = UPCALL_BODY;
	part_head_from_body(u);
	http1_body_of_response(&u->body, &u->head, u->method);
}

static enum upcall_result receive_head(struct upcall *u, int64_t wait_ms, struct err *err)
{
	if (!u->uplink->readable) {
		int limit_ms = u->limits.first_byte_ms;
		const struct phase first_byte = {
			"no answer", upcall_limit(u->wait_from_ms, limit_ms), limit_ms
		};
		enum upcall_result r = upcall_wait_ready(u, false, wait_ms, &first_byte, err);

		if (r != UPCALL_DATA)
			return r;
	}
	if (upcall_receive(u) >= 0)
		return yield_sometimes(u, err) < 0 ? upcall_fail(u) : UPCALL_DATA;
	if (may_replace(u))
		return upcall_start_again(u, err);
	return say_cut(u, u->end > 0 ? "inside the head of the answer" : "before the answer", err);
}

enum upcall_result upcall_wait_head(struct upcall *u, int64_t wait_ms, struct err *err)
{
	if (u->state == UPCALL_DEAD)
		return say_over(u, err);
	if (fiber_check(err) < 0)
		return upcall_fail(u);
	while (u->state == UPCALL_HEAD) {
		int parsed = parse_head(u, err);

		if (parsed < 0)
			return upcall_fail(u);
		if (parsed > 0) {
			begin_body(u);
			break;
		}
		enum upcall_result r = receive_head(u, wait_ms, err);

		if (r != UPCALL_DATA)
			return r;
	}
	return UPCALL_DATA;
}

const struct http1_head *upcall_head(const struct upcall *u)
{
	assert(u->timing.head_us > 0);
	return &u->head;
}

/* The body */

static enum upcall_result take_piece(struct upcall *u, struct span *piece, struct err *err)
{
	struct span bytes = span_of(u->bytes + u->start, u->end - u->start);
	enum http1_step step = http1_body_next(&u->body, &bytes, piece, err);

	u->start = u->end - bytes.len;
	switch (step) {
	case HTTP1_DATA:
		u->wait_from_ms = -1;
		return UPCALL_DATA;
	case HTTP1_END:
		u->state = UPCALL_ENDED;
		return UPCALL_END;
	case HTTP1_MORE:
		u->start = u->end = u->base;
		return UPCALL_WAIT;
	case HTTP1_BAD:
		break;
	}
	err_prefix(err, "%s", upcall_name(u));
	return upcall_fail(u);
}

/* UPCALL_DATA: bytes came; UPCALL_END: the body lawfully ended with the connection. */
static enum upcall_result receive_body(struct upcall *u, int64_t wait_ms, struct err *err)
{
	ssize_t n;

	if (!u->uplink->readable) {
		if (u->wait_from_ms < 0)
			u->wait_from_ms = upcall_now_ms(u);
		const struct phase between = { "nothing more of the answer",
					       upcall_limit(u->wait_from_ms, u->limits.between_ms),
					       u->limits.between_ms };
		enum upcall_result r = upcall_wait_ready(u, false, wait_ms, &between, err);

		if (r != UPCALL_DATA)
			return r;
	}
	n = u->is_fed ? u->fed : upcall_receive(u);
	u->is_fed = false;
	if (n > 0)
		u->wait_from_ms = -1;
	if (n >= 0)
		return yield_sometimes(u, err) < 0 ? upcall_fail(u) : UPCALL_DATA;
	if (n == CONNECTOR_CLOSED && http1_body_may_close(&u->body)) {
		u->state = UPCALL_ENDED;
		return UPCALL_END;
	}
	return say_cut(u, "inside the answer", err);
}

enum upcall_result upcall_read(struct upcall *u, struct span *piece, int64_t wait_ms,
			       struct err *err)
{
	assert(u->timing.head_us > 0 || u->state == UPCALL_DEAD);
	if (u->state == UPCALL_ENDED)
		return UPCALL_END;
	if (u->state == UPCALL_DEAD)
		return say_over(u, err);
	if (fiber_check(err) < 0)
		return upcall_fail(u);
	for (;;) {
		enum upcall_result r = take_piece(u, piece, err);

		if (r != UPCALL_WAIT)
			return r;
		r = receive_body(u, wait_ms, err);
		if (r != UPCALL_DATA)
			return r;
	}
}

static int say_too_large(struct upcall *u, const struct buf *out, struct err *err)
{
	err_set(err, E_upstream_error, NULL, "%s: the answer is larger than %zu bytes",
		upcall_name(u), out->max);
	upcall_fail(u);
	return -1;
}

int upcall_read_all(struct upcall *u, struct buf *out, struct err *err)
{
	struct span piece;
	enum upcall_result r;

	while ((r = upcall_read(u, &piece, -1, err)) == UPCALL_DATA) {
		if (buf_add_span(out, piece) < 0)
			return say_too_large(u, out, err);
	}
	return r == UPCALL_END ? 0 : -1;
}

/* What follows the piece that was just read; nothing is taken. */
static enum http1_step look_ahead(const struct upcall *u)
{
	struct span bytes = span_of(u->bytes + u->start, u->end - u->start), piece;
	struct http1_body body = u->body;

	return http1_body_next(&body, &bytes, &piece, NULL);
}

/*
 * All that has come, as far as it is one piece: what came together is the fiber's, which lets it
 * leave together.
 */
static bool offer_piece(struct upcall *u)
{
	struct span bytes = span_of(u->bytes + u->start, u->end - u->start), piece, more;
	struct http1_body body = u->body;

	if (http1_body_next(&body, &bytes, &piece, NULL) != HTTP1_DATA ||
	    http1_body_next(&body, &bytes, &more, NULL) != HTTP1_MORE ||
	    !u->taker(u->taker_context, piece))
		return false;
	u->body = body;
	u->start = u->end = u->base;
	u->wait_from_ms = upcall_now_ms(u);
	u->has_taken = true;
	return true;
}

/* In place of the fiber, which waits in receive_body. */
static bool serve(void *call)
{
	struct upcall *u = call;

	for (int n = 0; n < BURST && u->uplink->readable; n++) {
		u->fed = upcall_receive(u);
		u->is_fed = u->fed != CONNECTOR_AGAIN && (u->fed < 0 || !offer_piece(u));
		if (u->is_fed)
			return false;
	}
	/* The fiber, which waits no longer, begins by asking for more. */
	return !u->uplink->readable;
}

void upcall_offer(struct upcall *u, upcall_taker *take, void *context)
{
	u->taker = take;
	u->taker_context = context;
	if (!u->uplink)
		return;
	u->uplink->serve = take ? serve : NULL;
	u->uplink->serve_context = u;
}

bool upcall_has_piece(const struct upcall *u)
{
	if (u->state != UPCALL_BODY || u->start == u->end)
		return u->state == UPCALL_ENDED;
	return look_ahead(u) != HTTP1_MORE;
}

int upcall_read_whole(struct upcall *u, struct buf *room, struct span *whole, struct err *err)
{
	enum upcall_result r = upcall_read(u, whole, -1, err);

	if (r == UPCALL_END)
		*whole = SPAN_NONE;
	if (r != UPCALL_DATA || (whole->len <= room->max && look_ahead(u) == HTTP1_END))
		return r == UPCALL_FAILED ? -1 : 0;
	if (buf_add_span(room, *whole) < 0)
		return say_too_large(u, room, err);
	if (upcall_read_all(u, room, err) < 0)
		return -1;
	*whole = buf_span(room);
	return 0;
}

bool upcall_is_complete(struct upcall *u)
{
	struct span piece;

	if (u->state == UPCALL_BODY)
		take_piece(u, &piece, NULL);
	return u->state == UPCALL_ENDED;
}
