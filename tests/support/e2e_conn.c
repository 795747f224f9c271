/* tests/support/e2e_conn.c - a client's connection over TCP, TLS or a Unix socket. */
#include "tests/support/e2e.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

struct e2e_conn *e2e_conn_get(struct e2e *e, const char *name)
{
	for (size_t i = 0; i < e->conn_count; i++)
		if (strcmp(e->conns[i]->name, name) == 0)
			return e->conns[i];
	if (e->conn_count == CONNS_MAX)
		kit_fatal("too many connections in a case");
	struct e2e_conn *c = kit_alloc(sizeof *c);
	snprintf(c->name, sizeof c->name, "%s", name);
	c->fd = -1;
	e->conns[e->conn_count++] = c;
	return c;
}

static int connect_socket(struct e2e *e, int receive_buffer)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)e->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	bool local = e->transport == TRANSPORT_UNIX;
	int one = 1;
	int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
	snprintf(un.sun_path, sizeof un.sun_path, "%s", e->address + (local ? 5 : 0));
	const struct sockaddr *a = local ? (const struct sockaddr *)&un : (const struct sockaddr *)&in;
	if (connect(fd, a, local ? sizeof un : sizeof in)) {
		close(fd);
		return -1;
	}
	if (!local)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

int e2e_conn_open(struct e2e *e, struct e2e_conn *c, int receive_buffer)
{
	e2e_conn_close(c, false);
	c->fd = connect_socket(e, receive_buffer);
	if (c->fd < 0)
		return e2e_fail(e, "cannot connect to %s: %s", e->address, strerrordesc_np(errno));
	c->eof = c->reset = false;
	c->in.len = c->requests.len = 0;
	e2e_answer_reset(c);
	if (e->transport != TRANSPORT_TLS)
		return 0;
	if (!e->tls) {
		e->tls = SSL_CTX_new(TLS_client_method());
		SSL_CTX_load_verify_locations(e->tls, e->cert, NULL);
		SSL_CTX_set_verify(e->tls, SSL_VERIFY_PEER, NULL);
	}
	struct timeval limit = { .tv_sec = 5L * e->slow };
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	c->ssl = SSL_new(e->tls);
	SSL_set_fd(c->ssl, c->fd);
	/* Else reading a session ticket waits for what comes after it. */
	SSL_clear_mode(c->ssl, SSL_MODE_AUTO_RETRY);
	if (SSL_connect(c->ssl) != 1) {
		e2e_conn_close(c, false);
		return e2e_fail(e, "TLS: no handshake with %s", e->address);
	}
	return 0;
}

void e2e_conn_close(struct e2e_conn *c, bool reset)
{
	struct linger now = { 1, 0 };
	if (c->fd < 0)
		return;
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	else if (c->ssl)
		SSL_shutdown(c->ssl);
	if (c->ssl)
		SSL_free(c->ssl);
	c->ssl = NULL;
	close(c->fd);
	c->fd = -1;
	c->closed_us = kit_now_us();
}

/* One read of what is there: 1, 0 nothing yet, -1 end. */
static int read_some(struct e2e_conn *c)
{
	ssize_t n;
	text_reserve(&c->in, READ_SIZE);
	if (c->ssl) {
		int got = SSL_read(c->ssl, c->in.ptr + c->in.len, READ_SIZE);
		int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, got);
		if (why == SSL_ERROR_WANT_READ)
			return 0;
		c->reset = why != SSL_ERROR_NONE && why != SSL_ERROR_ZERO_RETURN;
		n = got > 0 ? got : 0;
	} else {
		n = recv(c->fd, c->in.ptr + c->in.len, READ_SIZE, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		c->reset = n < 0;
	}
	if (n <= 0) {
		c->eof = true;
		return -1;
	}
	c->in.len += (size_t)n;
	c->in.ptr[c->in.len] = 0;
	return 1;
}

int e2e_conn_more(struct e2e_conn *c, int64_t until_us)
{
	for (;;) {
		if (c->fd < 0 || c->eof)
			return -1;
		int64_t left = until_us - kit_now_us();
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		bool pending = c->ssl && SSL_pending(c->ssl);
		if (!pending && (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) <= 0))
			return 0;
		int got = read_some(c);
		if (got)
			return got;
	}
}

/* Sends all, reading meanwhile so that an early answer cannot block both sides. */
int e2e_conn_send(struct e2e *e, struct e2e_conn *c, const char *bytes, size_t len)
{
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	if (c->fd < 0 && e2e_conn_open(e, c, 0))
		return -1;
	while (len) {
		struct pollfd p = { .fd = c->fd, .events = POLLOUT | (c->ssl || c->eof ? 0 : POLLIN) };
		if (kit_now_us() > until || poll(&p, 1, 1000) < 0)
			return e2e_fail(e, "the gateway does not take the request: %zu bytes are left", len);
		if ((p.revents & POLLIN) && read_some(c) < 0 && c->reset)
			return 0; /* it has hung up: what was answered is in c->in */
		if (!(p.revents & (POLLOUT | POLLERR | POLLHUP)))
			continue;
		ssize_t n = c->ssl ? SSL_write(c->ssl, bytes, (int)(len > READ_SIZE ? READ_SIZE : len))
				   : send(c->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && !c->ssl && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return 0; /* as above; the expectation that follows tells */
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}
