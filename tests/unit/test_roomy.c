/*
 * tests/unit/test_roomy.c - owners who need not be looked up for a while.
 */
#include "common/chat/roomy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/store/conversation.h"

static int make(void **state)
{
	*state = mem_new(struct roomy);
	return 0;
}

static int end(void **state)
{
	mem_free(*state);
	return 0;
}

static void who_was_noted_is_known_until_then(void **state)
{
	const struct conversation_owner ada = { "acme", "ada" }, nobody = { "acme", "" };

	assert_false(roomy_knows(*state, &ada, 0));
	assert_false(roomy_knows(*state, &nobody, 0));
	roomy_note(*state, &ada, 1000);
	roomy_note(*state, &nobody, 2000);
	assert_true(roomy_knows(*state, &ada, 999));
	assert_false(roomy_knows(*state, &ada, 1000));
	assert_true(roomy_knows(*state, &nobody, 1999));
}

/* Whatever their hashes are: of those who share a row only the one whose name it is is known. */
static void nobody_is_taken_for_another(void **state)
{
	enum { COUNT = 20 * ROOMY_OWNERS };
	const struct conversation_owner known = { "acme", "ada" };

	roomy_note(*state, &known, 1000);
	for (int i = 0; i < COUNT; i++) {
		char name[24];
		struct roomy *r = *state;

		snprintf(name, sizeof name, "user-%d", i);
		const struct conversation_owner other = { "acme", name };

		assert_false(roomy_knows(r, &other, 0));
		for (int k = 0; k < ROOMY_OWNERS; k++)
			r->rows[k] = (struct roomy_owner){ .until_ms = 1000, .tenant_len = 4, .user_len = 3,
							   .tenant = "acme", .user = "ada" };
	}
	assert_true(roomy_knows(*state, &known, 999));
}

static void names_are_told_apart_where_they_meet(void **state)
{
	const struct conversation_owner ab_c = { "ab", "c" }, a_bc = { "a", "bc" }, other_c = { "cd", "c" };
	struct roomy *r = *state;

	roomy_note(r, &ab_c, 1000);
	for (int k = 0; k < ROOMY_OWNERS; k++)
		if (r->rows[k].until_ms)
			for (int other = 0; other < ROOMY_OWNERS; other++)
				r->rows[other] = r->rows[k];
	assert_true(roomy_knows(r, &ab_c, 0));
	assert_false(roomy_knows(r, &a_bc, 0));
	assert_false(roomy_knows(r, &other_c, 0));
}

static void long_names_are_not_noted(void **state)
{
	char name[ROOMY_NAME_MAX + 2];
	const struct conversation_owner long_user = { "acme", name }, long_tenant = { name, "x" };

	memset(name, 'x', sizeof name);
	name[ROOMY_NAME_MAX + 1] = '\0';
	roomy_note(*state, &long_user, 1000);
	roomy_note(*state, &long_tenant, 1000);
	assert_false(roomy_knows(*state, &long_user, 0));
	assert_false(roomy_knows(*state, &long_tenant, 0));
	name[ROOMY_NAME_MAX] = '\0';
	roomy_note(*state, &long_user, 1000);
	assert_true(roomy_knows(*state, &long_user, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_was_noted_is_known_until_then),
		TEST(nobody_is_taken_for_another),
		TEST(names_are_told_apart_where_they_meet),
		TEST(long_names_are_not_noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
