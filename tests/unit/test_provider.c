/* Tests of common/upstream/provider.h: what every row must be. */
#include "common/upstream/provider.h"

#include "common/base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void every_row_is_found_by_its_name_alone(void **state)
{
	(void)state;
	for (const struct provider *p = provider_table; p->name; p++) {
		assert_ptr_equal(provider_find(p->name), p);
		assert_non_null(p->title);
	}
	assert_null(provider_find("nobody"));
	assert_null(provider_find(""));
	assert_null(provider_find(NULL));
}

static void cloud_rows_use_tls_and_a_key_local_rows_a_port(void **state)
{
	(void)state;
	for (const struct provider *p = provider_table; p->name; p++) {
		/* Where it is must be configured. */
		if (p->dialect == DIALECT_BUILTIN || !p->base_url)
			continue;
		bool local = p->quirks & QUIRK_LOCAL;

		assert_non_null(p->probe_path);
		assert_int_equal(p->probe_path[0], '/');
		assert_int_equal(strncmp(p->base_url, local ? "http://127.0.0.1:" : "https://",
					 local ? 17 : 8), 0);
		assert_int_equal(p->key_env == NULL, local);
		assert_int_equal(p->auth == AUTH_NONE, local);
		assert_int_equal(p->probe_port == 0, !local);
		assert_int_not_equal(p->base_url[strlen(p->base_url) - 1], '/');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_by_its_name_alone),
		cmocka_unit_test(cloud_rows_use_tls_and_a_key_local_rows_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
