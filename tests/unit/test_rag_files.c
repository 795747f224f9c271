/* Tests of cmd/rag_files.h. */
#include "cmd/rag_files.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

/* A tree of its own for each test. */
struct stage {
	char dir[64];
	struct rag_files files;
	struct err err;
};

static int make_stage(void **state)
{
	struct stage *s = mem_new(struct stage);

	snprintf(s->dir, sizeof(s->dir), "/tmp/spass-files-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	*state = s;
	return 0;
}

static int remove_stage(void **state)
{
	struct stage *s = *state;

	rag_files_free(&s->files);
	tree_remove(s->dir);
	mem_free(s);
	return 0;
}

static char *at(const struct stage *s, const char *name)
{
	return mem_printf("%s/%s", s->dir, name);
}

/* Its content is its name. */
static void add_file(const struct stage *s, const char *name)
{
	char *path = at(s, name), *parent = mem_strdup(path);
	struct err err = ERR_INIT;

	*strrchr(parent, '/') = '\0';
	if (file_make_dirs(parent, &err) < 0 || file_write(path, span_str(name), &err) < 0)
		fail_msg("%s", err.message);
	mem_free(parent);
	mem_free(path);
}

static void add_link(const struct stage *s, const char *target, const char *name)
{
	char *path = at(s, name);

	assert_int_equal(symlink(target, path), 0);
	mem_free(path);
}

static int find_choice(struct stage *s, const char *name, const char *more,
		       const struct rag_choice *choice)
{
	char *paths[2] = { at(s, name), more ? at(s, more) : NULL };
	int result;

	rag_files_free(&s->files);
	s->err = (struct err)ERR_INIT;
	result = rag_files_find(&s->files, paths, more ? 2 : 1, choice, &s->err);
	mem_free(paths[0]);
	mem_free(paths[1]);
	return result;
}

static int find(struct stage *s, const char *name, const char *more)
{
	const struct rag_choice all = { .follow = true };

	return find_choice(s, name, more, &all);
}

static void assert_ids(const struct stage *s, const char *expected)
{
	struct buf ids;

	buf_init(&ids, MIB);
	for (size_t i = 0; i < s->files.count; i++)
		buf_printf(&ids, "%s%s", i > 0 ? " " : "", s->files.list[i].id);
	assert_string_equal(ids.len > 0 ? buf_str(&ids) : "", expected);
	buf_free(&ids);
}

static void ids_begin_at_the_directory_that_was_named(void **state)
{
	struct stage *s = *state;

	add_file(s, "manual/b/deep.md");
	add_file(s, "manual/a.md");
	add_file(s, "other.txt");
	assert_int_equal(find(s, "manual/", "other.txt"), 0);
	assert_ids(s, "manual/a.md manual/b/deep.md other.txt");
	assert_int_equal(s->files.root_count, 1);
	assert_string_equal(s->files.roots[0].prefix, "manual/");
	assert_int_equal(s->files.list[0].size, strlen("manual/a.md"));
	assert_true(s->files.list[0].mtime_us > 1000000);
	assert_int_equal(find(s, "manual/b", NULL), 0);
	assert_ids(s, "b/deep.md");
	assert_int_equal(find(s, "manual/b/..", NULL), 0);
	assert_ids(s, "manual/a.md manual/b/deep.md");
}

static void what_begins_with_a_dot_is_left_out_unless_it_was_named(void **state)
{
	struct stage *s = *state;

	add_file(s, "docs/.git/config");
	add_file(s, "docs/.hidden");
	add_file(s, "docs/seen");
	assert_int_equal(find(s, "docs", NULL), 0);
	assert_ids(s, "docs/seen");
	assert_int_equal(find(s, "docs/.git", "docs/.hidden"), 0);
	assert_ids(s, ".git/config .hidden");
}

static void links_are_followed_but_never_in_a_circle(void **state)
{
	struct stage *s = *state;

	add_file(s, "docs/sub/a");
	add_file(s, "elsewhere/b");
	add_link(s, "..", "docs/sub/up");
	add_link(s, ".", "docs/sub/self");
	add_link(s, "../elsewhere", "docs/more");
	add_link(s, "sub/a", "docs/again");
	add_link(s, "nowhere", "docs/broken");
	add_link(s, "ring", "docs/ring");
	assert_int_equal(find(s, "docs", NULL), 0);
	assert_ids(s, "docs/again docs/more/b docs/sub/a");
	/* The one that is broken, and the one that leads to itself: both were looked at. */
	assert_int_equal(s->files.dangling_count, 2);
	assert_int_equal(s->files.unreadable, 0);
}

static void links_that_lead_out_are_left_out_unless_they_are_to_be_followed(void **state)
{
	const struct rag_choice within = { .follow = false };
	struct stage *s = *state;

	add_file(s, "docs/a");
	add_file(s, "secret/key");
	add_link(s, "../secret/key", "docs/notes");
	add_link(s, "../secret", "docs/more");
	add_link(s, "a", "docs/again");
	assert_int_equal(find_choice(s, "docs", NULL, &within), 0);
	assert_ids(s, "docs/a docs/again");
	assert_int_equal(s->files.outside, 2);
	assert_int_equal(s->files.unreadable, 0);
}

static void a_directory_is_walked_once(void **state)
{
	struct stage *s = *state;

	add_file(s, "docs/a/x");
	add_file(s, "docs/b/y");
	add_link(s, "../b", "docs/a/to_b");
	add_link(s, "../a", "docs/b/to_a");
	assert_int_equal(find(s, "docs", NULL), 0);
	assert_ids(s, "docs/a/x docs/b/y");
}

static void globs_are_of_ids_and_of_last_names(void **state)
{
	static const struct {
		const char *include, *exclude, *ids;
	} cases[] = {
		{ "*.md", NULL, "docs/a.md docs/build/c.md docs/sub/b.md" },
		{ "a.*", NULL, "docs/a.c docs/a.md" },
		{ "docs/sub/*", NULL, "docs/sub/b.md docs/sub/d.txt" },
		{ NULL, "*.md", "docs/a.c docs/sub/d.txt" },
		{ NULL, "build", "docs/a.c docs/a.md docs/sub/b.md docs/sub/d.txt" },
		{ NULL, "docs/sub", "docs/a.c docs/a.md docs/build/c.md" },
		{ "*.md", "build", "docs/a.md docs/sub/b.md" },
		{ "*.md", "*", "" },
		{ "?.[ch]", NULL, "docs/a.c" },
	};
	struct stage *s = *state;

	add_file(s, "docs/a.md");
	add_file(s, "docs/a.c");
	add_file(s, "docs/sub/b.md");
	add_file(s, "docs/sub/d.txt");
	add_file(s, "docs/build/c.md");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct opt_texts include = { { cases[i].include }, cases[i].include ? 1 : 0 };
		struct opt_texts exclude = { { cases[i].exclude }, cases[i].exclude ? 1 : 0 };
		const struct rag_choice choice = { &include, &exclude, false };

		assert_int_equal(find_choice(s, "docs", NULL, &choice), 0);
		assert_ids(s, cases[i].ids);
	}
}

static void of_two_with_one_id_the_first_stays(void **state)
{
	struct stage *s = *state;

	add_file(s, "one/docs/a");
	add_file(s, "two/docs/a");
	add_file(s, "two/docs/b");
	assert_int_equal(find(s, "one/docs", "one/docs"), 0);
	assert_ids(s, "docs/a");
	assert_int_equal(find(s, "one/docs", "two/docs"), 0);
	assert_ids(s, "docs/a docs/b");
}

static void a_path_that_is_not_there_or_no_file_is_told(void **state)
{
	struct stage *s = *state;
	char *pipe_path = at(s, "pipe");

	add_file(s, "docs/a");
	assert_int_equal(find(s, "nowhere", NULL), -1);
	assert_int_equal(s->err.code, E_usage);
	assert_non_null(strstr(s->err.message, "nowhere"));
	assert_int_equal(find(s, "docs", "nowhere"), -1);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	assert_int_equal(find(s, "pipe", NULL), -1);
	assert_int_equal(s->err.code, E_usage);
	/* Below a directory it is passed by. */
	assert_int_equal(find(s, "", NULL), 0);
	assert_int_equal(s->files.count, 1);
	mem_free(pipe_path);
}

static void what_is_nested_too_deep_is_counted_and_the_rest_is_found(void **state)
{
	struct stage *s = *state;
	struct buf path;

	buf_init(&path, 4096);
	buf_add_str(&path, "docs");
	for (int i = 0; i < 70; i++)
		buf_add_str(&path, "/d");
	buf_add_str(&path, "/deep");
	add_file(s, buf_str(&path));
	add_file(s, "docs/a");
	buf_free(&path);
	assert_int_equal(find(s, "docs", NULL), 0);
	assert_ids(s, "docs/a");
	assert_int_equal(s->files.unreadable, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stage, remove_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_begin_at_the_directory_that_was_named),
		TEST(what_begins_with_a_dot_is_left_out_unless_it_was_named),
		TEST(links_are_followed_but_never_in_a_circle),
		TEST(links_that_lead_out_are_left_out_unless_they_are_to_be_followed),
		TEST(a_directory_is_walked_once),
		TEST(globs_are_of_ids_and_of_last_names),
		TEST(of_two_with_one_id_the_first_stays),
		TEST(a_path_that_is_not_there_or_no_file_is_told),
		TEST(what_is_nested_too_deep_is_counted_and_the_rest_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
