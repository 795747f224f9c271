/*
 * common/model/catalog_fields.c - what a row of YAML may say of a model.
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

int catalog_line(const struct catalog_source *s, const json_t *value)
{
	int line = value ? yml_line(s->yml, value) : 0;

	return line > 0 || !s->row ? line : yml_line(s->yml, s->row);
}

int catalog_refuse(const struct catalog_source *s, const json_t *value, const char *key,
		   struct err *err, const char *format, ...)
{
	char text[ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_add(err, E_invalid_config, key, "%s:%d: %s: %s%s%s", yml_name(s->yml), catalog_line(s, value),
		       s->alias ? s->alias : "models", key ? key : "", key ? ": " : "", text);
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
static int read_choice(const struct catalog_source *s, const char *key, const json_t *value,
		       const struct choice *choices, struct err *err)
{
	int found = json_is_string(value) ? choice_find(choices, json_string_value(value)) : -1;

	if (found >= 0)
		return found;
	struct buf names;
	buf_init(&names, TEXT_MAX);
	add_names(&names, choices);
	catalog_refuse(s, value, key, err, "must be one of %s", buf_str(&names));
	buf_free(&names);
	return -1;
}

/* A copy of a short text without control characters; NULL with err. */
static char *read_text(const struct catalog_source *s, const char *key, const json_t *value,
		       struct err *err)
{
	if (!json_is_string(value)) {
		catalog_refuse(s, value, key, err, "must be a text; quote it");
		return NULL;
	}
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	if (len == 0 || len > TEXT_MAX) {
		catalog_refuse(s, value, key, err, "must have 1 to %d bytes", TEXT_MAX);
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f)
			continue;
		catalog_refuse(s, value, key, err, "must not hold control characters");
		return NULL;
	}
	return mem_strdup(text);
}

static int read_field_text(const struct catalog_source *s, const struct field *f, json_t *value,
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

static int read_modalities(const struct catalog_source *s, const struct field *f, json_t *value,
			   char ***slot, struct err *err)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count == 0 || count > MODALITIES_MAX)
		return catalog_refuse(s, value, f->key, err, "must be a list of 1 to %d modalities",
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
static int read_link(const struct catalog_source *s, json_t *step, struct model_link *link,
		     struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(step))
		return catalog_refuse(
			s, step, "chain", err,
			"a step is { backend: NAME, model: NAME } or { alias: NAME }");
	json_object_foreach(step, key, value)
	{
		bool is_backend = strcmp(key, "backend") == 0;

		if (!is_backend && strcmp(key, "model") != 0 && strcmp(key, "alias") != 0)
			return catalog_refuse(s, value, "chain", err, "unknown key \"%.64s\"", key);
		char **slot = is_backend ? &link->backend : &link->model;
		if (*slot)
			return catalog_refuse(s, value, "chain", err,
					      "a step has a model or an alias, not both");
		*slot = read_text(s, "chain", value, err);
		if (!*slot)
			return -1;
	}
	bool has_alias = json_object_get(step, "alias") != NULL;
	if (!link->model || has_alias == (link->backend != NULL))
		return catalog_refuse(
			s, step, "chain", err,
			"a step is { backend: NAME, model: NAME } or { alias: NAME }");
	link->where = mem_printf("%s:%d", yml_name(s->yml), catalog_line(s, step));
	return 0;
}

static int read_chain(const struct catalog_source *s, json_t *value, struct model *m,
		      struct err *err)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value) || count == 0 || count > CATALOG_CHAIN_MAX)
		return catalog_refuse(s, value, "chain", err, "must be a list of 1 to %d steps",
				      CATALOG_CHAIN_MAX);
	struct model_link *chain = mem_calloc(count, sizeof *chain);
	bool faulty = false;
	for (size_t i = 0; i < count; i++)
		faulty |= read_link(s, json_array_get(value, i), &chain[i], err) < 0;
	if (faulty) {
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

static int read_int(const struct catalog_source *s, const struct field *f, const json_t *value,
		    int64_t *out, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > f->max)
		return catalog_refuse(s, value, f->key, err,
				      "must be a whole number from 0 to %lld", (long long)f->max);
	*out = json_integer_value(value);
	return 0;
}

static int read_number(const struct catalog_source *s, const struct field *f, json_t *value,
		       void *slot, struct err *err)
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

static int read_kind(const struct catalog_source *s, const struct field *f, json_t *value,
		     struct model *m, struct err *err)
{
	int choice = read_choice(s, f->key, value, kinds, err);

	if (choice < 0)
		return -1;
	m->kind = (enum model_kind)choice;
	return 0;
}

static int read_reasoning(const struct catalog_source *s, const struct field *f, json_t *value,
			  struct model *m, struct err *err)
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

static int read_field(const struct catalog_source *s, const struct field *f, json_t *value,
		      struct model *m, struct err *err)
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
			return catalog_refuse(s, value, f->key, err, "must be true or false");
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

static int unknown_key(const struct catalog_source *s, const json_t *value, const char *key,
		       struct err *err)
{
	struct near near;

	near_init(&near, span_str(key));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		near_offer(&near, fields[i].key);
	if (near_best(&near))
		return catalog_refuse(s, value, NULL, err,
				      "unknown key \"%.64s\"; did you mean %s?", key,
				      near_best(&near));
	return catalog_refuse(s, value, NULL, err, "unknown key \"%.64s\"", key);
}

/* What a model that has become one of images is, where its row does not say. */
static void assume_image(const json_t *row, struct model *m)
{
	if (!json_object_get(row, "tools"))
		m->tools = false;
	if (json_object_get(row, "output"))
		return;
	model_list_free(m->output);
	m->output = mem_calloc(3, sizeof *m->output);
	m->output[0] = mem_strdup("text");
	m->output[1] = mem_strdup("image");
}

int catalog_row_apply(const struct catalog_source *s, json_t *row, struct model *m, struct err *err)
{
	enum model_kind before = m->kind;
	const char *key;
	json_t *value;
	int result = 0;

	json_object_foreach(row, key, value)
	{
		const struct field *f = field_find(key);

		if ((f ? read_field(s, f, value, m, err) : unknown_key(s, value, key, err)) < 0)
			result = -1;
	}
	if (m->chain_count == 0 && !json_object_get(row, "chain"))
		result = catalog_refuse(s, row, "chain", err, "is missing");
	if (m->kind == MODEL_IMAGE && before != MODEL_IMAGE)
		assume_image(row, m);
	if (!model_chats(m))
		m->tools = false;
	return result;
}
