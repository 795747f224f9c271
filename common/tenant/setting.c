/*
 * common/tenant/setting.c - see setting.h.
 */
#include "common/tenant/setting.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/near.h"

const struct setting_info setting_table[SETTING_COUNT] = {
#define SETTING(key_, group_, type_, min_, max_, choices_, fallback_, help_)                     \
	[SETTING_KEY_##key_] = { .key = #key_,                                                   \
				 .group = SETTING_GROUP_##group_,                                \
				 .type = SETTING_##type_,                                        \
				 .min = (min_),                                                  \
				 .max = (max_),                                                  \
				 .choices = (choices_),                                          \
				 .fallback = (fallback_),                                        \
				 .help = (help_) },
#define RESERVED(key_, group_, type_, min_, max_, choices_, fallback_, help_)                    \
	[SETTING_RESERVED_##key_] = { .key = #key_,                                              \
				      .group = SETTING_GROUP_##group_,                           \
				      .type = SETTING_##type_,                                   \
				      .min = (min_),                                             \
				      .max = (max_),                                             \
				      .choices = (choices_),                                     \
				      .fallback = (fallback_),                                   \
				      .help = (help_),                                           \
				      .is_reserved = true },
#define SHARED(key_, group_, type_)                                                              \
	[SETTING_KEY_##key_] = { .key = #key_,                                                   \
				 .group = SETTING_GROUP_##group_,                                \
				 .type = SETTING_##type_,                                        \
				 .config = &config_table[CONFIG_KEY_##key_] },
#include "common/tenant/setting.def"
#undef SETTING
#undef RESERVED
#undef SHARED
};

const struct setting_info *setting_find(struct span key)
{
	if (span_starts(key, "constraints."))
		return &setting_table[SETTING_KEY_constraints];
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (span_is(key, setting_table[i].key))
			return &setting_table[i];
	return NULL;
}

const char *setting_near(struct span key)
{
	struct near near;

	near_init(&near, key);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (setting_table[i].type != SETTING_TOKEN)
			near_offer(&near, setting_table[i].key);
	return near_best(&near);
}

const char *setting_group_name(enum setting_group group)
{
	static const char *const names[] = {
		[SETTING_GROUP_A] = "A",
		[SETTING_GROUP_B] = "B",
		[SETTING_GROUP_C] = "C",
	};

	return names[group];
}

const char *setting_help(const struct setting_info *s)
{
	return s->config ? s->config->help : s->help;
}

json_t *setting_of_config(const struct setting_info *s, const struct config *c)
{
	const char *value = (const char *)c + s->config->offset;

	if (s->config->kind == CONFIG_BOOL)
		return json_boolean(*(const bool *)(const void *)value);
	assert(s->config->kind == CONFIG_BYTES || s->config->kind == CONFIG_INT);
	return json_integer(*(const int64_t *)(const void *)value);
}

json_t *setting_default(const struct setting_info *s)
{
	int64_t bytes;

	if (s->config && s->config->kind == CONFIG_BYTES)
		return config_bytes(span_str(s->config->fallback), &bytes) == 0 ? json_integer(bytes) : NULL;
	if (s->config)
		return setting_of_text(s, span_str(s->config->fallback));
	return json_loads(s->fallback, JSON_DECODE_ANY, NULL);
}

/* Checks */

static bool is_choice(const char *choices, struct span word)
{
	struct span rest = span_str(choices);

	while (rest.len > 0)
		if (span_equal(span_cut(&rest, '|'), word))
			return true;
	return false;
}

/* A catalogue's alias: [A-Za-z0-9._:/-]{1,128}. */
static bool is_alias(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("._:/-", c)))
			return false;
	}
	return text.len <= 128;
}

static struct span text_of(const json_t *value)
{
	return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value)) :
				       SPAN_NONE;
}

static bool is_name(struct span text)
{
	const char *star;

	if (!text.len || text.len > SETTING_TEXT_MAX || memchr(text.ptr, '\0', text.len))
		return false;
	star = memchr(text.ptr, '*', text.len);
	return !star || star == text.ptr + text.len - 1;
}

static bool stands_before(const json_t *list, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (json_equal(json_array_get(list, i), json_array_get(list, at)))
			return true;
	return false;
}

struct fault {
	const struct setting_info *setting;
	const char *param;
	struct err *err;
};

static int refuse(const struct fault *f, const char *what)
{
	return err_set(f->err, E_invalid_field, f->param, "%s", what);
}

static int check_names(const struct fault *f, const json_t *value)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(value) || json_array_size(value) > SETTING_NAMES_MAX)
		return refuse(f, "must be a list of at most 1000 texts");
	json_array_foreach(value, i, item)
	{
		if (!is_name(text_of(item)))
			return refuse(f, "must hold texts of 1 to 256 bytes, with a * at their ends only");
	}
	return 0;
}

static int check_tools(const struct fault *f, const json_t *value)
{
	const struct setting_info *s = f->setting;
	const json_t *item;
	size_t i;

	if (json_is_null(value))
		return 0;
	if (!json_is_array(value))
		return refuse(f, "must be a list of tools, or null for all");
	json_array_foreach(value, i, item)
	{
		struct span name = text_of(item);

		if (!name.len || !is_choice(s->choices, name))
			return err_set(f->err, E_invalid_field, f->param,
				       "there is no tool \"%.64s\"; tools are %s",
				       json_is_string(item) ? json_string_value(item) : "?", s->choices);
		if (stands_before(value, i))
			return err_set(f->err, E_invalid_field, f->param, "names %.*s twice",
				       SPAN_ARGS(name));
	}
	return 0;
}

static int check_number(const struct fault *f, const json_t *value)
{
	const struct setting_info *s = f->setting;
	bool is_int = s->type == SETTING_INT;
	const int64_t min = s->config ? s->config->min : s->min, max = s->config ? s->config->max : s->max;
	double number = json_number_value(value);

	if (is_int ? !json_is_integer(value) : !json_is_number(value))
		number = (double)NAN;
	if (!(number >= (double)min && number <= (double)max))
		return err_set(f->err, E_invalid_field, f->param, "must be a %snumber from %lld to %lld",
			       is_int ? "whole " : "", (long long)min, (long long)max);
	return 0;
}

int64_t setting_bytes_of(const json_t *value)
{
	int64_t bytes;

	if (json_is_integer(value))
		return json_integer_value(value);
	return json_is_string(value) && config_bytes(text_of(value), &bytes) == 0 ? bytes : -1;
}

static int check_bytes(const struct fault *f, const json_t *value)
{
	const struct config_info *c = f->setting->config;
	int64_t bytes = setting_bytes_of(value);

	if (bytes >= c->min && bytes <= c->max)
		return 0;
	return err_set(f->err, E_invalid_field, f->param,
		       "must be a number of bytes from %lld to %lld, or a text like 64MiB", (long long)c->min,
		       (long long)c->max);
}

static int check_alias(const struct fault *f, const json_t *value)
{
	if (!json_is_string(value) || !is_alias(text_of(value)))
		return refuse(f, "must be a model's alias, or \"\"");
	return 0;
}

static int check_choice(const struct fault *f, const json_t *value)
{
	struct span word = text_of(value);

	if (word.len && is_choice(f->setting->choices, word))
		return 0;
	return err_set(f->err, E_invalid_field, f->param, "must be one of %s", f->setting->choices);
}

static int check_bool(const struct fault *f, const json_t *value)
{
	return json_is_boolean(value) ? 0 : refuse(f, "must be true or false");
}

static int check_none(const struct fault *f, const json_t *value)
{
	(void)value;
	return refuse(f, f->setting->type == SETTING_TOKEN ? "belongs to a token" : "is fixed in code");
}

int setting_check(const struct setting_info *s, const json_t *value, const char *param,
		  struct err *err)
{
	static int (*const checks[])(const struct fault *f, const json_t *value) = {
		[SETTING_BOOL] = check_bool,     [SETTING_INT] = check_number,
		[SETTING_BYTES] = check_bytes,
		[SETTING_REAL] = check_number,   [SETTING_ALIAS] = check_alias,
		[SETTING_CHOICE] = check_choice, [SETTING_NAMES] = check_names,
		[SETTING_TOOLS] = check_tools,   [SETTING_MODELS] = check_none,
		[SETTING_TOKEN] = check_none,
	};
	const struct fault f = { s, param, err };

	return checks[s->type](&f, value);
}

/* Texts */

static json_t *bool_of(struct span text)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "true", true },   { "yes", true }, { "on", true },   { "1", true },
		{ "false", false }, { "no", false }, { "off", false }, { "0", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (span_is_nocase(text, words[i].word))
			return json_boolean(words[i].value);
	return NULL;
}

static json_t *list_of(struct span text)
{
	json_t *list = json_array();

	while (text.len > 0) {
		struct span item = span_trim(span_cut(&text, ','));

		json_array_append_new(list, json_stringn(item.ptr ? item.ptr : "", item.len));
	}
	return list;
}

json_t *setting_of_text(const struct setting_info *s, struct span text)
{
	bool is_list = s->type == SETTING_NAMES || s->type == SETTING_TOOLS;
	json_t *value = NULL;

	text = span_trim(text);
	if (s->type == SETTING_BOOL)
		value = bool_of(text);
	else if (s->type == SETTING_INT || s->type == SETTING_REAL || s->type == SETTING_BYTES ||
		 (is_list && (span_starts(text, "[") || span_is(text, "null"))))
		value = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_DECODE_ANY, NULL);
	else if (is_list)
		value = list_of(text);
	return value ? value : json_stringn(text.ptr ? text.ptr : "", text.len);
}
