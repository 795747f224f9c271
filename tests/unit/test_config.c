/* tests/unit/test_config.c - the four places of a setting, and every way to get one wrong. */
#include "common/config/config.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct config *from_text(const char *text, char *const *environment,
				const struct config_flag *flags, size_t count, struct err *err)
{
	struct yml *file = NULL;

	if (text) {
		file = yml_parse(span_str(text), "spass.yaml", err);
		if (!file)
			return NULL;
	}
	return config_new(file, environment, flags, count, err);
}

static struct config *good_from(const char *text, char *const *environment, const struct config_flag *flags,
				size_t count)
{
	struct err err = ERR_INIT;
	struct config *c = from_text(text, environment, flags, count, &err);

	if (!c) {
		fail_msg("%s: %s", text, err.message);
		abort(); /* the compiler does not know that it never comes here */
	}
	return c;
}

static struct config *good(const char *text)
{
	return good_from(text, NULL, NULL, 0);
}

static void defaults_are_those_of_the_table(void **state)
{
	struct config *c = good(NULL);

	(void)state;
	assert_int_equal(c->listen.count, 1);
	assert_string_equal(c->listen.items[0], "127.0.0.1:3000");
	assert_int_equal(c->max_body_bytes, 32 * MIB);
	assert_int_equal(c->first_byte_timeout, 300000);
	assert_string_equal(c->log_level, "info");
	assert_string_equal(c->token, "");
	assert_true(c->auth);
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		assert_int_equal(c->origins[i], CONFIG_DEFAULT);
	assert_null(c->file);
	config_free(c);
}

static void reads_each_kind_from_the_file(void **state)
{
	struct config *c = good("listen: [\"127.0.0.1:8080\", \"unix:/tmp/a b\"]\n"
				"workers: 4\n"
				"auth: no\n"
				"idle_timeout: 90\n"
				"head_timeout: 1500ms\n"
				"max_body_bytes: 512k\n"
				"audit_max_bytes: 100MB\n"
				"log_level: debug\n"
				"default_model: \"llama\"\n"
				"cors_origins: https://a.example, https://b.example\n");

	(void)state;
	assert_int_equal(c->listen.count, 2);
	assert_string_equal(c->listen.items[1], "unix:/tmp/a b");
	assert_int_equal(c->workers, 4);
	assert_false(c->auth);
	assert_int_equal(c->idle_timeout, 90000);
	assert_int_equal(c->head_timeout, 1500);
	assert_int_equal(c->max_body_bytes, 512 * 1024);
	assert_int_equal(c->audit_max_bytes, 100000000);
	assert_string_equal(c->log_level, "debug");
	assert_string_equal(c->default_model, "llama");
	assert_int_equal(c->cors_origins.count, 2);
	assert_string_equal(c->cors_origins.items[1], "https://b.example");
	assert_int_equal(c->origins[CONFIG_KEY_workers], CONFIG_FILE);
	assert_int_equal(c->origins[CONFIG_KEY_retries], CONFIG_DEFAULT);
	config_free(c);
}

static void flags_beat_environment_beats_file(void **state)
{
	char workers[] = "SPASS_WORKERS=3", level[] = "SPASS_LOG_LEVEL=warn",
	     empty[] = "SPASS_RETRIES=", other[] = "SPASS_WORKERSX=9";
	char *const environment[] = { other, workers, level, empty, NULL };
	const struct config_flag flags[] = { { "log_level", "error" },
					     { "listen", "127.0.0.1:0,[::1]:0" } };
	struct config *c = good_from("workers: 2\nlog_level: debug\nretries: 7\nlisten: ['127.0.0.1:9']\n",
				     environment, flags, ARRAY_LEN(flags));

	(void)state;
	assert_int_equal(c->workers, 3);
	assert_int_equal(c->origins[CONFIG_KEY_workers], CONFIG_ENVIRONMENT);
	assert_string_equal(c->log_level, "error");
	assert_int_equal(c->origins[CONFIG_KEY_log_level], CONFIG_FLAG);
	assert_int_equal(c->retries, 7);
	assert_int_equal(c->listen.count, 2);
	assert_string_equal(c->listen.items[1], "[::1]:0");
	config_free(c);
}

static void the_old_token_variable_is_an_alias_that_loses(void **state)
{
	char alias[] = "RUST_API_BEARER=old", own[] = "SPASS_TOKEN=new";
	char *const both[] = { own, alias, NULL }, *const one[] = { alias, NULL };
	struct err err = ERR_INIT;
	struct config *c = from_text(NULL, one, NULL, 0, &err);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->token, "old");
	config_free(c);
	c = from_text(NULL, both, NULL, 0, &err);
	assert_non_null(c);
	assert_string_equal(c->token, "new");
	config_free(c);
}

static void sizes_are_read_by_their_units(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1 = refused */
	} cases[] = {
		{ "0", 0 },
		{ "1000", 1000 },
		{ "512k", 524288 },
		{ "512K", 524288 },
		{ "1KiB", 1024 },
		{ "1kB", 1000 },
		{ "32MiB", 33554432 },
		{ "32 MiB", 33554432 },
		{ "2mb", 2000000 },
		{ "1G", 1073741824 },
		{ "1TiB", 1099511627776 },
		{ "7b", 7 },
		{ "", -1 },
		{ "MiB", -1 },
		{ "1.5M", -1 },
		{ "-1", -1 },
		{ "1 X", -1 },
		{ "1MM", -1 },
		{ "9223372036854775807k", -1 },
		{ "99999999999999999999", -1 },
		{ "0x10", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t bytes = -1;
		int result = config_bytes(span_str(cases[i].text), &bytes);

		assert_int_equal(result, cases[i].bytes < 0 ? -1 : 0);
		if (result == 0)
			assert_int_equal(bytes, cases[i].bytes);
	}
}

static void reads_backends(void **state)
{
	struct config *c = good("backends:\n"
				"  gpu1:\n"
				"    base_url: http://10.0.0.1:8000/v1\n"
				"    key_env: GPU_KEY\n"
				"    first_byte_timeout: 10m\n"
				"  openrouter:\n"
				"    disabled: true\n"
				"    key_file: credential:openrouter\n"
				"  ollama:\n"
				"models:\n");
	const struct config_backend *b = c->backends;

	(void)state;
	assert_int_equal(c->backend_count, 3);
	assert_string_equal(b[0].name, "gpu1");
	assert_null(b[0].provider);
	assert_string_equal(b[0].base_url, "http://10.0.0.1:8000/v1");
	assert_string_equal(b[0].key_env, "GPU_KEY");
	assert_int_equal(b[0].first_byte_timeout, 600000);
	assert_int_equal(b[0].total_timeout, 0);
	assert_false(b[0].disabled);
	assert_null(b[1].provider);
	assert_true(b[1].disabled);
	assert_string_equal(b[1].key_file, "credential:openrouter");
	assert_null(b[2].provider);
	config_free(c);
}

/* Each with the words that its message must contain. */
static void faults_name_place_and_remedy(void **state)
{
	static const struct {
		const char *text;
		const char *words[3];
	} cases[] = {
		{ "lisen: [\"127.0.0.1:1\"]",
		  { "spass.yaml:1: lisen:", "unknown setting", "did you mean listen?" } },
		{ "workers: 2\nlog-level: debug",
		  { "spass.yaml:2: log-level:", "did you mean log_level?" } },
		{ "frobnicate: 1", { "spass.yaml:1: frobnicate: unknown setting" } },
		{ "workers: many", { "spass.yaml:1: workers:", "whole number from 0 to 256" } },
		{ "workers: 257", { "\"257\"", "from 0 to 256" } },
		{ "workers: -1", { "from 0 to 256" } },
		{ "workers: [1]", { "single value (integer)" } },
		{ "workers:", { "workers: has no value" } },
		{ "auth: maybe", { "auth:", "not true or false" } },
		{ "max_body_bytes: lots", { "not a size such as" } },
		{ "max_body_bytes: 1", { "outside 1024 to 1073741824 bytes" } },
		{ "head_timeout: soon", { "not a duration such as" } },
		{ "head_timeout: 1ms", { "outside 100ms to 10m" } },
		{ "log_level: loud", { "not one of error|warn|info|debug" } },
		{ "default_model: 7", { "must be a text; put it in quotes" } },
		{ "listen: [3000]", { "\"3000\" is a port alone; write :PORT" } },
		{ "listen: 3000", { "\"3000\" is a port alone; write :PORT" } },
		{ "listen: \"3000\"", { "\"3000\" is a port alone; write :PORT" } },
		{ "listen: 70000", { "not HOST:PORT" } },
		{ "listen: [true]", { "item 1 is not a text" } },
		{ "cors_origins: [3000]", { "item 1 is not a text" } },
		{ "cors_origins: 3000", { "must be a text; put it in quotes" } },
		{ "listen: localhost", { "not HOST:PORT" } },
		{ "listen: \"localhost:http\"", { "no port" } },
		{ "listen: \"localhost:65536\"", { "no port" } },
		{ "listen: \"::1:80\"", { "without brackets" } },
		{ "listen: \"http://a:80\"", { "is a URL" } },
		{ "listen: \"unix:sock\"", { "absolute path" } },
		{ "data_dir: \"a\\tb\"", { "control character" } },
		{ "tls_certificate: /nowhere/c.pem",
		  { "needs tls_key too", "cannot read /nowhere/c.pem" } },
		{ "tls_key: /nowhere/k.pem", { "needs tls_certificate too" } },
		{ "models: { a: 1 }", { "models: must be a list" } },
		{ "backends: 7", { "backends: must be a mapping" } },
		{ "backends: {A: {}}", { "\"A\" is not a name" } },
		{ "backends: {a: 1}", { "a: a backend is a mapping" } },
		{ "backends:\n  a:\n    api_key: hush",
		  { "spass.yaml:3: backends.a.api_key:", "key_env", "key_file" } },
		{ "backends:\n  a:\n    Token: hush", { "keys are not kept in this file" } },
		{ "backends: {a: {base_ur: x}}", { "did you mean base_url?" } },
		{ "backends: {a: {base_url: 'ftp://x'}}", { "must begin with http://" } },
		{ "backends: {a: {base_url: 'http://'}}", { "must begin with http://" } },
		{ "backends: {a: {key_env: sk-hush}}",
		  { "name of an environment variable, not the key" } },
		{ "backends: {a: {key_env: A, key_file: /b}}", { "one is enough" } },
		{ "backends: {a: {disabled: 3}}", { "true or false" } },
		{ "backends: {a: {total_timeout: 1ms}}",
		  { "backends.a.total_timeout:", "outside 10ms to 1d" } },
		{ "backends: {a: {provider: [x]}}", { "must be a text" } },
		{ "- a", { "mapping of settings" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct config *c = from_text(cases[i].text, NULL, NULL, 0, &err);

		if (c)
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(err.code, E_invalid_config);
		for (size_t w = 0; w < ARRAY_LEN(cases[i].words) && cases[i].words[w]; w++)
			if (!strstr(err.message, cases[i].words[w]))
				fail_msg("%s: no \"%s\" in: %s", cases[i].text, cases[i].words[w],
					 err.message);
		assert_null(strstr(err.message, "hush"));
	}
}

static void faults_of_environment_and_flags_name_them(void **state)
{
	char bad[] = "SPASS_WORKERS=x";
	char *const environment[] = { bad, NULL };
	const struct config_flag flags[] = { { "log_level", "loud" }, { "log_format", "xml" } };
	struct err err = ERR_INIT;

	(void)state;
	assert_null(from_text(NULL, environment, flags, ARRAY_LEN(flags), &err));
	assert_non_null(strstr(err.message, "SPASS_WORKERS: workers:"));
	assert_non_null(strstr(err.message, "\n--log-level: log_level:"));
	assert_non_null(strstr(err.message, "\n--log-format: log_format:"));
	assert_string_equal(err.param, "workers");
}

static void many_faults_are_counted_when_there_is_no_room(void **state)
{
	struct err err = ERR_INIT;
	struct buf text;
	unsigned more = 0;

	(void)state;
	buf_init(&text, 4096);
	for (int i = 0; i < 50; i++)
		buf_printf(&text, "unknown_number_%d: 1\n", i);
	assert_null(from_text(buf_str(&text), NULL, NULL, 0, &err));
	buf_free(&text);
	assert_string_equal(err.param, "unknown_number_0");
	const char *tail = strrchr(err.message, '\n');

	assert_non_null(tail);
	assert_int_equal(sscanf(tail, "\nand %u more", &more), 1);
	assert_in_range(more, 30, 48);
}

static void shows_values_with_their_origin_and_no_secret(void **state)
{
	char token[] = "SPASS_TOKEN=hush-hush", place[] = "SPASS_DATA_DIR=/srv/spass";
	char *const environment[] = { token, place, NULL };
	struct err err = ERR_INIT;
	struct config *c = from_text(
		"workers: 2\nhead_timeout: 1500ms\n"
		"backends: {a: {base_url: 'http://x/v1', connect_timeout: 2s, disabled: true,\n"
		"  proxy: 'http://me:hush-p@ss@gate:3128/a@b'}, b: {proxy: 'me:hush@gate'}}\n",
		environment, NULL, 0, &err);
	struct buf out;

	(void)state;
	assert_non_null(c);
	buf_init(&out, 64 * KIB);
	assert_int_equal(config_show(c, false, &out), 0);
	static const char *const lines[] = {
		"listen = 127.0.0.1:3000 (default)\n",
		"workers = 2 (file)\n",
		"token = (set) (environment)\n",
		"head_timeout = 1500ms (file)\n",
		"first_byte_timeout = 5m (default)\n",
		"max_body_bytes = 32MiB (default)\n",
		"\ndata_dir = /srv/spass (environment)\n",
		"\ntoken_file = /srv/spass/token (default)\n",
		"\ndatabase = /srv/spass/spass.db (default)\n",
		"\ntls_key = \"\" (default)\n",
		"\ncors_origins = \"\" (default)\n",
		"backends.a.base_url = http://x/v1 (file)\n",
		"backends.a.connect_timeout = 2s (file)\n",
		"backends.a.disabled = true (file)\n",
		"backends.a.proxy = http://(set)@gate:3128/a@b (file)\n",
		"backends.b.proxy = (set)@gate (file)\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (!strstr(buf_str(&out), lines[i]))
			fail_msg("no line %s", lines[i]);
	assert_null(strstr(buf_str(&out), "hush"));
	assert_null(strstr(buf_str(&out), "provider")); /* the file names none */
	buf_clear(&out);
	assert_int_equal(config_show(c, true, &out), 0);
	assert_non_null(strstr(buf_str(&out), "head_timeout = 1500ms (file)\n"));
	assert_non_null(strstr(buf_str(&out), "backends.b.proxy = (set)@gate (file)\n"));
	assert_null(strstr(buf_str(&out), "(default)"));
	buf_free(&out);
	config_free(c);
}

static void json_has_every_setting_once_and_no_secret(void **state)
{
	char token[] = "SPASS_TOKEN=hush-hush", odd[] = "SPASS_DATABASE=\xff";
	char *const environment[] = { token, odd, NULL };
	struct err err = ERR_INIT;
	struct config *c =
		from_text("backends: {a: {provider: ollama, proxy: 'socks5h://u:hush@h'}}\n",
			  environment, NULL, 0, &err);
	json_t *all;
	char *text;

	(void)state;
	assert_non_null(c);
	all = config_json(c);
	assert_int_equal(json_object_size(all), CONFIG_KEY_COUNT + 3);
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		const json_t *row = json_object_get(all, config_table[i].name);

		assert_non_null(json_object_get(row, "value"));
		assert_string_equal(json_string_value(json_object_get(row, "origin")),
				    config_origin_name(c->origins[i]));
	}
	text = json_dumps(all, JSON_SORT_KEYS);
	assert_non_null(text);
	assert_null(strstr(text, "hush"));
	assert_non_null(strstr(text, "\"provider\": \"ollama\""));
	free(text);
	json_decref(all);
	config_free(c);
}

static void every_row_has_a_help_line_and_a_variable(void **state)
{
	char name[CONFIG_ENVIRONMENT_SIZE];

	(void)state;
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_info *info = &config_table[i];

		assert_true(strlen(info->help) > 10);
		assert_ptr_equal(config_find(span_str(info->name)), info);
		config_environment_name(info, name);
		assert_true(span_starts(span_str(name), "SPASS_"));
		assert_int_equal(strlen(name), strlen(info->name) + 6);
		assert_null(strpbrk(name, "abcdefghijklmnopqrstuvwxyz"));
	}
}

static char *scratch(const char *name)
{
	static char directory[] = "/tmp/spass-config-XXXXXX";
	static bool made;

	if (!made)
		made = mkdtemp(directory) != NULL;
	return name ? mem_printf("%s/%s", directory, name) : mem_strdup(directory);
}

static void finds_its_file(void **state)
{
	char *config_home = scratch(NULL), *directory = scratch("spass"),
	     *own = scratch("spass/spass.yaml"), *named = scratch("named.yaml"),
	     *missing = scratch("missing.yaml");
	char *variable = mem_printf("SPASS_CONFIG=%s", named);
	char *const environment[] = { variable, NULL };
	struct err err = ERR_INIT;
	struct config *c;

	(void)state;
	assert_int_equal(file_make_dirs(directory, &err), 0);
	assert_int_equal(file_write(own, SPAN_LIT("workers: 5\n"), &err), 0);
	assert_int_equal(file_write(named, SPAN_LIT("workers: 6\n"), &err), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", config_home, 1), 0);

	c = config_load(NULL, NULL, NULL, 0, &err);
	assert_non_null(c);
	assert_int_equal(c->workers, 5);
	assert_string_equal(c->path, own);
	config_free(c);
	c = config_load(NULL, environment, NULL, 0, &err);
	assert_non_null(c);
	assert_int_equal(c->workers, 6);
	config_free(c);
	c = config_load(own, environment, NULL, 0, &err);
	assert_non_null(c);
	assert_int_equal(c->workers, 5);
	config_free(c);
	assert_null(config_load(missing, environment, NULL, 0, &err));
	assert_int_equal(err.code, E_invalid_config);
	assert_non_null(strstr(err.message, "missing.yaml"));

	/* What leads nowhere, or cannot be got at, is not silently left out. */
	unlink(own);
	assert_int_equal(symlink("nowhere", own), 0);
	assert_null(config_load(NULL, NULL, NULL, 0, &err));
	assert_int_equal(err.code, E_invalid_config);
	assert_non_null(strstr(err.message, own));
	unlink(own);
	rmdir(directory);
	for (int to_itself = 0; to_itself < 2; to_itself++) {
		assert_int_equal(symlink(to_itself ? "spass" : "nowhere", directory), 0);
		err_clear(&err);
		assert_null(config_load(NULL, NULL, NULL, 0, &err));
		assert_int_equal(err.code, E_invalid_config);
		assert_non_null(strstr(err.message, own));
		unlink(directory);
	}
	c = config_load(NULL, NULL, NULL, 0, &err);
	assert_non_null(c);
	config_free(c);

	unlink(named);
	rmdir(config_home);
	mem_free(config_home);
	mem_free(directory);
	mem_free(own);
	mem_free(named);
	mem_free(missing);
	mem_free(variable);
}

static void secrets_may_be_systemd_credentials(void **state)
{
	static const char *const refused[] = { "credential:", "credential:../x", "credential:.." };
	struct err err = ERR_INIT;
	char *path;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	path = config_secret_path("/etc/key", &err);
	assert_string_equal(path, "/etc/key");
	mem_free(path);
	assert_null(config_secret_path("credential:key", &err));
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
	path = config_secret_path("credential:key", &err);
	assert_string_equal(path, "/run/credentials/x/key");
	mem_free(path);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		assert_null(config_secret_path(refused[i], &err));
}

static void a_reload_keeps_what_needs_a_restart(void **state)
{
	struct config *running = good("listen: [':1', ':2']\nauth: true\nretries: 1\ndata_dir: /a\n");
	struct config *next = good("listen: [':1']\nauth: false\nretries: 2\ndata_dir: /a\ndatabase: /b\n");
	struct buf names;

	(void)state;
	buf_init(&names, 256);
	config_keep_started(next, running, &names);
	assert_string_equal(buf_str(&names), "listen, database, auth");
	assert_int_equal(next->listen.count, 2);
	assert_string_equal(next->listen.items[1], ":2");
	assert_true(next->listen.items != running->listen.items);
	assert_string_equal(next->database, "");
	assert_int_equal(next->origins[CONFIG_KEY_database], CONFIG_DEFAULT);
	assert_true(next->auth);
	assert_int_equal(next->retries, 2);
	buf_free(&names);
	config_free(running);
	config_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_table),
		cmocka_unit_test(reads_each_kind_from_the_file),
		cmocka_unit_test(flags_beat_environment_beats_file),
		cmocka_unit_test(the_old_token_variable_is_an_alias_that_loses),
		cmocka_unit_test(sizes_are_read_by_their_units),
		cmocka_unit_test(reads_backends),
		cmocka_unit_test(faults_name_place_and_remedy),
		cmocka_unit_test(faults_of_environment_and_flags_name_them),
		cmocka_unit_test(many_faults_are_counted_when_there_is_no_room),
		cmocka_unit_test(shows_values_with_their_origin_and_no_secret),
		cmocka_unit_test(json_has_every_setting_once_and_no_secret),
		cmocka_unit_test(every_row_has_a_help_line_and_a_variable),
		cmocka_unit_test(finds_its_file),
		cmocka_unit_test(secrets_may_be_systemd_credentials),
		cmocka_unit_test(a_reload_keeps_what_needs_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
