/* tests/support/isolation_http.c - requests and their whole answers on connections that are kept. */
#include "tests/support/isolation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

void request_begin(struct request *r, const char *method, const char *token)
{
	*r = (struct request){ .method = method };
	snprintf(r->token, sizeof r->token, "%s", token ? token : "");
}

void request_free(struct request *r)
{
	text_free(&r->headers);
	text_free(&r->body);
}

void answer_free(struct answer *a)
{
	text_free(&a->bytes);
	text_free(&a->body);
}

void connection_close(struct connection *c)
{
	if (c->fd > 0)
		close(c->fd);
	c->fd = 0;
	text_free(&c->read);
}

static void dial(struct connection *c)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	if (c->fd > 0)
		return;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(to.sun_path, sizeof to.sun_path, "%s", c->socket);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0)
		kit_fatal("%s: no connection", c->socket);
}

static void write_request(const struct request *r, struct text *out)
{
	text_printf(out, "%s %s HTTP/1.1\r\nHost: x\r\n", r->method, r->path);
	if (*r->token)
		text_printf(out, "Authorization: Bearer %s\r\n", r->token);
	text_add(out, text_str(&r->headers), r->headers.len);
	if (r->has_body)
		text_printf(out, "Content-Length: %zu\r\n", r->body.len);
	text_add_str(out, "\r\n");
	text_add(out, text_str(&r->body), r->body.len);
}

static void send_all(struct connection *c, const struct text *bytes)
{
	for (size_t done = 0; done < bytes->len;) {
		ssize_t n = send(c->fd, bytes->ptr + done, bytes->len - done, MSG_NOSIGNAL);

		if (n <= 0)
			kit_fatal("the connection broke while a request was sent");
		done += (size_t)n;
	}
}

static void read_more(struct connection *c)
{
	char bytes[16384];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

	if (n <= 0)
		kit_fatal("the connection broke before the end of an answer: %.300s", text_str(&c->read));
	text_add(&c->read, bytes, (size_t)n);
}

/* Where what is looked for ends, reading until it is there. */
static size_t await(struct connection *c, size_t from, const char *end)
{
	for (;;) {
		const char *found = c->read.len > from ? kit_find(c->read.ptr + from, c->read.len - from, end,
								  strlen(end))
						       : NULL;

		if (found)
			return (size_t)(found - c->read.ptr) + strlen(end);
		read_more(c);
	}
}

static void find_header(const char *head, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	*out = '\0';
	for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
			continue;
		line += 3 + len;
		line += strspn(line, " ");
		snprintf(out, size, "%.*s", (int)strcspn(line, "\r"), line);
		return;
	}
}

void answer_header(const struct answer *a, const char *name, char *out, size_t size)
{
	find_header(text_str(&a->bytes), name, out, size);
}

static size_t read_chunks(struct connection *c, size_t at, struct text *body)
{
	for (;;) {
		size_t end = await(c, at, "\r\n"), size = strtoul(c->read.ptr + at, NULL, 16);

		if (size == 0) /* trailers, then an empty line */
			return strncmp(c->read.ptr + end, "\r\n", 2) == 0 ? end + 2 : await(c, end - 2, "\r\n\r\n");
		while (c->read.len < end + size + 2)
			read_more(c);
		text_add(body, c->read.ptr + end, size);
		at = end + size + 2;
	}
}

static bool has_no_body(const struct request *r, int status)
{
	return strcmp(r->method, "HEAD") == 0 || status == 204 || status == 304;
}

static void receive(struct connection *c, const struct request *r, struct answer *a)
{
	size_t head = await(c, 0, "\r\n\r\n"), end = head;
	char value[64];

	if (strncmp(c->read.ptr, "HTTP/1.1 ", 9) != 0)
		kit_fatal("%s %s: no answer but %.200s", r->method, r->path, c->read.ptr);
	*a = (struct answer){ .status = (int)strtol(c->read.ptr + 9, NULL, 10) };
	find_header(c->read.ptr, "transfer-encoding", value, sizeof value);
	if (has_no_body(r, a->status)) {
		end = head;
	} else if (*value) {
		end = read_chunks(c, head, &a->body);
	} else {
		find_header(c->read.ptr, "content-length", value, sizeof value);
		end = head + strtoul(value, NULL, 10);
		while (c->read.len < end)
			read_more(c);
		text_add(&a->body, c->read.ptr + head, end - head);
	}
	text_add(&a->bytes, c->read.ptr, end);
	find_header(text_str(&a->bytes), "connection", value, sizeof value);
	text_consume(&c->read, end);
	if (strcasecmp(value, "close") == 0)
		connection_close(c);
}

void ask_all(struct connection *c, struct request *const *r, struct answer *a, size_t count)
{
	struct text bytes = { 0 };

	dial(c);
	for (size_t i = 0; i < count; i++)
		write_request(r[i], &bytes);
	send_all(c, &bytes);
	for (size_t i = 0; i < count; i++) {
		if (c->fd <= 0)
			kit_fatal("%s %s: the connection was closed before its answer", r[i]->method, r[i]->path);
		receive(c, r[i], &a[i]);
	}
	text_free(&bytes);
}

void ask(struct connection *c, struct request *r, struct answer *a)
{
	ask_all(c, &r, a, 1);
}

json_t *answer_json(const struct answer *a)
{
	return json_loadb(text_str(&a->body), a->body.len, 0, NULL);
}
