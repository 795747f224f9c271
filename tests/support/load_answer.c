/* tests/support/load_answer.c - answers as the load generator reads them. */
#include "tests/support/load.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void load_answer_begin(struct load_answer *a)
{
	struct text line = a->line;
	line.len = 0;
	*a = (struct load_answer){ .line = line };
}

static int read_head(struct load_answer *a, const char *head, size_t len)
{
	const char *at = head, *end = head + len;
	if (len < 12 || memcmp(at, "HTTP/1.", 7) != 0)
		return -1;
	a->status = (int)strtol(at + 9, NULL, 10);
	a->left = -1;
	while ((at = memchr(at, '\n', (size_t)(end - at))) && ++at < end) {
		if (strncasecmp(at, "content-length:", 15) == 0)
			a->left = strtol(at + 15, NULL, 10);
		else if (strncasecmp(at, "transfer-encoding:", 18) == 0)
			a->chunked = true;
		else if (strncasecmp(at, "connection: close", 17) == 0)
			a->close = true;
		else if (strncasecmp(at, "content-type: text/event-stream", 31) == 0)
			a->streaming = true;
	}
	if (a->status >= 100 && a->status < 200)
		return 0;
	a->state = a->chunked ? ANSWER_SIZE : a->left == 0 ? ANSWER_DONE : ANSWER_BODY;
	return 0;
}

/* A line of an event stream: its stamp says when the upstream sent it. */
static void take_line(struct load_answer *a, int64_t now_us, struct load_result *r)
{
	if (a->line.len > 6 && memcmp(a->line.ptr, "data: ", 6) == 0) {
		const char *stamp = kit_find(a->line.ptr, a->line.len, "\"mock_us\":", 10);
		if (stamp) {
			r->events++;
			load_sample(&r->delay, now_us - strtoll(stamp + 10, NULL, 10));
		}
	}
	a->line.len = 0;
}

static void take_body(struct load_answer *a, const char *bytes, size_t len, int64_t now_us, struct load_result *r)
{
	r->bytes += (int64_t)len;
	a->body_seen = true;
	if (!a->streaming)
		return;
	while (len) {
		const char *eol = memchr(bytes, '\n', len);
		size_t part = eol ? (size_t)(eol - bytes) : len;
		text_add(&a->line, bytes, part);
		if (eol) {
			take_line(a, now_us, r);
			part++;
		}
		bytes += part;
		len -= part;
	}
}

/* The next line of the framing; 0 when it is not complete. */
static size_t framing_line(const char *bytes, size_t len)
{
	const char *eol = memchr(bytes, '\n', len);
	return eol ? (size_t)(eol - bytes) + 1 : 0;
}

ssize_t load_answer_feed(struct load_answer *a, const char *bytes, size_t len, int64_t now_us, struct load_result *r)
{
	size_t used = 0;
	while (used < len && a->state != ANSWER_DONE) {
		const char *at = bytes + used;
		size_t left = len - used, take = left;
		switch (a->state) {
		case ANSWER_HEAD: {
			const char *end = kit_find(at, left, "\r\n\r\n", 4);
			if (!end)
				return (ssize_t)used;
			take = (size_t)(end - at) + 4;
			if (read_head(a, at, take))
				return -1;
			break;
		}
		case ANSWER_BODY:
		case ANSWER_CHUNK:
			if (a->left >= 0 && take > (size_t)a->left)
				take = (size_t)a->left;
			take_body(a, at, take, now_us, r);
			if (a->left >= 0 && (a->left -= (int64_t)take) == 0)
				a->state = a->state == ANSWER_BODY ? ANSWER_DONE : ANSWER_CHUNK_END;
			break;
		case ANSWER_SIZE:
			take = framing_line(at, left);
			if (!take)
				return (ssize_t)used;
			a->left = strtol(at, NULL, 16);
			a->state = a->left ? ANSWER_CHUNK : ANSWER_TRAILER;
			break;
		default: /* the line end after a chunk; trailers up to an empty line */
			take = framing_line(at, left);
			if (!take)
				return (ssize_t)used;
			if (a->state == ANSWER_CHUNK_END)
				a->state = ANSWER_SIZE;
			else if (take <= 2)
				a->state = ANSWER_DONE;
			break;
		}
		used += take;
	}
	return (ssize_t)used;
}
