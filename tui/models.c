/* tui/models.c - lists of models from a gateway's documents. */
#include "tui/models.h"

#include "common/base/mem.h"
#include "common/base/near.h"
#include "common/upstream/builtin.h"

#include <string.h>

enum { MODELS_MAX = 10000 };

const char *models_text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void add(struct models *m, const char *name, const char *backend, size_t behind,
		int64_t context, bool is_available)
{
	if (!*name || m->count == MODELS_MAX)
		return;
	m->rows = mem_realloc(m->rows, (m->count + 1) * sizeof *m->rows);
	m->rows[m->count++] = (struct model_row){ .name = mem_strdup(name),
						  .backend = mem_strdup(backend),
						  .behind = behind,
						  .context = context,
						  .is_available = is_available };
}

static bool is_reachable(const json_t *info, const char *backend)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(info, "backends"), i, one)
		if (!strcmp(models_text(one, "name"), backend))
			return !strcmp(models_text(one, "status"), "available");
	return false;
}

/* Which of a chain is asked first, as far as is known: those before it do not answer. */
static size_t first_reachable(const json_t *info, const json_t *chain)
{
	const json_t *name;
	size_t i;

	json_array_foreach(chain, i, name)
		if (json_is_string(name) && is_reachable(info, json_string_value(name)))
			return i;
	return 0;
}

bool models_needs_user(const json_t *info)
{
	return json_is_true(json_object_get(json_object_get(info, "gateway"), "user_id_required"));
}

static void read_info(struct models *m, const json_t *info)
{
	json_t *list = json_object_get(info, "models"), *item;
	const char *preferred = models_text(info, "default_model");
	size_t i;

	json_array_foreach(list, i, item)
	{
		const json_t *chain = json_object_get(item, "routing");
		size_t at = first_reachable(info, chain), length = json_array_size(chain);
		const char *backend = json_string_value(json_array_get(chain, at));

		if (strcmp(models_text(item, "kind"), "embedding") != 0)
			add(m, models_text(item, "alias"), backend ? backend : "",
			    length ? length - at - 1 : 0,
			    json_integer_value(json_object_get(item, "context_window")),
			    json_is_true(json_object_get(item, "available")));
	}
	if (*preferred)
		m->preferred = mem_strdup(preferred);
	m->is_complete = true;
}

static void read_list(struct models *m, const json_t *root)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(root, "data"), i, item)
		add(m, models_text(item, "id"), models_text(item, "owned_by"), 0, 0, true);
	if (m->count)
		m->preferred = mem_strdup(m->rows[0].name);
}

bool models_is_info(const json_t *root)
{
	return json_is_array(json_object_get(root, "models")) &&
	       json_is_string(json_object_get(root, "default_model"));
}

static bool is_list(const json_t *root)
{
	return json_is_array(json_object_get(root, "data"));
}

/* Another server than a spass gateway says that it has no such route in words of its own. */
static bool has_no_route(int status)
{
	return status / 100 == 2 || status == 400 || status == 404 || status == 405;
}

int models_read(struct wire *w, struct models *out, struct err *err)
{
	struct err fault = ERR_INIT;
	json_t *info = wire_get(w, "/v1/info", models_is_info, &fault), *list = NULL;
	int result = -1;

	*out = (struct models){ .count = 0 };
	if (info) {
		read_info(out, info);
		if (models_needs_user(info))
			wire_name_user(w);
	} else {
		if (has_no_route(wire_status(w)))
			list = wire_get(w, "/v1/models", is_list, &fault);
		if (!list) {
			*err = fault;
			goto out;
		}
		read_list(out, list);
	}
	if (out->preferred)
		result = 0;
	else
		err_set(err, E_upstream_unavailable, "model", "the gateway offers no model");
out:
	json_decref(info);
	json_decref(list);
	if (result < 0)
		models_clear(out);
	return result;
}

void models_clear(struct models *m)
{
	for (size_t i = 0; i < m->count; i++) {
		mem_free(m->rows[i].name);
		mem_free(m->rows[i].backend);
	}
	mem_free(m->rows);
	mem_free(m->preferred);
	*m = (struct models){ .count = 0 };
}

const struct model_row *models_find(const struct models *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (!strcmp(m->rows[i].name, name))
			return &m->rows[i];
	return NULL;
}

bool models_may_have(const struct models *m, const char *name)
{
	return !m->is_complete || models_find(m, name);
}

const char *models_near(const struct models *m, const char *name)
{
	struct near near;

	near_init(&near, span_str(name));
	for (size_t i = 0; i < m->count; i++)
		near_offer(&near, m->rows[i].name);
	return near_best(&near);
}

bool models_is_builtin(const char *name)
{
	return !strcmp(name, BUILTIN_CHAT_MODEL);
}
