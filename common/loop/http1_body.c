/*
 * common/loop/http1_body.c - takes a body out of its framing: by length, chunked, until close.
 *
 * Framing is read byte by byte (it is short and bounded) unless it is the usual one and at hand;
 * data is handed on in whole pieces.
 */
#include "common/loop/http1.h"

#include "common/loop/http1_class.h"

enum {
	CHUNK_LINE_MAX = 256,
	USUAL_DIGITS_MAX = 7,
	CHUNK_DIGITS_MAX = 16,
	TRAILERS_MAX = 8192,
};

enum state {
	ENDED,
	BROKEN,
	LENGTH,
	UNTIL_CLOSE,
	CHUNK_SIZE,
	CHUNK_SPACE, /* between the size and the semicolon of an extension */
	CHUNK_EXTENSION,
	CHUNK_LF,
	CHUNK_DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
};

static void start(struct http1_body *b, enum state state, int64_t length, bool is_response)
{
	*b = (struct http1_body){ .state = state, .left = length, .is_response = is_response };
}

void http1_body_of_request(struct http1_body *b, const struct http1_head *head)
{
	if (head->chunked)
		start(b, CHUNK_SIZE, 0, false);
	else if (head->content_length > 0)
		start(b, LENGTH, head->content_length, false);
	else
		start(b, ENDED, 0, false);
}

void http1_body_of_response(struct http1_body *b, const struct http1_head *head, enum http1_method method)
{
	bool has_none = method == HTTP1_HEAD || head->status < 200 || head->status == 204 ||
			head->status == 304;

	if (has_none || head->content_length == 0)
		start(b, ENDED, 0, true);
	else if (head->chunked)
		start(b, CHUNK_SIZE, 0, true);
	else if (head->content_length > 0)
		start(b, LENGTH, head->content_length, true);
	else
		start(b, UNTIL_CLOSE, 0, true);
	b->until_close = b->state == UNTIL_CLOSE;
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

static const char *read_size(struct http1_body *b, char c)
{
	if (http1_is(HTTP1_HEX, c)) {
		if (b->digits == CHUNK_DIGITS_MAX || b->left > INT64_MAX >> 4)
			return "the chunk size is too large";
		b->digits++;
		b->left = b->left << 4 | (int64_t)hex_digit(c);
		if ((uint64_t)b->left > INT64_MAX - b->total)
			return "the chunk size is too large";
		return NULL;
	}
	if (b->digits == 0)
		return "expected a chunk size in hexadecimal digits";
	if (c == '\r')
		b->state = CHUNK_LF;
	else if (c == ';')
		b->state = CHUNK_EXTENSION;
	else if (c == ' ' || c == '\t')
		b->state = CHUNK_SPACE;
	else
		return "expected CRLF or an extension after the chunk size";
	return NULL;
}

/* The line that begins a chunk, up to its LF. */
static const char *read_chunk_line(struct http1_body *b, char c)
{
	if (b->state != CHUNK_LF && c != '\r' && b->line_bytes++ == CHUNK_LINE_MAX)
		return "the line with the chunk size is too long";
	switch (b->state) {
	case CHUNK_SIZE:
		return read_size(b, c);
	case CHUNK_SPACE:
		if (c == ';')
			b->state = CHUNK_EXTENSION;
		else if (c != ' ' && c != '\t')
			return "expected ';' after the space that follows the chunk size";
		return NULL;
	case CHUNK_EXTENSION:
		if (c == '\r')
			b->state = CHUNK_LF;
		else if (!http1_is(HTTP1_VALUE, c))
			return "a control character in a chunk extension";
		return NULL;
	default:
		if (c != '\n')
			return "expected LF after the CR that ends the chunk size";
		b->state = b->left > 0 ? CHUNK_DATA : TRAILER_START;
		return NULL;
	}
}

static const char *read_data_end(struct http1_body *b, char c)
{
	if (c != (b->state == DATA_CR ? '\r' : '\n'))
		return "expected CRLF right after the chunk's data";
	if (b->state == DATA_CR) {
		b->state = DATA_LF;
	} else {
		b->state = CHUNK_SIZE;
		b->digits = b->line_bytes = 0;
	}
	return NULL;
}

/* Trailers are checked and dropped: nothing here needs them, and merging them is a known trap. */
static const char *read_trailer(struct http1_body *b, char c)
{
	if (++b->trailer_bytes > TRAILERS_MAX)
		return "the trailer section is too large";
	switch (b->state) {
	case TRAILER_START:
		if (c == '\r') {
			b->state = LAST_LF;
			return NULL;
		}
		b->state = TRAILER_NAME;
		return http1_is(HTTP1_TCHAR, c) ? NULL : "expected a trailer's name or the blank line";
	case TRAILER_NAME:
		if (c == ':')
			b->state = TRAILER_VALUE;
		else if (!http1_is(HTTP1_TCHAR, c))
			return "a character that no trailer's name may have";
		return NULL;
	case TRAILER_VALUE:
		if (c == '\r')
			b->state = TRAILER_LF;
		else if (!http1_is(HTTP1_VALUE, c))
			return "a control character in a trailer";
		return NULL;
	default:
		if (c != '\n')
			return "expected LF after CR in the trailer section";
		b->state = b->state == LAST_LF ? ENDED : TRAILER_START;
		return NULL;
	}
}

/* One byte of framing; returns what is wrong with it, or NULL. */
static const char *read_framing(struct http1_body *b, char c)
{
	switch (b->state) {
	case CHUNK_SIZE:
	case CHUNK_SPACE:
	case CHUNK_EXTENSION:
	case CHUNK_LF:
		return read_chunk_line(b, c);
	case DATA_CR:
	case DATA_LF:
		return read_data_end(b, c);
	default:
		return read_trailer(b, c);
	}
}

/* The whole line that begins a chunk, when it is some digits and CRLF; the bytes used, or 0. */
static size_t read_usual_size(struct http1_body *b, struct span bytes)
{
	size_t digits = 0;
	unsigned size = 0;

	while (digits < bytes.len && digits < USUAL_DIGITS_MAX && http1_is(HTTP1_HEX, bytes.ptr[digits]))
		size = size << 4 | hex_digit(bytes.ptr[digits++]);
	if (size == 0 || bytes.len - digits < 2 || bytes.ptr[digits] != '\r' ||
	    bytes.ptr[digits + 1] != '\n' || size > INT64_MAX - b->total)
		return 0;
	b->left = size;
	b->state = CHUNK_DATA;
	return digits + 2;
}

/* What takes several steps, in one; the bytes used, or 0: byte by byte. */
static size_t read_usual(struct http1_body *b, struct span bytes)
{
	if (b->state == CHUNK_SIZE && b->digits == 0)
		return read_usual_size(b, bytes);
	if (b->state != DATA_CR || bytes.len < 2 || bytes.ptr[0] != '\r' || bytes.ptr[1] != '\n')
		return 0;
	b->state = CHUNK_SIZE;
	b->digits = b->line_bytes = 0;
	return 2;
}

static enum http1_step refuse(struct http1_body *b, const char *what, struct err *err)
{
	b->state = BROKEN;
	err_set(err, b->is_response ? E_upstream_error : E_malformed_request, b->is_response ? "" : "body",
		"%s body, after %llu bytes of data: %s", b->is_response ? "response" : "request",
		(unsigned long long)b->total, what);
	return HTTP1_BAD;
}

static enum http1_step take_data(struct http1_body *b, struct span *bytes, struct span *data)
{
	size_t len = bytes->len;

	if (b->state != UNTIL_CLOSE) {
		if ((uint64_t)b->left < len)
			len = (size_t)b->left;
		b->left -= (int64_t)len;
		if (b->left == 0)
			b->state = b->state == LENGTH ? ENDED : DATA_CR;
	}
	b->total += len;
	*data = span_of(bytes->ptr, len);
	*bytes = span_of(bytes->ptr + len, bytes->len - len);
	return HTTP1_DATA;
}

enum http1_step http1_body_next(struct http1_body *b, struct span *bytes, struct span *data, struct err *err)
{
	for (;;) {
		if (b->state == ENDED)
			return HTTP1_END;
		if (b->state == BROKEN)
			return refuse(b, "it was refused before", err);
		if (bytes->len == 0)
			return HTTP1_MORE;
		if (b->state == LENGTH || b->state == UNTIL_CLOSE || b->state == CHUNK_DATA)
			return take_data(b, bytes, data);
		size_t used = read_usual(b, *bytes);
		const char *fault = used == 0 ? read_framing(b, bytes->ptr[0]) : NULL;
		if (fault)
			return refuse(b, fault, err);
		used += used == 0;
		*bytes = span_of(bytes->ptr + used, bytes->len - used);
	}
}

bool http1_body_may_close(const struct http1_body *b)
{
	return b->state == ENDED || b->state == UNTIL_CLOSE;
}

bool http1_body_is_empty(const struct http1_body *b)
{
	return b->state == ENDED && b->total == 0;
}
