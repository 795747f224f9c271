/* Tests of cmd/output.h: what -o FILE does to whatever is there.  All of it is made here. */
#include "cmd/output.h"

#include "common/base/mem.h"
#include "tests/support/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

static char place[] = "/tmp/spass-output-XXXXXX";
static char paths[4][128];

static const char *in(int which, const char *name)
{
	snprintf(paths[which], sizeof(paths[which]), "%s/%s", place, name);
	return paths[which];
}

static int set_up(void **state)
{
	(void)state;
	snprintf(place, sizeof(place), "/tmp/spass-output-XXXXXX");
	umask(022);
	return mkdtemp(place) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	tree_remove(place);
	return 0;
}

static size_t count_names(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *one;
	size_t count = 0;

	if (!dir)
		return 0;
	while ((one = readdir(dir)))
		count += strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0;
	closedir(dir);
	return count;
}

static void write_text(const char *path, const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(output_write(path, span_str(text), &err), 0);
	assert_int_equal(err.code, E_none);
}

static void assert_holds(const char *path, const char *want)
{
	char *got = tree_read(path);

	assert_string_equal(got, want);
	mem_free(got);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static void a_new_file_gets_what_the_umask_leaves_and_an_old_one_keeps_its_mode(void **state)
{
	const char *path = in(0, "f");

	(void)state;
	umask(027);
	write_text(path, "one");
	assert_int_equal(mode_of(path) & 07777, 0640);
	assert_int_equal(chmod(path, 0606), 0);
	write_text(path, "two");
	assert_int_equal(mode_of(path) & 07777, 0606);
	assert_holds(path, "two");
	assert_int_equal(count_names(place), 1);
}

static void what_is_given_up_leaves_no_trace(void **state)
{
	const char *old = in(0, "old"), *new = in(1, "new");
	struct err err = ERR_INIT;
	struct output o;

	(void)state;
	write_text(old, "kept");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(output_open(&o, i ? new : old, &err), 0);
		fputs("a part", o.file);
		assert_int_equal(output_close(&o, false, &err), -1);
	}
	assert_int_equal(err.code, E_none);
	assert_holds(old, "kept");
	assert_int_equal(count_names(place), 1);
}

static void a_fifo_is_written_into_and_stays(void **state)
{
	const char *path = in(0, "fifo");
	char text[16] = "";
	int reader;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	write_text(path, "through");
	assert_int_equal(read(reader, text, sizeof(text) - 1), 7);
	assert_string_equal(text, "through");
	close(reader);
	assert_true(S_ISFIFO(mode_of(path)));
	assert_int_equal(count_names(place), 1);
}

/* One of its own that is always full: to make it needs a privilege. */
static void a_device_is_written_into_and_stays(void **state)
{
	const char *path = in(0, "full"), *link = in(1, "link");
	struct err err = ERR_INIT;

	(void)state;
	if (mknod(path, S_IFCHR | 0600, makedev(1, 7)) < 0) {
		print_message("no device can be made here\n");
		skip();
	}
	assert_int_equal(symlink("full", link), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(output_write(paths[i], SPAN_LIT("x"), &err), -1);
		assert_int_equal(err.code, E_output_failed);
		assert_true(S_ISCHR(mode_of(path)) && S_ISLNK(mode_of(link)));
	}
	assert_int_equal(count_names(place), 2);
}

static void links_stay_and_what_they_lead_to_is_written(void **state)
{
	const char *link = in(0, "link"), *second = in(1, "sub/second"), *file = in(2, "sub/file");

	(void)state;
	assert_int_equal(mkdir(in(3, "sub"), 0700), 0);
	assert_int_equal(symlink("sub/second", link), 0);
	assert_int_equal(symlink("file", second), 0);
	/* First it leads nowhere. */
	for (int i = 0; i < 2; i++) {
		write_text(link, i ? "second" : "first");
		assert_true(S_ISLNK(mode_of(link)) && S_ISLNK(mode_of(second)));
		assert_true(S_ISREG(mode_of(file)));
		assert_holds(file, i ? "second" : "first");
	}
	assert_int_equal(count_names(in(3, "sub")), 2);
	assert_int_equal(count_names(place), 2);
}

static void links_that_go_round_and_directories_are_refused(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(symlink("round", in(0, "round")), 0);
	assert_int_equal(mkdir(in(1, "sub"), 0700), 0);
	for (int i = 0; i < 2; i++) {
		err = (struct err)ERR_INIT;
		assert_int_equal(output_write(paths[i], SPAN_LIT("x"), &err), -1);
		assert_int_equal(err.code, E_output_failed);
		assert_string_equal(err.param, "output");
	}
	assert_int_equal(output_write(in(2, "no/f"), SPAN_LIT("x"), &err), -1);
	assert_int_equal(err.code, E_output_failed);
	assert_int_equal(count_names(place), 2);
}

static void a_file_that_may_not_be_written_is_not_replaced(void **state)
{
	enum { NOBODY = 65534 };
	const char *path = in(0, "f");
	const bool is_root = geteuid() == 0;
	struct err err = ERR_INIT;
	int result;

	(void)state;
	write_text(path, "mine");
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(place, 0777), 0);
	/* Nothing is forbidden to root. */
	if (is_root)
		assert_int_equal(seteuid(NOBODY), 0);
	result = output_write(path, SPAN_LIT("x"), &err);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(result, -1);
	assert_non_null(strstr(err.message, "Permission denied"));
	assert_holds(path, "mine");
}

/* A file: what stands in it already must stay, as after `>>`. */
static void what_standard_output_leads_to_is_standard_output(void **state)
{
	const char *file = in(0, "out"), *link = in(1, "link");
	const char *const names[] = { "-", link, file };
	int kept, to;

	(void)state;
	assert_int_equal(symlink("/proc/self/fd/1", link), 0);
	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	to = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_int_equal(write(to, "0", 1), 1);
	dup2(to, STDOUT_FILENO);
	close(to);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		write_text(names[i], "x");
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	assert_holds(file, "0xxx");
	assert_true(S_ISLNK(mode_of(link)));
	assert_int_equal(count_names(place), 2);
}

static void a_descriptor_that_was_given_is_written_where_it_stands(void **state)
{
	const char *file = in(0, "f");
	const int given = 33; /* dup2 leaves it to programs that are started, as a shell does */
	struct err err = ERR_INIT;
	int own;

	(void)state;
	own = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(own, "0", 1), 1);
	assert_int_equal(dup2(own, given), given);
	write_text("/dev/fd/33", "1");
	write_text("/proc/self/fd/33", "2");
	close(given);
	assert_int_equal(output_write("/dev/fd/33", SPAN_LIT("x"), &err), -1);
	assert_int_equal(err.code, E_output_failed);
	err = (struct err)ERR_INIT;
	snprintf(paths[1], sizeof(paths[1]), "/dev/fd/%d", own);
	assert_int_equal(output_write(paths[1], SPAN_LIT("x"), &err), -1);
	assert_int_equal(err.code, E_output_failed);
	close(own);
	assert_holds(file, "012");
	assert_int_equal(count_names(place), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_file_gets_what_the_umask_leaves_and_an_old_one_keeps_its_mode),
		CASE(what_is_given_up_leaves_no_trace),
		CASE(a_fifo_is_written_into_and_stays),
		CASE(a_device_is_written_into_and_stays),
		CASE(links_stay_and_what_they_lead_to_is_written),
		CASE(links_that_go_round_and_directories_are_refused),
		CASE(a_file_that_may_not_be_written_is_not_replaced),
		CASE(what_standard_output_leads_to_is_standard_output),
		CASE(a_descriptor_that_was_given_is_written_where_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
