/* common/chat/rag_noting.c - see rag_noting.h. */
#include "common/chat/rag_noting.h"

#include "common/base/log.h"

struct noted {
	const struct rag_noting *all;
	struct span tenant;
};

static int note_index(void *arg, const struct rag_index_info *index)
{
	const struct noted *n = arg;

	rag_keeper_note(n->all->keeper, n->tenant, index->name);
	return 0;
}

static int note_tenant(void *arg, struct span tenant)
{
	struct noted n = { arg, tenant };
	struct err err = ERR_INIT;

	rag_keeper_note(n.all->keeper, tenant, SPAN_LIT(""));
	if (n.all->indices && rag_index_each(n.all->rag, tenant, note_index, &n, &err) < 0 &&
	    err.code != E_none)
		log_warn("rag", "the indices of %.*s cannot be read: %s", SPAN_ARGS(tenant),
			 err.message);
	return 0;
}

void rag_note_all(void *arg)
{
	const struct rag_noting *all = arg;
	struct err err = ERR_INIT;

	if (rag_tenants_each(all->rag, note_tenant, arg, &err) < 0)
		log_warn("rag", "%s", err.message);
}
