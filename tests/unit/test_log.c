/* Tests of common/base/log.h: what arrives on standard error, through a pipe put in its place. */
#include "common/base/log.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct capture {
	int real, fds[2];
	char text[4 * LOG_LINE_MAX];
};

static void begin(struct capture *c)
{
	c->real = dup(STDERR_FILENO);
	assert_int_equal(pipe(c->fds), 0);
	dup2(c->fds[1], STDERR_FILENO);
	close(c->fds[1]);
}

/* The lines written since begin; LOG_LINE_MAX is below what a pipe holds. */
static const char *end(struct capture *c)
{
	ssize_t got;

	dup2(c->real, STDERR_FILENO);
	close(c->real);
	got = read(c->fds[0], c->text, sizeof(c->text) - 1);
	close(c->fds[0]);
	c->text[got > 0 ? got : 0] = '\0';
	return c->text;
}

static void text_lines_have_stamp_level_area_and_message(void **state)
{
	struct capture c;
	const char *text;

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	begin(&c);
	errno = 4711;
	log_info("server", "listening on %s", "x");
	assert_int_equal(errno, 4711);
	log_debug("server", "not seen");
	log_error("store", "a\nb\x1b[0m\xff");
	text = end(&c);
	assert_int_equal(text[23], 'Z');
	assert_true(span_starts(span_str(text + 24), " info server: listening on x\n"));
	text = strchr(text, '\n') + 1;
	assert_string_equal(text + 24, " error store: a\\nb\\u001b[0m\xef\xbf\xbd\n");
}

/* Fills a pipe as others would who share it. */
static void fill(int fd)
{
	static const char dots[4096] = { '.' };
	int flags = fcntl(fd, F_GETFL);

	assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fd, dots, sizeof(dots)) > 0)
		;
	assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

static void a_log_that_nobody_reads_holds_nobody_up(void **state)
{
	struct capture c;
	char dump[4096];
	const char *text;
	ssize_t got;

	(void)state;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	begin(&c);
	fill(STDERR_FILENO);
	alarm(20); /* a write that blocks ends the test */
	for (int i = 0; i < 3; i++)
		log_info("server", "lost");
	alarm(0);
	assert_int_equal(fcntl(c.fds[0], F_SETFL, O_NONBLOCK), 0);
	while ((got = read(c.fds[0], dump, sizeof(dump))) > 0)
		assert_null(memmem(dump, (size_t)got, "lost", 4));
	log_info("server", "heard");
	log_info("server", "again");
	text = end(&c);
	assert_non_null(strstr(text, " warn log: nobody read the log: 3 lines are lost\n"));
	assert_true(strstr(text, " info server: heard\n") > strstr(text, "3 lines"));
	assert_non_null(strstr(text, " info server: again\n"));
	assert_null(strstr(strstr(text, "lost") + 4, "lost"));
}

static void json_lines_are_json(void **state)
{
	struct capture c;
	json_t *line;

	(void)state;
	log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
	begin(&c);
	log_debug("a\"b", "say \"%s\" \\ \t\n\x01\x7f\xc2\x85 \xc3\xa4 \xff", "hi");
	end(&c);
	line = json_loads(c.text, 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "level")), "debug");
	assert_string_equal(json_string_value(json_object_get(line, "area")), "a\"b");
	assert_string_equal(json_string_value(json_object_get(line, "message")),
			    "say \"hi\" \\ \t\n\x01\x7f\xc2\x85 \xc3\xa4 \xef\xbf\xbd");
	assert_int_equal(strlen(json_string_value(json_object_get(line, "ts"))), 24);
	assert_int_equal(c.text[strlen(c.text) - 1], '\n');
	json_decref(line);
}

static void long_lines_are_cut_whole_in_both_formats(void **state)
{
	/* A character of each width, and one that grows when escaped. */
	static const char *const units[] = { "a", "\xc3\xa4", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80", "\x01" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
			char message[3 * LOG_LINE_MAX] = "";
			struct capture c;
			json_t *line;
			size_t len = strlen(units[i]);

			for (size_t at = 0; at + len < sizeof(message); at += len)
				memcpy(message + at, units[i], len);
			log_setup(LOG_LEVEL_INFO, (enum log_format)format);
			begin(&c);
			log_warn("x", "%s", message);
			end(&c);
			assert_true(strlen(c.text) <= LOG_LINE_MAX);
			assert_true(strlen(c.text) > LOG_LINE_MAX - 16);
			assert_int_equal(c.text[strlen(c.text) - 1], '\n');
			assert_true(utf8_is_valid(span_str(c.text)));
			line = json_loads(c.text, 0, NULL);
			assert_true(format == LOG_FORMAT_TEXT ? !line : !!line);
			json_decref(line);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_lines_have_stamp_level_area_and_message),
		cmocka_unit_test(json_lines_are_json),
		cmocka_unit_test(a_log_that_nobody_reads_holds_nobody_up),
		cmocka_unit_test(long_lines_are_cut_whole_in_both_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
