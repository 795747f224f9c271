/* tests/unit/test_cascade.c - settings of tenants: their table, what it takes, and the levels. */
#include "common/tenant/cascade.h"

#include "common/base/log.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static json_t *json_of(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!value)
		fail_msg("no JSON: %s", text);
	return value;
}

static void every_row_has_a_default_that_it_takes(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting_info *s = &setting_table[i];
		json_t *value = setting_default(s);
		struct err err = ERR_INIT;

		assert_non_null(value);
		assert_ptr_equal(setting_find(span_str(s->key)), s);
		assert_true(strlen(setting_help(s)) > 10);
		assert_int_not_equal(setting_help(s)[strlen(setting_help(s)) - 1], '.');
		if (s->type == SETTING_TOKEN)
			assert_int_equal(s->group, SETTING_GROUP_B);
		else if (s->type == SETTING_MODELS)
			assert_int_equal(s->group, SETTING_GROUP_A);
		else if (setting_check(s, value, "", &err) < 0)
			fail_msg("%s: %s", s->key, err.message);
		json_decref(value);
	}
	assert_null(setting_find(SPAN_LIT("Memory_inject")));
	assert_null(setting_find(SPAN_LIT("")));
	assert_ptr_equal(setting_find(SPAN_LIT("constraints.models")),
			 &setting_table[SETTING_KEY_constraints]);
	assert_string_equal(setting_near(SPAN_LIT("memory_injekt")), "memory_inject");
}

static void values_are_taken_or_refused_by_their_row(void **state)
{
	static const struct {
		const char *key, *json;
		bool is_taken;
	} cases[] = {
		{ "memory_inject", "true", true },
		{ "memory_inject", "1", false },
		{ "memory_inject", "\"true\"", false },
		{ "memory_inject", "null", false },
		{ "compaction_threshold_pct", "10", true },
		{ "compaction_threshold_pct", "95", true },
		{ "compaction_threshold_pct", "9", false },
		{ "compaction_threshold_pct", "96", false },
		{ "compaction_threshold_pct", "80.0", false },
		{ "compaction_threshold_pct", "9223372036854775807", false },
		{ "compaction_keep_last", "0", true },
		{ "compaction_keep_last", "-1", false },
		{ "cost_markup_factor", "1", true },
		{ "cost_markup_factor", "0", true },
		{ "cost_markup_factor", "1.175", true },
		{ "cost_markup_factor", "-0.1", false },
		{ "cost_markup_factor", "1000.5", false },
		{ "cost_markup_factor", "\"1\"", false },
		{ "compaction_model", "\"\"", true },
		{ "compaction_model", "\"openai/gpt-4.1:x\"", true },
		{ "compaction_model", "\"a b\"", false },
		{ "compaction_model", "null", false },
		{ "image_gen_model", "\"gpt-image\"", true },
		{ "image_gen_model", "\"gpt\"", false },
		{ "image_gen_model", "\"\"", false },
		{ "image_gen_model", "\"image-gen|gpt-image\"", false },
		{ "image_gen_model", "[]", false },
		{ "server_tools_allowlist", "null", true },
		{ "server_tools_allowlist", "[]", true },
		{ "server_tools_allowlist", "[\"web_fetch\",\"calculator\"]", true },
		{ "server_tools_allowlist", "[\"web_fetch\",\"web_fetch\"]", false },
		{ "server_tools_allowlist", "[\"rm\"]", false },
		{ "server_tools_allowlist", "[1]", false },
		{ "server_tools_allowlist", "\"web_fetch\"", false },
		{ "models_allowlist", "[\"chat\",\"qwen-*\"]", true },
		{ "models_allowlist", "[\"*-qwen\"]", false },
		{ "models_allowlist", "[\"\"]", false },
		{ "models_allowlist", "null", false },
		{ "ALLOWED_MODELS", "[]", false },
		{ "MAX_BYTES_PER_BUCKET", "16385", false },
		{ "secret", "\"x\"", false },
		{ "extra_scopes", "[]", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *value = json_of(cases[i].json);
		struct err err = ERR_INIT;
		int result = setting_check(setting_find(span_str(cases[i].key)), value, "body.x", &err);

		if ((result == 0) != cases[i].is_taken)
			fail_msg("%s = %s: %s", cases[i].key, cases[i].json, err.message);
		if (result < 0) {
			assert_int_equal(err.code, E_invalid_field);
			assert_string_equal(err.param, "body.x");
		}
		json_decref(value);
	}
}

static void texts_mean_what_their_row_takes(void **state)
{
	static const struct {
		const char *key, *text, *json;
	} cases[] = {
		{ "memory_inject", "yes", "true" },
		{ "memory_inject", " OFF ", "false" },
		{ "memory_inject", "maybe", "\"maybe\"" },
		{ "compaction_threshold_pct", "70", "70" },
		{ "compaction_threshold_pct", "70%", "\"70%\"" },
		{ "cost_markup_factor", "1.2", "1.2" },
		{ "compaction_model", "", "\"\"" },
		{ "compaction_model", "true", "\"true\"" },
		{ "models_allowlist", "a, b*", "[\"a\",\"b*\"]" },
		{ "models_allowlist", "", "[]" },
		{ "models_allowlist", "[\"a\"]", "[\"a\"]" },
		{ "server_tools_allowlist", "null", "null" },
		{ "server_tools_allowlist", "calculator", "[\"calculator\"]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *want = json_of(cases[i].json);
		json_t *is = setting_of_text(setting_find(span_str(cases[i].key)),
					     span_str(cases[i].text));

		if (!json_equal(want, is))
			fail_msg("%s: %s", cases[i].key, cases[i].text);
		json_decref(want);
		json_decref(is);
	}
}

static struct tenancy *tenancy_with(const char *text, char *const *environment, struct err *err)
{
	struct yml *file = yml_parse(span_str(text), "tokens.yaml", err);
	struct tenancy *t = file ? tenancy_of(file, environment, err) : NULL;

	yml_free(file);
	return t;
}

static void faults_of_files_and_environment_say_where(void **state)
{
	static const struct {
		const char *line, *variable, *message;
	} cases[] = {
		{ "memory_injekt: true", NULL, "tokens.yaml:4: tenants[0].defaults.memory_injekt: "
					       "is no setting of tenants; did you mean memory_inject?" },
		{ "memory_inject: 3", NULL,
		  "tokens.yaml:4: tenants[0].defaults.memory_inject: must be true or false" },
		{ "compaction_threshold_pct: 99", NULL,
		  "tokens.yaml:4: tenants[0].defaults.compaction_threshold_pct: must be a whole number "
		  "from 10 to 95" },
		{ "ALLOWED_MODELS: []", NULL,
		  "tokens.yaml:4: tenants[0].defaults.ALLOWED_MODELS: is fixed in code" },
		{ "extra_scopes: []", NULL,
		  "tokens.yaml:4: tenants[0].defaults.extra_scopes: belongs to a token" },
		{ "memory_inject: true", "SPASS_COMPACTION_KEEP_LAST=51",
		  "SPASS_COMPACTION_KEEP_LAST in the environment: must be a whole number from 0 to 50" },
		{ "models_blacklist: [b]", "SPASS_MODELS_ALLOWLIST=a",
		  "the tenant acme has both models_allowlist and models_blacklist" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char variable[64], *const environment[] = { variable, NULL };
		struct err err = ERR_INIT;
		char text[256];

		snprintf(variable, sizeof variable, "%s", cases[i].variable ? cases[i].variable : "A=b");
		snprintf(text, sizeof text, "tenants:\n  - id: acme\n    defaults:\n      %s\n",
			 cases[i].line);
		assert_null(tenancy_with(text, environment, &err));
		assert_int_equal(err.code, E_invalid_config);
		if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("%s", err.message);
	}
}

static struct tenant_config row_of(const char *tenant, const char *key, const char *value)
{
	return (struct tenant_config){ span_str(tenant), span_str(key), span_str(value),
				       SPAN_LIT("admin"), 7 };
}

static const char levels[] = "tenants:\n"
			     "  - id: acme\n"
			     "    defaults: { compaction_keep_last: 8, rag_default_top_k: 9,\n"
			     "                cost_markup_factor: 1.15 }\n"
			     "  - id: other\n";

static void the_highest_level_that_has_a_key_wins(void **state)
{
	char variable[] = "SPASS_RAG_DEFAULT_TOP_K=7", list[] = "SPASS_MODELS_ALLOWLIST=chat,qwen*";
	char *const environment[] = { variable, list, NULL };
	const struct tenant_config row = row_of("acme", "rag_default_top_k", "11");
	const struct tenant_config tools = row_of("acme", "server_tools_allowlist", "[\"web_fetch\"]");
	struct err err = ERR_INIT;
	struct tenancy *t = tenancy_with(levels, environment, &err);
	struct cascade *c = cascade_new();
	struct settings acme, other;

	(void)state;
	assert_non_null(t);
	cascade_load(c, &row);
	cascade_load(c, &tools);
	acme = cascade_of(c, t, tenancy_find(t, SPAN_LIT("acme")));
	other = cascade_of(c, t, tenancy_find(t, SPAN_LIT("other")));
	assert_int_equal(settings_int(&acme, SETTING_KEY_rag_default_top_k), 11);
	assert_int_equal(settings_get(&acme, SETTING_KEY_rag_default_top_k).source, SOURCE_DB);
	assert_int_equal(settings_get(&acme, SETTING_KEY_rag_default_top_k).updated_ms, 7);
	assert_string_equal(settings_get(&acme, SETTING_KEY_rag_default_top_k).updated_by, "admin");
	assert_int_equal(settings_int(&acme, SETTING_RESERVED_compaction_keep_last), 8);
	assert_int_equal(settings_get(&acme, SETTING_RESERVED_compaction_keep_last).source, SOURCE_YAML);
	assert_int_equal(settings_markup_micros(&acme), 1150000);
	assert_int_equal(settings_int(&other, SETTING_KEY_rag_default_top_k), 7);
	assert_int_equal(settings_get(&other, SETTING_KEY_rag_default_top_k).source, SOURCE_PROCESS);
	assert_int_equal(settings_int(&other, SETTING_RESERVED_compaction_keep_last), 6);
	assert_int_equal(settings_markup_micros(&other), 1000000);
	assert_string_equal(settings_text(&other, SETTING_RESERVED_image_gen_model), "image-gen");
	assert_true(settings_bool(&other, SETTING_KEY_memory_inject));
	assert_true(tenancy_admits_model(other.tenant, NULL, SPAN_LIT("qwen3")));
	assert_false(tenancy_admits_model(other.tenant, NULL, SPAN_LIT("gpt")));
	cascade_unref(c);
	tenancy_free(t);
}

static struct overrides *overrides_with(const char *tenant, uint64_t version, const char *value)
{
	const struct tenant_config row = row_of(tenant, "compaction_keep_last", value);
	struct overrides *o = overrides_new(span_str(tenant), version);

	overrides_add(o, &row);
	return o;
}

static int64_t keep_of(const struct cascade *c, const struct tenancy *t, const char *tenant)
{
	const struct settings s = cascade_of(c, t, tenancy_find(t, span_str(tenant)));

	return settings_int(&s, SETTING_RESERVED_compaction_keep_last);
}

static void a_change_makes_another_and_an_older_one_nothing(void **state)
{
	struct err err = ERR_INIT;
	struct tenancy *t = tenancy_with(levels, NULL, &err);
	struct overrides *second = overrides_with("other", 2, "20"),
			 *first = overrides_with("other", 1, "10"), *third = overrides_new(SPAN_LIT("other"), 3),
			 *acme = overrides_with("acme", 1, "30");
	struct cascade *none = cascade_new(), *two = cascade_with(none, second), *both, *dropped;

	(void)state;
	assert_non_null(two);
	assert_null(cascade_with(two, first));
	assert_null(cascade_with(two, second));
	both = cascade_with(two, acme);
	dropped = cascade_with(both, third);
	assert_int_equal(keep_of(none, t, "other"), 6);
	assert_int_equal(keep_of(two, t, "other"), 20);
	assert_int_equal(keep_of(two, t, "acme"), 8);
	assert_int_equal(keep_of(both, t, "acme"), 30);
	assert_int_equal(keep_of(both, t, "other"), 20);
	assert_int_equal(keep_of(dropped, t, "other"), 6);
	assert_int_equal(keep_of(dropped, t, "acme"), 30);
	overrides_unref(first);
	overrides_unref(second);
	overrides_unref(third);
	overrides_unref(acme);
	cascade_unref(none);
	cascade_unref(two);
	cascade_unref(both);
	cascade_unref(dropped);
	tenancy_free(t);
}

static void rows_of_another_version_are_left_out(void **state)
{
	static const char *const rows[][2] = {
		{ "not_a_key", "1" },        { "compaction_keep_last", "99" },
		{ "compaction_auto", "tru" }, { "cost_markup_factor", "2" },
		{ "MAX_BYTES_PER_BUCKET", "1" },
	};
	struct err err = ERR_INIT;
	struct tenancy *t = tenancy_with(levels, NULL, &err);
	struct overrides *o = overrides_new(SPAN_LIT("other"), 1);
	const struct settings s = { t, NULL, o };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct tenant_config row = row_of("other", rows[i][0], rows[i][1]);

		overrides_add(o, &row);
	}
	for (size_t i = 0; i < SETTING_COUNT; i++)
		assert_int_equal(settings_get(&s, (enum setting_key)i).source, SOURCE_PROCESS);
	overrides_unref(o);
	tenancy_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_a_default_that_it_takes),
		cmocka_unit_test(values_are_taken_or_refused_by_their_row),
		cmocka_unit_test(texts_mean_what_their_row_takes),
		cmocka_unit_test(faults_of_files_and_environment_say_where),
		cmocka_unit_test(the_highest_level_that_has_a_key_wins),
		cmocka_unit_test(a_change_makes_another_and_an_older_one_nothing),
		cmocka_unit_test(rows_of_another_version_are_left_out),
	};

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
