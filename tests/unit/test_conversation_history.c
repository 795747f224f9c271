/*
 * tests/unit/test_conversation_history.c - how much of a conversation a model is sent.
 */
#include "common/chat/conversation_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

static void limits_follow_the_window(void **state)
{
	static const struct {
		int64_t window, high, low;
	} cases[] = {
		{ 0, 26214, 16384 }, { 1000, 800, 500 }, { 1, 0, 0 }, { 10, 8, 5 },
		{ 1050000, 840000, 525000 },
		{ INT64_MAX, INT64_MAX / 100 * 80 + 7 * 80 / 100, INT64_MAX / 100 * 50 + 7 * 50 / 100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct history_limits l = history_limits_of(cases[i].window);

		assert_int_equal(l.tokens_high, cases[i].high);
		assert_int_equal(l.tokens_low, cases[i].low);
	}
}

/* Messages as letters: u begins a turn, anything else goes on with it; each weighs 10. */
static size_t begin_of(const char *messages, int64_t new_tokens, bool continues, int64_t high, int64_t low)
{
	struct history_weight weights[64];
	struct history_news news = { .tokens = new_tokens, .bytes = 1, .continues = continues };
	struct history_limits limits = { high, low, 1000000, 1000000 };
	size_t count = strlen(messages);

	for (size_t i = 0; i < count; i++)
		weights[i] = (struct history_weight){
			.seq = (int64_t)i + 1, .tokens = 10, .bytes = 10, .begins_turn = messages[i] == 'u',
		};
	return history_begin(weights, count, &news, &limits);
}

static void turns_are_left_out_whole_and_many_at_once(void **state)
{
	static const struct {
		const char *messages;
		int64_t news;
		bool continues;
		int64_t high, low;
		size_t begin;
	} cases[] = {
		{ "", 10, false, 100, 50, 0 },
		{ "", 1000, false, 100, 50, 0 },
		{ "uaua", 10, false, 100, 50, 0 },
		{ "uauauauaa", 10, false, 100, 50, 0 },  /* just full */
		{ "uauauauaua", 10, false, 100, 50, 6 }, /* past it: down to low */
		{ "uauauauaua", 10, false, 100, 100, 2 },
		{ "uattttttuaua", 10, false, 100, 50, 8 }, /* a tool's results go with their call */
		{ "uattattttttta", 10, false, 100, 50, 13 },
		{ "uattattttttt", 10, true, 100, 50, 0 }, /* but not those that are waited for */
		{ "uauauattttttta", 10, true, 100, 50, 4 },
		{ "uauau", 500, false, 100, 50, 5 },
		{ "uauau", 500, true, 100, 50, 4 },
		{ "aauaua", 60, false, 100, 80, 4 }, /* an import may begin with an answer */
		{ "aa", 500, true, 100, 50, 0 },
		{ "uaua", 61, false, 100, 0, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t begin = begin_of(cases[i].messages, cases[i].news, cases[i].continues, cases[i].high,
					cases[i].low);

		if (begin != cases[i].begin)
			fail_msg("case %zu: %s begins at %zu, not %zu", i, cases[i].messages, begin,
				 cases[i].begin);
	}
}

static void bytes_count_as_tokens_do(void **state)
{
	struct history_weight weights[] = {
		{ 1, 1, 900, true }, { 2, 1, 50, false }, { 3, 1, 100, true },
	};
	struct history_news news = { .tokens = 1, .bytes = 1 };
	struct history_limits limits = { 100, 50, 1000, 500 };

	(void)state;
	assert_int_equal(history_begin(weights, 3, &news, &limits), 2);
	weights[0].bytes = 849;
	assert_int_equal(history_begin(weights, 3, &news, &limits), 0);
}

/* The prompt of each turn begins as the one before, but for few turns. */
static void prefixes_stay_for_many_turns(void **state)
{
	char messages[64] = "";
	size_t from = 0, moves = 0;

	(void)state;
	for (size_t turn = 0; turn < 30; turn++) {
		size_t begin = from + begin_of(messages + from, 10, false, 200, 100);

		moves += begin != from;
		assert_true(strlen(messages) - begin <= 20);
		from = begin;
		strncat(messages, "ua", 3);
	}
	assert_in_range(moves, 3, 8);
}

static void tokens_are_guessed(void **state)
{
	static const struct {
		const char *text;
		int64_t tokens;
	} cases[] = {
		{ "", 4 }, { "four", 5 }, { "fives", 6 }, { "äöü", 6 }, { "日本語", 7 },
		{ "日本語日本語日本語 and ASCII äöü", 18 },
		{ "{\"url\":\"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", 1007 },
		{ "[\"data:1\",\"data:2", 2006 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(history_tokens(span_str(cases[i].text)), cases[i].tokens);
}

static struct message_row row(const char *role, const char *text, const char *body, bool interrupted)
{
	return (struct message_row){ .role = span_str(role), .text = span_str(text), .body = span_str(body),
				     .interrupted = interrupted };
}

static void messages_are_written_as_models_take_them(void **state)
{
	struct message_row rows[] = {
		row("user", "a \"quote\"", NULL, false),
		row("assistant", NULL, NULL, true), /* never began: both are left out */
		row("user", "b", "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}", false),
		row("assistant", "half", "{\"role\":\"assistant\",\"content\":\"half\",\"tool_calls\":[{", true),
		row("user", "c", NULL, false),
		row("assistant", NULL, "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}", false),
		row("tool", "r", "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}", false),
		row("assistant", NULL, NULL, true), /* the call and its result stay */
		row("user", "d", NULL, false),
		row("assistant", "e", NULL, false),
	};
	static const char wanted[] =
		"[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]},"
		"{\"role\":\"assistant\",\"content\":\"half\"},"
		"{\"role\":\"user\",\"content\":\"c\"},"
		"{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"},"
		"{\"role\":\"user\",\"content\":\"d\"},"
		"{\"role\":\"assistant\",\"content\":\"e\"";
	struct history_writer w;
	struct buf out;

	(void)state;
	rows[9].images = SPAN_LIT("[{\"type\":\"image_url\"}]");
	for (int images = 0; images < 2; images++) {
		buf_init(&out, 4 * KIB);
		buf_add_char(&out, '[');
		history_writer_init(&w, &out, images == 1);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			assert_int_equal(history_write(&w, &rows[i]), 0);
		assert_memory_equal(buf_str(&out), wanted, sizeof wanted - 1);
		assert_string_equal(buf_str(&out) + sizeof wanted - 1,
				    images ? ",\"images\":[{\"type\":\"image_url\"}]}" : "}");
		buf_free(&out);
	}
}

static void what_does_not_fit_is_told(void **state)
{
	struct message_row m = row("user", "a long text", NULL, false);
	struct history_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	history_writer_init(&w, &out, true);
	assert_int_equal(history_write(&w, &m), -1);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_follow_the_window),
		cmocka_unit_test(turns_are_left_out_whole_and_many_at_once),
		cmocka_unit_test(bytes_count_as_tokens_do),
		cmocka_unit_test(prefixes_stay_for_many_turns),
		cmocka_unit_test(tokens_are_guessed),
		cmocka_unit_test(messages_are_written_as_models_take_them),
		cmocka_unit_test(what_does_not_fit_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
