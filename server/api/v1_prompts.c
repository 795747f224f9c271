/*
 * server/api/v1_prompts.c - /v1/system-prompts.
 */
#include "common/base/clock.h"
#include "common/chat/augment.h"
#include "server/api/texts.h"

static int add_prompt(void *context, const struct system_prompt *p)
{
	struct text_change *k = context;

	return json_array_append_new(k->items,
				     json_pack("{s:s, s:s%, s:b, s:I, s:I}", "layer", prompt_layer_name(p->layer),
					       "content", p->content.ptr ? p->content.ptr : "", p->content.len,
					       "enabled", p->enabled, "version", (json_int_t)p->version,
					       "updated_at", (json_int_t)p->updated_at));
}

static int add_layer(void *context, const struct system_prompt *p)
{
	struct text_change *k = context;

	return p->layer == k->layer ? add_prompt(k, p) : 0;
}

static int list_prompts(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	return system_prompt_list(db, &k->owner, add_prompt, k, err);
}

static int get_prompt(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	if (system_prompt_list(db, &k->owner, add_layer, k, err) < 0)
		return -1;
	if (json_array_size(k->items))
		return 0;
	return err_set(err, E_system_prompt_not_found, "layer", "there is no system prompt of the %s",
		       prompt_layer_name(k->layer));
}

static int put_prompt(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	if (system_prompt_put(db, &k->owner, k->layer, k->content, k->enabled, k->call->identity.token_id,
			      clock_wall_ms(), err) < 0)
		return -1;
	return get_prompt(db, k, err);
}

static int delete_prompt(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	return system_prompt_delete(db, &k->owner, k->layer, err);
}

/* The layer of the path; one that needs a scope has it. */
static int layer_of(struct exchange *x, struct call *c, struct text_change *k, struct err *err)
{
	const char *name = call_param(x, c, 0);

	*k = text_change_of(c);
	if (prompt_layer_find(span_str(name), &k->layer) < 0)
		return err_set(err, E_system_prompt_not_found, "layer",
			       "there is no layer '%.64s'; layers are tenant, scope and user", name);
	k->is_of_many = k->layer != LAYER_user;
	if (k->layer == LAYER_scope && !*k->owner.scope_id)
		return err_set(err, E_missing_field, "headers.spass-scope-id",
			       "the layer scope needs the SPASS-Scope-Id header");
	return 0;
}

/* The tenant's and a scope's texts stand in front of everybody's requests. */
static int check_writer(const struct text_change *k, struct err *err)
{
	if (k->is_of_many && k->call->identity.role < ROLE_tenant_admin)
		return err_set(err, E_insufficient_scope, "layer",
			       "the layer %s is written by a tenant_admin", prompt_layer_name(k->layer));
	return 0;
}

void v1_prompts_list(struct exchange *x, struct call *c)
{
	texts_list(x, c, list_prompts);
}

void v1_prompts_get(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct text_change k;

	if (layer_of(x, c, &k, &err) < 0)
		reply_error(x, &err);
	else
		texts_get(x, &k, get_prompt);
}

void v1_prompts_effective(struct exchange *x, struct call *c)
{
	const struct owner owner = text_change_of(c).owner;
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

static int read_prompt_body(json_t *body, struct text_change *k, struct err *err)
{
	static const char *const keys[] = { "content", "enabled" };
	json_t *flag = json_object_get(body, "enabled");

	if (texts_refuse_others(body, keys, err) < 0 ||
	    texts_read(body, "content", "body.content", SYSTEM_PROMPT_MAX, &k->content, err) < 0)
		return -1;
	if (flag && !json_is_boolean(flag))
		return err_set(err, E_invalid_field, "body.enabled", "enabled must be true or false");
	if (!flag && !k->content.ptr)
		return err_set(err, E_missing_field, "body.content", "the body has content, enabled or both");
	k->flag = json_is_true(flag);
	k->enabled = flag ? &k->flag : NULL;
	return 0;
}

void v1_prompts_put(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct text_change k;

	if (layer_of(x, c, &k, &err) < 0 || check_writer(&k, &err) < 0)
		reply_error(x, &err);
	else
		texts_put(x, &k, read_prompt_body, put_prompt);
}

void v1_prompts_delete(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct text_change k;

	if (layer_of(x, c, &k, &err) < 0 || check_writer(&k, &err) < 0)
		reply_error(x, &err);
	else
		texts_delete(x, &k, delete_prompt);
}
