/*
 * common/config/config_backends.c - the "backends:" section of the file.
 *
 * Only its form is checked here; what a provider is, upstream knows.
 */
#include "common/config/config_parts.h"

#include "common/base/mem.h"
#include "common/base/near.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKENDS_MAX = 256, NAME_MAX_LEN = 64, VALUE_MAX = 2048 };
enum backend_kind { BACKEND_TEXT, BACKEND_BOOL, BACKEND_DURATION };

static const struct backend_key {
	const char *name;
	enum backend_kind kind;
	size_t offset;
	enum config_key limits; /* of a duration: the general setting */
} backend_keys[] = {
#define TEXT(name_)                                              \
	{                                                        \
		.name = #name_, .kind = BACKEND_TEXT,            \
		.offset = offsetof(struct config_backend, name_) \
	}
#define DURATION(name_)                                                                        \
	{                                                                                      \
		.name = #name_, .kind = BACKEND_DURATION,                                      \
		.offset = offsetof(struct config_backend, name_), .limits = CONFIG_KEY_##name_ \
	}
	TEXT(provider),
	TEXT(base_url),
	TEXT(key_env),
	TEXT(key_file),
	TEXT(ca_file),
	TEXT(proxy),
	{ .name = "disabled",
	  .kind = BACKEND_BOOL,
	  .offset = offsetof(struct config_backend, disabled) },
	{ .name = "forward_account",
	  .kind = BACKEND_BOOL,
	  .offset = offsetof(struct config_backend, forward_account) },
	DURATION(connect_timeout),
	DURATION(first_byte_timeout),
	DURATION(between_timeout),
	DURATION(total_timeout),
#undef TEXT
#undef DURATION
};

/* What people write when they are about to put a secret into a file that is read by many. */
static const char *const secret_keys[] = {
	"key",    "api_key",  "apikey",        "api-key", "token",
	"secret", "password", "authorization", "bearer",
};
#define SECRET_ADVICE \
	"keys are not kept in this file; name a variable with key_env: or a file with key_file:"

struct reading {
	struct config *config;
	struct config_backend *backend;
	json_t *entry;
	struct config_faults *faults;
};

static void fault(const struct reading *r, const json_t *value, const char *key, const char *what)
{
	char where[CONFIG_WHERE_MAX], path[ERR_PARAM_MAX];

	config_where(r->config->file, value, r->entry, where);
	snprintf(path, sizeof path, "backends.%s%s%s", r->backend->name, *key ? "." : "", key);
	config_fault(r->faults, where, path, "%s", what);
	r->backend->unfit = true;
}

static bool is_name(const char *text, const char *extra, size_t max)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr(extra, c))
			return false;
	}
	return len > 0 && len <= max;
}

static bool is_variable(const char *text)
{
	return is_name(text, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ", 128) &&
	       !(text[0] >= '0' && text[0] <= '9');
}

static const struct backend_key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(backend_keys); i++)
		if (!strcmp(backend_keys[i].name, name))
			return &backend_keys[i];
	return NULL;
}

static bool is_secret_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(secret_keys); i++)
		if (span_is_nocase(span_str(name), secret_keys[i]))
			return true;
	return false;
}

static void unknown_key(const struct reading *r, const char *name, const json_t *value)
{
	struct near near;
	char what[256];

	if (is_secret_key(name)) {
		fault(r, value, name, SECRET_ADVICE);
		return;
	}
	near_init(&near, span_str(name));
	for (size_t i = 0; i < ARRAY_LEN(backend_keys); i++)
		near_offer(&near, backend_keys[i].name);
	if (near_best(&near))
		snprintf(what, sizeof what, "unknown key; did you mean %s?", near_best(&near));
	else
		snprintf(what, sizeof what, "unknown key");
	fault(r, value, name, what);
}

static void read_text(const struct reading *r, const struct backend_key *key, const json_t *value,
		      char **field)
{
	const char *text = json_string_value(value);

	if (!text || !*text) {
		fault(r, value, key->name, "must be a text");
		return;
	}
	size_t len = json_string_length(value);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 127) {
			fault(r, value, key->name, "contains a blank or a control character");
			return;
		}
	if (len > VALUE_MAX) {
		fault(r, value, key->name, "is too long");
		return;
	}
	mem_free(*field);
	*field = mem_strdup(text);
}

static void read_key(const struct reading *r, const struct backend_key *key, const json_t *value)
{
	void *field = (char *)r->backend + key->offset;
	struct err err = ERR_INIT;

	switch (key->kind) {
	case BACKEND_TEXT:
		read_text(r, key, value, field);
		break;
	case BACKEND_BOOL:
		if (json_is_boolean(value))
			*(bool *)field = json_is_true(value);
		else
			fault(r, value, key->name, "must be true or false");
		break;
	case BACKEND_DURATION:
		if (config_duration(&config_table[key->limits], value, field, &err) < 0)
			fault(r, value, key->name, err.message);
		break;
	}
}

static bool is_base_url(const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "unix:/" };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (!strncmp(url, schemes[i], strlen(schemes[i])) && url[strlen(schemes[i])])
			return true;
	return false;
}

/* What is told about a key never repeats it: people do put the key itself there. */
static void check_backend(const struct reading *r)
{
	const struct config_backend *b = r->backend;

	if (b->base_url && !is_base_url(b->base_url))
		fault(r, json_object_get(r->entry, "base_url"), "base_url",
		      "must begin with http://, https:// or unix:/");
	if (b->key_env && !is_variable(b->key_env))
		fault(r, json_object_get(r->entry, "key_env"), "key_env",
		      "must be the name of an environment variable, not the key");
	if (b->key_env && b->key_file)
		fault(r, json_object_get(r->entry, "key_file"), "key_file",
		      "key_env is given too; one is enough");
	if (b->ca_file && !b->disabled && access(b->ca_file, R_OK) < 0)
		fault(r, json_object_get(r->entry, "ca_file"), "ca_file", "cannot be read");
}

static void read_backend(const struct reading *r)
{
	const char *name;
	json_t *value;

	json_object_foreach(r->entry, name, value)
	{
		const struct backend_key *key = find_key(name);

		if (key)
			read_key(r, key, value);
		else
			unknown_key(r, name, value);
	}
	check_backend(r);
}

void config_backends_read(struct config *c, json_t *section, struct config_faults *faults)
{
	const json_t *root = yml_root(c->file);
	char where[CONFIG_WHERE_MAX];
	const char *name;
	json_t *entry;

	if (json_is_null(section))
		return;
	if (!json_is_object(section) || json_object_size(section) > BACKENDS_MAX) {
		config_where(c->file, section, root, where);
		config_fault(faults, where, "backends", "must be a mapping of at most %d names",
			     BACKENDS_MAX);
		return;
	}
	if (json_object_size(section) == 0)
		return;
	c->backends = mem_calloc(json_object_size(section), sizeof *c->backends);
	json_object_foreach(section, name, entry)
	{
		struct config_backend *b = &c->backends[c->backend_count];
		struct reading r = { .config = c, .backend = b, .entry = entry, .faults = faults };

		config_where(c->file, entry, section, where);
		if (!is_name(name, "_-", NAME_MAX_LEN)) {
			config_fault(faults, where, "backends",
				     "\"%.80s\" is not a name of 1 to %d letters a-z, digits, "
				     "\"_\" and \"-\"",
				     name, NAME_MAX_LEN);
			continue;
		}
		if (!json_is_object(entry) && !json_is_null(entry)) {
			config_fault(faults, where, name,
				     "a backend is a mapping (provider, base_url, ...)");
			continue;
		}
		b->name = mem_strdup(name);
		b->line = yml_line(c->file, entry);
		c->backend_count++;
		read_backend(&r);
	}
}

void config_backends_free(struct config *c)
{
	for (size_t i = 0; i < c->backend_count; i++) {
		struct config_backend *b = &c->backends[i];

		mem_free(b->name);
		for (size_t k = 0; k < ARRAY_LEN(backend_keys); k++)
			if (backend_keys[k].kind == BACKEND_TEXT)
				mem_free(*(char **)(void *)((char *)b + backend_keys[k].offset));
	}
	mem_free(c->backends);
}

int config_backends_show(const struct config *c, struct buf *out)
{
	json_t *all = config_backends_json(c), *one, *value;
	const char *name, *key;

	json_object_foreach(all, name, one)
	{
		json_object_foreach(one, key, value)
			buf_printf(out, "backends.%s.%s = %s (file)\n", name, key,
				   json_is_string(value) ? json_string_value(value) : "true");
	}
	json_decref(all);
	return buf_failed(out) ? -1 : 0;
}

/* URLs may hold a name and a password: "http://(set)@host". */
static json_t *text_json(const char *text)
{
	const char *scheme = strstr(text, "://"), *host = scheme ? scheme + 3 : text, *at;
	struct span authority = span_of(host, strcspn(host, "/?#"));
	char *shown;
	json_t *value;

	at = memrchr(authority.ptr, '@', authority.len);
	if (!at)
		return json_string(text);
	shown = mem_printf("%.*s(set)%s", (int)(host - text), text, at);
	value = json_string(shown);
	mem_free(shown);
	return value;
}

static json_t *field_json(const struct config_backend *b, const struct backend_key *key)
{
	const void *field = (const char *)b + key->offset;
	struct buf text;
	json_t *value = NULL;

	switch (key->kind) {
	case BACKEND_TEXT:
		return *(char *const *)field ? text_json(*(char *const *)field) : NULL;
	case BACKEND_BOOL:
		return *(const bool *)field ? json_true() : NULL;
	case BACKEND_DURATION:
		if (*(const int64_t *)field == 0)
			return NULL;
		buf_init(&text, 64);
		config_add_duration(&text, *(const int64_t *)field);
		value = json_string(buf_str(&text));
		buf_free(&text);
	}
	return value;
}

json_t *config_backends_json(const struct config *c)
{
	json_t *all = json_object();

	for (size_t i = 0; i < c->backend_count; i++) {
		json_t *one = json_object();

		for (size_t k = 0; k < ARRAY_LEN(backend_keys); k++) {
			json_t *value = field_json(&c->backends[i], &backend_keys[k]);

			if (value)
				json_object_set_new(one, backend_keys[k].name, value);
		}
		json_object_set_new(all, c->backends[i].name, one);
	}
	return all;
}
