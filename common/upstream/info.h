/*
 * common/upstream/info.h - what is offered, as documents: models, backends, readiness.
 *
 * The bodies of GET /v1/models, /v1/models/{id}, /v1/info and /readyz; no address and no secret
 * of a backend is in any of them.  Any thread; the caller owns what is returned.
 */
#ifndef SPASS_UPSTREAM_INFO_H
#define SPASS_UPSTREAM_INFO_H

#include <jansson.h>

#include "common/config/config.h"
#include "common/upstream/routing.h"

/* Whether a model is in GET /v1/models: something could be asked for it. */
bool info_is_listed(const struct routing *r, const struct model *m);
/* Which models the asker may use; admits NULL: all. */
struct info_filter {
	bool (*admits)(const void *arg, const struct model *m);
	const void *arg;
};
/* {"object":"list","data":[...]} of all listed models that f admits, in the catalogue's order. */
json_t *info_models(const struct routing *r, const struct info_filter *f);
/* One of them. */
json_t *info_model(const struct routing *r, const struct model *m);
/*
 * {"gateway":{...},"default_model":"...","models":[...],"backends":[...]}: all models that f
 * admits and all backends, with the truth about which can be reached.  preferred, or NULL, is what
 * is used where none is named.
 */
json_t *info_document(const struct routing *r, const struct config *c, const struct info_filter *f,
		      const struct model *preferred);
/*
 * {"status":"ready"|"degraded"|"unavailable","backends":{name:{"status","latency_ms"}}}.
 * *ready: a chat backend answers.  The built-in one counts only where there is no other, so that
 * a gateway whose servers are all gone says so.  Local servers that were looked for and never
 * found are left out.
 */
json_t *info_ready(const struct routing *r, bool *ready);

#endif
