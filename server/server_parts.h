/*
 * server/server_parts.h - what server.c and run.c share; nobody else includes it.
 */
#ifndef SPASS_SERVER_PARTS_H
#define SPASS_SERVER_PARTS_H

#include "common/base/arena.h"
#include "server/server.h"
#include "server/worker.h"

#include <pthread.h>

struct server {
	struct core *core;
	struct listen_set *sockets;
	struct gate gate;
	struct worker **workers;
	int worker_count;
	char **addresses;
	size_t address_count;
	char *token, *token_path;
	bool made_token;
	struct server_source source; /* all of it in texts */
	struct arena texts;
	pthread_mutex_t reload_lock; /* one reload at a time; also of shard and stopping */
	struct metrics_shard *shard;
	bool draining, stopping;
};

enum { DRAIN_LOOK_MS = 5 };

/* /readyz says draining, and connections end with their next reply. */
void server_part(struct server *s);
/* Listening ends, what rests is closed. */
void server_begin_drain(struct server *s);
/* Requests still running; -1 while a worker has not even stopped listening. */
int server_drain_left(struct server *s);

#endif
