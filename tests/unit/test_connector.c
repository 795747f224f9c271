/*
 * Ways to an upstream besides plain TCP: Unix sockets, proxies, TLS.
 */
#include "tests/support/upcall_stage.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void a_unix_socket_serves_as_well(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ, SEND(OK_FIVE), GONE },
	};
	char path[] = "/tmp/spass-test-XXXXXX", name[64];
	struct stage s;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof name, "%s/socket", path);
	stage_init(&s);
	peer_start(&s.peer, scripts, 1, name, NULL);
	stage_open(&s);
	s.origin = (struct origin){ .unix_path = name };
	stage_run(&s, get_twice);
	assert_ok(&s, "hello");
	assert_non_null(strstr(s.peer.last_head, "Host: localhost\r\n"));
	finish(&s);
	unlink(name);
	rmdir(path);
}

static void a_proxy_is_tunnelled_through(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND("HTTP/1.1 200 Established\r\n\r\n"), READ, SEND(OK_FIVE),
		  READ, SEND(OK_FIVE), GONE },
	};
	struct stage s;
	char proxy[64];

	(void)state;
	stage_init(&s);
	peer_start(&s.peer, scripts, 1, NULL, NULL);
	stage_open(&s);
	snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", s.peer.port);
	s.origin = (struct origin){ .host = "model.invalid", .port = 80, .proxy = proxy };
	stage_run(&s, get_twice);
	assert_ok(&s, "hello");
	assert_non_null(strstr(s.peer.last_head,
			       "GET /v1/x?y=1 HTTP/1.1\r\nHost: model.invalid\r\n"));
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.requests), 3);
}

/* The environment of this program names a proxy that is not there: see main */
static void the_environments_proxy_is_not_for_loopback(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), GONE } };
	static const char *const elsewhere[] = { "model.invalid", "127.model.invalid" };
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, get_once);
	assert_ok(&s, "hello");
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		s.origin.host = elsewhere[i];
		stage_run(&s, get_once);
		assert_failed(&s, E_upstream_unavailable);
		assert_non_null(strstr(s.err.message, "port 9"));
		assert_null(strstr(s.err.message, "secret"));
	}
	finish(&s);
}

/* TLS */

struct authority {
	char path[32];
	SSL_CTX *server;
};

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static void authority_make(struct authority *a)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	FILE *file;
	int fd;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(cert, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	snprintf(a->path, sizeof a->path, "/tmp/spass-test-XXXXXX");
	fd = mkstemp(a->path);
	assert_true(fd >= 0);
	file = fdopen(fd, "w");
	assert_int_equal(PEM_write_X509(file, cert), 1);
	fclose(file);
	a->server = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(a->server, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(a->server, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void authority_free(struct authority *a)
{
	SSL_CTX_free(a->server);
	unlink(a->path);
}

static void post_much_twice(struct stage *s)
{
	post_much(s);
	assert_int_equal(s->result, UPCALL_END);
	post_much(s);
}

static void tls_carries_large_bodies_both_ways(void **state)
{
	static const struct step scripts[][STEPS_MAX] = {
		{ READ, SEND(OK_FIVE), READ,
		  SEND("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"), FILL(3000000),
		  GONE },
	};
	struct authority a;
	struct stage s;

	(void)state;
	authority_make(&a);
	stage_init(&s);
	peer_start(&s.peer, scripts, 1, NULL, a.server);
	stage_open(&s);
	s.origin.tls = true;
	s.origin.ca_file = a.path;
	stage_run(&s, post_much_twice);
	assert_int_equal(s.result, UPCALL_END);
	assert_int_equal(s.body.len, 3000000);
	assert_true(s.timing.reused);
	assert_int_equal(atomic_load(&s.peer.body_bytes), 2 * much());
	assert_int_equal(uplink_pool_idle(s.pool), 1);
	finish(&s);
	authority_free(&a);
}

static void an_unknown_certificate_is_refused(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE) } };
	struct authority a;
	struct stage s;

	(void)state;
	authority_make(&a);
	stage_init(&s);
	peer_start(&s.peer, scripts, 1, NULL, a.server);
	stage_open(&s);
	s.origin.tls = true;
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_unavailable);
	assert_non_null(strstr(s.err.message, "certificate"));
	finish(&s);
	assert_int_equal(atomic_load(&s.peer.requests), 0);
	authority_free(&a);
}

static void tls_connections_go_stale_answer_early_and_are_cancelled(void **state)
{
	static const struct {
		struct step scripts[2][STEPS_MAX];
		void (*scene)(struct stage *);
		const char *body; /* NULL: cancelled */
	} cases[] = {
		{ { { READ, SEND(OK_FIVE), READ }, { READ, SEND(OK_FIVE), GONE } },
		  get_twice, "hello" },
		{ { { HEAD, PAUSE(20), SEND(OK_FIVE), GONE } }, post_much, "hello" },
		{ { { READ, CANCEL, GONE } }, get_until_cancelled, NULL },
		{ { { CANCEL, GONE } }, post_until_cancelled, NULL },
	};
	struct authority a;

	(void)state;
	authority_make(&a);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stage s;

		stage_init(&s);
		peer_start(&s.peer, cases[i].scripts, 2, NULL, a.server);
		stage_open(&s);
		s.origin.tls = true;
		s.origin.ca_file = a.path;
		stage_run(&s, cases[i].scene);
		if (cases[i].body)
			assert_ok(&s, cases[i].body);
		else
			assert_failed(&s, E_cancelled);
		finish(&s);
	}
	authority_free(&a);
}

static void a_tls_handshake_counts_as_connecting(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	peer_start(&s.peer, scripts, 1, NULL, NULL);
	stage_open(&s);
	s.origin.tls = true;
	s.limits.connect_ms = 50;
	stage_run(&s, get_once);
	assert_failed(&s, E_upstream_timeout);
	finish(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unix_socket_serves_as_well),
		cmocka_unit_test(a_proxy_is_tunnelled_through),
		cmocka_unit_test(the_environments_proxy_is_not_for_loopback),
		cmocka_unit_test(tls_carries_large_bodies_both_ways),
		cmocka_unit_test(an_unknown_certificate_is_refused),
		cmocka_unit_test(tls_connections_go_stale_answer_early_and_are_cancelled),
		cmocka_unit_test(a_tls_handshake_counts_as_connecting),
	};

	signal(SIGPIPE, SIG_IGN);
	setenv("http_proxy", "http://user:secret@127.0.0.1:9", 1);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
