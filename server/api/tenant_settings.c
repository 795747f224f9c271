/*
 * server/api/tenant_settings.c - /v1/tenant/config: settings of the caller's tenant.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/store/change.h"
#include "common/store/memory.h"
#include "server/api/call.h"

/* BODY_MAX: lists have up to 1,000 names. */
enum { BODY_MAX = 256 * KIB, JSON_TEXT = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) };

_Static_assert(MEMORY_BUCKET_MAX == 16384, "setting.def tells the same of MAX_BYTES_PER_BUCKET");

/* Answers */

static json_t *list_models(const struct call *c, bool are_embeddings)
{
	const struct catalog *catalog = routing_catalog(c->snapshot->routing);
	json_t *list = json_array();

	for (size_t i = 0; i < catalog_count(catalog); i++) {
		const struct model *m = catalog_at(catalog, i);

		if ((m->kind == MODEL_EMBEDDING) == are_embeddings)
			json_array_append_new(list, json_string(m->alias));
	}
	return list;
}

static json_t *describe(const struct call *c, const struct settings *s, enum setting_key key)
{
	const struct setting_info *info = &setting_table[key];
	struct setting_value value = settings_get(s, key);
	json_t *entry, *now, *fallback;

	if (info->type == SETTING_MODELS) {
		now = list_models(c, key == SETTING_KEY_ALLOWED_EMBEDDING_MODELS);
		fallback = json_incref(now);
	} else {
		/* The levels belong to all threads: what is counted here is a copy. */
		now = json_deep_copy(value.json);
		fallback = setting_default(info);
	}
	entry = json_pack("{s:o, s:s, s:s, s:o}", "value", now, "source", setting_source_name(value.source),
			  "group", setting_group_name(info->group), "default", fallback);
	if (info->is_reserved)
		json_object_set_new(entry, "reserved", json_true());
	if (value.source == SOURCE_DB) {
		json_object_set_new(entry, "updated_at", json_integer(value.updated_ms));
		json_object_set_new(entry, "updated_by", json_string(value.updated_by));
	}
	return entry;
}

/* only: one of them; NULL: all that tenants have. */
static void reply_settings(struct exchange *x, const struct call *c, const struct settings *s,
			   const struct setting_info *only)
{
	json_t *config = json_object();

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting_info *info = &setting_table[i];

		if (info->type != SETTING_TOKEN && (!only || only == info))
			json_object_set_new(config, info->key, describe(c, s, (enum setting_key)i));
	}
	call_reply_json(x, 200, json_pack("{s:s, s:o}", "tenant_id", c->identity.tenant_id, "config", config));
}

/* Keys */

static const struct setting_info *find_key(const char *key, const char *param, struct err *err)
{
	const struct setting_info *info = setting_find(span_str(key));
	const char *near = info ? NULL : setting_near(span_str(key));

	if (near)
		err_set(err, E_tenant_config_key_unknown, param, "there is no setting \"%.64s\"; did you mean %s?",
			key, near);
	else if (!info)
		err_set(err, E_tenant_config_key_unknown, param, "there is no setting \"%.64s\"", key);
	return info;
}

static const struct setting_info *find_changeable(const char *key, const char *param, struct err *err)
{
	const struct setting_info *info = find_key(key, param, err);

	if (!info || info->group == SETTING_GROUP_C)
		return info;
	if (info->group == SETTING_GROUP_A)
		err_set(err, E_tenant_config_key_readonly, param, "%.64s is fixed in code", key);
	else
		err_set(err, E_tenant_config_key_readonly, param,
			"%.64s belongs to the operator: edit tokens.yaml, then reload or restart the gateway",
			key);
	return NULL;
}

/* What an alias has to be. */
static enum model_kind kind_for(const struct setting_info *info)
{
	return info == &setting_table[SETTING_KEY_rag_rerank_model] ? MODEL_RERANK : MODEL_CHAT;
}

static int check_member(const struct call *c, const char *key, const json_t *value, struct err *err)
{
	const struct setting_info *info;
	const struct model *model;
	char param[ERR_PARAM_MAX];

	snprintf(param, sizeof param, "body.%.100s", key);
	info = find_changeable(key, param, err);
	if (!info)
		return -1;
	if (setting_check(info, value, param, err) < 0)
		return err_prefix(err, "%s", key);
	if (info->type != SETTING_ALIAS || !json_string_length(value))
		return 0;
	model = routing_find(c->snapshot->routing, span_str(json_string_value(value)));
	if (model && model->kind == kind_for(info))
		return 0;
	return err_set(err, E_invalid_field, param, "%s: there is no model \"%.64s\" %s", key,
		       json_string_value(value), kind_for(info) == MODEL_CHAT ? "that chats" : "that reranks");
}

/* Changes */

struct settings_change {
	struct core *core;
	const char *tenant_id, *by;
	json_t *body;    /* what is set; NULL: key is dropped */
	const char *key; /* NULL: all are dropped */
	struct overrides *made; /* what the tenant has after it */
};

static int put_member(struct db *db, const struct settings_change *k, const char *key, const json_t *value,
		      struct err *err)
{
	char *text = json_dumps(value, JSON_TEXT);
	const struct tenant_config row = {
		.tenant_id = span_str(k->tenant_id),
		.key = span_str(key),
		.value = span_str(text),
		.updated_by = span_str(k->by),
		.updated_ms = clock_wall_ms(),
	};
	int result = tenant_config_put(db, &row, err);

	free(text);
	return result;
}

static int gather(void *arg, const struct tenant_config *row, struct err *err)
{
	(void)err;
	overrides_add(arg, row);
	return 0;
}

/* On the writer's thread, where changes come one after another: the last one is this. */
static int write_change(struct db *db, void *arg, struct err *err)
{
	struct settings_change *k = arg;
	const char *key;
	json_t *value;
	int64_t number;

	json_object_foreach(k->body, key, value)
	{
		if (put_member(db, k, key, value, err) < 0)
			return -1;
	}
	if (!k->body && tenant_config_delete(db, k->tenant_id, k->key, err) < 0)
		return -1;
	/* One that sets nothing is one, too: what is in effect becomes what the database has. */
	if (k->body && json_object_size(k->body) == 0 &&
	    change_note(db, CHANGE_CONFIG, span_str(k->tenant_id), SPAN_LIT(""), err) < 0)
		return -1;
	if (change_last(db, &number, err) < 0)
		return -1;
	overrides_unref(k->made);
	k->made = overrides_new(span_str(k->tenant_id), (uint64_t)number);
	return tenant_config_list(db, k->tenant_id, gather, k->made, err);
}

/* Durable, then effective on all workers, then answered. */
static void change_settings(struct exchange *x, struct call *c, struct settings_change *k, const struct setting_info *only)
{
	struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);
	struct err err = ERR_INIT;

	k->core = c->worker->core;
	k->tenant_id = c->identity.tenant_id;
	k->by = c->identity.token_id;
	if (store_write(k->core->store, write_change, k, &err) < 0) {
		reply_error(x, &err);
	} else {
		core_publish_settings(k->core, k->made);
		s.overrides = k->made;
		reply_settings(x, c, &s, only);
	}
	overrides_unref(k->made);
}

/* Handlers */

void tenant_settings_list(struct exchange *x, struct call *c)
{
	const struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);

	reply_settings(x, c, &s, NULL);
}

void tenant_settings_get(struct exchange *x, struct call *c)
{
	const struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);
	const char *key = call_param(x, c, 0);
	struct err err = ERR_INIT;
	const struct setting_info *info = find_key(key, "key", &err);

	if (info && info->type == SETTING_TOKEN)
		err_set(&err, E_tenant_config_key_unknown, "key",
			"%.64s belongs to a token; a tenant has no value of it", key);
	if (err.code != E_none)
		reply_error(x, &err);
	else
		reply_settings(x, c, &s, info);
}

void tenant_settings_set(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct settings_change k = { .body = call_read_json(x, BODY_MAX, &err) };
	const char *key;
	json_t *value;

	json_object_foreach(k.body, key, value)
	{
		if (check_member(c, key, value, &err) < 0)
			break;
	}
	if (err.code != E_none)
		reply_error(x, &err);
	else
		change_settings(x, c, &k, NULL);
	json_decref(k.body);
}

void tenant_settings_drop(struct exchange *x, struct call *c)
{
	struct settings_change k = { .key = call_param(x, c, 0) };
	struct err err = ERR_INIT;
	const struct setting_info *info = find_changeable(k.key, "key", &err);

	if (info)
		change_settings(x, c, &k, info);
	else
		reply_error(x, &err);
}

void tenant_settings_clear(struct exchange *x, struct call *c)
{
	struct settings_change k = { .key = NULL };

	change_settings(x, c, &k, NULL);
}
