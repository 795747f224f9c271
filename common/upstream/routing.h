/*
 * common/upstream/routing.h - from an alias to the targets that may answer it.
 *
 * Built from configuration, catalogue and environment; immutable but for the health and breakers
 * inside, which have their own locks or atomics.  Any thread.
 *
 * Every row of the provider table is a backend, so that a chain may name it; what lacks its key,
 * or is switched off, is disabled.  An entry of "backends:" of the same name takes the row's
 * place.  The rows of local servers are sent only what their servers have been seen to offer:
 * whatever else listens on such a port never gets a prompt.  What an operator wrote is taken at
 * his word.
 */
#ifndef SPASS_UPSTREAM_ROUTING_H
#define SPASS_UPSTREAM_ROUTING_H

#include "common/config/config.h"
#include "common/loop/upcall.h"
#include "common/model/catalog.h"
#include "common/model/price.h"
#include "common/upstream/backend.h"
#include "common/upstream/breaker.h"
#include "common/upstream/provider.h"

struct target {
	struct backend *backend;
	const char *model;      /* the backend's name for it */
	struct breaker *breaker;
	const struct model *link_model; /* the alias whose link this is, for floors of members */
	const struct price *price;      /* NULL: none is known */
	struct span told;       /* header lines with which an answer says that it comes from here */
};

struct routing;

/*
 * previous may be NULL; breakers, health and discovered models of equal targets and backends are
 * taken over from it.  environment: as environ, or NULL.  Fails with E_invalid_config.
 */
struct routing *routing_new(const struct config *c, char *const *environment, const struct routing *previous,
			    struct err *err);
void routing_free(struct routing *r);
const struct catalog *routing_catalog(const struct routing *r);
/* Whether calls may cost money that is told in dollars by the list of prices. */
bool routing_has_prices(const struct routing *r);
/* Whether calls to it are free: a server of this house, or a built-in model. */
bool target_is_free(const struct target *t);
size_t routing_backend_count(const struct routing *r);
struct backend *routing_backend(const struct routing *r, size_t index);
/*
 * Alias to model; NULL when not offered.  Its accepts_image_url is the catalogue's, or true when
 * the providers of all its targets take images by URL.
 */
const struct model *routing_find(const struct routing *r, struct span alias);
/*
 * The flattened chain of a model: composites resolved, disabled backends left out, repeated
 * targets kept once.  count may come out 0.  Borrowed from r.
 */
const struct target *routing_chain(const struct routing *r, const struct model *m, size_t *count);
/*
 * Why a model has no target: its backends, each with what it lacks.  "openai: OPENAI_API_KEY is not
 * set".  Whether one of them may yet come: a server that is looked for.
 */
bool routing_why_not(const struct routing *r, const struct model *m, struct buf *out);
/* The names of all backends of the chain, disabled ones too, for GET /v1/info. */
size_t routing_chain_backends(const struct routing *r, const struct model *m, const char **names, size_t max);
/*
 * The model that chat and ask use when none is named: c->default_model, else the first chat model
 * with an available backend that is not built in, else spass-extract.
 */
const struct model *routing_default(const struct routing *r);
/*
 * The embedding model that indices use when none is named: the first with an available backend that
 * is not built in; else NULL, as the built-in one finds nothing that words do not find.
 */
const struct model *routing_default_embedder(const struct routing *r);
/*
 * How many of a backend's models are left alone after failures (breaker.h) at now_ms, monotonic;
 * the names of the first max of them, borrowed, to models.
 */
size_t routing_resting(const struct routing *r, const struct backend *b, int64_t now_ms, const char **models,
		       size_t max);
/* Whether a backend that is not built in can be asked for the model now. */
bool routing_is_available(const struct routing *r, const struct model *m);
/* The same or, before the first look at its backends, one may: not by a server that is merely looked for. */
bool routing_may_be_available(const struct routing *r, const struct model *m);

/* When the first routing of this line was built, in seconds since 1970. */
int64_t routing_created_s(const struct routing *r);

/* Whose backends are looked at: of all, or only of servers whose lists of models are kept. */
enum routing_reach { ROUTING_ALL, ROUTING_LOCAL };
/*
 * Look at every enabled backend once, all at the same time: GET its probe path within
 * ROUTING_PROBE_MS, set status and latency.  With discover on, local servers' lists of models are
 * kept for the next routing_new; a list is forgotten when its server has been away for
 * ROUTING_MISSES_MAX looks.  On a fiber; returns when all have been looked at, or early when the
 * fiber is cancelled.
 */
enum { ROUTING_PROBE_MS = 2000, ROUTING_MISSES_MAX = 3 };
void routing_probe(struct routing *r, struct uplink_pool *uplinks, enum routing_reach reach);
/* True when a look has found other models than this routing was built with: build a new one. */
bool routing_has_news(const struct routing *r);

#endif
