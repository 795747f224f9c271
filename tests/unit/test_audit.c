/*
 * tests/unit/test_audit.c - a file of lines: never half of one, never larger than it may be.
 */
#include "common/store/audit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/tree.h"

struct fixture {
	char directory[32], path[64], older[80];
	struct audit *audit;
	struct err err;
};

static int set_up(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	*f = (struct fixture){ .directory = "/tmp/spass-audit-XXXXXX", .err = ERR_INIT };
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/audit.jsonl", f->directory);
	snprintf(f->older, sizeof(f->older), "%s.1", f->path);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	audit_close(f->audit);
	tree_remove(f->directory);
	mem_free(f);
	return 0;
}

static void begin(struct fixture *f, int64_t max_bytes)
{
	f->audit = audit_open(f->path, max_bytes, &f->err);
	assert_non_null(f->audit);
}

static void write_lines(struct fixture *f, const char *lines)
{
	if (audit_write(f->audit, span_str(lines), &f->err) < 0)
		fail_msg("%s", f->err.message);
}

static void assert_file(const char *path, const char *want)
{
	char *got = tree_read(path);

	assert_string_equal(got, want);
	mem_free(got);
}

static void append(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void only_its_owner_may_read_it(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	begin(f, 1000);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_does_not_fit_goes_to_a_new_file_line_by_line(void **state)
{
	struct fixture *f = *state;

	begin(f, 10);
	write_lines(f, "aaaa\nbbbb\n");
	assert_file(f->path, "aaaa\nbbbb\n");
	write_lines(f, "c\n");
	assert_file(f->older, "aaaa\nbbbb\n");
	assert_file(f->path, "c\n");
	write_lines(f, "ddd\neeee\nff\n");
	assert_file(f->older, "c\nddd\n");
	assert_file(f->path, "eeee\nff\n");
	/* One that is too long for any file has one of its own. */
	write_lines(f, "a line that is too long\ng\n");
	assert_file(f->older, "a line that is too long\n");
	assert_file(f->path, "g\n");
}

static void half_a_line_of_before_is_ended(void **state)
{
	struct fixture *f = *state;

	append(f->path, "{\"cut");
	begin(f, 1000);
	write_lines(f, "a\n");
	assert_file(f->path, "{\"cut\na\n");
}

static void a_file_that_was_removed_is_made_anew(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000);
	write_lines(f, "a\n");
	unlink(f->path);
	write_lines(f, "b\n");
	assert_file(f->path, "b\n");
}

static void what_others_appended_counts(void **state)
{
	struct fixture *f = *state;

	begin(f, 10);
	append(f->path, "others 8\n");
	write_lines(f, "ab\n");
	assert_file(f->older, "others 8\n");
	assert_file(f->path, "ab\n");
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lines_for_which_there_is_no_room_leave_nothing_of_theirs(void **state)
{
	struct fixture *f = *state;

	begin(f, 1000);
	write_lines(f, "first\n");
	signal(SIGXFSZ, SIG_IGN);
	limit_files(10);
	assert_int_equal(audit_write(f->audit, SPAN_LIT("second\nthird\n"), &f->err), -1);
	assert_int_equal(f->err.code, E_storage_error);
	assert_file(f->path, "first\n");
	limit_files(RLIM_INFINITY);
	write_lines(f, "fourth\n");
	assert_file(f->path, "first\nfourth\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(only_its_owner_may_read_it),
		TEST(what_does_not_fit_goes_to_a_new_file_line_by_line),
		TEST(half_a_line_of_before_is_ended),
		TEST(a_file_that_was_removed_is_made_anew),
		TEST(what_others_appended_counts),
		TEST(lines_for_which_there_is_no_room_leave_nothing_of_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
