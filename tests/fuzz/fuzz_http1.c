/*
 * tests/fuzz/fuzz_http1.c - any bytes as a connection of requests or responses.
 *
 * The first byte chooses side and limits, the next the size of the pieces.  Messages follow each
 * other until one is refused or cut.  In one piece, in pieces and byte by byte everything read is
 * the same; what a head holds obeys the grammar, and written again it reads the same.
 */
#include "common/loop/http1.h"

#include "common/base/mem.h"
#include "tests/fuzz/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http1_limits small_limits = { .line_max = 64, .head_max = 256, .fields_max = 5 };

static void note_span(struct buf *out, struct span s)
{
	buf_printf(out, "%zu:", s.len);
	buf_add_span(out, s);
}

/* All of a head but its size, which white space around values changes. */
static void note_head(struct buf *out, const struct http1_head *head)
{
	buf_printf(out, "%u %d %d %d%d%d %lld ", head->method, head->status, head->minor, head->chunked,
		   head->expects_continue, head->keep_alive, (long long)head->content_length);
	note_span(out, head->method_text);
	note_span(out, head->target);
	note_span(out, head->path);
	note_span(out, head->query);
	note_span(out, head->reason);
	for (size_t i = 0; i < head->field_count; i++) {
		note_span(out, http1_field_at(head, i).name);
		note_span(out, http1_field_at(head, i).value);
	}
	for (size_t i = 0; i < HTTP1_KNOWN_COUNT; i++)
		if (head->known[i].ptr)
			note_span(out, head->known[i]);
}

static bool is_token(struct span s)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < s.len; i++)
		if (!s.ptr[i] || !strchr(chars, s.ptr[i]))
			return false;
	return s.len > 0;
}

static void check_grammar(const struct http1_head *head, const struct http1_limits *limits)
{
	must(head->field_count <= limits->fields_max && head->size <= limits->head_max);
	must(head->minor == 0 || head->minor == 1);
	must(!(head->chunked && head->content_length >= 0) && head->content_length >= -1);
	for (size_t i = 0; i < head->field_count; i++) {
		struct span value = http1_field_at(head, i).value;
		must(is_token(http1_field_at(head, i).name));
		must(http1_is_field_value(value) && span_equal(span_trim(value), value));
	}
	if (head->status > 0) {
		must(head->status >= 100 && head->status <= 999 && http1_is_field_value(head->reason));
		return;
	}
	must(is_token(head->method_text) && head->target.len > 0 && head->path.len > 0);
	must(head->path.ptr[0] == '/' || span_is(head->path, "*"));
	must(head->minor == 0 || head->known[HTTP1_HOST].len > 0);
	for (size_t i = 0; i < head->target.len; i++)
		must(head->target.ptr[i] > ' ' && head->target.ptr[i] < 0x7f && head->target.ptr[i] != '#');
}

/* The head as we would write it, read again. */
static void check_round_trip(const struct http1_head *head, enum http1_kind kind)
{
	static struct http1_head again;
	static const struct http1_limits roomy = {
		.line_max = HTTP1_HEAD_MAX, .head_max = HTTP1_HEAD_MAX, .fields_max = HTTP1_FIELDS_MAX };
	struct http1_parser p;
	struct buf text, a, b;

	/* From absolute form: the path alone is not what was sent, and Host may be another. */
	if (kind == HTTP1_REQUEST && head->path.ptr != head->target.ptr)
		return;
	buf_init(&text, 1 * MIB);
	buf_init(&a, 1 * MIB);
	buf_init(&b, 1 * MIB);
	if (kind == HTTP1_REQUEST)
		buf_printf(&text, "%.*s %.*s HTTP/1.%d\r\n", SPAN_ARGS(head->method_text), SPAN_ARGS(head->target),
			   head->minor);
	else
		buf_printf(&text, "HTTP/1.%d %d %.*s\r\n", head->minor, head->status, SPAN_ARGS(head->reason));
	for (size_t i = 0; i < head->field_count; i++)
		buf_printf(&text, "%.*s: %.*s\r\n", SPAN_ARGS(http1_field_at(head, i).name), SPAN_ARGS(http1_field_at(head, i).value));
	buf_add_str(&text, "\r\n");
	http1_parser_init(&p, kind, &roomy);
	must(http1_parse(&p, buf_span(&text), &again, NULL) == 1 && again.size == text.len);
	note_head(&a, head);
	note_head(&b, &again);
	must(span_equal(buf_span(&a), buf_span(&b)) ||
	     !span_equal(head->known[HTTP1_HOST], http1_field(head, "host")));
	buf_free(&text);
	buf_free(&a);
	buf_free(&b);
}

struct connection {
	struct span stream; /* what has not been given yet */
	struct buf held;    /* given and not used up */
	size_t step;
};

/* Another piece; false at the end of the stream. */
static bool more(struct connection *c)
{
	size_t len = c->step < c->stream.len ? c->step : c->stream.len;

	if (c->stream.len == 0)
		return false;
	buf_add_span(&c->held, span_of(c->stream.ptr, len));
	c->stream = span_of(c->stream.ptr + len, c->stream.len - len);
	return true;
}

static void note_error(struct buf *out, const struct err *err, enum http1_kind kind)
{
	must(err->code != E_none && (kind == HTTP1_REQUEST || err->code == E_upstream_error));
	buf_printf(out, "|refused %s: %s", err_info(err->code)->code, err->message);
}

/* Returns whether the connection goes on. */
static bool read_body(struct connection *c, const struct http1_head *head, enum http1_kind kind, struct buf *out)
{
	struct http1_body b;
	struct err err = ERR_INIT;
	struct span data;
	size_t sum = 0;

	if (kind == HTTP1_REQUEST)
		http1_body_of_request(&b, head);
	else
		http1_body_of_response(&b, head, HTTP1_GET);
	must(!b.until_close || !head->chunked);
	for (;;) {
		/* A copy of the exact size, which a reader must not pass. */
		struct span bytes = buf_span(&c->held);
		char *copy = mem_alloc(bytes.len + 1);
		if (bytes.len > 0)
			memcpy(copy, bytes.ptr, bytes.len);
		bytes.ptr = copy;
		enum http1_step step;
		while ((step = http1_body_next(&b, &bytes, &data, &err)) == HTTP1_DATA) {
			must(data.len > 0 && data.ptr >= copy && data.ptr + data.len <= bytes.ptr);
			buf_add_span(out, data);
			sum += data.len;
		}
		must(b.total == sum);
		buf_consume(&c->held, c->held.len - bytes.len);
		mem_free(copy);
		if (step == HTTP1_BAD) {
			note_error(out, &err, kind);
			return false;
		}
		must(step == HTTP1_END || bytes.len == 0);
		must(step != HTTP1_END || (http1_body_may_close(&b) && (head->content_length < 0 || head->chunked ||
			sum == (size_t)head->content_length || (kind == HTTP1_RESPONSE && sum == 0))));
		if (step == HTTP1_END || !more(c)) {
			buf_printf(out, "|%s %d", step == HTTP1_END ? "end" : "cut", http1_body_may_close(&b));
			return step == HTTP1_END;
		}
	}
}

static bool read_message(struct connection *c, enum http1_kind kind, const struct http1_limits *limits, struct buf *out)
{
	static struct http1_head head;
	struct http1_parser p;
	struct err err = ERR_INIT;
	int result;

	http1_parser_init(&p, kind, limits);
	do {
		char *copy = mem_alloc(c->held.len + 1);
		if (c->held.len > 0)
			memcpy(copy, c->held.ptr, c->held.len);
		result = http1_parse(&p, span_of(copy, c->held.len), &head, &err);
		mem_free(copy);
	} while (result == 0 && more(c));
	if (result < 0)
		note_error(out, &err, kind);
	if (result <= 0)
		return false;
	must(head.size <= c->held.len);
	/* Again, so that the spans are in bytes that stay. */
	must(http1_parse(&p, buf_span(&c->held), &head, &err) == 1);
	check_grammar(&head, limits);
	check_round_trip(&head, kind);
	buf_printf(out, "|%zu ", head.size);
	note_head(out, &head);
	buf_consume(&c->held, head.size);
	return read_body(c, &head, kind, out);
}

static void read_connection(struct span stream, enum http1_kind kind, const struct http1_limits *limits, size_t step,
			    struct buf *out)
{
	struct connection c = { .stream = stream, .step = step };

	buf_init(out, 16 * MIB);
	buf_init(&c.held, 1 * MIB);
	while (read_message(&c, kind, limits, out))
		;
	must(!buf_failed(out));
	buf_free(&c.held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut, dripped;

	if (size < 2)
		return 0;
	enum http1_kind kind = data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST;
	const struct http1_limits *limits = data[0] & 2 ? &small_limits : &http1_default_limits;
	struct span stream = span_of((const char *)data + 2, size - 2);
	read_connection(stream, kind, limits, size, &whole);
	read_connection(stream, kind, limits, (size_t)data[1] + 1, &cut);
	read_connection(stream, kind, limits, 1, &dripped);
	must(span_equal(buf_span(&whole), buf_span(&cut)));
	must(span_equal(buf_span(&whole), buf_span(&dripped)));
	buf_free(&whole);
	buf_free(&cut);
	buf_free(&dripped);
	return 0;
}
