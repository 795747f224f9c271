/* Tests of common/base/err.h and the catalogue in errors.def. */
#include "common/base/err.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void every_row_is_complete_and_found_by_its_code(void **state)
{
	(void)state;
	for (int i = E_none + 1; i < ERR_CODE_COUNT; i++) {
		const struct err_info *info = err_info((enum err_code)i);

		assert_non_null(info->param);
		assert_true(info->code[strspn(info->code, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0);
		assert_int_equal(err_find(info->code), i);
		assert_true(info->title[strlen(info->title) - 1] != '.');
		assert_true(info->description[strlen(info->description) - 1] == '.');
		assert_true(info->remedy[strlen(info->remedy) - 1] == '.');
		assert_true(strlen(info->param) < ERR_PARAM_MAX);
		assert_non_null(err_type_name(info->type));
	}
	assert_int_equal(err_find("no_such_code"), E_none);
	assert_int_equal(err_find(""), E_none);
	assert_int_equal(err_info(E_none)->status, 200);
	assert_int_equal(err_info(E_none)->exit, 0);
	assert_string_equal(err_type_name(ERR_not_found), "not_found");
}

static void setting_fills_every_field(void **state)
{
	struct err err = { .retry_after_s = 7, .no_retry = true };

	(void)state;
	assert_int_equal(err_set(&err, E_missing_field, "messages", "no %s", "messages"), -1);
	assert_int_equal(err.code, E_missing_field);
	assert_string_equal(err.param, "messages");
	assert_string_equal(err.message, "no messages");
	assert_int_equal(err.retry_after_s, 0);
	assert_false(err.no_retry);
	err_set(&err, E_internal_error, NULL, "x");
	assert_string_equal(err.param, "");
	assert_int_equal(err_set(NULL, E_internal_error, "", "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
	err_clear(&err);
	assert_int_equal(err.code, E_none);
	err_clear(NULL);
}

static void prefixes_and_own_fields_may_be_arguments(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, E_invalid_field, "a.b", "bad");
	assert_int_equal(err_prefix(&err, "agent %d", 3), -1);
	assert_string_equal(err.message, "agent 3: bad");
	err_set(&err, E_invalid_config, err.param, "in %s, %s", err.param, err.message);
	assert_string_equal(err.param, "a.b");
	assert_string_equal(err.message, "in a.b, agent 3: bad");
}

static void long_messages_are_cut_between_characters(void **state)
{
	char text[2 * ERR_MESSAGE_MAX];
	struct err err = ERR_INIT;

	(void)state;
	/* Every offset of a four-byte character against the cut. */
	for (size_t shift = 0; shift < 4; shift++) {
		memset(text, 'a', shift);
		text[shift] = '\0';
		while (strlen(text) + 5 < sizeof(text))
			strncat(text, "\xf0\x9f\x98\x80", sizeof(text) - strlen(text) - 1);
		err_set(&err, E_internal_error, text, "%s", text);
		assert_true(strlen(err.message) > ERR_MESSAGE_MAX - 5);
		assert_true(strlen(err.param) > ERR_PARAM_MAX - 5);
		assert_true(utf8_is_valid(span_str(err.message)));
		assert_true(utf8_is_valid(span_str(err.param)));
		err_prefix(&err, "%s", "where");
		assert_true(utf8_is_valid(span_str(err.message)));
		err_prefix(&err, "%s", text);
		assert_true(utf8_is_valid(span_str(err.message)));
	}
}

static void gathered_errors_are_told_a_line_each_while_there_is_room(void **state)
{
	struct err all = ERR_INIT, one = ERR_INIT, none = ERR_INIT;

	(void)state;
	err_gather(&all, &none);
	assert_int_equal(all.code, E_none);
	err_set(&one, E_invalid_config, "backends", "first");
	err_gather(&all, &one);
	err_gather(&all, &none);
	assert_int_equal(err_add(&all, E_storage_error, "prices", "%s", "second"), -1);
	assert_int_equal(all.code, E_invalid_config);
	assert_string_equal(all.param, "backends");
	assert_string_equal(all.message, "first\nsecond");
	err_set(&one, E_invalid_config, "", "%0*d", ERR_MESSAGE_MAX - 2, 0);
	err_gather(&all, &one);
	err_gather(&all, &one);
	assert_string_equal(all.message, "first\nsecond\nand more");
	err_add(&all, E_invalid_config, "", "a short one");
	assert_string_equal(all.message, "first\nsecond\nand more");
	err_clear(&all);
	err_add(&all, E_storage_error, "prices", "%s", "alone");
	assert_int_equal(all.code, E_storage_error);
	assert_string_equal(all.param, "prices");
	assert_string_equal(all.message, "alone");
}

static void errno_has_words(void **state)
{
	(void)state;
	assert_string_equal(err_errno(ENOENT), "No such file or directory");
	assert_non_null(err_errno(-1));
	assert_non_null(err_errno(99999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete_and_found_by_its_code),
		cmocka_unit_test(setting_fills_every_field),
		cmocka_unit_test(prefixes_and_own_fields_may_be_arguments),
		cmocka_unit_test(long_messages_are_cut_between_characters),
		cmocka_unit_test(gathered_errors_are_told_a_line_each_while_there_is_room),
		cmocka_unit_test(errno_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
