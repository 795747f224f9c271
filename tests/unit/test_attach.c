/* tests/unit/test_attach.c - questions put together, blocks of code found. */
#include "tui/attach.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[] = "/tmp/spass-attach-XXXXXX";

static char *make_file(const char *name, struct span content)
{
	struct err err = ERR_INIT;
	char *path = mem_printf("%s/%s", directory, name);

	assert_int_equal(file_write(path, content, &err), 0);
	return path;
}

/* A descriptor that gives these bytes and then ends; at most what a pipe holds. */
static int pipe_of(struct span content)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], content.ptr, content.len), (int)content.len);
	close(ends[1]);
	return ends[0];
}

static void words_pipe_and_files_are_parted_by_blank_lines(void **state)
{
	static char one[] = "what", two[] = "is this?";
	char *words[] = { one, two }, *path = make_file("a.md", SPAN_LIT("x\n```\ny\n````"));
	struct err err = ERR_INIT;
	struct buf question;
	int fd = pipe_of(SPAN_LIT("piped\n"));
	char *want = mem_printf("what is this?\n\npiped\n\n%s:\n\n`````\nx\n```\ny\n````\n`````\n", path);

	(void)state;
	attach_init(&question);
	assert_int_equal(attach_words(&question, 2, words, &err), 0);
	assert_int_equal(attach_pipe(&question, fd, &err), 0);
	assert_int_equal(attach_file(&question, path, &err), 0);
	assert_string_equal(buf_str(&question), want);
	buf_free(&question);
	close(fd);
	unlink(path);
	mem_free(path);
	mem_free(want);
}

static void an_empty_pipe_changes_nothing(void **state)
{
	static char word[] = "hi\n";
	char *words[] = { word };
	struct err err = ERR_INIT;
	struct buf question;
	int fd = pipe_of(SPAN_LIT(""));

	(void)state;
	attach_init(&question);
	assert_int_equal(attach_pipe(&question, fd, &err), 0);
	assert_int_equal(question.len, 0);
	assert_int_equal(attach_words(&question, 1, words, &err), 0);
	assert_int_equal(attach_pipe(&question, fd, &err), 0);
	assert_int_equal(strncmp(buf_str(&question), "hi", 2), 0);
	assert_true(question.len <= 3);
	buf_free(&question);
	close(fd);
}

static void what_is_no_text_or_too_much_is_refused(void **state)
{
	char *big = mem_calloc(1, ATTACH_MAX), *path, *binary = make_file("b.bin", span_of("a\0b", 3));
	struct err err = ERR_INIT;
	struct buf question;
	int fd = pipe_of(span_of("a\0b", 3));

	(void)state;
	memset(big, 'x', ATTACH_MAX);
	path = make_file("big", span_of(big, ATTACH_MAX));
	attach_init(&question);
	assert_int_equal(attach_pipe(&question, fd, &err), -1);
	assert_int_equal(err.code, E_usage);
	buf_clear(&question);
	assert_int_equal(attach_file(&question, binary, &err), -1);
	assert_int_equal(err.code, E_usage);
	assert_non_null(strstr(err.message, "b.bin"));
	assert_int_equal(question.len, 0);
	assert_int_equal(attach_file(&question, path, &err), -1);
	assert_int_equal(err.code, E_too_large);
	buf_clear(&question);
	assert_int_equal(attach_file(&question, "/nowhere/at/all", &err), -1);
	assert_int_equal(err.code, E_usage);
	buf_free(&question);
	close(fd);
	unlink(path);
	unlink(binary);
	mem_free(path);
	mem_free(binary);
	mem_free(big);
}

static void what_is_not_text_is_named_with_its_place(void **state)
{
	static const struct {
		struct span content;
		const char *said;
	} cases[] = {
		{ { "a\0b", sizeof "a\0b" - 1 }, "is not text: byte 2 is NUL" },
		{ { "caf\351 x", sizeof "caf\351 x" - 1 }, "is not UTF-8 text: byte 4 is 0xe9" },
		{ { "\xef\xbf\xbd\xff", sizeof "\xef\xbf\xbd\xff" - 1 }, "byte 4 is 0xff" },
		{ { "ok \xe2\x82", sizeof "ok \xe2\x82" - 1 }, "byte 4 is 0xe2" },
		{ { "\xff\xfeh\0", sizeof "\xff\xfeh\0" - 1 }, "byte 4 is NUL" },
		{ { "caf\xc3\xa9 \xef\xbf\xbd", sizeof "caf\xc3\xa9 \xef\xbf\xbd" - 1 }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *path = make_file("f", cases[i].content), *at = mem_printf("@%s", path), *text;
		int fd = pipe_of(cases[i].content), want = cases[i].said ? -1 : 0;
		struct err err = ERR_INIT;
		struct buf question;

		attach_init(&question);
		buf_add_str(&question, "before");
		assert_int_equal(attach_pipe(&question, fd, &err), want);
		if (cases[i].said)
			assert_non_null(strstr(err.message, cases[i].said));
		buf_clear(&question);
		err.code = E_none;
		assert_int_equal(attach_file(&question, path, &err), want);
		if (cases[i].said)
			assert_non_null(strstr(err.message, cases[i].said));
		err.code = E_none;
		text = attach_text_or_file(at, &err);
		assert_int_equal(text ? 0 : -1, want);
		if (cases[i].said)
			assert_non_null(strstr(err.message, cases[i].said));
		mem_free(text);
		buf_free(&question);
		close(fd);
		unlink(path);
		mem_free(path);
		mem_free(at);
	}
	struct err err = ERR_INIT;

	assert_null(attach_text_or_file("caf\351", &err));
	assert_non_null(strstr(err.message, "byte 4 is 0xe9"));
}

static void an_at_sign_names_a_file(void **state)
{
	char *path = make_file("system", SPAN_LIT("be kind")), *at = mem_printf("@%s", path), *text;
	struct err err = ERR_INIT;

	(void)state;
	text = attach_text_or_file(at, &err);
	assert_string_equal(text, "be kind");
	mem_free(text);
	text = attach_text_or_file("be brief", &err);
	assert_string_equal(text, "be brief");
	mem_free(text);
	assert_null(attach_text_or_file("@/nowhere", &err));
	assert_int_equal(err.code, E_usage);
	unlink(path);
	mem_free(path);
	mem_free(at);
}

static void blocks_of_code_are_counted(void **state)
{
	static const struct {
		const char *text;
		int64_t number;
		const char *code; /* NULL: none */
	} cases[] = {
		{ "a\n```c\nx\ny\n```\nb", 1, "x\ny\n" },
		{ "```\na\n```\n~~~\nb\n~~~\n", 2, "b\n" },
		{ "```\na\n```\n~~~\nb\n~~~\n", -1, "b\n" },
		{ "```\na\n```\n", 2, NULL },
		{ "no code", 1, NULL },
		{ "no code", -1, NULL },
		{ "````\n```\na\n```\n````\n", 1, "```\na\n```\n" },
		{ "```\nopen", 1, "open" },
		{ "```\nopen", -1, "open" },
		{ "```", 1, NULL },
		{ "```\n```", 1, "" },
		{ "  ```\na\n   ```", 1, "a\n" },
		{ "```a`b\nx\n```\ny\n", 1, "y\n" },
		{ "~~~\na\n```\n~~~", 1, "a\n```\n" },
		{ "", 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span code = SPAN_NONE;
		bool found = attach_find_code(span_str(cases[i].text), cases[i].number, &code);

		if (found != (cases[i].code != NULL) || (found && !span_is(code, cases[i].code)))
			fail_msg("%zu: %.*s", i, SPAN_ARGS(code));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_pipe_and_files_are_parted_by_blank_lines),
		cmocka_unit_test(an_empty_pipe_changes_nothing),
		cmocka_unit_test(what_is_no_text_or_too_much_is_refused),
		cmocka_unit_test(what_is_not_text_is_named_with_its_place),
		cmocka_unit_test(an_at_sign_names_a_file),
		cmocka_unit_test(blocks_of_code_are_counted),
	};
	int failed;

	if (!mkdtemp(directory))
		return 2;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
