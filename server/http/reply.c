/*
 * server/http/reply.c - the reply's side of an exchange: head, body, stream, error envelope.
 *
 * An ordinary reply is put together in the worker's scratch and leaves in one write.  A larger one
 * goes out in slices, waiting for the client between them; a stream queues chunks and sends them
 * when it is flushed.
 */
#include "server/http/conn.h"

#include "common/base/clock.h"
#include "common/base/digits.h"
#include "common/base/jscan.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { CONTENT_TYPE_MAX = 256, CHUNK_PREFIX_MAX = 20, ERROR_BODY_MAX = 8 * 1024, PASSED_MAX = 4096 };
/* A head fits the scratch: lines of our own, the type, and what reply_header took. */
static_assert(512 + CONTENT_TYPE_MAX + CONN_REPLY_HEADERS_MAX < CARRIER_SLICE / 2,
	      "scratch too small");

static inline char *put(char *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

/* Of a literal the compiler knows the length. */
static inline char *put_text(char *at, const char *text)
{
	return put(at, text, strlen(text));
}

static void refresh_date(struct http *h)
{
	char date[CLOCK_HTTP_SIZE];
	int64_t wall_ms = clock_wall_ms();

	h->date_until_ms = loop_now_ms(h->loop) + 1000 - wall_ms % 1000;
	clock_http_date(wall_ms, date);
	snprintf(h->date, sizeof h->date, "Date: %s\r\n", date);
}

/* The worker's Date line, made anew once a second. */
static inline char *put_date(char *at, struct http *h)
{
	if (loop_now_ms(h->loop) >= h->date_until_ms)
		refresh_date(h);
	return put(at, h->date, sizeof h->date - 1);
}

static inline char *put_status(char *at, int status)
{
	if (status == 200)
		return put_text(at, "HTTP/1.1 200 OK\r\n");
	at = put_text(at, "HTTP/1.1 ");
	at = digits_put(at, (uint64_t)status);
	*at++ = ' ';
	at = put_text(at, http1_reason(status));
	return put_text(at, "\r\n");
}

static bool keeps_connection(struct request *r)
{
	const struct conn *c = r->conn;

	if (r->close || !r->head.keep_alive || c->http->parting || c->refused)
		return false;
	return exchange_may_discard(r);
}

static bool status_has_no_body(int status)
{
	return status == 204 || status == 304 || status < 200;
}

/* Writes the head to the scratch; returns its end.  length < 0: chunked, or until close. */
static char *put_head(struct request *r, int status, const char *type, int64_t length)
{
	char *at = r->conn->http->scratch;
	size_t type_len = type ? strlen(type) : 0;

	if (!keeps_connection(r))
		r->close = true;
	r->no_body = r->head.method == HTTP1_HEAD || status_has_no_body(status);
	r->chunked = length < 0 && r->head.minor > 0 && !status_has_no_body(status);
	if (length < 0 && !r->chunked && !r->no_body)
		r->close = true;
	r->x.status = status;

	at = put_status(at, status);
	if (type && type_len <= CONTENT_TYPE_MAX) {
		at = put_text(at, "Content-Type: ");
		at = put(at, type, type_len);
		at = put_text(at, "\r\n");
	}
	if (length >= 0 && !status_has_no_body(status)) {
		at = put_text(at, "Content-Length: ");
		at = digits_put(at, (uint64_t)length);
		at = put_text(at, "\r\n");
	} else if (r->chunked) {
		at = put_text(at, "Transfer-Encoding: chunked\r\n");
	}
	at = put_date(at, r->conn->http);
	if (r->close)
		at = put_text(at, "Connection: close\r\n");
	else if (r->head.minor == 0)
		at = put_text(at, "Connection: keep-alive\r\n");
	at = put(at, r->headers.ptr ? r->headers.ptr : "", r->headers.len);
	return put_text(at, "\r\n");
}

void reply_lines(struct exchange *x, struct span lines)
{
	struct request *r = request_of(x);

	assert(lines.len == 0 || lines.ptr[lines.len - 1] == '\n'); /* else the next header joins the last */
	if (r->reply_state == REPLY_NONE)
		buf_add_span(&r->headers, lines);
}

void reply_header(struct exchange *x, const char *name, struct span value)
{
	struct request *r = request_of(x);
	size_t name_len = strlen(name), len = name_len + 2 + value.len + 2;
	char *at;

	if (r->reply_state != REPLY_NONE || !http1_is_field_value(value))
		return;
	if (len >= r->headers.capacity - r->headers.len && buf_reserve(&r->headers, len) < 0)
		return;
	at = put(r->headers.ptr + r->headers.len, name, name_len);
	at = put(at, ": ", 2);
	at = put(at, value.ptr ? value.ptr : "", value.len);
	at = put(at, "\r\n", 2);
	*at = '\0';
	r->headers.len += len;
}

/* The rest of a reply too large for one slice: straight from the caller's memory. */
static void send_slices(struct request *r, struct span rest)
{
	struct conn *c = r->conn;

	while (rest.len > 0 && c->sock) {
		size_t len = rest.len < CARRIER_SLICE ? rest.len : CARRIER_SLICE;

		if (c->held && conn_wait_room(c, 0, NULL) < 0)
			return;
		conn_send(c, rest.ptr, len);
		rest = span_from(rest, len);
	}
}

static void send_whole(struct request *r, int status, const char *type, struct span body)
{
	struct conn *c = r->conn;
	char *scratch = c->http->scratch;
	char *end;

	/* Whoever is cancelled finds out by the socket. */
	if (fiber_self())
		(void)fiber_turn_end(NULL);
	if (!c->sock || (c->held && conn_wait_room(c, 0, NULL) < 0))
		return;
	end = put_head(r, status, type, (int64_t)body.len);
	if (r->no_body)
		body.len = 0;
	size_t room = CARRIER_SLICE - (size_t)(end - scratch);
	size_t first = body.len < room ? body.len : room;
	if (first > 0)
		end = put(end, body.ptr, first);
	if (conn_send(c, scratch, (size_t)(end - scratch)) != CARRIER_BROKEN)
		send_slices(r, span_from(body, first));
}

void reply_send(struct exchange *x, int status, const char *content_type, struct span body)
{
	struct request *r = request_of(x);

	if (r->reply_state != REPLY_NONE || !x->conn->sock)
		return;
	r->reply_state = REPLY_STREAM;
	send_whole(r, status, content_type, body);
	/* A reply that a lost client cut short is marked by client_gone. */
	r->reply_state = REPLY_DONE;
}

/* What names files and the words of the database is for the operator, not for a client. */
static const char *message_of(const struct exchange *x, const struct err *e)
{
	const struct err_info *info = err_info(e->code);

	if (e->code == E_storage_error) {
		log_warn("server", "request %s: %s", x->request_id, e->message);
		return info->title;
	}
	return e->message[0] ? e->message : info->title;
}

int reply_error_body(struct exchange *x, const struct err *e, struct buf *out)
{
	const struct err_info *info = err_info(e->code);

	buf_add_str(out, "{\"error\":{\"message\":");
	jtext_string(out, span_str(message_of(x, e)));
	buf_add_str(out, ",\"type\":");
	jtext_string(out, span_str(err_type_name(info->type)));
	buf_add_str(out, ",\"param\":");
	if (e->param[0])
		jtext_string(out, span_str(e->param));
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"code\":");
	jtext_string(out, span_str(info->code));
	if (info->status >= 500 && x->request_id[0]) {
		char id[sizeof x->request_id + 64];

		snprintf(id, sizeof id, "%s/%s", info->code, x->request_id);
		buf_add_str(out, ",\"dgx_code\":");
		jtext_string(out, span_str(id));
	}
	buf_add_str(out, "}}");
	return buf_failed(out) ? -1 : 0;
}

/*
 * Whether the call is worth repeating and, if it is, when, for client libraries.  They take
 * x-should-retry as an order and sleep as long as they are told, with a call open: a wait that nobody
 * sits out, as that for a new month's budget, is told only in seconds, to whoever plans with it.  In
 * milliseconds it may pass what a timer of theirs holds, which then ends at once.
 */
static void retry_headers(struct exchange *x, const struct err *e)
{
	enum { EXIT_TEMPORARY = 6, SAT_OUT_MAX_S = 60 };
	bool is_temporary = err_info(e->code)->exit == EXIT_TEMPORARY && !e->no_retry;
	int seconds = e->retry_after_s > 0 ? e->retry_after_s : 1;
	char number[24];

	reply_header(x, "x-should-retry", span_str(is_temporary && seconds <= SAT_OUT_MAX_S ? "true" : "false"));
	if (!is_temporary)
		return;
	snprintf(number, sizeof number, "%d", seconds);
	reply_header(x, "Retry-After", span_str(number));
	if (seconds > SAT_OUT_MAX_S)
		return;
	snprintf(number, sizeof number, "%d", seconds * 1000);
	reply_header(x, "retry-after-ms", span_str(number));
}

int reply_error(struct exchange *x, const struct err *e)
{
	struct buf body;

	if (reply_has_begun(x))
		return -1;
	x->error = e->code;
	buf_init(&body, ERROR_BODY_MAX);
	reply_error_body(x, e, &body);
	retry_headers(x, e);
	reply_send(x, err_info(e->code)->status, "application/json", buf_span(&body));
	buf_free(&body);
	return 0;
}

void reply_refuse(struct request *r, const struct err *e)
{
	r->close = true;
	if (r->conn->http->service.refuse)
		r->conn->http->service.refuse(&r->x);
	reply_error(&r->x, e);
}

void reply_missing(struct request *r)
{
	struct err err = ERR_INIT;

	err_set(&err, E_internal_error, "", "the route gave no answer");
	reply_error(&r->x, &err);
}

bool reply_has_begun(const struct exchange *x)
{
	const struct request *r = (const void *)x;

	return r->reply_state != REPLY_NONE;
}

/* length < 0: unknown. */
static int begin_stream(struct exchange *x, int status, const char *content_type, int64_t length)
{
	struct request *r = request_of(x);
	struct conn *c = x->conn;
	char *scratch = c->http->scratch;
	char *end;

	if (r->reply_state != REPLY_NONE || !c->sock)
		return -1;
	r->reply_state = REPLY_STREAM;
	end = put_head(r, status, content_type, length);
	conn_queue(c, scratch, (size_t)(end - scratch));
	buf_free(&r->headers); /* a stream may stay open for long */
	return 0;
}

int reply_begin(struct exchange *x, int status, const char *content_type)
{
	return begin_stream(x, status, content_type, -1);
}

int reply_begin_sized(struct exchange *x, int status, const char *content_type, size_t length)
{
	return begin_stream(x, status, content_type, (int64_t)length);
}

static int cancelled(struct err *err)
{
	return err_set(err, E_cancelled, "", "the client has gone");
}

/* "1a2b\r\n" for a chunk of len bytes, into out[CHUNK_PREFIX_MAX]. */
static size_t chunk_prefix(char *out, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	int shift = 0;

	while (shift < 60 && len >> (shift + 4))
		shift += 4;
	for (; shift >= 0; shift -= 4)
		out[n++] = hex[(len >> shift) & 15];
	out[n++] = '\r';
	out[n++] = '\n';
	return n;
}

/* Queues s, in slices with waits between them when it is large. */
static int queue_part(struct conn *c, struct span s, struct err *err)
{
	size_t high = conn_limits(c)->out_high;

	while (s.len > 0) {
		size_t len = s.len < CARRIER_SLICE ? s.len : CARRIER_SLICE;

		if (c->out_len + len > high && conn_wait_room(c, high, err) < 0)
			return -1;
		if (!c->sock)
			return cancelled(err);
		conn_queue(c, s.ptr, len);
		s = span_from(s, len);
	}
	return 0;
}

int reply_write(struct exchange *x, const struct span *parts, size_t count, struct err *err)
{
	struct request *r = request_of(x);
	struct conn *c = x->conn;
	char prefix[CHUNK_PREFIX_MAX];
	size_t len = 0;

	if (!exchange_is_open(x) || r->reply_state != REPLY_STREAM)
		return cancelled(err);
	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	if (len == 0 || r->no_body)
		return 0;
	if (c->out_len > conn_limits(c)->out_high &&
	    conn_wait_room(c, conn_limits(c)->out_high, err) < 0)
		return -1;
	if (r->chunked)
		conn_queue(c, prefix, chunk_prefix(prefix, len));
	for (size_t i = 0; i < count; i++)
		if (queue_part(c, parts[i], err) < 0)
			return -1;
	if (r->chunked)
		conn_queue(c, "\r\n", 2);
	return 0;
}

bool reply_pass(struct exchange *x, const struct span *parts, size_t count)
{
	struct request *r = request_of(x);
	struct conn *c = x->conn;
	char *at = c->http->scratch;
	size_t len = 0;

	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	if (!exchange_is_open(x) || r->reply_state != REPLY_STREAM || r->no_body || c->held ||
	    c->out_len > 0 || len == 0 || len > PASSED_MAX)
		return false;
	if (r->chunked)
		at += chunk_prefix(at, len);
	for (size_t i = 0; i < count; i++)
		at = put(at, parts[i].ptr, parts[i].len);
	if (r->chunked)
		at = put(at, "\r\n", 2);
	/* Of a client that is lost the next to wait for it takes notice. */
	return conn_pass(c, c->http->scratch, (size_t)(at - c->http->scratch)) != CARRIER_BROKEN;
}

void reply_flush(struct exchange *x)
{
	conn_flush(x->conn);
}

void reply_end(struct exchange *x)
{
	struct request *r = request_of(x);

	if (r->reply_state != REPLY_STREAM)
		return;
	r->reply_state = REPLY_DONE;
	if (!x->conn->sock)
		return;
	if (r->chunked && !r->no_body)
		conn_queue(x->conn, "0\r\n\r\n", 5);
	conn_flush(x->conn);
}

void reply_abort(struct exchange *x)
{
	struct request *r = request_of(x);

	if (r->reply_state != REPLY_STREAM)
		return;
	r->reply_state = REPLY_DONE;
	x->aborted = true;
	r->close = true;
	if (!x->conn->sock)
		return;
	conn_flush(x->conn);
	if (x->conn->sock && !x->conn->held)
		carrier_shut(x->conn->sock);
}
