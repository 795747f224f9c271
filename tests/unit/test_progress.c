/* Tests of cmd/progress.h: what stands on stderr, a file here or a terminal. */
#include "cmd/progress.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

static const struct cmd_globals plain, quiet = { .quiet = true };

/* stderr while it is another's; fd: where what was written is read. */
struct capture {
	int kept, fd;
	char text[8192];
};

static void begin_capture(struct capture *c, int to, int from)
{
	fflush(stderr);
	c->kept = dup(STDERR_FILENO);
	c->fd = from;
	assert_true(dup2(to, STDERR_FILENO) >= 0);
	close(to);
}

static void capture_file(struct capture *c)
{
	char path[] = "/tmp/spass-progress-XXXXXX";
	int to = mkstemp(path), from = open(path, O_RDONLY);

	assert_true(to >= 0 && from >= 0);
	unlink(path);
	begin_capture(c, to, from);
}

static void capture_terminal(struct capture *c)
{
	int from = posix_openpt(O_RDWR | O_NOCTTY), to;
	struct termios raw;

	assert_true(from >= 0 && grantpt(from) == 0 && unlockpt(from) == 0);
	to = open(ptsname(from), O_RDWR | O_NOCTTY);
	assert_int_equal(tcgetattr(to, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(to, TCSANOW, &raw), 0);
	begin_capture(c, to, from);
}

/* stderr is itself again: failures are seen. */
static const char *end_capture(struct capture *c)
{
	size_t len = 0;
	ssize_t got;

	fflush(stderr);
	/* Nobody writes any more: of a terminal all comes, then an error. */
	dup2(c->kept, STDERR_FILENO);
	close(c->kept);
	while ((got = read(c->fd, c->text + len, sizeof(c->text) - 1 - len)) > 0)
		len += (size_t)got;
	c->text[len] = '\0';
	close(c->fd);
	return c->text;
}

/* As if it had begun, and told, so long ago. */
static void age(struct progress *p, int64_t us)
{
	p->began_us -= us;
	p->told_us -= us;
}

static size_t count(const char *text, const char *what)
{
	size_t found = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		found++;
	return found;
}

static void elsewhere_there_is_a_line_every_ten_seconds(void **state)
{
	struct capture c;
	struct progress p;
	const char *text;

	(void)state;
	capture_file(&c);
	progress_begin(&p, &plain, "docs", "files", 200);
	age(&p, 9 * 1000000);
	progress_step(&p, 10, 0);
	age(&p, 2 * 1000000);
	progress_step(&p, 40, 33 * 1000000);
	progress_step(&p, 10, 0);
	progress_end(&p);
	text = end_capture(&c);
	assert_int_equal(count(text, "\n"), 1);
	assert_int_equal(count(text, "\r"), 0);
	assert_non_null(strstr(text, "docs: 50/200 files, 25 %, 0:3"));
	assert_non_null(strstr(text, " left, 5 files/s, 3.0 MB/s\n"));
	assert_int_equal(p.done, 60);
}

static void what_is_soon_done_says_nothing(void **state)
{
	struct capture c;
	struct progress p;

	(void)state;
	capture_terminal(&c);
	progress_begin(&p, &plain, "docs", "files", 3);
	progress_step(&p, 1, 0);
	progress_step(&p, 2, 0);
	progress_end(&p);
	assert_string_equal(end_capture(&c), "");
}

static void quiet_is_quiet(void **state)
{
	struct capture c;
	struct progress p;

	(void)state;
	capture_file(&c);
	progress_begin(&p, &quiet, "docs", "files", 3);
	age(&p, 60 * 1000000);
	progress_step(&p, 1, 0);
	progress_end(&p);
	assert_string_equal(end_capture(&c), "");
}

static void on_a_terminal_one_line_is_written_over_and_taken_away(void **state)
{
	struct capture c;
	struct progress p;
	const char *text;

	(void)state;
	capture_terminal(&c);
	progress_begin(&p, &plain, "docs", "files", 0);
	age(&p, 1000000);
	progress_step(&p, 7, 0);
	progress_step(&p, 1, 0);
	age(&p, 200 * 1000);
	progress_step(&p, 1, 0);
	progress_hide(&p);
	progress_hide(&p);
	progress_end(&p);
	text = end_capture(&c);
	assert_int_equal(count(text, "\n"), 0);
	assert_int_equal(count(text, "\rdocs: "), 2);
	assert_non_null(strstr(text, "\rdocs: 7 files, "));
	assert_non_null(strstr(text, "\rdocs: 9 files, "));
	assert_null(strstr(text, " left"));
	assert_null(strstr(text, "%"));
	assert_int_equal(count(text, "\r\x1b[K"), 1);
	assert_string_equal(text + strlen(text) - 4, "\r\x1b[K");
}

static void what_was_there_before_makes_nothing_faster(void **state)
{
	struct capture c;
	struct progress p;
	const char *text;

	(void)state;
	capture_file(&c);
	progress_begin(&p, &plain, "docs", "vectors", 200);
	p.done = p.found = 100;
	age(&p, 11 * 1000000);
	progress_step(&p, 0, 0);
	age(&p, 11 * 1000000);
	progress_step(&p, 44, 0);
	progress_end(&p);
	text = end_capture(&c);
	assert_non_null(strstr(text, "docs: 100/200 vectors, 50 %, 0 vectors/s\n"));
	assert_non_null(strstr(text, "docs: 144/200 vectors, 72 %, 0:2"));
	assert_non_null(strstr(text, " left, 2 vectors/s\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elsewhere_there_is_a_line_every_ten_seconds),
		cmocka_unit_test(what_is_soon_done_says_nothing),
		cmocka_unit_test(quiet_is_quiet),
		cmocka_unit_test(what_was_there_before_makes_nothing_faster),
		cmocka_unit_test(on_a_terminal_one_line_is_written_over_and_taken_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
