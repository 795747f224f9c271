/*
 * common/config/config.c - reads the four places in order, lowest first, so that the highest wins.
 *
 * Faults are gathered rather than returned one by one: whoever mends a file wants to see them all.
 */
#include "common/config/config_parts.h"

#include "common/base/env.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char system_file[] = "/etc/spass/spass.yaml";
static const char backends_section[] = "backends";
const char *const config_lists[] = { "models", "prices", NULL };

/* Other names of a setting in the environment; the setting's own wins. */
static const struct {
	enum config_key key;
	const char *name;
} environment_aliases[] = {
	{ CONFIG_KEY_token, "RUST_API_BEARER" },
	{ CONFIG_KEY_rate_limit_per_second, "RATE_LIMIT_PER_SECOND" },
	{ CONFIG_KEY_rate_limit_burst, "RATE_LIMIT_BURST" },
};

/* Faults */

enum { LEFT_OUT_ROOM = 24 };

static void config_faults_init(struct config_faults *f)
{
	*f = (struct config_faults){ .count = 0 };
	buf_init(&f->text, ERR_MESSAGE_MAX - 1 - LEFT_OUT_ROOM);
}

void config_fault(struct config_faults *f, const char *where, const char *key, const char *format,
		  ...)
{
	char what[ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	if (f->count++ == 0) {
		snprintf(f->param, sizeof f->param, "%s", key);
		/* The first is always told, cut if it must be. */
		if (buf_printf(&f->text, "%s: %s: %s", where, key, what) < 0) {
			buf_clear(&f->text);
			buf_printf(&f->text, "%.140s: %.60s: %.250s", where, key, what);
		}
		return;
	}
	struct buf line;

	buf_init(&line, (size_t)2 * ERR_MESSAGE_MAX);
	buf_printf(&line, "\n%s: %s: %s", where, key, what);
	if (f->left_out || buf_failed(&line) || f->text.len + line.len > f->text.max)
		f->left_out++;
	else
		buf_add_span(&f->text, buf_span(&line));
	buf_free(&line);
}

/* 0 when there was none, else -1 with E_invalid_config.  Frees f. */
static int config_faults_end(struct config_faults *f, struct err *err)
{
	if (f->count && f->left_out)
		err_set(err, E_invalid_config, f->param, "%s\nand %zu more", buf_str(&f->text),
			f->left_out);
	else if (f->count)
		err_set(err, E_invalid_config, f->param, "%s", buf_str(&f->text));
	buf_free(&f->text);
	return f->count ? -1 : 0;
}

void config_where(const struct yml *file, const json_t *value, const json_t *parent,
		  char out[CONFIG_WHERE_MAX])
{
	int line = yml_line(file, value);

	if (!line && parent != yml_root(file))
		line = yml_line(file, parent);
	if (line)
		snprintf(out, CONFIG_WHERE_MAX, "%.140s:%d", yml_name(file), line);
	else
		snprintf(out, CONFIG_WHERE_MAX, "%.140s", yml_name(file));
}

/* The four places */

static void read_defaults(struct config *c)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		if (config_set(c, &config_table[i], span_str(config_table[i].fallback),
			       CONFIG_DEFAULT, &err) < 0) {
			log_error("config", "default of %s: %s", config_table[i].name, err.message);
			abort(); /* a row of config.def contradicts itself */
		}
}

static void unknown_setting(struct config_faults *faults, const char *where, const char *name)
{
	struct near near;

	near_init(&near, span_str(name));
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		near_offer(&near, config_table[i].name);
	near_offer(&near, backends_section);
	for (size_t i = 0; config_lists[i]; i++)
		near_offer(&near, config_lists[i]);
	if (near_best(&near))
		config_fault(faults, where, name, "unknown setting; did you mean %s?",
			     near_best(&near));
	else
		config_fault(faults, where, name, "unknown setting");
}

static bool is_list_section(const char *name)
{
	for (size_t i = 0; config_lists[i]; i++)
		if (!strcmp(name, config_lists[i]))
			return true;
	return false;
}

static void read_file_key(struct config *c, const char *name, json_t *value,
			  struct config_faults *faults)
{
	const struct config_info *info = config_find(span_str(name));
	const json_t *root = yml_root(c->file);
	struct err err = ERR_INIT;
	char where[CONFIG_WHERE_MAX];

	config_where(c->file, value, root, where);
	if (!strcmp(name, backends_section))
		config_backends_read(c, value, faults);
	else if (is_list_section(name)) {
		if (!json_is_array(value) && !json_is_null(value))
			config_fault(faults, where, name, "must be a list of %s", name);
	} else if (!info)
		unknown_setting(faults, where, name);
	else if (config_set_json(c, info, value, CONFIG_FILE, &err) < 0)
		config_fault(faults, where, name, "%s", err.message);
}

static void read_file(struct config *c, struct config_faults *faults)
{
	json_t *value, *root = yml_root(c->file);
	const char *name;

	if (!json_is_object(root)) {
		config_fault(faults, yml_name(c->file), "spass.yaml",
			     "must be a mapping of settings");
		return;
	}
	json_object_foreach(root, name, value) read_file_key(c, name, value, faults);
}

/* NULL when it is not set, or set to nothing. */
static const char *variable(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, len) && (*environment)[len] == '=')
			return (*environment)[len + 1] ? *environment + len + 1 : NULL;
	return NULL;
}

static void read_variable(struct config *c, enum config_key key, const char *name,
			  const char *value, struct config_faults *faults)
{
	struct err err = ERR_INIT;

	if (value &&
	    config_set(c, &config_table[key], span_str(value), CONFIG_ENVIRONMENT, &err) < 0)
		config_fault(faults, name, config_table[key].name, "%s", err.message);
}

static void read_environment(struct config *c, char *const *environment,
			     struct config_faults *faults)
{
	char name[CONFIG_ENVIRONMENT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(environment_aliases); i++)
		read_variable(c, environment_aliases[i].key, environment_aliases[i].name,
			      variable(environment, environment_aliases[i].name), faults);
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		config_environment_name(&config_table[i], name);
		read_variable(c, (enum config_key)i, name, variable(environment, name), faults);
	}
}

static void read_flags(struct config *c, const struct config_flag *flags, size_t count,
		       struct config_faults *faults)
{
	for (size_t i = 0; i < count; i++) {
		const struct config_info *info = config_find(span_str(flags[i].name));
		struct err err = ERR_INIT;
		char where[CONFIG_WHERE_MAX];

		if (!info) {
			unknown_setting(faults, "command line", flags[i].name);
			continue;
		}
		snprintf(where, sizeof where, "--%s", info->flag ? info->flag : info->name);
		if (config_set(c, info, span_str(flags[i].value), CONFIG_FLAG, &err) < 0)
			config_fault(faults, where, info->name, "%s", err.message);
	}
}

/* What has been told is not looked at again. */
static void drop_unfit_sections(struct config *c)
{
	json_t *root = yml_root(c->file);

	for (size_t i = 0; config_lists[i]; i++) {
		const json_t *value = json_object_get(root, config_lists[i]);

		if (value && !json_is_array(value))
			json_object_del(root, config_lists[i]);
	}
}

/* Takes file.  When faulty, err tells the faults and the result has what was right. */
static struct config *read_places(struct yml *file, char *const *environment,
				  const struct config_flag *flags, size_t flag_count, bool *faulty,
				  struct err *err)
{
	struct config *c = mem_new(struct config);
	struct config_faults faults;

	config_faults_init(&faults);
	c->file = file;
	read_defaults(c);
	if (file)
		read_file(c, &faults);
	read_environment(c, environment, &faults);
	read_flags(c, flags, flag_count, &faults);
	config_check(c, &faults);
	*faulty = config_faults_end(&faults, err) < 0;
	if (file)
		drop_unfit_sections(c);
	return c;
}

struct config *config_new(struct yml *file, char *const *environment,
			  const struct config_flag *flags, size_t flag_count, struct err *err)
{
	bool faulty;
	struct config *c = read_places(file, environment, flags, flag_count, &faulty, err);

	if (!faulty)
		return c;
	config_free(c);
	return NULL;
}

/* Which file */

/* NULL: none.  The caller frees.  A file that was asked for by name need not exist: reading it
 * tells. */
static char *choose_path(const char *path, char *const *environment)
{
	const char *named = path ? path : variable(environment, "SPASS_CONFIG");

	if (named)
		return mem_strdup(named);
	char *own = file_place(FILE_CONFIG, "spass.yaml");

	if (own && !file_is_absent(own))
		return own;
	mem_free(own);
	return file_is_absent(system_file) ? NULL : mem_strdup(system_file);
}

static void warn_of_readers(const struct config *c)
{
	struct stat st;

	if (c->origins[CONFIG_KEY_token] == CONFIG_FILE && stat(c->path, &st) == 0 &&
	    (st.st_mode & 077))
		log_warn("config", "%s holds a token and others may read it: chmod 600", c->path);
}

struct config *config_draft(const char *path, char *const *environment,
			    const struct config_flag *flags, size_t flag_count, bool *faulty,
			    struct err *err)
{
	char *chosen = choose_path(path, environment);
	struct config *c = NULL;
	struct yml *file = NULL;

	*faulty = true;
	if (chosen) {
		struct err cause = ERR_INIT;

		file = yml_read(chosen, &cause);
		if (!file) {
			/* Whether it is missing or broken: to the operator it is the configuration.
			 */
			err_set(err, E_invalid_config,
				cause.code == E_storage_error ? "config" : cause.param, "%s",
				cause.message);
			goto out;
		}
	}
	c = read_places(file, environment, flags, flag_count, faulty, err);
	c->path = chosen;
	chosen = NULL;
	if (c->path)
		warn_of_readers(c);
out:
	mem_free(chosen);
	return c;
}

struct config *config_load(const char *path, char *const *environment,
			   const struct config_flag *flags, size_t flag_count, struct err *err)
{
	bool faulty;
	struct config *c = config_draft(path, environment, flags, flag_count, &faulty, err);

	if (!faulty)
		return c;
	config_free(c);
	return NULL;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		config_clear_value(c, &config_table[i]);
	config_backends_free(c);
	yml_free(c->file);
	mem_free(c->path);
	mem_free(c);
}

/* Places */

char *config_data_path(const struct config *c, const char *name, struct err *err)
{
	char *path;

	if (*c->data_dir)
		return *name ? mem_printf("%s/%s", c->data_dir, name) : mem_strdup(c->data_dir);
	path = file_place(FILE_DATA, name);
	if (!path)
		err_set(err, E_invalid_config, "data_dir",
			"there is no home directory to keep data in; set data_dir");
	return path;
}

char *config_database_path(const struct config *c, struct err *err)
{
	return *c->database ? mem_strdup(c->database) : config_data_path(c, CONFIG_DATABASE_NAME, err);
}

char *config_indices_path(const struct config *c, struct err *err)
{
	return config_data_path(c, "rag", err);
}

char *config_secret_path(const char *value, struct err *err)
{
	static const char prefix[] = "credential:";
	const char *directory = env_get("CREDENTIALS_DIRECTORY"), *name = value + sizeof prefix - 1;

	if (strncmp(value, prefix, sizeof prefix - 1) != 0)
		return mem_strdup(value);
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) {
		err_set(err, E_invalid_config, "",
			"%s: what follows credential: is a plain file name", value);
		return NULL;
	}
	if (!directory || directory[0] != '/') {
		err_set(err, E_invalid_config, "",
			"%s: there is no $CREDENTIALS_DIRECTORY; systemd sets it for "
			"LoadCredential=",
			value);
		return NULL;
	}
	return mem_printf("%s/%s", directory, name);
}
