/*
 * tests/support/upcall_stage.h - outgoing calls against a peer that plays a script for each
 * connection it accepts: a stage has a loop, a pool, a peer and a fiber that acts the scene.
 *
 * Nothing here measures how long a thing takes.  What has to come before something else is waited
 * for; PATIENCE_MS is only when to give up.
 */
#ifndef SPASS_TEST_UPCALL_STAGE_H
#define SPASS_TEST_UPCALL_STAGE_H

#include "common/base/buf.h"
#include "common/loop/upcall.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

/* The peer */

enum op {
	OP_END,    /* closes the connection */
	OP_READ,   /* a whole request */
	OP_HEAD,   /* the head of a request only */
	OP_SEND,   /* the text */
	OP_FILL,   /* number times 'x' */
	OP_PAUSE,  /* number milliseconds: for what must be so whether the time suffices or not */
	OP_GONE,   /* until the peer has left, reading nothing */
	OP_RESET,  /* closes with a reset */
	OP_AWAIT,  /* until the test has said once more that it goes on */
	OP_CANCEL, /* has the test cancel the call */
};

struct step {
	enum op op;
	const char *text;
	size_t number;
};

#define READ { .op = OP_READ }
#define HEAD { .op = OP_HEAD }
#define SEND(what) { .op = OP_SEND, .text = (what) }
#define FILL(count) { .op = OP_FILL, .number = (count) }
#define PAUSE(ms) { .op = OP_PAUSE, .number = (ms) }
#define GONE { .op = OP_GONE }
#define RESET { .op = OP_RESET }
#define AWAIT { .op = OP_AWAIT }
#define CANCEL { .op = OP_CANCEL }

enum { PLAYERS_MAX = 8, STEPS_MAX = 32, REQUEST_MAX = 8 * 1024 };

struct player {
	struct peer *peer;
	int fd;
	SSL *tls;
	const struct step *steps;
	pthread_t thread;
	char held[REQUEST_MAX]; /* bytes of the next request */
	size_t held_len;
	int awaited;
};

struct peer {
	int fd;
	int port;
	SSL_CTX *tls;
	const struct step (*scripts)[STEPS_MAX]; /* one for each connection; then it is closed */
	int script_count;
	pthread_t thread;
	struct player players[PLAYERS_MAX];
	atomic_int accepted, requests, gone, sent; /* sent: SENDs and FILLs that are over */
	atomic_size_t body_bytes;
	atomic_int go_on; /* how many AWAITs of a connection are over */
	atomic_bool is_cancelling;
	pthread_mutex_t lock;
	char last_head[REQUEST_MAX];
};

void peer_start(struct peer *s, const struct step (*scripts)[STEPS_MAX], int count,
		  const char *unix_path, SSL_CTX *tls);
void peer_stop(struct peer *s);

/* The client */

struct stage {
	struct peer peer;
	struct loop *loop;
	struct uplink_pool *pool;
	struct origin origin;
	struct upcall_limits limits;
	struct fiber *fiber;
	struct upcall *call; /* that is open, of open_call */
	void (*scene)(struct stage *s);
	bool is_over, is_stuck;
	struct timer watchdog, prompter;
	/* what a call gave */
	int status;
	struct buf body;
	struct err err;
	enum upcall_result result;
	struct upcall_timing timing;
	struct span sending; /* the body, borrowed by the call */
	int idle_max;
	int64_t idle_ms;
};

void stage_init(struct stage *s);
/* The peer has been started. */
void stage_open(struct stage *s);
void stage_run(struct stage *s, void (*scene)(struct stage *));
void stage_close(struct stage *s);
/* One stage, one peer, one scene; then finish. */
void perform(struct stage *s, const struct step (*scripts)[STEPS_MAX], int count,
	     void (*scene)(struct stage *));
void finish(struct stage *s);
/* Fails when the peer does not see the connection end while the pool is still there. */
void assert_peer_left(struct stage *s);

/* In a scene */
struct upcall *open_call(struct stage *s, enum http1_method method, struct span body);
void read_answer(struct stage *s, struct upcall *u);
void call_with(struct stage *s, enum http1_method method, struct span body);
void get_once(struct stage *s);
void get_twice(struct stage *s);
/* A body that no socket takes at once. */
void post_much(struct stage *s);
size_t much(void);
/* Has fire called on the loop. */
void prompt(struct stage *s, void (*fire)(struct timer *), int64_t ms);
/* With these the call is cancelled at the script's CANCEL. */
void get_until_cancelled(struct stage *s);
void post_until_cancelled(struct stage *s);

/* After it */
void assert_ok(const struct stage *s, const char *body);
void assert_failed(const struct stage *s, enum err_code code);

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define FIVE "Content-Length: 5\r\n\r\nhello"
#define OK_FIVE OK_HEAD FIVE
#define EMPTY "Content-Length: 0\r\n\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

#endif
