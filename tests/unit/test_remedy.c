/* Tests of tui/remedy.h. */
#include "tui/remedy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

static void no_remedy_speaks_of_what_only_programs_see(void **state)
{
	static const char *const words[] = { "GET ",	"/v1",	   "/c1", "Retry-After", "header", "param",
					     "COMMAND", "SPASS-", "Bearer", "Content-",	 "HTTP" };

	(void)state;
	for (int code = E_none + 1; code < ERR_CODE_COUNT; code++)
		for (int place = REMEDY_SHELL; place <= REMEDY_CHAT; place++) {
			const struct err err = { .code = (enum err_code)code };
			const char *text = remedy_of(&err, (enum remedy_place)place);

			for (size_t i = 0; text && i < ARRAY_LEN(words); i++)
				if (strstr(text, words[i]))
					fail_msg("%s: %s", err_info(err.code)->code, text);
			if (text && *text && text[strlen(text) - 1] != '.')
				fail_msg("%s: %s", err_info(err.code)->code, text);
		}
}

static void the_field_and_the_place_choose_the_words(void **state)
{
	static const struct {
		struct err err;
		enum remedy_place place;
		const char *text;
	} cases[] = {
		{ { .code = E_conversation_not_found }, REMEDY_SHELL, "`spass session list` lists yours." },
		{ { .code = E_invalid_field, .param = "chunk_max" }, REMEDY_SHELL, "" },
		{ { .code = E_invalid_field, .param = "chunk_max" }, REMEDY_CHAT, "" },
		{ { .code = E_conversation_not_found }, REMEDY_CHAT, "/sessions lists yours." },
		{ { .code = E_usage, .param = "setting" }, REMEDY_SHELL, "`spass config show` lists them." },
		{ { .code = E_usage }, REMEDY_CHAT, "/help lists the commands." },
		{ { .code = E_usage, .param = "file" }, REMEDY_SHELL,
		  "See whether the file is there and can be read." },
		{ { .code = E_usage, .param = "text" }, REMEDY_SHELL, "" },
		{ { .code = E_too_large }, REMEDY_CHAT, "" },
		{ { .code = E_connect_failed, .param = "certificate" }, REMEDY_SHELL,
		  "If it is one of your own, name its file with --ca-file or SPASS_CA_FILE." },
		{ { .code = E_usage, .param = "id" }, REMEDY_CHAT, "/sessions lists yours." },
		{ { .code = E_invalid_config, .param = "listen.address" }, REMEDY_SHELL,
		  "`spass status` tells whether your gateway runs already; --listen takes another address." },
		{ { .code = E_invalid_config, .param = "listen" }, REMEDY_SHELL,
		  "Correct what the message names; if that is a file, `spass config check` reads it again." },
		{ { .code = E_invalid_authorization, .param = "headers.spass-tenant-id" }, REMEDY_SHELL,
		  "Check --tenant; `spass tenant list` lists the tenants for their operator." },
		{ { .code = E_missing_field, .param = "headers.spass-user-id" }, REMEDY_SHELL,
		  "Name the user with --user or SPASS_USER." },
	};
	const struct err usage = { .code = E_usage };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(remedy_of(&cases[i].err, cases[i].place), cases[i].text);
	assert_null(remedy_of(&usage, REMEDY_SHELL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_remedy_speaks_of_what_only_programs_see),
		cmocka_unit_test(the_field_and_the_place_choose_the_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
