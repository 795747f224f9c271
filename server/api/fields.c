/*
 * server/api/fields.c - see fields.h.
 */
#include "server/api/fields.h"

#include <stdio.h>

int fields_check(json_t *object, const char *const *names, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const char *const *name = names;

		while (*name && strcmp(key, *name) != 0)
			name++;
		if (!*name)
			return err_set(err, E_invalid_field, key, "there is no member %.60s here",
				       key);
	}
	return 0;
}

/* NULL for what leaves the field as it is. */
static json_t *find_member(json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

int field_text(json_t *object, const char *name, struct span *out, struct err *err)
{
	json_t *value = find_member(object, name);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return err_set(err, E_invalid_field, name, "%s must be a string", name);
	*out = span_of(json_string_value(value), json_string_length(value));
	return 0;
}

int field_need_text(json_t *object, const char *name, struct span *out, struct err *err)
{
	*out = SPAN_NONE;
	if (field_text(object, name, out, err) < 0)
		return -1;
	return out->ptr ? 0 : err_set(err, E_missing_field, name, "%s is required", name);
}

int field_int(json_t *object, const char *name, int64_t min, int64_t max, int64_t *out,
	      struct err *err)
{
	json_t *value = find_member(object, name);

	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return err_set(err, E_invalid_field, name, "%s is a whole number, %lld to %lld",
			       name, (long long)min, (long long)max);
	*out = json_integer_value(value);
	return 0;
}

int field_share(json_t *object, const char *name, float *out, struct err *err)
{
	json_t *value = find_member(object, name);

	if (!value)
		return 0;
	if (!json_is_number(value) || !(json_number_value(value) >= 0) ||
	    json_number_value(value) > 1)
		return err_set(err, E_invalid_field, name, "%s is a number, 0 to 1", name);
	*out = (float)json_number_value(value);
	return 0;
}

int field_bool(json_t *object, const char *name, bool *out, struct err *err)
{
	json_t *value = find_member(object, name);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return err_set(err, E_invalid_field, name, "%s is true or false", name);
	*out = json_is_true(value);
	return 0;
}

int field_choice(json_t *object, const char *name, const char *(*name_of)(unsigned), unsigned *out,
		 struct err *err)
{
	struct span given = SPAN_NONE;
	char known[256] = "";
	size_t len = 0;

	if (field_text(object, name, &given, err) < 0)
		return -1;
	for (unsigned i = 0; given.ptr && name_of(i); i++) {
		if (span_is(given, name_of(i))) {
			*out = i;
			return 0;
		}
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i > 0 ? ", " : "",
					name_of(i));
		if (len >= sizeof(known))
			len = sizeof(known) - 1;
	}
	return given.ptr ? err_set(err, E_invalid_field, name, "%s is one of %s", name, known) : 0;
}
