/*
 * server/http/carrier.c - libwebsockets in its raw role, on the worker's libev loop, for TLS.
 *
 * What is minded here (libwebsockets 4.1.6): while it holds back a partial write it reads nothing,
 * so a readable socket would make the loop spin: reading is off meanwhile, and an epoll of our own,
 * which knows EPOLLRDHUP, tells when the peer leaves.  A socket is killed
 * synchronously outside its own callback and by the callback's result inside it.  Its choice of a
 * certificate by server name picks among virtual hosts, retired ones too, and asserts that it
 * finds one: our own callback leaves the choice that adoption made.  For each virtual host with
 * TLS it makes a client context with all of the system's certificates, and loses it;
 * ADOPT_APPLY_LISTEN_ACCEPT_CONFIG, which else concerns its own listeners, keeps it from that.
 */
#include "server/http/carrier_inside.h"

#include "common/base/log.h"
#include "common/base/mem.h"

#include <errno.h>
#include <libwebsockets.h>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that does not begin with a handshake is let through as it is: carrier_is_plain. */
#define TLS_OPTIONS                                                                       \
	(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX |  \
	 LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG |                             \
	 LWS_SERVER_OPTION_ALLOW_NON_SSL_ON_SSL_PORT | LWS_SERVER_OPTION_ALLOW_HTTP_ON_HTTPS_LISTENER)

enum { TLS_HANDSHAKE_SECONDS = 10, SEND_MAX = CARRIER_SLICE + 1024 };

/* A virtual host; retired ones live until their last socket has gone. */
struct host {
	struct lws_vhost *vhost;
	size_t sockets;
	bool retired;
};

static void *plain_realloc(void *ptr, size_t size, const char *reason)
{
	(void)reason;
	if (size == 0) {
		mem_free(ptr);
		return NULL;
	}
	return mem_realloc(ptr, size);
}

static void emit_log(int level, const char *line)
{
	size_t len = strlen(line);

	while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
		len--;
	if (level == LLL_ERR)
		log_warn("carrier", "%.*s", (int)len, line);
	else
		log_debug("carrier", "%.*s", (int)len, line);
}

static int fd_of(const struct carrier_socket *s)
{
	return s->wsi ? lws_get_socket_fd(s->wsi) : s->watch.fd;
}

/* Failing costs only that a leaving is noticed later. */
void carrier_watch_leaving(struct carrier_socket *s, bool on)
{
	struct epoll_event e = { .events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = s };
	int fd = fd_of(s);

	if (fd >= 0)
		(void)epoll_ctl(s->carrier->leaving.fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &e);
}

/* One by one: what an event leads to may free other sockets, which leave the epoll with it. */
static void someone_leaves(struct watch *w, int events)
{
	struct carrier *c = container_of(w, struct carrier, leaving);
	struct epoll_event e;

	(void)events;
	while (epoll_wait(w->fd, &e, 1, 0) == 1) {
		struct carrier_socket *s = e.data.ptr;

		if (s->owner)
			c->events->left(s->owner);
	}
}

static void apply_reading(struct carrier_socket *s)
{
	bool on = !s->held && !s->unwanted;

	if (on == s->reading)
		return;
	s->reading = on;
	lws_rx_flow_control(s->wsi, on);
	carrier_watch_leaving(s, !on);
}

static void host_drop(struct host *h)
{
	if (!h->retired || h->sockets > 0)
		return;
	lws_vhost_destroy(h->vhost);
	mem_free(h);
}

static void socket_gone(struct carrier_socket *s)
{
	struct host *h = s->host;
	void *owner = s->owner;

	if (!s->reading)
		carrier_watch_leaving(s, false);
	s->wsi = NULL;
	s->owner = NULL;
	if (s->adopting)
		return;
	if (owner)
		s->carrier->events->closed(owner);
	h->sockets--;
	mem_free(s);
	host_drop(h);
}

static void socket_writable(struct carrier_socket *s)
{
	if (!s->held || lws_partial_buffered(s->wsi))
		return;
	s->held = false;
	apply_reading(s);
	s->carrier->events->writable(s->owner);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): of a type that OpenSSL has */
static int keep_chosen_host(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	return SSL_TLSEXT_ERR_OK;
}

/* Reasons are numbers of the library that gives them. */
static bool is_reason(unsigned long code, int library, int reason)
{
	return ERR_GET_LIB(code) == library && ERR_GET_REASON(code) == reason;
}

static int tls_fault(struct err *err, const char *setting, const char *path, const char *form)
{
	/* The first tells why, the others who had asked for it. */
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_SYSTEM_ERROR(code) ? err_errno(ERR_GET_REASON(code))
						    : ERR_reason_error_string(code);

	/* What is in the file is not what the setting asks for: OpenSSL speaks of its decoders then. */
	if (is_reason(code, ERR_LIB_PEM, PEM_R_NO_START_LINE) ||
	    (!ERR_SYSTEM_ERROR(code) && ERR_GET_REASON(code) == ERR_R_UNSUPPORTED)) /* any library's */
		reason = form;
	ERR_clear_error();
	return err_set(err, E_invalid_config, setting, "%s: %s cannot be used: %s", setting, path,
		       reason ? reason : "OpenSSL does not say why");
}

/* Loads chain and key into ctx. */
static int tls_load(SSL_CTX *ctx, const char *certificate, const char *key, struct err *err)
{
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
		return tls_fault(err, "tls_certificate", certificate, "it holds no certificate in PEM form");
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 &&
	    !is_reason(ERR_peek_last_error(), ERR_LIB_X509, X509_R_KEY_VALUES_MISMATCH))
		return tls_fault(err, "tls_key", key, "it holds no private key in PEM form");
	if (SSL_CTX_check_private_key(ctx) != 1) {
		ERR_clear_error();
		return err_set(err, E_invalid_config, "tls_key", "tls_key: %s is not the key of %s", key,
			       certificate);
	}
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return tls_fault(err, "tls_certificate", certificate, "TLS 1.2 is not to be had");
	return 0;
}

/* Called by libwebsockets while it makes a virtual host with TLS. */
static int load_host(struct carrier *c, SSL_CTX *ctx)
{
	if (tls_load(ctx, c->certificate, c->key, NULL) < 0)
		return -1;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_tlsext_servername_callback(ctx, keep_chosen_host);
	return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t len)
{
	struct carrier_socket *s;

	switch (reason) {
	case LWS_CALLBACK_RAW_RX:
		s = lws_get_opaque_user_data(wsi);
		if (!s->owner)
			return -1;
		/* libwebsockets never takes back the time limit of the handshake by itself. */
		if (!s->greeted)
			lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
		s->greeted = true;
		s->in_callback = true;
		s->carrier->events->data(s->owner, span_of(in, len));
		s->in_callback = false;
		return s->owner ? 0 : -1;
	case LWS_CALLBACK_RAW_WRITEABLE:
		s = lws_get_opaque_user_data(wsi);
		if (!s->owner)
			return -1;
		s->in_callback = true;
		socket_writable(s);
		s->in_callback = false;
		return s->owner ? 0 : -1;
	case LWS_CALLBACK_RAW_CLOSE:
		s = lws_get_opaque_user_data(wsi);
		if (s)
			socket_gone(s);
		return 0;
	case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
		return load_host(lws_context_user(lws_get_context(wsi)), user);
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "http-raw", .callback = callback, .tx_packet_size = SEND_MAX },
	{ .name = NULL },
};

static struct host *host_new(struct carrier *c)
{
	char name[32];
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.vhost_name = name,
		.alpn = "http/1.1",
		.options = TLS_OPTIONS,
	};
	struct lws_vhost *vhost;
	struct host *h;

	snprintf(name, sizeof name, "tls-%u", c->hosts_made++);
	vhost = lws_create_vhost(c->context, &info);
	if (!vhost)
		return NULL;
	h = mem_new(struct host);
	h->vhost = vhost;
	return h;
}

struct carrier *carrier_new(struct loop *l, const struct carrier_events *events, struct err *err)
{
	struct carrier *c = mem_new(struct carrier);
	void *loops[1] = { loop_ev(l) };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.foreign_loops = loops,
		.options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
			   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME,
		.pt_serv_buf_size = LWS_PRE + CARRIER_READ,
		.timeout_secs = TLS_HANDSHAKE_SECONDS,
		.user = c,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, emit_log);
	lws_set_allocator(plain_realloc);
	c->loop = l;
	c->events = events;
	c->room = mem_alloc(CARRIER_READ);
	watch_init(&c->leaving, l, epoll_create1(EPOLL_CLOEXEC), someone_leaves);
	if (c->leaving.fd < 0) {
		err_set(err, E_internal_error, "", "there are no descriptors left to start with");
		carrier_free(c);
		return NULL;
	}
	watch_set(&c->leaving, LOOP_READ);
	c->context = lws_create_context(&info);
	if (!c->context) {
		err_set(err, E_internal_error, "",
			"libwebsockets cannot start; is its libev plugin (libwebsockets-evlib-ev) "
			"installed?");
		carrier_free(c);
		return NULL;
	}
	return c;
}

void carrier_free(struct carrier *c)
{
	if (!c)
		return;
	if (c->context)
		lws_context_destroy(c->context);
	watch_stop(&c->leaving);
	if (c->leaving.fd >= 0)
		close(c->leaving.fd);
	mem_free(c->tls);
	mem_free(c->room);
	mem_free(c);
}

int carrier_set_tls(struct carrier *c, const char *certificate, const char *key, struct err *err)
{
	struct host *h;

	if (carrier_check_tls(certificate, key, err) < 0)
		return -1;
	c->certificate = certificate;
	c->key = key;
	h = host_new(c);
	c->certificate = c->key = NULL;
	if (!h)
		return err_set(err, E_invalid_config, "", "TLS with %s cannot be set up",
			       certificate);
	if (c->tls) {
		c->tls->retired = true;
		host_drop(c->tls);
	}
	c->tls = h;
	return 0;
}

int carrier_check_tls(const char *certificate, const char *key, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int result;

	if (!ctx)
		return tls_fault(err, "tls_certificate", certificate, "");
	result = tls_load(ctx, certificate, key, err);
	SSL_CTX_free(ctx);
	return result;
}

static struct carrier_socket *adopt_tls(struct carrier *c, int fd, void *owner)
{
	struct host *h = c->tls;
	struct carrier_socket *s = mem_new(struct carrier_socket);
	lws_adopt_desc_t desc = {
		.vh = h->vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
		.fd.sockfd = fd,
		.opaque = s,
	};

	s->carrier = c;
	s->host = h;
	s->adopting = true;
	s->reading = true;
	s->wsi = lws_adopt_descriptor_vhost_via_info(&desc);
	s->adopting = false;
	if (!s->wsi) {
		mem_free(s);
		return NULL;
	}
	h->sockets++;
	s->owner = owner;
	return s;
}

struct carrier_socket *carrier_adopt(struct carrier *c, int fd, bool tls, void *owner)
{
	return tls ? adopt_tls(c, fd, owner) : plain_adopt(c, fd, owner);
}

bool carrier_is_plain(const struct carrier_socket *s)
{
	return s->wsi && !lws_get_ssl(s->wsi);
}

enum carrier_sent carrier_send(struct carrier_socket *s, const char *bytes, size_t len)
{
	/* The raw role only reads the bytes.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	unsigned char *writable = (unsigned char *)(uintptr_t)bytes;

	if (!s->wsi)
		return plain_send(s, bytes, len);
	if (lws_write(s->wsi, writable, len, LWS_WRITE_RAW) < 0)
		return CARRIER_BROKEN;
	if (!lws_partial_buffered(s->wsi))
		return CARRIER_SENT;
	s->held = true;
	apply_reading(s);
	return CARRIER_HELD;
}

/* Of a socket with TLS only libwebsockets knows what has come. */
size_t carrier_receive(struct carrier_socket *s, char *bytes, size_t len)
{
	return s->wsi ? 0 : plain_receive(s, bytes, len);
}

void carrier_read(struct carrier_socket *s, bool on)
{
	s->unwanted = !on;
	if (s->wsi)
		apply_reading(s);
	else
		plain_apply(s);
}

int carrier_unsent(struct carrier_socket *s)
{
	int count = -1;

	if (ioctl(fd_of(s), SIOCOUTQ, &count) < 0)
		return -1;
	return count;
}

static void say_goodbye(struct carrier_socket *s)
{
	SSL *ssl = s->wsi ? lws_get_ssl(s->wsi) : NULL;

	if (!ssl || !SSL_is_init_finished(ssl))
		return;
	ERR_clear_error();
	SSL_shutdown(ssl);
	ERR_clear_error();
}

void carrier_shut(struct carrier_socket *s)
{
	say_goodbye(s);
	shutdown(fd_of(s), SHUT_WR);
}

void carrier_close(struct carrier_socket *s)
{
	if (!s)
		return;
	if (!s->wsi) {
		plain_close(s);
		return;
	}
	s->owner = NULL;
	if (!s->in_callback)
		lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}
