/* Tests of tui/notes.h. */
#include "tui/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/mem.h"

static char *make_path(void)
{
	char dir[] = "/tmp/test-notes-XXXXXX";

	assert_non_null(mkdtemp(dir));
	return mem_printf("%s/state/chat_indices", dir);
}

static void keep(const char *path, const char *conversation, const char *index, const char *filter)
{
	struct err err = ERR_INIT;

	if (notes_keep(path, conversation, index, filter, &err) < 0)
		fail_msg("%s", err.message);
}

static void expect(const char *path, const char *conversation, const char *index, const char *filter)
{
	struct note n;

	assert_int_equal(notes_find(path, conversation, &n), index != NULL);
	if (index)
		assert_string_equal(n.index, index);
	if (filter)
		assert_string_equal(n.filter, filter);
	else
		assert_null(n.filter);
	note_clear(&n);
}

static void what_was_noted_is_found_until_it_is_noted_otherwise(void **state)
{
	char *path = make_path();

	(void)state;
	expect(path, "conv_1", NULL, NULL);
	keep(path, "conv_1", "docs", NULL);
	keep(path, "conv_2", "code", "{\"team\": \"core x\"}");
	expect(path, "conv_1", "docs", NULL);
	expect(path, "conv_2", "code", "{\"team\": \"core x\"}");
	expect(path, "conv_", NULL, NULL);
	keep(path, "conv_1", "more", NULL);
	expect(path, "conv_1", "more", NULL);
	keep(path, "conv_2", NULL, NULL);
	expect(path, "conv_2", NULL, NULL);
	expect(path, "conv_1", "more", NULL);
	unlink(path);
	mem_free(path);
}

static void the_oldest_are_forgotten(void **state)
{
	char *path = make_path();

	(void)state;
	for (int i = 0; i < 1005; i++) {
		char name[32];

		snprintf(name, sizeof(name), "conv_%d", i);
		keep(path, name, "docs", NULL);
	}
	expect(path, "conv_0", NULL, NULL);
	expect(path, "conv_4", NULL, NULL);
	expect(path, "conv_5", "docs", NULL);
	expect(path, "conv_1004", "docs", NULL);
	unlink(path);
	mem_free(path);
}

static void a_file_that_is_none_of_ours_is_no_harm(void **state)
{
	static const char text[] = "\n conv_1\nconv_1\nconv_1 \nconv_1 docs {} x\n\xff\xfe";
	char *path = make_path();
	FILE *file;

	(void)state;
	keep(path, "conv_2", "docs", NULL);
	file = fopen(path, "w");
	assert_non_null(file);
	fwrite(text, 1, sizeof(text) - 1, file);
	fclose(file);
	expect(path, "conv_1", "docs", "{} x");
	keep(path, "conv_3", "docs", NULL);
	expect(path, "conv_3", "docs", NULL);
	unlink(path);
	mem_free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_noted_is_found_until_it_is_noted_otherwise),
		cmocka_unit_test(the_oldest_are_forgotten),
		cmocka_unit_test(a_file_that_is_none_of_ours_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
