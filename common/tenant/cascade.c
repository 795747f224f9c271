/*
 * common/tenant/cascade.c - see cascade.h.
 */
#include "common/tenant/cascade.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"

struct override {
	json_t *json; /* NULL: none */
	int64_t updated_ms;
	char updated_by[TOKEN_ID_SIZE];
};

struct overrides {
	_Atomic int refs;
	uint64_t version;
	char tenant_id[TENANT_ID_SIZE];
	struct override rows[SETTING_COUNT];
};

struct entry {
	struct overrides *overrides;
};

struct cascade {
	_Atomic int refs;
	size_t count, room;
	struct entry *tenants; /* in order of their ids */
};

/* One tenant's */

static void copy(char *out, size_t size, struct span text)
{
	snprintf(out, size, "%.*s", SPAN_ARGS(text));
}

struct overrides *overrides_new(struct span tenant_id, uint64_t version)
{
	struct overrides *o = mem_new(struct overrides);

	o->refs = 1;
	o->version = version;
	copy(o->tenant_id, sizeof o->tenant_id, tenant_id);
	return o;
}

static struct overrides *overrides_ref(struct overrides *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void overrides_unref(struct overrides *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		json_decref(o->rows[i].json);
	mem_free(o);
}

static int check_row(const struct setting_info *info, const json_t *value, struct err *why)
{
	if (info->group != SETTING_GROUP_C)
		return err_set(why, E_invalid_field, "", "is no setting that the database may have");
	if (!value)
		return err_set(why, E_invalid_field, "", "has a value that is not JSON");
	return setting_check(info, value, "", why);
}

static void tell_left_out(const struct overrides *o, struct span key, const char *why)
{
	log_warn("tenant", "the database's setting %.*s of the tenant %s is left out: it %s",
		 SPAN_ARGS(key), o->tenant_id, why);
}

void overrides_add(struct overrides *o, const struct tenant_config *row)
{
	const struct setting_info *info = setting_find(row->key);
	struct err why = ERR_INIT;
	struct override *place;
	json_t *value;

	if (!info) {
		tell_left_out(o, row->key, "is not known");
		return;
	}
	value = json_loadb(row->value.ptr, row->value.len, JSON_DECODE_ANY, NULL);
	if (check_row(info, value, &why) < 0) {
		tell_left_out(o, row->key, why.message);
		json_decref(value);
		return;
	}
	place = &o->rows[info - setting_table];
	json_decref(place->json);
	place->json = value;
	place->updated_ms = row->updated_ms;
	copy(place->updated_by, sizeof place->updated_by, row->updated_by);
}

/* All tenants' */

struct cascade *cascade_new(void)
{
	struct cascade *c = mem_new(struct cascade);

	c->refs = 1;
	return c;
}

struct cascade *cascade_ref(struct cascade *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void cascade_unref(struct cascade *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < c->count; i++)
		overrides_unref(c->tenants[i].overrides);
	mem_free(c->tenants);
	mem_free(c);
}

/* The first tenant of that id or above. */
static size_t seek(const struct cascade *c, const char *tenant_id)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(c->tenants[middle].overrides->tenant_id, tenant_id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool stands_at(const struct cascade *c, size_t at, const char *tenant_id)
{
	return at < c->count && strcmp(c->tenants[at].overrides->tenant_id, tenant_id) == 0;
}

/* Takes o. */
static void insert(struct cascade *c, size_t at, struct overrides *o)
{
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 8;
		c->tenants = mem_realloc(c->tenants, c->room * sizeof *c->tenants);
	}
	memmove(&c->tenants[at + 1], &c->tenants[at], (c->count - at) * sizeof *c->tenants);
	c->tenants[at].overrides = o;
	c->count++;
}

void cascade_load(struct cascade *c, const struct tenant_config *row)
{
	char id[TENANT_ID_SIZE];
	size_t at;

	copy(id, sizeof id, row->tenant_id);
	at = seek(c, id);
	if (!stands_at(c, at, id))
		insert(c, at, overrides_new(row->tenant_id, 0));
	overrides_add(c->tenants[at].overrides, row);
}

struct cascade *cascade_with(struct cascade *c, struct overrides *o)
{
	size_t at = seek(c, o->tenant_id);
	bool is_there = stands_at(c, at, o->tenant_id);
	struct cascade *next;

	if (is_there && c->tenants[at].overrides->version >= o->version)
		return NULL;
	next = cascade_new();
	next->room = c->count + 1;
	next->tenants = mem_calloc(next->room, sizeof *next->tenants);
	for (size_t i = 0; i < c->count; i++)
		next->tenants[next->count++].overrides = overrides_ref(c->tenants[i].overrides);
	if (!is_there) {
		insert(next, at, overrides_ref(o));
		return next;
	}
	overrides_unref(next->tenants[at].overrides);
	next->tenants[at].overrides = overrides_ref(o);
	return next;
}

/* NULL: the database says nothing of that tenant. */
static const struct overrides *cascade_find(const struct cascade *c, const char *tenant_id)
{
	size_t at = seek(c, tenant_id);

	return stands_at(c, at, tenant_id) ? c->tenants[at].overrides : NULL;
}

/* Effective values */

struct settings cascade_of(const struct cascade *c, const struct tenancy *t,
			   const struct tenant *tenant)
{
	return (struct settings){
		.tenancy = t,
		.tenant = tenant,
		.overrides = c && tenant ? cascade_find(c, tenant->id) : NULL,
	};
}

struct setting_value settings_get(const struct settings *s, enum setting_key key)
{
	const struct override *row = s->overrides ? &s->overrides->rows[key] : NULL;

	if (row && row->json)
		return (struct setting_value){ row->json, SOURCE_DB, row->updated_ms, row->updated_by };
	if (s->tenant && s->tenant->settings[key])
		return (struct setting_value){ .json = s->tenant->settings[key], .source = SOURCE_YAML };
	return (struct setting_value){ .json = tenancy_process(s->tenancy, key),
				       .source = SOURCE_PROCESS };
}

/* The value alone. */
static inline const json_t *value_of(const struct settings *s, enum setting_key key)
{
	if (s->overrides && s->overrides->rows[key].json)
		return s->overrides->rows[key].json;
	if (s->tenant && s->tenant->settings[key])
		return s->tenant->settings[key];
	return tenancy_process(s->tenancy, key);
}

bool settings_bool(const struct settings *s, enum setting_key key)
{
	return json_is_true(value_of(s, key));
}

int64_t settings_int(const struct settings *s, enum setting_key key)
{
	return json_integer_value(value_of(s, key));
}

int64_t settings_bytes(const struct settings *s, enum setting_key key)
{
	return setting_bytes_of(value_of(s, key));
}

static double settings_real(const struct settings *s, enum setting_key key)
{
	return json_number_value(value_of(s, key));
}

const char *settings_text(const struct settings *s, enum setting_key key)
{
	return json_string_value(value_of(s, key));
}

int64_t settings_markup_micros(const struct settings *s)
{
	return llround(settings_real(s, SETTING_KEY_cost_markup_factor) * 1e6);
}

const char *setting_source_name(enum setting_source source)
{
	static const char *const names[] = {
		[SOURCE_PROCESS] = "process",
		[SOURCE_YAML] = "yaml",
		[SOURCE_DB] = "db",
	};

	return names[source];
}
