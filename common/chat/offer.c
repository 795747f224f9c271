/*
 * common/chat/offer.c - see offer.h.
 */
#include "common/chat/offer.h"

#include "common/base/buf.h"
#include "common/base/near.h"
#include "common/upstream/info.h"

static bool admits_alias(const struct offer *o, const struct model *m)
{
	return tenancy_admits_model(o->tenant, o->token, span_str(m->alias));
}

static bool admits_member(const struct offer *o, const struct model *m)
{
	size_t count;
	const struct target *targets = routing_chain(o->routing, m, &count);

	for (size_t i = 0; i < count; i++)
		if (admits_alias(o, targets[i].link_model))
			return true;
	return count == 0;
}

bool offer_admits(const struct offer *o, const struct model *m)
{
	return admits_alias(o, m) && (!m->composite || admits_member(o, m));
}

static const char *nearest(const struct offer *o, struct span name)
{
	const struct catalog *c = routing_catalog(o->routing);
	struct near near;

	near_init(&near, name);
	for (size_t i = 0; i < catalog_count(c); i++) {
		const struct model *m = catalog_at(c, i);

		if (admits_alias(o, m) && info_is_listed(o->routing, m))
			near_offer(&near, m->alias);
	}
	return near_best(&near);
}

int offer_lacks(const struct offer *o, struct span name, struct err *err)
{
	const char *near = nearest(o, name);

	return err_set(err, E_model_not_in_allowlist, "model",
		       "model '%.*s' is not offered here; %s%s%sGET /v1/models lists the ids",
		       name.len > 100 ? 100 : (int)name.len, name.ptr ? name.ptr : "",
		       near ? "did you mean " : "", near ? near : "", near ? "? " : "");
}

int offer_no_backend(const struct routing *routing, const struct model *m, enum err_code code, const char *param,
		     struct err *err)
{
	struct buf why;
	bool may_come;

	buf_init(&why, ERR_MESSAGE_MAX);
	may_come = routing_why_not(routing, m, &why);
	err_set(err, code, param, "model '%s' is known, but none of its backends can be used: %s", m->alias,
		buf_str(&why));
	buf_free(&why);
	if (err)
		err->no_retry = !may_come;
	return -1;
}

const struct model *offer_find(const struct offer *o, struct span name, struct err *err)
{
	const struct model *alias = routing_find(o->routing, name);

	if (alias && admits_alias(o, alias))
		return alias;
	offer_lacks(o, name, err);
	return NULL;
}
