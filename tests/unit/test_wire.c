/* tests/unit/test_wire.c - a client's calls, against a peer that says what the case wants. */
#include "tui/wire.h"

#include "cmd/target.h"

#include "common/base/mem.h"
#include "tui/models.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[] = "/tmp/spass-wire-XXXXXX";

/* Answers one connection: reads a head (and what comes with it), writes the answer, closes. */
struct peer {
	pthread_t thread;
	int listener;
	const char *answer, *then; /* then: of a second connection, NULL: none comes */
	bool holds; /* keeps silent until the client leaves */
	char request[8192];
};

static void serve_one(struct peer *p, const char *answer)
{
	int fd = accept(p->listener, NULL, NULL);
	size_t len = 0;
	ssize_t got;

	while (len < sizeof p->request - 1 &&
	       (got = read(fd, p->request + len, sizeof p->request - 1 - len)) > 0) {
		len += (size_t)got;
		p->request[len] = '\0';
		if (strstr(p->request, "\r\n\r\n"))
			break;
	}
	if (answer)
		(void)!write(fd, answer, strlen(answer));
	while (p->holds && read(fd, p->request, sizeof p->request) > 0)
		;
	close(fd);
}

static void *serve(void *argument)
{
	struct peer *p = argument;

	serve_one(p, p->answer);
	if (p->then)
		serve_one(p, p->then);
	return NULL;
}

static void start_twice(struct peer *p, int listener, const char *answer, const char *then)
{
	*p = (struct peer){ .listener = listener, .answer = answer, .then = then, .holds = !answer };
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void start(struct peer *p, int listener, const char *answer)
{
	start_twice(p, listener, answer, NULL);
}

static void finish(struct peer *p)
{
	pthread_join(p->thread, NULL);
	close(p->listener);
}

static int listen_tcp(char url[64])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(url, 64, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	return fd;
}

struct call {
	struct target target;
	struct wire *wire;
};

static void open_at(struct call *c, const char *text, const char *token, int64_t timeout_ms)
{
	struct err err = ERR_INIT;

	assert_int_equal(target_parse(text, &c->target, &err), 0);
	const struct wire_target target = { .url = c->target.url,
					    .unix_path = c->target.unix_path,
					    .token = token,
					    .is_local = target_is_local(&c->target),
					    .timeout_ms = timeout_ms };

	c->wire = wire_new(&target);
}

static void close_call(struct call *c)
{
	wire_free(c->wire);
	target_clear(&c->target);
}

static void addresses_of_gateways_are_read(void **state)
{
	static const struct {
		const char *text, *url, *unix_path; /* url NULL: refused */
		bool local;
	} cases[] = {
		{ "http://127.0.0.1:3000", "http://127.0.0.1:3000", NULL, true },
		{ "127.0.0.1:3000", "http://127.0.0.1:3000", NULL, true },
		{ "localhost:3000/", "http://localhost:3000", NULL, true },
		{ "http://[::1]:3000/v1", "http://[::1]:3000", NULL, true },
		{ "HTTPS://llm.example.org/v1/", "HTTPS://llm.example.org", NULL, false },
		{ "http://h:1/v1/chat/completions", "http://h:1", NULL, false },
		{ "http://h/x/v1/models/", "http://h/x", NULL, false },
		{ "http://v1", "http://v1", NULL, false },
		{ "https://h/models", "https://h/models", NULL, false },
		{ "http:///v1", NULL, NULL, false },
		{ "http://", NULL, NULL, false },
		{ "https://example.org/llm", "https://example.org/llm", NULL, false },
		{ "unix:/run/spass.sock", "http://localhost", "/run/spass.sock", true },
		{ "http://127.0.0.1.example.org", "http://127.0.0.1.example.org", NULL, false },
		{ "http://localhost.example.org", "http://localhost.example.org", NULL, false },
		{ "", NULL, NULL, false },
		{ "unix:run", NULL, NULL, false },
		{ "ftp://a", NULL, NULL, false },
		{ "http://me:hush@a", NULL, NULL, false },
		{ "http://a b", NULL, NULL, false },
		{ "http://a?x=1", NULL, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct target t;
		struct err err = ERR_INIT;
		int result = target_parse(cases[i].text, &t, &err);

		assert_int_equal(result, cases[i].url ? 0 : -1);
		if (result < 0) {
			assert_int_equal(err.code, E_usage);
			assert_null(strstr(err.message, "hush"));
			continue;
		}
		assert_string_equal(t.url, cases[i].url);
		if (cases[i].unix_path)
			assert_string_equal(t.unix_path, cases[i].unix_path);
		assert_int_equal(target_is_local(&t), cases[i].local);
		target_clear(&t);
	}
}

static void a_call_carries_token_and_body_and_brings_json(void **state)
{
	char url[64];
	struct peer p;
	struct err err = ERR_INIT;
	json_t *root;

	(void)state;
	start(&p, listen_tcp(url),
	      "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Request-Id: r-1\r\n\r\n{\"a\": 1}");
	struct call c;

		open_at(&c, url, "sesame", 10000);

	root = wire_get(c.wire, "/v1/info", NULL, &err);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "a")), 1);
	json_decref(root);
	close_call(&c);
	finish(&p);
	assert_true(span_starts(span_str(p.request), "GET /v1/info HTTP/1.1\r\n"));
	assert_non_null(strstr(p.request, "\r\nAuthorization: Bearer sesame\r\n"));
	assert_null(strstr(p.request, "Expect"));
}

static void a_model_is_shown_with_the_first_of_its_chain_that_can_be_reached(void **state)
{
	static const struct {
		const char *name, *backend;
		size_t behind;
	} cases[] = { { "a", "up", 1 }, { "b", "down", 1 }, { "c", "up", 0 }, { "d", "", 0 } };
	char url[64];
	struct peer p;
	struct err err = ERR_INIT;
	struct models m;
	struct call c;

	(void)state;
	start(&p, listen_tcp(url),
	      "HTTP/1.1 200 OK\r\n\r\n{\"default_model\":\"a\",\"models\":["
	      "{\"alias\":\"a\",\"routing\":[\"down\",\"up\",\"last\"],\"available\":true},"
	      "{\"alias\":\"b\",\"routing\":[\"down\",\"unheard\"],\"available\":false},"
	      "{\"alias\":\"c\",\"routing\":[\"up\"],\"available\":true},"
	      "{\"alias\":\"d\",\"routing\":[],\"available\":false}],"
	      "\"backends\":[{\"name\":\"down\",\"status\":\"unreachable\"},"
	      "{\"name\":\"up\",\"status\":\"available\"},{\"name\":\"last\",\"status\":\"available\"}]}");
	open_at(&c, url, "sesame", 10000);
	assert_int_equal(models_read(c.wire, &m, &err), 0);
	assert_int_equal(m.count, ARRAY_LEN(cases));
	for (size_t i = 0; i < m.count; i++) {
		assert_string_equal(m.rows[i].name, cases[i].name);
		assert_string_equal(m.rows[i].backend, cases[i].backend);
		assert_int_equal(m.rows[i].behind, cases[i].behind);
	}
	models_clear(&m);
	close_call(&c);
	finish(&p);
}

static void a_unix_socket_works_without_a_token(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct peer p;
	struct err err = ERR_INIT;
	char target[160];
	json_t *root;

	(void)state;
	snprintf(address.sun_path, sizeof address.sun_path, "%s/sock", directory);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	start(&p, fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
	snprintf(target, sizeof target, "unix:%s", address.sun_path);
	struct call c;

		open_at(&c, target, NULL, 10000);

	root = wire_get(c.wire, "/x", NULL, &err);
	assert_true(json_is_array(root));
	json_decref(root);
	close_call(&c);
	finish(&p);
	unlink(address.sun_path);
	assert_null(strstr(p.request, "Authorization"));
}

static void what_the_peer_answers_becomes_the_error(void **state)
{
	static const struct {
		const char *answer;
		enum err_code code;
		const char *word;
	} cases[] = {
		{ "HTTP/1.1 429 x\r\nX-Request-Id: r-7\r\n\r\n"
		  "{\"error\":{\"type\":\"rate_limit_exceeded\",\"code\":\"model_quota_exhausted\","
		  "\"message\":\"no more\"}}",
		  E_model_quota_exhausted, "no more (request r-7)" },
		{ "HTTP/1.1 404 x\r\n\r\n{\"error\":{\"code\":\"new\",\"message\":\"gone\"}}",
		  E_route_not_found, "HTTP 404 new: gone" },
		{ "HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\noops", E_internal_error, "HTTP 500" },
		{ "HTTP/1.1 403 x\r\nContent-Length: 4\r\n\r\nnono", E_insufficient_scope,
		  "HTTP 403 \"nono\"" },
		{ "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", E_connect_failed,
		  "HTTP 503" },
		{ "HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n", E_connect_failed, "HTTP 418" },
		{ "HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		  E_connect_failed, "/x answers HTTP 302: go to http://127.0.0.1:1/" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops", E_connect_failed,
		  "/x answers HTTP 200 \"oops\": not an answer of a spass gateway" },
		{ "HTTP/1.1 502 x\r\nServer: nginx/1.22.1\r\nContent-Type: text/html; charset=x\r\n\r\n"
		  "<html>\r\n<head><title>502 Bad Gateway</title></head>",
		  E_connect_failed,
		  "/x answers HTTP 502 text/html \"502 Bad Gateway\" of nginx/1.22.1: not a spass gateway, "
		  "or a proxy before it" },
		{ "HTTP/1.1 404 x\r\n\r\n{\"detail\":\"Not\033 Found\"}", E_connect_failed,
		  "\"{\"detail\":\"Not^[ Found\"}\"" },
		{ "HTTP/1.1 401 x\r\n\r\n{\"error\":\"who are you?\"}", E_invalid_authorization,
		  "HTTP 401: who are you?" },
		{ "SSH-2.0-OpenSSH_9.2p1\r\n", E_connect_failed, "does not speak HTTP" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{\"a\":", E_stream_cut, "" },
		{ "", E_stream_cut, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char url[64];
		struct peer p;
		struct err err = ERR_INIT;

		start(&p, listen_tcp(url), cases[i].answer);
		struct call c;

		open_at(&c, url, NULL, 10000);

		assert_null(wire_get(c.wire, "/x", NULL, &err));
		close_call(&c);
		finish(&p);
		if (err.code != cases[i].code || !strstr(err.message, cases[i].word))
			fail_msg("case %zu: %s: %s", i, err_info(err.code)->code, err.message);
	}
}

static void an_unknown_code_ends_as_its_http_status_says(void **state)
{
	static const struct {
		int status, exit;
	} known[] = {
		{ 401, 4 }, { 403, 4 }, { 404, 3 },  { 408, 6 }, { 410, 3 },  { 413, 7 },
		{ 425, 6 }, { 429, 6 }, { 499, 130 }, { 503, 6 }, { 504, 6 },
	};

	(void)state;
	for (int status = 400; status < 600; status++) {
		const struct wire_head head = { .status = status };
		struct err err = ERR_INIT;
		int exit = status < 500 ? 2 : 1;

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (known[i].status == status)
				exit = known[i].exit;
		wire_read_error(&head, "here",
				SPAN_LIT("{\"error\":{\"code\":\"from_the_future\"}}"), &err);
		if (err_info(err.code)->exit != exit)
			fail_msg("%d: %s", status, err_info(err.code)->code);
		assert_non_null(strstr(err.message, "from_the_future"));
	}
}

static void the_time_limit_is_a_deadline(void **state)
{
	struct err err = ERR_INIT;
	char url[64];
	struct peer p;

	(void)state;
	start(&p, listen_tcp(url), NULL);
	struct call c;

		open_at(&c, url, NULL, 50);

	assert_null(wire_get(c.wire, "/x", NULL, &err));
	assert_int_equal(err.code, E_deadline_exceeded);
	close_call(&c);
	finish(&p);
}

static bool has_status(const json_t *root)
{
	return json_is_string(json_object_get(root, "status"));
}

static void an_answer_that_is_wanted_may_have_any_status(void **state)
{
	static const struct {
		const char *answer;
		bool wanted;
	} cases[] = {
		{ "HTTP/1.1 503 x\r\n\r\n{\"status\":\"draining\"}", true },
		{ "HTTP/1.1 200 x\r\n\r\n{\"status\":\"ready\"}", true },
		{ "HTTP/1.1 200 x\r\n\r\n{\"stat\":\"ready\"}", false },
		{ "HTTP/1.1 200 x\r\n\r\nOK", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		char url[64];
		struct peer p;
		struct call c;
		json_t *root;

		start(&p, listen_tcp(url), cases[i].answer);
		open_at(&c, url, NULL, 10000);
		root = wire_get(c.wire, "/readyz", has_status, &err);
		assert_int_equal(root != NULL, cases[i].wanted);
		assert_int_equal(err.code, cases[i].wanted ? E_none : E_connect_failed);
		json_decref(root);
		close_call(&c);
		finish(&p);
	}
}

static bool yes(void)
{
	return true;
}

static void a_signal_ends_the_waiting(void **state)
{
	struct err err = ERR_INIT;
	char url[64];
	struct wire *wire;
	int fd = listen_tcp(url); /* connected, never answered */

	(void)state;
	char *http = mem_printf("http://%s", url);
	const struct wire_target target = { .url = http, .is_local = true, .interrupted = yes };

	wire = wire_new(&target);
	assert_null(wire_get(wire, "/", NULL, &err));
	assert_int_equal(err.code, E_cancelled);
	wire_free(wire);
	close(fd);
	mem_free(http);
}

static int limits_told;

static void count_limit(const void *context, int seconds, bool is_long)
{
	assert_string_equal(context, "context");
	limits_told += seconds > 0 && !is_long;
}

#define REFUSAL(after, code) \
	"HTTP/1.1 429 x\r\n" after "\r\n{\"error\":{\"code\":\"" code "\",\"message\":\"no more\"}}"

static void a_rate_limit_is_waited_for_as_long_as_patience_lasts_and_nothing_else_is(void **state)
{
	static const struct {
		const char *refusal;
		int64_t patience_ms, timeout_ms;
		enum err_code code; /* E_none: it is asked again */
		int retry_after_s;
	} cases[] = {
		{ REFUSAL("Retry-After: 1\r\n", "rate_limit_exceeded"), 1500, 0, E_none, 0 },
		{ REFUSAL("Retry-After: 2\r\n", "rate_limit_exceeded"), 1500, 0, E_rate_limit_exceeded, 2 },
		{ REFUSAL("Retry-After: 2\r\n", "rate_limit_exceeded"), 9000, 1500, E_rate_limit_exceeded, 2 },
		{ REFUSAL("Retry-After: 1\r\n", "rate_limit_exceeded"), 0, 0, E_rate_limit_exceeded, 1 },
		{ REFUSAL("Retry-After: soon\r\n", "rate_limit_exceeded"), 9000, 0, E_rate_limit_exceeded, 0 },
		{ REFUSAL("", "rate_limit_exceeded"), 9000, 0, E_rate_limit_exceeded, 0 },
		{ REFUSAL("Retry-After: 1\r\n", "model_quota_exhausted"), 9000, 0, E_model_quota_exhausted, 1 },
		{ REFUSAL("Retry-After: 1\r\n", "overall_budget_exhausted"), 9000, 0,
		  E_overall_budget_exhausted, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		char url[64], *http;
		struct peer p;
		json_t *root;

		limits_told = 0;
		start_twice(&p, listen_tcp(url), cases[i].refusal,
			    cases[i].code == E_none ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" : NULL);
		http = mem_printf("http://%s", url);
		struct wire *w = wire_new(&(struct wire_target){ .url = http, .is_local = true,
								 .timeout_ms = cases[i].timeout_ms,
								 .patience_ms = cases[i].patience_ms,
								 .limited = count_limit, .context = "context" });
		root = wire_ask(w, &(struct wire_request){ .path = "/x", .body = SPAN_LIT("{}") }, &err);
		wire_free(w);
		finish(&p);
		mem_free(http);
		assert_int_equal(root != NULL, cases[i].code == E_none);
		json_decref(root);
		if (err.code != cases[i].code || err.retry_after_s != cases[i].retry_after_s)
			fail_msg("case %zu: %s, %d s", i, err_info(err.code)->code, err.retry_after_s);
		assert_int_equal(limits_told, cases[i].code == E_none);
		assert_true(span_starts(span_str(p.request), "POST /x "));
	}
}

static bool is_asked_to_end;

static bool asked_to_end(void)
{
	return is_asked_to_end;
}

static void ask_to_end(const void *context, int seconds, bool is_long)
{
	(void)context, (void)seconds, (void)is_long;
	is_asked_to_end = true;
}

static void a_signal_ends_the_waiting_for_a_rate_limit(void **state)
{
	struct err err = ERR_INIT;
	char url[64], *http;
	struct peer p;
	struct wire *w;

	(void)state;
	start(&p, listen_tcp(url), REFUSAL("Retry-After: 3600\r\n", "rate_limit_exceeded"));
	http = mem_printf("http://%s", url);
	w = wire_new(&(struct wire_target){ .url = http, .is_local = true, .patience_ms = 7200 * 1000,
					    .interrupted = asked_to_end, .limited = ask_to_end });
	assert_null(wire_get(w, "/x", NULL, &err));
	assert_int_equal(err.code, E_cancelled);
	wire_free(w);
	finish(&p);
	mem_free(http);
}

static void nobody_there_is_connect_failed(void **state)
{
	struct err err = ERR_INIT;
	char url[64];
	int fd = listen_tcp(url);
	struct call c;

		open_at(&c, url, NULL, 10000);

	(void)state;
	close(fd);
	assert_null(wire_get(c.wire, "/x", NULL, &err));
	assert_int_equal(err.code, E_connect_failed);
	close_call(&c);
	open_at(&c, "unix:/nowhere/sock", NULL, 10000);
	assert_null(wire_get(c.wire, "/x", NULL, &err));
	assert_int_equal(err.code, E_connect_failed);
	assert_non_null(strstr(err.message, "/nowhere/sock"));
	close_call(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_gateways_are_read),
		cmocka_unit_test(a_call_carries_token_and_body_and_brings_json),
		cmocka_unit_test(a_model_is_shown_with_the_first_of_its_chain_that_can_be_reached),
		cmocka_unit_test(a_unix_socket_works_without_a_token),
		cmocka_unit_test(what_the_peer_answers_becomes_the_error),
		cmocka_unit_test(an_unknown_code_ends_as_its_http_status_says),
		cmocka_unit_test(the_time_limit_is_a_deadline),
		cmocka_unit_test(an_answer_that_is_wanted_may_have_any_status),
		cmocka_unit_test(a_signal_ends_the_waiting),
		cmocka_unit_test(a_rate_limit_is_waited_for_as_long_as_patience_lasts_and_nothing_else_is),
		cmocka_unit_test(a_signal_ends_the_waiting_for_a_rate_limit),
		cmocka_unit_test(nobody_there_is_connect_failed),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
