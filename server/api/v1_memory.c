/*
 * server/api/v1_memory.c - /v1/memory and /v1/system-prompts.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/chat/augment.h"
#include "server/api/call.h"

enum { BODY_MAX = 256 * KIB };

/* An administrator who names no user means himself here: texts are one user's, never everybody's. */
static struct owner owner_of(const struct call *c)
{
	const struct identity *i = &c->identity;

	return (struct owner){ i->tenant_id, i->scope_id, i->is_whole_tenant ? i->token_id : i->user_id };
}

/* What a handler hands to the database's thread. */
struct change {
	struct call *call;
	struct owner owner;
	const char *name; /* of a memory */
	enum prompt_layer layer;
	struct span content;
	bool append;
	const bool *enabled;
	json_t *items;    /* the answer */
};

static int write_change(struct call *c, int (*work)(struct db *db, void *arg, struct err *err),
			struct change *k, struct err *err)
{
	if (store_write(c->worker->core->store, work, k, err) < 0)
		return -1;
	augment_forget(c->worker->core->augment, &k->owner);
	return 0;
}

static int read_items(struct call *c, int (*work)(struct db *db, void *arg, struct err *err),
		      struct change *k, struct err *err)
{
	k->items = json_array();
	if (store_read(c->worker->core->store, c->worker->core->jobs, work, k, err) == 0)
		return 0;
	json_decref(k->items);
	k->items = NULL;
	return -1;
}

/* Text of a member: a string that is not longer than max; ptr NULL when absent. */
static int read_text(json_t *body, const char *key, const char *param, size_t max, struct span *text,
		     struct err *err)
{
	json_t *value = json_object_get(body, key);

	*text = SPAN_NONE;
	if (!value)
		return 0;
	if (!json_is_string(value))
		return err_set(err, E_invalid_field, param, "%s must be a text", key);
	*text = span_of(json_string_value(value), json_string_length(value));
	if (text->len > max)
		return err_set(err, E_invalid_field, param, "%s has %zu bytes, at most %zu are taken", key,
			       text->len, max);
	return 0;
}

static int refuse_others(json_t *body, const char *const keys[], struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		size_t i;

		for (i = 0; keys[i] && strcmp(key, keys[i]) != 0; i++)
			;
		if (!keys[i])
			return err_set(err, E_invalid_field, "body", "there is no member \"%.64s\" here, only %s%s%s",
				       key, keys[0], keys[1] ? " and " : "", keys[1] ? keys[1] : "");
	}
	return 0;
}

/* --- /v1/memory --- */

static json_t *memory_line(const struct memory *m)
{
	return json_pack("{s:s%, s:I, s:I, s:I}", "name", m->name.ptr, m->name.len, "bytes", (json_int_t)m->bytes,
			 "created_at", (json_int_t)m->created_at, "updated_at", (json_int_t)m->updated_at);
}

static int add_line(void *context, const struct memory *m)
{
	struct change *k = context;

	return json_array_append_new(k->items, memory_line(m));
}

static int add_whole(void *context, const struct memory *m)
{
	struct change *k = context;
	json_t *line = memory_line(m);

	json_object_set_new(line, "content", json_stringn(m->content.ptr, m->content.len));
	return json_array_append_new(k->items, line);
}

static int list_memory(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	return memory_list(db, &k->owner, add_line, k, err);
}

static int get_memory(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	return memory_get(db, &k->owner, span_str(k->name), add_whole, k, err);
}

/* What it has become goes into the answer, from the same transaction. */
static int put_memory(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	if (memory_put(db, &k->owner, span_str(k->name), k->content, k->append, clock_wall_ms(), err) < 0)
		return -1;
	return memory_get(db, &k->owner, span_str(k->name), add_line, k, err);
}

static int delete_memory(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	return memory_delete(db, &k->owner, span_str(k->name), err);
}

void v1_memory_list(struct exchange *x, struct call *c)
{
	struct change k = { .call = c, .owner = owner_of(c) };
	struct err err = ERR_INIT;

	if (read_items(c, list_memory, &k, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_json(x, 200, json_pack("{s:o}", "items", k.items));
}

static int name_of(struct exchange *x, struct call *c, struct change *k, struct err *err)
{
	*k = (struct change){ .call = c, .owner = owner_of(c), .name = call_param(x, c, 0) };
	if (memory_is_name(span_str(k->name)))
		return 0;
	return err_set(err, E_invalid_field, "name",
		       "a memory's name is 1 to %d characters of A-Z a-z 0-9 . _ -", MEMORY_NAME_MAX);
}

/* Replies with the one item; takes it. */
static void reply_item(struct exchange *x, struct change *k)
{
	json_t *item = json_incref(json_array_get(k->items, 0));

	json_decref(k->items);
	call_reply_json(x, 200, item);
}

void v1_memory_get(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct change k;

	if (name_of(x, c, &k, &err) < 0 || read_items(c, get_memory, &k, &err) < 0)
		reply_error(x, &err);
	else
		reply_item(x, &k);
}

static int read_memory_body(json_t *body, struct change *k, struct err *err)
{
	static const char *const keys[] = { "content", "append", NULL };
	struct span append;

	if (refuse_others(body, keys, err) < 0 ||
	    read_text(body, "content", "body.content", BODY_MAX, &k->content, err) < 0 ||
	    read_text(body, "append", "body.append", BODY_MAX, &append, err) < 0)
		return -1;
	if (!k->content.ptr == !append.ptr)
		return err_set(err, k->content.ptr ? E_invalid_field : E_missing_field, "body.content",
			       "the body has either content or append");
	k->append = append.ptr != NULL;
	if (k->append)
		k->content = append;
	return 0;
}

void v1_memory_put(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	json_t *body = NULL;
	struct change k;

	if (name_of(x, c, &k, &err) < 0)
		goto refuse;
	body = call_read_json(x, BODY_MAX, &err);
	if (!body || read_memory_body(body, &k, &err) < 0)
		goto refuse;
	k.items = json_array();
	if (write_change(c, put_memory, &k, &err) < 0) {
		json_decref(k.items);
		goto refuse;
	}
	reply_item(x, &k);
	json_decref(body);
	return;
refuse:
	reply_error(x, &err);
	json_decref(body);
}

void v1_memory_delete(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct change k;

	if (name_of(x, c, &k, &err) < 0 || write_change(c, delete_memory, &k, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_nothing(x);
}

/* --- /v1/system-prompts --- */

static int add_prompt(void *context, const struct system_prompt *p)
{
	struct change *k = context;

	return json_array_append_new(k->items,
				     json_pack("{s:s, s:s%, s:b, s:I, s:I}", "layer", prompt_layer_name(p->layer),
					       "content", p->content.ptr ? p->content.ptr : "", p->content.len,
					       "enabled", p->enabled, "version", (json_int_t)p->version,
					       "updated_at", (json_int_t)p->updated_at));
}

static int add_layer(void *context, const struct system_prompt *p)
{
	struct change *k = context;

	return p->layer == k->layer ? add_prompt(k, p) : 0;
}

static int list_prompts(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	return system_prompt_list(db, &k->owner, add_prompt, k, err);
}

static int get_prompt(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	if (system_prompt_list(db, &k->owner, add_layer, k, err) < 0)
		return -1;
	if (json_array_size(k->items))
		return 0;
	return err_set(err, E_system_prompt_not_found, "layer", "there is no system prompt of the %s",
		       prompt_layer_name(k->layer));
}

static int put_prompt(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	if (system_prompt_put(db, &k->owner, k->layer, k->content, k->enabled, k->call->identity.token_id,
			      clock_wall_ms(), err) < 0)
		return -1;
	return get_prompt(db, k, err);
}

static int delete_prompt(struct db *db, void *arg, struct err *err)
{
	struct change *k = arg;

	return system_prompt_delete(db, &k->owner, k->layer, err);
}

/* The layer of the path; one that needs a scope has it. */
static int layer_of(struct exchange *x, struct call *c, struct change *k, struct err *err)
{
	const char *name = call_param(x, c, 0);

	*k = (struct change){ .call = c, .owner = owner_of(c) };
	if (prompt_layer_find(span_str(name), &k->layer) < 0)
		return err_set(err, E_system_prompt_not_found, "layer",
			       "there is no layer '%.64s'; layers are tenant, scope and user", name);
	if (k->layer == LAYER_scope && !*k->owner.scope_id)
		return err_set(err, E_missing_field, "headers.spass-scope-id",
			       "the layer scope needs the SPASS-Scope-Id header");
	return 0;
}

/* The tenant's and a scope's texts stand in front of everybody's requests. */
static int check_writer(const struct call *c, struct change *k, struct err *err)
{
	if (k->layer == LAYER_user)
		return 0;
	if (c->identity.role < ROLE_tenant_admin)
		return err_set(err, E_insufficient_scope, "layer",
			       "the layer %s is written by a tenant_admin", prompt_layer_name(k->layer));
	return 0;
}

void v1_prompts_list(struct exchange *x, struct call *c)
{
	struct change k = { .call = c, .owner = owner_of(c) };
	struct err err = ERR_INIT;

	if (read_items(c, list_prompts, &k, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_json(x, 200, json_pack("{s:o}", "items", k.items));
}

void v1_prompts_get(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct change k;

	if (layer_of(x, c, &k, &err) < 0 || read_items(c, get_prompt, &k, &err) < 0)
		reply_error(x, &err);
	else
		reply_item(x, &k);
}

void v1_prompts_effective(struct exchange *x, struct call *c)
{
	const struct owner owner = owner_of(c);
	struct core *core = c->worker->core;
	struct err err = ERR_INIT;
	struct augmentation *t = augment_get(core->augment, core->store, core->jobs, &owner, &err);

	if (!t) {
		reply_error(x, &err);
		return;
	}
	call_reply_json(x, 200, json_pack("{s:s}", "content", t->prompt));
	augmentation_unref(t);
}

static int read_prompt_body(json_t *body, struct change *k, bool *enabled, struct err *err)
{
	static const char *const keys[] = { "content", "enabled", NULL };
	json_t *flag = json_object_get(body, "enabled");

	if (refuse_others(body, keys, err) < 0 ||
	    read_text(body, "content", "body.content", SYSTEM_PROMPT_MAX, &k->content, err) < 0)
		return -1;
	if (flag && !json_is_boolean(flag))
		return err_set(err, E_invalid_field, "body.enabled", "enabled must be true or false");
	if (!flag && !k->content.ptr)
		return err_set(err, E_missing_field, "body.content", "the body has content, enabled or both");
	*enabled = json_is_true(flag);
	k->enabled = flag ? enabled : NULL;
	return 0;
}

/* Whose requests are changed by a text of that layer. */
static int write_prompt(struct call *c, int (*work)(struct db *db, void *arg, struct err *err),
			struct change *k, struct err *err)
{
	struct owner all = k->owner;

	if (store_write(c->worker->core->store, work, k, err) < 0)
		return -1;
	if (k->layer != LAYER_user)
		all.user_id = NULL;
	augment_forget(c->worker->core->augment, &all);
	return 0;
}

void v1_prompts_put(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	json_t *body = NULL;
	struct change k;
	bool enabled;

	if (layer_of(x, c, &k, &err) < 0 || check_writer(c, &k, &err) < 0)
		goto refuse;
	body = call_read_json(x, BODY_MAX, &err);
	if (!body || read_prompt_body(body, &k, &enabled, &err) < 0)
		goto refuse;
	k.items = json_array();
	if (write_prompt(c, put_prompt, &k, &err) < 0) {
		json_decref(k.items);
		goto refuse;
	}
	reply_item(x, &k);
	json_decref(body);
	return;
refuse:
	reply_error(x, &err);
	json_decref(body);
}

void v1_prompts_delete(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct change k;

	if (layer_of(x, c, &k, &err) < 0 || check_writer(c, &k, &err) < 0 ||
	    write_prompt(c, delete_prompt, &k, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_nothing(x);
}
