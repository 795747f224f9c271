/*
 * server/api/call.h - what the API layer knows of one exchange; lives in its arena.
 */
#ifndef SPASS_SERVER_CALL_H
#define SPASS_SERVER_CALL_H

#include "common/chat/core.h"
#include "common/chat/spend.h"
#include "common/tenant/limiter.h"
#include "server/api/routes.h"

/* What may be put in front of a chat request. */
enum augment_kind { AUGMENT_system_prompt, AUGMENT_server_tools, AUGMENT_memory, AUGMENT_COUNT };

struct call {
	struct core_worker *worker;
	struct snapshot *snapshot;   /* held for the call */
	const struct route *route;   /* NULL: none matched */
	struct span params[ROUTE_PARAMS_MAX]; /* of the pattern's {}s */
	struct identity identity;
	struct limit_ask requests; /* how the token's stand; burst 0: they are not limited */
	int depth;
	bool augment_asked, augment_off[AUGMENT_COUNT]; /* of SPASS-Augment */
	const char *parent_request_id; /* "" = none */
	const char *model;             /* the alias; "" = none */
	struct turn turn;
	struct spend spend; /* its turn is NULL until it has begun */
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
/*
 * A field that may come once.  ptr NULL: it is not there.  -1 with E_invalid_field when it is there
 * twice.  In guard.c.
 */
int call_read_single(const struct exchange *x, const char *name, const char *param, struct span *value,
		     struct err *err);
/* Adds CORS headers when the origin is allowed; true when it is. */
bool guard_cors(struct exchange *x, const struct config *config, bool preflight);

/* What a turn of that model is given, but for its request.  In v1_turns.c. */
int call_prepare_turn(struct exchange *x, struct call *c, const struct model *alias, struct err *err);
/* The turn's way out through an exchange. */
void call_sink(struct exchange *x, struct turn_sink *sink);
/* Replies with a JSON document; takes document (NULL answers internal_error). */
void call_reply_json(struct exchange *x, int status, json_t *document_take);
/* The same without a body: 204. */
void call_reply_nothing(struct exchange *x);
/*
 * The body as a JSON object of at most max bytes; the caller decrefs.  NULL with
 * E_unsupported_media_type, E_invalid_json, E_invalid_field and those of exchange_body.  Small
 * documents only: read on the worker's own thread.
 */
json_t *call_read_json(struct exchange *x, size_t max, struct err *err);
/* The same for a route that may_lack_body: {} when there is none. */
json_t *call_read_json_if_any(struct exchange *x, size_t max, struct err *err);
/*
 * The first query parameter of that name, decoded, in the exchange's arena; ptr NULL when absent.
 * -1 with E_invalid_field when it is longer than CALL_QUERY_MAX or has a NUL.
 */
enum { CALL_QUERY_MAX = 1024 };
int call_query(struct exchange *x, const char *name, struct span *value, struct err *err);
/* The same, as a whole number of min..max; *value stays as it is when absent. */
int call_query_int(struct exchange *x, const char *name, int64_t min, int64_t max, int64_t *value,
		   struct err *err);
/* limit (1..100, 20 when absent) and offset. */
struct page {
	int64_t limit, offset;
};
int call_query_page(struct exchange *x, struct page *page, struct err *err);
/* {"items":[...],"total":N,"limit":L,"offset":O}; takes items. */
void call_reply_page(struct exchange *x, json_t *items_take, int64_t total, const struct page *page);
/* The pattern's parameter at index, decoded, in the exchange's arena; "" when it holds a NUL. */
const char *call_param(struct exchange *x, const struct call *c, size_t index);
/*
 * Whether the body is a form.  One that a page of a browser sends without credentials of its own is
 * none: any page may send it anywhere.
 */
bool call_has_form(struct exchange *x);
/* -1 with E_unsupported_media_type when the body may not be read as JSON. */
int call_check_type(struct exchange *x, struct err *err);
/* Whether the body is said to be JSON; call_check_type takes what says nothing, or what clients say unasked. */
bool call_says_json(struct exchange *x);
/* Percent-decoding (RFC 3986 2.1) of a part of a path or query; a broken escape stays as it is. */
void call_decode(struct span text, struct buf *out);

/*
 * Gives the turn the header lines of the client that concern the model server; its credentials never
 * do.  An idempotency-key is replaced by a digest of it that no other tenant or user has.
 */
int call_forward(struct exchange *x, struct call *c, struct err *err);
/* The models that it may choose from. */
struct offer call_offer(const struct call *c);

/* Handlers, by file. */
void v1_chat_completions(struct exchange *x, struct call *c); /* v1_turns.c */
void v1_embeddings(struct exchange *x, struct call *c);
void v1_models(struct exchange *x, struct call *c);           /* v1_models.c */
void v1_model(struct exchange *x, struct call *c);
void v1_info(struct exchange *x, struct call *c);
void v1_usage(struct exchange *x, struct call *c);            /* v1_usage.c */
void v1_memory_list(struct exchange *x, struct call *c);      /* v1_memory.c */
void v1_memory_get(struct exchange *x, struct call *c);
void v1_memory_put(struct exchange *x, struct call *c);
void v1_memory_delete(struct exchange *x, struct call *c);
void v1_prompts_list(struct exchange *x, struct call *c);     /* v1_prompts.c */
void v1_prompts_get(struct exchange *x, struct call *c);
void v1_prompts_effective(struct exchange *x, struct call *c);
void v1_prompts_put(struct exchange *x, struct call *c);
void v1_prompts_delete(struct exchange *x, struct call *c);
void tenant_settings_list(struct exchange *x, struct call *c); /* tenant_settings.c */
void tenant_settings_get(struct exchange *x, struct call *c);
void tenant_settings_set(struct exchange *x, struct call *c);
void tenant_settings_drop(struct exchange *x, struct call *c);
void tenant_settings_clear(struct exchange *x, struct call *c);
void c1_chat(struct exchange *x, struct call *c);             /* c1_chat.c */
void c1_list(struct exchange *x, struct call *c);             /* c1_conversations.c */
void c1_get(struct exchange *x, struct call *c);
void c1_rename(struct exchange *x, struct call *c);
void c1_delete(struct exchange *x, struct call *c);
void c1_export(struct exchange *x, struct call *c);
void c1_fork(struct exchange *x, struct call *c);
void c1_import(struct exchange *x, struct call *c);
void a1_indices_list(struct exchange *x, struct call *c);     /* a1_rag_indices.c */
void a1_indices_create(struct exchange *x, struct call *c);
void a1_indices_get(struct exchange *x, struct call *c);
void a1_indices_configure(struct exchange *x, struct call *c);
void a1_indices_delete(struct exchange *x, struct call *c);
void a1_rag_query(struct exchange *x, struct call *c);        /* a1_rag_query.c */
void a1_rag_verify(struct exchange *x, struct call *c);
void a1_documents_list(struct exchange *x, struct call *c);   /* a1_rag_documents.c */
void a1_documents_get(struct exchange *x, struct call *c);
void a1_documents_delete(struct exchange *x, struct call *c);
void a1_documents_drop(struct exchange *x, struct call *c);
void a1_rag_sync(struct exchange *x, struct call *c);
void a1_rag_export(struct exchange *x, struct call *c);
void a1_documents_replace(struct exchange *x, struct call *c); /* a1_rag_take.c */
void a1_documents_append(struct exchange *x, struct call *c);
void a1_documents_upsert(struct exchange *x, struct call *c);
void a1_documents_put(struct exchange *x, struct call *c);
void a1_jobs_create(struct exchange *x, struct call *c);       /* a1_rag_jobs.c */
void a1_jobs_list(struct exchange *x, struct call *c);
void a1_jobs_get(struct exchange *x, struct call *c);
void a1_jobs_events(struct exchange *x, struct call *c);
void a1_jobs_cancel(struct exchange *x, struct call *c);
void tenant_show(struct exchange *x, struct call *c);          /* tenants.c */
void tenants_list(struct exchange *x, struct call *c);
void tenant_budgets_list(struct exchange *x, struct call *c);  /* tenant_budgets.c */
void tenant_keys_list(struct exchange *x, struct call *c);     /* tenant_keys.c */
void tenant_keys_create(struct exchange *x, struct call *c);
void tenant_keys_rotate(struct exchange *x, struct call *c);
void tenant_keys_revoke(struct exchange *x, struct call *c);
void v1_images_post(struct exchange *x, struct call *c);      /* v1_images.c */
void v1_images_list(struct exchange *x, struct call *c);
void v1_images_get(struct exchange *x, struct call *c);
void v1_images_content(struct exchange *x, struct call *c);
void v1_images_delete(struct exchange *x, struct call *c);
void v1_transcriptions(struct exchange *x, struct call *c);   /* v1_audio.c */
void v1_translations(struct exchange *x, struct call *c);
void v1_speech(struct exchange *x, struct call *c);
void ops_healthz(struct exchange *x, struct call *c);         /* ops.c */
void ops_readyz(struct exchange *x, struct call *c);
void ops_metrics(struct exchange *x, struct call *c);
void ops_errors(struct exchange *x, struct call *c);
void ops_openapi(struct exchange *x, struct call *c);         /* openapi.c */

#endif
