/*
 * Plain connections to addresses: see direct.h.
 */
#include "common/loop/direct.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/env.h"
#include "common/loop/inside.h"

enum { KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 30 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

/* The length of what was filled in, 0 when o names no address. */
static socklen_t read_address(const struct origin *o, union address *a)
{
	memset(a, 0, sizeof *a);
	if (o->unix_path) {
		size_t len = strlen(o->unix_path);

		if (len == 0 || len >= sizeof a->local.sun_path)
			return 0;
		a->local.sun_family = AF_UNIX;
		memcpy(a->local.sun_path, o->unix_path, len + 1);
		return sizeof a->local;
	}
	if (inet_pton(AF_INET, o->host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)o->port);
		return sizeof a->v4;
	}
	if (inet_pton(AF_INET6, o->host, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons((uint16_t)o->port);
		return sizeof a->v6;
	}
	return 0;
}

/* Whether the environment may name a proxy for plain HTTP; libcurl knows the exceptions. */
static bool may_have_proxy(const struct origin *o, const union address *a)
{
	bool is_local = a->any.sa_family == AF_UNIX ||
			(a->any.sa_family == AF_INET && ntohl(a->v4.sin_addr.s_addr) >> 24 == 127) ||
			(a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr));

	if (o->proxy)
		return o->proxy[0] != '\0';
	return !is_local && (env_get("http_proxy") || env_get("all_proxy") || env_get("ALL_PROXY"));
}

bool direct_is_possible(const struct origin *o)
{
	union address a;

	return !o->tls && read_address(o, &a) > 0 && !may_have_proxy(o, &a);
}

static int open_socket(int family)
{
	static const int on = 1, idle = KEEPALIVE_IDLE_S, interval = KEEPALIVE_INTERVAL_S;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || family == AF_UNIX)
		return fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
	return fd;
}

/* Who waits for a connection to stand. */
struct pending {
	struct watch watch;
	struct fiber *fiber;
};

static void on_ready(struct watch *w, int events)
{
	struct pending *p = container_of(w, struct pending, watch);

	(void)events;
	watch_set(w, 0);
	fiber_notify(p->fiber, p);
}

static int refused(const char *name, int number, struct err *err)
{
	return err_set(err, E_upstream_unavailable, NULL, "%s: %s", name, err_errno(number));
}

static int await(struct loop *l, int fd, const char *name, int timeout_ms, struct err *err)
{
	struct pending p = { .fiber = fiber_self() };
	socklen_t len = sizeof(int);
	int woken, number = 0;

	watch_init(&p.watch, l, fd, on_ready);
	watch_set(&p.watch, LOOP_WRITE);
	woken = fiber_await(&p, timeout_ms, err);
	watch_stop(&p.watch);
	if (woken < 0)
		return -1;
	if (woken == 0)
		return err_set(err, E_upstream_timeout, NULL,
			       "%s: not connected within %d ms (limit for connecting)", name, timeout_ms);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) < 0)
		number = errno;
	return number ? refused(name, number, err) : 0;
}

int direct_connect(struct loop *l, const struct origin *o, const char *name, int timeout_ms,
		   struct err *err)
{
	union address a;
	socklen_t len = read_address(o, &a);
	int fd = open_socket(a.any.sa_family);

	if (fd < 0)
		return refused(name, errno, err);
	if (connect(fd, &a.any, len) == 0)
		return fd;
	/* A full queue of a Unix socket is EAGAIN, and is not waited for by the system. */
	if (errno != EINPROGRESS)
		refused(name, errno, err);
	else if (await(l, fd, name, timeout_ms, err) == 0)
		return fd;
	close(fd);
	return -1;
}
