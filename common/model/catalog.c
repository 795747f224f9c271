/*
 * common/model/catalog.c - the models that are offered.
 *
 * Three sources, in order: the embedded catalog.yaml, the operator's file, "models:" in
 * spass.yaml (catalog_read.c reads them all); then the chains of aliases are checked.
 */
#include "common/model/catalog.h"

#include <assert.h>
#include <string.h>

#include "common/base/asset.h"
#include "common/base/mem.h"
#include "common/model/catalog_inside.h"

#define EMBEDDED "common/model/catalog.yaml"

bool catalog_alias_is_valid(const char *alias)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-";
	size_t len = strlen(alias);

	return len >= 1 && len <= CATALOG_ALIAS_MAX && strspn(alias, allowed) == len;
}

void model_list_free(char **list)
{
	for (char **item = list; item && *item; item++)
		mem_free(*item);
	mem_free(list);
}

void model_chain_free(struct model_link *chain, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(chain[i].backend);
		mem_free(chain[i].model);
		mem_free(chain[i].where);
	}
	mem_free(chain);
}

static void model_free(struct model *m)
{
	if (!m)
		return;
	mem_free(m->alias);
	mem_free(m->family);
	mem_free(m->license);
	model_list_free(m->input);
	model_list_free(m->output);
	model_chain_free(m->chain, m->chain_count);
	mem_free(m);
}

static char **list_of_one(const char *text)
{
	char **list = mem_calloc(2, sizeof *list);

	list[0] = mem_strdup(text);
	return list;
}

struct model *model_new(const char *alias)
{
	struct model *m = mem_new(struct model);

	m->alias = mem_strdup(alias);
	m->kind = MODEL_CHAT;
	m->tools = true;
	m->input = list_of_one("text");
	m->output = list_of_one("text");
	return m;
}

void catalog_insert(struct catalog *c, size_t index, struct model *m)
{
	if (c->count == c->capacity) {
		c->capacity = c->capacity ? 2 * c->capacity : 32;
		c->models = mem_realloc(c->models, c->capacity * sizeof(struct model *));
	}
	memmove(&c->models[index + 1], &c->models[index],
		(c->count - index) * sizeof(struct model *));
	c->models[index] = m;
	c->count++;
}

void catalog_remove(struct catalog *c, size_t index)
{
	model_free(c->models[index]);
	c->count--;
	memmove(&c->models[index], &c->models[index + 1],
		(c->count - index) * sizeof(struct model *));
}

size_t catalog_end(const struct catalog *c)
{
	size_t end = c->count;

	while (end > 0 && c->models[end - 1]->built_in)
		end--;
	return end;
}

ptrdiff_t catalog_index(const struct catalog *c, struct span alias)
{
	for (size_t i = 0; i < c->count; i++)
		if (span_is(alias, c->models[i]->alias))
			return (ptrdiff_t)i;
	return -1;
}

/* --- chains of aliases --- */

struct walk {
	const struct catalog *catalog;
	int *height; /* by model: 1 + the deepest alias below, 0 = not known yet */
	const struct model *path[CATALOG_DEPTH_MAX];
	struct err *err;
};

static bool path_has(const struct walk *w, int depth, const struct model *m)
{
	for (int i = 0; i < depth; i++)
		if (w->path[i] == m)
			return true;
	return false;
}

/* Checks all that m's chain reaches; returns its height, without the links that are told. */
static int walk_model(struct walk *w, size_t at, int depth)
{
	const struct model *m = w->catalog->models[at];
	int height = 1;

	w->path[depth] = m;
	for (size_t i = 0; i < m->chain_count; i++) {
		const struct model_link *link = &m->chain[i];

		if (link->backend)
			continue;
		ptrdiff_t next = catalog_index(w->catalog, span_str(link->model));
		if (next < 0) {
			err_add(w->err, E_invalid_config, "chain", "%s: %s: chain: there is no model \"%s\"",
				link->where, m->alias, link->model);
			continue;
		}
		if (path_has(w, depth + 1, w->catalog->models[next])) {
			err_add(w->err, E_invalid_config, "chain", "%s: %s: chain: \"%s\" leads back to itself",
				link->where, m->alias, link->model);
			continue;
		}
		int below = w->height[next];
		if (below == 0 && depth + 1 < CATALOG_DEPTH_MAX)
			below = walk_model(w, (size_t)next, depth + 1);
		if (below == 0 || depth + 1 + below > CATALOG_DEPTH_MAX) {
			err_add(w->err, E_invalid_config, "chain", "%s: %s: chain: more than %d aliases deep",
				link->where, m->alias, CATALOG_DEPTH_MAX);
			continue;
		}
		if (below + 1 > height)
			height = below + 1;
	}
	w->height[at] = height;
	return height;
}

static void chains_check(const struct catalog *c, struct err *err)
{
	struct walk w = { .catalog = c,
			  .height = mem_calloc(c->count + 1, sizeof(int)),
			  .err = err };

	for (size_t i = 0; i < c->count; i++)
		if (w.height[i] == 0)
			walk_model(&w, i, 0);
	mem_free(w.height);
}

/* --- the module --- */

static int embedded_read(struct catalog *c, struct err *err)
{
	struct span text = asset_find(EMBEDDED);

	assert(text.ptr);
	struct yml *y = yml_parse(text, "catalog.yaml (built in)", err);
	if (!y)
		return -1;
	int r = catalog_read_rows(c, y, true, err);
	yml_free(y);
	return r;
}

int catalog_load(struct catalog **c, const char *operator_file, const struct yml *config_file, struct err *err)
{
	struct err faults = ERR_INIT;

	*c = mem_new(struct catalog);
	if (embedded_read(*c, &faults) == 0) {
		if (operator_file)
			catalog_read_file(*c, operator_file, &faults);
		if (config_file)
			catalog_read_rows(*c, config_file, false, &faults);
		chains_check(*c, &faults);
	}
	if (faults.code == E_none)
		return 0;
	err_gather(err, &faults);
	return -1;
}

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		model_free(c->models[i]);
	mem_free(c->models);
	mem_free(c);
}

size_t catalog_count(const struct catalog *c)
{
	return c->count;
}

const struct model *catalog_at(const struct catalog *c, size_t index)
{
	return index < c->count ? c->models[index] : NULL;
}

const struct model *catalog_find(const struct catalog *c, struct span alias)
{
	ptrdiff_t index = catalog_index(c, alias);

	return index < 0 ? NULL : c->models[index];
}

/* A lawful alias near to text that is not in use; the caller frees.  NULL when none is near. */
static char *alias_make(const struct catalog *c, const char *text)
{
	char *base = mem_strndup(text, strnlen(text, CATALOG_ALIAS_MAX - 4));

	for (char *p = base; *p; p++) {
		char one[2] = { *p, '\0' };

		if (!catalog_alias_is_valid(one))
			*p = '-';
	}
	for (int n = 1; n <= 99 && *base; n++) {
		char *alias = n == 1 ? mem_strdup(base) : mem_printf("%s-%d", base, n);

		if (catalog_index(c, span_str(alias)) < 0) {
			mem_free(base);
			return alias;
		}
		mem_free(alias);
	}
	mem_free(base);
	return NULL;
}

const struct model *catalog_add_discovered(struct catalog *c, const char *alias,
					   enum model_kind kind, const char *backend,
					   const char *backend_model, int64_t context_window)
{
	if (c->count >= CATALOG_MODELS_MAX)
		return NULL;
	char *name = alias_make(c, alias);
	if (!name)
		return NULL;
	struct model *m = model_new(name);

	mem_free(name);
	m->kind = kind;
	m->tools = kind == MODEL_CHAT;
	m->family = mem_strdup(backend);
	m->context_window = context_window;
	m->discovered = true;
	m->chain = mem_new(struct model_link);
	m->chain_count = 1;
	m->chain[0].backend = mem_strdup(backend);
	m->chain[0].model = mem_strdup(backend_model);
	m->chain[0].where = mem_printf("the model list of %s", backend);
	catalog_insert(c, catalog_end(c), m);
	return m;
}

void catalog_accept_image_urls(struct catalog *c, const struct model *m)
{
	ptrdiff_t index = catalog_index(c, span_str(m->alias));

	assert(index >= 0);
	c->models[index]->accepts_image_url = true;
}
