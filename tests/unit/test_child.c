/* Tests of common/loop/child.h, with programs that every system has. */
#include "common/loop/child.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int run_shell(const char *line, int64_t timeout_ms, struct buf *out, struct child_end *end)
{
	const char *argv[] = { "/bin/sh", "-c", line, "sh", "it's; $(an) argument", NULL };
	struct child_options o = { .argv = argv, .timeout_ms = timeout_ms };
	struct err err = ERR_INIT;

	return child_run(&o, out, end, &err);
}

static void output_status_and_tail_come_back(void **state)
{
	static const struct {
		const char *line, *out, *tail;
		enum child_outcome outcome;
		int status;
	} cases[] = {
		{ "printf 'a\\nb'", "a\nb", "", CHILD_EXITED, 0 },
		{ "printf %s \"$1\"", "it's; $(an) argument", "", CHILD_EXITED, 0 },
		{ "echo out; echo 'went  wrong' >&2; exit 3", "out\n", "went  wrong", CHILD_EXITED, 3 },
		{ "printf 'a\\033[1m\\nb\\n' >&2", "", "a[1m b", CHILD_EXITED, 0 },
		{ "kill -TERM $$", "", "", CHILD_SIGNALLED, SIGTERM },
		{ "cat", "", "", CHILD_EXITED, 0 }, /* nothing on its input */
		{ "exec >&- 2>&-; exit 5", "", "", CHILD_EXITED, 5 },
		{ "head -c 100000 /dev/zero >&2; printf end >&2", "", "end", CHILD_EXITED, 0 },
	};
	struct child_end end;
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		assert_int_equal(run_shell(cases[i].line, 20000, &out, &end), 0);
		assert_int_equal(end.outcome, cases[i].outcome);
		assert_int_equal(end.status, cases[i].status);
		assert_string_equal(buf_str(&out), cases[i].out);
		assert_string_equal(end.tail, cases[i].tail);
	}
	buf_free(&out);
}

static void what_is_not_there_is_said(void **state)
{
	const char *argv[] = { "no-such-program-of-ours", NULL };
	struct child_options o = { .argv = argv, .timeout_ms = 1000 };
	struct child_end end;
	struct err err = ERR_INIT;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(child_run(&o, &out, &end, &err), -1);
	assert_int_equal(err.code, E_loader_failed);
	assert_non_null(strstr(err.message, "not installed"));
	buf_free(&out);
}

static bool is_alive(const char *pid)
{
	long number = strtol(pid, NULL, 10);

	assert_true(number > 1);
	return kill((pid_t)number, 0) == 0 || errno != ESRCH;
}

/* Its like is a child of init's by now, which may take a moment to notice. */
static bool dies_soon(const char *pid)
{
	for (int i = 0; i < 500 && is_alive(pid); i++) {
		char path[64], text[64] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/%ld/stat", strtol(pid, NULL, 10));
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strstr(text, ") Z")) {
			close(fd);
			return true; /* dead, and not waited for where nobody is init */
		}
		if (fd >= 0)
			close(fd);
		usleep(10000);
	}
	return !is_alive(pid);
}

static void whoever_hangs_is_killed_with_its_children(void **state)
{
	static const char *const lines[] = {
		"sleep 60 & echo $!; wait",
		"trap '' TERM INT; sleep 60 & echo $!; while :; do sleep 1; done",
	};
	struct child_end end;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		int64_t start = clock_mono_ms();

		buf_clear(&out);
		assert_int_equal(run_shell(lines[i], 300, &out, &end), 0);
		assert_int_equal(end.outcome, CHILD_TIMED_OUT);
		assert_in_range(clock_mono_ms() - start, 300, 20000);
		assert_true(dies_soon(buf_str(&out)));
	}
	buf_free(&out);
}

static void who_ends_is_not_waited_for_through_its_children(void **state)
{
	int64_t start = clock_mono_ms();
	struct child_end end;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(run_shell("sleep 60 & echo $!", 50000, &out, &end), 0);
	assert_int_equal(end.outcome, CHILD_EXITED);
	assert_in_range(clock_mono_ms() - start, 0, 20000);
	assert_true(dies_soon(buf_str(&out)));
	buf_free(&out);
}

static void output_is_bounded_and_cancelling_is_heard(void **state)
{
	const char *argv[] = { "yes", NULL };
	atomic_bool cancelled = true;
	struct child_options o = { .argv = argv, .timeout_ms = 20000 };
	struct child_end end;
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	assert_int_equal(child_run(&o, &out, &end, NULL), 0);
	assert_int_equal(end.outcome, CHILD_TOO_LONG);
	assert_true(out.len <= 100000);
	o.cancelled = &cancelled;
	buf_clear(&out);
	assert_int_equal(child_run(&o, &out, &end, NULL), 0);
	assert_int_equal(end.outcome, CHILD_CANCELLED);
	buf_free(&out);
}

static void secrets_and_descriptors_stay_here(void **state)
{
	struct child_end end;
	struct buf out;
	int fd = dup(0);

	(void)state;
	buf_init(&out, MIB);
	setenv("SPASS_TOKEN", "secret-of-ours", 1);
	assert_int_equal(run_shell("env; ls /proc/self/fd | tr '\\n' ' '", 20000, &out, &end), 0);
	assert_null(strstr(buf_str(&out), "secret-of-ours"));
	assert_non_null(strstr(buf_str(&out), "0 1 2 3 ")); /* 3 is the listing's own */
	assert_null(strstr(buf_str(&out), "0 1 2 3 4"));
	close(fd);
	buf_free(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_status_and_tail_come_back),
		cmocka_unit_test(what_is_not_there_is_said),
		cmocka_unit_test(whoever_hangs_is_killed_with_its_children),
		cmocka_unit_test(who_ends_is_not_waited_for_through_its_children),
		cmocka_unit_test(output_is_bounded_and_cancelling_is_heard),
		cmocka_unit_test(secrets_and_descriptors_stay_here),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
