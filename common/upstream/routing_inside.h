/*
 * common/upstream/routing_inside.h - what routing.c and probe.c share; nobody else includes it.
 */
#ifndef SPASS_UPSTREAM_ROUTING_INSIDE_H
#define SPASS_UPSTREAM_ROUTING_INSIDE_H

#include <pthread.h>

#include "common/upstream/discovery.h"
#include "common/upstream/routing.h"

/* What the looks at one backend have found. */
struct found_state {
	struct found_list list;
	bool known; /* it answered with a list of models (which may be empty) */
	int misses; /* looks in a row without an answer */
};

/* One entry a backend.  Apart from struct routing, because a look changes it. */
struct found_table {
	pthread_mutex_t lock; /* states and has_news */
	bool has_news;
	struct found_state *states;
};

/* An alias and its flattened chain; sorted by alias. */
struct route {
	const struct model *model;
	struct span alias; /* the model's */
	struct target *targets;
	size_t count;
};

/* The breaker of (backend, model): aliases that share a target share it. */
struct kept_breaker {
	const struct backend *backend;
	const char *model;
	struct breaker *breaker;
};

struct routing {
	struct catalog *catalog;
	struct prices *prices;
	struct backend *backends;
	size_t backend_count;
	struct found_table *found;
	struct route *routes;
	size_t route_count;
	struct route **slots; /* by a hash of the alias, most of them NULL */
	size_t slot_mask;
	struct kept_breaker *breakers; /* sorted by target */
	size_t breaker_count;
	char *default_model; /* or NULL */
	int64_t created_s;
	bool discover;
};

/*
 * Take over what a look at backend index showed: list (taken; NULL when it gave none), and
 * whether there was an answer at all.
 */
void routing_found(struct routing *r, size_t index, bool answered, struct found_list *list);

#endif
