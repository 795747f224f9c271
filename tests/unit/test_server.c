/*
 * The whole gateway in this process: started from a configuration, spoken to over TCP, TLS and a
 * Unix socket, reloaded, drained and stopped.
 */
#include "server/server.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "server/server_parts.h"
#include "tests/support/store_stage.h"
#include "tests/support/tree.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000, FLAGS_MAX = 12 };

static struct {
	char dir[64];
	char config_path[96], data_path[96], socket_text[128];
	struct config_flag flags[FLAGS_MAX];
	struct server_source source;
	struct server *server;
} t;

static void flag(const char *name, const char *value)
{
	assert_true(t.source.flag_count < FLAGS_MAX);
	t.flags[t.source.flag_count++] = (struct config_flag){ name, value };
}

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	memset(&t, 0, sizeof t);
	snprintf(t.dir, sizeof t.dir, "/tmp/spass-server-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.config_path, sizeof t.config_path, "%s/spass.yaml", t.dir);
	snprintf(t.data_path, sizeof t.data_path, "%s/data", t.dir);
	snprintf(t.socket_text, sizeof t.socket_text, "unix:%s/socket", t.dir);
	assert_int_equal(file_write(t.config_path, SPAN_LIT(""), &err), 0);
	t.source = (struct server_source){ .path = t.config_path, .flags = t.flags };
	flag("data_dir", t.data_path);
	flag("discover", "false");
	flag("log_level", "error");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_stop(t.server);
	tree_remove(t.dir);
	return 0;
}

static void start_or_fail(struct err *err)
{
	struct config *c = config_load(t.source.path, NULL, t.flags, t.source.flag_count, err);

	if (!c)
		fail_msg("%s", err->message);
	t.server = server_start(c, &t.source, err);
}

static void start(const char *listen)
{
	struct err err = ERR_INIT;

	flag("listen", listen);
	start_or_fail(&err);
	if (!t.server)
		fail_msg("%s", err.message);
}

/* Clients */

static int dial_tcp(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons((uint16_t)strtol(strrchr(address, ':') + 1, NULL, 10));
	if (connect(fd, (struct sockaddr *)&in, sizeof in) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int dial_unix(const char *address)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof un.sun_path, "%s", address + 5);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	return fd;
}

/* Reads until the text holds what is wanted, or the end.  false: neither came in time. */
static bool receive(int fd, struct buf *got, const char *wanted)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;

	while (!strstr(buf_str(got), wanted)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char piece[4096];
		int64_t left_ms = until_ms - clock_mono_ms();

		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) <= 0)
			return false;
		ssize_t n = read(fd, piece, sizeof piece);
		if (n <= 0)
			return wanted[0] == '\0' || strstr(buf_str(got), wanted);
		buf_add(got, piece, (size_t)n);
	}
	return true;
}

static bool ask(int fd, const char *request, const char *wanted)
{
	struct buf got;
	bool found;

	buf_init(&got, MIB);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	found = receive(fd, &got, wanted);
	if (!found)
		print_message("got: %s\n", buf_str(&got));
	buf_free(&got);
	return found;
}

static const char health[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
static const char ok[] = "{\"status\":\"ok\"}";

static void starts_and_answers(void **state)
{
	(void)state;
	flag("workers", "2");
	start("127.0.0.1:0");
	assert_non_null(server_address(t.server, 0));
	assert_null(server_address(t.server, 1));
	assert_memory_equal(server_address(t.server, 0), "http://127.0.0.1:", 17);
	assert_null(strstr(server_address(t.server, 0), ":0"));
	int fd = dial_tcp(server_address(t.server, 0));
	assert_true(ask(fd, health, ok));
	close(fd);
}

static void makes_a_token_and_wants_it(void **state)
{
	char request[512];
	struct stat st;

	(void)state;
	start("127.0.0.1:0");
	assert_true(server_made_token(t.server));
	assert_non_null(server_token(t.server));
	assert_int_equal(stat(server_token_path(t.server), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	int fd = dial_tcp(server_address(t.server, 0));
	assert_true(ask(fd, "GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n", "missing_authorization"));
	snprintf(request, sizeof request,
		 "GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n",
		 server_token(t.server));
	assert_true(ask(fd, request, "200 OK"));
	close(fd);
}

static void listens_on_a_unix_socket_beside_tcp(void **state)
{
	char listen[192];

	(void)state;
	snprintf(listen, sizeof listen, "127.0.0.1:0,%s", t.socket_text);
	start(listen);
	assert_string_equal(server_address(t.server, 1), t.socket_text);
	int one = dial_tcp(server_address(t.server, 0)),
	    two = dial_unix(server_address(t.server, 1));
	assert_true(ask(one, health, ok));
	assert_true(ask(two, health, ok));
	close(one);
	close(two);
}

static void a_start_that_fails_says_why_and_leaves_nothing_but_the_token(void **state)
{
	struct err err = ERR_INIT;
	char token[192];

	(void)state;
	flag("listen", "unix:/nowhere/at/all");
	start_or_fail(&err);
	assert_null(t.server);
	assert_int_equal(err.code, E_invalid_config);
	/* It is made first, as who can connect looks for it. */
	snprintf(token, sizeof token, "%s/token", t.data_path);
	assert_int_equal(unlink(token), 0);
	assert_int_equal(rmdir(t.data_path), 0);
}

static void above_max_connections_clients_get_503(void **state)
{
	int fds[4];

	(void)state;
	flag("max_connections", "3");
	start("127.0.0.1:0");
	for (int i = 0; i < 3; i++) {
		fds[i] = dial_tcp(server_address(t.server, 0));
		assert_true(ask(fds[i], health, ok));
	}
	fds[3] = dial_tcp(server_address(t.server, 0));
	assert_true(ask(fds[3], health, "\"code\":\"overloaded\""));
	close(fds[3]);
	close(fds[2]);
	/* The place is free as soon as the worker has seen the end. */
	bool served = false;
	for (int i = 0; i < 1000 && !served; i++) {
		struct buf got;

		fds[3] = dial_tcp(server_address(t.server, 0));
		buf_init(&got, MIB);
		assert_int_equal(write(fds[3], health, strlen(health)), strlen(health));
		receive(fds[3], &got, "}");
		served = strstr(buf_str(&got), ok);
		buf_free(&got);
		close(fds[3]);
	}
	assert_true(served);
	close(fds[0]);
	close(fds[1]);
}

static void a_reload_takes_over_and_a_wrong_one_does_not(void **state)
{
	static const char post[] =
		"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n"
		"Authorization: Bearer secret\r\nContent-Type: application/json\r\n\r\n";
	struct err err = ERR_INIT;

	(void)state;
	flag("token", "secret");
	flag("workers", "3");
	start("127.0.0.1:0");
	assert_int_equal(file_write(t.config_path, SPAN_LIT("max_body_bytes: nonsense\n"), &err),
			 0);
	assert_int_equal(server_reload(t.server, &err), -1);
	assert_int_equal(err.code, E_invalid_config);
	assert_int_equal(file_write(t.config_path, SPAN_LIT("max_body_bytes: 1KiB\n"), &err), 0);
	assert_int_equal(server_reload(t.server, &err), 0);
	/* All workers have it when the reload returns. */
	for (int i = 0; i < 30; i++) {
		int fd = dial_tcp(server_address(t.server, 0));

		assert_true(ask(fd, post, "body_too_large"));
		close(fd);
	}
}

/* TLS */

static void make_certificate(const char *name, const char *certificate, const char *key)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);

	assert_non_null(pkey);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(x, subject);
	X509_set_pubkey(x, pkey);
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	FILE *f = fopen(certificate, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
	f = fopen(key, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static SSL *dial_tls(SSL_CTX *ctx, char *name, size_t size)
{
	static const unsigned char alpn[] = "\x02h2\x08http/1.1";
	const unsigned char *chosen;
	unsigned len;
	int fd = dial_tcp(server_address(t.server, 0));
	SSL *ssl = SSL_new(ctx);

	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, "tls-0");
	SSL_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
	assert_int_equal(SSL_connect(ssl), 1);
	SSL_get0_alpn_selected(ssl, &chosen, &len);
	assert_true(span_is(span_of((const char *)chosen, len), "http/1.1"));
	X509 *x = SSL_get1_peer_certificate(ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, (int)size);
	X509_free(x);
	return ssl;
}

static void ask_tls(SSL *ssl)
{
	char answer[4096];
	size_t len = 0;

	assert_int_equal(SSL_write(ssl, health, sizeof health - 1), sizeof health - 1);
	while (len < sizeof answer - 1) {
		int n = SSL_read(ssl, answer + len, (int)(sizeof answer - 1 - len));

		assert_true(n > 0);
		len += (size_t)n;
		answer[len] = '\0';
		if (strstr(answer, ok))
			return;
	}
	fail();
}

static void hang_up_tls(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static void speaks_tls_and_reads_the_certificate_again(void **state)
{
	char certificate[96], key[96], name[64] = "";
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct err err = ERR_INIT;

	(void)state;
	snprintf(certificate, sizeof certificate, "%s/cert.pem", t.dir);
	snprintf(key, sizeof key, "%s/key.pem", t.dir);
	make_certificate("first", certificate, key);
	flag("tls_certificate", certificate);
	flag("tls_key", key);
	start("127.0.0.1:0");
	assert_memory_equal(server_address(t.server, 0), "https://", 8);
	SSL *old = dial_tls(ctx, name, sizeof name);
	assert_string_equal(name, "first");
	ask_tls(old);

	/* A key that does not fit is refused, the former pair stays. */
	char other[96];
	snprintf(other, sizeof other, "%s/other.pem", t.dir);
	make_certificate("second", certificate, other);
	assert_int_equal(server_reload(t.server, &err), -1);
	make_certificate("second", certificate, key);
	assert_int_equal(server_reload(t.server, &err), 0);
	for (int i = 0; i < 1000 && strcmp(name, "second") != 0; i++)
		hang_up_tls(dial_tls(ctx, name, sizeof name));
	assert_string_equal(name, "second");
	ask_tls(old);
	hang_up_tls(old);

	/* Plain bytes on a TLS port are told so; old versions get nowhere. */
	int fd = dial_tcp(server_address(t.server, 0));
	assert_true(ask(fd, health, "this port speaks TLS"));
	close(fd);
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	fd = dial_tcp(server_address(t.server, 0));
	SSL *ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	assert_int_not_equal(SSL_connect(ssl), 1);
	SSL_free(ssl);
	close(fd);
	SSL_CTX_free(ctx);
}

/* The end */

static void a_drained_server_refuses_connections(void **state)
{
	const int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	char address[64];

	(void)state;
	start("127.0.0.1:0");
	snprintf(address, sizeof address, "%s", server_address(t.server, 0));
	int fd = dial_tcp(address);
	assert_true(ask(fd, health, ok));
	server_begin_drain(t.server);
	while (server_drain_left(t.server) != 0 && clock_mono_ms() < until_ms)
		pause_ms(DRAIN_LOOK_MS);
	assert_int_equal(server_drain_left(t.server), 0);
	assert_int_equal(dial_tcp(address), -1);
	assert_true(ask(fd, "", "")); /* the idle one has been closed */
	close(fd);
}

static void *terminate(void *arg)
{
	int fd = dial_tcp(arg);

	assert_true(ask(fd, health, ok));
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGTERM);
	close(fd);
	return NULL;
}

static void runs_until_a_signal_and_tells_the_manager(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	static const char *const words[] = { "READY=1", "RELOADING=1\nMONOTONIC_USEC=", "READY=1",
					     "STOPPING=1" };
	int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	sigset_t set;
	char address[64];

	(void)state;
	snprintf(un.sun_path, sizeof un.sun_path, "%s/notify", t.dir);
	assert_int_equal(bind(manager, (struct sockaddr *)&un, sizeof un), 0);
	setenv("NOTIFY_SOCKET", un.sun_path, 1);
	start("127.0.0.1:0");
	snprintf(address, sizeof address, "%s", server_address(t.server, 0));
	/* So that they wait for server_run, whichever thread is the first. */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(pthread_create(&thread, NULL, terminate, address), 0);
	struct server *s = t.server;
	t.server = NULL;
	assert_int_equal(server_run(s), 0);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		char got[128] = "";

		assert_true(recv(manager, got, sizeof got - 1, MSG_DONTWAIT) > 0);
		assert_memory_equal(got, words[i], strlen(words[i]));
	}
	unsetenv("NOTIFY_SOCKET");
	close(manager);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(starts_and_answers),
		TEST(makes_a_token_and_wants_it),
		TEST(listens_on_a_unix_socket_beside_tcp),
		TEST(a_start_that_fails_says_why_and_leaves_nothing_but_the_token),
		TEST(above_max_connections_clients_get_503),
		TEST(a_reload_takes_over_and_a_wrong_one_does_not),
		TEST(speaks_tls_and_reads_the_certificate_again),
		TEST(a_drained_server_refuses_connections),
		TEST(runs_until_a_signal_and_tells_the_manager),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
