/*
 * common/model/catalog.c - reads the rows of the catalogue and keeps them.
 *
 * Three sources, in order: the embedded catalog.yaml, the operator's file, "models:" in
 * spass.yaml.  A table of fields says what a row may hold; what a row leaves out stays as it was.
 */
#include "common/model/catalog.h"

#include "common/base/asset.h"
#include "common/base/buf.h"
#include "common/base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define EMBEDDED "common/model/catalog.yaml"

enum { TEXT_MAX = 256, MODALITIES_MAX = 8 };

struct catalog {
	struct model **models; /* pointers, so that a model stays where it is */
	size_t count, capacity;
};

/* What is being read, for messages. */
struct source {
	const struct yml *yml;
	const json_t *row;
	const char *alias;
};

struct choice {
	const char *name;
	int value;
};

static const struct choice kinds[] = {
	{ "chat", MODEL_CHAT }, { "image", MODEL_IMAGE }, { "embedding", MODEL_EMBEDDING }, { NULL, 0 },
};
static const struct choice reasonings[] = {
	{ "no", REASONING_NO },
	{ "yes", REASONING_YES },
	{ "configurable", REASONING_CONFIGURABLE },
	{ NULL, 0 },
};
static const struct choice modalities[] = {
	{ "text", 0 }, { "image", 1 }, { "audio", 2 }, { "video", 3 }, { NULL, 0 },
};

static const char *choice_name(const struct choice *choices, int value)
{
	for (; choices->name; choices++)
		if (choices->value == value)
			return choices->name;
	return "unknown";
}

const char *model_kind_name(enum model_kind k)
{
	return choice_name(kinds, (int)k);
}

const char *model_reasoning_name(enum model_reasoning r)
{
	return choice_name(reasonings, (int)r);
}

/* -1 when none has that name. */
static int choice_find(const struct choice *choices, const char *name)
{
	for (; choices->name; choices++)
		if (strcmp(choices->name, name) == 0)
			return choices->value;
	return -1;
}

static bool alias_is_valid(const char *alias)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-";
	size_t len = strlen(alias);

	return len >= 1 && len <= CATALOG_ALIAS_MAX && strspn(alias, allowed) == len;
}

/* --- memory --- */

static void list_free(char **list)
{
	for (char **item = list; item && *item; item++)
		mem_free(*item);
	mem_free(list);
}

static void chain_free(struct model_link *chain, size_t count)
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
	list_free(m->input);
	list_free(m->output);
	chain_free(m->chain, m->chain_count);
	mem_free(m);
}

static char **list_of_one(const char *text)
{
	char **list = mem_calloc(2, sizeof *list);

	list[0] = mem_strdup(text);
	return list;
}

static struct model *model_new(const char *alias)
{
	struct model *m = mem_new(struct model);

	m->alias = mem_strdup(alias);
	m->kind = MODEL_CHAT;
	m->tools = true;
	m->input = list_of_one("text");
	m->output = list_of_one("text");
	return m;
}

/* Takes m; index is at most the count. */
static void catalog_insert(struct catalog *c, size_t index, struct model *m)
{
	if (c->count == c->capacity) {
		c->capacity = c->capacity ? 2 * c->capacity : 32;
		c->models = mem_realloc(c->models, c->capacity * sizeof(struct model *));
	}
	memmove(&c->models[index + 1], &c->models[index], (c->count - index) * sizeof(struct model *));
	c->models[index] = m;
	c->count++;
}

/* Where a new row goes: before the built-in ones. */
static size_t catalog_end(const struct catalog *c)
{
	size_t end = c->count;

	while (end > 0 && c->models[end - 1]->built_in)
		end--;
	return end;
}

static ptrdiff_t catalog_index(const struct catalog *c, struct span alias)
{
	for (size_t i = 0; i < c->count; i++)
		if (span_is(alias, c->models[i]->alias))
			return (ptrdiff_t)i;
	return -1;
}

/* --- messages --- */

/* The line of a value, else of the row it is in: single-valued nodes such as true have none. */
static int source_line(const struct source *s, const json_t *value)
{
	int line = value ? yml_line(s->yml, value) : 0;

	return line > 0 || !s->row ? line : yml_line(s->yml, s->row);
}

static int refuse(const struct source *s, const json_t *value, const char *key, struct err *err,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* "models.yaml:12: house: context_window: ..."; returns -1. */
static int refuse(const struct source *s, const json_t *value, const char *key, struct err *err,
		  const char *format, ...)
{
	char text[ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_set(err, E_invalid_config, key, "%s:%d: %s: %s%s%s", yml_name(s->yml),
		       source_line(s, value), s->alias ? s->alias : "models", key ? key : "",
		       key ? ": " : "", text);
}

/* --- fields --- */

enum field_kind {
	FIELD_CHOICE_KIND, FIELD_CHOICE_REASONING, FIELD_TEXT, FIELD_INT, FIELD_INT64, FIELD_BOOL,
	FIELD_MODALITIES, FIELD_CHAIN, FIELD_OTHER,
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset;
	int64_t max; /* of numbers; the least is 0 */
};

static const struct field fields[] = {
	{ "alias", FIELD_OTHER, 0, 0 },
	{ "remove", FIELD_OTHER, 0, 0 },
	{ "kind", FIELD_CHOICE_KIND, offsetof(struct model, kind), 0 },
	{ "family", FIELD_TEXT, offsetof(struct model, family), 0 },
	{ "license", FIELD_TEXT, offsetof(struct model, license), 0 },
	{ "context_window", FIELD_INT64, offsetof(struct model, context_window), 1000000000000 },
	{ "tools", FIELD_BOOL, offsetof(struct model, tools), 0 },
	{ "reasoning", FIELD_CHOICE_REASONING, offsetof(struct model, reasoning), 0 },
	{ "input", FIELD_MODALITIES, offsetof(struct model, input), 0 },
	{ "output", FIELD_MODALITIES, offsetof(struct model, output), 0 },
	{ "min_max_tokens", FIELD_INT, offsetof(struct model, min_max_tokens), 1000000 },
	{ "accepts_image_url", FIELD_BOOL, offsetof(struct model, accepts_image_url), 0 },
	{ "typical_seconds", FIELD_INT, offsetof(struct model, typical_seconds), 86400 },
	{ "dimensions", FIELD_INT, offsetof(struct model, dimensions), 65536 },
	{ "chain", FIELD_CHAIN, 0, 0 },
};

static const struct field *field_find(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	return NULL;
}

static void add_names(struct buf *out, const struct choice *choices)
{
	for (size_t i = 0; choices[i].name; i++)
		buf_printf(out, "%s%s", i ? ", " : "", choices[i].name);
}

/* The value of a choice's name, or -1 with err. */
static int read_choice(const struct source *s, const char *key, const json_t *value,
		       const struct choice *choices, struct err *err)
{
	int found = json_is_string(value) ? choice_find(choices, json_string_value(value)) : -1;

	if (found >= 0)
		return found;
	struct buf names;
	buf_init(&names, TEXT_MAX);
	add_names(&names, choices);
	refuse(s, value, key, err, "must be one of %s", buf_str(&names));
	buf_free(&names);
	return -1;
}

/* A copy of a short text without control characters; NULL with err. */
static char *read_text(const struct source *s, const char *key, const json_t *value, struct err *err)
{
	if (!json_is_string(value)) {
		refuse(s, value, key, err, "must be a text; quote it");
		return NULL;
	}
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	if (len == 0 || len > TEXT_MAX) {
		refuse(s, value, key, err, "must have 1 to %d bytes", TEXT_MAX);
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f)
			continue;
		refuse(s, value, key, err, "must not hold control characters");
		return NULL;
	}
	return mem_strdup(text);
}

static int read_field_text(const struct source *s, const struct field *f, json_t *value, char **slot,
			   struct err *err)
{
	char *text = NULL;

	if (!json_is_null(value)) {
		text = read_text(s, f->key, value, err);
		if (!text)
			return -1;
	}
	mem_free(*slot);
	*slot = text;
	return 0;
}

static int read_modalities(const struct source *s, const struct field *f, json_t *value, char ***slot,
			   struct err *err)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count == 0 || count > MODALITIES_MAX)
		return refuse(s, value, f->key, err, "must be a list of 1 to %d modalities", MODALITIES_MAX);
	char **list = mem_calloc(count + 1, sizeof *list);
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_array_get(value, i);
		int found = read_choice(s, f->key, item, modalities, err);

		if (found < 0) {
			list_free(list);
			return -1;
		}
		list[i] = mem_strdup(choice_name(modalities, found));
	}
	list_free(*slot);
	*slot = list;
	return 0;
}

/* One step: {backend, model} or {alias}. */
static int read_link(const struct source *s, json_t *step, struct model_link *link, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(step))
		return refuse(s, step, "chain", err, "a step is { backend: NAME, model: NAME } or { alias: NAME }");
	json_object_foreach(step, key, value) {
		bool is_backend = strcmp(key, "backend") == 0;

		if (!is_backend && strcmp(key, "model") != 0 && strcmp(key, "alias") != 0)
			return refuse(s, value, "chain", err, "unknown key \"%.64s\"", key);
		char **slot = is_backend ? &link->backend : &link->model;
		if (*slot)
			return refuse(s, value, "chain", err, "a step has a model or an alias, not both");
		*slot = read_text(s, "chain", value, err);
		if (!*slot)
			return -1;
	}
	bool has_alias = json_object_get(step, "alias") != NULL;
	if (!link->model || has_alias == (link->backend != NULL))
		return refuse(s, step, "chain", err, "a step is { backend: NAME, model: NAME } or { alias: NAME }");
	link->where = mem_printf("%s:%d", yml_name(s->yml), source_line(s, step));
	return 0;
}

static int read_chain(const struct source *s, json_t *value, struct model *m, struct err *err)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count == 0 || count > CATALOG_CHAIN_MAX)
		return refuse(s, value, "chain", err, "must be a list of 1 to %d steps", CATALOG_CHAIN_MAX);
	struct model_link *chain = mem_calloc(count, sizeof *chain);
	for (size_t i = 0; i < count; i++) {
		if (read_link(s, json_array_get(value, i), &chain[i], err) == 0)
			continue;
		chain_free(chain, count);
		return -1;
	}
	chain_free(m->chain, m->chain_count);
	m->chain = chain;
	m->chain_count = count;
	m->composite = false;
	for (size_t i = 0; i < count; i++)
		m->composite |= !chain[i].backend;
	return 0;
}

static int read_int(const struct source *s, const struct field *f, const json_t *value, int64_t *out,
		    struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > f->max)
		return refuse(s, value, f->key, err, "must be a whole number from 0 to %lld", (long long)f->max);
	*out = json_integer_value(value);
	return 0;
}

static int read_field(const struct source *s, const struct field *f, json_t *value, struct model *m,
		      struct err *err)
{
	void *slot = (char *)m + f->offset;
	int64_t number = 0;
	int choice;

	switch (f->kind) {
	case FIELD_OTHER:
		return 0;
	case FIELD_TEXT:
		return read_field_text(s, f, value, slot, err);
	case FIELD_MODALITIES:
		return read_modalities(s, f, value, slot, err);
	case FIELD_CHAIN:
		return read_chain(s, value, m, err);
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return refuse(s, value, f->key, err, "must be true or false");
		*(bool *)slot = json_is_true(value);
		return 0;
	case FIELD_INT:
	case FIELD_INT64:
		if (read_int(s, f, value, &number, err) < 0)
			return -1;
		if (f->kind == FIELD_INT)
			*(int *)slot = (int)number;
		else
			*(int64_t *)slot = number;
		return 0;
	case FIELD_CHOICE_KIND:
		choice = read_choice(s, f->key, value, kinds, err);
		if (choice >= 0)
			m->kind = (enum model_kind)choice;
		return choice < 0 ? -1 : 0;
	case FIELD_CHOICE_REASONING:
		/* Unquoted, YAML's yes and no are true and false. */
		choice = json_is_boolean(value) ? (json_is_true(value) ? REASONING_YES : REASONING_NO)
						: read_choice(s, f->key, value, reasonings, err);
		if (choice >= 0)
			m->reasoning = (enum model_reasoning)choice;
		return choice < 0 ? -1 : 0;
	}
	return 0;
}

/* --- rows --- */

/* 1 = the row takes its model out, 0 = it does not, -1 = refused. */
static int read_remove(const struct source *s, json_t *row, struct err *err)
{
	json_t *value = json_object_get(row, "remove");

	if (!value || json_is_false(value))
		return 0;
	if (!json_is_true(value))
		return refuse(s, value, "remove", err, "must be true or false");
	if (json_object_size(row) != 2)
		return refuse(s, value, "remove", err, "goes with alias and nothing else");
	return 1;
}

static int row_read(struct catalog *c, struct source *s, json_t *row, bool embedded, struct err *err)
{
	const char *key;
	json_t *value;

	s->row = row;
	s->alias = NULL;
	json_t *alias = json_object_get(row, "alias");
	if (!json_is_string(alias) || !alias_is_valid(json_string_value(alias)))
		return refuse(s, alias ? alias : row, "alias", err,
			      "each row needs an alias of 1 to %d letters, digits and . _ : / -", CATALOG_ALIAS_MAX);
	s->alias = json_string_value(alias);
	ptrdiff_t index = catalog_index(c, span_str(s->alias));
	if (index >= 0 && c->models[index]->built_in)
		return refuse(s, alias, NULL, err, "is built in and cannot be changed");
	int gone = read_remove(s, row, err);
	if (gone < 0)
		return -1;
	if (gone && index < 0)
		return refuse(s, alias, "remove", err, "there is no such model");
	if (gone) {
		model_free(c->models[index]);
		c->count--;
		memmove(&c->models[index], &c->models[index + 1],
			(c->count - (size_t)index) * sizeof(struct model *));
		return 0;
	}
	if (index < 0) {
		if (c->count >= CATALOG_MODELS_MAX)
			return refuse(s, row, NULL, err, "more than %d models", CATALOG_MODELS_MAX);
		index = (ptrdiff_t)(embedded ? c->count : catalog_end(c));
		catalog_insert(c, (size_t)index, model_new(s->alias));
	}
	struct model *m = c->models[index];
	json_object_foreach(row, key, value) {
		const struct field *f = field_find(key);

		if (!f)
			return refuse(s, value, NULL, err, "unknown key \"%.64s\"", key);
		if (read_field(s, f, value, m, err) < 0)
			return -1;
	}
	if (m->chain_count == 0)
		return refuse(s, row, "chain", err, "is missing");
	if (m->kind == MODEL_EMBEDDING)
		m->tools = false;
	m->built_in = embedded && m->chain[0].backend && strcmp(m->chain[0].backend, "builtin") == 0;
	return 0;
}

/* The list under "models:"; absent is empty. */
static int rows_read(struct catalog *c, const struct yml *y, bool embedded, struct err *err)
{
	struct source s = { .yml = y };
	json_t *rows = json_object_get(yml_root(y), "models");
	json_t *row;
	size_t index;

	if (!rows || json_is_null(rows))
		return 0;
	if (!json_is_array(rows))
		return refuse(&s, rows, NULL, err, "must be a list of rows, each with an alias");
	json_array_foreach(rows, index, row) {
		if (!json_is_object(row))
			return refuse(&s, row, NULL, err, "each row is a mapping with an alias");
		if (row_read(c, &s, row, embedded, err) < 0)
			return -1;
	}
	return 0;
}

static int file_rows_read(struct catalog *c, const char *path, struct err *err)
{
	struct yml *y = yml_read(path, err);
	const char *key;
	json_t *value;
	int r = -1;

	if (!y)
		return -1;
	struct source s = { .yml = y };
	if (!json_is_object(yml_root(y))) {
		refuse(&s, yml_root(y), NULL, err, "the file must be a mapping with the key \"models\"");
		goto out;
	}
	json_object_foreach(yml_root(y), key, value) {
		if (strcmp(key, "models") == 0)
			continue;
		refuse(&s, value, NULL, err, "unknown key \"%.64s\"; a catalogue holds \"models\" alone", key);
		goto out;
	}
	r = rows_read(c, y, false, err);
out:
	yml_free(y);
	return r;
}

static int embedded_rows_read(struct catalog *c, struct err *err)
{
	struct span text = asset_find(EMBEDDED);

	assert(text.ptr);
	struct yml *y = yml_parse(text, "catalog.yaml (built in)", err);
	if (!y)
		return -1;
	int r = rows_read(c, y, true, err);
	yml_free(y);
	return r;
}

/* --- chains of aliases --- */

struct walk {
	const struct catalog *catalog;
	int *height;                        /* by model: 1 + the deepest alias below, 0 = not known yet */
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

/* Checks all that m's chain reaches; returns its height or -1. */
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
		if (next < 0)
			return err_set(w->err, E_invalid_config, "chain", "%s: %s: chain: there is no model \"%s\"",
				       link->where, m->alias, link->model);
		if (path_has(w, depth + 1, w->catalog->models[next]))
			return err_set(w->err, E_invalid_config, "chain", "%s: %s: chain: \"%s\" leads back to itself",
				       link->where, m->alias, link->model);
		int below = w->height[next];
		if (below == 0 && depth + 1 < CATALOG_DEPTH_MAX)
			below = walk_model(w, (size_t)next, depth + 1);
		if (below < 0)
			return -1;
		if (below == 0 || depth + 1 + below > CATALOG_DEPTH_MAX)
			return err_set(w->err, E_invalid_config, "chain", "%s: %s: chain: more than %d aliases deep",
				       link->where, m->alias, CATALOG_DEPTH_MAX);
		if (below + 1 > height)
			height = below + 1;
	}
	w->height[at] = height;
	return height;
}

static int chains_check(const struct catalog *c, struct err *err)
{
	struct walk w = { .catalog = c, .height = mem_calloc(c->count + 1, sizeof(int)), .err = err };
	int r = 0;

	for (size_t i = 0; i < c->count && r == 0; i++)
		if (w.height[i] == 0 && walk_model(&w, i, 0) < 0)
			r = -1;
	mem_free(w.height);
	return r;
}

/* --- the module --- */

struct catalog *catalog_load(const char *operator_file, const struct yml *config_file, struct err *err)
{
	struct catalog *c = mem_new(struct catalog), *result = NULL;

	if (embedded_rows_read(c, err) < 0)
		goto out;
	if (operator_file && file_rows_read(c, operator_file, err) < 0)
		goto out;
	if (config_file && rows_read(c, config_file, false, err) < 0)
		goto out;
	if (chains_check(c, err) < 0)
		goto out;
	result = c;
	c = NULL;
out:
	catalog_free(c);
	return result;
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

		if (!alias_is_valid(one))
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

const struct model *catalog_add_discovered(struct catalog *c, const char *alias, enum model_kind kind,
					   const char *backend, const char *backend_model,
					   int64_t context_window)
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
