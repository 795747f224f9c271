/* common/config/config_value.c - one value: from text, or from a node of the file. */
#include "common/config/config_parts.h"

#include "common/base/mem.h"
#include "common/base/opt.h"

#include <stdio.h>
#include <string.h>

enum { LIST_MAX = 256, TEXT_MAX = 4096 };

static const struct {
	const char *word;
	bool value;
} booleans[] = {
	{ "true", true },   { "yes", true }, { "on", true },   { "1", true },
	{ "false", false }, { "no", false }, { "off", false }, { "0", false },
};

static int set_bool(const struct config_info *info, bool *field, struct span text, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(booleans); i++)
		if (span_is_nocase(text, booleans[i].word)) {
			*field = booleans[i].value;
			return 0;
		}
	return err_set(err, E_invalid_config, info->name, "\"%.*s\" is not true or false",
		       SPAN_ARGS(text));
}

int config_bytes(struct span text, int64_t *bytes)
{
	static const struct {
		const char *unit;
		int64_t size;
	} units[] = {
		{ "", 1 },
		{ "b", 1 },
		{ "k", 1LL << 10 },
		{ "m", 1LL << 20 },
		{ "g", 1LL << 30 },
		{ "t", 1LL << 40 },
		{ "kib", 1LL << 10 },
		{ "mib", 1LL << 20 },
		{ "gib", 1LL << 30 },
		{ "tib", 1LL << 40 },
		{ "kb", 1000LL },
		{ "mb", 1000000LL },
		{ "gb", 1000000000LL },
		{ "tb", 1000000000000LL },
	};
	size_t digits = 0;
	int64_t number;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (span_to_int(span_of(text.ptr, digits), 0, INT64_MAX, &number) < 0)
		return -1;
	struct span unit = span_trim(span_from(text, digits));

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (span_is_nocase(unit, units[i].unit))
			return __builtin_mul_overflow(number, units[i].size, bytes) ? -1 : 0;
	return -1;
}

static int set_int(const struct config_info *info, int64_t *field, struct span text,
		   struct err *err)
{
	if (span_to_int(text, info->min, info->max, field) < 0)
		return err_set(err, E_invalid_config, info->name,
			       "\"%.*s\" is not a whole number from %lld to %lld", SPAN_ARGS(text),
			       (long long)info->min, (long long)info->max);
	return 0;
}

static int set_bytes(const struct config_info *info, int64_t *field, struct span text,
		     struct err *err)
{
	int64_t bytes;

	if (config_bytes(text, &bytes) < 0)
		return err_set(err, E_invalid_config, info->name,
			       "\"%.*s\" is not a size such as 512k, 32MiB or 1048576",
			       SPAN_ARGS(text));
	if (bytes < info->min || bytes > info->max)
		return err_set(err, E_invalid_config, info->name,
			       "%.*s is outside %lld to %lld bytes", SPAN_ARGS(text),
			       (long long)info->min, (long long)info->max);
	*field = bytes;
	return 0;
}

static int set_duration(const struct config_info *info, int64_t *field, struct span text,
			struct err *err)
{
	struct buf range;
	int64_t ms;

	if (opt_duration(text, &ms) < 0)
		return err_set(err, E_invalid_config, info->name,
			       "\"%.*s\" is not a duration such as 500ms, 10s, 5m or 2h",
			       SPAN_ARGS(text));
	if (ms >= info->min && ms <= info->max) {
		*field = ms;
		return 0;
	}
	buf_init(&range, 128);
	config_add_duration(&range, info->min);
	buf_add_str(&range, " to ");
	config_add_duration(&range, info->max);
	err_set(err, E_invalid_config, info->name, "%.*s is outside %s", SPAN_ARGS(text),
		buf_str(&range));
	buf_free(&range);
	return -1;
}

static int set_choice(const struct config_info *info, char **field, struct span text,
		      struct err *err)
{
	struct span rest = span_str(info->choices);

	while (rest.ptr)
		if (span_equal(span_cut(&rest, '|'), text)) {
			mem_free(*field);
			*field = mem_strndup(text.ptr, text.len);
			return 0;
		}
	return err_set(err, E_invalid_config, info->name, "\"%.*s\" is not one of %s",
		       SPAN_ARGS(text), info->choices);
}

static int set_text(const struct config_info *info, char **field, struct span text, struct err *err)
{
	if (text.len > TEXT_MAX)
		return err_set(err, E_invalid_config, info->name, "is longer than %d bytes",
			       TEXT_MAX);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 127)
			return err_set(err, E_invalid_config, info->name,
				       "contains a control character");
	if (info->kind == CONFIG_SECRET)
		mem_free_secret(*field, *field ? strlen(*field) : 0);
	else
		mem_free(*field);
	*field = text.len ? mem_strndup(text.ptr, text.len) : mem_strdup("");
	return 0;
}

static void list_clear(struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mem_free(list->items[i]);
	mem_free(list->items);
	*list = (struct config_list){ .items = NULL };
}

static int list_add(const struct config_info *info, struct config_list *list, struct span item,
		    struct err *err)
{
	char *copy = NULL;

	if (list->count == LIST_MAX)
		return err_set(err, E_invalid_config, info->name, "has more than %d items",
			       LIST_MAX);
	if (set_text(info, &copy, item, err) < 0)
		return -1;
	list->items = mem_realloc(list->items, (list->count + 1) * sizeof *list->items);
	list->items[list->count++] = copy;
	return 0;
}

static int set_list(const struct config_info *info, struct config_list *field, struct span text,
		    struct err *err)
{
	struct config_list list = { .items = NULL };

	while (text.ptr) {
		struct span item = span_trim(span_cut(&text, ','));

		if (item.len && list_add(info, &list, item, err) < 0) {
			list_clear(&list);
			return -1;
		}
	}
	list_clear(field);
	*field = list;
	return 0;
}

/* Whether a number or a boolean of the file may stand for a value of this kind. */
static bool is_written_plain(const struct config_info *info)
{
	const enum config_kind kind = info->kind;

	/* A port alone is no address, which is told of addresses. */
	return kind == CONFIG_BOOL || kind == CONFIG_INT || kind == CONFIG_DURATION || kind == CONFIG_BYTES ||
	       info == &config_table[CONFIG_KEY_listen];
}

/* The scalar as text: out is room for a number, the span may point into it or into the node. */
static struct span scalar_text(const json_t *value, char out[32])
{
	if (json_is_string(value))
		return span_of(json_string_value(value), json_string_length(value));
	if (json_is_integer(value)) {
		snprintf(out, 32, "%lld", (long long)json_integer_value(value));
		return span_str(out);
	}
	if (json_is_boolean(value))
		return span_str(json_is_true(value) ? "true" : "false");
	snprintf(out, 32, "%.6g", json_real_value(value));
	return span_str(out);
}

static int set_list_json(const struct config_info *info, struct config_list *field,
			 const json_t *array, struct err *err)
{
	struct config_list list = { .items = NULL };
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item)
	{
		char number[32];

		if (json_string_length(item) == 0 && !(json_is_integer(item) && is_written_plain(info))) {
			list_clear(&list);
			return err_set(err, E_invalid_config, info->name,
				       "item %zu is not a text; put it in quotes", i + 1);
		}
		if (list_add(info, &list, scalar_text(item, number), err) < 0) {
			list_clear(&list);
			return -1;
		}
	}
	list_clear(field);
	*field = list;
	return 0;
}

static int set_by_kind(const struct config_info *info, void *field, struct span text,
		       struct err *err)
{
	switch (info->kind) {
	case CONFIG_BOOL:
		return set_bool(info, field, text, err);
	case CONFIG_INT:
		return set_int(info, field, text, err);
	case CONFIG_DURATION:
		return set_duration(info, field, text, err);
	case CONFIG_BYTES:
		return set_bytes(info, field, text, err);
	case CONFIG_TEXT:
	case CONFIG_SECRET:
		return set_text(info, field, text, err);
	case CONFIG_LIST:
		return set_list(info, field, text, err);
	case CONFIG_CHOICE:
		return set_choice(info, field, text, err);
	}
	return -1;
}

int config_set(struct config *c, const struct config_info *info, struct span text,
	       enum config_origin origin, struct err *err)
{
	if (set_by_kind(info, config_field(c, info), span_trim(text), err) < 0)
		return -1;
	c->origins[info - config_table] = origin;
	return 0;
}

int config_set_json(struct config *c, const struct config_info *info, const json_t *value,
		    enum config_origin origin, struct err *err)
{
	char number[32];

	if (json_is_null(value))
		return err_set(err, E_invalid_config, info->name, "has no value");
	if (json_is_object(value) || (json_is_array(value) && info->kind != CONFIG_LIST))
		return err_set(err, E_invalid_config, info->name, "must be a single value (%s)",
			       config_kind_name(info->kind));
	if (json_is_array(value)) {
		if (set_list_json(info, config_field(c, info), value, err) < 0)
			return -1;
		c->origins[info - config_table] = origin;
		return 0;
	}
	if (!json_is_string(value) && !is_written_plain(info))
		return err_set(err, E_invalid_config, info->name,
			       "must be a text; put it in quotes");
	return config_set(c, info, scalar_text(value, number), origin, err);
}

int config_duration(const struct config_info *info, const json_t *value, int64_t *ms,
		    struct err *err)
{
	char number[32];

	if (!json_is_string(value) && !json_is_integer(value))
		return err_set(err, E_invalid_config, info->name,
			       "must be a duration such as 500ms, 10s or 5m");
	return set_duration(info, ms, scalar_text(value, number), err);
}

void config_clear_value(struct config *c, const struct config_info *info)
{
	void *field = config_field(c, info);
	char **text = field;

	switch (info->kind) {
	case CONFIG_LIST:
		list_clear(field);
		break;
	case CONFIG_SECRET:
		mem_free_secret(*text, *text ? strlen(*text) : 0);
		*text = NULL;
		break;
	case CONFIG_TEXT:
	case CONFIG_CHOICE:
		mem_free(*text);
		*text = NULL;
		break;
	case CONFIG_BOOL:
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_BYTES:
		break;
	}
}

static void list_copy(struct config_list *to, const struct config_list *from)
{
	list_clear(to);
	to->items = from->count ? mem_calloc(from->count, sizeof *to->items) : NULL;
	for (; to->count < from->count; to->count++)
		to->items[to->count] = mem_strdup(from->items[to->count]);
}

static void copy_value(struct config *to, const struct config *from, const struct config_info *info)
{
	void *field = config_field(to, info);
	const void *source = config_field(from, info);

	switch (info->kind) {
	case CONFIG_BOOL:
		*(bool *)field = *(const bool *)source;
		break;
	case CONFIG_INT:
	case CONFIG_DURATION:
	case CONFIG_BYTES:
		*(int64_t *)field = *(const int64_t *)source;
		break;
	case CONFIG_TEXT:
	case CONFIG_SECRET:
	case CONFIG_CHOICE:
		config_clear_value(to, info);
		*(char **)field = mem_strdup(*(char *const *)source);
		break;
	case CONFIG_LIST:
		list_copy(field, source);
		break;
	}
	to->origins[info - config_table] = from->origins[info - config_table];
}

void config_keep_started(struct config *next, const struct config *running, struct buf *names)
{
	struct buf now, then;

	buf_init(&now, MIB);
	buf_init(&then, MIB);
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		if (config_table[i].reload != CONFIG_START)
			continue;
		buf_clear(&now);
		buf_clear(&then);
		config_show_value(running, (enum config_key)i, &now);
		config_show_value(next, (enum config_key)i, &then);
		if (span_equal(buf_span(&now), buf_span(&then)))
			continue;
		if (names->len)
			buf_add_str(names, ", ");
		buf_add_str(names, config_table[i].name);
		copy_value(next, running, &config_table[i]);
	}
	buf_free(&now);
	buf_free(&then);
}
