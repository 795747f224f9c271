/* common/config/config_table.c - the rows of config.def, and how settings are shown. */
#include "common/config/config_parts.h"

#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 64 * 1024 };

/* The fifth column of config.def is a number, but for choices. */
#define BOUNDS_INT(low, high) .min = (low), .max = (high)
#define BOUNDS_DURATION(low, high) .min = (low), .max = (high)
#define BOUNDS_BYTES(low, high) .min = (low), .max = (high)
#define BOUNDS_BOOL(low, high) .choices = NULL
#define BOUNDS_TEXT(low, high) .choices = NULL
#define BOUNDS_LIST(low, high) .choices = NULL
#define BOUNDS_SECRET(low, high) .choices = NULL
#define BOUNDS_CHOICE(low, words) .choices = (words)

const struct config_info config_table[CONFIG_KEY_COUNT] = {
#define S(kind_, name_, fallback_, low, high, reload_, flag_, help_) \
	[CONFIG_KEY_##name_] = {                                     \
		.name = #name_,                                      \
		.fallback = (fallback_),                             \
		.flag = (flag_),                                     \
		.help = (help_),                                     \
		.kind = CONFIG_##kind_,                              \
		.reload = CONFIG_##reload_,                          \
		.offset = offsetof(struct config, name_),            \
		BOUNDS_##kind_(low, high),                           \
	},
#include "common/config/config.def"
#undef S
};

static const char *const kind_names[] = {
	[CONFIG_BOOL] = "boolean",  [CONFIG_INT] = "integer",   [CONFIG_DURATION] = "duration",
	[CONFIG_BYTES] = "size",    [CONFIG_TEXT] = "text",     [CONFIG_LIST] = "list",
	[CONFIG_CHOICE] = "choice", [CONFIG_SECRET] = "secret",
};

static const char *const origin_names[] = {
	[CONFIG_DEFAULT] = "default",
	[CONFIG_FILE] = "file",
	[CONFIG_ENVIRONMENT] = "environment",
	[CONFIG_FLAG] = "flag",
};

const char *config_kind_name(enum config_kind kind)
{
	return kind_names[kind];
}

const char *config_origin_name(enum config_origin o)
{
	return origin_names[o];
}

const struct config_info *config_find(struct span name)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		if (span_is(name, config_table[i].name))
			return &config_table[i];
	return NULL;
}

void config_environment_name(const struct config_info *info, char *out)
{
	int len = snprintf(out, CONFIG_ENVIRONMENT_SIZE, "SPASS_%s", info->name);

	for (int i = 0; i < len && i < CONFIG_ENVIRONMENT_SIZE - 1; i++)
		if (out[i] >= 'a' && out[i] <= 'z')
			out[i] = (char)(out[i] - 'a' + 'A');
}

int config_add_duration(struct buf *out, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" } };

	if (ms == 0)
		return buf_add_str(out, "0s");
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (ms % units[i].ms == 0)
			return buf_printf(out, "%lld%s", (long long)(ms / units[i].ms),
					  units[i].unit);
	return buf_printf(out, "%lldms", (long long)ms);
}

static int add_bytes(struct buf *out, int64_t bytes)
{
	static const struct {
		int64_t size;
		const char *unit;
	} units[] = {
		{ 1LL << 40, "TiB" },
		{ 1 << 30, "GiB" },
		{ 1 << 20, "MiB" },
		{ 1 << 10, "KiB" },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (bytes && bytes % units[i].size == 0)
			return buf_printf(out, "%lld%s", (long long)(bytes / units[i].size),
					  units[i].unit);
	return buf_add_int(out, bytes);
}

static int add_list(struct buf *out, const struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (buf_printf(out, "%s%s", i ? "," : "", list->items[i]) < 0)
			return -1;
	return 0;
}

/* Those that mean a place in the data directory when they are empty. */
static const struct {
	enum config_key key;
	const char *name;
} in_data_dir[] = {
	{ CONFIG_KEY_data_dir, "" },
	{ CONFIG_KEY_token_file, "token" },
	{ CONFIG_KEY_database, CONFIG_DATABASE_NAME },
};

/* What an empty text stands for; NULL: itself.  The caller frees. */
static char *meant_path(const struct config *c, enum config_key key)
{
	struct err no_home = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(in_data_dir); i++)
		if (in_data_dir[i].key == key)
			return config_data_path(c, in_data_dir[i].name, &no_home);
	return NULL;
}

static int add_text(const struct config *c, enum config_key key, const char *text, struct buf *out)
{
	char *meant = *text ? NULL : meant_path(c, key);
	int result = buf_add_str(out, meant ? meant : text);

	mem_free(meant);
	return result;
}

int config_show_value(const struct config *c, enum config_key key, struct buf *out)
{
	const struct config_info *info = &config_table[key];
	const void *field = config_field(c, info);

	switch (info->kind) {
	case CONFIG_BOOL:
		return buf_add_str(out, *(const bool *)field ? "true" : "false");
	case CONFIG_INT:
		return buf_add_int(out, *(const int64_t *)field);
	case CONFIG_DURATION:
		return config_add_duration(out, *(const int64_t *)field);
	case CONFIG_BYTES:
		return add_bytes(out, *(const int64_t *)field);
	case CONFIG_TEXT:
	case CONFIG_CHOICE:
		return add_text(c, key, *(char *const *)field, out);
	case CONFIG_LIST:
		return add_list(out, field);
	case CONFIG_SECRET:
		return buf_add_str(out, **(char *const *)field ? "(set)" : "(not set)");
	}
	return -1;
}

/* Of the sections that other modules read: what is written there, or NULL. */
static json_t *section_of(const struct config *c, const char *name)
{
	json_t *value = c->file ? json_object_get(yml_root(c->file), name) : NULL;

	return json_array_size(value) ? value : NULL;
}

static void show_section(const struct config *c, const char *name, struct buf *out)
{
	json_t *list = section_of(c, name), *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		char *text = json_dumps(row, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

		buf_printf(out, "%s[%zu] = %s (%s)\n", name, i, text ? text : "",
			   config_origin_name(CONFIG_FILE));
		free(text); /* jansson's */
	}
}

static json_t *section_json(const struct config *c, const char *name)
{
	json_t *list = section_of(c, name);

	return json_pack("{s:o,s:s}", "value", list ? json_incref(list) : json_array(), "origin",
			 config_origin_name(list ? CONFIG_FILE : CONFIG_DEFAULT));
}

int config_show(const struct config *c, bool only_changed, struct buf *out)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		size_t before;

		if (only_changed && c->origins[i] == CONFIG_DEFAULT)
			continue;
		buf_printf(out, "%s = ", config_table[i].name);
		before = out->len;
		config_show_value(c, (enum config_key)i, out);
		buf_printf(out, "%s (%s)\n", out->len > before ? "" : "\"\"",
			   config_origin_name(c->origins[i]));
	}
	config_backends_show(c, out);
	for (size_t i = 0; config_lists[i]; i++)
		show_section(c, config_lists[i], out);
	return buf_failed(out) ? -1 : 0;
}

/* The environment may hold bytes that JSON cannot. */
static json_t *text_json(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

static json_t *list_json(const struct config_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, text_json(list->items[i]));
	return array;
}

static json_t *value_json(const struct config *c, enum config_key key)
{
	const struct config_info *info = &config_table[key];
	const void *field = config_field(c, info);
	json_t *value;
	struct buf text;

	switch (info->kind) {
	case CONFIG_BOOL:
		return json_boolean(*(const bool *)field);
	case CONFIG_INT:
	case CONFIG_BYTES:
		return json_integer(*(const int64_t *)field);
	case CONFIG_LIST:
		return list_json(field);
	case CONFIG_TEXT:
	case CONFIG_CHOICE:
	case CONFIG_DURATION:
	case CONFIG_SECRET:
		break;
	}
	buf_init(&text, SHOWN_MAX);
	config_show_value(c, key, &text);
	value = text_json(buf_str(&text));
	buf_free(&text);
	return value;
}

json_t *config_json(const struct config *c)
{
	json_t *all = json_object();

	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		json_object_set_new(all, config_table[i].name,
				    json_pack("{s:o,s:s}", "value",
					      value_json(c, (enum config_key)i), "origin",
					      config_origin_name(c->origins[i])));
	json_object_set_new(
		all, "backends",
		json_pack("{s:o,s:s}", "value", config_backends_json(c), "origin",
			  config_origin_name(c->backend_count ? CONFIG_FILE : CONFIG_DEFAULT)));
	for (size_t i = 0; config_lists[i]; i++)
		json_object_set_new(all, config_lists[i], section_json(c, config_lists[i]));
	return all;
}
