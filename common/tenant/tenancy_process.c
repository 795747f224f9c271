/*
 * common/tenant/tenancy_process.c - what the process says of tenants' settings: the environment's
 * SPASS_<KEY>, else the constants of setting.def; of what it shares with config.def, that.
 */
#include "common/base/mem.h"
#include "common/tenant/reading.h"
#include "common/tenant/tenancy_inside.h"

enum { VARIABLE_SIZE = 64 };

static void name_variable(const struct setting_info *s, char out[VARIABLE_SIZE])
{
	int len = snprintf(out, VARIABLE_SIZE, "SPASS_%s", s->key);

	for (int i = 0; i < len && i < VARIABLE_SIZE - 1; i++)
		if (out[i] >= 'a' && out[i] <= 'z')
			out[i] = (char)(out[i] - 'a' + 'A');
}

/* NULL: not set, or empty. */
static const char *find_variable(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return (*environment)[len + 1] ? *environment + len + 1 : NULL;
	return NULL;
}

static int read_variable(struct tenancy *t, const struct setting_info *s, char *const *environment,
			 struct err *err)
{
	struct err cause = ERR_INIT;
	char name[VARIABLE_SIZE];
	const char *text;
	json_t *value;

	name_variable(s, name);
	text = find_variable(environment, name);
	if (!text)
		return 0;
	value = setting_of_text(s, span_str(text));
	if (setting_check(s, value, "", &cause) < 0) {
		json_decref(value);
		return err_set(err, E_invalid_config, s->key, "%s in the environment: %s", name,
			       cause.message);
	}
	json_decref(t->process[s - setting_table]);
	t->process[s - setting_table] = value;
	return 0;
}

int tenancy_read_process(struct tenancy *t, char *const *environment, struct err *err)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting_info *s = &setting_table[i];

		t->process[i] = setting_default(s);
		if (s->group != SETTING_GROUP_A && s->type != SETTING_TOKEN && !s->config &&
		    read_variable(t, s, environment, err) < 0)
			return -1;
	}
	return 0;
}

void tenancy_take_config(struct tenancy *t, const struct config *config)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (!setting_table[i].config)
			continue;
		json_decref(t->process[i]);
		t->process[i] = setting_of_config(&setting_table[i], config);
	}
}

void tenancy_free_process(struct tenancy *t)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		json_decref(t->process[i]);
}

const json_t *tenancy_process(const struct tenancy *t, enum setting_key key)
{
	return t->process[key];
}

static int take_list(const struct tenancy *t, const struct tenant *tenant, enum setting_key key,
		     struct config_list *list, struct err *err)
{
	struct reading r = { .err = err };

	if (tenant->settings[key])
		return 0;
	return read_names(&r, NULL, t->process[key], list);
}

int tenancy_take_lists(struct tenancy *t, struct err *err)
{
	for (size_t i = 0; i < t->tenant_count; i++) {
		struct tenant *row = &t->tenants[i];

		if (take_list(t, row, SETTING_KEY_models_allowlist, &row->models_allowlist, err) < 0 ||
		    take_list(t, row, SETTING_KEY_models_blacklist, &row->models_blacklist, err) < 0)
			return -1;
		if (row->models_allowlist.count > 0 && row->models_blacklist.count > 0)
			return err_set(err, E_invalid_config, "models_blacklist",
				       "the tenant %s has both models_allowlist and models_blacklist, of "
				       "its defaults and of the environment; only one of them may be set",
				       row->id);
	}
	return 0;
}
