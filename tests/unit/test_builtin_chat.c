/*
 * tests/unit/test_builtin_chat.c - spass-extract: common/upstream/builtin_chat.c and what it is made of.
 */
#include "common/upstream/builtin.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/builtin_stage.h"

static const char library[] =
	"Die Stadtbibliothek Musterstadt wurde 1893 gegründet, weil der Kaufmann Heinrich Vogel sein "
	"Vermögen der Stadt vermachte. Heute umfasst der Bestand rund 240.000 Medien. Die "
	"Ausleihfrist für Bücher beträgt vier Wochen und kann zweimal verlängert werden. DVDs und "
	"Spiele dürfen nur eine Woche behalten werden. Wer die Frist überschreitet, zahlt pro Tag und "
	"Medium 20 Cent Mahngebühr.\n\n"
	"Der Jahresausweis kostet für Erwachsene 18 Euro. Kinder und Jugendliche bis 18 Jahre zahlen "
	"nichts. Geöffnet ist von Dienstag bis Samstag, jeweils von 10 bis 19 Uhr. Am Montag bleibt "
	"das Haus wegen Inventur geschlossen. Im Erdgeschoss gibt es ein Café, das von der Familie "
	"Brandt betrieben wird.";

static const char river[] =
	"长江是亚洲最长的河流，全长约6300公里。它发源于青藏高原的唐古拉山脉。"
	"长江流经十一个省级行政区，最后在上海注入东海。三峡大坝建于1994年至2006年，主要用于发电和防洪。"
	"流域内居住着中国三分之一的人口。白鳍豚因为过度捕捞和航运而被认为已经功能性灭绝。"
	"长江的主要支流有汉江、嘉陵江和岷江。";

/* The quotation that begins at *at, its lines without their marks; *at goes behind it.  The caller frees. */
static char *take_quote(const char **at)
{
	struct buf quote;

	buf_init(&quote, MIB);
	while (span_starts(span_str(*at), "> ")) {
		const char *end = strchr(*at, '\n');

		assert_non_null(end);
		buf_add_span(&quote, span_of(*at + 2, (size_t)(end + 1 - *at - 2)));
		*at = end + 1;
	}
	assert_true(quote.len > 0);
	assert_true(span_starts(span_str(*at), "\xe2\x80\x94 "));
	quote.ptr[quote.len - 1] = '\0';
	return quote.ptr;
}

/* How many quotations the content has; each is checked to stand in text as it is. */
static size_t check_quotes(const char *content, const char *text)
{
	size_t count = 0;

	for (const char *at = strstr(content, "> "); at; at = strstr(at, "\n> ")) {
		char *quote;

		at += *at == '\n';
		quote = take_quote(&at);
		assert_non_null(strstr(text, quote));
		mem_free(quote);
		count++;
	}
	return count;
}

static const struct {
	const char *text, *question, *first;
} questions[] = {
	{ lease, "How much notice must be given to terminate?", "Either party may terminate" },
	{ lease, "When is the rent due?", "The monthly rent is" },
	{ lease, "What happens if I pay late?", "If payment is late" },
	{ lease, "Who answers emergency calls?", "Dr. Weber Property Services" },
	{ lease, "Who pays for a broken tap?", "The tenant pays for small repairs" },
	{ lease, "May I keep cats?", "Dogs and cats need" },
	{ lease, "May I keep a cat?", "Dogs and cats need" },
	{ library, "Wie lange darf ich Bücher behalten?", "Die Ausleihfrist für Bücher" },
	{ library, "Wann ist geöffnet?", "Geöffnet ist von Dienstag" },
	{ library, "Warum wurde die Bibliothek gegründet?", "Die Stadtbibliothek" },
	{ library, "Was kostet der Ausweis?", "Der Jahresausweis kostet" },
	{ library, "Wer betreibt das Café?", "Im Erdgeschoss" },
	{ library, "Wie hoch ist die Mahngebühr?", "Wer die Frist" },
	{ river, "长江有多长？", "长江是亚洲最长的河流" },
	{ river, "三峡大坝是什么时候建的？", "三峡大坝建于1994年" },
	{ river, "白鳍豚为什么灭绝？", "白鳍豚因为" },
	{ river, "长江发源于哪里？", "它发源于青藏高原" },
};

static void the_sentence_that_answers_comes_first(void **state)
{
	(void)state;
	/* The question behind the text and before it. */
	for (size_t i = 0; i < 2 * ARRAY_LEN(questions); i++) {
		const char *text = questions[i / 2].text, *question = questions[i / 2].question;
		json_t *answer = ask_builtin(i % 2 ? about(text, question) : about(question, text));
		const char *content = content_of(answer);

		assert_true(span_starts(span_str(content), "> "));
		assert_true(span_starts(span_str(content + 2), questions[i / 2].first));
		assert_in_range(check_quotes(content, text), 1, 3);
		assert_non_null(strstr(content, "spass-extract"));
		assert_string_equal(finish_of(answer), "stop");
		json_decref(answer);
	}
}

static void a_quote_comes_with_what_it_says_little_without(void **state)
{
	static const char signals[] =
		"# Signals\n\nSIGTERM, SIGINT\nTake no new requests, let the running ones finish, and stop. "
		"A second one stops at once.\n\nSIGHUP\nRead the configuration again. When it has a fault, it "
		"is logged and the running one stays.\n\nOptions\n\nThe address is the first operand.\n";
	static const char staff[] =
		"name: Ann Reed\nteam: sales\ncity: Bergen\n\nname: Marta Olsen\nteam: ironworks\n"
		"city: Tromso\n\nname: Joe Hill\nteam: kitchen\ncity: Oslo\n";
	static const char shopping[] = "We need for the party:\n\n- plums\n- apples and a large bag of sugar\n";
	static const struct {
		const char *text, *question, *quote;
	} cases[] = {
		{ signals, "What does SIGHUP do?", "> SIGHUP\n> Read the configuration again.\n\xe2\x80\x94 " },
		{ staff, "Who is Marta Olsen?",
		  "> name: Marta Olsen\n> team: ironworks\n> city: Tromso\n\xe2\x80\x94 " },
		{ staff, "Who works in Oslo?", "> name: Joe Hill\n> team: kitchen\n> city: Oslo\n\xe2\x80\x94 " },
		{ shopping, "Do we need plums?", "> plums\n\xe2\x80\x94 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *answer = ask_builtin(about(cases[i].text, cases[i].question));
		const char *content = content_of(answer);

		if (!strstr(content, cases[i].quote))
			fail_msg("%s: %s", cases[i].question, content);
		check_quotes(content, cases[i].text);
		json_decref(answer);
	}
}

static void a_summary_is_short_ordered_and_verbatim(void **state)
{
	static const struct {
		const char *ask, *text;
		size_t count;
	} cases[] = {
		{ "Summarise this:", lease, 3 },
		{ "Please summarize in 4 sentences.", lease, 4 },
		{ "Fasse den Text in 2 Sätzen zusammen.", library, 2 },
		{ "请总结：", river, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *answer = ask_builtin(about(cases[i].ask, cases[i].text));
		const char *content = content_of(answer), *before = cases[i].text;

		assert_int_equal(check_quotes(content, cases[i].text), cases[i].count);
		for (const char *at = content; at && span_starts(span_str(at), "> ");) {
			char *quote = take_quote(&at);

			before = strstr(before, quote);
			assert_non_null(before);
			mem_free(quote);
			at = strstr(at, "\n\n");
			at = at ? at + 2 : NULL;
		}
		json_decref(answer);
	}
}

static void quotes_name_where_they_are_from(void **state)
{
	json_t *answer = ask_builtin(about(lease, "When is the rent due?"));

	(void)state;
	assert_non_null(strstr(content_of(answer), "\xe2\x80\x94 message 1, Rent\n"));
	json_decref(answer);
	answer = ask_builtin(user_says("Source: a.md\nThe sky is blue today.\n\nSource: b.md\nGrass is green in "
			  "spring.\n\nWhat colour has the grass?"));
	assert_non_null(strstr(content_of(answer), "> Grass is green in spring.\n\xe2\x80\x94 b.md\n"));
	json_decref(answer);
}

/* What a passage is from: the line that names it tells where its text begins. */
static void each_quote_has_its_own_place(void **state)
{
	static const struct {
		const char *passage, *place;
	} cases[] = {
		{ "Source: [1] a.md, from line 7\n# House > Roof\n\nTiles.\n\nThe chimney is of brick.\n",
		  "[1] a.md, line 9, House > Roof\n" },
		{ "Source: [1] a.docx, from line 7 of its text\n\nThe chimney is of brick.\n",
		  "[1] a.docx, line 7 of its text\n" },
		{ "Source: [1] a.sh, from line 3\n\n```\nx=1\n# no heading\nThe chimney is of brick.\n```\n",
		  "[1] a.sh, line 5\n" },
		{ "Source: [1] a.csv, from row 4\n\nid: 4\npart: door\n\nid: 5\npart: chimney of brick\n",
		  "[1] a.csv, row 5\n" },
		{ "Source: [1] a.pdf, page 3\n\nTiles.\n\nThe chimney is of brick.\n", "[1] a.pdf, page 3\n" },
		{ "Source: a, from line x\n\nThe chimney is of brick.\n", "a, from line x\n" },
		{ "Source: a, from line 4.md, from line 2\n\nThe chimney is of brick.\n",
		  "a, from line 4.md, line 2\n" },
		/* longer than a terminal's line, and whole all the same */
		{ "Source: [1] a/rather/long/path/of/a/document/in/many/folders/with/a-long-name-too.txt, from line 1\n\n"
		  "The chimney is of brick.\n",
		  "[1] a/rather/long/path/of/a/document/in/many/folders/with/a-long-name-too.txt, line 1\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *answer = ask_builtin(json_pack("{s:[{s:s,s:s+},{s:s,s:s}]}", "messages", "role", "system", "content",
						       "Answer from these.\n\n", cases[i].passage, "role", "user",
						       "content", "What is the chimney of?"));

		assert_non_null(strstr(content_of(answer), "chimney"));
		assert_non_null(strstr(content_of(answer), cases[i].place));
		json_decref(answer);
	}
}

static void earlier_messages_are_read_and_instructions_are_not_quoted(void **state)
{
	json_t *answer = ask_builtin(json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]}", "messages",
				       "role", "system", "content", "You are a cat expert. Cats rule.",
				       "role", "user", "content", lease, "role", "assistant", "content",
				       "Cats are fine.", "role", "user", "content", "And cats?"));

	(void)state;
	assert_true(span_starts(span_str(content_of(answer)), "> Dogs and cats need"));
	assert_non_null(strstr(content_of(answer), "message 2, Pets"));
	assert_null(strstr(content_of(answer), "Cats rule"));
	assert_null(strstr(content_of(answer), "Cats are fine"));
	json_decref(answer);
}

static void without_text_it_says_what_it_is(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "hello", "I am no language model" },
		{ "What are you?", "I am no language model" },
		{ "What is the capital of France?", "I am no language model" },
		{ "Was bist du?", "Ich bin kein Sprachmodell" },
		{ "你好，你是谁？", "我不是语言模型" },
		{ "สวัสดี คุณคือใคร", "I am no language model" },
		{ "こんにちは、あなたは誰ですか", "I am no language model" },
		{ "안녕하세요 누구세요", "I am no language model" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *answer = ask_builtin(user_says(cases[i].text));

		assert_non_null(strstr(content_of(answer), cases[i].words));
		assert_non_null(strstr(content_of(answer), "OPENAI_API_KEY"));
		assert_null(strstr(content_of(answer), "> "));
		json_decref(answer);
	}
}

static void it_says_when_nothing_fits(void **state)
{
	json_t *answer = ask_builtin(about(lease, "Which orchestra plays on Sunday?"));

	(void)state;
	assert_true(span_starts(span_str(content_of(answer)), "No sentence of the given text"));
	assert_int_equal(check_quotes(strstr(content_of(answer), "> "), lease), 2);
	json_decref(answer);
}

static void images_are_said_to_be_unread(void **state)
{
	json_t *answer = ask_builtin(json_pack("{s:[{s:s,s:[{s:s,s:s},{s:s,s:{s:s}}]}]}", "messages", "role",
				       "user", "content", "type", "text", "text", "hello", "type",
				       "image_url", "image_url", "url", "data:image/png;base64,AA=="));

	(void)state;
	assert_true(span_starts(span_str(content_of(answer)), "Parts of the message that are not text"));
	json_decref(answer);
}

static void streamed_deltas_join_to_the_plain_answer(void **state)
{
	static const char *const asked[] = { "When is the rent due?", "Summarise.", "Rent 漢字 😀?" };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(asked); i++) {
		json_t *request = about(lease, asked[i / 2]), *event, *plain, *first_id = NULL;
		bool with_usage = i % 2;
		struct err err;
		struct buf joined;
		const char *at;
		char *text;
		size_t usages = 0, ends = 0, events = 0;

		plain = ask_builtin(json_deep_copy(request));
		if (with_usage)
			json_object_set_new(request, "stream_options",
					    json_pack("{s:b}", "include_usage", 1));
		text = run_builtin(request, true, &err);
		assert_non_null(text);
		assert_true(span_ends(span_str(text), "data: [DONE]\n\n"));
		buf_init(&joined, MIB);
		for (at = text; (event = next_event(&at)); json_decref(event)) {
			json_t *choice = choice_of(event), *delta = json_object_get(choice, "delta");
			json_t *usage = json_object_get(event, "usage");

			if (!first_id)
				first_id = json_incref(json_object_get(event, "id"));
			assert_true(json_equal(json_object_get(event, "id"), first_id));
			assert_int_equal(strlen(json_string_value(first_id)), 9 + 29);
			assert_string_equal(json_string_value(json_object_get(event, "object")),
					    "chat.completion.chunk");
			assert_true(with_usage ? usage != NULL : usage == NULL);
			if (!choice) {
				assert_true(json_equal(usage, json_object_get(plain, "usage")));
				usages++;
				continue;
			}
			assert_true(!usage || json_is_null(usage));
			if (events++ == 0)
				assert_string_equal(json_string_value(json_object_get(delta, "role")),
						    "assistant");
			if (json_object_get(delta, "content"))
				buf_add_str(&joined, json_string_value(json_object_get(delta, "content")));
			assert_non_null(json_object_get(choice, "finish_reason"));
			ends += json_is_string(json_object_get(choice, "finish_reason"));
		}
		assert_string_equal(at, "");
		assert_string_equal(buf_str(&joined), content_of(plain));
		assert_int_equal(ends, 1);
		assert_int_equal(usages, with_usage);
		assert_true(events > 8);
		buf_free(&joined);
		json_decref(first_id);
		json_decref(plain);
		mem_free(text);
	}
}

static void limits_end_with_length_and_stops_with_stop(void **state)
{
	json_t *full = ask_builtin(about(lease, "When is the rent due?"));
	json_int_t tokens = json_integer_value(
		json_object_get(json_object_get(full, "usage"), "completion_tokens"));
	const json_int_t limits[] = { 1, 5, tokens - 1, tokens, tokens + 1 };
	json_t *request, *answer;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(limits); i++) {
		json_int_t limit = limits[i / 2];

		request = about(lease, "When is the rent due?");
		json_object_set_new(request, i % 2 ? "max_tokens" : "max_completion_tokens",
				    json_integer(limit));
		answer = ask_builtin(request);
		assert_string_equal(finish_of(answer), limit < tokens ? "length" : "stop");
		assert_true(span_starts(span_str(content_of(full)), content_of(answer)));
		assert_int_equal(json_integer_value(json_object_get(json_object_get(answer, "usage"),
								    "completion_tokens")),
				 limit < tokens ? limit : tokens);
		json_decref(answer);
	}
	request = about(lease, "When is the rent due?");
	json_object_set_new(request, "stop", json_pack("[s,s]", "due on", "euros"));
	answer = ask_builtin(request);
	assert_string_equal(content_of(answer), "> The monthly rent is 1,250 ");
	assert_string_equal(finish_of(answer), "stop");
	json_decref(answer);
	json_decref(full);
}

static void several_choices_are_alike_and_all_billed(void **state)
{
	json_t *one = ask_builtin(about(lease, "When is the rent due?"));
	json_t *request = about(lease, "When is the rent due?"), *three, *usage;

	(void)state;
	json_object_set_new(request, "n", json_integer(3));
	three = ask_builtin(request);
	assert_int_equal(json_array_size(json_object_get(three, "choices")), 3);
	usage = json_object_get(json_object_get(three, "usage"), "completion_tokens");
	assert_int_equal(json_integer_value(usage),
			 3 * json_integer_value(json_object_get(json_object_get(one, "usage"),
								"completion_tokens")));
	json_decref(one);
	json_decref(three);
}

static void refuses_fields_that_are_wrong(void **state)
{
	static const struct {
		const char *body, *param;
	} cases[] = {
		{ "{}", "messages" },
		{ "{\"messages\":5}", "messages" },
		{ "{\"messages\":[],\"n\":0}", "n" },
		{ "{\"messages\":[],\"n\":17}", "n" },
		{ "{\"messages\":[],\"n\":\"1\"}", "n" },
		{ "{\"messages\":[],\"max_tokens\":0}", "max_tokens" },
		{ "{\"messages\":[],\"max_completion_tokens\":-1}", "max_completion_tokens" },
		{ "{\"messages\":[],\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", "stop" },
		{ "{\"messages\":[],\"response_format\":{\"type\":\"json_schema\"}}",
		  "response_format.json_schema.schema" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, MIB);
		assert_int_equal(builtin_chat(span_str(cases[i].body), false, &out, &err), -1);
		assert_int_equal(err.code, E_invalid_field);
		assert_string_equal(err.param, cases[i].param);
		assert_int_equal(out.len, 0);
		buf_free(&out);
	}
}

static void odd_messages_do_no_harm(void **state)
{
	static const char *const bodies[] = {
		"{\"messages\":[]}",
		"{\"messages\":[null,1,\"x\",[],{}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":null}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":[null,{},{\"text\":5}]}]}",
		"{\"messages\":[{\"role\":5,\"content\":\"\\u0000\\ud800 x\"}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"\\u0000\\ud800\\ud800 What? \"}]}",
		"{\"messages\":[{\"role\":\"tool\",\"content\":\"{\\\"hits\\\":[]}\"}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"tool\",\"content\":\"[[[[\"}]}",
		"{\"messages\":[],\"tools\":null,\"tool_choice\":null,\"stop\":null,\"n\":null}",
		"{\"messages\":[],\"tools\":[5,{}],\"tool_choice\":\"required\"}",
		"{\"messages\":[{\"role\":\"user\",\"content\":\"? ? ?\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(bodies); i++) {
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, MIB);
		assert_int_equal(builtin_chat(span_str(bodies[i / 2]), i % 2, &out, &err), 0);
		assert_true(out.len > 0);
		buf_free(&out);
	}
}

static void a_long_text_takes_linear_time(void **state)
{
	int64_t took[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		size_t sentences = i ? 16000 : 2000;
		struct buf text;
		int64_t start;
		json_t *answer;

		buf_init(&text, 4 * MIB);
		for (size_t k = 0; k < sentences; k++)
			buf_printf(&text, "Line %zu tells of subject%zu and of matter%zu. ", k, k % 977,
				   k % 31);
		buf_add_str(&text, "\n\nThe treasure lies under the old oak.\n\nWhere is the treasure?");
		start = cpu_us();
		answer = ask_builtin(user_says(buf_str(&text)));
		took[i] = cpu_us() - start;
		assert_true(span_starts(span_str(content_of(answer)), "> The treasure lies"));
		json_decref(answer);
		buf_free(&text);
	}
	/* Eight times the text; a quadratic way would take sixty-four times as long. */
	assert_true(took[1] < 30 * took[0] + 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sentence_that_answers_comes_first),
		cmocka_unit_test(a_quote_comes_with_what_it_says_little_without),
		cmocka_unit_test(a_summary_is_short_ordered_and_verbatim),
		cmocka_unit_test(quotes_name_where_they_are_from),
		cmocka_unit_test(each_quote_has_its_own_place),
		cmocka_unit_test(earlier_messages_are_read_and_instructions_are_not_quoted),
		cmocka_unit_test(without_text_it_says_what_it_is),
		cmocka_unit_test(it_says_when_nothing_fits),
		cmocka_unit_test(images_are_said_to_be_unread),
		cmocka_unit_test(streamed_deltas_join_to_the_plain_answer),
		cmocka_unit_test(limits_end_with_length_and_stops_with_stop),
		cmocka_unit_test(several_choices_are_alike_and_all_billed),
		cmocka_unit_test(refuses_fields_that_are_wrong),
		cmocka_unit_test(odd_messages_do_no_harm),
		cmocka_unit_test(a_long_text_takes_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
