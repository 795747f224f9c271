/* tests/support/jschema.c - down a value by its schema: members, items, and schemas made of others. */
#include "tests/support/jschema_inside.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* json_object_foreach asks for one that may be written; it does not write. */
static json_t *unconst(const json_t *v)
{
	return (json_t *)(uintptr_t)v;
}

static int check(struct judge *j, const json_t *schema, const json_t *value);
static int understand(struct judge *j, const json_t *schema);

int jschema_fail(struct judge *j, const char *format, ...)
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
			return jschema_fail(j, "lacks the member \"%s\"", json_string_value(name));
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
			return jschema_fail(j, "is not documented");
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
			return jschema_fail(j, "is not documented");
		leave(j, before);
	}
	return 0;
}

/* ---- the table ---- */

static bool is_open(const json_t *v)
{
	return json_is_boolean(v) || json_is_object(v);
}

static const struct keyword keywords[] = {
	{ "required", is_names, check_required, NOTHING },
	{ "properties", is_object, check_properties, SCHEMA_MAP },
	{ "additionalProperties", is_open, check_additional, SCHEMA },
	{ "items", is_object, check_items, SCHEMA },
	{ "anyOf", is_array, check_any_of, SCHEMA_LIST },
	{ "allOf", is_array, check_all_of, SCHEMA_LIST },
	{ "$ref", is_string, check_reference, NOTHING },
};

static const struct keyword *keyword_named(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(keywords); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	for (size_t i = 0; i < jschema_plain_count; i++)
		if (strcmp(jschema_plain[i].name, name) == 0)
			return &jschema_plain[i];
	return NULL;
}

static int check_part(struct judge *j, const json_t *schema, const json_t *value)
{
	const char *key;
	json_t *arg;

	if (!json_is_object(schema))
		return jschema_fail(j, "the document has no schema for it");
	json_object_foreach(unconst(schema), key, arg) {
		const struct keyword *k = keyword_named(key);

		if (!k)
			return jschema_fail(j, "its schema has the unknown keyword %s", key);
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
		return jschema_fail(j, "is a keyword that this test does not know");
	if (!k->argument(arg))
		return jschema_fail(j, "has an argument that it cannot have");
	if (strcmp(name, "$ref") == 0 && !follow(j, json_string_value(arg)))
		return jschema_fail(j, "names %.200s, which the document does not have", json_string_value(arg));
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
		return jschema_fail(j, "is no schema");
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
