/*
 * server/http/carrier_plain.c - sockets without TLS, straight on the worker's loop.
 *
 * libwebsockets would add nothing to them but its own way of each byte, and at every end of one a
 * look at as many places as the process may have descriptors.  A socket that ends within one of its
 * own events is freed when the event is over.
 */
#include "server/http/carrier_inside.h"

#include "common/base/mem.h"
#include "common/loop/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

static void destroy(struct carrier_socket *s)
{
	if (!s->reading)
		carrier_watch_leaving(s, false);
	watch_stop(&s->watch);
	close(s->watch.fd);
	mem_free(s->rest);
	mem_free(s);
}

static void gone(struct carrier_socket *s)
{
	void *owner = s->owner;

	s->owner = NULL;
	s->carrier->events->closed(owner);
}

void plain_apply(struct carrier_socket *s)
{
	bool on = !s->held && !s->unwanted;

	if (on != s->reading)
		carrier_watch_leaving(s, !on);
	s->reading = on;
	watch_set(&s->watch, (on ? LOOP_READ : 0) | (s->held ? LOOP_WRITE : 0));
}

/* The socket takes something again. */
static void write_on(struct carrier_socket *s)
{
	ssize_t sent = socket_send(s->watch.fd, s->rest + s->rest_at, s->rest_len);

	if (sent < 0) {
		if (errno != EAGAIN)
			gone(s);
		return;
	}
	s->rest_at += (size_t)sent;
	s->rest_len -= (size_t)sent;
	if (s->rest_len > 0)
		return;
	mem_free(s->rest);
	s->rest = NULL;
	s->held = false;
	plain_apply(s);
	s->carrier->events->writable(s->owner);
}

static void read_some(struct carrier_socket *s)
{
	char *room = s->carrier->room;
	ssize_t got = socket_receive(s->watch.fd, room, CARRIER_READ);

	if (got > 0)
		s->carrier->events->data(s->owner, span_of(room, (size_t)got));
	else if (got == 0 || errno != EAGAIN)
		gone(s);
}

static void ready(struct watch *w, int events)
{
	struct carrier_socket *s = container_of(w, struct carrier_socket, watch);

	s->in_callback = true;
	if (events & LOOP_WRITE && s->held)
		write_on(s);
	if (events & LOOP_READ && s->owner && s->reading)
		read_some(s);
	s->in_callback = false;
	if (!s->owner)
		destroy(s);
}

struct carrier_socket *plain_adopt(struct carrier *c, int fd, void *owner)
{
	struct carrier_socket *s = mem_new(struct carrier_socket);
	int on = 1;

	s->carrier = c;
	s->owner = owner;
	s->reading = true;
	/* Fails on a Unix socket, which sends at once anyway. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	watch_init(&s->watch, c->loop, fd, ready);
	watch_set(&s->watch, LOOP_READ);
	return s;
}

enum carrier_sent plain_send(struct carrier_socket *s, const char *bytes, size_t len)
{
	ssize_t sent = socket_send(s->watch.fd, bytes, len);

	if (sent == (ssize_t)len)
		return CARRIER_SENT;
	if (sent < 0 && errno != EAGAIN)
		return CARRIER_BROKEN;
	if (sent < 0)
		sent = 0;
	s->rest_at = 0;
	s->rest_len = len - (size_t)sent;
	s->rest = mem_alloc(s->rest_len);
	memcpy(s->rest, bytes + sent, s->rest_len);
	s->held = true;
	plain_apply(s);
	return CARRIER_HELD;
}

size_t plain_receive(struct carrier_socket *s, char *bytes, size_t len)
{
	ssize_t got = s->reading ? socket_receive(s->watch.fd, bytes, len) : 0;

	return got > 0 ? (size_t)got : 0;
}

void plain_close(struct carrier_socket *s)
{
	s->owner = NULL;
	if (!s->in_callback)
		destroy(s);
}
