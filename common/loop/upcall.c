/*
 * Outgoing HTTP/1.1 calls: one exchange on one connection of the pool.
 *
 * The answer is read into one buffer.  Its head stays where it was read, as spans point into it;
 * the body passes through the room behind it.
 */
#include "common/loop/upcall.h"

#include "common/base/clock.h"
#include "common/loop/inside.h"
#include "common/loop/uplink.h"

#include <assert.h>
#include <string.h>

enum {
	HEAD_OUT_MAX = 256 * 1024, /* of the request's head */
	HEAD_OUT_KEPT = 8 * 1024,  /* larger ones are not kept with a spare call */
	PARTS_A_SEND = 32,
	INTERIM_MAX = 16,          /* 1xx answers before the real one */
	BODY_ROOM_MIN = 8 * 1024,
	BURST = 8,                 /* receives before the loop gets a turn */
};

const struct upcall_limits upcall_default_limits = {
	.connect_ms = 5000,
	.first_byte_ms = 300000,
	.between_ms = 60000,
	.total_ms = 0,
	.head_max = 64 * KIB,
};

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
	struct upcall_request request;
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
	struct http1_body body;
	/* ... to here. */
	struct buf head_out;
	struct http1_limits head_limits;
	struct http1_parser parser;
	struct http1_head head;
};

/* What may run out while waiting for bytes. */
struct phase {
	const char *what;
	int64_t end_ms;
	int limit_ms;
};

static int64_t now_ms(const struct upcall *u)
{
	return loop_now_ms(uplink_pool_loop(u->pool));
}

static const char *name_of(const struct upcall *u)
{
	return u->group->name;
}

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
		u = mem_new(struct upcall);
		buf_init(&u->head_out, HEAD_OUT_MAX);
	}
	u->pool = p;
	return u;
}

static void call_free(void *call)
{
	struct upcall *u = call;

	buf_free(&u->head_out);
	mem_free(u);
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

static void give_bytes(struct upcall *u)
{
	if (u->bytes && u->capacity == UPLINK_ROOM)
		uplink_room_give(u->pool, u->bytes);
	else
		mem_free(u->bytes);
	u->bytes = NULL;
	u->capacity = u->start = u->end = u->base = 0;
}

static void give_scratch(struct upcall *u)
{
	if (u->scratch)
		uplink_room_give(u->pool, u->scratch);
	u->scratch = NULL;
}

static void drop_uplink(struct upcall *u)
{
	uplink_close(u->uplink);
	u->uplink = NULL;
}

/* The request */

static bool is_target(struct span path)
{
	for (size_t i = 0; i < path.len; i++)
		if ((unsigned char)path.ptr[i] <= ' ' || path.ptr[i] == 0x7f)
			return false;
	return path.len > 0;
}

static uint64_t body_length(const struct upcall_request *req)
{
	uint64_t len = 0;

	for (size_t i = 0; i < req->body_parts; i++)
		len += req->body[i].len;
	return len;
}

static int write_head(struct upcall *u, struct err *err)
{
	const struct upcall_request *req = &u->request;
	struct buf *out = &u->head_out;
	uint64_t len = body_length(req);

	if (!is_target(req->path))
		return err_set(err, E_internal_error, NULL, "%s: not a request target",
			       name_of(u));
	assert(req->headers.len == 0 || span_ends(req->headers, "\r\n"));
	buf_add_str(out, http1_method_name(req->method));
	buf_add_char(out, ' ');
	buf_add_span(out, req->path);
	buf_add_str(out, " HTTP/1.1\r\n");
	buf_add_str(out, u->group->host_field);
	buf_add_span(out, req->headers);
	if (len > 0 || req->method & (HTTP1_POST | HTTP1_PUT | HTTP1_PATCH)) {
		buf_add_str(out, "Content-Length: ");
		buf_add_int(out, (int64_t)len);
		buf_add_str(out, "\r\n");
	}
	buf_add_str(out, "Connection: keep-alive\r\n\r\n");
	if (buf_failed(out))
		return err_set(err, E_internal_error, NULL, "%s: the head of the request is too large",
			       name_of(u));
	return 0;
}

static struct span part_at(const struct upcall *u, size_t i)
{
	return i == 0 ? buf_span(&u->head_out) : u->request.body[i - 1];
}

/* The next parts to send into iov[PARTS_A_SEND]; returns how many. */
static int gather(const struct upcall *u, struct iovec *iov)
{
	size_t offset = u->part_offset;
	int count = 0;

	for (size_t i = u->part; i <= u->request.body_parts && count < PARTS_A_SEND; i++) {
		struct span rest = span_from(part_at(u, i), offset);

		offset = 0;
		if (rest.len > 0)
			iov[count++] = (struct iovec){ .iov_base = (void *)(uintptr_t)rest.ptr,
						       .iov_len = rest.len };
	}
	return count;
}

static void count_sent(struct upcall *u, size_t n)
{
	u->timing.bytes_out += n;
	while (u->part <= u->request.body_parts) {
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

/* Waiting and receiving */

static enum upcall_result fail(struct upcall *u)
{
	u->state = UPCALL_DEAD;
	return UPCALL_FAILED;
}

static enum upcall_result say_timeout(struct upcall *u, const char *what, int limit_ms,
				      struct err *err)
{
	err_set(err, E_upstream_timeout, NULL, "%s: %s within %d ms", name_of(u), what, limit_ms);
	return fail(u);
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* UPCALL_DATA when the connection is ready.  wait_ms < 0: no limit but those of the phase. */
static enum upcall_result wait_ready(struct upcall *u, bool for_write, int64_t wait_ms,
				     const struct phase *phase, struct err *err)
{
	int64_t end_ms = least(phase->end_ms, u->end_ms), timeout_ms = -1;
	int ready;

	u->burst = 0;
	if (end_ms != INT64_MAX)
		timeout_ms = end_ms > now_ms(u) ? end_ms - now_ms(u) : 0;
	if (wait_ms >= 0 && (timeout_ms < 0 || wait_ms < timeout_ms))
		timeout_ms = wait_ms;
	ready = uplink_wait(u->uplink, for_write, timeout_ms, err);
	if (ready < 0)
		return fail(u);
	if (ready > 0)
		return UPCALL_DATA;
	if (now_ms(u) >= u->end_ms)
		return say_timeout(u, "the call was not over", u->limits.total_ms, err);
	if (now_ms(u) >= phase->end_ms)
		return say_timeout(u, phase->what, phase->limit_ms, err);
	return UPCALL_WAIT;
}

static int64_t after(int64_t from_ms, int limit_ms)
{
	return limit_ms > 0 ? from_ms + limit_ms : INT64_MAX;
}

/* Room behind end; the buffer is taken when the first bytes come. */
static void make_room(struct upcall *u)
{
	if (!u->bytes) {
		u->bytes = uplink_room_take(u->pool);
		u->capacity = UPLINK_ROOM;
	} else if (u->end == u->capacity) {
		/* Only a head fills it, and the parser bounds heads. */
		char *larger = mem_alloc(u->capacity * 2);

		memcpy(larger, u->bytes, u->end);
		if (u->capacity == UPLINK_ROOM)
			uplink_room_give(u->pool, u->bytes);
		else
			mem_free(u->bytes);
		u->bytes = larger;
		u->capacity *= 2;
	}
}

/* > 0, or CONNECTOR_AGAIN, CONNECTOR_CLOSED, CONNECTOR_BROKEN. */
static ssize_t receive(struct upcall *u)
{
	ssize_t n;

	make_room(u);
	n = uplink_receive(u->uplink, u->bytes + u->end, u->capacity - u->end);
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
	if (now_ms(u) >= u->end_ms) {
		say_timeout(u, "the call was not over", u->limits.total_ms, err);
		return -1;
	}
	if (++u->burst < BURST)
		return fiber_check(err);
	u->burst = 0;
	return fiber_sleep(0, err);
}

/* Sending */

/* 1: an answer (or the end of the connection) has come, 0: not yet. */
static int look_for_answer(struct upcall *u)
{
	return u->uplink->readable && receive(u) != CONNECTOR_AGAIN;
}

/* 0: go on, 1: sending is over early, -1: failed. */
static int wait_to_send(struct upcall *u, struct err *err)
{
	const struct phase sending = { "the request was not taken any further",
				       after(now_ms(u), u->limits.between_ms),
				       u->limits.between_ms };
	enum upcall_result r = wait_ready(u, true, -1, &sending, err);

	if (r == UPCALL_FAILED)
		return -1;
	return look_for_answer(u);
}

static int send_request(struct upcall *u, struct err *err)
{
	struct iovec iov[PARTS_A_SEND];
	int count;

	u->part = u->part_offset = 0;
	u->is_sent = u->is_cut = false;
	if (uplink_needs_scratch(u->uplink) && !u->scratch)
		u->scratch = uplink_room_take(u->pool);
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
			return 0;
		}
		over = wait_to_send(u, err);
		if (over != 0)
			return over < 0 ? -1 : 0;
	}
	u->is_sent = true;
	return 0;
}

/* Only a connection that was used before, and said nothing this time, may just have aged. */
static bool may_replace(const struct upcall *u)
{
	return u->uplink->is_reused && !u->was_replaced && u->timing.bytes_in == 0;
}

/* Connects, or takes what is idle, and sends, a second time when the first was stale. */
static int start_exchange(struct upcall *u, struct err *err)
{
	u->uplink = u->was_replaced ? NULL : uplink_take_idle(u->group);
	u->timing.reused = u->uplink != NULL;
	if (!u->uplink) {
		int limit_ms = (int)least(u->limits.connect_ms,
					  u->end_ms == INT64_MAX ? INT32_MAX :
								   u->end_ms - now_ms(u));

		u->uplink = uplink_connect(u->group, limit_ms > 0 ? limit_ms : 1, err);
		if (!u->uplink)
			return -1;
	}
	u->timing.connected_us = clock_mono_us();
	if (send_request(u, err) < 0)
		return -1;
	give_scratch(u);
	u->timing.sent_us = clock_mono_us();
	u->wait_from_ms = now_ms(u);
	u->state = UPCALL_HEAD;
	return 0;
}

struct upcall *upcall_open(struct uplink_pool *p, const struct upcall_request *req, struct err *err)
{
	struct upcall *u;

	assert(fiber_self());
	if (fiber_check(err) < 0)
		return NULL;
	u = call_take(p);
	u->group = uplink_group_of(p, req->origin);
	u->request = *req;
	u->limits = req->limits ? *req->limits : upcall_default_limits;
	u->timing.started_us = clock_mono_us();
	u->end_ms = after(now_ms(u), u->limits.total_ms);
	u->head_limits = http1_default_limits;
	u->head_limits.head_max = u->limits.head_max;
	http1_parser_init(&u->parser, HTTP1_RESPONSE, &u->head_limits);
	if (write_head(u, err) == 0 && start_exchange(u, err) == 0)
		return u;
	upcall_close(u);
	return NULL;
}

/* The head */

static enum upcall_result say_cut(struct upcall *u, const char *when, struct err *err)
{
	err_set(err, E_upstream_error, NULL, "%s: the connection was cut %s", name_of(u), when);
	return fail(u);
}

static enum upcall_result say_over(const struct upcall *u, struct err *err)
{
	err_set(err, E_upstream_error, NULL, "%s: the call has failed already", name_of(u));
	return UPCALL_FAILED;
}

/* An interim answer goes, what follows it moves to the front. */
static int skip_interim(struct upcall *u, struct err *err)
{
	if (u->head.status == 101 || ++u->interims > INTERIM_MAX)
		return err_set(err, E_upstream_error, NULL, "%s: unexpected answer %d", name_of(u),
			       u->head.status);
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
			err_prefix(err, "%s", name_of(u));
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
	u->bytes = room;
	u->capacity = UPLINK_ROOM;
	u->start = u->base = 0;
	u->end = rest;
}

static void begin_body(struct upcall *u)
{
	u->timing.head_us = clock_mono_us();
	u->wait_from_ms = -1;
	u->state = UPCALL_BODY;
	part_head_from_body(u);
	http1_body_of_response(&u->body, &u->head, u->request.method);
}

static enum upcall_result start_again(struct upcall *u, struct err *err)
{
	drop_uplink(u);
	u->was_replaced = true;
	u->timing.bytes_out = 0;
	return start_exchange(u, err) < 0 ? fail(u) : UPCALL_DATA;
}

static enum upcall_result receive_head(struct upcall *u, int64_t wait_ms, struct err *err)
{
	if (!u->uplink->readable) {
		const struct phase first_byte = { "no answer",
						  after(u->wait_from_ms, u->limits.first_byte_ms),
						  u->limits.first_byte_ms };
		enum upcall_result r = wait_ready(u, false, wait_ms, &first_byte, err);

		if (r != UPCALL_DATA)
			return r;
	}
	if (receive(u) >= 0)
		return yield_sometimes(u, err) < 0 ? fail(u) : UPCALL_DATA;
	if (may_replace(u))
		return start_again(u, err);
	return say_cut(u, u->end > 0 ? "inside the head of the answer" : "before the answer", err);
}

enum upcall_result upcall_wait_head(struct upcall *u, int64_t wait_ms, struct err *err)
{
	if (u->state == UPCALL_DEAD)
		return say_over(u, err);
	if (fiber_check(err) < 0)
		return fail(u);
	while (u->state == UPCALL_HEAD) {
		int parsed = parse_head(u, err);

		if (parsed < 0)
			return fail(u);
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
	err_prefix(err, "%s", name_of(u));
	return fail(u);
}

/* UPCALL_DATA: bytes came; UPCALL_END: the body lawfully ended with the connection. */
static enum upcall_result receive_body(struct upcall *u, int64_t wait_ms, struct err *err)
{
	ssize_t n;

	if (!u->uplink->readable) {
		if (u->wait_from_ms < 0)
			u->wait_from_ms = now_ms(u);
		const struct phase between = { "nothing more of the answer",
					       after(u->wait_from_ms, u->limits.between_ms),
					       u->limits.between_ms };
		enum upcall_result r = wait_ready(u, false, wait_ms, &between, err);

		if (r != UPCALL_DATA)
			return r;
	}
	n = receive(u);
	if (n > 0)
		u->wait_from_ms = -1;
	if (n >= 0)
		return yield_sometimes(u, err) < 0 ? fail(u) : UPCALL_DATA;
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
		return fail(u);
	for (;;) {
		enum upcall_result r = take_piece(u, piece, err);

		if (r != UPCALL_WAIT)
			return r;
		r = receive_body(u, wait_ms, err);
		if (r != UPCALL_DATA)
			return r;
	}
}

int upcall_read_all(struct upcall *u, struct buf *out, struct err *err)
{
	struct span piece;
	enum upcall_result r;

	while ((r = upcall_read(u, &piece, -1, err)) == UPCALL_DATA) {
		if (buf_add_span(out, piece) < 0) {
			err_set(err, E_upstream_error, NULL, "%s: the answer is larger than %zu bytes",
				name_of(u), out->max);
			fail(u);
			return -1;
		}
	}
	return r == UPCALL_END ? 0 : -1;
}

const struct upcall_timing *upcall_timing(const struct upcall *u)
{
	return &u->timing;
}

/* The end */

/* The last framing bytes may lie unread behind the last piece. */
static bool is_complete(struct upcall *u)
{
	struct span piece;

	if (u->state == UPCALL_BODY)
		take_piece(u, &piece, NULL);
	return u->state == UPCALL_ENDED;
}

static bool is_reusable(struct upcall *u)
{
	return is_complete(u) && u->is_sent && !u->is_cut && u->head.keep_alive &&
	       !u->body.until_close && u->start == u->end;
}

void upcall_close(struct upcall *u)
{
	if (!u)
		return;
	if (u->uplink && is_reusable(u))
		uplink_put_idle(u->uplink, u->head.known[HTTP1_KEEP_ALIVE]);
	else
		uplink_close(u->uplink);
	u->uplink = NULL;
	uplink_group_release(u->group);
	give_scratch(u);
	mem_free(u->head_bytes);
	give_bytes(u);
	call_give(u);
}
