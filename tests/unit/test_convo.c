/* tests/unit/test_convo.c - conversations, their commands, and what was typed before. */
#include "tui/convo.h"
#include "tui/history.h"
#include "tui/slash.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/model/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void expect_body(const struct convo *c, const struct convo_request *r, const char *want)
{
	struct buf body;

	buf_init(&body, MIB);
	assert_int_equal(convo_body(c, r, &body), 0);
	assert_string_equal(buf_str(&body), want);
	buf_free(&body);
}

static void a_request_has_the_messages_in_order(void **state)
{
	struct convo *c = convo_new();
	const struct convo_request stream = { .model = "m", .stream = true };
	const struct convo_request whole = { .model = "m", .max_tokens = 5 };

	(void)state;
	convo_add(c, "user", SPAN_LIT("a\"b\n"));
	expect_body(c, &whole,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\\"b\\n\"}],"
		    "\"max_tokens\":5}");
	convo_system(c, "be kind");
	convo_add(c, "assistant", SPAN_LIT("x"));
	expect_body(c, &stream,
		    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},"
		    "{\"role\":\"user\",\"content\":\"a\\\"b\\n\"},{\"role\":\"assistant\",\"content\":"
		    "\"x\"}],\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	convo_free(c);
}

static void a_turn_has_the_last_message_alone(void **state)
{
	const struct convo_request r = { .model = "m" };
	struct convo *c = convo_new();
	struct buf body;

	(void)state;
	buf_init(&body, MIB);
	convo_add(c, "user", SPAN_LIT("one"));
	assert_int_equal(convo_turn_body(c, &r, NULL, &body), 0);
	assert_string_equal(buf_str(&body), "{\"model\":\"m\",\"message\":\"one\"}");
	convo_add(c, "assistant", SPAN_LIT("two"));
	assert_true(convo_last_is(c, "assistant"));
	assert_int_equal(convo_turns(c), 1);
	convo_add(c, "user", SPAN_LIT("three"));
	convo_system(c, "be brief");
	buf_clear(&body);
	assert_int_equal(convo_turn_body(c, &r, "conv_1", &body), 0);
	assert_string_equal(buf_str(&body), "{\"model\":\"m\",\"conversation_id\":\"conv_1\","
					    "\"system\":\"be brief\",\"message\":\"three\"}");
	convo_clear(c);
	assert_false(convo_last_is(c, "user"));
	buf_free(&body);
	convo_free(c);
}

static void material_is_read_once_behind_the_system_message(void **state)
{
	struct convo *c = convo_new();
	struct convo_request r = { .material = SPAN_INIT("facts") };
	struct buf body;

	(void)state;
	buf_init(&body, MIB);
	convo_add(c, "user", SPAN_LIT("one"));
	assert_int_equal(convo_turn_body(c, &r, NULL, &body), 0);
	assert_string_equal(buf_str(&body), "{\"system\":\"facts\",\"message\":\"one\"}");
	convo_system(c, "be brief");
	buf_clear(&body);
	assert_int_equal(convo_body(c, &r, &body), 0);
	assert_string_equal(buf_str(&body),
			    "{\"messages\":[{\"role\":\"system\",\"content\":\"be brief\\n\\nfacts\"},"
			    "{\"role\":\"user\",\"content\":\"one\"}]}");
	assert_string_equal(convo_system_text(c), "be brief");
	buf_free(&body);
	convo_free(c);
}

static void bytes_that_are_no_text_become_a_sign(void **state)
{
	struct convo *c = convo_new();

	(void)state;
	convo_add(c, "user", SPAN_LIT("a\xff" "b"));
	assert_string_equal(convo_last(c, "user"), "a\xef\xbf\xbd" "b");
	convo_free(c);
}

static void the_last_message_can_be_taken_back(void **state)
{
	struct convo *c = convo_new();

	(void)state;
	assert_false(convo_drop_last(c, "user"));
	convo_add(c, "user", SPAN_LIT("a"));
	assert_false(convo_drop_last(c, "assistant"));
	convo_add(c, "assistant", SPAN_LIT("b"));
	assert_true(convo_drop_last(c, "assistant"));
	assert_int_equal(convo_count(c), 1);
	assert_null(convo_last(c, "assistant"));
	convo_count_usage(c, 3, 4);
	convo_count_usage(c, 1, 1);
	assert_int_equal(convo_usage(c).prompt, 4);
	assert_int_equal(convo_usage(c).answers, 2);
	assert_int_equal(convo_usage(c).usd, MONEY_UNKNOWN);
	convo_count_cost(c, MONEY_UNKNOWN, 5);
	convo_count_cost(c, MONEY_UNKNOWN, MONEY_UNKNOWN);
	convo_count_cost(c, 4, 6);
	assert_int_equal(convo_usage(c).usd, 11);
	assert_int_equal(convo_usage(c).eur, 4);
	assert_int_equal(convo_usage(c).unpriced, 1);
	convo_system(c, "s");
	convo_forget(c);
	assert_int_equal(convo_count(c), 0);
	assert_int_equal(convo_usage(c).prompt, 4);
	convo_clear(c);
	assert_int_equal(convo_count(c), 0);
	assert_int_equal(convo_usage(c).prompt, 0);
	assert_int_equal(convo_usage(c).usd, MONEY_UNKNOWN);
	assert_string_equal(convo_system_text(c), "s");
	convo_system(c, "");
	assert_null(convo_system_text(c));
	convo_free(c);
}

static void a_body_has_a_limit(void **state)
{
	struct convo *c = convo_new();
	const struct convo_request r = { .model = "m" };
	struct buf body;

	(void)state;
	buf_init(&body, 40);
	convo_add(c, "user", SPAN_LIT("longer than what is left of forty bytes"));
	assert_int_equal(convo_body(c, &r, &body), -1);
	buf_free(&body);
	convo_free(c);
}

static void one_slash_begins_a_command(void **state)
{
	static const struct {
		const char *line, *name, *argument; /* name NULL: a message */
	} cases[] = {
		{ "/help", "help", "" },
		{ "  /model  llama3  ", "model", "llama3" },
		{ "/system be kind to all", "system", "be kind to all" },
		{ "/", "", "" },
		{ "//path", NULL, NULL },
		{ "say /help", NULL, NULL },
		{ "/a\nb", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span name = SPAN_NONE, argument = SPAN_NONE;
		bool is_command = slash_split(span_str(cases[i].line), &name, &argument);

		assert_int_equal(is_command, cases[i].name != NULL);
		if (is_command) {
			assert_true(span_is(name, cases[i].name));
			assert_true(span_is(argument, cases[i].argument));
		}
	}
}

static void commands_are_found_and_explained(void **state)
{
	const char *near = NULL;
	struct buf help;

	(void)state;
	buf_init(&help, MIB);
	assert_null(slash_find(slash_table, SPAN_LIT("hlep"), &near));
	assert_string_equal(near, "help");
	slash_help(slash_table, NULL, &help);
	for (const struct slash *row = slash_table; row->name; row++) {
		assert_ptr_equal(slash_find(slash_table, span_str(row->name), &near), row);
		assert_non_null(strstr(buf_str(&help), row->summary));
		assert_non_null(row->run);
	}
	/* One column: each summary begins at the same place. */
	struct span rest = buf_span(&help);

	for (const struct slash *row = slash_table; row->name; row++) {
		struct span line = span_cut(&rest, '\n');

		assert_int_equal(span_find(line, span_str(row->summary)), 23);
	}
	buf_free(&help);
}

static void add_entry(void *context, const char *text)
{
	buf_add_str(context, text);
	buf_add_char(context, '|');
}

static void entries_of_several_lines_come_back_as_one(void **state)
{
	static const char *const entries[] = { "one", "two\nlines", "back\\slash\\n", "#1 is best", "\n" };
	char directory[] = "/tmp/spass-history-XXXXXX", *path, *deep;
	struct err err = ERR_INIT;
	struct buf all;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(directory));
	deep = mem_printf("%s/deep", directory);
	path = mem_printf("%s/history", deep);
	buf_init(&all, MIB);
	assert_int_equal(history_load(path, add_entry, &all, &err), 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	assert_int_equal(symlink("history", path), 0);
	assert_int_equal(history_load(path, add_entry, &all, &err), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(deep), 0);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		assert_int_equal(history_append(path, entries[i], &err), 0);
	assert_int_equal(history_load(path, add_entry, &all, &err), 0);
	assert_string_equal(buf_str(&all), "one|two\nlines|back\\slash\\n|#1 is best|\n|");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(path);
	mem_free(path);
	rmdir(deep);
	rmdir(directory);
	mem_free(deep);
	buf_free(&all);
}

static void a_long_history_is_shortened(void **state)
{
	char path[] = "/tmp/spass-history-XXXXXX";
	int fd = mkstemp(path);
	struct err err = ERR_INIT;
	struct buf all;

	(void)state;
	close(fd);
	buf_init(&all, MIB);
	for (int i = 0; i < 3 * HISTORY_ENTRIES_MAX; i++)
		buf_printf(&all, "%d\n", i);
	assert_int_equal(file_write(path, buf_span(&all), &err), 0);
	buf_clear(&all);
	assert_int_equal(history_load(path, add_entry, &all, &err), 0);
	assert_int_equal(strncmp(buf_str(&all), "2000|2001|", 10), 0);
	buf_clear(&all);
	assert_int_equal(file_read(path, &all, &err), 0);
	assert_int_equal(strncmp(buf_str(&all), "2000\n2001\n", 10), 0);
	unlink(path);
	buf_free(&all);
}

static void a_leading_blank_keeps_an_entry_out(void **state)
{
	(void)state;
	assert_true(history_wants("x"));
	assert_false(history_wants(" x"));
	assert_false(history_wants(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_the_messages_in_order),
		cmocka_unit_test(a_turn_has_the_last_message_alone),
		cmocka_unit_test(material_is_read_once_behind_the_system_message),
		cmocka_unit_test(bytes_that_are_no_text_become_a_sign),
		cmocka_unit_test(the_last_message_can_be_taken_back),
		cmocka_unit_test(a_body_has_a_limit),
		cmocka_unit_test(one_slash_begins_a_command),
		cmocka_unit_test(commands_are_found_and_explained),
		cmocka_unit_test(entries_of_several_lines_come_back_as_one),
		cmocka_unit_test(a_long_history_is_shortened),
		cmocka_unit_test(a_leading_blank_keeps_an_entry_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
