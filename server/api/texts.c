/*
 * server/api/texts.c - see texts.h.
 */
#include "server/api/texts.h"

#include <string.h>

#include "common/chat/augment.h"

/* An administrator who names no user means himself here: texts are one user's, never everybody's. */
struct text_change text_change_of(struct call *c)
{
	const struct identity *i = &c->identity;

	return (struct text_change){
		.call = c,
		.owner = { i->tenant_id, i->scope_id, i->is_whole_tenant ? i->token_id : i->user_id },
	};
}

static int read_items(struct text_change *k, text_work *work, struct err *err)
{
	const struct core *core = k->call->worker->core;

	k->items = json_array();
	if (store_read(core->store, core->jobs, work, k, err) == 0)
		return 0;
	json_decref(k->items);
	k->items = NULL;
	return -1;
}

/* Whoever's requests are changed by it is forgotten. */
static int write_change(struct text_change *k, text_work *work, struct err *err)
{
	const struct core *core = k->call->worker->core;
	struct owner changed = k->owner;

	if (store_write(core->store, work, k, err) < 0)
		return -1;
	if (k->is_of_many)
		changed.user_id = NULL;
	augment_forget(core->augment, &changed);
	return 0;
}

/* Replies with the one item; takes it. */
static void reply_item(struct exchange *x, struct text_change *k)
{
	json_t *item = json_incref(json_array_get(k->items, 0));

	json_decref(k->items);
	call_reply_json(x, 200, item);
}

void texts_list(struct exchange *x, struct call *c, text_work *work)
{
	struct text_change k = text_change_of(c);
	struct err err = ERR_INIT;

	if (read_items(&k, work, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_json(x, 200, json_pack("{s:o}", "items", k.items));
}

void texts_get(struct exchange *x, struct text_change *k, text_work *work)
{
	struct err err = ERR_INIT;

	if (read_items(k, work, &err) < 0)
		reply_error(x, &err);
	else
		reply_item(x, k);
}

void texts_put(struct exchange *x, struct text_change *k,
	       int (*read)(json_t *body, struct text_change *k, struct err *err), text_work *work)
{
	struct err err = ERR_INIT;
	json_t *body = call_read_json(x, TEXTS_BODY_MAX, &err);
	int result = body ? read(body, k, &err) : -1;

	k->items = json_array();
	if (result == 0)
		result = write_change(k, work, &err);
	if (result == 0) {
		reply_item(x, k);
	} else {
		json_decref(k->items);
		reply_error(x, &err);
	}
	json_decref(body);
}

void texts_delete(struct exchange *x, struct text_change *k, text_work *work)
{
	struct err err = ERR_INIT;

	if (write_change(k, work, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_nothing(x);
}

int texts_read(json_t *body, const char *key, const char *param, size_t max, struct span *text, struct err *err)
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

int texts_refuse_others(json_t *body, const char *const keys[2], struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value)
	{
		if (strcmp(key, keys[0]) != 0 && strcmp(key, keys[1]) != 0)
			return err_set(err, E_invalid_field, "body", "there is no member \"%.64s\" here, only %s and %s",
				       key, keys[0], keys[1]);
	}
	return 0;
}
