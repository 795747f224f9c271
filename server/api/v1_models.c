/*
 * server/api/v1_models.c - GET /v1/models, /v1/models/{id}, /v1/info.
 */
#include "common/chat/spend.h"
#include "common/upstream/info.h"
#include "server/api/call.h"

static bool admits(const void *arg, const struct model *m)
{
	return offer_admits(arg, m);
}

void v1_models(struct exchange *x, struct call *c)
{
	const struct offer offer = call_offer(c);
	const struct info_filter filter = { admits, &offer };

	call_reply_json(x, 200, info_models(offer.routing, &filter));
}

void v1_model(struct exchange *x, struct call *c)
{
	const struct routing *routing = c->snapshot->routing;
	const struct offer offer = call_offer(c);
	const char *id = call_param(x, c, 0);
	const struct model *model = routing_find(routing, span_str(id));
	struct err err = ERR_INIT;

	if (model && !offer_admits(&offer, model))
		model = NULL;
	if (model && info_is_listed(routing, model)) {
		call_reply_json(x, 200, info_model(routing, model));
		return;
	}
	if (model)
		offer_no_backend(routing, model, E_model_not_found, "id", &err);
	else
		err_set(&err, E_model_not_found, "id", "there is no model '%.100s'; GET /v1/models lists them",
			id);
	reply_error(x, &err);
}

void v1_info(struct exchange *x, struct call *c)
{
	const struct offer offer = call_offer(c);
	const struct info_filter filter = { admits, &offer };
	json_t *info = info_document(offer.routing, c->snapshot->config, &filter, spend_default_model(&offer));

	json_object_set_new(json_object_get(info, "gateway"), "user_id_required",
			    json_boolean(snapshot_needs_user(c->snapshot)));
	call_reply_json(x, 200, info);
}
