/*
 * server/http/exchange.c - the request's side of an exchange: its body and header fields.
 *
 * A body that came whole with its head is handed out where it lies.  Another is read into a block
 * that grows with it, at most to its announced size: from the carrier's buffer, or straight from
 * the socket when much is to come.  Its reader sleeps until it is complete.  For who reads piece by
 * piece the block stays as it is: what comes while it is full, or lent, waits where bytes of a
 * later request would, so that the client has to wait, too.
 */
#include "server/http/conn.h"

#include "common/base/mem.h"

#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
	INFLATE_FREE = 1024 * 1024, /* inflated bytes that no ratio is asked of */
	INFLATE_RATIO_MAX = 32,     /* inflated by received, beyond them */
	INFLATE_TURN = 512 * 1024,  /* inflated before others get their turn */
	INFLATE_FED = 64 * 1024,    /* or so much read: a bomb may read much and give nothing */
	DRAW_LEAST = 4 * 1024,      /* bytes to come that are worth a read of their own */
	DRAW_TURN = 512 * 1024,     /* read before others get their turn */
};

static void body_failed(struct request *r, const struct err *why)
{
	/* Few requests come here, and an error is large beside what each holds. */
	if (!r->body_err)
		r->body_err = mem_new(struct err);
	*r->body_err = *why;
	r->body_state = BODY_FAILED;
	r->close = true;
}

static void wake_reader(struct request *r)
{
	if (!r->waits_body)
		return;
	r->waits_body = false;
	timer_cancel(&r->conn->timer);
	fiber_wake(r->x.fiber);
}

void exchange_body_late(struct request *r)
{
	struct err err = ERR_INIT;

	err_set(&err, E_request_timeout, "body", "nothing of the body arrived for %lld ms",
		(long long)conn_limits(r->conn)->body_timeout_ms);
	body_failed(r, &err);
	wake_reader(r);
}

/* Room for more bytes in the block, which are not too many. */
static void block_reserve(struct request *r, size_t more)
{
	size_t need = r->block_len + more;

	if (need <= r->block_cap)
		return;
	if (!r->block) {
		r->block = http_take_body(r->conn->http, need, &r->block_cap);
		return;
	}
	size_t cap = r->block_cap * 2;
	while (cap < need)
		cap *= 2;
	r->block_cap = cap < r->block_max ? cap : r->block_max;
	r->block = mem_realloc(r->block, r->block_cap);
}

static int too_large(size_t max, struct err *err)
{
	return err_set(err, E_body_too_large, "body", "the body is larger than %zu bytes", max);
}

/* Bytes that may be read now. */
static size_t room_for(const struct request *r)
{
	if (!r->in_pieces)
		return SIZE_MAX;
	return r->is_lent ? 0 : EXCHANGE_PIECE_MAX - r->block_len;
}

/* One step of the body's framing, over no more bytes than there is room for. */
static enum http1_step next_data(struct request *r, struct span *bytes, struct span *data, struct err *err)
{
	size_t room = room_for(r);
	struct span some = span_of(bytes->ptr, bytes->len < room ? bytes->len : room);
	size_t before = some.len;
	enum http1_step step = http1_body_next(&r->body, &some, data, err);

	*bytes = span_from(*bytes, before - some.len);
	return step;
}

static bool is_too_large(const struct request *r, size_t more)
{
	return r->in_pieces ? r->body.total > r->body_max : r->block_len + more > r->block_max;
}

/* Whether its reader can go on. */
static bool has_enough(const struct request *r)
{
	return r->body_state != BODY_READING || (r->in_pieces && r->block_len == EXCHANGE_PIECE_MAX);
}

void exchange_feed(struct request *r, struct span *bytes)
{
	size_t before = bytes->len;
	struct span data;
	struct err err;

	err_clear(&err);
	while (r->body_state == BODY_READING) {
		enum http1_step step = next_data(r, bytes, &data, &err);

		if (step == HTTP1_MORE)
			break;
		if (step == HTTP1_END) {
			r->body_state = BODY_DONE;
		} else if (step == HTTP1_BAD) {
			body_failed(r, &err);
		} else if (is_too_large(r, data.len)) {
			too_large(r->in_pieces ? r->body_max : r->block_max, &err);
			body_failed(r, &err);
		} else {
			block_reserve(r, data.len);
			if (data.ptr != r->block + r->block_len) /* not drawn */
				memcpy(r->block + r->block_len, data.ptr, data.len);
			r->block_len += data.len;
		}
	}
	r->x.bytes_in += before - bytes->len;
	if (r->waits_body && !has_enough(r))
		timer_set(&r->conn->timer, conn_limits(r->conn)->body_timeout_ms);
}

void exchange_fed(struct request *r)
{
	if (has_enough(r))
		wake_reader(r);
}

/* Bytes of an announced body that are to come and that there is room for. */
static size_t missing_now(const struct request *r)
{
	uint64_t missing = (uint64_t)r->head.content_length - r->body.total;
	size_t room = room_for(r);

	if (room > CONN_BODY_KEEP)
		room = CONN_BODY_KEEP;
	return missing < room ? (size_t)missing : room;
}

void exchange_draw(struct request *r)
{
	size_t drawn = 0, step, got;

	do {
		if (r->head.content_length < 0)
			return;
		step = missing_now(r);
		if (step < DRAW_LEAST)
			return;
		block_reserve(r, step);
		got = carrier_receive(r->conn->sock, r->block + r->block_len, step);
		struct span bytes = span_of(r->block + r->block_len, got);
		if (got > 0)
			exchange_feed(r, &bytes);
		drawn += got;
	} while (got == step && drawn < DRAW_TURN && r->body_state == BODY_READING);
}

/* Room for what is announced, as far as memory that stays untouched costs nothing. */
static void prepare_block(struct request *r, size_t max)
{
	r->block_max = max;
	if (r->head.content_length <= 0)
		return;
	r->block_max = (size_t)r->head.content_length;
	block_reserve(r, r->block_max < CONN_BODY_KEEP ? r->block_max : CONN_BODY_KEEP);
}

bool exchange_may_discard(const struct request *r)
{
	int64_t at_hand = (int64_t)(r->in_len - r->end + r->conn->ahead_len);

	if (r->body_state != BODY_UNREAD)
		return r->body_state == BODY_DONE;
	return r->head.content_length >= 0 && !r->head.expects_continue &&
	       r->head.content_length - at_hand <= CONN_DISCARD_MAX;
}

static void invite(struct conn *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

	conn_queue(c, line, sizeof line - 1);
	conn_flush(c);
	/* It is no part of the reply. */
	c->request->x.first_byte_us = 0;
	c->request->x.bytes_out = 0;
}

static int wait_for_body(struct request *r, struct err *err)
{
	struct conn *c = r->conn;

	while (!has_enough(r)) {
		if (!c->sock)
			return err_set(err, E_cancelled, "", "the client has gone");
		r->waits_body = true;
		if (!c->held)
			timer_set(&c->timer, conn_limits(c)->body_timeout_ms);
		int woken = fiber_suspend(err);
		r->waits_body = false;
		if (woken < 0)
			return -1;
	}
	return 0;
}

/* What is at hand: with the head, ahead, and, of a body that is long, in the socket. */
static void take_at_hand(struct request *r)
{
	struct span bytes = span_of(r->in + r->end, r->in_len - r->end);

	exchange_feed(r, &bytes);
	r->end = r->in_len - bytes.len;
	if (!has_enough(r) && bytes.len == 0)
		conn_feed_ahead(r->conn);
	if (!has_enough(r) && r->conn->sock && (r->in_pieces || r->in_len >= CARRIER_READ))
		exchange_draw(r);
}

/* Reads a body that is not complete yet into the block. */
static int receive(struct request *r, size_t max, struct err *err)
{
	struct conn *c = r->conn;

	if (!c->sock)
		return err_set(err, E_cancelled, "", "the client has gone");
	r->body_state = BODY_READING;
	prepare_block(r, max);
	take_at_hand(r);
	if (r->body_state == BODY_READING && r->head.expects_continue && r->block_len == 0)
		invite(c);
	return wait_for_body(r, err);
}

/* ---- gzip ---- */

struct inflating {
	z_stream z;
	char *out;
	size_t len, cap, max;
	size_t packed;
	struct span rest; /* of what was received */
	size_t work;      /* since others had their turn, as if inflated */
};

static int inflate_room(struct inflating *f, struct err *err)
{
	size_t received = f->packed - f->rest.len;
	size_t cap;

	if (f->len > INFLATE_FREE && f->len / INFLATE_RATIO_MAX > received)
		return err_set(err, E_body_too_large, "body",
			       "the body inflates to more than %d times its size",
			       INFLATE_RATIO_MAX);
	if (f->len < f->cap)
		return 0;
	if (f->cap > f->max)
		return err_set(err, E_body_too_large, "body",
			       "the body inflates to more than %zu bytes", f->max);
	cap = f->cap ? f->cap * 2 : CONN_BODY_LEAST;
	f->cap = cap <= f->max ? cap : f->max + 1;
	f->out = mem_realloc(f->out, f->cap);
	return 0;
}

/* One step, of a size that others can wait for. */
static int inflate_some(struct inflating *f)
{
	size_t room = f->cap - f->len < INFLATE_TURN ? f->cap - f->len : INFLATE_TURN;
	size_t fed = f->rest.len < INFLATE_FED ? f->rest.len : INFLATE_FED;
	int code;

	f->z.next_in = (const unsigned char *)f->rest.ptr;
	f->z.avail_in = (unsigned)fed;
	f->z.next_out = (unsigned char *)f->out + f->len;
	f->z.avail_out = (unsigned)room;
	code = inflate(&f->z, Z_NO_FLUSH);
	fed -= f->z.avail_in;
	room -= f->z.avail_out;
	f->rest = span_from(f->rest, fed);
	f->len += room;
	f->work += room + fed * (INFLATE_TURN / INFLATE_FED);
	return code;
}

static int inflate_all(struct inflating *f, struct err *err)
{
	for (;;) {
		if (inflate_room(f, err) < 0)
			return -1;
		int code = inflate_some(f);
		if (code == Z_STREAM_END && f->rest.len == 0)
			return f->len <= f->max ? 0 : inflate_room(f, err);
		if (code == Z_STREAM_END) {
			/* A further member follows (RFC 1952 2.2). */
			code = inflateReset(&f->z);
		}
		if (code != Z_OK || (f->rest.len == 0 && f->z.avail_out > 0))
			return err_set(err, E_invalid_field, "body",
				       "the body is not whole gzip data");
		if (f->work >= INFLATE_TURN) {
			f->work = 0;
			if (fiber_sleep(0, err) < 0)
				return -1;
		}
	}
}

/* Replaces the received body by what it inflates to. */
static int inflate_body(struct request *r, struct span packed, size_t max, struct span *body,
			struct err *err)
{
	struct inflating f = { .max = max, .packed = packed.len, .rest = packed };
	int result = -1;

	if (inflateInit2(&f.z, 15 + 16) != Z_OK)
		return err_set(err, E_internal_error, "", "zlib cannot start");
	if (inflate_all(&f, err) < 0)
		goto out;
	http_give_body(r->conn->http, r->block, r->block_cap);
	r->block = f.out;
	r->block_len = f.len;
	r->block_cap = f.cap;
	f.out = NULL;
	*body = span_of(r->block, r->block_len);
	result = 0;
out:
	inflateEnd(&f.z);
	mem_free(f.out);
	return result;
}

static int body_coding(const struct request *r, bool *gzip, struct err *err)
{
	struct span coding = r->head.known[HTTP1_CONTENT_ENCODING];

	*gzip = span_is_nocase(coding, "gzip") || span_is_nocase(coding, "x-gzip");
	if (*gzip || coding.len == 0 || span_is_nocase(coding, "identity"))
		return 0;
	return err_set(err, E_unsupported_media_type, "headers.content-encoding",
		       "Content-Encoding is gzip or absent");
}

static int check_length(const struct http1_head *head, size_t max, struct err *err)
{
	enum { NEED_LENGTH = HTTP1_POST | HTTP1_PUT | HTTP1_PATCH };

	if (head->content_length < 0 && !head->chunked && (head->method & NEED_LENGTH))
		return err_set(err, E_length_required, "headers.content-length",
			       "a body needs Content-Length or chunked transfer coding");
	if (head->content_length > 0 && (uint64_t)head->content_length > max)
		return too_large(max, err);
	return 0;
}

static int fetch(struct request *r, size_t max, struct span *raw, struct err *err)
{
	const struct http1_head *head = &r->head;

	if (check_length(head, max, err) < 0)
		return -1;
	if (r->body_state == BODY_UNREAD && receive(r, max, err) < 0) {
		r->close = true;
		return -1;
	}
	if (r->body_state == BODY_FAILED) {
		if (err)
			*err = *r->body_err;
		return -1;
	}
	if (r->block)
		*raw = span_of(r->block, r->block_len);
	else
		*raw = head->content_length > 0
			       ? span_of(r->in + r->base + head->size, (size_t)head->content_length)
			       : span_of("", 0);
	return 0;
}

int exchange_body(struct exchange *x, size_t max, struct span *body, struct err *err)
{
	struct request *r = request_of(x);
	bool gzip;

	if (r->has_whole) {
		*body = r->whole;
		return 0;
	}
	if (max > conn_limits(r->conn)->body_max)
		max = conn_limits(r->conn)->body_max;
	if (body_coding(r, &gzip, err) < 0 || fetch(r, max, &r->whole, err) < 0)
		return -1;
	if (gzip && r->whole.len > 0 && inflate_body(r, r->whole, max, &r->whole, err) < 0)
		return -1;
	r->has_whole = true;
	*body = r->whole;
	return 0;
}

/* ---- piece by piece ---- */

static int begin_pieces(struct request *r, struct err *err)
{
	r->body_max = conn_limits(r->conn)->body_max;
	if (check_length(&r->head, r->body_max, err) < 0)
		return -1;
	r->in_pieces = true;
	r->is_lent = false;
	r->body_state = BODY_READING;
	r->block = http_take_body(r->conn->http, EXCHANGE_PIECE_MAX, &r->block_cap);
	return 0;
}

/* Fills the block, or reads what is left. */
static int next_piece(struct request *r, struct err *err)
{
	if (r->is_lent)
		r->block_len = 0;
	r->is_lent = false;
	if (r->body_state == BODY_READING) {
		if (!r->conn->sock)
			return err_set(err, E_cancelled, "", "the client has gone");
		take_at_hand(r);
		if (!has_enough(r) && r->head.expects_continue && r->body.total == 0)
			invite(r->conn);
		if (wait_for_body(r, err) < 0)
			return -1;
	}
	if (r->body_state != BODY_FAILED)
		return 0;
	if (err)
		*err = *r->body_err;
	return -1;
}

int exchange_next_piece(struct exchange *x, struct span *piece, struct err *err)
{
	struct request *r = request_of(x);
	bool gzip;

	if (!r->in_pieces) {
		if (r->has_whole)
			return 0;
		if (body_coding(r, &gzip, err) < 0)
			return -1;
		if (gzip || r->body_state == BODY_DONE)
			return exchange_body(x, SIZE_MAX, piece, err) < 0 ? -1 : piece->len > 0;
		if (begin_pieces(r, err) < 0)
			return -1;
	}
	if (next_piece(r, err) < 0) {
		r->close = true;
		return -1;
	}
	*piece = span_of(r->block, r->block_len);
	r->is_lent = true;
	return r->block_len > 0;
}

bool exchange_is_open(const struct exchange *x)
{
	return x->conn->sock && !(x->fiber && fiber_is_cancelled(x->fiber));
}
