/*
 * server/api/call.h - what the API layer knows of one exchange; lives in its arena.
 */
#ifndef SPASS_SERVER_CALL_H
#define SPASS_SERVER_CALL_H

#include "common/chat/core.h"
#include "common/chat/turn.h"
#include "server/api/routes.h"

struct call {
	struct core_worker *worker;
	struct snapshot *snapshot;   /* held for the call */
	const struct route *route;   /* NULL: none matched */
	struct span param;           /* of {id} */
	struct identity identity;
	int depth;
	char parent_request_id[RECORD_TEXT_MAX + 1], model[RECORD_TEXT_MAX + 1];
	struct turn turn;
};

/*
 * The guard: credentials, rate, tenant, user, scope, in this order.  0, or -1 when it has
 * answered.  Reads the route row.
 */
int guard(struct exchange *x, struct call *c);
/* Before the guard: the request id, and CORS headers for allowed origins. */
void guard_identify(struct exchange *x, struct call *c);
/* Says the request id that x has. */
void guard_name(struct exchange *x);
/* Adds CORS headers when the origin is allowed; true when it is. */
bool guard_cors(struct exchange *x, const struct config *config, bool preflight);

/* The turn's way out through an exchange. */
void call_sink(struct exchange *x, struct turn_sink *sink);
/* Replies with a JSON document; takes document (NULL answers internal_error). */
void call_reply_json(struct exchange *x, int status, json_t *document_take);
/* Percent-decoding (RFC 3986 2.1) of a part of a path or query; a broken escape stays as it is. */
void call_decode(struct span text, struct buf *out);

/* Handlers, by file. */
void v1_chat_completions(struct exchange *x, struct call *c); /* v1_turns.c */
void v1_embeddings(struct exchange *x, struct call *c);
void v1_models(struct exchange *x, struct call *c);           /* v1_models.c */
void v1_model(struct exchange *x, struct call *c);
void v1_info(struct exchange *x, struct call *c);
void ops_healthz(struct exchange *x, struct call *c);         /* ops.c */
void ops_readyz(struct exchange *x, struct call *c);
void ops_metrics(struct exchange *x, struct call *c);
void ops_errors(struct exchange *x, struct call *c);
void ops_openapi(struct exchange *x, struct call *c);         /* openapi.c */

#endif
