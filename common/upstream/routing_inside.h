/*
 * common/upstream/routing_inside.h - what the files of routing and probe.c share; nobody else includes it.
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

/* routing_backends.c: the operator's and the providers'; all that is wrong with his goes to faults. */
void routing_make_backends(struct routing *r, const struct config *c, char *const *environment,
			   struct err *faults);
/* NULL when there is none of that name. */
struct backend *routing_backend_find(const struct routing *r, const char *name);
size_t routing_backend_index(const struct routing *r, const struct backend *b);
/* previous may be NULL. */
void routing_take_over_health(struct routing *r, const struct routing *previous);
struct found_table *routing_found_table_new(size_t count);
void routing_found_table_free(struct found_table *t, size_t count);

/* routing_chains.c: models that looks have found become the catalogue's. */
void routing_add_discovered(struct routing *r);
/* Whether there are the backends that the model's chain names. */
void routing_check_links(const struct routing *r, const struct config *c, const struct model *m,
			 struct err *faults);
/* Whether there are the backends that "prices:" of spass.yaml names; a list apart may hold those of others. */
void routing_check_prices(const struct routing *r, const struct config *c, struct err *faults);
void routing_make_routes(struct routing *r);
void routing_clear_route(struct route *r);
/* A step for each link that the model's chain reaches, in order, each alias once. */
void routing_flatten(const struct catalog *c, const struct model *m,
		     void (*step)(void *arg, const struct model_link *link, const struct model *of),
		     void *arg);

/* routing_breakers.c: of the finished routes; those of equal targets of previous are kept. */
void routing_make_breakers(struct routing *r, const struct config *c, const struct routing *previous);

#endif
