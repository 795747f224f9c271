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

static void keep(const char *path, const char *conversation, const char *text)
{
	struct err err = ERR_INIT;

	if (notes_keep(path, conversation, text, &err) < 0)
		fail_msg("%s", err.message);
}

static void expect(const char *path, const char *conversation, const char *text)
{
	char *found = notes_find(path, conversation);

	if (text)
		assert_string_equal(found, text);
	else
		assert_null(found);
	mem_free(found);
}

static void what_was_noted_is_found_until_it_is_noted_otherwise(void **state)
{
	char *path = make_path();

	(void)state;
	expect(path, "conv_1", NULL);
	keep(path, "conv_1", NULL);
	assert_int_not_equal(access(path, F_OK), 0);
	keep(path, "conv_1", "docs");
	keep(path, "conv_2", "code {\"team\": \"core x\"}");
	keep(path, "conv_3", "");
	expect(path, "conv_1", "docs");
	expect(path, "conv_2", "code {\"team\": \"core x\"}");
	expect(path, "conv_3", "");
	expect(path, "conv_", NULL);
	keep(path, "conv_1", "be \"brief\"\nand kind \xc3\xa4");
	expect(path, "conv_1", "be \"brief\"\nand kind \xc3\xa4");
	keep(path, "conv_2", NULL);
	expect(path, "conv_2", NULL);
	expect(path, "conv_1", "be \"brief\"\nand kind \xc3\xa4");
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
		keep(path, name, "docs");
	}
	expect(path, "conv_0", NULL);
	expect(path, "conv_4", NULL);
	expect(path, "conv_5", "docs");
	expect(path, "conv_1004", "docs");
	unlink(path);
	mem_free(path);
}

static void long_ones_push_out_the_oldest_not_all(void **state)
{
	char *path = make_path(), *long_text = mem_alloc(1000001);

	(void)state;
	memset(long_text, 'x', 1000000);
	long_text[1000000] = '\0';
	keep(path, "conv_1", "be brief");
	for (int i = 3; i < 9; i++) {
		char name[32];

		snprintf(name, sizeof(name), "conv_%d", i);
		keep(path, name, long_text);
		expect(path, name, long_text);
	}
	expect(path, "conv_1", NULL);
	expect(path, "conv_7", long_text);
	unlink(path);
	mem_free(path);
	mem_free(long_text);
}

static void what_cannot_be_noted_leaves_what_was(void **state)
{
	char *path = make_path(), *long_text = mem_alloc(2000001);
	struct err err = ERR_INIT;

	(void)state;
	memset(long_text, 'x', 2000000);
	long_text[2000000] = '\0';
	keep(path, "conv_1", "docs");
	assert_int_equal(notes_keep(path, "conv_1", long_text, &err), -1);
	assert_int_equal(err.code, E_too_large);
	assert_int_equal(notes_keep(path, "conv_1", "\xff", &err), -1);
	assert_string_equal(err.message, "it is no UTF-8");
	expect(path, "conv_1", "docs");
	unlink(path);
	mem_free(path);
	mem_free(long_text);
}

static void a_file_that_is_none_of_ours_is_no_harm(void **state)
{
	static const char text[] = "\n conv_1\nconv_1\nconv_1 \nconv_1 docs\nconv_1 {}\nconv_1 \"docs\"\n\xff\xfe";
	char *path = make_path();
	FILE *file;

	(void)state;
	keep(path, "conv_2", "docs");
	file = fopen(path, "w");
	assert_non_null(file);
	fwrite(text, 1, sizeof(text) - 1, file);
	fclose(file);
	expect(path, "conv_1", "docs");
	keep(path, "conv_3", "docs");
	expect(path, "conv_3", "docs");
	unlink(path);
	mem_free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_noted_is_found_until_it_is_noted_otherwise),
		cmocka_unit_test(the_oldest_are_forgotten),
		cmocka_unit_test(long_ones_push_out_the_oldest_not_all),
		cmocka_unit_test(what_cannot_be_noted_leaves_what_was),
		cmocka_unit_test(a_file_that_is_none_of_ours_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
