/*
 * common/tenant/reading.c - see reading.h.
 */
#include "common/tenant/reading.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/near.h"

enum { NAMES_MAX = 1000, NAME_SIZE_MAX = 256 };

/* Where */

int reading_fault(struct reading *r, const char *format, ...)
{
	char what[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	if (!r->file)
		return err_set(r->err, E_invalid_field, r->path, "%s %s", r->path, what);
	if (r->line)
		return err_set(r->err, E_invalid_config, r->path, "%s:%d: %s: %s", yml_name(r->file),
			       r->line, r->path, what);
	return err_set(r->err, E_invalid_config, r->path, "%s: %s: %s", yml_name(r->file), r->path,
		       what);
}

size_t reading_enter(struct reading *r, const char *key)
{
	size_t before = strlen(r->path);

	snprintf(r->path + before, sizeof r->path - before, "%s%.64s", before ? "." : "", key);
	return before;
}

size_t reading_enter_at(struct reading *r, size_t index)
{
	size_t before = strlen(r->path);

	snprintf(r->path + before, sizeof r->path - before, "[%zu]", index);
	return before;
}

void reading_leave(struct reading *r, size_t before)
{
	r->path[before] = '\0';
}

static void set_line(struct reading *r, int line)
{
	if (line)
		r->line = line;
}

/* Objects */

static int fault_unknown(struct reading *r, const struct member *members, size_t count,
			 const char *name)
{
	struct near near;

	near_init(&near, span_str(name));
	for (size_t i = 0; i < count; i++)
		near_offer(&near, members[i].name);
	return near_best(&near) ? reading_fault(r, "is not known; did you mean %s?", near_best(&near))
				: reading_fault(r, "is not known");
}

static int read_member(struct reading *r, const struct member *members, size_t count,
		       const char *name, json_t *value, void *into)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].name, name) == 0)
			return members[i].read(r, &members[i], value,
					       (char *)into + members[i].offset);
	return fault_unknown(r, members, count, name);
}

static int check_required(struct reading *r, json_t *object, const struct member *members,
			  size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].is_required && !json_object_get(object, members[i].name)) {
			reading_enter(r, members[i].name);
			reading_fault(r, "is missing");
			if (!r->file)
				r->err->code = E_missing_field;
			return -1;
		}
	return 0;
}

int reading_object(struct reading *r, json_t *value, const struct member *members, size_t count,
		   void *into)
{
	int line = r->line;
	const char *name;
	json_t *item;

	if (!json_is_object(value))
		return reading_fault(r, "must be a mapping");
	json_object_foreach(value, name, item)
	{
		size_t before = reading_enter(r, name);

		if (r->file)
			set_line(r, yml_member_line(r->file, value, name));
		if (read_member(r, members, count, name, item, into) < 0)
			return -1;
		reading_leave(r, before);
		r->line = line;
	}
	return check_required(r, value, members, count);
}

/* Values */

int read_text(struct reading *r, const struct member *m, json_t *value, void *field)
{
	size_t len = json_string_length(value);

	if (!json_is_string(value))
		return reading_fault(r, "must be a text");
	if ((int64_t)len < m->min || (int64_t)len > m->max)
		return reading_fault(r, "must have %lld to %lld bytes", (long long)m->min,
				     (long long)m->max);
	if (strlen(json_string_value(value)) != len)
		return reading_fault(r, "contains a NUL");
	*(const char **)field = json_string_value(value);
	return 0;
}

int read_own_text(struct reading *r, const struct member *m, json_t *value, void *field)
{
	const char *text = "";

	if (read_text(r, m, value, &text) < 0)
		return -1;
	mem_free(*(char **)field);
	*(char **)field = mem_strdup(text);
	return 0;
}

int read_bool(struct reading *r, const struct member *m, json_t *value, void *field)
{
	(void)m;
	if (!json_is_boolean(value))
		return reading_fault(r, "must be true or false");
	*(bool *)field = json_is_true(value);
	return 0;
}

int read_int(struct reading *r, const struct member *m, json_t *value, void *field)
{
	if (!json_is_integer(value) || json_integer_value(value) < m->min ||
	    json_integer_value(value) > m->max)
		return reading_fault(r, "must be a whole number from %lld to %lld", (long long)m->min,
				     (long long)m->max);
	*(int64_t *)field = json_integer_value(value);
	return 0;
}

int read_real(struct reading *r, const struct member *m, json_t *value, void *field)
{
	double number = json_number_value(value);

	if (!json_is_number(value) || !(number >= (double)m->min && number <= (double)m->max))
		return reading_fault(r, "must be a number from %lld to %lld", (long long)m->min,
				     (long long)m->max);
	*(double *)field = number;
	return 0;
}

int read_time(struct reading *r, const struct member *m, json_t *value, void *field)
{
	int64_t *ms = field;

	(void)m;
	if (!json_is_string(value) ||
	    clock_parse(json_string_value(value), json_string_length(value), ms) < 0 || *ms <= 0)
		return reading_fault(r, "must be a time of RFC 3339, such as 2027-01-31T12:00:00Z");
	return 0;
}

int read_role(struct reading *r, const struct member *m, json_t *value, void *field)
{
	(void)m;
	if (!json_is_string(value) || role_find(span_str(json_string_value(value)), field) < 0)
		return reading_fault(r,
				     "must be one of readonly, tenant_user, tenant_admin and operator");
	return 0;
}

/* Lists of texts */

typedef int read_item(struct reading *r, const char *text, void *into);

static int read_items(struct reading *r, json_t *list, read_item *item, void *into)
{
	int line = r->line;
	json_t *value;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > NAMES_MAX)
		return reading_fault(r, "must be a list of at most %d texts", NAMES_MAX);
	json_array_foreach(list, i, value)
	{
		static const struct member bounds = { .min = 1, .max = NAME_SIZE_MAX };
		size_t before = reading_enter_at(r, i);
		const char *text = "";

		if (r->file)
			set_line(r, yml_line(r->file, value));
		if (read_text(r, &bounds, value, &text) < 0 || item(r, text, into) < 0)
			return -1;
		reading_leave(r, before);
		r->line = line;
	}
	return 0;
}

static int add_scope(struct reading *r, const char *text, void *into)
{
	uint64_t scope = scope_find(span_str(text)), *set = into;
	struct near near;

	*set |= scope;
	if (scope != SCOPE_none)
		return 0;
	near_init(&near, span_str(text));
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		near_offer(&near, scope_name(UINT64_C(1) << i));
	return near_best(&near) ? reading_fault(r, "is no scope; did you mean %s?", near_best(&near))
				: reading_fault(r, "is no scope (such as chat:exec)");
}

int read_scopes(struct reading *r, const struct member *m, json_t *value, void *field)
{
	(void)m;
	*(uint64_t *)field = SCOPE_none;
	return read_items(r, value, add_scope, field);
}

/* The list has room. */
static int add_name(struct reading *r, const char *text, void *into)
{
	struct config_list *list = into;
	const char *star = strchr(text, '*');

	if (star && star[1])
		return reading_fault(r, "may have a * at its end only");
	list->items[list->count++] = mem_strdup(text);
	return 0;
}

int read_names(struct reading *r, const struct member *m, json_t *value, void *field)
{
	struct config_list *list = field;

	(void)m;
	if (json_array_size(value) > 0 && json_array_size(value) <= NAMES_MAX)
		list->items = mem_calloc(json_array_size(value), sizeof *list->items);
	return read_items(r, value, add_name, list);
}
