/* Tests of common/base/arena.h. */
#include "common/base/arena.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void hands_out_aligned_memory_that_does_not_overlap(void **state)
{
	static const size_t sizes[] = { 1, 3, 16, 17, 100, 2000, 2100, 5000, 70000, 200000, 1 };
	unsigned char *blocks[ARRAY_LEN(sizes)];
	struct arena a;

	(void)state;
	arena_init(&a, MIB);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		/* An unaligned string in between must not spoil the next one. */
		assert_string_equal(arena_strdup(&a, "ab"), "ab");
		blocks[i] = arena_alloc(&a, sizes[i]);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
		memset(blocks[i], (int)i, sizes[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(blocks[i][k], i);
	arena_clear(&a);
}

static void refuses_beyond_its_limit_and_remembers(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 100);
	assert_non_null(arena_alloc(&a, 100));
	assert_false(arena_failed(&a));
	assert_null(arena_alloc(&a, 1));
	assert_true(arena_failed(&a));
	arena_clear(&a);
	assert_false(arena_failed(&a));
	assert_null(arena_alloc(&a, 101));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_true(arena_failed(&a));
	arena_clear(&a);
	/* A copy needs room for its NUL. */
	assert_null(arena_span(&a, span_of((char[100]){ 0 }, 100)).ptr);
	assert_true(arena_failed(&a));
	assert_int_equal(arena_span(&a, span_of((char[100]){ 0 }, 99)).len, 99);
	assert_null(arena_printf(&a, "x"));
	arena_clear(&a);
	/* What cannot be formatted is a failure too: half a surrogate pair has no bytes. */
	assert_null(arena_printf(&a, "%ls", L"\xd800"));
	assert_true(arena_failed(&a));
	arena_clear(&a);
	assert_null(arena_join(&a, (const struct span[]){ { NULL, SIZE_MAX } }, 1).ptr);
	assert_null(arena_join(&a, (const struct span[]){ { NULL, SIZE_MAX }, { "a", 1 } }, 2).ptr);
	arena_clear(&a);
}

static void copies_text(void **state)
{
	struct arena a;
	struct span s;

	(void)state;
	arena_init(&a, 1000);
	s = arena_span(&a, SPAN_LIT("a\0b"));
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.ptr, "a\0b", 4);
	s = arena_span(&a, SPAN_NONE);
	assert_string_equal(s.ptr, "");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
	s = arena_join(&a, (const struct span[]){ SPAN_LIT("ab"), SPAN_NONE, SPAN_LIT("c") }, 3);
	assert_int_equal(s.len, 3);
	assert_string_equal(s.ptr, "abc");
	assert_string_equal(arena_join(&a, NULL, 0).ptr, "");
	arena_clear(&a);
}

static void zeroes_when_asked_to(void **state)
{
	static const char zeros[300];
	struct arena a;

	(void)state;
	arena_init(&a, 10000);
	for (int i = 0; i < 5; i++)
		assert_memory_equal(arena_zalloc(&a, sizeof(zeros)), zeros, sizeof(zeros));
	arena_clear(&a);
}

static void is_as_new_after_a_reset(void **state)
{
	static const size_t firsts[] = { 1, 100, 5000, 100000 };
	struct arena a;

	(void)state;
	arena_init(&a, 200000);
	arena_reset(&a);
	for (size_t i = 0; i < ARRAY_LEN(firsts); i++)
		for (int round = 0; round < 3; round++) {
			assert_non_null(arena_alloc(&a, firsts[i]));
			for (int k = 0; k < 20; k++)
				memset(arena_alloc(&a, 1000), 0xa5, 1000);
			assert_null(arena_alloc(&a, 200000));
			assert_true(arena_failed(&a));
			arena_reset(&a);
			assert_false(arena_failed(&a));
			assert_int_equal(a.used, 0);
		}
	assert_non_null(arena_alloc(&a, 200000));
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hands_out_aligned_memory_that_does_not_overlap),
		cmocka_unit_test(refuses_beyond_its_limit_and_remembers),
		cmocka_unit_test(copies_text),
		cmocka_unit_test(zeroes_when_asked_to),
		cmocka_unit_test(is_as_new_after_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
