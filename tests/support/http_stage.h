/*
 * tests/support/http_stage.h - the HTTP side of a worker over real sockets: a loop, the carrier,
 * connections and a scripted handler, with clients driven on the same loop.
 */
#ifndef SPASS_TEST_HTTP_STAGE_H
#define SPASS_TEST_HTTP_STAGE_H

#include "common/base/mem.h"
#include "server/http/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* When to give up: nothing is expected to be done within it. */
enum { DEADLINE_MS = 60000, CLIENTS_MAX = 4 };

struct client {
	int fd;
	struct watch watch;
	struct buf got;
	size_t received; /* bytes, also those that were cleared from got */
	bool eof, reset, deaf; /* deaf: does not read */
	const char *out;       /* what is still to be sent */
	size_t out_len;
};

struct fixture {
	struct loop *loop;
	struct http *http;
	struct http_limits limits;
	struct client clients[CLIENTS_MAX];
	struct hook hook;
	struct timer deadline;
	bool (*until)(void);
	bool late;
	/* handlers */
	void (*handle)(struct exchange *x);
	int handled, done, cancelled, gone, ended;
	enum err_code body_error, last_error;
	int last_status;
	uint64_t bytes_in, bytes_out; /* of the last exchange */
	uint64_t answered;            /* bytes of all of them */
	size_t body_max;
	size_t written;
	struct fiber *parked;
	struct buf seen;
};
extern struct fixture t;

/* Handlers */
/* The body comes back. */
void echo(struct exchange *x);
void hello(struct exchange *x);
void say_path(struct exchange *x);
/* Suspends as t.parked until it is woken or cancelled, then answers with the path. */
void park(struct exchange *x);
/* Writes until the client leaves or it has written 64 MiB. */
void flood(struct exchange *x);

/* Driving: until holds, or the time is over (run_until: the test fails). */
bool run_for(int64_t ms, bool (*until)(void));
bool never(void);
void run_until(bool (*until)(void));

/* Clients; what client 0 has received is got(). */
struct client *dial_as(int n, bool refused);
struct client *dial(void);
void hang_up(struct client *c);
void hang_up_hard(struct client *c);
void say_bytes(struct client *c, const char *bytes, size_t len);
void say(struct client *c, const char *text);
/* A client of its own that posts: fields, blank line and body.  Until it is done. */
struct client *post(const char *rest);
/* Hangs up and forgets what it has received. */
void part(struct client *c);
void client_interest(struct client *c);
const char *got(void);
size_t count_of(const char *needle);

/* Ends to wait for */
bool eof(void);
bool one_done(void);
bool two_done(void);
/* Done, and client 0 has received every byte. */
bool one_answered(void);
bool two_answered(void);
bool parked(void);
bool all_gone(void);

/* For TEST */
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
