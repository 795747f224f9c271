/*
 * Connections by libcurl: see connector.h.
 */
#include "common/loop/connector.h"

#include "common/base/log.h"
#include "common/loop/curl_engine.h"
#include "common/loop/inside.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { URL_MAX = 1024, KEEPALIVE_IDLE_S = 60, KEEPALIVE_INTERVAL_S = 30, SMALL_BUFFER = 1024 };

/*
 * One engine is shared by all connections that are taken over as soon as they stand; a connection that
 * stays with libcurl has its own, as a shared one might close it for being idle.
 */
struct connector_share {
	CURLSH *handle;
	struct curl_engine engine;
};

struct connector {
	struct fiber *fiber; /* who waits */
	CURL *easy;
	struct curl_engine *engine; /* the share's or own */
	struct curl_engine own;
	CURLcode result;
	bool is_done;
	bool tls;
	SSL *ssl; /* libcurl's; NULL: it may hold bytes that we know nothing of */
	bool has_received; /* through libcurl */
	bool is_ours;      /* ssl is on the descriptor itself */
	int fd;
	int taken_fd; /* libcurl must not close it; -1: none */
	char reason[CURL_ERROR_SIZE];
};

static void connector_done(void *owner, CURLcode result)
{
	struct connector *c = owner;

	c->result = result;
	c->is_done = true;
	fiber_notify(c->fiber, c);
}

/* The share */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("loop", "libcurl cannot be started");
		abort();
	}
}

struct connector_share *connector_share_new(struct loop *l)
{
	struct connector_share *s = mem_new(struct connector_share);

	pthread_once(&curl_once, start_curl);
	s->handle = curl_share_init();
	if (!s->handle || curl_engine_init(&s->engine, l, true, connector_done) < 0) {
		log_error("loop", "libcurl has no memory left");
		abort();
	}
	curl_share_setopt(s->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(s->handle, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return s;
}

void connector_share_free(struct connector_share *s)
{
	if (!s)
		return;
	curl_engine_clear(&s->engine);
	curl_share_cleanup(s->handle);
	mem_free(s);
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
	struct in_addr address;

	/* A name may begin with 127 too. */
	if (inet_pton(AF_INET, host, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return span_is_nocase(name, "localhost") || span_ends(name, ".localhost") ||
	       span_is(name, "::1");
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

/* Whether no proxy can come into it, neither by the origin nor by the environment. */
static bool is_direct(const struct origin *o)
{
	return o->proxy ? !o->proxy[0] : o->unix_path || is_loopback(o->host);
}

/* A proxy named for the origin is used whatever the environment says of exceptions. */
static void set_proxy(struct connector *c, const struct origin *o)
{
	if (is_direct(o)) {
		curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	} else if (o->proxy) {
		curl_easy_setopt(c->easy, CURLOPT_PROXY, o->proxy);
		curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "");
	}
	/* Through a tunnel our own codec talks to the origin, not to the proxy. */
	curl_easy_setopt(c->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/* libcurl tells of its SSL only while it transfers itself; the one that shakes hands last is ours. */
static void note_layer(const SSL *ssl, int where, int result)
{
	struct connector *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)result;
	if (c && where & SSL_CB_HANDSHAKE_START)
		c->ssl = (SSL *)(uintptr_t)ssl; /* NOLINT(performance-no-int-to-ptr): a callback's view of it */
}

static CURLcode set_up_tls(CURL *easy, void *context, void *connector)
{
	(void)easy;
	/* Else OpenSSL asks the system twice for each record: for its head and for the rest. */
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_app_data(context, connector);
	SSL_CTX_set_info_callback(context, note_layer);
	return CURLE_OK;
}

/* Libcurl may be one that is built with another library. */
static bool has_openssl(void)
{
	const char *library = curl_version_info(CURLVERSION_NOW)->ssl_version;

	return library && span_starts(span_str(library), "OpenSSL/");
}

static void set_options(struct connector *c, struct connector_share *share, const struct origin *o,
			int timeout_ms)
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
	curl_easy_setopt(easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(easy, CURLOPT_SHARE, share->handle);
	/* Nothing is ever received into libcurl's own buffer. */
	if (c->engine->is_shared)
		curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)SMALL_BUFFER);
	if (o->unix_path)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, o->unix_path);
	if (o->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
	if (o->tls && has_openssl()) {
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, c);
	}
	set_proxy(c, o);
}

static int set_up(struct connector *c, struct loop *l, struct connector_share *share,
		  const struct origin *o, int timeout_ms)
{
	if (!o->tls && is_direct(o)) {
		c->engine = &share->engine;
	} else {
		if (curl_engine_init(&c->own, l, false, connector_done) < 0)
			return -1;
		c->engine = &c->own;
	}
	c->easy = curl_easy_init();
	if (!c->easy || set_url(c, o) < 0)
		return -1;
	set_options(c, share, o, timeout_ms);
	return curl_multi_add_handle(c->engine->multi, c->easy) == CURLM_OK ? 0 : -1;
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
	int64_t end_ms = loop_now_ms(c->engine->loop) + timeout_ms;

	while (!c->is_done) {
		int64_t left_ms = end_ms - loop_now_ms(c->engine->loop);

		if (left_ms <= 0)
			return say_timeout(name, timeout_ms, err);
		if (fiber_await(c, left_ms, err) < 0)
			return -1;
	}
	return check_result(c, name, timeout_ms, err);
}

/* Through an HTTP proxy, which may be reached by TLS itself, there may be bytes in another layer. */
static bool has_proxy(const struct connector *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status != 0;
}

struct connector *connector_open(struct loop *l, struct connector_share *s, const struct origin *o,
				 const char *name, int timeout_ms, struct err *err)
{
	struct connector *c = mem_new(struct connector);
	int result;

	c->fiber = fiber_self();
	c->tls = o->tls;
	c->fd = c->taken_fd = -1;
	if (set_up(c, l, s, o, timeout_ms) < 0)
		result = err_set(err, E_upstream_unavailable, NULL, "%s: no connection can be made",
				 name);
	else
		result = wait_until_done(c, name, timeout_ms, err);
	if (result < 0) {
		connector_free(c);
		return NULL;
	}
	if (!c->engine->is_shared)
		curl_engine_rest(c->engine);
	if (has_proxy(c))
		c->ssl = NULL;
	return c;
}

void connector_free(struct connector *c)
{
	if (!c)
		return;
	if (c->easy && c->engine)
		curl_multi_remove_handle(c->engine->multi, c->easy);
	curl_easy_cleanup(c->easy);
	if (c->engine == &c->own)
		curl_engine_clear(&c->own);
	mem_free(c);
}

/* Connected */

int connector_fd(const struct connector *c)
{
	return c->fd;
}

bool connector_is_plain(const struct connector *c)
{
	return !c->tls && !has_proxy(c);
}

int connector_take_fd(struct connector *c)
{
	int fd = c->fd;

	c->taken_fd = fd;
	connector_free(c);
	return fd;
}

/*
 * From its second call on a connection's TLS is ours: libcurl, which has to see the tickets of the
 * session that come with the first answer, looks for the connection anew with each send and receive.
 */
static bool is_ours(struct connector *c)
{
	if (!c->is_ours && c->ssl && c->has_received)
		c->is_ours = SSL_set_fd(c->ssl, c->fd) == 1;
	return c->is_ours;
}

/* What came of SSL_read or SSL_write: it has not done anything. */
static ssize_t fault_of(const struct connector *c, int result)
{
	switch (SSL_get_error(c->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return CONNECTOR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return CONNECTOR_CLOSED;
	default:
		ERR_clear_error();
		return CONNECTOR_BROKEN;
	}
}

static int at_most_int(size_t len)
{
	return len > INT_MAX ? INT_MAX : (int)len;
}

ssize_t connector_send(struct connector *c, const void *bytes, size_t len)
{
	size_t sent = 0;
	CURLcode code;

	if (is_ours(c)) {
		ERR_clear_error();
		int n = SSL_write(c->ssl, bytes, at_most_int(len));
		ssize_t fault = n > 0 ? n : fault_of(c, n);

		return fault == CONNECTOR_CLOSED ? CONNECTOR_BROKEN : fault;
	}
	code = curl_easy_send(c->easy, bytes, len, &sent);
	if (code == CURLE_AGAIN || (code == CURLE_OK && sent == 0))
		return CONNECTOR_AGAIN;
	return code == CURLE_OK ? (ssize_t)sent : CONNECTOR_BROKEN;
}

ssize_t connector_receive(struct connector *c, void *room, size_t len)
{
	size_t received = 0;
	CURLcode code;

	if (c->is_ours) {
		ERR_clear_error();
		int n = SSL_read(c->ssl, room, at_most_int(len));

		return n > 0 ? n : fault_of(c, n);
	}
	code = curl_easy_recv(c->easy, room, len, &received);
	if (code == CURLE_AGAIN)
		return CONNECTOR_AGAIN;
	if (code != CURLE_OK)
		return CONNECTOR_BROKEN;
	c->has_received = true;
	return received > 0 ? (ssize_t)received : CONNECTOR_CLOSED;
}

bool connector_may_hold_more(const struct connector *c)
{
	return !c->ssl || SSL_has_pending(c->ssl);
}
