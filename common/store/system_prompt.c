/*
 * common/store/system_prompt.c - see system_prompt.h.
 */
#include "common/store/system_prompt.h"

#include "common/store/change.h"

static const char *const layer_names[LAYER_COUNT] = {
	[LAYER_tenant] = "tenant",
	[LAYER_scope] = "scope",
	[LAYER_user] = "user",
};

const char *prompt_layer_name(enum prompt_layer layer)
{
	return layer_names[layer];
}

int prompt_layer_find(struct span name, enum prompt_layer *layer)
{
	for (int i = 0; i < LAYER_COUNT; i++)
		if (span_is(name, layer_names[i])) {
			*layer = (enum prompt_layer)i;
			return 0;
		}
	return -1;
}

/* ?1 to ?4: a layer belongs to no more of the owner than it must. */
static void bind_key(struct db_statement *st, const struct owner *o, enum prompt_layer layer)
{
	db_bind_str(st, 1, o->tenant_id);
	db_bind_str(st, 2, layer_names[layer]);
	db_bind_str(st, 3, layer == LAYER_tenant ? "" : o->scope_id);
	db_bind_str(st, 4, layer == LAYER_user ? o->user_id : "");
}

/* 1, 0 when there is none, or -1. */
static int tell_one(struct db *db, const struct owner *o, enum prompt_layer layer,
		    int (*each)(void *context, const struct system_prompt *p), void *context, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT content, enabled, version, updated_at FROM system_prompt"
					       " WHERE tenant_id = ?1 AND layer = ?2 AND scope_id = ?3"
					       " AND user_id = ?4",
					       err);
	struct system_prompt p = { .layer = layer };
	int row;

	if (!st)
		return -1;
	bind_key(st, o, layer);
	row = db_next(st, err);
	if (row != 1)
		return row;
	p.content = db_text(st, 0);
	p.enabled = db_int(st, 1) != 0;
	p.version = db_int(st, 2);
	p.updated_at = db_int(st, 3);
	return each(context, &p) < 0 ? -1 : 1;
}

int system_prompt_list(struct db *db, const struct owner *o,
		       int (*each)(void *context, const struct system_prompt *p), void *context,
		       struct err *err)
{
	for (int layer = 0; layer < LAYER_COUNT; layer++) {
		if (layer == LAYER_scope && !*o->scope_id)
			continue;
		if (tell_one(db, o, (enum prompt_layer)layer, each, context, err) < 0)
			return -1;
	}
	return 0;
}

static int not_found(enum prompt_layer layer, struct err *err)
{
	return err_set(err, E_system_prompt_not_found, "layer", "there is no system prompt of the %s",
		       layer_names[layer]);
}

static int update(struct db *db, const struct owner *o, enum prompt_layer layer, struct span content,
		  const bool *enabled, const char *by, int64_t now_ms, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"UPDATE system_prompt SET content = coalesce(?5, content), enabled = coalesce(?6, enabled),"
		" version = version + 1, updated_at = ?7, updated_by = ?8"
		" WHERE tenant_id = ?1 AND layer = ?2 AND scope_id = ?3 AND user_id = ?4",
		err);

	if (!st)
		return -1;
	bind_key(st, o, layer);
	db_bind_text(st, 5, content);
	if (enabled)
		db_bind_int(st, 6, *enabled);
	db_bind_int(st, 7, now_ms);
	db_bind_str(st, 8, by);
	return db_run(st, err);
}

static int insert(struct db *db, const struct owner *o, enum prompt_layer layer, struct span content,
		  const bool *enabled, const char *by, int64_t now_ms, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "INSERT INTO system_prompt (tenant_id, layer, scope_id, user_id,"
					       " content, enabled, version, updated_at, updated_by)"
					       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)",
					       err);

	if (!st)
		return -1;
	bind_key(st, o, layer);
	db_bind_text(st, 5, content);
	db_bind_int(st, 6, enabled ? *enabled : true);
	db_bind_int(st, 7, now_ms);
	db_bind_str(st, 8, by);
	return db_run(st, err);
}

static int note_change(struct db *db, const struct owner *o, enum prompt_layer layer, struct err *err)
{
	return change_note_texts(db, o->tenant_id, o->scope_id, layer == LAYER_user ? o->user_id : NULL, err);
}

int system_prompt_put(struct db *db, const struct owner *o, enum prompt_layer layer, struct span content,
		      const bool *enabled, const char *by, int64_t now_ms, struct err *err)
{
	if (update(db, o, layer, content, enabled, by, now_ms, err) < 0)
		return -1;
	if (db_changes(db))
		return note_change(db, o, layer, err);
	if (!content.ptr)
		return not_found(layer, err);
	if (insert(db, o, layer, content, enabled, by, now_ms, err) < 0)
		return -1;
	return note_change(db, o, layer, err);
}

int system_prompt_delete(struct db *db, const struct owner *o, enum prompt_layer layer, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "DELETE FROM system_prompt WHERE tenant_id = ?1 AND layer = ?2"
					       " AND scope_id = ?3 AND user_id = ?4",
					       err);

	if (!st)
		return -1;
	bind_key(st, o, layer);
	if (db_run(st, err) < 0)
		return -1;
	return db_changes(db) ? note_change(db, o, layer, err) : not_found(layer, err);
}
