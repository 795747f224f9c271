/* What a client's body may be, and how each fault is named. */
#include "common/chat/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

struct fixture {
	struct config *config;
	struct routing *routing;
};

static int set_up(void **state)
{
	static const struct config_flag flags[] = { { "discover", "false" } };
	struct fixture *f = mem_new(struct fixture);
	struct err err = ERR_INIT;

	f->config = config_load("/dev/null", NULL, flags, 1, &err);
	assert_non_null(f->config);
	f->routing = routing_new(f->config, NULL, NULL, &err);
	assert_non_null(f->routing);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	routing_free(f->routing);
	config_free(f->config);
	mem_free(f);
	return 0;
}

#define M "\"model\":\"spass-extract\""
#define U "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define MSG(message) "{" M ",\"messages\":[" message "]}"
#define IMG(url) "{" M ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}," \
		 "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}]}]}"

static const struct {
	const char *body;
	enum err_code code;
	const char *param;
} chat_cases[] = {
	{ "{" M "," U "}", E_none, "" },
	{ " \n{" M "," U ",\"unknown\":{\"deep\":[1,null]}} ", E_none, "" },
	{ "{" M "," U ",\"stream\":null,\"n\":null,\"tools\":null,\"max_tokens\":null}", E_none, "" },
	{ "", E_invalid_json, "body" },
	{ "{", E_invalid_json, "body" },
	{ "[]", E_invalid_field, "body" },
	{ "\"x\"", E_invalid_field, "body" },
	{ "{" U "}", E_missing_field, "model" },
	{ "{\"model\":null," U "}", E_missing_field, "model" },
	{ "{\"model\":7," U "}", E_invalid_field, "model" },
	{ "{\"model\":\"nope\"," U "}", E_model_not_in_allowlist, "model" },
	{ "{\"model\":\"\"," U "}", E_model_not_in_allowlist, "model" },
	{ "{\"model\":\"spass-embed\"," U "}", E_model_not_in_allowlist, "model" },
	{ "{\"model\":\"spass\\u002dextract\"," U "}", E_none, "" },
	{ "{\"model\":\"spass\\/extract\"," U "}", E_model_not_in_allowlist, "model" },
	{ "{" M "}", E_missing_field, "messages" },
	{ "{" M ",\"messages\":null}", E_missing_field, "messages" },
	{ "{" M ",\"messages\":{}}", E_invalid_field, "messages" },
	{ "{" M ",\"messages\":[]}", E_invalid_field, "messages" },
	{ MSG("7"), E_invalid_field, "messages[0]" },
	{ MSG("{\"content\":\"x\"}"), E_missing_field, "messages[0].role" },
	{ MSG("{\"role\":\"king\",\"content\":\"x\"}"), E_invalid_field, "messages[0].role" },
	{ MSG("{\"role\":7,\"content\":\"x\"}"), E_invalid_field, "messages[0].role" },
	{ MSG("{\"role\":\"user\"}"), E_missing_field, "messages[0].content" },
	{ MSG("{\"role\":\"user\",\"content\":null}"), E_invalid_field, "messages[0].content" },
	{ MSG("{\"role\":\"user\",\"content\":7}"), E_invalid_field, "messages[0].content" },
	{ MSG("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]}"), E_none, "" },
	{ MSG("{\"role\":\"assistant\",\"tool_calls\":7}"), E_invalid_field, "messages[0].tool_calls" },
	{ MSG("{\"role\":\"tool\",\"content\":\"x\"}"), E_missing_field, "messages[0].tool_call_id" },
	{ MSG("{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c\"}"), E_none, "" },
	{ MSG("{\"role\":\"developer\",\"content\":\"x\"}"), E_none, "" },
	{ MSG("{\"role\":\"user\",\"content\":[]}"), E_none, "" },
	{ MSG("{\"role\":\"user\",\"content\":[7]}"), E_invalid_field, "messages[0].content[0]" },
	{ MSG("{\"role\":\"user\",\"content\":[{}]}"), E_missing_field, "messages[0].content[0].type" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), E_missing_field,
	  "messages[0].content[0].text" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}"), E_missing_field,
	  "messages[0].content[0].image_url" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"new_kind\"}]}"), E_none, "" },
	{ IMG("data:image/png;base64," PNG), E_none, "" },
	{ IMG("data:image\\/png;base64," PNG), E_none, "" },
	{ IMG("https://example.org/x.png"), E_image_url_not_supported, "messages[0].content[1].image_url.url" },
	{ IMG("data:image/png;base64,AAAA"), E_image_decode_error, "messages[0].content[1].image_url.url" },
	{ IMG("data:image/png;base64,!"), E_image_base64_invalid, "messages[0].content[1].image_url.url" },
	{ IMG(PNG), E_image_decode_error, "messages[0].content[1].image_url.url" },
	{ "{" M "," U ",\"stream\":1}", E_invalid_field, "stream" },
	{ "{" M "," U ",\"stream_options\":[]}", E_invalid_field, "stream_options" },
	{ "{" M "," U ",\"stream_options\":{\"include_usage\":1}}", E_invalid_field,
	  "stream_options.include_usage" },
	{ "{" M "," U ",\"max_tokens\":0}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_tokens\":-1}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_tokens\":1.5}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_tokens\":\"5\"}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_tokens\":1e2}", E_none, "" },
	{ "{" M "," U ",\"n\":0}", E_invalid_field, "n" },
	{ "{" M "," U ",\"n\":128}", E_none, "" },
	{ "{" M "," U ",\"n\":129}", E_invalid_field, "n" },
	{ "{" M "," U ",\"temperature\":2}", E_none, "" },
	{ "{" M "," U ",\"temperature\":2.01}", E_invalid_field, "temperature" },
	{ "{" M "," U ",\"temperature\":\"hot\"}", E_invalid_field, "temperature" },
	{ "{" M "," U ",\"top_p\":1.1}", E_invalid_field, "top_p" },
	{ "{" M "," U ",\"seed\":1.5}", E_invalid_field, "seed" },
	{ "{" M "," U ",\"stop\":5}", E_invalid_field, "stop" },
	{ "{" M "," U ",\"stop\":[\"a\",5]}", E_invalid_field, "stop" },
	{ "{" M "," U ",\"tool_choice\":5}", E_invalid_field, "tool_choice" },
	{ "{" M "," U ",\"response_format\":\"json\"}", E_invalid_field, "response_format" },
	{ "{" M "," U ",\"tools\":{}}", E_invalid_field, "tools" },
	{ "{" M "," U ",\"tools\":[7]}", E_invalid_field, "tools[0]" },
	{ "{" M "," U ",\"tools\":[{}]}", E_missing_field, "tools[0].type" },
	{ "{" M "," U ",\"tools\":[{\"type\":\"function\"}]}", E_missing_field, "tools[0].function.name" },
	{ "{" M "," U ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}", E_none, "" },
	{ "{" M "," U ",\"user\":\"me\"}", E_none, "" },
	{ "{" M "," U ",\"user_id\":\"me\"}", E_invalid_field, "body.user_id" },
	/* A backend may heed the first of two. */
	{ "{\"model\":\"secret\"," M "," U "}", E_invalid_field, "model" },
	{ "{" M "," M "," U "}", E_invalid_field, "model" },
	{ "{\"mod\\u0065l\":\"secret\"," M "," U "}", E_invalid_field, "model" },
	{ "{" M ",\"mod\\u0065l\":\"secret\"," U "}", E_invalid_field, "model" },
	{ "{\"mod\\u0065l\":\"secret\"," U "}", E_model_not_in_allowlist, "model" },
	{ "{" M "," U "," U "}", E_invalid_field, "messages" },
	{ "{" M "," U ",\"max_tokens\":9,\"max_tokens\":1}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_tokens\":null,\"max_tokens\":null,\"max_tokens\":1}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"stream_options\":{},\"stream_options\":{}}", E_invalid_field, "stream_options" },
	{ "{" M "," U ",\"stream_options\":{\"include_usage\":false,\"include_usage\":true}}", E_invalid_field,
	  "stream_options.include_usage" },
	{ "{" M "," U ",\"unknown\":1,\"unknown\":2}", E_none, "" },
	{ "{" M "," U ",\"metadata\":{\"model\":1,\"model\":2}}", E_none, "" },
	{ MSG("{\"role\":\"user\",\"content\":\"x\",\"name\":\"a\",\"name\":\"b\"}"), E_none, "" },
	{ MSG("{\"role\":\"system\",\"role\":\"user\",\"content\":\"x\"}"), E_invalid_field, "messages[0].role" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"new\"}],\"c\\u006fntent\":\"x\"}"), E_invalid_field,
	  "messages[0].content" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"type\":\"new\"}]}"), E_invalid_field,
	  "messages[0].content[0].type" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"text\":\"b\"}]}"), E_invalid_field,
	  "messages[0].content[0].text" },
	{ IMG("https://example.org/x.png\",\"url\":\"data:image/png;base64," PNG), E_invalid_field,
	  "messages[0].content[1].image_url.url" },
	/* Or take capitals for small letters. */
	{ "{\"Model\":\"secret\"," M "," U "}", E_invalid_field, "model" },
	{ "{" M "," U ",\"MODEL\":\"secret\"}", E_invalid_field, "model" },
	{ "{" M "," U ",\"\\u004dodel\":\"secret\"}", E_invalid_field, "model" },
	{ "{\"Model\":\"secret\"," U "}", E_invalid_field, "model" },
	{ "{" M "," U ",\"Max_Tokens\":9}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_to\xe2\x84\xaa\x65ns\":9}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"max_token\\u017f\":9}", E_invalid_field, "max_tokens" },
	{ "{" M "," U ",\"N\":9}", E_invalid_field, "n" },
	{ "{" M "," U ",\"\xc5\xbftream\":true}", E_invalid_field, "stream" },
	{ "{" M "," U ",\"User_Id\":\"me\"}", E_invalid_field, "body.user_id" },
	{ "{" M "," U ",\"stream_options\":{\"Include_Usage\":false}}", E_invalid_field, "stream_options.include_usage" },
	{ "{" M "," U ",\"X-Model\":1,\"Models\":2,\"maxTokens\":3,\"\xc3\x84\":{\"Model\":1}}", E_none, "" },
	{ MSG("{\"role\":\"user\",\"content\":\"x\",\"Name\":\"a\"}"), E_none, "" },
	{ MSG("{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"Content\":\"x\"}"), E_invalid_field,
	  "messages[1].content" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"Text\":\"b\"}]}"), E_invalid_field,
	  "messages[0].content[0].text" },
	{ MSG("{\"role\":\"user\",\"content\":[{\"type\":\"new\",\"Image_URL\":{}}]}"), E_invalid_field,
	  "messages[0].content[0].image_url" },
	{ IMG("data:image/png;base64," PNG "\",\"URL\":\"https://example.org/x.png"), E_invalid_field,
	  "messages[0].content[1].image_url.url" },
};

static void each_fault_of_a_chat_body_is_named(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(chat_cases); i++) {
		struct chat_request r;
		struct err err = ERR_INIT;
		int result = chat_request_check(&r, span_str(chat_cases[i].body), &(struct offer){ .routing = f->routing }, &err);

		if (err.code != chat_cases[i].code)
			print_message("case %zu: %s -> %s\n", i, chat_cases[i].body, err.message);
		assert_int_equal(err.code, chat_cases[i].code);
		assert_string_equal(err.param, chat_cases[i].param);
		assert_int_equal(result, chat_cases[i].code == E_none ? 0 : -1);
	}
}

/* prefix, `count` times item with commas between, suffix. */
static char *repeat(const char *prefix, const char *item, size_t count, const char *suffix)
{
	struct buf b;

	buf_init(&b, 16 * MIB);
	buf_add_str(&b, prefix);
	for (size_t i = 0; i < count; i++) {
		if (i && (item[0] == '{' || item[0] == '"'))
			buf_add_char(&b, ',');
		buf_add_str(&b, item);
	}
	buf_add_str(&b, suffix);
	return buf_take(&b);
}

static void limits_hold_to_the_unit(void **state)
{
	static const struct {
		const char *prefix, *item;
		size_t limit;
		const char *suffix, *param;
	} cases[] = {
		{ "{" M ",\"messages\":[", "{\"role\":\"user\",\"content\":\"x\"}", CHAT_MESSAGES_MAX, "]}",
		  "messages" },
		{ "{" M "," U ",\"tools\":[", "{\"type\":\"x\"}", CHAT_TOOLS_MAX, "]}", "tools" },
		{ "{" M ",\"messages\":[{\"role\":\"user\",\"content\":\"", "x", CHAT_TEXT_MAX, "\"}]}",
		  "messages[0].content" },
		{ "{" M ",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"", "x",
		  CHAT_TEXT_MAX, "\"}]}]}", "messages[0].content[0].text" },
		/* What an escape stands for counts, not how it is written. */
		{ "{" M ",\"messages\":[{\"role\":\"user\",\"content\":\"", "\\n", CHAT_TEXT_MAX, "\"}]}",
		  "messages[0].content" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (int over = -1; over <= 1; over++) {
			char *body = repeat(cases[i].prefix, cases[i].item, cases[i].limit + (size_t)over,
					    cases[i].suffix);
			struct chat_request r;
			struct err err = ERR_INIT;

			chat_request_check(&r, span_str(body), &(struct offer){ .routing = f->routing }, &err);
			assert_int_equal(err.code, over > 0 ? E_invalid_field : E_none);
			assert_string_equal(err.param, over > 0 ? cases[i].param : "");
			mem_free(body);
		}
	}
}

/* A body with so many tools, long enough for a map; the type of the one at odd is wrong. */
static char *body_with_tools(size_t count, size_t odd, const char *behind)
{
	struct buf b;

	buf_init(&b, 256 * 1024);
	buf_add_str(&b, "{" M "," U ",\"tools\":[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&b, ',');
		buf_add_str(&b, i == odd ? "{\"type\":7         ,\"function\":{\"name\":\"" :
					   "{\"type\":\"function\",\"function\":{\"name\":\"");
		buf_add_str(&b, "a_name_of_some_length_with_a_long_tail_that_makes_it_worth_a_row_in_a_map_of_the_whole"
				"_body_and_then_some_more_of_it\"}}");
	}
	buf_add_str(&b, behind);
	return buf_take(&b);
}

static void tools_sent_again_are_taken_as_they_were(void **state)
{
	static const struct {
		size_t count, odd;
		const char *behind;
		enum err_code code;
		const char *param;
	} cases[] = {
		{ 60, 99, "]}", E_none, "" },
		{ 60, 99, "]}", E_none, "" },
		{ 60, 99, "],\"stream\":true}", E_none, "" },
		{ 60, 99, "]", E_invalid_json, "body" },
		{ 60, 99, "]]", E_invalid_json, "body" },
		{ 60, 99, "]7}", E_invalid_json, "body" },
		{ 60, 99, "],\"tools\":[]}", E_invalid_field, "tools" },
		{ 60, 59, "]}", E_invalid_field, "tools[59].type" },
		{ 60, 59, "]}", E_invalid_field, "tools[59].type" }, /* what failed is not remembered */
		{ 61, 99, "]}", E_none, "" },
		{ 61, 60, "]}", E_invalid_field, "tools[60].type" },
		{ 60, 99, "]}", E_none, "" },
		{ CHAT_TOOLS_MAX, 999, "]}", E_none, "" },
		{ CHAT_TOOLS_MAX + 1, 999, "]}", E_invalid_field, "tools" },
		{ CHAT_TOOLS_MAX + 1, 999, "]}", E_invalid_field, "tools" },
	};
	struct fixture *f = *state;
	const struct tenant one = { .id = "one" };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *body = body_with_tools(cases[i].count, cases[i].odd, cases[i].behind);
		struct chat_request r;
		struct err err = ERR_INIT;

		chat_request_check(&r, span_str(body), &(struct offer){ f->routing, &one, NULL }, &err);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.param, cases[i].param);
		if (err.code == E_none) {
			assert_int_equal(r.tools.type, J_ARRAY);
			assert_int_equal(jwalk_count(r.tools), cases[i].count);
		}
		mem_free(body);
	}
}

/* What is a tool as well as a message: the one that is known does not stand for the other. */
static void tools_that_are_known_as_messages_are_not_tools(void **state)
{
	struct fixture *f = *state;
	const struct tenant one = { .id = "one" };
	const struct offer offer = { f->routing, &one, NULL };
	struct chat_request r;
	struct err err = ERR_INIT;
	char *list = repeat("[{\"type\":\"x\",\"role\":\"user\",\"content\":\"", "xy", 5000, "\"}]");
	char *first = mem_printf("{" M "," U ",\"tools\":%s}", list);
	char *second = mem_printf("{" M ",\"messages\":%s,\"tools\":[7]}", list);

	assert_int_equal(chat_request_check(&r, span_str(first), &offer, &err), 0);
	assert_int_equal(chat_request_check(&r, span_str(second), &offer, &err), -1);
	assert_string_equal(err.param, "tools[0]");
	mem_free(first);
	mem_free(second);
	mem_free(list);
}

static void what_the_turn_needs_is_read(void **state)
{
	struct fixture *f = *state;
	struct chat_request r;
	struct err err = ERR_INIT;
	const char *body = "{" M "," U ",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
			   "\"max_completion_tokens\":7}";

	assert_int_equal(chat_request_check(&r, span_str(body), &(struct offer){ .routing = f->routing }, &err), 0);
	assert_true(r.streams);
	assert_true(r.wants_usage);
	assert_int_equal(r.limit, 7);
	assert_string_equal(r.alias->alias, "spass-extract");
}

#define E "\"model\":\"spass-embed\""

static void each_fault_of_an_embeddings_body_is_named(void **state)
{
	static const struct {
		const char *body;
		enum err_code code;
		const char *param;
	} cases[] = {
		{ "{" E ",\"input\":\"x\"}", E_none, "" },
		{ "{" E ",\"input\":[\"x\",\"y\"],\"encoding_format\":\"base64\"}", E_none, "" },
		{ "{" E ",\"input\":\"x\",\"encoding_format\":null,\"dimensions\":768}", E_none, "" },
		{ "{" E "}", E_missing_field, "input" },
		{ "{" E ",\"input\":null}", E_missing_field, "input" },
		{ "{" E ",\"input\":\"\"}", E_invalid_field, "input" },
		{ "{" E ",\"input\":[]}", E_invalid_field, "input" },
		{ "{" E ",\"input\":[\"x\",\"\"]}", E_invalid_field, "input[1]" },
		{ "{" E ",\"input\":[1,2,3]}", E_invalid_field, "input[0]" },
		{ "{" E ",\"input\":[[1,2],[3]]}", E_invalid_field, "input[0]" },
		{ "{" E ",\"input\":\"x\",\"encoding_format\":\"int8\"}", E_invalid_field, "encoding_format" },
		{ "{" E ",\"input\":\"x\",\"dimensions\":256}", E_invalid_field, "dimensions" },
		{ "{" M ",\"input\":\"x\"}", E_model_not_in_allowlist, "model" },
		{ "{\"model\":\"ada\",\"input\":\"x\"}", E_model_not_in_allowlist, "model" },
		{ "{" E ",\"input\":\"x\",\"user_id\":1}", E_invalid_field, "body.user_id" },
		{ "{\"model\":\"secret\"," E ",\"input\":\"x\"}", E_invalid_field, "model" },
		{ "{" E ",\"input\":\"x\",\"inp\\u0075t\":\"y\"}", E_invalid_field, "input" },
		{ "{" E ",\"input\":\"x\",\"z\":1,\"z\":1}", E_none, "" },
		{ "{" E ",\"input\":\"x\",\"Input\":[\"y\"]}", E_invalid_field, "input" },
		{ "{" E ",\"input\":\"x\",\"Truncate\":true}", E_none, "" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct embed_request r;
		struct err err = ERR_INIT;

		embed_request_check(&r, span_str(cases[i].body), &(struct offer){ .routing = f->routing }, &err);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.param, cases[i].param);
	}
}

static void embedding_caps_count_what_escapes_stand_for(void **state)
{
	static const struct {
		const char *prefix, *item;
		size_t count;
		const char *suffix;
		enum err_code code;
	} cases[] = {
		{ "{" E ",\"input\":\"", "x", EMBED_TEXT_MAX, "\"}", E_none },
		{ "{" E ",\"input\":\"", "x", EMBED_TEXT_MAX + 1, "\"}", E_embedding_input_too_large },
		{ "{" E ",\"input\":[", "\"x\"", EMBED_INPUTS_MAX, "]}", E_none },
		{ "{" E ",\"input\":[", "\"x\"", EMBED_INPUTS_MAX + 1, "]}", E_embedding_input_too_large },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *body = repeat(cases[i].prefix, cases[i].item, cases[i].count, cases[i].suffix);
		struct embed_request r;
		struct err err = ERR_INIT;

		embed_request_check(&r, span_str(body), &(struct offer){ .routing = f->routing }, &err);
		assert_int_equal(err.code, cases[i].code);
		mem_free(body);
	}
	{
		/* 8,192 line feeds, each two bytes in JSON. */
		struct buf b;
		struct embed_request r;
		struct err err = ERR_INIT;

		buf_init(&b, MIB);
		buf_add_str(&b, "{" E ",\"input\":\"");
		for (int i = 0; i < EMBED_TEXT_MAX; i++)
			buf_add_str(&b, "\\n");
		buf_add_str(&b, "\"}");
		assert_int_equal(embed_request_check(&r, buf_span(&b), &(struct offer){ .routing = f->routing }, &err), 0);
		buf_free(&b);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_fault_of_a_chat_body_is_named),
		TEST(limits_hold_to_the_unit),
		TEST(tools_sent_again_are_taken_as_they_were),
		TEST(tools_that_are_known_as_messages_are_not_tools),
		TEST(what_the_turn_needs_is_read),
		TEST(each_fault_of_an_embeddings_body_is_named),
		TEST(embedding_caps_count_what_escapes_stand_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
