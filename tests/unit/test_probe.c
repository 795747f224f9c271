/* Tests of routing_probe against small servers on loopback. */
#include "common/upstream/routing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/upstream/routing_inside.h"

/*
 * A server that gives each connection the same answer, or (NULL) none until the peer leaves.  After
 * "half" it waits for that too, with the rest of the body.
 */
static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"data\":[";
struct server {
	int fd, port;
	const char *answer;
	pthread_t thread;
	char seen[4096]; /* the last request; read after server_stop */
};

static void answer_one(struct server *s, int fd)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, s->seen + len, sizeof s->seen - 1 - len, 0)) > 0) {
		len += (size_t)n;
		s->seen[len] = '\0';
		if (!s->answer || !strstr(s->seen, "\r\n\r\n"))
			continue;
		assert_true(send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL) > 0);
		if (s->answer != half)
			break;
	}
	close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0)
		answer_one(s, fd);
	return NULL;
}

static void server_start(struct server *s, const char *answer)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;

	*s = (struct server){ .fd = socket(AF_INET, SOCK_STREAM, 0), .answer = answer };
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

#define ANSWER(status, body) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define LIST "{\"object\":\"list\",\"data\":[{\"id\":\"qwen3:8b\",\"max_model_len\":4096}]}"

enum { BACKENDS = 6, BOX = 5 /* of no provider by name */ };
/* The four local rows are replaced, so that nothing else on this machine is looked at. */
static const char *const names[BACKENDS] = { "vllm", "llamacpp", "ollama", "lmstudio", "anthropic", "box" };

struct bench {
	struct config config;
	struct config_backend entries[BACKENDS];
	char texts[BACKENDS][2][64];
	struct server servers[BACKENDS];
	struct routing *routing;
	struct loop *loop;
	struct uplink_pool *uplinks;
	struct fiber *fiber;
	struct timer timer;
	int64_t elapsed_ms;
	enum routing_reach reach;
};

static struct bench *bench_new(const char *const answers[BACKENDS], int gone)
{
	static char key[] = "KEY=sk-probe", key_name[] = "KEY";
	static char *const environment[] = { key, NULL };
	struct bench *b = mem_new(struct bench);
	struct err err = ERR_INIT;

	b->config = (struct config){
		.discover = true, .connect_timeout = 5000, .first_byte_timeout = 5000, .between_timeout = 5000,
		.total_timeout = 5000, .breaker_failures = 2, .breaker_rest = 1000,
		.backends = b->entries, .backend_count = BACKENDS,
	};
	for (size_t i = 0; i < BACKENDS; i++) {
		server_start(&b->servers[i], answers[i]);
		snprintf(b->texts[i][0], sizeof b->texts[i][0], "%s", names[i]);
		snprintf(b->texts[i][1], sizeof b->texts[i][1], "http://127.0.0.1:%d/v1", b->servers[i].port);
		b->entries[i] = (struct config_backend){
			.name = b->texts[i][0],
			.base_url = b->texts[i][1],
			.provider = i == BOX ? NULL : b->texts[i][0],
		};
	}
	b->entries[4].key_env = b->entries[5].key_env = key_name;
	if (gone >= 0)
		server_stop(&b->servers[gone]);
	b->routing = routing_new(&b->config, environment, NULL, &err);
	if (!b->routing)
		fail_msg("%s", err.message);
	b->loop = loop_new();
	b->uplinks = uplink_pool_new(b->loop, 4, 1000);
	return b;
}

static void bench_free(struct bench *b, int gone)
{
	for (int i = 0; i < BACKENDS; i++)
		if (i != gone)
			server_stop(&b->servers[i]);
	routing_free(b->routing);
	mem_free(b);
}

static void look(void *arg)
{
	struct bench *b = arg;
	int64_t started_ms = clock_mono_ms();

	routing_probe(b->routing, b->uplinks, b->reach);
	b->elapsed_ms = clock_mono_ms() - started_ms;
	loop_stop(b->loop);
}

static void cancel(struct timer *t)
{
	fiber_cancel(container_of(t, struct bench, timer)->fiber);
}

/* Runs one probe, cancelled after cancel_ms when that is not negative. */
static void run(struct bench *b, int64_t cancel_ms)
{
	b->fiber = fiber_start(b->loop, look, b);
	timer_init(&b->timer, b->loop, cancel);
	if (cancel_ms >= 0)
		timer_set(&b->timer, cancel_ms);
	loop_run(b->loop);
	timer_cancel(&b->timer);
	uplink_pool_free(b->uplinks);
	loop_free(b->loop);
}

static void assert_seen(const struct bench *b, size_t i, enum backend_status status, const char *trouble)
{
	const struct backend *at = routing_backend(b->routing, i);
	const char *said = atomic_load(&at->trouble);

	assert_string_equal(at->name, names[i]);
	if (atomic_load(&at->status) != (int)status || strcmp(said ? said : "", trouble) != 0)
		fail_msg("%s: status %d, %s", names[i], atomic_load(&at->status), said ? said : "no trouble");
}

static void what_is_there_is_seen_and_what_is_not_says_why(void **state)
{
	static const char *const answers[BACKENDS] = {
		ANSWER("200 OK", LIST), ANSWER("503 Service Unavailable", "{}"), NULL, "220 smtp ready\r\n\r\n",
		ANSWER("200 OK", "{\"data\":[]}"), ANSWER("401 Unauthorized", "{}"),
	};
	enum { GONE = 2 };
	struct bench *b = bench_new(answers, GONE);

	(void)state;
	run(b, -1);
	assert_seen(b, 0, BACKEND_AVAILABLE, "");
	assert_seen(b, 1, BACKEND_UNREACHABLE, "answers with a server error");
	assert_seen(b, GONE, BACKEND_UNREACHABLE, "cannot be connected to");
	assert_seen(b, 3, BACKEND_UNREACHABLE, "gives no HTTP answer");
	assert_seen(b, 4, BACKEND_AVAILABLE, "");
	assert_seen(b, 5, BACKEND_UNREACHABLE, "key refused");
	assert_true(atomic_load(&routing_backend(b->routing, 0)->latency_us) > 0);
	assert_int_equal(atomic_load(&routing_backend(b->routing, GONE)->latency_us), -1);
	/* The cloud's rows have no key, so nobody looked. */
	assert_string_equal(routing_backend(b->routing, BACKENDS)->name, "openai");
	assert_int_equal(atomic_load(&routing_backend(b->routing, BACKENDS)->status), BACKEND_DISABLED);

	struct routing *next = routing_new(&b->config, NULL, b->routing, NULL);
	assert_true(routing_has_news(b->routing));
	const struct model *m = routing_find(next, SPAN_LIT("qwen3:8b"));
	assert_non_null(m);
	assert_int_equal(m->context_window, 4096);
	routing_free(next);
	bench_free(b, GONE);
}

static void requests_carry_path_and_key_as_the_provider_wants_them(void **state)
{
	static const char *const answers[BACKENDS] = {
		ANSWER("404 Not Found", ""), ANSWER("404 Not Found", ""), ANSWER("404 Not Found", ""),
		ANSWER("404 Not Found", ""), ANSWER("200 OK", "{}"), ANSWER("200 OK", "{}"),
	};
	struct bench *b = bench_new(answers, 0);

	(void)state;
	run(b, -1);
	for (size_t i = 1; i < BACKENDS; i++) {
		server_stop(&b->servers[i]);
		assert_int_equal(strncmp(b->servers[i].seen, "GET /v1/models HTTP/1.1\r\n", 25), 0);
	}
	assert_null(strstr(b->servers[1].seen, "uthorization"));
	assert_non_null(strstr(b->servers[4].seen, "\r\nx-api-key: sk-probe\r\nanthropic-version: 2023-06-01\r\n"));
	assert_null(strstr(b->servers[4].seen, "uthorization"));
	assert_non_null(strstr(b->servers[5].seen, "\r\nAuthorization: Bearer sk-probe\r\n"));
	/* Whoever answers is there; what an operator wrote need not have a list of models. */
	assert_seen(b, 1, BACKEND_AVAILABLE, "");
	routing_free(b->routing);
	mem_free(b);
}

static void what_refuses_has_no_models(void **state)
{
	static const char *const answers[BACKENDS] = {
		ANSWER("404 Not Found", LIST), ANSWER("403 Forbidden", LIST), ANSWER("500 Internal Server Error", LIST),
		ANSWER("499 Odd", LIST), ANSWER("200 OK", "{}"), ANSWER("403 Forbidden", "{}"),
	};
	struct bench *b = bench_new(answers, -1);

	(void)state;
	run(b, -1);
	assert_seen(b, 0, BACKEND_AVAILABLE, "");
	assert_seen(b, 1, BACKEND_UNREACHABLE, "wants a key");
	assert_seen(b, 2, BACKEND_UNREACHABLE, "answers with a server error");
	assert_seen(b, 3, BACKEND_AVAILABLE, "");
	assert_seen(b, 5, BACKEND_UNREACHABLE, "key refused");
	assert_false(routing_has_news(b->routing));
	bench_free(b, -1);
}

/* Nor told that somebody is here. */
static void what_is_off_or_lacks_its_key_is_not_connected_to(void **state)
{
	static const char *const answers[BACKENDS] = {
		ANSWER("200 OK", LIST), ANSWER("200 OK", LIST), ANSWER("200 OK", LIST),
		ANSWER("200 OK", LIST), ANSWER("200 OK", "{}"), ANSWER("200 OK", "{}"),
	};
	enum { KEYLESS = 4, OFF = BOX };
	struct bench *b = bench_new(answers, -1);

	(void)state;
	routing_free(b->routing);
	b->entries[OFF].key_env = NULL;
	b->entries[OFF].disabled = true;
	b->routing = routing_new(&b->config, NULL, NULL, NULL);
	run(b, -1);
	for (size_t i = 0; i < BACKENDS; i++) {
		server_stop(&b->servers[i]);
		assert_int_equal(*b->servers[i].seen != '\0', i != KEYLESS && i != OFF);
	}
	routing_free(b->routing);
	mem_free(b);
}

static void slow_servers_are_waited_for_once_and_together(void **state)
{
	static const char *const answers[BACKENDS] = { NULL, NULL, NULL, NULL, ANSWER("200 OK", "{}"), NULL };
	struct bench *b = bench_new(answers, -1);

	(void)state;
	run(b, -1);
	for (size_t i = 0; i < BACKENDS; i++)
		if (answers[i])
			assert_seen(b, i, BACKEND_AVAILABLE, "");
		else
			assert_seen(b, i, BACKEND_UNREACHABLE, "no answer in time");
	/* One after the other, the five would take five times as long. */
	assert_in_range(b->elapsed_ms, ROUTING_PROBE_MS - 100, 4 * ROUTING_PROBE_MS);
	bench_free(b, -1);
}

static void a_cancelled_look_ends_at_once_and_says_nothing(void **state)
{
	static const char *const answers[BACKENDS] = { NULL, NULL, NULL, NULL, NULL, NULL };
	struct bench *b = bench_new(answers, -1);

	(void)state;
	run(b, 50);
	for (size_t i = 0; i < BACKENDS; i++)
		assert_seen(b, i, BACKEND_UNKNOWN, "");
	bench_free(b, -1);
}

static void a_look_cancelled_inside_the_list_says_nothing(void **state)
{
	static const char *const answers[BACKENDS] = { half, half, half, half, NULL, NULL };
	struct bench *b = bench_new(answers, -1);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		b->routing->backends[i].automatic = true;
	run(b, 100);
	for (size_t i = 0; i < BACKENDS; i++)
		assert_seen(b, i, BACKEND_UNKNOWN, "");
	bench_free(b, -1);
}

static void whatever_listens_on_a_usual_port_must_be_a_model_server(void **state)
{
	static const char *const answers[BACKENDS] = {
		ANSWER("200 OK", "<html>my site</html>"), ANSWER("404 Not Found", ""), ANSWER("200 OK", LIST),
		ANSWER("401 Unauthorized", ""), ANSWER("200 OK", "{}"), ANSWER("200 OK", "{}"),
	};
	struct bench *b = bench_new(answers, -1);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		b->routing->backends[i].automatic = true;
	run(b, -1);
	assert_seen(b, 0, BACKEND_UNREACHABLE, "is not a model server");
	assert_seen(b, 1, BACKEND_UNREACHABLE, "is not a model server");
	assert_seen(b, 2, BACKEND_AVAILABLE, "");
	assert_seen(b, 3, BACKEND_UNREACHABLE, "wants a key");
	bench_free(b, -1);
}

static void a_gateway_does_not_find_itself(void **state)
{
	static const char gateway[] = "HTTP/1.1 200 OK\r\nSpass-Request-Id: 1\r\nContent-Type: application/json\r\n"
				      "Connection: close\r\n\r\n" LIST;
	static const char *const answers[BACKENDS] = {
		gateway, gateway, gateway, gateway, ANSWER("200 OK", "{}"), ANSWER("200 OK", "{}"),
	};
	struct bench *b = bench_new(answers, -1);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		b->routing->backends[i].automatic = true;
	run(b, -1);
	for (size_t i = 0; i < 3; i++) {
		assert_seen(b, i, BACKEND_UNREACHABLE, "is a spass gateway");
		assert_false(b->routing->found->states[i].known);
	}
	/* One that the operator wrote is another gateway behind this one. */
	assert_seen(b, 3, BACKEND_AVAILABLE, "");
	assert_true(b->routing->found->states[3].known);
	bench_free(b, -1);
}

static void a_look_at_this_machine_waits_for_nobody_else(void **state)
{
	static const char *const answers[BACKENDS] = {
		ANSWER("404 Not Found", ""), ANSWER("404 Not Found", ""), ANSWER("200 OK", LIST),
		ANSWER("404 Not Found", ""), NULL, NULL,
	};
	struct bench *b = bench_new(answers, -1);

	(void)state;
	b->reach = ROUTING_LOCAL;
	run(b, -1);
	assert_seen(b, 2, BACKEND_AVAILABLE, "");
	assert_seen(b, 4, BACKEND_UNKNOWN, "");
	assert_seen(b, 5, BACKEND_UNKNOWN, "");
	assert_true(routing_has_news(b->routing));
	bench_free(b, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_seen_and_what_is_not_says_why),
		cmocka_unit_test(requests_carry_path_and_key_as_the_provider_wants_them),
		cmocka_unit_test(what_refuses_has_no_models),
		cmocka_unit_test(what_is_off_or_lacks_its_key_is_not_connected_to),
		cmocka_unit_test(slow_servers_are_waited_for_once_and_together),
		cmocka_unit_test(a_cancelled_look_ends_at_once_and_says_nothing),
		cmocka_unit_test(a_look_cancelled_inside_the_list_says_nothing),
		cmocka_unit_test(whatever_listens_on_a_usual_port_must_be_a_model_server),
		cmocka_unit_test(a_gateway_does_not_find_itself),
		cmocka_unit_test(a_look_at_this_machine_waits_for_nobody_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
