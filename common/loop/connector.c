/*
 * Connections by libcurl: see connector.h.
 */
#include "common/loop/connector.h"

#include "common/base/log.h"
#include "common/loop/inside.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { URL_MAX = 1024, KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 30 };

struct connector_share {
	CURLSH *handle;
};

/* A descriptor that libcurl waits for. */
struct wait {
	struct watch watch;
	struct connector *connector;
	struct list link;
};

struct connector {
	struct loop *loop;
	struct fiber *fiber; /* who waits; NULL when connected */
	CURL *easy;
	CURLM *multi;
	struct timer timer;
	struct list waits;
	CURLcode result;
	bool is_done;
	bool tls;
	int fd;
	int taken_fd; /* libcurl must not close it; -1: none */
	char reason[CURL_ERROR_SIZE];
};

/* The share */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("loop", "libcurl cannot be started");
		abort();
	}
}

struct connector_share *connector_share_new(void)
{
	struct connector_share *s = mem_new(struct connector_share);

	pthread_once(&curl_once, start_curl);
	s->handle = curl_share_init();
	if (s->handle) {
		curl_share_setopt(s->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
		curl_share_setopt(s->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	}
	return s;
}

void connector_share_free(struct connector_share *s)
{
	if (!s)
		return;
	curl_share_cleanup(s->handle);
	mem_free(s);
}

/* libcurl's side of the loop */

static void read_result(struct connector *c)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		c->result = message->data.result;
		c->is_done = true;
	}
	/* The fiber may free c. */
	if (c->is_done)
		fiber_notify(c->fiber, c);
}

static void on_wait(struct watch *w, int events)
{
	struct connector *c = container_of(w, struct wait, watch)->connector;
	int running, mask = 0;

	if (events & LOOP_READ)
		mask |= CURL_CSELECT_IN;
	if (events & LOOP_WRITE)
		mask |= CURL_CSELECT_OUT;
	/* The call may free w. */
	curl_multi_socket_action(c->multi, w->fd, mask, &running);
	read_result(c);
}

static void on_timer(struct timer *t)
{
	struct connector *c = container_of(t, struct connector, timer);
	int running;

	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	read_result(c);
}

static void wait_free(struct wait *w)
{
	watch_stop(&w->watch);
	list_remove(&w->link);
	mem_free(w);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct connector *c = context;
	struct wait *w = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			wait_free(w);
		return 0;
	}
	if (!w) {
		w = mem_new(struct wait);
		w->connector = c;
		watch_init(&w->watch, c->loop, fd, on_wait);
		list_push(&c->waits, &w->link);
		curl_multi_assign(c->multi, fd, w);
	}
	if (c->fiber)
		watch_set(&w->watch, (what & CURL_POLL_IN ? LOOP_READ : 0) |
					     (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

static int curl_wants_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct connector *c = context;

	(void)multi;
	if (timeout_ms < 0 || !c->fiber)
		timer_cancel(&c->timer);
	else
		timer_set(&c->timer, timeout_ms);
	return 0;
}

/* Child processes must not inherit connections. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)context;
	(void)purpose;
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static int close_socket(void *context, curl_socket_t fd)
{
	struct connector *c = context;

	return fd == c->taken_fd ? 0 : close(fd);
}

/* Setting up */

static bool is_loopback(const char *host)
{
	struct span name = span_str(host);

	return span_is_nocase(name, "localhost") || span_ends(name, ".localhost") ||
	       span_starts(name, "127.") || span_is(name, "::1");
}

static int set_url(struct connector *c, const struct origin *o)
{
	struct buf url;
	bool is_ipv6 = strchr(o->host, ':') != NULL;
	int result = -1;

	buf_init(&url, URL_MAX);
	buf_printf(&url, is_ipv6 ? "%s://[%s]:%d/" : "%s://%s:%d/", o->tls ? "https" : "http",
		   o->host, o->port);
	if (!buf_failed(&url) &&
	    curl_easy_setopt(c->easy, CURLOPT_URL, buf_str(&url)) == CURLE_OK)
		result = 0;
	buf_free(&url);
	return result;
}

/* A proxy named for the origin is used whatever the environment says of exceptions. */
static void set_proxy(struct connector *c, const struct origin *o)
{
	if (o->proxy) {
		curl_easy_setopt(c->easy, CURLOPT_PROXY, o->proxy);
		curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "");
	} else if (o->unix_path || is_loopback(o->host)) {
		curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	}
	/* Through a tunnel our own codec talks to the origin, not to the proxy. */
	curl_easy_setopt(c->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_options(struct connector *c, CURLSH *share, const struct origin *o, int timeout_ms)
{
	CURL *easy = c->easy;

	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->reason);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, c);
	/* A slow name server must not hold the loop when the call is given up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
	if (share)
		curl_easy_setopt(easy, CURLOPT_SHARE, share);
	if (o->unix_path)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, o->unix_path);
	if (o->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
	set_proxy(c, o);
}

static int set_up(struct connector *c, CURLSH *share, const struct origin *o, int timeout_ms)
{
	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (!c->easy || !c->multi || set_url(c, o) < 0)
		return -1;
	set_options(c, share, o, timeout_ms);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return curl_multi_add_handle(c->multi, c->easy) == CURLM_OK ? 0 : -1;
}

/* Waiting */

static int say_timeout(const char *name, int timeout_ms, struct err *err)
{
	return err_set(err, E_upstream_timeout, NULL,
		       "%s: not connected within %d ms (limit for connecting)", name, timeout_ms);
}

static int check_result(struct connector *c, const char *name, int timeout_ms, struct err *err)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (c->result == CURLE_OPERATION_TIMEDOUT)
		return say_timeout(name, timeout_ms, err);
	if (c->result == CURLE_OK)
		curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD)
		return err_set(err, E_upstream_unavailable, NULL, "%s: %s", name,
			       c->reason[0] ? c->reason : curl_easy_strerror(c->result));
	c->fd = fd;
	return 0;
}

/* libcurl works on the loop's stack: a TLS handshake would not leave much of a fiber's. */
static int wait_until_done(struct connector *c, const char *name, int timeout_ms, struct err *err)
{
	int64_t end_ms = loop_now_ms(c->loop) + timeout_ms;

	while (!c->is_done) {
		int64_t left_ms = end_ms - loop_now_ms(c->loop);

		if (left_ms <= 0)
			return say_timeout(name, timeout_ms, err);
		if (fiber_await(c, left_ms, err) < 0)
			return -1;
	}
	return check_result(c, name, timeout_ms, err);
}

struct connector *connector_open(struct loop *l, struct connector_share *s, const struct origin *o,
				 const char *name, int timeout_ms, struct err *err)
{
	struct connector *c = mem_new(struct connector);
	int result;

	c->loop = l;
	c->fiber = fiber_self();
	c->tls = o->tls;
	c->fd = c->taken_fd = -1;
	list_init(&c->waits);
	timer_init(&c->timer, l, on_timer);
	if (set_up(c, s->handle, o, timeout_ms) < 0)
		result = err_set(err, E_upstream_unavailable, NULL, "%s: no connection can be made",
				 name);
	else
		result = wait_until_done(c, name, timeout_ms, err);
	/* From here on the descriptor is watched by its new owner. */
	c->fiber = NULL;
	timer_cancel(&c->timer);
	list_each(&c->waits, at)
		watch_set(&container_of(at, struct wait, link)->watch, 0);
	if (result == 0)
		return c;
	connector_free(c);
	return NULL;
}

void connector_free(struct connector *c)
{
	if (!c)
		return;
	c->fiber = NULL;
	if (c->multi && c->easy)
		curl_multi_remove_handle(c->multi, c->easy);
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	timer_cancel(&c->timer);
	list_each(&c->waits, at)
		wait_free(container_of(at, struct wait, link));
	mem_free(c);
}

/* Connected */

int connector_fd(const struct connector *c)
{
	return c->fd;
}

/* Through an HTTP proxy that is itself reached by TLS the bytes are libcurl's to code. */
bool connector_is_plain(const struct connector *c)
{
	long proxy_status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	return proxy_status == 0 && !c->tls;
}

int connector_take_fd(struct connector *c)
{
	int fd = c->fd;

	c->taken_fd = fd;
	connector_free(c);
	return fd;
}

ssize_t connector_send(struct connector *c, const void *bytes, size_t len)
{
	size_t sent = 0;
	CURLcode code = curl_easy_send(c->easy, bytes, len, &sent);

	if (code == CURLE_AGAIN || (code == CURLE_OK && sent == 0))
		return CONNECTOR_AGAIN;
	return code == CURLE_OK ? (ssize_t)sent : CONNECTOR_BROKEN;
}

ssize_t connector_receive(struct connector *c, void *room, size_t len)
{
	size_t received = 0;
	CURLcode code = curl_easy_recv(c->easy, room, len, &received);

	if (code == CURLE_AGAIN)
		return CONNECTOR_AGAIN;
	if (code != CURLE_OK)
		return CONNECTOR_BROKEN;
	return received > 0 ? (ssize_t)received : CONNECTOR_CLOSED;
}
