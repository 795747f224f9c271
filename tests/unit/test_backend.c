/* Tests of common/upstream/backend.h, endpoint.h and credential.h. */
#include "common/upstream/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/upstream/credential.h"
#include "common/upstream/endpoint.h"

/* What an operator writes, as literals. */
struct written {
	const char *name, *provider, *base_url, *key_env;
	bool disabled;
	int line;
};

static char *keep(size_t slot, const char *text)
{
	static char store[4][128];

	if (text)
		snprintf(store[slot], sizeof store[slot], "%s", text);
	return text ? store[slot] : NULL;
}

/* Valid until the next call. */
static struct config_backend entry_of(const struct written *w)
{
	return (struct config_backend){
		.name = keep(0, w->name), .provider = keep(1, w->provider), .base_url = keep(2, w->base_url),
		.key_env = keep(3, w->key_env), .disabled = w->disabled, .line = w->line,
	};
}

static void base_urls_are_taken_apart(void **state)
{
	static const struct {
		const char *url;
		struct {
			bool tls;
			const char *host;
			int port;
			const char *unix_path, *prefix;
		} want;
	} cases[] = {
		{ "http://127.0.0.1:8000/v1", { false, "127.0.0.1", 8000, NULL, "/v1" } },
		{ "https://api.example.com/v1", { true, "api.example.com", 443, NULL, "/v1" } },
		{ "HTTP://Box", { false, "Box", 80, NULL, "" } },
		{ "http://box/", { false, "box", 80, NULL, "" } },
		{ "https://box:65535/a/b/c//", { true, "box", 65535, NULL, "/a/b/c" } },
		{ "http://[::1]:8080/v1", { false, "::1", 8080, NULL, "/v1" } },
		{ "https://[2001:db8::2]", { true, "2001:db8::2", 443, NULL, "" } },
		{ "unix:/run/vllm.sock:/v1", { false, "localhost", 80, "/run/vllm.sock", "/v1" } },
		{ "unix:/run/vllm.sock", { false, "localhost", 80, "/run/vllm.sock", "" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct endpoint e;

		if (endpoint_parse(cases[i].url, &e, &err) < 0)
			fail_msg("%s: %s", cases[i].url, err.message);
		assert_int_equal(e.tls, cases[i].want.tls);
		assert_string_equal(e.host, cases[i].want.host);
		assert_int_equal(e.port, cases[i].want.port);
		assert_string_equal(e.unix_path ? e.unix_path : "", cases[i].want.unix_path ? cases[i].want.unix_path : "");
		assert_string_equal(e.prefix, cases[i].want.prefix);
		endpoint_clear(&e);
	}
}

static void bad_base_urls_are_refused_without_repeating_them(void **state)
{
	static const char *const cases[] = {
		"", "box", "ftp://box", "http://", "https:///v1", "http://user:hunter2@box/v1", "http://hunter2@box",
		"http://box:0", "http://box:65536", "http://box:", "http://box:80a", "http://box:+80", "http://b ox",
		"http://box/v1?key=hunter2", "http://box/#hunter2", "http://[::1", "http://[hunter2]", "http://[::1]x",
		"http://bo\\x", "unix:", "unix:relative.sock", "unix:/", "http://box/v1\r\nX: hunter2", "http://b\xc3\xb6x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct endpoint e;

		if (endpoint_parse(cases[i], &e, &err) == 0)
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, E_invalid_config);
		assert_null(strstr(err.message, "hunter2"));
		assert_null(e.host);
	}
	char longest[200] = "unix:/";
	memset(longest + 6, 'x', sizeof longest - 7);
	longest[sizeof longest - 1] = '\0';
	struct endpoint e;
	assert_int_equal(endpoint_parse(longest, &e, NULL), -1);
}

static void hosts_belong_to_a_provider_by_name_and_scheme(void **state)
{
	static const struct {
		const char *url;
		bool belongs;
	} cases[] = {
		{ "https://api.openai.com/v1", true },
		{ "https://API.OpenAI.com:8443/x", true },
		{ "https://eu.api.openai.com/v1", true },
		{ "http://api.openai.com/v1", false },
		{ "https://evilapi.openai.com/v1", false },
		{ "https://api.openai.com.evil.example/v1", false },
		{ "https://openai.com/v1", false },
		{ "unix:/api.openai.com:/v1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct endpoint e;

		assert_int_equal(endpoint_parse(cases[i].url, &e, NULL), 0);
		if (endpoint_belongs_to(&e, "https://api.openai.com/v1") != cases[i].belongs)
			fail_msg("%s: belongs is not %d", cases[i].url, cases[i].belongs);
		endpoint_clear(&e);
	}
}

static void keys_come_from_the_environment_trimmed_and_checked(void **state)
{
	static char other[] = "KEY_TWO=no", key[] = "KEY= sk-1 \r\n", empty[] = "EMPTY=", blank[] = "BLANK= \n",
		    split[] = "SPLIT=a\nX: y", inner[] = "INNER=a b", high[] = "HIGH=\xc3\xa4";
	static char *const environment[] = { other, key, empty, blank, split, inner, high, NULL };
	static const struct {
		const char *variable, *line, *why;
	} cases[] = {
		{ "KEY", "Authorization: Bearer sk-1\r\n", "" },
		{ "MISSING", NULL, "MISSING is not set" },
		{ "EMPTY", NULL, "EMPTY is not set" },
		{ "BLANK", NULL, "BLANK is empty" },
		{ "SPLIT", NULL, "SPLIT holds a character that no key has" },
		{ "INNER", NULL, "INNER holds a character that no key has" },
		{ "HIGH", NULL, "HIGH holds a character that no key has" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char why[CREDENTIAL_WHY_MAX];
		char *line = credential_line(cases[i].variable, NULL, environment, why);

		if (cases[i].line)
			assert_string_equal(line, cases[i].line);
		else
			assert_null(line);
		assert_string_equal(why, cases[i].why);
		credential_free(line);
	}
	size_t len;
	assert_memory_equal(credential_key("Authorization: Bearer sk-1\r\n", &len), "sk-1", 4);
	assert_int_equal(len, 4);
	assert_string_equal(credential_key("", &len), "");
	assert_int_equal(len, 0);
	assert_null(environment_find(NULL, "KEY"));
}

static void keys_come_from_files_and_systemd(void **state)
{
	char directory[] = "/tmp/spass-key-XXXXXX", path[64], variable[64], why[CREDENTIAL_WHY_MAX];
	char *environment[] = { variable, NULL };

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/openai", directory);
	snprintf(variable, sizeof variable, "CREDENTIALS_DIRECTORY=%s", directory);
	FILE *f = fopen(path, "w");
	fputs("sk-file\n", f);
	fclose(f);

	char *line = credential_line(NULL, path, NULL, why);
	assert_string_equal(line, "Authorization: Bearer sk-file\r\n");
	credential_free(line);
	line = credential_line(NULL, "credential:openai", environment, why);
	assert_string_equal(line, "Authorization: Bearer sk-file\r\n");
	credential_free(line);
	assert_null(credential_line(NULL, "credential:openai", NULL, why));
	assert_non_null(strstr(why, "CREDENTIALS_DIRECTORY is not set"));
	assert_null(credential_line(NULL, "credential:../openai", environment, why));
	assert_null(credential_line(NULL, "credential:other", environment, why));
	assert_string_equal(why, "the key file cannot be read: No such file or directory");

	f = fopen(path, "w");
	for (int i = 0; i <= CREDENTIAL_MAX; i++)
		fputc('x', f);
	fclose(f);
	assert_null(credential_line(NULL, path, NULL, why));
	assert_string_equal(why, "the key file is too long");
	unlink(path);
	rmdir(directory);
}

static struct config general = {
	.discover = true, .connect_timeout = 5000, .first_byte_timeout = 300000,
	.between_timeout = 60000, .total_timeout = 1800000,
};
static char openai_key[] = "OPENAI_API_KEY=sk-openai", router_key[] = "OPENROUTER_API_KEY=sk-router",
	    mine_key[] = "MINE=sk-mine";
static char *const keys[] = { openai_key, router_key, mine_key, NULL };

static void an_entry_means_a_provider_a_place_and_a_key(void **state)
{
	static const struct {
		struct written entry;
		const char *provider, *host, *auth, *why;
	} cases[] = {
		{ { .name = "a", .provider = "openai" }, "openai", "api.openai.com", "sk-openai", NULL },
		{ { .name = "openai" }, "openai", "api.openai.com", "sk-openai", NULL },
		{ { .name = "a", .provider = "openai", .base_url = "https://eu.api.openai.com/v1" }, "openai", "eu.api.openai.com", "sk-openai", NULL },
		/* A key never goes to a host that it was not made for, unless the operator says so. */
		{ { .name = "a", .provider = "openai", .base_url = "http://127.0.0.1:9/v1" }, "openai-compatible", "127.0.0.1", NULL, NULL },
		{ { .name = "a", .provider = "openai", .base_url = "http://127.0.0.1:9/v1", .key_env = "MINE" }, "openai-compatible", "127.0.0.1", "sk-mine", NULL },
		{ { .name = "a", .provider = "openrouter", .base_url = "https://proxy.example/v1" }, "openrouter", "proxy.example", NULL, NULL },
		{ { .name = "box", .base_url = "http://box:8000" }, "openai-compatible", "box", NULL, NULL },
		{ { .name = "vllm", .base_url = "http://gpu:8000/v1" }, "openai-compatible", "gpu", NULL, NULL },
		{ { .name = "mistral" }, "mistral", "api.mistral.ai", NULL, "MISTRAL_API_KEY is not set" },
		{ { .name = "a", .provider = "vllm", .key_env = "NONE" }, "vllm", "127.0.0.1", NULL, "NONE is not set" },
		{ { .name = "a", .provider = "vllm", .disabled = true }, "vllm", "127.0.0.1", NULL, "disabled in the configuration" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config_backend entry = entry_of(&cases[i].entry);
		struct backend_source s = { .config = &general, .environment = keys, .entry = &entry };
		struct err err = ERR_INIT;
		struct backend b;
		char auth[64] = "";

		if (backend_init(&b, &s, &err) < 0)
			fail_msg("case %zu: %s", i, err.message);
		if (cases[i].auth)
			snprintf(auth, sizeof auth, "Authorization: Bearer %s\r\n", cases[i].auth);
		assert_string_equal(b.name, cases[i].entry.name);
		assert_string_equal(b.provider->name, cases[i].provider);
		assert_string_equal(b.origin.host, cases[i].host);
		assert_string_equal(b.auth_line, auth);
		assert_string_equal(b.disabled_why ? b.disabled_why : "", cases[i].why ? cases[i].why : "");
		assert_int_equal(atomic_load(&b.status), cases[i].why ? BACKEND_DISABLED : BACKEND_UNKNOWN);
		assert_int_equal(atomic_load(&b.latency_us), -1);
		assert_false(b.automatic);
		backend_clear(&b);
	}
}

static void faulty_entries_name_file_line_and_backend(void **state)
{
	static const struct {
		struct written entry;
		const char *message;
	} cases[] = {
		{ { .name = "a", .provider = "nobody", .line = 7 }, "configuration:7: backends: a: there is no such provider; use \"openai-compatible\" for" },
		{ { .name = "a", .provider = "opnai", .line = 7 }, "configuration:7: backends: a: there is no such provider; did you mean \"openai\"?" },
		{ { .name = "opnai", .line = 8 }, "configuration:8: backends: opnai: there is no such provider; did you mean \"openai\"?" },
		{ { .name = "a", .provider = "openai-compatible", .line = 8 }, "configuration:8: backends: a: needs a base_url" },
		{ { .name = "a", .provider = "builtin", .line = 9 }, "configuration:9: backends: a: the built-in backend" },
		{ { .name = "a", .base_url = "http://u:p@h", .line = 10 }, "configuration:10: backends: a: base_url: must not hold credentials" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct config_backend entry = entry_of(&cases[i].entry);
		struct backend_source s = { .config = &general, .environment = keys, .entry = &entry };
		struct err err = ERR_INIT;
		struct backend b;

		assert_int_equal(backend_init(&b, &s, &err), -1);
		assert_int_equal(err.code, E_invalid_config);
		if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("case %zu gave %s", i, err.message);
	}
}

static void limits_are_its_own_or_the_general_ones(void **state)
{
	char name[] = "vllm", ca_file[] = "/ca.pem", proxy[] = "http://p", elsewhere[] = "http://gpu:8000";
	struct config_backend entry = { .name = name, .first_byte_timeout = 5, .ca_file = ca_file, .proxy = proxy };
	struct backend_source s = { .config = &general, .entry = &entry };
	struct backend b;

	(void)state;
	assert_int_equal(backend_init(&b, &s, NULL), 0);
	assert_int_equal(b.limits.connect_ms, 5000);
	assert_int_equal(b.limits.first_byte_ms, 5);
	assert_int_equal(b.limits.between_ms, 60000);
	assert_int_equal(b.limits.total_ms, 1800000);
	assert_int_equal(b.limits.head_max, 65536);
	assert_string_equal(b.origin.ca_file, "/ca.pem");
	assert_string_equal(b.origin.proxy, "http://p");
	backend_clear(&b);
	entry.proxy = NULL;
	assert_int_equal(backend_init(&b, &s, NULL), 0);
	assert_string_equal(b.origin.proxy, ""); /* loopback is never sent through http_proxy */
	backend_clear(&b);
	entry.base_url = elsewhere;
	assert_int_equal(backend_init(&b, &s, NULL), 0);
	assert_null(b.origin.proxy);
	backend_clear(&b);
}

static void rows_are_switched_off_by_discover_and_missing_keys(void **state)
{
	struct config still = general;
	struct backend_source s = { .config = &still, .environment = keys };
	static const struct {
		const char *provider;
		bool discover;
		const char *why;
	} cases[] = {
		{ "openai", true, "" },
		{ "openai", false, "discover is off" },
		{ "mistral", true, "MISTRAL_API_KEY is not set" },
		{ "ollama", true, "" },
		{ "ollama", false, "discover is off" },
		{ "builtin", false, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct backend b;

		still.discover = cases[i].discover;
		s.provider = provider_find(cases[i].provider);
		assert_int_equal(backend_init(&b, &s, NULL), 0);
		assert_true(b.automatic);
		assert_string_equal(b.disabled_why ? b.disabled_why : "", cases[i].why);
		backend_clear(&b);
	}
}

static void reports_change_the_status_but_not_of_the_disabled(void **state)
{
	struct backend_source s = { .config = &general, .environment = keys, .provider = provider_find("openai") };
	struct backend b;

	(void)state;
	assert_int_equal(backend_init(&b, &s, NULL), 0);
	assert_string_equal(backend_status_name((enum backend_status)atomic_load(&b.status)), "unreachable");
	backend_report(&b, true);
	assert_string_equal(backend_status_name((enum backend_status)atomic_load(&b.status)), "available");
	backend_set_status(&b, BACKEND_UNREACHABLE, "key refused", NULL);
	assert_string_equal(atomic_load(&b.trouble), "key refused");
	backend_report(&b, true);
	assert_null(atomic_load(&b.trouble));
	backend_report(&b, false);
	assert_int_equal(atomic_load(&b.status), BACKEND_UNREACHABLE);
	backend_clear(&b);

	s.provider = provider_find("mistral");
	assert_int_equal(backend_init(&b, &s, NULL), 0);
	backend_report(&b, true);
	assert_string_equal(backend_status_name((enum backend_status)atomic_load(&b.status)), "disabled");
	backend_clear(&b);

	s.provider = provider_find("builtin");
	assert_int_equal(backend_init(&b, &s, NULL), 0);
	backend_report(&b, false);
	assert_int_equal(atomic_load(&b.status), BACKEND_AVAILABLE);
	backend_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_urls_are_taken_apart),
		cmocka_unit_test(bad_base_urls_are_refused_without_repeating_them),
		cmocka_unit_test(hosts_belong_to_a_provider_by_name_and_scheme),
		cmocka_unit_test(keys_come_from_the_environment_trimmed_and_checked),
		cmocka_unit_test(keys_come_from_files_and_systemd),
		cmocka_unit_test(an_entry_means_a_provider_a_place_and_a_key),
		cmocka_unit_test(faulty_entries_name_file_line_and_backend),
		cmocka_unit_test(limits_are_its_own_or_the_general_ones),
		cmocka_unit_test(rows_are_switched_off_by_discover_and_missing_keys),
		cmocka_unit_test(reports_change_the_status_but_not_of_the_disabled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
