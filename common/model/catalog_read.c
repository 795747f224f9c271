/*
 * common/model/catalog_read.c - rows of YAML into models.
 *
 * A table of fields says what a row may hold; what a row leaves out stays as it was.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/near.h"
#include "common/model/catalog_inside.h"

enum { TEXT_MAX = 256, MODALITIES_MAX = 8 };

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
	{ "chat", MODEL_CHAT },
	{ "image", MODEL_IMAGE },
	{ "embedding", MODEL_EMBEDDING },
	{ "rerank", MODEL_RERANK },
	{ "transcription", MODEL_TRANSCRIPTION },
	{ "speech", MODEL_SPEECH },
	{ NULL, 0 },
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
	FIELD_CHOICE_KIND,
	FIELD_CHOICE_REASONING,
	FIELD_TEXT,
	FIELD_INT,
	FIELD_INT64,
	FIELD_BOOL,
	FIELD_MODALITIES,
	FIELD_CHAIN,
	FIELD_OTHER,
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
static char *read_text(const struct source *s, const char *key, const json_t *value,
		       struct err *err)
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

static int read_field_text(const struct source *s, const struct field *f, json_t *value,
			   char **slot, struct err *err)
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

static int read_modalities(const struct source *s, const struct field *f, json_t *value,
			   char ***slot, struct err *err)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count == 0 || count > MODALITIES_MAX)
		return refuse(s, value, f->key, err, "must be a list of 1 to %d modalities",
			      MODALITIES_MAX);
	char **list = mem_calloc(count + 1, sizeof *list);
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_array_get(value, i);
		int found = read_choice(s, f->key, item, modalities, err);

		if (found < 0) {
			model_list_free(list);
			return -1;
		}
		list[i] = mem_strdup(choice_name(modalities, found));
	}
	model_list_free(*slot);
	*slot = list;
	return 0;
}

/* One step: {backend, model} or {alias}. */
static int read_link(const struct source *s, json_t *step, struct model_link *link, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(step))
		return refuse(s, step, "chain", err,
			      "a step is { backend: NAME, model: NAME } or { alias: NAME }");
	json_object_foreach(step, key, value)
	{
		bool is_backend = strcmp(key, "backend") == 0;

		if (!is_backend && strcmp(key, "model") != 0 && strcmp(key, "alias") != 0)
			return refuse(s, value, "chain", err, "unknown key \"%.64s\"", key);
		char **slot = is_backend ? &link->backend : &link->model;
		if (*slot)
			return refuse(s, value, "chain", err,
				      "a step has a model or an alias, not both");
		*slot = read_text(s, "chain", value, err);
		if (!*slot)
			return -1;
	}
	bool has_alias = json_object_get(step, "alias") != NULL;
	if (!link->model || has_alias == (link->backend != NULL))
		return refuse(s, step, "chain", err,
			      "a step is { backend: NAME, model: NAME } or { alias: NAME }");
	link->where = mem_printf("%s:%d", yml_name(s->yml), source_line(s, step));
	return 0;
}

static int read_chain(const struct source *s, json_t *value, struct model *m, struct err *err)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count == 0 || count > CATALOG_CHAIN_MAX)
		return refuse(s, value, "chain", err, "must be a list of 1 to %d steps",
			      CATALOG_CHAIN_MAX);
	struct model_link *chain = mem_calloc(count, sizeof *chain);
	for (size_t i = 0; i < count; i++) {
		if (read_link(s, json_array_get(value, i), &chain[i], err) == 0)
			continue;
		model_chain_free(chain, count);
		return -1;
	}
	model_chain_free(m->chain, m->chain_count);
	m->chain = chain;
	m->chain_count = count;
	m->composite = false;
	for (size_t i = 0; i < count; i++)
		m->composite |= !chain[i].backend;
	return 0;
}

static int read_int(const struct source *s, const struct field *f, const json_t *value,
		    int64_t *out, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > f->max)
		return refuse(s, value, f->key, err, "must be a whole number from 0 to %lld",
			      (long long)f->max);
	*out = json_integer_value(value);
	return 0;
}

static int read_number(const struct source *s, const struct field *f, json_t *value, void *slot, struct err *err)
{
	int64_t number = 0;

	if (read_int(s, f, value, &number, err) < 0)
		return -1;
	if (f->kind == FIELD_INT)
		*(int *)slot = (int)number;
	else
		*(int64_t *)slot = number;
	return 0;
}

static int read_kind(const struct source *s, const struct field *f, json_t *value, struct model *m,
		     struct err *err)
{
	int choice = read_choice(s, f->key, value, kinds, err);

	if (choice < 0)
		return -1;
	m->kind = (enum model_kind)choice;
	return 0;
}

static int read_reasoning(const struct source *s, const struct field *f, json_t *value, struct model *m,
			  struct err *err)
{
	/* Unquoted, YAML's yes and no are true and false. */
	int choice = json_is_true(value)    ? REASONING_YES
		     : json_is_false(value) ? REASONING_NO
					    : read_choice(s, f->key, value, reasonings, err);

	if (choice < 0)
		return -1;
	m->reasoning = (enum model_reasoning)choice;
	return 0;
}

static int read_field(const struct source *s, const struct field *f, json_t *value, struct model *m,
		      struct err *err)
{
	void *slot = (char *)m + f->offset;

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
		return read_number(s, f, value, slot, err);
	case FIELD_CHOICE_KIND:
		return read_kind(s, f, value, m, err);
	case FIELD_CHOICE_REASONING:
		return read_reasoning(s, f, value, m, err);
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

/* The row's alias, checked; NULL with err. */
static const char *read_alias(struct source *s, json_t *row, struct err *err)
{
	json_t *alias = json_object_get(row, "alias");

	if (json_is_string(alias) && catalog_alias_is_valid(json_string_value(alias)))
		return json_string_value(alias);
	refuse(s, alias ? alias : row, "alias", err,
	       "each row needs an alias of 1 to %d letters, digits and . _ : / -",
	       CATALOG_ALIAS_MAX);
	return NULL;
}

static int unknown_key(const struct source *s, const json_t *value, const char *key,
		       struct err *err)
{
	struct near near;

	near_init(&near, span_str(key));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		near_offer(&near, fields[i].key);
	if (near_best(&near))
		return refuse(s, value, NULL, err, "unknown key \"%.64s\"; did you mean %s?", key,
			      near_best(&near));
	return refuse(s, value, NULL, err, "unknown key \"%.64s\"", key);
}

/* Lays the row's members over m. */
static int row_apply(const struct source *s, json_t *row, struct model *m, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(row, key, value)
	{
		const struct field *f = field_find(key);

		if (!f)
			return unknown_key(s, value, key, err);
		if (read_field(s, f, value, m, err) < 0)
			return -1;
	}
	if (m->chain_count == 0)
		return refuse(s, row, "chain", err, "is missing");
	if (!model_chats(m))
		m->tools = false;
	return 0;
}

static int row_read(struct catalog *c, struct source *s, json_t *row, bool embedded,
		    struct err *err)
{
	s->row = row;
	s->alias = NULL;
	s->alias = read_alias(s, row, err);
	if (!s->alias)
		return -1;
	ptrdiff_t index = catalog_index(c, span_str(s->alias));
	if (index >= 0 && c->models[index]->built_in)
		return refuse(s, row, NULL, err, "is built in and cannot be changed");
	int gone = read_remove(s, row, err);
	if (gone < 0)
		return -1;
	if (gone && index < 0)
		return refuse(s, row, "remove", err, "there is no such model");
	if (gone) {
		catalog_remove(c, (size_t)index);
		return 0;
	}
	if (index < 0) {
		if (c->count >= CATALOG_MODELS_MAX)
			return refuse(s, row, NULL, err, "more than %d models", CATALOG_MODELS_MAX);
		index = (ptrdiff_t)(embedded ? c->count : catalog_end(c));
		catalog_insert(c, (size_t)index, model_new(s->alias));
	}
	struct model *m = c->models[index];
	if (row_apply(s, row, m, err) < 0)
		return -1;
	m->built_in =
		embedded && m->chain[0].backend && strcmp(m->chain[0].backend, "builtin") == 0;
	return 0;
}

/*
 * A second chain of an alias would silently take the first one's place; who writes two means one
 * with the steps of both.  lines: of the chains so far.
 */
static int note_chain(const struct source *s, json_t *row, json_t *lines, struct err *err)
{
	const json_t *first = json_object_get(lines, s->alias), *chain = json_object_get(row, "chain");

	if (chain && first)
		return refuse(s, chain, "chain", err,
			      "there is one on line %d already; backends that stand in for one another "
			      "are steps of one chain",
			      (int)json_integer_value(first));
	if (chain)
		json_object_set_new(lines, s->alias, json_integer(source_line(s, chain)));
	else if (json_object_get(row, "remove"))
		json_object_del(lines, s->alias);
	return 0;
}

int catalog_read_rows(struct catalog *c, const struct yml *y, bool embedded, struct err *err)
{
	struct source s = { .yml = y };
	json_t *rows = json_object_get(yml_root(y), "models");
	json_t *row, *lines;
	size_t index;
	int r = 0;

	if (!rows || json_is_null(rows))
		return 0;
	if (!json_is_array(rows))
		return refuse(&s, rows, NULL, err, "must be a list of rows, each with an alias");
	lines = json_object();
	json_array_foreach(rows, index, row)
	{
		if (!json_is_object(row))
			r = refuse(&s, row, NULL, err, "each row is a mapping with an alias");
		else if (row_read(c, &s, row, embedded, err) < 0 || note_chain(&s, row, lines, err) < 0)
			r = -1;
		if (r < 0)
			break;
	}
	json_decref(lines);
	return r;
}

int catalog_read_file(struct catalog *c, const char *path, struct err *err)
{
	struct yml *y = yml_read(path, err);
	const char *key;
	json_t *value;
	int r = -1;

	if (!y)
		return -1;
	struct source s = { .yml = y };
	if (!json_is_object(yml_root(y))) {
		refuse(&s, yml_root(y), NULL, err,
		       "the file must be a mapping with the key \"models\"");
		goto out;
	}
	json_object_foreach(yml_root(y), key, value)
	{
		if (strcmp(key, "models") == 0)
			continue;
		refuse(&s, value, NULL, err,
		       "unknown key \"%.64s\"; a catalogue holds \"models\" alone", key);
		goto out;
	}
	r = catalog_read_rows(c, y, false, err);
out:
	yml_free(y);
	return r;
}
