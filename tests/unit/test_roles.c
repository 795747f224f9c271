/*
 * Each route of the table with a token of each role, on a whole gateway: who lacks a scope gets 403
 * insufficient_scope, nobody else does.
 */
#include "server/server.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "server/api/routes.h"
#include "tests/support/tree.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 10000, ANSWER_MAX = 16 * 1024 * 1024 };

static const char tokens[] = "tenants:\n"
			     "  - id: acme\n"
			     "    tokens:\n"
			     "      - { id: r, secret: readonly, role: readonly }\n"
			     "      - { id: u, secret: tenant_user, role: tenant_user }\n"
			     "      - { id: a, secret: tenant_admin, role: tenant_admin }\n"
			     "unbound_tokens:\n"
			     "  - { id: o, secret: operator, role: operator }\n";

static struct {
	char dir[64], config_path[96], tokens_path[96], data_path[96];
	struct config_flag flags[6];
	struct server_source source;
	struct server *server;
} t;

static int set_up(void **state)
{
	struct err err = ERR_INIT;
	struct config *c;

	(void)state;
	snprintf(t.dir, sizeof t.dir, "/tmp/spass-roles-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.config_path, sizeof t.config_path, "%s/spass.yaml", t.dir);
	snprintf(t.tokens_path, sizeof t.tokens_path, "%s/tokens.yaml", t.dir);
	snprintf(t.data_path, sizeof t.data_path, "%s/data", t.dir);
	assert_int_equal(file_write(t.config_path, SPAN_LIT("metrics_public: false\nrate_limit: never\n"), &err), 0);
	assert_int_equal(file_write(t.tokens_path, span_str(tokens), &err), 0);
	t.flags[0] = (struct config_flag){ "data_dir", t.data_path };
	t.flags[1] = (struct config_flag){ "discover", "false" };
	t.flags[2] = (struct config_flag){ "log_level", "error" };
	t.flags[3] = (struct config_flag){ "listen", "127.0.0.1:0" };
	t.flags[4] = (struct config_flag){ "workers", "1" };
	t.source = (struct server_source){ .path = t.config_path, .flags = t.flags, .flag_count = 5 };
	c = config_load(t.config_path, NULL, t.flags, 5, &err);
	t.server = c ? server_start(c, &t.source, &err) : NULL;
	if (!t.server)
		fail_msg("%s", err.message);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	server_stop(t.server);
	tree_remove(t.dir);
	return 0;
}

static int dial(void)
{
	const char *address = server_address(t.server, 0);
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons((uint16_t)strtol(strrchr(address, ':') + 1, NULL, 10));
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	return fd;
}

/* The whole answer of a connection that ends with it. */
static void receive(int fd, struct buf *answer)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	char piece[4096];
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, (int)(until_ms - clock_mono_ms())) <= 0)
			fail_msg("no answer in time");
		n = read(fd, piece, sizeof piece);
		if (n > 0)
			buf_add(answer, piece, (size_t)n);
	}
}

/* A pattern as a path: {id} becomes x. */
static void add_path(struct buf *out, const char *pattern)
{
	for (const char *at = pattern; *at; at++) {
		if (*at == '{') {
			buf_add_char(out, 'x');
			at = strchr(at, '}');
		} else {
			buf_add_char(out, *at);
		}
	}
}

static void ask(const struct route *r, const char *secret, struct buf *answer)
{
	bool has_body = r->method != HTTP1_GET && r->method != HTTP1_DELETE;
	struct buf request;
	int fd = dial();

	buf_init(&request, 4096);
	buf_printf(&request, "%s ", http1_method_name(r->method));
	add_path(&request, r->pattern);
	buf_printf(&request,
		   " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nSPASS-User-Id: u\r\n"
		   "Authorization: Bearer %s\r\n",
		   secret);
	if (has_body)
		buf_add_str(&request, "Content-Type: application/json\r\nContent-Length: 2\r\n");
	buf_add_str(&request, has_body ? "\r\n{}" : "\r\n");
	assert_int_equal(write(fd, request.ptr, request.len), (ssize_t)request.len);
	receive(fd, answer);
	close(fd);
	buf_free(&request);
}

static void check(const struct route *r, enum role role)
{
	bool allowed = r->access == ACCESS_PUBLIC || (role_scopes(role) & r->scope) == r->scope;
	struct buf answer;
	bool refused;

	buf_init(&answer, ANSWER_MAX);
	ask(r, role_name(role), &answer);
	if (!span_starts(buf_span(&answer), "HTTP/1.1 "))
		fail_msg("%s as %s: no answer", r->pattern, role_name(role));
	refused = span_starts(buf_span(&answer), "HTTP/1.1 403 ");
	if (refused == allowed || span_starts(buf_span(&answer), "HTTP/1.1 401 "))
		fail_msg("%s %s as %s: %.200s", http1_method_name(r->method), r->pattern,
			 role_name(role), buf_str(&answer));
	if (refused && !strstr(buf_str(&answer), "\"code\":\"insufficient_scope\""))
		fail_msg("%s as %s: another 403", r->pattern, role_name(role));
	buf_free(&answer);
}

static void each_role_may_what_its_scopes_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < route_count; i++)
		for (int role = 0; role < ROLE_COUNT; role++)
			check(&route_table[i], (enum role)role);
}

static void each_route_that_is_not_public_needs_a_scope(void **state)
{
	(void)state;
	for (size_t i = 0; i < route_count; i++) {
		const struct route *r = &route_table[i];

		if ((r->access == ACCESS_PUBLIC) != (r->scope == SCOPE_none))
			fail_msg("%s: access and scope contradict each other", r->pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_role_may_what_its_scopes_say, set_up, tear_down),
		cmocka_unit_test(each_route_that_is_not_public_needs_a_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
