/*
 * The pool of outgoing connections: see uplink.h.
 */
#include "common/loop/uplink.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/loop/direct.h"
#include "common/loop/inside.h"
#include "common/loop/socket.h"
#include "common/loop/stack.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ROOMS_KEPT = 64,
	NAME_MAX_BYTES = 512,
	RETIRE_EARLY_MS = 1000, /* before the peer's own limit */
};

struct uplink_pool {
	struct loop *loop;
	struct connector_share *share;
	int idle_max;
	int64_t idle_ms;
	size_t idle_count;
	struct list groups; /* the last used first */
	struct uplink_spares rooms, calls;
};

/* Groups */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
	return a->port == b->port && a->tls == b->tls && same_text(a->host, b->host) &&
	       same_text(a->unix_path, b->unix_path) && same_text(a->ca_file, b->ca_file) &&
	       same_text(a->proxy, b->proxy);
}

static char *copy_text(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

static char *name_of(const struct origin *o)
{
	if (o->unix_path)
		return mem_printf("unix:%s", o->unix_path);
	return mem_printf(strchr(o->host, ':') ? "[%s]:%d" : "%s:%d", o->host, o->port);
}

static char *host_line_of(const struct origin *o)
{
	bool is_ipv6 = strchr(o->host, ':') != NULL;

	if (o->unix_path || o->port == (o->tls ? 443 : 80))
		return mem_printf(is_ipv6 ? "Host: [%s]\r\n" : "Host: %s\r\n", o->host);
	return mem_printf(is_ipv6 ? "Host: [%s]:%d\r\n" : "Host: %s:%d\r\n", o->host, o->port);
}

static struct uplink_group *group_new(struct uplink_pool *p, const struct origin *o)
{
	struct uplink_group *g = mem_new(struct uplink_group);

	g->pool = p;
	g->origin = (struct origin){
		.tls = o->tls,
		.host = mem_strdup(o->host ? o->host : "localhost"),
		.port = o->port,
		.unix_path = copy_text(o->unix_path),
		.ca_file = copy_text(o->ca_file),
		.proxy = copy_text(o->proxy),
	};
	g->name = name_of(&g->origin);
	g->host_line = span_str(host_line_of(&g->origin));
	g->is_direct = direct_is_possible(&g->origin);
	list_init(&g->idle);
	list_push_front(&p->groups, &g->link);
	return g;
}

static void free_text(const char *text)
{
	mem_free((void *)(uintptr_t)text); /* NOLINT(performance-no-int-to-ptr): our own copy */
}

static void group_free(struct uplink_group *g)
{
	list_remove(&g->link);
	free_text(g->origin.host);
	free_text(g->origin.unix_path);
	free_text(g->origin.ca_file);
	free_text(g->origin.proxy);
	mem_free(g->name);
	free_text(g->host_line.ptr);
	mem_free(g);
}

struct uplink_group *uplink_group_of(struct uplink_pool *p, const struct origin *o)
{
	struct origin wanted = *o;
	struct uplink_group *found = NULL;

	if (!wanted.host)
		wanted.host = "localhost";
	list_each(&p->groups, at) {
		struct uplink_group *g = container_of(at, struct uplink_group, link);

		if (same_origin(&g->origin, &wanted)) {
			found = g;
			break;
		}
	}
	if (!found) {
		found = group_new(p, &wanted);
	} else if (p->groups.next != &found->link) {
		list_remove(&found->link);
		list_push_front(&p->groups, &found->link);
	}
	found->users++;
	return found;
}

void uplink_group_release(struct uplink_group *g)
{
	if (--g->users == 0)
		group_free(g);
}

/* Idle connections */

static void leave_idle(struct uplink *u)
{
	list_remove(&u->link);
	u->group->idle_count--;
	u->group->pool->idle_count--;
	timer_rest(&u->expiry);
}

static void drop_idle(struct uplink *u)
{
	leave_idle(u);
	uplink_close(u);
}

static void on_expiry(struct timer *t)
{
	drop_idle(container_of(t, struct uplink, expiry));
}

struct uplink *uplink_take_idle(struct uplink_group *g)
{
	struct uplink *u = list_first(&g->idle, struct uplink, link);

	if (!u)
		return NULL;
	leave_idle(u);
	u->is_idle = false;
	u->is_reused = true;
	u->calls++;
	return u;
}

/*
 * "timeout=5, max=100".  Some servers count max down, some always say the same; a number that
 * has not fallen since the last answer is taken for the whole.  Returns false when the
 * connection has had its last call.
 */
static bool heed_keep_alive(struct uplink *u, struct span field)
{
	while (field.ptr) {
		struct span item = span_cut(&field, ','), value = item;
		struct span name = span_trim(span_cut(&value, '='));
		int64_t number;

		if (span_to_int(span_trim(value), 0, INT32_MAX, &number) < 0)
			continue;
		if (span_is_nocase(name, "timeout")) {
			int64_t limit_ms = number * 1000 - RETIRE_EARLY_MS;

			u->idle_ms = limit_ms < u->idle_ms ? limit_ms : u->idle_ms;
		} else if (span_is_nocase(name, "max")) {
			bool counts_down = u->calls_max >= 0 && number < u->calls_max;

			u->calls_max = number;
			if (number == 0 || (!counts_down && u->calls >= number))
				return false;
		}
	}
	return u->idle_ms > 0;
}

/*
 * Bytes after the end of an answer would be taken for the beginning of the next.  An encrypted
 * connection may hold some that the descriptor does not tell of.
 */
static bool has_more(struct uplink *u)
{
	char byte;

	if (u->connector && u->readable)
		return connector_receive(u->connector, &byte, 1) != CONNECTOR_AGAIN;
	return u->readable;
}

void uplink_put_idle(struct uplink *u, struct span keep_alive)
{
	struct uplink_group *g = u->group;
	struct uplink_pool *p = g->pool;

	u->idle_ms = p->idle_ms;
	if (p->idle_max <= 0 || !heed_keep_alive(u, keep_alive) || has_more(u)) {
		uplink_close(u);
		return;
	}
	u->is_idle = true;
	watch_set(&u->watch, LOOP_READ);
	u->readable = false;
	timer_extend(&u->expiry, u->idle_ms);
	list_push_front(&g->idle, &u->link);
	g->idle_count++;
	p->idle_count++;
	if (g->idle_count > p->idle_max)
		drop_idle(container_of(g->idle.prev, struct uplink, link));
}

/* Life of a connection */

/*
 * Bytes that nobody awaits are left in the socket; only when the loop tells of them a second
 * time does the watch rest, as resting and going on again costs a system call.
 */
static void on_ready(struct watch *w, int events)
{
	struct uplink *u = container_of(w, struct uplink, watch);

	if (u->is_idle) {
		/* The peer closed it, or talks out of turn: of no use either way. */
		drop_idle(u);
		return;
	}
	if (events & LOOP_READ) {
		if (u->readable)
			watch_set(w, w->events & ~LOOP_READ);
		u->readable = true;
	}
	if (events & LOOP_WRITE) {
		watch_set(w, w->events & ~LOOP_WRITE);
		u->writable = true;
	}
	if (!u->fiber || (events == LOOP_READ && u->serve && u->serve(u->serve_context)))
		return;
	/* The call may free u. */
	fiber_notify(u->fiber, u);
}

struct uplink *uplink_connect(struct uplink_group *g, int timeout_ms, struct err *err)
{
	struct uplink_pool *p = g->pool;
	struct connector *c = NULL;
	struct uplink *u;
	int fd = -1;

	if (g->is_direct)
		fd = direct_connect(p->loop, &g->origin, g->name, timeout_ms, err);
	else if ((c = connector_open(p->loop, p->share, &g->origin, g->name, timeout_ms, err)))
		fd = connector_fd(c);
	if (fd < 0)
		return NULL;
	u = mem_new(struct uplink);
	if (c && connector_is_plain(c))
		fd = connector_take_fd(c);
	else
		u->connector = c;
	g->users++;
	u->group = g;
	u->calls = 1;
	u->calls_max = -1;
	list_init(&u->link);
	timer_init(&u->expiry, p->loop, on_expiry);
	watch_init(&u->watch, p->loop, fd, on_ready);
	watch_set(&u->watch, LOOP_READ);
	return u;
}

void uplink_close(struct uplink *u)
{
	if (!u)
		return;
	watch_stop(&u->watch);
	timer_cancel(&u->expiry);
	if (u->connector)
		connector_free(u->connector);
	else
		close(u->watch.fd);
	uplink_group_release(u->group);
	mem_free(u);
}

void uplink_abort(struct uplink *u)
{
	static const struct linger none = { .l_onoff = 1, .l_linger = 0 };

	if (u)
		setsockopt(u->watch.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	uplink_close(u);
}

/* Bytes */

bool uplink_needs_scratch(const struct uplink *u)
{
	return u->connector != NULL;
}

/* One record for head and body when they fit, rather than one each. */
static ssize_t send_coded(struct uplink *u, const struct iovec *parts, int count, char *scratch)
{
	size_t len = 0;

	for (int i = 0; i < count && len < UPLINK_ROOM; i++) {
		size_t room = UPLINK_ROOM - len;
		size_t part = parts[i].iov_len < room ? parts[i].iov_len : room;

		memcpy(scratch + len, parts[i].iov_base, part);
		len += part;
	}
	return connector_send(u->connector, scratch, len);
}

ssize_t uplink_send(struct uplink *u, struct iovec *parts, int count, char *scratch)
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)count };
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t n;

	if (u->connector)
		return send_coded(u, parts, count, scratch);
	if (count == 1)
		n = socket_send(u->watch.fd, parts->iov_base, parts->iov_len);
	else
		do
			n = sendmsg(u->watch.fd, &message, flags);
		while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	return errno == EAGAIN ? CONNECTOR_AGAIN : CONNECTOR_BROKEN;
}

static ssize_t receive_plain(struct uplink *u, void *room, size_t len)
{
	ssize_t n = socket_receive(u->watch.fd, room, len);

	if (n == 0)
		return CONNECTOR_CLOSED;
	if (n > 0) {
		/* What filled the room may not be all; less than that was all. */
		u->readable = (size_t)n == len;
		return n;
	}
	u->readable = false;
	return errno == EAGAIN ? CONNECTOR_AGAIN : CONNECTOR_BROKEN;
}

ssize_t uplink_receive(struct uplink *u, void *room, size_t len)
{
	ssize_t n;

	if (!u->connector)
		return receive_plain(u, room, len);
	n = connector_receive(u->connector, room, len);
	/* More may have been taken from the descriptor already, which tells of it no more. */
	u->readable = n > 0 && connector_may_hold_more(u->connector);
	return n;
}

int uplink_wait(struct uplink *u, bool for_write, int64_t timeout_ms, struct err *err)
{
	int ready;

	u->writable = false;
	watch_set(&u->watch, LOOP_READ | (for_write ? LOOP_WRITE : 0));
	if (u->readable)
		return 1;
	u->fiber = fiber_self();
	ready = fiber_await(u, timeout_ms, err);
	u->fiber = NULL;
	return ready;
}

/* Spares */

static void *spare_take(struct uplink_spares *s)
{
	return s->count > 0 ? s->items[--s->count] : NULL;
}

char *uplink_room_take(struct uplink_pool *p)
{
	char *room = spare_take(&p->rooms);

	return room ? room : pages_map(UPLINK_ROOM);
}

static void room_free(void *room)
{
	pages_unmap(room, UPLINK_ROOM);
}

void uplink_room_give(struct uplink_pool *p, char *room)
{
	if (p->rooms.count < ROOMS_KEPT)
		p->rooms.items[p->rooms.count++] = room;
	else
		room_free(room);
}

struct uplink_spares *uplink_pool_spares(struct uplink_pool *p)
{
	return &p->calls;
}

static void spares_clear(struct uplink_spares *s)
{
	while (s->count > 0)
		s->drop(spare_take(s));
}

/* The pool */

struct loop *uplink_pool_loop(const struct uplink_pool *p)
{
	return p->loop;
}

struct uplink_pool *uplink_pool_new(struct loop *l, int idle_max, int64_t idle_ms)
{
	struct uplink_pool *p = mem_new(struct uplink_pool);

	p->loop = l;
	p->idle_max = idle_max;
	p->idle_ms = idle_ms;
	p->share = connector_share_new(l);
	p->rooms.drop = room_free;
	list_init(&p->groups);
	return p;
}

static void close_idle(struct uplink_group *g)
{
	/* Closing its last connection would free the group. */
	g->users++;
	list_each(&g->idle, at)
		drop_idle(container_of(at, struct uplink, link));
	uplink_group_release(g);
}

void uplink_pool_free(struct uplink_pool *p)
{
	if (!p)
		return;
	list_each(&p->groups, at)
		close_idle(container_of(at, struct uplink_group, link));
	assert(list_is_empty(&p->groups));
	spares_clear(&p->rooms);
	spares_clear(&p->calls);
	connector_share_free(p->share);
	mem_free(p);
}

size_t uplink_pool_idle(const struct uplink_pool *p)
{
	return p->idle_count;
}
