/* tests/unit/test_answer.c - answers as a server on loopback sends them, good and bad. */
#include "tui/answer.h"
#include "tui/models.h"

#include "common/base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

enum { REPLIES_MAX = 2 };

/* Gives each connection the next reply, in pieces of a few bytes, and closes it. */
struct server {
	int listener;
	const char *replies[REPLIES_MAX];
	pthread_t thread;
	char url[64];
};

static void *serve(void *context)
{
	const struct server *s = context;

	for (size_t i = 0; i < REPLIES_MAX && s->replies[i]; i++) {
		int fd = accept(s->listener, NULL, NULL);
		char request[8192];
		size_t len = strlen(s->replies[i]);

		if (fd < 0 || read(fd, request, sizeof request) <= 0)
			return NULL;
		for (size_t at = 0; at < len; at += 7)
			(void)!write(fd, s->replies[i] + at, len - at < 7 ? len - at : 7);
		shutdown(fd, SHUT_WR);
		while (read(fd, request, sizeof request) > 0)
			;
		close(fd);
	}
	return NULL;
}

static void start(struct server *s)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(s->listener, 5), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
	snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	pthread_join(s->thread, NULL);
	close(s->listener);
}

static void add_text(void *context, struct span s)
{
	buf_add_span(context, s);
}

static void add_thought(void *context, struct span s)
{
	buf_printf(context, "(%.*s)", SPAN_ARGS(s));
}

static void add_tool(void *context, const char *name, const char *arguments)
{
	buf_printf(context, "<%s %s>", name, arguments);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define EVENTS OK "Content-Type: text/event-stream\r\n\r\n"
#define JSON OK "Content-Type: application/json\r\n\r\n"
#define DELTA(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH(why) "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" why "\"}]}\n\n"
#define DONE "data: [DONE]\n\n"

static void answers_are_whole_or_an_error(void **state)
{
	static const struct {
		const char *reply;
		enum err_code code;
		const char *seen, *finish;
	} cases[] = {
		{ EVENTS DELTA("a") DELTA("b\\n") FINISH("stop") DONE, E_none, "ab\n", "stop" },
		{ EVENTS ": ping\n\n" DELTA("a") FINISH("length") DONE "data: junk\n\n", E_none, "a", "length" },
		{ EVENTS DELTA("a\\u0000b") FINISH("stop") DONE, E_none, NULL, "stop" },
		{ EVENTS "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n" DELTA("a") DONE,
		  E_none, "(hm)a", "" },
		{ EVENTS "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n" DONE, E_none, "(hm)", "" },
		{ EVENTS "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":"
			 "\"f\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n"
			 "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{"
			 "\"arguments\":\":1}\"}}]}}]}\n\n" FINISH("tool_calls") DONE,
		  E_none, "<f {\"a\":1}>", "tool_calls" },
		/* Cut: by its framing, by an end without [DONE]. */
		{ OK "Content-Type: text/event-stream\r\nContent-Length: 5000\r\n\r\n" DELTA("a"), E_stream_cut, "a", "" },
		{ OK "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "5\r\ndata:\r\n", E_stream_cut, "", "" },
		{ EVENTS DELTA("a"), E_stream_cut, "a", "" },
		{ EVENTS DELTA("a") FINISH("stop"), E_stream_cut, "a", "stop" },
		{ EVENTS "", E_stream_cut, "", "" },
		/* Errors in the stream, before it, and what is none of both. */
		{ EVENTS DELTA("a") "data: {\"error\":{\"code\":\"upstream_timeout\",\"message\":\"m\"}}\n\n" DONE,
		  E_upstream_timeout, "a", "" },
		{ EVENTS "data: {\"error\":\"flat\"}\n\n", E_upstream_error, "", "" },
		{ EVENTS "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" DONE, E_none, "a", "" },
		{ EVENTS "data: nonsense\n\n" DONE, E_upstream_error, "", "" },
		{ "HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\n\r\n"
		  "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}}", E_rate_limit_exceeded, "", "" },
		{ "HTTP/1.1 400 Bad\r\n\r\n{\"error\":{\"code\":\"unheard_of\",\"message\":\"m\"}}", E_invalid_field, "", "" },
		{ "HTTP/1.1 502 Bad\r\n\r\n<html>", E_connect_failed, "", "" },
		{ "HTTP/1.1 503 No\r\n\r\n", E_connect_failed, "", "" },
		/* A server that does not stream. */
		{ JSON "{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}", E_none, "whole", "stop" },
		{ JSON "{\"choices\":", E_upstream_error, "", "" },
		{ "", E_stream_cut, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct server s = { .replies = { cases[i].reply } };
		struct buf seen;
		struct answer_sink sink = { add_text, add_thought, add_tool, &seen };
		struct wire_target target = { .is_local = true };
		struct wire *w;
		struct answer *a;

		buf_init(&seen, MIB);
		start(&s);
		target.url = s.url;
		w = wire_new(&target);
		a = answer_start(w, SPAN_LIT("{}"), true, &sink);
		while (!answer_is_done(a))
			wire_wait(w, NULL, 0, 100);
		if (answer_error(a)->code != cases[i].code)
			fail_msg("%zu: %s, not %s (%s)", i, err_info(answer_error(a)->code)->code,
				 err_info(cases[i].code)->code, answer_error(a)->message);
		if (cases[i].seen)
			assert_string_equal(buf_str(&seen), cases[i].seen);
		assert_string_equal(answer_facts(a)->finish, cases[i].finish);
		answer_free(a);
		wire_free(w);
		stop(&s);
		buf_free(&seen);
	}
}

static void facts_come_from_headers_and_chunks(void **state)
{
	struct server s = { .replies = {
		OK "Content-Type: text/event-stream\r\nSPASS-Request-Id: r1\r\nSPASS-Resolved-Backend: b1\r\n"
		   "x-spass-applied: max_tokens_floored=9\r\n\r\n"
		   "data: {\"model\":\"m1\",\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n"
		   "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n" DONE } };
	const struct answer_sink sink = { .text = NULL };
	struct wire_target target = { .is_local = true };
	const struct answer_facts *f;
	struct answer *a;
	struct wire *w;

	(void)state;
	start(&s);
	target.url = s.url;
	w = wire_new(&target);
	a = answer_start(w, SPAN_LIT("{}"), true, &sink);
	while (!answer_is_done(a))
		wire_wait(w, NULL, 0, 100);
	f = answer_facts(a);
	assert_string_equal(f->model, "m1");
	assert_string_equal(f->backend, "b1");
	assert_string_equal(f->request_id, "r1");
	assert_string_equal(f->applied, "max_tokens_floored=9");
	assert_int_equal(f->prompt_tokens, 3);
	assert_int_equal(f->completion_tokens, 4);
	assert_true(span_is(answer_text(a), "a"));
	answer_free(a);
	wire_free(w);
	stop(&s);
}

static void a_refusal_says_when_to_try_again(void **state)
{
	struct server s = { .replies = { "HTTP/1.1 429 Slow\r\nRetry-After: 12\r\n\r\n"
					 "{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"m\"}}" } };
	const struct answer_sink sink = { .text = NULL };
	struct wire_target target = { .is_local = true };
	struct answer *a;
	struct wire *w;

	(void)state;
	start(&s);
	target.url = s.url;
	w = wire_new(&target);
	a = answer_start(w, SPAN_LIT("{}"), true, &sink);
	while (!answer_is_done(a))
		wire_wait(w, NULL, 0, 100);
	assert_int_equal(answer_error(a)->retry_after_s, 12);
	answer_free(a);
	wire_free(w);
	stop(&s);
}

/* Cut, or with an error in its stream, or refused. */
static void what_goes_wrong_names_its_request(void **state)
{
	static const char *const replies[] = {
		OK "Content-Type: text/event-stream\r\nX-Request-Id: r-7\r\n\r\n" DELTA("a"),
		OK "Content-Type: text/event-stream\r\nX-Request-Id: r-7\r\nContent-Length: 5000\r\n\r\n" DELTA("a"),
		OK "Content-Type: text/event-stream\r\nX-Request-Id: r-7\r\n\r\n"
		   "data: {\"error\":{\"code\":\"stream_cut\",\"message\":\"m\"}}\n\n",
		"HTTP/1.1 502 Bad\r\nX-Request-Id: r-7\r\n\r\n{\"error\":{\"code\":\"stream_cut\",\"message\":\"m\"}}",
	};
	const struct answer_sink sink = { .text = NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
		struct server s = { .replies = { replies[i] } };
		struct wire_target target = { .is_local = true };
		const char *named;
		struct answer *a;
		struct wire *w;

		start(&s);
		target.url = s.url;
		w = wire_new(&target);
		a = answer_start(w, SPAN_LIT("{}"), true, &sink);
		while (!answer_is_done(a))
			wire_wait(w, NULL, 0, 100);
		assert_int_equal(answer_error(a)->code, E_stream_cut);
		named = strstr(answer_error(a)->message, " (request r-7)");
		assert_non_null(named);
		assert_string_equal(named, " (request r-7)");
		answer_free(a);
		wire_free(w);
		stop(&s);
	}
}

static void nothing_is_called_after_a_cancel(void **state)
{
	struct server s = { .replies = { EVENTS DELTA("a") DELTA("b") DONE } };
	struct buf seen;
	const struct answer_sink sink = { add_text, NULL, NULL, &seen };
	struct wire_target target = { .is_local = true };
	struct answer *a;
	struct wire *w;
	size_t before;

	(void)state;
	buf_init(&seen, MIB);
	start(&s);
	target.url = s.url;
	w = wire_new(&target);
	a = answer_start(w, SPAN_LIT("{}"), true, &sink);
	while (!seen.len)
		wire_wait(w, NULL, 0, 100);
	before = seen.len;
	answer_free(a);
	wire_wait(w, NULL, 0, 20);
	assert_int_equal(seen.len, before);
	wire_free(w);
	stop(&s);
	buf_free(&seen);
}

static void models_come_from_either_route(void **state)
{
	static const struct {
		const char *replies[REPLIES_MAX];
		const char *preferred; /* NULL: an error */
		size_t count;
		bool is_complete;
	} cases[] = {
		{ { JSON "{\"default_model\":\"b\",\"models\":[{\"alias\":\"a\",\"kind\":\"chat\",\"available\":true,"
			 "\"routing\":[\"x\"]},{\"alias\":\"b\",\"kind\":\"chat\"},{\"alias\":\"e\",\"kind\":\"embedding\"}]}" },
		  "b", 2, true },
		{ { "HTTP/1.1 404 No\r\n\r\nnope", JSON "{\"data\":[{\"id\":\"m\"}]}" }, "m", 1, false },
		{ { JSON "{\"name\":\"some other server\"}", JSON "{\"data\":[{\"id\":\"m\"}]}" }, "m", 1, false },
		{ { "HTTP/1.1 404 No\r\n\r\nnope", JSON "{\"data\":[]}" }, NULL, 0, false },
		{ { "HTTP/1.1 401 No\r\n\r\n" }, NULL, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct server s = { .replies = { cases[i].replies[0], cases[i].replies[1] } };
		struct wire_target target = { .is_local = true };
		struct err err = ERR_INIT;
		struct models m;
		struct wire *w;
		int result;

		start(&s);
		target.url = s.url;
		w = wire_new(&target);
		result = models_read(w, &m, &err);
		assert_int_equal(result, cases[i].preferred ? 0 : -1);
		assert_int_equal(m.count, cases[i].count);
		if (result == 0)
			assert_string_equal(m.preferred, cases[i].preferred);
		else
			assert_int_not_equal(err.code, E_none);
		assert_int_equal(m.is_complete, cases[i].is_complete);
		assert_int_equal(models_may_have(&m, "unheard"), !cases[i].is_complete);
		models_clear(&m);
		wire_free(w);
		stop(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_whole_or_an_error),
		cmocka_unit_test(facts_come_from_headers_and_chunks),
		cmocka_unit_test(a_refusal_says_when_to_try_again),
		cmocka_unit_test(what_goes_wrong_names_its_request),
		cmocka_unit_test(nothing_is_called_after_a_cancel),
		cmocka_unit_test(models_come_from_either_route),
	};

	signal(SIGPIPE, SIG_IGN); /* the server of the tests writes to clients that have left */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
