/*
 * tests/unit/test_builtin_shape.c - spass-extract calls tools, and answers in the form that is asked for.
 */
#include "common/upstream/builtin.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/builtin_stage.h"

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
	json_t *request = user_says("How long are backups kept?"), *answer, *call, *messages, *function;

	(void)state;
	json_object_set_new(request, "tools", json_pack("[o]", search_tool()));
	answer = ask_builtin(json_deep_copy(request));
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
	answer = ask_builtin(request);
	assert_null(call_of(answer));
	assert_true(span_starts(span_str(content_of(answer)),
				"> Backups run every night at 03:00 and are kept for 30 days.\n"
				"\xe2\x80\x94 handbook.md\n"));
	json_decref(answer);
}

static void a_streamed_call_joins_to_the_same_arguments(void **state)
{
	json_t *request = user_says("How long are backups kept?"), *event;
	struct buf arguments;
	struct err err;
	const char *at;
	char *text;
	size_t named = 0;

	(void)state;
	json_object_set_new(request, "tools", json_pack("[o]", search_tool()));
	text = run_builtin(request, true, &err);
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
		json_t *request = user_says(cases[i].question), *answer, *tools = json_array(), *call;

		json_array_append_new(tools, tool("other", cases[i].parameters));
		if (cases[i].search)
			json_array_append_new(tools, search_tool());
		json_object_set_new(request, "tools", tools);
		json_object_set_new(request, "tool_choice",
				    json_loads(cases[i].choice, JSON_DECODE_ANY, NULL));
		answer = ask_builtin(request);
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
	answer = ask_builtin(request);
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
	answer = ask_builtin(with_schema(user_says(buf_str(&text)), wide_schema(FIELDS, 0)));
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
		json_t *answer = ask_builtin(with_schema(user_says("Hello."), wide_schema(i ? 9000 : 900, 200000)));
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
		cmocka_unit_test(the_search_is_called_and_its_hits_are_quoted),
		cmocka_unit_test(a_streamed_call_joins_to_the_same_arguments),
		cmocka_unit_test(tool_choice_is_obeyed),
		cmocka_unit_test(a_json_object_has_answer_quotes_and_note),
		cmocka_unit_test(a_schema_is_filled_with_values_of_its_types),
		cmocka_unit_test(a_wide_schema_does_not_search_a_long_text_for_ever),
		cmocka_unit_test(a_schema_that_requires_very_much_is_soon_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
