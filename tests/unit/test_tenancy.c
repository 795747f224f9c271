/* tests/unit/test_tenancy.c - tokens.yaml: what is read, what is refused and where. */
#include "common/tenant/tenancy.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/tenant/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char *environment[] = { (char[]){ "SECRET=from-the-environment" }, (char[]){ "EMPTY=" }, NULL };

static struct tenancy *read_text(const char *text, struct err *err)
{
	struct yml *file = yml_parse(span_str(text), "tokens.yaml", err);
	struct tenancy *t = file ? tenancy_of(file, environment, err) : NULL;

	yml_free(file);
	return t;
}

static struct tenancy *read_or_fail(const char *text)
{
	struct err err = ERR_INIT;
	struct tenancy *t = read_text(text, &err);

	if (!t)
		fail_msg("%s", err.message);
	return t;
}

static const struct token *bearer(const struct tenancy *t, const char *secret)
{
	uint8_t digest[DIGEST_SIZE];

	return tenancy_token_of(t, span_str(secret), digest);
}

static void all_members_are_read(void **state)
{
	struct tenancy *t = read_or_fail(
		"tenants:\n"
		"  - id: acme\n"
		"    name: Acme\n"
		"    defaults: { models_allowlist: [a, \"b*\"], compaction_threshold_pct: 80 }\n"
		"    budgets: [ { amount: 0.5, currency: EUR, per: month } ]\n"
		"    tokens:\n"
		"      - id: app\n"
		"        secret: sesame\n"
		"        role: tenant_user\n"
		"        extra_scopes: [\"tenant_config:read\"]\n"
		"        deny_scopes: [\"chat:exec\"]\n"
		"        expires_at: 2030-01-01T00:00:00+01:00\n"
		"        rate_limit_bypass: yes\n"
		"        constraints:\n"
		"          models: [a]\n"
		"          agents: [x]\n"
		"          endpoints: [/v1/*]\n"
		"          max_tokens: 5\n"
		"          rate_limit_per_second: 0.5\n"
		"          rate_limit_burst: 3\n"
		"          requests_per_minute: 60\n"
		"          tokens_per_minute: 1000\n"
		"          budgets: [ { amount: 3, currency: USD, per: day, model: a } ]\n"
		"unbound_tokens:\n"
		"  - { id: boss, secret_env: SECRET, role: operator }\n");
	const struct token *app = bearer(t, "sesame"), *boss = bearer(t, "from-the-environment");
	const struct tenant *acme = tenancy_find(t, SPAN_LIT("acme"));

	(void)state;
	assert_int_equal(tenancy_count(t), 2); /* and "default" */
	assert_non_null(tenancy_find(t, SPAN_LIT("default")));
	assert_null(tenancy_find(t, SPAN_LIT("acm")));
	assert_string_equal(acme->name, "Acme");
	assert_int_equal(acme->default_count, 2);
	assert_string_equal(acme->defaults[1].key, "compaction_threshold_pct");
	assert_int_equal(json_integer_value(acme->defaults[1].value), 80);
	assert_int_equal(acme->defaults[1].line, 4);
	assert_int_equal(acme->budgets[0].amount_micros, 500000);
	assert_int_equal(acme->budgets[0].period, BUDGET_MONTH);
	assert_int_equal(acme->token_count, 1);
	assert_non_null(app);
	assert_string_equal(app->id, "app");
	assert_string_equal(app->tenant, "acme");
	assert_true(app->scopes & SCOPE_BIT(tenant_config_read));
	assert_false(app->scopes & SCOPE_BIT(chat_exec));
	assert_true(app->expires_ms == INT64_C(1893452400000));
	assert_true(app->rate_limit_bypass);
	assert_true(app->constraints->rates.rate_limit_per_second > 0.49);
	assert_int_equal(app->constraints->rates.rate_limit_burst, 3);
	assert_int_equal(app->constraints->rates.requests_per_minute, 60);
	assert_int_equal(app->constraints->rates.tokens_per_minute, 1000);
	assert_int_equal(app->constraints->max_tokens, 5);
	assert_int_equal(app->constraints->budgets[0].amount_micros, 3000000);
	assert_string_equal(app->constraints->budgets[0].model, "a");
	assert_non_null(boss);
	assert_string_equal(boss->tenant, "");
	assert_true(boss->scopes == SCOPE_all);
	assert_null(bearer(t, "Sesame"));
	tenancy_free(t);
}

#define IN_TENANT "tenants:\n  - id: a\n    tokens:\n"
#define TOKEN_AT_4(more) IN_TENANT "      - { id: t, secret: s, role: readonly" more " }\n"

static void faults_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *where;
	} cases[] = {
		{ "tenant: []\n", "tokens.yaml:1: tenant: is not known; did you mean tenants?" },
		{ "tenants: 1\n", "tokens.yaml:1: tenants: must be a list" },
		{ "- a\n", "tokens.yaml: must hold tenants" },
		{ "tenants:\n  - name: x\n", "tokens.yaml:2: tenants[0].id: is missing" },
		{ "tenants:\n  - id: A\n", "tokens.yaml:2: tenants[0].id: may hold" },
		{ "tenants:\n  - id: a\n  - id: a\n", "tokens.yaml:3: tenants[1].id: \"a\" is the id of" },
		{ "tenants:\n  - id: a\n    defaults: 1\n", "tenants[0].defaults: must be a mapping" },
		{ "tenants:\n  - id: a\n    defaults:\n      models_allowlist: [x]\n"
		  "      models_blacklist: [y]\n",
		  "tokens.yaml:5: tenants[0].defaults.models_blacklist: the tenant a has" },
		{ "tenants:\n  - id: a\n    defaults: { models_allowlist: x }\n",
		  "tokens.yaml:3: tenants[0].defaults.models_allowlist: must be a list" },
		{ "tenants:\n  - id: a\n    budgets:\n      - { amount: 0, currency: EUR, per: day }\n",
		  "tokens.yaml:4: tenants[0].budgets[0].amount: must be a number above 0" },
		{ TOKEN_AT_4(", rol: x"), "tokens.yaml:4: tenants[0].tokens[0].rol: is not known; did you" },
		{ TOKEN_AT_4(", extra_scopes: [chat]"), "tokens.yaml:4: tenants[0].tokens[0].extra_scopes[0]" },
		{ TOKEN_AT_4(", deny_scopes: 1"), "tenants[0].tokens[0].deny_scopes: must be a list" },
		{ TOKEN_AT_4(", rate_limit_bypass: 1"), "rate_limit_bypass: must be true or false" },
		{ TOKEN_AT_4(", expires_at: tomorrow"), "expires_at: must be a time of RFC 3339" },
		{ TOKEN_AT_4(", constraints: { max_tokens: x }"), "constraints.max_tokens: must be a whole" },
		{ TOKEN_AT_4(", constraints: { endpoints: [v1] }"), "constraints.endpoints[0]: must be a path" },
		{ TOKEN_AT_4(", constraints: { models: [\"a*b\"] }"), "constraints.models[0]: may have a *" },
		{ TOKEN_AT_4(", secret_env: SECRET"), "tokens.yaml:4: tenants[0].tokens[0]: has more than one" },
		{ IN_TENANT "      - { id: t, role: readonly }\n", "tenants[0].tokens[0]: needs secret_sha256" },
		{ IN_TENANT "      - { id: t, secret: s }\n", "tenants[0].tokens[0].role: is missing" },
		{ IN_TENANT "      - { id: t, secret: s, role: operator }\n", "role: operator is for unbound" },
		{ IN_TENANT "      - { id: t, secret: s, role: king }\n", "role: must be one of readonly" },
		{ IN_TENANT "      - { id: operator, secret: s, role: readonly }\n", "id: is the name of the" },
		{ IN_TENANT "      - { id: t, secret: 5, role: readonly }\n", "secret: must be a text" },
		{ IN_TENANT "      - { id: t, secret: \"a b\", role: readonly }\n", "secret: must be 1 to 512" },
		{ IN_TENANT "      - { id: t, secret_env: EMPTY, role: readonly }\n", "EMPTY is not set" },
		{ IN_TENANT "      - { id: t, secret_sha256: abc, role: readonly }\n", "must be a SHA-256 in 64 hexadecimal digits" },
		{ IN_TENANT "      - { id: t, secret: s, role: readonly }\n"
			    "      - { id: t, secret: r, role: readonly }\n",
		  "tokens.yaml:5: tenants[0].tokens[1].id: \"t\" is the id of an earlier token" },
		{ IN_TENANT "      - { id: t, secret: s, role: readonly }\n"
			    "unbound_tokens:\n  - { id: u, secret: s, role: operator }\n",
		  "tokens.yaml:6: unbound_tokens[0]: has the same secret as a/t" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_null(read_text(cases[i].text, &err));
		assert_int_equal(err.code, E_invalid_config);
		if (!strstr(err.message, cases[i].where))
			fail_msg("\"%s\" instead of \"%s\"", err.message, cases[i].where);
	}
}

static void many_tokens_are_each_found(void **state)
{
	enum { COUNT = 2000 };
	struct tenancy *t;
	struct buf text;
	char secret[32];

	(void)state;
	buf_init(&text, MIB);
	buf_add_str(&text, IN_TENANT);
	for (int i = 0; i < COUNT; i++)
		buf_printf(&text, "      - { id: t%d, secret: s%d, role: readonly }\n", i, i);
	t = read_or_fail(buf_str(&text));
	buf_free(&text);
	assert_int_equal(tenancy_token_count(t), COUNT);
	for (int i = 0; i < COUNT; i++) {
		snprintf(secret, sizeof secret, "s%d", i);
		assert_non_null(bearer(t, secret));
		assert_string_equal(bearer(t, secret)->id + 1, secret + 1);
	}
	assert_null(bearer(t, "s2000"));
	tenancy_free(t);
}

static void the_file_beside_the_configuration_is_taken(void **state)
{
	char directory[] = "/tmp/spass-tenancy-XXXXXX", *config_path, *path;
	struct err err = ERR_INIT;
	struct config *c;
	struct tenancy *t;

	(void)state;
	assert_non_null(mkdtemp(directory));
	config_path = mem_printf("%s/spass.yaml", directory);
	path = mem_printf("%s/tokens.yaml", directory);
	assert_int_equal(file_write(config_path, SPAN_LIT(""), &err), 0);
	c = config_load(config_path, NULL, NULL, 0, &err);
	t = tenancy_new(c, NULL, &err);
	assert_non_null(t);
	assert_null(tenancy_path(t));
	tenancy_free(t);
	assert_int_equal(file_write(path, SPAN_LIT("tenants: [ { id: acme } ]"), &err), 0);
	t = tenancy_new(c, NULL, &err);
	assert_string_equal(tenancy_path(t), path);
	assert_non_null(tenancy_find(t, SPAN_LIT("acme")));
	tenancy_free(t);
	unlink(path);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_null(tenancy_new(c, NULL, &err));
	assert_int_equal(err.code, E_invalid_config);
	assert_non_null(strstr(err.message, path));
	unlink(path);
	unlink(config_path);
	rmdir(directory);
	mem_free(path);
	mem_free(config_path);
	config_free(c);
}

static void lists_admit_names_and_beginnings(void **state)
{
	char *items[] = { (char[]){ "chat" }, (char[]){ "big-*" } };
	const struct config_list list = { items, 2 }, none = { NULL, 0 };

	(void)state;
	assert_true(list_admits(&none, SPAN_LIT("anything")));
	assert_true(list_admits(&list, SPAN_LIT("chat")));
	assert_false(list_admits(&list, SPAN_LIT("chat2")));
	assert_false(list_admits(&list, SPAN_LIT("cha")));
	assert_true(list_admits(&list, SPAN_LIT("big-")));
	assert_true(list_admits(&list, SPAN_LIT("big-one")));
	assert_false(list_admits(&list, SPAN_LIT("big")));
}

static void what_is_handed_on_is_never_wider(void **state)
{
	struct tenancy *t = read_or_fail(
		IN_TENANT
		"      - { id: m, secret: m, role: readonly, constraints: { models: [\"a*\"], max_tokens: 9,"
		" rate_limit_per_second: 2, budgets: [ { amount: 5, currency: EUR, per: day } ] } }\n"
		"      - { id: narrow, secret: n, role: readonly, constraints: { models: [ab, \"ac*\"],"
		" max_tokens: 9, rate_limit_per_second: 1,"
		" budgets: [ { amount: 4, currency: EUR, per: day } ] } }\n"
		"      - { id: models, secret: a, role: readonly, constraints: { models: [b], max_tokens: 9,"
		" rate_limit_per_second: 1, budgets: [ { amount: 5, currency: EUR, per: day } ] } }\n"
		"      - { id: max_tokens, secret: b, role: readonly, constraints: { models: [a],"
		" rate_limit_per_second: 1, budgets: [ { amount: 5, currency: EUR, per: day } ] } }\n"
		"      - { id: rate_limit_per_second, secret: c, role: readonly, constraints: { models: [a],"
		" max_tokens: 9, rate_limit_per_second: 3,"
		" budgets: [ { amount: 5, currency: EUR, per: day } ] } }\n"
		"      - { id: budgets, secret: d, role: readonly, constraints: { models: [a], max_tokens: 1,"
		" rate_limit_per_second: 1, budgets: [ { amount: 5, currency: EUR, per: month } ] } }\n");
	const struct constraints *maker = bearer(t, "m")->constraints;
	const char *member = NULL;
	json_t *all = constraints_inherit(maker, NULL, NULL), *same = constraints_json(maker);

	(void)state;
	assert_true(constraints_cover(maker, maker, &member));
	assert_true(constraints_cover(maker, bearer(t, "n")->constraints, &member));
	for (size_t i = 2; i < tenancy_token_count(t); i++) {
		const struct token *wide = tenancy_token_at(t, i);

		assert_false(constraints_cover(maker, wide->constraints, &member));
		assert_string_equal(member, wide->id);
	}
	assert_true(json_equal(all, same));
	json_decref(all);
	json_decref(same);
	tenancy_free(t);
}

static struct tenancy *read_maker(const struct constraints **maker)
{
	struct tenancy *t = read_or_fail(
		IN_TENANT
		"      - { id: m, secret: m, role: readonly, constraints: { models: [\"a*\"], max_tokens: 9,"
		" budgets: [ { amount: 5, currency: EUR, per: day } ] } }\n");

	*maker = bearer(t, "m")->constraints;
	return t;
}

/* An empty list admits all, and a budget that lets unknown costs pass is none for them. */
static void what_says_nothing_is_wider_than_what_says_something(void **state)
{
	const struct constraints *maker;
	struct tenancy *t = read_maker(&maker);
	struct budget lax = maker->budgets[0];
	struct constraints wide = *maker;
	const char *member = NULL;

	(void)state;
	wide.models = (struct config_list){ NULL, 0 };
	assert_false(constraints_cover(maker, &wide, &member));
	assert_string_equal(member, "models");
	assert_true(constraints_cover(&wide, maker, &member));
	wide = *maker;
	lax.allow_unknown = true;
	wide.budgets = &lax;
	assert_false(constraints_cover(maker, &wide, &member));
	assert_string_equal(member, "budgets");
	assert_true(constraints_cover(&wide, maker, &member));
	wide.budget_count = 0;
	assert_false(constraints_cover(maker, &wide, &member));
	assert_string_equal(member, "budgets");
	tenancy_free(t);
}

static void what_is_asked_for_narrows_what_is_inherited_and_budgets_are_both(void **state)
{
	const struct constraints *maker;
	struct tenancy *t = read_maker(&maker);
	json_t *asked = json_pack("{s:[s], s:[{s:i, s:s, s:s}]}", "models", "ab", "budgets", "amount", 1, "currency",
				  "USD", "per", "month");
	json_t *all = constraints_inherit(maker, "m", asked);
	json_t *wanted = json_pack("{s:[s], s:i, s:[{s:i, s:s, s:s, s:s}, {s:i, s:s, s:s}]}", "models", "ab",
				   "max_tokens", 9, "budgets", "amount", 5, "currency", "EUR", "per", "day", "owner",
				   "m", "amount", 1, "currency", "USD", "per", "month");

	(void)state;
	assert_non_null(wanted);
	assert_true(json_equal(all, wanted));
	json_decref(asked);
	json_decref(all);
	json_decref(wanted);
	tenancy_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_are_read),
		cmocka_unit_test(faults_name_file_line_and_key),
		cmocka_unit_test(many_tokens_are_each_found),
		cmocka_unit_test(the_file_beside_the_configuration_is_taken),
		cmocka_unit_test(lists_admit_names_and_beginnings),
		cmocka_unit_test(what_is_handed_on_is_never_wider),
		cmocka_unit_test(what_says_nothing_is_wider_than_what_says_something),
		cmocka_unit_test(what_is_asked_for_narrows_what_is_inherited_and_budgets_are_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
