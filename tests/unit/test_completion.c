/* tests/unit/test_completion.c - the scripts that are checked in are those the program writes. */
#include "cmd/completion.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

static const struct {
	const char *path;
	int (*write)(struct buf *out);
} scripts[] = {
	{ "completions/spass.bash", completion_bash },
	{ "completions/_spass", completion_zsh },
	{ "completions/spass.fish", completion_fish },
};

static void checked_in_scripts_are_current(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct err err = ERR_INIT;
		struct buf written, kept;

		buf_init(&written, MIB);
		buf_init(&kept, MIB);
		assert_int_equal(scripts[i].write(&written), 0);
		if (file_read(scripts[i].path, &kept, &err) < 0)
			fail_msg("%s", err.message);
		if (strcmp(buf_str(&written), buf_str(&kept)) != 0)
			fail_msg("%s is not current: make completions", scripts[i].path);
		buf_free(&written);
		buf_free(&kept);
	}
}

static void scripts_name_every_command_and_option(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		struct buf out;

		buf_init(&out, MIB);
		assert_int_equal(scripts[i].write(&out), 0);
		for (const struct cmd *const *c = cmd_table; *c; c++) {
			struct opt options[CMD_OPTIONS_MAX];

			assert_non_null(strstr(buf_str(&out), (*c)->name));
			cmd_options(*c, options);
			for (const struct opt *row = options; row->kind != OPT_END; row++)
				if (!strstr(buf_str(&out), row->name))
					fail_msg("%s: no --%s", scripts[i].path, row->name);
		}
		buf_free(&out);
	}
}

/* What bash answers when the words are typed and Tab is pressed. */
static char *bash_offers(const char *words, int current)
{
	char *script = mem_printf(
		"bash --norc -c 'source completions/spass.bash; COMP_WORDS=(%s); COMP_CWORD=%d;"
		"spass() { printf \"INDEX  DOCUMENTS\\ndocs  1\\nother  2\\n\"; };"
		"compopt() { :; }; _spass; echo \"${COMPREPLY[*]}\"'",
		words, current);
	FILE *pipe = popen(script, "r");
	char line[4096] = "";

	assert_non_null(pipe);
	if (!fgets(line, sizeof line, pipe))
		line[0] = '\0';
	assert_int_equal(pclose(pipe), 0);
	line[strcspn(line, "\n")] = '\0';
	mem_free(script);
	return mem_strdup(line);
}

static void bash_completes_commands_verbs_options_and_values(void **state)
{
	static const struct {
		const char *words;
		int current;
		const char *offers;
	} cases[] = {
		{ "spass err", 1, "errors" },
		{ "spass config sh", 2, "show" },
		{ "spass --json config sh", 3, "show" },
		{ "spass config show log_f", 3, "log_format" },
		{ "spass config show --js", 3, "--json" },
		{ "spass errors upstream_t", 2, "upstream_timeout" },
		{ "spass errors --color al", 3, "always" },
		{ "spass completion f", 2, "fish" },
		{ "spass help ver", 2, "version" },
		{ "spass nonsense x", 2, "" },
		{ "spass rag query o", 3, "other" },
		{ "spass rag query docs o", 4, "" },
		{ "spass rag query -k 3 d", 5, "docs" },
		{ "spass rag add d", 3, "docs" },
		{ "spass rag add docs Make", 4, "Makefile" },
		{ "spass rag add --type text --no-wait docs Make", 7, "Makefile" },
		{ "spass rag create d", 3, "" },
		{ "spass chat --rag d", 3, "docs" },
		{ "spass ask --rag d", 3, "docs" },
	};

	(void)state;
	if (system("bash --version >/dev/null 2>&1") != 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *offers = bash_offers(cases[i].words, cases[i].current);

		if (strcmp(offers, cases[i].offers) != 0)
			fail_msg("%s: \"%s\"", cases[i].words, offers);
		mem_free(offers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checked_in_scripts_are_current),
		cmocka_unit_test(scripts_name_every_command_and_option),
		cmocka_unit_test(bash_completes_commands_verbs_options_and_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
