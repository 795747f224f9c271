/* Tests of common/base/file.h, in a directory of their own. */
#include "common/base/file.h"

#include "common/base/mem.h"
#include "tests/support/tree.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
	char dir[64];
	char path[128];
};

static const char *in(struct place *p, const char *name)
{
	snprintf(p->path, sizeof(p->path), "%s/%s", p->dir, name);
	return p->path;
}

static int set_up(void **state)
{
	struct place *p = mem_new(struct place);

	snprintf(p->dir, sizeof(p->dir), "/tmp/spass-test-file-XXXXXX");
	*state = p;
	return mkdtemp(p->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	tree_remove(p->dir);
	mem_free(p);
	return 0;
}

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void writes_and_reads_back(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	struct stat st;
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(file_write(in(p, "f"), SPAN_LIT("one\0two"), &err), 0);
	assert_int_equal(file_write(in(p, "f"), SPAN_LIT("new\0er"), &err), 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(count_entries(p->dir), 1);
	buf_add_str(&out, "before ");
	assert_int_equal(file_read(p->path, &out, &err), 0);
	assert_true(span_equal(buf_span(&out), SPAN_LIT("before new\0er")));
	assert_int_equal(file_write(p->path, SPAN_NONE, &err), 0);
	buf_clear(&out);
	assert_int_equal(file_read(p->path, &out, &err), 0);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void reads_up_to_the_buffers_limit(void **state)
{
	static const struct {
		size_t size, max;
		int result;
	} cases[] = {
		{ 9, 10, 0 }, { 10, 10, 0 }, { 11, 10, -1 }, { 65536, 65536, 0 },
		{ 65537, 65536, -1 }, { 200000, 200000, 0 }, { 200001, 200000, -1 },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *bytes = mem_calloc(cases[i].size, 1);
		struct err err = ERR_INIT;
		struct buf out;

		assert_int_equal(file_write(in(p, "f"), span_of(bytes, cases[i].size), &err), 0);
		buf_init(&out, cases[i].max);
		assert_int_equal(file_read(p->path, &out, &err), cases[i].result);
		assert_int_equal(out.len, cases[i].result == 0 ? cases[i].size : 0);
		assert_int_equal(err.code, cases[i].result == 0 ? E_none : E_too_large);
		buf_free(&out);
		mem_free(bytes);
	}
}

static void says_why_it_cannot(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	struct buf out;

	buf_init(&out, 10);
	assert_int_equal(file_read(in(p, "none"), &out, &err), -1);
	assert_int_equal(err.code, E_storage_error);
	assert_non_null(strstr(err.message, "/none: No such file or directory"));
	assert_int_equal(file_read(p->dir, &out, &err), -1);
	assert_non_null(strstr(err.message, "Is a directory"));
	assert_int_equal(file_write(in(p, "no/f"), SPAN_LIT("x"), &err), -1);
	assert_int_equal(err.code, E_storage_error);
	/* A directory in the way: nothing half-done stays behind. */
	assert_int_equal(file_make_dirs(in(p, "a/b"), &err), 0);
	assert_int_equal(file_write(in(p, "a"), SPAN_LIT("x"), &err), -1);
	assert_int_equal(count_entries(p->dir), 1);
	buf_free(&out);
}

static void never_takes_the_place_of_what_is_no_file(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(mkfifo(in(p, "fifo"), 0600), 0);
	assert_int_equal(file_write(p->path, SPAN_LIT("x"), &err), -1);
	assert_int_equal(err.code, E_storage_error);
	assert_non_null(strstr(err.message, "no regular file"));
	assert_int_equal(lstat(p->path, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(count_entries(p->dir), 1);
	assert_int_equal(unlink(p->path), 0);
}

static void only_what_is_not_there_is_absent(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;

	assert_int_equal(file_write(in(p, "plain"), SPAN_LIT("x"), &err), 0);
	assert_false(file_is_absent(p->path));
	assert_true(file_is_absent(in(p, "plain/below")));
	assert_true(file_is_absent(in(p, "none")));
	assert_true(file_is_absent(in(p, "none/below")));
	assert_int_equal(symlink("nowhere", in(p, "dangling")), 0);
	assert_false(file_is_absent(p->path));
	assert_false(file_exists(p->path));
	assert_false(file_is_absent(in(p, "dangling/below")));
	assert_false(file_is_absent(in(p, "dangling/below/that")));
	/* Nobody, not even root, gets past a link to itself. */
	assert_int_equal(symlink("loop", in(p, "loop")), 0);
	assert_false(file_is_absent(in(p, "loop/below")));
	unlink(in(p, "loop"));
	unlink(in(p, "dangling"));
	unlink(in(p, "plain"));
}

static void makes_missing_directories_only(void **state)
{
	struct place *p = *state;
	struct err err = ERR_INIT;
	struct stat st;

	assert_false(file_exists(in(p, "a/b/c")));
	assert_int_equal(file_make_dirs(in(p, "a//b/c/"), &err), 0);
	assert_true(file_exists(in(p, "a/b/c")));
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_make_dirs(p->path, &err), 0);
	assert_int_equal(file_make_dirs("/", &err), 0);
	assert_int_equal(file_write(in(p, "f"), SPAN_LIT("x"), &err), 0);
	assert_int_equal(file_make_parents(in(p, "parent/f"), &err), 0);
	assert_false(file_exists(p->path));
	assert_true(file_exists(in(p, "parent")));
	assert_int_equal(file_make_parents("f", &err), 0);
	assert_int_equal(file_make_parents("/f", &err), 0);
	assert_int_equal(file_make_dirs(in(p, "f/x"), &err), -1);
	assert_int_equal(file_make_dirs(in(p, "f"), &err), -1);
	assert_int_equal(err.code, E_storage_error);
}

static void assert_place(enum file_place place, const char *name, const char *want)
{
	char *got = file_place(place, name);

	assert_non_null(got);
	assert_string_equal(got, want);
	mem_free(got);
}

static void places_follow_the_environment(void **state)
{
	char want[64];

	(void)state;
	setenv("HOME", "/home/x", 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CACHE_HOME");
	assert_place(FILE_CONFIG, "spass.yaml", "/home/x/.config/spass/spass.yaml");
	assert_place(FILE_DATA, "", "/home/x/.local/share/spass");
	assert_place(FILE_STATE, "log", "/home/x/.local/state/spass/log");
	assert_place(FILE_CACHE, "", "/home/x/.cache/spass");
	setenv("XDG_CONFIG_HOME", "relative", 1);
	assert_place(FILE_CONFIG, "", "/home/x/.config/spass");
	setenv("XDG_CONFIG_HOME", "/etc/x", 1);
	assert_place(FILE_CONFIG, "f", "/etc/x/spass/f");
	setenv("XDG_RUNTIME_DIR", "/run/x", 1);
	assert_place(FILE_RUNTIME, "sock", "/run/x/spass/sock");
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(want, sizeof(want), "/tmp/spass-%lu/sock", (unsigned long)getuid());
	assert_place(FILE_RUNTIME, "sock", want);
	*strrchr(want, '/') = '\0';
	rmdir(want); /* unless somebody uses it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_and_reads_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reads_up_to_the_buffers_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(says_why_it_cannot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(never_takes_the_place_of_what_is_no_file, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(only_what_is_not_there_is_absent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(makes_missing_directories_only, set_up, tear_down),
		cmocka_unit_test(places_follow_the_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
