/*
 * What may be listened on, and the sockets that come of it.
 */
#include "server/http/listen.h"
#include "server/http/listener.h"

#include "common/base/mem.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void addresses_are_parsed_or_refused(void **state)
{
	static const struct {
		const char *text;
		int family; /* 0: refused */
		int port;
	} cases[] = {
		{ "127.0.0.1:3000", AF_INET, 3000 },
		{ "127.0.0.1:0", AF_INET, 0 },
		{ "[::1]:65535", AF_INET6, 65535 },
		{ ":8080", AF_INET6, 8080 },
		{ "*:8080", AF_INET6, 8080 },
		{ "unix:/run/x.sock", AF_UNIX, 0 },
		{ "", 0, 0 },
		{ "3000", 0, 0 },
		{ "127.0.0.1", 0, 0 },
		{ "127.0.0.1:", 0, 0 },
		{ "127.0.0.1:65536", 0, 0 },
		{ "127.0.0.1:+1", 0, 0 },
		{ "127.0.0.1:80x", 0, 0 },
		{ "::1:3000", 0, 0 },
		{ "[127.0.0.1:1", 0, 0 },
		{ "[not-an-address]:80", 0, 0 },
		{ "unix:", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct listen_address a;
		struct err err = ERR_INIT;
		int result = listen_address_parse(cases[i].text, &a, &err);

		if (!cases[i].family) {
			if (result == 0)
				fail_msg("\"%s\" was taken", cases[i].text);
			assert_int_equal(err.code, E_invalid_config);
			continue;
		}
		if (result < 0)
			fail_msg("\"%s\": %s", cases[i].text, err.message);
		assert_int_equal(a.addr.ss_family, cases[i].family);
		if (cases[i].family == AF_INET)
			assert_int_equal(ntohs(((struct sockaddr_in *)&a.addr)->sin_port),
					 cases[i].port);
		if (cases[i].family == AF_INET6)
			assert_int_equal(ntohs(((struct sockaddr_in6 *)&a.addr)->sin6_port),
					 cases[i].port);
	}
}

static void a_unix_path_must_fit_a_socket(void **state)
{
	enum { MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1 };
	char text[5 + MAX + 2] = "unix:";
	struct listen_address a;
	struct err err = ERR_INIT;

	(void)state;
	memset(text + 5, 'p', MAX);
	assert_int_equal(listen_address_parse(text, &a, &err), 0);
	text[5 + MAX] = 'p';
	assert_int_equal(listen_address_parse(text, &a, &err), -1);
}

static void port_0_becomes_one_real_port_for_all_workers(void **state)
{
	const char *texts[] = { "127.0.0.1:0" };
	struct err err = ERR_INIT;
	struct listen_set *s = listen_set_new(texts, 1, 3, &err);

	(void)state;
	assert_non_null(s);
	assert_true(listen_set_is_tcp(s, 0));
	assert_null(strstr(listen_set_name(s, 0), ":0"));
	for (int i = 0; i < 3; i++) {
		struct sockaddr_in in;
		socklen_t len = sizeof in;
		char name[64];

		assert_int_equal(getsockname(listen_set_fd(s, 0, i), (struct sockaddr *)&in, &len),
				 0);
		snprintf(name, sizeof name, "127.0.0.1:%u", ntohs(in.sin_port));
		assert_string_equal(name, listen_set_name(s, 0));
	}
	assert_int_not_equal(listen_set_fd(s, 0, 0), listen_set_fd(s, 0, 1));
	listen_set_free(s);
}

/* SO_REUSEPORT alone would let both have it. */
static void a_port_in_use_is_refused(void **state)
{
	const char *texts[] = { "127.0.0.1:0" };
	struct err err = ERR_INIT;
	struct listen_set *s = listen_set_new(texts, 1, 2, &err);

	(void)state;
	assert_non_null(s);
	texts[0] = listen_set_name(s, 0);
	assert_null(listen_set_new(texts, 1, 2, &err));
	assert_non_null(strstr(err.message, "in use"));
	assert_string_equal(err.param, "listen.address");
	listen_set_free(s);
}

static void unix_sockets_are_private_replaced_when_stale_and_removed(void **state)
{
	char dir[] = "/tmp/spass-listen-XXXXXX", text[128];
	const char *texts[] = { text };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof text, "unix:%s/s", dir);
	snprintf(un.sun_path, sizeof un.sun_path, "%s/s", dir);
	/* Left behind by a process that died. */
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
	close(fd);

	struct listen_set *s = listen_set_new(texts, 1, 2, &err);
	assert_non_null(s);
	assert_false(listen_set_is_tcp(s, 0));
	assert_string_equal(listen_set_name(s, 0), text);
	assert_int_equal(listen_set_fd(s, 0, 0), listen_set_fd(s, 0, 1));
	assert_int_equal(stat(un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	assert_null(listen_set_new(texts, 1, 1, &err));
	assert_non_null(strstr(err.message, "another process listens there"));
	assert_string_equal(err.param, "listen.address");
	assert_int_equal(stat(un.sun_path, &st), 0);

	listen_set_free(s);
	assert_int_equal(stat(un.sun_path, &st), -1);
	rmdir(dir);
}

static void an_ordinary_file_is_not_replaced(void **state)
{
	char path[] = "/tmp/spass-listen-XXXXXX", text[128];
	const char *texts[] = { text };
	struct err err = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	snprintf(text, sizeof text, "unix:%s", path);
	assert_null(listen_set_new(texts, 1, 1, &err));
	assert_non_null(strstr(err.message, "no socket"));
	assert_int_equal(unlink(path), 0);
	close(fd);
}

static void systemds_sockets_are_taken_only_when_they_are_ours(void **state)
{
	const char *texts[] = { "127.0.0.1:0" };
	struct err err = ERR_INIT;
	char pid[16];

	(void)state;
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", "1", 1);
	struct listen_set *s = listen_set_new(texts, 1, 1, &err);
	assert_non_null(s);
	listen_set_free(s);

	/* Descriptor 3 is made to be a socket that does not listen. */
	int saved = dup(3), fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(dup2(fd, 3) == 3);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	assert_null(listen_set_new(texts, 1, 1, &err));
	assert_non_null(strstr(err.message, "does not listen"));
	if (fd != 3)
		close(fd);

	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_true(dup2(fd, 3) == 3);
	s = listen_set_new(texts, 1, 4, &err);
	assert_non_null(s);
	assert_int_equal(listen_set_fd(s, 0, 0), 3);
	assert_int_equal(listen_set_fd(s, 0, 3), 3);
	listen_set_free(s);
	if (fd != 3)
		close(fd);
	if (saved >= 0)
		dup2(saved, 3);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
}

static void the_gate_refuses_above_its_limit_and_shuts_far_above(void **state)
{
	struct gate g = { .max = 2 };

	(void)state;
	assert_int_equal(gate_enter(&g), GATE_OPEN);
	assert_int_equal(gate_enter(&g), GATE_OPEN);
	for (int i = 0; i < GATE_REFUSED_MAX; i++)
		assert_int_equal(gate_enter(&g), GATE_REFUSE);
	assert_int_equal(gate_enter(&g), GATE_SHUT);
	gate_leave(&g, true);
	assert_int_equal(gate_enter(&g), GATE_REFUSE);
	gate_leave(&g, false);
	assert_int_equal(gate_enter(&g), GATE_OPEN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_parsed_or_refused),
		cmocka_unit_test(a_unix_path_must_fit_a_socket),
		cmocka_unit_test(port_0_becomes_one_real_port_for_all_workers),
		cmocka_unit_test(a_port_in_use_is_refused),
		cmocka_unit_test(unix_sockets_are_private_replaced_when_stale_and_removed),
		cmocka_unit_test(an_ordinary_file_is_not_replaced),
		cmocka_unit_test(systemds_sockets_are_taken_only_when_they_are_ours),
		cmocka_unit_test(the_gate_refuses_above_its_limit_and_shuts_far_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
