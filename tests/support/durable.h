/*
 * tests/support/durable.h - what is acknowledged is kept: a gateway that is killed, whose disk is
 * full or read-only, and clients that note what they were told.
 */
#ifndef TESTS_SUPPORT_DURABLE_H
#define TESTS_SUPPORT_DURABLE_H

#include "tests/support/kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

enum { CLIENTS_MAX = 32, TURNS_MAX = 1024 };

/* One client: its own memory, and a conversation for each run of the gateway. */
struct client {
	struct durable *d;
	int number;
	pthread_t thread;
	/* Of the memory: the last number that was sent, and that was acknowledged. */
	int64_t sent, acked;
	/* Turns of the conversation that were acknowledged, by the number in their text. */
	char conversation[64];
	int64_t turns[TURNS_MAX];
	size_t turn_count;
	int64_t next_turn;
};

struct durable {
	const char *spass;
	char *dir, *data, *socket; /* data: may lie on a disk of its own */
	pid_t pid;                 /* of the gateway, 0 = none */
	int64_t file_max;          /* RLIMIT_FSIZE of the gateway; 0 = none */
	struct client clients[CLIENTS_MAX];
	int client_count;
	_Atomic bool stop;
	_Atomic int64_t answered, refused; /* 200; anything else */
	int64_t usage_rows;                /* least that must be there */
};

/* durable_gateway.c */
/* Starts it; true once it answers.  False when it has ended, which it has been waited for then. */
bool gateway_start(struct durable *d);
/* Kills it with that signal and waits for its end; the status of waitpid. */
int gateway_end(struct durable *d, int number);
/* Runs `spass ARGUMENTS` with the gateway's environment; its exit status. */
int gateway_run(struct durable *d, const char *const *arguments);
void gateway_show_log(struct durable *d);

/* durable_client.c */
void clients_start(struct durable *d);
/* After the gateway has ended, or with stop set. */
void clients_join(struct durable *d);
/* The answer's status, or -1 when there was none; header: its value into out, "" when absent. */
int client_ask(struct durable *d, const char *method, const char *path, const char *body,
	       const char *header, char out[64]);

#endif
