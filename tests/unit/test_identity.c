/* tests/unit/test_identity.c - tokens, the file of the first one, and the header. */
#include "common/tenant/identity.h"
#include "common/tenant/secret.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[] = "/tmp/spass-token-XXXXXX";

static struct config *config_with(const char *name, const char *value)
{
	const struct config_flag flags[] = { { "data_dir", directory }, { name, value } };
	struct err err = ERR_INIT;
	struct config *c = config_new(NULL, NULL, flags, 2, &err);

	if (!c)
		fail_msg("%s", err.message);
	return c;
}

static void first_start_makes_a_private_file_and_the_second_reads_it(void **state)
{
	struct config *c = config_with("token_file", "");
	struct err err = ERR_INIT;
	bool made = false;
	char *path = NULL, *again = NULL;
	char *first = secret_load(c, &made, &path, &err), *second;
	struct stat st;

	(void)state;
	assert_non_null(first);
	assert_true(made);
	assert_int_equal(strlen(first), 64);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	second = secret_load(c, &made, &again, &err);
	assert_non_null(second);
	assert_false(made);
	assert_string_equal(path, again);
	assert_string_equal(first, second);
	unlink(path);
	mem_free(first);
	mem_free(second);
	mem_free(path);
	mem_free(again);
	config_free(c);
}

static void a_token_of_the_configuration_needs_no_file(void **state)
{
	struct config *c = config_with("token", "sesame");
	struct err err = ERR_INIT;
	bool made = true;
	char *path = directory;
	char *secret = secret_load(c, &made, &path, &err);

	(void)state;
	assert_non_null(secret);
	assert_false(made);
	assert_null(path);
	assert_string_equal(secret, "sesame");
	mem_free(secret);
	config_free(c);
}

struct starter {
	pthread_t thread;
	pthread_barrier_t *barrier;
	struct config *config;
	char *secret;
	bool made;
};

static void *start(void *argument)
{
	struct starter *s = argument;
	struct err err = ERR_INIT;

	pthread_barrier_wait(s->barrier);
	s->secret = secret_load(s->config, &s->made, NULL, &err);
	return NULL;
}

static void first_starts_at_once_end_with_one_token(void **state)
{
	struct config *c = config_with("token_file", "");
	struct starter starters[8];
	pthread_barrier_t barrier;
	size_t made = 0;
	char *path = config_data_path(c, "token", NULL);

	(void)state;
	pthread_barrier_init(&barrier, NULL, ARRAY_LEN(starters));
	for (size_t i = 0; i < ARRAY_LEN(starters); i++) {
		starters[i] = (struct starter){ .barrier = &barrier, .config = c };
		assert_int_equal(pthread_create(&starters[i].thread, NULL, start, &starters[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(starters); i++)
		pthread_join(starters[i].thread, NULL);
	for (size_t i = 0; i < ARRAY_LEN(starters); i++) {
		assert_non_null(starters[i].secret);
		assert_string_equal(starters[i].secret, starters[0].secret);
		made += starters[i].made;
	}
	assert_int_equal(made, 1);
	for (size_t i = 0; i < ARRAY_LEN(starters); i++)
		mem_free(starters[i].secret);
	unlink(path);
	mem_free(path);
	pthread_barrier_destroy(&barrier);
	config_free(c);
}

static void bad_files_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *content, *word;
	} cases[] = {
		{ "", "is empty" },
		{ " \n\n", "is empty" },
		{ "two words\n", "does not hold a token" },
		{ "a\nb\n", "does not hold a token" },
		{ "caf\xc3\xa9\n", "does not hold a token" },
	};
	char *path = mem_printf("%s/bad", directory);
	struct config *c = config_with("token_file", path);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(file_write(path, span_str(cases[i].content), &err), 0);
		assert_null(secret_load(c, NULL, NULL, &err));
		assert_int_equal(err.code, E_invalid_config);
		assert_non_null(strstr(err.message, cases[i].word));
		assert_non_null(strstr(err.message, path));
	}
	unlink(path);
	mem_free(path);
	config_free(c);
}

static void white_space_around_the_token_is_not_part_of_it(void **state)
{
	char *path = mem_printf("%s/spaced", directory), *secret;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_write(path, SPAN_LIT(" \r\nsesame \r\n\n"), &err), 0);
	secret = token_read(path, &err);
	assert_string_equal(secret, "sesame");
	mem_free_secret(secret, strlen(secret));
	unlink(path);
	mem_free(path);
}

static void a_directory_that_cannot_be_made_is_a_storage_error(void **state)
{
	struct config *c = config_with("token_file", "/proc/nowhere/token");
	struct err err = ERR_INIT;

	(void)state;
	assert_null(secret_load(c, NULL, NULL, &err));
	assert_int_equal(err.code, E_storage_error);
	config_free(c);
}

static void the_header_is_read_strictly_but_for_the_case_of_its_scheme(void **state)
{
	static const struct {
		const char *header; /* NULL = absent */
		enum err_code code;
	} cases[] = {
		{ NULL, E_missing_authorization },
		{ "", E_missing_authorization },
		{ "  ", E_missing_authorization },
		{ "Bearer sesame", E_none },
		{ "bearer sesame", E_none },
		{ "BEARER   sesame ", E_none },
		{ "Bearer", E_invalid_authorization },
		{ "Bearer ", E_invalid_authorization },
		{ "Bearersesame", E_invalid_authorization },
		{ "Basic sesame", E_invalid_authorization },
		{ "sesame", E_invalid_authorization },
		{ "Bearer Sesame", E_invalid_authorization },
		{ "Bearer sesam", E_invalid_authorization },
		{ "Bearer sesame sesame", E_invalid_authorization },
		{ "Bearer\tsesame", E_invalid_authorization },
		{ "Bearer ses\x01me", E_invalid_authorization },
		{ "Bearer sesam\xe9", E_invalid_authorization },
	};
	struct config *c = config_with("token", "sesame");
	struct err err = ERR_INIT;
	struct tenancy *t = tenancy_of(NULL, NULL, &err);

	(void)state;
	assert_non_null(t);
	assert_int_equal(tenancy_add_own(t, c, NULL, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct token *found = NULL;
		int result;

		err_clear(&err);
		result = identity_find(t, NULL, span_str(cases[i].header), 0, &found, &err);
		if (err.code != cases[i].code)
			fail_msg("%s: %s", cases[i].header, err.message);
		assert_int_equal(result, cases[i].code == E_none ? 0 : -1);
		if (result == 0) {
			assert_string_equal(found->tenant, "");
			assert_int_equal(found->role, ROLE_operator);
			assert_true(found->scopes & SCOPE_BIT(chat_exec));
		} else {
			assert_null(found);
			assert_string_equal(err.param, "headers.authorization");
			assert_null(strstr(err.message, "esam"));
		}
	}
	tenancy_free(t);
	config_free(c);
}

static void user_ids_have_a_narrow_alphabet(void **state)
{
	char longest[130];

	(void)state;
	memset(longest, 'a', sizeof longest);
	assert_true(identity_is_user_id(SPAN_LIT("anna.b+c@example.org:7_-")));
	assert_true(identity_is_user_id(span_of(longest, 128)));
	assert_false(identity_is_user_id(span_of(longest, 129)));
	assert_false(identity_is_user_id(SPAN_LIT("")));
	assert_false(identity_is_user_id(SPAN_LIT("a b")));
	assert_false(identity_is_user_id(SPAN_LIT("a\0b")));
	assert_false(identity_is_user_id(SPAN_LIT("a/b")));
}

static void scopes_have_names(void **state)
{
	(void)state;
	assert_string_equal(scope_name(SCOPE_BIT(chat_exec)), "chat:exec");
	assert_string_equal(scope_name(SCOPE_BIT(metrics_read)), "metrics:read");
	assert_string_equal(scope_name(SCOPE_none), "none");
}

static void roles_include_those_below(void **state)
{
	enum role role;

	(void)state;
	for (int i = 0; i + 1 < ROLE_COUNT; i++)
		assert_int_equal(role_scopes((enum role)i) & ~role_scopes((enum role)(i + 1)), 0);
	assert_true(role_scopes(ROLE_operator) == SCOPE_all);
	assert_false(role_scopes(ROLE_readonly) & SCOPE_BIT(conversations_write));
	assert_false(role_scopes(ROLE_tenant_user) & SCOPE_BIT(tenant_config_read));
	assert_true(role_scopes(ROLE_tenant_admin) & SCOPE_BIT(keys_write));
	for (int i = 0; i < ROLE_COUNT; i++) {
		assert_int_equal(role_find(span_str(role_name((enum role)i)), &role), 0);
		assert_int_equal(role, i);
	}
	assert_int_equal(role_find(SPAN_LIT("root"), &role), -1);
	assert_true(scope_find(SPAN_LIT("keys:write")) == SCOPE_BIT(keys_write));
	assert_true(scope_find(SPAN_LIT("keys")) == SCOPE_none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_start_makes_a_private_file_and_the_second_reads_it),
		cmocka_unit_test(a_token_of_the_configuration_needs_no_file),
		cmocka_unit_test(first_starts_at_once_end_with_one_token),
		cmocka_unit_test(bad_files_are_refused_with_the_reason),
		cmocka_unit_test(white_space_around_the_token_is_not_part_of_it),
		cmocka_unit_test(a_directory_that_cannot_be_made_is_a_storage_error),
		cmocka_unit_test(the_header_is_read_strictly_but_for_the_case_of_its_scheme),
		cmocka_unit_test(user_ids_have_a_narrow_alphabet),
		cmocka_unit_test(scopes_have_names),
		cmocka_unit_test(roles_include_those_below),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
