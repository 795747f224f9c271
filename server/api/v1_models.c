/*
 * server/api/v1_models.c - GET /v1/models, /v1/models/{id}, /v1/info.
 */
#include "common/chat/offer.h"
#include "common/upstream/info.h"
#include "server/api/call.h"

/* A composite alias is of use only with a member that the token may use. */
static bool has_member(const struct call *c, const struct model *m)
{
	size_t count;
	const struct target *targets = routing_chain(c->snapshot->routing, m, &count);

	for (size_t i = 0; i < count; i++)
		if (call_admits_model(c, span_str(targets[i].link_model->alias)))
			return true;
	return count == 0;
}

static bool admits(const void *arg, struct span alias)
{
	const struct call *c = arg;
	const struct model *m;

	if (!call_admits_model(c, alias))
		return false;
	m = routing_find(c->snapshot->routing, alias);
	return !m || !m->composite || has_member(c, m);
}

static bool suits(const void *arg, const struct model *m)
{
	const struct call *c = arg;

	return spend_has_price(&c->identity, c->snapshot->routing, m);
}

void v1_models(struct exchange *x, struct call *c)
{
	const struct info_filter filter = { admits, suits, c };

	call_reply_json(x, 200, info_models(c->snapshot->routing, &filter));
}

void v1_model(struct exchange *x, struct call *c)
{
	const struct routing *routing = c->snapshot->routing;
	const char *id = call_param(x, c, 0);
	const struct model *model = routing_find(routing, span_str(id));
	struct err err = ERR_INIT;

	if (model && !admits(c, span_str(model->alias)))
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
	const struct info_filter filter = { admits, suits, c };

	call_reply_json(x, 200, info_document(c->snapshot->routing, c->snapshot->config, &filter));
}
