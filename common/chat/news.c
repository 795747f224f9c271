/*
 * common/chat/news.c - see news.h.
 */
#include "common/chat/news.h"

#include "common/base/log.h"
#include "common/chat/augment.h"
#include "common/store/change.h"

struct news {
	struct core *core;
	struct db *db;
	int64_t seen;
};

/* What this process did itself it knows. */
static bool is_known(struct core *c, const struct tenant_key *row)
{
	struct snapshot *s = core_snapshot(c);
	bool result = keyring_has(s->keys, row);

	snapshot_unref(s);
	return result;
}

static int take_key(const struct news *n, const struct change *change, struct err *err)
{
	struct err why = ERR_INIT;
	struct tenant_key row;
	int found = tenant_key_get(n->db, change->tenant_id, change->name, &row, err);

	if (found <= 0)
		return found;
	/* A row of a version to come must not keep those behind it from being heard of. */
	if (!is_known(n->core, &row) && core_publish_key(n->core, &row, &why) < 0)
		log_warn("store", "a key that was changed is not taken over: %s", why.message);
	tenant_key_clear(&row);
	return 0;
}

static int gather(void *arg, const struct tenant_config *row, struct err *err)
{
	(void)err;
	overrides_add(arg, row);
	return 0;
}

/* Read in one go with the list of changes: there is no later one of this tenant in what is seen here. */
static int take_config(const struct news *n, const struct change *change, struct err *err)
{
	struct overrides *o = overrides_new(span_str(change->tenant_id), (uint64_t)change->number);
	int result = tenant_config_list(n->db, change->tenant_id, gather, o, err);

	if (result == 0)
		core_publish_settings(n->core, o);
	overrides_unref(o);
	return result;
}

/* What this process has written itself it has forgotten already; once more costs it one look. */
static void forget_texts(struct core *c, const struct change *change)
{
	struct owner o = { .tenant_id = change->tenant_id };

	change_texts_of(change->name, &o.scope_id, &o.user_id);
	augment_forget(c->augment, &o);
}

static int take_change(void *arg, const struct change *change, struct err *err)
{
	struct news *n = arg;
	int result = 0;

	switch (change->kind) {
	case CHANGE_KEY:
		result = take_key(n, change, err);
		break;
	case CHANGE_CONFIG:
		result = take_config(n, change, err);
		break;
	case CHANGE_TEXTS:
		forget_texts(n->core, change);
		break;
	}
	if (result == 0)
		n->seen = change->number;
	return result;
}

static int read_news(struct db *db, void *arg, struct err *err)
{
	struct news *n = arg;

	n->db = db;
	return change_list(db, n->seen, take_change, n, err);
}

int news_take(struct core *c, struct err *err)
{
	struct news n = { .core = c, .seen = c->change_seen };
	int result = store_read(c->store, c->jobs, read_news, &n, err);

	c->change_seen = n.seen;
	return result;
}
