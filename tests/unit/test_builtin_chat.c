/* Tests of spass-extract: common/upstream/builtin_chat.c and what it is made of. */
#include "common/upstream/builtin.h"

#include "common/base/mem.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static const char lease[] =
	"Tenancy Agreement\n\n"
	"## Term\n"
	"The tenancy begins on 1 March 2024 and runs for an initial period of two years. Either party "
	"may terminate the agreement after the initial period by giving three months' written "
	"notice.\n\n"
	"## Rent\n"
	"The monthly rent is 1,250 euros and is due on the third working day of each month. If payment "
	"is late by more than ten days, the landlord may charge a fee of 25 euros.\n\n"
	"## Repairs\n"
	"The landlord keeps the heating, water pipes and roof in good repair. The tenant pays for "
	"small repairs up to 100 euros each, e.g. taps and door handles. Dr. Weber Property Services "
	"answers emergency calls at night.\n\n"
	"## Pets\n"
	"Small animals such as fish and hamsters are allowed. Dogs and cats need the written consent "
	"of the landlord, which may not be refused without good reason.\n";

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

/* Takes request. */
static char *run(json_t *request, bool stream, struct err *err)
{
	char *body = json_dumps(request, 0);
	struct buf out;
	char *text = NULL;

	err_clear(err);
	buf_init(&out, 16 * MIB);
	if (builtin_chat(span_str(body), stream, &out, err) == 0)
		text = buf_take(&out);
	buf_free(&out);
	free(body);
	json_decref(request);
	return text;
}

/* Takes request; the answer's tree. */
static json_t *ask(json_t *request)
{
	struct err err = ERR_INIT;
	char *text = run(request, false, &err);
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;

	assert_non_null(answer);
	mem_free(text);
	return answer;
}

static json_t *user(const char *text)
{
	return json_pack("{s:[{s:s,s:s}]}", "messages", "role", "user", "content", text);
}

static json_t *about(const char *text, const char *question)
{
	char *joined = mem_printf("%s\n\n%s", text, question);
	json_t *request = user(joined);

	mem_free(joined);
	return request;
}

static json_t *choice_of(json_t *answer)
{
	return json_array_get(json_object_get(answer, "choices"), 0);
}

static const char *content_of(json_t *answer)
{
	json_t *message = json_object_get(choice_of(answer), "message");

	return json_string_value(json_object_get(message, "content"));
}

static const char *finish_of(json_t *answer)
{
	return json_string_value(json_object_get(choice_of(answer), "finish_reason"));
}

/* How many quotations the content has; each is checked to stand in text as it is. */
static size_t check_quotes(const char *content, const char *text)
{
	size_t count = 0;

	for (const char *at = strstr(content, "> "); at; at = strstr(at + 2, "\n> ")) {
		const char *from = at[0] == '\n' ? at + 3 : at + 2, *to = strstr(from, "\n\xe2\x80\x94 ");

		assert_non_null(to);
		assert_true(span_find(span_str(text), span_of(from, (size_t)(to - from))) >= 0);
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
		json_t *answer = ask(i % 2 ? about(text, question) : about(question, text));
		const char *content = content_of(answer);

		assert_true(span_starts(span_str(content), "> "));
		assert_true(span_starts(span_str(content + 2), questions[i / 2].first));
		assert_in_range(check_quotes(content, text), 1, 3);
		assert_non_null(strstr(content, "spass-extract"));
		assert_string_equal(finish_of(answer), "stop");
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
		json_t *answer = ask(about(cases[i].ask, cases[i].text));
		const char *content = content_of(answer), *before = cases[i].text;

		assert_int_equal(check_quotes(content, cases[i].text), cases[i].count);
		for (const char *at = content; at && span_starts(span_str(at), "> ");) {
			const char *end = strstr(at, "\n\xe2\x80\x94 ");
			struct span quote = span_of(at + 2, (size_t)(end - at - 2));
			ptrdiff_t place = span_find(span_str(before), quote);

			assert_true(place >= 0);
			before += place;
			at = strstr(end, "\n\n");
			at = at ? at + 2 : NULL;
		}
		json_decref(answer);
	}
}

static void quotes_name_where_they_are_from(void **state)
{
	json_t *answer = ask(about(lease, "When is the rent due?"));

	(void)state;
	assert_non_null(strstr(content_of(answer), "\xe2\x80\x94 message 1, Rent\n"));
	json_decref(answer);
	answer = ask(user("Source: a.md\nThe sky is blue today.\n\nSource: b.md\nGrass is green in "
			  "spring.\n\nWhat colour has the grass?"));
	assert_non_null(strstr(content_of(answer), "> Grass is green in spring.\n\xe2\x80\x94 b.md\n"));
	json_decref(answer);
}

static void earlier_messages_are_read_and_instructions_are_not_quoted(void **state)
{
	json_t *answer = ask(json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]}", "messages",
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
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *answer = ask(user(cases[i].text));

		assert_non_null(strstr(content_of(answer), cases[i].words));
		assert_non_null(strstr(content_of(answer), "OPENAI_API_KEY"));
		assert_null(strstr(content_of(answer), "> "));
		json_decref(answer);
	}
}

static void it_says_when_nothing_fits(void **state)
{
	json_t *answer = ask(about(lease, "Which orchestra plays on Sunday?"));

	(void)state;
	assert_true(span_starts(span_str(content_of(answer)), "No sentence of the given text"));
	assert_int_equal(check_quotes(strstr(content_of(answer), "> "), lease), 2);
	json_decref(answer);
}

static void images_are_said_to_be_unread(void **state)
{
	json_t *answer = ask(json_pack("{s:[{s:s,s:[{s:s,s:s},{s:s,s:{s:s}}]}]}", "messages", "role",
				       "user", "content", "type", "text", "text", "hello", "type",
				       "image_url", "image_url", "url", "data:image/png;base64,AA=="));

	(void)state;
	assert_true(span_starts(span_str(content_of(answer)), "Parts of the message that are not text"));
	json_decref(answer);
}

/* The JSON of the next "data:" line; NULL at [DONE] and at the end. */
static json_t *next_event(const char **at)
{
	const char *line = *at, *end = line ? strstr(line, "\n\n") : NULL;

	if (!end)
		return NULL;
	assert_true(span_starts(span_str(line), "data: "));
	*at = end + 2;
	return json_loadb(line + 6, (size_t)(end - line - 6), 0, NULL);
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

		plain = ask(json_deep_copy(request));
		if (with_usage)
			json_object_set_new(request, "stream_options",
					    json_pack("{s:b}", "include_usage", 1));
		text = run(request, true, &err);
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
	json_t *full = ask(about(lease, "When is the rent due?"));
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
		answer = ask(request);
		assert_string_equal(finish_of(answer), limit < tokens ? "length" : "stop");
		assert_true(span_starts(span_str(content_of(full)), content_of(answer)));
		assert_int_equal(json_integer_value(json_object_get(json_object_get(answer, "usage"),
								    "completion_tokens")),
				 limit < tokens ? limit : tokens);
		json_decref(answer);
	}
	request = about(lease, "When is the rent due?");
	json_object_set_new(request, "stop", json_pack("[s,s]", "due on", "euros"));
	answer = ask(request);
	assert_string_equal(content_of(answer), "> The monthly rent is 1,250 ");
	assert_string_equal(finish_of(answer), "stop");
	json_decref(answer);
	json_decref(full);
}

static void several_choices_are_alike_and_all_billed(void **state)
{
	json_t *one = ask(about(lease, "When is the rent due?"));
	json_t *request = about(lease, "When is the rent due?"), *three, *usage;

	(void)state;
	json_object_set_new(request, "n", json_integer(3));
	three = ask(request);
	assert_int_equal(json_array_size(json_object_get(three, "choices")), 3);
	usage = json_object_get(json_object_get(three, "usage"), "completion_tokens");
	assert_int_equal(json_integer_value(usage),
			 3 * json_integer_value(json_object_get(json_object_get(one, "usage"),
								"completion_tokens")));
	json_decref(one);
	json_decref(three);
}

static json_t *tool(const char *name, const char *parameters)
{
	return json_pack("{s:s,s:{s:s,s:o}}", "type", "function", "function", "name", name,
			 "parameters", json_loads(parameters, 0, NULL));
}

static json_t *search_tool(void)
{
	return tool("rag_query", "{\"type\":\"object\",\"properties\":{\"top_k\":{\"type\":\"integer\"},"
				 "\"query\":{\"type\":\"string\"}},\"required\":[\"query\"]}");
}

static json_t *call_of(json_t *answer)
{
	json_t *message = json_object_get(choice_of(answer), "message");

	return json_array_get(json_object_get(message, "tool_calls"), 0);
}

static void the_search_is_called_and_its_hits_are_quoted(void **state)
{
	static const char hits[] =
		"{\"hits\":[{\"text\":\"Backups run every night at 03:00 and are kept for 30 days. "
		"Restores are tested monthly.\",\"source\":\"handbook.md\",\"score\":0.9},"
		"{\"text\":\"The cafeteria opens at eight.\",\"source\":\"food.md\"}]}";
	json_t *request = user("How long are backups kept?"), *answer, *call, *messages, *function;

	(void)state;
	json_object_set_new(request, "tools", json_pack("[o]", search_tool()));
	answer = ask(json_deep_copy(request));
	call = call_of(answer);
	function = json_object_get(call, "function");
	assert_string_equal(finish_of(answer), "tool_calls");
	assert_true(json_is_null(json_object_get(json_object_get(choice_of(answer), "message"), "content")));
	assert_string_equal(json_string_value(json_object_get(call, "type")), "function");
	assert_string_equal(json_string_value(json_object_get(function, "name")), "rag_query");
	assert_string_equal(json_string_value(json_object_get(function, "arguments")),
			    "{\"query\":\"How long are backups kept?\"}");

	messages = json_object_get(request, "messages");
	json_array_append_new(messages, json_pack("{s:s,s:n,s:[O]}", "role", "assistant", "content",
						  "tool_calls", call));
	json_array_append_new(messages, json_pack("{s:s,s:O,s:s}", "role", "tool", "tool_call_id",
						  json_object_get(call, "id"), "content", hits));
	json_decref(answer);
	answer = ask(request);
	assert_null(call_of(answer));
	assert_true(span_starts(span_str(content_of(answer)),
				"> Backups run every night at 03:00 and are kept for 30 days.\n"
				"\xe2\x80\x94 handbook.md\n"));
	json_decref(answer);
}

static void a_streamed_call_joins_to_the_same_arguments(void **state)
{
	json_t *request = user("How long are backups kept?"), *event;
	struct buf arguments;
	struct err err;
	const char *at;
	char *text;
	size_t named = 0;

	(void)state;
	json_object_set_new(request, "tools", json_pack("[o]", search_tool()));
	text = run(request, true, &err);
	buf_init(&arguments, 1000);
	for (at = text; (event = next_event(&at)); json_decref(event)) {
		json_t *delta = json_object_get(choice_of(event), "delta");
		json_t *call = json_array_get(json_object_get(delta, "tool_calls"), 0);
		json_t *function = json_object_get(call, "function");

		if (!call)
			continue;
		assert_int_equal(json_integer_value(json_object_get(call, "index")), 0);
		assert_true(json_is_integer(json_object_get(call, "index")));
		if (json_object_get(function, "name")) {
			assert_int_equal(arguments.len, 0);
			assert_non_null(json_object_get(call, "id"));
			named++;
		}
		buf_add_str(&arguments, json_string_value(json_object_get(function, "arguments")));
	}
	assert_int_equal(named, 1);
	assert_string_equal(buf_str(&arguments), "{\"query\":\"How long are backups kept?\"}");
	buf_free(&arguments);
	mem_free(text);
}

static void tool_choice_is_obeyed(void **state)
{
	static const char textual[] = "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},"
				      "\"unit\":{\"enum\":[\"c\",\"f\"]}},\"required\":[\"city\",\"unit\"]}";
	static const char numeric[] = "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
				      "\"required\":[\"n\"]}";
	static const struct {
		const char *parameters, *question, *choice, *arguments, *finish;
		bool search;
	} cases[] = {
		{ textual, "Weather in Bonn", "\"auto\"", NULL, "stop", false },
		{ textual, "Weather in Bonn", "\"required\"", "{\"city\":\"Weather in Bonn\",\"unit\":\"c\"}",
		  "tool_calls", false },
		{ textual, "Weather in Bonn", "{\"type\":\"function\",\"function\":{\"name\":\"other\"}}",
		  "{\"city\":\"Weather in Bonn\",\"unit\":\"c\"}", "stop", true },
		{ numeric, "Weather in Bonn", "\"required\"", NULL, "stop", false },
		{ numeric, "Weather in Bonn", "\"required\"", "{\"query\":\"Weather in Bonn\"}",
		  "tool_calls", true },
		{ numeric, "Weather in Bonn", "\"none\"", NULL, "stop", true },
		{ numeric, "hello", "\"auto\"", NULL, "stop", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *request = user(cases[i].question), *answer, *tools = json_array(), *call;

		json_array_append_new(tools, tool("other", cases[i].parameters));
		if (cases[i].search)
			json_array_append_new(tools, search_tool());
		json_object_set_new(request, "tools", tools);
		json_object_set_new(request, "tool_choice",
				    json_loads(cases[i].choice, JSON_DECODE_ANY, NULL));
		answer = ask(request);
		call = json_object_get(json_object_get(call_of(answer), "function"), "arguments");
		if (cases[i].arguments)
			assert_string_equal(json_string_value(call), cases[i].arguments);
		else
			assert_null(call);
		assert_string_equal(finish_of(answer), cases[i].finish);
		json_decref(answer);
	}
}

static json_t *formatted(json_t *format)
{
	json_t *request = about(lease, "When is the rent due?"), *answer, *value;

	json_object_set_new(request, "response_format", format);
	answer = ask(request);
	value = json_loads(content_of(answer), 0, NULL);
	assert_non_null(value);
	json_decref(answer);
	return value;
}

static void a_json_object_has_answer_quotes_and_note(void **state)
{
	json_t *value = formatted(json_pack("{s:s}", "type", "json_object"));
	json_t *quote = json_array_get(json_object_get(value, "quotes"), 0);

	(void)state;
	assert_true(span_starts(span_str(json_string_value(json_object_get(value, "answer"))),
				"The monthly rent is"));
	assert_non_null(strstr(lease, json_string_value(json_object_get(quote, "text"))));
	assert_string_equal(json_string_value(json_object_get(quote, "source")), "message 1, Rent");
	assert_string_equal(json_string_value(json_object_get(value, "model")), "spass-extract");
	assert_non_null(strstr(json_string_value(json_object_get(value, "note")), "no language model"));
	json_decref(value);
}

static void a_schema_is_filled_with_values_of_its_types(void **state)
{
	static const char schema[] =
		"{\"type\":\"object\",\"properties\":{"
		"\"n\":{\"type\":\"integer\",\"minimum\":3},\"answer\":{\"type\":\"string\"},"
		"\"short\":{\"type\":\"string\",\"maxLength\":4,\"description\":\"rent euros\"},"
		"\"pets\":{\"type\":\"string\",\"description\":\"rules about dogs and cats\"},"
		"\"kind\":{\"enum\":[\"pets\",\"rent\"]},\"ok\":{\"type\":\"boolean\"},"
		"\"maybe\":{\"type\":[\"null\",\"string\"]},\"any\":{\"anyOf\":[{\"type\":\"null\"},"
		"{\"type\":\"number\"}]},\"quotes\":{\"type\":\"array\",\"minItems\":1,"
		"\"items\":{\"$ref\":\"#/$defs/q\"}},\"self\":{\"$ref\":\"#/$defs/loop\"},"
		"\"left_out\":{\"type\":\"string\"}},"
		"\"required\":[\"n\",\"answer\",\"short\",\"pets\",\"kind\",\"ok\",\"maybe\",\"any\","
		"\"quotes\",\"self\"],"
		"\"$defs\":{\"q\":{\"type\":\"object\",\"properties\":{\"quote\":{\"type\":\"string\"},"
		"\"source\":{\"type\":\"string\"}},\"required\":[\"quote\",\"source\"]},"
		"\"loop\":{\"type\":\"object\",\"properties\":{\"self\":{\"$ref\":\"#/$defs/loop\"}},"
		"\"required\":[\"self\"]}}}";
	json_t *value = formatted(json_pack("{s:s,s:{s:s,s:o}}", "type", "json_schema", "json_schema",
					    "name", "x", "schema", json_loads(schema, 0, NULL)));
	json_t *quote = json_array_get(json_object_get(value, "quotes"), 0);
	const char *answer = json_string_value(json_object_get(value, "answer"));

	(void)state;
	assert_true(span_starts(span_str(answer), "The monthly rent is"));
	assert_non_null(strstr(answer, "no language model"));
	assert_non_null(strstr(answer, "not text"));
	assert_int_equal(json_integer_value(json_object_get(value, "n")), 3);
	assert_in_range(strlen(json_string_value(json_object_get(value, "short"))), 1, 4);
	assert_true(span_starts(span_str(json_string_value(json_object_get(value, "pets"))), "Dogs"));
	assert_string_equal(json_string_value(json_object_get(value, "kind")), "rent");
	assert_true(json_is_false(json_object_get(value, "ok")));
	assert_true(json_is_string(json_object_get(value, "maybe")));
	assert_true(json_is_number(json_object_get(value, "any")));
	assert_string_equal(json_string_value(json_object_get(quote, "source")), "message 1, Rent");
	assert_null(json_object_get(value, "left_out"));
	json_decref(value);
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

/* Of this thread, so that a busy machine does not matter. */
static int64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
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
		answer = ask(user(buf_str(&text)));
		took[i] = cpu_us() - start;
		assert_true(span_starts(span_str(content_of(answer)), "> The treasure lies"));
		json_decref(answer);
		buf_free(&text);
	}
	/* Eight times the text; a quadratic way would take sixty-four times as long. */
	assert_true(took[1] < 30 * took[0] + 20000);
}

/* A schema of count texts, all required; further names are required that it does not have. */
static json_t *wide_schema(size_t count, size_t further)
{
	json_t *properties = json_object(), *required = json_array();
	char name[32];

	for (size_t i = count + further; i > 0; i--) {
		snprintf(name, sizeof(name), "field%zu", i);
		json_array_append_new(required, json_string(name));
		if (i <= count)
			json_object_set_new(properties, name,
					    json_pack("{s:s,s:s}", "type", "string", "description",
						      "the price of a box"));
	}
	return json_pack("{s:s,s:o,s:o}", "type", "object", "properties", properties, "required",
			 required);
}

static json_t *with_schema(json_t *request, json_t *schema)
{
	json_object_set_new(request, "response_format",
			    json_pack("{s:s,s:{s:o}}", "type", "json_schema", "json_schema",
				      "schema", schema));
	return request;
}

/* Each field is a search through the text: their number times its length is bounded. */
static void a_wide_schema_does_not_search_a_long_text_for_ever(void **state)
{
	enum { FIELDS = 400 };
	size_t filled = 0;
	json_t *answer, *object, *value;
	struct buf text;
	const char *name;

	(void)state;
	buf_init(&text, 4 * MIB);
	for (size_t k = 0; k < 4000; k++)
		buf_printf(&text, "The price of box %zu is %zu euros today. ", k, 3 * k);
	buf_add_str(&text, "\n\nWhat is the price?");
	answer = ask(with_schema(user(buf_str(&text)), wide_schema(FIELDS, 0)));
	object = json_loads(content_of(answer), 0, NULL);
	/* The answer is still by the schema: every field is there. */
	assert_int_equal(json_object_size(object), FIELDS);
	json_object_foreach(object, name, value)
		filled += json_string_length(value) > 0;
	assert_in_range(filled, 10, FIELDS / 4);
	json_decref(object);
	json_decref(answer);
	buf_free(&text);
}

static void a_schema_that_requires_very_much_is_soon_given_up(void **state)
{
	int64_t took[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		int64_t start = cpu_us();
		json_t *answer = ask(with_schema(user("Hello."), wide_schema(i ? 9000 : 900, 200000)));
		json_t *object = json_loads(content_of(answer), 0, NULL);

		took[i] = cpu_us() - start;
		assert_true(json_is_object(object));
		json_decref(object);
		json_decref(answer);
	}
	/* Nearly all of both texts is the list of what is required; each with each would be tenfold. */
	assert_true(took[1] < 5 * took[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sentence_that_answers_comes_first),
		cmocka_unit_test(a_summary_is_short_ordered_and_verbatim),
		cmocka_unit_test(quotes_name_where_they_are_from),
		cmocka_unit_test(earlier_messages_are_read_and_instructions_are_not_quoted),
		cmocka_unit_test(without_text_it_says_what_it_is),
		cmocka_unit_test(it_says_when_nothing_fits),
		cmocka_unit_test(images_are_said_to_be_unread),
		cmocka_unit_test(streamed_deltas_join_to_the_plain_answer),
		cmocka_unit_test(limits_end_with_length_and_stops_with_stop),
		cmocka_unit_test(several_choices_are_alike_and_all_billed),
		cmocka_unit_test(the_search_is_called_and_its_hits_are_quoted),
		cmocka_unit_test(a_streamed_call_joins_to_the_same_arguments),
		cmocka_unit_test(tool_choice_is_obeyed),
		cmocka_unit_test(a_json_object_has_answer_quotes_and_note),
		cmocka_unit_test(a_schema_is_filled_with_values_of_its_types),
		cmocka_unit_test(refuses_fields_that_are_wrong),
		cmocka_unit_test(odd_messages_do_no_harm),
		cmocka_unit_test(a_long_text_takes_linear_time),
		cmocka_unit_test(a_wide_schema_does_not_search_a_long_text_for_ever),
		cmocka_unit_test(a_schema_that_requires_very_much_is_soon_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
