/* tests/support/upstream_http.c - requests as they arrive at the scripted upstream. */
#include "tests/support/upstream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool mock_http_field(const struct mock_request *r, const char *name, struct text *out)
{
	size_t len = strlen(name);
	const char *at = memchr(r->head, '\n', r->head_len), *end = r->head + r->head_len;
	while (at && ++at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			break;
		if ((size_t)(stop - at) > len && at[len] == ':' && strncasecmp(at, name, len) == 0) {
			const char *from = at + len + 1;
			while (from < stop && (*from == ' ' || *from == '\t'))
				from++;
			while (stop > from && (stop[-1] == '\r' || stop[-1] == ' '))
				stop--;
			text_add(out, from, (size_t)(stop - from));
			return true;
		}
		at = stop;
	}
	return false;
}

static void copy_word(char *out, size_t size, const char *from, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(out, from, len);
	out[len] = 0;
}

/* The few fields that framing needs. */
static void read_field(struct mock_request *r, const char *line, size_t len)
{
	static const char length[] = "content-length:", coding[] = "transfer-encoding:", expect[] = "expect:",
			  connection[] = "connection:";
	if (len > sizeof length && strncasecmp(line, length, sizeof length - 1) == 0) {
		const char *digits = line + sizeof length - 1;
		digits += strspn(digits, " ");
		r->length = kit_number(digits, strspn(digits, "0123456789"));
	} else if (len > sizeof coding && strncasecmp(line, coding, sizeof coding - 1) == 0) {
		r->chunked = true;
	} else if (len > sizeof expect && strncasecmp(line, expect, sizeof expect - 1) == 0) {
		r->expect = true;
	} else if (len > sizeof connection && strncasecmp(line, connection, sizeof connection - 1) == 0) {
		const char *value = line + sizeof connection - 1;
		value += strspn(value, " ");
		r->close = strncasecmp(value, "close", 5) == 0;
	}
}

static void parse_head(struct mock_conn *c, size_t head_len)
{
	struct mock_request *r = &c->req;
	int64_t started = r->started_us;
	*r = (struct mock_request){ .id = ++c->mock->next_request, .head = c->in.ptr, .head_len = head_len,
				    .started_us = started };
	const char *at = c->in.ptr, *end = at + head_len;
	const char *line_end = memchr(at, '\n', head_len);
	const char *space = memchr(at, ' ', (size_t)(line_end - at));
	if (space) {
		copy_word(r->method, sizeof r->method, at, (size_t)(space - at));
		const char *path = space + 1, *stop = memchr(path, ' ', (size_t)(line_end - path));
		copy_word(r->path, sizeof r->path, path, (size_t)((stop ? stop : line_end) - path));
	}
	for (at = line_end + 1; at < end; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(end - at));
		if (!line_end)
			break;
		read_field(r, at, (size_t)(line_end - at));
	}
	if (r->chunked)
		r->length = -1;
	c->used++;
	c->body_at = head_len;
	c->body.len = 0;
}

/* The value that follows "name": in the body. */
static const char *json_value(const struct mock_request *r, const char *quoted_name)
{
	size_t len = strlen(quoted_name);
	const char *at = r->body, *end = r->body + r->body_len;
	while (at && (at = kit_find(at, (size_t)(end - at), quoted_name, len))) {
		at += len;
		const char *value = at;
		while (value < end && (*value == ' ' || *value == '\n'))
			value++;
		if (value < end && *value == ':') {
			value++;
			while (value < end && (*value == ' ' || *value == '\n'))
				value++;
			return value < end ? value : NULL;
		}
	}
	return NULL;
}

static bool json_true(const struct mock_request *r, const char *quoted_name)
{
	const char *value = json_value(r, quoted_name);
	return value && r->body + r->body_len - value >= 4 && memcmp(value, "true", 4) == 0;
}

static void read_body_fields(struct mock_request *r)
{
	if (!r->body_len)
		return;
	const char *model = json_value(r, "\"model\"");
	const char *end = r->body + r->body_len;
	if (model && *model == '"') {
		const char *stop = memchr(model + 1, '"', (size_t)(end - model - 1));
		if (stop)
			copy_word(r->model, sizeof r->model, model + 1, (size_t)(stop - model - 1));
	}
	r->stream = json_true(r, "\"stream\"");
	r->include_usage = r->stream && json_true(r, "\"include_usage\"");
	const char *format = json_value(r, "\"encoding_format\"");
	r->base64 = format && end - format >= 8 && memcmp(format, "\"base64\"", 8) == 0;
}

/* Decodes what is there of a chunked body: 1 complete, 0 more to come, -1 broken. */
static int read_chunks(struct mock_conn *c)
{
	for (;;) {
		const char *at = c->in.ptr + c->body_at;
		size_t left = c->in.len - c->body_at;
		const char *eol = memchr(at, '\n', left);
		if (!eol)
			return left > 4096 ? -1 : 0;
		char *stop;
		unsigned long size = strtoul(at, &stop, 16);
		if (stop == at)
			return -1;
		size_t line = (size_t)(eol - at) + 1;
		if (size == 0) { /* trailers are not looked at: the empty line must follow */
			if (left < line + 2)
				return 0;
			c->body_at += line + 2;
			return 1;
		}
		if (left < line + size + 2)
			return 0;
		text_add(&c->body, at + line, size);
		c->body_at += line + size + 2;
	}
}

static int body_progress(struct mock_conn *c)
{
	if (c->req.chunked)
		return read_chunks(c);
	return c->in.len - c->req.head_len >= (size_t)c->req.length ? 1 : 0;
}

static void body_complete(struct mock_conn *c)
{
	struct mock_request *r = &c->req;
	r->head = c->in.ptr;
	if (r->chunked) {
		r->body = c->body.ptr;
		r->body_len = c->body.len;
	} else {
		r->body = c->in.ptr + r->head_len;
		r->body_len = (size_t)r->length;
		c->body_at = r->head_len + r->body_len;
	}
}

static void start_answer(struct mock_conn *c, struct mock_rule *rule)
{
	c->state = CONN_ANSWER;
	c->rule = rule;
	c->pc = 0;
	c->count = c->phase = c->events = c->sent = 0;
	c->head_sent = c->body_ended = false;
	mock_log_request(c);
	mock_shape_reset(c);
	mock_run(c);
}

static void head_complete(struct mock_conn *c, size_t head_len)
{
	parse_head(c, head_len);
	c->state = CONN_BODY;
	c->rule = NULL;
	if (!mock_script_has_early(&c->mock->script))
		return;
	struct mock_rule *rule = mock_script_pick(&c->mock->script, c, true);
	if (!rule)
		return;
	if (rule->early) {
		c->req.body = c->in.ptr + head_len;
		c->req.body_len = c->req.chunked ? 0 : c->in.len - head_len;
		start_answer(c, rule);
	} else {
		c->rule = rule;
		mock_log_begun(c);
	}
}

/* 1: something was done and there may be more to do. */
static int step(struct mock_conn *c)
{
	if (c->state == CONN_HEAD) {
		if (c->in.len == 0)
			return 0;
		if (!c->scanned)
			c->req.started_us = kit_now_us();
		size_t from = c->scanned > 3 ? c->scanned - 3 : 0;
		const char *end = kit_find(c->in.ptr + from, c->in.len - from, "\r\n\r\n", 4);
		c->scanned = c->in.len;
		if (!end)
			return 0;
		head_complete(c, (size_t)(end - c->in.ptr) + 4);
		return 1;
	}
	if (c->state != CONN_BODY)
		return 0;
	if (c->req.expect) {
		mock_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		c->req.expect = false;
	}
	int complete = body_progress(c);
	if (complete < 0) {
		c->ending = STEP_CUT;
		return 0;
	}
	if (!complete)
		return 0;
	body_complete(c);
	read_body_fields(&c->req);
	if (c->rule == NULL && c->mock->script.count == 0 && c->mock->log < 0 && mock_answer_fast(c))
		return 1;
	start_answer(c, c->rule ? c->rule : mock_script_pick(&c->mock->script, c, false));
	return 1;
}

void mock_http_input(struct mock_conn *c)
{
	while (!c->dead && c->ending == STEP_NEXT && step(c))
		continue;
}
