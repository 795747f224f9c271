/*
 * common/tenant/setting.h - the table of a tenant's settings, and what values they take.
 *
 * From setting.def come the keys, validation of files, bodies and the database, GET
 * /v1/tenant/config and the commands.  Any thread.
 */
#ifndef SPASS_TENANT_SETTING_H
#define SPASS_TENANT_SETTING_H

#include <jansson.h>

#include "common/config/config.h"

enum setting_group { SETTING_GROUP_A, SETTING_GROUP_B, SETTING_GROUP_C };

enum setting_type {
	SETTING_BOOL,
	SETTING_INT,
	SETTING_BYTES, /* a number, or a text as config_bytes reads it */
	SETTING_REAL,
	SETTING_ALIAS,
	SETTING_CHOICE,
	SETTING_NAMES,
	SETTING_TOOLS,
	SETTING_MODELS,
	SETTING_TOKEN,
};

enum setting_key {
#define SETTING(key, ...) SETTING_KEY_##key,
#define SHARED(key, ...) SETTING_KEY_##key,
#define RESERVED(key, ...) SETTING_RESERVED_##key,
#include "common/tenant/setting.def"
#undef SETTING
#undef SHARED
#undef RESERVED
	SETTING_COUNT
};

struct setting_info {
	const char *key;
	enum setting_group group;
	enum setting_type type;
	int64_t min, max;     /* of numbers; of NAMES: items */
	const char *choices;  /* "a|b|c", or NULL */
	const char *fallback; /* the default, as JSON */
	const char *help;     /* one line, no full stop */
	const struct config_info *config; /* where range, default and help are instead, or NULL */
	bool is_reserved;     /* takes values that nothing reads yet */
};
extern const struct setting_info setting_table[SETTING_COUNT];

enum { SETTING_TEXT_MAX = 256, SETTING_NAMES_MAX = 1000 };

/* The row of a key, also of "constraints.models"; NULL when there is none. */
const struct setting_info *setting_find(struct span key);
/* The key that is meant by a wrong one, or NULL. */
const char *setting_near(struct span key);
/* "A", "B", "C". */
const char *setting_group_name(enum setting_group group);
const char *setting_help(const struct setting_info *s);
/* The value of a row that has one there: the process' level.  The caller owns it. */
json_t *setting_of_config(const struct setting_info *s, const struct config *c);
/* The default; the caller owns it. */
json_t *setting_default(const struct setting_info *s);
/*
 * Whether value is one that the row takes.  Otherwise -1 with E_invalid_field, param and what it
 * must be, which callers prefix with the key.
 */
int setting_check(const struct setting_info *s, const json_t *value, const char *param,
		  struct err *err);
/* Of a value that a row of BYTES takes. */
int64_t setting_bytes_of(const json_t *value);
/*
 * What a text of a command line or the environment means for the row: true, 80, a,b,c, null or
 * JSON.  What makes no sense becomes a string, which setting_check then refuses.  The caller
 * owns it.
 */
json_t *setting_of_text(const struct setting_info *s, struct span text);

#endif
