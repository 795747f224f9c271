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
#include "tests/support/tree.h"

struct place {
	char dir[32], path[64];
};

static int set_up(void **state)
{
	struct place *p = mem_new(struct place);

	snprintf(p->dir, sizeof(p->dir), "/tmp/spass-notes-XXXXXX");
	*state = p;
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/state/chat_indices", p->dir);
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	tree_remove(p->dir);
	mem_free(p);
	return 0;
}

/* Of so many letters; the caller frees. */
static char *make_long(size_t len)
{
	char *text = mem_alloc(len + 1);

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
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
	const char *path = ((struct place *)*state)->path;

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
}

static void the_oldest_are_forgotten(void **state)
{
	const char *path = ((struct place *)*state)->path;

	for (int i = 0; i < 1005; i++) {
		char name[32];

		snprintf(name, sizeof(name), "conv_%d", i);
		keep(path, name, "docs");
	}
	expect(path, "conv_0", NULL);
	expect(path, "conv_4", NULL);
	expect(path, "conv_5", "docs");
	expect(path, "conv_1004", "docs");
}

static void long_ones_push_out_the_oldest_not_all(void **state)
{
	const char *path = ((struct place *)*state)->path;
	char *long_text = make_long(1000000);

	keep(path, "conv_1", "be brief");
	for (int i = 3; i < 9; i++) {
		char name[32];

		snprintf(name, sizeof(name), "conv_%d", i);
		keep(path, name, long_text);
		expect(path, name, long_text);
	}
	expect(path, "conv_1", NULL);
	expect(path, "conv_7", long_text);
	mem_free(long_text);
}

static void what_cannot_be_noted_leaves_what_was(void **state)
{
	const char *path = ((struct place *)*state)->path;
	char *long_text = make_long(2000000);
	struct err err = ERR_INIT;

	keep(path, "conv_1", "docs");
	assert_int_equal(notes_keep(path, "conv_1", long_text, &err), -1);
	assert_int_equal(err.code, E_too_large);
	assert_int_equal(notes_keep(path, "conv_1", "\xff", &err), -1);
	assert_string_equal(err.message, "it is no UTF-8");
	expect(path, "conv_1", "docs");
	mem_free(long_text);
}

static void a_file_that_is_none_of_ours_is_no_harm(void **state)
{
	static const char text[] = "\n conv_1\nconv_1\nconv_1 \nconv_1 docs\nconv_1 {}\nconv_1 \"docs\"\n\xff\xfe";
	const char *path = ((struct place *)*state)->path;
	FILE *file;

	keep(path, "conv_2", "docs");
	file = fopen(path, "w");
	assert_non_null(file);
	fwrite(text, 1, sizeof(text) - 1, file);
	fclose(file);
	expect(path, "conv_1", "docs");
	keep(path, "conv_3", "docs");
	expect(path, "conv_3", "docs");
}

/* What others noted is in it all the same. */
static void a_file_that_cannot_be_read_is_left_alone(void **state)
{
	const char *path = ((struct place *)*state)->path;
	struct err err = ERR_INIT;

	keep(path, "conv_1", "docs");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("chat_indices", path), 0);
	expect(path, "conv_1", NULL);
	assert_int_equal(notes_keep(path, "conv_2", "docs", &err), -1);
	assert_non_null(strstr(err.message, path));
	assert_int_equal(unlink(path), 0);
	keep(path, "conv_2", "docs");
	assert_int_equal(truncate(path, 5000000), 0);
	assert_int_equal(notes_keep(path, "conv_3", "docs", &err), -1);
	assert_int_equal(truncate(path, 14), 0);
	expect(path, "conv_2", "docs");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_noted_is_found_until_it_is_noted_otherwise),
		TEST(the_oldest_are_forgotten),
		TEST(long_ones_push_out_the_oldest_not_all),
		TEST(what_cannot_be_noted_leaves_what_was),
		TEST(a_file_that_is_none_of_ours_is_no_harm),
		TEST(a_file_that_cannot_be_read_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
