/*
 * common/upstream/routing.h - from an alias to the targets that may answer it.
 *
 * Built from configuration, catalogue and environment; immutable but for the health and breakers
 * inside, which have their own locks or atomics.  Any thread.
 */
#ifndef SPASS_UPSTREAM_ROUTING_H
#define SPASS_UPSTREAM_ROUTING_H

#include "common/config/config.h"
#include "common/loop/upcall.h"
#include "common/model/catalog.h"
#include "common/upstream/breaker.h"
#include "common/upstream/provider.h"

enum backend_status { BACKEND_UNKNOWN, BACKEND_AVAILABLE, BACKEND_UNREACHABLE, BACKEND_DISABLED };

struct backend {
	const char *name;
	const struct provider *provider;
	struct origin origin;
	const char *path_prefix;    /* "/v1" */
	const char *auth_line;      /* "Authorization: Bearer ...\r\n", "" = none; secret */
	const char *disabled_why;   /* "OPENAI_API_KEY is not set", or NULL */
	struct upcall_limits limits;
	_Atomic int status;         /* enum backend_status, by the last probe or call */
	_Atomic int64_t latency_us; /* of the last probe, -1 = none */
};
/* "available", "unreachable", "disabled", "planned" for GET /v1/info ("unknown" reads unreachable). */
const char *backend_status_name(enum backend_status s);

struct target {
	struct backend *backend;
	const char *model;      /* the backend's name for it */
	struct breaker *breaker;
	const struct model *link_model; /* the alias whose link this is, for floors of members */
};

struct routing;

/*
 * previous may be NULL; breakers and health of equal targets are taken over from it.
 * environment: as environ.  Fails with E_invalid_config.
 */
struct routing *routing_new(const struct config *c, char *const *environment, const struct routing *previous,
			    struct err *err);
void routing_free(struct routing *r);
const struct catalog *routing_catalog(const struct routing *r);
size_t routing_backend_count(const struct routing *r);
struct backend *routing_backend(const struct routing *r, size_t index);
/* Alias to model; NULL when not offered. */
const struct model *routing_find(const struct routing *r, struct span alias);
/*
 * The flattened chain of a model: composites resolved, disabled backends left out, repeated
 * targets kept once.  count may come out 0.  Borrowed from r.
 */
const struct target *routing_chain(const struct routing *r, const struct model *m, size_t *count);
/* The names of all backends of the chain, disabled ones too, for GET /v1/info. */
size_t routing_chain_backends(const struct routing *r, const struct model *m, const char **names, size_t max);
/*
 * The model that chat and ask use when none is named: c->default_model, else the first chat model
 * with an available backend that is not built in, else spass-extract.
 */
const struct model *routing_default(const struct routing *r);

/*
 * Look at every backend once: GET its probe path, set status and latency, and on local servers
 * list the models they have.  On a fiber.  Returns a new catalogue's worth of discovered models
 * through routing_discovered (below) for the next routing_new.
 */
void routing_probe(struct routing *r, struct uplink_pool *uplinks);
/* True when discovery has found other models than the catalogue holds: build a new routing. */
bool routing_has_news(const struct routing *r);

#endif
