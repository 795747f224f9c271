/* Tests of tui/notes.h. */
#include "tui/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void expect_system(const char *path, const char *conversation, const char *text)
{
	char *found = notes_find_system(path, conversation);

	if (text)
		assert_string_equal(found, text);
	else
		assert_null(found);
	mem_free(found);
}

static void a_system_message_of_several_lines_is_found_again(void **state)
{
	char *path = make_path(), *long_text = mem_alloc(1000001);
	struct err err = ERR_INIT;

	(void)state;
	memset(long_text, 'x', 1000000);
	long_text[1000000] = '\0';
	expect_system(path, "conv_1", NULL);
	assert_int_equal(notes_keep_system(path, "conv_1", "be \"brief\"\nand kind \xc3\xa4", &err), 0);
	assert_int_equal(notes_keep_system(path, "conv_2", "", &err), 0);
	expect_system(path, "conv_1", "be \"brief\"\nand kind \xc3\xa4");
	expect_system(path, "conv_2", "");
	assert_int_equal(notes_keep_system(path, "conv_2", NULL, &err), 0);
	expect_system(path, "conv_2", NULL);
	/* Long ones push out the oldest, not all. */
	for (int i = 3; i < 9; i++) {
		char name[32];

		snprintf(name, sizeof(name), "conv_%d", i);
		assert_int_equal(notes_keep_system(path, name, long_text, &err), 0);
		expect_system(path, name, long_text);
	}
	expect_system(path, "conv_1", NULL);
	expect_system(path, "conv_7", long_text);
	unlink(path);
	mem_free(path);
	mem_free(long_text);
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
		cmocka_unit_test(a_system_message_of_several_lines_is_found_again),
		cmocka_unit_test(a_file_that_is_none_of_ours_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
