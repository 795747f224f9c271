/* tests/support/jschema_plain.c - types, values and bounds: what is asked of a value itself. */
#include "tests/support/jschema_inside.h"

#include <math.h>
#include <regex.h>
#include <string.h>

/* 1.0 is an integer, too. */
static bool is_whole(const json_t *v)
{
	double number = json_real_value(v);

	return json_is_integer(v) || (json_is_real(v) && fabs(number - trunc(number)) <= 0);
}

static bool is_null(const json_t *v) { return json_is_null(v); }
static bool is_boolean(const json_t *v) { return json_is_boolean(v); }
static bool is_number(const json_t *v) { return json_is_number(v); }
static bool is_any(const json_t *v) { return v != NULL; }

static const struct {
	const char *name;
	bool (*fits)(const json_t *v);
} types[] = {
	{ "null", is_null },	 { "boolean", is_boolean }, { "integer", is_whole }, { "number", is_number },
	{ "string", is_string }, { "array", is_array },	    { "object", is_object },
};

static bool (*type_named(const char *name))(const json_t *v)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return types[i].fits;
	return NULL;
}

static bool is_type(const json_t *v)
{
	return json_is_string(v) && type_named(json_string_value(v));
}

static bool is_types(const json_t *v)
{
	const json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
		if (!is_type(item))
			return false;
	return json_array_size(v) > 0 || is_type(v);
}

static const char *type_of(const json_t *v)
{
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].fits(v))
			return types[i].name;
	return "nothing";
}

static int check_type(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *item;
	size_t i;

	(void)schema;
	if (json_is_string(arg) && type_named(json_string_value(arg))(v))
		return 0;
	json_array_foreach(arg, i, item)
		if (type_named(json_string_value(item))(v))
			return 0;
	return jschema_fail(j, "is of type %s, documented is %s", type_of(v),
		    json_is_string(arg) ? json_string_value(arg) : json_string_value(json_array_get(arg, 0)));
}

static bool equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) >= json_number_value(b) && json_number_value(a) <= json_number_value(b);
	return json_equal(a, b);
}

static const char *shown(const json_t *v)
{
	return json_is_string(v) ? json_string_value(v) : type_of(v);
}

static int check_const(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	(void)schema;
	return equal(arg, v) ? 0 : jschema_fail(j, "is \"%.80s\", documented is only \"%.80s\"", shown(v), shown(arg));
}

static int check_enum(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *item;
	size_t i;

	(void)schema;
	json_array_foreach(arg, i, item)
		if (equal(item, v))
			return 0;
	return jschema_fail(j, "is \"%.80s\", which is not among the documented values", shown(v));
}

static size_t letters(const json_t *v)
{
	size_t count = 0;

	for (const char *at = json_string_value(v); *at; at++)
		count += ((unsigned char)*at & 0xC0) != 0x80;
	return count;
}

/* A bound on what is counted; those of other types are not bound. */
static int within(struct judge *j, bool bound, double got, const json_t *arg, bool least, const char *what)
{
	double limit = json_number_value(arg);

	if (!bound || (least ? got >= limit : got <= limit))
		return 0;
	return jschema_fail(j, "has %s %g, documented is at %s %g", what, got, least ? "least" : "most", limit);
}

#define BOUND(name, type, count, least, what) \
	static int name(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v) \
	{ \
		(void)schema; \
		return within(j, type(v), type(v) ? (double)count(v) : 0, arg, least, what); \
	}
BOUND(check_minimum, json_is_number, json_number_value, true, "value")
BOUND(check_maximum, json_is_number, json_number_value, false, "value")
BOUND(check_min_length, json_is_string, letters, true, "length")
BOUND(check_max_length, json_is_string, letters, false, "length")
BOUND(check_min_items, json_is_array, json_array_size, true, "items")
BOUND(check_max_items, json_is_array, json_array_size, false, "items")

static bool is_pattern(const json_t *v)
{
	regex_t re;

	if (!json_is_string(v) || regcomp(&re, json_string_value(v), REG_EXTENDED | REG_NOSUB))
		return false;
	regfree(&re);
	return true;
}

static bool matches(const char *pattern, const char *text)
{
	regex_t re;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	bool fits = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return fits;
}

static int check_pattern(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	(void)schema;
	if (!json_is_string(v) || matches(json_string_value(arg), json_string_value(v)))
		return 0;
	return jschema_fail(j, "is \"%.80s\", documented is %s", json_string_value(v), json_string_value(arg));
}

/* As patterns; of "binary" nothing is asked. */
static const struct {
	const char *name, *pattern;
} formats[] = {
	{ "date", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
	{ "date-time", "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$" },
	{ "binary", "" },
};

static const char *format_named(const json_t *name)
{
	for (size_t i = 0; i < COUNT_OF(formats) && json_is_string(name); i++)
		if (strcmp(formats[i].name, json_string_value(name)) == 0)
			return formats[i].pattern;
	return NULL;
}

static bool is_format(const json_t *v)
{
	return format_named(v) != NULL;
}

static int check_format(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	(void)schema;
	if (!json_is_string(v) || matches(format_named(arg), json_string_value(v)))
		return 0;
	return jschema_fail(j, "is \"%.80s\", documented is a %s", json_string_value(v), json_string_value(arg));
}

const struct keyword jschema_plain[] = {
	{ "type", is_types, check_type, NOTHING },
	{ "enum", is_array, check_enum, NOTHING },
	{ "const", is_any, check_const, NOTHING },
	{ "minimum", is_number, check_minimum, NOTHING },
	{ "maximum", is_number, check_maximum, NOTHING },
	{ "minLength", is_whole, check_min_length, NOTHING },
	{ "maxLength", is_whole, check_max_length, NOTHING },
	{ "minItems", is_whole, check_min_items, NOTHING },
	{ "maxItems", is_whole, check_max_items, NOTHING },
	{ "pattern", is_pattern, check_pattern, NOTHING },
	{ "format", is_format, check_format, NOTHING },
	{ "default", is_any, NULL, NOTHING },
	{ "description", is_string, NULL, NOTHING },
};
const size_t jschema_plain_count = COUNT_OF(jschema_plain);
