/* Tests of common/base/ident.h. */
#include "common/base/ident.h"

#include "common/base/mem.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void uuids_have_version_and_variant(void **state)
{
	char seen[200][IDENT_UUID_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		ident_uuid(seen[i]);
		assert_int_equal(strlen(seen[i]), 36);
		for (size_t k = 0; k < 36; k++) {
			if (k == 8 || k == 13 || k == 18 || k == 23)
				assert_int_equal(seen[i][k], '-');
			else
				assert_non_null(strchr("0123456789abcdef", seen[i][k]));
		}
		assert_int_equal(seen[i][14], '4');
		assert_non_null(strchr("89ab", seen[i][19]));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[i], seen[k]);
	}
}

static void tokens_fit_their_buffer(void **state)
{
	static const struct {
		size_t size, count, want;
	} cases[] = { { 1, 5, 0 }, { 3, 5, 2 }, { 4, 5, 3 }, { 9, 5, 8 }, { 10, 5, 8 }, { 10, 0, 3 } };
	char out[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memset(out, '#', sizeof(out));
		ident_token(out, cases[i].size, "id-", cases[i].count);
		assert_int_equal(strlen(out), cases[i].want);
		assert_int_equal(out[cases[i].size], '#');
		for (size_t k = 3; k < cases[i].want; k++)
			assert_true(isalnum((unsigned char)out[k]));
	}
	memset(out, '#', sizeof(out));
	ident_token(out, 0, "id-", 3);
	assert_int_equal(out[0], '#');
}

static void sorted_ids_sort_by_time_and_differ(void **state)
{
	static const int64_t times[] = { 0, 1, 31, 32, 1000000, 1795000000000, 1795000000001 };
	char last[40] = "", id[40], twin[40], cut[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		ident_sorted(id, sizeof id, "x_", times[i]);
		ident_sorted(twin, sizeof twin, "x_", times[i]);
		assert_int_equal(strlen(id), 2 + IDENT_SORTED_LEN);
		assert_int_equal(strspn(id + 2, "0123456789abcdefghjkmnpqrstvwxyz"), IDENT_SORTED_LEN);
		assert_true(strcmp(last, id) < 0);
		assert_memory_equal(id, twin, 12);
		assert_string_not_equal(id, twin);
		memcpy(last, id, sizeof id);
	}
	ident_sorted(cut, sizeof cut, "x_", 0);
	assert_string_equal(cut, "x_00000");
}

static void every_letter_of_a_token_comes_up(void **state)
{
	int counts[128] = { 0 };
	char out[6201];

	(void)state;
	ident_token(out, sizeof(out), "", 6200);
	for (size_t i = 0; out[i]; i++)
		counts[(unsigned char)out[i]]++;
	/* 100 expected each; 30 is seven standard deviations away. */
	for (int c = 0; c < 128; c++)
		assert_true(isalnum(c) ? counts[c] > 30 && counts[c] < 170 : counts[c] == 0);
}

static void lengths_around_the_pool_are_filled(void **state)
{
	static const size_t lengths[] = { 1, 255, 256, 257, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		unsigned char bytes[1001] = { 0 };
		unsigned char seen = 0;

		for (int round = 0; round < 40; round++) {
			ident_random(bytes, lengths[i]);
			seen |= bytes[lengths[i] - 1];
		}
		assert_int_not_equal(seen, 0);
		assert_int_equal(bytes[lengths[i]], 0);
	}
	ident_random(NULL, 0);
}

static void a_forked_child_gets_bytes_of_its_own(void **state)
{
	unsigned char mine[16], theirs[16];
	int fds[2];
	pid_t child;

	(void)state;
	ident_random(mine, 1); /* the pool is filled before the fork */
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		ident_random(theirs, sizeof(theirs));
		_exit(write(fds[1], theirs, sizeof(theirs)) != sizeof(theirs));
	}
	assert_int_equal(read(fds[0], theirs, sizeof(theirs)), sizeof(theirs));
	assert_int_equal(waitpid(child, NULL, 0), child);
	ident_random(mine, sizeof(mine));
	assert_memory_not_equal(mine, theirs, sizeof(mine));
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuids_have_version_and_variant),
		cmocka_unit_test(tokens_fit_their_buffer),
		cmocka_unit_test(sorted_ids_sort_by_time_and_differ),
		cmocka_unit_test(every_letter_of_a_token_comes_up),
		cmocka_unit_test(lengths_around_the_pool_are_filled),
		cmocka_unit_test(a_forked_child_gets_bytes_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
