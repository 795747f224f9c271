/* tests/unit/test_sessions.c - turns, texts, ids and times of kept conversations; their transcript. */
#include "tui/sessions.h"

#include "common/base/mem.h"
#include "tui/transcript.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static json_t *conversation(void)
{
	return json_loads("{\"messages\":["
			  "{\"id\":\"m1\",\"role\":\"user\",\"content\":\"one\\ntwo\"},"
			  "{\"id\":\"m2\",\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":"
			  "{\"name\":\"look\",\"arguments\":\"{}\"}}]},"
			  "{\"id\":\"m3\",\"role\":\"tool\",\"content\":\"seen\"},"
			  "{\"id\":\"m4\",\"role\":\"assistant\",\"content\":\"**done**\"},"
			  "{\"id\":\"m5\",\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"and\"},"
			  "{\"type\":\"image_url\",\"image_url\":{}}]},"
			  "{\"id\":\"m6\",\"role\":\"assistant\",\"content\":\"ha\\u001b[2J\",\"interrupted\":true}]}",
			  0, NULL);
}

static void a_turn_ends_before_the_next_message_of_the_user(void **state)
{
	json_t *root = conversation();

	(void)state;
	assert_int_equal(sessions_turns(root), 2);
	assert_string_equal(sessions_turn_end(root, 1), "m4");
	assert_string_equal(sessions_turn_end(root, 2), "m6");
	assert_null(sessions_turn_end(root, 3));
	assert_null(sessions_turn_end(root, 0));
	assert_null(sessions_turn_end(root, -1));
	json_decref(root);
	root = json_object();
	assert_int_equal(sessions_turns(root), 0);
	assert_null(sessions_turn_end(root, 1));
	json_decref(root);
}

static void transcripts_show_turns_and_no_controls(void **state)
{
	const struct page_setup setup = { .is_unicode = true };
	json_t *root = conversation();
	struct buf lines;
	struct page *page;

	(void)state;
	buf_init(&lines, MIB);
	page = page_new(&setup, &lines);
	transcript_show(page, root, 0, false, 0);
	assert_string_equal(buf_str(&lines), "> one\n  two\n[the model asks for the tool look {}]\n"
					     "[the tool's result: seen]\n**done**\n\n> and\n  [image]\n"
					     "ha^[[2J\n[interrupted]\n");
	buf_clear(&lines);
	transcript_show(page, root, 2, true, 0);
	assert_string_equal(buf_str(&lines), "[2, now]\n> and\n  [image]\nha^[[2J\n[interrupted]\n");
	page_free(page);
	buf_free(&lines);
	json_decref(root);
}

static void a_text_may_have_any_character(void **state)
{
	static const char *const contents[] = {
		"{\"content\":\"half\\u0000whole\"}",
		"{\"content\":[{\"type\":\"text\",\"text\":\"half\\u0000whole\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contents); i++) {
		json_t *message = json_loads(contents[i], JSON_ALLOW_NUL, NULL);
		struct buf text;

		buf_init(&text, MIB);
		sessions_message_text(message, &text);
		assert_true(span_equal(buf_span(&text), SPAN_LIT("half\0whole")));
		buf_free(&text);
		json_decref(message);
	}
}

static void ids_are_shown_as_far_as_they_differ(void **state)
{
	json_t *items = json_pack("[{s:s},{s:s},{s:s}]", "id", "conv_01aaaaaaaaaab", "id", "conv_01aaaaaaaaaac",
				  "id", "conv_02aaaaaaaaaac");
	json_t *apart = json_pack("[{s:s},{s:s}]", "id", "conv_01", "id", "conv_02");

	(void)state;
	assert_int_equal(sessions_id_width(items), strlen("01aaaaaaaaaab"));
	assert_int_equal(sessions_id_width(apart), 8);
	assert_string_equal(sessions_bare_id("conv_01"), "01");
	assert_string_equal(sessions_bare_id("01"), "01");
	json_decref(items);
	json_decref(apart);
}

static void times_are_told_in_the_largest_unit(void **state)
{
	static const struct {
		int64_t seconds;
		const char *told;
	} cases[] = {
		{ -5, "now" },         { 0, "now" },        { 59, "now" },
		{ 60, "1 min ago" },   { 3599, "59 min ago" }, { 3600, "1 h ago" },
		{ 172799, "47 h ago" }, { 172800, "2 days ago" }, { 2591999, "29 days ago" },
		{ 2592000, "1970-01-02" },
	};
	char out[SESSIONS_TIME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		sessions_ago(86400000, 86400000 + cases[i].seconds * 1000, out);
		assert_string_equal(out, cases[i].told);
	}
}

static void what_is_to_come_is_told_by_the_hour_for_two_days(void **state)
{
	static const struct {
		int64_t seconds;
		const char *told;
	} cases[] = {
		{ -7200, "2 h ago" },   { 0, "now" },	      { 1, "in 1 min" },
		{ 3599, "in 60 min" },	{ 3600, "in 1 h" },   { 172799, "in 47 h" },
		{ 172800, "1970-01-04" },
	};
	char out[SESSIONS_TIME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		sessions_until(86400000 + cases[i].seconds * 1000, 86400000, out);
		assert_string_equal(out, cases[i].told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_turn_ends_before_the_next_message_of_the_user),
		cmocka_unit_test(transcripts_show_turns_and_no_controls),
		cmocka_unit_test(a_text_may_have_any_character),
		cmocka_unit_test(ids_are_shown_as_far_as_they_differ),
		cmocka_unit_test(times_are_told_in_the_largest_unit),
		cmocka_unit_test(what_is_to_come_is_told_by_the_hour_for_two_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
