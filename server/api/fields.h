/*
 * server/api/fields.h - the members of a small JSON object, checked one by one.
 *
 * All of them: a member that is absent or null leaves *out as it is; one of another type or range
 * is E_invalid_field with its name as param.  Owner thread.
 */
#ifndef SPASS_SERVER_FIELDS_H
#define SPASS_SERVER_FIELDS_H

#include <jansson.h>

#include "common/base/err.h"

/* E_invalid_field for the first member whose name is none of names (NULL at the end). */
int fields_check(json_t *object, const char *const *names, struct err *err);
/* Borrowed from the object; may hold NULs. */
int field_text(json_t *object, const char *name, struct span *out, struct err *err);
/* The same, and E_missing_field when it is absent. */
int field_need_text(json_t *object, const char *name, struct span *out, struct err *err);
int field_int(json_t *object, const char *name, int64_t min, int64_t max, int64_t *out,
	      struct err *err);
/* A number, 0 to 1. */
int field_share(json_t *object, const char *name, float *out, struct err *err);
int field_bool(json_t *object, const char *name, bool *out, struct err *err);
/* A string that name_of has; *out: for which number.  name_of gives NULL past the last. */
int field_choice(json_t *object, const char *name, const char *(*name_of)(unsigned), unsigned *out,
		 struct err *err);

#endif
