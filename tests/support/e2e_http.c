/* tests/support/e2e_http.c - the requests a case sends, and the answers as they come. */
#include "tests/support/e2e.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the lines below a "send" say. */
struct request {
	struct text headers, body, type;
	bool has_body, has_auth, has_host, has_type, no_auth, no_host, no_length, head_only;
	int64_t chunks, drip_bytes, drip_ms;
	const char *version;
};

static void add_header(struct request *r, const char *line)
{
	r->has_auth |= strncasecmp(line, "authorization:", 14) == 0;
	r->has_host |= strncasecmp(line, "host:", 5) == 0;
	if (strncasecmp(line, "content-type:", 13) == 0) {
		r->has_type = true;
		r->type.len = 0;
		text_add_str(&r->type, line + 13 + strspn(line + 13, " "));
	}
	text_printf(&r->headers, "%s\r\n", line);
}

static void set_body(struct request *r, const char *bytes, size_t len)
{
	r->has_body = true;
	text_add(&r->body, bytes, len);
}

/* chat TEXT, stream TEXT: the shortest bodies that do. */
static void set_chat(struct request *r, const char *content, bool stream)
{
	struct text body = { 0 };
	text_printf(&body, "{\"model\":\"mock\"%s,\"messages\":[{\"role\":\"user\",\"content\":",
		    stream ? ",\"stream\":true" : "");
	text_add_json(&body, content, strlen(content));
	text_add_str(&body, "}]}");
	set_body(r, body.ptr, body.len);
	r->has_type = r->has_type || (add_header(r, "Content-Type: application/json"), true);
	text_free(&body);
}

static int read_request_line(struct e2e *e, struct request *r, const char *line)
{
	const char *rest;
	struct text bytes = { 0 };
	if (kit_word(line, "header", &rest)) {
		add_header(r, rest);
	} else if (kit_word(line, "json", &rest)) {
		set_body(r, rest, strlen(rest));
		if (!r->has_type)
			add_header(r, "Content-Type: application/json");
	} else if (kit_word(line, "body", &rest)) {
		kit_unescape(rest, strlen(rest), &bytes);
		set_body(r, bytes.ptr, bytes.len);
	} else if (kit_word(line, "body-file", &rest)) {
		if (kit_read_file(rest, &bytes))
			return e2e_fail(e, "%s: cannot be read", rest);
		set_body(r, bytes.ptr, bytes.len);
	} else if (kit_word(line, "chat", &rest)) {
		set_chat(r, rest, false);
	} else if (kit_word(line, "stream", &rest)) {
		set_chat(r, rest, true);
	} else if (kit_word(line, "chunks", &rest)) {
		r->chunks = strtol(rest, NULL, 10);
	} else if (kit_word(line, "drip", &rest)) {
		char *after;
		r->drip_bytes = strtol(rest, &after, 10);
		r->drip_ms = strtol(after, NULL, 10);
	} else if (kit_word(line, "version", &rest)) {
		r->version = strcmp(rest, "1.0") == 0 ? "HTTP/1.0" : "HTTP/1.1";
	} else if (strcmp(line, "no-auth") == 0) {
		r->no_auth = true;
	} else if (strcmp(line, "no-host") == 0) {
		r->no_host = true;
	} else if (strcmp(line, "no-length") == 0) {
		r->no_length = true;
	} else if (strcmp(line, "head-only") == 0) {
		r->head_only = true;
	} else {
		return e2e_fail(e, "unknown line of a request: %s", line);
	}
	text_free(&bytes);
	return 0;
}

static void add_chunked(struct text *out, const struct text *body, size_t size)
{
	for (size_t at = 0; at < body->len; at += size) {
		size_t len = body->len - at < size ? body->len - at : size;
		text_printf(out, "%zx\r\n", len);
		text_add(out, body->ptr + at, len);
		text_add(out, "\r\n", 2);
	}
	text_add(out, "0\r\n\r\n", 5);
}

static void build(struct request *r, const char *line, struct text *out)
{
	text_printf(out, "%s %s\r\n", line, r->version);
	if (!r->has_host && !r->no_host)
		text_add_str(out, "Host: localhost\r\n");
	if (!r->has_auth && !r->no_auth)
		text_add_str(out, "Authorization: Bearer e2e-token\r\n");
	text_add(out, text_str(&r->headers), r->headers.len);
	if (r->has_body && r->chunks)
		text_add_str(out, "Transfer-Encoding: chunked\r\n");
	else if (r->has_body && !r->no_length)
		text_printf(out, "Content-Length: %zu\r\n", r->body.len);
	text_add_str(out, "\r\n");
	if (r->head_only)
		return;
	if (r->has_body && r->chunks)
		add_chunked(out, &r->body, (size_t)r->chunks);
	else
		text_add(out, text_str(&r->body), r->body.len);
}

/* Sends by so many bytes each so many ms; the pause is the client's slowness, not a wait. */
static int send_dripped(struct e2e *e, const struct request *r, const struct text *wire)
{
	for (size_t at = 0; at < wire->len;) {
		size_t len = wire->len - at < (size_t)r->drip_bytes ? wire->len - at : (size_t)r->drip_bytes;
		if (e2e_conn_send(e, e->conn, wire->ptr + at, len))
			return -1;
		at += len;
		if (e2e_conn_more(e->conn, kit_now_us() + r->drip_ms * 1000) < 0)
			return 0; /* answered and closed before all was sent */
	}
	return 0;
}

int e2e_send_request(struct e2e *e, const struct e2e_step *s, const char *line)
{
	struct request r = { .version = "HTTP/1.1" };
	struct text wire = { 0 };
	int result = 0;
	for (size_t i = 0; i < s->count && !result; i++) {
		char *text = e2e_expand(e, s->subs[i].text);
		result = read_request_line(e, &r, text);
		free(text);
	}
	if (!result) {
		struct e2e_conn *c = e->conn;
		build(&r, line, &wire);
		if (c->fd >= 0 && c->eof)
			e2e_conn_close(c, false);
		if (c->fd < 0 && e2e_conn_open(e, c, 0))
			return -1;
		e2e_answer_await(c, line, strlen(line));
		c->sent_body.len = 0;
		text_add(&c->sent_body, text_str(&r.body), r.body.len);
		c->sent_type.len = 0;
		text_add_str(&c->sent_type, text_str(&r.type));
		c->sent_us = kit_now_us();
		result = r.drip_bytes ? send_dripped(e, &r, &wire) : e2e_conn_send(e, c, wire.ptr, wire.len);
	}
	text_free(&r.headers);
	text_free(&r.body);
	text_free(&r.type);
	text_free(&wire);
	return result;
}

void e2e_answer_reset(struct e2e_conn *c)
{
	struct e2e_answer *a = &c->answer;
	struct text request = a->request, head = a->head, body = a->body, interim = a->interim;
	request.len = head.len = body.len = interim.len = 0;
	*a = (struct e2e_answer){ .request = request, .head = head, .body = body, .interim = interim };
}

void e2e_answer_await(struct e2e_conn *c, const char *line, size_t len)
{
	text_add(&c->requests, line, len);
	text_add(&c->requests, "\n", 1);
}

/* What is answered now: the first request that waits. */
static void take_request(struct e2e_conn *c)
{
	size_t len = strcspn(text_str(&c->requests), "\n");
	c->answer.request.len = 0;
	text_add(&c->answer.request, text_str(&c->requests), len);
	if (c->requests.len)
		text_consume(&c->requests, len + 1);
}

bool e2e_answer_header(const struct e2e_answer *a, const char *name, struct text *out)
{
	size_t len = strlen(name);
	bool found = false;
	const char *at = strchr(text_str(&a->head), '\n');
	while (at && *++at) {
		const char *stop = strchr(at, '\n');
		if (!stop)
			break;
		if ((size_t)(stop - at) > len && at[len] == ':' && strncasecmp(at, name, len) == 0) {
			const char *from = at + len + 1;
			from += strspn(from, " \t");
			size_t size = (size_t)(stop - from);
			while (size && (from[size - 1] == '\r' || from[size - 1] == ' '))
				size--;
			if (found)
				text_add_str(out, ", ");
			text_add(out, from, size);
			found = true;
		}
		at = stop;
	}
	return found;
}

static bool has_body(const struct e2e_answer *a)
{
	bool head = strncmp(text_str(&a->request), "HEAD ", 5) == 0;
	return !head && a->status >= 200 && a->status != 204 && a->status != 304;
}

static void choose_framing(struct e2e_conn *c)
{
	struct e2e_answer *a = &c->answer;
	struct text value = { 0 };
	if (!has_body(a)) {
		a->framing = BODY_NONE;
	} else if (e2e_answer_header(a, "transfer-encoding", &value) && strcasecmp(value.ptr, "chunked") == 0) {
		a->framing = BODY_CHUNKED;
	} else if (e2e_answer_header(a, "content-length", &value)) {
		a->framing = BODY_LENGTH;
		a->left = kit_number(value.ptr, value.len);
	} else {
		a->framing = BODY_CLOSE;
	}
	text_free(&value);
}

/* Takes a head out of c->in; false when it is not complete. */
static bool take_head(struct e2e_conn *c)
{
	struct e2e_answer *a = &c->answer;
	const char *end = kit_find(c->in.ptr, c->in.len, "\r\n\r\n", 4);
	if (!end)
		return false;
	size_t len = (size_t)(end - c->in.ptr) + 4;
	a->head.len = 0;
	text_add(&a->head, c->in.ptr, len);
	text_consume(&c->in, len);
	const char *space = strchr(a->head.ptr, ' ');
	a->status = space ? (int)strtol(space, NULL, 10) : 0;
	if (a->status >= 100 && a->status < 200) {
		text_printf(&a->interim, "%d ", a->status);
		return true;
	}
	a->head_done = true;
	take_request(c);
	choose_framing(c);
	return true;
}

static bool take_chunk(struct e2e_conn *c)
{
	struct e2e_answer *a = &c->answer;
	if (a->left > 0) {
		size_t len = c->in.len < (size_t)a->left ? c->in.len : (size_t)a->left;
		text_add(&a->body, c->in.ptr, len);
		text_consume(&c->in, len);
		a->left -= (int64_t)len;
		if (!a->left)
			a->chunk_state = 1;
		return len > 0;
	}
	const char *eol = kit_find(c->in.ptr, c->in.len, "\r\n", 2);
	if (!eol)
		return false;
	size_t line = (size_t)(eol - c->in.ptr);
	if (a->chunk_state == 1) { /* the end of a chunk */
		a->chunk_state = 0;
	} else if (a->chunk_state == 2) { /* trailers, up to an empty line */
		a->done = line == 0;
	} else {
		a->left = strtol(c->in.ptr, NULL, 16);
		if (!a->left)
			a->chunk_state = 2;
	}
	text_consume(&c->in, line + 2);
	return true;
}

/* One step; false when more input is needed. */
static bool feed(struct e2e_conn *c)
{
	struct e2e_answer *a = &c->answer;
	if (!a->head_done)
		return take_head(c);
	size_t len = c->in.len;
	switch (a->framing) {
	case BODY_NONE:
		a->done = true;
		return true;
	case BODY_CHUNKED:
		return take_chunk(c);
	case BODY_LENGTH:
		if (len > (size_t)a->left)
			len = (size_t)a->left;
		break;
	case BODY_CLOSE:
		break;
	}
	text_add(&a->body, text_str(&c->in), len);
	if (len)
		text_consume(&c->in, len);
	if (a->framing == BODY_LENGTH) {
		a->left -= (int64_t)len;
		a->done = a->left == 0;
	}
	return a->done;
}

void e2e_answer_feed(struct e2e_conn *c)
{
	struct e2e_answer *a = &c->answer;
	if (a->taken)
		e2e_answer_reset(c);
	if (c->in.len && !a->first_us)
		a->first_us = kit_now_us();
	a->started |= c->in.len > 0;
	while (!a->done && feed(c))
		continue;
	if (!a->done && c->eof) {
		a->cut = a->framing != BODY_CLOSE || !a->head_done || c->reset;
		a->done = a->head_done && a->framing == BODY_CLOSE && !c->reset;
	}
	if (a->done && !a->done_us)
		a->done_us = kit_now_us();
}

bool e2e_next_event(const char **at, const char *end, struct text *data, struct text *name)
{
	bool any = false;
	data->len = name->len = 0;
	while (*at < end) {
		const char *eol = *at;
		while (eol < end && *eol != '\n' && *eol != '\r')
			eol++;
		if (eol == end)
			return false;
		const char *line = *at;
		size_t len = (size_t)(eol - line);
		*at = eol + 1 + (*eol == '\r' && eol + 1 < end && eol[1] == '\n');
		if (len == 0 && any)
			return true;
		size_t field = len > 5 && memcmp(line, "data:", 5) == 0 ? 5 : len > 6 && memcmp(line, "event:", 6) == 0 ? 6 : 0;
		if (!field)
			continue;
		struct text *into = field == 5 ? data : name;
		if (field == 5 && any && data->len)
			text_add(data, "\n", 1);
		any |= field == 5;
		field += len > field && line[field] == ' ';
		text_add(into, line + field, len - field);
	}
	return false;
}

int64_t e2e_answer_event_count(const struct e2e_answer *a)
{
	struct text data = { 0 }, name = { 0 };
	const char *at = text_str(&a->body), *end = at + a->body.len;
	int64_t count = 0;
	while (e2e_next_event(&at, end, &data, &name))
		count++;
	text_free(&data);
	text_free(&name);
	return count;
}

bool e2e_answer_event(const struct e2e_answer *a, int64_t index, struct text *data, struct text *name)
{
	struct text other = { 0 };
	struct text *into = name ? name : &other;
	const char *at = text_str(&a->body), *end = at + a->body.len;
	if (index < 0)
		index += e2e_answer_event_count(a);
	bool found = index >= 0;
	for (int64_t i = 0; i <= index && found; i++)
		found = e2e_next_event(&at, end, data, into);
	text_add(data, "", 0);
	text_add(into, "", 0);
	text_free(&other);
	return found;
}
