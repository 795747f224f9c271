/* tests/unit/test_man.c - the manual mentions every command, option, setting, status and error. */
#include "cmd/cmd.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/tenant/setting.h"
#include "tests/support/tree.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The page of a command or of its group; what has none of its own is in spass.1. */
static char *page_of(const struct cmd *c)
{
	char *path = mem_printf("man/spass-%s.1", c->group ? c->group : c->name), *text;

	text = tree_read(file_exists(path) ? path : "man/spass.1");
	mem_free(path);
	return text;
}

/* text stands in the page and is not part of a longer word. */
static bool mentions(const char *page_text, const char *text)
{
	size_t len = strlen(text);

	for (const char *at = page_text; (at = strstr(at, text)); at += len)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", at[len]) || !at[len])
			return true;
	return false;
}

static void require(const char *page_text, const char *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void require(const char *page_text, const char *where, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!mentions(page_text, text))
		fail_msg("%s: no \"%s\"", where, text);
}

static void every_command_is_in_its_page_and_in_the_first(void **state)
{
	char *first = tree_read("man/spass.1");

	(void)state;
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		char path[CMD_PATH_SIZE], *own = page_of(*c);

		cmd_path(*c, path);
		require(first, "man/spass.1", "%s", path);
		require(own, path, "Cm %s", path);
		mem_free(own);
	}
	mem_free(first);
}

/* --help, --version and --quiet are the same everywhere and stand in spass.1 alone. */
static bool is_general(const char *name)
{
	return !strcmp(name, "help") || !strcmp(name, "version") || !strcmp(name, "quiet");
}

static void every_option_is_in_the_page_of_its_command(void **state)
{
	char *first = tree_read("man/spass.1");

	(void)state;
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		struct opt options[CMD_OPTIONS_MAX];
		char path[CMD_PATH_SIZE], *own = page_of(*c);

		cmd_path(*c, path);
		cmd_options(*c, options);
		for (const struct opt *row = options; row->kind != OPT_END; row++) {
			require(is_general(row->name) ? first : own, path, "Fl -%s", row->name);
			if (row->letter && !is_general(row->name))
				require(own, path, "Fl %c", row->letter);
		}
		mem_free(own);
	}
	mem_free(first);
}

static void every_setting_is_described_with_its_default(void **state)
{
	char *text = tree_read("man/spass.yaml.5");

	(void)state;
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_info *info = &config_table[i];
		char *head = mem_printf(".It Cm %s\n", info->name), *entry = strstr(text, head),
		     *end;

		if (!entry)
			fail_msg("man/spass.yaml.5: no %s", info->name);
		end = strstr(entry + strlen(head) - 1, "\n.It ");
		entry = mem_strndup(entry, end ? (size_t)(end - entry) : strlen(entry));
		if (*info->fallback)
			require(entry, info->name, "Ql %s", info->fallback);
		else
			require(entry, info->name, "empty by default");
		require(entry, info->name, "%s",
			info->reload == CONFIG_LIVE ? "A reload applies it"
						    : "A change needs a restart");
		if (info->flag)
			require(entry, info->name, "Fl -%s", info->flag);
		struct span choices = span_str(info->choices);

		while (choices.ptr) {
			struct span choice = span_cut(&choices, '|');

			require(entry, info->name, "Ql %.*s", SPAN_ARGS(choice));
		}
		mem_free(entry);
		mem_free(head);
	}
	mem_free(text);
}

static void every_exit_status_and_error_is_listed(void **state)
{
	char *text = tree_read("man/spass-exit-codes.7");

	(void)state;
	for (const struct cmd_exit *e = cmd_exits; e->meaning; e++) {
		char *head = mem_printf("\n.It %d\n", e->status), *entry = strstr(text, head), *end;

		if (!entry)
			fail_msg("man/spass-exit-codes.7: no %d", e->status);
		end = strstr(entry + strlen(head) - 1, "\n.It ");
		entry = mem_strndup(entry, end ? (size_t)(end - entry) : strlen(entry));
		for (int code = E_none + 1; code < ERR_CODE_COUNT; code++)
			if (err_info((enum err_code)code)->exit == e->status)
				require(entry, head + 1, "Ql %s",
					err_info((enum err_code)code)->code);
		mem_free(entry);
		mem_free(head);
	}
	mem_free(text);
}

static void the_example_of_the_configuration_is_valid(void **state)
{
	static const char begin[] = ".Sh EXAMPLES\n.Bd -literal\n";
	char *text = tree_read("man/spass.yaml.5"), *example = strstr(text, begin), *end;
	struct err err = ERR_INIT;
	struct config *c;

	(void)state;
	assert_non_null(example);
	example += sizeof begin - 1;
	end = strstr(example, ".Ed\n");
	assert_non_null(end);
	struct yml *file = yml_parse(span_of(example, (size_t)(end - example)), "spass.yaml.5", &err);

	c = file ? config_new(file, NULL, NULL, 0, &err) : NULL;
	if (!c)
		fail_msg("%s", err.message);
	else
		assert_int_equal(c->backend_count, 2);
	config_free(c);
	mem_free(text);
}

static void every_setting_of_tenants_is_described(void **state)
{
	char *text = tree_read("man/spass.yaml.5");

	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting_info *s = &setting_table[i];
		const char *fallback = s->config ? s->config->fallback : s->fallback;

		if (s->group == SETTING_GROUP_A || s->type == SETTING_TOKEN)
			continue;
		require(text, "man/spass.yaml.5", ".It Cm %s\n%s", s->key, setting_help(s));
		if (s->is_reserved)
			require(text, s->key, "%s.\n", "Nothing uses it yet");
		if (strcmp(fallback, "\"\"") != 0)
			require(text, s->key, ".Ql %.*s",
				(int)strcspn(fallback + (*fallback == '"'), "\""),
				fallback + (*fallback == '"'));
	}
	mem_free(text);
}

static void require_pages(const char *where, const char *text)
{
	static const char mark[] = ".Xr spass";

	for (const char *at = text; (at = strstr(at, mark)); at += strlen(mark)) {
		struct span line = span_str(at + strlen(".Xr ")), rest, name;
		char *path;

		rest = span_cut(&line, '\n');
		name = span_cut(&rest, ' ');
		path = mem_printf("man/%.*s.%c", SPAN_ARGS(name), rest.len ? *rest.ptr : '?');
		if (!file_exists(path))
			fail_msg("%s: there is no %s", where, path);
		mem_free(path);
	}
}

static void pages_refer_to_pages_and_the_first_to_all(void **state)
{
	char *first = tree_read("man/spass.1"), *also = strstr(first, ".Sh SEE ALSO");
	glob_t found;

	(void)state;
	assert_non_null(also);
	assert_int_equal(glob("man/*.[1-8]", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		struct span name = span_from(span_str(path), strlen("man/"));
		char *text = tree_read(path);

		name.len -= 2;
		require_pages(path, text);
		if (!span_is(name, "spass"))
			require(also, "man/spass.1", ".Xr %.*s %c", SPAN_ARGS(name), path[strlen(path) - 1]);
		mem_free(text);
	}
	globfree(&found);
	mem_free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_is_in_its_page_and_in_the_first),
		cmocka_unit_test(every_option_is_in_the_page_of_its_command),
		cmocka_unit_test(every_setting_is_described_with_its_default),
		cmocka_unit_test(every_setting_of_tenants_is_described),
		cmocka_unit_test(every_exit_status_and_error_is_listed),
		cmocka_unit_test(pages_refer_to_pages_and_the_first_to_all),
		cmocka_unit_test(the_example_of_the_configuration_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
