/*
 * server/http/listen.c - what to listen on: addresses parsed, sockets opened or taken over.
 */
#include "server/http/listen.h"

#include "common/base/env.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, SYSTEMD_FIRST_FD = 3, SYSTEMD_FDS_MAX = 64, HOST_MAX = 255 };

static int bad_address(const char *text, const char *why, struct err *err)
{
	return err_set(err, E_invalid_config, "listen", "cannot listen on \"%s\": %s", text, why);
}

static int parse_unix(const char *text, const char *path, struct listen_address *a, struct err *err)
{
	struct sockaddr_un *un = (void *)&a->addr;
	size_t len = strlen(path);

	if (len == 0)
		return bad_address(text, "the path is empty", err);
	if (len >= sizeof un->sun_path)
		return bad_address(text, "the path is too long for a socket", err);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static void any_address(struct listen_address *a, int port)
{
	struct sockaddr_in6 *in = (void *)&a->addr;

	in->sin6_family = AF_INET6;
	in->sin6_addr = in6addr_any;
	in->sin6_port = htons((uint16_t)port);
	a->len = sizeof *in;
}

static int resolve(const char *text, const char *host, const char *port, bool literal,
		   struct listen_address *a, struct err *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (literal ? AI_NUMERICHOST : 0),
	};
	struct addrinfo *found = NULL;
	int code = getaddrinfo(host, port, &hints, &found);

	if (code != 0)
		return bad_address(text, gai_strerror(code), err);
	memcpy(&a->addr, found->ai_addr, found->ai_addrlen);
	a->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int listen_address_parse(const char *text, struct listen_address *a, struct err *err)
{
	const char *colon = strrchr(text, ':');
	char host[HOST_MAX + 1], digits[8];
	struct span name;
	int64_t port;

	memset(a, 0, sizeof *a);
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(text, text + 5, a, err);
	if (!colon || span_to_int(span_str(colon + 1), 0, 65535, &port) < 0)
		return bad_address(text, "HOST:PORT, :PORT or unix:PATH is expected", err);
	name = span_of(text, (size_t)(colon - text));
	if (name.len == 0 || span_is(name, "*")) {
		any_address(a, (int)port);
		return 0;
	}
	bool bracketed = name.len > 2 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']';
	if (bracketed)
		name = span_of(name.ptr + 1, name.len - 2);
	else if (memchr(name.ptr, ':', name.len))
		return bad_address(text, "an IPv6 address stands in brackets: [::1]:3000", err);
	if (name.len > HOST_MAX)
		return bad_address(text, "the host name is too long", err);
	memcpy(host, name.ptr, name.len);
	host[name.len] = '\0';
	snprintf(digits, sizeof digits, "%d", (int)port);
	return resolve(text, host, digits, bracketed, a, err);
}

/* ---- sockets ---- */

struct listening {
	int family;
	int *fds; /* one a worker, or one for all */
	size_t fd_count;
	char *name;
	char *unlink_path; /* of a Unix socket that we made */
	dev_t device;
	ino_t inode;
};

struct listen_set {
	struct listening *items;
	size_t count;
};

static int say_errno(struct err *err, const char *name, const char *what)
{
	int number = errno;
	char text[128];

	return err_set(err, E_invalid_config, number == EADDRINUSE ? "listen.address" : "listen",
		       "cannot listen on %s: %s: %s%s", name, what, strerror_r(number, text, sizeof text),
		       number == EADDRINUSE ? "; another gateway, or another program, has it" : "");
}

static void set_int(int fd, int level, int option, int value)
{
	/* A refusal costs speed, not correctness. */
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

static int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || family == AF_UNIX)
		return fd;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted sockets inherit it */
	if (family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	return fd;
}

static const struct sockaddr *sockaddr_of(const struct listen_address *a)
{
	return (const void *)&a->addr;
}

/*
 * With SO_REUSEPORT a second gateway of the same user would share the port unnoticed; a bind
 * without it tells.
 */
static int check_free(const struct listen_address *a)
{
	int fd = new_socket(a->addr.ss_family);
	int result;

	if (fd < 0)
		return -1;
	result = bind(fd, sockaddr_of(a), a->len);
	int saved = errno;
	close(fd);
	errno = saved;
	return result;
}

static bool is_wildcard(const struct listen_address *a)
{
	const struct sockaddr_in6 *in = (const void *)&a->addr;

	return a->addr.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr);
}

static uint16_t port_of(const struct listen_address *a)
{
	if (a->addr.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)&a->addr)->sin6_port);
	return ntohs(((const struct sockaddr_in *)(const void *)&a->addr)->sin_port);
}

/* A machine without IPv6 has only the IPv4 wildcard. */
static void fall_back_to_ipv4(struct listen_address *a)
{
	uint16_t port = port_of(a);
	struct sockaddr_in *in = (void *)&a->addr;

	memset(&a->addr, 0, sizeof a->addr);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	a->len = sizeof *in;
}

static char *name_of(const struct listen_address *a)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (a->addr.ss_family == AF_UNIX)
		return mem_printf("unix:%s",
				  ((const struct sockaddr_un *)(const void *)&a->addr)->sun_path);
	if (a->addr.ss_family == AF_INET6) {
		inet_ntop(AF_INET6,
			  &((const struct sockaddr_in6 *)(const void *)&a->addr)->sin6_addr, host,
			  sizeof host);
		return mem_printf("[%s]:%u", host, port_of(a));
	}
	inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)&a->addr)->sin_addr, host,
		  sizeof host);
	return mem_printf("%s:%u", host, port_of(a));
}

static int open_tcp(struct listening *item, struct listen_address *a, const char *text, int workers,
		    struct err *err)
{
	int probe = port_of(a) ? check_free(a) : 0;

	if (probe < 0 && errno == EAFNOSUPPORT && is_wildcard(a)) {
		fall_back_to_ipv4(a);
		probe = check_free(a);
	}
	if (probe < 0)
		return say_errno(err, text, "bind");
	for (int i = 0; i < workers; i++) {
		int fd = new_socket(a->addr.ss_family);

		if (fd < 0)
			return say_errno(err, text, "socket");
		item->fds[item->fd_count++] = fd;
		set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
		if (bind(fd, sockaddr_of(a), a->len) < 0)
			return say_errno(err, text, "bind");
		a->len = sizeof a->addr;
		/* Port 0 has become a real one, which the other workers share. */
		if (getsockname(fd, (struct sockaddr *)&a->addr, &a->len) < 0)
			return say_errno(err, text, "getsockname");
	}
	/* Listening only when all are bound: no connection waits for a worker that never comes. */
	for (size_t i = 0; i < item->fd_count; i++)
		if (listen(item->fds[i], BACKLOG) < 0)
			return say_errno(err, text, "listen");
	return 0;
}

/* Removes a socket file that nobody answers.  0, or -1 when something else is there. */
static int make_way(const struct listen_address *a, const char *text, struct err *err)
{
	const char *path = ((const struct sockaddr_un *)(const void *)&a->addr)->sun_path;
	struct stat st;
	int fd, code;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : say_errno(err, text, "stat");
	if (!S_ISSOCK(st.st_mode))
		return bad_address(text, "a file of that name exists and is no socket", err);
	fd = new_socket(AF_UNIX);
	if (fd < 0)
		return say_errno(err, text, "socket");
	code = connect(fd, sockaddr_of(a), a->len);
	int saved = errno;
	close(fd);
	errno = saved;
	if (code == 0 || saved == EAGAIN)
		return err_set(err, E_invalid_config, "listen.address",
			       "cannot listen on \"%s\": another process listens there", text);
	if (saved != ECONNREFUSED && saved != ENOENT)
		return say_errno(err, text, "connect");
	if (unlink(path) < 0 && errno != ENOENT)
		return say_errno(err, text, "unlink");
	return 0;
}

static int open_unix(struct listening *item, const struct listen_address *a, const char *text,
		     struct err *err)
{
	const char *path = ((const struct sockaddr_un *)(const void *)&a->addr)->sun_path;
	struct stat st;
	int fd;

	if (make_way(a, text, err) < 0)
		return -1;
	fd = new_socket(AF_UNIX);
	if (fd < 0)
		return say_errno(err, text, "socket");
	item->fds[item->fd_count++] = fd;
	/* Linux gives the file the mode of the socket: it is never open to others, not for a
	 * moment. */
	if (fchmod(fd, 0600) < 0)
		return say_errno(err, text, "chmod");
	if (bind(fd, sockaddr_of(a), a->len) < 0)
		return say_errno(err, text, "bind");
	if (stat(path, &st) == 0) {
		item->unlink_path = mem_strdup(path);
		item->device = st.st_dev;
		item->inode = st.st_ino;
	}
	return listen(fd, BACKLOG) < 0 ? say_errno(err, text, "listen") : 0;
}

static int open_item(struct listening *item, const char *text, int workers, struct err *err)
{
	struct listen_address a;
	int result;

	if (listen_address_parse(text, &a, err) < 0)
		return -1;
	item->fds = mem_calloc((size_t)workers, sizeof *item->fds);
	if (a.addr.ss_family == AF_UNIX)
		result = open_unix(item, &a, text, err);
	else
		result = open_tcp(item, &a, text, workers, err);
	item->family = a.addr.ss_family;
	if (result == 0)
		item->name = name_of(&a);
	return result;
}

/* The protocol of sd_listen_fds(3): how many descriptors from 3 on are ours. */
static int systemd_count(void)
{
	const char *pid = env_get("LISTEN_PID"), *fds = env_get("LISTEN_FDS");
	int64_t value;

	if (!pid || !fds || span_to_int(span_str(pid), 1, INT32_MAX, &value) < 0 ||
	    value != getpid())
		return 0;
	if (span_to_int(span_str(fds), 0, SYSTEMD_FDS_MAX, &value) < 0)
		return 0;
	return (int)value;
}

static int take_inherited(struct listening *item, int fd, struct err *err)
{
	struct listen_address a = { .len = sizeof a.addr };
	int listens = 0;
	socklen_t size = sizeof listens;
	char name[32];

	snprintf(name, sizeof name, "systemd's socket %d", fd);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0 || !listens)
		return bad_address(name, "it does not listen", err);
	if (getsockname(fd, (struct sockaddr *)&a.addr, &a.len) < 0)
		return say_errno(err, name, "getsockname");
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return say_errno(err, name, "fcntl");
	if (a.addr.ss_family != AF_UNIX)
		set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	item->family = a.addr.ss_family;
	item->fds = mem_calloc(1, sizeof *item->fds);
	item->fds[item->fd_count++] = fd;
	item->name = name_of(&a);
	return 0;
}

struct listen_set *listen_set_new(const char *const *texts, size_t count, int workers,
				  struct err *err)
{
	struct listen_set *s = mem_new(struct listen_set);
	int inherited = systemd_count();

	if (inherited > 0)
		count = (size_t)inherited;
	if (count == 0) {
		err_set(err, E_invalid_config, "listen", "there is no address to listen on");
		goto fail;
	}
	s->items = mem_calloc(count, sizeof *s->items);
	for (size_t i = 0; i < count; i++) {
		struct listening *item = &s->items[s->count++];
		int result = inherited > 0 ? take_inherited(item, SYSTEMD_FIRST_FD + (int)i, err)
					   : open_item(item, texts[i], workers, err);

		if (result < 0)
			goto fail;
	}
	return s;
fail:
	listen_set_free(s);
	return NULL;
}

static void item_clear(struct listening *item)
{
	struct stat st;

	for (size_t i = 0; i < item->fd_count; i++)
		close(item->fds[i]);
	mem_free(item->fds);
	mem_free(item->name);
	/* Another process may have replaced it. */
	if (item->unlink_path && lstat(item->unlink_path, &st) == 0 && st.st_dev == item->device &&
	    st.st_ino == item->inode)
		unlink(item->unlink_path);
	mem_free(item->unlink_path);
}

void listen_set_free(struct listen_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		item_clear(&s->items[i]);
	mem_free(s->items);
	mem_free(s);
}

size_t listen_set_count(const struct listen_set *s)
{
	return s->count;
}

int listen_set_fd(const struct listen_set *s, size_t index, int worker)
{
	const struct listening *item = &s->items[index];

	return item->fds[item->fd_count > 1 ? worker : 0];
}

bool listen_set_is_tcp(const struct listen_set *s, size_t index)
{
	return s->items[index].family != AF_UNIX;
}

const char *listen_set_name(const struct listen_set *s, size_t index)
{
	return s->items[index].name;
}
