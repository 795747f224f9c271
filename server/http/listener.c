/*
 * server/http/listener.c - accept4 in a loop, and the gate that counts connections.
 */
#include "server/http/listener.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	ACCEPT_BURST = 64, /* connections taken before the loop looks at others */
	PAUSE_MS = 100,    /* after running out of descriptors */
	COMPLAIN_MS = 10000,
	LAST_BURST = 4096, /* taken before listening ends: the backlog */
};

enum gate_pass gate_enter(struct gate *g)
{
	if (atomic_fetch_add_explicit(&g->open, 1, memory_order_relaxed) <
	    atomic_load_explicit(&g->max, memory_order_relaxed))
		return GATE_OPEN;
	atomic_fetch_sub_explicit(&g->open, 1, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&g->refused, 1, memory_order_relaxed) < GATE_REFUSED_MAX)
		return GATE_REFUSE;
	atomic_fetch_sub_explicit(&g->refused, 1, memory_order_relaxed);
	return GATE_SHUT;
}

void gate_leave(struct gate *g, bool refused)
{
	atomic_fetch_sub_explicit(refused ? &g->refused : &g->open, 1, memory_order_relaxed);
}

/* Too many at once even to be refused politely: one answer, and the socket is closed. */
static void refuse_at_once(int fd)
{
	static const char body[] =
		"{\"error\":{\"message\":\"The gateway is at its limit\","
		"\"type\":\"rate_limit_exceeded\",\"param\":null,\"code\":\"overloaded\"}}";
	char answer[512];
	int len = snprintf(answer, sizeof answer,
			   "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\nConnection: close\r\nx-should-retry: true\r\n"
			   "Retry-After: 1\r\nretry-after-ms: 1000\r\n\r\n%s",
			   sizeof body - 1, body);

	(void)!send(fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void complain(struct listener *l, const char *what, int code)
{
	int64_t now_ms = clock_mono_ms();
	char text[128];

	if (l->complained_ms && now_ms - l->complained_ms < COMPLAIN_MS)
		return;
	l->complained_ms = now_ms;
	log_warn("listener", "%s: %s", what, strerror_r(code, text, sizeof text));
}

static void take_client(struct listener *l, int fd, const struct sockaddr *peer)
{
	enum gate_pass pass = gate_enter(l->gate);

	if (pass == GATE_SHUT)
		refuse_at_once(fd);
	else if (l->accepted(l->context, fd, peer, l->tcp, pass == GATE_REFUSE) < 0)
		gate_leave(l->gate, pass == GATE_REFUSE);
}

/* Whether to go on after accept4 has failed. */
static bool accept_goes_on(struct listener *l, int code)
{
	switch (code) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM: /* a firewall's word on this one connection */
		return true;
	case EAGAIN:
		return false;
	default:
		/* EMFILE, ENFILE, ENOBUFS, ENOMEM: others end meanwhile. */
		complain(l, "accepting rests for a moment", code);
		watch_set(&l->watch, 0);
		timer_set(&l->pause, PAUSE_MS);
		return false;
	}
}

static void accept_some(struct listener *l, int limit)
{
	for (int i = 0; i < limit; i++) {
		struct sockaddr_storage peer = { .ss_family = AF_UNSPEC };
		socklen_t len = sizeof peer;
		int fd = accept4(l->watch.fd, (struct sockaddr *)&peer, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			take_client(l, fd, (struct sockaddr *)&peer);
		else if (!accept_goes_on(l, errno))
			return;
	}
}

static void ready(struct watch *w, int events)
{
	(void)events;
	accept_some(container_of(w, struct listener, watch), ACCEPT_BURST);
}

static void pause_over(struct timer *t)
{
	watch_set(&container_of(t, struct listener, pause)->watch, LOOP_READ);
}

void listener_start(struct listener *l, struct loop *loop, int fd, bool tcp, struct gate *gate,
		    int (*accepted)(void *, int, const struct sockaddr *, bool, bool),
		    void *context)
{
	*l = (struct listener){
		.tcp = tcp, .gate = gate, .accepted = accepted, .context = context
	};
	watch_init(&l->watch, loop, fd, ready);
	timer_init(&l->pause, loop, pause_over);
	watch_set(&l->watch, LOOP_READ);
}

void listener_stop(struct listener *l)
{
	if (!l->accepted)
		return;
	accept_some(l, LAST_BURST);
	watch_stop(&l->watch);
	timer_cancel(&l->pause);
	l->accepted = NULL;
}
