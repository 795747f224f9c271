/*
 * common/tenant/cascade.h - settings of tenants over three levels; the highest that has a key wins.
 *
 * The process and the tenants' defaults are the tenancy's; a cascade holds what the database says,
 * of all tenants.  It is immutable and counted, and part of the snapshot, so that to read a setting
 * takes no lock and no database; a change makes another cascade, which shares the other tenants'
 * parts with the one before.  Any thread.
 */
#ifndef SPASS_TENANT_CASCADE_H
#define SPASS_TENANT_CASCADE_H

#include "common/store/tenant_config.h"
#include "common/tenant/tenancy.h"

enum setting_source { SOURCE_PROCESS, SOURCE_YAML, SOURCE_DB };

/* What the database holds of one tenant, as of a version. */
struct overrides;

/* version: grows with each change of that tenant. */
struct overrides *overrides_new(struct span tenant_id, uint64_t version);
void overrides_unref(struct overrides *o);
/*
 * While nobody else sees o.  A row that this version cannot use (a key or value of another one)
 * is left out, which is logged.
 */
void overrides_add(struct overrides *o, const struct tenant_config *row);

struct cascade;

/* Without a tenant. */
struct cascade *cascade_new(void);
struct cascade *cascade_ref(struct cascade *c);
/* c may be NULL. */
void cascade_unref(struct cascade *c);
/* A row, while nobody else sees c; rows of one tenant come one after another. */
void cascade_load(struct cascade *c, const struct tenant_config *row);
/* Another, with o (a new reference); NULL when c has what is as new. */
struct cascade *cascade_with(struct cascade *c, struct overrides *o);

/* The levels of one tenant, all borrowed: a snapshot's. */
struct settings {
	const struct tenancy *tenancy;
	const struct tenant *tenant;       /* NULL: none, the process' level alone */
	const struct overrides *overrides; /* NULL: none */
};

struct settings cascade_of(const struct cascade *c, const struct tenancy *t,
			   const struct tenant *tenant);

/* An effective value; borrowed. */
struct setting_value {
	const json_t *json;
	enum setting_source source;
	int64_t updated_ms;     /* of SOURCE_DB */
	const char *updated_by; /* of SOURCE_DB: a token's id */
};

struct setting_value settings_get(const struct settings *s, enum setting_key key);
/* Of a key of that type. */
bool settings_bool(const struct settings *s, enum setting_key key);
int64_t settings_int(const struct settings *s, enum setting_key key);
int64_t settings_bytes(const struct settings *s, enum setting_key key);
const char *settings_text(const struct settings *s, enum setting_key key);
/* cost_markup_factor in millionths. */
int64_t settings_markup_micros(const struct settings *s);
/* "process", "yaml", "db". */
const char *setting_source_name(enum setting_source source);

#endif
