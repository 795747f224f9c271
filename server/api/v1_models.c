/*
 * server/api/v1_models.c - GET /v1/models, /v1/models/{id}, /v1/info.
 */
#include "common/upstream/info.h"
#include "server/api/call.h"

enum { ID_MAX = 256 };

void v1_models(struct exchange *x, struct call *c)
{
	call_reply_json(x, 200, info_models(c->snapshot->routing));
}

void v1_model(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct buf id;
	const struct routing *routing = c->snapshot->routing;
	const struct model *model = NULL;

	buf_init(&id, ID_MAX);
	call_decode(c->param, &id);
	if (!buf_failed(&id))
		model = routing_find(routing, buf_span(&id));
	if (model && info_is_listed(routing, model)) {
		call_reply_json(x, 200, info_model(routing, model));
	} else {
		err_set(&err, E_model_not_found, "id", "there is no model '%.*s'; GET /v1/models lists them",
			c->param.len > 100 ? 100 : (int)c->param.len, c->param.ptr);
		reply_error(x, &err);
	}
	buf_free(&id);
}

void v1_info(struct exchange *x, struct call *c)
{
	call_reply_json(x, 200, info_document(c->snapshot->routing, c->snapshot->config));
}
