/* tests/support/jschema.c - a table of keywords: what its argument must be, and what it asks of a value. */
#include "tests/support/jschema.h"

#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct judge {
	const json_t *document;
	struct jschema_fault *fault;
	char path[sizeof((struct jschema_fault *)0)->path];
	size_t len; /* of path */
};

/* json_object_foreach asks for one that may be written; it does not write. */
static json_t *unconst(const json_t *v)
{
	return (json_t *)(uintptr_t)v;
}

static int check(struct judge *j, const json_t *schema, const json_t *value);
static int understand(struct judge *j, const json_t *schema);

static int __attribute__((format(printf, 2, 3))) fail(struct judge *j, const char *format, ...)
{
	va_list args;

	snprintf(j->fault->path, sizeof j->fault->path, "%s", j->len ? j->path : ".");
	va_start(args, format);
	vsnprintf(j->fault->text, sizeof j->fault->text, format, args);
	va_end(args);
	return -1;
}

/* Goes down to a member or an item; leave with what enter gave. */
static size_t enter_key(struct judge *j, const char *key)
{
	size_t before = j->len;
	int n = snprintf(j->path + before, sizeof j->path - before, "%s%s", before ? "." : "", key);

	j->len += (size_t)n < sizeof j->path - before ? (size_t)n : sizeof j->path - before - 1;
	return before;
}

static size_t enter_index(struct judge *j, size_t index)
{
	size_t before = j->len;
	int n = snprintf(j->path + before, sizeof j->path - before, "[%zu]", index);

	j->len += (size_t)n < sizeof j->path - before ? (size_t)n : sizeof j->path - before - 1;
	return before;
}

static void leave(struct judge *j, size_t before)
{
	j->len = before;
	j->path[before] = '\0';
}

/* What "#/components/schemas/NAME" names, or NULL. */
static const json_t *follow(const struct judge *j, const char *reference)
{
	static const char prefix[] = "#/components/schemas/";

	if (strncmp(reference, prefix, sizeof prefix - 1) != 0)
		return NULL;
	return json_object_get(json_object_get(json_object_get(j->document, "components"), "schemas"),
			       reference + sizeof prefix - 1);
}

/* ---- types ---- */

/* 1.0 is an integer, too. */
static bool is_whole(const json_t *v)
{
	double number = json_real_value(v);

	return json_is_integer(v) || (json_is_real(v) && fabs(number - trunc(number)) <= 0);
}

static bool is_null(const json_t *v) { return json_is_null(v); }
static bool is_boolean(const json_t *v) { return json_is_boolean(v); }
static bool is_number(const json_t *v) { return json_is_number(v); }
static bool is_string(const json_t *v) { return json_is_string(v); }
static bool is_array(const json_t *v) { return json_is_array(v); }
static bool is_object(const json_t *v) { return json_is_object(v); }
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
	return fail(j, "is of type %s, documented is %s", type_of(v),
		    json_is_string(arg) ? json_string_value(arg) : json_string_value(json_array_get(arg, 0)));
}

/* ---- values ---- */

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
	return equal(arg, v) ? 0 : fail(j, "is \"%.80s\", documented is only \"%.80s\"", shown(v), shown(arg));
}

static int check_enum(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *item;
	size_t i;

	(void)schema;
	json_array_foreach(arg, i, item)
		if (equal(item, v))
			return 0;
	return fail(j, "is \"%.80s\", which is not among the documented values", shown(v));
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
	return fail(j, "has %s %g, documented is at %s %g", what, got, least ? "least" : "most", limit);
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
	return fail(j, "is \"%.80s\", documented is %s", json_string_value(v), json_string_value(arg));
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
	return fail(j, "is \"%.80s\", documented is a %s", json_string_value(v), json_string_value(arg));
}

/* ---- members and items ---- */

static bool is_names(const json_t *v)
{
	const json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
		if (!json_is_string(item))
			return false;
	return json_array_size(v) > 0;
}

static int check_required(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *name;
	size_t i;

	(void)schema;
	json_array_foreach(arg, i, name)
		if (json_is_object(v) && !json_object_get(v, json_string_value(name)))
			return fail(j, "lacks the member \"%s\"", json_string_value(name));
	return 0;
}

static int check_properties(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const char *key;
	json_t *property;

	(void)schema;
	json_object_foreach(unconst(arg), key, property) {
		const json_t *member = json_object_get(v, key);
		size_t before = enter_key(j, key);

		if (member && check(j, property, member))
			return -1;
		leave(j, before);
	}
	return 0;
}

/* Of the members that properties, beside it, does not name. */
static int check_additional(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *named = json_object_get(schema, "properties");
	const char *key;
	json_t *member;

	json_object_foreach(unconst(v), key, member) {
		size_t before = enter_key(j, key);

		if (json_object_get(named, key) || json_is_true(arg)) {
			leave(j, before);
			continue;
		}
		if (json_is_false(arg))
			return fail(j, "is not documented");
		if (check(j, arg, member))
			return -1;
		leave(j, before);
	}
	return 0;
}

static int check_items(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *item;
	size_t i;

	(void)schema;
	json_array_foreach(v, i, item) {
		size_t before = enter_index(j, i);

		if (check(j, arg, item))
			return -1;
		leave(j, before);
	}
	return 0;
}

/* ---- schemas of schemas ---- */

static int check_part(struct judge *j, const json_t *schema, const json_t *value);

static int check_reference(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	(void)schema;
	return check_part(j, follow(j, json_string_value(arg)), v);
}

/* The fault told is the one that was met deepest: of the schema that the value is most like. */
static int check_any_of(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	struct jschema_fault deepest = { .path = "" }, *mine = j->fault;
	const json_t *one;
	size_t i, before = j->len;

	(void)schema;
	json_array_foreach(arg, i, one) {
		struct jschema_fault fault;
		j->fault = &fault;
		int result = check(j, one, v);

		j->fault = mine;
		leave(j, before);
		if (!result)
			return 0;
		if (i == 0 || strlen(fault.path) > strlen(deepest.path))
			deepest = fault;
	}
	*mine = deepest;
	return -1;
}

static int check_all_of(struct judge *j, const json_t *schema, const json_t *arg, const json_t *v)
{
	const json_t *one;
	size_t i;

	(void)schema;
	json_array_foreach(arg, i, one)
		if (check_part(j, one, v))
			return -1;
	return 0;
}

/* What a schema and its parts (allOf, $ref) say of the names of an object's members. */
struct naming {
	bool any, open, has;
};

static void look_for(const struct judge *j, const json_t *schema, const char *key, struct naming *n)
{
	const json_t *properties = json_object_get(schema, "properties"), *parts = json_object_get(schema, "allOf"), *one;
	const json_t *reference = json_object_get(schema, "$ref");
	size_t i;

	n->any |= properties != NULL;
	n->has |= key && json_object_get(properties, key);
	n->open |= json_object_get(schema, "additionalProperties") != NULL; /* which sees to it */
	if (reference)
		look_for(j, follow(j, json_string_value(reference)), key, n);
	json_array_foreach(parts, i, one)
		look_for(j, one, key, n);
}

static int check_names(struct judge *j, const json_t *schema, const json_t *v)
{
	const char *key;
	json_t *member;

	json_object_foreach(unconst(v), key, member) {
		struct naming n = { .any = false };
		size_t before = enter_key(j, key);

		look_for(j, schema, key, &n);
		if (n.any && !n.open && !n.has)
			return fail(j, "is not documented");
		leave(j, before);
	}
	return 0;
}

/* ---- the table ---- */

/* What stands in an argument, for understand(). */
enum inside { NOTHING, SCHEMA, SCHEMA_LIST, SCHEMA_MAP };

static bool is_open(const json_t *v)
{
	return json_is_boolean(v) || json_is_object(v);
}

/* A NULL check asks nothing of the value. */
static const struct keyword {
	const char *name;
	bool (*argument)(const json_t *arg);
	int (*check)(struct judge *j, const json_t *schema, const json_t *arg, const json_t *value);
	enum inside inside;
} keywords[] = {
	{ "type", is_types, check_type, NOTHING },
	{ "required", is_names, check_required, NOTHING },
	{ "properties", is_object, check_properties, SCHEMA_MAP },
	{ "additionalProperties", is_open, check_additional, SCHEMA },
	{ "items", is_object, check_items, SCHEMA },
	{ "enum", is_array, check_enum, NOTHING },
	{ "const", is_any, check_const, NOTHING },
	{ "anyOf", is_array, check_any_of, SCHEMA_LIST },
	{ "allOf", is_array, check_all_of, SCHEMA_LIST },
	{ "$ref", is_string, check_reference, NOTHING },
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

static const struct keyword *keyword_named(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(keywords); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

static int check_part(struct judge *j, const json_t *schema, const json_t *value)
{
	const char *key;
	json_t *arg;

	if (!json_is_object(schema))
		return fail(j, "the document has no schema for it");
	json_object_foreach(unconst(schema), key, arg) {
		const struct keyword *k = keyword_named(key);

		if (!k)
			return fail(j, "its schema has the unknown keyword %s", key);
		if (k->check && k->check(j, schema, arg, value))
			return -1;
	}
	return 0;
}

static int check(struct judge *j, const json_t *schema, const json_t *value)
{
	return check_part(j, schema, value) || (json_is_object(value) && check_names(j, schema, value)) ? -1 : 0;
}

static int understand_list(struct judge *j, const json_t *list)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		size_t before = enter_index(j, i);

		if (understand(j, one))
			return -1;
		leave(j, before);
	}
	return 0;
}

static int understand_map(struct judge *j, const json_t *map)
{
	const char *key;
	json_t *one;

	json_object_foreach(unconst(map), key, one) {
		size_t before = enter_key(j, key);

		if (understand(j, one))
			return -1;
		leave(j, before);
	}
	return 0;
}

static int understand_keyword(struct judge *j, const char *name, const json_t *arg)
{
	const struct keyword *k = keyword_named(name);

	if (!k)
		return fail(j, "is a keyword that this test does not know");
	if (!k->argument(arg))
		return fail(j, "has an argument that it cannot have");
	if (strcmp(name, "$ref") == 0 && !follow(j, json_string_value(arg)))
		return fail(j, "names %.200s, which the document does not have", json_string_value(arg));
	if (k->inside == SCHEMA_LIST)
		return understand_list(j, arg);
	if (k->inside == SCHEMA_MAP)
		return understand_map(j, arg);
	return k->inside == SCHEMA && json_is_object(arg) ? understand(j, arg) : 0;
}

static int understand(struct judge *j, const json_t *schema)
{
	const char *key;
	json_t *arg;

	if (!json_is_object(schema))
		return fail(j, "is no schema");
	json_object_foreach(unconst(schema), key, arg) {
		size_t before = enter_key(j, key);

		if (understand_keyword(j, key, arg))
			return -1;
		leave(j, before);
	}
	return 0;
}

int jschema_understand(const json_t *document, const json_t *schema, struct jschema_fault *fault)
{
	struct judge j = { .document = document, .fault = fault };

	return understand(&j, schema);
}

int jschema_check(const json_t *document, const json_t *schema, const json_t *value, struct jschema_fault *fault)
{
	struct judge j = { .document = document, .fault = fault };

	return check(&j, schema, value);
}
