/*
 * tests/unit/test_store_fault.c - files that others move or cut, disks and audits that refuse,
 * and what is lost meanwhile.
 */
#include "tests/support/store_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"

static void rotates_by_size_between_lines(void **state)
{
	struct fixture *f = *state;
	struct store *s;
	struct stat st;

	f->options.audit_max_bytes = 65536;
	s = open_store(f);
	push_records(s, 0, 150);
	store_flush(s);
	assert_int_equal(count_lines(f->audit) + count_lines(f->older), 150);
	assert_int_equal(stat(f->older, &st), 0);
	assert_true(st.st_size <= 65536 && st.st_size > 65536 - 1000);
	assert_int_equal(mode_of(f->older), 0600);
	/* One batch that is larger than both files. */
	push_records(s, 150, 950);
	store_close(s);
	assert_int_equal(stat(f->audit, &st), 0);
	assert_true(st.st_size <= 65536);
	assert_int_equal(stat(f->older, &st), 0);
	assert_true(st.st_size <= 65536 && st.st_size > 65536 - 1000);
	assert_int_equal(count_rows(f), 950);
}

static void a_reopened_audit_leaves_the_moved_file_alone(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push_records(s, 0, 10);
	store_flush(s);
	assert_int_equal(rename(f->audit, f->older), 0);
	push_records(s, 10, 15);
	store_flush(s);
	assert_int_equal(count_lines(f->older), 15);
	store_reopen_audit(s, 1 << 20);
	push_records(s, 15, 18);
	store_flush(s);
	assert_int_equal(count_lines(f->older), 15);
	assert_int_equal(count_lines(f->audit), 3);
	store_close(s);
}

static void a_removed_audit_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push_records(s, 0, 10);
	store_flush(s);
	assert_int_equal(unlink(f->audit), 0);
	push_records(s, 10, 13);
	store_close(s);
	assert_int_equal(count_lines(f->audit), 3);
}

static void a_line_cut_by_a_crash_is_ended(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(file_write(f->audit, SPAN_LIT("{\"ts\":\"20"), &err), 0);
	struct store *s = open_store(f);
	push_records(s, 0, 1);
	store_close(s);
	assert_int_equal(count_lines(f->audit), 2);
}

static void a_removed_database_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct store *s = open_store(f);

	push_records(s, 0, 10);
	store_flush(s);
	assert_int_equal(unlink(f->database), 0);
	push_records(s, 10, 13);
	store_flush(s);
	assert_int_equal(count_rows(f), 3);
	assert_int_equal(store_check(s, NULL), 0);
	store_close(s);
	assert_int_equal(count_rows(f), 3);
	assert_int_equal(count_lines(f->audit), 13);
}

/* A disk that refuses, as a limit on the size of files: the log has reached it, the audit not. */
static int limit_the_files(struct fixture *f)
{
	struct rlimit limit, small;
	struct store *s;
	struct err err = ERR_INIT;
	char log[160];

	signal(SIGXFSZ, SIG_IGN);
	s = store_open(&f->options, &err);
	if (!s)
		return 2;
	for (int i = 0; i < 100; i += 5) {
		push_records(s, i, i + 5);
		store_flush(s);
	}
	snprintf(log, sizeof(log), "%s-wal", f->database);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ (rlim_t)size_of(log), limit.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	push_records(s, 100, 150);
	store_flush(s);
	if (store_check(s, &err) == 0)
		return 3;
	if (err.code != E_storage_error || !strstr(err.message, "free space"))
		return 4;
	push_records(s, 150, 160);
	store_flush(s);
	if (store_check(s, NULL) == 0)
		return 5;
	setrlimit(RLIMIT_FSIZE, &limit);
	/* Nothing is recorded: it must find out by itself. */
	if (!recovers(s))
		return 6;
	push_records(s, 200, 210);
	store_flush(s);
	if (store_check(s, NULL) < 0)
		return 7;
	store_close(s);
	return 0;
}

static void a_refusing_disk_loses_rows_but_no_lines_and_passes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_child(limit_the_files, f), 0);
	assert_int_equal(count_rows(f), 110);
	assert_int_equal(count_lines(f->audit), 170);
	assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage"
					     " WHERE prompt_tokens BETWEEN 100 AND 199"),
			 0);
}

enum { NOT_ALLOWED = 77 };

static bool write_id(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = write(fd, text, strlen(text));

	return close(fd) == 0 && n == (ssize_t)strlen(text);
}

/* Who is not root needs users of its own, too: those that it is, as for others no file can be made. */
static bool leave_for_own_mounts(void)
{
	char uid[64], gid[64];

	if (geteuid() == 0)
		return unshare(CLONE_NEWNS) == 0;
	snprintf(uid, sizeof(uid), "%u %u 1", geteuid(), geteuid());
	snprintf(gid, sizeof(gid), "%u %u 1", getegid(), getegid());
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) == 0 && write_id("/proc/self/setgroups", "deny") &&
	       write_id("/proc/self/uid_map", uid) && write_id("/proc/self/gid_map", gid);
}

/* A small file system of the child's own; false when the system does not let it. */
static bool mount_small_disk(const char *at)
{
	return leave_for_own_mounts() && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", at, "tmpfs", 0, "size=1m,mode=0700") == 0;
}

static bool fill_disk(const char *ballast)
{
	static const char zeros[4096];
	int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n;

	do
		n = write(fd, zeros, sizeof(zeros));
	while (n > 0);
	return fd >= 0 && errno == ENOSPC && close(fd) == 0;
}

static int fill_the_disk(struct fixture *f)
{
	struct store *s;
	struct err err = ERR_INIT;
	char disk[96], ballast[128];

	snprintf(disk, sizeof(disk), "%s/disk", f->dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
	snprintf(f->database, sizeof(f->database), "%s/spass.db", disk);
	if (mkdir(disk, 0700) < 0 || !mount_small_disk(disk))
		return NOT_ALLOWED;
	s = store_open(&f->options, &err);
	if (!s)
		return 2;
	push_records(s, 0, 100);
	store_flush(s);
	if (!fill_disk(ballast))
		return 3;
	push_records(s, 100, 600);
	store_flush(s);
	if (store_check(s, &err) == 0 || !strstr(err.message, "disk is full"))
		return 4;
	if (unlink(ballast) < 0)
		return 5;
	if (!recovers(s))
		return 6;
	push_records(s, 600, 610);
	store_flush(s);
	store_close(s);
	return count_rows(f) == 110 ? 0 : 7;
}

static void a_full_disk_loses_rows_but_no_lines_and_passes(void **state)
{
	struct fixture *f = *state;
	int status = in_child(fill_the_disk, f);

	if (status == NOT_ALLOWED)
		skip();
	assert_int_equal(status, 0);
	assert_int_equal(count_lines(f->audit), 610);
}

static int open_on_a_full_disk(struct fixture *f)
{
	struct err err = ERR_INIT;
	char disk[96], ballast[128];

	snprintf(disk, sizeof(disk), "%s/disk", f->dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
	snprintf(f->database, sizeof(f->database), "%s/spass.db", disk);
	if (mkdir(disk, 0700) < 0 || !mount_small_disk(disk))
		return NOT_ALLOWED;
	if (!fill_disk(ballast))
		return 2;
	if (store_open(&f->options, &err))
		return 3;
	return err.code == E_storage_error && strstr(err.message, "disk is full") ? 0 : 4;
}

static void refuses_to_open_on_a_full_disk(void **state)
{
	int status = in_child(open_on_a_full_disk, *state);

	if (status == NOT_ALLOWED)
		skip();
	assert_int_equal(status, 0);
}

/* The other way round: lines fail, rows go on. */
static void a_full_audit_loses_lines_but_no_rows(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct store *s;

	f->options.audit = "/dev/full";
	s = open_store(f);
	push_records(s, 0, 10);
	store_flush(s);
	assert_int_equal(store_check(s, &err), -1);
	assert_non_null(strstr(err.message, "/dev/full"));
	assert_int_equal(count_rows(f), 10);
	assert_counted(f, "failed", 10);
	store_close(s);
}

/* A failed write of lines leaves whole lines only. */
static int fill_the_audit(struct fixture *f)
{
	struct rlimit limit, small;
	struct store *s;
	struct err err = ERR_INIT;

	signal(SIGXFSZ, SIG_IGN);
	f->options.usage = false;
	s = store_open(&f->options, &err);
	if (!s)
		return 2;
	push_records(s, 0, 100);
	store_flush(s);
	getrlimit(RLIMIT_FSIZE, &limit);
	small = (struct rlimit){ .rlim_cur = 60 * KIB, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	push_records(s, 100, 200);
	store_flush(s);
	if (store_check(s, NULL) == 0)
		return 3;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (!recovers(s))
		return 4;
	push_records(s, 200, 210);
	store_close(s);
	return 0;
}

static void a_full_audit_ends_with_a_whole_line(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_child(fill_the_audit, f), 0);
	assert_int_equal(count_lines(f->audit), 110);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rotates_by_size_between_lines),
		TEST(a_reopened_audit_leaves_the_moved_file_alone),
		TEST(a_removed_audit_is_made_anew),
		TEST(a_line_cut_by_a_crash_is_ended),
		TEST(a_removed_database_is_made_anew),
		TEST(a_refusing_disk_loses_rows_but_no_lines_and_passes),
		TEST(a_full_disk_loses_rows_but_no_lines_and_passes),
		TEST(refuses_to_open_on_a_full_disk),
		TEST(a_full_audit_loses_lines_but_no_rows),
		TEST(a_full_audit_ends_with_a_whole_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
